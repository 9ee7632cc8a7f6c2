#!/bin/bash
# SPDX-License-Identifier: MIT
# IKEv1 with Debian's strongSwan as the other host: either side begins, either side rekeys and deletes, and nothing is lost.
# timeout: 900

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"

missing=$(strongswan_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"

# both_start MODE RULE [WORD...]: more of keyd.conf
both_start()
{
	local mode=$1 rule=$2

	shift 2
	conf_file alice <<-END
		peer 192.0.2.2 {
			local 192.0.2.1
			version 1
			psk "${tunnel_secret-$secret}"
			ike aes128-sha256-modp2048
			esp aes128-sha256-modp2048
			dpd 4s
			$(printf '%s\n' "$@")
		}
	END
	in_host alice "$bin/setkey" -FP
	policy_pair alice 192.0.2.1 192.0.2.2 "$rule"
	keyd_start alice
	tunnel_new "$mode" alice 192.0.2.1 bob 192.0.2.2
	tunnel[version]=1
	tunnel[ike]=aes128-sha256-modp2048
	tunnel[esp]=aes128-sha256-modp2048
	[[ $* != *aggressive* ]] || tunnel[aggressive]=yes
	strongswan_conf bob
	strongswan_start bob
}

both_stop()
{
	host_stop keyd-alice
	strongswan_stop bob
	in_host alice "$bin/setkey" -F
}

# children KIND: what alice's kernel sends on now is not what it was
new_spi()
{
	[ "$(sends_on)" != "$1" ]
}

sends_on()
{
	keydctl alice --json status | "${O:-build}/tests/json" ike.0.children.0.spi_out
}

rekeyed()
{
	[ "$(keyd_count alice "$1 result=rekeyed")" -ge "$2" ]
}

# rekeys NAME: each kind by each side, under traffic
rekeys()
{
	local name=$1 number

	check "$name: keyd rekeys the child" keydctl alice rekey 192.0.2.2 --child
	check "$name: it is up" wait_until 20 rekeyed CHILD_SA 1
	check "$name: strongSwan rekeys the child" swanctl bob --rekey --child gapless1
	check "$name: keyd has it, too" wait_until 20 rekeyed CHILD_SA 2
	check "$name: keyd rekeys the ISAKMP SA" keydctl alice rekey 192.0.2.2 --ike
	check "$name: it is up" wait_until 20 rekeyed IKE_SA 1
	check "$name: strongSwan rekeys the ISAKMP SA" swanctl bob --rekey --ike gapless
	check "$name: keyd has that, too" wait_until 20 rekeyed IKE_SA 2
	flow_number "$name-recv-alice" received
	flow_wait "$name" received $((number + 600)) || not_ok "$name: traffic goes on"
	check "$name: once more keyd rekeys the child, on strongSwan's ISAKMP SA" keydctl alice rekey 192.0.2.2 --child
	check "$name: it is up" wait_until 20 rekeyed CHILD_SA 3
	flow_number "$name-recv-alice" received
	flow_wait "$name" received $((number + 600)) || not_ok "$name: traffic goes on"
}

# gone: neither daemon has an SA, and alice's kernel sends on none (her old inbound SA stays for stragglers)
# shellcheck disable=SC2317
gone()
{
	[ -z "$(swanctl bob --list-sas)" ] && keydctl alice status | grep -q '^0 IKE SAs, 0 child SAs' &&
		[ "$(in_host alice ip xfrm state list nokeys src 192.0.2.1)" = "" ]
}

# job NAME MODE RULE WORDS FIRST ADDRESS COMMAND...: begun by FIRST's ping to ADDRESS, ended by the command
job()
{
	local name=$1 first=$5 to=$6

	both_start "$2" "$3" "$4"
	capture_start "$name" alice:eth0 bob:eth0
	check "$name: three pings, the first one starts it" in_host "$first" ping -q -c 3 -i 0.2 -W 10 "$to"
	flow_start "$name" alice 192.0.2.1 bob 192.0.2.2
	flow_wait "$name" received 50 || not_ok "$name: traffic flows"
	rekeys "$name"
	flow_stop "$name"
	flow_whole "$name: nothing lost" "$name" bob
	is "$name: nothing doubled" "$flow_duplicates" 0
	check "$name: deleted by $7" "${@:7}"
	check "$name: both have nothing any more" wait_until 20 gone
	capture_stop "$name"
	is "$name: nothing in clear" "$(cleartext_count "$name")" 0
	both_stop
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24

job keyd-begins transport esp/transport//require "" alice 192.0.2.2 keydctl alice down 192.0.2.2
job strongswan-begins tunnel esp/tunnel/192.0.2.1-192.0.2.2/require "" bob 192.0.2.1 strongswan_down bob
job aggressive tunnel esp/tunnel/192.0.2.1-192.0.2.2/require "exchange aggressive" alice 192.0.2.2 keydctl alice down 192.0.2.2
finish
