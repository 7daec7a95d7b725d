// SPDX-License-Identifier: BSD-3-Clause
// config_listen: the values of `listen` and `ports`.
#pragma once

#include "config.h"

bool config_read_listen(struct yaml_file *file, struct fy_node *value, struct config *config);
bool config_read_ports(struct yaml_file *file, struct fy_node *value, struct port_options *ports);
