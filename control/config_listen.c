// SPDX-License-Identifier: BSD-3-Clause
#include "config_listen.h"

#include <ctype.h>
#include <net/if.h>

// ---- listen ----

static bool ends_with(struct slice text, const char *end)
{
	uint32_t len = (uint32_t)strlen(end);
	return text.len > len && slice_equals_text(slice_from(text, text.len - len), end);
}

// "0000:03:00.0", or "03:00.0" without the domain.
static bool is_pci_address(struct slice text)
{
	static const char *const shapes[] = {"xxxx:xx:xx.x", "xx:xx.x"};
	for (size_t i = 0; i < 2; i++) {
		uint32_t at = 0;
		if (text.len != strlen(shapes[i]))
			continue;
		while (at < text.len &&
			(shapes[i][at] == 'x' ? isxdigit((unsigned char)text.data[at]) != 0
					      : shapes[i][at] == text.data[at]))
			at++;
		if (at == text.len)
			return true;
	}
	return false;
}

// What the kernel takes for a name (dev_valid_name()), and the shell of an operator too.
static bool is_interface_name(struct slice text)
{
	if (text.len == 0 || text.len >= IFNAMSIZ || slice_equals_text(text, ".") ||
		slice_equals_text(text, ".."))
		return false;
	for (uint32_t i = 0; i < text.len; i++) {
		if (!isgraph((unsigned char)text.data[i]) || strchr("/:", text.data[i]))
			return false;
	}
	return true;
}

static bool read_port_name(struct yaml_file *file, struct fy_node *value, void *target)
{
	struct listen *listen = target;
	struct slice name;
	if (!yaml_text(file, value, &name))
		return false;
	if (name.len >= sizeof(listen->name))
		return yaml_error(
			file, value, "a name of at most %zu bytes", sizeof(listen->name) - 1);
	if (is_pci_address(name))
		listen->kind = LISTEN_PCI;
	else if (memchr(name.data, '/', name.len) || ends_with(name, ".pcap") ||
		 ends_with(name, ".pcapng"))
		listen->kind = LISTEN_PCAP;
	else if (is_interface_name(name))
		listen->kind = LISTEN_INTERFACE;
	else
		return yaml_error(file, value,
			"'%.*s' is neither a PCI address (0000:03:00.0), nor an interface (eth0), nor a capture file (a path, or .pcap, .pcapng)",
			(int)slice_first(name, 64).len, name.data);
	slice_copy(name, listen->name, sizeof(listen->name));
	return true;
}

static bool read_driver(struct yaml_file *file, struct fy_node *value, void *target)
{
	static const char *const names[] = {[DRIVER_AUTO] = "auto",
		[DRIVER_AF_XDP] = "af_xdp",
		[DRIVER_AF_PACKET] = "af_packet"};
	unsigned choice = 0;
	if (!yaml_choice(file, value, names, sizeof(names) / sizeof(names[0]), &choice))
		return false;
	((struct listen *)target)->driver = (enum listen_driver)choice;
	return true;
}

static bool read_address(struct yaml_file *file, struct fy_node *item, void *target)
{
	struct listen *listen = target;
	struct slice text;
	if (!yaml_text(file, item, &text))
		return false;
	if (listen->n_addresses == DATAGRAM_ADDRESSES_MAX)
		return yaml_error(
			file, item, "more than %d addresses of one port", DATAGRAM_ADDRESSES_MAX);
	struct address *address = &listen->addresses[listen->n_addresses];
	if (!address_parse(text, address) || address_is_none(address))
		return yaml_error(file, item, "'%.*s' is no IPv4 or IPv6 address",
			(int)slice_first(text, 64).len, text.data);
	if (address_is_multicast(address) || address_is_loopback(address))
		return yaml_error(file, item, "'%.*s' is no address that a port can have",
			(int)text.len, text.data);
	listen->n_addresses++;
	return true;
}

static bool read_addresses(struct yaml_file *file, struct fy_node *value, void *target)
{
	return yaml_sequence(file, value, true, read_address, target);
}

static bool read_loop(struct yaml_file *file, struct fy_node *value, void *target)
{
	return yaml_boolean(file, value, &((struct listen *)target)->loop);
}

static const struct yaml_key listen_keys[] = {
	{"port", read_port_name, true},
	{"driver", read_driver, false},
	{"address", read_addresses, false},
	{"loop", read_loop, false},
};

// A setting that means nothing for such a port is a mistake of its author's.
static bool check_listen(struct yaml_file *file, struct fy_node *item, const struct listen *listen)
{
	if (listen->driver != DRIVER_AUTO && listen->kind != LISTEN_INTERFACE)
		return yaml_error(file, item, "driver: only an interface has a choice of drivers");
	if (listen->loop && listen->kind != LISTEN_PCAP)
		return yaml_error(file, item, "loop: only a capture file can start anew");
	if (listen->n_addresses && listen->kind == LISTEN_PCAP)
		return yaml_error(file, item, "address: a capture file has nobody to answer");
	return true;
}

static bool read_item(struct yaml_file *file, struct fy_node *item, void *target)
{
	struct config *config = target;
	struct listen listen = {0};
	if (config->n_listen == PORT_LISTEN_MAX)
		return yaml_error(file, item, "more than %d ports", PORT_LISTEN_MAX);
	bool ok = fy_node_is_mapping(item)
			  ? yaml_mapping(file, item, "an item of listen", listen_keys,
				    sizeof(listen_keys) / sizeof(listen_keys[0]), &listen)
			  : read_port_name(file, item, &listen);
	if (!ok || !check_listen(file, item, &listen))
		return false;
	for (size_t i = 0; i < config->n_listen; i++) {
		if (listen.kind != LISTEN_PCAP && strcmp(config->listen[i].name, listen.name) == 0)
			return yaml_error(file, item, "'%s' stands twice", listen.name);
	}
	config->listen_places[config->n_listen] = yaml_place(file, item);
	config->listen[config->n_listen++] = listen;
	return true;
}

bool config_read_listen(struct yaml_file *file, struct fy_node *value, struct config *config)
{
	config->n_listen = 0;
	return yaml_sequence(file, value, true, read_item, config) &&
	       (config->n_listen || yaml_error(file, value, "names no port"));
}

// ---- ports ----

static bool read_port(struct yaml_file *file, struct fy_node *item, void *target)
{
	struct port_options *ports = target;
	uint64_t port;
	if (!yaml_number(file, item, 1, UINT16_MAX, &port))
		return false;
	if (ports->n_udp_ports == DATAGRAM_PORTS_MAX)
		return yaml_error(file, item, "more than %d ports", DATAGRAM_PORTS_MAX);
	for (unsigned i = 0; i < ports->n_udp_ports; i++) {
		if (ports->udp_ports[i] == port)
			return yaml_error(file, item, "port %u stands twice", (unsigned)port);
	}
	ports->udp_ports[ports->n_udp_ports++] = (uint16_t)port;
	return true;
}

bool config_read_ports(struct yaml_file *file, struct fy_node *value, struct port_options *ports)
{
	ports->n_udp_ports = 0;
	return yaml_sequence(file, value, true, read_port, ports) &&
	       (ports->n_udp_ports || yaml_error(file, value, "names no port"));
}
