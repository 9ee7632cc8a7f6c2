#!/bin/bash
# SPDX-License-Identifier: MIT
# keydctl keygen: what it writes, prints and refuses; keyd takes its file and its line. Needs built programs and openssl.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-keygen.XXXXXX")
trap 'rm -rf "$work"' EXIT
programs=$(realpath "${O:-build}/bin")
cd "$work" || exit 1
umask 22

# keygen ARG…: stdout in out, stderr in err, the exit code in code
keygen()
{
	"$programs/keydctl" keygen "$@" >out 2>err
	code=$?
}

# The line that is right for a private key, by openssl's word.
line_of()
{
	printf 'remote-key %s\n' "$(openssl pkey -in "$1" -pubout -outform DER | base64 -w 0)"
}

keygen a.key
is "it makes a key" "$code" 0
is "that only its owner reads" "$(stat -c %a a.key)" 600
is "of Ed25519" "$(openssl pkey -in a.key -noout -text | head -n 1)" "ED25519 Private-Key:"
is "as PKCS#8" "$(head -n 1 a.key)" "-----BEGIN PRIVATE KEY-----"
is "prints the line for the other end" "$(cat out)" "$(line_of a.key)"
is "and nothing else" "$(wc -l <out) $(wc -c <err)" "1 0"
is "leaves nothing lying around" "$(echo *)" "a.key err out"

before=$(cat a.key)
keygen a.key
is "a file that is there is not touched" "$code $(cat out)" "1 "
is "it says so" "$(cat err)" "keydctl: a.key: is there already, and may be in use: take another name, or --force"
is "the key stays" "$(cat a.key)" "$before"
keygen --force a.key
is "--force replaces it" "$code $(cat out)" "0 $(line_of a.key)"
check "by another one" [ "$(cat a.key)" != "$before" ]
chmod 644 a.key
keygen --force a.key
is "that again only its owner reads" "$(stat -c %a a.key)" 600
ln -s nobody link.key
keygen link.key
is "a link to nowhere is not followed" "$code $(stat -c %F link.key)" "1 symbolic link"

for type in ed25519 ed448 p256 p384 p521 rsa2048 rsa3072; do
	keygen --type $type $type.key
	is "--type $type" "$code $(cat out)" "0 $(line_of $type.key)"
done
keygen --type dsa dsa.key
is "no other type" "$code $(cat err)" \
	'2 keydctl: "dsa" is no type of keys; known are ed25519, ed448, p256, p384, p521, rsa2048, rsa3072, rsa4096'
keygen nowhere/a.key
is "no such folder" "$code $(cat err)" "1 keydctl: nowhere/a.key: cannot be made: No such file or directory"
"$programs/keydctl" keygen b.key >/dev/full 2>err
is "a line that is lost is told" "$? $(cat err)" "1 keydctl: b.key: the line cannot be written: No space left on device"

openssl req -x509 -key p256.key -subj /CN=x -days 9 -out p256.pem 2>/dev/null
openssl x509 -in p256.pem -outform DER -out p256.crt
openssl pkey -in p256.key -pubout -out p256.pub
openssl pkcs8 -topk8 -in p256.key -passout pass:x -out locked.key
openssl pkcs12 -export -in p256.pem -inkey p256.key -passout pass:x -out p256.p12
for file in p256.key p256.pem p256.crt p256.pub; do
	keygen --public $file
	is "--public of $file" "$code $(cat out)" "0 $(line_of p256.key)"
done
"$programs/keydctl" keygen --public /dev/stdin <p256.pub >out
is "--public of a pipe" "$(cat out)" "$(line_of p256.key)"
for file in locked.key p256.p12; do
	keygen --public $file
	is "--public of $file, which is encrypted" "$code $(cat out) $(cut -d: -f 1-3 err)" "1  keydctl: $file: is encrypted"
done
keygen --public err
is "--public of something else" "$code $(cat out)" "1 "
keygen --public --force p256.key
is "--public makes nothing" "$code $(openssl pkey -in p256.key -pubout)" "2 $(cat p256.pub)"

# Both ends with a key each, and one line pasted.
cat >keyd.conf <<-END
	peer b {
		address 192.0.2.2
		key a.key
		$("$programs/keydctl" keygen --public p256.key)
	}
END
is "keyd takes the file and the line" "$("$programs/keyd" --check -f keyd.conf 2>&1)" "$work/keyd.conf: fine: peers=1 secrets=0"
finish
