#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# keyd on alice tells the kernel through pfkeyv2.ko, keyd on bob through netlink: SAs with an AEAD and selectors, which af_key cannot carry, come
# up by the first packet, get new keys and end.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../../tests/netns/lib.sh"
# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"

spis()
{
	in_host alice ip xfrm state | awk '$3 == "spi" { print $4 }' | sort | xargs
}

# shellcheck disable=SC2317 # called by check
new_spis()
{
	[ "$(spis | wc -w)" = 2 ] && [ "$(spis)" != "$before" ]
}

# job NAME RULE OF ALICE, OF BOB
job()
{
	in_host alice "$bin/setkey" -FP
	in_host bob "$bin/setkey" -FP
	policy_pair alice 192.0.2.1 192.0.2.2 "$2"
	policy_pair bob 192.0.2.2 192.0.2.1 "$3"
	keyd_start alice --backend pfkey
	keyd_start bob
	check "$1: pings, the first one starts it" in_host alice ping -q -c 3 -i 0.2 -W 10 192.0.2.2
	is "$1: one pair of SAs" "$(sa_count alice) $(sa_count bob)" "2 2"
	is "$1: with an AEAD" "$(in_host alice ip xfrm state | grep -c 'aead rfc4106(gcm(aes))')" 2
	before=$(spis)
	check "$1: keydctl rekey" keydctl alice rekey --all
	check "$1: new keys, and the old ones go" wait_until 20 new_spis
	check "$1: packets flow with them" in_host alice ping -q -c 3 -i 0.2 -W 5 192.0.2.2
	check "$1: keydctl down" keydctl alice down --all
	check "$1: nothing is left" wait_until 10 eval '[ "$(sa_count alice)" = 0 ]'
	keyds_stop
}

pfkey_swap
hosts_alice_bob
job transport esp/transport//require esp/transport//require
job tunnel esp/tunnel/192.0.2.1-192.0.2.2/require esp/tunnel/192.0.2.2-192.0.2.1/require
pfkey_finish
