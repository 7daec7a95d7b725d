// SPDX-License-Identifier: BSD-3-Clause
// sql: what the connections of a store and of its readers have in common.
#pragma once

#include <sqlite3.h>

#include "store.h"

// What a database has, each a value in a SELECT.
#define SQL_FIRST "(SELECT min(number) FROM records)"
#define SQL_LAST                                              \
	"max(coalesce((SELECT max(number) FROM records), 0)," \
	" coalesce((SELECT max(number) FROM numbers), 0),"    \
	" coalesce((SELECT max(number) FROM cursors), 0))"
#define SQL_COUNT "(SELECT count(*) FROM records)"
#define SQL_BYTES                                                \
	"(SELECT (page_count - freelist_count) * page_size FROM" \
	" pragma_page_count, pragma_freelist_count, pragma_page_size)"

enum store_result sql_result_of(int code);
// Of a system call that failed: whether it is the disk's, or the system's, and may pass.
enum store_result sql_result_of_errno(int reason);
// "database or disk is full", and what the system said of it. db: NULL for none.
void sql_explain(sqlite3 *db, int code, char *error, size_t size);

// The number that a statement gives, 0 where it fails.
int sql_number(sqlite3 *db, const char *sql, int *code);
// `n` statements, to be run again and again. An SQLite code.
int sql_prepare(sqlite3 *db, const char *const *sql, size_t n, sqlite3_stmt **out);
void sql_finalize(sqlite3_stmt **statements, size_t n);
// The text stays as it is until the statement has run.
void sql_bind_text(sqlite3_stmt *statement, int at, const char *text, size_t len);
