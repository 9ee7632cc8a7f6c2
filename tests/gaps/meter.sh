# SPDX-License-Identifier: MIT
# The gap meter (kmod/ipsec_gap.ko) beside what sender and receiver count: each packet that is lost, it must have seen.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of interop/lib.sh

# meter_load: $meter is "yes" when it is there
meter_load()
{
	local module=${KMOD_DIR:-${O:-build}/kmod/$(uname -r)}/ipsec_gap.ko

	meter=
	if grep -q '^ipsec_gap ' /proc/modules || insmod "$module" 2>/dev/null; then
		meter=yes
	else
		note "no gap meter here ($module): make kmod"
	fi
}

# meter_sum NAME: of all its values in the JSON on standard input
meter_sum()
{
	grep -o "\"$1\":[0-9]*" | awk -F: '{ n += $2 } END { print n + 0 }'
}

# meter_read HOST: packets dropped, in clear, and inbound ones without an SA, since the meter is there; and how many gaps there were
meter_read()
{
	local all paths spis

	all=$(in_host "$1" "${O:-build}/bin/keydctl" --json gaps) || return
	paths=$(sed 's/.*"paths":\[//; s/\],"spis":\[.*//' <<<"$all")
	spis=$(sed 's/.*"spis":\[//; s/\],"events":.*//' <<<"$all")
	echo "$(meter_sum dropped <<<"$paths") $(meter_sum clear <<<"$paths")" \
		"$(($(meter_sum packets <<<"$spis") + $(meter_sum other_packets <<<"$all"))) $(meter_sum gaps <<<"$paths")"
}

meter_begin()
{
	[ -n "$meter" ] || return
	meter_alice=$(meter_read alice)
	meter_bob=$(meter_read bob)
}

# meter_since HOST BEFORE: sets dropped, clear, stray, gaps
meter_since()
{
	local -a now was

	read -ra now < <(meter_read "$1")
	read -ra was <<<"$2"
	dropped=$((now[0] - was[0])) clear=$((now[1] - was[1])) stray=$((now[2] - was[2])) gaps=$((now[3] - was[3]))
}

# meter_fault TEXT: what others lose with their like is theirs, and told only
meter_fault()
{
	if [[ $column == *keyd* ]]; then fault "$1"; else cell_note=${cell_note:-$1}; fi
}

# meter_way FROM TO LOST SEEN
meter_way()
{
	[ "$3" != unknown ] && [ "$3" -gt "$4" ] || return 0
	meter_fault "the gap meter has seen $4 of the $3 packets that were lost from $1 to $2"
}

# A packet that one end sent and the other did not get was dropped before it was sent, left in clear, or had no SA where it came.
meter_judge()
{
	local dropped clear stray gaps seen_ab seen_ba clear_both

	[ -n "$meter" ] || return
	meter_since alice "$meter_alice"
	seen_ab=$((dropped + clear)) seen_ba=$stray clear_both=$clear
	note "gap meter: alice $gaps gaps, dropped $dropped, in clear $clear, without an SA $stray; lost $lost_ab/$lost_ba"
	meter_since bob "$meter_bob"
	seen_ba=$((seen_ba + dropped + clear)) seen_ab=$((seen_ab + stray)) clear_both=$((clear_both + clear))
	note "gap meter: bob $gaps gaps, dropped $dropped, in clear $clear, without an SA $stray"
	meter_way alice bob "$lost_ab" "$seen_ab"
	meter_way bob alice "$lost_ba" "$seen_ba"
	[ "${in_clear:-0}" -le "$clear_both" ] || meter_fault "the gap meter has seen $clear_both of the $in_clear packets in clear"
}
