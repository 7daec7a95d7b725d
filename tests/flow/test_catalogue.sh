#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A capture with every failure of the catalogue in, JSON out, against tests/data/catalogue.json; and the
# same whatever the form of the input. usage: test_catalogue.sh OFFHOOK CAPTURE_OF
#
# After a change that is meant: offhook replay --json --stats tests/data/catalogue.pcap, and read the
# difference line by line before it becomes the golden file.
. "$(dirname "$0")/lib.sh"
offhook=$(readlink -f "$1")
capture_of=$(readlink -f "$2")
data=$(readlink -f "$here/../data")
trap 'rm -rf "$work"' EXIT

replay() {
	"$offhook" replay --json --stats --rules "$here/../../rules/pack" "$@"
}

same() { # GOLDEN GOT
	diff "$1" "$2" >"$work/diff" || {
		cut -c 1-400 "$work/diff"
		return 1
	}
}

# How often a diagnosis was told, and which worker did what, hangs on the number of workers.
diagnoses_alone() {
	grep '"type":"diagnosis"' "$1" | sed 's/"sequence":[0-9]*,//'
}

capture_is_what_its_script_says() {
	"$capture_of" "$data/catalogue.script" "$work/made.pcap"
	cmp "$work/made.pcap" "$data/catalogue.pcap"
}

capture_gives_the_golden_diagnoses() {
	replay "$data/catalogue.pcap" >"$work/got"
	same "$data/catalogue.json" "$work/got"
}

gzip_and_standard_input_give_the_same() {
	gzip -c "$data/catalogue.pcap" >"$work/catalogue.pcap.gz"
	replay "$work/catalogue.pcap.gz" >"$work/got"
	same "$data/catalogue.json" "$work/got"
	replay - <"$data/catalogue.pcap" >"$work/got"
	same "$data/catalogue.json" "$work/got"
}

two_halves_of_a_capture_merge_by_time() {
	python3 "$here/traffic.py" split "$data/catalogue.pcap" "$work/even.pcap" "$work/odd.pcap"
	replay "$work/odd.pcap" "$work/even.pcap" >"$work/got"
	same "$data/catalogue.json" "$work/got"
}

any_number_of_workers_gives_the_same() {
	diagnoses_alone "$data/catalogue.json" >"$work/golden"
	for n in 2 3 4; do
		replay --workers $n "$data/catalogue.pcap" | diagnoses_alone /dev/stdin >"$work/got"
		same "$work/golden" "$work/got"
	done
}

nobody_in_particular_may_replay() {
	[ "$(id -u)" = 0 ] || return 0
	cp "$data/catalogue.pcap" "$work/readable.pcap"
	cp -r "$here/../../rules/pack" "$work/pack"
	chmod -R a+rX "$work"
	setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/proc/no-such \
		"$offhook" replay --json --stats --rules "$work/pack" "$work/readable.pcap" >"$work/got"
	same "$data/catalogue.json" "$work/got"
}

# The last line of what was replayed; and what it must hold, whatever else it says.
ledger_of() { # GOT [WANTED]
	python3 - "$@" <<-'PYTHON'
		import json, sys
		stats = json.loads(open(sys.argv[1]).readlines()[-1])
		assert stats["type"] == "stats"
		assert stats["packets"] == stats["datagrams"] + stats["fragments_merged"] + sum(stats["dropped"].values())
		assert stats["messages"] == sum(stats["by_source"].values())
		assert sum(stats["asa_codes"].values()) == stats["by_source"]["asa"]
		assert sum(stats["events"].values()) >= stats["messages"] - stats["unmatched"]
		for name, value in (json.load(open(sys.argv[2])) if sys.argv[2:] else {}).items():
		    got = stats[name]
		    if isinstance(got, dict):
		        got = {reason: n for reason, n in got.items() if n}
		        value = {reason: n for reason, n in value.items() if n}
		    assert got == value, f"{name} is {got}, not {value}"
	PYTHON
}

ledger_adds_up() {
	replay "$data/catalogue.pcap" >"$work/got"
	ledger_of "$work/got"
	for n in 2 3; do
		replay --workers $n "$data/catalogue.pcap" >"$work/got"
		ledger_of "$work/got"
	done
}

ledger_adds_up_with_packets_of_every_fate() {
	python3 "$here/traffic.py" broken "$work/broken.pcap" >"$work/wanted"
	replay "$work/broken.pcap" >"$work/got"
	ledger_of "$work/got" "$work/wanted"
	for n in 2 3; do
		replay --workers $n "$work/broken.pcap" >"$work/got"
		ledger_of "$work/got"
	done
	# Beside another capture.
	replay "$data/catalogue.pcap" "$work/broken.pcap" >"$work/got"
	ledger_of "$work/got"
}

# Each line is a packet, an empty one too.
ledger_of_a_text_log_adds_up() {
	printf '%s\n' 'Nov 21 10:19:27 fw1 : %ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.1/9' \
		'' '   ' 'SEP8CB64F576113 3: ERR 10:00:00.3 VPNC: hostIDCheck failed!!' 'anything else' >"$work/log"
	echo '{"packets": 5, "datagrams": 3, "fragments_merged": 0, "messages": 3,
		"by_source": {"asa": 1, "phone": 1, "other": 1}, "dropped": {"empty": 2}}' >"$work/wanted"
	replay "$work/log" >"$work/got"
	ledger_of "$work/got" "$work/wanted"
}

languages_differ_only_in_words() {
	for lang in zh-TW ko; do
		replay --lang $lang "$data/catalogue.pcap" >"$work/$lang"
		python3 - "$data/catalogue.json" "$work/$lang" <<-'PYTHON'
			import json, re, sys
			def commands(remedy):
			    return [line for line in remedy.split("\n") if line.startswith("    ")]
			for english, other in zip(open(sys.argv[1]), open(sys.argv[2]), strict=True):
			    english, other = json.loads(english), json.loads(other)
			    if english["type"] == "diagnosis":
			        assert english["title"] != other["title"], english["title"]
			        assert english["remedy"] != other["remedy"], english["title"]
			        # what is to be typed is the same, and stands on lines of its own
			        assert commands(english["remedy"]) == commands(other["remedy"]), english["title"]
			        for line in (english["remedy"] + "\n" + other["remedy"]).split("\n"):
			            assert line.startswith("     ") or not re.search(
			                r"\b(show (run|ssl|vpn-sessiondb)|crypto ca |test aaa-server|vpn-sessiondb logoff)", line), line
			    for words in ("title", "remedy"):
			        english.pop(words, None), other.pop(words, None)
			    assert english == other
		PYTHON
	done
}

# Users are typed by strangers, remedies are pasted into a firewall. A user whom the ASA hides (*****) is
# the one who is known at the address.
remedy_is_safe_to_paste() {
	rejected='%ASA-6-113005: AAA user authentication Rejected : reason = Account has been locked out : server = 10.1.1.20'
	n=1
	for user in 'plain.user' 'two words' 'a | redirect tftp://198.51.100.9/x' "$(printf 'a\033[2Jb')" \
		'say "no"' 'what?' 'CORP\jdoe' '*****' 'zero​width'; do
		printf '%%ASA-6-722055: Group <GP> User <x> IP <203.0.113.%d> Client Type: Cisco SVC IPPhone Client v1.0 (1.0)\n' $n
		printf '%s : user = %s : user IP = 203.0.113.%d\n' "$rejected" "$user" $n
		n=$((n + 1))
	done >"$work/log"
	replay "$work/log" | python3 -c '
import json, sys
typed = []
for line in sys.stdin:
    told = json.loads(line)
    if told["type"] == "diagnosis":
        typed += [l.strip() for l in told["remedy"].split("\n") if " lockout username " in l]
for line in typed:
    print(line)' >"$work/typed"
	sort "$work/typed" | uniq -c | sed 's/^ *//' >"$work/got"
	cat >"$work/wanted" <<-'TYPED'
		1 clear aaa local user lockout username "two words"
		5 clear aaa local user lockout username <user>
		1 clear aaa local user lockout username CORP\jdoe
		1 clear aaa local user lockout username plain.user
		1 clear aaa local user lockout username x
	TYPED
	sort -k 2 "$work/wanted" >"$work/sorted" && sort -k 2 "$work/got" | diff "$work/sorted" -
}

run capture_is_what_its_script_says
run capture_gives_the_golden_diagnoses
run gzip_and_standard_input_give_the_same
run two_halves_of_a_capture_merge_by_time
run any_number_of_workers_gives_the_same
run nobody_in_particular_may_replay
run ledger_adds_up
run ledger_adds_up_with_packets_of_every_fate
run ledger_of_a_text_log_adds_up
run languages_differ_only_in_words
run remedy_is_safe_to_paste
finish
