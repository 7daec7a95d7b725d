#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What the README teaches: its rules are added to the shipped pack, pass their own examples, and find
# what they are for. usage: test_readme.sh OFFHOOK
. "$(dirname "$0")/lib.sh"
offhook=$(readlink -f "$1")
root=$(readlink -f "$here/../..")
trap 'rm -rf "$work"' EXIT

rules_of_the_readme_are_right() {
	cp -r "$root/rules/pack" "$work/rules"
	awk -v to="$work/rules/site" '/^```yaml$/ { text = ""; inside = 1; next }
		/^```$/ { if (inside && text ~ /(^|\n)(messages|alerts):/) printf "%s", text >(to n++ ".yaml"); inside = 0 }
		inside { text = text $0 "\n" }' "$root/README.md"
	grep -q '^diagnoses:' "$work/rules/site0.yaml" "$work/rules/site1.yaml"
	grep -q '^alerts:' "$work/rules/site0.yaml" "$work/rules/site1.yaml"
	"$offhook" rules check "$work/rules"
	"$offhook" rules test "$work/rules" | grep -q ' passed, 0 failed$'
	echo 'SEP00A1B2C3D4E5 911: ERR 10:19:27.4 VPNC: do_login: cannot resolve host <vpn.example.org>' |
		"$offhook" replay --json --rules "$work/rules" - >"$work/got"
	grep -q '"diagnosis":"gateway-name-not-resolved"' "$work/got"
	grep -q 'DNS server of the remote site for vpn.example.org' "$work/got"
}

run rules_of_the_readme_are_right
finish
