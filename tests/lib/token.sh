# SPDX-License-Identifier: MIT
# Tokens for the hosts of hosts.sh, after keyd.sh and certs.sh: SoftHSM's, and those of the module that does what it is told (tests/card/mock_p11.c).
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh, keyd.sh and certs.sh
#
# keyd-card runs as the user of the roles: tokens are that user's.

token_module=
token_user=$(id -u gapless 2>/dev/null || id -u nobody)
json=$PWD/${O:-build}/tests/json

# token_lacks: what this machine lacks for tokens of SoftHSM, in words; fails if it lacks nothing
token_lacks()
{
	local tool

	for tool in softhsm2-util pkcs11-tool; do
		command -v "$tool" >/dev/null || { echo "no $tool"; return 0; }
	done
	token_module=$(find /usr/lib -name libsofthsm2.so -print -quit)
	[ -n "$token_module" ] || echo "no libsofthsm2.so"
}

# token_home: the folder of all tokens; each program that is started from now on finds them
token_home()
{
	export SOFTHSM2_CONF=$work/hsm/softhsm2.conf

	chmod 711 "$work"
	mkdir -p "$work/hsm/tokens"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/hsm/tokens" >"$SOFTHSM2_CONF"
	token_module=${token_module:-$(find /usr/lib -name libsofthsm2.so -print -quit)}
}

# token_new LABEL [PIN]: an empty one; its PIN is 1234
token_new()
{
	softhsm2-util --init-token --free --label "$1" --so-pin 87654321 --pin "${2:-1234}" >"$work/hsm/log" 2>&1 && token_give
}

# token_put LABEL NAME [ID [alone]]: a key of tests/ca/hosts with its certificate; alone: without
token_put()
{
	softhsm2-util --import "$certs/$2.key" --token "$1" --label "$2" --id "${3:-01}" --pin 1234 >>"$work/hsm/log" 2>&1 || return
	[ "${4-}" = alone ] || token_tool "$1" --write-object "$certs/$2.pem" --type cert --id "${3:-01}" --label "$2" || return
	token_give
}

# token_tool LABEL OPTION...: another program that uses the token, logged in
token_tool()
{
	pkcs11-tool --module "$token_module" --token-label "$1" --login --pin 1234 "${@:2}" >>"$work/hsm/log" 2>&1
}

token_give()
{
	chown -R "$token_user" "$work/hsm"
}

# token_pin NAME PIN: a file for "pin file", whose name is printed
token_pin()
{
	(umask 077 && printf '%s\n' "$2" >"$work/$1.pin")
	echo "$work/$1.pin"
}

# --- the mock ---

# mock_new: in $mock, with a key each of RSA (01) and EC (02), and their certificates, of tests/ca/hosts
mock_new()
{
	local kind name

	mock=$work/mock
	mock_module=$(realpath "${O:-build}/tests/card/mock_p11.so")
	export MOCK_P11_DIR=$mock
	chmod 711 "$work"
	mkdir -p "$mock"
	for kind in rsa ec; do
		name=alice-$kind
		[ $kind = rsa ] || name=alice-ec256
		cp "$certs/$name.key" "$mock/$kind.pem"
		openssl x509 -in "$certs/$name.pem" -outform DER -out "$mock/$kind.der"
	done
	: >"$mock/control"
	chown -R "$token_user" "$mock"
}

# mock_does LINE...: from its next call on, and nothing of what it was told before
mock_does()
{
	printf '%s\n' "$@" >"$mock/control.new"
	chmod 644 "$mock/control.new"
	mv "$mock/control.new" "$mock/control"
}

# mock_called WORD: how often its log has it: the name of a function, "PIN given", "pad waits", …
mock_called()
{
	grep -cw -- "$1" "$mock/log" 2>/dev/null
}

# --- keyd ---

# token_state HOST LABEL: in keydctl's words
token_state()
{
	keydctl "$1" --json token list "pkcs11:token=$2" | "$json" tokens.0.state
}

# token_is HOST LABEL STATE: for wait_until
token_is()
{
	[ "$(token_state "$1" "$2" 2>/dev/null)" = "$3" ]
}

# token_explains HOST REASON [REGEX]: a point that keydctl explain names the reason, and says so
token_explains()
{
	keydctl "$1" explain >"$work/explain" 2>&1
	check "$1 explains: $2" grep -qE "failed: $2\$|: $2\$" "$work/explain" || note "$(cat "$work/explain")"
	[ -z "${3-}" ] || check "$1 explains: $3" grep -qE -- "$3" "$work/explain" || note "$(cat "$work/explain")"
}

# --- emulated cards, after card.sh ---

# cards_home: readers without cards, which keyd-card may reach
cards_home()
{
	card_readers_start && chmod 711 "$card_dir" "$card_dir/run"
}

# card_fill NAME openpgp|piv KEY CREDENTIAL: a card in the next reader that has a key of tests/ca/hosts and its certificate
card_fill()
{
	card_new "$1" "$2" && card_say "$1" load "$3" "$certs/$4.key" && card_say "$1" certificate "$3" "$certs/$4.pem"
}
