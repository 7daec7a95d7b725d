// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/format.h"
#include "../../control/severity.h"
#include "../../rules/utf8.h"

#define BAD "\xef\xbf\xbd"

static const struct format_context context = {
	.host = "corr-1", .facility = 16, .enterprise = 32473, .pid = 812};

static json_t *read_json(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_ALLOW_NUL, &error);
	if (json == NULL)
		print_error("%s at %d\n", error.text, error.position);
	assert_non_null(json);
	return json;
}

// What a format makes of an object; to be freed.
static char *formatted(enum format_number format, enum record_kind kind, const json_t *object,
	enum format_detail detail)
{
	char *text = json_dumps(object, JSON_COMPACT);
	struct record *record = record_create(kind, 1, 1732184367440, "key", text, strlen(text));
	struct format_context with = context;
	struct buffer out = {0};
	with.detail = detail;
	json_t *copy = record_json(record), *document = ecs_document(record, copy, &with);
	assert_non_null(document);
	formats[format].write(document, &with, &out);
	assert_false(out.failed);
	char *line = strndup(out.data + out.from, out.len);
	assert_int_equal(strlen(line), out.len);
	// One line, valid UTF-8, nothing that a terminal would obey but LEEF's tabs, no blank at
	// the end.
	for (const char *at = line; *at;) {
		unsigned len = utf8_length(at, strlen(at));
		assert_true(len > 0);
		assert_true((unsigned char)*at >= ' ' || *at == '\t');
		assert_false(*at == 0x7f);
		assert_false(
			len == 2 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0);
		at += len;
	}
	assert_false(line[strlen(line) - 1] == ' ');
	assert_true(format == FORMAT_LEEF || strchr(line, '\t') == NULL);
	json_decref(document);
	json_decref(copy);
	record_release(record);
	buffer_fini(&out);
	free(text);
	return line;
}

static void becomes(
	enum format_number format, enum record_kind kind, const char *object, const char *wanted)
{
	json_t *json = read_json(object);
	char *line = formatted(format, kind, json, FORMAT_WHOLE);
	assert_string_equal(line, wanted);
	free(line);
	json_decref(json);
}

#define DIAGNOSIS(state, confidence, sequence, recovered)                                           \
	"{\"type\":\"diagnosis\",\"id\":\"01jd7zk3t9000001\",\"diagnosis\":\"cert-hash-mismatch\"," \
	"\"scope\":\"phone\",\"state\":\"" state "\",\"confidence\":\"" confidence                  \
	"\",\"is_phone\":true,\"sequence\":" sequence                                               \
	",\"client_ip\":\"203.0.113.9\",\"tunnel_ip\":null,\"device\":\"SEP8CB64F576113\","         \
	"\"model\":\"CP-7962G\",\"user\":\"CP-7962G-SEP8CB64F576113\",\"tunnel_group\":"            \
	"\"VPNPhone\",\"group_policy\":null,\"gateway\":\"asa-hq-1\",\"first_seen\":"               \
	"\"2024-11-21T10:19:27.155Z\",\"last_seen\":\"2024-11-21T10:19:27.432Z\","                  \
	"\"recovered_at\":" recovered ",\"count\":3,\"details\":{\"leaf_hash\":"                    \
	"\"1289B8A7AA9FFD84865E38939F3466A61B5608FC\",\"cause\":\"unknown\"},\"ambiguous\":false,"  \
	"\"title\":\"Certificate hash mismatch\",\"remedy\":\"Import it.\",\"reference\":"          \
	"\"Tech note 116162\",\"evidence\":[{\"time\":\"2024-11-21T10:19:27.155Z\",\"source\":"     \
	"\"asa\",\"code\":\"725006\",\"text\":\"Device failed SSL handshake with client "           \
	"outside:203.0.113.9/50091 to 198.51.100.10/443\"},{\"time\":"                              \
	"\"2024-11-21T10:19:27.432Z\",\"source\":\"phone\",\"code\":\"VPNC\",\"text\":"             \
	"\"VPNC: alert_err: SSL write alert: code 48 (a=b), unknown CA\"}]}"
#define OPEN DIAGNOSIS("open", "confirmed", "1", "null")
#define RECOVERED DIAGNOSIS("recovered", "confirmed", "2", "\"2024-11-21T10:29:27.000Z\"")
#define EXPIRED DIAGNOSIS("expired", "suspected", "3", "null")

#define ALERT(state, resolved)                                                                      \
	"{\"type\":\"alert\",\"id\":\"fleet-asa-hq-1-fleet-cert-mismatch\",\"alert\":"              \
	"\"fleet-cert-mismatch\",\"name\":\"FleetCertificateMismatch\",\"category\":"               \
	"\"certificate\",\"state\":\"" state "\",\"severity\":\"critical\",\"sequence\":4,"         \
	"\"gateway\":\"asa-hq-1\",\"site\":\"hq\",\"group\":{\"gateway\":\"asa-hq-1\"},\"since\":"  \
	"\"2024-11-21T10:15:00.000Z\",\"fired_at\":\"2024-11-21T10:17:00.000Z\",\"updated_at\":"    \
	"\"2024-11-21T10:20:00.000Z\",\"resolved_at\":" resolved ",\"phones\":{\"affected\":412,"   \
	"\"known\":498},\"window\":\"5m\",\"threshold\":{\"phones\":10,\"share\":0.2},\"details\":" \
	"{\"leaf_hash\":\"1289B8A7AA9FFD84865E38939F3466A61B5608FC\",\"expected_hash\":"            \
	"[\"E57E81EA9954C144976678D0E2418CDF79A93176\"],\"trustpoint\":null,\"days\":381},"         \
	"\"sample\":[\"SEP8CB64F576113\"],\"diagnoses\":[\"cert-hash-mismatch\"],\"absorbed_by\":"  \
	"null,\"title\":\"Fleet certificate mismatch\",\"summary\":"                                \
	"\"asa-hq-1: 412 of 498 phones reject the certificate\",\"remedy\":\"Do it.\","             \
	"\"reference\":\"https://docs.example.net/r/fleet-cert-mismatch\"}"
#define FIRING ALERT("firing", "null")
#define RESOLVED ALERT("resolved", "\"2024-11-21T10:40:00.000Z\"")

static void diagnoses_become_exactly_these_bytes(void **state)
{
	(void)state;
	becomes(FORMAT_RFC5424, RECORD_DIAGNOSIS, OPEN,
		"<131>1 2024-11-21T10:19:27.432Z corr-1 offhookd 812 cert-hash-mismatch [offh"
		"ook@32473 device=\"SEP8CB64F576113\" ip=\"203.0.113.9\" confidence=\"confirm"
		"ed\" diagnosis=\"cert-hash-mismatch\" id=\"01jd7zk3t9000001\" sequence=\"1\""
		" severity=\"high\" action=\"vpn-login-failed\" outcome=\"failure\" gateway=\""
		"asa-hq-1\" user=\"CP-7962G-SEP8CB64F576113\" model=\"CP-7962G\" port=\"50091"
		"\" tunnel_group=\"VPNPhone\" count=\"3\" start=\"2024-11-21T10:19:27.155Z\" "
		"reason=\"Certificate hash mismatch\" cause=\"unknown\" leaf_hash=\"1289B8A7A"
		"A9FFD84865E38939F3466A61B5608FC\" evidence=\"VPNC: alert_err: SSL write aler"
		"t: code 48 (a=b), unknown CA\"] Certificate hash mismatch");
	becomes(FORMAT_CEF, RECORD_DIAGNOSIS, OPEN,
		"CEF:0|offhook|offhook|" OFFHOOK_VERSION
		"|cert-hash-mismatch|Certificate hash mismatch|8|r"
		"t=1732184367432 start=1732184367155 end=1732184367432 cnt=3 externalId=01jd7"
		"zk3t9000001 cat=certificate act=vpn-login-failed outcome=failure reason=Cert"
		"ificate hash mismatch src=203.0.113.9 spt=50091 smac=8c:b6:4f:57:61:13 suser"
		"=CP-7962G-SEP8CB64F576113 dst=198.51.100.10 dpt=443 deviceExternalId=SEP8CB6"
		"4F576113 dvchost=asa-hq-1 deviceInboundInterface=outside app=TLS cs1Label=pr"
		"esentedSha1 cs1=1289B8A7AA9FFD84865E38939F3466A61B5608FC cs3Label=confidence"
		" cs3=confirmed cs4Label=tunnelGroup cs4=VPNPhone cs5Label=model cs5=CP-7962G"
		" cn1Label=sequence cn1=1 msg=VPNC: alert_err: SSL write alert: code 48 (a\\="
		"b), unknown CA");
	becomes(FORMAT_LEEF, RECORD_DIAGNOSIS, OPEN,
		"LEEF:2.0|offhook|offhook|" OFFHOOK_VERSION
		"|cert-hash-mismatch|x09|devTime=2024-11-21T10:"
		"19:27.432Z\tdevTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX\tcat=certificate\tsev=8"
		"\tsrc=203.0.113.9\tsrcPort=50091\tsrcMAC=8c:b6:4f:57:61:13\tdst=198.51.100.1"
		"0\tdstPort=443\tusrName=CP-7962G-SEP8CB64F576113\tidentHostName=SEP8CB64F576"
		"113\treason=Certificate hash mismatch\teventId=01jd7zk3t9000001\tsequence=1\t"
		"action=vpn-login-failed\toutcome=failure\tconfidence=confirmed\tstartTime=20"
		"24-11-21T10:19:27.155Z\tendTime=2024-11-21T10:19:27.432Z\tcount=3\tgateway=a"
		"sa-hq-1\tgatewayInterface=outside\ttunnelGroup=VPNPhone\tmodel=CP-7962G\tpre"
		"sentedSha1=1289B8A7AA9FFD84865E38939F3466A61B5608FC\tmessage=SEP8CB64F576113"
		": Certificate hash mismatch\tevidence=VPNC: alert_err: SSL write alert: code"
		" 48 (a=b), unknown CA");
	becomes(FORMAT_ECS, RECORD_DIAGNOSIS, OPEN,
		"{\"@timestamp\":\"2024-11-21T10:19:27.432Z\",\"ecs\":{\"version\":\"8.17.0\""
		"},\"data_stream\":{\"type\":\"logs\",\"dataset\":\"offhook.diagnosis\",\"nam"
		"espace\":\"default\"},\"message\":\"SEP8CB64F576113: Certificate hash mismat"
		"ch\",\"event\":{\"id\":\"01jd7zk3t9000001\",\"kind\":\"alert\",\"category\":"
		"[\"network\",\"authentication\"],\"type\":[\"connection\",\"info\"],\"outcom"
		"e\":\"failure\",\"action\":\"vpn-login-failed\",\"code\":\"cert-hash-mismatc"
		"h\",\"reason\":\"Certificate hash mismatch\",\"severity\":73,\"risk_score\":"
		"73,\"module\":\"offhook\",\"dataset\":\"offhook.diagnosis\",\"provider\":\"o"
		"ffhook\",\"start\":\"2024-11-21T10:19:27.155Z\",\"end\":\"2024-11-21T10:19:2"
		"7.432Z\",\"duration\":277000000,\"sequence\":1,\"created\":\"2024-11-21T10:1"
		"9:27.440Z\"},\"rule\":{\"id\":\"cert-hash-mismatch\",\"name\":\"Certificate "
		"hash mismatch\",\"category\":\"certificate\",\"ruleset\":\"builtin\"},\"obse"
		"rver\":{\"vendor\":\"Cisco\",\"product\":\"asa\",\"type\":\"firewall\",\"nam"
		"e\":\"asa-hq-1\",\"hostname\":\"asa-hq-1\",\"ingress\":{\"interface\":{\"nam"
		"e\":\"outside\"}}},\"client\":{\"address\":\"203.0.113.9\",\"ip\":\"203.0.11"
		"3.9\",\"port\":50091,\"mac\":\"8C-B6-4F-57-61-13\"},\"source\":{\"address\":"
		"\"203.0.113.9\",\"ip\":\"203.0.113.9\",\"port\":50091},\"destination\":{\"ad"
		"dress\":\"198.51.100.10\",\"ip\":\"198.51.100.10\",\"port\":443},\"user\":{\""
		"name\":\"CP-7962G-SEP8CB64F576113\"},\"device\":{\"id\":\"SEP8CB64F576113\","
		"\"manufacturer\":\"Cisco\",\"model\":{\"identifier\":\"CP-7962G\"}},\"networ"
		"k\":{\"transport\":\"tcp\",\"protocol\":\"tls\",\"application\":\"anyconnect"
		"\",\"direction\":\"inbound\"},\"tls\":{\"established\":false,\"server\":{\"h"
		"ash\":{\"sha1\":\"1289B8A7AA9FFD84865E38939F3466A61B5608FC\"}}},\"related\":"
		"{\"ip\":[\"203.0.113.9\",\"198.51.100.10\"],\"user\":[\"CP-7962G-SEP8CB64F57"
		"6113\"],\"hosts\":[\"asa-hq-1\",\"SEP8CB64F576113\"],\"hash\":[\"1289B8A7AA9"
		"FFD84865E38939F3466A61B5608FC\"]},\"agent\":{\"type\":\"offhook\",\"name\":\""
		"corr-1\",\"version\":\"" OFFHOOK_VERSION
		"\"},\"tags\":[\"vpn-phone\"],\"offhook\":{\"seve"
		"rity\":\"high\",\"confidence\":\"confirmed\",\"state\":\"open\",\"scope\":\""
		"phone\",\"ambiguous\":false,\"is_phone\":true,\"episode\":{\"attempts\":3},\""
		"tunnel_group\":\"VPNPhone\",\"cert\":{\"presented_sha1_base64\":\"Eom4p6qf/Y"
		"SGXjiTnzRmphtWCPw=\"},\"cause\":\"unknown\",\"advice\":\"Import it.\",\"refe"
		"rence\":\"Tech note 116162\",\"evidence\":[{\"origin\":\"asa\",\"code\":\"72"
		"5006\",\"at\":\"2024-11-21T10:19:27.155Z\",\"text\":\"Device failed SSL hand"
		"shake with client outside:203.0.113.9/50091 to 198.51.100.10/443\"},{\"origi"
		"n\":\"phone\",\"code\":\"VPNC\",\"at\":\"2024-11-21T10:19:27.432Z\",\"text\""
		":\"VPNC: alert_err: SSL write alert: code 48 (a=b), unknown CA\"}]}}");
	becomes(FORMAT_RFC5424, RECORD_DIAGNOSIS, RECOVERED,
		"<134>1 2024-11-21T10:29:27.000Z corr-1 offhookd 812 cert-hash-mismatch [offh"
		"ook@32473 device=\"SEP8CB64F576113\" ip=\"203.0.113.9\" confidence=\"confirm"
		"ed\" diagnosis=\"cert-hash-mismatch\" id=\"01jd7zk3t9000001\" sequence=\"2\""
		" severity=\"info\" action=\"vpn-login-recovered\" outcome=\"success\" gatewa"
		"y=\"asa-hq-1\" user=\"CP-7962G-SEP8CB64F576113\" model=\"CP-7962G\" port=\"5"
		"0091\" tunnel_group=\"VPNPhone\" count=\"3\" start=\"2024-11-21T10:19:27.155"
		"Z\" reason=\"Certificate hash mismatch\" cause=\"unknown\" leaf_hash=\"1289B"
		"8A7AA9FFD84865E38939F3466A61B5608FC\" evidence=\"VPNC: alert_err: SSL write "
		"alert: code 48 (a=b), unknown CA\"] Certificate hash mismatch");
	becomes(FORMAT_CEF, RECORD_DIAGNOSIS, RECOVERED,
		"CEF:0|offhook|offhook|" OFFHOOK_VERSION
		"|cert-hash-mismatch|Certificate hash mismatch|1|r"
		"t=1732184967000 start=1732184367155 end=1732184967000 cnt=3 externalId=01jd7"
		"zk3t9000001 cat=certificate act=vpn-login-recovered outcome=success reason=C"
		"ertificate hash mismatch src=203.0.113.9 spt=50091 smac=8c:b6:4f:57:61:13 su"
		"ser=CP-7962G-SEP8CB64F576113 dst=198.51.100.10 dpt=443 deviceExternalId=SEP8"
		"CB64F576113 dvchost=asa-hq-1 deviceInboundInterface=outside app=TLS cs1Label"
		"=presentedSha1 cs1=1289B8A7AA9FFD84865E38939F3466A61B5608FC cs3Label=confide"
		"nce cs3=confirmed cs4Label=tunnelGroup cs4=VPNPhone cs5Label=model cs5=CP-79"
		"62G cn1Label=sequence cn1=2 msg=VPNC: alert_err: SSL write alert: code 48 (a"
		"\\=b), unknown CA");
	becomes(FORMAT_LEEF, RECORD_DIAGNOSIS, RECOVERED,
		"LEEF:2.0|offhook|offhook|" OFFHOOK_VERSION
		"|cert-hash-mismatch|x09|devTime=2024-11-21T10:"
		"29:27.000Z\tdevTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX\tcat=certificate\tsev=1"
		"\tsrc=203.0.113.9\tsrcPort=50091\tsrcMAC=8c:b6:4f:57:61:13\tdst=198.51.100.1"
		"0\tdstPort=443\tusrName=CP-7962G-SEP8CB64F576113\tidentHostName=SEP8CB64F576"
		"113\treason=Certificate hash mismatch\teventId=01jd7zk3t9000001\tsequence=2\t"
		"action=vpn-login-recovered\toutcome=success\tconfidence=confirmed\tstartTime"
		"=2024-11-21T10:19:27.155Z\tendTime=2024-11-21T10:29:27.000Z\tcount=3\tgatewa"
		"y=asa-hq-1\tgatewayInterface=outside\ttunnelGroup=VPNPhone\tmodel=CP-7962G\t"
		"presentedSha1=1289B8A7AA9FFD84865E38939F3466A61B5608FC\tmessage=SEP8CB64F576"
		"113: Certificate hash mismatch\tevidence=VPNC: alert_err: SSL write alert: c"
		"ode 48 (a=b), unknown CA");
	becomes(FORMAT_ECS, RECORD_DIAGNOSIS, RECOVERED,
		"{\"@timestamp\":\"2024-11-21T10:29:27.000Z\",\"ecs\":{\"version\":\"8.17.0\""
		"},\"data_stream\":{\"type\":\"logs\",\"dataset\":\"offhook.diagnosis\",\"nam"
		"espace\":\"default\"},\"message\":\"SEP8CB64F576113: Certificate hash mismat"
		"ch\",\"event\":{\"id\":\"01jd7zk3t9000001\",\"kind\":\"event\",\"category\":"
		"[\"network\",\"authentication\"],\"type\":[\"connection\",\"info\"],\"outcom"
		"e\":\"success\",\"action\":\"vpn-login-recovered\",\"code\":\"cert-hash-mism"
		"atch\",\"reason\":\"Certificate hash mismatch\",\"severity\":0,\"risk_score\""
		":0,\"module\":\"offhook\",\"dataset\":\"offhook.diagnosis\",\"provider\":\"o"
		"ffhook\",\"start\":\"2024-11-21T10:19:27.155Z\",\"end\":\"2024-11-21T10:29:2"
		"7.000Z\",\"duration\":599845000000,\"sequence\":2,\"created\":\"2024-11-21T1"
		"0:19:27.440Z\"},\"rule\":{\"id\":\"cert-hash-mismatch\",\"name\":\"Certifica"
		"te hash mismatch\",\"category\":\"certificate\",\"ruleset\":\"builtin\"},\"o"
		"bserver\":{\"vendor\":\"Cisco\",\"product\":\"asa\",\"type\":\"firewall\",\""
		"name\":\"asa-hq-1\",\"hostname\":\"asa-hq-1\",\"ingress\":{\"interface\":{\""
		"name\":\"outside\"}}},\"client\":{\"address\":\"203.0.113.9\",\"ip\":\"203.0"
		".113.9\",\"port\":50091,\"mac\":\"8C-B6-4F-57-61-13\"},\"source\":{\"address"
		"\":\"203.0.113.9\",\"ip\":\"203.0.113.9\",\"port\":50091},\"destination\":{\""
		"address\":\"198.51.100.10\",\"ip\":\"198.51.100.10\",\"port\":443},\"user\":"
		"{\"name\":\"CP-7962G-SEP8CB64F576113\"},\"device\":{\"id\":\"SEP8CB64F576113"
		"\",\"manufacturer\":\"Cisco\",\"model\":{\"identifier\":\"CP-7962G\"}},\"net"
		"work\":{\"transport\":\"tcp\",\"protocol\":\"tls\",\"application\":\"anyconn"
		"ect\",\"direction\":\"inbound\"},\"tls\":{\"server\":{\"hash\":{\"sha1\":\"1"
		"289B8A7AA9FFD84865E38939F3466A61B5608FC\"}}},\"related\":{\"ip\":[\"203.0.11"
		"3.9\",\"198.51.100.10\"],\"user\":[\"CP-7962G-SEP8CB64F576113\"],\"hosts\":["
		"\"asa-hq-1\",\"SEP8CB64F576113\"],\"hash\":[\"1289B8A7AA9FFD84865E38939F3466"
		"A61B5608FC\"]},\"agent\":{\"type\":\"offhook\",\"name\":\"corr-1\",\"version"
		"\":\"" OFFHOOK_VERSION
		"\"},\"tags\":[\"vpn-phone\"],\"offhook\":{\"severity\":\"info\",\""
		"confidence\":\"confirmed\",\"state\":\"recovered\",\"scope\":\"phone\",\"amb"
		"iguous\":false,\"is_phone\":true,\"episode\":{\"attempts\":3},\"tunnel_group"
		"\":\"VPNPhone\",\"cert\":{\"presented_sha1_base64\":\"Eom4p6qf/YSGXjiTnzRmph"
		"tWCPw=\"},\"cause\":\"unknown\",\"advice\":\"Import it.\",\"reference\":\"Te"
		"ch note 116162\",\"evidence\":[{\"origin\":\"asa\",\"code\":\"725006\",\"at\""
		":\"2024-11-21T10:19:27.155Z\",\"text\":\"Device failed SSL handshake with cl"
		"ient outside:203.0.113.9/50091 to 198.51.100.10/443\"},{\"origin\":\"phone\""
		",\"code\":\"VPNC\",\"at\":\"2024-11-21T10:19:27.432Z\",\"text\":\"VPNC: aler"
		"t_err: SSL write alert: code 48 (a=b), unknown CA\"}]}}");
	becomes(FORMAT_RFC5424, RECORD_DIAGNOSIS, EXPIRED,
		"<134>1 2024-11-21T10:19:27.440Z corr-1 offhookd 812 cert-hash-mismatch [offh"
		"ook@32473 device=\"SEP8CB64F576113\" ip=\"203.0.113.9\" confidence=\"suspect"
		"ed\" diagnosis=\"cert-hash-mismatch\" id=\"01jd7zk3t9000001\" sequence=\"3\""
		" severity=\"info\" action=\"vpn-login-expired\" outcome=\"unknown\" gateway="
		"\"asa-hq-1\" user=\"CP-7962G-SEP8CB64F576113\" model=\"CP-7962G\" port=\"500"
		"91\" tunnel_group=\"VPNPhone\" count=\"3\" start=\"2024-11-21T10:19:27.155Z\""
		" reason=\"Certificate hash mismatch\" cause=\"unknown\" leaf_hash=\"1289B8A7"
		"AA9FFD84865E38939F3466A61B5608FC\" evidence=\"VPNC: alert_err: SSL write ale"
		"rt: code 48 (a=b), unknown CA\"] Certificate hash mismatch");
	becomes(FORMAT_CEF, RECORD_DIAGNOSIS, EXPIRED,
		"CEF:0|offhook|offhook|" OFFHOOK_VERSION
		"|cert-hash-mismatch|Certificate hash mismatch|1|r"
		"t=1732184367440 start=1732184367155 end=1732184367432 cnt=3 externalId=01jd7"
		"zk3t9000001 cat=certificate act=vpn-login-expired outcome=unknown reason=Cer"
		"tificate hash mismatch src=203.0.113.9 spt=50091 smac=8c:b6:4f:57:61:13 suse"
		"r=CP-7962G-SEP8CB64F576113 dst=198.51.100.10 dpt=443 deviceExternalId=SEP8CB"
		"64F576113 dvchost=asa-hq-1 deviceInboundInterface=outside app=TLS cs1Label=p"
		"resentedSha1 cs1=1289B8A7AA9FFD84865E38939F3466A61B5608FC cs3Label=confidenc"
		"e cs3=suspected cs4Label=tunnelGroup cs4=VPNPhone cs5Label=model cs5=CP-7962"
		"G cn1Label=sequence cn1=3 msg=VPNC: alert_err: SSL write alert: code 48 (a\\="
		"b), unknown CA");
	becomes(FORMAT_LEEF, RECORD_DIAGNOSIS, EXPIRED,
		"LEEF:2.0|offhook|offhook|" OFFHOOK_VERSION
		"|cert-hash-mismatch|x09|devTime=2024-11-21T10:"
		"19:27.440Z\tdevTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX\tcat=certificate\tsev=1"
		"\tsrc=203.0.113.9\tsrcPort=50091\tsrcMAC=8c:b6:4f:57:61:13\tdst=198.51.100.1"
		"0\tdstPort=443\tusrName=CP-7962G-SEP8CB64F576113\tidentHostName=SEP8CB64F576"
		"113\treason=Certificate hash mismatch\teventId=01jd7zk3t9000001\tsequence=3\t"
		"action=vpn-login-expired\toutcome=unknown\tconfidence=suspected\tstartTime=2"
		"024-11-21T10:19:27.155Z\tendTime=2024-11-21T10:19:27.432Z\tcount=3\tgateway="
		"asa-hq-1\tgatewayInterface=outside\ttunnelGroup=VPNPhone\tmodel=CP-7962G\tpr"
		"esentedSha1=1289B8A7AA9FFD84865E38939F3466A61B5608FC\tmessage=SEP8CB64F57611"
		"3: Certificate hash mismatch\tevidence=VPNC: alert_err: SSL write alert: cod"
		"e 48 (a=b), unknown CA");
	becomes(FORMAT_ECS, RECORD_DIAGNOSIS, EXPIRED,
		"{\"@timestamp\":\"2024-11-21T10:19:27.440Z\",\"ecs\":{\"version\":\"8.17.0\""
		"},\"data_stream\":{\"type\":\"logs\",\"dataset\":\"offhook.diagnosis\",\"nam"
		"espace\":\"default\"},\"message\":\"SEP8CB64F576113: Certificate hash mismat"
		"ch\",\"event\":{\"id\":\"01jd7zk3t9000001\",\"kind\":\"event\",\"category\":"
		"[\"network\",\"authentication\"],\"type\":[\"connection\",\"info\"],\"outcom"
		"e\":\"unknown\",\"action\":\"vpn-login-expired\",\"code\":\"cert-hash-mismat"
		"ch\",\"reason\":\"Certificate hash mismatch\",\"severity\":0,\"risk_score\":"
		"0,\"module\":\"offhook\",\"dataset\":\"offhook.diagnosis\",\"provider\":\"of"
		"fhook\",\"start\":\"2024-11-21T10:19:27.155Z\",\"end\":\"2024-11-21T10:19:27"
		".432Z\",\"duration\":277000000,\"sequence\":3,\"created\":\"2024-11-21T10:19"
		":27.440Z\"},\"rule\":{\"id\":\"cert-hash-mismatch\",\"name\":\"Certificate h"
		"ash mismatch\",\"category\":\"certificate\",\"ruleset\":\"builtin\"},\"obser"
		"ver\":{\"vendor\":\"Cisco\",\"product\":\"asa\",\"type\":\"firewall\",\"name"
		"\":\"asa-hq-1\",\"hostname\":\"asa-hq-1\",\"ingress\":{\"interface\":{\"name"
		"\":\"outside\"}}},\"client\":{\"address\":\"203.0.113.9\",\"ip\":\"203.0.113"
		".9\",\"port\":50091,\"mac\":\"8C-B6-4F-57-61-13\"},\"source\":{\"address\":\""
		"203.0.113.9\",\"ip\":\"203.0.113.9\",\"port\":50091},\"destination\":{\"addr"
		"ess\":\"198.51.100.10\",\"ip\":\"198.51.100.10\",\"port\":443},\"user\":{\"n"
		"ame\":\"CP-7962G-SEP8CB64F576113\"},\"device\":{\"id\":\"SEP8CB64F576113\",\""
		"manufacturer\":\"Cisco\",\"model\":{\"identifier\":\"CP-7962G\"}},\"network\""
		":{\"transport\":\"tcp\",\"protocol\":\"tls\",\"application\":\"anyconnect\","
		"\"direction\":\"inbound\"},\"tls\":{\"server\":{\"hash\":{\"sha1\":\"1289B8A"
		"7AA9FFD84865E38939F3466A61B5608FC\"}}},\"related\":{\"ip\":[\"203.0.113.9\","
		"\"198.51.100.10\"],\"user\":[\"CP-7962G-SEP8CB64F576113\"],\"hosts\":[\"asa-"
		"hq-1\",\"SEP8CB64F576113\"],\"hash\":[\"1289B8A7AA9FFD84865E38939F3466A61B56"
		"08FC\"]},\"agent\":{\"type\":\"offhook\",\"name\":\"corr-1\",\"version\":\"0"
		".1.0\"},\"tags\":[\"vpn-phone\"],\"offhook\":{\"severity\":\"info\",\"confid"
		"ence\":\"suspected\",\"state\":\"expired\",\"scope\":\"phone\",\"ambiguous\""
		":false,\"is_phone\":true,\"episode\":{\"attempts\":3},\"tunnel_group\":\"VPN"
		"Phone\",\"cert\":{\"presented_sha1_base64\":\"Eom4p6qf/YSGXjiTnzRmphtWCPw=\""
		"},\"cause\":\"unknown\",\"advice\":\"Import it.\",\"reference\":\"Tech note "
		"116162\",\"evidence\":[{\"origin\":\"asa\",\"code\":\"725006\",\"at\":\"2024"
		"-11-21T10:19:27.155Z\",\"text\":\"Device failed SSL handshake with client ou"
		"tside:203.0.113.9/50091 to 198.51.100.10/443\"},{\"origin\":\"phone\",\"code"
		"\":\"VPNC\",\"at\":\"2024-11-21T10:19:27.432Z\",\"text\":\"VPNC: alert_err: "
		"SSL write alert: code 48 (a=b), unknown CA\"}]}}");
}

static void alerts_become_exactly_these_bytes(void **state)
{
	(void)state;
	becomes(FORMAT_RFC5424, RECORD_ALERT, FIRING,
		"<130>1 2024-11-21T10:20:00.000Z corr-1 offhookd 812 fleet-cert-mismatch [off"
		"hook@32473 diagnosis=\"fleet-cert-mismatch\" id=\"fleet-asa-hq-1-fleet-cert-"
		"mismatch\" sequence=\"4\" severity=\"critical\" action=\"fleet-alert-firing\""
		" outcome=\"failure\" gateway=\"asa-hq-1\" site=\"hq\" start=\"2024-11-21T10:"
		"15:00.000Z\" reason=\"Fleet certificate mismatch\" leaf_hash=\"1289B8A7AA9FF"
		"D84865E38939F3466A61B5608FC\" expected_hash=\"E57E81EA9954C144976678D0E2418C"
		"DF79A93176\" days=\"381\" phones=\"412\" phones_known=\"498\"] asa-hq-1: 412"
		" of 498 phones reject the certificate");
	becomes(FORMAT_CEF, RECORD_ALERT, FIRING,
		"CEF:0|offhook|offhook|" OFFHOOK_VERSION
		"|fleet-cert-mismatch|Fleet certificate mismatch|1"
		"0|rt=1732184400000 start=1732184100000 cnt=412 externalId=fleet-asa-hq-1-fle"
		"et-cert-mismatch cat=certificate act=fleet-alert-firing outcome=failure reas"
		"on=Fleet certificate mismatch dvchost=asa-hq-1 cs1Label=presentedSha1 cs1=12"
		"89B8A7AA9FFD84865E38939F3466A61B5608FC cs2Label=expectedSha1 cs2=E57E81EA995"
		"4C144976678D0E2418CDF79A93176 cn1Label=sequence cn1=4 cn2Label=daysToExpiry "
		"cn2=381 cn3Label=phonesKnown cn3=498 msg=asa-hq-1: 412 of 498 phones reject "
		"the certificate");
	becomes(FORMAT_LEEF, RECORD_ALERT, FIRING,
		"LEEF:2.0|offhook|offhook|" OFFHOOK_VERSION
		"|fleet-cert-mismatch|x09|devTime=2024-11-21T10"
		":20:00.000Z\tdevTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX\tcat=certificate\tsev="
		"10\treason=Fleet certificate mismatch\teventId=fleet-asa-hq-1-fleet-cert-mis"
		"match\tsequence=4\taction=fleet-alert-firing\toutcome=failure\tstartTime=202"
		"4-11-21T10:15:00.000Z\tgateway=asa-hq-1\tsite=hq\tpresentedSha1=1289B8A7AA9F"
		"FD84865E38939F3466A61B5608FC\texpectedSha1=E57E81EA9954C144976678D0E2418CDF7"
		"9A93176\tdaysToExpiry=381\tphonesAffected=412\tphonesKnown=498\tmessage=asa-"
		"hq-1: 412 of 498 phones reject the certificate");
	becomes(FORMAT_ECS, RECORD_ALERT, FIRING,
		"{\"@timestamp\":\"2024-11-21T10:20:00.000Z\",\"ecs\":{\"version\":\"8.17.0\""
		"},\"data_stream\":{\"type\":\"logs\",\"dataset\":\"offhook.fleet\",\"namespa"
		"ce\":\"default\"},\"message\":\"asa-hq-1: 412 of 498 phones reject the certi"
		"ficate\",\"event\":{\"id\":\"fleet-asa-hq-1-fleet-cert-mismatch\",\"kind\":\""
		"alert\",\"category\":[\"configuration\"],\"type\":[\"info\"],\"outcome\":\"f"
		"ailure\",\"action\":\"fleet-alert-firing\",\"code\":\"fleet-cert-mismatch\","
		"\"reason\":\"Fleet certificate mismatch\",\"severity\":99,\"risk_score\":99,"
		"\"module\":\"offhook\",\"dataset\":\"offhook.fleet\",\"provider\":\"offhook\""
		",\"start\":\"2024-11-21T10:15:00.000Z\",\"sequence\":4,\"created\":\"2024-11"
		"-21T10:19:27.440Z\",\"reference\":\"https://docs.example.net/r/fleet-cert-mi"
		"smatch\"},\"rule\":{\"id\":\"fleet-cert-mismatch\",\"name\":\"Fleet certific"
		"ate mismatch\",\"category\":\"certificate\"},\"observer\":{\"vendor\":\"Cisc"
		"o\",\"product\":\"asa\",\"type\":\"firewall\",\"name\":\"asa-hq-1\",\"hostna"
		"me\":\"asa-hq-1\"},\"tls\":{\"server\":{\"hash\":{\"sha1\":\"1289B8A7AA9FFD8"
		"4865E38939F3466A61B5608FC\"}}},\"related\":{\"hosts\":[\"asa-hq-1\"],\"hash\""
		":[\"1289B8A7AA9FFD84865E38939F3466A61B5608FC\"]},\"agent\":{\"type\":\"offho"
		"ok\",\"name\":\"corr-1\",\"version\":\"" OFFHOOK_VERSION
		"\"},\"labels\":{\"site\":\"hq\"}"
		",\"offhook\":{\"severity\":\"critical\",\"fleet\":{\"state\":\"firing\",\"se"
		"verity\":\"critical\",\"phones\":{\"affected\":412,\"seen\":498},\"window\":"
		"\"5m\",\"threshold_phones\":10,\"threshold_ratio\":0.2,\"day"
		"s_to_expiry\":381,\"sample_devices\":[\"SEP8CB64F576113\"],\"group\":{\"gate"
		"way\":\"asa-hq-1\"},\"diagnoses\":[\"cert-hash-mismatch\"],\"fired_at\":\"20"
		"24-11-21T10:17:00.000Z\"},\"cert\":{\"days_to_expiry\":381,\"presented_sha1_"
		"base64\":\"Eom4p6qf/YSGXjiTnzRmphtWCPw=\",\"expected_sha1\":[\"E57E81EA9954C"
		"144976678D0E2418CDF79A93176\"],\"expected_sha1_base64\":[\"5X6B6plUwUSXZnjQ4"
		"kGM33mpMXY=\"]},\"advice\":\"Do it.\"}}");
	becomes(FORMAT_RFC5424, RECORD_ALERT, RESOLVED,
		"<134>1 2024-11-21T10:40:00.000Z corr-1 offhookd 812 fleet-cert-mismatch [off"
		"hook@32473 diagnosis=\"fleet-cert-mismatch\" id=\"fleet-asa-hq-1-fleet-cert-"
		"mismatch\" sequence=\"4\" severity=\"info\" action=\"fleet-alert-resolved\" "
		"outcome=\"success\" gateway=\"asa-hq-1\" site=\"hq\" start=\"2024-11-21T10:1"
		"5:00.000Z\" reason=\"Fleet certificate mismatch\" leaf_hash=\"1289B8A7AA9FFD"
		"84865E38939F3466A61B5608FC\" expected_hash=\"E57E81EA9954C144976678D0E2418CD"
		"F79A93176\" days=\"381\" phones=\"412\" phones_known=\"498\"] asa-hq-1: 412 "
		"of 498 phones reject the certificate");
	becomes(FORMAT_CEF, RECORD_ALERT, RESOLVED,
		"CEF:0|offhook|offhook|" OFFHOOK_VERSION
		"|fleet-cert-mismatch|Fleet certificate mismatch|1"
		"|rt=1732185600000 start=1732184100000 end=1732185600000 cnt=412 externalId=f"
		"leet-asa-hq-1-fleet-cert-mismatch cat=certificate act=fleet-alert-resolved o"
		"utcome=success reason=Fleet certificate mismatch dvchost=asa-hq-1 cs1Label=p"
		"resentedSha1 cs1=1289B8A7AA9FFD84865E38939F3466A61B5608FC cs2Label=expectedS"
		"ha1 cs2=E57E81EA9954C144976678D0E2418CDF79A93176 cn1Label=sequence cn1=4 cn2"
		"Label=daysToExpiry cn2=381 cn3Label=phonesKnown cn3=498 msg=asa-hq-1: 412 of"
		" 498 phones reject the certificate");
	becomes(FORMAT_LEEF, RECORD_ALERT, RESOLVED,
		"LEEF:2.0|offhook|offhook|" OFFHOOK_VERSION
		"|fleet-cert-mismatch|x09|devTime=2024-11-21T10"
		":40:00.000Z\tdevTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX\tcat=certificate\tsev="
		"1\treason=Fleet certificate mismatch\teventId=fleet-asa-hq-1-fleet-cert-mism"
		"atch\tsequence=4\taction=fleet-alert-resolved\toutcome=success\tstartTime=20"
		"24-11-21T10:15:00.000Z\tendTime=2024-11-21T10:40:00.000Z\tgateway=asa-hq-1\t"
		"site=hq\tpresentedSha1=1289B8A7AA9FFD84865E38939F3466A61B5608FC\texpectedSha"
		"1=E57E81EA9954C144976678D0E2418CDF79A93176\tdaysToExpiry=381\tphonesAffected"
		"=412\tphonesKnown=498\tmessage=asa-hq-1: 412 of 498 phones reject the certif"
		"icate");
	becomes(FORMAT_ECS, RECORD_ALERT, RESOLVED,
		"{\"@timestamp\":\"2024-11-21T10:40:00.000Z\",\"ecs\":{\"version\":\"8.17.0\""
		"},\"data_stream\":{\"type\":\"logs\",\"dataset\":\"offhook.fleet\",\"namespa"
		"ce\":\"default\"},\"message\":\"asa-hq-1: 412 of 498 phones reject the certi"
		"ficate\",\"event\":{\"id\":\"fleet-asa-hq-1-fleet-cert-mismatch\",\"kind\":\""
		"event\",\"category\":[\"configuration\"],\"type\":[\"info\"],\"outcome\":\"s"
		"uccess\",\"action\":\"fleet-alert-resolved\",\"code\":\"fleet-cert-mismatch\""
		",\"reason\":\"Fleet certificate mismatch\",\"severity\":0,\"risk_score\":0,\""
		"module\":\"offhook\",\"dataset\":\"offhook.fleet\",\"provider\":\"offhook\","
		"\"start\":\"2024-11-21T10:15:00.000Z\",\"end\":\"2024-11-21T10:40:00.000Z\","
		"\"duration\":1500000000000,\"sequence\":4,\"created\":\"2024-11-21T10:19:27."
		"440Z\",\"reference\":\"https://docs.example.net/r/fleet-cert-mismatch\"},\"r"
		"ule\":{\"id\":\"fleet-cert-mismatch\",\"name\":\"Fleet certificate mismatch\""
		",\"category\":\"certificate\"},\"observer\":{\"vendor\":\"Cisco\",\"product\""
		":\"asa\",\"type\":\"firewall\",\"name\":\"asa-hq-1\",\"hostname\":\"asa-hq-1"
		"\"},\"tls\":{\"server\":{\"hash\":{\"sha1\":\"1289B8A7AA9FFD84865E38939F3466"
		"A61B5608FC\"}}},\"related\":{\"hosts\":[\"asa-hq-1\"],\"hash\":[\"1289B8A7AA"
		"9FFD84865E38939F3466A61B5608FC\"]},\"agent\":{\"type\":\"offhook\",\"name\":"
		"\"corr-1\",\"version\":\"" OFFHOOK_VERSION
		"\"},\"labels\":{\"site\":\"hq\"},\"offhook\":{"
		"\"severity\":\"info\",\"fleet\":{\"state\":\"resolved\",\"severity\":\"criti"
		"cal\",\"phones\":{\"affected\":412,\"seen\":498},\"window\":\"5m\",\"thresho"
		"ld_phones\":10,\"threshold_ratio\":0.2,\"days_to_expiry\":38"
		"1,\"sample_devices\":[\"SEP8CB64F576113\"],\"group\":{\"gateway\":\"asa-hq-1"
		"\"},\"diagnoses\":[\"cert-hash-mismatch\"],\"fired_at\":\"2024-11-21T10:17:0"
		"0.000Z\"},\"cert\":{\"days_to_expiry\":381,\"presented_sha1_base64\":\"Eom4p"
		"6qf/YSGXjiTnzRmphtWCPw=\",\"expected_sha1\":[\"E57E81EA9954C144976678D0E2418"
		"CDF79A93176\"],\"expected_sha1_base64\":[\"5X6B6plUwUSXZnjQ4kGM33mpMXY=\"]},"
		"\"advice\":\"Do it.\"}}");
}

// ---- hostile values ----

static const struct {
	const char *bytes;
	size_t len;
} hostile[] = {
#define HOSTILE(text)                  \
	{                              \
		text, sizeof(text) - 1 \
	}
	HOSTILE("plain"),
	HOSTILE("a|b=c\\d\"e]f[g"),
	HOSTILE("\\"),
	HOSTILE("\\n is not a line break"),
	HOSTILE("ends with \\\\"),
	HOSTILE("one\ntwo\rthree\r\nfour"),
	HOSTILE("tab\there"),
	HOSTILE("nul\0here"),
	HOSTILE("\x1b[31mred\x1b[0m \x07 \x7f"),
	HOSTILE("\xc2\x85 next line, \xc2\x9b[31m C1"),
	HOSTILE("bidi \xe2\x80\xae override, \xe2\x80\xa8 separator"),
	HOSTILE("h\xc3\xb6r \xe5\xbb\xa0 \xf0\x9f\x98\x80"),
	HOSTILE("x cs1=forged act=forged"),
	HOSTILE("x\"] forged [y z=\"1"),
	HOSTILE("|x|LEEF:2.0|"),
	HOSTILE("</script>{\"a\":1}, \"b\": \\u0000"),
};

// What the value is once it is cut to its limit, read without format.c's help.
static size_t capped(const char *bytes, size_t len, char *out)
{
	size_t n = len < FORMAT_VALUE_MAX ? len : FORMAT_VALUE_MAX;
	while (n < len && n > 0 && ((unsigned char)bytes[n] & 0xc0) == 0x80)
		n--;
	memcpy(out, bytes, n);
	return n;
}

// What cannot be shown on a terminal, and so is no longer told. breaks, tab: what they become.
static void shown(const char *bytes, size_t len, const char *lf, const char *cr, char *out)
{
	static const char *const gone[] = {
		"\x1b", "\x07", "\x7f", "\xc2\x85", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\xa8"};
	const char *at = bytes, *end = bytes + len;
	while (at < end) {
		size_t skip = *at == '\0';
		for (size_t i = 0; i < N(gone) && !skip; i++)
			skip = strncmp(at, gone[i], strlen(gone[i])) == 0 ? strlen(gone[i]) : 0;
		const char *instead = skip	    ? BAD
				      : *at == '\n' ? lf
				      : *at == '\r' ? cr
				      : *at == '\t' ? " "
						    : NULL;
		if (instead) {
			strcpy(out, instead);
			out += strlen(instead);
			at += skip ? skip : 1;
		} else {
			*out++ = *at++;
		}
	}
	*out = '\0';
}

static json_t *diagnosis_with(const char *field, const char *bytes, size_t len)
{
	json_t *object = read_json(OPEN);
	json_object_set_new(object, field, json_stringn(bytes, len));
	return object;
}

// What stands between a key and the "=" of the next one, with that one's name.
static void unescape_cef(const char *line, const char *key, char *out)
{
	const char *at = strstr(line, key);
	assert_non_null(at);
	for (at += strlen(key); *at && *at != '='; at++) {
		if (*at == '\\') {
			at++;
			assert_non_null(strchr("\\=nr", *at));
			*out++ = *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at;
		} else {
			*out++ = *at;
		}
	}
	*out = '\0';
}

static void check_cef(const char *line, const char *wanted)
{
	char got[8192];
	unescape_cef(line, " suser=", got);
	// Behind it stands the next key.
	char *end = strstr(got, " dst");
	assert_non_null(end);
	*end = '\0';
	assert_string_equal(got, wanted);
}

static void check_rfc5424(const char *line, const char *wanted)
{
	char got[8192], *out = got;
	const char *at = strstr(line, " user=\"");
	assert_non_null(at);
	for (at += 7; *at != '"'; at++) {
		assert_true(*at != '\0');
		assert_true(*at != ']');
		if (*at == '\\') {
			at++;
			assert_non_null(strchr("\"\\]", *at));
		}
		*out++ = *at;
	}
	*out = '\0';
	assert_string_equal(got, wanted);
}

static void check_leef(const char *line, const char *wanted)
{
	char got[8192];
	const char *at = strstr(line, "\tusrName=");
	assert_non_null(at);
	snprintf(got, sizeof(got), "%.*s", (int)strcspn(at + 9, "\t"), at + 9);
	assert_string_equal(got, wanted);
}

static void hostile_values_come_back_as_they_were(void **state)
{
	(void)state;
	char wanted[16384];
	for (size_t i = 0; i < N(hostile); i++) {
		json_t *object = diagnosis_with("user", hostile[i].bytes, hostile[i].len);
		char *line = formatted(FORMAT_CEF, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		shown(hostile[i].bytes, hostile[i].len, "\n", "\r", wanted);
		check_cef(line, wanted);
		free(line);
		shown(hostile[i].bytes, hostile[i].len, " ", " ", wanted);
		line = formatted(FORMAT_RFC5424, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		check_rfc5424(line, wanted);
		free(line);
		line = formatted(FORMAT_LEEF, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		check_leef(line, wanted);
		free(line);
		line = formatted(FORMAT_ECS, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		json_t *document = read_json(line);
		const json_t *name = json_object_get(json_object_get(document, "user"), "name");
		assert_int_equal(json_string_length(name), hostile[i].len);
		assert_memory_equal(json_string_value(name), hostile[i].bytes, hostile[i].len);
		json_decref(document);
		free(line);
		json_decref(object);
	}
}

static void long_values_are_cut_at_a_character_and_that_is_told(void **state)
{
	(void)state;
	static char big[8192];
	char wanted[8192];
	for (unsigned shift = 0; shift < 4; shift++) {
		memset(big, 'x', shift);
		for (size_t i = shift; i + 4 <= sizeof(big); i += 4)
			memcpy(big + i, "\xf0\x9f\x98\x80", 4);
		size_t len = shift + (sizeof(big) - shift) / 4 * 4;
		size_t n = capped(big, len, wanted);
		wanted[n] = '\0';
		assert_in_range(n, FORMAT_VALUE_MAX - 3, FORMAT_VALUE_MAX);
		json_t *object = diagnosis_with("user", big, len);
		char *line = formatted(FORMAT_RFC5424, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		check_rfc5424(line, wanted);
		assert_non_null(strstr(line, " truncated=\"true\"]"));
		free(line);
		line = formatted(FORMAT_CEF, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		check_cef(line, wanted);
		assert_non_null(strstr(line, " flexString1Label=truncated flexString1=true "));
		free(line);
		line = formatted(FORMAT_LEEF, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		check_leef(line, wanted);
		assert_non_null(strstr(line, "\ttruncated=true\t"));
		free(line);
		line = formatted(FORMAT_ECS, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		json_t *document = read_json(line);
		assert_true(json_is_true(
			json_object_get(json_object_get(document, "offhook"), "truncated")));
		assert_string_equal(json_string_value(json_object_get(
					    json_object_get(document, "user"), "name")),
			wanted);
		json_decref(document);
		free(line);
		json_decref(object);
	}
}

static void what_is_not_cut_does_not_say_so(void **state)
{
	(void)state;
	json_t *object = read_json(OPEN);
	for (unsigned format = 0; format < FORMATS_MAX; format++) {
		char *line = formatted(format, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		assert_null(strstr(line, "truncated"));
		free(line);
	}
	json_decref(object);
}

static void a_header_of_cef_and_leef_has_its_own_escapes(void **state)
{
	(void)state;
	json_t *object = diagnosis_with("title", "a|b\\c=d\ne", 9);
	json_object_set_new(object, "diagnosis", json_string("x|y"));
	char *line = formatted(FORMAT_CEF, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
	assert_non_null(strstr(
		line, "CEF:0|offhook|offhook|" OFFHOOK_VERSION "|x\\|y|a\\|b\\\\c=d e|8|rt="));
	free(line);
	line = formatted(FORMAT_LEEF, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
	assert_non_null(
		strstr(line, "LEEF:2.0|offhook|offhook|" OFFHOOK_VERSION "|x y|x09|devTime="));
	free(line);
	json_decref(object);
}

// Its rule is no more.
static void diagnosis_without_a_title_is_named_by_its_rule(void **state)
{
	(void)state;
	json_t *object = read_json(OPEN);
	json_object_set_new(object, "title", json_null());
	char *line = formatted(FORMAT_CEF, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
	assert_non_null(strstr(line, "|cert-hash-mismatch|cert-hash-mismatch|8|"));
	free(line);
	json_decref(object);
}

static void ipv6_clients_of_cef_have_keys_of_their_own(void **state)
{
	(void)state;
	json_t *object = diagnosis_with("client_ip", "2001:db8::9", 11);
	char *line = formatted(FORMAT_CEF, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
	assert_non_null(strstr(line, " c6a2Label=Source IPv6 Address c6a2=2001:db8::9 "));
	assert_null(strstr(line, " src="));
	free(line);
	json_decref(object);
}

static void each_detail_says_less_and_keeps_who_and_what(void **state)
{
	(void)state;
	json_t *object = read_json(OPEN);
	size_t before = SIZE_MAX;
	for (unsigned detail = FORMAT_WHOLE; detail < FORMAT_DETAILS; detail++) {
		char *line = formatted(FORMAT_ECS, RECORD_DIAGNOSIS, object, detail);
		assert_true(strlen(line) <= before);
		before = strlen(line);
		assert_non_null(strstr(line, "\"id\":\"01jd7zk3t9000001\""));
		assert_non_null(strstr(line, "\"sequence\":1"));
		assert_non_null(strstr(line, "SEP8CB64F576113"));
		assert_int_equal(strstr(line, "\"truncated\":true") != NULL, detail > FORMAT_WHOLE);
		assert_int_equal(strstr(line, "\"evidence\"") != NULL, detail == FORMAT_WHOLE);
		free(line);
	}
	json_decref(object);
}

static const char *text_at(const json_t *json, const char *first, const char *second)
{
	return json_string_value(json_object_get(json_object_get(json, first), second));
}

static void severity_goes_by_what_has_failed_and_how_sure_that_is(void **state)
{
	(void)state;
	static const struct {
		const char *diagnosis, *scope, *confidence, *severity;
	} cases[] = {
		{"cert-hash-mismatch", "phone", "suspected", "low"},
		{"cert-hash-mismatch", "phone", "probable", "medium"},
		{"cert-hash-mismatch", "phone", "confirmed", "high"},
		{"asa-cert-expiring", "gateway", "probable", "info"},
		{"dtls-blocked", "phone", "confirmed", "medium"},
		{"aaa-server-down", "gateway", "confirmed", "critical"},
		{"address-pool-empty", "phone", "confirmed", "high"},
		{"address-pool-empty", "gateway", "confirmed", "critical"},
		{"somebodys-own", "phone", "probable", "medium"},
	};
	for (size_t i = 0; i < N(cases); i++) {
		json_t *object = read_json(OPEN);
		json_object_set_new(object, "diagnosis", json_string(cases[i].diagnosis));
		json_object_set_new(object, "scope", json_string(cases[i].scope));
		json_object_set_new(object, "confidence", json_string(cases[i].confidence));
		char *line = formatted(FORMAT_ECS, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
		json_t *document = read_json(line);
		assert_string_equal(text_at(document, "offhook", "severity"), cases[i].severity);
		assert_int_equal(json_integer_value(json_object_get(
					 json_object_get(document, "event"), "severity")),
			severities[severity_of(cases[i].severity)].ecs);
		json_decref(document);
		free(line);
		json_decref(object);
	}
}

static void what_a_policy_refused_is_denied_until_it_is_over(void **state)
{
	(void)state;
	json_t *object = read_json(OPEN);
	json_object_set_new(object, "diagnosis", json_string("csd-enabled"));
	char *line = formatted(FORMAT_ECS, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
	assert_non_null(strstr(line, "\"type\":[\"connection\",\"denied\",\"info\"]"));
	free(line);
	json_object_set_new(object, "state", json_string("recovered"));
	line = formatted(FORMAT_ECS, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
	assert_non_null(strstr(line, "\"type\":[\"connection\",\"info\"]"));
	free(line);
	json_decref(object);
}

// A stranger's user name is no interface and no port.
static void ports_are_read_where_nobody_types(void **state)
{
	(void)state;
	json_t *object = read_json(OPEN);
	json_object_set_new(object, "evidence",
		json_pack("[{s:s, s:s, s:s, s:s}]", "time", "2024-11-21T10:19:27.155Z", "source",
			"asa", "code", "716039", "text",
			"Group <g> User <x outside:203.0.113.9/4711 to 192.0.2.1/1> IP <203.0.113.9>"));
	char *line = formatted(FORMAT_ECS, RECORD_DIAGNOSIS, object, FORMAT_WHOLE);
	assert_null(strstr(line, "\"port\""));
	assert_null(strstr(line, "\"destination\""));
	free(line);
	json_decref(object);
}

static void an_empty_object_still_makes_a_message(void **state)
{
	(void)state;
	json_t *object = json_object();
	for (unsigned format = 0; format < FORMATS_MAX; format++) {
		free(formatted(format, RECORD_DIAGNOSIS, object, FORMAT_WHOLE));
		free(formatted(format, RECORD_ALERT, object, FORMAT_WHOLE));
	}
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diagnoses_become_exactly_these_bytes),
		cmocka_unit_test(alerts_become_exactly_these_bytes),
		cmocka_unit_test(hostile_values_come_back_as_they_were),
		cmocka_unit_test(long_values_are_cut_at_a_character_and_that_is_told),
		cmocka_unit_test(what_is_not_cut_does_not_say_so),
		cmocka_unit_test(a_header_of_cef_and_leef_has_its_own_escapes),
		cmocka_unit_test(diagnosis_without_a_title_is_named_by_its_rule),
		cmocka_unit_test(ipv6_clients_of_cef_have_keys_of_their_own),
		cmocka_unit_test(each_detail_says_less_and_keeps_who_and_what),
		cmocka_unit_test(severity_goes_by_what_has_failed_and_how_sure_that_is),
		cmocka_unit_test(what_a_policy_refused_is_denied_until_it_is_over),
		cmocka_unit_test(ports_are_read_where_nobody_types),
		cmocka_unit_test(an_empty_object_still_makes_a_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
