// SPDX-License-Identifier: BSD-3-Clause
#include "store_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql.h"

#define RECORD_COLUMNS "number, kind, key, made_ms, is_open, text"

// Number, time, and whether it is wanted, of the next records of a walk: the index has it all.
#define FIND(from)                                                                            \
	"SELECT r.number, r.made_ms, (?5 < 0 OR r.kind = ?5) AND (?6 IS NULL OR r.slug = ?6)" \
	" AND (?7 IS NULL OR r.state = ?7) AND (?8 IS NULL OR r.gateway = ?8)"                \
	" AND (?9 OR NOT EXISTS (SELECT 1 FROM records AS later WHERE later.key = r.key"      \
	" AND (later.made_ms, later.number) > (r.made_ms, r.number)"                          \
	" AND later.made_ms < ?10 AND later.number <= ?11 AND later.kind = r.kind))"          \
	" FROM records AS r WHERE (r.made_ms, r.number) < (?1, ?2) AND r.made_ms >= ?3" from  \
	" ORDER BY r.made_ms DESC, r.number DESC LIMIT ?4"
#define NAMED(column, value) "SELECT number FROM records WHERE " column " = " value

enum reader_statement {
	GET_SIZE,
	EACH_CURSOR,
	EACH_STATE,
	TAKE_RECORDS,
	FIND_ANY,
	FIND_PHONE,
	READER_STATEMENTS
};

static const char *const reader_sql_of[READER_STATEMENTS] = {
	[GET_SIZE] = "SELECT " SQL_FIRST ", " SQL_LAST ", " SQL_COUNT ", " SQL_BYTES,
	[EACH_CURSOR] = "SELECT name, number FROM cursors ORDER BY number DESC",
	[EACH_STATE] = "SELECT " RECORD_COLUMNS " FROM states WHERE kind = ?1"
		       " UNION ALL SELECT " RECORD_COLUMNS " FROM records AS r"
		       " WHERE ?1 = 0 AND r.made_ms >= ?2 AND r.kind = 0 AND r.state = 'recovered'"
		       " AND NOT EXISTS (SELECT 1 FROM records AS later WHERE later.key = r.key"
		       " AND later.kind = 0 AND later.number > r.number)",
	[TAKE_RECORDS] = "SELECT " RECORD_COLUMNS " FROM records"
			 " WHERE number BETWEEN ?1 AND ?2 ORDER BY number LIMIT ?3",
	[FIND_ANY] = FIND(""),
	[FIND_PHONE] = FIND(" AND r.number IN (" NAMED("device", "?12") " UNION " NAMED("client_ip",
		"?13") " UNION " NAMED("tunnel_ip", "?13") " UNION " NAMED("user", "?14") ")"),
};

struct store_reader {
	sqlite3 *db;
	sqlite3_stmt *statements[READER_STATEMENTS];
};

struct store_reader *store_reader_open(const char *directory, char *error, size_t size)
{
	char path[STORE_PATH_MAX];
	int version = 0;
	struct store_reader *reader = calloc(1, sizeof(*reader));
	if (reader == NULL) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	snprintf(path, sizeof(path), "%s/" STORE_FILE, directory);
	int code = sqlite3_open_v2(
		path, &reader->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(reader->db, 1000);
		version = sql_number(reader->db, "PRAGMA user_version", &code);
	}
	if (code == SQLITE_OK && version)
		code = sql_prepare(
			reader->db, reader_sql_of, READER_STATEMENTS, reader->statements);
	if (code == SQLITE_OK && version)
		return reader;
	if (code == SQLITE_OK) // a disk that was full from the start
		snprintf(error, size, "nothing could be written there yet");
	else
		sql_explain(reader->db, code, error, size);
	store_reader_close(reader);
	return NULL;
}

void store_reader_close(struct store_reader *reader)
{
	if (reader == NULL)
		return;
	sql_finalize(reader->statements, READER_STATEMENTS);
	sqlite3_close_v2(reader->db);
	free(reader);
}

// Of a row of RECORD_COLUMNS; *out NULL: of no kind that there is. false: out of memory.
static bool row_record(sqlite3_stmt *row, struct record **out)
{
	const char *key = (const char *)sqlite3_column_text(row, 2);
	const char *text = (const char *)sqlite3_column_text(row, 5);
	int kind = sqlite3_column_int(row, 1);
	*out = NULL;
	if (key == NULL || text == NULL)
		return false;
	if (kind < 0 || kind >= RECORD_KINDS)
		return true;
	struct record *record = record_create((enum record_kind)kind,
		(uint64_t)sqlite3_column_int64(row, 0), (uint64_t)sqlite3_column_int64(row, 3), key,
		text, (size_t)sqlite3_column_bytes(row, 5));
	if (record)
		record->is_open = sqlite3_column_int(row, 4) != 0;
	*out = record;
	return record != NULL;
}

enum store_result store_reader_size(struct store_reader *reader, struct store_size *out)
{
	sqlite3_stmt *statement = reader->statements[GET_SIZE];
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*out = (struct store_size){.first = (uint64_t)sqlite3_column_int64(statement, 0),
			.last = (uint64_t)sqlite3_column_int64(statement, 1),
			.n_records = (uint64_t)sqlite3_column_int64(statement, 2),
			.bytes = (uint64_t)sqlite3_column_int64(statement, 3)};
	sqlite3_reset(statement);
	return sql_result_of(code);
}

enum store_result store_reader_each_cursor(
	struct store_reader *reader, store_cursor_fn each, void *context)
{
	sqlite3_stmt *statement = reader->statements[EACH_CURSOR];
	int code;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct store_cursor cursor = {
			.number = (uint64_t)sqlite3_column_int64(statement, 1)};
		const char *name = (const char *)sqlite3_column_text(statement, 0);
		snprintf(cursor.name, sizeof(cursor.name), "%s", name ? name : "");
		each(context, &cursor);
	}
	sqlite3_reset(statement);
	return sql_result_of(code);
}

static sqlite3_int64 number_of(uint64_t n)
{
	return n < INT64_MAX ? (sqlite3_int64)n : INT64_MAX;
}

enum store_result store_reader_each(struct store_reader *reader, enum record_kind kind,
	uint64_t since_ms, store_record_fn each, void *context)
{
	sqlite3_stmt *statement = reader->statements[EACH_STATE];
	int code;
	sqlite3_bind_int(statement, 1, (int)kind);
	sqlite3_bind_int64(statement, 2, number_of(since_ms));
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct record *record;
		if (row_record(statement, &record) && record)
			each(context, record);
	}
	sqlite3_reset(statement);
	return sql_result_of(code);
}

enum store_result store_reader_take(struct store_reader *reader, uint64_t from, uint64_t to,
	struct record **out, size_t max, size_t *n)
{
	sqlite3_stmt *statement = reader->statements[TAKE_RECORDS];
	int code = SQLITE_DONE;
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)from);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)to);
	sqlite3_bind_int64(statement, 3, (sqlite3_int64)max);
	*n = 0;
	while (*n < max && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		if (!row_record(statement, &out[*n])) {
			code = SQLITE_NOMEM;
			break;
		}
		*n += out[*n] != NULL;
	}
	sqlite3_reset(statement);
	return sql_result_of(code);
}

static void bind_or_null(sqlite3_stmt *statement, int at, const char *text)
{
	if (text)
		sql_bind_text(statement, at, text, strlen(text));
	else
		sqlite3_bind_null(statement, at);
}

static sqlite3_stmt *bind_find(struct store_reader *reader, const struct store_filter *filter,
	const struct store_place *place, size_t max_seen)
{
	sqlite3_stmt *find = reader->statements[filter->by_phone ? FIND_PHONE : FIND_ANY];
	bool in_time = place->made_ms < filter->before_ms;
	sqlite3_bind_int64(find, 1, number_of(in_time ? place->made_ms : filter->before_ms));
	sqlite3_bind_int64(find, 2, in_time ? number_of(place->number) : 0);
	sqlite3_bind_int64(find, 3, number_of(filter->since_ms));
	sqlite3_bind_int64(find, 4, (sqlite3_int64)max_seen);
	sqlite3_bind_int(find, 5, filter->kind);
	bind_or_null(find, 6, filter->slug);
	bind_or_null(find, 7, filter->state);
	bind_or_null(find, 8, filter->gateway);
	sqlite3_bind_int(find, 9, filter->changes);
	sqlite3_bind_int64(find, 10, number_of(filter->before_ms));
	sqlite3_bind_int64(find, 11, number_of(filter->last));
	if (filter->by_phone) {
		bind_or_null(find, 12, filter->device);
		bind_or_null(find, 13, filter->address);
		bind_or_null(find, 14, filter->user);
	}
	return find;
}

enum store_result store_reader_find(struct store_reader *reader, const struct store_filter *filter,
	struct store_place *place, size_t max_seen, struct record **out, size_t max, size_t *n,
	bool *end)
{
	sqlite3_stmt *find = bind_find(reader, filter, place, max_seen);
	int code = SQLITE_DONE;
	size_t seen = 0, taken = 1;
	enum store_result result = STORE_OK;
	*n = 0;
	while (*n < max && result == STORE_OK && (code = sqlite3_step(find)) == SQLITE_ROW) {
		place->number = (uint64_t)sqlite3_column_int64(find, 0);
		place->made_ms = (uint64_t)sqlite3_column_int64(find, 1);
		seen++;
		if (place->number > filter->last || !sqlite3_column_int(find, 2))
			continue;
		result = store_reader_take(
			reader, place->number, place->number, &out[*n], 1, &taken);
		*n += taken;
	}
	sqlite3_reset(find);
	*end = code == SQLITE_DONE && seen < max_seen;
	return result == STORE_OK ? sql_result_of(code) : result;
}
