// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
// Runs in the kernel, once a frame that an interface receives: takes UDP to the syslog ports out to
// the AF_XDP socket of that queue, and leaves everything else as it would have been. Which address
// it goes to does not matter: on a mirror port it is never this machine's. (So a machine that
// routes will not pass on syslog that comes in here.)
//
// Names are part of the contract with libxdp, which adopts an attached program instead of bringing
// its own when the function is `xsk_def_prog`, the map `xsks_map` and xsk_prog_version is there.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "syslog.h"

#define VLAN_TAGS_MAX 2
#define ETH_P_QINQ_OLD 0x9100
#define IPV4_FRAGMENT 0x3fff // more fragments, or an offset
#define IPV4_OFFSET 0x1fff
#define EXTENSIONS_MAX 4

struct vlan_tag {
	__be16 tci;
	__be16 ethertype;
};

struct extension {
	__u8 next;
	__u8 length;	 // as its protocol counts
	__be16 fragment; // of a fragment header: offset and more fragments
	__be32 rest;
};

// How far the headers of a frame are taken apart.
struct cursor {
	void *at;
	void *end;
	_Bool is_fragment;
};

const volatile struct syslog_filter filter SEC(".rodata.filter");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1); // the loader makes it one for each queue of the device
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LEFT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} left SEC(".maps");

__uint(xsk_prog_version, 1) SEC("xdp_metadata");

static __always_inline int leave(enum syslog_left reason)
{
	__u32 key = reason;
	__u64 *count = bpf_map_lookup_elem(&left, &key);
	if (count)
		++*count;
	return XDP_PASS;
}

static __always_inline _Bool is_vlan(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD) ||
	       ethertype == bpf_htons(ETH_P_QINQ_OLD);
}

// The ethertype behind the tags; 0: none that we know.
static __always_inline __be16 pass_ethernet(struct cursor *c)
{
	struct ethhdr *ethernet = c->at;
	if ((void *)(ethernet + 1) > c->end)
		return 0;
	__be16 ethertype = ethernet->h_proto;
	c->at = ethernet + 1;
	for (int i = 0; i < VLAN_TAGS_MAX && is_vlan(ethertype); i++) {
		struct vlan_tag *tag = c->at;
		if ((void *)(tag + 1) > c->end)
			return 0;
		ethertype = tag->ethertype;
		c->at = tag + 1;
	}
	return ethertype;
}

// Up to the UDP header; false: there is none in this frame.
static __always_inline _Bool pass_ipv4(struct cursor *c)
{
	struct iphdr *ip = c->at;
	if ((void *)(ip + 1) > c->end || ip->version != 4 || ip->ihl < 5)
		return 0;
	if (ip->protocol != IPPROTO_UDP || ip->frag_off & bpf_htons(IPV4_OFFSET))
		return 0;
	c->is_fragment = (ip->frag_off & bpf_htons(IPV4_FRAGMENT)) != 0;
	c->at += ip->ihl * 4;
	return 1;
}

static __always_inline _Bool pass_ipv6(struct cursor *c)
{
	struct ipv6hdr *ip = c->at;
	if ((void *)(ip + 1) > c->end || ip->version != 6)
		return 0;
	__u8 protocol = ip->nexthdr;
	c->at = ip + 1;
	for (int i = 0; i < EXTENSIONS_MAX && protocol != IPPROTO_UDP; i++) {
		struct extension *extension = c->at;
		if ((void *)(extension + 1) > c->end)
			return 0;
		if (protocol == IPPROTO_FRAGMENT) {
			if (extension->fragment & bpf_htons(0xfff8))
				return 0;
			c->is_fragment |= (extension->fragment & bpf_htons(1)) != 0;
			c->at += sizeof(*extension);
		} else if (protocol == IPPROTO_AH) {
			c->at += (extension->length + 2) * 4;
		} else if (protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
			   protocol == IPPROTO_DSTOPTS) {
			c->at += (extension->length + 1) * 8;
		} else {
			return 0;
		}
		protocol = extension->next;
	}
	return protocol == IPPROTO_UDP;
}

static __always_inline _Bool is_syslog(struct cursor *c)
{
	struct udphdr *udp = c->at;
	if ((void *)(udp + 1) > c->end)
		return 0;
	for (__u32 i = 0; i < SYSLOG_PORTS_MAX; i++)
		if (i < filter.n_ports && filter.ports[i] == udp->dest)
			return 1;
	return 0;
}

SEC("xdp")
int xsk_def_prog(struct xdp_md *context)
{
	struct cursor cursor = {
		.at = (void *)(long)context->data,
		.end = (void *)(long)context->data_end,
	};
	__be16 ethertype = pass_ethernet(&cursor);
	_Bool is_udp = ethertype == bpf_htons(ETH_P_IP)	    ? pass_ipv4(&cursor)
		       : ethertype == bpf_htons(ETH_P_IPV6) ? pass_ipv6(&cursor)
							    : 0;
	if (!is_udp || !is_syslog(&cursor))
		return XDP_PASS;
	if (cursor.is_fragment)
		return leave(LEFT_FRAGMENTED);
	if (context->data_end - context->data > filter.frame_max)
		return leave(LEFT_TOO_LONG);
	int verdict = bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_PASS);
	return verdict == XDP_REDIRECT ? verdict : leave(LEFT_NO_SOCKET);
}

char _license[] SEC("license") = "Dual BSD/GPL";
