// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "../../control/config.h"
#include "../../control/pack.h"

static char path[] = "/tmp/offhook-config-XXXXXX";

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 || close(fd) < 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void read_good(struct config *config, const char *text)
{
	struct report report = {0};
	write_file(text);
	if (!config_init(config, path, &report))
		fail_msg("%s%s", text, report.text);
	assert_int_equal(report.n, 0);
}

// The file is refused, and the first line of the report, after the file's name, starts so.
static void expect_refused(const char *text, const char *wanted, int line)
{
	struct config config;
	struct report report = {0};
	write_file(text);
	bool ok = config_init(&config, path, &report);
	if (ok || strncmp(report.text, path, strlen(path)) != 0 ||
		strstr(report.text + strlen(path), wanted) != report.text + strlen(path) + 1) {
		print_error("%s%s\nwanted %s\n", text, ok ? "is accepted" : report.text, wanted);
		_fail(__FILE__, line);
	}
	report_fini(&report);
}
#define assert_refused(text, wanted) expect_refused(text, wanted, __LINE__)

// ---- defaults ----

static void history_is_beside_its_socket(void **state)
{
	(void)state;
	struct config config;
	unsetenv("STATE_DIRECTORY");
	read_good(&config, "socket: " CONFIG_SYSTEM_SOCKET);
	assert_string_equal(config.journal.directory, CONFIG_SYSTEM_HISTORY);
	config_fini(&config);
	setenv("STATE_DIRECTORY", "/srv/state/offhook:/srv/other", 1);
	read_good(&config, "socket: " CONFIG_SYSTEM_SOCKET);
	assert_string_equal(config.journal.directory, "/srv/state/offhook");
	config_fini(&config);
	read_good(&config, "socket: /tmp/a/control.sock");
	assert_string_equal(config.journal.directory, "/tmp/a/control.history");
	config_fini(&config);
	read_good(&config, "socket: /tmp/a/control");
	assert_string_equal(config.journal.directory, "/tmp/a/control.history");
	config_fini(&config);
	unsetenv("STATE_DIRECTORY");
}

static void history_can_be_told_or_be_none(void **state)
{
	(void)state;
	struct config config;
	read_good(&config, "history: /srv/h\nhistory_keep: 365d\nhistory_size: 16\n");
	assert_string_equal(config.journal.directory, "/srv/h");
	assert_int_equal(config.journal.keep_ms, 365 * 86400000ull);
	assert_int_equal(config.journal.keep_bytes, 16 << 20);
	config_fini(&config);
	read_good(&config, "socket: /tmp/a.sock\nhistory: none");
	assert_null(config.journal.directory);
	assert_int_equal(config.journal.keep_ms, 30 * 86400000ull);
	assert_int_equal(config.journal.keep_bytes, 1024 << 20);
	config_fini(&config);
	assert_refused("history: ''", "1:10: ");
	assert_refused("history_keep: 366d", "1:15: ");
	assert_refused("history_size: 15", "1:15: ");
}

static void without_a_file_everything_has_its_default(void **state)
{
	(void)state;
	struct config config;
	struct report report = {0};
	assert_true(config_init(&config, NULL, &report));
	assert_int_equal(config.n_listen, 1);
	assert_int_equal(config.listen[0].kind, LISTEN_INTERFACE);
	assert_string_equal(config.listen[0].name, "lo");
	assert_int_equal(config.listen[0].driver, DRIVER_AUTO);
	assert_int_equal(config.ports.n_udp_ports, 2);
	assert_int_equal(config.ports.udp_ports[0], 514);
	assert_int_equal(config.ports.udp_ports[1], 5514);
	assert_int_equal(config.workers, 1);
	assert_int_equal(config.ports.n_workers, 1);
	assert_int_equal(config.poll, POLL_AUTO);
	assert_int_equal(config.ports.hugepages, HUGEPAGES_AUTO);
	assert_int_equal(config.limits.clients, 1000000);
	assert_int_equal(config.limits.expire_ms, 24 * 3600 * 1000);
	assert_int_equal(config.policy.n_phone_groups, 1);
	assert_true(policy_is_phone_group(&config.policy, slice_of("VPNPhone-Group")));
	assert_false(policy_is_phone_group(&config.policy, slice_of("Employees")));
	assert_int_equal(config.policy.n_relays, 0);
	assert_string_equal(config.rules, pack_default_dir());
	assert_string_equal(config.socket, config_default_socket());
	assert_int_equal(config.n_metrics, 1);
	assert_string_equal(config.metrics[0].text, "127.0.0.1:9514");
	assert_true(config.metrics_by_default);
	config_fini(&config);
}

static void empty_file_changes_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "# nothing\n", "---\n", "{}\n"};
	for (size_t i = 0; i < N(texts); i++) {
		struct config config;
		read_good(&config, texts[i]);
		assert_string_equal(config.listen[0].name, "lo");
		config_fini(&config);
	}
}

// ---- values ----

static void every_option_is_taken(void **state)
{
	(void)state;
	struct config config;
	struct address address;
	read_good(&config, "listen: [0000:03:00.0, eth1, /var/tmp/x.cap, y.pcapng]\n"
			   "ports: [514, 1514]\nworkers: 4\npoll: busy\nhugepages: on\n"
			   "clients: 5000\ndiagnoses: 600\ngateways: 7\nhandshakes: 100\n"
			   "client_idle: 90m\ndiagnosis_expiry: 2d\n"
			   "phone_groups: [phones, '*voice*']\nrelays: [192.0.2.7, 10.1.0.0/16, "
			   "'2001:db8::/32']\n"
			   "names: {shule: 192.0.2.20, exp_srv: 2001:db8::5}\n"
			   "rules: /etc/offhook/rules\ncache: none\nsocket: /tmp/x.sock\n");
	static const enum listen_kind kinds[] = {
		LISTEN_PCI, LISTEN_INTERFACE, LISTEN_PCAP, LISTEN_PCAP};
	assert_int_equal(config.n_listen, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(config.listen[i].kind, kinds[i]);
	assert_int_equal(config.ports.n_udp_ports, 2);
	assert_int_equal(config.ports.udp_ports[1], 1514);
	assert_int_equal(config.workers, 4);
	assert_int_equal(config.ports.n_workers, 4);
	assert_int_equal(config.poll, POLL_BUSY);
	assert_int_equal(config.ports.hugepages, HUGEPAGES_ON);
	assert_int_equal(config.limits.clients, 5000);
	assert_int_equal(config.limits.diagnoses, 600);
	assert_int_equal(config.limits.gateways, 7);
	assert_int_equal(config.limits.handshakes, 100);
	assert_int_equal(config.limits.idle_ms, 90 * 60000);
	assert_int_equal(config.limits.expire_ms, 2 * 86400000);
	assert_true(policy_is_phone_group(&config.policy, slice_of("HQ-Voice-2")));
	assert_false(policy_is_phone_group(&config.policy, slice_of("VPNPhone")));
	assert_true(address_parse(slice_of("10.1.77.5"), &address));
	assert_true(policy_is_relay(&config.policy, &address));
	assert_true(address_parse(slice_of("10.2.0.1"), &address));
	assert_false(policy_is_relay(&config.policy, &address));
	assert_true(address_parse(slice_of("2001:db8:1::1"), &address));
	assert_true(policy_is_relay(&config.policy, &address));
	assert_true(policy_name_find(&config.policy, slice_of("shule"), &address));
	char text[ADDRESS_TEXT_MAX];
	assert_string_equal(address_format(&address, text), "192.0.2.20");
	assert_true(policy_name_find(&config.policy, slice_of("exp_srv"), &address));
	assert_string_equal(config.rules, "/etc/offhook/rules");
	assert_null(config.cache);
	assert_string_equal(config.socket, "/tmp/x.sock");
	config_fini(&config);
}

static void listen_can_say_more(void **state)
{
	(void)state;
	struct config config;
	read_good(&config,
		"listen:\n"
		"  - {port: eth0, driver: af_packet, address: [192.0.2.1, '2001:db8::1']}\n"
		"  - {port: /x/y, loop: true}\n"
		"  - port: '0000:03:00.1'\n    address: 198.51.100.4\n");
	assert_int_equal(config.n_listen, 3);
	assert_int_equal(config.listen[0].driver, DRIVER_AF_PACKET);
	assert_int_equal(config.listen[0].n_addresses, 2);
	assert_true(config.listen[1].loop);
	assert_int_equal(config.listen[1].kind, LISTEN_PCAP);
	assert_int_equal(config.listen[2].kind, LISTEN_PCI);
	assert_int_equal(config.listen[2].n_addresses, 1);
	config_fini(&config);
	read_good(&config, "listen: {port: lo, driver: af_xdp}\n");
	assert_int_equal(config.n_listen, 1);
	assert_int_equal(config.listen[0].driver, DRIVER_AF_XDP);
	config_fini(&config);
}

static void what_a_port_is_its_name_tells(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum listen_kind kind;
	} cases[] = {{"03:00.0", LISTEN_PCI}, {"abcd:EF:1f.7", LISTEN_PCI},
		{"enp3s0f0np0", LISTEN_INTERFACE}, {"eth0.100", LISTEN_INTERFACE},
		{"a.pcap", LISTEN_PCAP}, {"./a", LISTEN_PCAP}, {"pcap", LISTEN_INTERFACE}};
	for (size_t i = 0; i < N(cases); i++) {
		struct config config;
		char text[64];
		snprintf(text, sizeof(text), "listen: '%s'\n", cases[i].name);
		read_good(&config, text);
		assert_int_equal(config.listen[0].kind, cases[i].kind);
		assert_string_equal(config.listen[0].name, cases[i].name);
		config_fini(&config);
	}
}

// ---- mistakes ----

static void mistakes_name_their_place_and_what_is_valid(void **state)
{
	(void)state;
	assert_refused("workers: 1\nworker: 2\n",
		"2:1: unknown key 'worker' in the config; known: listen");
	assert_refused("workers: 0\n", "1:10: '0' must be a whole number from 1 to 64");
	assert_refused("workers: 65\n", "1:10: '65' must be a whole number from 1 to 64");
	assert_refused("workers: many\n", "1:10: 'many' must be a whole number");
	assert_refused("workers: [1]\n", "1:11: must be a text, not a list");
	assert_refused("workers: -1\n", "1:10: '-1' must be a whole number");
	assert_refused("workers:\n", "1:1: ");
	assert_refused("workers: 2\ngateways: 1\n", "1:1: gateways: 2 workers need room");
	assert_refused("poll: idle\n", "1:7: 'idle' must be one of: auto, busy, adaptive");
	assert_refused("hugepages: maybe\n", "1:12: 'maybe' must be one of: auto, on, off");
	assert_refused("clients: 99\n", "1:10: '99' must be a whole number from 100 to 16000000");
	assert_refused("client_idle: 30\n", "1:14: '30' must be a time such as");
	assert_refused("client_idle: 59s\n", "1:14: must be a time from 1m to 30d");
	assert_refused("diagnosis_expiry: 31d\n", "1:19: must be a time from 1m to 30d");
	assert_refused(
		"ports: [514, 70000]\n", "1:14: '70000' must be a whole number from 1 to 65535");
	assert_refused("ports: [514, 514]\n", "1:14: port 514 stands twice");
	assert_refused("ports: []\n", "1:8: names no port");
	assert_refused("rules: ''\n", "1:8: must be a path, not an empty text");
	assert_refused("a: &x 1\nb: *x\n", "1:7: anchors and aliases are not allowed");
	assert_refused("- 1\n", "1:3: the config must be a mapping");
	assert_refused("workers: 1\nworkers: 2\n", "2:1: ");
}

static void wrong_ports_are_told(void **state)
{
	(void)state;
	assert_refused("listen: 'a b'\n", "1:9: 'a b' is neither a PCI address");
	assert_refused(
		"listen: interface-name-too-long\n", "1:9: 'interface-name-too-long' is neither");
	assert_refused("listen: ''\n", "1:9: '' is neither");
	assert_refused("listen: []\n", "1:9: names no port");
	assert_refused("listen: [lo, lo]\n", "1:14: 'lo' stands twice");
	assert_refused(
		"listen: {driver: af_xdp}\n", "1:10: an item of listen lacks the key 'port'");
	assert_refused("listen: {port: lo, mtu: 9000}\n",
		"1:20: unknown key 'mtu' in an item of listen; "
		"known: port, driver, address, loop");
	assert_refused("listen: {port: lo, driver: dpdk}\n",
		"1:28: 'dpdk' must be one of: auto, af_xdp, af_packet");
	assert_refused(
		"listen: {port: x.pcap, driver: af_xdp}\n", "1:10: driver: only an interface");
	assert_refused("listen: {port: lo, loop: true}\n", "1:10: loop: only a capture");
	assert_refused("listen: {port: x.pcap, address: 192.0.2.1}\n", "1:10: address: a capture");
	assert_refused(
		"listen: {port: lo, address: [192.0.2.300]}\n", "1:30: '192.0.2.300' is no IPv4");
	assert_refused(
		"listen: {port: lo, loop: maybe}\n", "1:26: 'maybe' must be one of: false, true");
	assert_refused("listen: [a, b, c, d, e, f, g, h, i]\n", "1:34: more than 8 ports");
}

static void wrong_relays_and_names_are_told(void **state)
{
	(void)state;
	assert_refused("relays: [10.0.0.0/33]\n", "1:10: '10.0.0.0/33' is no address");
	assert_refused("relays: [10.0.0.0/]\n", "1:10: ");
	assert_refused("relays: [10.0.0.0/8/8]\n", "1:10: ");
	assert_refused("relays: [relay1]\n", "1:10: 'relay1' is no address");
	assert_refused("relays: [0.0.0.0]\n", "1:10: ");
	assert_refused("names: [a]\n", "1:9: must be a mapping of names to addresses");
	assert_refused("names: {shule: 300.1.1.1}\n", "1:16: '300.1.1.1' is no IPv4");
	assert_refused("names: {shule: 10.1.1.1, shule: 10.1.1.2}\n", "1:");
	assert_refused("names: {10.1.1.1: 10.1.1.2}\n", "1:9: '10.1.1.1' is no name");
	assert_refused("names: {'a b': 10.1.1.2}\n", "1:9: 'a b' is no name");
	assert_refused("phone_groups: ['']\n", "1:16: an empty name fits no group");
	assert_refused("sites: [a]\n", "1:9: must be a mapping of gateways to sites");
	assert_refused("sites: {'': hq}\n", "1:9: an empty name fits no gateway");
	assert_refused("sites: {asa-1: ''}\n", "1:16: a site needs a name");
}

static void first_site_that_fits_is_that_of_the_gateway(void **state)
{
	(void)state;
	struct config config;
	struct report report = {0};
	write_file("sites: {asa-hq-*: hq, 'asa-*': branch}\n");
	assert_true(config_init(&config, path, &report));
	assert_string_equal(sites_find(&config.sites, "ASA-HQ-1"), "hq");
	assert_string_equal(sites_find(&config.sites, "asa-7"), "branch");
	assert_null(sites_find(&config.sites, "ftd-7"));
	assert_null(sites_find(&config.sites, NULL));
	config_fini(&config);
}

static void all_mistakes_are_told_at_once(void **state)
{
	(void)state;
	struct config config;
	struct report report = {0};
	write_file("workers: 0\npoll: x\nclients: 1\n");
	assert_false(config_init(&config, path, &report));
	assert_int_equal(report.n, 3);
	report_fini(&report);
}

static void file_that_is_not_there_is_told(void **state)
{
	(void)state;
	struct config config;
	struct report report = {0};
	assert_false(config_init(&config, "/no/such/file.yaml", &report));
	assert_string_equal(report.text, "/no/such/file.yaml:1:1: No such file or directory\n");
	report_fini(&report);
}

static void many_names_are_taken_in_time(void **state)
{
	(void)state;
	struct config config;
	struct report report = {0};
	FILE *file = fopen(path, "w");
	fputs("names:\n", file);
	for (unsigned i = 0; i < 4000; i++)
		fprintf(file, "  host-%u: 10.%u.%u.1\n", i, i >> 8, i & 255);
	fclose(file);
	assert_true(config_init(&config, path, &report));
	assert_int_equal(config.policy.n_names, 4000);
	struct address address;
	assert_true(policy_name_find(&config.policy, slice_of("host-3999"), &address));
	config_fini(&config);
}

// ---- reference ----

static void reference_names_every_option_and_its_default(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	config_print_options(out);
	fclose(out);
	static const char *const wanted[] = {"  listen: lo\n", "  ports: [514, 5514]\n",
		"  workers: 1\n", "  poll: auto\n", "  hugepages: auto\n", "  clients: 1000000\n",
		"  diagnoses: ", "  gateways: ", "  handshakes: ", "  client_idle: ",
		"  diagnosis_expiry: 24h\n", "  phone_groups: [\"*phone*\"]\n", "  relays: []\n",
		"  names: {}\n", "  rules:\n", "  cache:\n", "  socket:\n",
		"a number from 1 to 64\n", "a time from 1m to 30d"};
	for (size_t i = 0; i < N(wanted); i++) {
		if (strstr(text, wanted[i]) == NULL)
			fail_msg("'%s' is missing", wanted[i]);
	}
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		if (len > 80)
			fail_msg("%.*s", (int)len, line);
		line += len + 1;
	}
	free(text);
}

static void metrics_are_at_addresses(void **state)
{
	(void)state;
	struct config config;
	read_good(&config, "metrics: [\"192.0.2.5:80\", \"[2001:db8::5]:9514\", 9515]");
	assert_int_equal(config.n_metrics, 3);
	assert_false(config.metrics_by_default);
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&config.metrics[0].address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&config.metrics[1].address;
	assert_int_equal(v4->sin_family, AF_INET);
	assert_int_equal(ntohl(v4->sin_addr.s_addr), 0xc0000205);
	assert_int_equal(ntohs(v4->sin_port), 80);
	assert_int_equal(v6->sin6_family, AF_INET6);
	assert_int_equal(v6->sin6_addr.s6_addr[15], 5);
	assert_int_equal(ntohs(v6->sin6_port), 9514);
	v4 = (const struct sockaddr_in *)&config.metrics[2].address; // loopback unless told
	assert_int_equal(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);
	config_fini(&config);
	read_good(&config, "metrics: none");
	assert_int_equal(config.n_metrics, 0);
	config_fini(&config);
	assert_refused("metrics: nowhere", "1:10: 'nowhere' is neither ADDRESS:PORT");
	assert_refused("metrics: localhost:9514", "1:10: ");
	assert_refused("metrics: 127.0.0.1:0", "1:10: ");
	assert_refused("metrics: 127.0.0.1:65536", "1:10: ");
	assert_refused("metrics: \"127.0.0.1:\"", "1:10: ");
	assert_refused("metrics: \"::1:9514\"", "1:10: ");
	assert_refused("metrics: \"[::1]\"", "1:10: ");
	assert_refused("metrics: \"[]:1\"", "1:10: ");
	assert_refused("metrics: \":1\"", "1:10: ");
	assert_refused("metrics: []", "1:10: names no address");
	assert_refused("metrics: [none, 9514]", "1:11: none stands alone");
	assert_refused("metrics: [9514, 127.0.0.1:9514]", "1:17: '127.0.0.1:9514' stands twice");
}

static void socket_is_the_users_own_unless_root(void **state)
{
	(void)state;
	setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
	const char *wanted = geteuid() == 0 ? CONFIG_SYSTEM_SOCKET : "/run/user/1000/offhook.sock";
	assert_string_equal(config_default_socket(), wanted);
	unsetenv("XDG_RUNTIME_DIR");
	assert_string_equal(config_default_socket(), CONFIG_SYSTEM_SOCKET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file_everything_has_its_default),
		cmocka_unit_test(history_is_beside_its_socket),
		cmocka_unit_test(history_can_be_told_or_be_none),
		cmocka_unit_test(empty_file_changes_nothing),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(listen_can_say_more),
		cmocka_unit_test(what_a_port_is_its_name_tells),
		cmocka_unit_test(mistakes_name_their_place_and_what_is_valid),
		cmocka_unit_test(wrong_ports_are_told),
		cmocka_unit_test(wrong_relays_and_names_are_told),
		cmocka_unit_test(first_site_that_fits_is_that_of_the_gateway),
		cmocka_unit_test(all_mistakes_are_told_at_once),
		cmocka_unit_test(file_that_is_not_there_is_told),
		cmocka_unit_test(many_names_are_taken_in_time),
		cmocka_unit_test(reference_names_every_option_and_its_default),
		cmocka_unit_test(metrics_are_at_addresses),
		cmocka_unit_test(socket_is_the_users_own_unless_root),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
