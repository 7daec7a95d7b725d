// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <time.h>

#include "../../control/canvas.h"
#include "../../control/change.h"
#include "../../control/glyph.h"
#include "../../control/render.h"

static int set_zone(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

typedef void (*render_fn)(FILE *out, const json_t *data, unsigned columns);

// To be freed.
static char *rendered(render_fn render, const json_t *data, unsigned columns)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	render(out, data, columns);
	fclose(out);
	assert_non_null(text);
	return text;
}

// No line is longer, and nothing in it acts on a terminal.
static void expect_fit(const char *text, unsigned columns, int line_number)
{
	for (const char *line = text; *line;) {
		struct slice one = {line, (uint32_t)strcspn(line, "\n")};
		if (glyph_columns(one) > columns) {
			print_error(
				"%u columns: %.*s\n", glyph_columns(one), (int)one.len, one.data);
			_fail(__FILE__, line_number);
		}
		struct glyph glyph;
		for (struct slice rest = one; rest.len;) {
			struct slice before = rest;
			glyph_next(&rest, &glyph);
			if (memcmp(glyph.text, before.data, glyph.len) != 0) {
				print_error("not printable: %.*s\n", (int)one.len, one.data);
				_fail(__FILE__, line_number);
			}
		}
		line += one.len + (line[one.len] == '\n');
	}
}
#define assert_fits(text, columns) expect_fit(text, columns, __LINE__)

static void assert_has(const char *text, const char *wanted)
{
	assert_non_null(text);
	if (strstr(text, wanted) == NULL)
		fail_msg("'%s' is missing in:\n%s", wanted, text);
}

static void assert_lacks(const char *text, const char *unwanted)
{
	assert_non_null(text);
	if (strstr(text, unwanted))
		fail_msg("'%s' stands in:\n%s", unwanted, text);
}

static json_t *line_of(
	const char *time, const char *source, const char *code, const char *text, bool ambiguous)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b}", "time", time, "source", source, "code", code,
		"text", text, "ambiguous", ambiguous);
}

static json_t *diagnosis(const char *name, const char *device, const char *title)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:n, s:s?, s:s, s:n, s:n, s:n, s:s, s:s, s:s, s:n, s:i, s:{s:s, s:s}, s:b, s:s, s:s, s:s, s:[o, o]}",
		"type", "diagnosis", "id", "0123456789abcdef", "diagnosis", name, "state", "open",
		"confidence", "confirmed", "is_phone", 1, "client_ip", "172.16.250.9", "tunnel_ip",
		"device", device, "model", "CP-7962G", "user", "tunnel_group", "group_policy",
		"gateway", "asa-hq-1", "first_seen", "2026-11-21T10:19:27.155Z", "last_seen",
		"2026-11-21T10:20:27.432Z", "recovered_at", "count", 3, "details", "leaf_hash",
		"1289B8A7AA9FFD84865E38939F3466A61B5608FC", "cause", "never-trusted", "ambiguous",
		0, "title", title, "remedy",
		"First this:\n  tunnel-group X webvpn-attributes\nthen that.", "reference",
		"Cisco 116162", "evidence",
		line_of("2026-11-21T10:19:27.155Z", "asa", "725014",
			"SSL lib error. Function: SSL3_READ_BYTES Reason: tlsv1 alert unknown ca",
			false),
		line_of("2026-11-21T10:19:27.432Z", "phone", "VPNC", "verify failed", false));
}

// ---- diagnoses ----

static void diagnoses_stand_below_what_is_wrong(void **state)
{
	(void)state;
	json_t *list = json_pack("[o, o, o]",
		diagnosis("csd-enabled", "SEP8CB64F576113", "CSD is enabled"),
		diagnosis("cert-hash-mismatch", "SEP8CB64F576114",
			"The phone rejects the certificate"),
		diagnosis("cert-hash-mismatch", "SEP8CB64F576115",
			"The phone rejects the certificate"));
	char *text = rendered(render_diagnoses, list, 80);
	assert_fits(text, 80);
	assert_string_equal(text,
		"  PHONE            ADDRESS       GATEWAY   SURE       COUNT  SINCE\n"
		"\n"
		"cert-hash-mismatch (2)\n"
		"  The phone rejects the certificate\n"
		"  SEP8CB64F576114  172.16.250.9  asa-hq-1  confirmed      3  11-21 10:19\n"
		"  SEP8CB64F576115  172.16.250.9  asa-hq-1  confirmed      3  11-21 10:19\n"
		"\n"
		"csd-enabled\n"
		"  CSD is enabled\n"
		"  SEP8CB64F576113  172.16.250.9  asa-hq-1  confirmed      3  11-21 10:19\n"
		"\n"
		"3 in all: 3 confirmed, 0 probable, 0 suspected; times in UTC\n"
		"what to do: offhook phone PHONE\n");
	free(text);
	json_decref(list);
}

static void gateways_and_what_is_open_come_first(void **state)
{
	(void)state;
	json_t *list = json_array();
	for (size_t i = 0; i < 3; i++) {
		json_t *d = diagnosis("a-over", "SEP8CB64F576113", "Over");
		json_object_set_new(d, "state", json_string("recovered"));
		json_array_append_new(list, d);
	}
	json_array_append_new(list, diagnosis("b-one", "SEP000000000001", "One"));
	json_t *over = diagnosis("b-two", "SEP000000000002", "Two");
	json_object_set_new(over, "state", json_string("recovered"));
	json_object_set_new(over, "first_seen", json_string("2026-11-21T10:00:00.000Z"));
	json_array_append_new(list, over);
	json_array_append_new(list, diagnosis("b-two", "SEP000000000003", "Two"));
	json_t *gateway = diagnosis("z-gateway", NULL, "Gateway");
	json_object_set_new(gateway, "scope", json_string("gateway"));
	json_object_set_new(gateway, "client_ip", json_null());
	json_array_append_new(list, gateway);
	char *text = rendered(render_diagnoses, list, 80);
	static const char *const order[] = {"z-gateway\n", "  asa-hq-1 ", "b-two (2)\n",
		"SEP000000000003", "SEP000000000002", "b-one\n", "a-over (3)\n",
		"of a gateway: offhook diagnoses --id ID --gateway GATEWAY\n"};
	const char *at = text;
	for (size_t i = 0; i < N(order); i++) {
		at = strstr(at, order[i]);
		if (at == NULL)
			fail_msg("'%s' comes too early, or not at all:\n%s", order[i], text);
	}
	free(text);
	json_decref(list);
}

static void closed_and_ambiguous_ones_say_so(void **state)
{
	(void)state;
	json_t *d = diagnosis("csd-enabled", NULL, "CSD"), *list = json_pack("[o]", d);
	json_object_set_new(d, "state", json_string("recovered"));
	json_object_set_new(d, "ambiguous", json_true());
	char *text = rendered(render_diagnoses, list, 80);
	assert_has(text,
		"172.16.250.9  172.16.250.9  asa-hq-1  confirmed?      3  11-21 10:19 recovered\n");
	free(text);
	json_decref(list);
}

static void long_names_give_way_to_the_phone(void **state)
{
	(void)state;
	json_t *d = diagnosis("simultaneous-logins-exceeded", "SEP8CB64F576113", "Too many logins");
	json_t *list = json_pack("[o]", d);
	json_object_set_new(
		d, "gateway", json_string("asa-of-a-very-long-name.branch.example.net"));
	json_object_set_new(d, "client_ip", json_string("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"));
	char *text = rendered(render_diagnoses, list, 80);
	assert_fits(text, 80);
	assert_has(text, "SEP8CB64F576113  ");
	assert_has(text, "…");
	free(text);
	json_object_set_new(d, "device", json_null());
	json_object_set_new(d, "user",
		json_string(
			"somebody with a very long name who is no phone at all and never was @x"));
	text = rendered(render_diagnoses, list, 80);
	assert_fits(text, 80);
	free(text);
	json_decref(list);
}

static void chinese_titles_are_measured_in_columns(void **state)
{
	(void)state;
	const char *title = "電話拒絕了安全設備的憑證，因為它的雜湊值與設定檔中的不同，請將新的憑證"
			    "匯入呼叫管理員後重新啟動電話";
	json_t *list = json_pack("[o]", diagnosis("cert-hash-mismatch", "SEP8CB64F576113", title));
	for (unsigned columns = 40; columns < 130; columns++) {
		char *text = rendered(render_diagnoses, list, columns);
		assert_fits(text, columns);
		free(text);
		text = rendered(render_change, json_array_get(list, 0), columns);
		if (columns >= 48)
			assert_fits(text, columns);
		free(text);
	}
	json_decref(list);
}

static void nothing_is_said_plainly(void **state)
{
	(void)state;
	json_t *list = json_array();
	char *text = rendered(render_diagnoses, list, 80);
	assert_string_equal(text, ""); // the client says so on stderr
	free(text);
	json_decref(list);
}

static const char *take(struct changes *changes, const json_t *d, const char *state,
	const char *confidence, const char *first_seen, int sequence)
{
	json_t *now = json_deep_copy(d);
	json_object_set_new(now, "state", json_string(state));
	json_object_set_new(now, "confidence", json_string(confidence));
	json_object_set_new(now, "first_seen", json_string(first_seen));
	json_object_set_new(now, "sequence", json_integer(sequence));
	const char *change = change_take(changes, now);
	static const char *const words[] = {
		"open", "reopened", "confirmed", "update", "recovered", "expired", "absorbed"};
	for (size_t i = 0; i < N(words); i++) {
		if (strcmp(change, words[i]) == 0)
			change = words[i];
	}
	json_decref(now);
	return change;
}

static void change_is_known_by_what_was_told_before(void **state)
{
	(void)state;
	struct changes changes;
	json_t *d = diagnosis("csd-enabled", "SEP8CB64F576113", "CSD");
	static const char old[] = "2001-01-01T00:00:00.000Z", later[] = "9001-01-01T00:00:00.000Z";
	changes_init(&changes);
	json_object_set_new(d, "id", json_string("a"));
	assert_string_equal(take(&changes, d, "open", "probable", later, 3), "open");
	assert_string_equal(take(&changes, d, "open", "probable", later, 4), "update");
	assert_string_equal(take(&changes, d, "open", "confirmed", later, 5), "confirmed");
	assert_string_equal(take(&changes, d, "open", "confirmed", later, 6), "update");
	assert_string_equal(take(&changes, d, "recovered", "confirmed", later, 7), "recovered");
	assert_string_equal(take(&changes, d, "open", "confirmed", later, 8), "reopened");
	assert_string_equal(take(&changes, d, "expired", "confirmed", later, 9), "expired");
	json_object_set_new(d, "id", json_string("b"));
	assert_string_equal(take(&changes, d, "open", "confirmed", old, 9), "update");
	json_object_set_new(d, "id", json_string("c"));
	assert_string_equal(take(&changes, d, "open", "confirmed", old, 1), "open");
	changes_fini(&changes);
	json_decref(d);
}

static void change_is_one_line(void **state)
{
	(void)state;
	json_t *d = diagnosis("csd-enabled", "SEP8CB64F576113", "CSD");
	char *text = rendered(render_change, d, 100);
	assert_string_equal(text,
		"10:20:27.432 open      SEP8CB64F576113 csd-enabled, confirmed at asa-hq-1, 3 times, "
		"172.16.250.9\n");
	free(text);
	text = rendered(render_change, d, 80);
	assert_fits(text, 80);
	assert_has(text, " open      SEP8CB64F576113 csd-enabled, confirmed at asa-hq-1, 3 ti…\n");
	free(text);
	json_decref(d);
}

// ---- hostile text ----

#define HOSTILE                                                     \
	"a\x1b]0;owned\x07\x1b[2J\rb\nc\xe2\x80\xaetxt.exe\xc2\x9b" \
	"1m\xe2\x81\xa6"

static void put_everywhere(json_t *value, const char *text)
{
	const char *key;
	json_t *item;
	size_t i;
	json_object_foreach(value, key, item)
	{
		if (json_is_string(item) && strcmp(key, "time") != 0)
			json_string_set(item, text);
		put_everywhere(item, text);
	}
	json_array_foreach(value, i, item)
	{
		put_everywhere(item, text);
	}
}

static json_t *phone_of(json_t *d)
{
	return json_pack(
		"{s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:[o], "
		"s:b, s:[o, o, o]}",
		"type", "phone", "is_phone", 1, "client_ip", "172.16.250.9", "tunnel_ip",
		"10.10.0.5", "device", "SEP8CB64F576113", "model", "CP-7962G", "user",
		"CP-7962G-SEP8CB64F576113", "tunnel_group", "VPNPhone", "group_policy",
		"GroupPolicy_VPNPhone", "gateway", "asa-hq-1", "first_seen",
		"2026-11-21T10:00:00.000Z", "last_seen", "2026-11-21T10:20:27.432Z", "tunnel_up_at",
		"2026-11-21T10:10:00.000Z", "others_at_address", 2, "diagnoses", d, "timeline_cut",
		0, "timeline",
		line_of("2026-11-21T10:19:27.155Z", "asa", "725014",
			"SSL lib error. Function: SSL3_READ_BYTES Reason: tlsv1 alert unknown ca",
			true),
		line_of("2026-11-21T10:19:27.300Z", "phone", "VPNC",
			"cert_vfy_cb: depth:0 of 0, verify failed, the certificate is not the one",
			false),
		line_of("2026-11-21T10:19:27.432Z", "asa", "725006",
			"Device failed SSL handshake with client outside:172.16.250.9/50091",
			false));
}

static json_t *status_of(void)
{
	return json_pack(
		"{s:s, s:i, s:i, s:{s:s, s:[s]}, s:{s:s, s:i, s:i, s:i, s:b, s:s, s:{s:s, s:s}}, "
		"s:[{s:s, s:s, s:i, s:i, s:i}], s:[{s:i, s:i, s:i, s:f}], s:{s:i, s:i}, s:{s:{s:i, "
		"s:i}, s:i}, s:{s:s, s:I, s:I, s:I}, s:[{s:s, s:s, s:i, s:[{s:s, s:s, s:s}]}]}",
		"version", "0.1.0", "pid", 7, "uptime_s", 93784, "health", "state", "degraded",
		"reasons", "the last reload failed; what was in use stays in use", "rules",
		"directory", "/r", "messages", 5, "diagnoses", 2, "took_ms", 9, "from_cache", 1,
		"loaded_at", "2026-11-21T10:00:00.000Z", "last_failure", "time",
		"2026-11-21T10:05:00.000Z", "errors", "/r/a.yaml:1:2: bad\n/r/a.yaml:3:4: worse\n",
		"ports", "port", "lo", "driver", "net_af_xdp", "queues", 1, "received", 1234567,
		"missed", 3, "workers", "worker", 0, "queues", 1, "messages", 5, "busy_percent",
		12.5, "dropped", "empty", 1, "arp", 0, "tables", "clients", "used", 2, "limit",
		1000, "phones", 1, "memory", "allocator", "jemalloc", "resident_set",
		(json_int_t)1 << 30, "allocated", (json_int_t)1 << 20, "resident",
		(json_int_t)1 << 20, "gateways", "name", "asa-hq-1", "last_seen",
		"2026-11-21T10:20:27.432Z", "events", 99, "warnings", "id", "no-tls-lines", "text",
		"sends no line of a TLS handshake (725xxx): a phone that fails before its login is not seen",
		"command", "logging class ssl trap debugging");
}

static void no_byte_of_log_text_reaches_the_terminal(void **state)
{
	(void)state;
	static const render_fn renders[] = {render_diagnoses, render_phones, render_phone,
		render_status, render_reload, render_change, render_history};
	json_t *d = diagnosis("x", "y", "z");
	json_t *all[] = {json_pack("[O]", d), json_pack("[o]", phone_of(json_incref(d))),
		phone_of(json_incref(d)), status_of(), status_of(), json_incref(d),
		json_pack("[O, O]", d, d)};
	for (size_t i = 0; i < N(renders); i++) {
		put_everywhere(all[i], HOSTILE);
		char *text = rendered(renders[i], all[i], 80);
		for (const char *c = text; *c; c++) {
			if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f)
				fail_msg("%zu: byte %02x in %s", i, (unsigned)*c, text);
		}
		assert_lacks(text, "\xe2\x80\xae");
		assert_lacks(text, "\xc2\x9b");
		free(text);
		json_decref(all[i]);
	}
	json_decref(d);
}

static void history_is_a_line_for_each_state(void **state)
{
	(void)state;
	json_t *d = diagnosis("cert-hash-mismatch", "SEP8CB64F576113", "The hash is not trusted");
	json_object_set_new(d, "recorded_at", json_string("2026-11-21T10:19:28.155Z"));
	json_t *alert = json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:i, s:i}, s:s}", "type", "alert",
		"alert", "fleet-cert-mismatch-that-spreads-over-many", "state", "firing",
		"severity", "critical", "gateway", "asa-with-a-long-name-1", "phones", "affected",
		412, "known", 498, "recorded_at", "2026-11-21T10:20:00.000Z");
	json_t *disk = json_pack("{s:s, s:s, s:s, s:s, s:{s:i, s:n}, s:s}", "type", "alert",
		"alert", "history-degraded", "state", "firing", "severity", "medium", "phones",
		"affected", 0, "known", "recorded_at", "2026-11-21T10:21:00.000Z");
	json_t *list = json_pack("[o, o, o]", disk, alert, d);
	char *text = rendered(render_history, list, 80);
	assert_fits(text, 80);
	assert_has(
		text, "  11-21 10:20 firing    asa-wit…-name-1 fleet-cert-mismatch-that-spreads");
	assert_has(text, "  11-21 10:19 open      SEP8CB64F576113 cert-hash-mismatch, ");
	assert_has(text, " fleet           history-degraded, medium\n");
	assert_has(text, "3 shown, the newest first; times in UTC");
	free(text);
	text = rendered(render_history, list, 160);
	assert_has(
		text, "fleet-cert-mismatch-that-spreads-over-many, critical, 412 of 498 phones\n");
	free(text);
	text = rendered(render_history, list, 40);
	free(text);
	json_decref(list);
}

static void what_an_object_lacks_is_left_out(void **state)
{
	(void)state;
	static const render_fn renders[] = {render_diagnoses, render_phones, render_phone,
		render_status, render_reload, render_change, render_history};
	json_t *empty[] = {json_object(), json_array(), json_null(), json_pack("[{}]"),
		json_pack("[{s:s}]", "diagnosis", "x"),
		json_pack("{s:[{}], s:[{}]}", "timeline", "diagnoses")};
	for (size_t i = 0; i < N(renders); i++) {
		for (size_t k = 0; k < N(empty); k++)
			free(rendered(renders[i], empty[k], 80));
	}
	for (size_t k = 0; k < N(empty); k++)
		json_decref(empty[k]);
}

// ---- a phone ----

static void story_is_told_on_one_screen(void **state)
{
	(void)state;
	json_t *phone = phone_of(
		diagnosis("cert-hash-mismatch", "SEP8CB64F576113", "The phone rejects it"));
	char *text = rendered(render_phone, phone, 80);
	assert_fits(text, 80);
	assert_has(text,
		"SEP8CB64F576113  CP-7962G  (2 more at its address)\n  confirmed: The phone rejects it\n");
	assert_has(text, "  client        172.16.250.9             tunnel        10.10.0.5\n");
	assert_has(text,
		"  last seen     2026-11-21 10:20:27      last tunnel   2026-11-21 10:10:00\n");
	assert_has(text, "              ASA                             │ phone\n");
	assert_has(text, "\n2026-11-21\n"
			 "10:19:27.155*?725014 SSL lib error. Function: │\n"
			 "              SSL3_READ_BYTES Reason: tlsv1   │\n"
			 "              alert unknown ca                │\n");
	assert_has(text,
		"10:19:27.300                                  │ VPNC depth:0 of 0, verify\n"
		"                                              │ failed, the cer… is not the "
		"one\n");
	assert_has(text, "  * evidence   ? could be another's\n");
	assert_has(text, "The phone rejects it (cert-hash-mismatch)\n  open, confirmed, 3 times, "
			 "2026-11-21 10:19:27 to 10:20:27\n");
	assert_has(text, "  leaf_hash       1289B8A7AA9FFD84865E38939F3466A61B5608FC\n");
	assert_has(
		text, "    First this:\n      tunnel-group X webvpn-attributes\n    then that.\n");
	assert_lacks(text, "Evidence"); // the time line has it
	unsigned lines = 0;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_true(lines <= 30);
	free(text);
	json_decref(phone);
}

static void what_is_to_be_typed_is_never_broken(void **state)
{
	(void)state;
	json_t *d = diagnosis("x", "SEP8CB64F576113", "t");
	static const char command[] = "     ssl cipher tlsv1.2 custom "
				      "\"AES256-SHA:AES128-SHA:DHE-RSA-AES256-SHA:DHE-RSA-AES128\"";
	char remedy[512];
	snprintf(remedy, sizeof(remedy),
		"1. Leave RSA ciphers only, for the phones know no others and never will know "
		"any:\n%s\n\n"
		"12. Then see.",
		command);
	json_object_set_new(d, "remedy", json_string(remedy));
	json_t *phone = phone_of(d);
	char *text = rendered(render_phone, phone, 80);
	assert_has(text, command);
	assert_has(text,
		"    1. Leave RSA ciphers only, for the phones know no others and never will know\n"
		"       any:\n");
	assert_has(text, "\n\n    12. Then see.\n");
	free(text);
	json_decref(phone);
}

static void time_line_leaves_out_who_it_is(void **state)
{
	(void)state;
	json_t *phone = phone_of(diagnosis("x", "SEP8CB64F576113", "t"));
	json_t *timeline = json_object_get(phone, "timeline");
	json_array_clear(timeline);
	json_array_append_new(timeline,
		line_of("2026-11-21T10:19:27.155Z", "asa", "722051",
			"Group <G> User <bob> IP <192.0.2.1> IPv4 Address <10.0.0.1> assigned",
			false));
	json_array_append_new(timeline, line_of("2026-11-21T10:19:27.155Z", "asa", "113005",
						"AAA user <a> IP <b> x", false));
	char *text = rendered(render_phone, phone, 80);
	assert_has(text, "  722051 … IPv4 Address <10.0.0.1> assigned\n");
	assert_has(text, "  113005 AAA user <a> IP <b> x\n");
	json_array_append_new(timeline, line_of("2026-11-21T10:19:27.155Z", "phone", "VPNC",
						"VPNC: -dtls_state_cb: up", false));
	free(text);
	text = rendered(render_phone, phone, 80);
	assert_has(text, " │ VPNC up\n");
	free(text);
	json_decref(phone);
}

static void it_is_told_how_sure_it_is_whose_line_it_is(void **state)
{
	(void)state;
	json_t *phone = phone_of(diagnosis("x", "SEP8CB64F576113", "t"));
	json_t *timeline = json_object_get(phone, "timeline");
	json_array_clear(timeline);
	json_t *bound =
		line_of("2026-11-21T10:19:27.155Z", "asa", "725014", "SSL lib error.", false);
	json_object_set_new(bound, "bound", json_true());
	json_array_append_new(timeline, bound);
	char *text = rendered(render_phone, phone, 80);
	assert_has(text, "10:19:27.155 ~725014 SSL lib error.\n");
	assert_has(text, "  ~ bound by the lines around it\n");
	free(text);
	json_object_set_new(bound, "ambiguous", json_true());
	text = rendered(render_phone, phone, 80);
	assert_has(text, "10:19:27.155 ?725014 SSL lib error.\n");
	assert_has(text, "  ? could be another's\n");
	free(text);
	json_decref(phone);
}

static void evidence_that_repeats_itself_is_shown_once(void **state)
{
	(void)state;
	static const char *const lines[][2] = {
		{"phone", "try 1 failed"}, {"phone", "try 22 failed"}, {"asa", "try 3 failed"}};
	json_t *d = diagnosis("x", "SEP8CB64F576113", "t"), *list = json_object_get(d, "evidence");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		json_array_append_new(list, line_of("2026-11-21T10:20:27.432Z", lines[i][0], "VPNC",
						    lines[i][1], false));
	json_t *found = json_pack("[o]", d);
	char *text = rendered(render_diagnoses, found, 80);
	assert_has(text, "phone VPNC   try 1 failed\n");
	assert_lacks(text, "phone VPNC   try 22 failed");
	assert_has(text, "ASA   VPNC   try 3 failed\n    1 more like these are in --json\n");
	free(text);
	json_decref(found);
}

static void one_side_has_the_whole_width(void **state)
{
	(void)state;
	json_t *phone = phone_of(diagnosis("x", "SEP8CB64F576113", "t"));
	json_array_remove(json_object_get(phone, "timeline"), 1);
	char *text = rendered(render_phone, phone, 100);
	assert_has(text, "Time line, ASA only, arrival in UTC\n");
	assert_has(text, "10:19:27.155*?725014 SSL lib error. Function: SSL3_READ_BYTES Reason: "
			 "tlsv1 alert unknown ca\n"
			 "10:19:27.432  725006 Device failed SSL handshake …\n");
	assert_lacks(text, "│");
	free(text);
	json_decref(phone);
}

static void evidence_and_the_latest_lines_are_shown(void **state)
{
	(void)state;
	json_t *phone = phone_of(diagnosis("x", "SEP8CB64F576113", "t"));
	json_t *timeline = json_object_get(phone, "timeline");
	for (unsigned i = 0; i < 26; i++) {
		char word[] = {(char)('a' + i), '\0'};
		json_array_append_new(
			timeline, line_of("2026-11-21T10:30:00.000Z", "asa", "1", word, false));
	}
	char *text = rendered(render_phone, phone, 80);
	assert_has(text, "Time line: 9 of 29 lines (--json: all), arrival in UTC\n");
	assert_has(text, "*?725014 SSL lib error.");
	assert_has(text, " │ VPNC depth:0"); // of either side
	assert_lacks(text, "725006 Device failed");
	assert_lacks(text, "  1 s ");
	assert_has(text, "  1 t ");
	assert_has(text, "  1 z ");
	free(text);
	json_decref(phone);
}

static void lines_that_repeat_themselves_are_counted(void **state)
{
	(void)state;
	json_t *phone = phone_of(diagnosis("x", "SEP8CB64F576113", "t"));
	json_t *timeline = json_object_get(phone, "timeline");
	static const char *const words[] = {"try 1 failed", "Cipher[1] : AES256-SHA",
		"Cipher[2] : AES128-SHA", "try 12 failed", "try 3 failed"};
	json_array_clear(timeline);
	for (size_t i = 0; i < N(words); i++)
		json_array_append_new(timeline,
			line_of("2026-11-21T10:30:00.000Z", "asa", "113005", words[i], false));
	char *text = rendered(render_phone, phone, 80);
	assert_has(text, "lines (--json: all)");
	assert_has(text, "113005 Cipher[1] : AES256-SHA\n");
	assert_has(text, "113005 Cipher[2] : AES128-SHA\n");
	assert_has(text, "113005 3× try 3 failed\n");
	assert_lacks(text, "try 1");
	free(text);
	json_decref(phone);
}

static json_t *recovered(const char *name, const char *title)
{
	json_t *d = diagnosis(name, "SEP8CB64F576113", title);
	json_object_set_new(d, "state", json_string("recovered"));
	json_object_set_new(d, "recovered_at", json_string("2026-11-21T10:25:00.000Z"));
	return d;
}

static void open_ones_are_told_before_those_that_are_over(void **state)
{
	(void)state;
	json_t *phone = phone_of(recovered("old", "Was wrong"));
	json_t *diagnoses = json_object_get(phone, "diagnoses");
	char *text = rendered(render_phone, phone, 80);
	assert_has(text, "  Nothing is wrong now; what was is below.\n");
	assert_has(text, "Was wrong (old)\n  recovered, confirmed, 3 times, 2026-11-21 10:19:27 to "
			 "10:20:27, recovered\n  10:25:00\n");
	assert_has(text, "  What to do if it comes back\n    First this:\n");
	free(text);
	json_array_append_new(diagnoses, diagnosis("new", "SEP8CB64F576113", "Is wrong"));
	text = rendered(render_phone, phone, 80);
	assert_fits(text, 80);
	assert_has(text, "(2 more at its address)\n  confirmed: Is wrong\n  client");
	assert_has(text, "  What to do\n    First this:\n");
	assert_lacks(text, "if it comes back");
	assert_true(strstr(text, "Is wrong (new)\n") < strstr(text, "Was wrong (old)\n"));
	free(text);
	json_t *doubt = diagnosis("doubt", "SEP8CB64F576113", "May be wrong");
	json_object_set_new(doubt, "confidence", json_string("suspected"));
	json_array_insert_new(diagnoses, 0, doubt);
	text = rendered(render_phone, phone, 80);
	assert_has(text, "  confirmed: Is wrong\n  suspected: May be wrong\n  client");
	assert_has(text,
		"\nMay be wrong (doubt)\n  open, suspected, 3 times, 2026-11-21 10:19:27 to "
		"10:20:27\n\nWas wrong (old)\n");
	free(text);
	json_decref(phone);
}

static void of_many_that_a_key_can_mean_the_names_are_told(void **state)
{
	(void)state;
	static const char *const devices[] = {
		"SEP000000000001", "SEP000000000002", "SEP000000000003"};
	json_t *phones = json_array();
	for (size_t i = 0; i < N(devices); i++) {
		json_t *phone = phone_of(diagnosis("csd-enabled", devices[i], "CSD"));
		json_object_set_new(phone, "device", json_string(devices[i]));
		json_array_append_new(phones, phone);
	}
	json_array_clear(json_object_get(json_array_get(phones, 2), "diagnoses"));
	json_object_set_new(
		json_array_get(json_object_get(json_array_get(phones, 1), "diagnoses"), 0),
		"ambiguous", json_true());
	char *text = rendered(render_phones, phones, 80);
	assert_string_equal(text, "3 match this key; for the story of one: offhook phone NAME\n"
				  "  SEP000000000001             csd-enabled, confirmed\n"
				  "  SEP000000000002           ? csd-enabled, confirmed\n"
				  "  SEP000000000003             nothing wrong now\n");
	free(text);
	text = rendered(render_phones, phones, 60);
	assert_fits(text, 60);
	free(text);
	// What nothing names alone is told at once.
	json_object_set_new(json_array_get(phones, 2), "device", json_string(devices[1]));
	text = rendered(render_phones, phones, 80);
	assert_has(text, "\n\n\nSEP000000000002  CP-7962G  (");
	assert_lacks(text, "\nSEP000000000001  CP");
	free(text);
	json_decref(phones);
}

static void one_row_is_followed_by_its_story(void **state)
{
	(void)state;
	json_t *list = json_pack("[o]", diagnosis("x", "SEP8CB64F576113", "t"));
	char *text = rendered(render_diagnoses, list, 80);
	assert_has(text, "\nt (x)\n  open, confirmed, 3 times, ");
	assert_has(text, "  What to do\n    First this:\n");
	assert_has(text, "  Evidence\n    10:19:27.155 ASA   725014 SSL lib error. Function: "
			 "SSL3_READ_BYTES Reason:\n");
	free(text);
	json_array_append_new(list, diagnosis("x", "SEP8CB64F576114", "t"));
	text = rendered(render_diagnoses, list, 80);
	assert_lacks(text, "What to do\n");
	free(text);
	json_decref(list);
}

static void words_below_their_item_are_wrapped(void **state)
{
	(void)state;
	json_t *d = diagnosis("x", "SEP8CB64F576113", "t");
	json_object_set_new(d, "remedy",
		json_string(
			"2. Turn it off:\n"
			"     no csd enable\n"
			"   ASDM: Configuration > Remote Access VPN > Network (Client) Access > "
			"AnyConnect\n"
			"  show run all group-policy a-group-policy-with-a-name-that-is-longer-than-"
			"the-screen is"));
	json_t *phone = phone_of(d);
	char *text = rendered(render_phone, phone, 80);
	assert_has(text,
		"    2. Turn it off:\n"
		"         no csd enable\n"
		"       ASDM: Configuration > Remote Access VPN > Network (Client) Access >\n"
		"       AnyConnect\n"
		"      show run all group-policy a-group-policy-with-a-name-that-is-longer-"
		"than-the-screen is\n");
	free(text);
	json_decref(phone);
}

static void nothing_wrong_is_said_plainly(void **state)
{
	(void)state;
	json_t *phone = phone_of(diagnosis("x", "SEP8CB64F576113", "t"));
	json_array_clear(json_object_get(phone, "diagnoses"));
	char *text = rendered(render_phone, phone, 80);
	assert_has(text, "  Nothing is known to be wrong.\n");
	free(text);
	json_decref(phone);
}

// ---- status, replay ----

static void status_fits_a_page(void **state)
{
	(void)state;
	json_t *status = status_of();
	json_object_set_new(status, "alerts",
		json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "firing", 2, "kept", 5, "limit", 4096,
			"counted", 1234, "counted_limit", 262144, "refused", 7));
	json_object_set_new(json_object_get(status, "rules"), "waits_for_restart",
		json_string("workers, poll"));
	char *text = rendered(render_status, status, 80);
	assert_fits(text, 80);
	assert_has(text, "\nAlerts\n  firing                2 (offhook alerts)\n");
	assert_has(text, "1,234 of 262,144, for want of room not: 7\n");
	assert_has(text, "  changed in the config, waits for a restart: workers, poll\n");
	assert_has(text, "offhook 0.1.0: degraded, up 1d 02:03:04, pid 7\n"
			 "  ! the last reload failed; what was in use stays in use\n");
	assert_has(text, "net_af_xdp, 1 queue, 1,234,567 received, 3 missed\n");
	assert_has(text, "    /r/a.yaml:1:2: bad\n    /r/a.yaml:3:4: worse\n");
	assert_has(text, "      mend: logging class ssl trap debugging\n");
	assert_has(text, "1024.0 MiB, of 1.0 MiB that jemalloc has reserved\n");
	free(text);
	json_decref(status);
}

// But for what is to be typed, and is never broken.
static void narrow_terminals_are_not_overrun(void **state)
{
	(void)state;
	json_t *status = status_of();
	json_array_clear(json_object_get(status, "gateways"));
	for (unsigned columns = 48; columns < 100; columns++) {
		char *text = rendered(render_status, status, columns);
		assert_fits(text, columns);
		free(text);
	}
	json_decref(status);
}

static void replay_tells_diagnoses_then_statistics(void **state)
{
	(void)state;
	json_t *list =
		json_pack("[o]", diagnosis("csd-enabled", "SEP8CB64F576113", "CSD is enabled"));
	json_t *stats = json_pack("{s:s, s:i, s:i, s:{s:i, s:i}}", "type", "stats", "packets", 12,
		"messages", 11, "asa_codes", "725006", 2, "725014", 0);
	char *text = NULL;
	size_t size;
	setenv("COLUMNS", "80", 1);
	FILE *out = open_memstream(&text, &size);
	render_replay(out, list, stats);
	fclose(out);
	assert_fits(text, 80);
	assert_has(
		text, "SEP8CB64F576113  172.16.250.9  at asa-hq-1\nCSD is enabled (csd-enabled)\n");
	assert_has(text, "  Evidence\n");
	assert_has(text, "          12  packets\n");
	assert_has(text, "           2  725006\n");
	assert_lacks(text, "0  725014");
	free(text);
	json_decref(list);
	json_decref(stats);
}

// ---- the canvas ----

static void text_is_wrapped_at_blanks(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned width, max_lines;
		const char *wanted;
	} cases[] = {
		{"one two three", 80, 0, "one two three\n"},
		{"one two three", 7, 0, "one two\n  three\n"},
		{"one two three", 8, 0, "one two\n  three\n"},
		{"onetwothree", 4, 0, "onet\n  woth\n  ree\n"},
		{"one\ntwo\n\nthree", 80, 0, "one\n  two\n\n  three\n"},
		{"  keep indent", 80, 0, "  keep indent\n"},
		{"one two three four", 7, 2, "one two\n  three…\n"},
		{"", 80, 0, "\n"},
		{"電話電話電話", 5, 0, "電話\n  電話\n  電話\n"},
		// no line begins with a comma, nor ends with a bracket; Korean keeps its words
		{"電話、電話", 5, 0, "電\n  話、\n  電話\n"},
		{"電話（甲）", 6, 0, "電話\n  （甲）\n"},
		{"전화기 인증서", 8, 0, "전화기\n  인증서\n"},
		{"인증서를", 6, 0, "인증서\n  를\n"},
		{"一二三四五", 4, 1, "一…\n"},
		{"\xff\xff", 4, 0, "\\xFF\n  \\xFF\n"},
	};
	for (size_t i = 0; i < N(cases); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		struct canvas canvas = canvas_of(out, 80);
		canvas_wrap(&canvas, cases[i].text, 2, cases[i].width, cases[i].max_lines);
		fclose(out);
		assert_string_equal(text, cases[i].wanted);
		free(text);
	}
}

static void name_is_cut_in_the_middle(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned width;
		const char *wanted;
	} cases[] = {{"asa-branch-01", 13, "asa-branch-01"}, {"asa-branch-01", 9, "asa-…h-01"},
		{"2001:db8:ff::3", 8, "2001…::3"}, {"asa", 5, "asa  "},
		{"asa-branch-01", 4, "asa…"}, {"電話機電話機", 8, "電話…機 "},
		{"abcdefgo\xcc\x88hi", 5, "ab…hi"}, {"abcdefgo\xcc\x88", 5, "ab…go\xcc\x88"},
		{"", 6, "      "}};
	for (size_t i = 0; i < N(cases); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		struct canvas canvas = canvas_of(out, 80);
		canvas_name(&canvas, STYLE_PLAIN, cases[i].text, cases[i].width);
		fclose(out);
		assert_string_equal(text, cases[i].wanted);
		free(text);
	}
}

static void zone_is_told_by_its_offset_too(void **state)
{
	(void)state;
	static const struct {
		const char *zone, *wanted;
	} cases[] = {{"UTC", "UTC"}, {"CST-8", "CST (UTC+08:00)"}, {"NST3:30", "NST (UTC-03:30)"}};
	for (size_t i = 0; i < N(cases); i++) {
		char text[CANVAS_TIME_MAX];
		setenv("TZ", cases[i].zone, 1);
		tzset();
		struct canvas canvas = canvas_of(stdout, 80);
		assert_string_equal(canvas_zone(&canvas, text), cases[i].wanted);
	}
	set_zone(state);
}

static void cell_is_as_wide_as_it_should_be(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned width;
		const char *wanted;
	} cases[] = {{"abc", 5, "abc  "}, {"abcdef", 5, "abcd…"}, {"abcde", 5, "abcde"},
		{"電話機", 5, "電話…"}, {"電話機", 4, "電… "}, {"", 3, "   "}, {NULL, 2, "  "},
		{"abc", 0, ""}, {"\x1b", 4, "\\x1B"}};
	for (size_t i = 0; i < N(cases); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		struct canvas canvas = canvas_of(out, 80);
		canvas_cell(&canvas, STYLE_BOLD, cases[i].text, cases[i].width);
		fclose(out);
		assert_string_equal(text, cases[i].wanted);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diagnoses_stand_below_what_is_wrong),
		cmocka_unit_test(gateways_and_what_is_open_come_first),
		cmocka_unit_test(closed_and_ambiguous_ones_say_so),
		cmocka_unit_test(long_names_give_way_to_the_phone),
		cmocka_unit_test(chinese_titles_are_measured_in_columns),
		cmocka_unit_test(nothing_is_said_plainly),
		cmocka_unit_test(change_is_known_by_what_was_told_before),
		cmocka_unit_test(change_is_one_line),
		cmocka_unit_test(no_byte_of_log_text_reaches_the_terminal),
		cmocka_unit_test(history_is_a_line_for_each_state),
		cmocka_unit_test(what_an_object_lacks_is_left_out),
		cmocka_unit_test(story_is_told_on_one_screen),
		cmocka_unit_test(what_is_to_be_typed_is_never_broken),
		cmocka_unit_test(time_line_leaves_out_who_it_is),
		cmocka_unit_test(it_is_told_how_sure_it_is_whose_line_it_is),
		cmocka_unit_test(evidence_that_repeats_itself_is_shown_once),
		cmocka_unit_test(one_side_has_the_whole_width),
		cmocka_unit_test(evidence_and_the_latest_lines_are_shown),
		cmocka_unit_test(lines_that_repeat_themselves_are_counted),
		cmocka_unit_test(open_ones_are_told_before_those_that_are_over),
		cmocka_unit_test(of_many_that_a_key_can_mean_the_names_are_told),
		cmocka_unit_test(one_row_is_followed_by_its_story),
		cmocka_unit_test(words_below_their_item_are_wrapped),
		cmocka_unit_test(nothing_wrong_is_said_plainly),
		cmocka_unit_test(status_fits_a_page),
		cmocka_unit_test(narrow_terminals_are_not_overrun),
		cmocka_unit_test(replay_tells_diagnoses_then_statistics),
		cmocka_unit_test(text_is_wrapped_at_blanks),
		cmocka_unit_test(cell_is_as_wide_as_it_should_be),
		cmocka_unit_test(name_is_cut_in_the_middle),
		cmocka_unit_test(zone_is_told_by_its_offset_too),
	};
	return cmocka_run_group_tests(tests, set_zone, NULL);
}
