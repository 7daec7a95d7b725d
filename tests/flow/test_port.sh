#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Ports on network interfaces: two namespaces, a veth pair with two queues between them, the probe
# on one side. usage: test_port.sh PROBE XDP_OBJECT
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all 'needs root'
unshare -n true 2>/dev/null || skip_all 'needs network namespaces'
for tool in ip ethtool python3; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done
xdp_object=$2
a=offhook-a-$$ b=offhook-b-$$
run_in="ip netns exec $b"

on_a() {
	ip netns exec "$a" "$@"
}

on_b() {
	ip netns exec "$b" "$@"
}

net_down() {
	ip netns del "$a" 2>/dev/null || true
	ip netns del "$b" 2>/dev/null || true
}

trap 'case_end; net_down; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# net_up [on|off] [MTU]: va in $a sends to vb in $b. on: checksums are left to a card that is none.
net_up() {
	net_down
	ip netns add "$a"
	ip netns add "$b"
	ip -n "$a" link add va numrxqueues 2 numtxqueues 2 mtu "${2:-1500}" type veth \
		peer name vb netns "$b" numrxqueues 2 numtxqueues 2 mtu "${2:-1500}"
	ip -n "$a" link set lo up
	ip -n "$b" link set lo up
	ip -n "$a" addr add 10.7.0.1/24 dev va
	ip -n "$a" addr add fd07::1/64 dev va nodad
	ip -n "$b" addr add 10.7.0.2/24 dev vb
	ip -n "$b" addr add fd07::2/64 dev vb nodad
	ip -n "$a" link set va up
	ip -n "$b" link set vb up
	on_a ethtool -K va tx "${1:-on}" txvlan off >/dev/null
	mac_b=$(ip -n "$b" link show vb | awk '/link\/ether/ { print $2 }')
}

has_xdp() {
	ip -n "$b" -d link show "${1:-vb}" | grep -q 'prog/xdp'
}

promiscuity() {
	ip -n "$b" -d link show vb | sed -n 's/.*promiscuity \([0-9]*\).*/\1/p'
}

# ---- delivery ----

each_datagram_comes_once() { # DRIVER on|off
	net_up "$2"
	probe_start -w 2 -d "$1" -n 6000 -t 20 interface:vb
	first=0
	for ip in 10.7.0.2 fd07::2; do
		on_a python3 "$here/traffic.py" send $ip 5514 1000 $first
		first=$((first + 1000))
	done
	on_a python3 "$here/traffic.py" tagged va "$mac_b" 1000 $first
	probe_wait
	expect once 6000
	expect more 0
	expect_more worker0 100
	expect_more worker1 100
	expect driver0 "net_$1"
	expect missed0 0
}

on_loopback_each_datagram_comes_once() { # DRIVER
	net_up
	probe_start -d "$1" -t 20 interface:lo
	on_b python3 "$here/traffic.py" send 127.0.0.1 5514 1000 0
	on_b python3 "$here/traffic.py" send ::1 5514 1000 1000
	on_b python3 "$here/traffic.py" knock 127.0.0.1 5514
	on_b python3 "$here/traffic.py" knock ::1 5514
	sleep 0.3
	probe_stop
	expect once 2000
	expect more 0
}

what_this_machine_sends_is_not_received() { # DRIVER
	net_up
	probe_start -d "$1" -t 20 interface:vb
	on_b python3 "$here/traffic.py" send 10.7.0.1 5514 100 0
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 1 500
	sleep 0.5
	probe_stop
	expect datagrams 1
}

other_ports_are_not_even_seen() { # DRIVER
	net_up
	probe_start -p 514 -p 5514 -d "$1" -t 20 interface:vb
	on_a python3 "$here/traffic.py" send 10.7.0.2 53 100 0
	on_a python3 "$here/traffic.py" send fd07::2 53 100 0
	on_a python3 "$here/traffic.py" send fd07::2 514 10 0
	on_a python3 "$here/traffic.py" send 10.7.0.2 514 10 10
	sleep 0.5
	probe_stop
	expect datagrams 20
	expect dropped.other_port 0
}

af_packet_takes_jumbo_frames_and_fragments() {
	net_up on 9000
	probe_start -w 2 -d af_packet -n 300 -t 20 interface:vb
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 100 0 8900
	on_a python3 "$here/traffic.py" send fd07::2 5514 100 100 8900
	ip -n "$a" link set va mtu 1500
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 50 200 8900 # joined by the kernel
	on_a python3 "$here/traffic.py" send fd07::2 5514 50 250 8900  # joined here
	probe_wait
	expect once 300
	expect longest 8900
	expect fragments_merged 300
}

af_xdp_leaves_fragments_and_jumbo_frames_to_the_kernel() {
	net_up on 9000
	probe_start -d af_xdp -t 20 interface:vb
	probe_says 'AF_XDP'
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 7 0 8900
	on_a python3 "$here/traffic.py" send fd07::2 5514 3 10 3500
	on_a python3 "$here/traffic.py" send fd07::2 5514 3 20 3300
	ip -n "$a" link set va mtu 1500
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 4 30 3000
	on_a python3 "$here/traffic.py" send fd07::2 5514 5 40 3000
	sleep 0.5
	probe_stop
	expect left_too_long0 10
	expect left_fragmented0 9
	expect once 3
	expect missed0 0
}

what_a_full_ring_loses_is_counted() { # DRIVER
	net_up
	probe_start -d "$1" -u 300000 -t 20 interface:vb
	on_a python3 -c 'if True:
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for i in range(20000):
			s.sendto(b"<134>probe %d" % i, ("10.7.0.2", 5514))'
	sleep 0.5
	probe_stop
	expect_more missed0 0
	all=$(($(counted received0) + $(counted missed0)))
	[ $all -ge 20000 ] && [ $all -lt 20010 ] || { # the kernel may have sent something too
		cat "$work/out"
		return 1
	}
}

# ---- queues and workers ----

one_worker_polls_all_queues_of_a_device() {
	net_up
	probe_start -w 1 -d af_xdp -n 1000 -t 20 interface:vb
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 1000 0
	probe_wait
	expect queues0 2
	expect once 1000
}

a_worker_may_be_without_a_queue() {
	net_up
	probe_start -w 3 -d af_xdp -n 1000 -t 20 interface:vb
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 1000 0
	probe_wait
	probe_says '2 queues for 3 workers'
	expect once 1000
	expect worker2 0
}

queues_of_several_interfaces_are_dealt_evenly() {
	net_up
	probe_start -w 2 -n 2000 -t 20 interface:lo interface:vb
	on_b python3 "$here/traffic.py" send 127.0.0.1 5514 1000 0
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 1000 1000
	probe_wait
	expect once 2000
	expect_more worker0 0
	expect_more worker1 0
}

hugepages_are_used_where_they_are() {
	pages=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
	before=$(cat $pages)
	echo $((before + 150)) >$pages
	trap 'case_end; echo $before >$pages' EXIT
	[ "$(cat $pages)" = $((before + 150)) ] || return 0 # memory too fragmented for the question
	net_up
	for driver in af_xdp af_packet; do
		probe_start -H -w 2 -d $driver -n 1000 -t 20 interface:vb
		on_a python3 "$here/traffic.py" send 10.7.0.2 5514 1000 0
		probe_wait
		expect once 1000
	done
}

# ---- what is not syslog ----

everything_else_works_as_before() { # DRIVER
	net_up
	probe_start -w 2 -d "$1" -t 30 interface:vb
	on_a python3 "$here/traffic.py" ping 10.7.0.2
	on_a python3 "$here/traffic.py" ping fd07::2
	on_b python3 "$here/traffic.py" ping 10.7.0.1
	for ip in 10.7.0.2 fd07::2; do
		: >"$work/server"
		on_b python3 "$here/traffic.py" serve 8080 >"$work/server" &
		server=$!
		until grep -q ready "$work/server"; do sleep 0.1; done
		on_a python3 "$here/traffic.py" fetch $ip 8080 10000000
		wait $server
	done
	ip -n "$a" neigh flush dev va
	on_a python3 "$here/traffic.py" ping 10.7.0.2
	probe_stop
	expect datagrams 0
}

the_kernel_does_not_refuse_syslog() { # DRIVER
	net_up
	if on_a python3 "$here/traffic.py" knock 10.7.0.2 5514 2>/dev/null; then
		echo "it does not refuse anything"
		return 1
	fi
	probe_start -d "$1" -t 20 interface:vb
	on_a python3 "$here/traffic.py" knock 10.7.0.2 5514
	on_a python3 "$here/traffic.py" knock fd07::2 5514
	probe_stop
}

a_port_without_a_kernel_answers_for_itself() {
	net_up
	ip -n "$b" addr flush dev vb
	on_b sh -c 'echo 1 >/proc/sys/net/ipv6/conf/vb/disable_ipv6'
	ip -n "$a" neigh flush dev va
	probe_start -d af_packet -a 10.7.0.2 -a fd07::2 -n 200 -t 20 interface:vb
	on_a python3 "$here/traffic.py" ask va
	for ip in 10.7.0.2 fd07::2; do
		on_a python3 "$here/traffic.py" ping $ip
	done
	if on_a python3 "$here/traffic.py" ping 10.7.0.3 2>/dev/null; then
		echo "answers for others"
		return 1
	fi
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 100 0
	on_a python3 "$here/traffic.py" send fd07::2 5514 100 100
	probe_wait
	expect once 200
	expect_more dropped.answered 15
}

# ---- coming and going ----

nothing_stays_behind() { # SIGNAL
	net_up
	for driver in af_xdp af_packet; do
		probe_start -w 2 -d $driver -t 20 interface:vb
		[ "$(promiscuity)" -gt 0 ]
		[ $driver = af_packet ] || has_xdp
		kill -"$1" $probe_pid
		wait $probe_pid || true
		probe_pid=
		for _ in $(seq 20); do # the kernel frees sockets a moment later
			[ "$(promiscuity)" = 0 ] && ! has_xdp && break
			sleep 0.1
		done
		[ "$(promiscuity)" = 0 ]
		if has_xdp; then
			return 1
		fi
	done
}

promiscuous_mode_of_somebody_else_stays() {
	net_up
	ip -n "$b" link set vb promisc on
	for driver in af_xdp af_packet; do
		probe_start -d $driver -t 20 interface:vb
		ip -n "$b" link show vb | grep -q PROMISC
		probe_stop
		ip -n "$b" link show vb | grep -q PROMISC
		[ "$(promiscuity)" = 1 ]
	done
}

where_af_xdp_does_not_work_af_packet_does() {
	net_up
	run_in="$run_in setpriv --bounding-set=-sys_admin,-bpf" # to whom the kernel gives no program
	probe_start -w 2 -n 1000 -t 20 interface:vb
	probe_says 'vb: AF_PACKET, 2 queues; AF_XDP does not work: '
	on_a python3 "$here/traffic.py" send 10.7.0.2 5514 1000 0
	probe_wait
	expect once 1000
}

beside_another_xdp_program_it_does_not_start() { # offhook's|of somebody else
	net_up
	if [ "$1" = "offhook's" ]; then
		$run_in "$probe" -t 20 interface:vb >"$work/first" 2>&1 &
		probe_pid=$!
		for _ in $(seq 100); do
			grep -q ready "$work/first" && break
			sleep 0.1
		done
	else
		ip -n "$b" link set dev vb xdp object "$xdp_object" section xdp
	fi
	for driver in auto af_xdp; do
		refused 'listen: vb: another XDP program is attached to vb' -d $driver interface:vb
	done
	has_xdp # not ours to take away
	[ "$1" != "offhook's" ] || probe_stop
}

what_cannot_be_is_refused_in_one_line() {
	net_up
	refused 'listen: nothing: no such network interface' interface:nothing
	refused 'a network interface is named by' 'interface:vb,start_queue=7'
	refused 'listen: vb: is named twice' interface:vb interface:vb
	refused 'no such PCI device' pci:ffff:ff:1f.7
	refused 'a PCI address looks like' pci:eth0
	[ "$(promiscuity)" = 0 ]
	if has_xdp; then
		return 1
	fi
}

for checksums in on off; do
	run each_datagram_comes_once af_xdp $checksums
	run each_datagram_comes_once af_packet $checksums
done
for driver in af_xdp af_packet; do
	run on_loopback_each_datagram_comes_once $driver
	run what_this_machine_sends_is_not_received $driver
	run other_ports_are_not_even_seen $driver
	run what_a_full_ring_loses_is_counted $driver
	run everything_else_works_as_before $driver
	run the_kernel_does_not_refuse_syslog $driver
done
run af_packet_takes_jumbo_frames_and_fragments
run af_xdp_leaves_fragments_and_jumbo_frames_to_the_kernel
run one_worker_polls_all_queues_of_a_device
run a_worker_may_be_without_a_queue
run queues_of_several_interfaces_are_dealt_evenly
run hugepages_are_used_where_they_are
run a_port_without_a_kernel_answers_for_itself
run nothing_stays_behind TERM
run nothing_stays_behind KILL
run promiscuous_mode_of_somebody_else_stays
run where_af_xdp_does_not_work_af_packet_does
run beside_another_xdp_program_it_does_not_start "offhook's"
run beside_another_xdp_program_it_does_not_start 'of somebody else'
run what_cannot_be_is_refused_in_one_line
finish
