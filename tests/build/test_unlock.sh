#!/bin/bash
# SPDX-License-Identifier: MIT
# Private keys that are encrypted: the passphrase is given while keyd runs, and shows nowhere. Two keyds without a kernel.
#
# timeout: 120

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

pass="open, sesame 4711"

# certificate NAME: of its own, which the other end pins
certificate()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.clear" -out "$work/$1.pem" -days 30 \
		-subj "/CN=$1" -addext "subjectAltName = DNS:$1.example.org" -addext keyUsage=critical,digitalSignature 2>"$work/openssl.log" &&
		openssl pkcs8 -topk8 -v2 aes256 -in "$work/$1.clear" -out "$work/$1.key" -passout "pass:$pass" && chmod 600 "$work/$1".*
}

# section HOST PEER KEY OTHER
section()
{
	conf_file "$1" <<-END
		peer $2 {
			local ${3#*@}; cert $work/$1.pem; key ${3%@*}; auth cert
			remote-key file $work/$4.pem; id local $1.example.org; id remote $4.example.org
		}
	END
}

# unlock HOST PASSPHRASE
unlock()
{
	printf '%s\n' "$2" | keydctl "$1" unlock
}

# code N COMMAND...: ends with this exit code
code()
{
	local want=$1 is=0

	shift
	"$@" </dev/null >"$work/out" 2>&1 || is=$?
	[ "$is" = "$want" ] || { note "exit code $is"; return 1; }
}

host_new alice
host_new bob
link_new alice 192.0.2.1/30 bob 192.0.2.2/30
certificate alice && certificate bob || { not_ok "certificates"; note "$(cat "$work/openssl.log")"; finish; exit; }
section alice 192.0.2.2 "$work/alice.key@192.0.2.1" bob
section bob 192.0.2.1 "$work/bob.clear@192.0.2.2" alice
keyd_start alice --backend fake
keyd_start bob --backend fake

check "a locked key is no mistake, and signs nothing" not keydctl alice up 192.0.2.2
keydctl alice explain | tr -s ' \n' '  ' >"$work/explain"
check "it explains itself" grep -q 'failed: key-locked ' "$work/explain"
check "and says what to do" grep -q 'keydctl unlock' "$work/explain" || note "$(cat "$work/explain")"
check "a script gets exit code 5" code 5 keydctl alice up 192.0.2.2
mkfifo "$work/keyboard"
in_host alice timeout 60 script -qfe -c "$bin/keydctl up 192.0.2.2" "$work/screen" <"$work/keyboard" >"$work/out" 2>&1 &
terminal=$!
exec {keyboard}>"$work/keyboard"
shown()
{
	[ -e "$work/screen" ] && grep -qF -- "$1" "$work/screen"
}
check "up asks at a terminal" wait_until 20 shown 'passphrase of the private key: '
printf '%s\n' "open, barley" >&"$keyboard"
check "a wrong one is told" wait_until 20 shown 'fits none of the keys'
printf '\003' >&"$keyboard"
exec {keyboard}>&-
wait "$terminal"
is "Ctrl-C ends it" $? 1
check "nothing of it was shown" not grep -q barley "$work/screen"
check "a passphrase that does not fit is refused" not unlock alice "open, barley"
check "no passphrase at all, too" not unlock alice ""
check "one that is too long, too" not unlock alice "$(printf 'x%.0s' {1..300})"
# While it is locked nobody can see that it is not the certificate's.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass "pass:$pass" -out "$work/other.key" 2>"$work/openssl.log"
section alice 192.0.2.2 "$work/other.key@192.0.2.1" bob
check "a key of another certificate, locked, is loaded" keydctl alice reload
check "it is refused when it is unlocked" not unlock alice "$pass"
check "with the reason" grep -q 'keyd.conf:2: the passphrase fits, but the private key is not that of its certificate' <(unlock alice "$pass" 2>&1)
section alice 192.0.2.2 "$work/alice.key@192.0.2.1" bob
check "the right key is loaded" keydctl alice reload
check "the right one unlocks" unlock alice "$pass"
check "the IKE SA comes up" keydctl alice up 192.0.2.2
check "by certificates at both ends" grep -q 'we by certificate.*the peer by certificate' <(keydctl alice status)
check "there is nothing left to unlock" grep -q 'no private key is locked' <(unlock alice "$pass")

check "a reload" keydctl alice reload
check "leaves it unlocked" keydctl alice reauth 192.0.2.2
role_pid alice auth && kill -KILL "$pid"
check "the auth role is back after its death" wait_log keyd-alice 'a role is back: role=auth' 20
check "and has the key" keydctl alice reauth 192.0.2.2

# has_passphrase PID: in its memory; or it could not be searched
has_passphrase()
{
	local text has

	text=$(printf %s "$pass" | od -An -v -tx1 | tr -d ' \n')
	has=$("${O:-build}/tests/memory-search" "$1" <<<"passphrase $text") || return 0
	[[ $has == passphrase* ]]
}

env -i PASSPHRASE="$pass" sleep 1000 &
control=$!
check "the search finds a passphrase where there is one" wait_until 10 has_passphrase $control
kill $control
for role in ike trust fetch ctl kern auth; do
	role_pid alice $role
	check "the memory of $role has none" not has_passphrase "$pid"
done
check "no log has the passphrase" not grep -rqF "$pass" "$work"/*.log
in_host alice cat /etc/gapless/keyd.conf >"$work/conf"
check "nor the configuration" not grep -qF "$pass" "$work/conf"
finish
