#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What tests/run makes of the word of `offhook rules test`. usage: test_counts.sh OFFHOOK
. "$(dirname "$0")/lib.sh"
. "$here/../counts.sh"
offhook=$(readlink -f "$1")
trap 'rm -rf "$work"' EXIT

counts_as() { # WANTED STATUS OUTPUT
	got=$(rule_counts "$2" "$3")
	[ "$got" = "$1" ] || {
		echo "'$3' counts as '$got', not '$1'"
		return 1
	}
}

what_is_said_counts() {
	counts_as '590 0' 0 '590 passed, 0 failed'
	counts_as '588 2' 1 'rules/pack/tls.yaml:3:5: not so
588 passed, 2 failed'
	counts_as '0 12' 1 '0 passed, 12 failed'
}

to_say_nothing_is_a_failure() {
	counts_as '0 1' 0 ''
	counts_as '0 1' 139 ''
	counts_as '0 1' 1 'rules/pack: No such file or directory'
	counts_as '0 1' 0 '590 passed, 0 failed
and then something else'
}

to_end_badly_is_a_failure() {
	counts_as '590 1' 134 '590 passed, 0 failed'
}

the_program_says_it_so() {
	said=$("$offhook" rules test "$here/../../rules/pack")
	[ "$(rule_counts 0 "$said")" = "$(echo "$said" | sed -n '$s/[^0-9]*\([0-9]*\)[^0-9]*\([0-9]*\).*/\1 \2/p')" ]
	set -- $(rule_counts 0 "$said")
	[ "$1" -gt 100 ]
	[ "$2" = 0 ]
}

run what_is_said_counts
run to_say_nothing_is_a_failure
run to_end_badly_is_a_failure
run the_program_says_it_so
finish
