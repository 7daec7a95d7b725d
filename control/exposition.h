// SPDX-License-Identifier: BSD-3-Clause
// exposition: metrics as the text that Prometheus scrapes, in its own format or as OpenMetrics.
//
// Source: Prometheus, "Exposition formats", text format 0.0.4; OpenMetrics 1.0.0, "ABNF" and
// "Counter": there HELP and TYPE name a counter without its _total, and the text ends with # EOF.
#pragma once

#include "../rules/slice.h"
#include "buffer.h"

enum exposition_format { EXPOSITION_PROMETHEUS, EXPOSITION_OPENMETRICS, EXPOSITION_FORMATS };
extern const char *const exposition_content_types[EXPOSITION_FORMATS];

// What a request's Accept header asks for; NULL: it has none. OpenMetrics only by name and where it
// is not refused (q=0): who says */* gets what everybody reads.
enum exposition_format exposition_accepted(const char *accept);

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct exposition {
	struct buffer *out;
	enum exposition_format format;
	const char *name; // of the family whose samples are written
};

struct label {
	const char *name;
	struct slice value; // any bytes: what is no UTF-8 becomes U+FFFD
};

// name: of a counter with its _total.
void exposition_family(
	struct exposition *exposition, const char *name, enum metric_type type, const char *help);
void exposition_sample(
	struct exposition *exposition, const struct label *labels, unsigned n_labels, double value);

// Observations by their upper bounds, in seconds; the last count is of those beyond all bounds.
struct histogram {
	const char *const *bounds; // as they are written: "0.005"
	const uint64_t *counts;	   // n_bounds + 1 of them, each of its own interval
	unsigned n_bounds;
	double sum;
};
// With one label.
void exposition_histogram(struct exposition *exposition, const struct label *label,
	const struct histogram *histogram);

void exposition_end(struct exposition *exposition);
