// SPDX-License-Identifier: BSD-3-Clause
// config_site: what an operator tells of his site: `phone_groups`, `relays`, `names`, `sites`.
#pragma once

#include "config.h"

bool config_read_groups(struct yaml_file *file, struct fy_node *value, struct policy *policy);
bool config_read_relays(struct yaml_file *file, struct fy_node *value, struct policy *policy);
bool config_read_names(struct yaml_file *file, struct fy_node *value, struct policy *policy);
bool config_read_sites(struct yaml_file *file, struct fy_node *value, struct sites *sites);
