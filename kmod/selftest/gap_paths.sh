#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each packet is counted for the path that is its: interfaces, marks, SAs side by side, and devices that take their SAs with them.
# timeout: 180

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/lib.sh"

a=192.0.2.1 b=192.0.2.2

# path NAME [REQID]: a field of alice's path, 5 unless told
path()
{
	gaps alice | sed 's/.*"paths"://; s/"spis":.*//; s/{"policy"/\n{"policy"/g; s/{"local"/\n{"local"/g' | grep "\"reqid\":${2-5}," | field "$1"
}

hosts
module ipsec_gap
[ -n "$(gaps alice)" ] || skip_all "keydctl is not there"
ip -n alice xfrm monitor acquire >"$work/monitor" 2>&1 &
spawned+=($!)

# Two SAs before the first packet, and then the one that was taken goes.
policy add $a/32 $b/32
pair $a $b 0x1001
pair $a $b 0x1002
pings 1
first=$(gaps alice | sed 's/.*"paths"://; s/.*"out_new":{//; s/}.*//' | field spi)
check "one of two SAs is in use" [ -n "$first" ]
ip -n alice xfrm state delete src $a dst $b proto esp spi "$first"
pings 1
is "when it goes, packets change to the other" "$(count alice switch)" 1
is "from which" "$(event alice switch | sed 's/.*"out_old":{//; s/}.*//' | field spi)" "$first"
is "what it had sent is told, though it is gone" "$(event alice switch | sed 's/.*"out_old":{//; s/}.*//' | field packets)" 1
is "and there was no gap" "$(count alice gap-open)" 0
sleep 1 # the kernel prefers the SA that was added in a later second
pair $a $b 0x1003
pings 1
is "the next rekey is one, too" "$(count alice switch)" 2

# An interface's policy is for what goes by the interface. Nothing goes past it in clear when the policy is gone.
if ip -n alice link add xfrm0 type xfrm dev eth0 if_id 42 2>/dev/null; then
	ip -n alice link set xfrm0 up
	ip -n alice route add 198.51.100.0/24 dev xfrm0 src $a
	ip -n alice xfrm policy add dir out src 0.0.0.0/0 dst 0.0.0.0/0 if_id 42 tmpl src $a dst $b proto esp reqid 7 mode tunnel
	pings 3 198.51.100.1
	is "interface: what it drops is counted" "$(path dropped 7)" 3
	is "interface: and is a gap" "$(path open 7)" true
	ip -n alice xfrm state flush
	ip -n alice xfrm state add src $a dst $b proto esp spi 0x7001 reqid 7 mode tunnel if_id 42 aead 'rfc4106(gcm(aes))' $key 128
	pings 1 198.51.100.1
	is "interface: which ends" "$(path gaps 7)" 1
	ip -n alice link set eth0 mtu 1400
	ip netns exec alice ping -q -c 1 -W 0.1 -M 'do' -s 1390 198.51.100.1 >/dev/null 2>&1
	is "interface: a packet that is too large is no matter of keys" "$(path dropped 7)" 3
	ip -n alice link set eth0 mtu 1500
	ip -n alice neigh replace 192.0.2.8 lladdr 02:00:00:00:00:08 dev eth0
	ip -n alice xfrm policy delete dir out src 0.0.0.0/0 dst 0.0.0.0/0 if_id 42 # the last one that went: the first that would be charged
	pings 3 192.0.2.8
	is "interface: what does not go by it is not in clear for it" "$(path clear 7)" 0
	ip -n alice xfrm policy flush
	ip -n alice xfrm state flush
	ip -n alice link del xfrm0
else
	echo "# no xfrm interfaces here"
fi

# The other end moves, and with it the SA: what strongSwan does for MOBIKE. The old SA goes without a word.
ask=$here/gap_ask
[ -x "$ask" ] || ask=${O:-build}/kmod/selftest/gap_ask
if [ -x "$ask" ]; then
	ip -n alice addr add 192.0.2.101/24 dev eth0
	ip -n alice route add 198.51.100.2 via $b src $a
	ip -n bob addr add 192.0.2.102/24 dev eth0
	ip -n alice xfrm policy add dir out src $a/32 dst 198.51.100.2/32 tmpl src $a dst $b proto esp reqid 11 mode tunnel
	ip -n alice xfrm state add src $a dst $b proto esp spi 0x1101 reqid 11 mode tunnel aead 'rfc4106(gcm(aes))' $key 128
	pings 2 198.51.100.2
	check "migration: the kernel does it" ip netns exec alice "$ask" migrate $a 198.51.100.2 $a $b $a 192.0.2.102 11
	check "migration: the SA is there" eval 'ip -n alice xfrm state | grep -q "dst 192.0.2.102"'
	pings 3 198.51.100.2
	is "migration: the path is to the new end" "$(path peer 11 | grep -v "^$b\$")" 192.0.2.102
	is "migration: and has the SA" "$(path spi 11 | tail -n 1)" 0x00001101
	is "migration: there was no gap" "$(gaps alice | sed 's/{"seq"/\n{"seq"/g' | grep -c '"type":"gap.*"reqid":11,')" 0
	ip -n alice xfrm state delete src $a dst 192.0.2.102 proto esp spi 0x1101
	pings 2 198.51.100.2
	is "migration: its end is one" "$(event alice gap-open | field cause) $(event alice gap-open | field reqid)" "deleted 11"
	# An SA that moves away from a policy, which stays: transport mode
	ip -n alice xfrm policy add dir out src $a dst 192.0.2.102 tmpl proto esp reqid 12 mode transport
	ip -n alice xfrm state add src $a dst 192.0.2.102 proto esp spi 0x1201 reqid 12 mode transport aead 'rfc4106(gcm(aes))' $key 128
	pings 1 192.0.2.102
	check "migration: of transport mode" ip netns exec alice "$ask" migrate-transport $a 192.0.2.102 $a 192.0.2.102 $a 192.0.2.103 12
	is "migration: is why a path has no SA" "$(event alice gap-open | field cause) $(event alice gap-open | field by)" "migrated gap_ask"
	# A packet that is under way while all that it asked for goes.
	ip -n alice xfrm policy add dir out src $a dst 192.0.2.104 tmpl proto esp reqid 13 mode transport
	check "under way: without an SA, and its policy goes" ip netns exec alice "$ask" under-way $a 192.0.2.104 "ip xfrm policy flush"
	is "under way: it is counted at once" "$(path dropped 13)" 1
	ip -n alice xfrm policy add dir out src $a dst 192.0.2.105 tmpl proto esp reqid 14 mode transport
	ip -n alice xfrm state add src $a dst 192.0.2.105 proto esp spi 0x1401 reqid 14 mode transport aead 'rfc4106(gcm(aes))' $key 128
	check "under way: by an SA that goes, as does its policy" ip netns exec alice "$ask" under-way $a 192.0.2.105 "ip xfrm state flush; ip xfrm policy flush"
	is "under way: it is counted as well" "$(path dropped 14)" 1
	ip -n alice neigh replace 192.0.2.106 lladdr 02:00:00:00:00:06 dev eth0
	ip -n alice xfrm policy add dir out src $a dst 192.0.2.106 tmpl proto esp reqid 15 mode transport
	ip -n alice xfrm state add src $a dst 192.0.2.106 proto esp spi 0x1501 reqid 15 mode transport aead 'rfc4106(gcm(aes))' $key 128
	check "under way: by an SA, while another comes" ip netns exec alice "$ask" under-way $a 192.0.2.106 \
		"ip xfrm state add src $a dst 192.0.2.106 proto esp spi 0x1502 reqid 15 mode transport aead 'rfc4106(gcm(aes))' $key 128"
	is "under way: it is not lost" "$(path dropped 15)" 0
else
	echo "# $ask is not there: make lab-programs"
fi

# A policy with a mark is for packets with the mark.
ip -n alice xfrm policy add dir out src $a/32 dst 192.0.2.9/32 mark 9 mask 0xff tmpl proto esp reqid 9 mode transport
ip -n alice xfrm policy flush
ip -n alice neigh replace 192.0.2.9 lladdr 02:00:00:00:00:09 dev eth0
pings 2 192.0.2.9
is "mark: packets without it are not in clear" "$(path clear 9)" 0
ip netns exec alice ping -q -m 9 -c 2 -i 0.1 -W 0.1 192.0.2.9 >/dev/null 2>&1
is "mark: those with it are" "$(path clear 9)" 2

# A device cannot go as long as there is an SA that is offloaded to it, and tells nobody that it takes them along.
if [ -e "$modules/gap_dev.ko" ] && { modprobe esp4_offload && insmod "$modules/gap_dev.ko"; } 2>/dev/null; then
	ip link set gapdev0 netns alice
	ip -n alice link set gapdev0 up
	ip -n alice addr add 203.0.113.1/24 dev gapdev0
	ip -n alice xfrm policy add dir out src 203.0.113.1 dst 203.0.113.2 tmpl proto esp reqid 8 mode transport
	ip -n alice xfrm state add src 203.0.113.1 dst 203.0.113.2 proto esp spi 0x8001 reqid 8 mode transport \
		aead 'rfc4106(gcm(aes))' $key 128 offload dev gapdev0 dir out
	check "offload: the SA is there" eval 'ip -n alice xfrm state | grep -q "crypto offload"'
	{ rmmod gap_dev && : >"$work/gone"; } &
	check "offload: the device can go" until_true 8 test -e "$work/gone"
	is "offload: which is why the SA went" "$(event alice gap-open | field cause)" vanished
	is "offload: by whom" "$(event alice gap-open | field by)" rmmod
else
	echo "# no device for offloading here"
fi
check "no words of the kernel" kernel_is_clean
finish
