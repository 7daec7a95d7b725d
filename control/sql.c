// SPDX-License-Identifier: BSD-3-Clause
#include "sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum store_result sql_result_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return STORE_OK;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return STORE_DAMAGED;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return STORE_WRONG;
	default:
		return STORE_REFUSED;
	}
}

enum store_result sql_result_of_errno(int reason)
{
	static const int passing[] = {
		EACCES, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, EPERM, EROFS};
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		if (reason == passing[i])
			return STORE_REFUSED;
	}
	return STORE_WRONG;
}

void sql_explain(sqlite3 *db, int code, char *error, size_t size)
{
	int reason = db ? sqlite3_system_errno(db) : 0;
	snprintf(error, size, "%s%s%s", sqlite3_errstr(code), reason ? ": " : "",
		reason ? strerror(reason) : "");
}

int sql_number(sqlite3 *db, const char *sql, int *code)
{
	sqlite3_stmt *statement = NULL;
	int number = 0;
	*code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (*code == SQLITE_OK)
		*code = sqlite3_step(statement);
	if (*code == SQLITE_ROW) {
		number = sqlite3_column_int(statement, 0);
		*code = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return number;
}

int sql_prepare(sqlite3 *db, const char *const *sql, size_t n, sqlite3_stmt **out)
{
	int code = SQLITE_OK;
	for (size_t i = 0; i < n && code == SQLITE_OK; i++)
		code = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &out[i], NULL);
	return code;
}

void sql_finalize(sqlite3_stmt **statements, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sqlite3_finalize(statements[i]);
}

void sql_bind_text(sqlite3_stmt *statement, int at, const char *text, size_t len)
{
	sqlite3_bind_text64(statement, at, text, len, SQLITE_STATIC, SQLITE_UTF8);
}
