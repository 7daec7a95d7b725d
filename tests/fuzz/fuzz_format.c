// SPDX-License-Identifier: BSD-3-Clause
// Any JSON object, as a diagnosis and as an alert, in each format and detail: one line of valid
// UTF-8 with nothing that acts on a terminal, which reads back by the format's rules.
#include "fuzz.h"

#include "../../control/format.h"
#include "../../control/glyph.h"
#include "../../control/syslog_header.h"
#include "../../rules/utf8.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

static void check_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned size = utf8_length(text + i, len - i);
		assert(size > 0);
		assert(text[i] == '\t' || !glyph_is_hostile(glyph_code_point(text + i, size)));
		i += size;
	}
	assert(len == 0 || text[len - 1] != ' ');
}

// Each parameter: NAME="VALUE", in VALUE each of the three characters behind a backslash.
static void check_rfc5424(const char *text)
{
	const char *at = strchr(text, '[');
	assert(at != NULL);
	at += strcspn(at, " ]");
	while (*at == ' ') {
		size_t name = strspn(++at, "abcdefghijklmnopqrstuvwxyz_");
		assert(name > 0 && name <= 32);
		assert(at[name] == '=' && at[name + 1] == '"');
		for (at += name + 2; *at != '"'; at++) {
			assert(*at && *at != ']');
			if (*at == '\\') {
				at++;
				assert(*at == '"' || *at == '\\' || *at == ']');
			}
		}
		at++;
	}
	assert(*at == ']');
	assert(at[1] == '\0' || at[1] == ' ');
	assert(strchr(text, '\t') == NULL);
}

// Seven fields before the extension; there, each "=" that is not escaped has a key before it.
static void check_cef(const char *text)
{
	const char *at = text;
	for (unsigned bars = 0; bars < 7; at++) {
		assert(*at);
		if (*at == '\\')
			at++;
		else if (*at == '|')
			bars++;
	}
	unsigned keys = 0;
	for (const char *start = at; *at; at++) {
		if (*at == '\\') {
			at++;
			assert(*at && strchr("\\=nr", *at));
		} else if (*at == '=') {
			const char *key = at;
			while (key > start && key[-1] != ' ')
				key--;
			assert(key < at);
			for (; key < at; key++)
				assert((*key >= '0' && *key <= '9') ||
					(*key >= 'a' && *key <= 'z') ||
					(*key >= 'A' && *key <= 'Z'));
			keys++;
		}
	}
	assert(keys > 0);
	assert(strchr(text, '\t') == NULL);
}

static void check_leef(const char *text)
{
	unsigned bars = 0;
	const char *at = text;
	for (; bars < 6; at++) {
		assert(*at);
		bars += *at == '|';
	}
	while (*at) {
		size_t name = strcspn(at, "=\t");
		assert(name > 0 && at[name] == '=');
		at += strcspn(at, "\t");
		if (*at == '\t')
			assert(*++at);
	}
}

static void check_ecs(const char *text, size_t len)
{
	json_t *document = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	assert(json_is_object(document));
	assert(json_is_string(json_object_get(document, "@timestamp")));
	assert(json_is_object(json_object_get(document, "event")));
	json_decref(document);
}

static void check(enum format_number format, const struct buffer *out)
{
	char *text = strndup(out->data + out->from, out->len);
	assert(strlen(text) == out->len);
	check_text(text, out->len);
	switch (format) {
	case FORMAT_RFC5424:
		check_rfc5424(text);
		break;
	case FORMAT_CEF:
		check_cef(text);
		break;
	case FORMAT_LEEF:
		check_leef(text);
		break;
	default:
		check_ecs(text, out->len);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *object = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(object)) {
		json_decref(object);
		return 0;
	}
	struct format_context context = {
		.host = "host", .facility = 23, .enterprise = UINT32_MAX, .pid = 1};
	enum record_kind kind = json_object_get(object, "alert") ? RECORD_ALERT : RECORD_DIAGNOSIS;
	struct record *record = record_create(kind, 1, 1732184367440, "key", "", 0);
	for (unsigned detail = 0; detail < FORMAT_DETAILS; detail++) {
		context.detail = detail;
		json_t *document = ecs_document(record, object, &context);
		assert(document != NULL);
		for (unsigned format = 0; format < FORMATS_MAX; format++) {
			struct buffer out = {0};
			formats[format].write(document, &context, &out);
			assert(!out.failed);
			check(format, &out);
			buffer_fini(&out);
		}
		struct buffer header = {0};
		syslog_header_3164(document, &context, &header);
		assert(memchr(header.data, '\n', header.len) == NULL);
		buffer_fini(&header);
		json_decref(document);
	}
	record_release(record);
	json_decref(object);
	return 0;
}
