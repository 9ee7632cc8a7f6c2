#!/bin/bash
# SPDX-License-Identifier: MIT
# Private keys, passphrases and shared keys are in the memory of keyd's auth role, and of none that parses what comes from others: looked
# for in /proc/PID/mem while keys of each kind are used, after a reload, and after roles died. keyd without a kernel; needs root.
#
#	alice 192.0.2.1, .5, .9, .13 ---- 192.0.2.2, .6, .10, .14 bob

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"

if [ "${1-}" != inside ]; then
	unshare --net --mount --pid --fork true 2>/dev/null || skip_all "no right to make namespaces"
	exec unshare --net --mount --pid --fork --mount-proc "$0" inside
fi

# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
# shellcheck source=tests/lib/keyd.sh
. "$(dirname "$0")/../lib/keyd.sh"
trap hosts_cleanup EXIT
trap 'exit 143' INT TERM HUP

search=${O:-build}/tests/memory-search
certs=$PWD/${O:-build}/tests/ca-hosts
phrase="open sesame, says the forty-first thief"
needles=$work/needles

# shellcheck disable=SC2317 # called by not_ok
on_failure()
{
	for log in "$work"/*/*.log; do
		note "--- end of ${log##*/}"$'\n'"$(tail -n 25 "$log")"
	done
}

# pieces NAME HEX: 16 bytes each, as they are and the other way round
pieces()
{
	local name=$1 hex=$2 i piece back

	for ((i = 0; i + 32 <= ${#hex}; i += 32)); do
		piece=${hex:i:32}
		back=$(fold -w 2 <<<"$piece" | tac | tr -d '\n')
		printf '%s %s\n%s %s\n' "$name" "$piece" "$name" "$back"
	done
}

# numbers_of FILE: the secret numbers of a private key, each as "NAME HEX"
numbers_of()
{
	openssl pkey -in "$1" -noout -text | awk '
		/^(privateExponent|prime1|prime2|exponent1|exponent2|coefficient|priv):/ { name = $1; sub(/:.*/, "", name); hex[name] = ""; next }
		/^ / { if (name) { gsub(/[ :]/, ""); hex[name] = hex[name] $0 } next }
		{ name = "" }
		END { for (n in hex) { sub(/^00/, "", hex[n]); print n, hex[n] } }'
}

# needles_of NAME: its numbers, and the text of the file
needles_of()
{
	local number hex line

	while read -r number hex; do
		pieces "$1/$number" "$hex"
	done < <(numbers_of "$certs/$1.key")
	grep -v -e ----- "$certs/$1.key" | while read -r line; do
		[ ${#line} -lt 16 ] || printf '%s/text %s\n' "$1" "$(printf %s "$line" | od -An -v -tx1 | tr -d ' \n')"
	done
}

text()
{
	printf '%s %s\n' "$1" "$(printf %s "$2" | od -An -v -tx1 | tr -d ' \n')"
}

# role_has HOST ROLE: the names of all that is found there, into $has
role_has()
{
	role_pid "$1" "$2" || return
	has=$("$search" "$pid" <"$needles" 2>"$work/search.log") || return
	looked=${has##*$'\n'}
	has=$(sed '$d' <<<"$has" | sort | xargs)
}

# nothing_leaks WHEN: no role but auth has anything; auth has something of each key that its host uses
nothing_leaks()
{
	local host role

	for host in alice bob; do
		for role in ike trust fetch ctl kern; do
			has='' looked=0
			role_has $host $role || not_ok "$1: the memory of $host's $role is searched: $(cat "$work/search.log")"
			is "$1: $host's $role has none of it, in $((looked / 1024)) KB" "$has" ""
		done
		role_has $host auth || not_ok "$1: the memory of $host's auth is searched"
		note "$host's auth has: $has"
		for kind in rsa ec256 ed25519; do
			check "$1: $host's auth has its $kind key: the search finds it" found "$host-$kind/"
		done
		check "$1: $host's auth has the shared key: the search finds it" found "psk "
	done
}

# found BEGINNING: of a name
# shellcheck disable=SC2317
found()
{
	[[ " $has " == *" $1"* ]]
}

# core_size ROLE-PID: what may be dumped of it, soft and hard
core_size()
{
	awk '/^Max core file size/ { print $5, $6 }' "/proc/$1/limits"
}

# conf HOST OTHER A B C D: the sections; numbers are the last bytes of our addresses, the peer's come next
conf()
{
	local host=$1 other=$2 n=$3 kind

	{
		for kind in rsa ec256 ed25519; do
			printf 'peer %s {\n\tlocal 192.0.2.%d\n\taddress 192.0.2.%d\n\tid local %s.example.org\n\tid remote %s.example.org\n' \
				$kind "$n" $((n ^ 3)) "$host" "$other"
			printf '\tca %s\n\tretransmit 500ms 5\n' "$certs/root.pem"
			case $kind in
			rsa) printf '\tcert /etc/gapless/rsa.p12\n\tkey /etc/gapless/rsa.p12 passphrase "%s"\n' "$phrase" ;;
			ec256) printf '\tcert %s\n\tkey %s\n' "$certs/$host-ec256.chain" "$certs/$host-ec256.key" ;;
			ed25519) printf '\tcert %s\n\tkey /etc/gapless/ed.key passphrase file /etc/gapless/phrase\n' "$certs/$host-ed25519.chain" ;;
			esac
			printf '}\n'
			n=$((n + 4))
		done
		printf 'peer secret {\n\tlocal 192.0.2.%d\n\taddress 192.0.2.%d\n\tpsk "%s"\n}\n' "$n" $((n ^ 3)) "$secret"
	} | conf_file "$host"
	# shellcheck disable=SC2016
	in_host "$host" sh -c 'cd /etc/gapless && umask 077 && printf %s "$2" >phrase &&
		openssl pkcs12 -export -in "$1-rsa.pem" -certfile "$(dirname "$1")/inter.pem" -inkey "$1-rsa.key" -passout file:phrase -out rsa.p12 &&
		openssl pkcs8 -topk8 -in "$1-ed25519.key" -passout file:phrase -out ed.key' sh "$certs/$host" "$phrase"
}

# handshakes WHEN: one with each of the keys
handshakes()
{
	local kind before

	for kind in rsa ec256 ed25519 secret; do
		before=$(keyd_count alice 'IKE_SA result=established')
		keydctl alice down $kind >"$work/down" 2>&1 # the first time there is none
		host_spawn alice "up-$kind" "$bin/keydctl" --no-wait up $kind
		check "$1: a handshake by $kind" wait_until 8 more_established "$before"
	done
}

# shellcheck disable=SC2317
more_established()
{
	[ "$(keyd_count alice 'IKE_SA result=established')" -gt "$1" ]
}

host_new alice
host_new bob
link_new alice 192.0.2.1/30,192.0.2.5/30,192.0.2.9/30,192.0.2.13/30 bob 192.0.2.2/30,192.0.2.6/30,192.0.2.10/30,192.0.2.14/30
conf alice bob 1
conf bob alice 2
{
	for host in alice bob; do
		for kind in rsa ec256 ed25519; do needles_of $host-$kind; done
	done
	text psk "$secret"
	text passphrase "$phrase"
} >"$needles"
check "there are pieces of each key to look for" [ "$(wc -l <"$needles")" -gt 100 ]

# That no role has a passphrase or the text of a file says something only if the search would find them: in a program that has them all.
texts=("$phrase" "$secret")
for host in alice bob; do
	for kind in rsa ec256 ed25519; do texts+=("$(cat "$certs/$host-$kind.key")"); done
done
env -i TEXTS="${texts[*]}" sleep 1000 &
control=$!
check "a program has the texts" wait_until 10 eval '[ "$(cat "/proc/$control/comm")" = sleep ]'
has=$("$search" "$control" <"$needles" | sed '$d' | sort | xargs)
kill $control
is "the search finds all of them there" "$has" "$(cut -d ' ' -f 1 "$needles" | grep -E '/text$|^psk$|^passphrase$' | sort -u | xargs)"

for host in alice bob; do keyd_start $host --backend fake; done
[ "$tap_failed" = 0 ] || finish
handshakes first
nothing_leaks "in use"
for host in alice bob; do
	for role in kern ike auth ctl trust fetch card; do
		role_pid $host $role
		is "$host's $role leaves no core dump" "$(core_size "$pid")" "0 0"
	done
	is "$host's parent leaves no core dump" "$(core_size "${tag_pid[keyd-$host]}")" "0 0"
	role_pid $host auth
	check "$host's auth has its memory locked" [ "$(awk '/^VmLck:/ { print $2 }' "/proc/$pid/status")" -gt 0 ]
done

check "alice's reload" keydctl alice reload
check "bob's reload" keydctl bob reload
handshakes "after a reload"
nothing_leaks "after a reload"

for role in trust ike auth; do
	before=$(keyd_count bob 'a role is back')
	role_pid bob $role && kill -KILL "$pid"
	check "bob's $role is back" wait_until 20 log_has keyd-bob 'a role is back' $((before + 1))
done
handshakes "after roles died"
nothing_leaks "after roles died"
keyds_stop
finish
