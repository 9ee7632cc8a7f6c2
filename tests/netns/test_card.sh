#!/bin/bash
# SPDX-License-Identifier: MIT
# Tunnels whose keys are on tokens, with strongSwan as the other host, either side beginning: SoftHSM, and emulated OpenPGP and PIV cards
# by our own driver and by OpenSC's; RSA and EC, certificate on the card or in a file, a key without one.
# timeout: 300

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"
# shellcheck source=tests/lib/certs.sh
. "$netns_dir/../lib/certs.sh"
# shellcheck source=tests/lib/card.sh
. "$netns_dir/../lib/card.sh"
# shellcheck source=tests/lib/token.sh
. "$netns_dir/../lib/token.sh"

missing=$(strongswan_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"
lacks=$(token_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
lacks=$(card_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
trap 'card_cleanup; at_exit' EXIT

opensc=$(find /usr/lib -name opensc-pkcs11.so -print -quit)

trust="ca $certs/root.pem"

# no_ikes: at neither end; for wait_until
# shellcheck disable=SC2317
no_ikes()
{
	keydctl alice status | grep -q '^0 IKE SAs' && [ "$(strongswan_ikes bob)" = 0 ]
}

# ends NAME: what there is goes down
ends()
{
	keydctl alice down bob >"$work/down" 2>&1
	wait_until 30 no_ikes || not_ok "$1: it ends"
}

# begins: as soon as the token, whose module may only just have been loaded, has been seen (docs/cards.md)
begins()
{
	wait_until 60 keydctl alice --timeout 60 up bob
}

# both_ways NAME SCHEME SETTING…: alice signs so, as initiator and as responder, and each time a ping goes through
both_ways()
{
	local name=$1 scheme=$2

	shift 2
	certs_conf alice "+module $modules" "$trust" "$@"
	check "$name: alice takes the settings" keydctl alice reload || return
	check "$name: alice brings it up" begins || {
		note "$(keydctl alice explain; keydctl alice token list)"
		return
	}
	check "$name: a ping" in_host alice ping -q -c 1 -W 10 192.0.2.2
	keydctl alice status >"$work/status"
	check "$name: signed by $scheme" grep -qE "we by .*$scheme" "$work/status" || note "$(cat "$work/status")"
	ends "$name"
	check "$name: strongSwan brings it up" swanctl bob --initiate --child gapless1 --timeout 60
	check "$name: another ping" in_host alice ping -q -c 1 -W 10 192.0.2.2
	ends "$name"
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require

token_home
token_new gate || not_ok "a token of SoftHSM"
token_put gate alice-ec256 01 || not_ok "an EC key on it"
token_put gate alice-rsa 02 || not_ok "an RSA key on it"
token_new alone && token_put alone alice-ec384 03 alone || not_ok "a token with a key alone"
cards_home || not_ok "pcscd starts"
card_fill pgp openpgp auth alice-rsa || not_ok "an OpenPGP card"
card_fill piv piv 9a alice-ec256 || not_ok "a PIV card"
file=$(token_pin soft 1234)
card=$(token_pin card 123456)

tunnel_new transport alice 192.0.2.1 bob 192.0.2.2
tunnel[auth]=cert tunnel[bob.cred]=bob-ec256 tunnel[chain]=inter
tunnel[alice.id]=alice.example.org tunnel[bob.id]=bob.example.org
strongswan_conf bob
strongswan_start bob

modules="softhsm2, native"
certs_conf alice "+module $modules" "ca $certs/root.pem" "cert pkcs11:token=gate;id=%01" "pin file $file"
keyd_start alice
capture_start all alice:eth0 bob:eth0

# --- SoftHSM ---
both_ways "EC, certificate on the token" ecdsa-sha256 "cert pkcs11:token=gate;id=%01" "pin file $file"
both_ways "RSA" rsa "cert pkcs11:token=gate;object=alice-rsa" "pin file $file"
both_ways "certificate in a file, and its key wherever it is" ecdsa-sha384 "cert $certs/alice-ec384.chain" "key pkcs11:" "pin file $file"

# --- cards by our own driver ---
both_ways "OpenPGP" rsa "cert pkcs11:manufacturer=OpenPGP%20project" "pin file $card"
both_ways "PIV" ecdsa-sha256 "cert pkcs11:manufacturer=piv_II" "pin file $card"

# --- by OpenSC's ---
modules=$opensc
both_ways "OpenPGP, OpenSC" rsa "cert pkcs11:manufacturer=OpenPGP%20project;id=%03" "pin file $card"
both_ways "PIV, OpenSC" ecdsa-sha256 "cert pkcs11:manufacturer=piv_II;id=%01" "pin file $card"

# --- keys without certificates, at both ends ---
tunnel[auth]=key tunnel[alice.cred]=alice-ec384 tunnel[chain]=
strongswan_reload bob || not_ok "strongSwan takes raw keys"
modules=softhsm2 trust="remote-key file $certs/bob-ec256.pub"
both_ways "a key alone" ecdsa-sha384 "key pkcs11:token=alone" "pin file $file"

capture_stop all
is "nothing in clear" "$(cleartext_count all)" 0
check "each ping and its answer in ESP" [ "$(esp_count all)" -ge 32 ]
is "no try of a PIN was lost" "$(card_say pgp info | grep -o 'user=[0-9]') $(card_say piv info | grep -o 'user=[0-9]')" "user=3 user=3"
strongswan_stop bob
host_stop keyd-alice
finish
