#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Ports on captures; any user. usage: test_pcap.sh PROBE
. "$(dirname "$0")/lib.sh"
trap 'case_end; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work"

a_capture_is_delivered_once() {
	traffic capture whole.pcap 5000
	for workers in 1 3; do
		probe_start -w $workers -n 5000 pcap:whole.pcap
		probe_wait
		expect once 5000
		expect more 0
		expect driver0 net_pcap
	done
}

several_captures_go_to_several_workers() {
	traffic capture whole.pcap 1000
	probe_start -w 2 -n 2000 pcap:whole.pcap pcap:whole.pcap
	probe_wait
	expect worker0 1000
	expect worker1 1000
}

a_looped_capture_never_ends_on_any_worker() {
	traffic capture loop.pcap 300
	probe_start -w 2 -l -u 0 -n 100000 pcap:loop.pcap
	probe_wait
	expect more 300
	expect_more worker0 10000
	expect_more worker1 10000
}

a_file_may_have_any_name() {
	name='rx_iface=lo,infinite_rx=1 [a]"b'\''c\d
e.pcap'
	traffic capture "$name" 100
	probe_start -n 100 "pcap:$name"
	probe_wait
	expect once 100
}

what_is_no_capture_is_refused_in_one_line() {
	refused 'listen: nothing.pcap: No such file or directory' pcap:nothing.pcap
	refused 'is no regular file' pcap:/dev/zero
	refused 'is no regular file' pcap:.
	echo 'no capture at all' >text
	refused 'listen: text: unknown file format' pcap:text
	: >empty
	refused 'listen: empty: truncated dump file' pcap:empty
	traffic capture cooked.pcap 3 113
	refused 'link type LINUX_SLL, but only Ethernet' pcap:cooked.pcap
	traffic capture none.pcap 0
	refused 'holds no packet' -l pcap:none.pcap
	traffic capture cut.pcap 3
	head -c 100 cut.pcap >cut
	refused 'listen: cut: truncated dump file' -l pcap:cut
	refused 'workers: 1 to 64' -w 65 pcap:cut.pcap
}

# As nobody, when that can be tried.
no_privilege_is_needed() {
	traffic capture whole.pcap 100
	chmod 755 "$work"
	[ "$(id -u)" != 0 ] || run_in="setpriv --reuid 65534 --regid 65534 --clear-groups"
	$run_in test -x "$probe" || return 0
	probe_start -n 100 pcap:whole.pcap
	probe_wait
	expect once 100
}

run a_capture_is_delivered_once
run several_captures_go_to_several_workers
run a_looped_capture_never_ends_on_any_worker
run a_file_may_have_any_name
run what_is_no_capture_is_refused_in_one_line
run no_privilege_is_needed
finish
