// SPDX-License-Identifier: BSD-3-Clause
#include "pattern.h"

#include <ctype.h>
#include <hs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LITERAL_LETTERS_MIN 3 // as of a text
#define CHARACTERS_CAP 100000 // more is no different

// A part of an expression: characters that it stands for at most, a repeat without an end taken
// once, and letters and digits of the longest literal text that it never does without.
struct extent {
	unsigned characters, letters;
};

struct reader {
	const char *at;
	bool unknown; // something that is not understood here
};

struct repeat {
	unsigned most;
	bool any, optional;
};

static struct extent read_choice(struct reader *r);

// "[^]a[:alpha:]\]]", from behind its bracket.
static void skip_class(struct reader *r)
{
	r->at += *r->at == '^';
	r->at += *r->at == ']';
	while (*r->at && *r->at != ']') {
		const char *end = r->at[0] == '[' && r->at[1] == ':' ? strstr(r->at, ":]") : NULL;
		if (end)
			r->at = end + 1;
		else if (*r->at == '\\' && r->at[1])
			r->at++;
		r->at++;
	}
	r->at += *r->at == ']';
}

// From behind its parenthesis. Of what may follow that, "?:" and "?i)" change nothing here.
static struct extent read_group(struct reader *r)
{
	if (strncmp(r->at, "?i)", 3) == 0)
		r->at += 2;
	else if (strncmp(r->at, "?:", 2) == 0)
		r->at += 2;
	else
		r->unknown |= *r->at == '?' || *r->at == '*';
	struct extent inside = read_choice(r);
	r->at += *r->at == ')';
	return inside;
}

static unsigned times(unsigned a, unsigned long b)
{
	return a && b > CHARACTERS_CAP / a ? CHARACTERS_CAP : a * (unsigned)b;
}

// How often what stands before may come.
static struct repeat read_repeat(struct reader *r)
{
	struct repeat repeat = {.most = 1};
	while (*r->at &&
		(strchr("*?+", *r->at) || (*r->at == '{' && isdigit((unsigned char)r->at[1])))) {
		repeat.any = true;
		if (*r->at == '{') {
			char *end;
			unsigned long least = strtoul(r->at + 1, &end, 10), most = least;
			if (*end == ',' && end[1] != '}')
				most = strtoul(end + 1, &end, 10);
			most = most > least ? most : least;
			repeat.optional |= least == 0;
			repeat.most = times(repeat.most, most);
			r->at = strchr(end, '}') ? strchr(end, '}') : end - 1;
		} else {
			repeat.optional |= *r->at != '+';
		}
		r->at++;
		r->at += *r->at == '?'; // as few as possible: the same to us
	}
	return repeat;
}

// One piece of a sequence, and whether it is literal text.
static struct extent read_piece(struct reader *r, bool *literal)
{
	char c = *r->at++;
	*literal = false;
	if (c == '(')
		return read_group(r);
	if (c == '[')
		skip_class(r);
	if (c == '\\' && *r->at) {
		c = *r->at++;
		r->unknown |= c == 'Q' || c == 'E';
		*literal = !isalnum((unsigned char)c);
	} else {
		*literal = strchr("[.^$", c) == NULL;
	}
	return (struct extent){1, *literal && isalnum((unsigned char)c)};
}

static struct extent read_sequence(struct reader *r)
{
	struct extent all = {0, 0};
	unsigned run = 0; // letters of the literal text that goes on
	while (*r->at && *r->at != '|' && *r->at != ')') {
		bool literal;
		struct extent piece = read_piece(r, &literal);
		struct repeat repeat = read_repeat(r);
		all.characters += times(piece.characters, repeat.most);
		if (all.characters > CHARACTERS_CAP)
			all.characters = CHARACTERS_CAP;
		if (repeat.optional)
			piece.letters = 0;
		run = literal ? run + piece.letters : piece.letters;
		all.letters = run > all.letters ? run : all.letters;
		if (!literal || repeat.any)
			run = 0;
	}
	return all;
}

static struct extent read_choice(struct reader *r)
{
	struct extent all = read_sequence(r);
	while (*r->at == '|') {
		r->at++;
		struct extent other = read_sequence(r);
		all.characters += other.characters;
		all.letters = other.letters < all.letters ? other.letters : all.letters;
	}
	return all;
}

static bool is_valid(const char *pattern, char *reason, size_t size)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;
	if (hs_expression_info(pattern, PATTERN_FLAGS, &info, &error) == HS_SUCCESS) {
		free(info);
		return true;
	}
	snprintf(reason, size, "%s", error ? error->message : "no reason given");
	hs_free_compile_error(error);
	return false;
}

const char *pattern_refusal(const char *pattern, char *reason, size_t size)
{
	if (strlen(pattern) > PATTERN_BYTES_MAX) {
		snprintf(reason, size, "longer than %d bytes", PATTERN_BYTES_MAX);
		return reason;
	}
	if (!is_valid(pattern, reason, size))
		return reason;
	struct reader r = {.at = pattern};
	struct extent all = read_choice(&r);
	if (r.unknown || *r.at)
		return "\\Q, \\E, and (?...) but for (?:...) and (?i) are not taken";
	if (all.characters > PATTERN_CHARACTERS_MAX) {
		snprintf(reason, size,
			"stands for more than %d characters with its repeats written out: fewer or "
			"shorter repeats",
			PATTERN_CHARACTERS_MAX);
		return reason;
	}
	if (all.letters < LITERAL_LETTERS_MIN)
		return "no literal text to find the message by (3 letters or digits in a row of text)";
	return NULL;
}
