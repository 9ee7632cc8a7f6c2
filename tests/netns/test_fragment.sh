#!/bin/bash
# SPDX-License-Identifier: MIT
# Long IKE messages: fragments as the configuration has them, and a path that eats long datagrams without a word.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"

# Words that make the offer for children some 900 bytes long; the first ones are strongSwan's too.
ciphers=aes128gcm16-aes192gcm16-aes256gcm16-aes128gcm12-aes192gcm12-aes256gcm12-chacha20poly1305
groups=x25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096-modp1536
long_esp="$ciphers-$groups, $ciphers-$groups-noesn, aes128-aes192-aes256-sha256-sha384-sha512-$groups, $ciphers-$groups"

# conf HOST PEER SETTINGS
conf()
{
	conf_file "$1" <<-END
		peer $2 {
			psk "$secret"
			esp $long_esp
			retransmit 500ms 7
			$3
		}
	END
}

# eat_long HOST BYTES: what comes from elsewhere and is longer, or is a piece of IP's own making, vanishes
eat_long()
{
	in_host "$1" nft -f - <<-END
		table inet narrow {
			chain in {
				type filter hook prerouting priority -450;
				udp dport { 500, 4500 } meta length > $2 counter drop
				ip frag-off & 0x3fff != 0 counter drop
			}
		}
	END
}

# longer NAME BYTES: how many of IKE's datagrams in a capture are
longer()
{
	capture_count "$1" "($capture_keying) and ip[2:2] > $2"
}

# job NAME: a ping brings the tunnel up, children are rekeyed, nothing is lost
job()
{
	local name=$1

	capture_start "$name" alice:eth0 bob:eth0
	check "$name: a ping brings it up" in_host alice ping -q -c 1 -W 20 192.0.2.2
	flow_start "$name" alice 192.0.2.1 bob 192.0.2.2
	flow_wait "$name" received 20 || not_ok "$name: traffic flows"
	check "$name: alice rekeys the child" keydctl alice rekey 192.0.2.2 --child
	check "$name: that comes to its end" wait_until 30 rekeyed 1
	flow_stop "$name"
	flow_whole "$name: nothing lost" "$name"
	capture_stop "$name"
	is "$name: nothing in clear" "$(cleartext_count "$name")" 0
}

# shellcheck disable=SC2317
rekeyed()
{
	[ "$(keyd_count alice 'CHILD_SA result=rekeyed')" = "$1" ]
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require

conf alice 192.0.2.2 "fragment 600"
conf bob 192.0.2.1 "fragment 600"
keyds_start
job asked
is "asked: no datagram is longer than 600 bytes" "$(longer asked 600)" 0
check "asked: some are nearly as long" [ "$(longer asked 500)" -gt 0 ]
keyds_stop
in_host alice "$bin/setkey" -F
in_host bob "$bin/setkey" -F

conf alice 192.0.2.2 "fragment 1280"
conf bob 192.0.2.1 "fragment 1280"
eat_long alice 700
eat_long bob 700
keyds_start
job narrow
check "narrow: it was tried" [ "$(longer narrow 700)" -gt 0 ]
keyd_said alice 'fragments result=smaller .*longer than 576 bytes'
keyds_stop
in_host alice "$bin/setkey" -F
in_host bob "$bin/setkey" -F

missing=$(strongswan_missing)
if [ -n "$missing" ]; then
	skip "strongSwan on a narrow path: not installed: $missing"
else
	in_host bob "$bin/setkey" -FP
	keyd_start alice
	tunnel_new transport alice 192.0.2.1 bob 192.0.2.2
	# shellcheck disable=SC2034,SC2154 # for strongswan_conf
	tunnel[secret]=$secret
	strongswan_conf bob
	strongswan_start bob
	job strongswan
	strongswan_stop bob
fi
finish
