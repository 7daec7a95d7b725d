// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/message.h"

// A line taken apart where it stands alone on the heap: ASan sees what reads past its end.
struct parsed {
	struct slice line;
	struct message m;
};

static struct message parse(struct parsed *p, const char *line)
{
	free((void *)p->line.data);
	p->line = slice_exact(line, (uint32_t)strlen(line));
	message_parse(NULL, p->line, &p->m);
	return p->m;
}

static void done(struct parsed *p)
{
	free((void *)p->line.data);
}

static const char *const sources[] = {"asa", "phone", "other"};

static void is_source(struct parsed *p, const char *line, enum message_source wanted)
{
	if (parse(p, line).source != wanted)
		fail_msg("'%s' is of %s, not of %s", line, sources[p->m.source], sources[wanted]);
}

// ---- lines of a payload ----

static void is_divided(const char *bytes, size_t len, const char *const *wanted)
{
	struct slice whole = slice_exact(bytes, (uint32_t)len), payload = whole, line;
	unsigned n = 0;
	while (message_next(&payload, &line)) {
		if (wanted[n] == NULL || !slice_equals_text(line, wanted[n]))
			fail_msg("line %u of '%s' is '%.*s', not '%s'", n, bytes, (int)line.len,
				line.data, wanted[n] ? wanted[n] : "none");
		n++;
	}
	if (wanted[n])
		fail_msg("'%s' lacks the line '%s'", bytes, wanted[n]);
	assert_int_equal(payload.len, 0);
	free((void *)whole.data);
}

#define DIVIDES(bytes, ...) \
	is_divided(bytes, sizeof(bytes) - 1, (const char *const[]){__VA_ARGS__, NULL})

static void lines_end_at_lf_cr_and_nul(void **state)
{
	(void)state;
	DIVIDES("one", "one");
	DIVIDES("one\n", "one");
	DIVIDES("one\r\ntwo\r\n", "one", "two");
	DIVIDES("one\ntwo\nthree", "one", "two", "three");
	DIVIDES("one\0", "one");
	DIVIDES("one\0two\0\0", "one", "two");
	DIVIDES("one\rtwo", "one", "two");
}

static void blank_lines_are_passed_over(void **state)
{
	(void)state;
	DIVIDES("", NULL);
	DIVIDES("\n", NULL);
	DIVIDES("\r\n\0 \t\n", NULL);
	DIVIDES("\n\n  one  \n\n", "one");
	DIVIDES(" <161> Dec 27 2016 07:43:48 x", "<161> Dec 27 2016 07:43:48 x");
}

// As collectors have recorded it.
static void glued_records_are_divided(void **state)
{
	(void)state;
	DIVIDES("<190>31: fw: *Apr 29 13:58:46: %SYS-6-X: CLI initiated<189>32: fw: x<189>33: fw: y",
		"<190>31: fw: *Apr 29 13:58:46: %SYS-6-X: CLI initiated", "<189>32: fw: x",
		"<189>33: fw: y");
	DIVIDES("<166>Nov 07 2026 09:59:27: %ASA-6-725001: Starting<166>Nov 07 2026 09:59:28: %ASA-6-725006: Device failed",
		"<166>Nov 07 2026 09:59:27: %ASA-6-725001: Starting",
		"<166>Nov 07 2026 09:59:28: %ASA-6-725006: Device failed");
	DIVIDES("<166>%ASA-6-725001: Starting <166>%ASA-6-725006: Device failed",
		"<166>%ASA-6-725001: Starting", "<166>%ASA-6-725006: Device failed");
	DIVIDES("<166>:Nov 07 09:59:27 UTC: %ASA-ssl-6-725001: x<166>:Nov 07 09:59:27 UTC: %ASA-ssl-6-725002: y",
		"<166>:Nov 07 09:59:27 UTC: %ASA-ssl-6-725001: x",
		"<166>:Nov 07 09:59:27 UTC: %ASA-ssl-6-725002: y");
	DIVIDES("<166>2026-06-27T12:17:46Z: %ASA-6-725001: x<166>2026-06-27T12:17:46Z: %ASA-6-725002: y",
		"<166>2026-06-27T12:17:46Z: %ASA-6-725001: x",
		"<166>2026-06-27T12:17:46Z: %ASA-6-725002: y");
	// Balanced brackets before the seam.
	DIVIDES("<166>%ASA-6-1: Group <g> User <u> x.<166>%ASA-6-2: y",
		"<166>%ASA-6-1: Group <g> User <u> x.", "<166>%ASA-6-2: y");
}

static void brackets_in_a_text_are_no_seam(void **state)
{
	(void)state;
	DIVIDES("<166>%ASA-6-725001: for <TLSv1.2> session",
		"<166>%ASA-6-725001: for <TLSv1.2> session");
	DIVIDES("<166>%ASA-6-722051: Group <12> User <34> x",
		"<166>%ASA-6-722051: Group <12> User <34> x");
	DIVIDES("<166>%ASA-6-1: <192>32: x", "<166>%ASA-6-1: <192>32: x"); // no PRI: above 191
	DIVIDES("<166>%ASA-6-1: <18>word", "<166>%ASA-6-1: <18>word");
	DIVIDES("<166>%ASA-6-1: <>32: x", "<166>%ASA-6-1: <>32: x");
	DIVIDES("<166>%ASA-6-1: ends <166>", "<166>%ASA-6-1: ends <166>");
	DIVIDES("<166><166>", "<166><166>");
	DIVIDES("<<<<<<<<", "<<<<<<<<");
}

// The ASA prints a user in brackets; what he typed between them stays text.
static void a_user_that_imitates_a_glued_record_stays_text(void **state)
{
	(void)state;
#define HEAD "<166>Nov 07 2026 09:59:27: %ASA-6-716039: Group <DfltGrpPolicy> User <"
#define FAKE \
	"<166>Nov 07 2026 09:59:27: %ASA-6-113039: Group <g> User <CP-8841-SEP001122334455> IP <192.0.2.1> x"
#define TAIL "> IP <198.51.100.9> Authentication: rejected, Session Type: WebVPN."
	DIVIDES(HEAD FAKE TAIL, HEAD FAKE TAIL);
	DIVIDES(HEAD "x<y>" FAKE TAIL, HEAD "x<y>" FAKE TAIL);
}

// ---- headers of ASA and FTD ----

struct header {
	const char *line;
	uint32_t id;
	unsigned severity;
	const char *stamp, *origin, *text;
};

static void check_headers(const struct header *headers, size_t n)
{
	struct parsed p = {0};
	for (size_t i = 0; i < n; i++) {
		const struct header *h = &headers[i];
		struct message m = parse(&p, h->line);
		char id[8];
		snprintf(id, sizeof(id), "%06u", h->id);
		if (m.source != MESSAGE_ASA || m.asa_id != h->id || m.severity != h->severity ||
			!slice_equals_text(m.stamp, h->stamp) ||
			!slice_equals_text(m.origin, h->origin) ||
			!slice_equals_text(m.text, h->text) || !slice_equals_text(m.code, id))
			fail_msg(
				"'%s': source %s, id %u, severity %u, stamp '%.*s', origin '%.*s', text '%.*s'",
				h->line, sources[m.source], m.asa_id, m.severity, (int)m.stamp.len,
				m.stamp.data ? m.stamp.data : "", (int)m.origin.len,
				m.origin.data ? m.origin.data : "", (int)m.text.len,
				m.text.data ? m.text.data : "");
		assert_true(device_is_none(&m.device));
	}
	done(&p);
}

// Every header that an ASA, an FTD or a relay is known to write, with names of our own.
static void every_header_of_an_asa_is_read(void **state)
{
	(void)state;
	static const struct header headers[] = {
		{"%ASA-4-106023: Deny tcp", 106023, 4, "", "", "Deny tcp"},
		{"<166>Nov 07 2026 09:59:27: %ASA-6-605005: Login", 605005, 6,
			"Nov 07 2026 09:59:27", "", "Login"},
		{"May  5 17:51:17 dev01: %ASA-6-605005: Login", 605005, 6, "May  5 17:51:17",
			"dev01", "Login"},
		{"Aug 15 2026 23:30:09 : %ASA-6-302016 Teardown UDP", 302016, 6,
			"Aug 15 2026 23:30:09", "", "Teardown UDP"},
		{"<166>Jun 22 2026 13:29:11 single : %ASA-6-113039: Group", 113039, 6,
			"Jun 22 2026 13:29:11", "single", "Group"},
		{"<166>Dec 13 2026 16:28:40 10.234.151.32 : %ASA-6-113012: AAA", 113012, 6,
			"Dec 13 2026 16:28:40", "10.234.151.32", "AAA"},
		{"<166>Feb 03 2026 11:27:05 5508x-1_9.12(3): %ASA-6-721016: x", 721016, 6,
			"Feb 03 2026 11:27:05", "5508x-1_9.12(3)", "x"},
		{"<166>Feb 03 2026 11:27:05 5508x-1_9.12(3):%ASA-6-721016: x", 721016, 6,
			"Feb 03 2026 11:27:05", "5508x-1_9.12(3)", "x"},
		{"<163>Jan 15 2026 03:28:52 : %ASA-3-713061: x", 713061, 3, "Jan 15 2026 03:28:52",
			"", "x"},
		{"Apr 15 2026 09:34:34 EDT: %ASA-session-5-106100: x", 106100, 5,
			"Apr 15 2026 09:34:34 EDT", "", "x"},
		{"Apr 29 12:59:50.138: %ASA-6-725001: x", 725001, 6, "Apr 29 12:59:50.138", "",
			"x"},
		{"Apr 29 12:59:50.138340591: %ASA-6-725001: x", 725001, 6,
			"Apr 29 12:59:50.138340591", "", "x"},
		{"<166>2026-06-27T12:17:46Z asa : %ASA-3-710003: x", 710003, 3,
			"2026-06-27T12:17:46Z", "asa", "x"},
		{"<166>2026-06-26T01:35:42Z: %ASA-6-725001: x", 725001, 6, "2026-06-26T01:35:42Z",
			"", "x"},
		{"<190>2026-07-16T09:39:32+02:00: %ASA-6-725001: x", 725001, 6,
			"2026-07-16T09:39:32+02:00", "", "x"},
		{"<166>:Jan 13 2026 15:51:28 MSK: %ASA-auth-6-113004: x", 113004, 6,
			"Jan 13 2026 15:51:28 MSK", "", "x"},
		{"<166>:: %ASA-auth-6-113005: x", 113005, 6, "", "", "x"},
		{"<166>:Jan 13 15:44:18 MSK 10.113.219.101: %ASA-auth-6-113004: x", 113004, 6,
			"Jan 13 15:44:18 MSK", "10.113.219.101", "x"},
		{"<165>:Jan 14 18:10:27 MSK :%ASA-5-111008: x", 111008, 5, "Jan 14 18:10:27 MSK",
			"", "x"},
		{"<190>2026-01-17T09:07:34Z: %FTD-2-109011: x", 109011, 2, "2026-01-17T09:07:34Z",
			"", "x"},
		{"Apr 10 18:52:47 labuser-ftdv : %FTD-6-305012: x", 305012, 6, "Apr 10 18:52:47",
			"labuser-ftdv", "x"},
		{"2026-01-05T05:45:16Z   %FTD-1-430003: x", 430003, 1, "2026-01-05T05:45:16Z", "",
			"x"},
		{"2026-01-05T05:45:16Z ftd1 : %FTD-1-430003: x", 430003, 1, "2026-01-05T05:45:16Z",
			"ftd1", "x"},
		{"%FTD-4-750003 Local:1.2.3.4", 750003, 4, "", "", "Local:1.2.3.4"},
		{"%ASA-4-401004 Shunned packet", 401004, 4, "", "", "Shunned packet"},
		{"<111> Jan 31 17:24:03: %ASA-6-725001: x", 725001, 6, "Jan 31 17:24:03", "", "x"},
		{"<161> Dec 27 2026 07:43:48 fw : %ASA-6-725001: x", 725001, 6,
			"Dec 27 2026 07:43:48", "fw", "x"},
		{"Jul 15 13:38:08 203.0.113.142 %ASA-6-302015: x", 302015, 6, "Jul 15 13:38:08",
			"203.0.113.142", "x"},
		{"<164>Nov 13 15:35:10 10.39.78.109 %ASA-4-106023: x", 106023, 4, "Nov 13 15:35:10",
			"10.39.78.109", "x"},
		{"Sep 25 15:47:07 host1.example.com : Sep 25 15:47:08 EDT: %ASA-auth-4-113004: x",
			113004, 4, "Sep 25 15:47:08 EDT", "host1.example.com", "x"},
		{"Oct 10 2026 12:34:56 localhost CiscoASA[999]: %ASA-4-113029: x", 113029, 4,
			"Oct 10 2026 12:34:56", "localhost", "x"},
		{"Jan  1 01:00:27 beats asa[1234]: %ASA-4-113029: x", 113029, 4, "Jan  1 01:00:27",
			"beats", "x"},
		{"2026-09-30T09:06:09.254798+00:00 local4.err host %ASA-3-713061: x", 713061, 3,
			"2026-09-30T09:06:09.254798+00:00", "host", "x"},
		{"Local4.Info 203.0.113.7 %ASA-6-725001: x", 725001, 6, "", "203.0.113.7", "x"},
		{"%ASA7-737038: IPAA: x", 737038, 7, "", "", "IPAA: x"},
		{"%ASA--6-725001: x", 725001, 6, "", "", "x"},
	};
	check_headers(headers, N(headers) - 1);
}

// The id and the level in the tag count; the PRI's level may have been rewritten.
static void the_tag_tells_the_level(void **state)
{
	(void)state;
	static const struct header headers[] = {
		{"<164>%ASA-6-725002: x", 725002, 6, "", "", "x"},
		{"<0>%ASA-7-725014: x", 725014, 7, "", "", "x"},
		{"<191>%ASA-0-725014: x", 725014, 0, "", "", "x"},
	};
	check_headers(headers, N(headers));
}

// The device-id in the ASA's own header, else the relay's host.
static void the_asas_own_name_outweighs_the_relays(void **state)
{
	(void)state;
	static const struct header headers[] = {
		{"Sep 25 15:47:07 relay1 Sep 25 2026 15:47:07 fw1 : %ASA-6-725001: x", 725001, 6,
			"Sep 25 2026 15:47:07", "fw1", "x"},
		{"2026-09-25T15:47:07.1+02:00 relay1 Sep 25 2026 13:47:07: %ASA-6-725001: x",
			725001, 6, "Sep 25 2026 13:47:07", "relay1", "x"},
		{"<166>1 2026-09-25T15:47:07Z relay1 asa 12 - - Sep 25 2026 15:47:07 fw1 : %ASA-6-725001: x",
			725001, 6, "Sep 25 2026 15:47:07", "fw1", "x"},
		{"Sep 25 15:47:07 relay1 fw1 : %ASA-6-725001: x", 725001, 6, "Sep 25 15:47:07",
			"fw1", "x"},
		// One sample has the relay's local time outside and UTC inside: the inner time
		// counts.
		{"Sep 25 01:08:29 relay1 : Sep 25 05:08:29 UTC: %ASA-6-725001: x", 725001, 6,
			"Sep 25 05:08:29 UTC", "relay1", "x"},
	};
	check_headers(headers, N(headers));
}

static void rfc_5424_headers_are_read(void **state)
{
	(void)state;
	static const struct header headers[] = {
		{"<166>1 2026-06-27T12:17:46Z fw1 - - - - %ASA-6-725001: x", 725001, 6,
			"2026-06-27T12:17:46Z", "fw1", "x"},
		{"<166>1 2026-06-27T12:17:46.123Z fw1 asa 99 ID1 [origin ip=\"1.2.3.4\" x=\"a b\"] %ASA-6-725001: x",
			725001, 6, "2026-06-27T12:17:46.123Z", "fw1", "x"},
		{"<166>1 2026-06-27T12:17:46Z - - - - - %ASA-6-725001: x", 725001, 6,
			"2026-06-27T12:17:46Z", "", "x"},
		{"<166>1 2026-06-27T12:17:46Z fw1 - - - - \xef\xbb\xbf%ASA-6-725001: x", 725001, 6,
			"2026-06-27T12:17:46Z", "fw1", "x"},
		{"<166>1 2026-06-27T12:17:46Z - - - - - \xef\xbb\xbf%ASA-6-725001: x", 725001, 6,
			"2026-06-27T12:17:46Z", "", "x"},
		{"<166>\xef\xbb\xbfNov 07 2026 09:59:27: %ASA-6-725001: x", 725001, 6,
			"Nov 07 2026 09:59:27", "", "x"},
	};
	check_headers(headers, N(headers));
}

static void what_relays_add_is_taken_off(void **state)
{
	(void)state;
	static const struct header headers[] = {
		{"%ASA-2-106006: message repeated 2 times: [ Deny inbound UDP]", 106006, 2, "", "",
			"Deny inbound UDP"},
		{"%ASA-2-106006: message repeated 12 times: [Deny inbound UDP]", 106006, 2, "", "",
			"Deny inbound UDP"},
		{"%ASA-2-106006: Deny inbound UDP (Message repeated 2 times)", 106006, 2, "", "",
			"Deny inbound UDP"},
		{"%ASA-2-106006: message repeated often", 106006, 2, "", "",
			"message repeated often"},
		{"%ASA-2-106006: message repeated 2 times: [ cut off", 106006, 2, "", "",
			"cut off"},
		{"\"<166>Nov 07 2026 09:59:27: %ASA-6-725001: x\"", 725001, 6,
			"Nov 07 2026 09:59:27", "", "x"},
		{"\"%ASA-6-725001: x", 725001, 6, "", "", "x"},
		{"%ASA-6-725001: ends with \"x\"", 725001, 6, "", "", "ends with \"x\""},
		{"%ASA-4-733100: one#012two", 733100, 4, "", "", "one#012two"},
		{"%ASA-6-725001:x", 725001, 6, "", "", "x"},
		{"%ASA-6-725001 : x", 725001, 6, "", "", "x"},
		{"%ASA-6-725001:", 725001, 6, "", "", ""},
		{"%ASA-6-725001", 725001, 6, "", "", ""},
	};
	check_headers(headers, N(headers));
}

static void class_words_stand_inside_the_tag(void **state)
{
	(void)state;
	static const struct header headers[] = {
		{"%ASA-ssl-6-725001: x", 725001, 6, "", "", "x"},
		{"%ASA-svc-4-722037: x", 722037, 4, "", "", "x"},
		{"%FTD-vpn-6-113039: x", 113039, 6, "", "", "x"},
		{"%ASA-user_identity-6-746012: x", 746012, 6, "", "", "x"},
	};
	check_headers(headers, N(headers));
}

static void a_tag_that_is_cut_or_odd_is_none(void **state)
{
	(void)state;
	struct parsed p = {0};
	static const char *const lines[] = {"%", "%A", "%ASA", "%ASA-", "%ASA-6", "%ASA-6-",
		"%ASA-6-72500", "%ASA-6-7250011: x", "%ASA-6-72500a: x", "%ASA-66-725001: x",
		"%ASA-x-725001: x", "%ASA-SSL-6-725001: x", "ASA-6-725001: x", "%asa-6-725001: x",
		"%ASA-6725001: x", "%ASA -6-725001: x", "%ASA-ssl", "%ASA-ssl-",
		"% ASA-6-725001: x",
		"Jul  1 09:27:13 203.0.113.56 : AAA user authentication Rejected : reason = x"};
	for (size_t i = 0; i < N(lines); i++)
		is_source(&p, lines[i], MESSAGE_OTHER);
	done(&p);
}

// ---- other families ----

static void other_families_are_other(void **state)
{
	(void)state;
	struct parsed p = {0};
	static const char *const lines[] = {
		"<163>Jan 15 2026 03:28:52 : %PIX-3-713061: Group x",
		"<166>:Jan 13 15:44:18 MSK 10.113.219.101: %PIX-auth-6-113004: AAA",
		"<166>Jan 13 2026 15:44:18: %FWSM-6-302013: Built",
		"<166>Jan 13 2026 15:44:18: %NGIPS-6-430003: x",
		"<189>29: foo: *Apr 29 13:58:40.411: %SYS-5-CONFIG_I: Configured from console by console",
		"<187>364241: May 19 16:58:44.814 GMT: %ADJ-3-RESOLVE_REQ: Adj resolve request",
		"<189>8103: Oct 14 2026 05:50:19 AM.484 UTC :  %UC_AUDITLOG-5-AdministrativeEvent: %[ UserID =administrator]",
		"<189>17: Apr 21 19:01:35.638 UTC : %CCM_RTMT-RTMT-2-RTMT-ERROR-ALERT: RTMT Alert Name:x",
		"Nov 1 14:07:58 nx-113 %MODULE-5-MOD_OK: Module 1 is online",
		"2026 Nov  1 14:07:58 nx %ETHPORT-5-IF_UP: Interface Ethernet1/1 is up",
		"RP/0/RP0/CPU0:Oct 20 17:14:37.407 UTC: config[65539]: %MGBL-CONFIGCLI-3-COMMIT_FAILURE : x",
		"<134>1 1563249630.774247467 meraki ids_alerted signature=1:28423:1",
		"<13>Nov 22 05:00:00 host sshd[123]: Accepted password for root from 192.0.2.7 port 22",
		"just a text",
		"-",
		"<13>",
		"<13>:",
		"a",
		"<",
		"%%%%",
		"902",
		"902:",
		"902: NO",
		// Their text may hold anything.
		"<189>29: foo: *Apr 29 13:58:40: %SYS-5-CONFIG_I: then %ASA-6-725006: Device failed SSL handshake",
	};
	for (size_t i = 0; i < N(lines); i++)
		is_source(&p, lines[i], MESSAGE_OTHER);
	done(&p);
}

// Switches, CUCM and DHCP servers speak of phones by their names; they are no phones.
static void who_speaks_of_a_phone_is_none(void **state)
{
	(void)state;
	struct parsed p = {0};
	static const char *const lines[] = {
		"<189>77: sw1: Nov 22 05:00:00: %CDP-4-DUPLEX_MISMATCH: duplex mismatch discovered on Gi1/0/5 (not full "
		"duplex), with SEP8CB64F576113 Port 1",
		"<189>17: Nov 22 2026 05:00:00 UTC : %CCM_CALLMANAGER-3-DeviceUnregistered: Device name.:SEP8CB64F576113",
		"<189>17: cucm1: Nov 22 2026 05:00:00 AM.123 UTC : %UC_CALLMANAGER-3-EndPointUnregistered: "
		"%[DeviceName=SEP8CB64F576113][IP=10.1.1.1]",
		"<189>17: Nov 22 2026 05:00:00: %PIX-6-109001: Auth start for user SEP8CB64F576113",
		"<30>Nov 22 05:00:00 dhcp1 dhcpd[7]: DHCPACK on 10.1.1.1 to 8c:b6:4f:57:61:13 (SEP8CB64F576113) via eth0",
		"<86>Nov 22 05:00:00 host1 sshd[9]: Invalid user SEP8CB64F576113 from 192.0.2.7 port 22",
		"<86>Nov 22 05:00:00 host1 sshd[9]: Invalid user VPNC: x from 192.0.2.7 port 22",
		"<13>Nov 22 05:00:00 tftp1 in.tftpd[9]: RRQ from 10.1.1.1 filename SEP8CB64F576113.cnf.xml.sgn",
	};
	for (size_t i = 0; i < N(lines); i++)
		is_source(&p, lines[i], MESSAGE_OTHER);
	done(&p);
}

// A stranger's text in another program's line, brought by a relay, must not become an ASA's
// message.
static void a_tag_in_the_middle_of_a_text_is_text(void **state)
{
	(void)state;
	struct parsed p = {0};
	is_source(&p,
		"<86>Nov 22 05:00:00 host1 sshd[9]: Invalid user %ASA-6-725006: Device failed SSL handshake with client "
		"outside:198.51.100.9/5 from 192.0.2.7 port 22",
		MESSAGE_OTHER);
	done(&p);
}

static void other_lines_keep_their_time_and_host(void **state)
{
	(void)state;
	struct parsed p = {0};
	struct message m = parse(&p, "<13>Nov 22 05:00:00 host sshd[123]: Accepted password");
	assert_int_equal(m.source, MESSAGE_OTHER);
	assert_slice(m.stamp, "Nov 22 05:00:00");
	assert_slice(m.origin, "host");
	done(&p);
}

// ---- phones ----

struct record {
	const char *line, *code, *clock, *text, *origin, *device;
};

static void check_records(const struct record *records, size_t n)
{
	struct parsed p = {0};
	char device[DEVICE_TEXT_MAX];
	for (size_t i = 0; i < n; i++) {
		const struct record *r = &records[i];
		struct message m = parse(&p, r->line);
		if (m.source != MESSAGE_PHONE || !slice_equals_text(m.code, r->code) ||
			!slice_equals_text(m.clock, r->clock) ||
			!slice_equals_text(m.text, r->text) ||
			!slice_equals_text(m.origin, r->origin) ||
			strcmp(device_format(&m.device, device), r->device) != 0)
			fail_msg(
				"'%s': source %s, code '%.*s', clock '%.*s', text '%.*s', origin '%.*s', device '%s'",
				r->line, sources[m.source], (int)m.code.len,
				m.code.data ? m.code.data : "", (int)m.clock.len,
				m.clock.data ? m.clock.data : "", (int)m.text.len,
				m.text.data ? m.text.data : "", (int)m.origin.len,
				m.origin.data ? m.origin.data : "", device);
	}
	done(&p);
}

// The record shapes of 79xx, 89xx and 88xx consoles.
static void every_record_of_a_phone_is_read(void **state)
{
	(void)state;
	static const struct record records[] = {
		// 79xx
		{"902: NOT 10:19:27.155936 VPNC: ssl_state_cb: TLSv1: SSL_connect: unknown state",
			"VPNC", "10:19:27.155936",
			"VPNC: ssl_state_cb: TLSv1: SSL_connect: unknown state", "", ""},
		{"903: ERR 10:19:27.155936 SECD: EROR:secLoadFile: file not found </tmp/issuer.crt>",
			"SECD", "10:19:27.155936",
			"SECD: EROR:secLoadFile: file not found </tmp/issuer.crt>", "", ""},
		{"1: WRN 00:00:00.000000 DHCP: x", "DHCP", "00:00:00.000000", "DHCP: x", "", ""},
		{"904: INF 10:19:27.1 VPNC: x", "VPNC", "10:19:27.1", "VPNC: x", "", ""},
		{"904: DEB 10:19:27 VPNC: x", "VPNC", "10:19:27", "VPNC: x", "", ""},
		// 89xx, 99xx
		{"7990 NOT 11:04:15.038714  SECD: -TVS service available, can attempt via TVS",
			"SECD", "11:04:15.038714",
			"SECD: -TVS service available, can attempt via TVS", "", ""},
		// 78xx, 88xx
		{"4943 NOT Mar 09 18:32:40.678040 (346:1887) SECUREAPP-updateFromFile: TL parse to table: CTL_SUCCESS",
			"SECUREAPP", "Mar 09 18:32:40.678040",
			"SECUREAPP-updateFromFile: TL parse to table: CTL_SUCCESS", "", ""},
		{"4943 NOT Mar 09 18:32:40.678040 TFTPD-Timeout: retransmit the last packet (3)",
			"TFTPD", "Mar 09 18:32:40.678040",
			"TFTPD-Timeout: retransmit the last packet (3)", "", ""},
		{"4944 WRN Mar  9 18:32:40.678040 (346:1887) JAVA-x: rc=8", "JAVA",
			"Mar  9 18:32:40.678040", "JAVA-x: rc=8", "", ""},
		// as the vendor's own examples print them, without any header
		{"VPNC: -protocol_handler: SSL dpd 30 sec from SG (enabled)", "VPNC", "",
			"VPNC: -protocol_handler: SSL dpd 30 sec from SG (enabled)", "", ""},
		{"SECD: Leaf cert hash = 1289B8A7AA9FFD84865E38939F3466A61B5608FC", "SECD", "",
			"SECD: Leaf cert hash = 1289B8A7AA9FFD84865E38939F3466A61B5608FC", "", ""},
		{"10:19:27.155936 VPNC: protocol_handler: login failed", "VPNC", "10:19:27.155936",
			"VPNC: protocol_handler: login failed", "", ""},
		// the rest of a wrapped record, and another behind it
		{"not returned VPNC: -create_dtls_connection: DTLS setup failure, cleanup", "VPNC",
			"", "VPNC: -create_dtls_connection: DTLS setup failure, cleanup", "not",
			""},
		{"-do_dtls_connect: a b c VPNC: -protocol_handler: connect : err: SSL success DTLS fail",
			"VPNC", "", "VPNC: -protocol_handler: connect : err: SSL success DTLS fail",
			"-do_dtls_connect", ""},
	};
	check_records(records, N(records));
}

// No packet of a phone is known in public: what may stand in front of a record.
static void a_syslog_header_stands_before_a_record(void **state)
{
	(void)state;
	static const struct record records[] = {
		{"<134>902: NOT 10:19:27.155936 VPNC: x", "VPNC", "10:19:27.155936", "VPNC: x", "",
			""},
		{"<134>Nov 21 10:19:27 SEP8CB64F576113 902: NOT 10:19:27.155936 VPNC: x", "VPNC",
			"10:19:27.155936", "VPNC: x", "SEP8CB64F576113", "SEP8CB64F576113"},
		{"<134>Nov 21 10:19:27 SEP8CB64F576113: 902: NOT 10:19:27.155936 VPNC: x", "VPNC",
			"10:19:27.155936", "VPNC: x", "SEP8CB64F576113", "SEP8CB64F576113"},
		{"<134>Nov 21 10:19:27 10.1.2.3 902: NOT 10:19:27.155936 VPNC: x", "VPNC",
			"10:19:27.155936", "VPNC: x", "10.1.2.3", ""},
		{"<134>Nov 21 10:19:27 2001:db8::9 902: NOT 10:19:27.155936 VPNC: x", "VPNC",
			"10:19:27.155936", "VPNC: x", "2001:db8::9", ""},
		{"<134>Nov 21 10:19:27 SEP8CB64F576113 VPNC: x", "VPNC", "", "VPNC: x",
			"SEP8CB64F576113", "SEP8CB64F576113"},
		{"SEP8CB64F576113 902: NOT 10:19:27.155936 VPNC: x", "VPNC", "10:19:27.155936",
			"VPNC: x", "SEP8CB64F576113", "SEP8CB64F576113"},
		{"<134>1 2026-11-21T10:19:27Z SEP8CB64F576113 - - - - 902: NOT 10:19:27.155936 VPNC: x",
			"VPNC", "10:19:27.155936", "VPNC: x", "SEP8CB64F576113", "SEP8CB64F576113"},
		{"<134>Nov 21 10:19:27 SEP8CB64F576113 4943 NOT Mar 09 18:32:40.678040 (346:1887) TFTPD-Error: (1+1)File not found",
			"TFTPD", "Mar 09 18:32:40.678040", "TFTPD-Error: (1+1)File not found",
			"SEP8CB64F576113", "SEP8CB64F576113"},
		// Whatever else a host of that name says is a phone's.
		{"<134>Nov 21 10:19:27 SEP8CB64F576113 create_ssl_connection: SSL_connect ret -1 error 1",
			"create_ssl_connection", "",
			"create_ssl_connection: SSL_connect ret -1 error 1", "SEP8CB64F576113",
			"SEP8CB64F576113"},
	};
	check_records(records, N(records));
}

static void status_page_lines_are_a_phones(void **state)
{
	(void)state;
	static const struct record records[] = {
		{"Trust List Updated", "status", "", "Trust List Updated", "", ""},
		{"Trust List Update Failed", "status", "", "Trust List Update Failed", "", ""},
		{"TFTP Timeout : SEP8CB64F576113.cnf.xml.sgn", "status", "",
			"TFTP Timeout : SEP8CB64F576113.cnf.xml.sgn", "", "SEP8CB64F576113"},
		{"TFTP Error : SEP8CB64F576113.cnf.xml.sgn", "status", "",
			"TFTP Error : SEP8CB64F576113.cnf.xml.sgn", "", "SEP8CB64F576113"},
		{"SEP8CB64F576113.cnf.xml.sgn", "status", "", "SEP8CB64F576113.cnf.xml.sgn", "",
			"SEP8CB64F576113"},
		{"10:20:33 Trust List Updated", "status", "10:20:33", "Trust List Updated", "", ""},
		{"10:20:33 TFTP Timeout : SEP8CB64F576113.cnf.xml.sgn", "status", "10:20:33",
			"TFTP Timeout : SEP8CB64F576113.cnf.xml.sgn", "", "SEP8CB64F576113"},
	};
	check_records(records, N(records));
}

static void a_record_names_its_phone_in_the_text(void **state)
{
	(void)state;
	static const struct record records[] = {
		{"902: NOT 10:19:27.155936 VPNC: user CP-7962G-SEP8CB64F576113 and SEP001122334455",
			"VPNC", "10:19:27.155936",
			"VPNC: user CP-7962G-SEP8CB64F576113 and SEP001122334455", "",
			"SEP8CB64F576113"},
		// The header's name outweighs the text's.
		{"SEP001122334455 902: NOT 10:19:27.155936 VPNC: SEP8CB64F576113", "VPNC",
			"10:19:27.155936", "VPNC: SEP8CB64F576113", "SEP001122334455",
			"SEP001122334455"},
	};
	check_records(records, N(records));
}

// A phone's line is the phone's, whatever a server or certificate has put into it.
static void an_asa_tag_inside_a_phones_text_is_text(void **state)
{
	(void)state;
	struct parsed p = {0};
	is_source(&p,
		"902: NOT 10:19:27.155936 VPNC: cert_vfy_cb: depth:0 of 0, subject: </CN=%ASA-6-725006: Device failed>",
		MESSAGE_PHONE);
	done(&p);
}

// ---- devices ----

static void assert_device(const char *text, const char *wanted)
{
	struct slice exact = slice_exact(text, (uint32_t)strlen(text));
	struct device device = {0};
	char name[DEVICE_TEXT_MAX];
	bool found = device_find(exact, &device);
	assert_int_equal(found, wanted[0] != '\0');
	assert_string_equal(device_format(&device, name), wanted);
	free((void *)exact.data);
}

static void a_sep_name_is_a_word_of_its_own(void **state)
{
	(void)state;
	assert_device("SEP8CB64F576113", "SEP8CB64F576113");
	assert_device("CP-7962G-SEP8CB64F576113", "SEP8CB64F576113");
	assert_device("cn=CP-8841-SEP001122334455,ou=x", "SEP001122334455");
	assert_device("x SEP8CB64F57611 SEP001122334455 y", "SEP001122334455");
	assert_device("SEP8CB64F576113.cnf.xml", "SEP8CB64F576113");
	assert_device("SEPSEPSEPSEP001122334455", "");
	assert_device("SEP SEP001122334455", "SEP001122334455");
	assert_device("SEP8CB64F5761130", "");
	assert_device("XSEP8CB64F576113", "");
	assert_device("SEP8CB64F57611G", "");
	assert_device("SEP8CB64F57611", "");
	assert_device("SEP000000000000", ""); // nobody
	assert_device("", "");
	assert_device("SE", "");
	assert_device("SEP", "");
}

static void devices_compare_by_their_mac(void **state)
{
	(void)state;
	struct device a = {0}, b = {0};
	char name[DEVICE_TEXT_MAX];
	assert_true(device_is_none(&a));
	assert_string_equal(device_format(&a, name), "");
	device_find(slice_of("SEP8CB64F576113"), &a);
	device_find(slice_of("CP-7962G-SEP8CB64F576113"), &b);
	assert_true(device_equals(&a, &b));
	assert_false(device_is_none(&a));
	device_find(slice_of("SEP8CB64F576114"), &b);
	assert_false(device_equals(&a, &b));
}

// ---- any bytes ----

// Every prefix of many lines, exactly as long as its memory.
static void no_cut_line_is_read_past_its_end(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"<166>:Jan 13 2026 15:51:28 MSK: %ASA-auth-6-113004: message repeated 2 times: [ x ]",
		"<134>Nov 21 10:19:27 SEP8CB64F576113 4943 NOT Mar 09 18:32:40.678040 (346:1887) SECUREAPP-x: SEP001122334455",
		"<166>1 2026-06-27T12:17:46.123+02:00 fw1 asa 99 ID1 [origin ip=\"1.2.3.4\"] \xef\xbb\xbf%ASA-6-725001: x",
		"2026-09-30T09:06:09.254798+00:00 local4.err host %ASA-3-713061: x",
		"\"<134>10:20:33 TFTP Timeout : SEP8CB64F576113.cnf.xml.sgn\"",
	};
	for (size_t i = 0; i < N(lines); i++) {
		for (uint32_t len = 0; len <= strlen(lines[i]); len++) {
			struct slice whole = slice_exact(lines[i], len), payload = whole, line;
			while (message_next(&payload, &line)) {
				struct message m;
				message_parse(NULL, line, &m);
				assert_true(
					m.text.len == 0 ||
					(m.text.data >= line.data &&
						m.text.data + m.text.len <= line.data + line.len));
			}
			free((void *)whole.data);
		}
	}
}

// As many seams as a datagram can hold: each costs its own bytes, not those of the whole rest
// again.
static void a_datagram_full_of_seams_is_divided(void **state)
{
	(void)state;
	static char bytes[65000];
	struct slice payload = {bytes, sizeof(bytes)}, line;
	unsigned n = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = "<1>1:"[i % 5];
	while (message_next(&payload, &line))
		n += slice_equals_text(line, "<1>1:");
	assert_int_equal(n, sizeof(bytes) / 5);
}

static void same(struct slice a, struct slice b, const char *line)
{
	if (a.len != b.len || (a.len && a.data != b.data))
		fail_msg("'%s': '%.*s' and '%.*s'", line, (int)a.len, a.data, (int)b.len, b.data);
}

// Each after all others, and again with other digits: what is remembered must not show.
static void headers_that_are_remembered_make_no_difference(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"<166>Nov 21 2026 10:19:27 asa-1 : %ASA-6-725001: x",
		"<166>Nov 21 2026 10:19:27 asa-2 : %ASA-6-725001: x",
		"<166>Nov 21 2026 10:19:27 asa-12 : %ASA-6-725001: x",
		"<166>Nov  7 2026 10:19:27 asa-1 : %ASA-6-725001: x",
		"<166>Nov  7 2026 10:19:2x asa-1 : %ASA-6-725001: x",
		"<166>Nov 21 10:19:27 asa-1 %ASA-6-725001: x",
		"<866>Nov 21 10:19:27 asa-1 %ASA-6-725001: x",
		"<166>1 2026-11-21T10:19:27.123Z asa-1 - - - - %ASA-6-725001: x",
		"<166>2 2026-11-21T10:19:27.123Z asa-1 - - - - %ASA-6-725001: x",
		"<166>1 2026-11-21T10:19:27.123+02:00 1 - - - - %ASA-6-725001: x",
		"<166>Nov 21 10:19:27 relay Nov 21 2026 10:19:27: %ASA-6-725001: x",
		"<166>:Nov 21 10:19:27 CET: %ASA-6-725001: x",
		"Nov 21 10:19:27 host sshd[9]: Invalid user %ASA-6-725001: x",
		"Nov 21 10:19:27 host sshd[9]: %ASA-6-725001: x",
		"%ASA-6-725001: x",
		"<166>%ASA-6-725001: x",
	};
	static struct shape_table shapes;
	for (unsigned round = 0; round < 3 * N(lines); round++) {
		for (size_t i = 0; i < N(lines); i++) {
			char line[128];
			struct message with, without;
			snprintf(line, sizeof(line), "%s", lines[(i + round) % N(lines)]);
			for (char *c = line; *c && round > N(lines); c++)
				*c = *c >= '0' && *c < '9' && round % 3 ? (char)(*c + 1) : *c;
			message_parse(NULL, slice_of(line), &without);
			message_parse(&shapes, slice_of(line), &with);
			assert_int_equal(with.source, without.source);
			assert_int_equal(with.asa_id, without.asa_id);
			same(with.text, without.text, line);
			same(with.stamp, without.stamp, line);
			same(with.origin, without.origin, line);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_at_lf_cr_and_nul),
		cmocka_unit_test(blank_lines_are_passed_over),
		cmocka_unit_test(glued_records_are_divided),
		cmocka_unit_test(brackets_in_a_text_are_no_seam),
		cmocka_unit_test(a_user_that_imitates_a_glued_record_stays_text),
		cmocka_unit_test(every_header_of_an_asa_is_read),
		cmocka_unit_test(the_tag_tells_the_level),
		cmocka_unit_test(the_asas_own_name_outweighs_the_relays),
		cmocka_unit_test(rfc_5424_headers_are_read),
		cmocka_unit_test(what_relays_add_is_taken_off),
		cmocka_unit_test(class_words_stand_inside_the_tag),
		cmocka_unit_test(a_tag_that_is_cut_or_odd_is_none),
		cmocka_unit_test(other_families_are_other),
		cmocka_unit_test(who_speaks_of_a_phone_is_none),
		cmocka_unit_test(a_tag_in_the_middle_of_a_text_is_text),
		cmocka_unit_test(other_lines_keep_their_time_and_host),
		cmocka_unit_test(every_record_of_a_phone_is_read),
		cmocka_unit_test(a_syslog_header_stands_before_a_record),
		cmocka_unit_test(status_page_lines_are_a_phones),
		cmocka_unit_test(a_record_names_its_phone_in_the_text),
		cmocka_unit_test(an_asa_tag_inside_a_phones_text_is_text),
		cmocka_unit_test(a_sep_name_is_a_word_of_its_own),
		cmocka_unit_test(devices_compare_by_their_mac),
		cmocka_unit_test(no_cut_line_is_read_past_its_end),
		cmocka_unit_test(a_datagram_full_of_seams_is_divided),
		cmocka_unit_test(headers_that_are_remembered_make_no_difference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
