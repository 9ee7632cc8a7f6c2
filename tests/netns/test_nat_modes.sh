#!/bin/bash
# SPDX-License-Identifier: MIT
# NATs on one side and on both, transport and tunnel mode, and UDP that is forced where there is no NAT, IPv4 and IPv6.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/nat.sh
. "$netns_dir/../lib/nat.sh"

missing=$(nat_tools_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"

# conf HOST PEER-ADDRESS SETTINGS: in the middle of a peer section
conf()
{
	conf_file "$1" <<-END
		secrets "psk.txt"
		peer other address $2 {
			id local fqdn $1.example
			linger 2s
			$3
		}
	END
}

# shellcheck disable=SC2317
rekeyed()
{
	[ "$(keyd_count alice "$1 result=rekeyed")" = "$2" ] && [ "$(keyd_count bob "$1 result=rekeyed")" = "$2" ]
}

# net ADDRESS/24: its network; a host is itself
net()
{
	case $1 in
	*/24) echo "${1%.*}.0/24" ;;
	*) echo "$1" ;;
	esac
}

# job NAME RULE-A RULE-B FROM TO-AS-ALICE-SEES-IT FROM-AS-BOB-SEES-IT TO [SETTINGS-A [SETTINGS-B]]: policies and keyds at both ends, a
# flow between the addresses, every rekey, and nothing lost, bare or in clear. The peers are $peer_a and $peer_b.
job()
{
	local name=$1 who children=0 ikes=0

	conf alice "$peer_b" "${8-}"
	conf bob "$peer_a" "${9-}"
	secret_file alice "$peer_b"
	secret_file bob "$peer_a"
	in_host alice "$bin/setkey" -FP
	in_host bob "$bin/setkey" -FP
	check "$name: alice's policies" policy_pair alice "$(net "$4")" "$(net "$5")" "$2"
	check "$name: bob's policies" policy_pair bob "$(net "$7")" "$(net "$6")" "$3"
	keyds_start
	capture_start "$name" alice:eth0 bob:eth0
	check "$name: it comes up" in_host alice ping -q -c 2 -W 10 -I "${4%%/*}" "${5%%/*}"
	flow_start "$name" alice "${4%%/*}" bob "${7%%/*}" 200 7000 "${5%%/*}" "${6%%/*}"
	check "$name: traffic" flow_wait "$name" received 100
	for who in alice bob; do
		keydctl $who rekey --all --child >/dev/null
		children=$((children + 1))
		check "$name: $who rekeys the child" wait_until 20 rekeyed CHILD_SA $children
		keydctl $who rekey --all --ike >/dev/null
		ikes=$((ikes + 1))
		check "$name: $who rekeys the IKE SA" wait_until 20 rekeyed IKE_SA $ikes
	done
	flow_stop "$name"
	capture_stop "$name"
	flow_whole "$name: nothing lost" "$name"
	is "$name: nothing in clear" "$(cleartext_count "$name")" 0
	is "$name: no bare ESP" "$(capture_count "$name" esp)" 0
	check "$name: ESP in UDP" [ "$(esp_count "$name")" -ge "$flow_received" ]
	check "$name: keydctl down" keydctl alice down --all
	keyds_stop
	in_host alice "$bin/setkey" -F
	in_host bob "$bin/setkey" -F
}

#	alice 10.1.0.2 ---- home 203.0.113.1 ---- office 203.0.113.129 ---- 10.2.0.2 bob
for host in alice bob; do host_new $host; done
for host in home office; do router_new $host; done
link_new alice 10.1.0.2/24,fd00:1::2/64 home 10.1.0.1/24,fd00:1::1/64
link_new home 203.0.113.1/25,2001:db8::1/64 office 203.0.113.2/25,2001:db8::2/64
link_new bob 10.2.0.2/24,fd00:2::2/64 office 10.2.0.1/24,fd00:2::1/64
for end in alice:10.1.0.1:fd00:1::1 bob:10.2.0.1:fd00:2::1; do
	IFS=: read -r host v4 v6 <<<"$end"
	host_route "$host" default "$v4"
	in_host "$host" ip -6 route add default via "$v6"
done
in_host home sh -c 'ip -6 route add fd00:2::/64 via 2001:db8::2'
in_host office sh -c 'ip -6 route add fd00:1::/64 via 2001:db8::1'
in_host alice sh -c 'ip addr add 192.168.1.1/24 dev lo; ip route add 192.168.2.0/24 via 10.1.0.1 src 192.168.1.1'
in_host bob sh -c 'ip addr add 192.168.2.1/24 dev lo; ip route add 192.168.1.0/24 via 10.2.0.1 src 192.168.2.1'
link_delay alice eth0 10
link_delay bob eth0 10

nat_masquerade home eth1
nat_both office eth0 10.2.0.2
peer_a=203.0.113.1 peer_b=203.0.113.2
job both-tunnel esp/tunnel/10.1.0.2-203.0.113.2/require esp/tunnel/10.2.0.2-203.0.113.1/require \
	192.168.1.1/24 192.168.2.1/24 192.168.1.1/24 192.168.2.1/24
job both-transport esp/transport//require esp/transport//require 10.1.0.2 203.0.113.2 203.0.113.1 10.2.0.2

peer_a=fd00:1::2 peer_b=fd00:2::2
job forced6 esp/transport//require esp/transport//require fd00:1::2 fd00:2::2 fd00:1::2 fd00:2::2 'nat force'
job forced6-tunnel esp/tunnel/fd00:1::2-fd00:2::2/require esp/tunnel/fd00:2::2-fd00:1::2/require \
	192.168.1.1/24 192.168.2.1/24 192.168.1.1/24 192.168.2.1/24 '' 'nat force'
finish
