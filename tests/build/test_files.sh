#!/bin/bash
# SPDX-License-Identifier: MIT
# keyd on racoon.conf and ipsec.conf as they are (keyd without a kernel): what it says of each file of the corpus is that of
# tests/data/import/said (FILES_WRITE=1 writes it); which language a file is. Needs root, and namespaces.

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"

data=$(realpath tests/data/import)
umask 77
host_new carol
openssl req -x509 -days 9 -nodes -out "$work/ca.pem" -subj "/C=DE/O=Example Ltd/CN=Example CA" -newkey ed25519 -keyout "$work/ca.key" -addext basicConstraints=critical,CA:TRUE 2>"$work/err"
openssl req -x509 -days 9 -nodes -out "$work/gw.pem" -subj /CN=gw -newkey rsa:2048 -keyout "$work/gw.key" 2>"$work/err"
openssl pkcs12 -export -in "$work/gw.pem" -inkey "$work/gw.key" -passout pass: -out "$work/gw.p12" 2>"$work/err"
printf '* secret\n' >"$work/psk"
printf 'bob:!*\n' >"$work/users"
printf '%%any : PSK "secret"\n: RSA %s\n' "$work/gw.key" >"$work/secrets"

# provide FILE: what carol has under this name
provide()
{
	local as

	case $1 in
	*psk.txt) as=psk ;;
	*ipsec.secrets) as=secrets ;;
	*.p12) as=gw.p12 ;;
	*/users) as=users ;;
	*.key|*/private/*|*-key*) as=gw.key ;;
	*/cacerts/*|*/ca*) as=ca.pem ;;
	*) as=gw.pem ;;
	esac
	in_host carol sh -c 'mkdir -p "$(dirname "$1")" && cp "$2" "$1" && chmod 600 "$1"' sh "$1" "$work/$as"
}

# check_file FILE: what keyd --check says, without times
check_file()
{
	in_host carol "$bin/keyd" --check "${@:2}" -f "$1" 2>&1 | sed -E 's/^[0-9:.]+ keyd: //'
}

# Everything that a file names is there, in the end.
provide_all()
{
	local missing lacks before=

	while missing=$(check_file "$1" | sed -nE -e 's/^.*: "(\/[^"]+)" cannot be read: No such file.*/\1/p' -e 's/^error: (\/[^ ]+): cannot be opened.*/\1/p') &&
	      [ -n "$missing" ] && [ "$missing" != "$before" ]; do
		for lacks in $missing; do
			provide "$lacks"
		done
		before=$missing
	done
}

# --- the corpus ---

in_host carol sh -c 'mkdir -p /etc/corpus && cp -r "$1"/. /etc/corpus/ && cp "$2" /etc/corpus/ipsec.secrets && chmod 600 /etc/corpus/ipsec.secrets' sh "$data" "$work/secrets"
for file in "$data"/*.conf; do
	name=$(basename "$file")
	provide_all "/etc/corpus/$name"
	check_file "/etc/corpus/$name" >"$work/said"
	[ -z "${FILES_WRITE-}" ] || (echo "# SPDX-License-Identifier: MIT"; cat "$work/said") >"$data/said/$name"
	is "$name: what keyd says of it" "$(cat "$work/said")" "$(tail -n +2 "$data/said/$name")"
	is "$name: each line has its place" "$(grep -cvE '^((warning|error): )?/etc/[^:]+:([0-9]+:|.* fine: )' "$work/said")" 0
	is "$name: what it comes to is a keyd.conf" "$(check_file "/etc/corpus/$name" --dump-config | grep -vE '^(warning|error): ' >"$work/dumped"
		in_host carol "$bin/keyd" --dump-config -f "$work/dumped" 2>/dev/null)" "$(cat "$work/dumped")"
done

# --- which language ---

# language FILE [OPTION...]: of what it is told as
language()
{
	in_host carol "$bin/keyd" --check "${@:2}" "$1" 2>&1 | grep -oE 'secrets=|mistakes|found|a name, .=. and a value|at the left margin|block has no|no .;. behind' | head -1
}

# written NAME TEXT
written()
{
	# shellcheck disable=SC2059 # it is a format
	printf "$2" | in_host carol sh -c 'umask 77; cat >"/etc/$1"' sh "$1"
}

written one '# remote\n\n  log debug;\nremote 192.0.2.9 {\n'
is "racoon.conf is recognised" "$(language /etc/one -f)" "block has no"
written two 'listen {\n\tisakmp 192.0.2.1;\n'
is "by its listen, too" "$(language /etc/two -f)" "block has no"
written three 'listen 192.0.2.1\npeer 192.0.2.2 { remote {\n'
is "keyd.conf is" "$(language /etc/three -f)" "found"
written four 'conn a\nleft=1\n'
is "ipsec.conf is" "$(language /etc/four -f)" "at the left margin"
is "and may be said" "$(language /etc/four --racoon-conf)" "no ';' behind"
is "either way" "$(language /etc/one --ipsec-conf)" "a name, '=' and a value"

finish
