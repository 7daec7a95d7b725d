# SPDX-License-Identifier: BSD-3-Clause
# Sourced by test_*.sh: cases (told as TAP), a probe in the background, what it counted.
#
# A case is a function; a command that fails within it (set -e) fails the case. Only processes that
# were started here are ended, each by its number.
set -eu

here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d)
probe=$(readlink -f "$1") # made of probe.c
run_in=  # "ip netns exec NAME", or nothing
probe_pid=
cases=0
failed=0

traffic() {
	python3 "$here/traffic.py" "$@"
}

# probe_start ARGUMENT...: returns when it listens. Then probe_wait or probe_stop, then expect.
probe_start() {
	: >"$work/out"
	$run_in "$probe" "$@" >"$work/out" 2>"$work/notes" &
	probe_pid=$!
	for _ in $(seq 100); do
		grep -q ready "$work/out" && return
		kill -0 $probe_pid 2>/dev/null || break
		sleep 0.1
	done
	echo "the probe does not start: $(cat "$work/notes")"
	return 1
}

probe_wait() {
	wait "$probe_pid"
	probe_pid=
}

probe_stop() {
	kill "$probe_pid"
	probe_wait
}

# The value that the probe printed for a name; 0 when it printed none.
counted() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n ? n : 0 }' "$work/out"
}

expect() { # NAME VALUE
	value=$(counted "$1")
	[ "$value" = "$2" ] || {
		echo "$1 is $value, not $2"
		cat "$work/notes" "$work/out"
		return 1
	}
}

expect_more() { # NAME VALUE
	value=$(counted "$1")
	[ "$value" -gt "$2" ] || {
		echo "$1 is $value, not more than $2"
		return 1
	}
}

probe_says() {
	grep -q -- "$1" "$work/notes" || {
		echo "not said: $1"
		cat "$work/notes"
		return 1
	}
}

# A probe that must refuse to start, with this in its one line.
refused() { # TEXT ARGUMENT...
	text=$1
	shift
	if $run_in "$probe" -t 1 "$@" >"$work/out" 2>"$work/notes"; then
		echo "started: $*"
		return 1
	fi
	probe_says "$text"
	[ "$(grep -vc '^note: ' "$work/notes")" = 1 ] || {
		echo "not one line:"
		cat "$work/notes"
		return 1
	}
}

case_end() {
	[ -z "$probe_pid" ] || kill -KILL "$probe_pid" 2>/dev/null || true
	probe_pid=
}

# run CASE: in a shell of its own, so that set -e ends only the case. (Not as a condition: there
# set -e would mean nothing.)
run() {
	set +e
	(
		set -e
		trap case_end EXIT
		"$@"
	) >"$work/log" 2>&1
	status=$?
	set -e
	cases=$((cases + 1))
	if [ $status = 0 ]; then
		echo "ok $cases - $*"
	else
		echo "not ok $cases - $*"
		sed 's/^/# /' "$work/log"
		failed=$((failed + 1))
	fi
}

# The last line of a test: the plan, and the result.
finish() {
	echo "1..$cases"
	[ $failed = 0 ]
}

# In place of all cases.
skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}
