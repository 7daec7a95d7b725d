#!/bin/sh
# run.sh PROGRAM CORPUS [OPTION]...
# Runs a fuzz target over a corpus without adding to it; what crashes is kept in the working directory.
program=$1 corpus=$2
shift 2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$program" -print_final_stats=1 -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$(basename "$program")-" "$@" \
	"$work" "$corpus"
