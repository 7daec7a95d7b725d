// SPDX-License-Identifier: BSD-3-Clause
#include "interface.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILTER_TEXT_MAX 12288
#define FILTER_OUTGOING_LEN 3

// ---- what it is ----

// An ioctl of the SIOC?IF family. Returns 0, or -errno.
static int ask(const char *name, unsigned long question, struct ifreq *request)
{
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (any < 0)
		return -errno;
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
	int status = ioctl(any, question, request) == 0 ? 0 : -errno;
	close(any);
	return status;
}

// RX queues in use, by the driver's own word; 0: it does not tell.
static unsigned count_channels(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (void *)&channels};
	return ask(name, SIOCETHTOOL, &request) == 0 ? channels.rx_count + channels.combined_count
						     : 0;
}

// By sysfs, which every driver fills; but where /sys is another network namespace's it knows
// nothing.
static unsigned count_queues_of_sysfs(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", name);
	DIR *queues = opendir(path);
	if (queues == NULL)
		return 0;
	unsigned n = 0;
	for (struct dirent *entry; (entry = readdir(queues)) != NULL;)
		n += strncmp(entry->d_name, "rx-", 3) == 0;
	closedir(queues);
	return n;
}

static unsigned count_queues(const struct interface *interface)
{
	unsigned n = count_channels(interface->name);
	if (n == 0)
		n = count_queues_of_sysfs(interface->name);
	return n == 0 && interface->is_loopback ? 1 : n;
}

// The kernel allows nearly any byte in a name; the arguments of DPDK's drivers do not.
static bool is_plain(const char *name)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@";
	return name[0] != '\0' && name[strspn(name, plain)] == '\0';
}

int interface_open(struct interface *interface, const char *name, char *error, size_t error_size)
{
	*interface = (struct interface){.promiscuous = -1};
	if (strlen(name) >= IFNAMSIZ || !is_plain(name)) {
		snprintf(error, error_size,
			"a network interface is named by at most 15 of A-Z a-z 0-9 . _ - @");
		return -EINVAL;
	}
	struct ifreq flags = {0}, hardware = {0};
	interface->index = (int)if_nametoindex(name);
	// It may have been another of its names.
	bool known = interface->index != 0 &&
		     if_indextoname((unsigned)interface->index, interface->name) != NULL;
	int status = known ? ask(interface->name, SIOCGIFFLAGS, &flags) : -ENODEV;
	if (status == 0)
		status = ask(interface->name, SIOCGIFHWADDR, &hardware);
	if (status != 0) {
		snprintf(error, error_size, "no such network interface (ip link shows them)");
		return status;
	}
	sa_family_t type = hardware.ifr_hwaddr.sa_family;
	if (type != ARPHRD_ETHER && type != ARPHRD_LOOPBACK) { // a tunnel, say
		snprintf(error, error_size, "no Ethernet device: listen on what carries it");
		return -EINVAL;
	}
	interface->is_loopback = flags.ifr_flags & IFF_LOOPBACK;
	interface->n_queues = count_queues(interface);
	interface->is_up = flags.ifr_flags & IFF_UP;
	interface->was_promiscuous = flags.ifr_flags & IFF_PROMISC;
	return 0;
}

// ---- promiscuous mode ----

// By a socket's membership, not by the interface's flag: the kernel takes it back with the socket.
int interface_promiscuous_start(struct interface *interface)
{
	if (interface->is_loopback)
		return 0;
	int holder = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); // protocol 0: receives nothing
	if (holder < 0)
		return -errno;
	struct packet_mreq membership = {
		.mr_ifindex = interface->index,
		.mr_type = PACKET_MR_PROMISC,
	};
	if (setsockopt(holder, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership,
		    sizeof(membership)) != 0) {
		int status = -errno;
		close(holder);
		return status;
	}
	interface->promiscuous = holder;
	return 0;
}

enum interface_state interface_look(const struct interface *interface)
{
	char name[IFNAMSIZ];
	struct ifreq flags = {0};
	if (if_indextoname((unsigned)interface->index, name) == NULL ||
		ask(name, SIOCGIFFLAGS, &flags) != 0)
		return INTERFACE_GONE;
	if (!(flags.ifr_flags & IFF_UP))
		return INTERFACE_DOWN;
	return flags.ifr_flags & IFF_RUNNING ? INTERFACE_UP : INTERFACE_NO_LINK;
}

bool interface_has_address(const struct interface *interface, const struct address *address)
{
	struct ifaddrs *all;
	bool found = false;
	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
		struct address its;
		if (one->ifa_addr == NULL || strcmp(one->ifa_name, interface->name) != 0)
			continue;
		if (one->ifa_addr->sa_family == AF_INET)
			its = address_of_ipv4(
				((struct sockaddr_in *)one->ifa_addr)->sin_addr.s_addr);
		else if (one->ifa_addr->sa_family == AF_INET6)
			memcpy(its.bytes, &((struct sockaddr_in6 *)one->ifa_addr)->sin6_addr,
				sizeof(its.bytes));
		else
			continue;
		found = address_equals(&its, address);
	}
	freeifaddrs(all);
	return found;
}

void interface_restore_flags(const struct interface *interface)
{
	struct ifreq flags = {0};
	if (!interface->was_promiscuous || ask(interface->name, SIOCGIFFLAGS, &flags) != 0)
		return;
	flags.ifr_flags |= IFF_PROMISC;
	(void)ask(interface->name, SIOCSIFFLAGS, &flags); // gone in between: nothing to restore
}

// ---- the driver's sockets ----

static bool is_of_family(int file, int family)
{
	int domain;
	socklen_t len = sizeof(domain);
	return getsockopt(file, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == family;
}

size_t interface_list_sockets(int family, int *out, size_t max)
{
	DIR *open_files = opendir("/proc/self/fd");
	if (open_files == NULL)
		return 0;
	size_t n = 0;
	for (struct dirent *entry; n < max && (entry = readdir(open_files)) != NULL;) {
		int file = atoi(entry->d_name); // "." and "..": 0, which is no such socket
		if (is_of_family(file, family))
			out[n++] = file;
	}
	closedir(open_files);
	return n;
}

static bool contains(const int *list, size_t n, int value)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == value)
			return true;
	return false;
}

void interface_adopt_sockets(
	struct interface *interface, int family, const int *before, size_t n_before)
{
	int now[INTERFACE_SOCKETS_MAX];
	size_t n_now = interface_list_sockets(family, now, INTERFACE_SOCKETS_MAX);
	for (size_t i = 0; i < n_now && interface->n_sockets < INTERFACE_SOCKETS_MAX; i++) {
		if (contains(before, n_before, now[i]))
			continue;
		interface->sockets[interface->n_sockets++] = now[i];
		(void)fcntl(now[i], F_SETFD, FD_CLOEXEC); // nothing that we start may keep it alive
	}
}

void interface_close_sockets(struct interface *interface)
{
	for (size_t i = 0; i < interface->n_sockets; i++)
		if (is_of_family(interface->sockets[i], AF_XDP))
			close(interface->sockets[i]);
	interface->n_sockets = 0;
}

uint64_t interface_lost(struct interface *interface)
{
	uint64_t lost_by_xdp = 0;
	for (size_t i = 0; i < interface->n_sockets; i++) {
		struct xdp_statistics xdp;
		struct tpacket_stats packet;
		socklen_t len = sizeof(xdp);
		if (getsockopt(interface->sockets[i], SOL_XDP, XDP_STATISTICS, &xdp, &len) == 0)
			lost_by_xdp += xdp.rx_dropped + xdp.rx_ring_full;
		len = sizeof(packet);
		if (getsockopt(interface->sockets[i], SOL_PACKET, PACKET_STATISTICS, &packet,
			    &len) == 0)
			interface->lost += packet.tp_drops;
	}
	return interface->lost + lost_by_xdp;
}

// ---- what AF_PACKET hands over ----

struct text {
	char bytes[FILTER_TEXT_MAX];
	size_t len;
};

[[gnu::format(printf, 2, 3)]] static void append(struct text *text, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	text->len += (size_t)vsnprintf(
		text->bytes + text->len, sizeof(text->bytes) - text->len, format, list);
	va_end(list);
	assert(text->len < sizeof(text->bytes));
}

// Syslog, and all that may turn out to be: later fragments, IPv6 with headers between.
static void append_syslog(struct text *text, const struct datagram_options *options)
{
	append(text, "(ip proto 17 and (ip[6:2] & 0x1fff != 0");
	for (uint8_t i = 0; i < options->n_ports; i++)
		append(text, " or dst port %u", options->ports[i]);
	append(text, ")) or (ip6 and (ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 51 or "
		     "ip6[6] = 60");
	for (uint8_t i = 0; i < options->n_ports; i++)
		append(text, " or (ip6[6] = 17 and ip6[42:2] = %u)", options->ports[i]);
	append(text, "))");
	if (options->n_addresses > 0)
		append(text, " or arp or icmp or icmp6");
}

// Compiled by libpcap as for frames of Ethernet. Each "vlan" moves what stands behind it by a tag.
// The kernel takes a tag off before it asks, but for 0x9100 (of before 802.1ad), which it does not
// know.
static int compile_filter(const struct datagram_options *options, struct bpf_program *program,
	char *error, size_t error_size)
{
	struct text text = {.len = 0};
	append(&text, "(");
	append_syslog(&text, options);
	append(&text, ") or (vlan and ((");
	append_syslog(&text, options);
	append(&text, ") or (vlan and (");
	append_syslog(&text, options);
	append(&text, "))))");
	pcap_t *ethernet = pcap_open_dead(DLT_EN10MB, 1 << 18);
	if (ethernet == NULL)
		return -ENOMEM;
	int status = 0;
	if (pcap_compile(ethernet, program, text.bytes, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		snprintf(error, error_size, "filter: %s", pcap_geterr(ethernet));
		status = -EINVAL;
	}
	pcap_close(ethernet);
	return status;
}

int interface_filter(const struct interface *interface, const struct datagram_options *options,
	char *error, size_t error_size)
{
	struct bpf_program wanted;
	int status = compile_filter(options, &wanted, error, error_size);
	if (status != 0)
		return status;
	// PACKET_IGNORE_OUTGOING would come too late: the driver has put the sockets into a fanout
	// group, which took that option over from the first when it was made.
	const struct sock_filter outgoing[FILTER_OUTGOING_LEN] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static_assert(
		sizeof(struct sock_filter) == sizeof(struct bpf_insn), "the same to the kernel");
	struct sock_filter *filter = malloc(sizeof(outgoing) + wanted.bf_len * sizeof(*filter));
	if (filter == NULL) {
		pcap_freecode(&wanted);
		return -ENOMEM;
	}
	memcpy(filter, outgoing, sizeof(outgoing));
	memcpy(filter + FILTER_OUTGOING_LEN, wanted.bf_insns, wanted.bf_len * sizeof(*filter));
	const struct sock_fprog program = {
		.len = (unsigned short)(FILTER_OUTGOING_LEN + wanted.bf_len),
		.filter = filter,
	};
	for (size_t i = 0; i < interface->n_sockets && status == 0; i++)
		if (setsockopt(interface->sockets[i], SOL_SOCKET, SO_ATTACH_FILTER, &program,
			    sizeof(program)) != 0)
			status = -errno;
	if (status != 0)
		snprintf(error, error_size, "filter: %s", strerror(-status));
	free(filter);
	pcap_freecode(&wanted);
	return status;
}

// ---- quiet ----

// A UDP socket on one port of one interface that the kernel delivers nothing to. -1: not to be had.
static int quiet_socket(const struct interface *interface, int family, uint16_t port)
{
	struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	const struct sock_fprog program = {.len = 1, .filter = nothing};
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	const struct sockaddr *address =
		family == AF_INET ? (const void *)&any : (const void *)&any6;
	socklen_t len = family == AF_INET ? sizeof(any) : sizeof(any6);
	int yes = 1;
	int quiet = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (quiet < 0)
		return -1;
	// What this machine sends to an address of another of its interfaces comes through
	// loopback, and the kernel looks for a socket of that other interface.
	bool bound = interface->is_loopback ||
		     setsockopt(quiet, SOL_SOCKET, SO_BINDTODEVICE, interface->name,
			     (socklen_t)strlen(interface->name)) == 0;
	if (bound &&
		setsockopt(quiet, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 &&
		(family == AF_INET ||
			setsockopt(quiet, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) == 0) &&
		bind(quiet, address, len) == 0)
		return quiet;
	close(quiet);
	return -1;
}

void interface_quiet(struct interface *interface, const struct datagram_options *options)
{
	static const int families[] = {AF_INET, AF_INET6};
	for (uint8_t i = 0; i < options->n_ports; i++) {
		for (int f = 0; f < 2; f++) {
			int quiet = quiet_socket(interface, families[f], options->ports[i]);
			if (quiet >= 0)
				interface->quiet[interface->n_quiet++] = quiet;
		}
	}
}

void interface_close(struct interface *interface)
{
	for (size_t i = 0; i < interface->n_quiet; i++)
		close(interface->quiet[i]);
	interface->n_quiet = 0;
	if (interface->promiscuous >= 0)
		close(interface->promiscuous);
	interface->promiscuous = -1;
	interface_restore_flags(interface);
}
