// SPDX-License-Identifier: BSD-3-Clause
// http_url: the address of a receiver: whether it is one, and what requests and errors say of it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Of the address that an option holds. A name and a password in it are refused: secrets are in
// files. false: *error, one line.
bool http_url_check(const char *option, const char *url, char *error, size_t size);

// Whether both lead to the same receiver, whatever their spelling.
bool http_url_is_same(const char *one, const char *other);

// *whole: without its fragment, its query kept, with `path` after its own (NULL for none), unless
// it ends so already; *origin: what an error may say of it, scheme, host and port. Both the
// caller's to free, whatever comes back. Returns what is wrong; NULL: nothing.
const char *http_url_make(const char *url, const char *path, char **whole, char **origin);

// `whole` with more of a query, "a=b", beside its own; NULL: with no more. The caller's to free;
// NULL: out of memory.
char *http_url_query(const char *whole, const char *query);
