#!/bin/bash
# SPDX-License-Identifier: MIT
# strongSwan believes what tokens sign, whoever begins (keyd without a kernel): SoftHSM, and emulated OpenPGP and PIV cards by our own driver
# and by OpenSC's module; RSA and EC, certificate on the token or in a file; IKEv1, too. Needs root, namespaces, pcscd and vpcd.
# timeout: 300

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$native_dir/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$native_dir/peer.sh"
# shellcheck source=tests/lib/card.sh
. "$native_dir/card.sh"
# shellcheck source=tests/lib/token.sh
. "$native_dir/token.sh"

missing=$(strongswan_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"
lacks=$(token_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
lacks=$(card_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
trap 'card_cleanup; hosts_cleanup' EXIT

opensc=$(find /usr/lib -name opensc-pkcs11.so -print -quit)

# ikes NUMBER: as strongSwan has it; for wait_until
# shellcheck disable=SC2317
ikes()
{
	[ "$(strongswan_ikes bob)" = "$1" ]
}

# begun: a key that was never seen before is not known to the section at once, so it may take another attempt; for wait_until
# shellcheck disable=SC2317
begun()
{
	ikes 1 || { begins alice bob; wait_until 3 ikes 1; }
}

# ends: alice's IKE SA; strongSwan knows, too
ends()
{
	keydctl alice down bob >"$work/down" 2>&1
	wait_until 20 ikes_are alice 0 && wait_until 20 ikes 0
}

# both_ways NAME SCHEME SETTING…: alice signs so, as initiator and as responder, and strongSwan believes it
both_ways()
{
	local name=$1 scheme=$2

	shift 2
	certs_conf alice "+module $modules" "local 192.0.2.1" "ca $certs/root.pem" "$@"
	check "$name: alice takes the settings" keydctl alice reload
	check "$name: strongSwan believes it" wait_until 30 begun || note "$(keydctl alice explain; keydctl alice token list)"
	check "$name: signed by $scheme" wait_until 20 eval 'keydctl alice status | grep -qE "we by .*$scheme"'
	ends || not_ok "$name: it ends"
	swanctl bob --initiate --ike gapless --timeout 20 >"$work/up" 2>&1
	check "$name: and as responder" wait_until 20 ikes_are alice 1 || note "$(tail -n 5 "$work/up")"
	check "$name: strongSwan has it, too" wait_until 20 ikes 1
	ends || not_ok "$name: it ends again"
}

native_hosts
token_home
token_new gate || not_ok "a token of SoftHSM"
token_put gate alice-ec256 01 || not_ok "an EC key on it"
token_put gate alice-rsa 02 || not_ok "an RSA key on it"
token_put gate alice-ec384 03 alone || not_ok "a key alone"
cards_home || not_ok "pcscd starts"
card_fill pgp openpgp auth alice-rsa || not_ok "an OpenPGP card"
card_fill piv piv 9a alice-ec256 || not_ok "a PIV card"
soft=$(token_pin soft 1234)
card=$(token_pin card 123456)

tunnel_new transport alice 192.0.2.1 bob 192.0.2.2
tunnel[auth]=cert tunnel[bob.cred]=bob-ec256 tunnel[chain]=inter
tunnel[alice.id]=alice.example.org tunnel[bob.id]=bob.example.org
strongswan_conf bob
strongswan_start bob
modules="softhsm2, native"
certs_conf alice "+module $modules" "local 192.0.2.1" "ca $certs/root.pem" "cert pkcs11:token=gate;id=%01" "pin file $soft"
keyd_start alice --backend fake

both_ways "EC, certificate on the token" ecdsa-sha256 "cert pkcs11:token=gate;id=%01" "pin file $soft"
both_ways "RSA" rsa "cert pkcs11:token=gate;object=alice-rsa" "pin file $soft"
both_ways "certificate in a file, and its key wherever it is" ecdsa-sha384 "cert $certs/alice-ec384.chain" "key pkcs11:" "pin file $soft"
both_ways "OpenPGP" rsa "cert pkcs11:manufacturer=OpenPGP%20project" "pin file $card"
both_ways "PIV" ecdsa-sha256 "cert pkcs11:manufacturer=piv_II" "pin file $card"
modules=$opensc
both_ways "OpenPGP, OpenSC" rsa "cert pkcs11:manufacturer=OpenPGP%20project;id=%03" "pin file $card"
both_ways "PIV, OpenSC" ecdsa-sha256 "cert pkcs11:manufacturer=piv_II;id=%01" "pin file $card"

# --- IKEv1 ---
tunnel+=([version]=1 [ike]=aes128-sha256-modp2048 [bob.cred]=bob-rsa)
strongswan_reload bob || not_ok "strongSwan takes version 1"
version="version 1; ike aes128-sha256-modp2048" modules="softhsm2, native"
both_ways "IKEv1, RSA" rsa "$version; cert pkcs11:token=gate;object=alice-rsa" "pin file $soft"
both_ways "IKEv1, OpenPGP" rsa "$version; cert pkcs11:manufacturer=OpenPGP%20project" "pin file $card"
modules=$opensc
both_ways "IKEv1, OpenPGP, OpenSC" rsa "$version; cert pkcs11:manufacturer=OpenPGP%20project;id=%03" "pin file $card"
tunnel[bob.cred]=bob-ec256
strongswan_reload bob || not_ok "strongSwan takes an EC key"
both_ways "IKEv1, PIV, OpenSC" ecdsa256 "$version; cert pkcs11:manufacturer=piv_II;id=%01" "pin file $card"
modules="softhsm2, native"
both_ways "IKEv1, PIV" ecdsa256 "$version; cert pkcs11:manufacturer=piv_II" "pin file $card"
both_ways "IKEv1, EC" ecdsa256 "$version; cert pkcs11:token=gate;id=%01" "pin file $soft"
is "no try of a PIN was lost" "$(card_say pgp info | grep -o 'user=[0-9]') $(card_say piv info | grep -o 'user=[0-9]')" "user=3 user=3"

strongswan_stop bob
host_stop keyd-alice
finish
