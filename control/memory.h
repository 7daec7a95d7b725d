// SPDX-License-Identifier: BSD-3-Clause
// memory: what the process takes, for `status`. DPDK's pools and hugepages are not the allocator's
// and show in no figure of jemalloc.
#pragma once

#include <jansson.h>

// {"allocator":"jemalloc","resident_set":N,"allocated":N,...}, bytes. Without jemalloc (sanitizer
// builds) its figures are null.
json_t *memory_json(void);
