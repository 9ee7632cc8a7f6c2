#!/bin/bash
# SPDX-License-Identifier: MIT
# Certificates and keys that are not to be believed: no tunnel comes up, and keydctl explain says why at the end that refuses.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/certs.sh
. "$netns_dir/../lib/certs.sh"

ca="ca $certs/root.pem"
trusts="$ca; $(own bob-ec256)"

certs_hosts
certs_conf alice "$(own alice-ec256)" "$ca"
certs_conf bob "$trusts"
keyds_start
certs_conf alice "$(own alice-expired)" "$ca"
certs_conf bob "$trusts"
certs_refused "expired" bob:certificate-expired:'has expired on 20'
certs_conf alice "$(own alice-future)" "$ca"
certs_refused "not yet valid" bob:certificate-expired:'is not valid before 20'
certs_conf alice "$(own alice-weak)" "$ca" "key-floor rsa 1024"
certs_refused "weak key" bob:certificate-unfit:'too short'
certs_conf alice "$(own alice-codesign)" "$ca"
certs_refused "wrong usage" bob:certificate-unfit:'extended key usage'
certs_conf alice "$(own alice-ec256)" "$ca"
certs_conf bob "$(own bob-ec256)" "ca $certs/other.pem"
certs_refused "wrong CA" bob:certificate-untrusted:'signed by nobody whom we know|has signed itself'
certs_conf alice "$(own alice-ec256)" "$ca" "id local carol.example.org"
certs_conf bob "$trusts" "id remote carol.example.org"
certs_refused "wrong name" bob:certificate-name:'carol.example.org'
certs_conf alice "$(own alice-ec256)" "$ca"
certs_conf bob "$trusts" "id remote carol.example.org"
certs_refused "another one" bob:'(unexpected-identity|no-section)':'alice.example.org'
certs_conf alice "cert $certs/alice-ec256.pem; key $certs/alice-ec256.key" "$ca"
certs_conf bob "$trusts"
certs_refused "the CA between is not sent" bob:certificate-untrusted
certs_conf alice "key $certs/alice-rsa.key" "remote-key file $certs/bob-ec256.pub"
certs_conf bob "key $certs/bob-ec256.key" "remote-key file $certs/alice-ec256.pub"
certs_refused "another key" bob:wrong-key:'keydctl keygen'
# Before a list is read: what it says stays known.
certs_conf alice "$(own alice-ec256)" "$ca"
certs_conf bob "+fetch no" "$trusts" "revocation strict"
certs_refused "nobody knows, strict" bob:revocation-unknown:'revocation lenient'
certs_conf alice "$(own alice-revoked)" "$ca"
certs_conf bob "+crl $certs/inter.crl, $certs/root.crl" "$trusts"
certs_refused "revoked" bob:certificate-revoked:'revoked'
certs_conf alice "$(own alice-rsa)" "$ca" "signatures rsa"
certs_conf bob "$trusts"
certs_refused "a signature that is not allowed" bob:signature-scheme:signatures
keyds_stop
finish
