#!/bin/bash
# SPDX-License-Identifier: MIT
# keyd-hook runs what racoon.conf and ipsec.conf name for tunnels that come and go, with the environment that such programs expect, and nothing
# that others could have written; with keyds that have no kernel. Needs root, and namespaces.

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"

native_hosts

# conf HOST: /etc/ipsec.conf from standard input, and a secret
conf()
{
	in_host "$1" sh -c 'umask 77; cat >/etc/ipsec.conf; printf "%%any : PSK \"correct horse\"\n" >/etc/ipsec.secrets'
}

# begins_program HOST TAG PROGRAM OPTION...
begins_program()
{
	host_spawn "$1" "$2-$1" "$bin/$3" "${@:4}"
	check "$2 on $1 is ready" wait_log "$2-$1" 'ready' 30
}

# script NAME: /etc/NAME of alice, which writes down how it was called, all of it at once for those who look meanwhile
script()
{
	in_host alice sh -c 'cat >"/etc/$1"; chmod 755 "/etc/$1"' sh "$1" <<-'END'
		#!/bin/sh
		told=$(echo "called $0 $*"; env | sort; echo end)
		cat >>/etc/written <<-TOLD
		$told
		TOLD
	END
}

# shellcheck disable=SC2317
not_written()
{
	! written "$1"
}

# written PATTERN: in what the scripts wrote down
# shellcheck disable=SC2317
written()
{
	in_host alice grep -qE -- "$1" /etc/written
}

conf alice <<-END
	conn bob
	    left=192.0.2.1
	    leftsubnet=10.1.0.0/24
	    right=192.0.2.2
	    rightsubnet=10.2.0.0/24
	    leftid=@alice.example
	    authby=secret
	    keyexchange=ikev2
	    leftupdown="/etc/updown --word"
	    auto=add
END
conf bob <<-END
	conn alice
	    left=192.0.2.2
	    leftsubnet=10.2.0.0/24
	    right=192.0.2.1
	    rightid=@alice.example
	    rightsubnet=10.1.0.0/24
	    authby=secret
	    auto=add
END
script updown
script up
script down
in_host alice sh -c 'cat >/etc/racoon.conf' <<-END
	path script "/etc";
	remote 192.0.2.2 {
	    proposal { authentication_method pre_shared_key; }
	    script "up" phase1_up;
	    script "/etc/down" phase1_down;
	    script "/etc/x y" phase1_dead;
	}
END
is "what would be run" "$(in_host alice "$bin/keyd-hook" -n -f /etc/ipsec.conf)" \
	'/etc/ipsec.conf:9: leftupdown: keyd itself starts no programs: keyd-hook runs "/etc/updown --word", if it runs (keyd-hook -f FILE)'
is "by racoon.conf" "$(in_host alice "$bin/keyd-hook" -n -f /etc/racoon.conf | grep -oE '^.*:[0-9]+:|"[^"]*"')" '/etc/racoon.conf:4:
"/etc/up"
/etc/racoon.conf:5:
"/etc/down"'
begins_program alice keyd keyd -v --backend fake --cache-dir /run/gapless/cache -f /etc/ipsec.conf
begins_program bob keyd keyd -v --backend fake --cache-dir /run/gapless/cache --ipsec-conf /etc/ipsec.conf
begins_program alice hook keyd-hook -f /etc/ipsec.conf
begins_program alice phase keyd-hook --up /etc/up --down /etc/down
check "up" keydctl alice up bob
check "updown is called" wait_until 10 written '^called /etc/updown --word$'
check "for the network" wait_until 10 written '^PLUTO_VERB=up-client$'
check "and before that, to prepare" written '^PLUTO_VERB=prepare-client$'
check "and for the route" written '^PLUTO_VERB=route-client$'
check "our interface" written '^PLUTO_INTERFACE=[a-z].*$'
check "the peer is the next hop" written '^PLUTO_NEXT_HOP=192.0.2.2$'
check "the protocol" written '^PLUTO_MY_PROTOCOL=0$'
check "and our reqid" written '^PLUTO_REQID=[0-9]+$'
check "which it is told" written '^PLUTO_PEER_CLIENT=10.2.0.0/24$'
check "as address" written '^PLUTO_MY_CLIENT_NET=10.1.0.0$'
check "and mask" written '^PLUTO_MY_CLIENT_MASK=255.255.255.0$'
check "and the conn" written '^PLUTO_CONNECTION=bob$'
check "phase1_up is called" wait_until 10 written '^called /etc/up phase1_up$'
check "with our address" written '^LOCAL_ADDR=192.0.2.1$'
check "and the peer's" written '^REMOTE_ADDR=192.0.2.2$'
check "its port" written '^REMOTE_PORT=500$'
check "who it is" written '^REMOTE_ID=192.0.2.2$'
check "the networks behind it" written '^SPLIT_INCLUDE=10.2.0.0/255.255.255.0$'
check "and nothing of our own environment" not_written '^(HOME|USER|O|native_inside)='
check "down" keydctl alice down bob
check "updown is called again" wait_until 10 written '^PLUTO_VERB=down-client$'
check "and for the route that goes" wait_until 10 written '^PLUTO_VERB=unroute-client$'
check "phase1_down is called" wait_until 10 written '^called /etc/down phase1_down$'

in_host alice chmod 777 /etc/up
check "up again" keydctl alice up bob
check "what others could have written is not run" wait_log phase-alice '/etc/up is not run: others can change it' 10
in_host alice sh -c 'rm /etc/up; printf "#!/bin/sh\nexit 7\n" >/etc/up; chmod 755 /etc/up'
check "down again" keydctl alice down bob
check "and up" keydctl alice up bob
check "what a program ends with is told" wait_log phase-alice '/etc/up: ended with 7' 10
kill -TERM "${tag_pid[keyd-alice]}"
host_stop keyd-alice
begins_program alice keyd keyd -v --backend fake --cache-dir /run/gapless/cache -f /etc/ipsec.conf
check "keyd-hook finds the next keyd" wait_log phase-alice '^keyd-hook: ready' 20 2

# --- certificates, and peers that may come from anywhere: the section is the one that keyd chooses ---
check "up once more" keydctl alice up bob
check "and down, so that nothing goes on" keydctl alice down bob
for tag in hook-alice phase-alice keyd-alice keyd-bob; do
	host_stop $tag
done
openssl req -x509 -days 9 -nodes -out "$work/ca.pem" -subj /CN=ca -newkey ed25519 -keyout "$work/ca.key" -addext basicConstraints=critical,CA:TRUE 2>"$work/err"
for host in alice bob; do
	openssl req -new -nodes -out "$work/$host.csr" -subj "/O=Example/CN=$host" -newkey ed25519 -keyout "$work/$host.key" 2>"$work/err"
	openssl x509 -req -days 9 -in "$work/$host.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -out "$work/$host.pem" 2>"$work/err"
	in_host "$host" sh -c 'umask 77; mkdir -p /etc/ipsec.d/cacerts /etc/ipsec.d/certs /etc/ipsec.d/private; cp "$1/ca.pem" /etc/ipsec.d/cacerts
		cp "$1/$2.pem" /etc/ipsec.d/certs; cp "$1/$2.key" /etc/ipsec.d/private; echo ": RSA $2.key" >/etc/ipsec.secrets' sh "$work" "$host"
done
in_host alice sh -c 'cat >/etc/ipsec.conf; : >/etc/written' <<-END
	conn others
	    also=gate
	    rightid="O=Elsewhere, CN=*"
	    leftupdown="/etc/updown others"
	conn those
	    also=gate
	    rightid="O=Example, CN=*"
	    leftupdown="/etc/updown those"
	conn gate
	    left=192.0.2.1
	    leftcert=alice.pem
	    leftsubnet=10.1.0.0/24,10.8.0.0/24
	    right=%any
	    rightsubnet=10.2.0.0/24
	    keyexchange=ikev2
	    auto=add
END
in_host bob sh -c 'cat >/etc/ipsec.conf' <<-END
	conn alice
	    left=192.0.2.2
	    leftcert=bob.pem
	    leftsubnet=10.2.0.0/24
	    right=192.0.2.1
	    rightid="O=Example, CN=alice"
	    rightsubnet=10.1.0.0/24,10.8.0.0/24
	    keyexchange=ikev2
	    auto=add
END
begins_program alice keyd keyd -v --backend fake --cache-dir /run/gapless/cache -f /etc/ipsec.conf
begins_program bob keyd keyd -v --backend fake --cache-dir /run/gapless/cache -f /etc/ipsec.conf
begins_program alice hook keyd-hook -f /etc/ipsec.conf
check "up from anywhere" keydctl bob up alice
check "updown of the section that fits is called" wait_until 10 written '^called /etc/updown those$'
check "for the first network" wait_until 10 written '^PLUTO_MY_CLIENT=10.1.0.0/24$'
check "and for the second" wait_until 10 written '^PLUTO_MY_CLIENT=10.8.0.0/24$'
check "with the peer's name" written '^PLUTO_PEER_ID=.*CN=bob$'
check "no other is" not_written 'updown others$'
check "and down" keydctl bob down alice
check "for both" wait_until 10 eval 'written "^PLUTO_VERB=unroute-client$" && [ "$(in_host alice grep -c "^PLUTO_VERB=down-client$" /etc/written)" = 2 ]'
finish
