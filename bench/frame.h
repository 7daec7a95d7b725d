// SPDX-License-Identifier: BSD-3-Clause
// frame: one syslog datagram as an Ethernet frame, for the captures that the benches make.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FRAME_PAYLOAD_MAX 8000
#define FRAME_MAX (FRAME_PAYLOAD_MAX + 100)

// From `sender`, port 514, to 192.0.2.250 or 2001:db8::250, port 514, with checksums. frame:
// FRAME_MAX bytes. Returns the length; 0: the sender is no address.
size_t frame_make(const char *sender, const char *payload, size_t len, uint8_t *frame);
