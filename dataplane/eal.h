// SPDX-License-Identifier: BSD-3-Clause
// eal: DPDK's environment, started once with every argument made here: memory, CPUs, log.
//
// COLD, control thread. Used by port.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "port.h"

struct eal_options {
	uint16_t n_workers;
	enum hugepages hugepages;
	size_t memory;		// bytes that pools and workers will take of DPDK's heap
	const char *const *pci; // addresses of devices to probe
	size_t n_pci;
};

// lcore 0 is the calling thread, on any CPU of the process; lcores 1 to n_workers are pinned, one
// CPU each as far as they go.
//
// note   told each line that DPDK logs until eal_log_end(), and when hugepages are not used
// Returns 0, or -errno with a line in `error`.
[[nodiscard]] int eal_start(const struct eal_options *options, port_note_fn note, void *context,
	char *error, size_t error_size);

// Without hugepages, PCI and workers.
[[nodiscard]] int eal_start_offline(char *error, size_t error_size);

// While held, what DPDK logs is told to nobody, but kept as a reason.
void eal_log_hold(bool hold);

// From here on DPDK logs to stderr: its drivers may log from any thread.
void eal_log_end(void);

// Why something failed: of the lines that DPDK logged since eal_log_clear(), the first, which is
// the nearest to the cause. "" when there is none.
void eal_log_clear(void);
const char *eal_log_reason(void);
