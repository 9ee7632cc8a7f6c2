#!/bin/bash
# SPDX-License-Identifier: MIT
# Ten times the statements take setkey about ten times the work, and not more: a file of 200,000 policies read, 100,000 loaded, shown and flushed.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/setkey.sh
. "$(dirname "$0")/../lib/setkey.sh"

host_new alice

# A policy in a line; no two for the same traffic
policies()
{
	awk -v "n=$1" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "spdadd 10.%d.%d.%d 192.0.2.%d[%d] tcp -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/unique:%d;\n",
				int(i / 65536), int(i / 256) % 256, i % 256, i % 256, i % 60000 + 1, i % 16000 + 1
	}'
}

associations()
{
	awk -v "n=$1" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "add 10.%d.%d.%d 192.0.2.2 ah 0x%x -A hmac-md5 \"0123456789abcdef\";\n",
				int(i / 65536), int(i / 256) % 256, i % 256, i + 4096
	}'
}

# cpu OPTION...: what setkey uses of the processor, in $ms
cpu()
{
	local TIMEFORMAT='%U %S'

	{ time in_host alice "$setkey" "$@" >"$work/out" 2>"$work/err" </dev/null; } 2>"$work/time"
	rc=$?
	ms=$(awk '{ print int(($1 + $2) * 1000) + 1 }' "$work/time")
}

# linear DESCRIPTION SMALL-OPTIONS -- BIG-OPTIONS: times 20 at most, as the small one is measured roughly
linear()
{
	local description=$1 small=() small_ms

	shift
	while [ "$1" != -- ]; do
		small+=("$1")
		shift
	done
	shift
	cpu "${small[@]}"
	small_ms=$ms
	empty_kernel
	cpu "$@"
	is "$description: done" "$rc $(<"$work/err")" "0 "
	note "$small_ms ms and $ms ms"
	check "$description: ten times as many take less than 20 times as long" [ "$ms" -lt $((small_ms * 20)) ]
}

# spd_count: how many policies there are, as ip has it from the kernel's own count
spd_count()
{
	in_host alice ip xfrm policy count | tr -s ' ' | cut -d' ' -f3-8
}

for n in 10000 20000 100000 200000; do
	policies $n >"$work/$n"
done
linear "read and checked" -n -f "$work/20000" -- -n -f "$work/200000"
linear "policies loaded" -f "$work/10000" -- -f "$work/100000"
is "all are there" "$(spd_count)" "IN 0 OUT 100000 FWD 0"
cpu -DP
is "and all are shown" "$rc $(grep -c refcnt "$work/out")" "0 100000"
cpu -FP
is "flushed" "$rc $(<"$work/err") $(spd_count)" "0  IN 0 OUT 0 FWD 0"

sed -i '5000s/.*/spddelete 10.99.0.0 10.99.0.1 any -P out;/' "$work/10000"
run -f "$work/10000"
is "a refusal in the middle has its line" "$rc ${err%% (*}" \
	"0 setkey: $work/10000,5000: No entry: spddelete 10.99.0.0 10.99.0.1 any -P out"
is "and the rest is there" "$(spd_count)" "IN 0 OUT 9999 FWD 0"
empty_kernel

associations 1000 >"$work/1000"
associations 10000 >"$work/10000"
linear "associations loaded" -f "$work/1000" -- -f "$work/10000"
cpu -D
is "all are shown, and the last says so" "$rc $(grep -c sadb_seq "$work/out") $(grep -c sadb_seq=0 "$work/out")" "0 10000 1"
finish
