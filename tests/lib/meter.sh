# SPDX-License-Identifier: MIT
# The gap meter (kmod/ipsec_gap.ko) beside what sender and receiver of a flow count: what is lost, it must have seen, and nothing else.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh and flow.sh; results for the caller
#
# A packet that one end sent and the other did not get
#
#	dropped		was freed for want of an SA before it was sent,
#	stray		came where no SA had its SPI,
#	refused		left in clear, and the other end's policy did not let it in (clear: what left so; where nothing asks for IPsec it is taken),
#	unseen		left in clear, and was refused, but the meter did not see it, as it was under way when its policy came: at most one of each sender,
#	blocked		never was a packet, as a policy blocks or there is no route; its sender got an error, which flow counts, and the meter does not. Of those that
#			find 101 held, or their SA gone, the sender gets EAGAIN or EINVAL, and the meter has them as dropped,
#	replayed	came behind the replay window. That is no matter of keys, and the meter does not count it; /proc/net/xfrm_stat does.
#
# or was lost by the network, which is nobody's here unless a test wants it. Held packets come later, or are dropped.

# wanted: to be loaded with the first flow; yes: it is there; no: it is not, which has been said
meter=${meter:-}
declare -A meter_was meter_got
meter_words=(gaps held dropped clear stray refused replayed)

# meter_load: once for each kernel. Where the module is not built, or is for another kernel, tests count alone.
meter_load()
{
	local module=${KMOD_DIR:-${O:-build}/kmod/$(uname -r)}/ipsec_gap.ko

	meter=no
	if ! grep -q '^ipsec_gap ' /proc/modules && ! insmod "$module" 2>/dev/null; then
		note "no gap meter here ($module): make kmod"
	elif ! [[ $("${O:-build}/bin/keydctl" --json gaps) =~ \"gaps\":[0-9]+ ]]; then
		note "the gap meter here is of before version 3, or cannot be read"
	else
		meter=yes
	fi
}

# meter_look HOST: its totals, in the order of meter_words
# shellcheck disable=SC2016
meter_look()
{
	in_host "$1" sh -c '"$0" --json gaps; cat /proc/net/xfrm_stat' "${O:-build}/bin/keydctl" | awk '
		function total(key) { return match(info, "\"" key "\":[0-9]+") ? substr(info, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : "?" }
		/"info":/ { info = $0; sub(/.*"info":[{]/, "", info); sub(/[}].*/, "", info) }
		/^XfrmIn(NoPols|TmplMismatch|PolBlock)/ { refused += $2 }
		/^XfrmInStateSeqError/ { replayed += $2 }
		END { print total("gaps"), total("held"), total("dropped"), total("clear"), total("packets"), refused + 0, replayed + 0 }'
}

# meter_begin FLOW HOST…
meter_begin()
{
	local host

	[ "$meter" != wanted ] || meter_load
	[ "$meter" = yes ] || return 0
	for host in "${@:2}"; do
		meter_was[$1/$host]=$(meter_look "$host")
	done
}

# meter_end FLOW HOST…: sets meter_got[FLOW/HOST/WORD]
meter_end()
{
	local host i
	local -a counts_old counts_new

	[ "$meter" = yes ] || return 0
	for host in "${@:2}"; do
		read -ra counts_old <<<"${meter_was[$1/$host]}"
		read -ra counts_new < <(meter_look "$host")
		for i in "${!meter_words[@]}"; do
			meter_got[$1/$host/${meter_words[i]}]=$((counts_new[i] - counts_old[i]))
		done
	done
}

# meter_sum FLOW WORD HOST…
meter_sum()
{
	local host

	sum=0
	for host in "${@:3}"; do
		sum=$((sum + meter_got[$1/$host/$2]))
	done
}

# meter_judge FLOW LOST BLOCKED FROM TO [OTHERS]: whether what went from the hosts FROM to the hosts TO was lost as the meter says; $meter_says is what
# it says. OTHERS: so many packets in clear were not the flow's.
meter_judge()
{
	local -a senders receivers
	local dropped clear stray refused replayed unseen=0 sum

	read -ra senders <<<"$4"
	read -ra receivers <<<"$5"
	meter_sum "$1" dropped "${senders[@]}" && dropped=$sum
	meter_sum "$1" clear "${senders[@]}" && clear=$sum
	meter_sum "$1" stray "${receivers[@]}" && stray=$sum
	meter_sum "$1" refused "${receivers[@]}" && refused=$sum
	meter_sum "$1" replayed "${receivers[@]}" && replayed=$sum
	# Only what left in clear can be refused for that.
	if [ "$refused" -gt "$clear" ]; then
		unseen=$((refused - clear < ${#senders[@]} ? refused - clear : ${#senders[@]}))
		refused=$clear
	fi
	meter_seen=$((dropped + stray + refused))
	meter_says="lost $2; the gap meter: dropped $dropped, without an SA $stray, in clear $clear of which refused $refused; blocked $3, replayed $replayed"
	[ "$2" != unknown ] && [ "$2" -le $((meter_seen + unseen + replayed + $3)) ] && [ "$2" -ge $((meter_seen + replayed + $3 - ${6:-0})) ]
}
