#!/bin/bash
# SPDX-License-Identifier: MIT
# Garbage, forged, cut and replayed datagrams and floods against a keyd whose tunnel is in use, and nonsense on its control
# socket: no role dies, no packet is lost, memory and log stay small, and the next rekey works.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

hostile=${O:-build}/tests/hostile
json=${O:-build}/tests/json
stranger=192.0.2.66
memory_more=32768 # kB that the ike role may grow by: its half-open IKE SAs are limited

# Memory of bob's ike role in kB, into $memory
ike_memory()
{
	local key value rest pid

	role_pid bob ike
	while read -r key value rest; do
		[ "$key" != VmRSS: ] || memory=$value
	done <"/proc/$pid/status"
}

log_lines()
{
	grep -c '' "$(host_log keyd-bob)"
}

# attack NAME KIND COUNT FROM: at bob's keyd
attack()
{
	local pcap=("$work/alice/capture-setup-alice-eth0.pcap")

	[[ $2 != noise && $2 != header ]] || pcap=()
	check "$1" in_host alice "$hostile" "$2" "$3" "$4" 192.0.2.2 "${pcap[@]}"
}

# The role that reads datagrams has read them all: it answers what comes after them.
served()
{
	check "$1: keyd answers keydctl" keydctl bob --json status
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
secret_file alice 192.0.2.2
secret_file bob 192.0.2.1
keyds_start
capture_start setup alice:eth0
check "a ping brings it up" in_host alice ping -q -c 1 -W 10 192.0.2.2
check "a rekey of both" keydctl alice rekey --child --ike 192.0.2.2
capture_stop setup
role_pids bob
before=$pids
ike_memory
memory_before=$memory
lines_before=$(log_lines)
now_ms
began=$now

flow_start load alice 192.0.2.1 bob 192.0.2.2 50
flow_wait load received 50 || not_ok "traffic flows"
attack "random bytes from the peer's address" noise 500 192.0.2.1
attack "random bytes from a stranger's" noise 500 $stranger
attack "headers before random bytes" header 500 192.0.2.1
attack "headers before random bytes from a stranger" header 200 $stranger
attack "old datagrams again" replay 10 192.0.2.1
attack "old datagrams from a stranger" replay 5 $stranger
attack "datagrams cut short" cut 500 192.0.2.1
attack "datagrams with bits turned" flip 1000 192.0.2.1
attack "datagrams with bits turned, from a stranger" flip 500 $stranger
served "after all that"
attack "5000 IKE_SA_INIT" init 5000 $stranger
served "after the flood"
check "the flood is asked for cookies" [ "$(keydctl bob --json stats | "$json" cookies_asked)" -ge 4000 ]
is "no more are half-open than the threshold" "$(keydctl bob --json stats | "$json" half_open_now)" 64
check "the next rekey works" keydctl alice rekey --child --ike 192.0.2.2
flow_stop load
is "nothing is lost" "$flow_lost" 0
role_pids bob
is "no role died" "$pids" "$before"
ike_memory
note "memory of the ike role: $memory_before kB, then $memory kB"
check "memory is bounded" [ $((memory - memory_before)) -lt $memory_more ]
now_ms
lines_more=$(($(log_lines) - lines_before))
seconds=$(((now - began) / 1000 + 1))
note "$lines_more lines in $seconds s"
# Ten a second about strangers and one about those held back; some for each half-open SA, and for each rekey.
check "the log is bounded" [ $lines_more -lt $((64 * 4 + seconds * 12 + 50)) ]
check "and says what was held back" wait_log keyd-bob 'similar lines were held back' 5

# --- the control socket ---

counts=$(in_host bob "${O:-build}/tests/hostile-control" /run/gapless/keyd.sock)
is "nonsense on the control socket is refused" "$("$json" junk deep endless crowd rude deaf <<<"$counts")" "20 1 2 100 100 1"
served "after nonsense on the control socket"
role_pids bob
is "no role died of that" "$pids" "$before"
keyds_stop
finish
