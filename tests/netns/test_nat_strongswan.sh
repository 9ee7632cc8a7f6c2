#!/bin/bash
# SPDX-License-Identifier: MIT
# With strongSwan behind the NAT, and in front of it: the router forgets under traffic, and both go on; rekeys then lose nothing.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/nat.sh
. "$netns_dir/../lib/nat.sh"

missing=$(strongswan_missing)$(nat_tools_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"

# behind_keyd, behind_strongswan: who is alice, and who is bob then
behind_keyd()
{
	secret_file alice 203.0.113.2
	conf_file alice <<-END
		secrets "psk.txt"
		peer 203.0.113.2 id local address 203.0.113.1 linger 2s
	END
	policy_pair alice 10.1.1.0/24 10.2.1.0/24 esp/tunnel/10.1.0.2-203.0.113.2/require
	keyd_start alice
	strongswan_conf bob 203.0.113.2 203.0.113.1 tunnel "$secret" 10.2.1.0/24 10.1.1.0/24
	strongswan_start bob
	keyd=alice peer=bob
}

behind_strongswan()
{
	secret_file bob 203.0.113.1
	conf_file bob <<-END
		secrets "psk.txt"
		peer 203.0.113.1 linger 2s
	END
	policy_pair bob 10.2.1.0/24 10.1.1.0/24 esp/tunnel/203.0.113.2-203.0.113.1/require
	keyd_start bob
	strongswan_conf alice 10.1.0.2 203.0.113.2 tunnel "$secret" 10.1.1.0/24 10.2.1.0/24
	strongswan_start alice
	keyd=bob peer=alice
}

# flow_more NAME PACKETS: so many more have come
# shellcheck disable=SC2317
flow_more()
{
	local number

	flow_number "$1-recv-alice" received
	flow_wait "$1" received $((number + $2))
}

# shellcheck disable=SC2317
rekeyed()
{
	[ "$(keyd_count "$keyd" "$1 result=rekeyed")" = "$3" ] && [ "$(strongswan_rekeyed "$peer" "$2")" = "$3" ]
}

rekeys()
{
	check "$1: keyd rekeys the child" keydctl "$keyd" rekey --all --child
	check "$1: strongSwan has it, too" wait_until 20 rekeyed CHILD_SA child 1
	check "$1: strongSwan rekeys the child" swanctl "$peer" --rekey --child gapless
	check "$1: keyd has it, too" wait_until 20 rekeyed CHILD_SA child 2
	check "$1: keyd rekeys the IKE SA" keydctl "$keyd" rekey --all --ike
	check "$1: strongSwan has that, too" wait_until 20 rekeyed IKE_SA ike 1
	check "$1: strongSwan rekeys the IKE SA" swanctl "$peer" --rekey --ike gapless
	check "$1: keyd has that, too" wait_until 20 rekeyed IKE_SA ike 2
}

# job NAME BEGIN: who is behind the NAT
job()
{
	local name=$1

	nat_masquerade nat eth1
	"$2"
	capture_start "$name" alice:eth0 bob:eth0
	check "$name: it comes up" in_host alice ping -q -c 3 -i 0.2 -W 10 -I 10.1.1.1 10.2.1.1
	flow_start "$name" alice 10.1.1.1 bob 10.2.1.1 200
	check "$name: traffic" flow_wait "$name" received 100
	rekeys "$name"
	flow_stop "$name"
	is "$name: rekeys lose nothing" "$flow_lost" 0
	flow_start "$name-forgotten" alice 10.1.1.1 bob 10.2.1.1 200
	flow_wait "$name-forgotten" received 100
	check "$name: the router forgets" nat_forget nat
	check "$name: traffic goes on" flow_more "$name-forgotten" 300
	flow_stop "$name-forgotten"
	check "$name: lost is what was on its way to the old port" [ "$flow_gap_packets" -le 40 ]
	is "$name: that alone" "$flow_lost" "$flow_gap_packets"
	flow_start "$name-after" alice 10.1.1.1 bob 10.2.1.1 200
	flow_wait "$name-after" received 100
	check "$name: keyd rekeys at the new port" keydctl "$keyd" rekey --all --child
	check "$name: and more traffic" flow_more "$name-after" 100
	flow_stop "$name-after"
	is "$name: nothing more is lost" "$flow_lost" 0
	check "$name: strongSwan ends it" swanctl "$peer" --terminate --ike gapless
	capture_stop "$name"
	is "$name: nothing in clear" "$(cleartext_count "$name")" 0
	is "$name: no bare ESP" "$(capture_count "$name" esp)" 0
	host_stop "keyd-$keyd"
	strongswan_stop "$peer"
	for host in alice bob; do
		in_host $host "$bin/setkey" -F
		in_host $host "$bin/setkey" -FP
	done
}

for host in alice bob; do host_new $host; done
router_new nat
link_new alice 10.1.0.2/24 nat 10.1.0.1/24
link_new nat 203.0.113.1/24 bob 203.0.113.2/24
host_route alice default 10.1.0.1
in_host alice sh -c 'ip addr add 10.1.1.1/24 dev lo; ip route add 10.2.1.0/24 via 10.1.0.1 src 10.1.1.1'
in_host bob sh -c 'ip addr add 10.2.1.1/24 dev lo; ip route add 10.1.1.0/24 via 203.0.113.1 src 10.2.1.1'
link_delay nat eth1 20
link_delay bob eth0 20

job keyd-behind behind_keyd
job strongswan-behind behind_strongswan
finish
