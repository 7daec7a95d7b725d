# SPDX-License-Identifier: BSD-3-Clause
# Sourced by test_outlet_*.sh, after lib.sh: records to tell, a receiver of HTTP, what status says.
feed=$probe
receiver_pid= port=

# receiver ARGUMENT...: on a port of its own, which is $port.
receiver() {
	: >"$work/port"
	python3 "$here/receiver.py" "$@" >"$work/port" 2>"$work/receiver.notes" &
	receiver_pid=$!
	port=
	for _ in $(seq 100); do
		port=$(cat "$work/port")
		[ -n "$port" ] && return
		sleep 0.05
	done
	cat "$work/receiver.notes"
	return 1
}

receiver_stop() {
	kill "$receiver_pid"
	wait "$receiver_pid" 2>/dev/null || true
	receiver_pid=
}

case_end() {
	for pid in $receiver_pid $feeder_pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done
}
feeder_pid=

records() {
	python3 "$here/records.py" "$@"
}

# outlet LINE...: the config, with one outlet.
outlet() {
	printf 'outlets:\n  it:\n' >"$work/config"
	for line in "$@"; do
		echo "    $line" >>"$work/config"
	done
}

run_feed() { # JOURNAL
	timeout 60 "$feed" "$work/config" "$1" >"$work/status" 2>"$work/notes"
}

status_is() { # NAME VALUE
	tail -1 "$work/status" | grep -q "\"$1\":$2[,}]" || {
		echo "$1 is not $2:"
		cat "$work/status" "$work/notes"
		return 1
	}
}

says() {
	grep -q -- "$1" "$work/notes" || {
		echo "not said: $1"
		cat "$work/notes"
		return 1
	}
}

requests() { # FILTER: of Python, on r
	python3 - "$work/out.requests" "$1" <<-'PYTHON'
		import json, sys
		print(sum(1 for line in open(sys.argv[1]) for r in [json.loads(line)] if eval(sys.argv[2])))
	PYTHON
}

# Each with files of its own.
try() {
	rm -rf "$work"/*
	printf 'secret-token\n' >"$work/token"
	run "$@"
}
