#!/bin/bash
# SPDX-License-Identifier: MIT
# The often-told story of racoon at home: a laptop and a wireless gateway, policies loaded by setkey, psk.txt and racoon.conf, a ping running.
# "setkey -F"; the policies loaded while pinging; the daemon stopped and started. There, 2 of 9 pings were lost by the flush and 26 seconds by the
# load. Here keyd reads the same files, speaks IKEv1 with itself, and both losses are printed.
#
#	laptop 192.168.1.2 ---- 192.168.1.1 gateway 10.0.0.1 ---- 10.0.0.9 server
# timeout: 400

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

ping_pause=0.1		# seconds; the story's were 1 s apart

# racoon_conf HOST PEER: what racoon would have there; 3DES and MD5 as the story has them are old, but named
racoon_conf()
{
	in_host "$1" sh -c 'mkdir -p /etc/racoon && umask 077 && cat >/etc/racoon/racoon.conf && printf "%s\t%s\n" "$1" "$2" >/etc/racoon/psk.txt' sh "$2" "$secret" <<-END
		path pre_shared_key "/etc/racoon/psk.txt";
		log notify;
		padding { maximum_length 20; randomize off; strict_check off; exclusive_tail off; }
		timer { counter 5; interval 20 sec; persend 1; phase1 30 sec; phase2 15 sec; }
		remote anonymous
		{
			exchange_mode main;
			doi ipsec_doi;
			situation identity_only;
			lifetime time 24 hour;
			proposal_check obey;
			proposal {
				encryption_algorithm ${ike_encr:-aes 128};
				hash_algorithm ${ike_hash:-sha1};
				authentication_method pre_shared_key;
				dh_group ${ike_group:-2};
			}
		}
		sainfo anonymous
		{
			pfs_group 2;
			lifetime time 12 hour;
			encryption_algorithm aes 128;
			authentication_algorithm hmac_sha1;
			compression_algorithm deflate;
		}
	END
}

# setkey_conf HOST FROM TO HERE THERE
setkey_conf()
{
	in_host "$1" sh -c 'cat >/etc/ipsec.conf' <<-END
		flush;
		spdflush;
		spdadd $2 $3 any -P out ipsec esp/tunnel/$4-$5/require;
		spdadd $3 $2 any -P in ipsec esp/tunnel/$5-$4/require;
	END
}

# begins_keyd HOST
begins_keyd()
{
	host_spawn "$1" "keyd-$1" "$bin/keyd" -v --cache-dir /run/gapless/cache -f /etc/racoon/racoon.conf
	check "keyd on $1 takes racoon.conf" wait_log "keyd-$1" 'ready:' 30
}

ends_keyd()
{
	kill -TERM "${tag_pid[keyd-$1]}"
	host_stop "keyd-$1"
}

# pings NAME: from the laptop to the server, until pinged; and to itself, which tells how long the machine stood still
pings()
{
	host_spawn laptop "still-$1" ping -D -n -i "$ping_pause" 127.0.0.1
	host_spawn laptop "ping-$1" ping -D -n -i "$ping_pause" 10.0.0.9
	check "$1: a ping is answered" wait_log "ping-$1" 'bytes from' 30
}

# answered NAME: how many answers there are
answered()
{
	grep -c 'bytes from' "$work/laptop/ping-$1.log"
}

# goes_on NAME: ten more answers from now on, in time
goes_on()
{
	local from

	from=$(answered "$1")
	check "$1: pings are answered $2" wait_until 40 more_than "$1" $((from + 10))
}

# shellcheck disable=SC2317
more_than()
{
	[ "$(answered "$1")" -ge "$2" ]
}

# longest TAG: ms without an answer
longest()
{
	awk '/bytes from/ { t = substr($1, 2, length($1) - 2); if (before && t - before > most) most = t - before; before = t } END { printf "%d", most * 1000 }' \
		"$(host_log "$1")"
}

# pinged NAME: the end of it; sets lost, sent, silence (ms without an answer, less those without any of the machine's own)
pinged()
{
	local still

	kill -INT "${tag_pid[ping-$1]}" "${tag_pid[still-$1]}"
	host_stop "ping-$1"
	host_stop "still-$1"
	# The last may still be on its way.
	read -r sent lost < <(awk -F 'icmp_seq=' '/bytes from/ { if ($2 + 0 > most) most = $2 + 0; n++ } END { print most + 0, most - n }' \
		"$work/laptop/ping-$1.log")
	silence=$(longest "ping-$1") still=$(longest "still-$1")
	silence=$((silence > still ? silence - still : 0))
}

# tell NAME RACOON: what racoon lost, beside what we lose
tell()
{
	note "$1: racoon $2; keyd lost $lost of $sent pings, $silence ms without an answer"
}

host_new laptop
host_new gateway
host_new server
link_new laptop 192.168.1.2/24 gateway 192.168.1.1/24
link_new gateway 10.0.0.1/24 server 10.0.0.9/24
host_route laptop default 192.168.1.1
host_route server default 10.0.0.1
in_host gateway sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
link_delay laptop eth0 2
racoon_conf laptop 192.168.1.1
racoon_conf gateway 192.168.1.2
setkey_conf laptop 192.168.1.2 0.0.0.0/0 192.168.1.2 192.168.1.1
setkey_conf gateway 0.0.0.0/0 192.168.1.2 192.168.1.1 192.168.1.2
begins_keyd gateway
begins_keyd laptop
in_host gateway "$bin/setkey" -f /etc/ipsec.conf
in_host laptop "$bin/setkey" -f /etc/ipsec.conf

pings first
goes_on first "after the first"
pinged first
tell "first packet" "lost 1.2 s of pings"
is "the first packet waits for its keys, and is not lost" "$lost" 0
check "it is IKEv1" wait_log keyd-laptop 'Main Mode result=begin' 5

pings flush
goes_on flush before
check "setkey -F at the laptop" in_host laptop "$bin/setkey" -F
goes_on flush "after setkey -F"
pinged flush
tell "setkey -F" "lost 2 of 9 pings, a second apart"
check "setkey -F: less than a second without an answer" [ "$silence" -lt 1000 ]

pings load
goes_on load before
check "the policies are loaded while pinging" in_host laptop "$bin/setkey" -f /etc/ipsec.conf
goes_on load "after the load"
pinged load
tell "policy load" "was silent for 26 s"
check "policy load: less than a second without an answer" [ "$silence" -lt 1000 ]

pings stop
goes_on stop before
ends_keyd laptop
goes_on stop "while the daemon is stopped"
begins_keyd laptop
goes_on stop "when it is started"
check "it has the SAs that it had" [ "$(keydctl laptop status | grep -c '  established  ')" = 1 ]
pinged stop
tell "daemon stopped and started" "was silent for 11 to 31 s"
is "stop and start lose nothing" "$lost" 0
finish
