#!/bin/bash
# SPDX-License-Identifier: MIT
# "setkey -F" and the reload of the policies under traffic: an often-told story has two of nine pings lost by the flush and
# 26 seconds of silence by the load. Here: what is lost, and how long it takes to be back.
# timeout: 900

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# back_again FLOW-HOST PACKETS: so many more have come to that host
# shellcheck disable=SC2317
back_again()
{
	local number

	flow_number "$flow_name-recv-$1" received && [ "$number" -ge "$2" ]
}

received()
{
	local number=0

	flow_number "$flow_name-recv-$1" received
	echo "$number"
}

# disturb NAME MAX-LOST MAX-CLEAR COMMAND...: under 100 packets a second each way with 10 ms each way, until both directions
# are back
disturb()
{
	local a b name=$1 most=$2 clear=$3

	shift 3
	flow_name=${name// /-}
	capture_start "$flow_name" alice:eth0 bob:eth0
	flow_start "$flow_name" alice 192.0.2.1 bob 192.0.2.2 100
	flow_wait "$flow_name" received 100
	check "$name" "$@"
	a=$(received alice)
	b=$(received bob)
	# Counts are told once a second: two seconds' worth is certainly from after the disturbance.
	check "$name: alice is reached again" wait_until 10 back_again alice $((a + 200))
	check "$name: bob is reached again" wait_until 10 back_again bob $((b + 200))
	flow_stop "$flow_name"
	capture_stop "$flow_name"
	check "$name: at most $most packets lost" [ "$flow_lost" -le "$most" ]
	flow_agrees "$name: what is lost" "$flow_name"
	check "$name: at most $clear in clear" [ "$(cleartext_count "$flow_name")" -le "$clear" ]
	note "$name: sent=$flow_sent lost=$flow_lost cleartext=$(cleartext_count "$flow_name") outage_ms=$flow_gap_ms"
	check "$name: one pair of SAs in the end" wait_until 20 settled
}

# exchanges NAME: CREATE_CHILD_SA that either side has begun meanwhile
exchanges()
{
	exchange_count "${1// /-}" 36
}

# delete_one HOST SOURCE DESTINATION: the newest SA of that direction is deleted by another program
# shellcheck disable=SC2317
delete_one()
{
	local spi

	spi=$(in_host "$1" ip xfrm state list nokeys src "$2" dst "$3" | sed -n 's/.*proto esp spi \(0x[0-9a-f]*\).*/\1/p' | head -n 1)
	in_host "$1" ip xfrm state delete src "$2" dst "$3" proto esp spi "$spi"
}

# flush_in_rekey HOST OTHER: OTHER begins a rekey, and at once, before that can be through, HOST's SAs are gone
# shellcheck disable=SC2317
flush_in_rekey()
{
	{ keydctl "$2" rekey --all --child >/dev/null && echo xfrm state flush; } | in_host "$1" ip -batch -
}

# shellcheck disable=SC2317
settled()
{
	[ "$(sa_count alice) $(sa_count bob)" = "2 2" ]
}

# What administrators wrote since 1998: everything goes, everything comes again.
classic_file()
{
	policy_file alice <<-END
		flush;
		spdflush;
		spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;
		spdadd 192.0.2.2 192.0.2.1 any -P in ipsec esp/transport//require;
	END
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
link_delay alice eth0 10
link_delay bob eth0 10
secret_file alice 192.0.2.2
secret_file bob 192.0.2.1
conf_both <<-END
	secrets "psk.txt"
	default {
		linger 2s
	}
END
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
keyds_start
check "it comes up" in_host alice ping -q -c 2 -W 10 192.0.2.2

# The story itself: nine pings, one a second, and a flush in the middle.
in_host alice ping -c 9 -i 1 -W 5 192.0.2.2 >"$work/ping" &
pinger=$!
wait_until 20 grep -q icmp_seq=4 "$work/ping"
check "setkey -F between two pings" in_host alice "$bin/setkey" -F
wait $pinger
is "nine pings, nine answers" "$(grep -oE '[0-9]+ received' "$work/ping")" "9 received"

# Packets on their way when their SA is taken away cannot be saved; what comes later can. A round trip of 20 ms and the
# slow machine make some tens of packets at most; a second would be a hundred.
disturb "setkey -F on one side" 100 0 in_host alice "$bin/setkey" -F
is "setkey -F on one side: back by one exchange" "$(exchanges "setkey -F on one side")" 1
disturb "setkey -F on the other side" 100 0 in_host bob "$bin/setkey" -F
is "setkey -F on the other side: back by one exchange" "$(exchanges "setkey -F on the other side")" 1
# Single SAs, deleted by others. What is sent waits; what comes in an SA that is gone is lost.
disturb "outbound SA deleted" 0 0 delete_one alice 192.0.2.1 192.0.2.2
is "outbound SA deleted: back by one exchange" "$(exchanges "outbound SA deleted")" 1
disturb "inbound SA deleted" 100 0 delete_one alice 192.0.2.2 192.0.2.1
is "inbound SA deleted: back by one exchange" "$(exchanges "inbound SA deleted")" 1
check "the log tells why" log_has keyd-alice 'somebody deleted its SA from the kernel' 2
for who in "alice bob" "alice alice"; do
	disturb "flush in a rekey, $who" 100 0 flush_in_rekey "${who% *}" "${who#* }"
	check "flush in a rekey, $who: it, and at most one exchange more" grep -qx '[12]' <<<"$(exchanges "flush in a rekey, $who")"
done
disturb "the same policies again" 0 0 policy_load alice
# Between its spdflush and its spdadd there is no policy, because the file says so; how many packets fall into that moment
# depends on the machine (seen here: up to 5). It must be a moment, and no longer.
classic_file
disturb "flush, spdflush and the policies again" 100 40 policy_load alice
check "the cause is in the log" log_has keyd-alice 'somebody flushed the SAD' 2
keyds_stop
finish
