#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Debian's rsyslog and syslog-ng receive what offhookd sends, in each format, over UDP, TCP and TLS; a receiver that is
# killed under load misses nothing; a certificate of the wrong name or of a foreign CA is refused.
# usage: test_outlet_syslog.sh OFFHOOK OFFHOOKD
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all 'needs root'
unshare -n true 2>/dev/null || skip_all 'needs network namespaces'
for tool in ip openssl python3 apt-get; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done

offhook=$(readlink -f "$1") offhookd=$(readlink -f "$2")
top=$(readlink -f "$here/../..")
peers=$top/bench/peers unpacked=$top/build/bench/debian
. "$peers/packages.sh"
ns=offhook-s-$$
formats='rfc5424 cef leef ecs'
daemon_pid='' receiver_pid='' watch_pid=''
umask 022

inside() {
	ip netns exec "$ns" "$@"
}

say() { # what the client says
	"$offhook" --socket "$work/control.sock" "$@"
}

received() {
	python3 "$here/received.py" "$@"
}

# ---- certificates ----

certify() { # CA NAME: NAME.pem and NAME.key, of that name
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$2.key" -out "$work/$2.csr" -subj "/CN=$2" 2>/dev/null
	printf 'subjectAltName=DNS:%s\n' "$2" >"$work/$2.ext"
	openssl x509 -req -in "$work/$2.csr" -CA "$work/$1.pem" -CAkey "$work/$1.key" -CAcreateserial -days 2 \
		-extfile "$work/$2.ext" -out "$work/$2.pem" 2>/dev/null
}

certificates() {
	for ca in ca foreign; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$ca.key" \
			-out "$work/$ca.pem" -days 2 -subj "/CN=$ca" 2>/dev/null
	done
	certify ca receiver.example
}

# ---- receivers: each stores what comes to a port as it came ----

# FORMAT's place in the list, for ports: udp 7000 +, tcp 7010 +, tls 7020 +
each_port() { # CALLBACK
	base=7000
	for transport in udp tcp tls; do
		i=0
		for format in $formats; do
			"$1" $transport $format $((base + i))
			i=$((i + 1))
		done
		base=$((base + 10))
	done
}

rsyslog_port() { # TRANSPORT FORMAT PORT
	tls=
	case $1 in
	udp) module=imudp ;;
	tcp) module=imtcp ;;
	tls) module=imtcp tls='StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"' ;;
	esac
	cat <<-CONFIG
		ruleset(name="r$3") { action(type="omfile" file="$work/stored/$1-$2" template="raw" fileCreateMode="0644") }
		input(type="$module" address="127.0.0.1" port="$3" ruleset="r$3" $tls)
	CONFIG
}

start_rsyslog() {
	rm -f "$work/rsyslog.pid" # of one that was killed
	{
		cat <<-CONFIG
			global(workDirectory="$work" parser.escapeControlCharactersOnReceive="off"
				DefaultNetstreamDriverCAFile="$work/ca.pem"
				DefaultNetstreamDriverCertFile="$work/receiver.example.pem"
				DefaultNetstreamDriverKeyFile="$work/receiver.example.key")
			module(load="imudp")
			module(load="imtcp")
			template(name="raw" type="string" string="%rawmsg%\n")
		CONFIG
		each_port rsyslog_port
	} >"$work/rsyslog.conf"
	ip netns exec "$ns" $rsyslogd -n -i "$work/rsyslog.pid" -f "$work/rsyslog.conf" >>"$work/receiver.log" 2>&1 &
	receiver_pid=$!
}

syslog_ng_port() { # TRANSPORT FORMAT PORT
	tls=
	[ $1 = tls ] && tls="tls(key-file(\"$work/receiver.example.key\") cert-file(\"$work/receiver.example.pem\")
		peer-verify(optional-untrusted))"
	cat <<-CONFIG
		log {
			source { syslog(ip("127.0.0.1") port($3) transport("$1") flags(no-parse) max-connections(10) $tls); };
			destination { file("$work/stored/$1-$2" template("\$MSG\n") perm(0644)); };
		};
	CONFIG
}

start_syslog_ng() {
	{
		echo '@version: 3.38'
		echo 'options { stats-freq(0); log-msg-size(65536); keep-hostname(yes); use-dns(no); };'
		each_port syslog_ng_port
	} >"$work/syslog-ng.conf"
	ip netns exec "$ns" $syslog_ng --foreground --no-caps --cfgfile="$work/syslog-ng.conf" --persist-file="$work/persist" \
		--control="$work/ctl" --pidfile="$work/syslog-ng.pid" >>"$work/receiver.log" 2>&1 &
	receiver_pid=$!
}

receiver_listens() {
	for _ in $(seq 100); do
		inside ss -Hltun 2>/dev/null | grep -q ':7023 ' && return
		kill -0 $receiver_pid 2>/dev/null || break
		sleep 0.2
	done
	echo 'the receiver does not start'
	tail -n 20 "$work/receiver.log"
	return 1
}

receiver_kill() { # SIGNAL
	kill -s "$1" $receiver_pid
	wait $receiver_pid 2>/dev/null || true
	receiver_pid=
}

# ---- the daemon ----

outlet() { # TRANSPORT FORMAT PORT
	echo "  $1-$2: {type: syslog, records: diagnoses, transport: $1, format: $2, address: \"127.0.0.1:$3\"$([ $1 != tls ] ||
		echo ", ca_file: $work/ca.pem, server_name: receiver.example")}"
}

daemon_start() { # its outlets come from stdin
	{
		cat <<-CONFIG
			listen: {port: lo, driver: af_packet}
			ports: [5514]
			rules: $top/rules/pack
			cache: $work/cache
			socket: $work/control.sock
			history: $work/history
			clients: 20000
			outlets:
		CONFIG
		cat
	} >"$work/offhook.yaml"
	ip netns exec "$ns" "$offhookd" -c "$work/offhook.yaml" 2>"$work/notes" &
	daemon_pid=$!
	for _ in $(seq 200); do
		say status >/dev/null 2>&1 && break
		kill -0 $daemon_pid 2>/dev/null || break
		sleep 0.2
	done
	say status >/dev/null || {
		echo "offhookd does not start: $(cat "$work/notes")"
		return 1
	}
	say watch --json >"$work/watched" &
	watch_pid=$!
	sleep 0.3
}

# A daemon whose threads race ends with another code, under ThreadSanitizer.
daemon_stop() {
	kill $daemon_pid
	wait $daemon_pid
	daemon_pid=
}

case_end() {
	for pid in $watch_pid $daemon_pid $receiver_pid; do
		kill "$pid" 2>/dev/null || true
	done
	wait
	ip netns del "$ns" 2>/dev/null || true
}

net_up() {
	ip netns add "$ns"
	ip -n "$ns" link set lo up
	rm -rf "$work/stored" "$work/persist" "$work/history"
	mkdir "$work/stored"
	: >"$work/receiver.log"
}

# Until all that was sent is told.
told() { # STATES
	for _ in $(seq 100); do
		[ "$(wc -l <"$work/watched")" -ge "$1" ] && break
		sleep 0.2
	done
	[ "$(received count "$work/watched")" = "$1" ]
}

# Until all that was told is stored; what has come twice makes the lines more.
arrives() { # FORMAT FILE...
	format=$1
	shift
	for _ in $(seq 60); do
		[ "$(cat "$@" 2>/dev/null | wc -l)" -ge "$(received count "$work/watched")" ] &&
			received same "$work/watched" "$format" "$@" >/dev/null 2>&1 && break
		sleep 0.2
	done
	received same "$work/watched" "$format" "$@" || {
		grep outlet "$work/notes"
		tail -n 5 "$work/receiver.log"
		return 1
	}
}

stored_arrives() { # TRANSPORT FORMAT PORT
	arrives "$2" "$work/stored/$1-$2"
}

# ---- cases ----

each_format_arrives_over_each_transport() { # RECEIVER
	net_up
	"start_$1"
	receiver_listens
	each_port outlet >"$work/outlets"
	daemon_start <"$work/outlets"
	inside python3 "$here/received.py" send 5514 64 0
	told 64
	each_port stored_arrives
	daemon_stop
}

# While it is stopped its kernel takes and acknowledges what it never reads: that dies with it.
a_killed_receiver_misses_nothing() { # RECEIVER
	net_up
	"start_$1"
	receiver_listens
	each_port outlet | grep -E ' (tcp-ecs|tls-rfc5424|tls-cef):' >"$work/outlets"
	daemon_start <"$work/outlets"
	ip netns exec "$ns" python3 "$here/received.py" send 5514 1500 0 &
	sender=$!
	for _ in 1 2; do
		sleep 0.2
		kill -s STOP $receiver_pid
		sleep 0.4
		receiver_kill KILL
		sleep 0.2
		"start_$1"
		receiver_listens
	done
	wait $sender
	told 1500
	arrives ecs "$work/stored/tcp-ecs"
	arrives rfc5424 "$work/stored/tls-rfc5424"
	arrives cef "$work/stored/tls-cef"
	daemon_stop
}

a_receiver_that_is_away_gets_all_of_it_later() { # RECEIVER
	net_up
	each_port outlet | grep -E ' (udp-leef|tcp-cef|tls-ecs):' >"$work/outlets"
	daemon_start <"$work/outlets"
	inside python3 "$here/received.py" send 5514 40 0
	told 40
	"start_$1"
	receiver_listens
	arrives leef "$work/stored/udp-leef"
	arrives cef "$work/stored/tcp-cef"
	arrives ecs "$work/stored/tls-ecs"
	daemon_stop
}

outlet_says() { # NAME TEXT
	for _ in $(seq 50); do
		grep -i "outlet $1: .*$2" "$work/notes" && return
		sleep 0.2
	done
	cat "$work/notes"
	return 1
}

a_certificate_of_another_name_or_another_ca_is_refused() {
	net_up
	start_rsyslog
	receiver_listens
	daemon_start <<-OUTLETS
		  good: {type: syslog, records: diagnoses, transport: tls, format: ecs, address: "127.0.0.1:7023", ca_file: $work/ca.pem,
		    server_name: receiver.example}
		  name: {type: syslog, records: diagnoses, transport: tls, format: cef, address: "127.0.0.1:7021", ca_file: $work/ca.pem,
		    server_name: other.example}
		  address: {type: syslog, records: diagnoses, transport: tls, format: cef, address: "127.0.0.1:7021", ca_file: $work/ca.pem}
		  ca: {type: syslog, records: diagnoses, transport: tls, format: rfc5424, address: "127.0.0.1:7020", ca_file: $work/foreign.pem,
		    server_name: receiver.example}
	OUTLETS
	inside python3 "$here/received.py" send 5514 8 0
	told 8
	arrives ecs "$work/stored/tls-ecs"
	outlet_says name 'hostname mismatch'
	outlet_says address 'ip address mismatch'
	outlet_says ca 'certificate is refused: \(self-signed\|unable to get local issuer\)'
	[ ! -s "$work/stored/tls-cef" ]
	[ ! -s "$work/stored/tls-rfc5424" ]
	daemon_stop
}

a_file_is_rotated_under_load() {
	net_up
	daemon_start <<-OUTLETS
		  lines: {type: file, records: diagnoses, path: $work/lines}
	OUTLETS
	rm -f "$work"/lines*
	kill -USR1 $daemon_pid
	ip netns exec "$ns" python3 "$here/received.py" send 5514 1000 0 &
	sender=$!
	for i in 1 2 3 4 5; do
		sleep 0.12
		mv "$work/lines" "$work/lines.$i" 2>/dev/null || true
		kill -USR1 $daemon_pid
	done
	wait $sender
	told 1000
	for _ in $(seq 30); do
		[ -e "$work/lines" ] && break
		sleep 0.2
	done
	arrives ecs "$work"/lines* >"$work/same"
	grep ' 0 twice' "$work/same"
	[ "$(stat -c %a "$work/lines")" = 640 ]
	ls "$work"/lines.? >/dev/null
	daemon_stop
}

a_line_that_a_crash_has_torn_is_ended() {
	net_up
	printf '{"torn":' >"$work/lines"
	daemon_start <<-OUTLETS
		  lines: {type: file, records: diagnoses, path: $work/lines}
	OUTLETS
	inside python3 "$here/received.py" send 5514 4 0
	told 4
	for _ in $(seq 50); do
		[ "$(wc -l <"$work/lines")" = 5 ] && break
		sleep 0.2
	done
	[ "$(head -n 1 "$work/lines")" = '{"torn":' ]
	tail -n +2 "$work/lines" >"$work/rest"
	received same "$work/watched" ecs "$work/rest"
	daemon_stop
}

install_packages iproute2 openssl libestr0 libfastjson4 libivykis0 libnet1 libwrap0 >&2
install_peers
[ -e /usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_ossl.so ] || {
	unpack rsyslog-openssl
	rsyslogd="$(echo "$rsyslogd" | cut -d' ' -f 1) -M /usr/lib/x86_64-linux-gnu/rsyslog:$unpacked/rsyslog/usr/lib/x86_64-linux-gnu/rsyslog:$unpacked/rsyslog-openssl/usr/lib/x86_64-linux-gnu/rsyslog"
}
certificates
[ $# -lt 3 ] || {
	shift 2
	run "$@"
	finish
	exit
}
for receiver in rsyslog syslog_ng; do
	run each_format_arrives_over_each_transport $receiver
	run a_killed_receiver_misses_nothing $receiver
done
run a_receiver_that_is_away_gets_all_of_it_later rsyslog
run a_certificate_of_another_name_or_another_ca_is_refused
run a_file_is_rotated_under_load
run a_line_that_a_crash_has_torn_is_ended
rm -rf "$work"
finish
