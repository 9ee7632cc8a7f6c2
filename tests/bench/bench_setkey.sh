#!/bin/bash
# SPDX-License-Identifier: MIT
# What setkey takes to load, dump and delete policies or SAs, beside "ip -batch" doing the same: "make bench-setkey".
#
# usage: tests/bench/bench_setkey.sh [--sizes "10000 100000"] [--runs 5] policies|sas...
#
# In each run the tools take turns, each in a network namespace of its own. Both must leave the same behind as "ip xfrm"
# reads it, else there is no result. Writing the files they read is not part of what is measured. Only root may do all
# that; SAs need a kernel with ESP. O=DIR is where setkey and measure were built.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${O:-$here/../../build}" && pwd)
sizes="10000 100000"
runs=5
setkey=$build/bin/setkey
export LC_ALL=C

die()
{
	echo "bench-setkey: $*" >&2
	exit 1
}

# write_scripts KIND N
write_scripts()
{
	local form step

	for form in setkey ip; do
		for step in load delete; do
			awk -v kind="$1" -v form=$form -v step=$step -v n="$2" -f "$here/setkey_scripts.awk" >"$work/$form-$step"
		done
	done
	rm -f "$work/state"
}

# The tools that are there: setkey with each of its backends, and ip.
tools_here()
{
	local backend

	for backend in xfrm pfkey; do
		! unshare -n "$setkey" --backend $backend -DP >/dev/null 2>&1 || echo setkey-$backend
	done
	echo ip
}

# command_of KIND TOOL STEP: sets cmd; fails where the tool has no such thing
command_of()
{
	cmd=("$setkey" --backend "${2#setkey-}")
	case $2-$3 in
	ip-load | ip-delete) cmd=(ip -batch "$work/$2-$3") ;;
	ip-dump) cmd=(ip xfrm "$(object "$1")") ;;
	ip-*) return 1 ;;
	*-load | *-delete) cmd+=(-k -f "$work/setkey-$3") ;;
	*-dump) cmd+=("$(flag "$1")") ;;
	*-json) cmd+=("$(flag "$1")" -j) ;;
	esac
}

# What ip xfrm calls KIND.
object()
{
	if [ "$1" = sas ]; then echo state; else echo policy; fi
}

# setkey's flag to dump KIND.
flag()
{
	if [ "$1" = sas ]; then echo -D; else echo -DP; fi
}

# all_there KIND N TOOL: N of them, and those that the first tool loaded
all_there()
{
	local count

	ip xfrm "$(object "$1")" >"$work/now"
	count=$(grep -c '^src' "$work/now" || :)
	[ "$count" = "$2" ] || die "$3 loaded $count of $2 $1"
	if [ ! -e "$work/state" ]; then
		sort "$work/now" | md5sum >"$work/state"
		echo "$3" >"$work/first"
	elif [ ! -e "$work/state-$3" ]; then
		sort "$work/now" | md5sum | cmp -s - "$work/state" || die "$3 and $(cat "$work/first") loaded different $1"
		touch "$work/state-$3"
	fi
}

# Who comes first shall not pay for reading the programs from the disk.
warm_up()
{
	"$build/tests/bench/measure" "$setkey" -V >/dev/null
	"$build/tests/bench/measure" ip -V >/dev/null
}

# one_tool KIND N TOOL: all steps, in the namespace that we are in; a line "KIND N STEP TOOL USER SYSTEM WALL RSS" for each
one_tool()
{
	local step cmd taken

	for step in load dump json delete; do
		command_of "$1" "$3" $step || continue
		taken=$("$build/tests/bench/measure" "${cmd[@]}") || die "$3 failed to $step $2 $1"
		echo "$1 $2 $step $3 $taken"
		[ $step != load ] || all_there "$1" "$2" "$3"
	done
	[ -z "$(ip xfrm "$(object "$1")" | head -n 1)" ] || die "$3 left some $1 behind"
}

if [ "${1-}" = --one ]; then
	shift
	one_tool "$@"
	exit
fi

while [ $# -gt 0 ]; do
	case $1 in
	--sizes) sizes=$2 && shift 2 ;;
	--runs) runs=$2 && shift 2 ;;
	*) break ;;
	esac
done
[ "$(id -u)" = 0 ] || die "only root may make network namespaces and change what is in them"
[ $# -gt 0 ] || die "policies or sas? (see the head of this file)"
work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
export work
how="$runs runs, medians"
if [ "${LAB_INSIDE-}" = vm ] && [ -n "${LAB_COUNT-}" ]; then
	runs=1 # they would not differ
	how="instructions counted, 2 ns each"
fi
warm_up
mapfile -t tools < <(tools_here)
for kind; do
	[[ $kind = policies || $kind = sas ]] || die "$kind is neither policies nor sas"
	for n in $sizes; do
		write_scripts "$kind" "$n"
		for ((run = 1; run <= runs; run++)); do
			for tool in "${tools[@]}"; do
				echo "bench-setkey: $n $kind, run $run of $runs: $tool" >&2
				unshare -n "$0" --one "$kind" "$n" "$tool" >>"$work/taken"
			done
		done
	done
	awk -v title="$kind, Linux $(uname -r): $how" -f "$here/setkey_table.awk" "$work/taken"
	rm "$work/taken"
done
