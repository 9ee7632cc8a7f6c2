#!/bin/bash
# SPDX-License-Identifier: MIT
# Rekeys of both kinds, begun by both sides and by their timers, under traffic with delay and loss: not a packet is lost.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# rekeyed HOST KIND TIMES: its log has so many rekeys of that kind, CHILD_SA or IKE_SA
rekeyed()
{
	[ "$(keyd_count "$1" "$2 result=rekeyed")" -ge "$3" ]
}

# rekey_round NAME: two of each kind from each side, one after the other
rekey_round()
{
	local who children=0 ikes=0

	for who in alice bob alice bob; do
		children=$((children + 1))
		check "$1: $who rekeys the child" keydctl "$who" rekey --all --child
		wait_until 20 rekeyed alice CHILD_SA "$children" && wait_until 20 rekeyed bob CHILD_SA "$children"
		ikes=$((ikes + 1))
		check "$1: $who rekeys the IKE SA" keydctl "$who" rekey --all --ike
		wait_until 20 rekeyed alice IKE_SA "$ikes" && wait_until 20 rekeyed bob IKE_SA "$ikes"
	done
}

settled()
{
	[ "$(sa_count alice) $(sa_count bob)" = "2 2" ]
}

# under_traffic NAME A B A-ADDRESS B-ADDRESS WHAT...: WHAT happens while 200 packets a second go each way
under_traffic()
{
	local name=$1 a=$2 b=$3

	shift 3
	keyds_start
	check "$name: it comes up" in_host alice ping -q -c 2 -W 10 "$b"
	capture_start "$name" alice:eth0 bob:eth0
	flow_start "$name" alice "$a" bob "$b" 200
	check "$name: traffic" flow_wait "$name" received 100
	"$@"
	check "$name: more traffic" flow_more "$name" 200
	flow_stop "$name"
	capture_stop "$name"
	flow_whole "$name: no packet lost" "$name"
	is "$name: none in clear" "$(cleartext_count "$name")" 0
	check "$name: old SAs are gone in the end" wait_until 30 settled
	keyds_stop
	in_host alice "$bin/setkey" -F
	in_host bob "$bin/setkey" -F
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24,2001:db8::1/64 bob 192.0.2.2/24,2001:db8::2/64
link_delay alice eth0 20
link_delay bob eth0 20

secret_file alice 192.0.2.2
secret_file bob 192.0.2.1
conf_both <<-END
	secrets "psk.txt"
	default {
		linger 2s
	}
END
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//unique
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//unique
under_traffic commands 192.0.2.1 192.0.2.2 rekey_round commands

# The suites, each with timers so short that both sides' come close to each other.
by_timer()
{
	wait_until 60 rekeyed alice CHILD_SA 4
	wait_until 60 rekeyed alice IKE_SA 2
	check "$1: the timers did it" rekeyed alice CHILD_SA 4
	check "$1: for the IKE SA too" rekeyed alice IKE_SA 2
}
for suite in 'aes256-sha512-ecp384 aes256-sha256' 'chacha20poly1305-prfsha384-ecp256 chacha20poly1305'; do
	ike=${suite% *}
	secret_file alice 2001:db8::2
	secret_file bob 2001:db8::1
	conf_both <<-END
		secrets "psk.txt"
		default {
			ike $ike
			esp ${suite#* }
			lifetime ike 9s, child 5s
			linger 1s
		}
	END
	in_host alice "$bin/setkey" -FP
	in_host bob "$bin/setkey" -FP
	policy_pair alice 2001:db8::1 2001:db8::2 esp/tunnel/2001:db8::1-2001:db8::2/require
	policy_pair bob 2001:db8::2 2001:db8::1 esp/tunnel/2001:db8::2-2001:db8::1/require
	under_traffic "timers ${ike%%-*}" 2001:db8::1 2001:db8::2 by_timer "timers ${ike%%-*}"
done

conf_both <<-END
	secrets "psk.txt"
	default {
		lifetime ike 12s, child 6s
		linger 2s
		retransmit 200ms 9
	}
END
check "one datagram of IKE in five is dropped from now on" lose_ike alice
check "on both sides" lose_ike bob
under_traffic lossy 2001:db8::1 2001:db8::2 by_timer lossy
finish
