#!/bin/bash
# SPDX-License-Identifier: MIT
# Revocation by http between two keyds (without a kernel): a CA's list from busybox's httpd, answers of "openssl ocsp"; servers that are
# late, dead or lying; what is kept on disk; a peer that is revoked while its IKE SA is up. Needs root, and namespaces.
#
#	alice 192.0.2.1 ---- 192.0.2.2 bob 198.51.100.1 ---- 198.51.100.2 web
#
# timeout: 600

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

# shellcheck disable=SC2317 # called by not_ok
on_failure()
{
	for log in "$work"/*/*.log; do
		note "--- end of ${log##*/}"$'\n'"$(tail -n 25 "$log")"
	done
}

# --- a CA ---

ca=$work/ca
crl_url=http://198.51.100.2/ca.crl
ocsp_url=http://198.51.100.2:2560/

database()
{
	mkdir "$1" && : >"$1/index" && echo 1000 >"$1/serial" && echo 01 >"$1/crlnumber" && cat >"$1/conf" <<-END
		[ca]
		default_ca = c
		[c]
		database = $1/index
		serial = $1/serial
		crlnumber = $1/crlnumber
		new_certs_dir = $1
		private_key = $1.key
		certificate = $1.pem
		policy = p
		unique_subject = no
		default_md = sha256
		[p]
		commonName = supplied
		[crl]
		authorityKeyIdentifier = keyid:always
	END
}

# root NAME CN
root()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 30 -subj "/CN=$2" \
		-addext keyUsage=critical,keyCertSign,cRLSign && database "$1"
}

# leaf NAME EXTENSION
leaf()
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" &&
		openssl ca -batch -notext -config root/conf -days 20 -in "$1.csr" -out "$1.pem" -extfile <(printf '%s\n' \
			'basicConstraints = critical,CA:FALSE' 'keyUsage = critical,digitalSignature' 'authorityKeyIdentifier = keyid' \
			"subjectAltName = DNS:$1.example.org" "$2")
}

# list CA FILE: what that CA has revoked now
list()
{
	openssl ca -gencrl -config "$1/conf" -crldays 10 -crlexts crl | openssl crl -outform DER -out "$2"
}

make_ca()
{
	mkdir "$ca" && cd "$ca" && root root "Example CA" && root other "Example CA" &&
		leaf listed "crlDistributionPoints = URI:$crl_url" &&
		leaf asked "authorityInfoAccess = OCSP;URI:$ocsp_url" &&
		leaf bob "authorityInfoAccess = OCSP;URI:$ocsp_url" &&
		leaf responder 'extendedKeyUsage = OCSPSigning' &&
		list root none.crl && list other other.crl && cp root/index index-none &&
		openssl ca -config root/conf -revoke listed.pem && openssl ca -config root/conf -revoke asked.pem && list root revoked.crl
}

# --- hosts ---

# alice_shows NAME [SETTING…]
alice_shows()
{
	local name=$1

	shift
	conf_file alice <<-END
		peer 192.0.2.2 {
			local 192.0.2.1; id local $name.example.org; id remote bob.example.org; retransmit 500ms 6
			cert $ca/$name.pem; key $ca/$name.key; ca $ca/root.pem
			$*
		}
	END
}

# bob_asks SETTING…
bob_asks()
{
	conf_file bob <<-END
		peer 192.0.2.1 {
			local 192.0.2.2; id local bob.example.org; retransmit 500ms 6
			cert $ca/bob.pem; key $ca/bob.key; ca $ca/root.pem
			$*
		}
	END
}

# comes_up NAME [SECONDS]: a point: alice and bob believe each other. Without a kernel there is no child, which keydctl would wait for
comes_up()
{
	ups=$((${ups-0} + 1))
	host_spawn alice "up$ups" "$bin/keydctl" up 192.0.2.2
	check "$1: bob believes alice" wait_log keyd-bob 'IKE_SA result=established' "${2-20}" ||
		note "$(keydctl bob explain)"
}

# is_refused NAME REASON REGEX: a point each: bob does not believe alice, and says why
is_refused()
{
	ups=$((${ups-0} + 1))
	host_spawn alice "up$ups" "$bin/keydctl" up 192.0.2.2
	check "$1: alice hears that she is refused" wait_log "up$ups" 'AUTHENTICATION_FAILED' 30
	keydctl bob explain | tr -s ' \n' '  ' >"$work/explain"
	check "$1: bob explains: $2" grep -q "failed: $2 " "$work/explain"
	check "$1: bob explains: $3" grep -qE "$3" "$work/explain" || note "$(cat "$work/explain")"
	check "$1: no IKE SA" not log_has keyd-bob 'IKE_SA result=established'
}

# fresh [again]: both keyds anew; bob's with what it has fetched only if "again"
fresh()
{
	host_stop keyd-alice >/dev/null
	host_stop keyd-bob >/dev/null
	keyd_start alice --backend fake
	if [ "${1-}" = again ]; then
		in_host bob rm -f /run/gapless/state
		keyd_again bob --backend fake
	else
		keyd_start bob --backend fake
	fi
}

serves()
{
	in_host web busybox wget -q -O /dev/null "$1"
}

# list_is FILE: what the server has
list_is()
{
	cp "$ca/$1" "$work/www/new" && mv "$work/www/new" "$work/www/ca.crl"
}

httpd_start()
{
	host_spawn web httpd busybox httpd -f -p 198.51.100.2:80 -h "$work/www"
	check "httpd is there" wait_until 20 serves http://198.51.100.2/here
}

# responder_start INDEX
responder_start()
{
	host_spawn web ocsp openssl ocsp -index "$ca/$1" -CA "$ca/root.pem" -rsigner "$ca/responder.pem" -rkey "$ca/responder.key" \
		-port 2560 -nmin 60 -ignore_err
	check "openssl's responder is there" wait_log ocsp 'waiting for OCSP client connections' 20
}

cached()
{
	in_host bob sh -c 'ls /run/gapless/cache 2>/dev/null | grep -c .'
}

make_ca >"$work/ca.log" 2>&1 || { not_ok "a CA"; note "$(tail -n 20 "$work/ca.log")"; finish; exit; }
cd - >/dev/null || exit
mkdir "$work/www"
: >"$work/www/here"
host_new alice
host_new bob
host_new web
link_new alice 192.0.2.1/30 bob 192.0.2.2/30
link_new bob 198.51.100.1/30 web 198.51.100.2/30
off="revocation off"

# --- a list by http; kept on disk ---

alice_shows listed "$off"
bob_asks "revocation strict"
list_is none.crl
httpd_start
fresh
is "nothing is on disk yet" "$(cached)" 0
comes_up "a list, strict"
check "it is on disk" wait_until 10 eval '[ "$(cached)" = 1 ]'
is "for root alone" "$(in_host bob stat -c '%a %U' /run/gapless/cache)" "700 root"
host_stop httpd
fresh again
comes_up "restarted while the server is dead"

fresh
is_refused "the server is dead, strict" revocation-unknown 'refuses the connection'
bob_asks "revocation lenient"
fresh
comes_up "the server is dead, lenient" 3
bob_asks "$off"
fresh
comes_up "nobody asks" 3

# --- one that says nothing, one that is late, lies ---

bob_asks "revocation strict"
httpd_start
kill -STOP "${tag_pid[httpd]}"
fresh
is_refused "the server is silent, strict" revocation-unknown 'does not answer within'
bob_asks "revocation lenient"
fresh
comes_up "the server is silent, lenient" 3
kill -CONT "${tag_pid[httpd]}"
bob_asks "revocation strict"
head -c 400 /dev/urandom >"$ca/garbage.crl"
head -c 200 "$ca/none.crl" >"$ca/half.crl"
: >"$ca/empty.crl"
for lie in garbage half empty other; do
	list_is $lie.crl
	fresh
	is_refused "the server lies ($lie), strict" revocation-unknown 'ca.crl'
	is "the server lies ($lie): nothing of it is kept" "$(cached)" 0
done
rm "$work/www/ca.crl"
fresh
is_refused "there is no such file" revocation-unknown 'answers 404'
list_is revoked.crl
fresh
is_refused "revoked, strict" certificate-revoked 'revoked'
bob_asks "revocation lenient"
fresh again
is_refused "revoked, lenient, as it is known by now" certificate-revoked 'revoked'

# --- revoked while it is up: the server is late, nobody waits, and then it is known ---

for what in down no-rekey keep; do
	bob_asks "revocation lenient; revoked $what"
	kill -STOP "${tag_pid[httpd]}"
	fresh
	comes_up "revoked $what: it is up before the list is there" 3
	kill -CONT "${tag_pid[httpd]}"
	check "revoked $what: bob hears of it" wait_log keyd-bob 'revoked' 20
	if [ $what = down ]; then
		check "revoked $what: it is ended" wait_log keyd-bob 'IKE_SA result=(deleted|down|closed|ended)' 20
		keydctl bob explain 192.0.2.1 >"$work/explain"
		check "revoked $what: bob explains it" grep -q "certificate is revoked\|is revoked" "$work/explain" || note "$(cat "$work/explain")"
	else
		is "revoked $what: it stays" "$(keydctl bob status | grep -c '  established  ')" 1
	fi
done
host_stop httpd

# --- names: no name server answers, so the role is started with those that resolv.conf has by then ---

# named [OLD]: for wait_until: bob has a fetch role, and it is not OLD
named()
{
	role_pid bob fetch && [ "$pid" != "${1-}" ]
}

in_host bob sh -c 'rm -f /etc/resolv.conf; echo nameserver 198.51.100.9 >/etc/resolv.conf; echo options timeout:1 attempts:1 >>/etc/resolv.conf'
printf 'crl http://ca.test/ca.crl\n' >"$work/crl.conf"
bob_asks "revocation lenient"
in_host bob sh -c 'cat "$1" >>/etc/gapless/keyd.conf' sh "$work/crl.conf"
fresh
check "there is a fetch role" named
before=$pid
check "no name server answers" wait_log keyd-bob 'ca.test.*whose address no name server tells' 20
in_host bob sh -c 'echo 198.51.100.2 ca.test >>/etc/hosts'
check "it is started anew" wait_until 20 named "$before"
keyd_said bob 'a role ends and is started anew, with name servers as they are then: role=fetch'
is "that is no death" "$(keyd_count bob 'a role died|a role ended|is back')" 0
httpd_start
check "the name is known then, and the list is fetched" wait_log keyd-bob 'fetch: result=ok url=http://ca.test/ca.crl' 60
host_stop httpd

# --- OCSP ---

alice_shows asked "$off"
bob_asks "revocation strict"
fresh
is_refused "no responder, strict" revocation-unknown 'refuses the connection'
responder_start index-none
fresh
comes_up "a responder, strict"
host_stop ocsp
responder_start root/index
fresh
is_refused "revoked, says the responder" certificate-revoked 'revoked'
bob_asks "revocation lenient; revoked down"
kill -STOP "${tag_pid[ocsp]}"
fresh
comes_up "the responder is late, lenient" 3
kill -CONT "${tag_pid[ocsp]}"
check "then it says that alice is revoked" wait_log keyd-bob 'revoked' 20

# --- stapled: bob has the answer, alice has no way to the responder ---

host_stop ocsp
responder_start index-none
alice_shows listed "revocation strict"
bob_asks "$off"
fresh
comes_up "stapled: bob's certificate, strict"
check "stapled: alice believes bob" wait_log keyd-alice 'IKE_SA result=established' 20
host_stop ocsp
fresh
ups=$((ups + 1))
host_spawn alice "up$ups" "$bin/keydctl" up 192.0.2.2
check "not stapled: alice does not" wait_log keyd-alice 'IKE_SA result=failed' 30
for host in alice bob; do host_stop keyd-$host; done
finish
