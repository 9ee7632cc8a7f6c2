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
while [ $# -gt 1 ]; do
	case $1 in
	--tunnels) tunnels=$2 ;;
	--window) window=$2 ;;
	*) break ;;
	esac
	shift 2
done
[ $# -eq 0 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }

here=$(cd "$(dirname "$0")/../.." && pwd)
out=$here/${O:-build}
work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-bench.XXXXXX")
a=bench-a-$$
b=bench-b-$$
server=192.0.2.2
pids=()

die()
{
	echo "bench_ike: $*" >&2
	exit 1
}

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
	ip netns del "$a" 2>/dev/null || true
	ip netns del "$b" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# wait_for WHAT COMMAND...: for at most 20 s
wait_for()
{
	local what=$1 left=400

	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || die "$what did not happen: $(tail -n 3 "$work"/*.log 2>/dev/null)"
		sleep 0.05
	done
}

make_network()
{
	ip netns add "$a"
	ip netns add "$b"
	ip -n "$a" link add eth0 type veth peer name eth0 netns "$b"
	ip -n "$a" addr add 192.0.2.1/24 dev eth0
	ip -n "$b" addr add $server/24 dev eth0
	for ns in "$a" "$b"; do
		ip -n "$ns" link set lo up
		ip -n "$ns" link set eth0 up
	done
	# Every initiator has an address of its own: all of 10/8 is the generator's.
	ip -n "$a" route add local 10.0.0.0/8 dev lo
	ip -n "$b" route add 10.0.0.0/8 via 192.0.2.1
}

start_keyd()
{
	(
		umask 077
		cat >"$work/keyd.conf" <<-END
			cookie threshold 65536
			half-open 65536
			peer any {
				psk "correct horse battery staple"
				ike aes128gcm16-prfsha256-x25519
				esp aes128gcm16-x25519
				lifetime ike 24h, child 24h
				dpd off
			}
		END
	)
	ip netns exec "$b" "$out/bin/keyd" -q -f "$work/keyd.conf" --backend fake --run-dir "$work/run" >"$work/keyd.log" 2>&1 &
	pids+=($!)
	keyd=$!
	wait_for "keyd's start" grep -q ready: "$work/keyd.log"
	read -ra roles <"/proc/$keyd/task/$keyd/children" || [ ${#roles[@]} -gt 0 ]
}

# role_name PID
role_name()
{
	local title

	IFS= read -r -d '' title <"/proc/$1/cmdline" || true
	echo "${title#keyd: }"
}

# cpu_us PID: user and system time since its start; the clock of /proc has a hundredth of a second
cpu_us()
{
	local stat

	stat=$(<"/proc/$1/stat")
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	echo $(((${12} + ${13}) * 10000))
}

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
	local name=$1 answer pid
	declare -A before=() after=()

	sample before cpu_us
	echo "$name" >&"${generator[1]}"
	read -r -t 600 -u "${generator[0]}" -a answer || die "the generator ended: $(tail -n 3 "$work/load.log")"
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
start_keyd

crypto=$("$out/tests/bench/floor" crypto "$tunnels")
echo=$(ip netns exec "$a" "$out/tests/bench/floor" echo $server 7 "$tunnels")

coproc generator { exec ip netns exec "$a" "$out/tests/bench/load" $server 10.0.0.1 "$tunnels" "$window" 2>"$work/load.log"; }
pids+=("$generator_PID")
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
