# SPDX-License-Identifier: MIT
# Numbered packets in both directions between two hosts, and how many were lost (tests/netns/flow.c sends and counts them).
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh; results for the caller

# shellcheck source=tests/lib/meter.sh
. "$(dirname "${BASH_SOURCE[0]}")/meter.sh"

flow=${O:-build}/tests/flow
declare -A flow_ends flow_dropped
flow_last_id=0

# flow_start NAME HOST ADDRESS HOST ADDRESS [PACKETS PER SECOND [PORT [TO-SECOND TO-FIRST]]]: returns once both ends listen and send;
# 100/s. TO-SECOND and TO-FIRST are where they send to, if a NAT makes that other addresses.
flow_start()
{
	local name=$1 a=$2 a_address=$3 b=$4 b_address=$5 rate=${6:-100} port=${7:-7000} to_b=${8:-$5} to_a=${9:-$3}

	flow_last_id=$((flow_last_id + 1))
	flow_ends[$name]="$a $b"
	flow_dropped[$name]="$(taken_away "$a") $(taken_away "$b")"
	meter_begin "$name" "${hosts[@]}"
	host_spawn "$a" "$name-recv-$a" "$flow" recv --on "$a_address" --port "$port" --rate "$rate" --id $flow_last_id
	host_spawn "$b" "$name-recv-$b" "$flow" recv --on "$b_address" --port "$port" --rate "$rate" --id $flow_last_id
	if ! { wait_log "$name-recv-$a" ready && wait_log "$name-recv-$b" ready; }; then
		return 1
	fi
	host_spawn "$a" "$name-send-$a" "$flow" send --from "$a_address" --to "$to_b" --port "$port" --rate "$rate" \
		--id $flow_last_id
	host_spawn "$b" "$name-send-$b" "$flow" send --from "$b_address" --to "$to_a" --port "$port" --rate "$rate" \
		--id $flow_last_id
}

# taken_away HOST: packets that its kernel dropped since the outbound SA that they had just taken was deleted
taken_away()
{
	in_host "$1" awk '/^XfrmOutStateInvalid/ { n = $2 } END { print n + 0 }' /proc/net/xfrm_stat
}

# flow_whole WHAT NAME [HOST]: after flow_stop, nothing was lost, but what HOST dropped itself, whose daemon is not keyd: strongSwan deletes
# an outbound SA that a packet may just have taken (docs/interop.md); and the gap meter says the same
flow_whole()
{
	local was number=0 ends

	read -ra ends <<<"${flow_ends[$2]}"
	read -ra was <<<"${flow_dropped[$2]}"
	[ "${ends[0]}" != "${3-}" ] || number=$(($(taken_away "$3") - was[0]))
	[ "${ends[1]}" != "${3-}" ] || number=$(($(taken_away "$3") - was[1]))
	check "$1${3:+, but what the host of strongSwan dropped itself}" [ "$flow_lost" -le "$number" ]
	flow_agrees "$1" "$2"
}

# flow_agrees WHAT NAME: a point, after flow_stop: what was lost, in both directions together, the gap meter has seen, and no more. Who sends through
# IPsec, and who receives, need not be who counts: all hosts are asked.
flow_agrees()
{
	[ "$meter" = yes ] || return 0
	if meter_judge "$2" "$flow_lost" "$flow_blocked" "${hosts[*]}" "${hosts[*]}"; then
		ok "$1, says the gap meter as well: $meter_seen"
	else
		not_ok "$1, says the gap meter as well"
	fi
	note "$2: $meter_says"
}

# flow_wait NAME sent|received PACKETS [SECONDS]: until each direction has so many, told once for every second's worth; 30 s
flow_wait()
{
	wait_until "${4:-30}" flow_reached "$@"
}

flow_reached()
{
	local host number end=send

	[ "$2" = sent ] || end=recv
	for host in ${flow_ends[$1]}; do
		flow_number "$1-$end-$host" "$2" && [ "$number" -ge "$3" ] || return
	done
}

# flow_more NAME PACKETS [SECONDS]: until so many more have come at each end; 30 s
flow_more()
{
	flow_beyond "$1" received "$2" "${3:-30}"
}

# flow_settle NAME: when packets come again, until what the kernel held has left as well. It looks after 100 ms, and then twice as long each time, so
# once more within the time in which nothing could go: until as many have come as were missing.
flow_settle()
{
	flow_more "$1" 1 && flow_beyond "$1" highest 100 60
}

# flow_beyond NAME received|highest PACKETS SECONDS: until as many have come at each end, and so many more
flow_beyond()
{
	local number host
	local -A want

	for host in ${flow_ends[$1]}; do
		number=0
		flow_number "$1-recv-$host" "$2"
		want[$host]=$((number + $3))
	done
	wait_until "$4" flow_wanted "$1"
}

flow_wanted()
{
	local host number

	for host in ${flow_ends[$1]}; do
		flow_number "$1-recv-$host" received && [ "$number" -ge "${want[$host]}" ] || return
	done
}

# flow_number TAG KEY: from the last line it printed, into $number; no program is started, for this is asked often
flow_number()
{
	local -a lines

	mapfile -t lines <"$work/${tag_host[$1]}/$1.log"
	[[ ${lines[-1]-} =~ \"$2\":(-?[0-9]+) ]] && number=${BASH_REMATCH[1]}
}

# flow_stop NAME: sets flow_sent, flow_received, flow_lost, flow_blocked, flow_duplicates, flow_reordered (both directions together; blocked: of the lost
# those that never became packets), flow_gap_ms and flow_gap_packets (the worse direction's longest time without an arrival, longest run of lost
# numbers), and prints a line for each direction.
flow_stop()
{
	local name=$1 a b

	read -r a b <<<"${flow_ends[$name]:?no such flow}"
	flow_sent=0 flow_received=0 flow_lost=unknown flow_blocked=0 flow_duplicates=0 flow_reordered=0 flow_gap_ms=0 flow_gap_packets=0
	kill -TERM "${tag_pid[$name-send-$a]}" "${tag_pid[$name-send-$b]}"
	host_stop "$name-send-$a" CONT
	host_stop "$name-send-$b" CONT
	kill -TERM "${tag_pid[$name-recv-$a]}" "${tag_pid[$name-recv-$b]}"
	host_stop "$name-recv-$a" CONT
	host_stop "$name-recv-$b" CONT
	meter_end "$name" "${hosts[@]}"
	flow_add "$name" "$a" "$b" && flow_add "$name" "$b" "$a" && flow_lost=$((flow_sent - flow_received))
}

# flow_add NAME FROM TO: one direction's numbers into the sums
flow_add()
{
	local key number tail
	local -A n

	for key in sent blocked received duplicates reordered highest longest_gap_ms longest_loss; do
		if [ $key = sent ] || [ $key = blocked ]; then
			flow_number "$1-send-$2" $key
		else
			flow_number "$1-recv-$3" $key
		fi || {
			echo "# flow $1: $2 to $3 did not tell its number '$key'"
			return 1
		}
		n[$key]=$number
	done
	tail=$((n[sent] - 1 - n[highest])) # lost as well, in one run
	[ "$tail" -le "${n[longest_loss]}" ] || n[longest_loss]=$tail
	flow_sent=$((flow_sent + n[sent]))
	flow_blocked=$((flow_blocked + n[blocked]))
	flow_received=$((flow_received + n[received]))
	flow_duplicates=$((flow_duplicates + n[duplicates]))
	flow_reordered=$((flow_reordered + n[reordered]))
	[ "${n[longest_gap_ms]}" -le "$flow_gap_ms" ] || flow_gap_ms=${n[longest_gap_ms]}
	[ "${n[longest_loss]}" -le "$flow_gap_packets" ] || flow_gap_packets=${n[longest_loss]}
	echo "# flow $1 $2 to $3: sent=${n[sent]} received=${n[received]} lost=$((n[sent] - n[received]))" \
		"longest_gap_ms=${n[longest_gap_ms]} longest_loss=${n[longest_loss]}"
}
