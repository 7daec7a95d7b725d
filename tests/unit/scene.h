// SPDX-License-Identifier: BSD-3-Clause
// scene: lines through real workers with a small pack of rules of the test's own, on a clock that
// the test sets; and what was diagnosed.
#pragma once

#include <jansson.h>

#include "../../dataplane/worker.h"

struct scene;

// pack     YAML of rules
// workers  stepped in turn by the calling thread
// limits   NULL: small ones
struct scene *scene_create(const char *pack, unsigned workers, const struct worker_limits *limits);
void scene_destroy(struct scene *scene);

struct workers *scene_workers(struct scene *scene);

// The clock, milliseconds since the epoch; it starts at one second.
void scene_wait(struct scene *scene, uint64_t ms);

// A line from an unknown sender (a text log), or from an address. Time goes on by a millisecond.
void scene_line(struct scene *scene, const char *line);
void scene_line_from(struct scene *scene, const char *sender, const char *line);

// Put these in place of the running rules, and let all workers go over to them.
void scene_reload(struct scene *scene, const char *pack);
// The same where workers run on threads of their own.
void scene_swap(struct scene *scene, const char *pack);

// Let lines that are held or wait go, as at the end of an input.
void scene_finish(struct scene *scene);

// What has been diagnosed so far, as `replay --json` tells it; the scene's until the next call.
const json_t *scene_told(struct scene *scene);

// Number of diagnoses of a name (NULL: any).
unsigned scene_count(struct scene *scene, const char *diagnosis);
// The only diagnosis of that name; the test fails when there is none, or several.
const json_t *scene_only(struct scene *scene, const char *diagnosis);

uint64_t scene_dropped(struct scene *scene, enum event_drop reason);
