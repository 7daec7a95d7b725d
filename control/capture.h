// SPDX-License-Identifier: BSD-3-Clause
// capture: the inputs of `replay`: pcap, pcapng or a text log, plain or gzip, from a file or
// standard input. What a file is, its first bytes tell. libpcap and zlib read; the file is not
// trusted.
#pragma once

#include <stdio.h>

#include "../dataplane/message.h"
#include "../rules/slice.h"
#include "logtime.h"

#define CAPTURE_LINE_MAX 65536 // longer lines of a text log are cut

enum capture_kind { CAPTURE_PACKETS, CAPTURE_TEXT };

struct capture_item {
	uint64_t time_ms;
	struct slice
		bytes; // an Ethernet frame (other link layers get an Ethernet header), or a line
	// Of a line that is known to be one message, of a gateway: its id, so that one that nobody
	// wants need not be taken apart. 0: not known.
	uint32_t asa_id;
};

struct capture;

// path  "-" is standard input
// NULL: *error (at least 256 bytes) says why.
struct capture *capture_open(
	const char *path, const struct logtime_options *options, char *error, size_t error_size);
void capture_close(struct capture *capture);

enum capture_kind capture_kind_of(const struct capture *capture);
const char *capture_path(const struct capture *capture);

// First full date that the input has by itself; year 0: none. May read ahead, a bounded part.
struct logtime_date capture_date(struct capture *capture);
// A date from another input, for a text log that has none of its own.
void capture_lend_date(struct capture *capture, struct logtime_date date);

// The next item, still to be taken: valid until capture_take(). NULL at the end.
const struct capture_item *capture_peek(struct capture *capture);
void capture_take(struct capture *capture);

// The item, a line, taken apart; valid as long as that. false: it may be several messages, or none.
bool capture_message(const struct capture *capture, struct message *out);

// Why the input ended before its end, or NULL.
const char *capture_error(const struct capture *capture);

// Bytes of the file consumed and its size (0: unknown), for progress.
void capture_progress(const struct capture *capture, uint64_t *done, uint64_t *size);
