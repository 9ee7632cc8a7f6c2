#!/bin/bash
# SPDX-License-Identifier: MIT
# keyd and its roles are killed, ended and started again under traffic, without what they knew (test_kill.sh is about
# those that know): the kernel's SAs carry on as orphans, no packet is lost, and rekeying works afterwards.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

conf()
{
	conf_file "$1" <<-END
		peer $2 {
			psk "$secret"
			linger 2s
			dpd 2s
			retransmit 200ms 4
		}
	END
}

# One pair of SAs on both sides: what went before has been retired.
settled()
{
	sas_are alice 2 && sas_are bob 2
}

# Traffic in both directions, from now on.
traffic()
{
	flow_start "$1" alice 192.0.2.1 bob 192.0.2.2 100 $((7000 + ++traffic_port))
	flow_wait "$1" received 100 || not_ok "$1: traffic flows"
}

# A second of it still comes after what happened; then it ends, and nothing was lost.
no_loss()
{
	local number

	flow_number "$1-recv-bob" received
	flow_wait "$1" received $((number + 150)) || not_ok "$1: traffic goes on"
	flow_stop "$1"
	flow_whole "$1: nothing is lost" "$1"
}

rekeys()
{
	check "$1: a rekey of child and IKE SA works" keydctl alice rekey --child --ike 192.0.2.2
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
conf alice 192.0.2.2
conf bob 192.0.2.1
keyds_start
check "a ping brings it up" in_host alice ping -q -c 1 -W 10 192.0.2.2

# --- each role dies once ---

traffic roles
for role in kern ike auth ctl; do
	role_pids alice
	before=$pids
	role_pid alice $role
	kill -KILL "$pid"
	keyd_said alice "a role died: role=$role pid=$pid signal=9"
	keyd_said alice "a role is back: role=$role"
	role_pids alice
	same=0
	for other in $before; do
		[[ " $pids" != *" $other "* ]] || same=$((same + 1))
	done
	is "$role killed: the six others stay" "$same" 6
	[ $role != ike ] || keyd_said alice 'IKE_SA result=taken-over'
	rekeys "$role killed"
done
no_loss roles
check "one pair of SAs is left" wait_until 20 settled

# --- all of it ---

traffic killed
keyd_kill bob
keyd_start bob
check "killed: new SAs" wait_log keyd-bob 'CHILD_SA result=up' 20
check "killed: one pair of SAs is left" wait_until 20 settled
rekeys killed
no_loss killed

traffic ended
host_stop keyd-bob
is "ended: the exit code" "$?" 0
check "ended: says that SAs stay" grep -q "ending: signal=15, the kernel's SAs stay" "$work/bob/keyd-bob.log"
check "ended: SAs stay" sas_are bob 2
keyd_start bob
check "ended: new SAs" wait_log keyd-bob 'CHILD_SA result=up' 20
check "ended: one pair of SAs is left" wait_until 20 settled
rekeys ended
no_loss ended

# --- a host that has lost everything ---

# as a machine that was rebooted
bob_loses_all()
{
	keyd_kill bob
	in_host bob ip xfrm state flush
	keyd_start bob
}

flow_start anew alice 192.0.2.1 bob 192.0.2.2 100
flow_wait anew received 100 || not_ok "anew: traffic flows"
bob_loses_all
check "anew: new SAs within seconds" wait_log keyd-bob 'CHILD_SA result=up' 20
check "anew: one pair of SAs is left" wait_until 20 settled
check "anew: traffic goes on" flow_settle anew
flow_stop anew
flow_agrees "anew: what is lost" anew
note "anew: $flow_lost of $flow_sent lost, $flow_gap_ms ms without an arrival"
check "anew: traffic was back within 10 s" [ "$flow_gap_ms" -lt 10000 ]
rekeys anew

# The same, and only the other side sends, over SAs that nobody has any more: its keyd must find that out.
bob_loses_all
check "anew, and silent: back within 15 s once the other side sends" in_host alice ping -q -c 1 -i 0.2 -w 15 192.0.2.2
keyd_said alice 'IKE_SA result=down .*: the peer had lost it, and has made a new one with us'
rekeys "anew, and silent"
keyds_stop
finish
