#!/bin/bash
# SPDX-License-Identifier: MIT
# Road warriors: addresses from a gateway's pool, policies that keyd makes itself, and no packet lost nor in clear.
#
#	inner 10.0.0.9 ---- 10.0.0.1 gw 192.0.2.2 ---- 192.0.2.1 alice      each client has an address of 10.3.0.0/24 and
#	 2001:db8:1::9                   192.0.2.6 ---- 192.0.2.5 carol      2001:db8:3::/64 inside of its tunnel

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

gateway()
{
	conf_file gw <<-END
		secrets "psk.txt"
		default { dpd 2s; retransmit 500ms 5; linger 5s }
		pool office {
			address ${1-10.3.0.0/24}
			address 2001:db8:3::/64
			dns 10.0.0.53
			domain corp.example
		}
		peer any {
			id local gw.example
			id remote *@example.org
			pool office
			traffic 10.0.0.0/24, 2001:db8:1::/64 <-> assigned
		}
	END
}

# client NAME GATEWAY
client()
{
	secret_file "$1" gw.example
	conf_file "$1" <<-END
		secrets "psk.txt"
		default { dpd 2s; retransmit 500ms 5; linger 5s }
		peer office {
			address $2
			id local $1@example.org
			id remote gw.example
			virtual-address ipv4, ipv6
		}
	END
}

# address HOST -4|-6: what it was assigned, into $assigned (not inside "check", whose subshell forgets it)
address()
{
	assigned=$(in_host "$1" ip "$2" -o addr show dev gapless0 2>/dev/null | awk '$4 !~ /^fe80/ { sub("/.*", "", $4); print $4; exit }')
	[ -n "$assigned" ]
}

# shellcheck disable=SC2317
no_address()
{
	! address "$1" "$2"
}

# lease HOST "in use"|free
# shellcheck disable=SC2317
lease()
{
	keydctl gw pools | grep -q "$1@example.org .*$2"
}

# shellcheck disable=SC2317
rekeyed()
{
	[ "$(keyd_count "$1" "$2 result=rekeyed")" -ge "$3" ]
}

# shellcheck disable=SC2317
came_back()
{
	[ "$(keyd_count gw "IKE_SA result=established .*remote=$1 .*as responder")" -ge 1 ]
}

host_new inner
router_new gw
host_new alice
host_new carol
link_new inner 10.0.0.9/24,2001:db8:1::9/64 gw 10.0.0.1/24,2001:db8:1::1/64
link_new gw 192.0.2.2/30 alice 192.0.2.1/30
link_new gw 192.0.2.6/30 carol 192.0.2.5/30
host_route inner default 10.0.0.1
in_host inner ip -6 route add default via 2001:db8:1::1
# A gateway has a default route; what is for clients follows it until it is encrypted.
in_host gw sh -c 'ip route add default via 192.0.2.1; ip -6 route add default dev eth1'
link_delay gw eth1 10
link_delay alice eth0 10
for host in alice carol; do
	in_host $host ip route add default via "$(if [ $host = alice ]; then echo 192.0.2.2; else echo 192.0.2.6; fi)"
done
in_host gw sh -c 'mkdir -p /etc/gapless && umask 077 && for n in alice carol; do echo "$n@example.org $1"; done >/etc/gapless/psk.txt' \
	sh "$secret"
gateway
client alice 192.0.2.2
client carol 192.0.2.6

for host in gw alice carol; do keyd_start $host; done
capture_start wires gw:eth1 alice:eth0 gw:eth2 carol:eth0
check "alice comes up" keydctl alice up office
check "alice has an IPv4 address" wait_until 10 address alice -4
address alice -4
alice4=$assigned
check "alice has an IPv6 address" wait_until 10 address alice -6
address alice -6
alice6=$assigned
check "alice reaches the inner host by IPv4" in_host alice ping -q -c 3 -i 0.2 -W 5 10.0.0.9
check "alice reaches the inner host by IPv6" in_host alice ping -q -c 3 -i 0.2 -W 5 2001:db8:1::9
check "the inner host reaches alice" in_host inner ping -q -c 1 -W 5 "$alice4"
is "the name servers are in a file" "$(in_host alice grep -v '^#' /run/gapless/resolv/office.conf | tr '\n' ' ')" \
	"search corp.example nameserver 10.0.0.53 "
check "keydctl status shows the address" grep -q "assigned to us  $alice4  $alice6" <<<"$(keydctl alice status)"

check "carol comes up" keydctl carol up office
check "carol has an address" wait_until 10 address carol -4
address carol -4
carol4=$assigned
check "which is another one" [ "$carol4" != "$alice4" ]
check "carol reaches the inner host" in_host carol ping -q -c 1 -W 5 10.0.0.9
check "the gateway knows whose is whose" lease alice 'in use'
check "the gateway knows carol, too" lease carol 'in use'

flow_start four alice "$alice4" inner 10.0.0.9 200
flow_start six alice "$alice6" inner 2001:db8:1::9 100 7001
flow_wait four received 100 || not_ok "traffic flows"
check "alice rekeys the child" keydctl alice rekey office --child
check "the gateway rekeys it" keydctl gw rekey --all --child
check "alice rekeys the IKE SA" keydctl alice rekey office --ike
check "the gateway rekeys it" keydctl gw rekey --all --ike
check "alice saw four rekeys" wait_until 20 eval 'rekeyed alice CHILD_SA 2 && rekeyed alice IKE_SA 2'
check "alice reauthenticates" keydctl alice reauth office
address alice -4
is "alice keeps her address" "$assigned" "$alice4"
keyd_kill alice
keyd_start alice
check "alice's new daemon makes new SAs" wait_log keyd-alice 'CHILD_SA result=up' 20
keyd_kill gw
keyd_start gw
# Nothing comes from carol's inner host: she asks whether the gateway lives. Alice, whose ESP goes on, need not.
check "carol comes again to the gateway's new daemon" wait_until 40 came_back 192.0.2.5
check "alice reauthenticates with the gateway's new daemon" keydctl alice reauth office
check "the gateway knows her again" wait_until 20 came_back 192.0.2.1
check "one pair of SAs is left" wait_until 20 eval '[ "$(sa_count alice)" = 2 ]'
flow_number four-recv-alice received
flow_wait four received $((number + 100)) || not_ok "traffic goes on"
flow_stop four
is "nothing lost, IPv4" "$flow_lost" 0
flow_stop six
is "nothing lost, IPv6" "$flow_lost" 0
address alice -4
is "alice still has her address" "$assigned" "$alice4"

check "alice goes" keydctl alice down office
check "her addresses go with her" wait_until 10 no_address alice -4
check "the lease is free again" wait_until 10 lease alice free
in_host inner ping -q -c 2 -i 0.2 -W 1 "$alice4" >/dev/null
check "the policies go" wait_until 20 not grep -q "$alice4" <<<"$(in_host gw ip xfrm policy)"
in_host inner ping -q -c 2 -i 0.2 -W 1 "$alice4" >/dev/null
check "the name servers are gone" in_host alice test ! -e /run/gapless/resolv/office.conf
check "alice comes again" keydctl alice up office
check "alice has an address again" wait_until 10 address alice -4
address alice -4
is "it is the one that she had" "$assigned" "$alice4"
check "alice reaches the inner host again" in_host alice ping -q -c 1 -W 5 10.0.0.9

check "carol goes" keydctl carol down office
check "carol has gone" wait_until 10 lease carol free
gateway "$alice4-$alice4"
check "the pool shrinks to one address" keydctl gw reload
in_host carol sed -i 's/ipv4, ipv6/ipv4/' /etc/gapless/keyd.conf
check "carol asks for IPv4 only" keydctl carol reload
check "carol gets none" not keydctl carol up office
keyd_said carol 'the peer has no address left for us \(INTERNAL_ADDRESS_FAILURE\)'
keyd_said gw 'INTERNAL_ADDRESS_FAILURE: "carol@example.org" gets no address, as others have all those of pool "office"'
check "alice does not notice" in_host alice ping -q -c 1 -W 5 10.0.0.9
capture_stop wires
# A gateway whose daemon is just being started says so by ICMP, from outer address to outer address.
is "nothing in clear" "$(cleartext_count wires 'not (icmp[icmptype] = icmp-unreach and icmp[icmpcode] = 3)')" 0
[ "$(cleartext_count wires)" = 0 ] || note "$(cleartext_show wires | head -n 20)"
finish
