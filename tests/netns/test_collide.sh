#!/bin/bash
# SPDX-License-Identifier: MIT
# Both sides rekey at the same moment, again and again, with strongSwan and with keyd: nothing is lost, one child remains.
# timeout: 500

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"

# How long a round is waited for; strongSwan asks again after 1 s, and where it answers TEMPORARY_FAILURE we after 2 s at most.
round_seconds=30

keyd_rekey()
{
	keydctl alice rekey 192.0.2.2 "--$1" >/dev/null
}

bob_rekey()
{
	if [ "$peer" = strongswan ]; then
		strongswan_rekey bob "$1" >/dev/null
	else
		keydctl bob rekey 192.0.2.1 "--$1" >/dev/null
	fi
}

# rekeys_so_far KIND: of alice's
rekeys_so_far()
{
	keyd_count alice "${1^^}_SA result=rekeyed"
}

crossed()
{
	keyd_count alice 'result=(redundant|dropped)'
}

# shellcheck disable=SC2317
more_rekeys()
{
	[ "$(rekeys_so_far "$1")" -gt "$2" ]
}

# Requests that strongSwan's side has made; swanctl takes its time to begin.
bob_requests()
{
	grep -cE '(initiating IKE|establishing CHILD)_SA' "$(host_log charon-bob)"
}

# shellcheck disable=SC2317
bob_has_begun()
{
	[ "$peer" != strongswan ] || [ "$(bob_requests)" -gt "$1" ]
}

# at_once NAME KIND ROUNDS: both sides rekey at the same moment, so often. The order in which they are started alternates.
at_once()
{
	local round before requests stuck=0

	for ((round = 0; round < $3; round++)); do
		before=$(rekeys_so_far "$2")
		requests=$([ "$peer" != strongswan ] || bob_requests)
		if [ $((round % 2)) = 0 ]; then
			bob_rekey "$2" &
			wait_until 10 bob_has_begun "$requests" || stuck=$((stuck + 1))
			keyd_rekey "$2"
		else
			keyd_rekey "$2" &
			bob_rekey "$2"
		fi
		wait $!
		wait_until $round_seconds more_rekeys "$2" "$before" || stuck=$((stuck + 1))
	done
	is "$1: each of $3 rounds has rekeyed" "$stuck" 0
}

# shellcheck disable=SC2317
one_left()
{
	keydctl alice status | grep -q '^1 IKE SA, 1 child SA,' || return 1
	[ "$(sa_count alice) $(sa_count bob)" = "2 2" ]
}

# under_traffic NAME ROUNDS IKE-ROUNDS
under_traffic()
{
	local name=$1 before number more swan=

	[ "$peer" != strongswan ] || swan=bob
	capture_start "$name" alice:eth0 bob:eth0
	flow_start "$name" alice 192.0.2.1 bob 192.0.2.2 200
	flow_wait "$name" received 100 || not_ok "$name: traffic flows"
	before=$(crossed)
	at_once "$name, children" child "$2"
	# Two commands at once need not cross where a processor is shared; near strongSwan they hardly ever do.
	for ((more = 0; more < 10; more++)); do
		[ "$name" != strongSwan ] && [ "$(crossed)" -le "$before" ] || break
		at_once "$name, children once more" child 1
	done
	[ "$name" = strongSwan ] || check "$name: some of them crossed" [ "$(crossed)" -gt "$before" ]
	# strongSwan forgets an old child's inbound SA that waits for its end when the IKE SA is rekeyed meanwhile.
	check "$name: one child is left" wait_until 60 one_left
	at_once "$name, IKE SAs" ike "$3"
	check "$name: one child and one IKE SA are left" wait_until 60 one_left
	flow_number "$name-recv-alice" received
	flow_wait "$name" received $((number + 100)) || not_ok "$name: traffic goes on"
	flow_stop "$name"
	flow_whole "$name: nothing lost" "$name" $swan
	is "$name: nothing doubled" "$flow_duplicates" 0
	capture_stop "$name"
	is "$name: nothing in clear" "$(cleartext_count "$name")" 0
	note "$name: $(crossed) crossed, $(rekeys_so_far child) children and $(rekeys_so_far ike) IKE SAs rekeyed"
}

settings()
{
	conf_file "$1" <<-END
		secrets "psk.txt"
		default {
			linger 5s
		}
	END
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
link_delay alice eth0 100
link_delay bob eth0 100
settings alice
settings bob
secret_file alice 192.0.2.2
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require

peer=keyd
secret_file bob 192.0.2.1
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
keyds_start
check "keyd: it comes up" in_host alice ping -q -c 2 -i 0.2 -W 10 192.0.2.2
under_traffic keyd 5 3
keyds_stop
in_host alice "$bin/setkey" -F
in_host bob "$bin/setkey" -F
in_host bob "$bin/setkey" -FP

missing=$(strongswan_missing)
if [ -n "$missing" ]; then
	skip "with strongSwan" "not installed: $missing"
	finish
fi
peer=strongswan
link_delay alice eth0 20
link_delay bob eth0 20
keyd_start alice
tunnel_new transport alice 192.0.2.1 bob 192.0.2.2
tunnel[secret]=$secret
strongswan_conf bob
in_host bob sed -i 's/replay_window = 128/&\n    delete_rekeyed_delay = 5/' /etc/strongswan.conf
strongswan_start bob
check "strongSwan: it comes up" in_host alice ping -q -c 2 -i 0.2 -W 10 192.0.2.2
under_traffic strongSwan 8 4
# So far apart that our request is sure to leave before strongSwan's is there.
link_delay alice eth0 1000
link_delay bob eth0 1000
under_traffic "strongSwan far away" 3 2
host_stop keyd-alice
strongswan_stop bob
finish
