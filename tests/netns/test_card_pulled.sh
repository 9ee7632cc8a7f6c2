#!/bin/bash
# SPDX-License-Identifier: MIT
# What becomes of a tunnel under traffic, with strongSwan as the other host, while its card is out: "pulled no-rekey", "down after", "down";
# that it comes back with the card, and that what was to be sent here meanwhile has waited.
# timeout: 300

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/card_peer.sh
. "$netns_dir/../lib/card_peer.sh"

# takes SETTING…: alice has them, and a tunnel
takes()
{
	alice_conf "pin file $pin" "$@"
	check "$*: alice takes it" keydctl alice reload
	check "$*: a tunnel" wait_until 60 ikes 1
}

# pull NAME: sets before, how often strongSwan had been told by then that an IKE SA ends
pull()
{
	before=$(deletes)
	check "$1: the card is pulled out" card_remove card
	check "$1: alice sees it" wait_until 60 not ready
}

deletes()
{
	grep -c 'received DELETE for IKE_SA' "$(host_log charon-bob)"
}

# ends NAME: at both ends, and strongSwan was told
ends()
{
	check "$1: it ends" wait_until 60 ikes 0
	check "$1: strongSwan is told" [ "$(deletes)" -gt "$before" ]
	is "$1: alice has none either" "$(keydctl alice status | grep -c '  established  ')" 0
}

back()
{
	check "$1: the card is put back" card_insert card
	check "$1: the tunnel comes back" wait_until 60 ikes 1
	check "$1: a ping" in_host alice ping -q -c 1 -W 20 192.0.2.2
}

# all_arrived FLOW: nothing that alice sent is on its way, but what comes next
# shellcheck disable=SC2317
all_arrived()
{
	local highest

	flow_number "$1-recv-bob" highest || return
	highest=$number
	flow_number "$1-recv-bob" received && [ "$number" -ge "$highest" ]
}

# seconds_between REGEX REGEX: in alice's log, from the last line that has the one to the last that has the other; into $number, whole
seconds_between()
{
	number=$(awk -F '[: ]' -v from="$1" -v to="$2" '{ t = $1 * 3600 + $2 * 60 + $3 } $0 ~ from { a = t } $0 ~ to { b = t }
		END { print int(b < a ? b - a + 86400 : b - a) }' "$(host_log keyd-alice)")
}

card_peer_hosts
alice_conf "pin file $pin" "pulled no-rekey" "lifetime ike 40s" "rekey jitter 0%"
keyd_start alice
wait_until 60 ready || not_ok "the card is ready"
check "a tunnel" keydctl alice --timeout 60 up bob || note "$(keydctl alice explain)"
traffic slow 2 7001 # the kernel keeps a hundred packets that wait for a tunnel: here, for 50 s
traffic load

# --- no rekey ---
pull "no-rekey"
check "no-rekey: strongSwan wants to rekey" swanctl bob --rekey --child gapless1
check "no-rekey: and is put off" wait_log charon-bob 'CREATE_CHILD_SA response .*N\(TEMP_FAIL\)' 30
traffic_ends load
flow_whole "no-rekey: until then nothing is lost" load bob
check "no-rekey: the tunnel is there" ikes 1
keyd_said alice 'IKE_SA result=expired .*it is not renewed, as the token with our key is away' 60
ends "no-rekey"
back "no-rekey"
is "no-rekey: nothing was rekeyed" "$(keyd_count alice '_SA result=rekeyed')" 0

# --- down after a while ---
takes "pulled down after 8s"
pull "down after 8s"
check "down after 8s: the tunnel is there" ikes 1
ends "down after 8s"
seconds_between 'token: state=absent' 'token result=pulled'
# shellcheck disable=SC2154
check "down after 8s: and not sooner ($number s)" [ "$number" -ge 7 ]
back "down after 8s"

# --- down ---
takes "pulled down"
pull "down"
ends "down"
back "down"

# What has waited at strongSwan's side leaves as soon as that has answered, which is before alice can know whom she talks to. What has waited at
# alice's leaves when her kernel looks again, which may be half as long after as there was no tunnel.
wait_until 60 all_arrived slow
traffic_ends slow 4
flow_number slow-send-alice sent
sent=$number
flow_number slow-recv-bob received
is "what alice sends while there is no tunnel waits for it" "$number" "$sent"
card_peer_end
