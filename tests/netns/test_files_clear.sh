#!/bin/bash
# SPDX-License-Identifier: MIT
# What an ipsec.conf holds back goes nowhere in clear when keyd runs on it: not before the tunnel is there (auto=route), not where a conn
# is refused, not where it says type=drop; and what no conn is for goes as ever.
#
#	10.1.0.1 alice 192.0.2.1 ---- 192.0.2.2 bob 10.2.0.1 10.3.0.1 10.4.0.1 10.5.0.1

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
in_host alice sh -c 'ip addr add 10.1.0.1/32 dev lo && for n in 2 3 4 5; do ip route add 10.$n.0.0/24 via 192.0.2.2 src 10.1.0.1; done'
in_host bob sh -c 'for n in 2 3 4 5; do ip addr add 10.$n.0.1/32 dev lo; done; ip route add 10.1.0.0/24 via 192.0.2.1'
in_host alice sh -c 'umask 077 && cat >/etc/ipsec.conf && echo ": PSK \"$1\"" >/etc/ipsec.secrets' sh "$secret" <<-END
	conn %default
	    left=192.0.2.1
	    right=192.0.2.2
	    leftsubnet=10.1.0.0/24
	    keyexchange=ikev2
	    authby=secret
	    auto=route
	conn tunnel
	    rightsubnet=10.2.0.0/24
	conn refused
	    rightsubnet=10.3.0.0/24
	    ah=sha256
	conn never
	    rightsubnet=10.4.0.0/24
	    type=drop
	    authby=never
END
secret_file bob 192.0.2.1
conf_file bob <<-END
	secrets "psk.txt"
	peer 192.0.2.1 { traffic 10.2.0.0/24 <-> 10.1.0.0/24 }
END

# reaches ADDRESS
reaches()
{
	in_host alice ping -c 1 -W 1 -I 10.1.0.1 "$1" >/dev/null 2>&1
}

guarded()
{
	[ "$(in_host alice ip xfrm policy | grep -c 'action block')" -eq 9 ]
}

check "all of it is reached before" reaches 10.3.0.1
capture_start wire alice:eth0 bob:eth0
host_spawn alice keyd-alice "$bin/keyd" -v --cache-dir /run/gapless/cache --ipsec-conf /etc/ipsec.conf
check "keyd takes the file" wait_log keyd-alice 'ready:' 30
check "what is held back has policies" wait_until 30 guarded
in_host alice ip xfrm policy flush ptype main
check "and has them again when somebody flushes them" wait_until 30 guarded
for to in 10.2.0.1 10.3.0.1 10.4.0.1; do
	check "$to is not reached while there is no tunnel" not reaches $to
done
check "what no conn is for goes in clear" reaches 10.5.0.1
keyd_start bob
check "the tunnel comes" wait_until 60 reaches 10.2.0.1
for to in 10.3.0.1 10.4.0.1; do
	check "$to is not reached beside it" not reaches $to
done
capture_stop wire
is "nothing of what is held back went in clear" "$(cleartext_count wire 'net 10.2.0.0/24 or net 10.3.0.0/24 or net 10.4.0.0/24')" 0
not_zero=$(cleartext_count wire 'net 10.5.0.0/24')
is "and the capture would have seen it" "$((not_zero > 0))" 1
finish
