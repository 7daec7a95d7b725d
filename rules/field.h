// SPDX-License-Identifier: BSD-3-Clause
// field: what a placeholder of a message template may hold.
//
// A field has a name and a type. The names that the engine itself reads are fixed here; a rule may
// use further names by writing the type: {name:type}. A number stands for a name and a type for the
// life of the process, so an event that crosses a reload keeps its meaning; a name has one type in
// a pack, and may have another one in the next. Names are found and added on the control thread;
// any thread may ask for the type or name of a number that a published pack has.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

// X(constant, name in YAML, greedy, help)
// greedy: ends at the last place where the rest of the template fits, not at the first. Users are
// typed by strangers: one who calls himself "x> IP <192.0.2.1" must not choose his address.
#define FIELD_TYPES(X)                                                                             \
	X(TYPE_TEXT, "text", false, "anything, to the next literal text")                          \
	X(TYPE_USER, "user", true, "anything, to the last place where the next literal text fits") \
	X(TYPE_WORD, "word", false, "no white space")                                              \
	X(TYPE_ADDRESS, "address", false, "IPv4, IPv6, a name in place of one, or nothing")        \
	X(TYPE_PORT, "port", false, "0 to 65535")                                                  \
	X(TYPE_NUMBER, "number", false, "decimal, up to 18 digits")                                \
	X(TYPE_DEVICE, "device", false, "SEP and 12 hexadecimal digits")                           \
	X(TYPE_HASH, "hash", false, "40 or 64 hexadecimal digits")                                 \
	X(TYPE_LIST, "list", false, "words divided by commas, colons or spaces")

enum field_type {
#define X(constant, name, greedy, help) constant,
	FIELD_TYPES(X)
#undef X
		FIELD_TYPE_MAX
};

// Names that need no type in a template. Those above the line are read by the engine: client is the
// join key, tunnel the address inside the tunnel, client_new the address that replaces client.
#define FIELDS(X)                                        \
	X(FIELD_CLIENT, "client", TYPE_ADDRESS)          \
	X(FIELD_CLIENT_NEW, "client_new", TYPE_ADDRESS)  \
	X(FIELD_TUNNEL, "tunnel", TYPE_ADDRESS)          \
	X(FIELD_PORT, "port", TYPE_PORT)                 \
	X(FIELD_USER, "user", TYPE_USER)                 \
	X(FIELD_DEVICE, "device", TYPE_DEVICE)           \
	X(FIELD_SUBJECT, "subject", TYPE_TEXT)           \
	X(FIELD_GROUP, "group", TYPE_TEXT)               \
	X(FIELD_TUNNEL_GROUP, "tunnel_group", TYPE_TEXT) \
	X(FIELD_GROUP_POLICY, "group_policy", TYPE_TEXT) \
	X(FIELD_CIPHER, "cipher", TYPE_WORD)             \
	X(FIELD_INDEX, "index", TYPE_NUMBER)             \
	X(FIELD_OFFERED, "offered", TYPE_LIST)           \
	X(FIELD_SUPPORTED, "supported", TYPE_LIST)       \
	X(FIELD_GATEWAY, "gateway", TYPE_TEXT)           \
	/* below: only rules read them */                \
	X(FIELD_ACL, "acl", TYPE_TEXT)                   \
	X(FIELD_AGENT, "agent", TYPE_TEXT)               \
	X(FIELD_ATTRIBUTE, "attribute", TYPE_TEXT)       \
	X(FIELD_BITS, "bits", TYPE_NUMBER)               \
	X(FIELD_CERT_NAME, "cert_name", TYPE_TEXT)       \
	X(FIELD_CODE, "code", TYPE_NUMBER)               \
	X(FIELD_COMMAND, "command", TYPE_TEXT)           \
	X(FIELD_COUNT, "count", TYPE_NUMBER)             \
	X(FIELD_DAYS, "days", TYPE_NUMBER)               \
	X(FIELD_DEPTH, "depth", TYPE_NUMBER)             \
	X(FIELD_DETAIL, "detail", TYPE_TEXT)             \
	X(FIELD_DURATION, "duration", TYPE_TEXT)         \
	X(FIELD_ERROR, "error", TYPE_TEXT)               \
	X(FIELD_EXPIRY, "expiry", TYPE_TEXT)             \
	X(FIELD_FILE, "file", TYPE_WORD)                 \
	X(FIELD_FUNCTION, "function", TYPE_TEXT)         \
	X(FIELD_HASH, "hash", TYPE_HASH)                 \
	X(FIELD_HOST, "host", TYPE_TEXT)                 \
	X(FIELD_INTERFACE, "interface", TYPE_WORD)       \
	X(FIELD_ISSUER, "issuer", TYPE_TEXT)             \
	X(FIELD_LIMIT, "limit", TYPE_NUMBER)             \
	X(FIELD_LOCATION, "location", TYPE_TEXT)         \
	X(FIELD_LOCKED, "locked", TYPE_TEXT)             \
	X(FIELD_NAME, "name", TYPE_TEXT)                 \
	X(FIELD_PEER, "peer", TYPE_ADDRESS)              \
	X(FIELD_POOL, "pool", TYPE_TEXT)                 \
	X(FIELD_PROTOCOL, "protocol", TYPE_WORD)         \
	X(FIELD_REASON, "reason", TYPE_TEXT)             \
	X(FIELD_RECORDS, "records", TYPE_TEXT)           \
	X(FIELD_SERIAL, "serial", TYPE_WORD)             \
	X(FIELD_SERVER, "server", TYPE_WORD)             \
	X(FIELD_SERVER_GROUP, "server_group", TYPE_TEXT) \
	X(FIELD_SERVER_PORT, "server_port", TYPE_PORT)   \
	X(FIELD_SESSION, "session", TYPE_WORD)           \
	X(FIELD_SESSION_TYPE, "session_type", TYPE_TEXT) \
	X(FIELD_STATE, "state", TYPE_TEXT)               \
	X(FIELD_STATUS, "status", TYPE_TEXT)             \
	X(FIELD_THRESHOLD, "threshold", TYPE_NUMBER)     \
	X(FIELD_TRANSPORT, "transport", TYPE_WORD)       \
	X(FIELD_TRUSTPOINT, "trustpoint", TYPE_TEXT)     \
	X(FIELD_TYPE, "type", TYPE_TEXT)                 \
	X(FIELD_URL, "url", TYPE_TEXT)                   \
	X(FIELD_VERSION, "version", TYPE_WORD)

enum field {
#define X(constant, name, type) constant,
	FIELDS(X)
#undef X
		FIELD_KNOWN_MAX
};

#define FIELD_MAX 128 // known ones and those that rules add
#define FIELD_NONE 255

// One field of one line: where it stands in the line's text.
struct field_value {
	uint8_t field;
	uint8_t type;
	uint16_t offset, len;
};

// A pack is about to be read: it knows no name but those above.
void field_begin_pack(void);

// Number of the field that the pack calls `name`, or FIELD_NONE.
uint8_t field_find(struct slice name);

// As field_find, but a new name gets a number. FIELD_NONE: FIELD_MAX reached, or the name has
// another type in this pack.
uint8_t field_add(struct slice name, enum field_type type);

// Numbers given so far, and back to so many: nobody may have seen those that are taken back.
unsigned field_count(void);
void field_truncate(unsigned n);

// Letters a-z and _, 1 to 32.
bool field_is_name(struct slice name);

const char *field_name(uint8_t field);
enum field_type field_type_of(uint8_t field);

// FIELD_TYPE_MAX when there is no such type.
enum field_type field_type_find(struct slice name);
const char *field_type_name(enum field_type type);
bool field_type_is_greedy(enum field_type type);

// Whether the value is one of its type; never looks past it.
bool field_accepts(enum field_type type, struct slice value);

// A name in place of an address ("shule", "exp_srv", "a.example.net"): letters, digits, `_-.`, and
// not made of digits and dots alone.
bool field_is_host_name(struct slice value);

// "" "None" "<>": the ASA's ways to print that there is no address.
bool field_is_no_address(struct slice value);
