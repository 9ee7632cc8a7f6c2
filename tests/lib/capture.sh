# SPDX-License-Identifier: MIT
# Packets on the wire: recorded (by tests/netns/capture.c) where they leave a host, so each is seen once and as the other side gets it.
# (On its way in, the kernel shows a tunnelled packet twice: in ESP, and again when it is decrypted.)
# shellcheck shell=bash disable=SC2154 # variables of hosts.sh

# What may be on a wire in clear: keying, neighbour discovery, multicast listener reports.
# And that nobody listens there any more, as when the answer to somebody's last DELETE comes.
capture_nobody='(icmp[0:2] = 0x0303 and icmp[17] = 17 and (icmp[30:2] = 500 or icmp[30:2] = 4500))'
capture_keying="udp port 500 or udp port 4500 or $capture_nobody"
capture_housekeeping='arp or (icmp6 and ip6[40] >= 133 and ip6[40] <= 137) or ip6[6] = 0'
capture_protected='esp or ah or ip proto 108 or ip6 proto 108 or udp port 4500'

# capture_start NAME HOST:INTERFACE...: from the moment it returns, no packet is missed
capture_start()
{
	local name=$1 place tag

	shift
	for place in "$@"; do
		tag=capture-$name-${place/:/-}
		host_spawn "${place%:*}" "$tag" "${O:-build}/tests/capture" "${place#*:}" "$work/${place%:*}/$tag.pcap"
	done
	for place in "$@"; do
		wait_log "capture-$name-${place/:/-}" listening 20 || return
	done
}

# capture_stop NAME: afterwards capture_count and the like tell what was seen. Fails if packets were dropped unseen.
capture_stop()
{
	local tag rc=0

	for tag in "${!tag_pid[@]}"; do
		[[ $tag != "capture-$1-"* ]] || host_stop "$tag" || rc=$?
	done
	return $rc
}

# capture_show NAME [FILTER]: one line for each packet, as tcpdump prints it
capture_show()
{
	local file

	for file in "$work"/*/capture-"$1"-*.pcap; do
		tcpdump -n -tt -r "$file" ${2:+"$2"} 2>/dev/null
	done
}

# capture_count NAME [FILTER]
capture_count()
{
	capture_show "$@" | wc -l
}

# esp_count NAME: bare, or in UDP without the zeros that mark IKE
esp_count()
{
	capture_count "$1" 'esp or (ip and udp port 4500 and udp[8:4] != 0) or (ip6 and udp port 4500 and ip6[48:4] != 0)'
}

# cleartext_count NAME [FILTER]: packets that no IPsec protects and that are neither keying nor housekeeping
cleartext_count()
{
	capture_count "$1" "not ($capture_protected or $capture_keying or $capture_housekeeping)${2:+ and ($2)}"
}

cleartext_show()
{
	capture_show "$1" "not ($capture_protected or $capture_keying or $capture_housekeeping)"
}

# exchange_count NAME TYPE: exchanges of IKEv2 of that type (36: CREATE_CHILD_SA) that were begun, over IPv4 and one IKE SA. A request
# that was sent again is the same exchange.
exchange_count()
{
	local file

	for file in "$work"/*/capture-"$1"-*.pcap; do
		tcpdump -n -v -r "$file" "(udp port 500 and udp[26] = $2 and udp[27] & 0x20 = 0) or
			(udp port 4500 and udp[8:4] = 0 and udp[30] = $2 and udp[31] & 0x20 = 0)" 2>/dev/null
	done | sed -n 's/^ *\([^ ]*\) > .* msgid \([0-9a-f]*\):.*/\1 \2/p' | sort -u | wc -l
}
