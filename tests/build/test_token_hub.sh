#!/bin/bash
# SPDX-License-Identifier: MIT
# Tokens and keyd (without a kernel): SoftHSM, and a module that hangs, dies and locks on command. What a PIN costs when processes die, what
# is said and to whom, and that other connections go on. Needs root, and namespaces.
#
#	alice 192.0.2.1, .5 ---- 192.0.2.2, .6 bob
#
# timeout: 300

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"

softhsm=/usr/lib/softhsm/libsofthsm2.so
[ -e $softhsm ] && type -p softhsm2-util >/dev/null || skip_all "no SoftHSM (softhsm2)"
mock=$(realpath "${O:-build}/tests/card/mock_p11.so")
json=${O:-build}/tests/json
chmod 755 "$work"

# mock_is LINE...: what the module does from now on
mock_is()
{
	printf '%s\n' "$@" >"$MOCK_P11_DIR/control.new"
	mv "$MOCK_P11_DIR/control.new" "$MOCK_P11_DIR/control"
}

# calls NAME: how often the module was called so
calls()
{
	grep -cx "$1" "$MOCK_P11_DIR/log"
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

# token_state LABEL: as keydctl has it
token_state()
{
	keydctl alice --json token list "$1" | "$json" tokens.0.state
}

state_is()
{
	[ "$(token_state "$1")" = "$2" ]
}

export MOCK_P11_DIR=$work/mock SOFTHSM2_CONF=$work/softhsm.conf
mkdir -m 777 "$MOCK_P11_DIR" "$work/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/tokens" >"$SOFTHSM2_CONF"
for name in soft mock bob; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$name.key" -out "$work/$name.pem" -days 30 \
		-subj "/CN=$name" -addext "subjectAltName = DNS:$name.example.org" -addext keyUsage=critical,digitalSignature 2>"$work/openssl.log"
done
openssl pkcs8 -topk8 -nocrypt -in "$work/soft.key" -out "$work/soft.p8"
softhsm2-util --init-token --free --label gate --pin 123456 --so-pin 87654321 >"$work/softhsm.log" 2>&1 &&
	softhsm2-util --import "$work/soft.p8" --token gate --label vpn --id 01 --pin 123456 >>"$work/softhsm.log" 2>&1 ||
	{ not_ok "a token of SoftHSM's"; note "$(cat "$work/softhsm.log")"; finish; exit; }
chgrp -R 64001 "$work/tokens"
chmod -R g+rwX,o= "$work/tokens"
cp "$work/mock.key" "$MOCK_P11_DIR/ec.pem"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$MOCK_P11_DIR/rsa.pem" 2>/dev/null
chmod a+r "$MOCK_P11_DIR"/*.pem
mock_is

printf '123456\n' >"$work/soft.pin"
printf '1234\n' >"$work/mock.pin"
chmod 600 "$work"/*.pin "$work"/*.key
native_hosts
# The roles' user, and a group that alone may use SoftHSM's tokens, as Debian has it.
in_host alice sh -c 'sed -i /^gapless:/d /etc/passwd
	echo gapless:x:64000:64000::/:/usr/sbin/nologin >>/etc/passwd
	echo softhsm-test:x:64001:gapless >>/etc/group'
in_host alice ip addr add 192.0.2.5/24 dev eth0
in_host bob ip addr add 192.0.2.6/24 dev eth0
in_host alice sh -c 'mkdir -p /etc/gapless && umask 077 && echo "token-timeout 2s" >/etc/gapless/keyd.conf'
section alice 192.0.2.2 192.0.2.1 soft "pkcs11:token=gate;id=%01?module-path=$softhsm" bob "pin file $work/soft.pin"
section alice 192.0.2.6 192.0.2.5 mock "pkcs11:token=mock;id=%02?module-path=$mock" bob "pin file $work/mock.pin"
section bob 192.0.2.1 192.0.2.2 bob "$work/bob.key" soft
section bob 192.0.2.5 192.0.2.6 bob "$work/bob.key" mock
keyd_start alice --backend fake
keyd_start bob --backend fake

# --- a signature ---

check "SoftHSM's token is there, and locked" wait_until 10 state_is gate locked
check "a tunnel by it comes up" keydctl alice up 192.0.2.2
check "it is unlocked" state_is gate unlocked
check "one by the other module, too" keydctl alice up 192.0.2.6
is "with one login" "$(calls C_Login)" 1
check "and again" keydctl alice reauth 192.0.2.6
is "with the same login" "$(calls C_Login)" 1
keyd_said alice 'token: state=unlocked was=locked label="gate"'
check "no PIN is in the log" not grep -qE '123456|PIN=1234' "$work/alice/keyd.log"
check "check says that all is well" keydctl alice token check

# --- a process that dies or hangs ---

mock_is "crash C_Sign"
check "a module that dies in C_Sign fails one tunnel" not keydctl alice reauth 192.0.2.6
mock_is
check "its process is back" wait_log keyd-alice 'token: state=locked was=failing label="mock"' 30
check "and signs" keydctl alice up 192.0.2.6
check "… the other one never noticed" state_is gate unlocked
mock_is "hang C_SignInit"
keydctl alice down 192.0.2.6 >/dev/null
host_spawn alice slow "$bin/keydctl" up 192.0.2.6
begun=$(calls C_SignInit)
check "the module hangs" wait_until 10 eval '[ "$(calls C_SignInit)" -gt '"$begun"' ]'
check "meanwhile the other token signs" keydctl alice reauth 192.0.2.2
check "and is listed" state_is gate unlocked
keyd_said alice "does not answer in time and is started again: module=.*mock_p11.so call=sign"
mock_is
check "its process is back" wait_log keyd-alice 'token: state=locked was=failing label="mock"' 40 2
check "and signs again" keydctl alice up 192.0.2.6

# --- a PIN costs one try ---

keydctl alice down 192.0.2.6 >/dev/null
mock_is "card 2" "crash C_Login"
logins=$(calls C_Login)
check "a module that dies in C_Login" not keydctl alice up 192.0.2.6
mock_is
check "its process is back" wait_until 10 state_is mock locked
check "the PIN counts as tried" not keydctl alice up 192.0.2.6
role_pid alice card && kill -KILL "$pid"
keyd_said alice 'a role is back: role=card'
check "the token is seen by the next card role" wait_until 10 state_is mock locked
check "who knows that, too" not keydctl alice up 192.0.2.6
host_stop keyd-alice
keyd_again alice --backend fake
check "as does the next keyd" wait_until 10 state_is mock locked
check "it is not tried" not keydctl alice up 192.0.2.6
is "one login" "$(($(calls C_Login) - logins))" 1
check "a wrong PIN by hand" not keydctl alice token unlock mock --fd 3 3<<<9999
check "the right one by hand" keydctl alice token unlock mock --fd 3 3<<<1234
check "it is unlocked" state_is mock unlocked
check "the tunnel comes up" keydctl alice up 192.0.2.6

# --- it comes and goes ---

mock_is "card 0"
keyd_said alice 'token: state=absent was=unlocked label="mock"'
check "nothing of it is left to be seen" not keydctl alice token list mock
mock_is "card 2"
check "it is put back" wait_until 20 state_is mock locked

# --- the role's rights ---

role_pid alice card
check "the card role is gapless's, without capabilities" [ "$(awk '/^(Uid|CapEff|CapBnd):/ { print $2 }' "/proc/$pid/status" | tr '\n' ' ')" = \
	"64000 0000000000000000 0000000000000000 " ]
read -ra workers <"/proc/$pid/task/$pid/children"
check "it has a process for each module, and others that wait" [ ${#workers[@]} -ge 3 ]
kill -KILL "$pid"
for worker in "${workers[@]}"; do
	check "process $worker ends with it" wait_until 5 eval '! kill -0 $worker 2>/dev/null'
done
keyd_said alice 'a role is back: role=card'
check "and there are new ones" wait_until 10 state_is gate locked
finish
