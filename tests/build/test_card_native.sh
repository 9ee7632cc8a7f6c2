#!/bin/bash
# SPDX-License-Identifier: MIT
# The native driver with cards behind pcscd: named as OpenSC names them, used beside OpenSC and GnuPG at the same time, pulled out and put
# back, silent, with wrong PINs; pcscd killed and started again; keys made on them that others use. Needs namespaces.
#
# timeout: 300

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"
# shellcheck source=tests/lib/card.sh
. "$(dirname "$0")/../lib/card.sh"

lacks=$(card_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
program=$(realpath "${O:-build}/tests/card-driver")
trap 'drivers_end; card_cleanup' EXIT
card_readers_start || not_ok "pcscd starts"
cd "$card_dir" || exit
module=$(find /usr/lib -name opensc-pkcs11.so -print -quit)
manager=010203040506070801020304050607080102030405060708

limit()
{
	timeout 20 "$@" </dev/null
}

says()
{
	"${@:2}" >says.out 2>&1
	grep -Eq -- "$1" says.out || { cat says.out; return 1; }
}

fails()
{
	! "$@"
}

# Drivers run beside each other, each with a pipe for what it is asked and a file of what it answered.
declare -A driver_pid driver_in

# driver_start NAME native READER | pkcs11 MODULE
driver_start()
{
	local fd

	rm -f "$1.in"
	mkfifo "$1.in"
	: >"$1.out"
	"$program" "$2" "$3" <"$1.in" >"$1.out" 2>"$1.err" &
	driver_pid[$1]=$!
	exec {fd}>"$1.in"
	driver_in[$1]=$fd
}

driver_end()
{
	local fd=${driver_in[$1]}

	# Not only by closing it: others that were started meanwhile have it, too.
	echo quit >&"$fd"
	exec {fd}>&-
	unset "driver_in[$1]"
	wait "${driver_pid[$1]}"
}

drivers_end()
{
	local name

	for name in "${!driver_in[@]}"; do
		driver_end "$name"
	done
}

answers()
{
	[ "$(grep -c '^= ' "$1.out")" -gt "$2" ]
}

# tell NAME COMMAND...: does not wait for the answer; heard NAME does.
tell()
{
	asked=$(grep -c '^= ' "$1.out")
	echo "${*:2}" >&"${driver_in[$1]}"
}

# heard NAME: what was answered since the last command, in answer
heard()
{
	wait_until 20 answers "$1" "$asked" || return
	awk -v n="$asked" '/^= / { if (++seen > n) { print; exit } next } seen == n' "$1.out" >answer
}

# ask NAME PATTERN COMMAND...: the answer has such a line
ask()
{
	tell "$1" "${@:3}"
	heard "$1" && grep -Eq -- "$2" answer || { cat answer; return 1; }
}

on_failure()
{
	note "$(tail -n 5 ./*.out ./*.err 2>/dev/null)"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=CA -keyout ca.key -out ca.pem 2>/dev/null

# certify CARD KEY CN: a certificate for the key there, on the card
certify()
{
	card_say "$1" public "$2" public.pem &&
		openssl x509 -new -force_pubkey public.pem -subj "/CN=$3" -CA ca.pem -CAkey ca.key -out certificate.pem &&
		card_say "$1" certificate "$2" certificate.pem
}

card_new pgp openpgp || not_ok "an OpenPGP card is put in"
card_new piv piv || not_ok "a PIV card is put in"
card_say pgp generate sign p384
card_say pgp generate decrypt p256
card_say pgp generate auth rsa2048
card_say piv generate 9a rsa2048
card_say piv generate 9c p256
card_say piv generate 9e p384
certify pgp auth "the gate"
certify piv 9a "nine a"
certify piv 9c "nine c"
certify piv 9e "nine e"

driver_start pgp native "Emulated 00 00"
driver_start piv native "Emulated 00 01"
driver_start opensc pkcs11 "$module"

# What is there is called the same by OpenSC's module: tokens, and keys that sign, by their URIs.
check "a token for the OpenPGP card" ask pgp 'token 0 tries=3 login=1 pkcs11:' tokens
grep -o 'pkcs11:.*' answer >ours
check "… for the PIV card" ask piv 'token 0 tries=3 login=1 pkcs11:' tokens
grep -o 'pkcs11:.*' answer >>ours
check "OpenSC has three" ask opensc 'token 2' tokens
grep -o 'pkcs11:.*' answer | grep -v sig >theirs
check "… of which ours are two" diff ours theirs
check "keys on the OpenPGP card" ask pgp 'key 03 RSA-2048 schemes=6 cert=[1-9][0-9]* each=0' keys 0
check "… one wants the PIN each time" grep -q '^key 01 P-384 schemes=5 cert=0 each=1' answer
check "… one is for decryption" grep -q '^key 02 P-256 schemes=0' answer
grep -o 'label=.*' answer >ours
check "keys on the PIV card" ask piv 'key 01 RSA-2048 schemes=9 cert=[1-9][0-9]* each=0' keys 0
check "… 9C wants the PIN each time" grep -q '^key 02 P-256 schemes=5 cert=[1-9][0-9]* each=1' answer
check "… 9E is there, too, and wants none" grep -q '^key 04 P-384 schemes=5 cert=[1-9][0-9]* each=0 open=1' answer
check "… which is said of no other" [ "$(grep -c 'open=1' answer)" = 1 ]
grep -o 'label=.*' answer >>ours
for slot in 0 1 2; do
	tell opensc keys $slot
	heard opensc && grep '^key' answer
done >open
check "OpenSC says so of 9E" [ "$(grep 'open=1' open | cut -d' ' -f2)" = 04 ]
for slot in 0 1 2; do
	check "OpenSC's keys" ask opensc '^= ok' login $slot 123456
	check "… of token $slot" ask opensc '^key' keys $slot
	grep -o 'label=.*' answer
done | sed -n 's/ (sig)//; s/%20%28sig%29//; /label=/p' >theirs
sed -i 's/%28User%20PIN%20%28sig%29%29/%28User%20PIN%29/' theirs
is "ours are called the same" "$(sort ours | grep -v Encryption)" "$(sort -u theirs | grep -v Encryption)"
driver_end opensc

# Signatures, of every key in every way; nothing grows.
check "without a PIN nothing is signed" ask pgp '^= the token is locked' sign 0 03 rsa-sha256
check "… but by 9E" ask piv 'signed 5' sign-all 0 04
check "the PIN is right" ask pgp '^= ok' login 0 123456
check "… on the PIV card" ask piv '^= ok' login 0 123456
check "RSA, OpenPGP" ask pgp 'signed 6' sign-all 0 03
check "ECDSA with the signature key" ask pgp 'signed 5' sign-all 0 01 123456
check "… not without a PIN" ask pgp '^= the token is locked' sign 0 01 ecdsa384
check "RSA with PSS, PIV" ask piv 'signed 9' sign-all 0 01
check "ECDSA by 9C" ask piv 'signed 5' sign-all 0 02 123456
check "descriptors" ask pgp '^fds' fds
before=$(grep fds answer)
check "100 signatures" ask pgp '^= ok' sign 0 03 rsa-sha256 100
check "100 signatures on the PIV card" ask piv '^= ok' sign 0 01 rsapss-sha256 100
ask pgp '^fds' fds
is "descriptors are as many as before" "$(grep fds answer)" "$before"

# Others use the cards at the same time. OpenSC resets a card when it leaves it; scdaemon selects its application.
check "OpenSC signs meanwhile" limit pkcs11-tool --module "$module" --slot 4 --login --pin 123456 --id 01 --sign --mechanism SHA256-RSA-PKCS \
	--input-file ca.pem --output-file signature
check "… which may end our login" ask piv '^= (ok|the token is locked)' sign 0 01 rsapss-sha256
check "… we log in again" ask piv '^= ok' login 0 123456
check "… and sign" ask piv '^= ok' sign 0 01 rsapss-sha256
export GNUPGHOME=$card_dir/gnupg
mkdir -m 700 "$GNUPGHOME"
printf 'disable-ccid\npcsc-shared\nreader-port Emulated 00 00\n' >"$GNUPGHOME/scdaemon.conf"
check "gpg --card-status, while we are logged in" says '^Version \.+: 3.4' limit gpg --card-status
check "… sees that no try was used" grep -q 'PIN retry counter : 3 0 3' says.out
for i in 1 2 3; do
	says . limit gpg --card-status
	tell pgp sign 0 03 rsa-sha256
	heard pgp
	grep -Eq '^= (ok|the token is locked)' answer || break
	ask pgp '^= ok' login 0 123456 && ask pgp '^= ok' sign 0 03 rsa-sha256 || break
done
is "… again and again, in turns with us" "$i $(grep '^=' answer)" "3 = ok"
# All three at once, nobody waits for anybody.
crowd()
{
	while [ -e crowd ]; do
		limit gpg --card-status
		limit pkcs11-tool --module "$module" --slot 0 --list-objects
	done
}
touch crowd
crowd >crowd.out 2>&1 &
crowd_pid=$!
done=0 locked=0
for ((i = 0; i < 60; i++)); do
	tell pgp sign 0 03 rsa-sha256
	heard pgp || break
	case $(<answer) in
	"= ok") done=$((done + 1)) ;;
	"= the token is locked"*)
		locked=$((locked + 1))
		ask pgp '^= ok' login 0 123456 || break
		;;
	*) cat answer; break ;;
	esac
done
is "in a crowd, each signature is made or wants a login" $((done + locked)) 60
rm crowd
wait $crowd_pid
note "$locked of 60 wanted one"
check "some were made" [ $done -gt 0 ]
check "no try was used" ask pgp 'tries=3' check 0
gpgconf --kill all
check "logged out, we hold the card no more" ask pgp '^= ok' logout 0
sed -i /pcsc-shared/d "$GNUPGHOME/scdaemon.conf"
check "scdaemon takes it exclusively" says '^Version \.+: 3.4' limit gpg --card-status
check "… which is said" ask pgp 'another program holds the card exclusively \(scdaemon without pcsc-shared' check 0
gpgconf --kill all
check "… until it ends" wait_until 5 ask pgp 'tries=3' check 0

# PINs.
for left in 2 1 0; do
	check "a wrong PIN" ask pgp '^= the PIN is wrong' login 0 654321
	check "… leaves $left tries" ask pgp "tries=$left" check 0
	check "… as on the PIV card" ask piv '^= the PIN is wrong' login 0 654321
	check "… $left" ask piv "tries=$left" check 0
done
check "the right one is blocked then" ask pgp '^= the PIN is blocked' login 0 123456
check "… on the PIV card" ask piv '^= the PIN is blocked' login 0 123456
card_say pgp tries user 3
card_say piv tries user 3
check "unblocked" ask pgp '^= ok' login 0 123456
check "… both" ask piv '^= ok' login 0 123456

# Cards go and come, under a command and between two.
check "nothing happens" ask pgp '^no event' wait
card_remove pgp
check "… until it does" ask pgp '^event' wait block
check "… once" ask pgp '^no event' wait
check "pulled" ask pgp '^= the token is not there' sign 0 03 rsa-sha256
check "… there is no token" ask pgp '^= ok' tokens
check "… none" fails grep -q ^token answer
check "… the other is not concerned" ask piv '^= ok' sign 0 01 rsapss-sha256
card_insert pgp
check "back, it is locked" ask pgp '^= the token is locked' sign 0 03 rsa-sha256
check "… until it is unlocked" ask pgp '^= ok' login 0 123456
check "… and signs" ask pgp '^= ok' sign 0 03 rsa-sha256
card_say piv silence 87
tell piv sign 0 01 rsapss-sha256
check "silent" card_say piv silent
check "… we wait" fails answers piv "$asked"
card_say piv speak
heard piv
is "… until it speaks" "$(<answer)" "= ok"
card_say piv silence 87
tell piv sign 0 01 rsapss-sha256
card_say piv silent
card_remove piv
heard piv
is "pulled while it signs" "$(sed 's/ |.*//' answer)" "= the token is not there"
card_insert piv
check "… back" ask piv '^= ok' login 0 123456
check "… it signs" ask piv '^= ok' sign 0 01 rsapss-sha256
for fault in garbage short long "status 6f00"; do
	read -ra words <<<"$fault"
	card_say piv "${words[0]}" "${words[@]:1}" 87
	check "$fault is an error" ask piv '^= (the token or its module answers with errors|what the token signed is wrong) ?' sign 0 01 rsapss-sha256
	tell piv login 0 123456
	heard piv
	check "… of one signature" ask piv '^= ok' sign 0 01 rsapss-sha256
done

# pcscd goes and comes.
card_readers_end KILL
check "pcscd killed" ask pgp 'pcscd is not running' sign 0 03 rsa-sha256
check "… and not there" ask pgp '^= the token or its module answers with errors' reset
ask pgp '^fds' fds
before=$(grep fds answer)
for i in 1 2 3; do
	card_readers_start || not_ok "pcscd starts again"
	card_seen pgp || not_ok "the card is seen"
	ask pgp '^= ok' reset && ask pgp '^token' tokens && ask pgp '^= ok' login 0 123456 && ask pgp '^= ok' sign 0 03 rsa-sha256 || break
	card_readers_end KILL
	tell pgp tokens
	heard pgp
done
is "back three times, each time it signs again" "$i" 3
check "descriptors" ask pgp '^fds' fds
is "… are as many as before" "$(grep fds answer)" "$before"
card_readers_start || not_ok "pcscd starts again"
check "the readers are back" eval 'card_seen pgp && card_seen piv'

# Short and extended length.
for yes in no yes; do
	card_say pgp extended $yes
	card_say piv extended $yes
	card_remove pgp && card_insert pgp && card_remove piv && card_insert piv
	: >pgp.trace
	ask pgp '^token' tokens && ask piv '^token' tokens
	ask pgp '^= ok' login 0 123456 && ask piv '^= ok' login 0 123456
	check "extended length: $yes" ask pgp '^key 03 RSA-2048 schemes=6 cert=[1-9]' keys 0
	check "… signs" ask pgp 'signed 6' sign-all 0 03
	check "… PIV" ask piv 'signed 9' sign-all 0 01
done
check "… it was used" grep -q '^> 00 47 81 00 00 00 02' pgp.trace

# From an empty card to a key that others use.
check "another key" ask pgp '^key 03 P-256 schemes=5 cert=0' make 0 03 ec 256 12345678 replace
check "… in place of one only if that is meant" ask pgp '^= the token has a key there already' make 0 03 ec 256 12345678
check "… by the administrator only" ask pgp "^= the administrator's PIN or key is wrong" make 0 03 ec 256 87654321 replace
card_say pgp tries admin 3
certify_by() # DRIVER ID CN ADMIN
{
	ask "$1" '^= ok' public 0 "$2" spki.der && openssl pkey -pubin -inform DER -in spki.der -out public.pem &&
		openssl x509 -new -force_pubkey public.pem -subj "/CN=$3" -CA ca.pem -CAkey ca.key -outform DER -out certificate.der &&
		ask "$1" '^= ok' store 0 "$2" certificate.der "$4"
}
ask pgp '^key' keys 0
check "its certificate" certify_by pgp 03 "new gate" 12345678
check "… is there" ask pgp '^key 03 P-256 schemes=5 cert=[1-9]' keys 0
check "… and signs" eval "ask pgp '^= ok' login 0 123456 && ask pgp 'signed 5' sign-all 0 03"
check "OpenSC sees both" says 'AUT certificate|Cardholder certificate' limit pkcs11-tool --module "$module" --slot 0 --list-objects
check "… the key, by its fingerprint" grep -q 'Authentication key' says.out
openssl dgst -sha256 -binary -out digest ca.pem
check "… and signs with it" limit pkcs11-tool --module "$module" --slot 0 --login --pin 123456 --id 03 --sign --mechanism ECDSA \
	--signature-format openssl --input-file digest --output-file signature
check "… as OpenSSL confirms" openssl dgst -sha256 -verify public.pem -signature signature ca.pem
printf 'disable-ccid\npcsc-shared\nreader-port Emulated 00 00\n' >"$GNUPGHOME/scdaemon.conf"
check "GnuPG sees it, and when it was made" says '^ +created \.+: 20' limit gpg --card-status
gpgconf --kill all
check "an RSA key" ask pgp '^key 01 RSA-2048 schemes=6 cert=0 each=1' make 0 01 rsa 2048 12345678 replace
check "… signs" ask pgp 'signed 6' sign-all 0 01 123456
check "a key in a PIV card" ask piv '^key 01 P-256 schemes=5 cert=0' make 0 01 ec 256 $manager replace
check "… with the management key only" ask piv "^= the administrator's PIN or key is wrong" make 0 02 ec 256 ${manager/1/2} replace
tell piv keys 0
heard piv
ask piv '^key' make 0 01 ec 256 $manager replace
check "its certificate" certify_by piv 01 "new nine a" $manager
check "the card is called as it is" ask piv 'token=new%20nine%20a' tokens
check "… it is there" ask piv '^key 01 P-256 schemes=5 cert=[1-9]' keys 0
check "OpenSC sees it" says 'DN: CN=new nine a' limit pkcs11-tool --module "$module" --slot 4 --list-objects

# What a watcher is told.
"$program" watch >watch.out 2>watch.err &
driver_pid[watch]=$!
watched() # LINE
{
	[ "$(tail -n 1 watch.out)" = "$1" ]
}
check "a watcher sees the readers" wait_until 5 watched 'readers "Emulated 00 00"+ "Emulated 00 01"+'
card_remove pgp
check "… a card that is pulled" wait_until 5 watched 'readers "Emulated 00 00"- "Emulated 00 01"+'
card_insert pgp
check "… that is put back" wait_until 5 watched 'readers "Emulated 00 00"+ "Emulated 00 01"+'
lines=$(wc -l <watch.out)
ask pgp '^token' tokens
ask pgp '^= ok' login 0 123456
ask pgp '^= ok' logout 0
card_remove piv
wait_until 5 watched 'readers "Emulated 00 00"+ "Emulated 00 01"-'
is "… and nothing but that: not who uses it" "$(wc -l <watch.out)" $((lines + 1))
card_readers_end KILL
check "… pcscd that ends" wait_until 5 watched 'no pcscd'
card_readers_start || not_ok "pcscd starts again"
check "… that is back" wait_until 10 watched 'readers "Emulated 00 00"+ "Emulated 00 01"-'
card_readers_end
check "… that ends in peace" wait_until 5 watched 'no pcscd'
rm -rf run
mkdir run
card_readers_start || not_ok "pcscd starts again"
check "… that comes with a new folder" wait_until 10 watched 'readers "Emulated 00 00"+ "Emulated 00 01"-'
kill "${driver_pid[watch]}" 2>/dev/null
wait "${driver_pid[watch]}" 2>/dev/null
driver_end pgp
driver_end piv
is "nobody complained" "$(cat ./*.err)" ""
finish
