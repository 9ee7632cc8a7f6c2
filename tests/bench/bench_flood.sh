#!/bin/bash
# SPDX-License-Identifier: MIT
# A flood of first requests natively, at a rate that an emulated machine does not reach: do the tunnels that are there still rekey?
#
# usage: tests/bench/bench_flood.sh [--rate N] [--rounds N] [--tunnels N]
#
# IKE_SA_INIT requests from 131,072 forged addresses, half of them on each of IKE's ports, RATE of them a second in all. Before
# it, and under it, each tunnel's child and then its IKE SA are rekeyed by the generator, as often as there are rounds. Fails
# when a tunnel had to be set up again or a role died.

set -euo pipefail

rate=100000
rounds=3
tunnels=500
# shellcheck source=tests/bench/ike.sh
. "$(dirname "$0")/ike.sh"
options "rate rounds tunnels" "$@"
mallory=bench-m-$$
floods=()

# stat_of WORD: of keyd's statistics
stat_of()
{
	"$out/bin/keydctl" --socket "$work/run/keyd.sock" --json stats | "$out/tests/json" "$1"
}

flood_felt()
{
	[ "$(stat_of cookies_asked)" -gt 0 ]
}

# sent: packets of the flood so far
sent()
{
	ip netns exec "$mallory" cat /sys/class/net/eth0/statistics/tx_packets
}

# rekeys NAME: so many rounds of them; prints a line
rekeys()
{
	local i kind ticks=0 wall=0 resent=0 pid

	for pid in "${roles[@]}"; do [ "$(role_name "$pid")" != ike ] || break; done
	ticks=$(cpu_us "$pid")
	for ((i = 0; i < rounds; i++)); do
		for kind in child ike; do
			phase "$kind"
			wall=$((wall + answer[3]))
			resent=$((resent + answer[4]))
		done
	done
	printf '%-10s %7d %12d %12.0f %10.0f%%\n' "$1" $((2 * rounds * tunnels)) "$resent" $((2 * rounds * tunnels * 1000000 / wall)) \
		$((($(cpu_us "$pid") - ticks) * 100 / wall))
}

make_network
ip netns add "$mallory"
namespaces+=("$mallory")
ip -n "$mallory" link add eth0 type veth peer name eth1 netns "$b"
ip -n "$mallory" addr add 198.51.100.66/24 dev eth0
ip -n "$b" addr add 198.51.100.2/24 dev eth1
ip -n "$mallory" link set eth0 up
ip -n "$b" link set eth1 up
ip -n "$b" route add 198.18.0.0/15 via 198.51.100.66
start_keyd
start_load "$tunnels" 16
phase setup

echo "           rekeyed  sent again    rekeys/s   ike role"
rekeys quiet
for port in 500 4500; do
	ip netns exec "$mallory" "$out/tests/flood" 600 $((rate / 2)) 198.18.0.0 15 198.51.100.2 $port >"$work/flood.$port" &
	pids+=($!)
	floods+=($!)
done
wait_for "the flood" flood_felt
began=${EPOCHREALTIME/./}
before=$(sent)
rekeys flooded
after=$(sent)
spent=$((${EPOCHREALTIME/./} - began))
kill "${floods[@]}"
asked=$(stat_of cookies_asked)
again=$(($(stat_of ike_up) - tunnels))
died=$(grep -c 'a role died' "$work/keyd.log" || true)
echo
echo "$(((after - before) * 1000000 / spent)) initial requests a second for $((spent / 1000)) ms; $asked of them were asked for a cookie"
echo "of $tunnels tunnels $again had to be set up again, and $died roles died"
[ "$again$died" = 00 ]
