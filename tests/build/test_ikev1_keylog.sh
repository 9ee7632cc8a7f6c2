#!/bin/bash
# SPDX-License-Identifier: MIT
# The key log opens a captured IKEv1 to tshark (keyd without a kernel): main and aggressive mode, mode config, quick mode, a rekey of both phases, deletes.
# Needs root, and namespaces.

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"

command -v tshark >/dev/null && command -v tcpdump >/dev/null || skip_all "there is no tshark"

# What Wireshark takes its tables from is $XDG_CONFIG_HOME/wireshark.
tables=/run/keys/wireshark

# both_start WORDS: alice is bob's client, so there is mode config; she writes the keys down
both_start()
{
	in_host alice mkdir -p -m 700 ${tables%/*}
	conf_file alice <<-END
		keylog $tables
		peer bob {
			address 192.0.2.2; local 192.0.2.1; version 1; psk "$secret"; $1
			virtual-address ipv4; traffic assigned <-> 10.2.0.0/24
		}
	END
	conf_file bob <<-END
		pool lab { address 10.3.0.10/32 }
		peer alice {
			address 192.0.2.1; local 192.0.2.2; version 1; psk "$secret"; $1
			pool lab; traffic 10.2.0.0/24 <-> assigned
		}
	END
	keyds_start --backend fake
}

# record NAME: what alice sends and gets, as the kernel has its order
record()
{
	host_spawn alice "wire-$1" tcpdump -i eth0 -U --immediate-mode -w "$work/$1.pcap" udp port 500
	wait_log "wire-$1" listening 20
}

# datagrams NAME CONFIG: of the file, by the tables under CONFIG, one line for each: exchange, payloads, what is malformed; none that was sent again
datagrams()
{
	in_host alice env XDG_CONFIG_HOME="$2" HOME=/nonexistent tshark -r "$work/$1.pcap" -Y isakmp -T fields -E separator='|' \
		-e udp.payload -e isakmp.exchangetype -e isakmp.typepayload -e _ws.malformed 2>"$work/$1.err" |
		awk -F '|' '!seen[$1]++ { print $2 "|" $3 "|" $4 }' >"$work/$1.txt"
}

# lines NAME REGEX: of datagrams
lines()
{
	grep -cE -- "$2" "$work/$1.txt"
}

# opened NAME PHASE-1 CLOSED: PHASE-1 is its encrypted messages, CLOSED how all others look when nothing opens them
opened()
{
	datagrams "$1" "${tables%/*}"
	is "$1: tshark takes the tables" "$(grep -c 'Error loading' "$work/$1.err")" 0
	is "$1: phase 1 and another one are read" "$(lines "$1" "$2")" "$3"
	is "$1: mode config, with each" "$(lines "$1" '^6\|8,14\|$')" 4
	is "$1: quick modes: SA, nonce, KE, identities" "$(lines "$1" '^32\|8,1,2,3,10,4,5,5(,11)?\|$')" 4
	is "$1: their third messages" "$(lines "$1" '^32\|8\|$')" 2
	check "$1: deletes" [ "$(lines "$1" '^5\|8,12\|$')" -ge 2 ]
	is "$1: nothing stays closed, and nothing is malformed" "$(grep -cE '^[0-9]+\|\||Malformed' "$work/$1.txt")" 0
	datagrams "$1" /nonexistent
	is "$1: without the tables, it is closed" "$(lines "$1" '^(6|32|5)\|[0-9]')" 0
}

# talk NAME WORDS: up, each phase once more, down
talk()
{
	both_start "$2"
	record "$1" || not_ok "$1: packets are recorded"
	check "$1: up" keydctl alice --timeout 20 up bob
	check "$1: rekey of the child" keydctl alice --timeout 20 rekey bob --child
	check "$1: rekey of the ISAKMP SA" keydctl alice --timeout 20 rekey bob --ike
	check "$1: down" keydctl alice --timeout 20 down bob
	wait_log keyd-bob 'IKE_SA result=(gone|down) .*the peer deleted it' 20 || not_ok "$1: bob knows"
	host_stop "wire-$1"
	keyds_stop
}

native_hosts
talk main "ike aes128-sha256-modp2048; esp aes128-sha256-modp2048"
opened main '^2\|5,8(,11)?\|$' 4
talk aggressive "exchange aggressive; ike aes256-sha1-modp2048; esp aes256-sha256-modp2048; pfs yes"
opened aggressive '^4\|8(,[0-9]+)*\|$' 2
finish
