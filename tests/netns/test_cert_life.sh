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
flow_whole "renewed: nothing lost" renewed
is "renewed: nothing in clear" "$(cleartext_count renewed)" 0
certs_down

# --- a certificate expires while its tunnel is up; the other settings of "expired": tests/unit/test_ikev2_cert_life.c ---
check "expires: a certificate" issue short 15
certs_conf alice "cert $pki/short.chain; key $certs/alice-ec256.key" "$ca"
certs_conf bob "$(own bob-ec256)" "$ca"
check "expires: both take the settings" certs_reload
check "expires: it comes up" keydctl alice --timeout 10 up bob
check "expires: bob ends it" wait_until 20 not up_at bob
keydctl bob explain alice >"$work/explain"
check "expires: bob explains it" grep -q 'certificate-expired' "$work/explain"
certs_down

# --- one is revoked while its tunnel is up; the other settings of "revoked": tests/build/test_revocation.sh ---
in_host bob cp "$certs/nothing.crl" /etc/gapless/inter.crl
certs_conf alice "$(own alice-revoked)" "$ca"
certs_conf bob "+crl /etc/gapless/inter.crl, $certs/root.crl" "$(own bob-ec256)" "$ca" "revocation strict"
check "revoked: both take the settings" certs_reload
check "revoked: it comes up" keydctl alice --timeout 10 up bob
in_host bob cp "$certs/inter.crl" /etc/gapless/inter.crl
check "revoked: bob reads the list" keydctl bob reload
check "revoked: bob ends it" wait_until 20 not up_at bob
keydctl bob explain alice >"$work/explain"
check "revoked: bob explains it" grep -q 'certificate-revoked' "$work/explain"
certs_down
keyds_stop
finish
