#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# No mix takes more instructions a message than tests/data/instructions says, by more than 5 %, unless
# that record is changed too. usage: test_instructions.sh OFFLINE
. "$(dirname "$0")/lib.sh"
root=$here/../..
offline=$(readlink -f "$1")
recorded=$here/../data/instructions
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

command -v valgrind >/dev/null || skip_all "no valgrind"
grep -qw avx2 /proc/cpuinfo || skip_all "this CPU has no AVX2: it counts otherwise (bench/instructions)"

# compare RECORDED COUNTED: what has grown and what has fallen, by mix; false: a mix has grown, or there
# is none of its name.
compare() {
	awk '
		FNR == 1 { file++; from[file] = $0 }
		/^#/ { next }
		file == 1 { was[$1] = $2; next }
		!($1 in was) { printf "%s: %d, not recorded\n", $1, $2; bad = 1; next }
		{ change = 100 * ($2 / was[$1] - 1); seen[$1] = 1 }
		change > 5 { printf "%s: %d instructions a message, recorded are %d: %+.1f %%\n", $1, $2, was[$1], change; bad = 1 }
		change < -5 { printf "%s: %d instructions a message, recorded are %d: %+.1f %%\n", $1, $2, was[$1], change; fallen = 1 }
		END {
			for (mix in was)
				if (!(mix in seen)) { printf "%s: not counted\n", mix; bad = 1 }
			if (bad || fallen) {
				if (from[1] != from[2])
					printf "recorded with: %s\nnow with:      %s\n", from[1], from[2]
				print "if it has to be: bench/instructions >tests/data/instructions"
			}
			exit bad
		}' "$1" "$2"
}

fails() {
	if "$@"; then
		return 1
	fi
}

no_mix_takes_more_than_recorded() {
	"$root/bench/instructions" "$offline" >"$work/counted"
	compare "$recorded" "$work/counted" >"$work/changes" || {
		cat "$work/changes"
		return 1
	}
	sed 's/^/# /' "$work/changes" >&3
}

# A record that is 6 % lower for one mix, and 6 % higher for another.
growth_is_told_by_mix_and_falling_is_no_failure() {
	awk '$1 == "phone" { $2 = int($2 / 1.06) } $1 == "long" { $2 = int($2 * 1.06) } { print }' "$recorded" >"$work/other"
	fails compare "$work/other" "$recorded" >"$work/changes"
	grep -q '^phone: [0-9]* instructions a message, recorded are [0-9]*: +6.0 %$' "$work/changes"
	grep -q '^long: .*: -5.7 %$' "$work/changes"
	[ "$(grep -c 'instructions a message' "$work/changes")" = 2 ]
	awk '{ $2 = $1 == "#" ? $2 : int($2 * 1.2) } { print }' "$recorded" >"$work/other"
	compare "$work/other" "$recorded" >"$work/changes"
	grep -q 'bench/instructions >tests/data/instructions' "$work/changes"
}

a_mix_that_is_missing_is_a_failure() {
	grep -v '^runts ' "$recorded" >"$work/other"
	fails compare "$work/other" "$recorded" >"$work/changes"
	grep -q '^runts: [0-9]*, not recorded$' "$work/changes"
	fails compare "$recorded" "$work/other" >"$work/changes"
	grep -q '^runts: not counted$' "$work/changes"
}

exec 3>&1
run growth_is_told_by_mix_and_falling_is_no_failure
run a_mix_that_is_missing_is_a_failure
run no_mix_takes_more_than_recorded
finish
