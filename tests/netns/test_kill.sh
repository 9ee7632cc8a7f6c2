#!/bin/bash
# SPDX-License-Identifier: MIT
# keyd is restarted, upgraded, and killed in part and as a whole, with 200 packets/s each way: SAs go on, and nothing is lost.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

json=${O:-build}/tests/json
manager=${O:-build}/tests/manager
keyd=$work/keyd

# conf HOST PEER [LINE]
conf()
{
	conf_file "$1" <<-END
		peer $2 {
			psk "$secret"
			linger 2s
			${3-}
		}
	END
}

# managed HOST: its keyd under a service manager that holds descriptors
managed()
{
	host_spawn "$1" "manager-$1" "$manager" /run/manager.sock "$keyd" -v -f /etc/gapless/keyd.conf
	tag_pid[keyd-$1]=
	tag_host[keyd-$1]=$1
	log=$work/$1/manager-$1.log
	wait_log "manager-$1" 'keyd: ready: ' 30 || not_ok "keyd on $1 is ready"
}

# The process of keyd that its manager has started last, into $pid.
keyd_pid()
{
	pid=$(sed -n 's/^started //p' "$work/$1/manager-$1.log" | tail -n 1)
}

# ike_spis HOST: of its IKE SAs
ike_spis()
{
	keydctl "$1" --json status | "$json" ike.# ike.0.spi_i ike.0.spi_r ike.0.rekeys ike.0.children.# ike.0.children.0.spi_in \
		ike.0.children.0.spi_out
}

# What happens has happened when bob's keyd is ready for the Nth time.
ready_again()
{
	times=$((times + 1))
	wait_log manager-bob 'keyd: ready: ' 30 $times
}

one_pair()
{
	sas_are alice 2 && sas_are bob 2
}

traffic()
{
	flow_start "$1" alice 192.0.2.1 bob 192.0.2.2 200 $((7000 + ++traffic_port))
	flow_wait "$1" received 200 || not_ok "$1: traffic flows"
	before=$(ike_spis bob)
}

# goes_on NAME: the same SAs at both ends, message IDs go on in both directions, and nothing was lost
goes_on()
{
	is "$1: the SAs are the same" "$(ike_spis bob)" "$before"
	check "$1: bob rekeys child and IKE SA" keydctl bob rekey --child --ike 192.0.2.1
	check "$1: alice rekeys child and IKE SA" keydctl alice rekey --child --ike 192.0.2.2
	check "$1: a sign of life is answered" wait_until 20 one_pair
	flow_stop "$1"
	flow_whole "$1: nothing is lost" "$1"
	note "$1: $flow_sent sent, $flow_lost lost, $flow_gap_ms ms at most without an arrival"
	is "$1: one IKE SA" "$(keydctl alice --json status | "$json" ike.#)" 1
}

cp "$bin/keyd" "$keyd"
host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
conf alice 192.0.2.2
conf bob 192.0.2.1
keyd_start alice
managed bob
times=1
check "a ping brings it up" in_host alice ping -q -c 1 -W 10 192.0.2.2

# --- each role ---

for role in kern ike auth ctl; do
	traffic $role
	keyd_pid bob
	tag_pid[keyd-bob]=$pid
	role_pid bob $role
	kill -KILL "$pid"
	check "$role: it is back" wait_log manager-bob "a role is back: role=$role" 20
	goes_on $role
done
check "what was taken over is told" grep -q 'IKE_SA result=taken-over' "$work/bob/manager-bob.log"

# --- all of it ---

traffic parent
keyd_pid bob
kill -KILL "$pid"
ready_again || not_ok "parent: keyd is ready again"
goes_on parent

traffic all
keyd_pid bob
read -r children 2>/dev/null <"/proc/$pid/task/$pid/children"
# shellcheck disable=SC2086
kill -KILL $pid $children
ready_again || not_ok "all: keyd is ready again"
goes_on all

traffic restart
kill -USR1 "${tag_pid[manager-bob]}"
ready_again || not_ok "restart: keyd is ready again"
goes_on restart

traffic upgrade
cp "$bin/keyd" "$keyd.new"
mv "$keyd.new" "$keyd"
kill -USR1 "${tag_pid[manager-bob]}"
ready_again || not_ok "upgrade: keyd is ready again"
goes_on upgrade

# --- ESP in UDP: its socket must be there while no keyd is ---

conf alice 192.0.2.2 "nat force"
conf bob 192.0.2.1 "nat force"
check "udp: alice reloads" keydctl alice reload
check "udp: bob reloads" keydctl bob reload
check "udp: down" keydctl alice down --all
check "udp: a ping brings it up" in_host alice ping -q -c 1 -i 0.2 -w 20 192.0.2.2
check "udp: one pair of SAs" wait_until 20 one_pair
is "udp: ESP goes in UDP" "$(keydctl bob --json status | "$json" ike.0.encap)" true
traffic udp
keyd_pid bob
read -r children 2>/dev/null <"/proc/$pid/task/$pid/children"
# shellcheck disable=SC2086
kill -KILL $pid $children
ready_again || not_ok "udp: keyd is ready again"
goes_on udp
traffic udp-restart
kill -USR1 "${tag_pid[manager-bob]}"
ready_again || not_ok "udp-restart: keyd is ready again"
goes_on udp-restart
check "udp: down again" keydctl alice down --all
conf alice 192.0.2.2
conf bob 192.0.2.1
check "udp: alice reloads again" keydctl alice reload
tag_pid[keyd-bob]=
host_stop manager-bob

# --- without a service manager: a file in memory ---

traffic_port=100
unset "tag_pid[keyd-bob]"
keyd_again bob
check "file: only root may read it" [ "$(in_host bob stat -c '%U %a' /run/gapless/state)" = "root 600" ]
check "file: a ping" in_host alice ping -q -c 1 -W 20 192.0.2.2
check "file: one pair of SAs" wait_until 20 one_pair
traffic file
keyd_kill bob
keyd_again bob
goes_on file

traffic ended
host_stop keyd-bob
keyd_again bob
goes_on ended
check "status tells it" keydctl bob status

# --- what cannot be kept ---

traffic flushed
keyd_kill bob
in_host bob ip xfrm state flush
keyd_again bob
check "flushed: the child is replaced at once" wait_log keyd-bob 'CHILD_SA result=lost .*: the kernel has not got it any more' 20
check "flushed: it is back" wait_log keyd-bob 'CHILD_SA result=(up|rekeyed)' 20
is "flushed: the IKE SA is the same" "$(ike_spis bob | cut -d' ' -f1-3)" "$(cut -d' ' -f1-3 <<<"$before")"
check "flushed: traffic goes on" flow_settle flushed
flow_stop flushed
flow_agrees "flushed: what is lost" flushed
note "flushed: $flow_lost lost, $flow_gap_ms ms at most without an arrival"

in_host bob sh -c 'dd if=/dev/urandom of=/run/gapless/state bs=1 seek=4200 count=3000 conv=notrunc 2>/dev/null'
host_stop keyd-bob
keyd_again bob
check "damaged: it is negotiated anew" in_host alice ping -q -c 1 -i 0.2 -w 30 192.0.2.2
keyds_stop
finish
