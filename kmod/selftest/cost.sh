#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the gap meter costs: the time of ESP round trips with the module loaded as a ratio to that without it, in one run.
#
# usage: LAB_COUNT=1 tests/vm/run -- kmod/selftest/cost.sh [ROUNDS]     counted instructions: what else the machine does matters not

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=${1:-3}

# trip SIZE N: microseconds of N echoes there and back, each in ESP
trip()
{
	ip netns exec alice ping -q -f -c "$2" -s "$1" 192.0.2.2 | sed -n 's/.*time \([0-9]*\)ms/\1000/p'
}

hosts
for n in alice bob; do
	sa $n 192.0.2.1 192.0.2.2 0x1001
	sa $n 192.0.2.2 192.0.2.1 0x1002
done
policy add 192.0.2.1/32 192.0.2.2/32
ip -n bob xfrm policy add dir out src 192.0.2.2/32 dst 192.0.2.1/32 tmpl proto esp reqid 5 mode transport
for size in 56 1372; do
	with=0 without=0
	for ((i = 0; i < rounds; i++)); do
		trip $size 200 >/dev/null
		without=$((without + $(trip $size 2000)))
		module ipsec_gap
		trip $size 200 >/dev/null
		with=$((with + $(trip $size 2000)))
		rmmod ipsec_gap
	done
	awk -v s=$size -v w=$with -v o=$without -v n=$((rounds * 2000)) \
		'BEGIN { printf "%d octets: %.1f us a round trip without, %.1f us with the module: ratio %.4f\n", s, o / n, w / n, w / o }'
done
