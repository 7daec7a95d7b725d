// SPDX-License-Identifier: BSD-3-Clause
#include "event_id.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/evp.h>

static int64_t sequence_of(const json_t *object)
{
	return json_integer_value(json_object_get(object, "sequence"));
}

const char *event_id_format(const struct record *record, const json_t *object, char *out)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	size_t hash_len = 0;
	int64_t sequence = sequence_of(object);
	int len = snprintf(out, EVENT_ID_MAX + 1, "%s:%" PRId64, record_key(record), sequence);
	if (len <= EVENT_ID_MAX)
		return out;
	EVP_Q_digest(NULL, "SHA256", NULL, record_key(record), record->key_len, hash, &hash_len);
	len = 0;
	for (size_t i = 0; i < hash_len; i++)
		len += sprintf(out + len, "%02x", hash[i]);
	sprintf(out + len, ":%" PRId64, sequence);
	return out;
}

const char *event_id_header(const char *name, const struct record *record, char *out)
{
	char id[EVENT_ID_MAX + 1];
	json_t *object = record_json(record);
	event_id_format(record, object, id);
	json_decref(object);
	int len = snprintf(out, EVENT_ID_HEADER_MAX - sizeof(id) * 3, "%s: ", name);
	for (const char *c = id; *c; c++) {
		unsigned char byte = (unsigned char)*c;
		if (byte > 0x20 && byte < 0x7f && byte != '%')
			out[len++] = *c;
		else
			len += sprintf(out + len, "%%%02X", byte);
	}
	out[len] = '\0';
	return out;
}
