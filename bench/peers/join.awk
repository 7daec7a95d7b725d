# SPDX-License-Identifier: BSD-3-Clause
# The job, written by hand for mawk: which phone fails with which cause, from a log of gateways and phones whose lines
# begin "<PRI>Nov 21 2026 10:00:00 NAME : %ASA-..." and "<PRI>Nov 21 10:00:00 SEP...".
#
# A line whose id no rule wants costs an index(), a substr() and a look into a table. A reason without an address goes to
# the next line of its gateway that ends a handshake. What it cannot do in so few lines: times as numbers (windows, what
# is over, late lines), several handshakes at once on a gateway that are told apart, recovery, evidence, a certain header
# alone; and who is a phone is settled at the end.
#
# Prints time, diagnosis, scope, client, device, gateway, by tabs.

function word(from, after,   at, rest) { # what follows `from`, up to one of the characters of `after`
	at = index(line, from)
	if (!at) return ""
	rest = substr(line, at + length(from))
	return match(rest, after) ? substr(rest, 1, RSTART - 1) : rest
}
function stamp(at) { # of a gateway's line, where the time has a year
	at = index(line, ">")
	return substr(line, at + 1, 20)
}
function gateway_of(   rest) {
	rest = substr(line, index(line, ">") + 22)
	return substr(rest, 1, index(rest, " ") - 1)
}
function client_of(   c) {
	c = word("IP <", ">")
	if (c == "") c = word("outside:", "[/(]")
	return c
}
# Who is at an address: the name in a user, and whether a group is the phones'.
function meet(client,   user, device, at) {
	user = word("User <", ">")
	at = index(user, "-SEP")
	if (at && substr(user, 1, 3) == "CP-") {
		device = substr(user, at + 1, 15)
		if (!(client in who)) who[client] = device
		else if (who[client] != device) who[client] = ""
		where[device] = client
		phone[client] = 1
	} else if (index(tolower(word("Group", " User")), "phone")) {
		phone[client] = 1
	}
	if (user != "" && user != "*****") address[user] = client
	named = device
}
function fail(client, diagnosis, device,   key) {
	key = diagnosis SUBSEP client SUBSEP device
	if (!(key in first)) first[key] = now
	last[key] = now
	at_gateway[key] = gateway
}
function fail_gateway(diagnosis) {
	print now "\t" diagnosis "\tgateway\t\t\t" gateway
}
# The line that says why came without an address; this is the end of its handshake.
function settle(client,   reason) {
	if (!(gateway in pending)) return
	reason = pending[gateway]
	delete pending[gateway]
	if (reason == "cert-hash-mismatch" && (client in ecdsa)) reason = "ecdsa-cert-presented"
	if (reason != "") fail(client, reason, "")
}
function keep(reason) {
	if (gateway in pending) settle(hello[gateway])
	pending[gateway] = reason
}
function count(client, diagnosis, enough) {
	if (++times[diagnosis, client] >= enough) fail(client, diagnosis, named)
}
function of_client(diagnosis,   client) {
	client = client_of()
	meet(client)
	fail(client, diagnosis, named)
}

BEGIN {
	n = split("716057 phone-license-missing 113029 session-limit-reached 716023 session-limit-reached " \
		"724001 csd-enabled 724002 csd-enabled 722050 tunnel-protocol-disabled 722048 tunnel-protocol-disabled " \
		"716006 tunnel-protocol-disabled 722020 address-pool-empty 113035 anyconnect-disabled " \
		"722049 anyconnect-disabled 722043 dtls-blocked 725017 client-cert-missing", pairs, " ")
	for (i = 1; i <= n; i += 2) plain[pairs[i]] = pairs[i + 1]
	n = split("717054 asa-cert-expiring 717055 asa-cert-expired 113022 aaa-server-down " \
		"717032 revocation-check-failed 113037 reboot-pending 725025 handshake-storm " \
		"201008 logging-blocks-traffic 737007 address-pool-empty", pairs, " ")
	for (i = 1; i <= n; i += 2) box[pairs[i]] = pairs[i + 1]
	n = split("113039 722051 722055 725001 725012 725014 725006 717009 717027 717031 725015 113013 113028 113005 " \
		"113025 716039 734002 113040 733201 733102 106102 106103 722035 722036 716058 710003 106023", ids, " ")
	for (i = 1; i <= n; i++) wanted[ids[i]]
	for (id in plain) wanted[id]
	for (id in box) wanted[id]
}

{
	at = index($0, "%ASA-")
	if (at) {
		id = substr($0, at + 7, 6)
		if (!(id in wanted)) next
		line = $0
		if (id == "106023" && !index(line, "dst identity:")) next
		now = stamp()
		gateway = gateway_of()
		named = ""
		if (id in plain) of_client(plain[id])
		else if (id in box) fail_gateway(box[id])
		else if (id == "113039" || id == "722051" || id == "722055") meet(client_of())
		else if (id == "725001") { if (gateway in pending) settle(hello[gateway]); hello[gateway] = client_of() }
		else if (id == "725012") { if (index(line, "ECDHE-ECDSA")) ecdsa[client_of()]; else delete ecdsa[client_of()] }
		else if (id == "725014") {
			if (index(line, "unknown ca")) keep("cert-hash-mismatch")
			else if (index(line, "no shared cipher")) keep("no-shared-cipher")
			else if (index(line, "unsupported protocol") || index(line, "wrong version")) keep("tls-version-unsupported")
		}
		else if (id == "717009" || id == "717027" || id == "717031" || id == "725015")
			pending[gateway] = index(line, "No suitable trustpoints") ? "client-cert-ca-missing" : "client-cert-rejected"
		else if (id == "725006") settle(client_of())
		else if (id == "113013") { if (index(line, "Simultaneous")) keep("simultaneous-logins-exceeded") }
		else if (id == "113028") { if (index(line, "finished with error")) keep("username-mapping-failed") }
		else if (id == "113005") { if (pending[gateway] == "username-mapping-failed") settle(word("user IP = ", " ")); else if (pending[gateway] == "") delete pending[gateway] }
		else if (id == "113025") fail(word("connection from ", " "), "username-mapping-failed", "")
		else if (id == "716039") {
			if (!index(line, "rejected")) next
			client = client_of()
			if (pending[gateway] == "simultaneous-logins-exceeded") settle(client)
			else { delete pending[gateway]; fail(client, "auth-rejected", "") }
		}
		else if (id == "734002") fail(word("Addr ", ":"), "dap-terminated", "")
		else if (id == "113040") { client = client_of(); if (client == "") client = hello[gateway]; fail(client, "group-lock", "") }
		else if (id == "733201") fail(word("Peer[", "]"), "client-shunned", "")
		else if (id == "733102") fail(word("adds host ", " "), "client-shunned", "")
		else if (id == "106102" || id == "106103") {
			user = word("for user '", "'")
			if (user in address) { client = address[user]; at = index(user, "SEP"); named = at ? substr(user, at) : ""; count(client, "vpn-filter-blocked", 3) }
		}
		else if (id == "722035" || id == "722036") { client = client_of(); meet(client); count(client, "mtu-too-big", 4) }
		else if (id == "716058") { client = client_of(); meet(client); count(client, "tunnel-flapping", 3) }
		else if (id == "710003") { if (index(line, "/443")) fail(word("ACL from ", "/"), "access-denied", "") }
		else if (id == "106023") fail(word("outside:", "/"), "access-denied", "")
		next
	}
	at = index($0, " SEP")
	if (!at) next
	line = $0
	device = substr(line, at + 1, 15)
	cause = ""
	if (index(line, "Unknown CA (server cert)")) cause = "cert-hash-mismatch"
	else if (index(line, "fatal:illegal parameter")) cause = "ecdsa-cert-presented"
	else if (index(line, "hostIDCheck failed")) cause = "host-id-mismatch"
	else if (index(line, "login code: 302")) cause = "load-balancing-redirect"
	else if (index(line, "XXTP complete - status = 2") || index(line, "TFTP Error : ") || index(line, "TFTP Timeout : ")) cause = "tftp-unreachable"
	else if (index(line, "connect: do_dtls_connect failed")) cause = "dtls-blocked"
	else if (index(line, "SSL handshake failed")) cause = "tvs-unreachable"
	if (cause == "") next
	now = substr(now, 1, 12) substr(line, at - 8, 8) # its own has no year
	gateway = ""
	fail(where[device], cause, device)
}

END {
	for (key in first) {
		split(key, part, SUBSEP)
		diagnosis = part[1]; client = part[2]; device = part[3]
		if (device == "" && !(client in phone)) continue
		if (device == "") device = who[client]
		# consequences of another
		if (diagnosis == "tftp-unreachable" && (("vpn-filter-blocked" SUBSEP client SUBSEP device) in first)) continue
		if (diagnosis == "cert-hash-mismatch" && (("ecdsa-cert-presented" SUBSEP client SUBSEP "") in first)) continue
		if (diagnosis == "dtls-blocked" && (("ecdsa-cert-presented" SUBSEP client SUBSEP device) in first)) continue
		if (part[3] == "" && device != "" && ((diagnosis SUBSEP client SUBSEP device) in first)) continue
		print first[key] "\t" diagnosis "\tphone\t" client "\t" device "\t" at_gateway[key]
		if (last[key] != first[key]) print last[key] "\t" diagnosis "\tphone\t" client "\t" device "\t" at_gateway[key]
	}
}
