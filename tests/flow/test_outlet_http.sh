#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Splunk's event collector, a bulk interface and a webhook, played by receiver.py, which is busy,
# slow, hangs up, loses answers, or will not have what it gets: nothing is missing, and what comes
# twice has the same id and sequence.
#
# usage: test_outlet_http.sh OUTLET_FEED
. "$(dirname "$0")/lib.sh"
. "$here/outlet.sh"

splunk_loses_nothing() {
	receiver hec "$work/out" --token secret-token --faults 503,ok,slow,ok,garbage,ok,huge
	outlet 'type: splunk' "url: http://127.0.0.1:$port" "token_file: $work/token" \
		'timeout: 700ms' 'index: netfw' 'fields: [site=hq]'
	records make 0 1500 | run_feed -
	records same "$work/out" 0 1500
	status_is refused 0
	[ "$(requests 'r["headers"]["Content-Encoding"] == "gzip"')" -ge 6 ]
	says 'status 503: Server is busy'
	! grep -rq secret-token "$work/notes" "$work/status"
}

splunk_refuses_the_bad_event_alone() {
	receiver hec "$work/out" --poison POISON
	outlet 'type: splunk' "url: http://127.0.0.1:$port" "token_file: $work/token"
	records make 0 600 --poison 137 138 599 | run_feed -
	records same "$work/out" 0 600 --refused 137 138 599
	status_is refused 3
	status_is delivered 597
}

splunk_waits_while_its_token_is_no_good() {
	receiver hec "$work/out" --faults 403,403
	outlet 'type: splunk' "url: http://127.0.0.1:$port" "token_file: $work/token"
	records make 0 300 | run_feed -
	records same "$work/out" 0 300
	status_is refused 0
	says 'status 403: Invalid token'
}

splunk_waits_for_acknowledgement() {
	receiver hec "$work/out"
	outlet 'type: splunk' "url: http://127.0.0.1:$port" "token_file: $work/token" \
		'acknowledge: true'
	records make 0 100 | run_feed -
	records same "$work/out" 0 100
	[ "$(requests '"/ack?channel=" in r["path"]')" -ge 3 ]
}

bulk_loses_nothing() {
	receiver bulk "$work/out" --faults lost,ok,cut,ok,garbage,ok,huge
	outlet 'type: elasticsearch' "url: http://127.0.0.1:$port" 'timeout: 700ms' 'namespace: hq'
	records make 0 1500 | run_feed -
	records same "$work/out" 0 1500
	status_is refused 0
	grep -q '"_index": "logs-offhook.diagnosis-hq"' "$work/out"
	# Taken, and not known to be: it is told apart by its id.
	grep -q '"status": 409' "$work/out"
}

bulk_sends_again_what_was_too_much_and_that_alone() {
	receiver bulk "$work/out" --faults busy,busy,busy --poison POISON
	outlet 'type: elasticsearch' "url: http://127.0.0.1:$port"
	records make 0 400 --poison 7 8 | run_feed -
	records same "$work/out" 0 400 --refused 7 8
	status_is refused 2
	grep -q '"status": 429' "$work/out"
	! grep -q '"status": 409' "$work/out"
	says 'document_parsing_exception'
}

webhook_loses_nothing() { # BODY FORMAT FAULTS
	receiver webhook "$work/out" --faults "$3"
	outlet 'type: webhook' "url: http://127.0.0.1:$port/hook" 'timeout: 700ms' "body: $1" \
		"format: $2" 'headers: ["X-Site: hq"]' 'compress: true'
	records make 0 1000 | run_feed -
	records same "$work/out" 0 1000
	[ "$(requests 'r["headers"]["X-Site"] != "hq"')" = 0 ]
	[ "$(requests 'r["headers"]["X-Offhook-First"] == "0000000000000000:1"')" -ge 1 ]
}

# Left alone as long as it asks for; and where it points to is not gone to.
webhook_sends_away() {
	receiver webhook "$work/out" --faults 429,301
	outlet 'type: webhook' "url: http://127.0.0.1:$port/hook"
	records make 0 10 | run_feed -
	records same "$work/out" 0 10
	says 'status 429'
	[ "$(requests 'r["path"] != "/hook"')" = 0 ]
	python3 - "$work/out.requests" <<-'PYTHON'
		import json, sys
		at = [json.loads(line)["at"] for line in open(sys.argv[1])]
		if at[1] - at[0] < 1:
		    sys.exit("came again after %f s" % (at[1] - at[0]))
	PYTHON
}

try splunk_loses_nothing
try splunk_refuses_the_bad_event_alone
try splunk_waits_while_its_token_is_no_good
try splunk_waits_for_acknowledgement
try bulk_loses_nothing
try bulk_sends_again_what_was_too_much_and_that_alone
try webhook_loses_nothing array offhook deaf,ok,lost,ok,huge
try webhook_loses_nothing lines ecs slow,ok,cut,ok,503
try webhook_sends_away
finish
