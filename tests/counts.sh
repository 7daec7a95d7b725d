# SPDX-License-Identifier: BSD-3-Clause
# Sourced by tests/run.

# rule_counts STATUS OUTPUT: "PASSED FAILED" of what `offhook rules test` said with its last line. To say
# nothing is one failure, and so is to end badly without a word of one.
rule_counts() {
	counts=$(echo "$2" | sed -n '$s/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p')
	case $1:$counts in
	*:) echo 0 1 ;;
	0:* | *' '[1-9]*) echo "$counts" ;;
	*) echo "${counts% *} 1" ;;
	esac
}
