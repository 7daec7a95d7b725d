#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The command lines of both programs, and what they say of a mistake; any user, no daemon.
# usage: test_cli.sh OFFHOOK OFFHOOKD
. "$(dirname "$0")/lib.sh"
offhook=$(readlink -f "$1") offhookd=$(readlink -f "$2")
root=$(readlink -f "$here/../..")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work"
export XDG_CACHE_HOME="$work/cache" LC_ALL=C

# exits CODE COMMAND...: what it says is in $work/said, what it gives in $work/out.
exits() {
	wanted=$1 code=0
	shift
	"$@" >"$work/out" 2>"$work/said" || code=$?
	[ $code = "$wanted" ] || {
		echo "exit $code, not $wanted: $*"
		cat "$work/said"
		return 1
	}
}

says() { # TEXT [FILE]
	grep -qF -- "$1" "$work/${2:-said}" || {
		echo "not said: $1"
		cat "$work/${2:-said}"
		return 1
	}
}

# Whoever types a file name, or a daemon that is none, does not reach the reader's terminal.
is_plain() {
	! LC_ALL=C grep -q "$(printf '[\001-\010\016-\037\177]')" "$work/said" "$work/out"
}

every_command_has_its_help() {
	exits 0 "$offhook" help
	cp out usage
	exits 0 "$offhook" --help
	cmp out usage
	for command in status diagnoses phone history watch reload rules replay; do
		says "  $command" usage
		exits 0 "$offhook" help $command
		cp out help
		exits 0 "$offhook" $command --help
		cmp out help
		exits 0 "$offhook" $command -h
		cmp out help
	done
	exits 0 "$offhook" rules check --help
	says 'check|test DIR' out
	exits 0 "$offhook" replay --stats --help
	says '--workers N' out
	exits 0 "$offhookd" --help
	says 'diagnosis_expiry: 24h' out
	exits 2 "$offhook" help nonsense
	exits 2 "$offhook"
}

wrong_usage_is_told_in_a_line() {
	exits 2 "$offhook" stat
	says "unknown command 'stat'"
	exits 2 "$offhook" diagnoses --stat all
	says "unknown argument '--stat'"
	exits 2 "$offhook" diagnoses --state bogus
	says "--state takes one of open|recovered|expired|all, not 'bogus'"
	exits 2 "$offhook" history --kind phone
	says "--kind takes one of diagnosis|alert, not 'phone'"
	exits 2 "$offhook" history --limit
	for n in 0 x 1x 1000001 -1; do
		exits 2 "$offhook" history --limit $n
		says "--limit takes a number from 1 to 1000000, not '$n'"
	done
	for option in --since --until; do
		exits 2 "$offhook" history $option nonsense
		says "$option takes a time: 2026-11-26, 2026-11-26T09:30:00Z, or an age: 30m, 2h, 7d, not 'nonsense'"
		exits 3 "$offhook" --socket "$work/none" history $option 2h
	done
	exits 2 "$offhook" alerts --state open
	exits 2 "$offhook" watch --lang de
	exits 2 "$offhook" phone
	says 'phone needs KEY'
	exits 2 "$offhook" status more
	exits 2 "$offhook" --json rules check x
	exits 2 "$offhook" rules bogus x
	says "rules takes one of check|test, not 'bogus'"
	exits 2 "$offhook" replay
	says 'replay needs FILE'
	exits 2 "$offhook" replay --work 1 x
	for n in 0 x 1x 17 -1; do
		exits 2 "$offhook" replay --workers $n x
		says "--workers takes a number from 1 to 16, not '$n'"
	done
	exits 2 "$offhook" replay --lang de x
	exits 2 "$offhook" replay --zone Mars/Olympus x
	exits 2 "$offhook" replay --date 2020-13-01 x
	exits 2 "$offhook" replay --sender nobody x
	exits 2 "$offhookd" --check
	says "unexpected argument '--check'"
	exits 2 "$offhookd" -c
	exits 3 "$offhook" --json --socket "$work/none" status
}

control_bytes_are_spelled() {
	bad=$(printf 'a\033[31mb')
	exits 1 "$offhook" replay "$bad"
	is_plain
	says 'a\x1B[31mb'
	cp -r "$root/rules/pack" "$bad.rules"
	exits 0 "$offhook" rules check "$bad.rules"
	is_plain
	echo "rules: $root/rules/pack" >"$bad.yaml"
	exits 0 "$offhookd" -c "$bad.yaml" --check-config
	is_plain
	printf 'no capture\0' | gzip | head -c 20 >"$bad"
	for arguments in "$bad" "replay --lang $bad x" "replay --zone $bad x" "replay --$bad x" "replay $bad" \
		"rules check $bad" "status --socket /$bad" "status --$bad" "status $bad"; do
		"$offhook" $arguments >out 2>said || true
		[ -s said ]
		is_plain
	done
	for arguments in "$bad" "--$bad" "-c $bad"; do
		"$offhookd" $arguments >out 2>said || true
		[ -s said ]
		is_plain
	done
}

replay_says_why_little_comes_out() {
	capture="$root/tests/data/catalogue.pcap"
	printf 'ports: [1514]\ncache: %s/compiled\n' "$work" >ports.yaml
	exits 0 "$offhook" replay -c ports.yaml "$capture"
	says '694 of 694 packets went to other UDP ports'
	says '`ports: [N, ...]` in a config (-c FILE)'
	[ "$(ls compiled | wc -l)" -gt 0 ] # the config's cache
	echo 'gateways: 1' >small.yaml
	exits 0 "$offhook" replay --config=small.yaml "$capture"
	says 'events were lost for want of room: gateways_full'
	echo 'hello world' >other.log
	exits 0 "$offhook" replay other.log
	says 'none of 1 messages is of an ASA'
	: >empty.log
	exits 0 "$offhook" replay empty.log
	says 'there is nothing in it'
	exits 0 "$offhook" replay --json --stats "$capture"
	[ ! -s said ]
}

an_empty_rule_pack_is_an_error() {
	mkdir -p no-rules
	for arguments in 'rules check no-rules' 'rules test no-rules' 'replay --rules no-rules -'; do
		exits 1 "$offhook" $arguments </dev/null
		says 'no-rules:1:1: no *.yaml in it'
	done
}

# wrong_config CONFIG TEXT: said of its line and column.
wrong_config() {
	printf "$1" >wrong.yaml
	exits 1 "$offhookd" -c wrong.yaml --check-config
	says "wrong.yaml:$2"
}

right_config() {
	printf "$1" >right.yaml
	exits 0 "$offhookd" -c right.yaml --check-config
	says 'right.yaml: ok; ' out
}

a_config_is_checked_against_the_machine() {
	wrong_config 'listen: nosuch0\n' "1:9: no network interface 'nosuch0'"
	wrong_config 'listen: [lo, {port: /no/such.pcap}]\n' '1:15: /no/such.pcap: No such file'
	wrong_config 'listen: "ffff:ff:1f.7"\n' '1:9: no PCI device ffff:ff:1f.7'
	wrong_config 'workers: 1\nrules: /no/such\n' '2:8: /no/such: No such file'
	wrong_config 'socket: /no/such/dir/s\n' '1:9: /no/such: No such file'
	wrong_config 'socket: /etc/passwd/s\n' '1:9: /etc/passwd: Not a directory'
	wrong_config "socket: /$(printf '%0110d' 0)\n" "1:9: a socket's path has at most 107 bytes"
	wrong_config 'listen:\n' "1:1: key 'listen' has no value"
	wrong_config 'cache: ~\n' "1:1: key 'cache' has no value"
	right_config '\357\273\277workers: 1\nrelays: [0.0.0.0/0, "::/0"]\n'
}

# Outlets that are wrong by what else is there: told at the option.
outlets_are_checked_against_the_machine_and_each_other() {
	mkdir -p logs
	ln -s logs link
	file='outlets:\n  a: {type: file, path: %s}\n  b: {type: file, path: %s}\n'
	wrong_config "$(printf "$file" /no/such/f "$work/logs/f")\n" '2:25: /no/such: No such file'
	wrong_config "$(printf "$file" /etc/passwd/f "$work/logs/f")\n" '2:25: /etc/passwd: Not a directory'
	for path in logs/f logs//f logs/../logs/./f link/f; do
		wrong_config "$(printf "$file" "$work/logs/f" "$work/$path")\n" \
			'3:25: path: outlet a writes to this file'
	done
	: >logs/f
	ln logs/f logs/g
	wrong_config "$(printf "$file" "$work/logs/f" "$work/logs/g")\n" '3:25: path: outlet a writes'
	right_config "$(printf "$file" "$work/logs/f" "$work/logs/h")\n"
	hook='outlets:\n  a: {type: webhook, url: %s, records: %s}\n  b: {type: webhook, url: %s, records: %s}\n'
	wrong_config "$(printf "$hook" http://h/x all http://H:80/x alerts)\n" \
		'3:27: url: outlet a sends the same records there'
	wrong_config "$(printf "$hook" '["http://g", "http://h"]' all '["http://h/"]' all)\n" '3:28: url: outlet a'
	right_config "$(printf "$hook" http://h/x diagnoses http://h/x alerts)\n"
	right_config "$(printf "$hook" http://h/x all http://h/y all)\n"
	right_config 'outlets: {a: {type: webhook, url: "http://h", headers: "A: b"}, b: {type: webhook, url: "http://h"}}\n'
	right_config 'outlets: {a: {type: webhook, url: "http://h"}, b: {type: alertmanager, url: "http://h"}}\n'
	for name in 1 2; do echo token-$name >token-$name; done
	hec='outlets:\n  a: {type: splunk, url: "http://h", token_file: token-1}\n  b: {type: splunk, url: "http://h", token_file: %s}\n'
	wrong_config "$(printf "$hec" token-1)\n" '3:'
	right_config "$(printf "$hec" token-2)\n"
}

metrics_are_checked_against_the_machine() {
	wrong_config 'metrics: [127.0.0.1:9514, 192.0.2.77:9514]\n' '1:27: 192.0.2.77:9514: Cannot assign'
	wrong_config 'metrics: "[2001:db8::77]:9514"\n' '1:10: [2001:db8::77]:9514: '
	right_config 'metrics: [9514, 127.0.0.2:9515]\n'
}

a_check_leaves_nothing_behind() {
	mkdir -p clean
	cd clean
	right_config "cache: $work/new-cache\nsocket: $work/new-run/s.sock\n"
	cd ..
	[ ! -e new-cache ]
	[ ! -e new-run ]
	[ "$(ls clean)" = right.yaml ]
}

# A diagnosis falls back to English where it does not speak a language, and `rules check` says so.
missing_translation_is_noted() {
	cp -r "$root/rules/pack" "$work/site"
	sed -i '/^      ko: ASA 인증서 만료됨$/d' "$work/site/diagnoses-gateway.yaml"
	exits 0 "$offhook" rules check "$work/site"
	grep -q 'diagnoses-gateway.yaml:[0-9]*:[0-9]*: note: asa-cert-expired: the title is English in ko$' "$work/said"
	[ "$(grep -c ' note: ' "$work/said")" = 1 ]
	"$offhook" replay --rules "$work/site" --lang ko "$root/tests/data/catalogue.pcap" >"$work/got"
	grep -q '^ASA certificate expired (asa-cert-expired)$' "$work/got"
	exits 0 "$offhook" rules check "$root/rules/pack"
	[ ! -s "$work/said" ]
}

run every_command_has_its_help
run wrong_usage_is_told_in_a_line
run control_bytes_are_spelled
run replay_says_why_little_comes_out
run an_empty_rule_pack_is_an_error
run a_config_is_checked_against_the_machine
run outlets_are_checked_against_the_machine_and_each_other
run metrics_are_checked_against_the_machine
run a_check_leaves_nothing_behind
run missing_translation_is_noted
finish
