// SPDX-License-Identifier: BSD-3-Clause
// config_metrics: `metrics`: where Prometheus may scrape.
#pragma once

#include "config.h"

bool config_read_metrics(struct yaml_file *file, struct fy_node *value, struct config *config);
