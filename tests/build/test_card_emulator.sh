#!/bin/bash
# SPDX-License-Identifier: MIT
# The emulated smart cards, as OpenSC's and GnuPG's programs see them through pcscd: what is on them, new keys, signatures that
# OpenSSL verifies, wrong PINs, lock and unlock, extended length, and all that goes wrong on command. Needs namespaces.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"
# shellcheck source=tests/lib/card.sh
. "$(dirname "$0")/../lib/card.sh"

lacks=$(card_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
trap card_cleanup EXIT
card_readers_start || not_ok "pcscd starts"
cd "$card_dir" || exit
module=$(find /usr/lib -name opensc-pkcs11.so -print -quit)

# What each of the programs may take; a reader that hangs is a failure, not a wait.
limit()
{
	timeout 20 "$@" </dev/null
}

# pkcs11 SLOT ARG...: OpenSC's module has four slots for each reader, and uses one for each PIN.
pkcs11()
{
	limit pkcs11-tool --module "$module" --slot "$1" "${@:2}"
}
pgp_user=0 pgp_sign=1 piv_user=4

# says PATTERN COMMAND...: the command's output, on whichever stream, has a line like this. Whether it succeeds is another question.
says()
{
	"${@:2}" >says.out 2>&1
	grep -Eq -- "$1" says.out || { cat says.out; return 1; }
}

# fails COMMAND...
fails()
{
	! "$@"
}

# tries NAME=N: what the card itself says
tries()
{
	says " $2( |$)" card_say "$1" info
}

# signs CARD KEY SLOT ID MECHANISM FILE: by PKCS#11; OpenSSL verifies it with the public key that the card tells
signs()
{
	card_say "$1" public "$2" public.pem &&
		pkcs11 "$3" --login --pin 123456 --id "$4" --sign --mechanism "$5" --signature-format openssl --input-file "$6" --output-file signature &&
		openssl dgst -sha256 -verify public.pem -signature signature message
}

# raw READER APDU...: commands in one connection, in hexadecimal with colons or without
raw()
{
	local reader=$1 apdu args=()

	shift
	for apdu; do
		args+=(--send-apdu "$apdu")
	done
	limit opensc-tool --reader "$reader" "${args[@]}"
}

echo "a message" >message
openssl dgst -sha256 -binary -out digest message
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=CA -keyout ca.key -out ca.pem 2>/dev/null

# certify CARD KEY: a certificate for the key there, in certificate.pem
certify()
{
	card_say "$1" public "$2" public.pem &&
		openssl x509 -new -force_pubkey public.pem -subj "/CN=$1 $2" -CA ca.pem -CAkey ca.key -out certificate.pem
}

card_new pgp openpgp || not_ok "an OpenPGP card is put in"
card_new piv piv || not_ok "a PIV card is put in"

# What is there.
check "opensc-tool knows both by name" says '^OpenPGP card v3.4' limit opensc-tool --reader 0 --name
check "… the PIV card" says '^Personal Identity Verification Card' limit opensc-tool --reader 1 --name
check "openpgp-tool reads the card" says '^Version: +3.4' limit openpgp-tool --reader 0 --card-info --user-info --key-info
check "piv-tool reads its serial number" says 'gapless@' limit piv-tool --reader 1 --serial
check "pkcs11-tool has a slot for each" says 'token label +: PIV_II' limit pkcs11-tool --module "$module" --list-slots
check "… two for the OpenPGP card" says 'token label +: OpenPGP card \(User PIN \(sig\)\)' limit pkcs11-tool --module "$module" --list-slots

export GNUPGHOME=$card_dir/gnupg
mkdir -m 700 "$GNUPGHOME"
printf 'disable-ccid\nreader-port Emulated 00 00\n' >"$GNUPGHOME/scdaemon.conf"
check "gpg --card-status" says '^Version \.+: 3.4' limit gpg --card-status
check "… sees the tries" grep -q 'PIN retry counter : 3 0 3' says.out
check "… and that each signature wants the PIN" grep -q 'Signature PIN .*: forced' says.out
gpgconf --kill all

# Keys made on the cards, signatures with them.
hex()
{
	od -An -v -tx1 | tr -d ' \n'
}
user=$(printf 123456 | hex)
admin=$(printf 12345678 | hex)
hash=$(hex <digest)
check "openpgp-tool makes an RSA key" limit openpgp-tool --reader 0 --verify CHV3 --pin 12345678 --gen-key 3 --key-type rsa2048
check "… and it is there" tries pgp auth=rsa2048
check "it signs" signs pgp auth $pgp_user 03 SHA256-RSA-PKCS message
check "an EC key signs" eval 'card_say pgp generate auth p256 && signs pgp auth $pgp_user 03 ECDSA digest'
card_say pgp generate sign p384
check "the signature key signs" signs pgp sign $pgp_sign 01 ECDSA digest
check "… which is counted" tries pgp signatures=1

printf '01:02:03:04:05:06:07:08%.0s' 1 >admin.key
printf ':01:02:03:04:05:06:07:08%.0s' 1 2 >>admin.key
export PIV_EXT_AUTH_KEY=$card_dir/admin.key
# Debian 12's piv-tool fails to print the public key; its exit code means nothing.
limit piv-tool --reader 1 --admin M:9B:03 --genkey 9A:06 >piv-tool.out 2>&1
check "piv-tool makes an RSA key" tries piv 9a=rsa1024
limit piv-tool --reader 1 --admin M:9B:03 --genkey 9C:11 >>piv-tool.out 2>&1
check "… and an EC key" tries piv 9c=p256
certify piv 9a
limit piv-tool --reader 1 --admin M:9B:03 --cert 9A --in certificate.pem >>piv-tool.out 2>&1
check "… and stores a certificate" says 'DN: CN=piv 9a' pkcs11 $piv_user --list-objects
certify piv 9c
card_say piv certificate 9c certificate.pem
check "9a signs" signs piv 9a $piv_user 01 SHA256-RSA-PKCS message
check "9c signs, with the PIN given again" signs piv 9c $piv_user 02 ECDSA digest
card_say piv forget
check "… which it wants just before" says 'SW1=0x69, SW2=0x82' raw 1 "00:20:00:80:08:${user}ffff" 00:CB:3F:FF:03:5C:01:7E:00 \
	"00:87:11:9C:26:7C:24:82:00:81:20:$hash:00"
is "commands are counted" "$(card_say piv count 87)" 1

# PINs.
each() # one VERIFY, two signatures
{
	raw 0 "00:20:00:81:06:$user" "00:2A:9E:9A:20:$hash:00" "00:2A:9E:9A:20:$hash:00"
}
check "a PIN is good for one signature" says 'SW1=0x69, SW2=0x82' each
check "… unless the card says otherwise" eval 'card_say pgp each-signature no && fails says "SW1=0x69" each'
for left in 2 1 0; do
	check "a wrong PIN counts down to $left" eval "fails limit openpgp-tool --reader 0 --verify CHV1 --pin 654321; tries pgp user=$left"
	check "… by PKCS#11, on a PIV card" eval "says 'CKR_PIN_INCORRECT' pkcs11 $piv_user --login --pin 654321 --list-objects && tries piv user=$left"
done
check "the right one does not help then" fails limit openpgp-tool --reader 0 --verify CHV1 --pin 123456
check "… nor on the PIV card" says CKR_PIN_LOCKED pkcs11 $piv_user --login --pin 123456 --list-objects
check "the administrator unblocks it" says 'SW1=0x90' raw 0 "00:20:00:83:08:$admin" "00:2C:02:81:06:$user"
check "… and it is right again" limit openpgp-tool --reader 0 --verify CHV1 --pin 123456
check "the PUK unblocks it" limit pkcs15-tool --reader 1 --unblock-pin --auth-id 01 --puk 12345678 --new-pin 123456
check "… with all tries" tries piv user=3
check "a wrong PUK counts, too" eval 'fails limit pkcs15-tool --reader 1 --unblock-pin --auth-id 01 --puk 87654321 --new-pin 123456; tries piv puk=2'
card_say pgp tries user 1
check "tries can be set" tries pgp user=1

# Extended length.
check "a card with it is told so" grep -q '^> 00 ca 00 6e 00 20 00' pgp.trace
card_say pgp generate auth rsa2048
check "a card without it" eval 'card_say pgp extended no; card_remove pgp && card_insert pgp'
: >pgp.trace
check "… signs by chained commands and answers in parts" signs pgp auth $pgp_user 03 SHA256-RSA-PKCS message
check "… without one extended command" eval 'grep -q "^> 00 c0" pgp.trace && ! grep "^> 00 .. .. .. 00 " pgp.trace'

# What goes wrong on command.
challenge() { raw 0 00:84:00:00:08; }
check "a delay" eval 'card_say pgp delay 300 84 1; now_ms; begin=$now; challenge && now_ms && [ $((now - begin)) -ge 300 ]'
check "a command in error is answered so" says "no such number" fails card_say pgp delay soon
check "a status word" eval 'card_say pgp status 6f00 84; says "SW1=0x6F, SW2=0x00" challenge'
for fault in garbage short; do
	check "$fault" eval "card_say pgp $fault 84; fails says 'SW1=0x90, SW2=0x00' challenge"
	check "… once" says 'SW1=0x90, SW2=0x00' challenge
done
check "60,000 bytes where 8 were asked for" eval 'card_say pgp long 84; challenge; tail -n 1 pgp.trace | wc -w | grep -qx 60003'
check "… once" says 'SW1=0x90, SW2=0x00' challenge
check "silence ends when the card speaks again" eval 'card_say pgp silence 84; challenge & card_say pgp silent && card_say pgp speak && wait $!'
check "removal before a command" eval 'card_say pgp pull 84; fails challenge; wait_until 5 card_absent pgp'
check "… and back" card_insert pgp
check "removal under a signature" eval 'card_pull_under piv 87 signs piv 9a $piv_user 01 SHA256-RSA-PKCS message; [ $? = 1 ] && grep CKR_ piv.out'
check "… the other card is still there" card_present pgp
idle() { says '^piv in ' card_say piv info; }
check "a card that nobody uses loses its power" eval 'card_insert piv && wait_until 20 idle'
check "… and was seen all the same" "$card_emu" --seconds 5 --tell "$card_dir/piv.sock" seen
check "… it signs" eval 'card_present piv && signs piv 9a $piv_user 01 SHA256-RSA-PKCS message'

# What stays.
contents() { card_say pgp info | sed 's/^openpgp [a-z]* //'; }
before=$(contents)
card_end pgp
card_new pgp openpgp --no-extended
is "a card keeps its state" "$(contents)" "$before"
card_readers_end KILL
check "pcscd killed: there are no readers" fails card_present pgp
card_readers_start || not_ok "pcscd starts again"
check "… started again: the cards are back" eval 'card_seen pgp && card_seen piv'
check "openpgp-tool erases the card" limit openpgp-tool --reader 0 --erase
check "… which is new then" eval 'tries pgp user=3 && fails tries pgp auth=rsa2048'
for name in pgp piv; do
	card_end $name
	is "card-emu has nothing to complain of" "$(<$name.log)" ""
done
finish
