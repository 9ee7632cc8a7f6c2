#!/bin/bash
# SPDX-License-Identifier: MIT
# The fetch role as the parent starts it, in its sandbox: good servers, and those that are late, dead or lying
# (tests/build/liar.c); what it says of them, that its memory does not grow, and that none delays another. Needs root, and namespaces.
#
# alone
# timeout: 300

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"

if [ "${1-}" != inside ]; then
	unshare --net --mount --pid --fork true 2>/dev/null || skip_all "no right to make namespaces"
	exec unshare --net --mount --pid --fork --mount-proc "$0" inside
fi

build=${O:-build}
keyd=$build/bin/keyd
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/run/empty" "$work/www"
at=http://127.0.0.1:8080

# shellcheck disable=SC2317 # called by not_ok
on_failure()
{
	note "$(tail -n 30 "$work/answers" "$work/log" 2>/dev/null)"
}

# fetch: lets the driver carry out standard input; its answers are in $work/answers
fetch()
{
	timeout 120 "$build/tests/fetch-driver" "$keyd" "$work/run" >"$work/answers" 2>"$work/log"
	is "the role ended well" $? 0
}

# says NAME REGEX: a point: this is what became of the fetch
says()
{
	check "$1: $2" grep -qE "^$1 [0-9]+ $2\$" "$work/answers"
}

# before NAME MS: a point: it was over by then
before()
{
	check "$1: within $2 ms" awk -v name="$1" -v ms="$2" '$1 == name { exit !($2 < ms) }' "$work/answers"
}

# resolver TEXT: what /etc/resolv.conf is to say
resolver()
{
	printf '%b' "$1" >"$work/resolv.conf"
}

not()
{
	! "$@"
}

listening()
{
	[ "$(grep -c listening "$work/servers")" = "$1" ]
}

ip link set lo up
ip link add out type veth peer name peer
ip link set peer up
ip addr add 192.0.2.1/24 dev out
ip link set out up
ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev out nud permanent		# who never answers
resolver 'nameserver 127.0.0.1\noptions timeout:1\n'
printf '127.0.0.1 localhost\n127.0.0.1 file.test\n' >"$work/hosts"
mount --bind "$work/resolv.conf" /etc/resolv.conf && mount --bind "$work/hosts" /etc/hosts ||
	skip_all "no right to mount over /etc"

: >"$work/servers"
for server in 'http 127.0.0.1 8080' 'http ::1 8080' 'dns 127.0.0.1'; do
	# shellcheck disable=SC2086
	"$build/tests/liar" $server >>"$work/servers" &
done
check "the servers are there" wait_until 20 listening 3
head -c 300000 /dev/urandom >"$work/www/ca.crl"
busybox httpd -f -p 127.0.0.1:8081 -h "$work/www" &
check "busybox's httpd is there" wait_until 20 eval 'exec 3<>/dev/tcp/127.0.0.1/8081'

fetch <<-END
	limit 1000000 20000
	get plain $at/ok/1000
	get six http://[::1]:8080/ok/900000
	get chunked $at/chunked/5000
	get close $at/close/5000
	get late $at/late/500
	get continued $at/continued/5
	get hop $at/hop/3
	post post $at/echo the question
	get busybox http://127.0.0.1:8081/ca.crl
	get missing http://127.0.0.1:8081/other.crl
	get hosts http://file.test:8080/ok/1
	get name http://ok.test:8080/ok/2
	get namesix http://six.test:8080/ok/3
	get nobody http://other.test:8080/ok/3
	wait
END
says plain 'got 1000 abcdefghijklmnopqrstuvwxyz.*'
says six 'got 900000 abc.*'
says chunked 'got 5000 abc.*'
says close 'got 5000 abc.*'
says late 'got 4 late'
says continued 'got 5 abcde'
says hop 'got 6 hopped'
says post 'got 38 application/ocsp-request: the question'
says busybox 'got 300000 .*'
says missing 'failed answers 404 Not Found'
says hosts 'got 1 a'
says name 'got 2 ab'
says namesix 'got 3 abc'
says nobody 'failed is at "other.test", which has no address'

# --- lies ---

fetch <<-END
	limit 1048576 2000
	get dead $at/dead
	get half $at/half
	get long $at/long
	get headers $at/headers
	wait
	limit 1048576 20000
	get line $at/line
	get body $at/body
	get chunks $at/chunks
	get chunkline $at/chunkline
	wait
	get bigchunk $at/bigchunk
	get trailer $at/trailer
	wait
	limit 1048576 2000
	get hugelength $at/length/9999999999999
	get negative $at/length/-5
	get nolength $at/length/x
	get nothing $at/length/0
	get slow $at/slow
	get slowbody $at/slowbody
	wait
	get loop $at/loop
	get hops $at/hop/4
	get https $at/to?https://127.0.0.1/y
	get file $at/to?file:///etc/passwd
	get user $at/to?http://user:pass@127.0.0.1/y
	get there $at/to?http://127.0.0.1:8081/no.crl
	post kept $at/to?$at/echo the question
	get reset $at/reset
	get resetbody $at/resetbody
	get mute $at/nothing
	get error $at/status/503
	get empty $at/status/204
	get continue $at/continue
	wait
	get refused http://127.0.0.1:1/
	get nowhere http://203.0.113.1/
	get silent http://192.0.2.9/
	get ldap ldap:///cn=ca?certificateRevocationList
	get tls https://127.0.0.1:8080/ok/1
	wait
	limit 1000 2000
	get small $at/ok/1001
	get fits $at/ok/1000
	limit 10240 2000
	get kilo $at/close/1000000
	wait
	rss
	limit 1000 2000
	get silentname http://silent.test/
	wait
END
says dead 'failed does not answer within 2 s'
says half 'failed ends the connection in the middle of its answer'
says long 'got 10 abcdefghij'
says headers 'failed answers with something that is not http'
says line 'failed answers with something that is not http'
says body 'failed sends more than 1 MB'
says chunks 'failed sends more than 1 MB'
says chunkline 'failed answers with something that is not http'
says bigchunk 'failed sends more than 1 MB'
says trailer 'failed (sends more than 1 MB|answers with something that is not http)'
says hugelength 'failed sends more than 1 MB'
says negative 'failed answers with something that is not http'
says nolength 'failed answers with something that is not http'
says nothing 'failed answers with nothing'
says slow 'failed does not answer within 2 s'
says slowbody 'failed does not answer in full within 2 s'
says loop "failed leads to $at/loop, which leads elsewhere, after 3 such answers"
says hops "failed leads to $at/hop/1, which leads elsewhere, after 3 such answers"
says https 'failed leads to a URL that is not http'
says file 'failed leads to a URL that is not http'
says user 'failed leads to a URL that has a user name in it'
says there 'failed leads to http://127.0.0.1:8081/no.crl, which answers 404 Not Found'
says kept 'got 38 application/ocsp-request: the question'
says reset 'failed breaks the connection off'
says resetbody 'failed ends the connection in the middle of its answer'
says mute 'failed ends the connection without an answer'
says error 'failed answers 503 Because\?\[31m'
says empty 'failed answers 204 .*'
says continue 'failed answers with something that is not http'
says refused 'failed refuses the connection'
says nowhere 'failed cannot be reached: Network is unreachable'
says silent 'failed does not answer within 2 s'
says silentname 'failed is at "silent.test", whose address no name server tells within 2 s'
says ldap 'failed is not http'
says tls 'failed is not http'
says small 'failed sends more than 1000 bytes'
says fits 'got 1000 abc.*'
says kilo 'failed sends more than 10 kB'

# --- one that is dead delays nobody else; who waits for it waits no longer than it wants to ---

fetch <<-END
	limit 1000 20000
	$(for i in 1 2 3 4 5 6 7 8; do echo "get dead$i http://192.0.2.9/$i"; done)
	$(for i in 1 2 3 4; do echo "get mute$i $at/dead"; done)
	get six http://[::1]:8080/ok/10
	get both http://both.test:8080/ok/10
	get named http://ok.test:8080/ok/10
	limit 1000 1000
	get queued $at/ok/10
	until six
	until queued
	until named
	until both
	cancel mute1
	get after $at/ok/10
	until after
END
says six 'got 10 abcdefghij'
before six 2000
says named 'got 10 abcdefghij'
says both 'got 10 abcdefghij'
before named 2000
says queued 'failed has to wait for other fetches for more than 1 s'
says after 'got 10 abcdefghij'
before after 1000

# --- names: one server is dead, all are ---

resolver 'nameserver 192.0.2.9\nnameserver 127.0.0.1\noptions timeout:1\n'
fetch <<-END
	limit 1000 10000
	get one http://ok.test:8080/ok/10
	get two http://six.test:8080/ok/10
	wait
END
says one 'got 10 abcdefghij'
says two 'got 10 abcdefghij'
resolver 'nameserver 192.0.2.9\noptions timeout:1 attempts:1\n'
fetch <<-END
	limit 1000 3000
	get gone http://ok.test:8080/ok/10
	get address $at/ok/10
	wait
	end
END
says gone 'failed is at "ok.test", whose address no name server tells.*'
says address 'got 10 abcdefghij'
check "then the role ends, to be started with other name servers" grep -qx 'the role ends' "$work/answers"
before address 1000
resolver ''

# --- the trust role is started again: what the old one asked for is forgotten ---

fetch <<-END
	limit 1000 2000
	get old1 $at/late/500
	get old2 $at/dead
	relink
	get new $at/late/1000
	wait
END
check "nobody hears what the one before asked for" not grep -qE '^(old|\?)' "$work/answers"
says new 'got 4 late'

# --- 10,000 fetches of anything, without growth ---

fetch <<-END
	limit 100000 5000
	many 2000 $at/fuzz/%d
	wait
	rss
	many 10000 $at/fuzz/%d
	wait
	rss
	many 1000 $at/ok/100000
	wait
	rss
END
mapfile -t rss < <(sed -n 's/^rss //p' "$work/answers")
note "memory: ${rss[*]} kB; $(grep -m2 '^many' "$work/answers" | tail -n 1)"
is "all of them are answered" "$(awk '/^many/ { split($2, g, "="); split($3, f, "="); print g[2] + f[2] }' "$work/answers" | paste -sd ' ')" \
	"2000 10000 1000"
check "some are good, some are not" grep -qE '^many got=[1-9][0-9]{2,} failed=[1-9][0-9]{3,}' "$work/answers"
if ldd "$keyd" | grep -q libasan; then
	skip "its memory does not grow" "sanitizers keep what was freed"
else
	check "its memory does not grow" [ "${rss[1]-0}" -gt 0 -a "${rss[1]}" -le $((${rss[0]-0} + 512)) -a "${rss[2]}" -le $((rss[0] + 1024)) ]
fi
finish
