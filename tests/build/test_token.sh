#!/bin/bash
# SPDX-License-Identifier: MIT
# Tokens as people use them: list, show, check, unlock, lock and watch by keydctl, with SoftHSM; "up" that asks for a PIN at a
# terminal, by a pinentry and from a descriptor, and does not wait where there is nobody. Two keyds without a kernel.
#
# timeout: 240

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"

if [ "${1-}" != inside ]; then
	unshare --net --mount --pid --fork true 2>/dev/null || skip_all "no right to make namespaces"
	[ -e "${O:-build}/tests/card/mock_p11.so" ] || skip_all "no mock_p11.so: make check builds it"
	[ -x "${O:-build}/tests/memory-search" ] || skip_all "no memory-search: make check builds it"
	command -v softhsm2-util >/dev/null || skip_all "no softhsm2"
	exec unshare --net --mount --pid --fork --mount-proc "$0" inside
fi

# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
# shellcheck source=tests/lib/keyd.sh
. "$(dirname "$0")/../lib/keyd.sh"
trap hosts_cleanup EXIT
trap 'exit 143' INT TERM HUP

pin=4711-0815-and-so-on
export SOFTHSM2_CONF=$work/softhsm2.conf MOCK_P11_DIR=$work/mock
mock=$(realpath -m "${O:-build}/tests/card/mock_p11.so")
mkdir -m 777 "$MOCK_P11_DIR"
softhsm=$(find /usr/lib -name libsofthsm2.so -print -quit)

# certificate NAME: of its own, which the other end pins
certificate()
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.pem" -days 30 \
		-subj "/CN=$1" -addext "subjectAltName = DNS:$1.example.org" -addext basicConstraints=CA:FALSE -addext keyUsage=critical,digitalSignature 2>"$work/openssl.log"
}

# token LABEL KEY: with one key, of that file, and its certificate
token()
{
	softhsm2-util --init-token --free --label "$1" --pin "$pin" --so-pin 12345678 &&
		softhsm2-util --import "$work/$2.key" --token "$1" --label "$2 key" --id 50 --pin "$pin" &&
		openssl x509 -in "$work/$2.pem" -outform der -out "$work/$2.der" &&
		pkcs11-tool --module "$softhsm" --token-label "$1" --login --pin "$pin" --write-object "$work/$2.der" --type cert --id 50
}

tokens_make()
{
	mkdir "$work/tokens"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\nslots.removable = true\n' "$work/tokens" >"$SOFTHSM2_CONF"
	token gate alice && token spare carol || return
	chmod 755 "$work"
	chown -R "$(getent passwd gapless nobody | head -1 | cut -d: -f1)" "$work/tokens"
}

host_new alice
host_new bob
link_new alice 192.0.2.1/30 bob 192.0.2.2/30
for name in alice bob carol; do
	certificate "$name" || { not_ok "certificate of $name"; note "$(cat "$work/openssl.log")"; finish; exit; }
done
check "tokens" tokens_make || { finish; exit; }
conf_file alice <<-END
	module $softhsm
	peer 192.0.2.2 {
		local 192.0.2.1; cert $work/alice.pem; key pkcs11:token=gate; auth cert
		remote-key file $work/bob.pem; id local alice.example.org; id remote bob.example.org
	}
END
conf_file bob <<-END
	peer 192.0.2.1 {
		local 192.0.2.2; cert $work/bob.pem; key $work/bob.key; auth cert
		remote-key file $work/alice.pem; id local bob.example.org; id remote alice.example.org
	}
END
chmod 600 "$work"/*.key
in_host alice sh -c 'grep -q ^gapless: /etc/group || echo gapless:x:64000: >>/etc/group'
keyd_start alice --backend fake -v
keyd_start bob --backend fake

# tell: the last command's output, for whoever reads why a check failed
tell()
{
	sed 's/^/# /' "$work/out"
}

# code N COMMAND...: ends with this exit code; its output is in $work/out
code()
{
	local want=$1 is=0

	shift
	"$@" >"$work/out" 2>&1 </dev/null || is=$?
	[ "$is" = "$want" ] || { echo "# exit code $is"; tell; return 1; }
}

# says PATTERN: the last output does
says()
{
	tr -s ' \n' '  ' <"$work/out" | grep -Eq -- "$1" || { tell; return 1; }
}

# holds FILTER COMMAND...: of JSON
holds()
{
	keydctl alice --json "${@:2}" >"$work/out" 2>&1 && jq -e "$1" "$work/out" >/dev/null || { tell; return 1; }
}

# given PIN COMMAND...: by a descriptor
given()
{
	printf '%s\n' "$1" >"$work/pin"
	in_host alice "$bin/keydctl" "${@:2}" --fd 7 7<"$work/pin" </dev/null >"$work/out" 2>&1
}

# --- what there is
check "both tokens are listed" holds '[.tokens[].label] | sort == ["gate", "spare"]' token list
check "with their state" holds '.tokens | all(.state == "locked" and .need == "pin" and .login and .ask and (.pad | not))' token list
check "one key is the one of keyd.conf" holds '[.tokens[].keys[] | select(.configured) | .label] == ["alice key"]' token list
check "and named with its line" holds '.tokens[].keys[] | select(.configured).where == "/etc/gapless/keyd.conf:3"' token list
check "keys have types and schemes" holds '.tokens[].keys[0] | .type == "RSA-2048" and (.schemes | index("rsa-sha256"))' token list
check "nothing is missing" holds '.missing == []' token list
check "one is shown by its label" holds '[.tokens[].label] == ["gate"]' token show gate
uri=$(jq -r '.tokens[0].uri' "$work/out") serial=$(jq -r '.tokens[0].serial' "$work/out")
check "by its serial number" holds '[.tokens[].label] == ["gate"]' token show "$serial"
check "by its URI" holds '[.tokens[].label] == ["gate"]' token show "$uri"
check "one that is not there is not" code 1 keydctl alice token show nobody
check "and those that are, are named" says '"gate"'
check "for people" code 0 keydctl alice token show gate
check "there are URIs to copy" says 'cert pkcs11:[^ ]*token=gate;id=%50'
check "and the state" says 'gate locked SoftHSM v2, serial '
check "the old name" code 0 keydctl alice listcards
check "is as good" says 'gate locked'
check "a check says that it would not sign" code 1 keydctl alice token check gate
check "and why" says '"gate" is locked, and there is no PIN'
check "also as JSON" code 1 keydctl alice --json token check gate
check "which is whole" jq -e '.ok == false and .last.ready == false and .last.need == "pin"' "$work/out"

# --- nobody to ask
before=$SECONDS
check "up: a script gets exit code 5" code 5 keydctl alice up 192.0.2.2
check "and is told" says 'PIN of token "gate".* there is nobody to ask'
check "at once" test $((SECONDS - before)) -lt 10
check "token unlock, too" code 5 keydctl alice token unlock gate
check "bad usage" code 2 keydctl alice token unlock gate --fd x
check "a token that is not there" code 1 keydctl alice token unlock nobody
check "there is no PIN pad" code 1 keydctl alice token unlock gate --pad
check "and so it is told" says 'no PIN pad'

# --- events
(in_host alice timeout 100 "$bin/keydctl" --json token watch >"$work/events" 2>&1 &)
(in_host alice timeout 100 "$bin/keydctl" token watch >"$work/events.txt" 2>&1 &)

# --- by a descriptor
check "a wrong PIN" not given 0000 token unlock gate
check "is called wrong" says 'PIN is wrong'
check "nothing is a PIN of nobody" not given "" token unlock gate
check "nor is one that is too long" not given "$(printf '7%.0s' {1..300})" token unlock gate
check "the right one" given "$pin" token unlock gate
check "unlocks" says 'Token "gate" is unlocked'
check "a check says so" code 0 keydctl alice token check gate
check "twice does no harm" given "$pin" token unlock gate
check "the tunnel comes up, and nobody is asked" code 0 keydctl alice up 192.0.2.2
check "the list shows what the key authenticates" holds \
	'.tokens[] | select(.label == "gate").keys[0].tunnels[0] | .peer == "192.0.2.2" and .state == "established"' token list
check "and so does status, by digest" holds '.ike[0].local_key | length == 64' status
check "for people" code 0 keydctl alice token list
check "in words" says 'authenticates 192.0.2.2 \(192.0.2.2\)'
check "lock" code 0 keydctl alice token lock gate
check "is done" holds '.tokens[] | select(.label == "gate").state == "locked"' token list
watched()
{
	[ "$(jq -r 'select(.label == "gate") | .was + ">" + .state' "$work/events" 2>/dev/null | tr '\n' ' ')" = "locked>unlocked unlocked>locked " ]
}
check "who watches has seen it" wait_until 10 watched || note "$(cat "$work/events")"
check "in words, too" wait_until 10 grep -q 'gate locked -> unlocked' "$work/events.txt"

# --- by somebody who is no administrator, but may talk to keyd
as_nobody()
{
	printf '%s\n' "$pin" >"$work/pin"
	in_host alice setpriv --reuid 65534 --regid "$(in_host alice getent group gapless | cut -d: -f3)" --clear-groups "$bin/keydctl" token unlock gate --fd 7 7<"$work/pin" </dev/null >"$work/out" 2>&1
}
check "its PIN is all that is asked for" as_nobody || tell
check "lock it again" code 0 keydctl alice token lock gate

# --- by a terminal
# at_terminal COMMAND: what is typed goes to $keyboard, what is shown is in $work/screen
at_terminal()
{
	rm -f "$work/keyboard" "$work/screen"
	mkfifo "$work/keyboard"
	in_host alice timeout 60 script -qfe -c "$bin/keydctl $1" "$work/screen" <"$work/keyboard" >"$work/script.out" 2>&1 &
	terminal=$!
	exec {keyboard}>"$work/keyboard"
}

shown()
{
	[ -e "$work/screen" ] && tr -d '\r' <"$work/screen" | grep -qF -- "$1"
}

# types TEXT: once it is asked for
types()
{
	printf '%s\n' "$1" >&"$keyboard"
}

# terminal_ends CODE
terminal_ends()
{
	local is=0

	wait "$terminal" || is=$?
	exec {keyboard}>&-
	[ "$is" = "$1" ] || { echo "# exit code $is"; sed 's/^/# /' "$work/screen"; return 1; }
}

keydctl alice down 192.0.2.2 >"$work/out" 2>&1
at_terminal "up 192.0.2.2"
check "up asks at the terminal" wait_until 20 shown 'PIN of token "gate"'
types wrong-4242
check "a wrong PIN is told" wait_until 20 shown 'PIN is wrong'
asked_twice()
{
	[ "$(grep -oF 'PIN of token "gate"' "$work/screen" | wc -l)" = 2 ]
}
check "and asked for again" wait_until 20 asked_twice
types "$pin"
terminal_ends 0
is "the right one brings the tunnel up" $? 0
check "and is said to have" shown 'up: done (1)'
check "no PIN was shown" not grep -q -e "$pin" -e wrong-4242 "$work/screen"

keydctl alice token lock gate >"$work/out" 2>&1
at_terminal "token unlock"
check "token unlock takes the one that keyd.conf uses" wait_until 20 shown 'PIN of token "gate"'
printf '\003' >&"$keyboard"
terminal_ends 1
is "Ctrl-C is no PIN" $? 0
check "and no try" holds '.tokens[] | select(.label == "gate") | .state == "locked" and .tries == 3' token list

# --- by a pinentry
cat >"$work/pinentry" <<-END
	#!/bin/sh
	echo OK at your service
	while read -r line; do
		echo "\$line" >>"$work/pinentry.log"
		case \$line in
			GETPIN) echo "D \$(cat "$work/pinentry.pin")"; echo OK ;;
			BYE) exit ;;
			*) echo OK ;;
		esac
	done
END
chmod 755 "$work/pinentry"
printf '%s' "$pin" >"$work/pinentry.pin"
check "a pinentry asks" code 0 keydctl alice token unlock --pinentry "$work/pinentry"
check "and is told for which token" grep -q '^SETDESC PIN of token "gate"' "$work/pinentry.log"
keydctl alice token lock gate >"$work/out" 2>&1
keydctl alice down 192.0.2.2 >"$work/out" 2>&1
check "by the environment" code 0 in_host alice env GAPLESS_PINENTRY="$work/pinentry" "$bin/keydctl" up 192.0.2.2
keydctl alice token lock gate >"$work/out" 2>&1
printf 0000 >"$work/pinentry.pin"
: >"$work/pinentry.log"
check "whoever types it wrong" code 1 keydctl alice token unlock gate --pinentry "$work/pinentry"
is "is asked three times" "$(grep -c GETPIN "$work/pinentry.log")" 3
check "and told why" grep -q '^SETERROR .*wrong' "$work/pinentry.log"
check "a program that is none" code 1 keydctl alice token unlock gate --pinentry /bin/true
check "is told of" says "'/bin/true' cannot ask"
if command -v pinentry-curses >/dev/null; then
	TERM=vt100 at_terminal "token unlock gate --pinentry pinentry-curses"
	check "pinentry-curses comes up on the terminal" wait_until 20 shown 'gate'
	printf '%s\r' "$pin" >&"$keyboard"
	terminal_ends 0
	is "and unlocks" $? 0
	check "without showing the PIN" not grep -q -e "$pin" "$work/screen"
else
	skip "pinentry-curses" "it is not installed"
fi

# --- nothing of it stays
# has_pin PID: in its memory; or it could not be searched
has_pin()
{
	local text has

	text=$(printf %s "$pin" | od -An -v -tx1 | tr -d ' \n')
	has=$("${O:-build}/tests/memory-search" "$1" <<<"pin $text") || return 0
	[[ $has == pin* ]]
}

env -i PIN="$pin" sleep 1000 &
control=$!
check "the search finds a PIN where there is one" wait_until 10 has_pin $control
kill $control
for role in ctl card ike auth trust kern fetch; do
	role_pid alice $role
	check "the memory of $role has none" not has_pin "$pid"
done

# --- two tokens that are configured: up asks for the one that it wants
conf_file alice <<-END
	module $softhsm
	peer 192.0.2.2 {
		local 192.0.2.1; cert $work/alice.pem; key pkcs11:token=gate; auth cert
		remote-key file $work/bob.pem; id local alice.example.org; id remote bob.example.org
	}
	peer 192.0.2.3 {
		local 192.0.2.1; cert pkcs11:token=spare; auth cert
		remote-key file $work/bob.pem; id local carol.example.org; id remote bob.example.org
	}
END
keydctl alice down 192.0.2.2 >"$work/out" 2>&1
keydctl alice token lock gate >"$work/out" 2>&1
check "two tokens that are configured" code 0 keydctl alice reload
check "are both locked" holds '.tokens | all(.state == "locked" and .keys[0].configured)' token list
check "which of them is not clear" code 1 keydctl alice token unlock --fd 0
check "and both are named" says 'which of them\? .*"(gate|spare)", "(gate|spare)"'
check "but up knows" given "$pin" up 192.0.2.2
check "and unlocks that one only" holds '[.tokens[] | .label + " " + .state] | sort == ["gate unlocked", "spare locked"]' token list

# --- /etc/ipsec.secrets: the key of this certificate is on the only token that is named, and its PIN stands there
conf_file alice <<-END
	secrets $work/ipsec.secrets
	module $softhsm
	peer 192.0.2.2 {
		local 192.0.2.1; cert $work/alice.pem; auth cert
		remote-key file $work/bob.pem; id local alice.example.org; id remote bob.example.org
	}
END
ipsec_secrets()
{
	(umask 77 && printf '# old\n10.9.9.9 %%any : PSK "of somebody else"\n: PIN %%smartcard:50 %s\n' "$1" >"$work/ipsec.secrets")
}
keydctl alice down 192.0.2.2 >"$work/out" 2>&1
logged_out()
{
	role_pid alice card && kill -KILL "$pid" && wait_until 20 holds '.tokens | length == 2 and all(.state == "locked")' token list
}
check "nobody is logged in when the process ends that was" logged_out
ipsec_secrets %prompt
check "an old file of secrets: rereadsecrets" code 0 keydctl alice rereadsecrets
check "%prompt waits for somebody" code 5 keydctl alice up 192.0.2.2
ipsec_secrets '"0000"'
check "a PIN that is wrong" code 0 keydctl alice rereadsecrets
check "is tried" code 5 keydctl alice up 192.0.2.2
check "and not again by itself" code 5 keydctl alice up 192.0.2.2
check "as the list says" holds '.tokens[] | select(.label == "gate") | .need == "other-pin" and .tries == 2' token list
: >"$work/pinentry.log"
check "who types another wrong one" code 1 keydctl alice token unlock gate --pinentry "$work/pinentry"
is "is asked again all the same" "$(grep -c GETPIN "$work/pinentry.log")" 3
printf '\377\376' >"$work/pinentry.pin"
check "bytes that are no text" code 1 keydctl alice token unlock gate --pinentry "$work/pinentry"
check "are called so" says 'no text in UTF-8'
ipsec_secrets "\"$pin\""
check "another one" code 0 keydctl alice rereadsecrets
check "brings the tunnel up without anybody" code 0 keydctl alice up 192.0.2.2
check "its line is named" holds '.tokens[].keys[] | select(.configured) | (.label == "alice key" and (.where | endswith("/ipsec.secrets:3")))' token list
check "and no other token got the PIN" holds '.tokens[] | select(.label == "spare") | .state == "locked" and .tries == 3' token list

# --- another module: a card that has a certificate, tells its tries, and is in a reader with a PIN pad
cp "$work/alice.key" "$MOCK_P11_DIR/rsa.pem"
cp "$work/alice.der" "$MOCK_P11_DIR/rsa.der"
chmod 644 "$MOCK_P11_DIR"/rsa.*
mock_is()
{
	printf '%s\n' "label pad-card" "pin 424242" "private shown" "$@" >"$MOCK_P11_DIR/control.new" && mv "$MOCK_P11_DIR/control.new" "$MOCK_P11_DIR/control"
}
mock_is
conf_file alice <<-END
	module $mock
	peer 192.0.2.2 {
		local 192.0.2.1; cert $work/alice.pem; key pkcs11:token=pad-card; auth cert
		remote-key file $work/bob.pem; id local alice.example.org; id remote bob.example.org
	}
END
check "another module" code 0 keydctl alice reload
# It is there first, and then it has been read.
check "its token is there" wait_until 20 holds '[.tokens[].label] == ["pad-card"] and any(.tokens[0].keys[]; .configured)' token list
check "with its certificate, in words" holds '.tokens[0].keys[] | select(.configured).certificate |
	.subject == "CN=alice" and .ends_in > 2500000 and (.ends | endswith("Z"))' token list
check "which can be copied" holds '.tokens[0].keys[] | select(.configured).certificate_pem | startswith("-----BEGIN CERTIFICATE-----\n")' token list
check "and is the one" cmp -s <(jq -r '.tokens[0].keys[] | select(.configured).certificate_pem' "$work/out" | openssl x509 -noout -fingerprint) \
	<(openssl x509 -in "$work/alice.pem" -noout -fingerprint)
check "for people, too" code 0 keydctl alice token list
check "it says when it ends" says 'certificate CN=alice, until [0-9T:-]*Z \(in 29d'

check "a wrong PIN" not given 0000 token unlock
check "leaves two tries" says '2 tries are left'
check "another" not given 0001 token unlock
check "leaves one" says '1 try is left'
check "which no script may use up" not given 424242 token unlock
check "and it is told so" says 'only one try of its PIN is left'
check "people are told in the list" code 0 keydctl alice token list
check "with emphasis" says '1 try left \(THE LAST\)'
keydctl alice down 192.0.2.2 >"$work/out" 2>&1
at_terminal "up 192.0.2.2"
check "up warns of the last try" wait_until 20 shown 'THIS IS THE LAST TRY'
check "and asks" wait_until 20 shown 'PIN of token "pad-card"'
types 0002
terminal_ends 1
is "it was" $? 0
check "the token is blocked" holds '.tokens[0] | .state == "blocked" and .need == "unblock" and .tries == 0' token list
check "so up needs no PIN, but help" code 1 keydctl alice up 192.0.2.2
check "and says so" says 'blocked'
check "nor does unlock ask" code 1 keydctl alice token unlock pad-card

rm -f "$MOCK_P11_DIR/tries"
# inserted N LINE...: it was pulled, and came back as the mock has it now
inserted()
{
	mock_is "card 0"
	wait_until 20 holds '.tokens == []' token list && mock_is "card $1" "${@:2}"
}
check "it is pulled" inserted 2 "always yes"
check "a card whose key wants its PIN each time" wait_until 20 holds '.tokens[0] | .state == "locked" and .keys[0].each' token list
check "up takes it, for the login and the signature" given 424242 up 192.0.2.2
check "so the list says that it is used up" holds '.tokens[0] | .state == "unlocked" and .need == "pin-each" and .ask' token list
keydctl alice down 192.0.2.2 >"$work/out" 2>&1
check "the next signature wants it again" code 5 keydctl alice up 192.0.2.2
check "which is told, with what helps" code 1 keydctl alice token check
check "in a sentence" says 'wants the PIN for each signature with this key, and there is none: "keydctl token unlock" gives it for one'
check "explain has it, too" code 0 keydctl alice explain 192.0.2.2
check "as what is missing" says 'wants the PIN for each signature'
check "up asks for it" given 424242 up 192.0.2.2
keydctl alice down 192.0.2.2 >"$work/out" 2>&1
check "it may be given before" given 424242 token unlock
check "and is good for one" says 'for one signature'
check "up asks nobody then" code 0 keydctl alice up 192.0.2.2
keydctl alice down 192.0.2.2 >"$work/out" 2>&1

check "it is pulled again" inserted 3 "pad ok"
check "a reader with a PIN pad" wait_until 20 holds '.tokens[0] | .pad and .state == "locked"' token list
check "there, nobody has to ask" code 0 keydctl alice token unlock --pad
check "but somebody to type" says 'Type the PIN of token "pad-card" at its reader'
check "up works" code 0 keydctl alice up 192.0.2.2
mock_is "card 3" "pad cancel"
keydctl alice down 192.0.2.2 >"$work/out" 2>&1
keydctl alice token lock >"$work/out" 2>&1
check "nobody types" code 1 keydctl alice token unlock
check "which is no wrong PIN" not says 'wrong'

# --- afterwards
check "keyd goes on" code 0 keydctl alice status
check "no log has a PIN" not grep -rq -e "$pin" -e wrong-4242 "$work"/alice/*.log "$work"/bob/*.log
check "a dump of the configuration" code 0 in_host alice "$bin/keyd" -f /etc/gapless/keyd.conf --dump-config
check "has the key" says "key \"?pkcs11:token=pad-card"
check "and no PIN" not grep -q -e "$pin" "$work/out"
finish
