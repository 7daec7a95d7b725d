// SPDX-License-Identifier: BSD-3-Clause
// scene_test: tests that each begin with a scene of scene_pack.h in which nothing has been.
#pragma once

#include "scene_lines.h"

static int set_up(void **state)
{
	*state = scene_create(scene_pack, 1, NULL);
	return 0;
}

static int set_up_three_workers(void **state)
{
	*state = scene_create(scene_pack, 3, NULL);
	return 0;
}

static int tear_down(void **state)
{
	scene_destroy(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_ALSO_WITH_THREE_WORKERS(name)                                            \
	TEST(name),                                                                   \
	{                                                                             \
#		name " (three workers)", name, set_up_three_workers, tear_down, NULL \
	}
