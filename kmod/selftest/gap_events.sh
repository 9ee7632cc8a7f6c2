#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The gap meter tells each way in which keying can cost traffic, and counts right.
# timeout: 240

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/lib.sh"

a=192.0.2.1 b=192.0.2.2

# gap_is WHAT CAUSE BY HELD DROPPED: the newest gap that ended
gap_is()
{
	local e

	e=$(event alice gap)
	is "$1: cause" "$(field cause <<<"$e")" "$2"
	is "$1: by whom" "$(field by <<<"$e")" "$3"
	is "$1: held" "$(field held <<<"$e")" "$4"
	is "$1: dropped" "$(field dropped <<<"$e")" "$5"
	check "$1: times are in order" in_order "$e"
}

# A new SA cannot come after the first packet by it, nor can a packet wait longer than the gap was.
in_order()
{
	local lasted keyed waited

	lasted=$(field lasted_us <<<"$1") keyed=$(field keyed_us <<<"$1") waited=$(field waited_us <<<"$1")
	[ "$keyed" -le "$lasted" ] && [ "$waited" -le "$lasted" ] && [ "$waited" -gt 0 ] || { echo "$1" && false; }
}

# sa_of TYPE WHICH FIELD: of an SA in the newest event
sa_of()
{
	event alice "$1" | sed -n "s/.*\"$2\":{\([^}]*\)}.*/{\1}/p" | field "$3"
}

gap_number()
{
	[ "$(count alice gap)" = "$1" ]
}

# total HOST NAME: of all there has been
total()
{
	gaps "$1" | sed 's/.*"info":{//; s/}.*//' | field "$2"
}

hosts
module ipsec_gap
[ -n "$(gaps alice)" ] || skip_all "keydctl is not there"
# Somebody must listen, or the kernel asks nobody.
ip -n alice xfrm monitor acquire >"$work/monitor" 2>&1 &
spawned+=($!)
ip netns exec alice sysctl -qw net.core.xfrm_larval_drop=0 net.core.xfrm_acq_expires=$((30 * ${LAB_SLOWER:-1})) # it asks again after that
policy add "$a/32" "$b/32"
if command -v tcpdump >/dev/null; then
	ip netns exec bob tcpdump -l -n -tttt -i eth0 'esp or icmp' >"$work/wire" 2>/dev/null &
	spawned+=($!)
fi

pings 4
check "a gap is open" has_event alice gap-open
pair $b $a 0x9001
pair $a $b 0x1001
check "and it ends" until_true 10 gap_number 1
gap_is "first keys" acquire "" 4 0
is "first keys: asked once" "$(event alice gap | field acquires)" 1
is "first keys: each packet is 84 bytes" "$(event alice gap | field held_bytes)" 336
is "first keys: what came beside the SA" "$(sa_of gap in_new spi) $(sa_of gap in_old spi)" "0x00009001 "
ip -n bob xfrm policy add dir out src $b dst $a tmpl proto esp reqid 5 mode transport

pings 3
pair $b $a 0x9002
pair $a $b 0x1002
pings 3
check "a rekey is a switch" has_event alice switch
is "and no gap" "$(count alice gap)" 1
is "from the old SA to the new one" "$(sa_of switch out_old spi) $(sa_of switch out_new spi)" "0x00001001 0x00001002"
is "which has sent what was held and more" "$(sa_of switch out_old packets)" 7
is "which is 64 bytes each without their header" "$(sa_of switch out_old bytes)" 448
is "with its inbound one, which has had what bob answered" "$(sa_of switch in_old spi) $(sa_of switch in_old packets)" "0x00009001 3"
is "and the next one" "$(sa_of switch in_new spi)" 0x00009002
check "their age is that of the pair" [ "$(sa_of switch in_old age_us)" -ge "$(sa_of switch out_old age_us)" ]
ip -n bob xfrm policy flush

ip netns exec alice sysctl -qw net.core.xfrm_larval_drop=1
ip -n alice xfrm state flush
pings 5
pair $a $b 0x1003 2>/dev/null || sa alice $a $b 0x1003
pings 1
gap_is "flushed" flushed ip 0 5
is "flushed: 84 bytes each" "$(event alice gap | field dropped_bytes)" 420
is "flushed: the pair that was in use" "$(sa_of gap-open out_old spi) $(sa_of gap-open in_old spi)" "0x00001002 0x00009002"
is "flushed: one way has come back" "$(sa_of gap in_new spi) $(sa_of gap in_old spi)" " 0x00009002"

ip netns exec alice sysctl -qw net.core.xfrm_larval_drop=0
ip -n alice xfrm state delete src $a dst $b proto esp spi 0x1003
ip -n alice xfrm state flush # of larval SAs, none
pings 2
sa alice $a $b 0x1004
check "it ends" until_true 10 gap_number 3
gap_is "deleted" deleted ip 2 0
is "deleted: of an inbound SA that went with another one there is no word" "$(sa_of gap-open in_old spi)" ""

sa alice $a $b 0x1005 limit packet-hard 3
ip -n alice xfrm state delete src $a dst $b proto esp spi 0x1004
pings 8
sa alice $a $b 0x1006
check "it ends" until_true 20 gap_number 4
e=$(event alice gap)
is "packets: cause" "$(field cause <<<"$e")" packets
is "packets: all that had no SA are held or dropped" "$(($(field held <<<"$e") + $(field dropped <<<"$e")))" 5

sa alice $a $b 0x1007 limit time-hard $((2 * ${LAB_SLOWER:-1})) # of which the first packet must not be too late
ip -n alice xfrm state delete src $a dst $b proto esp spi 0x1006
pings 1
check "time: it opens by itself" until_true 20 eval '[ "$(event alice gap-open | field cause)" = time ]'
sa alice $a $b 0x1008
check "time: a new SA ends it before anybody wanted it" until_true 10 gap_number 5
is "time: how" "$(event alice gap | field end)" sa
is "time: nobody waited" "$(event alice gap | field waited_us)" ""

# The other way: what bob gets and cannot open
is "early: an SPI that nobody knows" "$(event bob spi | field fate)" unknown
pings 2
sent=$(spi bob 0x00001008 unknown)
check "early: counted" [ "${sent:-0}" -ge 2 ]
sa bob $a $b 0x1008
e=$(event bob spi-known)
is "early: its SA came later" "$(field fate <<<"$e") $(field spi <<<"$e")" "early 0x00001008"
is "early: all packets" "$(field packets <<<"$e")" "$sent"
ip -n bob xfrm state delete src $a dst $b proto esp spi 0x1008
pings 3
e=$(event bob spi)
is "late: its SA was there" "$(field fate <<<"$e") $(field spi <<<"$e")" "late 0x00001008"
is "late: all packets" "$(spi bob 0x00001008 late)" 3

# Without the policy
ip -n alice xfrm policy flush
pings 4
check "clear: told" has_event alice clear
policy add "$a/32" "$b/32"
is "clear: counted" "$(event alice clear-end | field clear)" 4
pings 1
is "clear: and not any more" "$(count alice clear-end)" 1

# IPv6, and a policy that may do without
policy add 2001:db8::1/128 2001:db8::2/128 level use
ip netns exec alice ping -6 -q -c 3 -i 0.1 -W 0.1 2001:db8::2 >/dev/null
sa alice 2001:db8::2 2001:db8::1 0xa001 reqid 6
sa alice 2001:db8::1 2001:db8::2 0x2001
sa bob 2001:db8::1 2001:db8::2 0x2001
ip netns exec alice ping -6 -q -c 1 -W 1 2001:db8::2 >/dev/null
check "IPv6: the way back has a reqid of its own" until_true 10 eval '[ "$(sa_of gap in_new spi)" = 0x0000a001 ]'
sa alice 2001:db8::2 2001:db8::1 0xa002 reqid 7
ip -n alice xfrm state delete src 2001:db8::1 dst 2001:db8::2 proto esp spi 0x2001
ip netns exec alice ping -6 -q -c 3 -i 0.1 -W 0.1 2001:db8::2 >/dev/null
sa alice 2001:db8::1 2001:db8::2 0x2002
ip netns exec alice ping -6 -q -c 1 -W 0.2 2001:db8::2 >/dev/null
is "IPv6: what left in clear while the SA was gone" "$(event alice clear-end | field clear)" 3
is "IPv6: of two such nothing says which it is" "$(sa_of gap in_new spi)" ""

# Totals: of bob's first SPI nothing is kept any more but this.
is "totals: all that came without an SA, as the kernel counts" "$(total bob packets)" \
	"$(ip netns exec bob awk '/^XfrmInNoStates/ { print $2 }' /proc/net/xfrm_stat)"
is "totals: all that left in clear" "$(total alice clear)" 10
is "totals: gaps, as there were events" "$(total alice gaps)" "$(count alice gap)"

check "/proc/net/ipsec_gap has a line for each path" eval '[ "$(ip netns exec alice grep -c "^[12]" /proc/net/ipsec_gap)" = 2 ]'
check "no words of the kernel" kernel_is_clean

# For people (V=1 shows it), and for docs/gaps.md
for host in alice bob; do
	echo "# $host: keydctl gaps --since 1h"
	ip netns exec $host "$keydctl" gaps --since 1h | sed 's/^/#  /'
	echo "# $host: /proc/net/xfrm_stat"
	ip netns exec $host grep -v '[^0-9]0$' /proc/net/xfrm_stat | sed 's/^/#  /'
done
[ ! -e "$work/wire" ] || sed 's/^/#  /' "$work/wire"
finish
