// SPDX-License-Identifier: BSD-3-Clause
#include "stamp.h"

#include <ctype.h>

static bool digit(struct slice text, uint32_t at)
{
	return at < text.len && isdigit((unsigned char)text.data[at]);
}

static bool is(struct slice text, uint32_t at, char c)
{
	return at < text.len && text.data[at] == c;
}

// Exactly n digits at `at`.
static bool digits(struct slice text, uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!digit(text, at + i))
			return false;
	}
	return true;
}

static uint32_t blanks(struct slice text, uint32_t at)
{
	uint32_t n = 0;
	while (is(text, at + n, ' ') || is(text, at + n, '\t'))
		n++;
	return n;
}

// HH:MM:SS[.fraction], end offset or 0.
static uint32_t clock_end(struct slice text, uint32_t at)
{
	if (!digits(text, at, 2) || !is(text, at + 2, ':') || !digits(text, at + 3, 2) ||
		!is(text, at + 5, ':') || !digits(text, at + 6, 2))
		return 0;
	at += 8;
	if (is(text, at, '.') && digit(text, at + 1)) {
		for (at++; digit(text, at);)
			at++;
	}
	return at;
}

static bool is_month(struct slice text, uint32_t at)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	if (at + 3 > text.len)
		return false;
	for (unsigned i = 0; i < sizeof(months) - 1; i += 3) {
		if (memcmp(months + i, text.data + at, 3) == 0)
			return true;
	}
	return false;
}

// "Nov 07", "May  5": end offset or 0.
static uint32_t month_day_end(struct slice text)
{
	if (!is_month(text, 0))
		return 0;
	uint32_t at = 3 + blanks(text, 3);
	if (at == 3 || at > 5 || !digit(text, at))
		return 0;
	return at + (digit(text, at + 1) ? 2 : 1);
}

static uint32_t bsd_length(struct slice text)
{
	uint32_t at = month_day_end(text), gap = blanks(text, at);
	if (at == 0 || gap == 0)
		return 0;
	uint32_t end = clock_end(text, at + gap);
	if (end == 0 && digits(text, at + gap, 4)) {
		at += gap + 4;
		gap = blanks(text, at);
		end = gap ? clock_end(text, at + gap) : 0;
	}
	return end;
}

static uint32_t iso_length(struct slice text)
{
	if (!digits(text, 0, 4) || !is(text, 4, '-') || !digits(text, 5, 2) || !is(text, 7, '-') ||
		!digits(text, 8, 2) || !(is(text, 10, 'T') || is(text, 10, ' ')))
		return 0;
	uint32_t at = clock_end(text, 11);
	if (at == 0)
		return 0;
	if (is(text, at, 'Z'))
		return at + 1;
	if ((is(text, at, '+') || is(text, at, '-')) && digits(text, at + 1, 2)) {
		uint32_t colon = is(text, at + 3, ':');
		if (digits(text, at + 3 + colon, 2))
			return at + 5 + colon;
	}
	return at;
}

uint32_t stamp_length(struct slice text)
{
	uint32_t len = digit(text, 0) ? iso_length(text) : bsd_length(text);
	// A longer word only begins like a time.
	return len && len < text.len && isalnum((unsigned char)text.data[len]) ? 0 : len;
}

uint32_t stamp_clock_length(struct slice text)
{
	uint32_t at = month_day_end(text);
	return clock_end(text, at + blanks(text, at));
}

bool stamp_is_zone(struct slice word)
{
	static const char zones[] =
		" UTC GMT WET WEST BST IST CET CEST EET EEST MSK MSD SAST EAT WAT CAT TRT GST PKT "
		"ICT WIB WITA HKT SGT MYT PHT JST KST AWST ACST ACDT AEST AEDT NZST NZDT BRT BRST "
		"ART CLT CLST AST ADT EST EDT CST CDT MST MDT PST PDT AKST AKDT HST ";
	char padded[8];
	if (word.len < 3 || word.len > 4)
		return false;
	padded[0] = ' ';
	memcpy(padded + 1, word.data, word.len);
	padded[word.len + 1] = ' ';
	return memmem(zones, sizeof(zones) - 1, padded, word.len + 2) != NULL;
}
