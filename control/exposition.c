// SPDX-License-Identifier: BSD-3-Clause
#include "exposition.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../rules/utf8.h"

#define OPENMETRICS "application/openmetrics-text"
#define EXACT_MAX 9007199254740992.0 // 2^53: whole numbers below are exact in a double

const char *const exposition_content_types[EXPOSITION_FORMATS] = {
	[EXPOSITION_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
	[EXPOSITION_OPENMETRICS] = OPENMETRICS "; version=1.0.0; charset=utf-8",
};

// ---- what is asked for ----

// The weight of one media range from its parameters; 0: it is not wanted, or in another version.
static double weight_of(const char *parameters, size_t len, const char *version)
{
	char copy[128];
	double weight = 1;
	if (len >= sizeof(copy))
		return 0;
	memcpy(copy, parameters, len);
	copy[len] = '\0';
	char *rest = NULL;
	for (char *word = strtok_r(copy, "; \t", &rest); word;
		word = strtok_r(NULL, "; \t", &rest)) {
		if (strncasecmp(word, "q=", 2) == 0)
			weight = atof(word + 2);
		if (strncasecmp(word, "version=", 8) == 0 && strcmp(word + 8, version) != 0)
			return 0;
	}
	return weight > 0 ? weight : 0; // of what is no number, too
}

// The weight that a media range has; of several of one name the highest. -1: it is not named.
static double named_weight(const char *accept, const char *name, const char *version)
{
	const size_t name_len = strlen(name);
	double highest = -1;
	for (const char *range = accept; range && *range;) {
		range += strspn(range, ", \t");
		size_t len = strcspn(range, ",");
		bool named = strncasecmp(range, name, name_len) == 0 &&
			     strchr("; \t,", range[name_len]) != NULL; // or the end
		double weight = named ? weight_of(range + name_len, len - name_len, version) : -1;
		highest = weight > highest ? weight : highest;
		range += len;
	}
	return highest;
}

// Source: RFC 9110, 12.5.1: the most specific range that fits has the say. OpenMetrics is for whom
// names it; where both weigh the same, it tells more.
enum exposition_format exposition_accepted(const char *accept)
{
	static const char *const ranges[] = {"text/plain", "text/*", "*/*"};
	double text = -1, openmetrics = named_weight(accept, OPENMETRICS, "1.0.0");
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && text < 0; i++)
		text = named_weight(accept, ranges[i], "0.0.4");
	return openmetrics > 0 && openmetrics >= text ? EXPOSITION_OPENMETRICS
						      : EXPOSITION_PROMETHEUS;
}

// ---- families ----

static void add_name(struct exposition *x, const char *keyword, const char *name, size_t len)
{
	buffer_add_text(x->out, keyword);
	buffer_add(x->out, name, len);
	buffer_add(x->out, " ", 1);
}

void exposition_family(
	struct exposition *x, const char *name, enum metric_type type, const char *help)
{
	static const char *const types[] = {[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram"};
	size_t len = strlen(name);
	if (type == METRIC_COUNTER) {
		assert(len > 6 && strcmp(name + len - 6, "_total") == 0);
		len -= x->format == EXPOSITION_OPENMETRICS ? 6 : 0;
	}
	x->name = name;
	add_name(x, "# HELP ", name, len);
	buffer_add_text(x->out, help); // one of the program's own: nothing to escape
	add_name(x, "\n# TYPE ", name, len);
	buffer_add_text(x->out, types[type]);
	buffer_add(x->out, "\n", 1);
}

// ---- samples ----

// Nearly all are counts: snprintf() would take a fifth of a scrape.
static void add_count(struct buffer *out, uint64_t count)
{
	char text[24];
	size_t at = sizeof(text);
	text[--at] = '\n';
	do
		text[--at] = (char)('0' + count % 10);
	while (count /= 10);
	buffer_add(out, text + at, sizeof(text) - at);
}

static void add_value(struct exposition *x, double value)
{
	char text[40];
	if (value >= 0 && value < EXACT_MAX && value == (double)(uint64_t)value) {
		add_count(x->out, (uint64_t)value);
		return;
	}
	int len = snprintf(text, sizeof(text), "%.16g\n", value);
	buffer_add(x->out, text, (size_t)len);
}

static bool is_plain(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

static void add_escaped(struct buffer *out, struct slice value)
{
	for (uint32_t i = 0, from = 0; i <= value.len;) {
		const char *instead = NULL;
		if (i < value.len && is_plain(value.data[i])) {
			i++;
			continue;
		}
		unsigned len = i < value.len ? utf8_length(value.data + i, value.len - i) : 0;
		if (i == value.len)
			instead = "";
		else if (len == 0)
			instead = "\xef\xbf\xbd";
		else if (value.data[i] == '\n')
			instead = "\\n";
		else if (value.data[i] == '"')
			instead = "\\\"";
		else if (value.data[i] == '\\')
			instead = "\\\\";
		if (instead) {
			buffer_add(out, value.data + from, i - from);
			buffer_add_text(out, instead);
			from = i + 1;
		}
		i += len ? len : 1;
	}
}

static void add_sample(struct exposition *x, const char *suffix, const struct label *labels,
	unsigned n, double value)
{
	buffer_add_text(x->out, x->name);
	buffer_add_text(x->out, suffix);
	for (unsigned i = 0; i < n; i++) {
		buffer_add(x->out, i ? "," : "{", 1);
		buffer_add_text(x->out, labels[i].name);
		buffer_add(x->out, "=\"", 2);
		add_escaped(x->out, labels[i].value);
		buffer_add(x->out, "\"", 1);
	}
	buffer_add_text(x->out, n ? "} " : " ");
	add_value(x, value);
}

void exposition_sample(
	struct exposition *x, const struct label *labels, unsigned n_labels, double value)
{
	add_sample(x, "", labels, n_labels, value);
}

void exposition_histogram(
	struct exposition *x, const struct label *label, const struct histogram *h)
{
	struct label labels[2] = {*label, {.name = "le"}};
	uint64_t n = 0;
	for (unsigned i = 0; i <= h->n_bounds; i++) {
		n += h->counts[i];
		labels[1].value = slice_of(i < h->n_bounds ? h->bounds[i] : "+Inf");
		add_sample(x, "_bucket", labels, 2, (double)n);
	}
	add_sample(x, "_sum", label, 1, h->sum);
	add_sample(x, "_count", label, 1, (double)n);
}

void exposition_end(struct exposition *x)
{
	if (x->format == EXPOSITION_OPENMETRICS)
		buffer_add_text(x->out, "# EOF\n");
}
