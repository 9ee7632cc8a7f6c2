#!/bin/bash
# SPDX-License-Identifier: MIT
# Road warriors with Debian's strongSwan: as the client of our gateway, and as the gateway of our client.
#
#	inner 10.0.0.9 ---- 10.0.0.1 gw 192.0.2.2 ---- 192.0.2.1 client
#	 2001:db8:1::9

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"

missing=$(strongswan_missing)
[ -z "$missing" ] || skip_all "not installed: $missing"

# swan HOST ID PEER-ID SETTING...: its connection "gapless", with the child of that name; settings are for the connection, those
# of the child begin with "child."
# shellcheck disable=SC2154 # variables of strongswan.sh
swan()
{
	local host=$1 id=$2 peer=$3 setting connection="" child=""

	shift 3
	for setting; do
		case $setting in
		child.*) child+=${setting#child.}$'\n' ;;
		*) connection+=$setting$'\n' ;;
		esac
	done
	tunnel_new tunnel "$host" 0.0.0.0 other 0.0.0.0	# for its strongswan.conf; the rest is written here
	strongswan_conf "$host"
	in_host "$host" sh -c 'umask 077; cat >/etc/swanctl/swanctl.conf' <<-END
		connections {
		    gapless {
		        version = 2
		        proposals = aes128gcm16-prfsha256-x25519
		        $connection
		        local {
		            auth = psk
		            id = $id
		        }
		        remote {
		            auth = psk
		            id = $peer
		        }
		        children {
		            gapless {
		                esp_proposals = aes128gcm16-x25519
		                $child
		            }
		        }
		    }
		}
		pools {
		    v4 {
		        addrs = 10.3.0.0/24
		        dns = 10.0.0.53
		    }
		    v6 {
		        addrs = 2001:db8:3::/120
		    }
		}
		secrets {
		    ike-gapless {
		        secret = "$secret"
		    }
		}
	END
}

# address HOST -4|-6 PREFIX: what it was assigned, into $assigned (not inside "check", whose subshell forgets it)
address()
{
	assigned=$(in_host "$1" ip "$2" -o addr show | awk -v p="$3" 'index($4, p) == 1 { sub("/.*", "", $4); print $4; exit }')
	[ -n "$assigned" ]
}

# shellcheck disable=SC2317
lease()
{
	keydctl gw pools | grep -q "bob@example.org .*$1"
}

# shellcheck disable=SC2317
rekeyed()
{
	[ "$(keyd_count "$1" "$2 result=rekeyed")" -ge "$3" ]
}

# traffic NAME CLIENT4 CLIENT6 KEYD-HOST: both families, while both sides rekey what there is to be rekeyed
traffic()
{
	local name=$1 keyd=$4 swan=gw lost own

	[ "$keyd" = client ] || swan=client
	own=$(kernel_dropped $swan)
	flow_start "$name-four" client "$2" inner 10.0.0.9 200
	flow_start "$name-six" client "$3" inner 2001:db8:1::9 100 7001
	flow_wait "$name-four" received 100 || not_ok "$name: traffic flows"
	check "$name: keyd rekeys the child" keydctl "$keyd" rekey --all --child
	check "$name: strongSwan rekeys the child" swanctl $swan --rekey --child gapless
	check "$name: keyd has it, too" wait_until 20 rekeyed "$keyd" CHILD_SA 2
	check "$name: keyd rekeys the IKE SA" keydctl "$keyd" rekey --all --ike
	check "$name: strongSwan rekeys the IKE SA" swanctl $swan --rekey --ike gapless
	check "$name: keyd has that, too" wait_until 20 rekeyed "$keyd" IKE_SA 2
	flow_number "$name-four-recv-client" received
	flow_wait "$name-four" received $((number + 100)) || not_ok "$name: traffic goes on"
	flow_stop "$name-four"
	lost=$flow_lost
	flow_stop "$name-six"
	lost=$((lost + flow_lost)) own=$(($(kernel_dropped $swan) - own))
	note "$name: $lost lost; strongSwan's own kernel dropped $own, whose outbound SA had gone (docs/interop.md)"
	check "$name: nothing lost but by strongSwan's own kernel" [ $lost -le $own ]
}

host_new inner
router_new gw
host_new client
link_new inner 10.0.0.9/24,2001:db8:1::9/64 gw 10.0.0.1/24,2001:db8:1::1/64
link_new gw 192.0.2.2/24 client 192.0.2.1/24
host_route inner default 10.0.0.1
in_host inner ip -6 route add default via 2001:db8:1::1
in_host gw sh -c 'ip route add default via 192.0.2.1; ip -6 route add default dev eth1'
link_delay gw eth1 10
link_delay client eth0 10

# --- strongSwan is the client ---

in_host gw sh -c 'mkdir -p /etc/gapless && umask 077 && echo "bob@example.org $1" >/etc/gapless/psk.txt' sh "$secret"
conf_file gw <<-END
	secrets "psk.txt"
	pool office { address 10.3.0.0/24, 2001:db8:3::/64; dns 10.0.0.53 }
	peer any {
		id local gw.example; id remote *@example.org; linger 5s
		pool office
		traffic 10.0.0.0/24, 2001:db8:1::/64 <-> assigned
	}
END
keyd_start gw
swan client bob@example.org gw.example remote_addrs=192.0.2.2 vips=0.0.0.0,:: child.remote_ts=0.0.0.0/0,::/0
strongswan_start client
# It does not touch routes here (strongswan_conf).
in_host client sh -c 'ip route add 10.0.0.0/24 via 192.0.2.2; ip -6 route add 2001:db8:1::/64 dev eth0'
capture_start wire gw:eth1 client:eth0
check "strongSwan comes up" swanctl client --initiate --child gapless
check "it has an IPv4 address of our pool" address client -4 10.3.0.
address client -4 10.3.0.
four=$assigned
check "it has an IPv6 address of our pool" address client -6 2001:db8:3:
address client -6 2001:db8:3:
six=$assigned
check "it reaches the inner host by IPv4" in_host client ping -q -c 2 -W 5 -I "$four" 10.0.0.9
check "it reaches the inner host by IPv6" in_host client ping -q -c 2 -W 5 -I "$six" 2001:db8:1::9
traffic client "$four" "$six" gw
check "strongSwan goes" swanctl client --terminate --ike gapless
check "the lease is free" wait_until 10 lease free
check "strongSwan comes again" swanctl client --initiate --child gapless
check "it has an address again" address client -4 10.3.0.
address client -4 10.3.0.
is "it is the one that it had" "$assigned" "$four"
swanctl client --terminate --ike gapless >/dev/null
strongswan_stop client
swan client bob@example.org gw.example remote_addrs=192.0.2.2 child.remote_ts=10.0.0.0/24
strongswan_start client
check "without vips it gets no child" not swanctl client --initiate --child gapless
keyd_said gw 'FAILED_CP_REQUIRED: "bob@example.org" does not ask for an address'
check "strongSwan is told" wait_log charon-client 'FAILED_CP_REQ' 10
strongswan_stop client
host_stop keyd-gw
in_host gw "$bin/setkey" -FP
for host in gw client; do in_host $host "$bin/setkey" -F; done
in_host client sh -c 'ip route del 10.0.0.0/24; ip -6 route del 2001:db8:1::/64'

# --- strongSwan is the gateway ---

swan gw gw.example '*@example.org' local_addrs=192.0.2.2 pools=v4,v6 child.local_ts=10.0.0.0/24,2001:db8:1::/64
strongswan_start gw
secret_file client gw.example
conf_file client <<-END
	secrets "psk.txt"
	peer office {
		address 192.0.2.2; id local alice@example.org; id remote gw.example; linger 5s
		virtual-address ipv4, ipv6
	}
END
keyd_start client
check "our client comes up" keydctl client up office
check "it has an IPv4 address of strongSwan's" wait_until 10 address client -4 10.3.0.
address client -4 10.3.0.
four=$assigned
check "it has an IPv6 address of strongSwan's" wait_until 10 address client -6 2001:db8:3:
address client -6 2001:db8:3:
six=$assigned
check "it reaches the inner host by IPv4" in_host client ping -q -c 2 -W 5 10.0.0.9
check "it reaches the inner host by IPv6" in_host client ping -q -c 2 -W 5 2001:db8:1::9
traffic gateway "$four" "$six" client
is "the name server is told" "$(in_host client grep -v '^#' /run/gapless/resolv/office.conf)" 'nameserver 10.0.0.53'
check "our client goes" keydctl client down office
check "the address goes" wait_until 10 not address client -4 10.3.0.
check "our client comes again" keydctl client up office
check "it has an address again" wait_until 10 address client -4 10.3.0.
address client -4 10.3.0.
is "it is the one that it had" "$assigned" "$four"
keydctl client down office
capture_stop wire
is "nothing in clear" "$(cleartext_count wire)" 0
[ "$(cleartext_count wire)" = 0 ] || note "$(cleartext_show wire | head -n 20)"
finish
