#!/bin/bash
# SPDX-License-Identifier: MIT
# The main job: policies from setkey, one secret, and the first packet brings up ESP: transport and tunnel, IPv4 and IPv6.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# The nets behind the hosts are addresses of their own, on lo.
# shellcheck disable=SC2317 # called by check
nets()
{
	in_host alice sh -c 'ip addr add 10.0.1.1/24 dev lo; ip -6 addr add fd00:1::1/64 dev lo' &&
		in_host bob sh -c 'ip addr add 10.0.2.1/24 dev lo; ip -6 addr add fd00:2::1/64 dev lo' &&
		in_host alice sh -c 'ip route add 10.0.2.0/24 via 192.0.2.2 src 10.0.1.1; ip route add fd00:2::/64 via 2001:db8::2 src fd00:1::1' &&
		in_host bob sh -c 'ip route add 10.0.1.0/24 via 192.0.2.1 src 10.0.2.1; ip route add fd00:1::/64 via 2001:db8::1 src fd00:2::1'
}

# job NAME A B SOURCE DESTINATION RULE-A RULE-B PING: keys between A and B, traffic from SOURCE to DESTINATION
job()
{
	local name=$1 a=$2 b=$3 from=$4 to=$5 rule_a=$6 rule_b=$7 target=$8

	secret_file alice "$b"
	secret_file bob "$a"
	in_host alice "$bin/setkey" -FP
	in_host bob "$bin/setkey" -FP
	check "$name: alice's policies" policy_pair alice "$from" "$to" "$rule_a"
	check "$name: bob's policies" policy_pair bob "$to" "$from" "$rule_b"
	keyds_start
	capture_start "$name" alice:eth0 bob:eth0
	check "$name: five pings, the first one starts it" in_host alice ping -q -c 5 -i 0.2 -W 10 "$target"
	check "$name: none lost" wait_until 5 ping_back "$target"
	capture_stop "$name"
	is "$name: nothing in clear" "$(cleartext_count "$name")" 0
	check "$name: ESP on the wire" [ "$(esp_count "$name")" -ge 10 ]
	check "$name: IKE in four datagrams and a confirmation" [ "$(capture_count "$name" 'udp port 500')" -ge 6 ]
	is "$name: one pair of SAs" "$(sa_count alice) $(sa_count bob)" "2 2"
	check "$name: keydctl down" keydctl alice down --all
	keyds_stop
	in_host alice "$bin/setkey" -F
	in_host bob "$bin/setkey" -F
}

# The other way, with what is up by now.
# shellcheck disable=SC2317
ping_back()
{
	in_host bob ping -q -c 1 -W 2 "${back[$1]}"
}
declare -A back=([192.0.2.2]=192.0.2.1 [2001:db8::2]=2001:db8::1 [10.0.2.1]=10.0.1.1 [fd00:2::1]=fd00:1::1)

host_new alice
host_new bob
link_new alice 192.0.2.1/24,2001:db8::1/64 bob 192.0.2.2/24,2001:db8::2/64
check "nets behind the hosts" nets

job transport4 192.0.2.1 192.0.2.2 192.0.2.1 192.0.2.2 esp/transport//require esp/transport//unique:7 192.0.2.2
job transport6 2001:db8::1 2001:db8::2 2001:db8::1 2001:db8::2 esp/transport//unique esp/transport//require 2001:db8::2
job tunnel4 192.0.2.1 192.0.2.2 10.0.1.0/24 10.0.2.0/24 \
	esp/tunnel/192.0.2.1-192.0.2.2/unique:5 esp/tunnel/192.0.2.2-192.0.2.1/require 10.0.2.1
job tunnel6 2001:db8::1 2001:db8::2 fd00:1::/64 fd00:2::/64 \
	esp/tunnel/2001:db8::1-2001:db8::2/require esp/tunnel/2001:db8::2-2001:db8::1/unique fd00:2::1
job tunnel4in6 2001:db8::1 2001:db8::2 10.0.1.0/24 10.0.2.0/24 \
	esp/tunnel/2001:db8::1-2001:db8::2/require esp/tunnel/2001:db8::2-2001:db8::1/require 10.0.2.1
finish
