#!/bin/bash
# SPDX-License-Identifier: MIT
# Does the lab see what it should? ESP by hand between two hosts; then a planted leak, a planted gap, planted loss.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

key=0x000102030405060708090a0b0c0d0e0f10111213

# sa_pair HOST: both directions; policies for the addresses of alice and bob, IPv4 and IPv6
# shellcheck disable=SC2317 # called by check
sa_pair()
{
	local there=out back=in

	[ "$1" = alice ] || { there=in && back=out; }
	in_host "$1" ip -batch - <<-END
		xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode transport aead rfc4106(gcm(aes)) $key 128
		xfrm state add src 192.0.2.2 dst 192.0.2.1 proto esp spi 0x1002 mode transport aead rfc4106(gcm(aes)) $key 128
		xfrm state add src 2001:db8::1 dst 2001:db8::2 proto esp spi 0x1003 mode tunnel aead rfc4106(gcm(aes)) $key 128
		xfrm state add src 2001:db8::2 dst 2001:db8::1 proto esp spi 0x1004 mode tunnel aead rfc4106(gcm(aes)) $key 128
		xfrm policy add dir $there src 192.0.2.1 dst 192.0.2.2 tmpl proto esp mode transport
		xfrm policy add dir $back src 192.0.2.2 dst 192.0.2.1 tmpl proto esp mode transport
		xfrm policy add dir $there src 2001:db8::1 dst 2001:db8::2 proto udp tmpl src 2001:db8::1 dst 2001:db8::2 proto esp mode tunnel
		xfrm policy add dir $back src 2001:db8::2 dst 2001:db8::1 proto udp tmpl src 2001:db8::2 dst 2001:db8::1 proto esp mode tunnel
	END
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24,2001:db8::1/64 bob 192.0.2.2/24,2001:db8::2/64
check "hosts have a private /run and /etc" in_host alice sh -c 'mkdir /run/gapless /etc/gapless && touch /etc/gapless/x'
check "which the other host does not see" in_host bob sh -c '! [ -e /run/gapless ] && ! [ -e /etc/gapless ]'
check "ping before there is a policy" in_host alice ping -q -c 1 -W 5 192.0.2.2

capture_start clear alice:eth0 bob:eth0
check "ping6 before there is a policy" in_host alice ping -q -c 3 -i 0.2 -W 5 2001:db8::2
capture_stop clear
is "cleartext is seen: three requests, three answers" "$(cleartext_count clear)" 6
is "and is not taken for ESP" "$(esp_count clear)" 0

check "SAs and policies by ip xfrm: alice" sa_pair alice
check "SAs and policies by ip xfrm: bob" sa_pair bob
capture_start esp alice:eth0 bob:eth0
check "ping through ESP" in_host alice ping -q -c 3 -i 0.2 -W 5 192.0.2.2
flow_start steady alice 192.0.2.1 bob 192.0.2.2 100
flow_start steady6 alice 2001:db8::1 bob 2001:db8::2 100 7001
check "IPv4: 300 packets each way" flow_wait steady received 300
check "IPv6: 300 packets each way" flow_wait steady6 received 300
flow_stop steady
is "IPv4: the flow loses nothing" "$flow_lost" 0
is "IPv4: nothing comes twice or out of order" "$flow_duplicates $flow_reordered" "0 0"
packets=$flow_sent
flow_stop steady6
is "IPv6: the flow loses nothing" "$flow_lost" 0
packets=$((packets + flow_sent))
capture_stop esp
is "every packet was ESP on the wire: pings and flows" "$(esp_count esp)" $((packets + 6))
is "and none in clear" "$(cleartext_count esp)" 0

flow_start gap alice 192.0.2.1 bob 192.0.2.2 100
check "100 packets each way" flow_wait gap received 100
in_host bob ip xfrm state delete src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001
check "300 packets sent" flow_wait gap sent 300
in_host bob ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode transport \
	aead 'rfc4106(gcm(aes))' $key 128
check "300 packets each way" flow_wait gap received 300
flow_stop gap
check "a planted gap is counted as loss" [ "$flow_lost" -ge 50 ]
is "as one run of packets" "$flow_gap_packets" "$flow_lost"
check "and as time: the packets it lost, at 100/s" [ "$flow_gap_ms" -ge $((flow_lost * 10 - 20)) ]

link_loss alice eth0 30
link_delay alice eth0 20
check "delay is kept beside loss" in_host alice sh -c 'tc qdisc show dev eth0 | grep -q "delay 20ms.*loss 30%"'
flow_start lossy alice 192.0.2.1 bob 192.0.2.2 100
check "200 packets from each" flow_wait lossy sent 200
flow_stop lossy
check "planted loss of 30 % one way is about 15 % of both" [ $((flow_lost * 100 / flow_sent)) -ge 8 ]
link_loss alice eth0 0
flow_start delayed alice 192.0.2.1 bob 192.0.2.2 100
check "100 packets for each" flow_wait delayed received 100
flow_stop delayed
is "without it nothing is lost" "$flow_lost" 0
finish
