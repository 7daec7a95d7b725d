// SPDX-License-Identifier: BSD-3-Clause
// telemetry: what DPDK's own telemetry socket is told of offhook, for dpdk-telemetry.py and
// Telegraf: flat dictionaries of numbers.
//
//   /offhook/info            the process and its rules
//   /offhook/stats           counters of all workers, fill of tables, ports
//   /offhook/lcore,<id>      one worker
//   /offhook/codes[,<id>]    ASA messages by id, from this id on
//   /offhook/exports         each output
//   /offhook/gateways[,<n>]  each gateway, from this number on
//   /offhook/session,<ip>    one client address
//
// An answer has so much room: where not all fits, its `next` is what to ask from; 0: that was all.
//
// The socket's own threads answer: from counters that any thread may read, and from a copy that the
// control thread makes once a second of what is its own.
#pragma once

#include "daemon.h"

// Begin to answer; the EAL is up. Once in a process' life.
void telemetry_start(const struct daemon *daemon);
// Waits for who answers at this moment; then there is nothing to tell.
void telemetry_stop(void);

// Control thread, about once a second.
void telemetry_tick(const struct daemon *daemon);
