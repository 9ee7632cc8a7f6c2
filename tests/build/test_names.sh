#!/bin/bash
# SPDX-License-Identifier: MIT
# Peers that keyd.conf, racoon.conf and ipsec.conf have by name: looked up at the start, when a tunnel begins and after a reload; several addresses, dead
# ones, names that nobody knows; with keyds that have no kernel. Needs root, and namespaces.

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"

native_hosts

# known HOST ADDRESS...: what HOST's resolver tells of the other one's name
known()
{
	local host=$1 other=alice.example.test

	[ "$host" = bob ] || other=bob.example.test
	shift
	printf "%s $other\n" "$@" | in_host "$host" sh -c 'cat >/etc/hosts'
}

# conf HOST: /etc/FILE from standard input
conf()
{
	in_host "$1" sh -c 'umask 77; cat >"/etc/$1"' sh "$2"
}

# begins_keyd HOST FILE
begins_keyd()
{
	host_spawn "$1" "keyd-$1" "$bin/keyd" -v --backend fake --cache-dir /run/gapless/cache -f "/etc/$2"
	check "keyd on $1 is ready" wait_log "keyd-$1" 'ready:' 30
}

# shellcheck disable=SC2317
up()
{
	keydctl "$1" --json status | grep -q '"established"'
}

known alice 224.0.0.5 192.0.1.99 0.0.0.1
known bob 192.0.2.1
conf alice keyd.conf <<-END
	peer bob {
		address bob.example.test
		local 192.0.2.1
		id local fqdn alice
		psk "correct horse"
		retransmit 200ms 3
		traffic 10.1.0.0/24 <-> 10.2.0.0/24
	}
	peer nobody {
		address nobody.example.test
		local 192.0.2.1
		psk "staple"
		traffic 10.1.0.0/24 <-> 10.9.0.0/24
	}
END
conf bob keyd.conf <<-END
	secrets psk.txt
	default { serve no }
	peer alice {
		address alice.example.test
		serve yes
		traffic 10.2.0.0/24 <-> 10.1.0.0/24
	}
END
printf 'alice.example.test correct horse\n' | conf bob psk.txt
begins_keyd bob keyd.conf
check "the name of who will come is looked up" wait_log keyd-bob "a peer's name: host=alice.example.test addresses=192.0.2.1" 20
begins_keyd alice keyd.conf
check "the dead address is found" wait_log keyd-alice "a peer's name: host=bob.example.test addresses=192.0.1.99" 20
check "what nobody knows is told" wait_log keyd-alice "a peer's name has no address: host=nobody.example.test" 20
known alice 192.0.1.99 192.0.2.2
check "up" keydctl alice --no-wait up bob
check "by the name as it is now; the second address answers, to the secret that stands under our name there" wait_until 30 up alice
check "with that address" eval 'keydctl alice --json status | grep -q "\"remote\": *\"192.0.2.2\""'
check "down" keydctl alice down bob
check "a name without an address: up fails" eval '! keydctl alice up nobody'
check "and says why" wait_log keyd-alice 'the name of the peer has no address' 10

known alice 192.0.2.2
check "reload" keydctl alice reload
check "the name is looked up again" wait_log keyd-alice "host=bob.example.test addresses=192.0.2.2\$" 20
check "up again" keydctl alice up bob
check "and down" keydctl alice down bob
finish
