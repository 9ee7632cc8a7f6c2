#!/bin/bash
# SPDX-License-Identifier: MIT
# Reauthentication under traffic: by either side, by both at once, by time, with loss; and with strongSwan on the other side. Nothing is
# lost, except what strongSwan loses by itself when it breaks before it makes.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"

# reauthenticated HOST TIMES: this side has begun and finished it
# shellcheck disable=SC2317
reauthenticated()
{
	[ "$(keyd_count "$1" 'IKE_SA result=reauthenticated')" -ge "$2" ]
}

# new_ones HOST TIMES: so many IKE SAs were established
# shellcheck disable=SC2317
new_ones()
{
	[ "$(keyd_count "$1" 'IKE_SA result=established')" -ge "$2" ]
}

# one_each [alone]: IKE SAs that are established, at alice, and unless she is alone with it at bob
# shellcheck disable=SC2317
one_each()
{
	[ "$(keydctl alice status | grep -c '  established  ')" = 1 ] && { [ "${1-}" = alone ] ||
		[ "$(keydctl bob status | grep -c '  established  ')" = 1 ]; }
}

traffic()
{
	check "$1: it comes up" in_host alice ping -q -c 1 -W 10 192.0.2.2
	capture_start "$1" alice:eth0 bob:eth0
	flow_start "$1" alice 192.0.2.1 bob 192.0.2.2 200
	check "$1: traffic" flow_wait "$1" received 100
}

# traffic_end NAME MOST-LOST
traffic_end()
{
	local number

	flow_number "$1-recv-alice" received
	flow_wait "$1" received $((number + 200)) || not_ok "$1: traffic goes on"
	flow_stop "$1"
	capture_stop "$1"
	if [ "$2" = any ]; then
		flow_agrees "$1: what is lost" "$1"
	else
		flow_whole "$1: no packet lost" "$1"
	fi
	is "$1: none in clear" "$(cleartext_count "$1")" 0
}

hosts_alice_bob
conf_both <<-END
	secrets "psk.txt"
	default {
		retransmit 200ms 9
	}
END
keyds_start
traffic commands
for who in alice bob alice; do
	check "$who reauthenticates" keydctl $who reauth --all
	check "one of each remains" wait_until 20 one_each
done
keydctl alice --no-wait reauth --all >/dev/null
keydctl bob --no-wait reauth --all >/dev/null
check "both at once: it comes to an end" wait_until 20 new_ones alice 5
check "both at once: one of each remains" wait_until 30 one_each
traffic_end commands 0
keyds_stop
in_host alice "$bin/setkey" -F
in_host bob "$bin/setkey" -F

conf_both <<-END
	secrets "psk.txt"
	default {
		lifetime reauth 5s
		retransmit 200ms 9
		linger 1s
	}
END
check "one datagram of IKE in five is dropped from now on" lose_ike alice
check "on both sides" lose_ike bob
keyds_start
traffic timer
check "three times by time" wait_until 60 new_ones alice 4
traffic_end timer 0
keyds_stop
in_host alice "$bin/setkey" -F
in_host bob "$bin/setkey" -F
ike_lossless alice
ike_lossless bob

missing=$(strongswan_missing)
[ -z "$missing" ] || { skip "with strongSwan" "not installed: $missing"; finish; exit; }

# with_strongswan NAME REAUTH-SECONDS MAKE-BEFORE-BREAK
with_strongswan()
{
	tunnel_new transport alice 192.0.2.1 bob 192.0.2.2
	strongswan_conf bob
	in_host bob sed -i "s/^version = 2/&\nreauth_time = $2s\nrekey_time = 0\nover_time = 20s\nrand_time = 0/" \
		/etc/swanctl/swanctl.conf
	in_host bob sed -i "s/^charon-systemd {/&\nmake_before_break = $3/" /etc/strongswan.conf
	in_host bob "$bin/setkey" -FP
	conf_file alice <<<'secrets "psk.txt"'
	keyd_start alice
	strongswan_start bob
	traffic "$1"
}

with_strongswan_end()
{
	host_stop keyd-alice
	strongswan_stop bob
	in_host alice "$bin/setkey" -F
	in_host bob ip xfrm state flush
	in_host bob ip xfrm policy flush
}

with_strongswan ours 0 no
check "keyd reauthenticates" keydctl alice reauth 192.0.2.2
check "and again" keydctl alice reauth 192.0.2.2
check "one of each remains" wait_until 20 one_each alone
traffic_end ours 0
with_strongswan_end

with_strongswan make-before-break 5 yes
check "strongSwan reauthenticates three times, make before break" wait_until 60 new_ones alice 4
traffic_end make-before-break 0
with_strongswan_end

with_strongswan break-before-make 5 no
check "strongSwan reauthenticates three times, break before make" wait_until 60 new_ones alice 4
traffic_end break-before-make any
with_strongswan_end
finish
