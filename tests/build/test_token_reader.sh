#!/bin/bash
# SPDX-License-Identifier: MIT
# Cards in readers and keyd (without a kernel), by its own drivers: an OpenPGP and a PIV card that are pulled, put back and taken for
# another, pcscd that ends and comes back, and OpenSC's module and programs beside. Needs root, namespaces, pcscd and vpcd.
#
#	alice 192.0.2.1, .5 ---- 192.0.2.2, .6 bob
#
# timeout: 300

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"
# shellcheck source=tests/lib/card.sh
. "$(dirname "$0")/../lib/card.sh"

lacks=$(card_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
if [ "${1-}" != inside ]; then
	unshare --net --mount --pid --fork true 2>/dev/null || skip_all "no right to make namespaces"
	exec unshare --net --mount --pid --fork --mount-proc "$0" inside
fi

# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
# shellcheck source=tests/lib/keyd.sh
. "$(dirname "$0")/../lib/keyd.sh"
trap 'card_cleanup; hosts_cleanup' EXIT
trap 'exit 143' INT TERM HUP

json=${O:-build}/tests/json
module=$(find /usr/lib -name opensc-pkcs11.so -print -quit)
pgp="OpenPGP card (User PIN)" piv=piv
chmod 755 "$work"

# shellcheck disable=SC2317 # called by not_ok
on_failure()
{
	for log in "$work"/*/*.log; do
		note "--- end of ${log##*/}"$'\n'"$(tail -n 25 "$log")"
	done
}

token_state()
{
	keydctl alice --json token list "$1" | "$json" tokens.0.state
}

state_is()
{
	[ "$(token_state "$1")" = "$2" ]
}

# tries CARD NAME=N: what the card itself says
tries()
{
	card_say "$1" info | grep -Eq " $2( |$)"
}

# section HOST PEER LOCAL CERT KEY OTHER MORE
section()
{
	in_host "$1" sh -c 'mkdir -p /etc/gapless && umask 077 && cat >>/etc/gapless/keyd.conf' <<-END
		peer $2 {
			local $3; cert $work/$4.pem; key $5; auth cert; $7
			remote-key file $work/$6.pem; id local $4.example.org; id remote $6.example.org
		}
	END
}

# configure MODULES PIN-FILE: alice's
configure()
{
	in_host alice sh -c 'mkdir -p /etc/gapless && umask 077 && echo "module $1; token-timeout 5s" >/etc/gapless/keyd.conf' sh "$1"
	section alice 192.0.2.2 192.0.2.1 pgp "pkcs11:token=OpenPGP%20card%20%28User%20PIN%29" bob "pin file $2"
	section alice 192.0.2.6 192.0.2.5 piv "pkcs11:token=$piv;id=%02" bob "pin file $2"
}

for name in pgp piv bob; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$name.key" -out "$work/$name.pem" -days 30 \
		-subj "/CN=$name" -addext "subjectAltName = DNS:$name.example.org" -addext keyUsage=critical,digitalSignature 2>"$work/openssl.log"
done
printf '123456\n' >"$work/pin"
printf '654321\n' >"$work/wrong.pin"
chmod 600 "$work"/*pin "$work"/*.key
card_readers_start || not_ok "pcscd starts"
chmod 755 "$card_dir"
card_new pgp openpgp && card_say pgp load auth "$work/pgp.key" >/dev/null || not_ok "an OpenPGP card is put in"
card_new piv piv && card_say piv load 9c "$work/piv.key" >/dev/null && card_say piv certificate 9c "$work/piv.pem" >/dev/null || not_ok "a PIV card is put in"

host_new alice
host_new bob
link_new alice 192.0.2.1/30 bob 192.0.2.2/30
link_new alice 192.0.2.5/30 bob 192.0.2.6/30
configure native "$work/pin"
section bob 192.0.2.1 192.0.2.2 bob "$work/bob.key" pgp
section bob 192.0.2.5 192.0.2.6 bob "$work/bob.key" piv
keyd_start alice --backend fake
keyd_start bob --backend fake

check "the OpenPGP card is seen" wait_until 10 state_is "$pgp" locked
check "the PIV card is seen" wait_until 10 state_is $piv locked
check "a tunnel by the OpenPGP card" keydctl alice up 192.0.2.2
check "it is unlocked" state_is "$pgp" unlocked
check "a tunnel by a key that wants its PIN each time" keydctl alice up 192.0.2.6
check "and again" keydctl alice reauth 192.0.2.6

# --- others at the same card ---

check "OpenSC reads the card meanwhile" timeout 20 opensc-tool --reader 0 --serial </dev/null
check "and resets it" timeout 20 opensc-tool --reader 0 --reset </dev/null
check "it signs all the same" keydctl alice reauth 192.0.2.2

# --- it comes and goes ---

check "the card is pulled" card_remove pgp
keyd_said alice 'token: state=absent was=unlocked label="OpenPGP card'
check "it does not sign" not keydctl alice reauth 192.0.2.2
check "the other one does" keydctl alice reauth 192.0.2.6
check "it is put back" card_insert pgp
check "it is seen" wait_until 10 state_is "$pgp" locked
check "it signs" keydctl alice reauth 192.0.2.2

# --- pcscd ends ---

card_readers_end KILL
keyd_said alice 'pcscd is not there'
keyd_said alice 'token: state=failing was=unlocked label="OpenPGP card.*why="pcscd is gone"'
check "no card was pulled" not grep -q "state=absent was=unlocked label=\"$piv" "$(host_log keyd-alice)"
card_readers_start || not_ok "pcscd starts again"
keyd_said alice 'pcscd is there again'
check "the OpenPGP card is seen again" wait_until 15 state_is "$pgp" locked
check "the PIV card is seen again" wait_until 15 state_is $piv locked
check "the one signs" keydctl alice reauth 192.0.2.2
check "the other one, too" keydctl alice reauth 192.0.2.6
is "that was said once" "$(keyd_count alice 'pcscd is not there')" 1

# --- a wrong PIN ---

configure native "$work/wrong.pin"
check "another PIN" keydctl alice reload
check "the login ends" card_remove pgp
keyd_said alice 'token: state=absent was=unlocked label="OpenPGP card'
card_insert pgp
check "it is locked" wait_until 10 state_is "$pgp" locked
keydctl alice down 192.0.2.2 >/dev/null
check "a wrong PIN" not keydctl alice up 192.0.2.2
check "costs a try" tries pgp user=2
card_remove pgp && card_insert pgp
check "the card is seen again" wait_until 10 state_is "$pgp" locked
check "it is not tried again" not keydctl alice up 192.0.2.2
host_stop keyd-alice
keyd_again alice --backend fake
check "nor by the next keyd" wait_until 10 state_is "$pgp" locked
check "… whatever is asked of it" not keydctl alice up 192.0.2.2
check "one try it was" tries pgp user=2
check "the right one by hand" keydctl alice token unlock "$pgp" --fd 3 3<<<123456
check "gives all tries back" tries pgp user=3
check "a tunnel" keydctl alice up 192.0.2.2

# --- nobody has asked for tokens yet but who watches ---

host_new carol
in_host carol sh -c 'mkdir -p /etc/gapless && umask 077 && echo "peer 192.0.2.9 { psk \"0123456789abcdef\" }" >/etc/gapless/keyd.conf'
keyd_start carol --backend fake
(in_host carol timeout 100 "$bin/keydctl" token watch >"$work/events" 2>&1 &)
check "who watches sees the card" wait_until 15 grep -q "$pgp absent -> locked" "$work/events"
card_remove pgp
check "… pulled" wait_until 15 grep -q "$pgp locked -> absent" "$work/events"
card_insert pgp
check "… and put back" wait_until 15 eval "[ \$(grep -c '$pgp absent -> locked' \"$work/events\") = 2 ]"
check "alice has it again" wait_until 10 state_is "$pgp" locked

# --- OpenSC's module sees the same cards ---

configure "native, $module" "$work/pin"
check "OpenSC's module beside our driver" keydctl alice reload
check "it sees the card" wait_until 20 eval 'keydctl alice --json token list | grep -q "\"module\":\"$module\""'
check "ours serves" keydctl alice reauth 192.0.2.2
configure "$module" "$work/pin"
check "OpenSC's module alone" keydctl alice reload
check "it serves" wait_until 20 eval 'keydctl alice reauth 192.0.2.2 >/dev/null'
finish
