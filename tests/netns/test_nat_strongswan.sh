#!/bin/bash
# SPDX-License-Identifier: MIT
# With strongSwan behind the NAT, and in front of it: the router forgets under traffic, and both go on; rekeys lose nothing.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
for file in nat peer keyd_peer strongswan; do
	# shellcheck source=/dev/null
	. "$netns_dir/../lib/$file.sh"
done

missing=$(strongswan_missing)$(nat_tools_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"

# rekeyed child|ike TIMES: so often, as both see it
# shellcheck disable=SC2317
rekeyed()
{
	[ "$(peer alice rekeyed "$1")" -ge "$2" ] && [ "$(peer bob rekeyed "$1")" -ge "$2" ]
}

# job ALICE'S-DAEMON BOB'S-DAEMON: alice is behind the NAT
job()
{
	local name="$1 behind" what who times swan=bob

	[ "$1" != strongswan ] || swan=alice
	tunnel_new tunnel alice 10.1.0.2 bob 203.0.113.2
	tunnel+=([alice.seen]=203.0.113.1 [alice.id]=alice.example [bob.id]=bob.example [child.1]='10.1.1.0/24 10.2.1.0/24')
	peer_is alice "$1"
	peer_is bob "$2"
	peers conf
	peer alice start
	peer bob start
	nat_masquerade nat eth1
	capture_start "$name" alice:eth0 bob:eth0
	check "$name: it comes up" in_host alice ping -q -c 3 -i 0.2 -W 10 -I 10.1.1.1 10.2.1.1
	flow_start "$name" alice 10.1.1.1 bob 10.2.1.1 200
	check "$name: traffic" flow_wait "$name" received 100
	times=0
	for who in alice bob; do
		times=$((times + 1))
		for what in child ike; do
			peer $who rekey $what >/dev/null
			check "$name: $who rekeys: $what" wait_until 20 rekeyed $what $times
		done
	done
	flow_stop "$name"
	flow_whole "$name: rekeys lose nothing" "$name" "$swan"
	flow_start "$name, forgotten" alice 10.1.1.1 bob 10.2.1.1 200
	flow_wait "$name, forgotten" received 100
	check "$name: the router forgets" nat_forget nat
	check "$name: traffic goes on" flow_more "$name, forgotten" 300
	flow_stop "$name, forgotten"
	# What is on its way to a port that is nobody's any more is the router's to lose: 40 ms, and what the daemon and the machine add.
	check "$name: lost is what was on its way to the old port" [ "$flow_lost" -le 150 ]
	flow_start "$name, moved" alice 10.1.1.1 bob 10.2.1.1 200
	flow_wait "$name, moved" received 100
	peer bob rekey child >/dev/null
	check "$name: bob rekeys at the new port" wait_until 20 rekeyed child 3
	check "$name: and more traffic" flow_more "$name, moved" 100
	flow_stop "$name, moved"
	flow_whole "$name: nothing more is lost" "$name, moved" "$swan"
	check "$name: bob ends it" peer bob down
	capture_stop "$name"
	is "$name: nothing in clear" "$(cleartext_count "$name")" 0
	is "$name: no bare ESP" "$(capture_count "$name" esp)" 0
	peers stop
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

job keyd strongswan
job strongswan keyd
finish
