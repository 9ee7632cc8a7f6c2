#!/bin/bash
# SPDX-License-Identifier: MIT
# keydctl import, as it is called: what it prints for files of others is taken by keyd --check; exit codes, JSON, policies. Needs built programs.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-import.XXXXXX")
trap 'rm -rf "$work"' EXIT
bin=$(realpath "${O:-build}/bin")
data=$(realpath tests/data/import)
cd "$work" || exit 1
umask 77

openssl req -x509 -days 9 -nodes -out ca.pem -subj /CN=ca -newkey ed25519 -keyout ca.key -addext basicConstraints=critical,CA:TRUE 2>err
openssl req -x509 -days 9 -nodes -out gw.pem -subj /CN=gw -newkey rsa:2048 -keyout gw.key 2>err
openssl pkcs12 -export -in gw.pem -inkey gw.key -passout pass: -out gw.p12 2>err
printf '* secret\n' >psk.txt
printf 'bob:!*\n' >users
printf '%%any : PSK "secret"\n' >ipsec.secrets

# Each file that is named is here under another name.
stand_in()
{
	sed -E -e "s,^secrets \".*ipsec.secrets\",secrets \"$work/ipsec.secrets\"," -e "s,^secrets \"/[^w].*psk.txt\",secrets \"$work/psk.txt\"," \
		-e "s,^(\tcert) \"/.*p12\",\1 \"$work/gw.p12\"," -e "s,^(\tcert) \"/[^\"]*\.[^p].*\",\1 \"$work/gw.pem\"," -e "s,^(\tcert) \"/.*pem\",\1 \"$work/gw.pem\"," \
		-e "s,^(\tusers) .*,\1 \"$work/users\"," -e "s,^(\tkey) \"/.*,\1 \"$work/gw.key\"," -e "s,^(\tca) \"/.*,\1 \"$work/ca.pem\"," -e "s,^(\tremote-key file) .*,\1 \"$work/gw.pem\","
}

for file in "$data"/*.conf; do
	name=$(basename "$file")
	for how in "" --modernise "--setkey $work/spd"; do
		# shellcheck disable=SC2086
		"$bin/keydctl" import $how "$file" 2>told >printed || not_ok "$name $how: import ends well"
		stand_in <printed >keyd.conf
		is "$name $how: keyd takes it" "$("$bin/keyd" --check -f keyd.conf 2>&1 | grep -v -e ': fine: ' -e warning:)" ""
		is "$name $how: each line on stderr has its place" "$(grep -cEv '^[^:]+:[0-9]+: ' told)" 0
	done
done

is "policies are for setkey" "$(grep -cE '^spdadd 10.1.0.0/16 10.2.0.0/16 any -P (in|out) ipsec esp/tunnel/192.168.0.1-192.168.0.2/require;$' <(
	"$bin/keydctl" import --setkey spd "$data/site.ipsec.conf" >/dev/null 2>&1; cat spd))" 1

"$bin/keydctl" --json import "$data/keys.racoon.conf" >json 2>told
is "JSON says how it went" "$? $(grep -c '"ok":true.*"what":"unknown"' json) $(wc -c <told)" "0 1 0"
printf 'remote {\n' >broken
"$bin/keydctl" import --format racoon broken >printed 2>told
is "a mistake is told with its line, and nothing is printed" "$? $(head -1 told) $(wc -c <printed)" "1 broken:1: the '{' of this block has no '}' 0"
"$bin/keydctl" --json import --format racoon broken >json 2>told
is "in JSON, too" "$? $(grep -c '"ok":false.*"mistakes":\["broken:1:' json)" "1 1"
"$bin/keydctl" import nothing >printed 2>told
is "a file that is not there" "$? $(grep -c nothing told)" "1 1"
"$bin/keydctl" import --format ini broken 2>told
is "a format that there is not" "$?" 2
"$bin/keydctl" import --setkey nowhere/spd "$data/site.ipsec.conf" >printed 2>told
is "policies that cannot be written" "$? $(wc -c <printed)" "1 0"
"$bin/keydctl" import "$data/site.ipsec.conf" >/dev/full 2>told
is "a result that cannot be written" "$?" 1

# Private keys are where ipsec.secrets says, CAs where strongSwan looks for them.
mkdir -p etc/ipsec.d/private etc/ipsec.d/cacerts etc/ipsec.d/certs
cp ca.pem etc/ipsec.d/cacerts/; cp gw.pem etc/ipsec.d/certs/moonCert.pem; cp gw.key etc/ipsec.d/private/moonKey.pem; cp ca.key etc/ipsec.d/private/sunKey.pem
printf ': RSA sunKey.pem\n: RSA moonKey.pem\n' >etc/ipsec.secrets
printf 'conn a\n\tleft=%%defaultroute\n\tleftcert=moonCert.pem\n\tright=192.0.2.2\n\tauto=add\n' >etc/ipsec.conf
"$bin/keydctl" import etc/ipsec.conf >keyd.conf 2>told
is "a key out of ipsec.secrets, and CAs out of their folder" "$(grep -E '^	(key|ca|cert) ' keyd.conf | sort -u)" "	ca \"etc/ipsec.d/cacerts/ca.pem\"
	cert \"etc/ipsec.d/certs/moonCert.pem\"
	key \"etc/ipsec.d/private/moonKey.pem\""
is "keyd takes them" "$("$bin/keyd" --check -f keyd.conf 2>&1 | grep -v -e ': fine: ' -e warning:)" ""
finish
