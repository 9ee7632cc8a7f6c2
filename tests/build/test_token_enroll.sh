#!/bin/bash
# SPDX-License-Identifier: MIT
# keydctl token enroll: from a token to a request, from the certificate to the token; with SoftHSM, a module that misbehaves,
# OpenPGP and PIV cards. OpenSSL, pkcs11-tool and opensc-tool say whether it is so. Needs built programs.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"
# shellcheck source=tests/lib/card.sh
. "$(dirname "$0")/../lib/card.sh"

keydctl=$(realpath "${O:-build}/bin/keydctl")
mock=$(realpath -m "${O:-build}/tests/card/mock_p11.so")
work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-enroll.XXXXXX")
trap 'card_cleanup; rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work" || exit
[ -e "$mock" ] || skip_all "no $mock: make check builds it"

# Root's keydctl starts its worker as this user, who must reach the tokens.
user=$(id -un gapless 2>/dev/null || echo nobody)

as_user()
{
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid "$user" --regid "$(id -gn "$user")" --clear-groups "$@"
	else
		"$@"
	fi
}

# enroll PIN ARG...: with a PIN from a descriptor, as no terminal is there
enroll()
{
	timeout 60 "$keydctl" token enroll --pin-fd 4 "${@:2}" 4<<<"$1" >out 2>err </dev/null
}

# said PATTERN: in what it printed, on either
said()
{
	grep -Eq -- "$1" out err || { cat out err; return 1; }
}

# refuses PATTERN PIN ARG...: exit code 1 and this sentence, and no file
refuses()
{
	rm -f never.csr
	enroll "${@:2}" --csr never.csr
	[ $? = 1 ] && said "^keydctl: token enroll failed: $1" && [ ! -e never.csr ] && [ -z "$(ls never.csr.* 2>/dev/null)" ]
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=CA -keyout ca.key -out ca.pem 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=other -keyout other.key -out other.pem 2>/dev/null

# good REQUEST SUBJECT: as OpenSSL sees it
good()
{
	openssl req -in "$1" -noout -verify 2>&1 | grep -q OK && openssl req -in "$1" -noout -subject | grep -qxF "subject=$2"
}

# certify REQUEST CERTIFICATE
certify()
{
	openssl x509 -req -in "$1" -CA ca.pem -CAkey ca.key -days 30 -copy_extensions copy -out "$2" 2>/dev/null
}

# same_key REQUEST CERTIFICATE
same_key()
{
	[ "$(openssl req -in "$1" -noout -pubkey)" = "$(openssl x509 -in "$2" -noout -pubkey)" ]
}

# same_request REQUEST REQUEST: of one key
same_request()
{
	[ "$(openssl req -in "$1" -noout -pubkey)" = "$(openssl req -in "$2" -noout -pubkey)" ]
}

# The module that does what it is told; each case has a fresh card.
export MOCK_P11_DIR=$work/mock
mkdir -m 777 mock
for key in rsa:rsa_keygen_bits:2048 EC:ec_paramgen_curve:P-256; do
	openssl genpkey -algorithm "${key%%:*}" -pkeyopt "${key#*:}" -out mock/key.pem 2>/dev/null
	mv mock/key.pem "mock/$([ "${key%%:*}" = rsa ] && echo rsa || echo ec).pem"
done
chmod 644 mock/*.pem

mock_is()
{
	rm -f mock/log mock/tries
	printf '%s\n' "$@" >mock/control.new
	mv mock/control.new mock/control
}

# noted NAME=N: how often a function was called
noted()
{
	is "… ${1%=*} was called so often" "$(grep -cx "${1%=*}" mock/log)" "${1#*=}"
}

mock_is
check "a request comes from a module's token" enroll 1234 mock --module "$mock" --id 02 --csr mock.csr
check "… and is good" good mock.csr "CN = mock"
check "… the line for keyd.conf names key and module" said "^in keyd.conf: key pkcs11:.*token=mock;id=%02\?module-path=$mock$"
mock_is
check "without --csr it goes to standard output, alone" eval 'enroll 1234 --module "$mock" --id 01 && good out "CN = mock" && ! grep -q keyd.conf out'
mock_is
check "… as JSON, too" enroll 1234 --json --module "$mock" --id 01
printf '%b' "$(sed -n 's/.*"csr":"\([^"]*\)".*/\1/p' out)" >json.csr
check "… in which it is whole" good json.csr "CN = mock"
check "… with what kind of key it is" said '"ok":true.*"type":"RSA-2048","id":"01","statement":"key","uri":"pkcs11:'
mock_is
check "of several keys it wants to know which" refuses "mock has several keys: say which with --id: \(RSA-2048, id 01\) \(P-256, id 02\)" 1234 --module "$mock"
mock_is
check "a wrong PIN ends it" refuses "mock: the PIN is wrong \(2 tries left\)" 9999 --module "$mock" --id 02
noted C_Login=1
mock_is "tries 1"
echo 1 >mock/tries; echo "tries 3" >mock/control
check "the last try is nobody's but a human's" refuses "mock: only one try of its PIN is left" 1234 --module "$mock" --id 02
noted C_Login=0
mock_is "tries 3"
echo 0 >mock/tries
check "a blocked PIN is not tried" refuses "mock: the PIN is blocked" 1234 --module "$mock" --id 02
noted C_Login=0
mock_is
check "no PIN is an error" refuses 'PIN of token "mock".*: nothing of 1 to 253 bytes was given' "" --module "$mock" --id 02
noted C_Login=0
mock_is "bad yes"
check "a token that signs something else is found out" refuses "mock: what the token signed is wrong" 1234 --module "$mock" --id 02
mock_is "always yes"
check "a key that wants its PIN for each signature gets it" enroll 1234 --module "$mock" --id 02 --csr each.csr
mock_is "pad ok"
check "a PIN pad is asked, and nobody else" enroll "" --module "$mock" --id 02 --csr pad.csr
check "… which is told" said "mock wants its PIN: type it at the reader"
for what in C_Initialize C_GetTokenInfo C_Login C_Sign; do
	mock_is "hang $what"
	begun=$SECONDS
	check "$what hangs: it ends in time" refuses ".*no answer came within 1 s, so its process was ended" 1234 --timeout 1 --module "$mock" --id 02
	check "… soon" test $((SECONDS - begun)) -le 5
	mock_is "crash $what"
	check "$what crashes: that is told" refuses ".*its process died of a signal: Segmentation fault" 1234 --module "$mock" --id 02
done

mock_is "hang C_GenerateKeyPair"
check "making a key hangs: it ends in time" refuses ".*no answer came within 1 s" 1234 --timeout 1 --module "$mock" --id 02 --replace
mock_is "crash C_GenerateKeyPair"
check "… crashes: that is told" refuses ".*its process died of a signal" 1234 --module "$mock" --id 02 --replace
mock_is "fail C_GenerateKeyPair 0xe2"
check "a token that cannot be written to is told" refuses "mock cannot make such a key: .*C_GenerateKeyPair: CKR_TOKEN_WRITE_PROTECTED" 1234 --module "$mock" --id 02 --replace
mock_is "makes nothing"
check "a key that was not made is found out" refuses "mock: " 1234 --module "$mock" --id 02 --replace
mock_is
check "a key is made in the place of the old one" enroll 1234 --module "$mock" --id 02 --replace --csr place.csr
check "… another one" eval 'good place.csr "CN = mock" && ! same_request place.csr mock.csr'

# The workers of this test.
workers()
{
	local pid

	for pid in $(pgrep -x keyd-card); do
		! grep -qaF "MOCK_P11_DIR=$MOCK_P11_DIR" "/proc/$pid/environ" 2>/dev/null || echo "$pid"
	done
}

hanging()
{
	grep -qx hangs mock/log 2>/dev/null && worker=$(workers) && [ -n "$worker" ]
}
mock_is "hang C_Sign"
enroll 1234 --module "$mock" --id 02 &
wait_until 10 hanging
check "the worker is nobody of importance" test "$(stat -c %U "/proc/$worker")" != "$(id -un)" -o "$(id -u)" != 0
kill -KILL "$worker"
wait $!
is "a worker that is killed ends it" $? 1
check "… with a reason" said "mock: the token or its module answers with errors: its process is gone"
is "and no worker is left" "$(workers)" ""

check "a worker that is not there is told" refuses ".*/nonexistent: No such file" 1234 --module "$mock" --worker /nonexistent
check "one that ends at once, too" refuses ".*its process is gone" 1234 --module "$mock" --worker "$(type -P true)"

# A terminal.
typed()
{
	tr -d '\r' <screen | grep -qF -- "$1"
}
mock_is "tries 3"
echo 2 >mock/tries
mkfifo keyboard
script -qfe -c "'$keydctl' token enroll --module '$mock' --id 02 --csr typed.csr" screen <keyboard >/dev/null 2>&1 &
terminal=$!
exec {keys}>keyboard
check "the prompt says whose PIN, and how many tries are left" wait_until 20 typed 'PIN of token "mock" (2 tries left): '
printf '1234\n' >&"$keys"
exec {keys}>&-
wait $terminal
is "what is typed is taken" $? 0
check "… and not shown" eval '! grep -q 1234 screen && good typed.csr "CN = mock"'

mock_is
timeout 20 "$keydctl" token enroll --module "$mock" --id 02 >out 2>err <<<1234
is "where nobody can be asked, that is said at once" $? 5
check "… with what would help" said "there is nobody to ask: .* neither --pin-fd nor --pinentry is given"

# Names.
mock_is
check "all forms of names" enroll 1234 --module "$mock" --id 02 --dn "C=DE, O=Example Ltd, CN=gate" --san gate.example.org \
	--san 192.0.2.1 --san 2001:db8::1 --san alice@example.org --csr names.csr
check "… the subject" good names.csr "C = DE, O = Example Ltd, CN = gate"
is "… the others" "$(openssl req -in names.csr -noout -text | grep -A1 'Alternative Name' | tail -1 | xargs)" \
	"DNS:gate.example.org, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, email:alice@example.org"
mock_is
check "without a subject the first name is it" eval 'enroll 1234 --module "$mock" --id 02 --san gate.example.org --csr san.csr && good san.csr "CN = gate.example.org"'
mock_is
check "what is no name is told" refuses '--san a b: neither' 1234 --module "$mock" --id 02 --san "a b"
mock_is
check "… nor a DN" refuses '--dn nonsense: ' 1234 --module "$mock" --id 02 --dn nonsense
noted C_Login=0
mock_is
check "a folder that is not there is found before anything is done" eval '! enroll 1234 --module "$mock" --id 02 --csr nowhere/a.csr && said "nowhere/a.csr: cannot be made"'
noted C_Login=0
check "--cert goes with nothing that makes a key" eval 'enroll 1234 --cert ca.pem --key p256; [ $? = 2 ]'
check "an unknown type of keys is told" eval 'enroll 1234 --key rsa1; [ $? = 2 ] && said "\"rsa1\" is no type of keys"'
check "a module that is none is told" refuses "/etc/hostname cannot be loaded" 1234 --module /etc/hostname
check "a module without a file is told" refuses "nonesuch is no module that p11-kit knows" 1234 --module nonesuch
# From an empty token to a certificate, by a module that nobody here wrote.
softhsm_tests()
{
	local module=$1 key

	mkdir -m 777 tokens
	printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$work" >softhsm.conf
	export SOFTHSM2_CONF=$work/softhsm.conf
	as_user softhsm2-util --init-token --free --label gate --so-pin 87654321 --pin 123456 >/dev/null || not_ok "a token is made"
	for key in p256:P-256 p384:P-384 rsa2048:RSA-2048; do
		check "an empty token: a ${key#*:} key is made" enroll 123456 gate --module "$module" --key ${key%%:*} --id "${key: -2}" \
			--label ${key%%:*} --dn "CN=${key%%:*}" --san gate.example.org --csr ${key%%:*}.csr
		check "… that is told" said "^gate: ${key#*:} key made; the request is in ${key%%:*}.csr"
		check "… its request is good" good ${key%%:*}.csr "CN = ${key%%:*}"
		certify ${key%%:*}.csr ${key%%:*}.pem
		check "its certificate is stored" enroll 123456 gate --module "$module" --cert ${key%%:*}.pem
		check "… once, though stored twice" enroll 123456 gate --module "$module" --cert ${key%%:*}.pem
		is "… as pkcs11-tool sees it" "$(as_user pkcs11-tool --module "$module" --token-label gate --list-objects --type cert 2>/dev/null |
			grep -c "label: *${key%%:*}$")" 1
		as_user pkcs11-tool --module "$module" --token-label gate --read-object --type cert --id "${key: -2}" 2>/dev/null |
			openssl x509 -inform DER -out read.pem
		check "… to the byte" cmp read.pem ${key%%:*}.pem
	done
	openssl req -new -key other.key -subj /CN=other -out other.csr
	certify other.csr foreign.pem
	check "a certificate of another key is refused" eval '! enroll 123456 gate --module "$module" --cert foreign.pem && said "foreign.pem: the certificate is not of a key that is on gate: nothing was stored"'
	check "of a file with several, the one that fits is taken" eval 'cat foreign.pem p256.pem >chain.pem && enroll 123456 gate --module "$module" --cert chain.pem'
	check "a file that is no certificate is told" eval '! enroll 123456 gate --module "$module" --cert /etc/hostname && said "/etc/hostname: "'
	check "a certificate that has run out is refused" eval 'openssl x509 -req -in p256.csr -CA ca.pem -CAkey ca.key -days -1 -out old.pem 2>/dev/null
		! enroll 123456 gate --module "$module" --cert old.pem && said "has run out"'
	check "another key takes a place only when that is asked for" refuses "gate has another key already: \(P-256, id 56\)" 123456 gate --module "$module" \
		--id 56 --key rsa2048
	check "… and then does" enroll 123456 gate --module "$module" --id 56 --replace --csr new.csr
	check "… another key, of the same kind" eval '! same_key new.csr p256.pem && said "P-256 key made"'
	check "by what is printed, the key is found again" eval 'line=$(sed -n "s/^in keyd.conf: key //p" out) && enroll 123456 "$line" --id 56 --csr by-uri.csr'
	check "… the same one" same_request by-uri.csr new.csr
	check "the name that p11-kit has for the module will do" enroll 123456 gate --module softhsm2 --id 56 --csr named.csr
	if [ -e /usr/share/p11-kit/modules/softhsm2.module ]; then
		check "without --module p11-kit's list is gone through" enroll 123456 gate --id 56 --csr listed.csr
		check "… and the line for keyd.conf says which of it" said "^in keyd.conf: (key|cert) pkcs11:.*token=gate;id=%56\?module-name=softhsm2$"
		check "… a token that is in none of it" refuses "there is no token \"nobody\" in the readers, and the modules that p11-kit lists, only .*\"gate\"" 123456 nobody
	else
		skip "p11-kit's list" "it has no softhsm2"
	fi
}
softhsm=$(find /usr/lib -name libsofthsm2.so -print -quit)
if [ -z "$softhsm" ]; then
	skip "an empty token of SoftHSM's" "no libsofthsm2.so"
else
	softhsm_tests "$softhsm"
fi

# Cards in readers.
# enroll_admin PIN ADMIN ARG...: also with the administrator's secret
enroll_admin()
{
	timeout 60 "$keydctl" token enroll --pin-fd 4 --admin-fd 5 "${@:3}" 4<<<"$1" 5<<<"$2" >out 2>err </dev/null
}

# shows SLOT PATTERN: what OpenSC's module has there
shows()
{
	timeout 20 pkcs11-tool --module "$opensc" --slot "$1" --list-objects --type cert >objects 2>&1 && grep -q -- "$2" objects
}

# card_has NAME WORD: what the card itself says
card_has()
{
	card_say "$1" info | tr ' ' '\n' | grep -qx -- "$2"
}

card_tests()
{
	local pgp="OpenPGP card (User PIN)" piv=PIV_II serial=8000000000000007 opensc uri key_9b=010203040506070801020304050607080102030405060708

	opensc=$(find /usr/lib -name opensc-pkcs11.so -print -quit)
	export PCSCLITE_CSOCK_NAME=$work/none
	check "without pcscd that is told" refuses "there is no token in the readers; no reader can be asked, as pcscd is not there" 123456
	card_readers_start || not_ok "pcscd starts"
	chmod 755 "$card_dir"
	check "without a card, too" refuses "there is no token in the readers" 123456
	card_new pgp openpgp || not_ok "an OpenPGP card is put in"
	card_new piv piv || not_ok "a PIV card is put in"
	check "of two cards it wants to know which" refuses "several tokens fit: say which by its serial number: .*$piv" 123456

	check "an empty OpenPGP card: a key is made" enroll_admin 123456 12345678 "$pgp" --key p256 --dn CN=pgp --san pgp.example.org --csr pgp.csr
	check "… in the place for authentication" card_has pgp auth=p256
	check "… its request is good" good pgp.csr "CN = pgp"
	certify pgp.csr pgp.pem
	check "its certificate is stored" enroll_admin "" 12345678 "$pgp" --cert pgp.pem
	check "… the line for keyd.conf names it" said '^in keyd.conf: cert pkcs11:.*;id=%03$'
	check "… as OpenSC sees it" shows 0 'CN=pgp'
	check "the key that is there is taken again" enroll 123456 "$pgp" --csr again.csr
	check "… the same one" same_key again.csr pgp.pem
	check "a key of another kind is not" refuses "OpenPGP.* has another key already: \(P-256, id 03\)" 123456 "$pgp" --key rsa2048
	check "a wrong PIN costs one try" eval 'refuses "OpenPGP.*: the PIN is wrong \(2 tries left\)" 111111 "$pgp" && card_has pgp user=2'
	check "a wrong PIN of the administrator, too" eval '! enroll_admin 123456 11111111 "$pgp" --replace --csr never.csr && said "administrator.s PIN.* is wrong" &&
		card_has pgp admin=2 && card_has pgp user=3'
	check "… and leaves the key" eval 'enroll 123456 "$pgp" --csr again.csr && same_key again.csr pgp.pem'
	check "another key takes its place when that is asked for" enroll_admin 123456 12345678 "$pgp" --replace --key rsa2048 --csr other.csr
	check "… which is another one" eval 'card_has pgp auth=rsa2048 && good other.csr "CN = $pgp" && ! same_key other.csr pgp.pem'
	check "a certificate of another key is refused" eval '! enroll_admin "" 12345678 "$pgp" --cert pgp.pem && said "pgp.pem: the certificate is not of a key that is on"'

	check "an empty PIV card: a key is made" enroll_admin 123456 $key_9b $serial --key rsa2048 --dn CN=piv --csr piv.csr
	check "… in the place for authentication" card_has piv 9a=rsa2048
	check "… its request is good" good piv.csr "CN = piv"
	uri=$(sed -n 's/^in keyd.conf: key \(.*\)/\1/p' out)
	check "… it is found again" eval 'enroll 123456 $serial --csr again.csr && same_request again.csr piv.csr'
	certify piv.csr piv.pem
	check "its certificate is stored" enroll_admin "" $key_9b $serial --cert piv.pem
	check "… the key has the same URI as before" said "^in keyd.conf: cert $uri\$"
	check "… as OpenSC sees it" shows 4 'CN=piv'
	check "9C, which wants the PIN for each signature" eval 'enroll_admin 123456 $key_9b $serial --id 02 --key p256 --dn CN=9c --csr 9c.csr && card_has piv 9c=p256 && good 9c.csr CN\ =\ 9c'
	check "a wrong management key is told" eval '! enroll_admin 123456 ${key_9b//1/7} $serial --id 04 --csr never.csr && said "administrator.s PIN or key is wrong"'
	check "a URI names a token, too" enroll 123456 "pkcs11:serial=$serial" --id 01 --csr uri.csr
	check "beside it, a key for signatures" enroll_admin 123456 12345678 "$pgp" --id 01 --key p256 --csr sign.csr
	check "… which wants the PIN each time" eval 'card_has pgp sign=p256 && card_has pgp signatures=1'
	check "of the two, the one for authentication is meant" eval 'enroll 123456 "$pgp" --csr again.csr && same_request again.csr other.csr'
	check "a place that is not there is told" eval '! enroll_admin 123456 12345678 "$pgp" --id 09 --csr never.csr && said "has no place for a key with this id"'
	check "OpenSC's module sees the same keys" eval 'enroll 123456 --module "$opensc" "$pgp" --id 03 --csr opensc.csr && same_request opensc.csr other.csr'
	check "a kind of keys that a card has not is told" eval '! enroll_admin 123456 $key_9b $serial --id 04 --key p521 --csr never.csr && said "cannot make such a key: try another --key"'
	card_say piv silence 20 >/dev/null
	check "a card that falls silent: it ends in time" refuses ".*no answer came within 2 s" 123456 --timeout 2 $serial --id 01
	card_say piv speak >/dev/null
}
lacks=$(card_lacks)
if [ -n "$lacks" ]; then
	skip "cards in readers" "$lacks"
else
	card_tests
fi
check "--help tells" eval '"$keydctl" token enroll --help | grep -q -- --admin-fd'

finish
