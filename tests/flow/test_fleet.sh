#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A small fleet with known failures: how right what is found is, and that it hangs neither on chance nor on the
# number of workers. usage: test_fleet.sh OFFHOOK FLEET SCORE
. "$(dirname "$0")/lib.sh"
offhook=$(readlink -f "$1")
fleet=$(readlink -f "$2")
score=$(readlink -f "$3")
scenarios=$(readlink -f "$here/../../bench/fleet")
trap 'rm -rf "$work"' EXIT

make_fleet() { # NAME SEED
	"$fleet" "$scenarios/small.yaml" --seed "$2" --pcap "$work/$1.pcap" --truth "$work/$1.jsonl"
}

replay() {
	"$offhook" replay --json --rules "$here/../../rules/pack" -c "$scenarios/offhook.yaml" "$@"
}

sum_of() {
	cat "$work/$1.pcap" "$work/$1.jsonl" | sha256sum
}

same_seed_makes_the_same_bytes() {
	make_fleet again 1
	[ "$(sum_of small)" = "$(sum_of again)" ]
	make_fleet other 2
	[ "$(sum_of small)" != "$(sum_of other)" ]
}

every_class_is_planted() {
	python3 - "$work/small.jsonl" <<-'PYTHON'
		import json, sys
		truths = [json.loads(line) for line in open(sys.argv[1])]
		names = {(t["diagnosis"], t["scope"]) for t in truths if t["is_phone"] or t["scope"] == "gateway"}
		assert len(names) == 37, len(names)
		assert any(not t["is_phone"] and t["scope"] == "phone" for t in truths)
	PYTHON
}

an_unknown_key_is_told_with_its_place() {
	printf 'phones:\n  count: 3\n  fail: 0.5\n' >"$work/wrong.yaml"
	! "$fleet" "$work/wrong.yaml" --pcap "$work/x" --truth "$work/y" 2>"$work/notes" || return 1
	grep -q "wrong.yaml:3:3: unknown key 'fail'" "$work/notes"
}

what_is_found_is_right() {
	"$score" "$work/small.jsonl" --errors "$work/errors" --precision 0.995 --recall 0.99 --class 0.8 \
		<"$work/one" || {
		cut -c 1-400 "$work/errors"
		return 1
	}
}

score_misses_what_is_missing() {
	! grep -v '"cert-hash-mismatch"' "$work/one" | "$score" "$work/small.jsonl" --recall 0.99 --class 0.8 \
		>"$work/table" 2>"$work/notes" || return 1
	grep -q 'recall of cert-hash-mismatch is 0.0000' "$work/notes"
}

any_number_of_workers_finds_the_same() {
	for n in 2 4; do
		replay --workers $n "$work/small.pcap" | sed 's/"sequence":[0-9]*,//' >"$work/got"
		sed 's/"sequence":[0-9]*,//' "$work/one" | diff - "$work/got" >"$work/diff" || {
			cut -c 1-400 "$work/diff"
			return 1
		}
	done
}

make_fleet small 1 2>"$work/notes"
replay "$work/small.pcap" >"$work/one"
run same_seed_makes_the_same_bytes
run every_class_is_planted
run an_unknown_key_is_told_with_its_place
run score_misses_what_is_missing
run what_is_found_is_right
run any_number_of_workers_finds_the_same
finish
