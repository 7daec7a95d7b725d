// SPDX-License-Identifier: BSD-3-Clause
// log: a program's own lines on stderr, for its operator: one line each, escaped as glyph.h says,
// so that no text from the network can act on a terminal or forge a line. Where the journal reads
// stderr, each line starts with its priority as sd-daemon(3) has it.
//
// Control thread; never while packets are handled.
#pragma once

enum log_priority { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5 };

// First of all in a program. Of stdin, stdout and stderr what is closed becomes /dev/null, so that
// nothing else gets their numbers.
//
// program  stands before each line where no journal says who speaks
void log_init(const char *program);

__attribute__((format(printf, 2, 3))) void log_line(
	enum log_priority priority, const char *format, ...);

// Each line of a text (a report, say) as a line of its own.
void log_lines(enum log_priority priority, const char *text);
