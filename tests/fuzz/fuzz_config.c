// SPDX-License-Identifier: BSD-3-Clause
// A config file through config_init().
#include "memory_file.h"

#include "../../control/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536)
		return 0;
	struct memory_file file = memory_file_create(data, size);
	struct report report = {0};
	struct config config;
	if (config_init(&config, file.path, &report)) {
		assert(report.n == 0);
		assert(config.workers >= 1);
		assert(config.policy.n_names <= POLICY_NAMES_MAX);
		assert(config.policy.n_relays <= POLICY_RELAYS_MAX);
		assert(config.policy.n_phone_groups <= POLICY_GROUPS_MAX);
		assert(config.n_listen <= PORT_LISTEN_MAX);
		for (size_t i = 0; i < config.policy.n_relays; i++)
			assert(config.policy.relays[i].prefix <= 128);
		for (size_t i = 1; i < config.policy.n_names; i++)
			assert(strcmp(config.policy.names[i - 1].name,
				       config.policy.names[i].name) <= 0);
		config_fini(&config);
	} else {
		assert(report.n > 0);
		assert(report.text != NULL);
		assert(strncmp(report.text, file.path, strlen(file.path)) == 0);
	}
	report_fini(&report);
	memory_file_destroy(&file);
	return 0;
}
