#!/bin/bash
# SPDX-License-Identifier: MIT
# Tunnels by certificates and keys of each kind, chains, two CAs, names with wildcards, two rounds.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/certs.sh
. "$netns_dir/../lib/certs.sh"

ca="ca $certs/root.pem"
trusts="$ca; $(own bob-ec256)"

certs_hosts
certs_conf alice "$(own alice-ec256)" "$ca"
certs_conf bob "$(own bob-ec256)" "$ca"
keyds_start
capture_start all alice:eth0 bob:eth0

# --- kinds ---
while read -r kind scheme; do
	certs_conf alice "$(own "alice-$kind")" "$ca"
	certs_conf bob "$(own "bob-$kind")" "$ca"
	certs_up "$kind" "$scheme"
done <<-END
	rsa rsapss-sha256
	ec256 ecdsa-sha256
	ec384 ecdsa-sha
	ec521 ecdsa-sha
	ed25519 ed25519
	ed448 ed448
END
for scheme in rsa-sha256 rsapss-sha512 rsa; do
	certs_conf alice "$(own alice-rsa)" "$ca" "signatures $scheme"
	certs_conf bob "$(own bob-rsa)" "$ca" "signatures $scheme"
	certs_up "signatures $scheme" "$scheme"
done
certs_conf alice "$(own alice-ec256)" "$ca" "signatures ecdsa256"
certs_conf bob "$(own bob-ec256)" "$ca" "signatures ecdsa256"
certs_up "signatures ecdsa256" ecdsa256

# --- CAs, ways, names ---
certs_conf alice "$(own alice-ec256)" "ca $certs/other.pem"
certs_conf bob "cert $certs/bob-other.pem; key $certs/bob-other.key" "$ca"
certs_up "two CAs"
certs_conf alice "$(own alice-rsa)" "ca $certs/other.pem, $certs/root.pem"
certs_conf bob "$(own bob-ed25519)" "$ca"
certs_up "each its kind" ed25519
certs_conf alice "$(own alice-ec256)" "auth local cert" "auth remote psk" "psk \"$secret\""
certs_conf bob "$ca" "auth local psk" "auth remote cert" "psk \"$secret\""
certs_up "certificate here, secret there"
certs_conf alice "$(own alice-ec256)" "$ca" "auth cert, psk" "psk \"$secret\""
certs_conf bob "$trusts" "auth cert, psk" "psk \"$secret\""
certs_up "two rounds"
certs_conf alice "$(own alice-ec256)" "$ca" 'id local dn "C=DE, O=Example Ltd, CN=alice.example.org"'
certs_conf bob "$trusts" 'id remote dn "C=DE, O=*, CN=*"'
certs_up "a name with wildcards" 'CN=alice.example.org'
certs_conf alice "$(own alice-big)" "$ca"
certs_conf bob "$(own bob-big)" "$ca"
certs_up "4 KB, in fragments"

# --- raw keys, as simple as can be ---
for host in alice bob; do
	in_host $host "$bin/keydctl" keygen /etc/gapless/own.key >"$work/$host.public"
done
certs_conf alice "key /etc/gapless/own.key" "$(cat "$work/bob.public")" "id local 192.0.2.1" "id remote 192.0.2.2"
certs_conf bob "key /etc/gapless/own.key" "$(cat "$work/alice.public")" "id local 192.0.2.2" "id remote 192.0.2.1"
certs_up "raw keys"
certs_conf alice "key $certs/alice-rsa.key" "remote-key file $certs/bob-ec256.pub"
certs_conf bob "key $certs/bob-ec256.key" "remote-key file $certs/alice-rsa.pem"
certs_up "raw keys of files"

capture_stop all
is "nothing in clear" "$(cleartext_count all)" 0
check "ESP on the wire" [ "$(esp_count all)" -ge 30 ]
check "4 KB: fragments on the wire" [ "$(capture_count all 'udp port 500 and udp[24] = 53 or (udp port 4500 and udp[28] = 53)')" -ge 8 ]

keyds_stop
finish
