#!/bin/bash
# SPDX-License-Identifier: MIT
# With Debian's strongSwan as the other host: either side begins, either side rekeys and deletes, and nothing is lost.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"

missing=$(strongswan_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"

# both_start MODE RULE [BOB'S SECRET]
both_start()
{
	secret_file alice 192.0.2.2
	in_host alice "$bin/setkey" -FP
	policy_pair alice 192.0.2.1 192.0.2.2 "$2"
	keyd_start alice
	tunnel_new "$1" alice 192.0.2.1 bob 192.0.2.2
	tunnel[secret]=${3-$secret}
	strongswan_conf bob
	strongswan_start bob
}

both_stop()
{
	host_stop keyd-alice
	strongswan_stop bob
	in_host alice "$bin/setkey" -F
}

# rekeyed CHILD_SA|IKE_SA child|ike TIMES: so often, as both logs have it
rekeyed()
{
	[ "$(keyd_count alice "$1 result=rekeyed")" = "$3" ] && [ "$(strongswan_rekeyed bob "$2")" = "$3" ]
}

# rekeys NAME: each kind by each side, under traffic
rekeys()
{
	local name=$1 number

	check "$name: keyd rekeys the child" keydctl alice rekey 192.0.2.2 --child
	check "$name: strongSwan has it, too" wait_until 20 rekeyed CHILD_SA child 1
	check "$name: strongSwan rekeys the child" swanctl bob --rekey --child gapless1
	check "$name: keyd has it, too" wait_until 20 rekeyed CHILD_SA child 2
	check "$name: keyd rekeys the IKE SA" keydctl alice rekey 192.0.2.2 --ike
	check "$name: strongSwan has that, too" wait_until 20 rekeyed IKE_SA ike 1
	check "$name: strongSwan rekeys the IKE SA" swanctl bob --rekey --ike gapless
	check "$name: keyd has that, too" wait_until 20 rekeyed IKE_SA ike 2
	flow_number "$name-recv-alice" received
	flow_wait "$name" received $((number + 50)) || not_ok "$name: traffic goes on"
}

# gone: neither daemon has an SA, and alice's kernel sends on none (her old inbound SA stays for stragglers)
# shellcheck disable=SC2317
gone()
{
	[ -z "$(swanctl bob --list-sas)" ] && keydctl alice status | grep -q '^0 IKE SAs, 0 child SAs' &&
		[ "$(in_host alice ip xfrm state list nokeys src 192.0.2.1)" = "" ]
}

# job NAME MODE RULE FIRST ADDRESS COMMAND...: begun by FIRST's ping to ADDRESS, ended by the command
job()
{
	local name=$1 first=$4 to=$5

	both_start "$2" "$3"
	capture_start "$name" alice:eth0 bob:eth0
	check "$name: three pings, the first one starts it" in_host "$first" ping -q -c 3 -i 0.2 -W 10 "$to"
	flow_start "$name" alice 192.0.2.1 bob 192.0.2.2
	flow_wait "$name" received 50 || not_ok "$name: traffic flows"
	rekeys "$name"
	flow_stop "$name"
	flow_whole "$name: nothing lost" "$name" bob
	is "$name: nothing doubled" "$flow_duplicates" 0
	check "$name: deleted by $6" "${@:6}"
	check "$name: both sides have ended it" wait_until 10 gone
	capture_stop "$name"
	is "$name: nothing in clear" "$(cleartext_count "$name")" 0
	check "$name: ESP on the wire" [ "$(esp_count "$name")" -ge "$flow_received" ]
	both_stop
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
link_delay alice eth0 20
link_delay bob eth0 20

job transport transport esp/transport//require alice 192.0.2.2 keydctl alice down 192.0.2.2
job tunnel tunnel esp/tunnel/192.0.2.1-192.0.2.2/require bob 192.0.2.1 swanctl bob --terminate --ike gapless

both_start transport esp/transport//require "another secret"
in_host alice ping -q -c 1 -W 1 192.0.2.2 >/dev/null
check "wrong secret: keyd says so" wait_log keyd-alice 'the peer refused IKE_AUTH: AUTHENTICATION_FAILED .* secret' 10
in_host bob ping -q -c 1 -W 1 192.0.2.1 >/dev/null
check "wrong secret, begun by strongSwan: keyd says so" wait_log keyd-alice '"192.0.2.2" does not have the same secret' 10
check "wrong secret, begun by strongSwan: it is told" wait_log charon-bob 'received AUTHENTICATION_FAILED' 10
is "wrong secret: no SA" "$(in_host alice ip xfrm state list nokeys | grep -c 'spi 0x0*[1-9a-f]')" 0
both_stop
finish
