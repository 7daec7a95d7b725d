// SPDX-License-Identifier: BSD-3-Clause
#include "store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "sql.h"

#define APPLICATION_ID 0x6f66686b // "ofhk"
#define SCHEMA_VERSION 1
#define CHECK_INSTRUCTIONS 1000
#define CHECK_MS 500		// at the start: of a large database that much is looked at
#define OPEN_KEEP_MS 2678400000 // 31 days, longer than any diagnosis stays open unseen
#define LOG_PAGES 1000		// more than so many are worth a checkpoint
#define LOG_PAGES_MAX 16384	// 64 MiB: then the writer makes one himself

static const char *const file_ends[] = {"", "-wal", "-shm"};

// ---- SQL ----

// Deleted pages are used again; incremental: a lower limit can give them back.
static const char sql_schema[] =
	"PRAGMA auto_vacuum = INCREMENTAL;"
	"PRAGMA journal_mode = WAL;"
	"BEGIN IMMEDIATE;"
	"CREATE TABLE records ("
	"  number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key TEXT NOT NULL,"
	"  made_ms INTEGER NOT NULL, is_open INTEGER NOT NULL,"
	"  slug TEXT, state TEXT, gateway TEXT COLLATE NOCASE, device TEXT, client_ip TEXT,"
	"  tunnel_ip TEXT, user TEXT COLLATE NOCASE, text TEXT NOT NULL);"
	"CREATE INDEX records_by_time ON records"
	" (made_ms, number, kind, slug, state, gateway);"
	"CREATE INDEX records_by_key ON records (key, made_ms, number);"
	"CREATE INDEX records_by_device ON records (device) WHERE device IS NOT NULL;"
	"CREATE INDEX records_by_client ON records (client_ip) WHERE client_ip IS NOT NULL;"
	"CREATE INDEX records_by_tunnel ON records (tunnel_ip) WHERE tunnel_ip IS NOT NULL;"
	"CREATE INDEX records_by_user ON records (user) WHERE user IS NOT NULL;"
	"CREATE TABLE states ("
	"  kind INTEGER NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL,"
	"  made_ms INTEGER NOT NULL, is_open INTEGER NOT NULL, text TEXT NOT NULL,"
	"  PRIMARY KEY (kind, key));"
	"CREATE INDEX states_by_time ON states (made_ms) WHERE kind <= 1;"
	"CREATE TABLE cursors (name TEXT PRIMARY KEY, number INTEGER NOT NULL);"
	"CREATE TABLE numbers (name TEXT PRIMARY KEY, number INTEGER NOT NULL);"
	"PRAGMA application_id = 1868982379;"
	"PRAGMA user_version = 1;"
	"COMMIT;";
static_assert(APPLICATION_ID == 1868982379 && SCHEMA_VERSION == 1);

// From version i to i + 1.
static const char *const sql_migrations[SCHEMA_VERSION] = {NULL};

static const char sql_writer[] = "PRAGMA synchronous = NORMAL;"
				 "PRAGMA wal_autocheckpoint = 0;" // store_checkpoint()
				 "PRAGMA journal_size_limit = 16777216;"
				 "PRAGMA secure_delete = OFF;"
				 "PRAGMA cache_size = -8192;";

enum statement {
	BEGIN,
	COMMIT,
	PUT_RECORD,
	PUT_STATE,
	DROP_STATE,
	PUT_CURSOR,
	PUT_NUMBER,
	DELETE_OLD,
	DELETE_OLDEST,
	DELETE_CLOSED,
	VACUUM,
	GET_BOUNDS,
	GET_COUNT,
	GET_BYTES,
	WRITER_STATEMENTS,
};

static const char *const sql_of[WRITER_STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[PUT_RECORD] = "INSERT OR REPLACE INTO records VALUES (?1, ?2, ?3, ?4, ?5,"
		       " coalesce(?6 ->> '$.diagnosis', ?6 ->> '$.alert'), ?6 ->> '$.state',"
		       " ?6 ->> '$.gateway', ?6 ->> '$.device', ?6 ->> '$.client_ip',"
		       " ?6 ->> '$.tunnel_ip', ?6 ->> '$.user', ?6)",
	[PUT_STATE] = "INSERT INTO states (number, kind, key, made_ms, is_open, text)"
		      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		      " ON CONFLICT (kind, key) DO UPDATE SET number = excluded.number,"
		      " made_ms = excluded.made_ms, is_open = excluded.is_open,"
		      " text = excluded.text",
	[DROP_STATE] = "DELETE FROM states WHERE kind = ?2 AND key = ?3",
	[PUT_CURSOR] = "INSERT OR REPLACE INTO cursors VALUES (?1, ?2)",
	[PUT_NUMBER] = "INSERT OR REPLACE INTO numbers SELECT 'last', max(number) FROM records"
		       " HAVING max(number) IS NOT NULL",
	[DELETE_OLD] = "DELETE FROM records WHERE number IN (SELECT number FROM records"
		       " WHERE made_ms < ?1 ORDER BY made_ms LIMIT ?2)",
	[DELETE_OLDEST] = "DELETE FROM records WHERE number IN (SELECT number FROM records"
			  " ORDER BY number LIMIT ?2)",
	// Of alerts those that are resolved; of diagnoses those that nobody has closed.
	[DELETE_CLOSED] = "DELETE FROM states WHERE rowid IN (SELECT rowid FROM states WHERE"
			  " kind <= 1 AND made_ms < ?1 AND"
			  " (kind = 1 AND NOT is_open OR kind = 0 AND made_ms < ?3)"
			  " ORDER BY made_ms LIMIT ?2)",
	[VACUUM] = "PRAGMA incremental_vacuum(256)",
	[GET_BOUNDS] = "SELECT " SQL_FIRST ", " SQL_LAST,
	[GET_COUNT] = "SELECT " SQL_COUNT,
	[GET_BYTES] = "SELECT " SQL_BYTES,
};
static_assert(RECORD_DIAGNOSIS == 0 && RECORD_ALERT == 1);

// ---- a connection ----

struct store {
	sqlite3 *db;
	sqlite3 *checkpointer;	 // another connection, for another thread
	atomic_uint log_pages;	 // since the log was begun anew
	atomic_uint taken_pages; // of these, those that the last checkpoint took
	int lock;		 // the directory
	sqlite3_stmt *statements[WRITER_STATEMENTS];
	struct store_size size;
};

// Runs to its end. SQLITE_OK, or why not.
static int run(sqlite3_stmt *statement)
{
	int code;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		;
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static uint64_t get_number(sqlite3_stmt *statement, int *code)
{
	*code = sqlite3_step(statement);
	uint64_t number = *code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
	*code = *code == SQLITE_ROW ? SQLITE_OK : *code;
	sqlite3_reset(statement);
	return number;
}

// ---- opening ----

static int is_late(void *until)
{
	return clock_steady_ms() > *(const uint64_t *)until;
}

// A large one is looked at as far as the time allows: what is wrong further on shows when it is
// read.
static enum store_result check_sound(sqlite3 *db, char *error, size_t size)
{
	sqlite3_stmt *statement = NULL;
	uint64_t until = clock_steady_ms() + CHECK_MS;
	enum store_result result = STORE_OK;
	sqlite3_progress_handler(db, CHECK_INSTRUCTIONS, is_late, &until);
	int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	const char *said =
		code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (said && strcmp(said, "ok") != 0) {
		snprintf(error, size, "%s", said);
		result = STORE_DAMAGED;
	} else if (said == NULL && code != SQLITE_INTERRUPT) {
		sql_explain(db, code, error, size);
		result = sql_result_of(code);
	}
	sqlite3_finalize(statement);
	sqlite3_progress_handler(db, 0, NULL, NULL);
	return result;
}

static int migrate(sqlite3 *db, int version)
{
	char set_version[64];
	int code = SQLITE_OK;
	for (; version < SCHEMA_VERSION && code == SQLITE_OK; version++) {
		snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d; COMMIT",
			version + 1);
		code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_exec(db, sql_migrations[version], NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_exec(db, set_version, NULL, NULL, NULL);
	}
	return code;
}

// Whose database it is, and of which version; what is empty becomes ours.
static enum store_result check_ours(sqlite3 *db, char *error, size_t size)
{
	int code, tables = sql_number(db, "SELECT count(*) FROM sqlite_schema", &code);
	int id = code ? 0 : sql_number(db, "PRAGMA application_id", &code);
	int version = code ? 0 : sql_number(db, "PRAGMA user_version", &code);
	if (code == SQLITE_OK && tables == 0 && id == 0) {
		code = sqlite3_exec(db, sql_schema, NULL, NULL, NULL);
	} else if (code == SQLITE_OK && id != APPLICATION_ID) {
		snprintf(error, size, "it is another program's database");
		return STORE_DAMAGED;
	} else if (code == SQLITE_OK && version > SCHEMA_VERSION) {
		snprintf(error, size,
			"it was written by a newer offhook (schema %d, this one knows %d)", version,
			SCHEMA_VERSION);
		return STORE_WRONG;
	} else if (code == SQLITE_OK) {
		code = migrate(db, version);
	}
	if (code != SQLITE_OK)
		sql_explain(db, code, error, size);
	return sql_result_of(code);
}

static int measure(struct store *store)
{
	int code = sqlite3_step(store->statements[GET_BOUNDS]);
	if (code == SQLITE_ROW) {
		store->size.first =
			(uint64_t)sqlite3_column_int64(store->statements[GET_BOUNDS], 0);
		store->size.last = (uint64_t)sqlite3_column_int64(store->statements[GET_BOUNDS], 1);
		code = SQLITE_OK;
	}
	sqlite3_reset(store->statements[GET_BOUNDS]);
	return code;
}

static int measure_bytes(struct store *store)
{
	int code;
	store->size.bytes = get_number(store->statements[GET_BYTES], &code);
	return code;
}

// After each commit.
static int note_log(void *context, sqlite3 *db, const char *name, int pages)
{
	struct store *store = context;
	(void)name;
	if ((unsigned)pages < atomic_exchange(&store->log_pages, (unsigned)pages))
		atomic_store(&store->taken_pages, 0);
	// Where writes follow each other without a pause, the other thread never sees the end.
	if (pages > LOG_PAGES_MAX)
		sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

bool store_log_grows(const struct store *store)
{
	return atomic_load(&store->log_pages) > atomic_load(&store->taken_pages) + LOG_PAGES;
}

void store_checkpoint(struct store *store)
{
	int pages = -1, taken = -1;
	sqlite3_wal_checkpoint_v2(
		store->checkpointer, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &taken);
	if (taken >= 0)
		atomic_store(&store->taken_pages, (unsigned)taken);
}

static enum store_result open_database(
	struct store *store, const char *path, char *error, size_t size)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640); // SQLite would make it 0644
	if (file < 0) {
		snprintf(error, size, "%s", strerror(errno));
		return sql_result_of_errno(errno);
	}
	close(file);
	int opened = sqlite3_open_v2(
		path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (opened != SQLITE_OK) {
		sql_explain(store->db, opened, error, size);
		return sql_result_of(opened);
	}
	sqlite3_busy_timeout(store->db, 1000);
	enum store_result result = check_ours(store->db, error, size);
	if (result == STORE_OK)
		result = check_sound(store->db, error, size);
	if (result != STORE_OK)
		return result;
	int code = sqlite3_open_v2(
		path, &store->checkpointer, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK) // it has to read once to know of the log
		sql_number(store->checkpointer, "PRAGMA user_version", &code);
	int keep = 1; // -wal and -shm stay, so that a full disk has room for them
	sqlite3_file_control(store->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
	sqlite3_file_control(store->checkpointer, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
	if (code == SQLITE_OK)
		code = sqlite3_exec(store->db, sql_writer, NULL, NULL, NULL);
	sqlite3_wal_hook(store->db, note_log, store);
	if (code == SQLITE_OK)
		code = sql_prepare(store->db, sql_of, WRITER_STATEMENTS, store->statements);
	if (code == SQLITE_OK)
		code = measure(store);
	if (code == SQLITE_OK)
		store->size.n_records = get_number(store->statements[GET_COUNT], &code);
	if (code == SQLITE_OK)
		code = measure_bytes(store);
	if (code != SQLITE_OK)
		sql_explain(store->db, code, error, size);
	return sql_result_of(code);
}

static void close_database(struct store *store)
{
	sql_finalize(store->statements, WRITER_STATEMENTS);
	memset(store->statements, 0, sizeof(store->statements));
	sqlite3_close_v2(store->checkpointer);
	sqlite3_close_v2(store->db);
	store->db = store->checkpointer = NULL;
	atomic_store(&store->log_pages, 0);
	atomic_store(&store->taken_pages, 0);
}

// history.db.damaged-20261126T083849, and what belongs to it.
static bool set_aside(const char *path, char *out, size_t size)
{
	char stamp[32], from[STORE_PATH_MAX], to[STORE_PATH_MAX];
	time_t now = time(NULL);
	struct tm tm;
	bool ok = true;
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", gmtime_r(&now, &tm));
	snprintf(out, size, "%s.damaged-%s", path, stamp);
	for (unsigned i = 2; access(out, F_OK) == 0 && i < 100; i++)
		snprintf(out, size, "%s.damaged-%s-%u", path, stamp, i);
	for (size_t i = 0; i < sizeof(file_ends) / sizeof(file_ends[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", path, file_ends[i]);
		snprintf(to, sizeof(to), "%s%s", out, file_ends[i]);
		ok = (rename(from, to) == 0 || errno == ENOENT) && ok;
	}
	return ok;
}

// With the directory above it: that of a socket which is made later.
static bool make_directory(const char *path)
{
	char above[STORE_PATH_MAX];
	if (mkdir(path, 0750) == 0 || errno == EEXIST)
		return true;
	snprintf(above, sizeof(above), "%s", path);
	return errno == ENOENT && (mkdir(dirname(above), 0755) == 0 || errno == EEXIST) &&
	       mkdir(path, 0750) == 0;
}

// The directory's own lock: none for SQLite to take away, and gone with the process.
static enum store_result lock_directory(
	struct store *store, const char *directory, char *error, size_t size)
{
	if (!make_directory(directory)) {
		snprintf(error, size, "cannot be made: %s", strerror(errno));
		return sql_result_of_errno(errno);
	}
	store->lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->lock >= 0 && flock(store->lock, LOCK_EX | LOCK_NB) == 0)
		return STORE_OK;
	enum store_result result = sql_result_of_errno(errno);
	if (store->lock >= 0 && errno == EWOULDBLOCK)
		snprintf(error, size, "another offhookd keeps its history there");
	else
		snprintf(error, size, "%s", strerror(errno));
	if (store->lock >= 0)
		close(store->lock);
	store->lock = -1;
	return result;
}

enum store_result store_open(const char *directory, bool is_damaged, struct store **out,
	char *moved, size_t moved_size, char *error, size_t size)
{
	char path[STORE_PATH_MAX], why[256] = "";
	struct store *store = calloc(1, sizeof(*store));
	moved[0] = '\0';
	*out = NULL;
	if (store == NULL) {
		snprintf(error, size, "out of memory");
		return STORE_REFUSED;
	}
	store->lock = -1;
	snprintf(path, sizeof(path), "%s/" STORE_FILE, directory);
	enum store_result result = lock_directory(store, directory, why, sizeof(why));
	if (result == STORE_OK)
		result = is_damaged ? STORE_DAMAGED : open_database(store, path, why, sizeof(why));
	if (result == STORE_DAMAGED && set_aside(path, moved, moved_size)) {
		close_database(store);
		store->size = (struct store_size){0};
		result = open_database(store, path, why, sizeof(why));
	}
	snprintf(error, size, "%s: %s", store->lock < 0 ? directory : path, why);
	if (result == STORE_OK)
		*out = store;
	else
		store_close(store);
	return result;
}

bool store_is_new(const char *directory)
{
	char path[STORE_PATH_MAX];
	struct stat st;
	snprintf(path, sizeof(path), "%s/" STORE_FILE, directory);
	return stat(path, &st) < 0 ? errno == ENOENT : st.st_size == 0;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->db)
		close_database(store);
	if (store->lock >= 0)
		close(store->lock);
	free(store);
}

void store_measure(struct store *store)
{
	measure_bytes(store);
}

struct store_size store_size(const struct store *store)
{
	return store->size;
}

// ---- writing ----

static int put(sqlite3_stmt *statement, const struct record *record)
{
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)record->number);
	sqlite3_bind_int(statement, 2, (int)record->kind);
	sql_bind_text(statement, 3, record_key(record), record->key_len);
	sqlite3_bind_int64(statement, 4, (sqlite3_int64)record->made_ms);
	sqlite3_bind_int(statement, 5, record->is_open);
	sql_bind_text(statement, 6, record_text(record), record->text_len);
	return run(statement);
}

static int put_state(struct store *store, const struct record *record)
{
	bool gone = record->text_len == 0 || (record->kind == RECORD_DIAGNOSIS && !record->is_open);
	sqlite3_stmt *statement = store->statements[gone ? DROP_STATE : PUT_STATE];
	if (!gone)
		return put(statement, record);
	sqlite3_bind_int(statement, 2, (int)record->kind);
	sql_bind_text(statement, 3, record_key(record), record->key_len);
	return run(statement);
}

static int put_cursor(struct store *store, const struct store_cursor *cursor)
{
	sqlite3_stmt *statement = store->statements[PUT_CURSOR];
	sql_bind_text(statement, 1, cursor->name, strlen(cursor->name));
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)cursor->number);
	return run(statement);
}

static int put_all(struct store *store, const struct store_batch *batch)
{
	int code = SQLITE_OK;
	for (size_t i = 0; i < batch->n_states && code == SQLITE_OK; i++)
		code = put_state(store, batch->states[i]);
	for (size_t i = 0; i < batch->n_records && code == SQLITE_OK; i++) {
		code = put(store->statements[PUT_RECORD], batch->records[i]);
		if (code == SQLITE_OK)
			code = put_state(store, batch->records[i]);
	}
	for (size_t i = 0; i < batch->n_cursors && code == SQLITE_OK; i++)
		code = put_cursor(store, &batch->cursors[i]);
	return code;
}

// Ends the transaction: well, or as if nothing had been.
static enum store_result end(struct store *store, int code, char *error, size_t size)
{
	if (code == SQLITE_OK)
		code = run(store->statements[COMMIT]);
	if (code == SQLITE_OK)
		return STORE_OK;
	sql_explain(store->db, code, error, size);
	if (!sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return sql_result_of(code);
}

enum store_result store_write(
	struct store *store, const struct store_batch *batch, char *error, size_t size)
{
	if (batch->n_records + batch->n_states + batch->n_cursors == 0)
		return STORE_OK;
	int code = run(store->statements[BEGIN]);
	if (code == SQLITE_OK)
		code = put_all(store, batch);
	enum store_result result = end(store, code, error, size);
	if (result != STORE_OK || batch->n_records == 0)
		return result;
	store->size.n_records += batch->n_records;
	store->size.last = batch->records[batch->n_records - 1]->number;
	if (store->size.first == 0)
		store->size.first = batch->records[0]->number;
	return result;
}

// ---- retention ----

static int delete_some(
	struct store *store, enum statement which, uint64_t before_ms, unsigned max, unsigned *n)
{
	sqlite3_stmt *statement = store->statements[which];
	if (which != DELETE_OLDEST)
		sqlite3_bind_int64(statement, 1, (sqlite3_int64)before_ms);
	sqlite3_bind_int(statement, 2, (int)max);
	if (which == DELETE_CLOSED)
		sqlite3_bind_int64(statement, 3,
			(sqlite3_int64)before_ms < OPEN_KEEP_MS
				? (sqlite3_int64)before_ms
				: (sqlite3_int64)before_ms - OPEN_KEEP_MS);
	int code = run(statement);
	*n = code == SQLITE_OK ? (unsigned)sqlite3_changes(store->db) : 0;
	return code;
}

// How many records there are too many, by what one takes on the average.
static unsigned excess(const struct store_size *size, uint64_t most_bytes)
{
	if (size->bytes <= most_bytes)
		return 0;
	uint64_t each = size->bytes / (size->n_records + 1) + 1;
	return (unsigned)((size->bytes - most_bytes) / each) + 1;
}

enum store_result store_retain(struct store *store, uint64_t before_ms, uint64_t most_bytes,
	unsigned max, bool *again, char *error, size_t size)
{
	unsigned n = 0, n_closed = 0, many = excess(&store->size, most_bytes);
	int code = run(store->statements[BEGIN]);
	if (code == SQLITE_OK) // while the last record is still there
		code = run(store->statements[PUT_NUMBER]);
	if (code == SQLITE_OK)
		code = delete_some(store, DELETE_OLD, before_ms, max, &n);
	if (code == SQLITE_OK && n == 0 && many)
		code = delete_some(store, DELETE_OLDEST, 0, many < max ? many : max, &n);
	if (code == SQLITE_OK)
		code = delete_some(store, DELETE_CLOSED, before_ms, max, &n_closed);
	enum store_result result = end(store, code, error, size);
	*again = false;
	if (result != STORE_OK)
		return result;
	store->size.n_records -= n;
	code = run(store->statements[VACUUM]);
	if (code == SQLITE_OK)
		code = measure(store);
	if (code == SQLITE_OK)
		code = measure_bytes(store);
	if (code != SQLITE_OK)
		sql_explain(store->db, code, error, size);
	*again = n == max || n_closed == max || (n > 0 && store->size.bytes > most_bytes);
	return sql_result_of(code);
}
