#!/bin/bash
# SPDX-License-Identifier: MIT
# keyd is killed as a whole beside Debian's strongSwan: both go on with the same SAs and message IDs, and nothing is lost.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"

missing=$(strongswan_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"
json=${O:-build}/tests/json

ike_spis()
{
	keydctl alice --json status | "$json" ike.# ike.0.spi_i ike.0.spi_r ike.0.children.# ike.0.children.0.spi_in
}

# rekeyed child|ike TIMES: so often, as strongSwan's log has it
rekeyed()
{
	[ "$(strongswan_rekeyed bob "$1")" = "$2" ]
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
secret_file alice 192.0.2.2
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
keyd_start alice
tunnel_new transport alice 192.0.2.1 bob 192.0.2.2
strongswan_conf bob
strongswan_start bob
check "a ping brings it up" in_host alice ping -q -c 1 -i 0.2 -w 20 192.0.2.2
flow_start killed alice 192.0.2.1 bob 192.0.2.2 200
flow_wait killed received 200 || not_ok "traffic flows"
before=$(ike_spis)
keyd_kill alice
keyd_again alice
is "the SAs are the same" "$(ike_spis)" "$before"
check "keyd rekeys the child" keydctl alice rekey 192.0.2.2 --child
check "strongSwan has it, too" wait_until 20 rekeyed child 1
check "strongSwan rekeys the child" swanctl bob --rekey --child gapless1
check "keyd has it, too" wait_until 20 rekeyed child 2
check "keyd rekeys the IKE SA" keydctl alice rekey 192.0.2.2 --ike
check "strongSwan has that, too" wait_until 20 rekeyed ike 1
keyd_kill alice
keyd_again alice
check "killed once more: strongSwan rekeys the IKE SA" swanctl bob --rekey --ike gapless
check "killed once more: keyd rekeys the child" keydctl alice rekey 192.0.2.2 --child
flow_number killed-recv-alice received
flow_wait killed received $((number + 100)) || not_ok "traffic goes on"
flow_stop killed
flow_whole "nothing is lost" killed bob
host_stop keyd-alice
strongswan_stop bob
finish
