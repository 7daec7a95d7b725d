// SPDX-License-Identifier: BSD-3-Clause
// mixes: the traffic of the benches, each mix the same bytes every time.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// X(name, frames, what it is)
#define MIXES(X)                                                                           \
	X(realistic, 3000000, "93 of 100 lines are connections, translations and denials") \
	X(relevant, 1000000, "only lines that rules want: phones that come, go and fail")  \
	X(phone, 1000000, "only phones' own lines")                                        \
	X(headers, 1000000, "half noise, half relevant, in all variants of header")        \
	X(runts, 1000000, "frames of 64 bytes")                                            \
	X(long, 400000, "lines of 1,400 bytes")                                            \
	X(hostile, 400000, "lines built to be slow")

enum mix {
#define X(name, frames, what) MIX_##name,
	MIXES(X)
#undef X
		MIX_MAX
};

extern const char *const mix_names[MIX_MAX];
extern const char *const mix_texts[MIX_MAX];
extern const uint32_t mix_frames[MIX_MAX];

#define MIX_CLIENTS 100000 // clients of a mix, at least, where its lines have any
#define MIX_LINE_MAX 1536

// Line `n` of a mix, without a terminator; returns its length.
uint32_t mix_line(enum mix mix, uint32_t n, char *out);

// A capture of `frames` lines, Ethernet, IPv4 and UDP to port 514, from twenty ASAs and as many
// phones as there are clients. False: errno says why.
bool mix_write(enum mix mix, uint32_t frames, FILE *out);

// Of the mix the `frames` first lines whose senders are of this share, as RSS over addresses would
// deal them. share: 0 to n_shares - 1.
bool mix_write_share(enum mix mix, uint32_t frames, unsigned share, unsigned n_shares, FILE *out);

// MIX_MAX: there is none of that name.
enum mix mix_by_name(const char *name);

// Call `run` for each mix of these names, none: for all, each in a process of its own. It returns 0
// when all is well. Returns the exit status of the program: 2 for a name that is none.
typedef int mix_run_fn(enum mix mix, void *context);
int mixes_run(char **names, int n, mix_run_fn *run, void *context);

// For `usage`.
void mixes_list(FILE *out);
