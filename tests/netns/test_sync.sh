#!/bin/bash
# SPDX-License-Identifier: MIT
# timeout: 900
# setkey --sync between two hosts, under 1,000 packets a second each way in ESP: whatever is changed, not a packet is lost or
# goes in clear. Beside it: that nothing is lost when nothing is done, and that what loads the same file the old way loses.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

setkey=${O:-build}/bin/setkey
rate=${SYNC_RATE:-1000}
key1=0x000102030405060708090a0b0c0d0e0f10111213
key2=0x202122232425262728292a2b2c2d2e2f30313233
key3=0x404142434445464748494a4b4c4d4e4f50515253
key4=0x606162636465666768696a6b6c6d6e6f70717273

# sa FROM TO SPI KEY [EXTENSION...]
sa()
{
	local from=$1 to=$2 spi=$3 key=$4

	shift 4
	echo "add $from $to esp $spi -r 128 $* -E aes-gcm-16 $key;"
}

# sas [EXTENSION...]: the pair that everything begins with
sas()
{
	sa 192.0.2.1 192.0.2.2 0x1001 "$key1" "$@"
	sa 192.0.2.2 192.0.2.1 0x1002 "$key2" "$@"
}

# policies HOST [UPPER [LEVEL [PRIORITY]]]
policies()
{
	local out=out in=in

	[ "$1" = alice ] || { out=in in=out; }
	echo "spdadd 192.0.2.1 192.0.2.2 ${2:-any} -P $out ${4-} ipsec esp/transport//${3:-require};"
	echo "spdadd 192.0.2.2 192.0.2.1 ${2:-any} -P $in ${4-} ipsec esp/transport//${3:-require};"
}

# others FIRST LAST: SAs and policies that have nothing to do with the traffic
others()
{
	local i

	for ((i = $1; i <= $2; i++)); do
		echo "add 192.0.2.1 198.51.100.$i esp $((0x2000 + i)) -E aes-gcm-16 $key3;"
		echo "spdadd 10.0.$i.0/24 10.1.$i.0/24 any -P out ipsec esp/tunnel/192.0.2.1-198.51.100.$i/require;"
	done
}

truth()
{
	echo "flush; spdflush;"
}

# base HOST: the truth that all cases begin and end with
base()
{
	truth
	others 1 100
	sas
	policies "$1"
}

# sync HOST: standard input is the file; what it says goes to $work/out and $work/err
sync()
{
	in_host "$1" "$setkey" -v --sync - >"$work/out" 2>"$work/err"
}

synced()
{
	tail -n 1 "$work/out"
}

# Standard input to each host, after the words that differ there were exchanged
# shellcheck disable=SC2317 # by name, from under_traffic
sync_both()
{
	local host

	for host in alice bob; do
		"$@" "$host" | sync "$host" || return
	done
}

# traffic_begin NAME, traffic_end NAME: traffic both ways, that certainly flows before what is between them and after it
traffic_begin()
{
	capture_start "$1" alice:eth0 bob:eth0
	flow_start "$1" alice 192.0.2.1 bob 192.0.2.2 "$rate"
	flow_wait "$1" received "$rate" 60
}

traffic_end()
{
	local host number most=0

	for host in alice bob; do
		flow_number "$1-send-$host" sent && [ "$number" -gt "$most" ] && most=$number
	done
	# Numbers are told once a second: this second and one more.
	flow_wait "$1" sent $((most + 2 * rate)) 60
	flow_stop "$1"
	capture_stop "$1"
	clear=$(cleartext_count "$1")
	note "$1: sent=$flow_sent lost=$flow_lost cleartext=$clear longest_gap_ms=$flow_gap_ms"
}

# under_traffic NAME COMMAND...: the command succeeds, and lost=0 cleartext=0
under_traffic()
{
	local name=$1 tag=${1//[^a-z]/-}

	shift
	traffic_begin "$tag"
	check "$name" "$@" || note "$(cat "$work/err")"
	traffic_end "$tag"
	is "$name: lost, in clear" "$flow_lost $clear" "0 0"
	flow_agrees "$name: nothing lost" "$tag"
}

# there_and_back FUNCTION: both hosts to the file that it makes, and back to the base
# shellcheck disable=SC2317
there_and_back()
{
	sync_both "$1" && cp "$work/out" "$work/there" && sync_both base
}

# packets HOST SPI: how many went through the SA, by the kernel's own count
packets()
{
	in_host "$1" "$setkey" -D | awk -v spi="(0x0000$2)" 'index($0, "spi=") { on = index($0, spi) } on && $1 == "allocated:" { print $2 }'
}

# Everything that is configured, as a script
state()
{
	in_host "$1" "$setkey" --dump-script | grep -v '^#'
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
check "an empty kernel gets what the file says" sync_both base || note "$(cat "$work/err")"
is "all of it was added" "$(synced)" "205 added, 0 changed, 0 deleted, 0 stayed"
check "a ping in ESP" in_host alice ping -q -c 2 -W 5 192.0.2.2

# How much the machine can take: if this loses, no sync is to blame.
under_traffic "nothing is done" true
check "all of it in ESP" [ "$(esp_count nothing-is-done)" -ge "$flow_sent" ]

before=$(packets alice 1001)
under_traffic "the same file again" sync_both base
is "nothing was to do" "$(synced)" "0 added, 0 changed, 0 deleted, 205 stayed"
check "counters go on" [ "$(packets alice 1001)" -ge $((before + 2 * rate)) ]

# shellcheck disable=SC2317
churn()
{
	{ truth; others 51 150; sas; policies alice; } | sync alice && base alice | sync alice &&
		[ "$(synced)" = "100 added, 0 changed, 100 deleted, 105 stayed" ]
}
under_traffic "others go and come" churn

# shellcheck disable=SC2317
garbage()
{
	{ others 180 250; echo "spdadd 192.0.2.1 192.0.2.2 tcp -P out none;"; } | in_host alice "$setkey" -e -f - && base alice | sync alice
}
under_traffic "garbage goes" garbage
is "all the garbage" "$(synced)" "0 added, 0 changed, 143 deleted, 205 stayed"

# shellcheck disable=SC2317
with_priority()
{
	truth
	sas
	policies "$1" any require "prio high"
	# A bypass that is not for this traffic, but would be if it came to decide.
	policies "$1" any require "prio low" | sed 's/ipsec .*/none;/; s/ any / tcp /'
}
under_traffic "another priority" there_and_back with_priority

# shellcheck disable=SC2317
with_level()
{
	truth
	sas
	policies "$1" any use
}
under_traffic "another level" there_and_back with_level

# shellcheck disable=SC2317
with_lifetime()
{
	truth
	others 1 100
	sas -lh 86400 -ls 80000
	policies "$1"
}
before=$(packets bob 1002)
under_traffic "other lifetimes" there_and_back with_lifetime
is "two SAs were updated" "$(tail -n 1 "$work/there")" "0 added, 2 changed, 0 deleted, 203 stayed"
check "their counters go on" [ "$(packets bob 1002)" -ge $((before + 2 * rate)) ]

# shellcheck disable=SC2317
with_exception()
{
	truth
	others 1 100
	sas
	policies "$1" | sed 's/ipsec .*/none;/; s/ any / tcp /'
	policies "$1"
}
under_traffic "an exception before the rule, at the same priority" there_and_back with_exception
check "it was moved before it" grep -q '# -,.*: order$' "$work/there"

# clear_tcp NAME: how many packets of a TCP connection that nobody answers go in clear, both ways
clear_tcp()
{
	capture_start "$1" alice:eth0 bob:eth0
	in_host alice bash -c '</dev/tcp/192.0.2.2/9' 2>/dev/null
	capture_stop "$1"
	cleartext_count "$1" tcp
}

# That it takes moving: what is only added comes to stand behind its equals, and decides nothing.
for host in alice bob; do
	with_exception $host | grep ' tcp ' | in_host $host "$setkey" -e -f -
done
is "an exception that is added decides nothing" "$(clear_tcp added)" 0
check "it is moved" sync_both with_exception
is "an exception that is moved decides" "$(clear_tcp moved)" 2
check "it goes" sync_both base
is "and decides nothing any more" "$(clear_tcp gone)" 0

# shellcheck disable=SC2317
with_halves()
{
	truth
	others 1 100
	sas
	policies "$1" udp
	policies "$1" tcp
}
under_traffic "one policy becomes two, and one again" there_and_back with_halves

# Other keys, without a moment in which a host uses what the other does not know: three steps, each on both hosts.
# shellcheck disable=SC2317
rekey_receive()
{
	base "$1"
	[ "$1" = alice ] || sa 192.0.2.1 192.0.2.2 0x1003 "$key3"
	[ "$1" = bob ] || sa 192.0.2.2 192.0.2.1 0x1004 "$key4"
}
# shellcheck disable=SC2317
rekey_send()
{
	base "$1"
	sa 192.0.2.1 192.0.2.2 0x1003 "$key3"
	sa 192.0.2.2 192.0.2.1 0x1004 "$key4"
}
# shellcheck disable=SC2317
rekey_end()
{
	rekey_send "$1" | grep -v ' esp 0x100[12] '
}
# shellcheck disable=SC2317
rekey()
{
	sync_both rekey_receive && sync_both rekey_send && sync_both rekey_end
}
under_traffic "other keys in three steps" rekey
is "the old pair is gone" "$(packets alice 1001)$(packets alice 1002)" ""
check "the new one is used" [ "$(packets bob 1003)" -ge "$rate" ]

# What the kernel does not take stands after much that it takes.
# shellcheck disable=SC2317
refused()
{
	{
		truth
		others 101 150
		rekey_end alice | grep -v flush
		echo 'add 192.0.2.1 203.0.113.1 esp 0x3000 -E "cbc(nosuchcipher)" 0x00112233445566778899aabbccddeeff;'
		others 151 160
	} | sync alice
	[ $? = 2 ]
}

# The same for what would replace an SA: it is tried before the SA goes.
# shellcheck disable=SC2317
refused_replacement()
{
	rekey_end alice | sed '/ 0x1003 /s/-E .*/-E "cbc(nosuchcipher)" 0x00112233445566778899aabbccddeeff;/' | sync alice
	[ $? = 2 ]
}

# shellcheck disable=SC2317
only_looks()
{
	base alice | in_host alice "$setkey" --check - >"$work/out" && grep -q '^2 to add, 0 to change, 2 to delete' "$work/out"
}

# shellcheck disable=SC2317
refusals()
{
	refused && cp "$work/err" "$work/refused" && refused_replacement && only_looks
}
before=$(state alice)
under_traffic "a file that is refused half way, a replacement that is refused, --check" refusals
check "it tells which line" grep -qE '^setkey: -,[0-9]+: .*add 192.0.2.1 203.0.113.1 esp' "$work/refused"
check "and that all was taken back" grep -q 'Nothing was changed' "$work/refused"
is "all is as before" "$(state alice)" "$before"
is "nothing was ever refused by either kernel" "$(in_host alice grep -v '[^0-9]0$' /proc/net/xfrm_stat; in_host bob grep -v '[^0-9]0$' /proc/net/xfrm_stat)" ""

# SIGTERM while old SAs still live: the rest is done at once.
base alice | in_host alice "$setkey" --drain 60000 --sync - &
pid=$!
# shellcheck disable=SC2317
drains()
{
	[ -n "$(packets alice 1001)" ]
}
check "old SAs live beside the new" wait_until 20 drains
is "during the drain" "$(state alice | grep -c 'esp 0x0*100[13] ')" 2
for child in $(cat /proc/$pid/task/$pid/children) $pid; do
	[ "$(cat "/proc/$child/comm" 2>/dev/null)" != setkey ] || kill -TERM "$child"
done
wait $pid
is "SIGTERM ends it with success" $? 0
is "and the old are gone" "$(state alice | grep -c 'esp 0x0*100[34] ')" 0
check "bob follows" sync_both base

# Through PF_KEY: the same file twice
classic()
{
	truth
	echo "add 192.0.2.1 192.0.2.9 esp 0x4001 -lh 100 -ls 50 -E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 0x000102030405060708090a0b0c0d0e0f10111213;"
	echo "add 192.0.2.1 192.0.2.9 ah 0x4002 -m any -u 5 -r 32 -A hmac-md5 0x000102030405060708090a0b0c0d0e0f;"
	echo "spdadd 10.0.1.0/24 10.0.2.0/24[80] tcp -P out prio 5 ipsec esp/tunnel/192.0.2.1-192.0.2.9/unique:7 ah/transport//use;"
	echo "spdadd 10.0.2.0/24 10.0.1.0/24 any -P in ipsec esp/tunnel/192.0.2.9-192.0.2.1/unique;"
	echo "spdadd 192.0.2.1 192.0.2.8 icmp 3,1 -P out discard;"
}
host_new carol
for backend in xfrm pfkey; do
	check "$backend: a classic file" eval "classic | in_host carol $setkey --backend $backend --sync -"
	is "$backend: nothing to do then" "$(classic | in_host carol "$setkey" --backend $backend --check -)" \
		"0 to add, 0 to change, 0 to delete, 6 stay"
done

# The same file loaded as always: its flush takes away what the traffic needs.
load_both()
{
	base alice | in_host alice "$setkey" -e -f - && base bob | in_host bob "$setkey" -e -f -
}
traffic_begin control
check "the old way" load_both
traffic_end control
flow_agrees "what the old way loses" control
check "loses or leaks" [ $((flow_lost + clear)) -gt 0 ]
finish
