// SPDX-License-Identifier: BSD-3-Clause
// json_line: a JSON value as one line, fit for a terminal too: beyond what JSON asks for, DEL, C1
// controls, bidi overrides and invisible characters are written as \uNNNN, which parses to the
// same.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

// Without a line feed; to be freed. NULL: out of memory.
char *json_line(const json_t *value, size_t *len);

// With its line feed. false: out of memory, or the stream failed.
bool json_line_write(FILE *out, const json_t *value);
