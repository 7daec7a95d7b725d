// SPDX-License-Identifier: BSD-3-Clause
// wire: what the simulator writes: a capture, or a text log, as one collector of all would file it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct wire {
	void *pcap, *dumper;
	FILE *text;
	uint64_t n_datagrams;
};

// pcap, text: paths; NULL: none of it. False: errno says why.
bool wire_open(struct wire *wire, const char *pcap, const char *text);
void wire_write(
	struct wire *wire, uint64_t at_us, const char *sender, const char *payload, size_t len);
// False: not all could be written.
bool wire_close(struct wire *wire);
