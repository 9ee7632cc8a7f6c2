#!/bin/bash
# SPDX-License-Identifier: MIT
# Certificates in time: one renewed and reloaded under traffic; one that expires, or is revoked, while its tunnel is up.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/certs.sh
. "$netns_dir/../lib/certs.sh"

ca="ca $certs/root.pem"
pki=$work/pki

# issue NAME SECONDS: a certificate for alice's key of P-256 that expires so soon, as $pki/NAME.pem; with the CA between, NAME.chain
issue()
{
	openssl req -new -key "$certs/alice-ec256.key" -subj "/C=DE/O=Example Ltd/CN=alice.example.org" -out "$pki/$1.csr" &&
		(cd "$pki" && openssl ca -batch -notext -config db-inter/conf -extfile <(printf '%s\n' 'keyUsage = critical,digitalSignature' \
			'authorityKeyIdentifier = keyid' 'subjectAltName = DNS:alice.example.org') -startdate "$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)" \
			-enddate "$(date -u -d "$2 seconds" +%Y%m%d%H%M%SZ)" -in "$1.csr" -out "$1.pem") >"$work/issue.log" 2>&1 &&
		cat "$pki/$1.pem" "$pki/inter.pem" >"$pki/$1.chain"
}

# lasts SECONDS COMMAND…: it goes on to be so
# shellcheck disable=SC2317
lasts()
{
	! wait_until "$1" not "${@:2}" >/dev/null
}

# shellcheck disable=SC2317
up_at()
{
	keydctl "$1" status | grep -q '  established  '
}

# shellcheck disable=SC2317
bob_saw()
{
	keydctl bob status | grep -q "$1"
}

# shellcheck disable=SC2317
expired()
{
	! openssl x509 -in "$1" -noout -checkend 0
}

certs_hosts
cp -r "$certs" "$pki"
certs_conf alice "cert /etc/gapless/own.pem; key /etc/gapless/own.key" "$ca"
certs_conf bob "$(own bob-ec256)" "$ca"
in_host alice sh -c 'umask 077; cp "$1.chain" /etc/gapless/own.pem; cp "$1.key" /etc/gapless/own.key' sh "$certs/alice-ec256"
keyds_start

# --- renewed, and reloaded, under traffic ---
check "renewed: it comes up" keydctl alice --timeout 20 up bob
capture_start renewed alice:eth0 bob:eth0
flow_start renewed alice 192.0.2.1 bob 192.0.2.2 200
check "renewed: traffic" flow_wait renewed received 100
in_host alice sh -c 'cp "$1.chain" /etc/gapless/own.pem; cp "$1.key" /etc/gapless/own.key' sh "$certs/alice-rsa"
check "renewed: alice takes it" keydctl alice reload
is "renewed: the tunnel stays" "$(keydctl alice status | grep -c '  established  ')" 1
check "renewed: alice reauthenticates" keydctl alice --timeout 20 reauth bob
check "renewed: bob has seen the new key" wait_until 10 bob_saw rsapss-sha256
flow_number renewed-recv-alice received
# shellcheck disable=SC2154
flow_wait renewed received $((number + 100)) || not_ok "renewed: traffic goes on"
flow_stop renewed
capture_stop renewed
# shellcheck disable=SC2154
is "renewed: nothing lost" "$flow_lost" 0
is "renewed: nothing in clear" "$(cleartext_count renewed)" 0
certs_down

# --- a certificate expires while its tunnel is up ---
for what in down no-rekey keep; do
	check "expires, $what: a certificate" issue short 15
	certs_conf alice "cert $pki/short.chain; key $certs/alice-ec256.key" "$ca"
	certs_conf bob "$(own bob-ec256)" "$ca" "expired $what"
	check "expires, $what: both take the settings" certs_reload
	check "expires, $what: it comes up" keydctl alice --timeout 10 up bob
	if [ $what = down ]; then
		check "expires, $what: bob ends it" wait_until 20 not up_at bob
		keydctl bob explain alice >"$work/explain"
		check "expires, $what: bob explains it" grep -q 'certificate-expired' "$work/explain"
	else
		check "expires, $what: it is over" wait_until 20 expired "$pki/short.pem"
		check "expires, $what: bob keeps it" lasts 2 up_at bob
		check "expires, $what: a ping" in_host alice ping -q -c 1 -W 5 192.0.2.2
	fi
	certs_down
done

# --- one is revoked while its tunnel is up ---
for what in down keep; do
	keyds_stop			# what a list has said stays known as long as keyd runs
	in_host bob cp "$certs/nothing.crl" /etc/gapless/inter.crl
	certs_conf alice "$(own alice-revoked)" "$ca"
	certs_conf bob "+crl /etc/gapless/inter.crl, $certs/root.crl" "$(own bob-ec256)" "$ca" "revocation strict" "revoked $what"
	keyds_start
	check "revoked, $what: it comes up" keydctl alice --timeout 10 up bob
	in_host bob cp "$certs/inter.crl" /etc/gapless/inter.crl
	check "revoked, $what: bob reads the list" keydctl bob reload
	if [ $what = down ]; then
		check "revoked, $what: bob ends it" wait_until 20 not up_at bob
		keydctl bob explain alice >"$work/explain"
		check "revoked, $what: bob explains it" grep -q 'certificate-revoked' "$work/explain"
	else
		check "revoked, $what: bob says so" wait_log keyd-bob 'revoked' 10
		check "revoked, $what: bob keeps it" lasts 2 up_at bob
	fi
	certs_down
done
keyds_stop
finish
