#!/bin/bash
# SPDX-License-Identifier: MIT
# A tunnel by a card, with strongSwan as the other host, under traffic: the card is pulled out ("pulled keep"), both sides rekey child and
# IKE SA without it; pcscd crashes and comes back, keyd-card and keyd's role are killed: nothing is lost.
# timeout: 300

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/card_peer.sh
. "$netns_dir/../lib/card_peer.sh"

card_peer_hosts
alice_conf "pin file $pin" "pulled keep"
keyd_start alice
wait_until 60 ready || not_ok "the card is ready"
check "a tunnel" keydctl alice --timeout 60 up bob || note "$(keydctl alice explain)"
traffic load

# --- pulled out: both sides rekey ---
check "the card is pulled out" card_remove card
keyd_said alice 'token: state=absent' 60
keyd_fails alice 1 'is not there' "$bin/keydctl" --timeout 20 reauth bob
check "alice rekeys" keydctl alice --timeout 60 rekey bob --child --ike
check "strongSwan rekeys the child" swanctl bob --rekey --child gapless1
check "alice has it, too" wait_until 60 rekeyed CHILD_SA 2
check "strongSwan rekeys the IKE SA" swanctl bob --rekey --ike gapless
check "alice has that, too" wait_until 60 rekeyed IKE_SA 2
check "the card is put back" card_insert card
check "it is ready" wait_until 60 ready
check "and signs: alice reauthenticates" keydctl alice --timeout 60 reauth bob

# --- what crashes ---
card_readers_end KILL
keyd_said alice 'pcscd is not there' 60
card_readers_start || not_ok "pcscd is back"
check "pcscd crashed, and the card is ready again" wait_until 60 ready
workers_of alice || not_ok "there are processes for tokens"
# shellcheck disable=SC2086
kill -KILL $workers
check "they are killed, and others are there" wait_until 60 other_workers alice
check "the card is ready again" wait_until 60 ready
role_pid alice card && kill -KILL "$pid"
keyd_said alice 'a role is back: role=card' 60
check "the role is killed, and the card is ready again" wait_until 60 ready
is "the tunnel is there" "$(strongswan_ikes bob)" 1
check "it is proved anew" keydctl alice --timeout 60 reauth bob
traffic_ends load
flow_whole "nothing is lost" load bob
card_peer_end
