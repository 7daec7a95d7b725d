// SPDX-License-Identifier: BSD-3-Clause
// config_outlets: reads `outlets:` of the config, each by the options of its kind.
#pragma once

#include <stdio.h>

#include "config.h"

bool config_read_outlets(struct yaml_file *file, struct fy_node *value, struct config *config);

// Every kind with its options, for the reference.
void config_print_outlets(FILE *out);
