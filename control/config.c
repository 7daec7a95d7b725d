// SPDX-License-Identifier: BSD-3-Clause
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "config_listen.h"
#include "config_outlets.h"
#include "config_metrics.h"
#include "config_site.h"
#include "pack.h"

#define MINUTE_MS 60000ull
#define DAY_MS (1440 * MINUTE_MS)

// Every option once. The value of a number or a time lies between least and most; `initial` is YAML
// and goes through the same reader as the file's value, or "" where the default is worked out.
// Sizes: 1,000,000 clients with all they entail fill 0.8 GiB, 100,000 diagnoses 0.16 GiB, and only
// what is used is ever touched.
// X(name, KIND, member, least, most, initial, help)
#define OPTIONS(X)                                                                                 \
	X(listen, LISTEN, listen, 1, PORT_LISTEN_MAX, "lo", "where syslog comes in")               \
	X(ports, PORTS, ports, 1, DATAGRAM_PORTS_MAX, "[514, 5514]",                               \
		"UDP ports that carry syslog")                                                     \
	X(workers, NUMBER, workers, 1, WORKERS_MAX, "1", "threads that read packets, a core each") \
	X(poll, POLL, poll, 0, 0, "auto",                                                          \
		"busy never sleeps, adaptive lets go of idle cores; auto: busy with PCI ports "    \
		"only")                                                                            \
	X(hugepages, HUGEPAGES, ports.hugepages, 0, 0, "auto", "memory of packet buffers")         \
	X(clients, NUMBER, limits.clients, 100, 16000000, "1000000",                               \
		"client addresses that are kept, all workers together")                            \
	X(diagnoses, NUMBER, limits.diagnoses, 100, 4000000, "100000",                             \
		"diagnoses that are kept, open and closed")                                        \
	X(gateways, NUMBER, limits.gateways, 1, 16384, "1024", "ASAs and FTDs that are kept")      \
	X(handshakes, NUMBER, limits.handshakes, 64, 1000000, "16384",                             \
		"TLS handshakes that are under way at once")                                       \
	X(client_idle, TIME, limits.idle_ms, MINUTE_MS, 30 * DAY_MS, "1h",                         \
		"a client that is no phone is forgotten after so long without a line")             \
	X(diagnosis_expiry, TIME, limits.expire_ms, MINUTE_MS, 30 * DAY_MS, "24h",                 \
		"a diagnosis expires, a phone is forgotten, after so long without a line")         \
	X(phone_groups, GROUPS, policy, 0, POLICY_GROUPS_MAX, "[\"*phone*\"]",                     \
		"tunnel groups and group policies of phones")                                      \
	X(relays, RELAYS, policy, 0, POLICY_RELAYS_MAX, "[]",                                      \
		"senders that forward other machines' logs")                                       \
	X(names, NAMES, policy, 0, POLICY_NAMES_MAX, "{}",                                         \
		"what the `name` command of an ASA prints in place of addresses")                  \
	X(sites, SITES, sites, 0, SITES_MAX, "{}", "where gateways stand, for alerts and exports") \
	X(outlets, OUTLETS, outlets, 0, OUTLETS_MAX, "{}",                                         \
		"where diagnoses and alerts go: SIEM, pager, files")                               \
	X(rules, RULES, rules, 0, 0, "", "directory of the rule pack; default: the shipped one")   \
	X(cache, CACHE, cache, 0, 0, "",                                                           \
		"directory of compiled rules, or none; default: the user's cache directory")       \
	X(socket, SOCKET, socket, 0, 0, "", "control socket; default: " CONFIG_SYSTEM_SOCKET)      \
	X(history, HISTORY, journal.directory, 0, 0, "",                                           \
		"directory of the history, or none; default: " CONFIG_SYSTEM_HISTORY               \
		", of another socket than the default one the directory beside it that ends in "   \
		".history")                                                                        \
	X(history_keep, TIME, journal.keep_ms, MINUTE_MS, 365 * DAY_MS, "30d",                     \
		"what is older leaves the history")                                                \
	X(history_size, MEBIBYTES, journal.keep_bytes, 16, 1048576, "1024",                        \
		"MiB that the history takes; then the oldest goes")                                \
	X(metrics, METRICS, metrics, 1, METRICS_ADDRESSES_MAX, "127.0.0.1:9514",                   \
		"where Prometheus scrapes, and /healthz and /readyz are")

// ---- kinds of values ----

static const char *const poll_names[] = {
	[POLL_AUTO] = "auto", [POLL_BUSY] = "busy", [POLL_ADAPTIVE] = "adaptive"};
static const char *const hugepages_names[] = {
	[HUGEPAGES_AUTO] = "auto", [HUGEPAGES_ON] = "on", [HUGEPAGES_OFF] = "off"};

#define N(array) (sizeof(array) / sizeof((array)[0]))

enum kind {
	KIND_LISTEN,
	KIND_PORTS,
	KIND_NUMBER,
	KIND_MEBIBYTES,
	KIND_POLL,
	KIND_HUGEPAGES,
	KIND_TIME,
	KIND_GROUPS,
	KIND_RELAYS,
	KIND_NAMES,
	KIND_SITES,
	KIND_OUTLETS,
	KIND_RULES,
	KIND_CACHE,
	KIND_SOCKET,
	KIND_HISTORY,
	KIND_METRICS,
};

static const char listen_values[] =
	"an interface, PCI address (0000:03:00.0) or capture (x.pcap), or {port: NAME, driver: "
	"auto|af_xdp|af_packet, address: [..], loop: true|false}; or a list of these";

// How the reference describes the values of a kind; NULL: by least and most.
static const char *const kind_values[] = {
	[KIND_LISTEN] = listen_values,
	[KIND_PORTS] = "a list of port numbers",
	[KIND_NUMBER] = NULL,
	[KIND_MEBIBYTES] = NULL,
	[KIND_POLL] = "auto, busy, adaptive",
	[KIND_HUGEPAGES] = "auto, on, off",
	[KIND_TIME] = NULL,
	[KIND_GROUPS] = "a list of names, * stands for any text, any case",
	[KIND_RELAYS] = "a list of addresses or prefixes (10.1.0.0/16)",
	[KIND_NAMES] = "{NAME: ADDRESS, ..}",
	[KIND_SITES] = "{GATEWAY: SITE, ..}, * stands for any text, any case; the first that fits",
	[KIND_OUTLETS] = "{NAME: {type: TYPE, records: all|diagnoses|alerts, OPTION: ..}, ..}",
	[KIND_RULES] = "an absolute or relative path",
	[KIND_CACHE] = "a path, or none",
	[KIND_SOCKET] = "an absolute or relative path",
	[KIND_HISTORY] = "a path, or none",
	[KIND_METRICS] =
		"ADDRESS:PORT, [IPV6]:PORT, or a port of loopback's; a list of these; or none",
};

static bool read_time(struct yaml_file *file, struct fy_node *value, uint64_t *out_ms,
	uint64_t least, uint64_t most)
{
	uint64_t ms;
	if (!yaml_duration(file, value, &ms))
		return false;
	if (ms < least || ms > most)
		return yaml_error(file, value, "must be a time from %llum to %llud",
			(unsigned long long)(least / MINUTE_MS),
			(unsigned long long)(most / DAY_MS));
	*out_ms = ms;
	return true;
}

static bool read_path(struct yaml_file *file, struct fy_node *value, const char **out)
{
	const char *path = NULL;
	if (!yaml_text_copy(file, value, &path))
		return false;
	if (path[0] == '\0')
		return yaml_error(file, value, "must be a path, not an empty text");
	*out = path;
	return true;
}

static bool read_rules(struct yaml_file *file, struct fy_node *value, struct config *config)
{
	config->rules_place = yaml_place(file, value);
	return read_path(file, value, &config->rules);
}

static bool read_socket(struct yaml_file *file, struct fy_node *value, struct config *config)
{
	size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	config->socket_place = yaml_place(file, value);
	if (!read_path(file, value, &config->socket))
		return false;
	return strlen(config->socket) <= max ||
	       yaml_error(file, value, "a socket's path has at most %zu bytes", max);
}

static bool read_path_or_none(struct yaml_file *file, struct fy_node *value, const char **out)
{
	if (!read_path(file, value, out))
		return false;
	if (strcmp(*out, "none") == 0)
		*out = NULL;
	return true;
}

static bool read_history(struct yaml_file *file, struct fy_node *value, struct config *config)
{
	config->history_place = yaml_place(file, value);
	return read_path_or_none(file, value, &config->journal.directory);
}

#define READ_NUMBER(member, least, most)                                         \
	({                                                                       \
		uint64_t number = 0;                                             \
		bool is_number = yaml_number(file, value, least, most, &number); \
		if (is_number)                                                   \
			(member) = (typeof(member))number;                       \
		is_number;                                                       \
	})
#define READ_MEBIBYTES(member, least, most) \
	(READ_NUMBER(member, least, most) && ((member) <<= 20, true))
#define READ_CHOICE(member, names)                                                   \
	({                                                                           \
		unsigned choice = 0;                                                 \
		bool is_choice = yaml_choice(file, value, names, N(names), &choice); \
		if (is_choice)                                                       \
			(member) = (typeof(member))choice;                           \
		is_choice;                                                           \
	})
#define READ_POLL(member, least, most) READ_CHOICE(member, poll_names)
#define READ_HUGEPAGES(member, least, most) READ_CHOICE(member, hugepages_names)
#define READ_TIME(member, least, most) read_time(file, value, &(member), least, most)
#define READ_RULES(member, least, most) read_rules(file, value, config)
#define READ_CACHE(member, least, most) read_path_or_none(file, value, &(member))
#define READ_SOCKET(member, least, most) read_socket(file, value, config)
#define READ_HISTORY(member, least, most) read_history(file, value, config)
#define READ_LISTEN(member, least, most) config_read_listen(file, value, config)
#define READ_SITES(member, least, most) config_read_sites(file, value, &(member))
#define READ_OUTLETS(member, least, most) config_read_outlets(file, value, config)
#define READ_PORTS(member, least, most) config_read_ports(file, value, &(member))
#define READ_GROUPS(member, least, most) config_read_groups(file, value, &(member))
#define READ_RELAYS(member, least, most) config_read_relays(file, value, &(member))
#define READ_METRICS(member, least, most) config_read_metrics(file, value, config)
#define READ_NAMES(member, least, most) config_read_names(file, value, &(member))

// ---- the table ----

enum option_number {
#define X(name, KIND, member, least, most, initial, help) OPTION_##name,
	OPTIONS(X)
#undef X
		OPTION_MAX
};
static_assert(OPTION_MAX <= CONFIG_OPTIONS_MAX);

static void note_text(struct yaml_file *file, struct fy_node *value, const char **out)
{
	char *text = fy_emit_node_to_string(value, FYECF_MODE_FLOW_ONELINE);
	*out = text ? arena_text(file->arena, slice_of(text)) : NULL;
	free(text);
}

#define X(name, KIND, member, least, most, initial, help)                    \
	static bool read_option_##name(                                      \
		struct yaml_file *file, struct fy_node *value, void *target) \
	{                                                                    \
		struct config *config = target;                              \
		note_text(file, value, &config->texts[OPTION_##name]);       \
		return READ_##KIND(config->member, least, most);             \
	}
OPTIONS(X)
#undef X

static const struct option {
	const char *name;
	bool (*read)(struct yaml_file *file, struct fy_node *value, void *target);
	enum kind kind;
	uint64_t least, most;
	const char *initial, *help;
} options[] = {
#define X(name, KIND, member, least, most, initial, help) \
	{#name, read_option_##name, KIND_##KIND, least, most, initial, help},
	OPTIONS(X)
#undef X
};

static bool read_options(struct yaml_file *file, struct config *config)
{
	struct yaml_key keys[N(options)];
	for (size_t i = 0; i < N(options); i++)
		keys[i] = (struct yaml_key){.name = options[i].name, .read = options[i].read};
	return yaml_mapping(file, file->root, "the config", keys, N(keys), config);
}

// The defaults are a file like any other.
static bool read_defaults(struct config *config, struct report *report)
{
	char text[1024];
	size_t len = 0;
	for (size_t i = 0; i < N(options); i++) {
		if (options[i].initial[0])
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s: %s\n",
				options[i].name, options[i].initial);
	}
	struct yaml_file file = {.report = report, .arena = &config->arena};
	if (!yaml_open_bytes(&file, "defaults", text, len))
		return false;
	bool ok = read_options(&file, config);
	yaml_close(&file);
	config->rules = pack_default_dir();
	config->cache = pack_cache_dir();
	config->socket = config_default_socket();
	config->metrics_by_default = true;
	return ok;
}

static bool read_file(struct config *config, const char *path, struct report *report)
{
	struct yaml_file file = {.report = report, .arena = &config->arena};
	if (!yaml_open(&file, path))
		return false;
	// An empty file, or one of comments alone, changes nothing.
	bool ok = fy_node_is_null(file.root) || read_options(&file, config);
	// Each worker owns a part of the gateways.
	if (ok && config->limits.gateways < config->workers)
		ok = yaml_error(&file, file.root,
			"gateways: %u workers need room for as many gateways", config->workers);
	yaml_close(&file);
	return ok;
}

// Where the history is unless the config says: another socket is another daemon, with a history of
// its own.
static const char *default_history(struct config *config)
{
	const char *state = getenv("STATE_DIRECTORY"); // of systemd: one, or several with colons
	size_t len = strlen(config->socket);
	if (strcmp(config->socket, CONFIG_SYSTEM_SOCKET) == 0) {
		if (state == NULL || state[0] != '/')
			return CONFIG_SYSTEM_HISTORY;
		return obstack_copy0(&config->arena, state, (int)strcspn(state, ":"));
	}
	if (len > 5 && strcmp(config->socket + len - 5, ".sock") == 0)
		len -= 5;
	obstack_grow(&config->arena, config->socket, (int)len);
	obstack_grow0(&config->arena, ".history", 8);
	return obstack_finish(&config->arena);
}

bool config_init(struct config *config, const char *path, struct report *report)
{
	memset(config, 0, sizeof(*config));
	obstack_init(&config->arena);
	if (read_defaults(config, report) && (path == NULL || read_file(config, path, report))) {
		if (config->history_place.file == NULL)
			config->journal.directory = default_history(config);
		config->journal.window = JOURNAL_WINDOW;
		config->journal.patience_ms = JOURNAL_PATIENCE_MS;
		config->ports.n_workers = (uint16_t)config->workers;
		return true;
	}
	config_fini(config);
	return false;
}

void config_fini(struct config *config)
{
	for (size_t i = 0; i < config->n_outlets; i++)
		outlet_config_destroy(config->outlets[i]);
	obstack_free(&config->arena, NULL);
	config->policy = (struct policy){0};
}

// Those that a reload takes over.
static bool is_reloaded(enum option_number option)
{
	return option == OPTION_outlets || option == OPTION_rules || option == OPTION_sites;
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool config_compare(const struct config *now, const struct config *next, char *names, size_t size)
{
	size_t len = 0;
	names[0] = '\0';
	for (unsigned i = 0; i < OPTION_MAX && len < size; i++) {
		if (!is_reloaded((enum option_number)i) && !is_same(now->texts[i], next->texts[i]))
			len += (size_t)snprintf(
				names + len, size - len, "%s%s", len ? ", " : "", options[i].name);
	}
	return len > 0;
}

const char *config_default_socket(void)
{
	static char path[256];
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (geteuid() == 0 || runtime == NULL || runtime[0] != '/')
		return CONFIG_SYSTEM_SOCKET;
	snprintf(path, sizeof(path), "%s/offhook.sock", runtime);
	return path;
}

// ---- reference ----

void config_print_wrapped(FILE *out, unsigned indent, const char *text)
{
	unsigned column = 0;
	while (*text) {
		int word = (int)strcspn(text, " ");
		if (column && column + 1 + (unsigned)word > 78 - indent) {
			fputc('\n', out);
			column = 0;
		}
		fprintf(out, "%*s%.*s", column ? 1 : (int)indent, "", word, text);
		column += (column != 0) + (unsigned)word;
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_wrapped(FILE *out, const char *text)
{
	config_print_wrapped(out, 10, text);
}

static void print_values(FILE *out, const struct option *option)
{
	char range[96];
	unsigned long long least = option->least, most = option->most;
	if (kind_values[option->kind])
		print_wrapped(out, kind_values[option->kind]);
	if (option->kind == KIND_TIME)
		snprintf(range, sizeof(range),
			"a time from %llum to %llud (500ms, 30s, 5m, 24h, 7d)", least / MINUTE_MS,
			most / DAY_MS);
	else
		snprintf(range, sizeof(range), "a number from %llu to %llu", least, most);
	if (kind_values[option->kind] == NULL)
		print_wrapped(out, range);
}

void config_print_options(FILE *out)
{
	for (size_t i = 0; i < N(options); i++) {
		const struct option *option = &options[i];
		fprintf(out, "  %s:%s%s\n", option->name, option->initial[0] ? " " : "",
			option->initial);
		print_wrapped(out, option->help);
		print_values(out, option);
		if (option->kind == KIND_OUTLETS)
			config_print_outlets(out);
	}
}
