#!/bin/bash
# SPDX-License-Identifier: MIT
# XAUTH and mode config of IKEv1 with strongSwan, each as the other's client: an address and a name server, by pull and by push; hashed passwords,
# one-time codes; a wrong password is refused, and both say so.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"
# shellcheck source=tests/lib/keyd_peer.sh
. "$netns_dir/../lib/keyd_peer.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"

missing=$(strongswan_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"

server=10.2.0.53

# begins CLIENT'S-DAEMON GATEWAY'S-DAEMON pull|push: both run
begins()
{
	tunnel_new tunnel alice 192.0.2.1 bob 192.0.2.2
	tunnel+=([version]=1 [ike]=aes128-sha256-modp2048 [esp]=aes128-sha256-modp2048 [xauth]="carol sesame-open" [vip]=$3
		[child.1]='assigned 10.2.0.0/24' [dns]=$server)
	peer_is alice "$1"
	peer_is bob "$2"
	peers conf
	# What takes name servers from a gateway: it writes them into the host's own resolv.conf.
	[ "$1" != strongswan ] || in_host alice sed -i 's/xauth-generic/& resolve/' /etc/strongswan.conf
	peer bob start
	peer alice start
}

# has_server: alice's daemon has told the name server to her programs
# shellcheck disable=SC2317
has_server()
{
	in_host alice cat /run/gapless/resolv/gapless.conf /etc/resolv.conf 2>/dev/null | grep -q "^nameserver $server"
}

# shellcheck disable=SC2317
has_address()
{
	in_host alice ip -4 -o address show | grep -q " $tunnel_vip/32"
}

# again child|ike ALICE: alice's daemon has rekeyed more often than that
# shellcheck disable=SC2317
again()
{
	[ "$(peer alice rekeyed "$1")" -gt "$2" ]
}

# session NAME: up, an address, traffic across another phase 1, down
session()
{
	local number before

	check "$1: it comes up" peer alice up
	check "$1: alice has the address" wait_until 10 has_address
	check "$1: alice has the name server" wait_until 10 has_server
	flow_start "$1" alice "$tunnel_vip" bob 10.2.0.1
	check "$1: traffic" flow_wait "$1" received 50
	before=$(peer alice rekeyed ike)
	check "$1: alice asks for another phase 1" peer alice rekey ike
	check "$1: it is there, with the password and the address once more" wait_until 20 again ike "$before"
	flow_number "$1-recv-alice" received
	check "$1: traffic goes on" flow_wait "$1" received $((number + 100))
	flow_stop "$1"
	flow_whole "$1: nothing lost" "$1"
	check "$1: it is deleted" peer alice down
	check "$1: the address goes" wait_until 10 not has_address
}

# refused NAME REGEX REGEX: it does not come up; alice's log and bob's say why
refused()
{
	check "$1: it does not come up" not peer alice up
	check "$1: alice is told: $2" wait_log "$(peer alice log)" "$2" 20
	check "$1: bob says: $3" wait_log "$(peer bob log)" "$3" 20
	check "$1: alice has no address" not has_address
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
in_host alice ip route add 10.2.0.0/24 via 192.0.2.2
in_host bob sh -c 'ip address add 10.2.0.1/24 dev lo; ip route add "$1" via 192.0.2.1 src 10.2.0.1' sh "$tunnel_vip"
link_delay alice eth0 10
link_delay bob eth0 10
capture_start wire alice:eth0 bob:eth0

# --- our client ---

begins keyd strongswan pull
session "client, pull"
tunnel[alice.xauth]="carol sesame-closed"
check "our client has another password" peer alice reload
refused "client, wrong password" 'the gateway refuses our name or password' "XAuth authentication of 'carol' failed"
keydctl alice explain >"$work/explain.txt"
check "keydctl explain names it" grep -q 'password-refused' "$work/explain.txt"
peers stop
begins keyd strongswan push
session "client, push"
peers stop

# --- our gateway ---

begins strongswan keyd pull
session "gateway, pull"
tunnel[alice.xauth]="carol sesame-closed"
check "strongSwan has another password" peer alice reload
refused "gateway, wrong password" "XAuth authentication of 'carol' \\(myself\\) failed" \
	'user "carol" is not known, or the password is another'
keydctl bob explain >"$work/explain.txt"
check "keydctl explain names it" grep -q 'password-wrong' "$work/explain.txt"
peers stop
begins strongswan keyd push
session "gateway, push"
tunnel[bob.totp]=yes
tunnel[alice.xauth]="carol sesame-open"
check "our gateway wants codes" peer bob reload
refused "gateway, no code" "XAuth authentication of 'carol' \\(myself\\) failed" 'user "carol" is not known, or the password is another'
tunnel[alice.totp]=yes
check "strongSwan has a code" peer alice reload
check "with a code it comes up" peer alice up
check "and is deleted" peer alice down
check "the same code is good once" not peer alice up
capture_stop wire
is "nothing in clear" "$(cleartext_count wire)" 0
is "no log has the password" "$(cat "$work"/*/keyd-*.log | grep -c sesame)" 0
peers stop
finish
