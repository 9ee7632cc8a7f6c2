#!/bin/bash
# SPDX-License-Identifier: MIT
# What setkey shows on a real kernel, byte for byte, through either interface: dumps, and the monitor's changes in their order.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/setkey.sh
. "$(dirname "$0")/../lib/setkey.sh"

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24

# text: standard input, whose lines begin with | where the text does
text()
{
	sed 's/^|//'
}

# The end of an SA's dump without limits, from the state on; $1: its sadb_seq, $2 its state, $3 its hard lifetime
sa_end()
{
	text <<-END
		|	seq=0x00000000 replay=0 flags=0x00000000 state=$2 
		|	created: Mmm dd hh:mm:ss yyyy	current: Mmm dd hh:mm:ss yyyy
		|	diff: N(s)	hard: $3(s)	soft: 0(s)
		|	last:                     	hard: 0(s)	soft: 0(s)
		|	current: 0(bytes)	hard: 0(bytes)	soft: 0(bytes)
		|	allocated: 0	hard: 0	soft: 0
		|	sadb_seq=$1 pid=PID refcnt=0
	END
}

# $1: what PF_KEY cannot tell
wanted_sad()
{
	text <<-END
		|192.0.2.1 192.0.2.2 
		|	esp mode=transport spi=4101(0x00001005) reqid=0(0x00000000)
		|$(sa_end 1 larval 3600)
		|2001:db8::1 2001:db8::2 
		|	esp mode=transport spi=4100(0x00001004) reqid=0(0x00000000)
		|$(sa_end 2 mature 0)
		|192.0.2.1[4500] 192.0.2.2[4501] 
		|	esp-udp mode=transport spi=4099(0x00001003) reqid=0(0x00000000)
		|$1	A: hmac-md5  30313233 34353637 38396162 63646566
		|$(sa_end 3 mature 0)
		|192.0.2.1 192.0.2.2 
		|	ipcomp mode=transport spi=4098(0x00001002) reqid=0(0x00000000)
		|	C: deflate $(sa_end 4 mature 0)
		|192.0.2.1 192.0.2.2 
		|	ah mode=transport spi=4097(0x00001001) reqid=0(0x00000000)
		|	A: hmac-sha512  00010203 04050607 08090a0b 0c0d0e0f 00010203 04050607 08090a0b 0c0d0e0f
		| 00010203 04050607 08090a0b 0c0d0e0f 00010203 04050607 08090a0b 0c0d0e0f
		|$(sa_end 5 mature 0)
		|192.0.2.1 192.0.2.2 
		|	esp mode=tunnel spi=4096(0x00001000) reqid=5(0x00000005)
		|	E: aes-cbc  00010203 04050607 08090a0b 0c0d0e0f
		|	A: hmac-sha1  74686973 20697320 74686520 74657374 206b6579
		|	seq=0x00000000 replay=32 flags=0x00000000 state=mature 
		|	created: Mmm dd hh:mm:ss yyyy	current: Mmm dd hh:mm:ss yyyy
		|	diff: N(s)	hard: 36000(s)	soft: 30000(s)
		|	last:                     	hard: 0(s)	soft: 0(s)
		|	current: 0(bytes)	hard: 1000000(bytes)	soft: 900000(bytes)
		|	allocated: 0	hard: 0	soft: 0
		|	sadb_seq=0 pid=PID refcnt=0
	END
}

# The end of a policy's dump; $1: its seq
policy_end()
{
	text <<-END
		|	created: Mmm dd hh:mm:ss yyyy  lastused:                     
		|	lifetime: 0(s) validtime: 0(s)
		|	spid=N seq=$1 pid=PID
		|	refcnt=2
	END
}

# $1: a code that PF_KEY cannot tell, $2: "[0]" with -p
wanted_spd()
{
	text <<-END
		|10.0.1.1 10.0.2.0 gre 1234567
		|	out prio def + 5 none
		|$(policy_end 1)
		|10.0.1.1 10.0.2.0 icmp 8
		|	out prio def - 5 discard
		|$(policy_end 2)
		|2001:db8::/32 ::/0 ipv6-icmp 135$1
		|	out prio low none
		|$(policy_end 3)
		|10.0.1.1[22] 10.0.2.0/24[any] tcp
		|	fwd prio high + 7 ipsec
		|	ipcomp/transport//use
		|	esp/tunnel/192.0.2.2$2-192.0.2.1$2/require
		|$(policy_end 4)
		|10.0.1.1[22] 10.0.2.0/24[any] tcp
		|	in prio high + 7 ipsec
		|	ipcomp/transport//use
		|	esp/tunnel/192.0.2.2$2-192.0.2.1$2/require
		|$(policy_end 5)
		|10.0.1.0/24[any] 10.0.2.0/24[any] 255
		|	out prio def ipsec
		|	esp/tunnel/192.0.2.1$2-192.0.2.2$2/unique:5
		|$(policy_end 0)
	END
}

# Loaded through XFRM, and read through either.
in_host alice sysctl -qw net.core.xfrm_acq_expires=3600
load <<-END
	add 192.0.2.1 192.0.2.2 esp 4096 -m tunnel -u 5 -r 32 -lh 36000 -ls 30000 -bh 1000000 -bs 900000
		-E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 "this is the test key";
	add 192.0.2.1 192.0.2.2 ah 0x1001 -A hmac-sha512 0x$(printf '000102030405060708090a0b0c0d0e0f%.0s' 1 2 3 4);
	add 192.0.2.1 192.0.2.2 ipcomp 0x1002 -C deflate;
	add 192.0.2.1 192.0.2.2[4501] esp-udp 192.0.2.77 0x1003 -E null -A hmac-md5 "0123456789abcdef";
	add 2001:db8::1 2001:db8::2 esp 0x1004 -m any -f nocyclic-seq -E null;
	getspi 192.0.2.1 192.0.2.2 esp 0x1005;
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/unique:5;
	spdadd 10.0.1.1[22] 10.0.2.0/24[any] tcp -P in prio high + 7 ipsec ipcomp/transport//use
		esp/tunnel/192.0.2.2-192.0.2.1/require;
	spdadd 2001:db8::/32 ::/0 icmp6 135,0 -P out prio low none;
	spdadd 10.0.1.1 10.0.2.0 icmp 8 -P out prio -5 discard;
	spdadd 10.0.1.1 10.0.2.0 gre 1234567 -P out prio def + 5 none;
END
is "loading, and what getspi answers" "$rc $err $out" "0  spi=4101(0x00001005)"

brief="time p   s spi      ltime   src -> dst
esp L 00001005 age/big 192.0.2.1 -> 192.0.2.2
esp M 00001004 age/0   2001:db8::1 -> 2001:db8::2
esp M 00001003 age/0   192.0.2.1 -> 192.0.2.2
ipcomp M 00001002 age/0   192.0.2.1 -> 192.0.2.2
ah  M 00001001 age/0   192.0.2.1 -> 192.0.2.2
esp M 00001000 age/big 192.0.2.1 -> 192.0.2.2"

# dumps BACKEND OA CODE: what that backend cannot tell is empty
dumps()
{
	via=(--backend "$1")
	is "$1: -D" "$(dumped -D)" "$(wanted_sad "$2")"
	is "$1: -Da has no more, as nothing is dead" "$(dumped -Da)" "$(wanted_sad "$2")"
	is "$1: -DP" "$(dumped -DP)" "$(wanted_spd "$3" "")"
	is "$1: -DPp: ports of a tunnel's ends, too" "$(dumped -DPp)" "$(wanted_spd "$3" "[0]")"
	is "$1: -Dp" "$(dumped -Dp | grep -c '^192.0.2.1\[0\] 192.0.2.2\[0\] $')" 4
	host_spawn alice brief "$setkey" "${via[@]}" -lD
	wait_log brief ' 00001000 ' 60 3 || :
	is "$1: -lD: a line each, again and again" \
		"$(sed -E 's/^[0-5][0-9][0-5][0-9] //; s/ +[0-9]{1,3}\// age\//' "$(host_log brief)" | head -n 7)" "$brief"
	host_stop brief
	load <<<"get 192.0.2.1 192.0.2.2 ah 0x1001;"
	is "$1: get" "$rc $err $(head -n 2 <<<"$out")" "0  192.0.2.1 192.0.2.2 
	ah mode=transport spi=4097(0x00001001) reqid=0(0x00000000)"
	load <<<"dump ipcomp; dump ah; spddump;"
	is "$1: dump of one protocol, spddump" "$rc $(grep -cP '^\t(ipcomp|ah) mode' <<<"$out") $(grep -c sadb_seq=0 <<<"$out") $(grep -c '^'$'\t''refcnt' <<<"$out")" \
		"0 2 2 6"
}

dumps xfrm $'\tNAT OA=192.0.2.77\n' ,0
dumps pfkey "" ""

run -F
is "-F leaves the policies" "$rc $out$err $(spis)$(policy_count)" "0  6"
run -FP
is "-FP" "$rc $out$err $(policy_count)" "0  0"
for backend in xfrm pfkey; do
	via=(--backend "$backend")
	run -D
	is "$backend: -D of an empty SAD" "$rc $out$err" "0 No SAD entries."
	run -DP
	is "$backend: -DP of an empty SPD" "$rc $out$err" "0 No SPD entries."
	load <<<"dump; spddump;"
	is "$backend: the same as statements" "$rc $out$err" "0 setkey: -,1: No SAD entries
setkey: -,1: No SPD entries"
done

# Monitor. It has subscribed when it shows what we do; the kernel may have to look for many algorithms before (PF_KEY).

# shellcheck disable=SC2317 # by name, from wait_until
monitored()
{
	in_host alice "$setkey" -f - <<<"spdadd 10.9.9.9 10.9.9.8 any -P out none; spdflush;" && log_has monitor ' spdflush .*pid=' 1
}

# Text of the monitor behind the first flush, without what is new every time
shown()
{
	sed -E '0,/ spdflush/d; s/^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6} /TIME /
		s/[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}/DATE/g; s/ pid=[1-9][0-9]*/ pid=PID/; s/spid=[0-9]+/spid=N/
		s/diff: [0-9]+/diff: N/' "$(host_log monitor)"
}

events='
	add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 "this is the test key";
	update 192.0.2.1 192.0.2.2 esp 0x1000 -lh 36000 -E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 "this is the test key";
	delete 192.0.2.1 192.0.2.2 esp 0x1000;
	spdadd 10.0.1.1 10.0.2.0/24[any] tcp -P out prio high + 7 ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;
	spdupdate 10.0.1.1 10.0.2.0/24[any] tcp -P out discard;
	spddelete 10.0.1.1 10.0.2.0/24[any] tcp -P out;
	add 192.0.2.1 192.0.2.2 ah 0x1001 -A hmac-md5 "0123456789abcdef";
	flush ah;'

names=" add update delete spdadd spdupdate spddelete add flush"

# event_names: in their order
event_names()
{
	shown | awk '/^TIME/ { printf " %s", $2 }'
}

# monitor BACKEND
monitor()
{
	via=()
	host_spawn alice monitor "$setkey" --backend "$1" -x
	check "$1: -x shows what happens" wait_until 120 monitored
	load <<<"$events"
	wait_log monitor ' flush ' 60 || :
	is "$1: every change, in its order" "$(event_names)" "$names"
	is "$1: with the SA" "$(shown | sed -n '/TIME add/,/sadb_seq/{p;/sadb_seq/q}')" "$(
		text <<-END
			|TIME add pid=PID
			|192.0.2.1 192.0.2.2 
			|	esp mode=transport spi=4096(0x00001000) reqid=0(0x00000000)
			|	E: aes-cbc  00010203 04050607 08090a0b 0c0d0e0f
			|	A: hmac-sha1  74686973 20697320 74686520 74657374 206b6579
			|	seq=0x00000000 replay=0 flags=0x00000000 state=mature 
			|	created: DATE	current: DATE
			|	diff: N(s)	hard: 0(s)	soft: 0(s)
			|	last:                     	hard: 0(s)	soft: 0(s)
			|	current: 0(bytes)	hard: 0(bytes)	soft: 0(bytes)
			|	allocated: 0	hard: 0	soft: 0
			|	sadb_seq=0 pid=PID refcnt=0
		END
	)"
	is "$1: with the policy" "$(shown | sed -n '/TIME spdadd/,/refcnt/p')" "$(
		text <<-END
			|TIME spdadd pid=PID
			|10.0.1.1[any] 10.0.2.0/24[any] tcp
			|	out prio high + 7 ipsec
			|	esp/tunnel/192.0.2.2-192.0.2.1/require
			|	created: DATE  lastused:                     
			|	lifetime: 0(s) validtime: 0(s)
			|	spid=N seq=0 pid=PID
			|	refcnt=2
		END
	)"
	is "$1: what was updated is alive" "$(shown | sed -n '/TIME update/,/state=/p' | grep -o 'state=.*')" "state=mature "
	load <<<"spdadd 192.0.2.1 192.0.2.2 udp -P out ipsec esp/transport//unique:77;"
	in_host alice bash -c 'echo >/dev/udp/192.0.2.2/9' 2>/dev/null || :
	check "$1: a packet that needs an SA: acquire" wait_log monitor ' acquire 192.0.2.1 -> 192.0.2.2 proto=50 seq=[1-9]' 60
	is "$1: with its policy" "$(shown | sed -n '/TIME acquire/,/esp/p' | tail -n 1)" "	esp/transport//unique:77"
	host_stop monitor
	is "$1: SIGTERM ends it with exit code" $? 0
	empty_kernel

}

monitor xfrm
monitor pfkey
finish
