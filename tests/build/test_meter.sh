#!/bin/bash
# SPDX-License-Identifier: MIT
# What tests make of the gap meter's count (tests/lib/meter.sh) is right: one packet more or less is told, whoever has lost it.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/lib/meter.sh
. "$here/../lib/meter.sh"

# in_host HOST …: what is said there, instead of asking
# shellcheck disable=SC2317 # called by meter_look
in_host()
{
	cat <<-END
		{"info":{"version":3,"seq":9,"gaps":${told[0]},"packets":${told[4]},"bytes":7,"held":${told[1]},"held_bytes":7,"dropped":${told[2]},"clear":${told[3]}},"paths":[{"gaps":99,"held":99}]}
		XfrmInNoStates          	99
		XfrmInStateSeqError     	${told[6]}
		XfrmInNoPols            	${told[5]}
		XfrmInTmplMismatch      	1
	END
}

# between BEFORE AFTER: seven numbers each, of both hosts
between()
{
	read -ra told <<<"$1"
	meter_begin f alice bob
	read -ra told <<<"$2"
	meter_end f alice bob
}

# says WHAT yes|no LOST BLOCKED [OTHERS]: of what went from alice to bob
says()
{
	local answer=no

	! meter_judge f "$3" "$4" alice bob "${@:5}" || answer=yes
	is "$1" "$answer" "$2"
}

meter=yes
#        gaps held dropped clear stray refused replayed
between '1 2 3 4 5 6 7' '1 2 3 4 5 6 7'
says "nothing is nothing" yes 0 0
says "a packet that nobody has seen" no 1 0
says "one that never was" yes 1 1
says "one that never was, and is here" no 0 1
says "no number" no unknown 0
is "in words" "$meter_says" "lost unknown; the gap meter: dropped 0, without an SA 0, in clear 0 of which refused 0; blocked 0, replayed 0"

between '0 0 0 0 0 0 0' '1 101 20 0 300 0 0'
says "dropped here, and without an SA there" yes 320 0
is "what it has seen" "$meter_seen" 320
says "one more" no 321 0
says "one less" no 319 0
says "held ones are not lost" no 421 0
says "what is refused with an error was seen, too" no 300 20
meter_sum f held alice bob
is "sums are of all hosts" "$sum" 202

between '0 0 0 40 0 0 0' '0 0 0 50 0 8 0'
says "in clear, and refused" yes 8 0
says "those that were taken are not lost" no 10 0
says "one of them was of somebody else" yes 7 0 1
says "not two" no 6 0 1
between '0 0 0 0 0 0 0' '0 0 0 2 0 9 0'
says "what is refused for another reason is not the meter's" yes 2 0
says "one was under way when its policy came" yes 3 0
says "a sender has one under way" no 4 0
between '0 0 0 2 0 0 0' '0 0 0 4 0 2 0'
says "what was not refused was not under way" no 3 0

between '0 0 0 0 0 0 0' '0 0 0 0 0 0 3'
says "the replay window is no matter of keys, and known" yes 3 0

unset told
meter=no
meter_begin g alice bob
meter_end g alice bob
is "without a meter nobody is asked" "${meter_was[g/alice]-none}" none
finish
