// SPDX-License-Identifier: BSD-3-Clause
// render_alerts: an alert that has changed, on one line.
#pragma once

#include "canvas.h"

bool is_alert(const json_t *object);

void render_alert_change(FILE *out, const json_t *alert, unsigned columns);
