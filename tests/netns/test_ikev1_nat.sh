#!/bin/bash
# SPDX-License-Identifier: MIT
# IKEv1 behind a NAT, to strongSwan: by RFC 3947 and by draft 02, rekeys of both phases by both sides under traffic, and nothing is lost.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/nat.sh
. "$netns_dir/../lib/nat.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"
# shellcheck source=tests/lib/keyd_peer.sh
. "$netns_dir/../lib/keyd_peer.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"

missing=$(strongswan_missing)$(nat_tools_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"

# rekeyed child|ike ALICE BOB: more often than that, as each sees it
# shellcheck disable=SC2317
rekeyed()
{
	[ "$(peer alice rekeyed "$1")" -gt "$2" ] && [ "$(peer bob rekeyed "$1")" -gt "$3" ]
}

# rekeys NAME: each phase by each side
rekeys()
{
	local who what

	for who in alice bob; do
		for what in child ike; do
			set -- "$1" "$(peer alice rekeyed $what)" "$(peer bob rekeyed $what)"
			peer $who rekey $what >/dev/null
			check "$1: $who rekeys: $what" wait_until 20 rekeyed $what "$2" "$3"
		done
	done
}

# job NAME WORDS: what keyd calls the way that they agree on
job()
{
	local name=$1

	peers conf
	peer alice start
	peer bob start
	capture_start "$name" alice:eth0 bob:eth0
	check "$name: it comes up" in_host alice ping -q -c 3 -i 0.2 -W 10 -I 10.1.1.1 10.2.1.1
	keyd_said alice "NAT.*found.*we are behind a NAT.*\\($2\\)"
	flow_start "$name" alice 10.1.1.1 bob 10.2.1.1
	check "$name: traffic" flow_wait "$name" received 100
	rekeys "$name"
	check "$name: traffic goes on" flow_more "$name" 100
	flow_stop "$name"
	flow_whole "$name: rekeys lose nothing" "$name" bob
	is "$name: nothing doubled" "$flow_duplicates" 0
	check "$name: it is deleted" peer alice down
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
tunnel_new tunnel alice 10.1.0.2 bob 203.0.113.2
tunnel+=([alice.seen]=203.0.113.1 [alice.id]=alice.example [bob.id]=bob.example [child.1]='10.1.1.0/24 10.2.1.0/24'
	[version]=1 [ike]=aes128-sha256-modp2048 [esp]=aes128-sha256-modp2048)
peer_is alice keyd
peer_is bob strongswan

nat_masquerade nat eth1
job rfc 'NAT-T \(RFC 3947\)'

# What knows no more than draft 02: on the way, the vendor ids of the RFC and of draft 03 become others.
nat_masquerade nat eth1
nat_unknow nat 4a131c81 7d9419a6
job draft 'NAT-T \(draft 02(, with a newline)?\)'
finish
