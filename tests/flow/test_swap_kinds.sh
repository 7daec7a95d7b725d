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

# As of a gateway that says each day how many are left.
days_left() { # N
	logger -n 127.0.0.1 -P 5514 -d --rfc3164 -t asa-07 "%ASA-1-717054: The ID certificate in the trustpoint TP-OUTSIDE is due to expire in $1 days. Expiration 10:00:00 UTC Mar 1 2031 Subject Name cn=vpn.example.net Issuer Name cn=Example CA Serial Number 0A0B0C"
}

a_certificate_that_ends_is_one_alert_that_grows_worse() {
	daemon_start_quiet
	swap morning $small
	for told in 60:info 30:low 14:medium 7:high 1:critical; do
		days_left ${told%:*}
		await_alerts "len(alerts) == 1 and firing[0]['severity'] == '${told#*:}' and firing[0]['details']['days'] == ${told%:*}"
	done
	await_alerts "firing[0]['phones'] == {'affected': 0, 'known': 300, 'peak': 0} and firing[0]['details']['trustpoint'] == 'TP-OUTSIDE'"
	[ "$(say history --kind alert --changes --json | wc -l)" = 5 ]
	[ "$(say history --kind alert --json | wc -l)" = 1 ]
	# Then it is another fact, which speaks for this one, and for the phones that fail by it.
	logger -n 127.0.0.1 -P 5514 -d --rfc3164 -t asa-07 "%ASA-1-717055: The ID certificate in the trustpoint TP-OUTSIDE has expired. Expiration 10:00:00 UTC Mar 1 2025 Subject Name cn=vpn.example.net Issuer Name cn=Example CA Serial Number 0A0B0C"
	await_alerts "len(firing) == 1 and firing[0]['alert'] == 'fleet-cert-expired'"
	swap swap $small
	await_alerts "len(firing) == 1 and firing[0]['alert'] == 'fleet-cert-expired' and firing[0]['severity'] == 'critical'"
	cat "$work/alerts"
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
