#!/bin/bash
# SPDX-License-Identifier: MIT
# Two clients behind one NAT: ESP in UDP, rekeys by both sides, keepalives, mappings that change and are forgotten under traffic.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/nat.sh
. "$netns_dir/../lib/nat.sh"

missing=$(nat_tools_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"

# client NAME NET: behind the NAT, with a net of its own and a policy for bob's
client()
{
	local name=$1 net=$2 address=$3

	in_host "$name" ip route add default via "${address%.*}.1"
	in_host "$name" sh -c "ip addr add $net.1/24 dev lo; ip route add 10.2.1.0/24 via ${address%.*}.1 src $net.1"
	secret_file "$name" 203.0.113.2
	conf_file "$name" <<-END
		secrets "psk.txt"
		peer bob address 203.0.113.2 id local fqdn $name.example id remote fqdn bob.example keepalive 2s linger 2s
	END
	policy_pair "$name" "$net.0/24" 10.2.1.0/24 "esp/tunnel/$address-203.0.113.2/require"
}

server()
{
	in_host bob sh -c 'ip addr add 10.2.1.1/24 dev lo; for n in 10.1.1 10.3.1; do ip route add $n.0/24 via 203.0.113.1 src 10.2.1.1; done'
	secret_file bob 203.0.113.1
	conf_file bob <<-END
		secrets "psk.txt"
		peer clients address 203.0.113.1 id local fqdn bob.example linger 2s
	END
	policy_file bob <<-END
		spdupdate 10.2.1.0/24 10.1.1.0/24 any -P out ipsec esp/tunnel/203.0.113.2-203.0.113.1/unique:1;
		spdupdate 10.1.1.0/24 10.2.1.0/24 any -P in ipsec esp/tunnel/203.0.113.1-203.0.113.2/unique:1;
		spdupdate 10.2.1.0/24 10.3.1.0/24 any -P out ipsec esp/tunnel/203.0.113.2-203.0.113.1/unique:3;
		spdupdate 10.3.1.0/24 10.2.1.0/24 any -P in ipsec esp/tunnel/203.0.113.1-203.0.113.2/unique:3;
	END
	policy_load bob
}

# moved TIMES: bob has followed so often
# shellcheck disable=SC2317
moved()
{
	[ "$(keyd_count bob 'NAT result=moved')" -ge "$1" ]
}

# shellcheck disable=SC2317
rekeyed()
{
	[ "$(keyd_count "$1" "$2 result=rekeyed")" -ge "$3" ]
}

# shellcheck disable=SC2317
keepalives()
{
	[ "$(capture_count wire 'udp port 4500 and udp[4:2] = 9')" -ge "$1" ]
}

for host in alice carol bob; do host_new $host; done
router_new nat
link_new alice 10.1.0.2/24 nat 10.1.0.1/24
link_new carol 10.3.0.2/24 nat 10.3.0.1/24
link_new nat 203.0.113.1/24 bob 203.0.113.2/24
link_delay nat eth2 20
link_delay bob eth0 20
client alice 10.1.1 10.1.0.2
client carol 10.3.1 10.3.0.2
server
nat_masquerade nat eth2
for host in alice carol bob; do keyd_start $host; done
capture_start wire alice:eth0 carol:eth0 bob:eth0

check "alice reaches bob's net" in_host alice ping -q -c 3 -i 0.2 -W 10 -I 10.1.1.1 10.2.1.1
check "carol does, too" in_host carol ping -q -c 3 -i 0.2 -W 10 -I 10.3.1.1 10.2.1.1
keyd_said alice 'NAT result=found .* we are behind a NAT: ESP goes in UDP, port 4500 to 4500'
keyd_said bob 'NAT result=found .* the peer is behind a NAT'
is "status tells of it" "$(keydctl alice status | grep -c 'nat local  esp in udp')" 1
is "as JSON, too" "$(keydctl bob --json status | grep -o '"nat":"remote","encap":true' | wc -l)" 2

flow_start alice alice 10.1.1.1 bob 10.2.1.1 200
flow_start carol carol 10.3.1.1 bob 10.2.1.1 100 7100
check "both have traffic" flow_wait alice received 100
children=0 ikes=0
for who in alice bob; do
	check "$who rekeys children" keydctl $who rekey --all --child
	children=$((children + 1))
	check "alice has new ones" wait_until 20 rekeyed alice CHILD_SA $children
	check "$who rekeys IKE SAs" keydctl $who rekey --all --ike
	ikes=$((ikes + 1))
	check "alice has a new one" wait_until 20 rekeyed alice IKE_SA $ikes
done
check "more traffic" flow_more alice 200
flow_stop carol
flow_whole "of carol's packets none is lost" carol
flow_stop alice
flow_whole "of alice's none" alice

check "a byte keeps the mapping in silence" wait_until 20 keepalives 4

flow_start forgetful alice 10.1.1.1 bob 10.2.1.1 200
flow_wait forgetful received 100
moves=$(keyd_count bob 'NAT result=moved')
check "the router forgets" nat_forget nat
check "bob follows alice" wait_until 10 moved $((moves + 1))
check "traffic goes on" flow_more forgetful 200
flow_stop forgetful
# What is on its way to a port that is nobody's any more is the router's to lose: 20 ms there, and what the machine adds.
check "lost: what was on its way to the old port" [ "$flow_lost" -le 80 ]

check "carol leaves" keydctl carol down --all
# From here on the old port leads in, too; so nothing at all may be lost.
check "another router, that keeps alice's port" nat_fixed nat eth2 203.0.113.1 10.1.0.2 31000
check "alice gets through" in_host alice ping -q -c 3 -i 0.2 -W 10 -I 10.1.1.1 10.2.1.1
flow_start fixed alice 10.1.1.1 bob 10.2.1.1 200
flow_wait fixed received 100
for port in 31001 31002 31003 31004; do
	moves=$(keyd_count bob 'NAT result=moved')
	check "alice's port becomes $port" nat_fixed nat eth2 203.0.113.1 10.1.0.2 $port
	check "bob follows" wait_until 10 moved $((moves + 1))
	flow_more fixed 40
	[ $port != 31002 ] || check "bob rekeys meanwhile" keydctl bob rekey --all --child
done
flow_stop fixed
flow_whole "with changing ports nothing is lost" fixed
is "nor doubled" "$flow_duplicates" 0

capture_stop wire
is "nothing in clear" "$(cleartext_count wire)" 0
is "no bare ESP" "$(capture_count wire esp)" 0
check "ESP in UDP" [ "$(esp_count wire)" -ge "$flow_received" ]
check "alice takes it down" keydctl alice down --all
keyd_said bob "IKE_SA result=down .*the peer deleted it"
finish
