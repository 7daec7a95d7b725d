// SPDX-License-Identifier: BSD-3-Clause
// gateway_book: what is known of each gateway's phones and of its days, by its name: the counts of
// the round of the roster that is over, and its logins by the hour, which outlive a restart.
//
// Control thread alone. Time comes in as an argument: the wall clock.
#pragma once

#include "failures.h"
#include "roster.h"

#define GATEWAY_KEEP_MS 240000 // how often a gateway's hours go to the journal
#define GATEWAY_GAP_MS 600000  // an hour with a longer gap in it is not whole

struct gateway_book;

// Table and vocabulary must outlive it. NULL: out of memory.
struct gateway_book *gateway_book_create(
	const struct gateway_table *table, const struct vocabulary *vocabulary);
void gateway_book_destroy(struct gateway_book *book);

// As gateway_book_keep() gave it to the journal; what is wrong in it is left out. false: all is.
bool gateway_book_restore(struct gateway_book *book, const char *name, const json_t *gateway);

// The hour; and of the next gateways of the table, which are new, and when each was heard.
void gateway_book_step(struct gateway_book *book, uint64_t now_ms);

// A phone of the round under way: one more (1) or one less (-1). gateway: its number.
void gateway_book_count(struct gateway_book *book, uint16_t gateway, enum fare fare, int n);
void gateway_book_login(struct gateway_book *book, uint16_t gateway, uint64_t at_ms);
// All phones have been counted.
void gateway_book_end_round(struct gateway_book *book);

// The hours of the gateway whose turn it is, if it is time; one a call.
void gateway_book_keep(struct gateway_book *book, struct journal *journal, uint64_t now_ms);

struct roster_view gateway_book_view(const struct gateway_book *book);
