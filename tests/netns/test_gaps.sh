#!/bin/bash
# SPDX-License-Identifier: MIT
# keydctl gaps beside a keyd: by the peer's name, what a flush cost, as it happens, and each way in which there is nothing to tell.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# gap_told REGEX [WORD…]: alice's keydctl gaps has such a line; WORDs: a peer, --since
# shellcheck disable=SC2317
gap_told()
{
	in_host alice "$bin/keydctl" gaps "${@:2}" | grep -qE "$1"
}

# shellcheck disable=SC2317
settled()
{
	[ "$(sa_count alice) $(sa_count bob)" = "2 2" ]
}

hosts_alice_bob
meter_load
[ "$meter" = yes ] || skip_all "there is no gap meter"
conf_file alice <<-END
	peer office {
		address 192.0.2.2
		psk "$secret"
		linger 1s
	}
END
keyd_fails alice 1 '"office" is no address, and no keyd answers' "$bin/keydctl" gaps office
keyds_start
check "it comes up" in_host alice ping -q -c 2 -i 0.2 -W 10 192.0.2.2

keyd_fails alice 1 '"offic" is no address, nor a peer' "$bin/keydctl" gaps offic
keyd_fails alice 1 '"ok":false,"error":"\\"offic\\" is no address' "$bin/keydctl" --json gaps offic
keyd_fails alice 1 'nothing is known of 192.0.2.77' "$bin/keydctl" gaps 192.0.2.77
keyd_fails alice 2 '"soon" is no time such as 90s' "$bin/keydctl" gaps --since soon
keyd_fails alice 1 'takes CAP_NET_ADMIN' setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$bin/keydctl" gaps
keyd_fails alice 1 'takes CAP_NET_ADMIN' setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$bin/keydctl" gaps --watch

host_spawn alice watch env --default-signal=INT "$bin/keydctl" gaps office --watch
host_spawn alice other "$bin/keydctl" gaps 192.0.2.77 --watch
host_spawn alice lines "$bin/keydctl" --json gaps --watch --since 1h
flow_start load alice 192.0.2.1 bob 192.0.2.2 100
check "traffic" flow_wait load received 100
check "its rekey" keydctl alice rekey office --child
check "is told as it happens" wait_log watch 'switch from 0x.* to 0x.*\(office\)' 20
in_host alice "$bin/setkey" -F
check "so is a flush" wait_log watch 'gap begins: all SAs were flushed by setkey.*\(office\)' 20
check "and that it is over" wait_log watch 'gap ends after .*\(office\)' 20
check "SAs are there again" wait_until 20 settled
number=0
flow_number load-recv-alice received
check "traffic goes on" flow_wait load received $((number + 200))
flow_stop load
flow_agrees "what the flush cost" load
check "the table has it by the peer's name" gap_told '^192.0.2.2 .* 0x[0-9a-f]{8}  \(office\)$' office
check "and its events, of the last minutes" gap_told 'gap ends after .*flushed by setkey' office --since 10m
check "of more than there ever was" gap_told 'gap ends after .*flushed by setkey' --since 1000000d
check "totals are of all" gap_told '^in all, since the meter is there: [1-9][0-9]* gaps; held' 192.0.2.2
host_stop watch INT
is "who watches is ended by SIGINT" $? 130
host_stop lines
is "of another peer nothing was told" "$(cat "$(host_log other)")" ""
check "each line of JSON is one" eval '"${O:-build}/tests/json" seq <"$(host_log lines)"'
is "and the flush is there with its cause" "$("${O:-build}/tests/json" type cause by <"$(host_log lines)" | grep -c '^gap-open flushed setkey')" 1

if rmmod ipsec_gap; then
	check "who watches is told when the meter goes" wait_log other 'the gap meter was unloaded' 10
	host_stop other
	is "and that was no success" $? 1
	keyd_fails alice 1 'load it with modprobe ipsec_gap' "$bin/keydctl" gaps
	keyd_fails alice 1 '^\{"cmd":"gaps","ok":false,"error":"the gap meter is not there' "$bin/keydctl" --json gaps
	meter_load
	check "it takes up what there is" gap_told '^192.0.2.2 .* not used  \(office\)$' office
else
	skip "unloading" "somebody else uses the module"
fi
keyds_stop
finish
