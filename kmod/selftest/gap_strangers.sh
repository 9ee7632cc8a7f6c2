#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What anybody can send, or make this host send, neither harms the kernel nor drives out of the gap meter what it is there for.
# timeout: 240

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/lib.sh"

a=192.0.2.1 b=192.0.2.2
command -v perl >/dev/null || skip_all "perl is needed"

# esp N SOURCES SPI: N ESP packets from bob to alice, with sources from 10.9.0.1 on, and SPIs from SPI on (step 0: always the same)
esp()
{
	ip netns exec bob perl -MSocket -e '
		my ($n, $sources, $spi, $step, $to) = @ARGV;
		socket(my $s, AF_INET, SOCK_RAW, 255) or die;
		for my $i (0 .. $n - 1) {
			my $from = pack("N", 0x0a090001 + $i % $sources);
			my $packet = pack("CCnnnCCn", 0x45, 0, 60, 0, 0, 64, 50, 0) . $from . inet_aton($to) . pack("NN", hex($spi) + $i * $step, 1) . "x" x 32;
			send($s, $packet, 0, sockaddr_in(0, inet_aton($to))) or die;
			select(undef, undef, undef, 0.02) unless $i % 100;
		}' "$1" "$2" "$3" "$4" "$a"
}

# info NAME: of alice's meter
info()
{
	gaps alice | sed 's/.*"info":{\([^}]*\)}.*/{\1}/' | field "$1"
}

hosts
module ipsec_gap
[ -n "$(gaps alice)" ] || skip_all "keydctl is not there"

# A datagram in a socket's queue has something else where its device was.
ip netns exec alice perl -MSocket -e '
	socket(my $in, AF_INET, SOCK_DGRAM, 0) or die;
	bind($in, sockaddr_in(4711, INADDR_ANY)) or die;
	socket(my $out, AF_INET, SOCK_DGRAM, 0) or die;
	for my $i (1 .. 50) { send($out, "x" x $i, 0, sockaddr_in(4711, inet_aton("127.0.0.1"))) or die; }
	close($in);' || not_ok "datagrams are sent"
check "a socket may be closed with datagrams in its queue" kernel_is_clean

ip -n alice xfrm monitor acquire >"$work/monitor" 2>&1 &
spawned+=($!)
policy add "$a/32" "$b/32"
pair $a $b 0x1001
sa alice $b $a 0x1002
pings 1
ip -n alice xfrm state delete src $a dst $b proto esp spi 0x1001
pair $a $b 0x1003 2>/dev/null || sa alice $a $b 0x1003
pings 1
check "there is a gap to be kept" until_true 10 has_event alice gap
kept=$(count alice gap)

# While a dump is being read, as many SPIs come as drive out half of what there is. What stays is told, and once.
ask=$here/gap_ask
[ -x "$ask" ] || ask=${O:-build}/kmod/selftest/gap_ask
sources()
{
	gaps alice | sed 's/.*"spis"://; s/"events":.*//; s/{"local"/\n{"local"/g' | field peer | sort
}
if [ -x "$ask" ]; then
	esp 700 700 0x10000 1
	until_true 10 eval '[ "$(info spis)" -ge 600 ]'
	sources >"$work/before"
	ip netns exec alice "$ask" spis "touch $work/half; until [ -e $work/go ]; do sleep 0.05; done" >"$work/told" &
	dump=$!
	until_true 10 [ -e "$work/half" ]
	esp 468 20 0x18000 1
	until_true 10 eval '[ "$(info forgotten)" -ge 200 ]'
	touch "$work/go"
	wait "$dump"
	is "a dump goes on when strangers drive out what it has told" "$?" 0
	sources | comm -12 - "$work/before" >"$work/stay"
	is "what stays is told" "$(sort -u "$work/told" | comm -13 - <(sort -u "$work/stay") | wc -l)" 0
	check "and there is some" [ -s "$work/stay" ]
else
	echo "# $ask is not there: make lab-programs"
fi

esp 3000 2000 0x20000 1
check "as many SPIs are kept as there is room for" eval '[ "$(info spis)" -le 1024 ] && [ "$(info spis)" -ge 256 ]'
check "what was not kept is counted" eval '[ "$(info other_packets)" -gt 0 ] && [ "$(info forgotten)" -gt 0 ]'

# bob does not know that alice's inbound SA is gone.
sa bob $b $a 0x1002
ip -n bob xfrm policy add dir out src $b/32 dst $a/32 tmpl proto esp reqid 5 mode transport
ip -n alice xfrm state delete src $b dst $a proto esp spi 0x1002
ip netns exec bob ping -q -c 3 -i 0.1 -W 0.1 $a >/dev/null
e=$(event alice spi)
is "a peer's straggler is told of all the same" "$(field spi <<<"$e") $(field fate <<<"$e")" "0x00001002 late"
is "and counted" "$(spi alice 0x00001002 late)" 3
ip -n bob xfrm policy flush

# Who has read that SPI on the wire may have any source.
esp 1500 1500 0x1002 0
is "and is kept" "$(spi alice 0x00001002 late | sort -n | tail -n 1)" 3
is "events of gaps are kept" "$(count alice gap)" "$kept"
check "and of SPIs, not too many" eval '[ "$(($(count alice spi) + 0))" -le 256 ]'

# A policy for many, and packets to addresses that nobody has ever had an SA with: answers to forged sources are such.
ip -n alice xfrm state flush
ip -n alice route add 10.0.0.0/8 via $b
ip -n alice xfrm policy add dir out src 0.0.0.0/0 dst 10.0.0.0/8 tmpl proto esp reqid 6 mode transport
# shellcheck disable=SC2034 # the check below reads it
began=$SECONDS
ip netns exec alice perl -MSocket -e '
	socket(my $s, AF_INET, SOCK_DGRAM, 0) or die;
	send($s, "x", 0, sockaddr_in(9, pack("N", 0x0a010001 + $_))) for 0 .. 599;'
check "paths to strangers have a bound" eval '[ "$(info paths)" -le 258 ] && [ "$(info paths)" -ge 200 ]'
is "and drive out nothing" "$(gaps alice | sed 's/.*"paths"://; s/"spis".*//' | grep -c "\"peer\":\"$b\"")" 1
# 20 in 10 s, in as many spans of 10 s as there may have been
check "nor are they all told of" eval '[ "$(count alice gap-open)" -le $((20 * ((SECONDS - began) / 10 + 3))) ]'
is "events of gaps are still there" "$(count alice gap)" "$kept"
ip -n alice xfrm policy flush
check "without the policy they are gone" eval '[ "$(info paths)" -le 1 ]'
check "no words of the kernel" kernel_is_clean
finish
