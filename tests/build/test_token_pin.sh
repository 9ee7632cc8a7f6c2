#!/bin/bash
# SPDX-License-Identifier: MIT
# PINs of tokens (keyd without a kernel): one that comes late lets the tunnel begin by itself; a wrong one in a file is used once, over
# ten restarts as well; a module that dies of a PIN costs one try; with few tries left only a human may. Needs root, and namespaces.

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"
# shellcheck source=tests/lib/token.sh
. "$(dirname "$0")/../lib/token.sh"
lacks=$(token_lacks) && [ -n "$lacks" ] && skip_all "$lacks"

# alice_conf SETTING…
alice_conf()
{
	certs_conf alice "local 192.0.2.1" "ca $certs/root.pem" "$@"
}

# refused REASON REGEX: a point that alice cannot sign, and explains why
refused()
{
	begins alice bob >/dev/null
	check "no tunnel" wait_until 20 explains "$1" "$2" || note "$(cat "$work/explain")"
}

# explains REASON REGEX: for wait_until
# shellcheck disable=SC2317
explains()
{
	keydctl alice explain >"$work/explain" 2>&1
	grep -qE "failed: $1\$" "$work/explain" && grep -qE -- "$2" "$work/explain"
}

# again: no tunnel is left, and alice's keyd is another one, with what the last one kept
again()
{
	certs_down
	host_stop keyd-alice
	keyd_again alice --backend fake
}

# workers HOST: how many processes its card role has
workers()
{
	local pid children

	role_pid "$1" card && read -r children <"/proc/$pid/task/$pid/children"
	# shellcheck disable=SC2086
	set -- $children
	echo $#
}

native_hosts
token_home
token_new gate
token_put gate alice-ec256
certs_conf bob "$(own bob-ec256)" "ca $certs/root.pem, $certs/inter.pem"
keyd_start bob --backend fake

# --- late ---
alice_conf "+module softhsm2" "cert pkcs11:token=gate"
keyd_start alice --backend fake
keyd_said alice 'token: state=locked was=absent label="gate"'
keyd_fails alice 5 'there is nobody to ask' "$bin/keydctl" up bob
refused token-locked 'keydctl token unlock'
keyd_fails alice 1 'Token "gate" is locked' "$bin/keydctl" token check
check "no IKE SA" ikes_are bob 0
check "the PIN comes late" keydctl alice token unlock --fd 0 <<<1234
check "and the tunnel by itself" wait_until 20 ikes_are alice 1
check "token check" keydctl alice token check
keydctl alice token list >"$work/list"
check "keydctl tells which tunnel the token holds up" grep -q 'authenticates bob (192.0.2.2)' "$work/list" || note "$(cat "$work/list")"
is "who needs no token has no process for any" "$(workers bob)" 0
check "locked by hand" keydctl alice token lock
check "it is locked" wait_until 5 token_is alice gate locked
check "which ends nothing" ikes_are alice 1
again
is "another keyd knows no PIN that was typed" "$(token_state alice gate)" locked

# --- wrong, in a file, over restarts ---
mock_new
alice_conf "+module $mock_module" "cert pkcs11:token=mock;id=%02" "pin file $(token_pin mock 9999)"
again
refused token-pin 'reload|unlock'
is "the PIN was tried once" "$(mock_called 'PIN given')" 1
for round in 1 2 3 4 5 6 7 8 9 10; do
	if [ "$round" = 5 ]; then
		keyd_kill alice
	else
		host_stop keyd-alice
	fi
	keyd_again alice --backend fake
	begins alice bob >/dev/null
	wait_until 20 explains token-pin . || not_ok "restart $round: refused"
done
keydctl alice reload >/dev/null
certs_down
refused token-pin .
is "after ten restarts and a reload, still once" "$(mock_called 'PIN given')" 1
is "the token's counter says so, too" "$(cat "$mock/tries")" 2
token_pin mock 1234 >"$work/name"
check "another PIN" keydctl alice reload
begins alice bob >/dev/null
check "is tried, and is right" wait_until 20 ikes_are alice 1
is "which was the second" "$(mock_called 'PIN given')" 2

# --- locked by hand: not opened by itself, though the PIN is in a file ---
check "locked by hand" keydctl alice token lock
again
keyd_fails alice 1 'was locked by hand' "$bin/keydctl" token check
keyd_fails alice 1 'was locked by hand' "$bin/keydctl" up bob
check "explain says so" explains token-locked 'was locked by' || note "$(cat "$work/explain")"
is "no PIN was used" "$(mock_called 'PIN given')" 2
check "unlock asks nobody" keydctl alice token unlock </dev/null
is "and uses the one of the file" "$(mock_called 'PIN given')" 3
check "the tunnel comes by itself" wait_until 20 ikes_are alice 1
again
begins alice bob >/dev/null
check "it is not locked for ever" wait_until 20 ikes_are alice 1
is "with the file's PIN" "$(mock_called 'PIN given')" 4

mock_does "card 2"
certs_down
token_pin mock 9999 >"$work/name"
keydctl alice reload >/dev/null
certs_down
refused token-pin .
is "the first one again: still bad" "$(mock_called 'PIN given')" 4

# --- the module dies of it, or hangs ---
rm -f "$mock/tries" "$mock/log"
mock_does "crash C_Login"
token_pin mock 1234 >"$work/name"
alice_conf "+module $mock_module" "+token-timeout 1s" "cert pkcs11:token=mock;id=%02" "pin file $work/mock.pin"
again
begins alice bob >/dev/null
keyd_said alice 'a token.s process (died|ended)'
for round in 1 2 3; do
	again
	begins alice bob >/dev/null
	wait_until 20 explains 'token-(pin|failing)' . || not_ok "restart $round: refused"
done
is "a module that dies of a PIN gets it once" "$(mock_called 'crashes')" 1
mock_does
check "a human may give it" keydctl alice token unlock --fd 0 <<<1234
check "and it begins by itself" wait_until 20 ikes_are alice 1

# --- few tries left ---
rm -f "$mock/tries" "$mock/log"
echo 1 >"$mock/tries"
printf '1234 \n' >"$work/mock.pin"
again
refused 'token-.*' .
is "with one try left, nothing is tried by itself" "$(mock_called 'PIN given')" 0
check "no script may" not keydctl alice token unlock --fd 0 <<<1234
cat >"$work/pinentry" <<-'END'
	#!/bin/sh
	echo OK
	while read -r line; do
		[ "$line" != GETPIN ] || echo D 1234
		echo OK
	done
END
chmod 755 "$work/pinentry"
check "a human may" keydctl alice token unlock --pinentry "$work/pinentry"
check "and it begins by itself" wait_until 20 ikes_are alice 1
host_stop keyd-alice
host_stop keyd-bob
finish
