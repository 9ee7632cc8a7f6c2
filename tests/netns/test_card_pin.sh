#!/bin/bash
# SPDX-License-Identifier: MIT
# The PIN of a card, with strongSwan as the other host: one that is typed late, before the tunnel and under its traffic; and a wrong one in a
# file, over restarts, of which the card has counted one.
# timeout: 300

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/card_peer.sh
. "$netns_dir/../lib/card_peer.sh"

# explains REASON: for wait_until
# shellcheck disable=SC2317
explains()
{
	keydctl alice explain >"$work/explain" 2>&1
	grep -qE "failed: $1\$" "$work/explain"
}

# state STATE: of the card, as keydctl has it; for wait_until
# shellcheck disable=SC2317
state()
{
	[ "$(keydctl alice --json token list | "$json" tokens.0.state)" = "$1" ]
}

tries()
{
	card_say card info | grep -o 'user=[0-9]'
}

card_peer_hosts

# --- late: what needs it fails at once and says so, and begins by itself ---
alice_conf "pin ask"
keyd_start alice
check "late: the card is locked" wait_until 60 state locked
host_spawn alice ping ping -c 20 -i 1 -W 60 192.0.2.2
keyd_fails alice 5 'there is nobody to ask' "$bin/keydctl" --timeout 20 up bob
check "late: alice explains it" wait_until 20 explains token-locked || note "$(cat "$work/explain")"
check "late: and what helps" grep -q 'keydctl token unlock' "$work/explain"
keyd_fails alice 1 'is locked' "$bin/keydctl" token check
check "late: there is no tunnel" ikes 0
check "late: the PIN is typed" keydctl alice token unlock --fd 0 <<<123456
check "late: the tunnel begins by itself" wait_until 60 ikes 1
check "late: what has waited gets its answers" wait_log ping ', 20 received' 90 || note "$(tail -n 3 "$(host_log ping)")"

# --- the same under traffic ---
traffic load
check "locked: the PIN is forgotten" keydctl alice token lock
check "locked: so it is" wait_until 20 state locked
keyd_fails alice 1 'locked' "$bin/keydctl" --timeout 20 reauth bob
check "locked: strongSwan rekeys the child" swanctl bob --rekey --child gapless1
check "locked: alice has it, too" wait_until 60 rekeyed CHILD_SA 1
is "locked: the tunnel is there" "$(strongswan_ikes bob)" 1
check "locked: the PIN is typed" keydctl alice token unlock --fd 0 <<<123456
check "locked: alice reauthenticates" keydctl alice --timeout 60 reauth bob
traffic_ends load
flow_whole "locked: nothing is lost" load bob
is "no try was lost" "$(tries)" user=3

# --- wrong, in a file, over restarts ---
keydctl alice down bob >"$work/down" 2>&1
host_stop keyd-alice
alice_conf "pin file $(token_pin wrong 999999)"
for round in 1 2 3; do
	keyd_again alice
	check "wrong, start $round: the card is there" wait_until 60 state locked
	keyd_fails alice 5 'there is nobody to ask' "$bin/keydctl" --timeout 20 up bob
	check "wrong, start $round: alice explains it" wait_until 20 explains token-pin || note "$(cat "$work/explain")"
	is "wrong, start $round: it was tried once" "$(tries)" user=2
	[ $round = 3 ] || host_stop keyd-alice
done
check "wrong: the card is pulled out" card_remove card
check "wrong: and put back" card_insert card
check "wrong: it is locked" wait_until 60 state locked
check "wrong: strongSwan wants a tunnel, and gets none" not swanctl bob --initiate --child gapless1 --timeout 30
check "wrong: reload" keydctl alice reload
keyd_fails alice 5 'there is nobody to ask' "$bin/keydctl" --timeout 20 up bob
is "wrong: it was tried once" "$(tries)" user=2
check "wrong: a person types the right one" keydctl alice token unlock --fd 0 <<<123456
check "wrong: the tunnel begins by itself" wait_until 60 ikes 1
check "wrong: a ping" in_host alice ping -q -c 1 -W 20 192.0.2.2
card_peer_end
