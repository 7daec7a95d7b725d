// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
// What the XDP program and its loader must agree on.
#pragma once

#include <linux/types.h>

#define SYSLOG_PORTS_MAX 16

// Set before the program is loaded, constant for it.
struct syslog_filter {
	__u16 ports[SYSLOG_PORTS_MAX]; // UDP destination ports, network order
	__u32 n_ports;
	__u32 frame_max; // bytes; what is longer does not fit an AF_XDP buffer
};

// Syslog that the program had to leave to the kernel, by reason. Index of the map `left`.
enum syslog_left {
	LEFT_FRAGMENTED, // datagrams: only the first fragment shows its port
	LEFT_TOO_LONG,
	LEFT_NO_SOCKET, // nobody listens on that queue
	LEFT_MAX
};
