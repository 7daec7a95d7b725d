// SPDX-License-Identifier: BSD-3-Clause
// render_timeline: what was logged of one phone, the gateway's lines and its own side by side, in
// the order in which they arrived here.
#pragma once

#include "canvas.h"

// phone  with "timeline", and "diagnoses", whose evidence is marked
// told   as many of the diagnoses, from the first, are told in full: their evidence is shown first
void render_timeline(const struct canvas *canvas, const json_t *phone, size_t told);
