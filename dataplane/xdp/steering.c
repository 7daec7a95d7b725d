// SPDX-License-Identifier: BSD-3-Clause
// steering: loads and attaches the XDP program, which is part of this binary.
//
// libxdp, inside DPDK's driver, finds the program attached and takes it for its own (see
// syslog.bpf.c), so that the default one, which takes every packet, is never loaded.
#include "steering.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <xdp/libxdp.h>

#include "syslog_program.h" // made from syslog.bpf.c

struct steering {
	struct bpf_object *object;
	int link; // the attachment
	int left; // the map of counters
	bool is_native;
};

// What libbpf complained of first: the rest follows from it. It prints to stderr otherwise.
static char complaint[256];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_WARN && complaint[0] == '\0')
		vsnprintf(complaint, sizeof(complaint), format, arguments);
	return 0;
}

// libxdp complains when a port closes that it cannot detach a program that is not its own.
static int keep_silent(enum libxdp_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static void take_over_prints(void)
{
	complaint[0] = '\0';
	libbpf_set_print(keep_complaint);
	libxdp_set_print(keep_silent);
}

static struct bpf_object *load(const struct steering_options *options, char *why, size_t why_size)
{
	struct syslog_filter filter = {
		.n_ports = options->n_ports,
		.frame_max = options->frame_max,
	};
	for (unsigned i = 0; i < options->n_ports; i++)
		filter.ports[i] = htons(options->ports[i]);

	LIBBPF_OPTS(bpf_object_open_opts, names, .object_name = "offhook");
	struct bpf_object *object =
		bpf_object__open_mem(syslog_program, sizeof(syslog_program), &names);
	if (object == NULL) {
		snprintf(why, why_size, "the XDP program cannot be read: %s", strerror(errno));
		return NULL;
	}
	struct bpf_map *constants = bpf_object__find_map_by_name(object, ".rodata.filter");
	struct bpf_map *sockets = bpf_object__find_map_by_name(object, "xsks_map");
	assert(constants != NULL);
	assert(sockets != NULL);
	int status = bpf_map__set_initial_value(constants, &filter, sizeof(filter));
	if (status == 0)
		status = bpf_map__set_max_entries(sockets, options->n_queues);
	if (status == 0)
		status = bpf_object__load(object);
	if (status == 0)
		return object;
	complaint[strcspn(complaint, "\n")] = '\0';
	snprintf(why, why_size, "the kernel does not load the XDP program: %s%s%s",
		strerror(-status), complaint[0] ? ", " : "", complaint);
	bpf_object__close(object);
	return NULL;
}

// A link of its own: netlink's way of attaching would outlive a SIGKILL.
static int attach(struct steering *steering, int ifindex)
{
	int program =
		bpf_program__fd(bpf_object__find_program_by_name(steering->object, "xsk_def_prog"));
	LIBBPF_OPTS(bpf_link_create_opts, native, .flags = XDP_FLAGS_DRV_MODE);
	LIBBPF_OPTS(bpf_link_create_opts, generic, .flags = XDP_FLAGS_SKB_MODE);
	steering->link = bpf_link_create(program, ifindex, BPF_XDP, &native);
	steering->is_native = steering->link >= 0;
	if (steering->link < 0 && steering->link != -EBUSY && steering->link != -EEXIST)
		steering->link = bpf_link_create(program, ifindex, BPF_XDP, &generic);
	return steering->link;
}

int steering_attach(
	const struct steering_options *options, struct steering **out, char *why, size_t why_size)
{
	take_over_prints();
	struct steering *steering = calloc(1, sizeof(*steering));
	if (steering == NULL) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	steering->link = -1;
	steering->object = load(options, why, why_size);
	if (steering->object == NULL) {
		steering_detach(steering);
		return -EOPNOTSUPP;
	}
	steering->left = bpf_object__find_map_fd_by_name(steering->object, "left");
	int status = attach(steering, options->ifindex);
	if (status < 0) {
		snprintf(
			why, why_size, "the XDP program cannot be attached: %s", strerror(-status));
		steering_detach(steering);
		return status == -EEXIST ? -EBUSY : status;
	}
	*out = steering;
	return 0;
}

bool steering_is_native(const struct steering *steering)
{
	return steering->is_native;
}

void steering_left(const struct steering *steering, uint64_t left[LEFT_MAX])
{
	memset(left, 0, LEFT_MAX * sizeof(*left));
	int n_cpus = libbpf_num_possible_cpus();
	if (n_cpus <= 0)
		return;
	uint64_t *counts = calloc((size_t)n_cpus, sizeof(*counts));
	for (uint32_t reason = 0; counts != NULL && reason < LEFT_MAX; reason++) {
		if (bpf_map_lookup_elem(steering->left, &reason, counts) != 0)
			continue;
		for (int cpu = 0; cpu < n_cpus; cpu++)
			left[reason] += counts[cpu];
	}
	free(counts);
}

void steering_detach(struct steering *steering)
{
	if (steering == NULL)
		return;
	if (steering->link >= 0)
		close(steering->link);
	bpf_object__close(steering->object); // NULL will do
	free(steering);
}
