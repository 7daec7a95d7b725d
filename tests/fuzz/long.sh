#!/bin/sh
# long.sh BUILD [SECONDS [TARGET]...]
#
# Runs the fuzz targets of a build folder (CC=clang-14 meson setup BUILD -Dfuzz=true -Dallocator=libc)
# for SECONDS each (600), one after the other; all of them unless TARGETs are named (message, rules ...).
# What they learn is kept in BUILD/corpus/TARGET and built upon by the next run; an input that crashes
# stands in BUILD/crashes. Run such a one again by
#
#   BUILD/tests/fuzz/fuzz_TARGET BUILD/crashes/TARGET-crash-...
#
# Once mended, it belongs into tests/data/fuzz/TARGET, where every test run tries it again.
# JOBS=N in the environment runs N of each at once.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] && [ -d "$1/tests/fuzz" ] || {
	sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
build=$(cd "$1" && pwd)
seconds=${2:-600}
[ $# -ge 2 ] && shift 2 || shift 1
[ $# -ge 1 ] || set -- capture config datagram event message replay request rules
mkdir -p "$build/crashes"
failed=0
for target in "$@"; do
	case $target in
	event | message | replay) dictionary=message ;;
	*) dictionary=$target ;;
	esac
	[ -f "$here/$dictionary.dict" ] && dictionary=-dict=$here/$dictionary.dict || dictionary=
	mkdir -p "$build/corpus/$target"
	echo "== $target"
	# shellcheck disable=SC2086
	"$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$build/crashes/$target-" \
		${JOBS:+-fork=$JOBS} $dictionary \
		"$build/corpus/$target" "$here/../data/fuzz/$target" 2>"$build/crashes/$target.log" || failed=1
	tail -n 12 "$build/crashes/$target.log"
done
exit $failed
