// SPDX-License-Identifier: BSD-3-Clause
// cipher_list: the ciphers that a gateway allows or a client offers, as they are told one a line
// (725011), each with its index; lines get lost, change places, and come twice.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../rules/slice.h"

#define CIPHER_LIST_MAX \
	960 // bytes of a cipher list; 725011 prints one name of about 25 a line, up to 40 of them
#define CIPHER_LIST_ENTRIES_MAX 63

// What the head announced and what came of it. Lines get lost: half a list is not told.
struct cipher_list {
	uint64_t seen; // entries, by index
	uint16_t len;
	bool is_cut;
	uint32_t count;		     // 0: not announced
	char names[CIPHER_LIST_MAX]; // in the order of their indexes, divided by blanks
};

// count  how many the head announces, 0: it does not say
void cipher_list_clear(struct cipher_list *list, uint32_t count);

// All from the first on are there, as many as were announced.
bool cipher_list_is_whole(const struct cipher_list *list);

// index: 1 to CIPHER_LIST_ENTRIES_MAX, and not there yet.
void cipher_list_insert(struct cipher_list *list, unsigned index, struct slice name);
bool cipher_list_has(const struct cipher_list *list, unsigned index, struct slice name);

// Forget the entry of an index and all behind it.
void cipher_list_cut(struct cipher_list *list, unsigned index);

// Whether only this entry is missing: it has changed places with the head of the list after its
// own.
bool cipher_list_lacks_only(const struct cipher_list *list, uint64_t index);
