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
check "no PIN is an error" refuses "mock: its PIN was not given" "" --module "$mock" --id 02
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
check "the prompt says whose PIN, and how many tries are left" wait_until 20 typed "PIN of mock (2 tries left): "
printf '1234\n' >&"$keys"
exec {keys}>&-
wait $terminal
is "what is typed is taken" $? 0
check "… and not shown" eval '! grep -q 1234 screen && good typed.csr "CN = mock"'

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
check "--help tells" eval '"$keydctl" token enroll --help | grep -q -- --admin-fd'

finish
