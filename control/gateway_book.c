// SPDX-License-Identifier: BSD-3-Clause
#include "gateway_book.h"

#include <stdlib.h>
#include <string.h>

#include "accepted_record.h"
#include "journal.h"
#include "text.h"

#define FORGET_MS (ROSTER_HOURS * HOUR_MS) // one that was not heard for so long
#define STEP 64 // gateways of the table that are looked at: each is some KiB from the next
#define NO_PAGE UINT32_MAX

// What is written of one gateway; pages are in the order of the names, as they are shown.
struct page {
	uint64_t kept_ms;	     // when its hours went to the journal
	uint64_t until_ms;	     // restored: they went so far; 0: they go on
	uint32_t counting[FARE_MAX]; // of the round under way
	uint16_t number;	     // in the table; GATEWAY_NONE: not heard since the start
	char name[GATEWAY_NAME_MAX + 1];
};

struct gateway_book {
	const struct gateway_table *table;
	const struct vocabulary *vocabulary;
	struct page *pages;
	struct roster_gateway *shown; // one for each page
	size_t n, n_max;
	uint32_t *page_of; // by number
	uint64_t hour;	   // 0: the clock is not known yet
	size_t keep_next;
	uint16_t look_next;
	bool restored; // pages are to go on
};

struct gateway_book *gateway_book_create(
	const struct gateway_table *table, const struct vocabulary *vocabulary)
{
	struct gateway_book *book = calloc(1, sizeof(*book));
	if (book == NULL)
		return NULL;
	book->table = table;
	book->vocabulary = vocabulary;
	book->page_of = malloc(table->n_max * sizeof(*book->page_of));
	if (book->page_of == NULL) {
		free(book);
		return NULL;
	}
	memset(book->page_of, 0xff, table->n_max * sizeof(*book->page_of));
	return book;
}

void gateway_book_destroy(struct gateway_book *book)
{
	if (book == NULL)
		return;
	free(book->pages);
	free(book->shown);
	free(book->page_of);
	free(book);
}

// ---- pages ----

// What is by place has moved.
static void index_pages(struct gateway_book *book)
{
	for (size_t i = 0; i < book->n; i++) {
		book->shown[i].name = book->pages[i].name;
		if (book->pages[i].number != GATEWAY_NONE)
			book->page_of[book->pages[i].number] = (uint32_t)i;
	}
}

static bool make_room(struct gateway_book *book)
{
	if (book->n < book->n_max)
		return true;
	size_t n_max = book->n_max ? book->n_max * 2 : 16;
	struct page *pages = realloc(book->pages, n_max * sizeof(*pages));
	if (pages)
		book->pages = pages;
	struct roster_gateway *shown = realloc(book->shown, n_max * sizeof(*shown));
	if (shown)
		book->shown = shown;
	if (pages && shown)
		book->n_max = n_max;
	index_pages(book);
	return pages && shown;
}

// Where the page of a name is, or has to be.
static size_t place_of(const struct gateway_book *book, const char *name, bool *found)
{
	size_t low = 0, high = book->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(book->pages[middle].name, name);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = false;
	return low;
}

// NO_PAGE: out of memory.
static uint32_t page_of_name(struct gateway_book *book, struct slice text)
{
	char name[GATEWAY_NAME_MAX + 1];
	bool found;
	slice_copy(text, name, sizeof(name));
	size_t at = place_of(book, name, &found);
	if (found)
		return (uint32_t)at;
	if (!make_room(book))
		return NO_PAGE;
	memmove(&book->pages[at + 1], &book->pages[at], (book->n - at) * sizeof(*book->pages));
	memmove(&book->shown[at + 1], &book->shown[at], (book->n - at) * sizeof(*book->shown));
	book->n++;
	book->pages[at] = (struct page){.number = GATEWAY_NONE};
	book->shown[at] = (struct roster_gateway){.hours_from = UINT64_MAX};
	memcpy(book->pages[at].name, name, sizeof(name));
	index_pages(book);
	return (uint32_t)at;
}

static void remove_page(struct gateway_book *book, size_t at)
{
	book->n--;
	memmove(&book->pages[at], &book->pages[at + 1], (book->n - at) * sizeof(*book->pages));
	memmove(&book->shown[at], &book->shown[at + 1], (book->n - at) * sizeof(*book->shown));
	index_pages(book);
}

struct roster_view gateway_book_view(const struct gateway_book *book)
{
	return (struct roster_view){book->shown, book->n};
}

// ---- hours ----

static void set_whole(struct roster_gateway *gateway, uint64_t hour, bool whole)
{
	uint64_t *word = &gateway->whole[hour % ROSTER_HOURS / 64], bit = 1ull << (hour % 64);
	*word = whole ? *word | bit : *word & ~bit;
}

// The clock has come to another hour; those that are passed over are not whole.
static void turn_hours(struct gateway_book *book, uint64_t hour)
{
	uint64_t n = hour > book->hour ? hour - book->hour : 0;
	for (uint64_t i = n < ROSTER_HOURS ? n : ROSTER_HOURS; i > 0; i--) {
		for (size_t k = 0; k < book->n; k++) {
			book->shown[k].logins[(hour + 1 - i) % ROSTER_HOURS] = 0;
			set_whole(&book->shown[k], hour + 1 - i, i == 1 && n == 1);
		}
	}
	book->hour = hour;
}

// What was restored goes on; the hours that nobody has seen the end of are not whole.
static void go_on(struct gateway_book *book, size_t at, uint64_t now_ms)
{
	struct page *page = &book->pages[at];
	struct roster_gateway *shown = &book->shown[at];
	uint64_t last = page->until_ms / HOUR_MS;
	bool gap = now_ms > page->until_ms + GATEWAY_GAP_MS;
	if (last + ROSTER_HOURS <= book->hour || last > book->hour) {
		memset(shown->logins, 0, sizeof(shown->logins));
		memset(shown->whole, 0, sizeof(shown->whole));
		shown->hours_from = book->hour + 1;
		last = book->hour;
	}
	if (gap)
		set_whole(shown, last, false);
	for (uint64_t hour = last + 1; hour <= book->hour; hour++) {
		shown->logins[hour % ROSTER_HOURS] = 0;
		set_whole(shown, hour, !gap);
	}
	page->until_ms = 0;
}

// ---- what the table knows ----

static void look_at(struct gateway_book *book, uint16_t number)
{
	const struct gateway *gateway = &book->table->gateways[number];
	uint64_t last_ms = counter_get(&gateway->last_ms);
	if (book->page_of[number] == NO_PAGE) {
		struct slice name = gateway_name(book->table, number);
		uint32_t at = name.len ? page_of_name(book, name) : NO_PAGE;
		if (at == NO_PAGE)
			return;
		book->pages[at].number = number;
		book->page_of[number] = at;
	}
	struct roster_gateway *shown = &book->shown[book->page_of[number]];
	if (shown->hours_from == UINT64_MAX)
		shown->hours_from = book->hour + 1;
	if (last_ms && shown->first_line_ms == 0)
		shown->first_line_ms = last_ms;
	if (last_ms > shown->last_line_ms)
		shown->last_line_ms = last_ms;
}

void gateway_book_step(struct gateway_book *book, uint64_t now_ms)
{
	uint64_t hour = now_ms / HOUR_MS;
	if (book->hour == 0)
		book->hour = hour;
	if (hour != book->hour)
		turn_hours(book, hour);
	for (size_t i = 0; book->restored && i < book->n; i++) {
		if (book->pages[i].until_ms)
			go_on(book, i, now_ms);
	}
	book->restored = false;
	for (unsigned i = 0; i < STEP && i < book->table->n_max; i++) {
		uint16_t number = book->look_next++;
		if (book->look_next == book->table->n_max)
			book->look_next = 0;
		if (atomic_load_explicit(
			    &book->table->gateways[number].in_use, memory_order_acquire))
			look_at(book, number);
	}
}

// ---- a round ----

// NO_PAGE: of no gateway.
static uint32_t page_of(struct gateway_book *book, uint16_t gateway)
{
	if (gateway == GATEWAY_NONE)
		return NO_PAGE;
	if (book->page_of[gateway] == NO_PAGE)
		look_at(book, gateway);
	return book->page_of[gateway];
}

void gateway_book_count(struct gateway_book *book, uint16_t gateway, enum fare fare, int n)
{
	uint32_t at = page_of(book, gateway);
	if (at != NO_PAGE)
		book->pages[at].counting[fare] += (uint32_t)n;
}

void gateway_book_login(struct gateway_book *book, uint16_t gateway, uint64_t at_ms)
{
	uint32_t at = page_of(book, gateway);
	uint64_t hour = at_ms / HOUR_MS;
	if (at == NO_PAGE || hour > book->hour || hour + ROSTER_HOURS <= book->hour)
		return;
	uint16_t *logins = &book->shown[at].logins[hour % ROSTER_HOURS];
	*logins = (uint16_t)(*logins + (*logins < UINT16_MAX));
}

void gateway_book_end_round(struct gateway_book *book)
{
	for (size_t i = 0; i < book->n; i++) {
		const uint32_t *n = book->pages[i].counting;
		struct roster_gateway *shown = &book->shown[i];
		shown->n_ok = n[FARE_OK];
		shown->n_suspected = n[FARE_SUSPECTED];
		shown->n_failing = n[FARE_FAILING];
		shown->n_unknown = n[FARE_UNKNOWN];
		shown->n_phones =
			shown->n_ok + shown->n_suspected + shown->n_failing + shown->n_unknown;
		memset(book->pages[i].counting, 0, sizeof(book->pages[i].counting));
	}
}

// ---- to the journal and back ----

static json_t *page_json(const struct gateway_book *book, size_t at, uint64_t now_ms)
{
	const struct roster_gateway *shown = &book->shown[at];
	json_t *logins = json_array(), *partial = json_array();
	for (uint64_t i = ROSTER_HOURS; i > 0; i--) {
		uint64_t hour = book->hour + 1 - i;
		json_array_append_new(logins, json_integer(shown->logins[hour % ROSTER_HOURS]));
		if (!roster_hour_is_whole(shown, hour, book->hour))
			json_array_append_new(partial, json_integer((json_int_t)hour));
	}
	json_t *accepted =
		accepted_record_make(book->table, book->pages[at].number, book->vocabulary);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o}", "type", "gateway",
		"name", json_text(slice_of(shown->name)), "first_line",
		json_time_or_null(shown->first_line_ms), "last_line",
		json_time_or_null(shown->last_line_ms), "until", json_time(now_ms), "hour",
		(json_int_t)book->hour, "hours_from", (json_int_t)shown->hours_from, "logins",
		logins, "partial", partial, "accepted", accepted);
}

void gateway_book_keep(struct gateway_book *book, struct journal *journal, uint64_t now_ms)
{
	if (book->n == 0 || book->hour == 0)
		return;
	size_t at = book->keep_next++ % book->n;
	struct page *page = &book->pages[at];
	const struct roster_gateway *shown = &book->shown[at];
	if (page->number == GATEWAY_NONE && shown->n_phones == 0 &&
		shown->last_line_ms + FORGET_MS < now_ms) {
		journal_forget(journal, RECORD_GATEWAY, page->name);
		remove_page(book, at);
		return;
	}
	if (now_ms >= page->kept_ms && now_ms < page->kept_ms + GATEWAY_KEEP_MS)
		return;
	page->kept_ms = now_ms;
	json_t *object = page_json(book, at, now_ms);
	const char *name = json_string_value(json_object_get(object, "name"));
	if (name)
		journal_append(journal, RECORD_GATEWAY, name, object);
	json_decref(object);
}

bool gateway_book_restore(struct gateway_book *book, const char *name, const json_t *gateway)
{
	const json_t *logins = json_object_get(gateway, "logins");
	uint64_t until = json_time_of(gateway, "until"), hour = json_number_of(gateway, "hour"), i;
	size_t len = strlen(name);
	if (len == 0 || len > GATEWAY_NAME_MAX || until == 0 || hour != until / HOUR_MS ||
		json_array_size(logins) != ROSTER_HOURS)
		return false;
	uint32_t at = page_of_name(book, slice_of(name));
	if (at == NO_PAGE)
		return false;
	struct roster_gateway *shown = &book->shown[at];
	book->pages[at].until_ms = book->pages[at].kept_ms = until;
	book->restored = true;
	shown->first_line_ms = json_time_of(gateway, "first_line");
	shown->last_line_ms = json_time_of(gateway, "last_line");
	shown->hours_from = json_number_of(gateway, "hours_from");
	for (i = 0; i < ROSTER_HOURS; i++) {
		json_int_t n = json_integer_value(json_array_get(logins, i));
		shown->logins[(hour + 1 + i) % ROSTER_HOURS] =
			(uint16_t)(n < 0	    ? 0
				   : n > UINT16_MAX ? UINT16_MAX
						    : n);
	}
	memset(shown->whole, 0xff, sizeof(shown->whole));
	const json_t *partial = json_object_get(gateway, "partial");
	for (i = 0; i < json_array_size(partial); i++)
		set_whole(shown, (uint64_t)json_integer_value(json_array_get(partial, i)), false);
	return true;
}
