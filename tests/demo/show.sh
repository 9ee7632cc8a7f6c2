# SPDX-License-Identifier: MIT
# How demonstrations tell what they do: headlines, commands as if typed, what passes on the wire.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh, flow.sh and of the demonstration

headline()
{
	printf '\n== %s\n' "$*"
}

# show HOST COMMAND...: as if typed at the host's prompt
show()
{
	local host=$1

	shift
	echo "$host# $*"
	in_host "$host" env PATH="$bin:$PATH" "$@"
}

# Keying, and the first two packets of each SA, as they come; all are counted by a capture beside it. The sequence number
# of ESP stands in its second word.
wire_show()
{
	exec {wire}> >(exec sed -un '/./s/^/   wire: /p')
	# shellcheck disable=SC2016
	host_spawn alice tcpdump bash -c 'exec tcpdump -l -n -i eth0 "$1" 2> >(cat) 1>&"$2"' bash \
		'udp port 500 or udp port 4500 or (ip proto 50 and ip[24:4] <= 2)' "$wire"
	wait_log tcpdump 'listening on' 20
}

wire_hide()
{
	host_stop tcpdump
	exec {wire}>&-
}

# longest_gap: milliseconds that either side has waited for a packet so far
longest_gap()
{
	local number worst=0 host

	for host in alice bob; do
		flow_number load-recv-$host longest_gap_ms && [ "$number" -gt $worst ] && worst=$number
	done
	echo "$worst"
}

fail()
{
	echo "demo: failed: $*"
	failed=1
}
