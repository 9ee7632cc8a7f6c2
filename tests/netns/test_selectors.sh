#!/bin/bash
# SPDX-License-Identifier: MIT
# What a real kernel makes of narrowed selectors: each packet on its own SA, on a new one, or held; never astray or in clear.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

ends=192.0.2.1-192.0.2.2
back=192.0.2.2-192.0.2.1

# nets: behind alice 10.1.0.0/16, behind bob 10.2.0.0/16, as addresses of their own on lo
# shellcheck disable=SC2317 # called by check
nets()
{
	in_host alice sh -c 'ip addr add 10.1.1.1/16 dev lo; ip -6 addr add fd00:1::1/64 dev lo;
		ip route add 10.2.0.0/16 via 192.0.2.2 src 10.1.1.1; ip route add fd00:2::/64 via 2001:db8::2 src fd00:1::1' &&
		in_host bob sh -c 'ip addr add 10.2.1.1/16 dev lo; ip addr add 10.2.2.1/16 dev lo; ip addr add 10.2.9.1/16 dev lo;
		ip -6 addr add fd00:2::1/64 dev lo; ip route add 10.1.0.0/16 via 192.0.2.1 src 10.2.1.1;
		ip route add fd00:1::/64 via 2001:db8::1 src fd00:2::1'
}

# begin [SETTING [SETTING]]: no policies, no SAs, both keyds with these settings
begin()
{
	local host

	keyds_stop 2>/dev/null
	for host in alice bob; do
		in_host $host "$bin/setkey" -FP
		in_host $host "$bin/setkey" -F
		conf_file $host <<-END
			secrets "psk.txt"
			default {
				linger 2s
				${1-}
				${2-}
			}
		END
	done
	keyds_start
}

# policies HOST: from standard input, "SOURCE DESTINATION WHAT" for the way out; the way back is its mirror
policies()
{
	local from to what here=$ends there=$back

	[ "$1" = alice ] || { here=$back there=$ends; }
	while read -r from to what; do
		echo "spdadd $from $to $what -P out ipsec esp/tunnel/$here/require;"
		if [[ $what == icmp* ]]; then
			echo "spdadd $to $from icmp $((8 - ${what#icmp })),0 -P in ipsec esp/tunnel/$there/require;"
		else
			echo "spdadd $to $from $what -P in ipsec esp/tunnel/$there/require;"
		fi
	done | policy_file "$1"
	policy_load "$1"
}

# sel_sas HOST REGEX: how many SAs have such a selector
sel_sas()
{
	in_host "$1" ip xfrm state list nokeys | grep -cE "^	sel $2( |\$)"
}

# traffic both ways for each of two pairs while both sides rekey
two_flows()
{
	flow_start one alice 10.1.1.1 bob 10.2.1.1 100 7001
	flow_start two alice 10.1.1.1 bob 10.2.2.1 100 7002
	flow_wait one received 50 || not_ok "narrow: traffic to the first net"
	flow_wait two received 50 || not_ok "narrow: traffic to the second net"
	keydctl alice rekey --all --child >/dev/null
	wait_until 20 eval '[ "$(keyd_count bob "CHILD_SA result=rekeyed")" -ge 2 ]'
	keydctl bob rekey --all --child >/dev/null
	check "narrow: both children are rekeyed by both sides" \
		wait_until 20 eval '[ "$(keyd_count alice "CHILD_SA result=rekeyed")" -ge 4 ]'
	flow_wait one received 400
	flow_stop one
	is "narrow: nothing lost to the first net" "$flow_lost" 0
	flow_stop two
	flow_whole "narrow: nothing lost to the second net" two
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24,2001:db8::1/64 bob 192.0.2.2/24,2001:db8::2/64
check "nets behind the hosts" nets
secret_file alice 192.0.2.2
secret_file bob 192.0.2.1
capture_start wire alice:eth0 bob:eth0

# Alice's policy is wide, bob's are narrow.
begin
policies alice <<<"10.1.0.0/16 10.2.0.0/16 any"
policies bob <<-END
	10.2.1.0/24 10.1.0.0/16 any
	10.2.2.0/24 10.1.0.0/16 any
END
check "narrow: the first net answers" in_host alice ping -q -c 2 -i 0.2 -W 25 10.2.1.1
is "narrow: its SAs are for it alone" "$(sel_sas alice 'src 10.1.0.0/16 dst 10.2.1.0/24') $(sa_count alice)" "1 2"
check "narrow: the second net answers" in_host alice ping -q -c 2 -i 0.2 -W 10 10.2.2.1
is "narrow: it has SAs of its own" "$(sel_sas alice 'src 10.1.0.0/16 dst 10.2.2.0/24') $(sa_count alice)" "1 4"
is "narrow: all of it over one IKE SA" "$(keyd_count alice 'IKE_SA result=established')" 1
check "narrow: bob begins, too" in_host bob ping -q -c 2 -i 0.2 -W 10 -I 10.2.2.1 10.1.1.1
is "narrow: and needs no more" "$(sa_count bob)" 4
check "narrow: a third net does not answer" not in_host alice ping -q -c 2 -i 0.2 -W 1 10.2.9.1
keyd_said alice 'leaves out the packet that asks'
two_flows

# A policy that the peer always refuses: pings without end, and few attempts; then bob is given a policy.
begin
policies alice <<<"10.1.0.0/16 10.2.0.0/16 any"
in_host alice ping -q -i 0.05 -W 1 -c 100 10.2.1.1 >/dev/null
tries=$(keyd_count alice 'TS_UNACCEPTABLE')
check "refused: $tries attempts in more than five seconds" [ "$tries" -ge 2 -a "$tries" -le 6 ]
is "refused: the IKE SA is one" "$(keyd_count alice 'IKE_SA result=established')" 1
policies bob <<<"10.2.0.0/16 10.1.0.0/16 any"
check "refused: mended, and the next packet gets through by itself" in_host alice ping -q -c 1 -W 25 10.2.1.1

# Protocols, ports and types, each a child; IPv6 in IPv4 beside them; ESN in a wide window.
begin "esp aes128gcm16-esn" "replay-window 1024"
policies alice <<-END
	10.1.0.0/16 10.2.0.0/16 icmp 8
	10.1.0.0/16 10.2.0.0/16[7001] udp
	10.1.0.0/16[7001] 10.2.0.0/16 udp
	fd00:1::/64 fd00:2::/64 any
END
policies bob <<-END
	10.2.0.0/16 10.1.0.0/16 icmp 0
	10.2.0.0/16[7001] 10.1.0.0/16 udp
	10.2.0.0/16 10.1.0.0/16[7001] udp
	fd00:2::/64 fd00:1::/64 any
END
check "kinds: echoes" in_host alice ping -q -c 2 -i 0.2 -W 10 10.2.1.1
check "kinds: IPv6 in IPv4" in_host alice ping -q -c 2 -i 0.2 -W 10 fd00:2::1
flow_start kinds alice 10.1.1.1 bob 10.2.1.1 100 7001
check "kinds: ports" flow_wait kinds received 100
flow_stop kinds
flow_whole "kinds: nothing lost" kinds
is "kinds: SAs for each way of the ports" \
	"$(sel_sas alice 'src 10.1.0.0/16 dst 10.2.0.0/16 proto udp dport 7001') $(sel_sas alice 'src 10.1.0.0/16 dst 10.2.0.0/16 proto udp sport 7001')" "1 1"
is "kinds: all over one IKE SA" "$(keyd_count alice 'IKE_SA result=established')" 1
is "kinds: extended sequence numbers in each SA" "$(in_host bob ip xfrm state list nokeys | grep -c 'flag esn')" "$(sa_count bob)"

# Many at once, by command; padded, where no module for offload keeps the kernel from it.
if modprobe -q esp4_offload; then
	begin "tfc 400"
	keyd_said alice 'keyd.conf:[0-9]+: tfc: the kernel does not pad while its module esp4_offload is loaded'
	for host in alice bob; do in_host $host "$bin/setkey" -F; done
	check "the module is removed" wait_until 20 modprobe -q -r esp4_offload
fi
begin "tfc 400"
is "no warning without it" "$(keyd_count alice 'does not pad')" 0
for i in {1..100}; do echo "10.1.1.1/32 10.2.$i.0/24 any"; done | policies alice
for i in {1..100}; do echo "10.2.$i.0/24 10.1.1.1/32 any"; done | policies bob
check "many: keydctl up" keydctl alice up 192.0.2.2
check "many: a hundred children" wait_until 60 eval '[ "$(keyd_count bob "CHILD_SA result=up")" = 100 ]'
is "many: over one IKE SA" "$(keyd_count bob 'IKE_SA result=established')" 1
capture_start padded alice:eth0
check "many: the right one of them carries a packet" in_host alice ping -q -c 3 -i 0.2 -W 5 10.2.9.1
capture_stop padded
is "many: and it is padded" "$(capture_count padded 'esp and less 400')" 0

capture_stop wire
is "nothing in clear, ever" "$(cleartext_count wire)" 0
keyds_stop
finish
