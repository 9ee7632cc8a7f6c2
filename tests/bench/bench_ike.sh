#!/bin/bash
# SPDX-License-Identifier: MIT
# What a tunnel costs: keyd against a generator of load over two namespaces, beside OpenSSL and UDP alone in the same run.
#
# usage: tests/bench/bench_ike.sh [--tunnels N] [--window N]
#
# PSK, x25519, AES-GCM; the kernel of both sides is in memory. CPU is user and system time of all processes of a side, read
# from /proc; the datagrams' way through the kernel is in it. The floor is what tests/bench/floor.c does and no more.

set -euo pipefail

tunnels=10000
window=64
# shellcheck source=tests/bench/ike.sh
. "$(dirname "$0")/ike.sh"
options "tunnels window" "$@"

# memory_kb PID
memory_kb()
{
	awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"
}

# sample ARRAY FUNCTION: of each role
sample()
{
	local -n into=$1
	local pid

	for pid in "${roles[@]}"; do
		# shellcheck disable=SC2034,SC2004 # another name of the caller's array, whose keys are words
		into[$pid]=$("$2" "$pid")
	done
}

# one NAME: runs a phase; into phase_load (µs of the generator per tunnel) and phase_role[PID] (the same of each role)
one()
{
	local name=$1 pid
	declare -A before=() after=()

	sample before cpu_us
	phase "$name"
	sample after cpu_us
	resent=$((resent + answer[4]))
	awk -v name="$name" -v n="$tunnels" -v load="${answer[2]}" -v wall="${answer[3]}" \
		-v roles="$(for pid in "${roles[@]}"; do echo "$(role_name "$pid") $((${after[$pid]} - ${before[$pid]}))"; done)" '
		BEGIN {
			k = split(roles, line, "\n")
			for (i = 1; i <= k; i++) {
				split(line[i], f, " ")
				keyd += f[2]
				cpu[f[1]] = f[2] / n
			}
			printf "%s %.1f %.1f %.1f %.1f %.1f %.3f\n", name, load / n, keyd / n, cpu["ike"], cpu["auth"], cpu["kern"], wall / 1e6
		}' >>"$work/phases"
}

make_network
ip netns exec "$b" "$out/tests/bench/floor" serve 7 &
pids+=($!)
start_keyd "cookie threshold 65536" "half-open 65536"

crypto=$("$out/tests/bench/floor" crypto "$tunnels")
echo=$(ip netns exec "$a" "$out/tests/bench/floor" echo $server 7 "$tunnels")

start_load "$tunnels" "$window"
declare -A memory_before=() memory_after=()
resent=0
sample memory_before memory_kb
one setup
sample memory_after memory_kb
one child
one ike

echo "$tunnels tunnels, $window under way at a time, $resent datagrams sent again; microseconds of CPU for one"
echo
awk -v crypto="$crypto" -v echo="$echo" '
	BEGIN {
		split(crypto, c, " ")
		floor["setup"] = c[1] + 3 * echo
		floor["child"] = c[2] + 2 * echo
		floor["ike"] = c[3] + 2 * echo
		title["setup"] = "set up"
		title["child"] = "rekey child, PFS"
		title["ike"] = "rekey IKE SA"
		printf "%-18s %8s %8s | %9s %6s %8s %6s %6s %6s | %9s %6s | %8s\n", "", "OpenSSL", "+ UDP", "responder", "ratio",
			"of it: ike", "auth", "kern", "", "initiator", "ratio", "tunnels/s"
	}
	{
		f = floor[$1]
		printf "%-18s %8.1f %8.1f | %9.1f %6.2f %8.1f %6.1f %6.1f %6s | %9.1f %6.2f | %8.0f\n", title[$1],
			$1 == "setup" ? c[1] : $1 == "child" ? c[2] : c[3], f, $3, $3 / f, $4, $5, $6, "", $2, $2 / f, '"$tunnels"' / $7
	}' "$work/phases"
echo
for pid in "${roles[@]}"; do
	grown=$((${memory_after[$pid]} - ${memory_before[$pid]}))
	echo "memory of $(role_name "$pid"): ${memory_before[$pid]} KB, then ${memory_after[$pid]} KB: $((grown * 1024 / tunnels)) bytes a tunnel"
done
