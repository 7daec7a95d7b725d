// SPDX-License-Identifier: BSD-3-Clause
// replay: captures and text logs through the very code of the daemon, offline, on their own clock.
#pragma once

// offhook replay FILE... ; returns the exit code.
int replay_main(int argc, char **argv);
