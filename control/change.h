// SPDX-License-Identifier: BSD-3-Clause
// change: what a line of `watch` is about, for who reads it: a diagnosis is told whole with each
// change, and what is new about it is known by what was told before.
#pragma once

#include <jansson.h>

#define CHANGES_MAX 200000 // diagnoses that are remembered; then all are forgotten

struct changes {
	json_t *told;	// by id: the confidence that was told; null: that it is over
	char start[32]; // when the watch began, as a diagnosis has its times
};

void changes_init(struct changes *changes);
void changes_fini(struct changes *changes);

// Of an alert: "firing", "worse", "update", "resolved". Of a diagnosis:
// "open", "reopened", "confirmed", "update", or how it ended: "recovered", "expired", "absorbed".
const char *change_take(struct changes *changes, const json_t *diagnosis);
