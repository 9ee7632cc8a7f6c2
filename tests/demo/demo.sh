#!/bin/bash
# SPDX-License-Identifier: MIT
# Shows the job: two hosts, the same few lines of policy, one secret; a ping, traffic under load, rekeys from both sides.
#
#	+-- alice -----+   20 ms each way   +-- bob -------+
#	|  192.0.2.1   +--------------------+  192.0.2.2   |
#	+--------------+                    +--------------+
#
# usage: make demo [PEER=strongswan] [DEMO_…=…]; tests/demo/demo.sh itself wants a kernel with ESP (tests/lab)
#
#   PEER=gapless|strongswan        what bob runs (gapless)
#   AUTH=card                      another demonstration: tests/demo/card.sh
#   DEMO_ALICE=gapless|strongswan  what alice runs (gapless); both strongSwan: a control that shows what is not our doing
#   DEMO_INITIATOR=alice|bob       who sends the first packet (alice)
#   DEMO_MODE=transport|tunnel     (transport)
#   DEMO_ROUNDS=3                  rounds of four rekeys: either kind, by either side
#
# Exit code 0: nothing was lost, nothing went in clear, and each side did at least three rekeys of each kind.

here=$(dirname "$0")
# shellcheck source=tests/netns/lib.sh
. "$here/../netns/lib.sh"
meter=no
# shellcheck source=tests/lib/peer.sh
. "$here/../lib/peer.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$here/../lib/strongswan.sh"
# shellcheck source=tests/demo/show.sh
. "$here/show.sh"
# shellcheck source=tests/demo/gapless.sh
. "$here/gapless.sh"
# shellcheck source=tests/demo/strongswan.sh
. "$here/strongswan.sh"

PATH=$PATH:/usr/sbin:/sbin
declare -A kind=([alice]=${DEMO_ALICE:-gapless} [bob]=${PEER:-gapless})
declare -A address=([alice]=192.0.2.1 [bob]=192.0.2.2)
mode=${DEMO_MODE:-transport}
rounds=${DEMO_ROUNDS:-3}
first=${DEMO_INITIATOR:-alice}
rate=200

usage()
{
	echo "demo: $*" >&2
	exit 2
}

[[ ${kind[alice]} =~ ^(gapless|strongswan)$ ]] || usage "DEMO_ALICE is gapless or strongswan, not ${kind[alice]}"
[[ ${kind[bob]} =~ ^(gapless|strongswan)$ ]] || usage "PEER is gapless or strongswan, not ${kind[bob]}"
[[ $mode =~ ^(transport|tunnel)$ ]] || usage "DEMO_MODE is transport or tunnel, not $mode"
[[ $first =~ ^(alice|bob)$ ]] || usage "DEMO_INITIATOR is alice or bob, not $first"
[[ $rounds =~ ^[0-9]+$ ]] || usage "DEMO_ROUNDS is a number, not $rounds"

other()
{
	[ "$1" = alice ] && echo bob || echo alice
}

# Each kind of daemon has configure, run, rekey, rekeyed and show: in gapless.sh and strongswan.sh.
act()
{
	"${kind[$1]}_$2" "$1" "${@:3}"
}

# settled KIND TIMES: so many rekeys of this kind, as either side's log has it
settled()
{
	[ "$(act alice rekeyed "$1")" -ge "$2" ] && [ "$(act bob rekeyed "$1")" -ge "$2" ]
}

# rekey HOST child|ike: under load; done when both sides say so and another half second of traffic has arrived
rekey()
{
	local number before

	before=$(act alice rekeyed "$2")
	act "$1" rekey "$2" && wait_until 20 settled "$2" $((before + 1)) || fail "no rekey ($2) by $1"
	flow_number load-recv-alice received
	flow_wait load received $((number + rate)) || fail "traffic goes on"
}

failed=0
SECONDS=0

headline "Two hosts, 20 ms apart: alice runs ${kind[alice]}, bob runs ${kind[bob]} (on Linux $(uname -r))"
host_new alice
host_new bob
link_new alice "${address[alice]}/24" bob "${address[bob]}/24"
link_delay alice eth0 20
link_delay bob eth0 20
act alice configure
act bob configure

headline "Policies and daemons; tcpdump looks on at alice (of ESP it shows each SA's first two packets)"
capture_start demo alice:eth0 bob:eth0 || fail "the capture does not start"
wire_show || fail "tcpdump does not start"
act alice run
act bob run

headline "The first packet starts it"
show "$first" ping -c 3 -i 0.5 -W 10 "${address[$(other "$first")]}" || fail "ping gets no answer"
[ "${kind[alice]}" = gapless ] && show alice setkey -D

headline "Load: $rate packets/s each way"
flow_start load alice "${address[alice]}" bob "${address[bob]}" $rate && flow_wait load received $((2 * rate)) ||
	fail "traffic does not flow"
{ act alice show && act bob show; } >/dev/null # while that is measured, programs shall start, as in the rekeys
quiet_gap_ms=$(longest_gap)

for round in $(seq "$rounds"); do
	headline "Rekeys under load, round $round of $rounds: the ESP keys by alice and by bob, then those of IKE"
	for what in child ike; do
		rekey alice $what
		rekey bob $what
	done
done

headline "What came of it"
act alice show
act bob show
[ "${kind[alice]}" = gapless ] && show alice setkey -D
flow_stop load
wire_hide
capture_stop demo || fail "the capture has lost packets, so it does not know"
for what in child ike; do
	for host in alice bob; do
		echo "rekeys of $what SAs by $host: $(act $host rekeyed $what initiator)"
		[ "$(act $host rekeyed $what initiator)" -ge 3 ] || fail "too few"
	done
done
cleartext=$(cleartext_count demo)
rekeys=$(($(act alice rekeyed child) + $(act alice rekeyed ike)))
echo "on the wire: $(capture_count demo 'udp port 500 or udp port 4500') packets of IKE, $(esp_count demo) of ESP"
echo "longest time without a packet: $flow_gap_ms ms; before the first rekey, $quiet_gap_ms ms; duration: $SECONDS s"
[ "$flow_lost" = 0 ] && [ "$cleartext" = 0 ] || failed=1
[ $failed = 0 ] || hosts_report
echo "demo: sent=$flow_sent received=$flow_received lost=$flow_lost cleartext=$cleartext rekeys=$rekeys"
tap_failed=$failed # the report is out already, and the line above is the last
exit $failed
