#!/bin/bash
# SPDX-License-Identifier: MIT
# A peer that is not there any more: its SAs leave the kernel, who watches is told, and when it is back the next packet goes.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

json=${O:-build}/tests/json

conf()
{
	conf_file "$1" <<-END
		peer $2 {
			psk "$secret"
			dpd 2s
			retransmit 200ms 4
			linger 1s
		}
	END
}

# pairs_are NUMBER: children on both sides; for wait_until
# shellcheck disable=SC2317
pairs_are()
{
	sas_are alice $((2 * $1)) && sas_are bob $((2 * $1))
}

# watched EVENT SPI: how often "keydctl watch" on alice has told of it; SPI: how the child's begins, "-" where there is none
watched()
{
	"$json" event remote spi_in <"$(host_log watch)" | grep -c "^$1 192.0.2.2 $2"
}

# Where both sides began at once, two came and one of them went again.
# shellcheck disable=SC2317
one_is_up()
{
	local ups

	ups=$(watched ike-up -)
	[ "$ups" -ge 3 ] && [ "$ups" = $(($(watched ike-down -) + 1)) ]
}

works()
{
	check "$1: a ping goes" in_host alice ping -q -c 1 -i 0.2 -w 15 192.0.2.2
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
conf alice 192.0.2.2
conf bob 192.0.2.1
keyds_start
host_spawn alice watch "$bin/keydctl" --json watch
works "both are there"
check "both are there: one pair of SAs" wait_until 10 pairs_are 1

# --- the link is down: both think the other one dead ---

in_host bob ip link set eth0 down
keyd_said alice 'IKE_SA result=down peer=192.0.2.2 .*: no answer to INFORMATIONAL liveness after 4 sendings: the peer counts as dead' 30
keyd_said alice 'CHILD_SA result=down peer=192.0.2.2 .*: no answer to INFORMATIONAL liveness after 4 sendings: the peer counts as dead'
keyd_said bob 'IKE_SA result=down peer=192.0.2.1 .*: the peer counts as dead' 30
check "link down: no SA is left on either side" wait_until 10 pairs_are 0
is "link down: keydctl status knows" "$(keydctl alice --json status | "$json" stats.ike_now stats.child_now stats.dpd_dead ike.#)" "0 0 1 0"
is "link down: who watches has heard" "$(watched ike-up -) $(watched child-up 0x) $(watched child-down 0x) $(watched ike-down -)" \
	"1 1 1 1"
is "link down: and why" "$(grep '"ike-down"' "$(host_log watch)" | "$json" text)" \
	"no answer to INFORMATIONAL liveness after 4 sendings: the peer counts as dead"
in_host bob ip link set eth0 up
works "link up"
check "link up: one pair of SAs" wait_until 10 pairs_are 1

# --- the peer is killed: it does not even say good-bye ---

keyd_kill bob
keyd_said alice 'IKE_SA result=down .*: the peer counts as dead' 30
check "peer killed: no SA is left here" wait_until 20 sas_are alice 0
check "peer killed: the kernel there keeps its SAs" sas_are bob 2
check "peer killed: a ping has no answer" not in_host alice ping -q -c 1 -W 1 192.0.2.2
keyd_said alice 'IKE_SA result=failed .*: no answer to IKE_SA_INIT after 4 sendings: the peer counts as dead'
keyd_start bob
works "peer is back"
check "peer is back: its old SAs are gone" wait_until 20 pairs_are 1
check "who watches has heard of one IKE SA more that came than went" wait_until 10 one_is_up

# --- it goes for good: down is told to the other side at once ---

check "keydctl down" keydctl alice down --all
check "keydctl down: no SA is left on either side" wait_until 10 pairs_are 0
host_stop watch
keyds_stop
finish
