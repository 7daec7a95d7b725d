#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Swapped certificates of a few hundred phones whose lines say less than one would like: and a certificate's days.
# usage: test_swap_kinds.sh OFFHOOK OFFHOOKD [CASE]
. "$(dirname "$0")/lib.sh"
. "$here/swap.sh"
small='--gateways 8 --gateway 7 --phones 20 --swapped 300'

daemon_start_quiet() {
	daemon_start 'metrics: none'
}

# One alert of asa-07 fires, is counted so, and is over when it is mended.
fires_and_ends() { # EXPRESSION: of the alert, a
	await_alerts "len(alerts) == 1 and (lambda a: $1)(firing[0])"
	[ "$(say alerts --json | wc -l)" = 1 ]
	# shellcheck disable=SC2086
	swap fix $small $options
	await_alerts 'len(alerts) == 1 and not firing'
	daemon_stop
}

# Each diagnosis is one of asa-07's certificate, or of a phone that nothing ties to a gateway; and so are they.
diagnosed() { # EXPRESSION: of all, and of the confirmed
	say diagnoses --json --all-clients >"$work/diagnoses"
	python3 "$here/swapped.py" diagnosed "$work/diagnoses" "$1"
}

phones_are_known_by_their_own_log_alone() {
	options='--logs 1 --own'
	daemon_start_quiet
	swap morning $small --swapped 0
	swap swap $small $options
	diagnosed 'len(confirmed) == 300'
	fires_and_ends "a['phones']['affected'] == 300 and a['gateway'] == 'asa-07'"
}

users_are_hidden() {
	options=--hidden
	daemon_start_quiet
	swap morning $small $options
	swap swap $small $options
	# Of each address, and of each phone that says so itself, which nothing ties together.
	diagnosed 'len(all) == 330'
	fires_and_ends "a['phones']['affected'] == 300 and a['gateway'] == 'asa-07'"
}

phones_are_behind_one_address() {
	options='--nat 3'
	daemon_start_quiet
	swap morning $small $options
	swap swap $small $options
	# Each address is counted once where nothing says which of its phones it was; it is over when all three are back.
	diagnosed 'len(all) >= 100'
	fires_and_ends "100 <= a['phones']['affected'] <= 300"
}

# Half of those whose lines come between each other are well.
handshakes_come_mixed() {
	options='--mix 50 --well 2'
	daemon_start_quiet
	swap morning $small $options
	swap swap $small $options
	# A phone's own word is needed to be sure, and only of those each tenth gives it; but for --well: none is.
	diagnosed 'len(confirmed) == 0 and 75 < len(probable) <= 150'
	fires_and_ends "100 <= a['phones']['affected'] <= 200"
}

eight_gateways_at_once_are_one_alert() {
	daemon_start_quiet
	few='--gateways 10 --gateway 1 2 3 4 5 6 7 8 --swapped 40 --phones 40'
	swap morning $few
	swap swap $few
	await_alerts "len(firing) == 1 and firing[0]['gateway'] is None and firing[0]['phones']['affected'] == 320"
	await_alerts "firing[0]['details']['n_gateways'] == 8 and all(a['absorbed_by'] == firing[0]['id'] for a in alerts[1:])"
	swap fix $few
	await_alerts 'not firing'
	daemon_stop
}

gateway_says() { # GATEWAY TEXT
	python3 -c 'import socket, sys, time
line = "<161>%s %s : %s" % (time.strftime("%b %d %Y %H:%M:%S", time.gmtime()), *sys.argv[1:])
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(line.encode(), ("127.0.0.1", 5514))' "$@"
}

ends_in() { # GATEWAY DAYS
	gateway_says "$1" "%ASA-1-717054: The ID certificate in the trustpoint TP-OUTSIDE is due to expire in $2 days. Expiration 10:00:00 UTC Mar 1 2031 Subject Name cn=vpn.example.net Issuer Name cn=Example CA Serial Number 0A0B0C"
}

a_certificate_that_ends_is_one_alert_that_grows_worse() {
	daemon_start_quiet
	swap morning $small
	ends_in asa-01 60
	ends_in asa-02 30
	ends_in asa-03 14
	ends_in asa-04 7
	ends_in asa-05 1
	ends_in asa-06 61
	await_alerts "sorted((a['gateway'], a['severity'], a['details']['days']) for a in firing) == [('asa-01', 'info', 60),
		('asa-02', 'low', 30), ('asa-03', 'medium', 14), ('asa-04', 'high', 7), ('asa-05', 'critical', 1)]"
	for told in 60:info 30:low; do
		ends_in asa-07 ${told%:*}
		await_alerts "[(a['severity'], a['details']['days'], a['details']['trustpoint']) for a in firing
			if a['gateway'] == 'asa-07'] == [('${told#*:}', ${told%:*}, 'TP-OUTSIDE')]"
	done
	await_alerts "[a['phones']['known'] for a in firing if a['gateway'] == 'asa-07'] == [300]"
	[ "$(say history --kind alert --gateway asa-07 --json | wc -l)" = 1 ]
	# Then it is another fact, which speaks for this one, and for the phones that fail by it.
	gateway_says asa-07 "%ASA-1-717055: The ID certificate in the trustpoint TP-OUTSIDE has expired. Expiration 10:00:00 UTC Mar 1 2025 Subject Name cn=vpn.example.net Issuer Name cn=Example CA Serial Number 0A0B0C"
	expired="(lambda a: len(a) == 1 and a[0]['alert'] == 'fleet-cert-expired' and a[0]['severity'] == '%s')([a for a in firing
		if a['gateway'] == 'asa-07'])"
	await_alerts "$(printf "$expired" high)"
	swap swap $small
	await_alerts "$(printf "$expired" critical)"
	daemon_stop
}

[ $# -lt 3 ] || {
	shift 2
	run "$@"
	cat "$work/log"
	finish
	exit
}
run phones_are_known_by_their_own_log_alone
run users_are_hidden
run phones_are_behind_one_address
run handshakes_come_mixed
run eight_gateways_at_once_are_one_alert
run a_certificate_that_ends_is_one_alert_that_grows_worse
finish
