// SPDX-License-Identifier: BSD-3-Clause
// wire: the capture that the simulator writes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	void *pcap, *dumper;
	uint64_t n_datagrams;
};

bool wire_open(struct wire *wire, const char *path);
void wire_write(
	struct wire *wire, uint64_t at_us, const char *sender, const char *payload, size_t len);
// False: not all could be written.
bool wire_close(struct wire *wire);
