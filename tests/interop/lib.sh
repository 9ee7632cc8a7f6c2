# SPDX-License-Identifier: MIT
# What a job of check-interop is made of: hosts, scenes (a tunnel that is up) and cells (one case in one column of the matrix).
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh, peer.sh, flow.sh
#
# A column is "KIND:KIND": what alice and bob run. Alice begins. Of each cell a line goes to $LAB_OUT/cells.JOB.COLUMN:
#	ID|COLUMN|ok, FAIL, fails or skip|lost alice→bob|lost bob→alice|in clear|note

interop_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/netns/lib.sh
. "$interop_dir/../netns/lib.sh"
meter=no	# unless somebody says otherwise
for part in peer keyd_peer strongswan libreswan openiked card token; do
	# shellcheck source=/dev/null
	. "$interop_dir/../lib/$part.sh"
done
# shellcheck source=tests/interop/cases.sh
. "$interop_dir/cases.sh"
# shellcheck source=tests/interop/suites.sh
. "$interop_dir/suites.sh"

cell_id=

# A failed cell tells its own story.
on_failure()
{
	:
}

# column_set KIND:KIND JOB
column_set()
{
	column=$1
	kind_a=${1%:*}
	kind_b=${1#*:}
	peer_is alice "$kind_a"
	peer_is bob "$kind_b"
	control=
	[[ $column == *keyd* ]] || control=1
	cells_file=${LAB_OUT:-$work}/cells.$2.${1/:/-}
	: >"$cells_file"
}

# column_esp: a proposal for ESP that both of the column know
column_esp()
{
	if [[ $column == *openiked* ]]; then
		echo aes256-sha384-x25519
	else
		echo aes128gcm16-x25519
	fi
}

# why_not NEED…: why one of the two cannot do this, from its own documentation; fails when both can
why_not()
{
	local need kind

	for need in "$@"; do
		for kind in "$kind_a" "$kind_b"; do
			local -n cannot=${kind}_cannot
			if [ -n "${cannot[$need]-}" ]; then
				echo "$kind: ${cannot[$need]}"
				return
			fi
		done
	done
	return 1
}

# cell ID [NEED…] -- FUNCTION WORD…: runs it and writes down what came of it. The function calls must, and fault.
cell()
{
	local id=$1 needs=() why

	shift
	while [ "$1" != -- ]; do
		needs+=("$1")
		shift
	done
	shift
	cell_begin "$id"
	if why=$(why_not "${needs[@]}"); then
		cell_result skip "$why"
		skip "$column $id" "$why"
		return
	fi
	"$@"
	cell_end
}

cell_begin()
{
	cell_id=$1
	faults=()
	lost_ab="" lost_ba="" in_clear="" cell_note="" cell_word=ok
	cell_began=${EPOCHREALTIME/./}
}

cell_result()
{
	printf '%s|%s|%s|%s|%s|%s|%s\n' "$cell_id" "$column" "$1" "$lost_ab" "$lost_ba" "$in_clear" "$2" >>"$cells_file"
}

cell_end()
{
	local seconds=$(((${EPOCHREALTIME/./} - cell_began) / 1000000))

	if [ ${#faults[@]} = 0 ]; then
		cell_result "$cell_word" "$cell_note"
		ok "$column $cell_id ($seconds s${lost_ab:+, lost $lost_ab/$lost_ba}${cell_note:+, $cell_note})"
	elif [[ $column != *keyd* ]]; then
		# A control: what a peer does not manage with its like is its own, and no fault of ours.
		cell_result fails "${faults[0]}"
		skip "$column $cell_id" "it fails with its like: ${faults[0]}"
		cell_logs >/dev/null
	else
		cell_result FAIL "${faults[0]}"
		not_ok "$column $cell_id ($seconds s): ${faults[0]}"
		cell_logs
	fi
	cell_id=
}

# Both sides' story to standard output, and all there is of it to LAB_OUT.
cell_logs()
{
	local fault host

	for fault in "${faults[@]}"; do
		note "$fault"
	done
	for host in alice bob; do
		note "--- $host ($(peer $host log)):"$'\n'"$(tail -n "${INTEROP_LINES:-30}" "$(host_log "$(peer $host log)")" | cut -c1-300)"
		note "--- $host: SAs"$'\n'"$(host_show_sas $host)"
		note "--- $host: /proc/net/xfrm_stat (what is not 0)"$'\n'"$(in_host $host grep -v '[^0-9]0$' /proc/net/xfrm_stat)"
	done
	if [ -n "${LAB_OUT-}" ]; then
		mkdir -p "$LAB_OUT/failed/${column/:/-}.$cell_id"
		cp "$work"/alice/*.log "$work"/bob/*.log "$work"/*/*.pcap "$LAB_OUT/failed/${column/:/-}.$cell_id/" 2>/dev/null
	fi
}

fault()
{
	faults+=("$*")
	return 1
}

# must WHAT COMMAND…: or the cell has failed. The command runs in a subshell: it cannot start daemons.
must()
{
	local what=$1 output

	shift
	output=$("$@" 2>&1) || {
		note "$what: $*"$'\n'"$(tail -n 12 <<<"$output")"
		fault "$what"
	}
}

# hosts_direct, hosts_nat, …: the networks. Addresses of nets behind the hosts are on lo.
hosts_behind()
{
	local place

	for place in "alice 1 2" "bob 2 1"; do
		read -r host mine theirs <<<"$place"
		# shellcheck disable=SC2016
		in_host "$host" sh -c 'ip address add 10.$1.0.1/24 dev lo && ip address add 10.$1.1.1/24 dev lo &&
			ip -6 address add 2001:db8:$1::1/64 dev lo' sh "$mine"
	done
}

# Packets of the nets leave with an address of theirs.
hosts_routes()
{
	in_host alice sh -c 'ip route add 10.2.0.0/16 via '"$1"' src 10.1.0.1; ip -6 route add 2001:db8:2::/64 via 2001:db8::2 src 2001:db8:1::1'
	in_host bob sh -c 'ip route add 10.1.0.0/16 via '"$2"' src 10.2.0.1; ip -6 route add 2001:db8:1::/64 via 2001:db8::1 src 2001:db8:2::1'
}

hosts_direct()
{
	host_new alice
	host_new bob
	link_new alice 192.0.2.1/24,2001:db8::1/64 bob 192.0.2.2/24,2001:db8::2/64
	hosts_behind
	hosts_routes 192.0.2.2 192.0.2.1
	link_delay alice eth0 20
	link_delay bob eth0 20
	address_a=192.0.2.1 address_b=192.0.2.2
}

# Alice has a private address; the router gives her its own towards bob.
hosts_nat()
{
	host_new alice
	router_new router
	host_new bob
	link_new alice 192.168.7.2/24 router 192.168.7.1/24
	link_new router 192.0.2.1/24 bob 192.0.2.2/24
	host_route alice default 192.168.7.1
	in_host router nft -f - <<-END
		table ip nat {
			chain post {
				type nat hook postrouting priority 100;
				oifname "eth1" masquerade
			}
		}
	END
	hosts_behind
	hosts_routes 192.168.7.1 192.0.2.1
	link_delay alice eth0 20
	link_delay bob eth0 20
	address_a=192.168.7.2 address_b=192.0.2.2 seen_a=192.0.2.1
}

# scene MODE FAMILY: a description to be changed, then scene_start. In tunnel mode the nets behind the hosts. Sets ends_a, ends_b,
# the addresses of traffic.
scene()
{
	local mode=$1 family=$2

	if [ "$family" = 6 ]; then
		tunnel_new "$mode" alice 2001:db8::1 bob 2001:db8::2
		ends_a=2001:db8::1 ends_b=2001:db8::2
	else
		tunnel_new "$mode" alice "$address_a" bob "$address_b"
		ends_a=$address_a ends_b=$address_b
	fi
	if [ "$mode$family" = tunnel4 ]; then
		tunnel[child.1]='10.1.0.0/24 10.2.0.0/24'
		ends_a=10.1.0.1 ends_b=10.2.0.1
	elif [ "$mode$family" = tunnel6 ]; then
		tunnel[child.1]='2001:db8:1::/64 2001:db8:2::/64'
		ends_a=2001:db8:1::1 ends_b=2001:db8:2::1
	fi
	tunnel[esp]=$(column_esp)
}

# scene_start: both daemons, configured and running; nothing is up
scene_start()
{
	local host

	for host in bob alice; do
		peer $host conf || fault "$host's ${peer_kind[$host]} is configured"
		peer $host start || fault "$host's ${peer_kind[$host]} starts"
	done
}

scene_stop()
{
	local host

	for host in alice bob; do
		peer $host stop >"$work/stop.log" 2>&1
		in_host $host sh -c 'ip xfrm state flush; ip xfrm policy flush'
	done
}

# scene_up: alice begins
scene_up()
{
	must "alice brings it up" peer alice up
	must "both can send" wait_until 20 sends_are "${tunnel[children]}"
}

# sends_are N: both kernels have so many SAs to send on
# shellcheck disable=SC2317
sends_are()
{
	[ "$(kernel_sends alice)" = "$1" ] && [ "$(kernel_sends bob)" = "$1" ]
}

ping_ends()
{
	must "pings from alice" in_host alice ping -q -c 2 -i 0.2 -W 5 -I "$ends_a" "$ends_b"
	must "pings from bob" in_host bob ping -q -c 2 -i 0.2 -W 5 -I "$ends_b" "$ends_a"
}

# traffic_start [PACKETS PER SECOND]: 200 each way, and all that is on the wires
traffic_start()
{
	traffic=t$((flow_last_id + 1))
	dropped_a=$(kernel_dropped alice)
	dropped_b=$(kernel_dropped bob)
	capture_start "$traffic" alice:eth0 bob:eth0 || fault "captures run"
	flow_start "$traffic" alice "$ends_a" bob "$ends_b" "${1:-200}" || fault "traffic starts"
	flow_wait "$traffic" received 50 20 >/dev/null || fault "traffic flows both ways"
}

# traffic_more PACKETS
traffic_more()
{
	local number

	flow_number "$traffic-recv-alice" received
	flow_wait "$traffic" received $((number + $1)) 20 >/dev/null || fault "traffic goes on"
}

# traffic_stop [HOST [HOST]]: sets lost_ab, lost_ba, in_clear. The hosts: who has begun rekeys meanwhile.
traffic_stop()
{
	flow_stop "$traffic" >"$work/flow.txt"
	capture_stop "$traffic"
	lost_ab=$(flow_lost_between alice bob)
	lost_ba=$(flow_lost_between bob alice)
	in_clear=$(cleartext_count "$traffic")
	[ "$in_clear" = 0 ] || fault "$in_clear packets in clear"
	[ "$flow_duplicates" = 0 ] || fault "$flow_duplicates packets doubled"
	traffic_judge alice bob "$lost_ab" $(($(kernel_dropped alice) - dropped_a)) "$*"
	traffic_judge bob alice "$lost_ba" $(($(kernel_dropped bob) - dropped_b)) "$*"
	[ ${#faults[@]} -gt 0 ] || [ -n "${traffic_keep-}" ] || rm -f "$work"/*/capture-"$traffic"-*.pcap
}

# flow_lost_between FROM TO
flow_lost_between()
{
	local number sent

	flow_number "$traffic-send-$1" sent && sent=$number && flow_number "$traffic-recv-$2" received &&
		echo $((sent - number)) || echo unknown
}

# traffic_judge SENDER RECEIVER LOST DROPPED BEGUN: controls only count. In the other columns it is the peer's own affair what its
# own kernel drops, and what it loses with its like, too: what it sends in an SA before its answer for that has come, and what is
# under way in the SA that it ends.
traffic_judge()
{
	local why=
	local -n early=${peer_kind[$1]}_loses late=${peer_kind[$2]}_loses

	[ "$3" != 0 ] && [ -z "$control" ] || return 0
	if [ "$3" = unknown ]; then
		:
	elif [ "${peer_kind[$1]}" != keyd ] && [ "$3" -le "$4" ]; then
		why="${peer_kind[$1]}: its own kernel had no SA for them (XfrmOut… of /proc/net/xfrm_stat): one went while packets were about to take it"
	elif [[ " $5 " == *" $2 "* ]] && [ -n "${early[sends-early]-}" ]; then
		why="${peer_kind[$1]}: ${early[sends-early]}"
	elif [[ " $5 " == *" $2 "* ]] && [ -n "${late[ends-early]-}" ]; then
		why="${peer_kind[$2]}: ${late[ends-early]}"
	fi
	if [ -n "$why" ]; then
		cell_note=$why
	else
		fault "$3 packets of $1's were lost, $4 of them by its own kernel"
	fi
}

# out_spis HOST: what it sends on
out_spis()
{
	in_host "$1" ip xfrm state list nokeys src "${tunnel[$1.address]}" | awk '$3 == "spi" && $4 !~ /^0x0+\(/ { print $4 }'
}

# spis_new HOST OLD: it sends on something, and on nothing of OLD; in version 1 it has something new to send on: whether and when
# an old child is deleted there is its maker's affair, and not all do it
# shellcheck disable=SC2317
spis_new()
{
	local spi spis

	spis=$(out_spis "$1")
	[ -n "$spis" ] || return
	for spi in $spis; do
		if [[ " $2 " != *" $spi "* ]]; then
			[ "${tunnel[version]-2}" = 2 ] || return 0
		else
			[ "${tunnel[version]-2}" = 1 ] || return
		fi
	done
	[ "${tunnel[version]-2}" = 2 ]
}

# rekeys_by HOST child|ike TIMES: each is seen by both before the next
rekeys_by()
{
	local i before_a before_b old_a old_b

	for ((i = 1; i <= $3; i++)); do
		if [ "$2" = child ]; then
			old_a=$(out_spis alice | xargs)
			old_b=$(out_spis bob | xargs)
			must "$1 rekeys" peer "$1" rekey child || return
			must "alice sends on the new SA alone" wait_until 20 spis_new alice "$old_a" || return
			must "bob sends on the new SA alone" wait_until 20 spis_new bob "$old_b" || return
		else
			before_a=$(peer alice rekeyed ike)
			before_b=$(peer bob rekeyed ike)
			must "$1 rekeys" peer "$1" rekey ike || return
			must "alice has rekeyed" wait_until 20 rekeyed_more alice ike $((before_a + 1)) || return
			must "bob has rekeyed" wait_until 20 rekeyed_more bob ike $((before_b + 1)) || return
		fi
	done
}

# shellcheck disable=SC2317
rekeyed_more()
{
	[ "$(peer "$1" rekeyed "$2")" -ge "$3" ]
}

# shellcheck disable=SC2317
ikes_are()
{
	[ "$(peer "$1" ikes)" = "$2" ]
}

# A host has lost all memory: its daemon is killed, its kernel is empty.
reboot()
{
	peer "$1" kill
	in_host "$1" sh -c 'ip xfrm state flush; ip xfrm policy flush'
	[ "${peer_kind[$1]}" != keyd ] || policy_load "$1"
	peer "$1" start || fault "$1's ${peer_kind[$1]} starts again"
}
