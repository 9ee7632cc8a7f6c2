#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The gap meter's netlink family: who may read, and what it does with requests that break its rules. GAPLESS_SEED= repeats a run, GAPLESS_COUNT= makes it long.
# timeout: 180

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/lib.sh"

# Without any capability
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --ambient-caps=-all --bounding-set=-all)

# refused COMMAND…: it says why, and does not go on
refused()
{
	local out rc

	out=$(ip netns exec alice timeout 10 "$@" 2>&1)
	rc=$?
	[ "$rc" != 0 ] && [ "$rc" != 124 ] && grep -qi "permi" <<<"$out" || { echo "exit $rc: $out" && false; }
}

# clear NETWORK: packets in clear of alice's path to it
clear()
{
	gaps alice | sed 's/.*"paths"://; s/"spis":.*//; s/{"policy"/\n{"policy"/g; s/{"local"/\n{"local"/g' | grep "192.0.2.1/32 $1 " | field clear
}

hosts
module ipsec_gap
[ -n "$(gaps alice)" ] || skip_all "keydctl is not there"
ip -n alice xfrm monitor acquire >"$work/monitor" 2>&1 &
spawned+=($!)
policy add 192.0.2.1/32 192.0.2.2/32
pings 1
sa alice 192.0.2.1 192.0.2.2 0x1001
pings 1
sa bob 192.0.2.2 192.0.2.1 0x1002
ip -n bob xfrm policy add dir out src 192.0.2.2/32 dst 192.0.2.1/32 tmpl proto esp reqid 5 mode transport
ip netns exec bob ping -q -c 2 -i 0.1 -W 0.1 192.0.2.1 >/dev/null
check "there is something to read" until_true 20 has_event alice gap

check "nobody reads what there is" refused "${nobody[@]}" "$keydctl" gaps
check "nor what comes" refused "${nobody[@]}" "$keydctl" gaps --watch
check "nor /proc/net/ipsec_gap" refused "${nobody[@]}" cat /proc/net/ipsec_gap
if unshare -Urn true 2>/dev/null; then
	check "nor the root of another user namespace" refused "${nobody[@]}" unshare -Ur "$keydctl" gaps
	check "who listens there hears nothing" refused "${nobody[@]}" unshare -Ur "$keydctl" gaps --watch
	check "but that of its own network" "${nobody[@]}" unshare -Urn "$keydctl" gaps
	is "which is another" "$("${nobody[@]}" unshare -Urn "$keydctl" --json gaps | grep -c 192.0.2)" 0
else
	echo "# no user namespaces here"
fi

# 300 paths, of which those go that were told first, and so many more that these are no longer kept: all others are told, and once.
ask=$here/gap_ask
[ -x "$ask" ] || ask=${O:-build}/kmod/selftest/gap_ask
if [ -x "$ask" ]; then
	for ((i = 1; i <= 300; i++)); do
		echo "xfrm policy add dir out src 192.0.2.1 dst 10.3.$((i / 100)).$((i % 100)) tmpl proto esp reqid 6 mode transport"
	done >"$work/add"
	{ head -n 20 "$work/add" && tail -n 100 "$work/add"; } | sed 's/ add / delete /; s/ tmpl.*//' >"$work/delete"
	sed '1,20d' "$work/add" | head -n 180 | sed 's/.*dst \([^ ]*\).*/\1/' | sort >"$work/stay"
	ip -n alice -b "$work/add"
	ip netns exec alice "$ask" paths "ip -b $work/delete" | grep '^10[.]3[.]' >"$work/told"
	is "a dump tells all that stay" "$(sort -u "$work/told" | comm -13 - "$work/stay" | wc -l)" 0
	is "and nothing twice" "$(sort "$work/told" | uniq -d | wc -l)" 0
	is "/proc/net/ipsec_gap has them all" "$(ip netns exec alice sed -n 's/.* \(10[.]3[.][0-9.]*\) [1-9].*/\1/p' /proc/net/ipsec_gap | sort | comm -13 - "$work/stay" | wc -l)" 0
	sed 's/ add / delete /; s/ tmpl.*//' "$work/add" | ip -n alice -force -b - 2>/dev/null
	ip -n alice xfrm policy add dir out src 192.0.2.1 dst 10.3.128.0/17 tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 7 mode tunnel
	ip -n alice xfrm policy delete dir out src 192.0.2.1 dst 10.3.128.0/17
	ip -n alice route add 10.3.0.0/16 via 192.0.2.2
	pings 2 10.3.0.1
	pings 3 10.3.200.1
	is "the first of 300 whose policies go is looked at for packets in clear" "$(clear 10.3.0.1/32)" 2
	is "and a whole network" "$(clear 10.3.128.0/17)" 3
else
	echo "# $ask is not there: make lab-programs"
fi

fuzz=$here/gap_fuzz
[ -x "$fuzz" ] || fuzz=${O:-build}/kmod/selftest/gap_fuzz
if [ -x "$fuzz" ]; then
	ip netns exec alice "$fuzz" "$seed" "$(fewer 20000)" >"$work/fuzz"
	while IFS= read -r line; do
		case $line in
		"ok "*) ok "${line#ok * - }" ;;
		"not ok "*) not_ok "${line#not ok * - }" ;;
		esac
	done <"$work/fuzz"
	check "it came to its end" grep -q '^1\.\.' "$work/fuzz"
else
	echo "# $fuzz is not there: make lab-programs"
fi
check "no words of the kernel" kernel_is_clean
finish
