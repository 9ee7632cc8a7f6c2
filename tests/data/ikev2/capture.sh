#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the files PEER-….txt beside this one: strongSwan, which tells its keys when asked to, negotiates with PEER, rekeys a child
# and the IKE SA, and deletes all. Run in the lab: LAB_OUT=/tmp/out tests/lab bash tests/data/ikev2/capture.sh PEER IKE-PROPOSAL
#
# usage: capture.sh strongswan|libreswan|openiked aes256gcm16-prfsha384-x25519

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/netns/lib.sh
. "$here/../../netns/lib.sh"
# shellcheck source=tests/lib/peer.sh
. "$here/../../lib/peer.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$here/../../lib/strongswan.sh"
# shellcheck source=tests/lib/libreswan.sh
[ "$1" = strongswan ] || . "$here/../../lib/$1.sh"

kind=$1
proposal=$2

# Keys of charon's log, one line for each IKE SA: shared sk_d sk_ai sk_ar sk_ei sk_er sk_pi sk_pr (- where there is none)
keys()
{
	awk '
	function store() {
		if (name != "")
			value[name] = hex
		name = hex = ""
	}
	function out(    i, n, list) {
		store()
		if (!("Sk_d" in value))
			return
		n = split("shared Sk_d Sk_ai Sk_ar Sk_ei Sk_er Sk_pi Sk_pr", list, " ")
		for (i = 1; i <= n; i++)
			printf "%s%s", (list[i] in value) && value[list[i]] != "" ? value[list[i]] : "-", i < n ? " " : "\n"
		delete value
	}
	/\[IKE\] shared Diffie Hellman secret =>/ { out(); name = "shared"; next }
	/\[IKE\] Sk_[a-z]+ secret =>/ { store(); match($0, /Sk_[a-z]+/); name = substr($0, RSTART, RLENGTH); next }
	name != "" && match($0, /\] +[0-9]+: ([0-9A-F][0-9A-F] )+/) {
		line = substr($0, RSTART, RLENGTH)
		sub(/^\] +[0-9]+: /, "", line)
		gsub(/ /, "", line)
		hex = hex tolower(line)
		next
	}
	name != "" { store() }
	END { out() }' "$1"
}

# said PCAP...: "SPI i|r HEX" for each IKE message, in the order of time
said()
{
	local file

	for file in "$@"; do
		tshark -r "$file" -Y isakmp -T fields -e frame.time_epoch -e udp.srcport -e isakmp.ispi -e isakmp.flag_i -e udp.payload
	done 2>/dev/null | sort -n | awk '{
		gsub(/:/, "")
		sub($2 == 4500 ? "^00000000" : "^", "", $5)
		line = $3 " " ($4 ~ /1|True/ ? "i" : "r") " " $5
		if (!said[line]++)	# not what was repeated
			print line
	}'
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
peer_is alice strongswan
peer_is bob "$kind"
tunnel_new transport alice 192.0.2.1 bob 192.0.2.2
tunnel[ike]=$proposal
peer alice conf
peer bob conf
in_host alice sed -i 's/^\( *\)default = 1$/&\n\1ike = 4/' /etc/strongswan.conf
peer bob start
peer alice start
capture_start wire alice:eth0 bob:eth0
check "it comes up" peer alice up
check "a child is rekeyed" peer alice rekey child
sleep 2
check "the IKE SA is rekeyed" peer alice rekey ike
sleep 2
check "a child is rekeyed again" peer alice rekey child
sleep 2
check "it goes down" peer alice down
capture_stop wire
said "$work"/alice/capture-wire-*.pcap "$work"/bob/capture-wire-*.pcap >"$work/said"
keys "$(host_log charon-alice)" >"$work/keys"
note "$(wc -l <"$work/said") messages, $(wc -l <"$work/keys") IKE SAs"

number=0
# shellcheck disable=SC2034 # they are named by ${!key}
while read -r shared sk_d sk_ai sk_ar sk_ei sk_er sk_pi sk_pr; do
	spi=$(awk -v n=$number '!seen[$1]++ && k++ == n { print $1; exit }' "$work/said")
	number=$((number + 1))
	{
		printf '# strongSwan 5.9.8 (Debian 12) with %s, IKE SA %s of one run of capture.sh %s %s\n' "$kind" $number "$kind" "$proposal"
		IFS=- read -r encr integ prf _ <<<"$proposal"
		case $proposal in
		*gcm*) prf=$integ integ=- ;;
		esac
		[[ $prf == prf* ]] || prf=prf$integ
		echo "suite $encr $integ $prf"
		# Only the first has the nonces in clear.
		[ $number != 1 ] || printf 'shared %s\npsk %s\n' "$shared" "$(printf %s "${tunnel[secret]}" | od -An -v -tx1 | tr -d ' \n')"
		for key in sk_d sk_ai sk_ar sk_ei sk_er sk_pi sk_pr; do
			[ "${!key}" = - ] || echo "$key ${!key}"
		done
		awk -v spi="$spi" '$1 == spi { print $2, $3 }' "$work/said"
	} >"$LAB_OUT/$kind-${proposal%%-*}-$number.txt"
done <"$work/keys"
finish
