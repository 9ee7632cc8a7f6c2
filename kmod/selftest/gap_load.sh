#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The gap meter comes and goes under traffic, rekeys, listeners and dying namespaces, and the kernel has nothing to say about it.
# GAPLESS_SECONDS (default 20): for how long
# timeout: 900

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=${GAPLESS_SECONDS:-20}
loads=0 churned=0

# Both ways, and a peer's SAs that come and go: known and unknown SPIs, gaps, switches, packets in clear
rekeys()
{
	local spi=$((0x3000))

	while :; do
		sleep 0.2	# traffic between two of them
		spi=$((spi + 1))
		pair 192.0.2.1 192.0.2.2 $spi limit time-hard 3
		[ $((spi % 5)) != 0 ] || ip -n alice xfrm state flush
		[ $((spi % 7)) != 0 ] || ip -n bob xfrm state flush
		if [ $((spi % 11)) = 0 ]; then
			ip -n alice xfrm policy flush
			policy add 192.0.2.1/32 192.0.2.2/32
		fi
	done
}

# A namespace that ends with all it has while the module looks at it; who listens there is the last to go.
churn()
{
	local listener

	ip netns add carol
	ip -n carol link set lo up
	ip netns exec carol "$keydctl" gaps --watch >/dev/null 2>&1 &
	listener=$!
	ip -n carol xfrm policy add dir out src 127.0.0.1/32 dst 127.0.0.2/32 tmpl proto esp reqid 5 mode transport
	sa carol 127.0.0.1 127.0.0.2 0x4001 limit time-hard 1
	ip netns exec carol ping -q -c 2 -i 0.1 -W 0.1 127.0.0.2 >/dev/null
	ip netns del carol
	{ kill $listener && wait $listener; } 2>/dev/null
	churned=$((churned + 1))
}

hosts
module ipsec_gap
policy add 192.0.2.1/32 192.0.2.2/32
ip netns exec alice ping -q -i 0.01 192.0.2.2 >/dev/null 2>&1 &
spawned+=($!)
rekeys 2>/dev/null &
spawned+=($!)
end=$((SECONDS + seconds))
while [ "$SECONDS" -lt "$end" ] || [ "$loads" = 0 ]; do
	ip netns exec alice "$keydctl" gaps --watch >/dev/null 2>&1 &
	listener=$!
	churn
	gaps alice >/dev/null
	ip netns exec alice cat /proc/net/ipsec_gap >/dev/null
	rmmod ipsec_gap || break
	module ipsec_gap
	loads=$((loads + 1))
	churn
	{ kill $listener && wait $listener; } 2>/dev/null
done
echo "# $loads times unloaded and loaded again, $churned namespaces, $(sent) packets sent, in $seconds s"
check "it was unloaded each time" [ "$loads" -ge 1 ]
check "packets went on" [ "$(sent)" -ge 20 ]
check "it still counts" until_true 20 eval '[ -n "$(gaps alice)" ] && gaps alice | grep -q "\"type\":\"gap\""'
hosts_gone
check "it goes" rmmod ipsec_gap
check "no words of the kernel" kernel_is_clean
finish
