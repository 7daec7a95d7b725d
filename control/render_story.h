// SPDX-License-Identifier: BSD-3-Clause
// render_story: one diagnosis told in full: what is wrong, what to do, what proves it.
#pragma once

#include "canvas.h"

void render_story(const struct canvas *canvas, const json_t *diagnosis);

// "SEP8CB64F576113", else the user, else the address, else the gateway.
const char *diagnosis_subject(const json_t *diagnosis);

// The words of a line, without the code where they begin with it.
const char *line_words(const json_t *line);

enum style confidence_style(const json_t *diagnosis);
