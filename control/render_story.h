// SPDX-License-Identifier: BSD-3-Clause
// render_story: one diagnosis told in full: what is wrong, what to do, what proves it.
#pragma once

#include "canvas.h"

// evidence  its lines too; a time line has them already
void render_story(const struct canvas *canvas, const json_t *diagnosis, bool evidence);

// What it is, how sure, since when: two lines.
void render_verdict(const struct canvas *canvas, const json_t *diagnosis);

bool diagnosis_is_open(const json_t *diagnosis);

// "SEP8CB64F576113", else the user, else the address, else the gateway.
const char *diagnosis_subject(const json_t *diagnosis);

// The words of a line, without the code where they begin with it.
const char *line_words(const json_t *line);

// Whether two lines say the same, but for ports and counters, as attempts that repeat themselves
// do.
bool lines_are_alike(const json_t *a, const json_t *b);

enum style confidence_style(const json_t *diagnosis);
