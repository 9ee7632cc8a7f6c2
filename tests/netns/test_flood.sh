#!/bin/bash
# SPDX-License-Identifier: MIT
# A flood of IKE_SA_INIT requests, as many as this machine can make, from 131,072 forged addresses, on both of IKE's ports:
# a tunnel that is there carries its traffic and rekeys as if nothing were, and memory and log stay small.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

flood=${O:-build}/tests/flood
json=${O:-build}/tests/json
seconds=12
memory_more=8192 # kB that the ike role may grow by

ike_memory()
{
	local key value rest pid

	role_pid bob ike
	while read -r key value rest; do
		[ "$key" != VmRSS: ] || memory=$value
	done <"/proc/$pid/status"
}

# Clock ticks that bob's ike role has used, into $ticks
ike_ticks()
{
	local pid fields

	role_pid bob ike
	read -r -a fields <"/proc/$pid/stat"
	ticks=$((fields[13] + fields[14]))
}

flood_felt()
{
	[ "$(keydctl bob --json stats | "$json" cookies_asked)" -gt 0 ]
}

host_new alice
host_new bob
host_new mallory
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
link_new mallory 198.51.100.66/24 bob 198.51.100.2/24
in_host bob ip route add 198.18.0.0/15 via 198.51.100.66
in_host mallory sysctl -q net.ipv4.ip_forward=0
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
secret_file alice 192.0.2.2
secret_file bob 192.0.2.1
keyds_start
check "a ping brings it up" in_host alice ping -q -c 1 -W 10 192.0.2.2
role_pids bob
before=$pids
ike_memory
memory_before=$memory
lines_before=$(grep -c '' "$(host_log keyd-bob)")

flow_start load alice 192.0.2.1 bob 192.0.2.2 50
flow_wait load received 50 || not_ok "traffic flows"
ike_ticks
ticks_before=$ticks
now_ms
began=$now
for port in 500 4500; do
	host_spawn mallory flood$port "$flood" $seconds 0 198.18.0.0 15 198.51.100.2 $port
done
wait_until 20 flood_felt || not_ok "the flood is felt"
longest=0
for ((i = 1; i <= 3; i++)); do
	for from in alice bob; do
		to=192.0.2.2
		[ $from = alice ] || to=192.0.2.1
		now_ms
		t=$now
		check "rekey $i of both by $from under the flood" keydctl $from rekey --child --ike $to
		now_ms
		note "it took $((now - t)) ms"
		((now - t <= longest)) || longest=$((now - t))
	done
done
note "the longest took $longest ms"
offered=0
for port in 500 4500; do
	wait_log flood$port sent $((seconds + 60))
	sent=$("$json" sent <"$(host_log flood$port)")
	check "port $port was flooded" [ "$sent" -gt 1000 ]
	offered=$((offered + sent))
done
now_ms
ike_ticks
note "$offered IKE_SA_INIT in $seconds s; the ike role used $((ticks - ticks_before)) ticks of CPU in $((now - began)) ms"
flow_stop load
is "nothing is lost" "$flow_lost" 0
is "no peer was taken for dead" "$(keyd_count alice 'counts as dead')$(keyd_count bob 'counts as dead')" 00
is "each rekey was done at the first attempt" "$(keyd_count alice 'result=(failed|postponed)')" 0
role_pids bob
is "no role died" "$pids" "$before"
ike_memory
note "memory of the ike role: $memory_before kB, then $memory kB"
check "memory is bounded" [ $((memory - memory_before)) -lt $memory_more ]
check "forged addresses were asked for cookies" [ "$(keydctl bob --json stats | "$json" cookies_asked)" -ge 100 ]
check "no more are half-open than the threshold" [ "$(keydctl bob --json stats | "$json" half_open_now)" -le 64 ]
now_ms
lines_more=$(($(grep -c '' "$(host_log keyd-bob)") - lines_before))
# Ten a second about strangers and one about those held back; some for each half-open SA, and for each rekey.
check "the log is bounded" [ $lines_more -lt $((64 * 4 + 300 + (now - began) * 12 / 1000)) ]
keyds_stop
finish
