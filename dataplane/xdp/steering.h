// SPDX-License-Identifier: BSD-3-Clause
// steering: the XDP program on one network interface that takes syslog out to AF_XDP sockets.
//
// COLD, control thread. Used by port.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syslog.h"

struct steering;

struct steering_options {
	int ifindex;
	unsigned n_queues;     // RX queues of the device
	const uint16_t *ports; // UDP, host order
	unsigned n_ports;
	unsigned frame_max; // longer frames are left to the kernel
};

// Load the program and attach it, in the driver if it can, else before the kernel's stack. Until a
// socket is bound to a queue, everything that comes there still goes to the kernel. The attachment
// is a file descriptor: it ends with the process, however that ends.
//
// Returns 0, or -errno with the reason in `why` (one line, without the interface's name). -EBUSY:
// another program is attached there.
[[nodiscard]] int steering_attach(
	const struct steering_options *options, struct steering **out, char *why, size_t why_size);

bool steering_is_native(const struct steering *steering);

// Syslog left to the kernel so far, by reason.
void steering_left(const struct steering *steering, uint64_t left[LEFT_MAX]);

void steering_detach(struct steering *steering);
