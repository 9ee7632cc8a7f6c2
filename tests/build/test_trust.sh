#!/bin/bash
# SPDX-License-Identifier: MIT
# Certificates between the processes (keyd without a kernel): the trust and fetch roles die and come back, also while somebody waits
# for them; a reload reads revocation lists and CAs again and ends whoever is not believed any more, and nobody else. Needs root, and namespaces.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"

if [ "${1-}" != inside ]; then
	unshare --net --mount --pid --fork true 2>/dev/null || skip_all "no right to make namespaces"
	command -v busybox >/dev/null || skip_all "no busybox, whose httpd is needed"
	exec unshare --net --mount --pid --fork --mount-proc "$0" inside
fi

# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
# shellcheck source=tests/lib/keyd.sh
. "$(dirname "$0")/../lib/keyd.sh"
trap hosts_cleanup EXIT
trap 'exit 143' INT TERM HUP

# shellcheck disable=SC2317 # called by not_ok
on_failure()
{
	for log in "$work"/*/*.log; do
		note "--- end of ${log##*/}"$'\n'"$(tail -n 25 "$log")"
	done
}

# tries: alice begins an IKE SA; without a kernel there is no child, which keydctl would wait for
tries()
{
	host_spawn alice up "$bin/keydctl" up 192.0.2.2
}

# kills ROLE: of bob, and waits until it is back
kills()
{
	local before

	before=$(keyd_count bob "a role is back: role=$1")
	role_pid bob "$1" && kill -KILL "$pid"
	check "$1 is back" wait_log keyd-bob "a role is back: role=$1" 20 $((before + 1))
}

# again: alice proves anew who she is
again()
{
	local before

	before=$(keyd_count alice 'IKE_SA result=established')
	check "alice authenticates anew" keydctl alice reauth 192.0.2.2
	check "she is believed" wait_log keyd-alice 'IKE_SA result=established' 20 $((before + 1))
}

# bob_busy: somebody has a connection to the server, which does not answer
bob_busy()
{
	in_host bob awk '$2 == "0100007F:1F91" && $4 == "01" { n = 1 } END { exit !n }' /proc/net/tcp
}

# fresh: both daemons anew
fresh()
{
	keyds_stop
	keyds_start --backend fake
}

ca=$work/ca
check "a CA is made" tests/ca/make --crl-url http://127.0.0.1:8081 "$ca"
chmod 755 "$work" "$ca"
for name in crl crl-revoked good; do cat "$ca/$name.pem" "$ca/inter.pem" >"$ca/$name-chain.pem"; done
mkdir "$work/www" "$work/lists" "$work/lists/folder"
cp "$ca/inter.crl" "$work/www/"
cp "$ca/root.crl" "$work/lists/"

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
host_spawn bob httpd busybox httpd -f -p 127.0.0.1:8081 -h "$work/www"
# alice_is NAME
alice_is()
{
	conf_file alice <<-END
		peer 192.0.2.2 {
			local 192.0.2.1
			cert $ca/$1-chain.pem
			key $ca/$1.key
			ca $ca/root.pem
			id local $1.example.org
			revocation off
			retransmit 1s 4
		}
	END
}

# bob_asks REVOCATION [LINE…]
bob_asks()
{
	conf_file bob <<-END
		crl $work/lists
		expiry-warning 400d
		${2-}
		peer 192.0.2.1 {
			cert $ca/good-chain.pem
			key $ca/good.key
			ca ${believed-$ca/root.pem}
			id local good.example.org
			revocation $1
		}
	END
}

alice_is crl
bob_asks strict
echo rubbish >"$work/lists/rubbish.crl"
keyds_start --backend fake
role_pids bob
is "the parent and seven roles" "$(wc -w <<<"$pids")" 7
keyd_said bob '^[^ ]* keyd.trust.: error: /etc/gapless/keyd.conf:1: crl .*/rubbish.crl: this revocation list is of no use: it is malformed'
keyd_said bob 'warning: /etc/gapless/keyd.conf:5: our certificate "C=DE, O=Example Ltd, CN=good" expires on '
tries
keyd_said bob 'IKE_SA result=established'
keyd_said bob 'fetch: result=ok url=http://127.0.0.1:8081/inter.crl'

# What was fetched outlives the role; who asks a new one has an answer.
host_stop httpd
kills trust
is "it does not ask again" "$(keyd_count bob 'fetch: result=failed')" 0
again
kills fetch
again

# Names and name servers are another: who has read the files before ends, as it has no files any more, and that is no death.
fetch_is_new()
{
	role_pid bob fetch && [ "$pid" != "$before" ]
}
role_pid bob fetch
before=$pid
in_host bob sh -c 'echo 192.0.2.9 else.example.org >>/etc/hosts'
check "fetch is started anew" wait_until 20 fetch_is_new
keyd_said bob 'a role ends and is started anew, with name servers as they are then: role=fetch'
before=$pid
in_host bob sh -c 'echo nameserver 192.0.2.9 >/etc/resolv.new && mv /etc/resolv.new /etc/resolv.conf'
check "and once more" wait_until 20 fetch_is_new
is "they died as often as they were killed" "$(keyd_count bob 'a role is back')" 2

# --- a list in a folder, and a reload ---

cp "$ca/other.crl" "$work/lists/"
alice_is crl-revoked
bob_asks lenient 'fetch no'
fresh
tries
keyd_said bob 'IKE_SA result=established'
cp "$ca/inter.crl" "$work/lists/"
check "bob reloads" keydctl bob reload
keyd_said bob 'certificate result=revoked .*the peer.s certificate .*CN=crl-revoked.* is revoked'
keyd_said alice 'IKE_SA result=(deleted|down|ended)'
tries
keyd_said alice 'result=failed .*AUTHENTICATION_FAILED'
rm "$work/lists/inter.crl"

# --- the file of CAs changes under an IKE SA: to have another CA beside its own ends nobody, to have its own no more does ---

believed=$work/believed.pem
cat "$ca/root.pem" >"$believed"
alice_is good
bob_asks lenient 'fetch no'
fresh
tries
keyd_said bob 'IKE_SA result=established'
cat "$ca/other.pem" >>"$believed"
check "bob reloads" keydctl bob reload
check "bob rekeys" keydctl bob rekey --ike 192.0.2.1
keyd_said bob 'IKE_SA result=rekeyed'
is "alice's certificate is still believed" "$(keyd_count bob 'certificate result=')" 0
cat "$ca/other.pem" >"$believed"
check "bob reloads" keydctl bob reload
keyd_said bob 'certificate result=revoked .*the peer.s certificate .*CN=good.* was signed by a CA that is none of ours any more'
keyd_said alice 'IKE_SA result=(deleted|down|ended)'
unset believed

# --- dies while somebody waits ---

host_spawn bob httpd busybox httpd -f -p 127.0.0.1:8081 -h "$work/www"
check "the server is there" wait_until 20 in_host bob bash -c 'exec 3<>/dev/tcp/127.0.0.1/8081'
kill -STOP "${tag_pid[httpd]}"
alice_is crl
bob_asks strict
fresh
tries
check "bob waits for the list" wait_until 20 bob_busy
role_pid bob trust && kill -KILL "$pid"
keyd_said bob 'IKE_SA result=failed .*the trust role is not there'
keyd_said alice 'IKE_SA result=failed .*AUTHENTICATION_FAILED'
check "trust is back" wait_log keyd-bob 'a role is back: role=trust' 20
fresh
tries
check "bob waits for the list" wait_until 20 bob_busy
role_pid bob fetch && kill -KILL "$pid"
kill -CONT "${tag_pid[httpd]}"
keyd_said bob 'a role is back: role=fetch'
keyd_said bob 'IKE_SA result=established'
for host in alice bob; do host_stop keyd-$host; done
finish
