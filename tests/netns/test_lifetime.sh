#!/bin/bash
# SPDX-License-Identifier: MIT
# Limits of bytes and packets that are used up every few seconds: a rekey each time, the hard limit never met, nothing lost. And
# traffic that comes is a sign of life.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# rekeyed HOST REASON TIMES
rekeyed()
{
	[ "$(keyd_count "$1" "CHILD_SA result=rekeyed .*reason: $2\$")" -ge "$3" ]
}

# expired HOST: packets that met an SA whose hard limit was over
expired()
{
	in_host "$1" awk '/XfrmInStateExpired|XfrmOutStateExpired/ { n += $2 } END { print n + 0 }' /proc/net/xfrm_stat
}

# limit REASON LIMIT RATE
limit()
{
	local name="$1 at $3" host

	conf_both <<-END
		secrets "psk.txt"
		default {
			lifetime child 1h $2
			linger 1s
		}
	END
	keyds_start
	check "$name: it comes up" in_host alice ping -q -c 1 -W 10 192.0.2.2
	capture_start "$1" alice:eth0 bob:eth0
	flow_start "$1" alice 192.0.2.1 bob 192.0.2.2 "$3"
	check "$name: four rekeys for that reason" wait_until 90 rekeyed alice "$1" 4
	flow_stop "$1"
	capture_stop "$1"
	note "alice began $(keyd_count alice "rekeyed .*reason: $1\$") rekeys, bob $(keyd_count bob "rekeyed .*reason: $1\$")"
	flow_whole "$name: no packet lost" "$1"
	is "$name: none in clear" "$(cleartext_count "$1")" 0
	for host in alice bob; do
		is "$name: $host's kernel met no hard limit" "$(expired $host)" 0
		is "$name: $host's keyd neither" "$(keyd_count $host 'hard lifetime|result=lost')" 0
	done
	keyds_stop
	in_host alice "$bin/setkey" -F
	in_host bob "$bin/setkey" -F
}

asked()
{
	keyd_count "$1" 'result=liveness'
}

was_asked()
{
	[ "$(asked alice)" -gt 0 ] || [ "$(asked bob)" -gt 0 ]
}

hosts_alice_bob

limit bytes 40K 200
limit packets '1K packets' 1000

conf_both <<-END
	secrets "psk.txt"
	default {
		dpd 2s
	}
END
keyds_start
keydctl alice log debug >/dev/null
keydctl bob log debug >/dev/null
check "it comes up" in_host alice ping -q -c 1 -W 10 192.0.2.2
flow_start life alice 192.0.2.1 bob 192.0.2.2 50
flow_wait life received 400 || not_ok "traffic flows for four times dpd"
is "no question as long as traffic comes" "$(asked alice) $(asked bob)" "0 0"
flow_stop life
flow_whole "nothing lost" life
check "a question when it is silent" wait_until 10 was_asked
check "which is answered: the SA is still there" [ "$(keyd_count alice 'IKE_SA result=down')" = 0 ]
finish
