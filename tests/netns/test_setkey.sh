#!/bin/bash
# SPDX-License-Identifier: MIT
# setkey on a real kernel: what statements leave there as "ip xfrm" reads it, the dumps, errors with their places, exit codes.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

setkey=${O:-build}/bin/setkey
export TZ=UTC

# load [OPTION...]: standard input as a file on alice; sets $rc, $out and $err
load()
{
	in_host alice "$setkey" "$@" -f - >"$work/out" 2>"$work/err"
	rc=$?
	out=$(<"$work/out")
	err=$(<"$work/err")
}

# run OPTION...: likewise without a file
run()
{
	in_host alice "$setkey" "$@" >"$work/out" 2>"$work/err" </dev/null
	rc=$?
	out=$(<"$work/out")
	err=$(<"$work/err")
}

empty_kernel()
{
	in_host alice ip xfrm state flush && in_host alice ip xfrm policy flush
}

# Reads the section up to a line of "---" or the end.
section()
{
	local line

	while IFS= read -r line && [ "$line" != --- ]; do
		printf '%s\n' "$line"
	done
}

# policies, states: the kernel's as iproute2 tells them, without indentation and what is never of interest
# shellcheck disable=SC2317 # by name, from leaves
policies()
{
	in_host alice ip xfrm policy | sed 's/^[\t ]*//; s/ *$//'
}

# shellcheck disable=SC2317
states()
{
	in_host alice ip xfrm state | sed 's/^[\t ]*//; s/ *$//; /anti-replay context:/d; /^sel src \(0.0.0.0\|::\)\/0 /d'
}

# leaves READER DESCRIPTION: statements, "---", what READER then shows
leaves()
{
	local statements want got

	statements=$(section)
	want=$(section)
	empty_kernel
	load <<<"$statements"
	got=$("$1")
	is "$2" "$rc $err $got" "0  $want"
}

# The dump with dates and process ids made the same every time
dumped()
{
	run "$@"
	sed -E 's/[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}/Mmm dd hh:mm:ss yyyy/g; s/ pid=[0-9]+/ pid=PID/; s/^\tdiff: [0-9]+/\tdiff: N/; s/spid=[0-9]+/spid=N/' \
		"$work/out"
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24,2001:db8::1/64 bob 192.0.2.2/24,2001:db8::2/64

# Policies

leaves policies "tunnel, unique:N" <<-END
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/unique:5;
	---
	src 10.0.1.0/24 dst 10.0.2.0/24
		dir out priority 2147483648 ptype main
		tmpl src 192.0.2.1 dst 192.0.2.2
			proto esp reqid 5 mode tunnel
END

leaves policies "an in policy counts for forwarding too, where the first rule takes any SA" <<-END
	spdadd 10.0.1.0/24[any] 10.0.2.0/24[80] tcp -P in prio high + 7 ipsec esp/tunnel/192.0.2.2-192.0.2.1/unique:6
		ah/transport//use;
	---
	src 10.0.1.0/24 dst 10.0.2.0/24 proto tcp dport 80
		dir fwd priority 1073741817 ptype main
		tmpl src 192.0.2.2 dst 192.0.2.1
			proto esp reqid 0 mode tunnel
		tmpl src 0.0.0.0 dst 0.0.0.0
			proto ah reqid 0 mode transport
			level use
	src 10.0.1.0/24 dst 10.0.2.0/24 proto tcp dport 80
		dir in priority 1073741817 ptype main
		tmpl src 192.0.2.2 dst 192.0.2.1
			proto esp reqid 6 mode tunnel
		tmpl src 0.0.0.0 dst 0.0.0.0
			proto ah reqid 0 mode transport
			level use
END

leaves policies "IPv6, ICMP types, GRE keys, none and discard" <<-END
	spdadd 2001:db8::/32 ::/0 icmp6 135,0 -P out prio low none;
	spdadd 192.0.2.1 192.0.2.2 icmp 8 -P out prio -3 discard;
	spdadd 192.0.2.1 192.0.2.2 gre 0.0.1.2 -P fwd prio def + 3 discard;
	---
	src 192.0.2.1/32 dst 192.0.2.2/32 proto gre key 258
		dir fwd action block priority 2147483645 ptype main
	src 192.0.2.1/32 dst 192.0.2.2/32 proto icmp type 8
		dir out action block priority 2147483651 ptype main
	src 2001:db8::/32 dst ::/0 proto ipv6-icmp type 135 code 0
		dir out priority 3221225472 ptype main
END

leaves policies "in transport mode the ends of a rule do not matter; CRLF" <<-END
	spdadd 2001:db8::1 2001:db8::2 any -P out ipsec$(printf '\r')
	ipcomp/transport//use esp/transport/2001:db8::1-2001:db8::2/require;$(printf '\r')
	---
	src 2001:db8::1/128 dst 2001:db8::2/128
		dir out priority 2147483648 ptype main
		tmpl src :: dst ::
			proto comp reqid 0 mode transport
			level use
		tmpl src :: dst ::
			proto esp reqid 0 mode transport
END

leaves policies "spdupdate replaces, or adds what is not there" <<-END
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P in none;
	spdupdate 10.0.1.0/24 10.0.2.0/24 any -P in discard;
	spdupdate 10.0.2.0/24 10.0.1.0/24 any -P out discard;
	---
	src 10.0.2.0/24 dst 10.0.1.0/24
		dir out action block priority 2147483648 ptype main
	src 10.0.1.0/24 dst 10.0.2.0/24
		dir fwd action block priority 2147483648 ptype main
	src 10.0.1.0/24 dst 10.0.2.0/24
		dir in action block priority 2147483648 ptype main
END

leaves policies "spddelete takes the forwarding policy too; others stay" <<-END
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P in none;
	spdadd 10.0.1.0/24 10.0.2.0/24 tcp -P out none;
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;
	spddelete 10.0.1.0/24 10.0.2.0/24 any -P in;
	spddelete 10.0.1.0/24 10.0.2.0/24 any -P out none;
	---
	src 10.0.1.0/24 dst 10.0.2.0/24 proto tcp
		dir out priority 2147483648 ptype main
END

leaves policies "spdflush" <<-END
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P in none;
	spdflush;
	---
END

empty_kernel
load -k <<-END
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P in none;
END
is "-k: an in policy as it is written" "$rc $(policies | grep -c dir)" "0 1"

load <<-END
	spdflush;
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out ipsec esp/transport//unique;
	spdadd 10.0.2.0/24 10.0.1.0/24 any -P out ipsec esp/transport//unique;
END
is "unique alone: reqids that differ" "$rc $(policies | grep -o 'reqid [1-9][0-9]*' | sort -u | wc -l)" "0 2"

# Security associations

leaves states "esp with two algorithms, tunnel, reqid, window" <<-END
	add 192.0.2.1 192.0.2.2 esp 0x1000 -m tunnel -u 5 -r 32
		-E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 "this is the test key";
	---
	src 192.0.2.1 dst 192.0.2.2
		proto esp spi 0x00001000 reqid 5 mode tunnel
		replay-window 32 flag af-unspec
		auth-trunc hmac(sha1) 0x74686973206973207468652074657374206b6579 96
		enc cbc(aes) 0x000102030405060708090a0b0c0d0e0f
END

leaves states "HMAC-SHA-2 at the lengths of RFC 4868" <<-END
	add 2001:db8::1 2001:db8::2 ah 0x1001 -A hmac-sha2-256 0x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f;
	---
	src 2001:db8::1 dst 2001:db8::2
		proto ah spi 0x00001001 reqid 0 mode transport
		replay-window 0
		auth-trunc hmac(sha256) 0x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f 128
END

leaves states "AEADs by the names of the BSDs; a large window" <<-END
	add 192.0.2.1 192.0.2.2 esp 0x1002 -r 128 -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213;
	add 192.0.2.1 192.0.2.2 esp 0x1003
		-E chacha20-poly1305 0x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f10111213;
	---
	src 192.0.2.1 dst 192.0.2.2
		proto esp spi 0x00001003 reqid 0 mode transport
		replay-window 0
		aead rfc7539esp(chacha20,poly1305) 0x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f10111213 128
	src 192.0.2.1 dst 192.0.2.2
		proto esp spi 0x00001002 reqid 0 mode transport
		replay-window 0
		aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128
		anti-replay esn context:
		seq-hi 0x0, seq 0x0, oseq-hi 0x0, oseq 0x0
		replay_window 128, bitmap-length 4
		00000000 00000000 00000000 00000000
END

leaves states "ipcomp, esp-udp, a left-padded key" <<-END
	add 192.0.2.1 192.0.2.2 ipcomp 0x1234 -C deflate;
	add 192.0.2.1[4501] 192.0.2.2 esp-udp 0x1004 -E null -A hmac-md5 0x1112233445566778899aabbccddeeff;
	---
	src 192.0.2.1 dst 192.0.2.2
		proto esp spi 0x00001004 reqid 0 mode transport
		replay-window 0
		auth-trunc hmac(md5) 0x01112233445566778899aabbccddeeff 96
		enc ecb(cipher_null)
		encap type espinudp sport 4501 dport 4500 addr 0.0.0.0
	src 192.0.2.1 dst 192.0.2.2
		proto comp spi 0x00001234 reqid 0 mode transport
		replay-window 0
		comp deflate
END

three_sas='
	add 192.0.2.1 192.0.2.2 esp 0x1000 -E null -A hmac-md5 "0123456789abcdef";
	add 192.0.2.1 192.0.2.2 ah 0x1001 -A hmac-md5 "0123456789abcdef";
	add 192.0.2.2 192.0.2.1 esp 0x1002 -E null -A hmac-md5 "0123456789abcdef";'

# spis: what is in the SAD, newest first
spis()
{
	in_host alice ip xfrm state | awk '$3 == "spi" { printf "%s ", $4 }'
}

empty_kernel
load <<<"$three_sas delete 192.0.2.1 192.0.2.2 ah 0x1001;"
is "delete" "$rc $err $(spis)" "0  0x00001002 0x00001000 "
load <<<"flush; $three_sas deleteall 192.0.2.1 192.0.2.2;"
is "deleteall, every protocol" "$rc $err $(spis)" "0  0x00001002 "
load <<<"flush; $three_sas deleteall 192.0.2.1 192.0.2.2 ah;"
is "deleteall, one protocol" "$rc $err $(spis)" "0  0x00001002 0x00001000 "
load <<<"flush; $three_sas flush esp;"
is "flush esp leaves ah" "$rc $err $(spis)" "0  0x00001001 "
load <<<"flush; $three_sas update 192.0.2.1 192.0.2.2 esp 0x1000 -lh 77 -ls 66 -E null -A hmac-md5 \"0123456789abcdef\";"
is "update" "$rc $err $(in_host alice ip -s xfrm state get dst 192.0.2.2 proto esp spi 0x1000 | grep 'add: ')" \
	"0  	  expire add: soft 66(sec), hard 77(sec)"
load <<<"flush; $three_sas dump ah;"
is "dump of one protocol" "$rc $(grep -c sadb_seq=0 <<<"$out") $(grep -c sadb_seq <<<"$out")" "0 1 1"
load <<<"get 192.0.2.1 192.0.2.2 ah 0x1001;"
is "get" "$rc $(grep -o 'spi=[^ ]*' <<<"$out")" "0 spi=4097(0x00001001)"
load <<<"getspi 192.0.2.1 192.0.2.2 esp 0x5000;"
is "getspi" "$rc $out $(spis)" "0 spi=20480(0x00005000) 0x00005000 0x00001002 0x00001001 0x00001000 "

# Dumps

empty_kernel
is "-D of an empty SAD" "$(dumped -D) $rc" "No SAD entries. 0"
is "-DP of an empty SPD" "$(dumped -D -P) $rc" "No SPD entries. 0"

load <<-END
	add 192.0.2.1 192.0.2.2 esp 4096 -m tunnel -u 5 -r 32 -lh 3600 -ls 3000 -bh 1000000 -bs 900000
		-E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 "this is the test key";
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/unique:5;
END
is "-D" "$(dumped -D)" "$(cat <<'END'
192.0.2.1 192.0.2.2 
	esp mode=tunnel spi=4096(0x00001000) reqid=5(0x00000005)
	E: aes-cbc  00010203 04050607 08090a0b 0c0d0e0f
	A: hmac-sha1  74686973 20697320 74686520 74657374 206b6579
	seq=0x00000000 replay=32 flags=0x00000000 state=mature 
	created: Mmm dd hh:mm:ss yyyy	current: Mmm dd hh:mm:ss yyyy
	diff: N(s)	hard: 3600(s)	soft: 3000(s)
	last:                     	hard: 0(s)	soft: 0(s)
	current: 0(bytes)	hard: 1000000(bytes)	soft: 900000(bytes)
	allocated: 0	hard: 0	soft: 0
	sadb_seq=0 pid=PID refcnt=0
END
)"
is "-DP" "$(dumped -DP)" "$(cat <<'END'
10.0.1.0/24[any] 10.0.2.0/24[any] 255
	out prio def ipsec
	esp/tunnel/192.0.2.1-192.0.2.2/unique:5
	created: Mmm dd hh:mm:ss yyyy  lastused:                     
	lifetime: 0(s) validtime: 0(s)
	spid=N seq=0 pid=PID
	refcnt=2
END
)"
run -F
is "-F leaves the policies" "$rc $out$err $(spis)$(policies | grep -c dir)" "0  1"
run -FP
is "-FP" "$rc $out$err $(policies)" "0  "

# Errors and exit codes

# fails WANTED_RC WANTED_ERRORS DESCRIPTION [OPTION...]: standard input as a file; errors with what follows " (" cut off
fails()
{
	local want_rc=$1 want_err=$2 description=$3

	shift 3
	load "$@"
	# shellcheck disable=SC2001 # in every line
	is "$description" "$rc $(sed 's/ (.*//' <<<"$err")" "$want_rc $want_err"
}

empty_kernel
fails 1 "setkey: -,3: SPI too big at \`4294967297'
setkey: -,4: syntax error at \`foo'
setkey: -,5: Syntax error at \`@'
setkey: -,5: parse failed" "every syntax error has its line and token" <<-END
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;

	add 192.0.2.1 192.0.2.2 esp 0x100000001 -E null;
	foo;
	spdadd @ b any -P out none;
END
is "and nothing of that file was applied" "$(policies)" ""

fails 0 "setkey: -,2: File exists: spdadd 10.0.1.0/24 10.0.2.0/24 any -P out
setkey: -,4: No entry: delete 192.0.2.1 192.0.2.2 esp 0x1000
setkey: -,5: Operation not supported: add 192.0.2.1 192.0.2.2 ah 0x1000" \
	"what the kernel refuses is told, the rest is done, and the exit code is 0" <<-END
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out discard;
	flush; flush;
	delete 192.0.2.1 192.0.2.2 esp 0x1000;
	add 192.0.2.1 192.0.2.2 ah 0x1000 -A keyed-md5 "0123456789abcdef";
	spdadd 10.0.1.0/24 10.0.2.0/24 tcp -P out none;
END
is "the rest is there" "$(policies | grep -c dir)" 2

fails 2 "setkey: -,1: No entry: spddelete 10.0.1.0/24 10.0.2.0/24 udp -P out" \
	"-e: the first refusal ends it with exit code 2" -e <<-END
	spddelete 10.0.1.0/24 10.0.2.0/24 udp -P out;
	spdflush;
END
is "before the next statement" "$(policies | grep -c dir)" 2

fails 0 "" "-n changes nothing" -n <<-END
	spdflush;
END
is "indeed" "$(policies | grep -c dir)" 2

run -f /no/such/file
is "no such file" "$rc $err" "1 setkey: Can't open \`/no/such/file': No such file or directory"
run
is "no options: usage" "$rc $out $(grep -c usage <<<"$err")" "1  1"
run -h
is "-h: usage" "$rc $(grep -c usage <<<"$out") $err" "0 1 "
run --no-such-option
is "unknown option" "$rc $out" "1 "

in_host alice "$setkey" -c >"$work/out" 2>"$work/err" <<-END
	spddelete 10.9.0.0/16 10.0.0.0/8 any -P out;
	nonsense;
	spdflush; dump;
	exit; spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;
END
is "-c answers on standard output" "$? $(<"$work/out")" "1 No entry.
No SAD entries."
is "and names what failed on standard error" "$(grep -c '<stdin>,[12]: ' "$work/err")" 2
is "and ends with exit" "$(policies)" ""

in_host alice setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$setkey" -F >"$work/out" 2>"$work/err"
is "without rights: one sentence, exit code 1" "$? $(wc -l <"$work/err")" "1 1"

# Monitor

# shellcheck disable=SC2317 # by name, from wait_until
monitored()
{
	in_host alice "$setkey" -f - <<<"spdflush; spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;" &&
		log_has monitor ' spdadd .*pid=' 1 && log_has monitor ' spdflush .*pid=' 1
}

host_spawn alice monitor "$setkey" -x
check "-x shows what happens" wait_until 30 monitored
host_stop monitor || :

# And traffic

both='
	flush; spdflush;
	add 192.0.2.1 192.0.2.2 esp 0x1001 -r 32 -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213;
	add 192.0.2.2 192.0.2.1 esp 0x1002 -r 32 -E aes-cbc "0123456789abcdef"
		-A hmac-sha256 0x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f;
	add 2001:db8::1 2001:db8::2 esp 0x1003 -m tunnel -u 7 -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111214;
	add 2001:db8::2 2001:db8::1 esp 0x1004 -m tunnel -u 8 -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111215;
	spdadd 192.0.2.1 192.0.2.2 any -P A ipsec esp/transport//require;
	spdadd 192.0.2.2 192.0.2.1 any -P B ipsec esp/transport//require;
	spdadd 2001:db8::1 2001:db8::2 icmp6 128,0 -P A ipsec esp/tunnel/2001:db8::1-2001:db8::2/unique:7;
	spdadd 2001:db8::2 2001:db8::1 icmp6 129,0 -P B ipsec esp/tunnel/2001:db8::2-2001:db8::1/unique:8;'
load <<<"$(sed 's/-P A/-P out/; s/-P B/-P in/' <<<"$both")"
is "alice's SAs and policies" "$rc $err" "0 "
in_host bob "$setkey" -e -f - <<<"$(sed 's/-P A/-P in/; s/-P B/-P out/' <<<"$both")"
is "bob's" $? 0
check "ping in transport mode" in_host alice ping -q -c 3 -i 0.2 -W 5 192.0.2.2
check "ping in tunnel mode" in_host alice ping -q -c 3 -i 0.2 -W 5 2001:db8::2
run -D
is "every SA was used" "$(grep -c $'^\tcurrent: [1-9][0-9]*(bytes)' <<<"$out") $(grep -c $'^\tallocated: 3\t' <<<"$out")" "4 4"
finish
