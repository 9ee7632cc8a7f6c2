#!/bin/bash
# SPDX-License-Identifier: MIT
# Shows what a smart card is good for: a tunnel that begins when its PIN is typed, outlives the card, or ends with it and comes back.
#
#	+-- alice -----+   20 ms each way   +-- bob -------+
#	|  192.0.2.1   +--------------------+  192.0.2.2   |
#	+--- [card] ---+                    +--------------+
#
# usage: make demo AUTH=card; tests/demo/card.sh itself wants a kernel with ESP (tests/lab)
#
# The card is an OpenPGP card in software (tests/card/README.md) behind a real pcscd. Exit code 0: nothing was lost while the card was away,
# nothing went in clear, the tunnel ended and came back as configured, and no PIN was tried in vain.

here=$(dirname "$0")
# shellcheck source=tests/netns/lib.sh
. "$here/../netns/lib.sh"
meter=no
# shellcheck source=tests/lib/certs.sh
. "$here/../lib/certs.sh"
# shellcheck source=tests/lib/card.sh
. "$here/../lib/card.sh"
# shellcheck source=tests/lib/token.sh
. "$here/../lib/token.sh"
# shellcheck source=tests/demo/show.sh
. "$here/show.sh"

PATH=$PATH:/usr/sbin:/sbin
rate=200
[ "${PEER:-gapless}" = gapless ] || { echo "demo: AUTH=card has bob run gapless" >&2; exit 2; }
lacks=$(card_lacks) && [ -n "$lacks" ] && { echo "demo: $lacks" >&2; exit 2; }
trap 'card_cleanup; at_exit' EXIT

# conf WHAT: alice's, with "pulled WHAT"
conf()
{
	conf_file alice <<-END
		module native
		peer bob {
		    address 192.0.2.2
		    id local alice.example.org
		    id remote bob.example.org
		    cert pkcs11:               # the certificate on the card, and its key
		    ca $certs/root.pem
		    pin ask keep               # somebody types it; it may be used again when the card was away
		    pulled $1
		}
	END
}

# established HOST NUMBER, rekeyed child|ike TIMES, pulled: for wait_until
established()
{
	[ "$(keydctl "$1" status | grep -c '  established  ')" = "$2" ]
}

rekeyed()
{
	[ "$(keyd_count alice "$1 result=rekeyed .* as")" -ge "$2" ] && [ "$(keyd_count bob "$1 result=rekeyed .* as")" -ge "$2" ]
}

failed=0
SECONDS=0

headline "Two hosts, 20 ms apart; alice's key is on a smart card (on Linux $(uname -r))"
host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
link_delay alice eth0 20
link_delay bob eth0 20
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
token_home
cards_home || fail "pcscd does not start"
card_fill card openpgp auth alice-ec256 || fail "there is no card"
show alice opensc-tool --list-readers
conf keep
show alice cat /etc/gapless/keyd.conf
certs_conf bob "$(own bob-ec256)" "ca $certs/root.pem, $certs/inter.pem"
capture_start demo alice:eth0 bob:eth0 || fail "the capture does not start"
wire_show || fail "tcpdump does not start"
for host in alice bob; do
	echo "$host# keyd -f /etc/gapless/keyd.conf &"
	keyd_start $host
done
show alice keydctl token list

headline "Without its PIN there is no tunnel, and nobody guesses: the first packet waits"
host_spawn alice ping ping -c 30 -i 0.5 192.0.2.2
wait_log keyd-alice 'no signature|is locked, and there is no PIN' 20 || fail "the card is not locked"
show alice keydctl token check && fail "the card is not locked"

headline "Somebody types the PIN: the tunnel comes up by itself"
echo "alice# keydctl token unlock"
keydctl alice token unlock --fd 0 <<<123456 || fail "the PIN is not taken"
wait_until 30 established alice 1 || fail "the tunnel does not come up"
wait_log ping 'bytes from' 20 || fail "ping gets no answer"
host_stop ping
grep -m 1 'bytes from' "$work/alice/ping.log"
show alice keydctl token list
show bob keydctl status

headline "Load, $rate packets/s each way; the card is pulled out, and rekeys go on: \"pulled keep\""
flow_start load alice 192.0.2.1 bob 192.0.2.2 $rate && flow_wait load received $((2 * rate)) || fail "traffic does not flow"
echo "(the card is pulled out)"
card_remove card || fail "the card is still there"
wait_log keyd-alice 'token: state=absent' 20 || fail "nobody sees it"
show alice keydctl token check
for host in alice bob; do
	show $host keydctl rekey --child --ike "$([ $host = alice ] && echo bob || echo alice)" || fail "no rekey"
done
wait_until 30 rekeyed CHILD_SA 2 && wait_until 30 rekeyed IKE_SA 2 || fail "no rekey"
flow_number load-recv-alice received
# shellcheck disable=SC2154
flow_wait load received $((number + rate)) || fail "traffic goes on"
flow_stop load
rekeys=$(($(keyd_count alice 'CHILD_SA result=rekeyed .* as') + $(keyd_count alice 'IKE_SA result=rekeyed .* as')))
show alice keydctl status

headline "Put back, it is logged in again with the PIN that was typed; now the tunnel shall end with the card: \"pulled down\""
echo "(the card is put back)"
card_insert card || fail "the card is not there"
wait_log keyd-alice 'token: state=(unlocked|locked) was=absent' 20 2 || fail "nobody sees it"
conf down
show alice keydctl reload || fail "no reload"
established alice 1 || fail "the tunnel is gone"
echo "(the card is pulled out)"
card_remove card || fail "the card is still there"
wait_until 20 established bob 0 || fail "bob was told nothing"
show bob keydctl status
show alice ping -c 2 -W 1 192.0.2.2 && fail "there is still a tunnel"
show alice keydctl explain bob

headline "The card is put back: the tunnel is back"
card_insert card || fail "the card is not there"
wait_until 30 established bob 1 || fail "the tunnel does not come back"
show alice ping -c 3 -i 0.5 -W 10 192.0.2.2 || fail "ping gets no answer"
show alice keydctl token list

headline "What came of it"
wire_hide
capture_stop demo || fail "the capture has lost packets, so it does not know"
tries=$(card_say card info | grep -o 'user=[0-9]')
[ "$tries" = user=3 ] || fail "tries of the PIN were used up"
cleartext=$(cleartext_count demo)
echo "on the wire: $(capture_count demo 'udp port 500 or udp port 4500') packets of IKE, $(esp_count demo) of ESP"
# shellcheck disable=SC2154
echo "longest time without a packet while the card was away: $flow_gap_ms ms; duration: $SECONDS s"
# shellcheck disable=SC2154
[ "$flow_lost" = 0 ] && [ "$cleartext" = 0 ] && [ "$rekeys" -ge 4 ] || failed=1
[ $failed = 0 ] || hosts_report
# shellcheck disable=SC2154
echo "demo: sent=$flow_sent received=$flow_received lost=$flow_lost cleartext=$cleartext rekeys=$rekeys"
# shellcheck disable=SC2034 # the report is out already, and the line above is the last
tap_failed=$failed
exit $failed
