# SPDX-License-Identifier: MIT
# The cases of check-gaps: first the rows of the table in their order, then what is done in each.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of lib.sh and its parts, and of job

# rows RATES
rows()
{
	local rate

	for rate in $1; do
		cat <<-END
			child-$rate	$rate/s: child rekeyed, by each twice
			ike-$rate	$rate/s: IKE SA rekeyed, by each twice
			reauth-$rate	$rate/s: reauthenticated
			restart-$rate	$rate/s: daemon restarted
			upgrade-$rate	$rate/s: daemon upgraded (another build)
			kill-$rate	$rate/s: all its processes killed, then started
			flush-$rate	$rate/s: SAs flushed by hand
			flush-other-$rate	$rate/s: SAs flushed by hand on the other side
		END
	done
}

# Events: what alice, or both, do. Whoever loses is counted; what does not come to its end is a fault.
do_child()
{
	rekeys_by alice child 2
	rekeys_by bob child 2
}

do_ike()
{
	rekeys_by alice ike 2
	rekeys_by bob ike 2
}

# spis_more HOST OLD: it sends on something new, whatever else it still has
# shellcheck disable=SC2317
spis_more()
{
	local spi

	for spi in $(out_spis "$1"); do
		[[ " $2 " == *" $spi "* ]] || return 0
	done
	return 1
}

# remade COMMAND…: with which both get another SA to send on, in place of the old one; or beside it, if $made is spis_more
remade()
{
	local old_a old_b made=${made:-spis_new}

	old_a=$(out_spis alice | xargs)
	old_b=$(out_spis bob | xargs)
	"$@"
	must "alice sends on another SA" wait_until 40 "$made" alice "$old_a"
	must "bob sends on another SA" wait_until 40 "$made" bob "$old_b"
}

do_reauth()
{
	remade must "alice reauthenticates" peer alice reauth
}

# comes_back COMMAND…: alice's daemon, as her init would start it. What is up again then comes by traffic, by its configuration, or has
# never been away.
comes_back()
{
	"$@" >"$work/restart.log" 2>&1 || fault "alice's ${peer_kind[alice]} starts again"
}

do_restart()
{
	if [ "$kind_a" = keyd ]; then
		host_stop keyd-alice
		comes_back keyd_again alice
	else
		comes_back peer alice restart
	fi
}

do_upgrade()
{
	local bin=$next/bin

	do_restart
	must "the other build runs" log_has keyd-alice 'ready: version=[^ ]*-next' 1
}

do_kill()
{
	peer alice kill
	if [ "$kind_a" = keyd ]; then
		comes_back keyd_again alice
	else
		comes_back peer alice start
	fi
}

# gap_flush HOST: the packets under way in the SAs that are gone cannot be saved; ours must be back within one exchange, and say why
gap_flush()
{
	local n made=spis_new control=1

	# Others make a new pair, and say nothing of the one that is gone.
	[ "${peer_kind[$1]}" = keyd ] || made=spis_more
	remade in_host "$1" ip xfrm state flush
	traffic_more $((rate * 2))
	traffic_stop
	n=$(exchange_count "$traffic" 36)
	cell_word="x$n"
	[ "${peer_kind[$1]}" = keyd ] || return 0
	[ "$n" = 1 ] || fault "$n exchanges of CREATE_CHILD_SA, not one"
	must "the cause is in the log" log_has "keyd-$1" 'somebody flushed the SAD' 1
}

# control_ok: the same traffic, and nothing happens
control_ok()
{
	local name=c$((flow_last_id + 1))

	flow_start "$name" alice "$ends_a" bob "$ends_b" "$rate" || return
	flow_wait "$name" received $((rate * 3)) 30 >/dev/null || return
	flow_stop "$name" >"$work/flow.txt"
	[ "$flow_lost" = 0 ]
}

# gap_way FROM ADDRESS TO LOST: what went this way. A host whose daemon is away says that nobody listens on IKE's ports; where its policy is away as well,
# that leaves in clear, and is refused. The meter counts it, and it is none of the flow's.
gap_way()
{
	local number=0 others

	flow_number "$traffic-send-$1" blocked
	others=$(capture_count "$traffic" "$capture_nobody and src host $2")
	nobody=$((nobody + others))
	meter_judge "$traffic" "$4" "$number" "$1" "$3" "$others" || gap_differs "from $1 to $3: $meter_says"
	note "$cell_id $1 to $3: $meter_says"
	echo "$column|$cell_id|$1|$meter_says" >>"${LAB_OUT:-$work}/counts.${cells_file##*/cells.}"
}

# gap_differs TEXT: with the meter's count. In a control that is told only, as all of it is.
gap_differs()
{
	if [ -z "$control" ]; then fault "$1"; else cell_note=${cell_note:-$1}; fi
}

# gap_agrees: the gap meter has seen what sender and receiver missed, neither less nor more, and in clear what the captures have
gap_agrees()
{
	local sum host nobody=0

	[ "$meter" = yes ] || return 0
	gap_way alice "$ends_a" bob "$lost_ab"
	gap_way bob "$ends_b" alice "$lost_ba"
	meter_sum "$traffic" clear alice bob
	note "$cell_id in clear: $in_clear, and $nobody that nobody listens; the gap meter: $sum"
	[ "$sum" -ge "$in_clear" ] && [ "$sum" -le $((in_clear + nobody)) ] ||
		gap_differs "$in_clear packets in clear, and $nobody that nobody listens; the gap meter has seen $sum"
	[ -n "${LAB_OUT-}" ] || return 0
	mkdir -p "$LAB_OUT/meter"
	for host in alice bob; do
		in_host $host "${O:-build}/bin/keydctl" gaps --since 5m >"$LAB_OUT/meter/${column/:/-}.$cell_id.$host"
	done
}

# gap_measure ROW: traffic, the event, traffic again
gap_measure()
{
	local traffic_keep=1

	scene transport 4
	[ "$kind_a" = keyd ] || tunnel[alice.begin]=yes
	scene_start
	[ "$kind_a" != keyd ] && wait_until 20 sends_are 1 >/dev/null || scene_up || return
	if ! control_ok; then
		cell_note="the control lost $flow_lost packets: this machine does not carry $rate/s"
		cell_word=skip
		return
	fi
	traffic_start "$rate"
	case $1 in
	flush) gap_flush alice ;;
	flush-other) gap_flush bob ;;
	*)
		"do_$1"
		traffic_more $((rate * 2))
		traffic_stop alice bob
		;;
	esac
	gap_agrees
	[ ${#faults[@]} -gt 0 ] || rm -f "$work"/*/capture-"$traffic"-*.pcap
}

# gap ROW: a cell; of others alone all that goes wrong is a note
gap()
{
	local need=$1 why

	cell_begin "$1-$rate"
	[[ $1 == upgrade ]] && { [ "$kind_a" != keyd ] || [ "$next" = none ]; } && why="another build is tried of keyd only"
	if [ -n "${why-}" ] || why=$(why_not "$need"); then
		cell_result skip "$why"
		skip "$column $cell_id" "$why"
		return
	fi
	gap_measure "$1"
	if [ -n "$control" ] && [ ${#faults[@]} -gt 0 ]; then
		cell_note=${faults[0]}
		faults=()
	fi
	if [ "$cell_word" = skip ]; then
		cell_result skip "$cell_note"
		skip "$column $cell_id" "$cell_note"
	else
		cell_end
	fi
	scene_stop
}
