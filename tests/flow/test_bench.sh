#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The benches run, in small, and tell what bench/plot and README go by; no time is looked at. What they
# find wrong (a phone pushed out, a message lost in a reload) fails them. usage: test_bench.sh PROGRAM...
. "$(dirname "$0")/lib.sh"
root=$here/../..
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
programs=$(for program in "$@"; do readlink -f "$program"; done)
: >"$work/figures"

bench() { # NAME ARGUMENT...
	program=$(echo "$programs" | grep "/$1\$")
	shift
	"$program" --json "$@" >"$work/told"
	cat "$work/told" >>"$work/figures"
}

# Every line an object, with these keys and those that all have.
tells() { # LINES KEY...
	python3 - "$work/told" "$@" <<-'PYTHON'
		import json, sys
		objects = [json.loads(line) for line in open(sys.argv[1])]
		assert len(objects) == int(sys.argv[2]), f"{len(objects)} lines"
		for o in objects:
		    for key in ["bench", "corpus", "compiler", "cpu", "command"] + sys.argv[3:]:
		        assert key in o, f"{key} is missing: {o}"
	PYTHON
}

value() { # KEY: of the only line
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$work/told" "$1"
}

pipeline_tells_bounds() {
	bench pipeline --seconds 0.1 runts
	tells 1 mix messages_per_second ns_per_message bounds_ns ratio_to_hs_scan rules
}

scaling_tells_ratios() {
	bench scaling --seconds 0.1 --workers 2 runts
	tells 2 mix workers cpus messages_per_second ratio_to_one exchange_share exchange_full_per_message
}

no_stranger_pushes_a_phone_out() {
	bench sessions 10000
	tells 1 clients ns bytes_per_client
	[ "$(value phones_before_flood)" = 10000 ]
	[ "$(value phones_after_flood)" = 10000 ]
	[ $(($(value strangers_refused) + $(value strangers_evicted))) -gt 9900 ]
}

no_message_is_lost_in_a_reload() {
	bench reload --reloads 2
	tells 1 mix messages_per_second pauses_without pauses_with pause_of_switch_max
	[ "$(value messages_lost)" = 0 ]
	[ "$(value messages_matched_otherwise)" = 0 ]
}

latency_tells_quantiles_of_each_load() {
	bench latency --seconds 0.5 runts
	tells 6 mix poll share_of_highest_rate p50 p99 p99.9 marks told port_full
}

scrape_grows_no_further_than_its_labels() {
	bench scrape 300 900
	tells 2 gateways p50 max bytes samples
	python3 - "$work/told" <<-'PYTHON'
		import json, sys
		few, many = [json.loads(line) for line in open(sys.argv[1])]
		assert few["samples"] == many["samples"], (few, many)
	PYTHON
}

stages_add_up() {
	command -v valgrind >/dev/null || return 0
	bench stages --seconds 0.2 runts
	tells 13 mix stage ns_per_message instructions_per_message
	python3 - "$work/told" <<-'PYTHON'
		import json, sys
		stages = {o["stage"]: o for o in map(json.loads, open(sys.argv[1]))}
		everything = stages.pop("all")
		for key in ("ns_per_message", "instructions_per_message"):
		    total = sum(o[key] for o in stages.values())
		    assert abs(total / everything[key] - 1) < 0.001, f"{key}: {total}, not {everything[key]}"
		    assert stages["other"][key] < 0.1 * total, f"{key}: what is known of none is {stages['other'][key]}"
	PYTHON
}

figures_are_drawn() {
	mkdir "$work/drawings"
	"$root/bench/plot" "$work/figures" "$work/drawings"
	for drawing in throughput growth; do
		python3 -c 'import sys, xml.etree.ElementTree as tree
assert len(list(tree.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}circle"))) > 4' "$work/drawings/$drawing.svg"
	done
}

rules_are_written_as_many_as_wanted() {
	"$root/bench/rules" 1024 "$work/rules"
	[ "$(grep -c '^  - id: ' "$work/rules/rules.yaml")" = 1024 ]
	bench pipeline --seconds 0.1 --rules "$work/rules" runts
	[ "$(value rules)" = 1024 ]
}

run pipeline_tells_bounds
run scaling_tells_ratios
run no_stranger_pushes_a_phone_out
run no_message_is_lost_in_a_reload
run latency_tells_quantiles_of_each_load
run scrape_grows_no_further_than_its_labels
run stages_add_up
run figures_are_drawn
run rules_are_written_as_many_as_wanted
finish
