// SPDX-License-Identifier: BSD-3-Clause
// rules_command: `offhook rules check DIR` and `offhook rules test DIR`.
#pragma once

// Returns the exit code.
int rules_main(int argc, char **argv);
