#!/bin/bash
# SPDX-License-Identifier: MIT
# The configurations in docs/examples: keyd takes each without a word, and its dump as well. Needs built programs and openssl.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-examples.XXXXXX")
trap 'rm -rf "$work"' EXIT
keyd=$(realpath "${O:-build}/bin/keyd")
cp docs/examples/*.conf "$work"
cd "$work" || exit 1
umask 77
exec 2>err

# self NAME SUBJECT KEY ARG…: a certificate that has signed itself
self()
{
	openssl req -x509 -days 9 -nodes -out "$1.pem" -subj "$2" -newkey "$3" -keyout "$1.key" "${@:4}"
}

# What the examples name.
for ca in ca staff contractors; do
	self $ca "/CN=$ca" ed25519 -addext basicConstraints=critical,CA:TRUE
done
self gw "/C=DE/O=Example Ltd/CN=gw" ed25519 -addext subjectAltName=DNS:gw.example.org
self rsa "/C=DE/O=Example Ltd/CN=old" rsa:2048
printf sesame >gw.pass
printf 'correct horse' >contractors.psk
printf 'correct horse' >all.psk
openssl pkcs12 -export -in gw.pem -inkey gw.key -passout pass:sesame -out gw.p12
openssl pkcs8 -topk8 -in gw.key -passout pass:sesame -out locked.key
mkdir crl
sed -i "s,/etc/gapless/crl,$work/crl," ./*.conf

for conf in *.conf; do
	is "$conf" "$("$keyd" --check -f "$conf" 2>&1 | grep -v ': fine: ')" ""
	"$keyd" --dump-config -f "$conf" >dumped
	is "the dump of $conf" "$("$keyd" --dump-config -f dumped)" "$(cat dumped)"
done

# What is no mistake but not right either is told, and nothing is in the way of a start.
sed 's/cert gw.pem/&; id local nobody.example.org/' certificates.conf >warned.conf
is "a warning is no mistake" "$("$keyd" --check -f warned.conf 2>&1 | grep -c -e ': warning: .* our certificate is not for "nobody' \
	-e ': fine: peers=1')" 2
finish
