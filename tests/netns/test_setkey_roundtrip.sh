#!/bin/bash
# SPDX-License-Identifier: MIT
# What "setkey --dump-script" writes loads to the same state: of setkey's making, and of ip's, which knows things setkey never wrote.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/setkey.sh
. "$(dirname "$0")/../lib/setkey.sh"

host_new alice

# as_json NAME: both databases in $work/NAME.json, an entry in a line, without what is new every time
as_json()
{
	in_host alice sh -c '"$@" -D && "$@" -DP' sh "$setkey" "${via[@]}" -j --keys |
		sed -E 's/"usage":\{[^}]*\},?//g; s/"(index|add_time|use_time)":[0-9]+,?//g; s/,\}/}/g; s/^\[//; s/[],]$//' >"$work/$1.json"
}

# as_ip NAME: likewise what ip says of them
as_ip()
{
	in_host alice sh -c 'ip -s xfrm state; ip -s xfrm policy' |
		sed -E 's/ index [0-9]+//; /^\t +add 20/d; /^\t  [0-9]+\(bytes\), /d' >"$work/$1.ip"
}

# comes_back DESCRIPTION: what is there now, through a script
comes_back()
{
	as_json before
	as_ip before
	run --dump-script
	is "$1: a script, and no word of complaint" "$rc $err" "0 "
	cp "$work/out" "$work/script"
	empty_kernel
	run -k -e -f "$work/script"
	is "$1: the script loads" "$rc $out$err" "0 "
	as_json after
	as_ip after
	[ -s "$work/before.json" ] && [ -s "$work/before.ip" ] || not_ok "$1: there was something"
	check "$1: the same in JSON" diff "$work/before.json" "$work/after.json"
	check "$1: the same for ip" diff "$work/before.ip" "$work/after.ip"
	run --dump-script
	check "$1: and the same script again" diff "$work/script" "$work/out"
}

# Cases of the language's table: what both interfaces can carry, and all else
in_host alice sysctl -qw net.core.xfrm_acq_expires=3600
awk=(awk -f "$netns_dir/../lib/setkey_cases.awk" -v "kernel=$(uname -r)")
for backend in xfrm pfkey; do
	via=(--backend "$backend")
	mkdir "$work/$backend"
	"${awk[@]}" -v "dir=$work/$backend" "$netns_dir"/setkey/*.cases
	# Larval SAs have no keys, and are left out.
	sed -i '/getspi/d' "$work/$backend/load"
	run -f "$work/$backend/load"
	comes_back "$backend, the table of cases"
	empty_kernel
done
via=()

in_host alice ip -force -batch - <<-END
	xfrm state add src 10.3.1.1 dst 10.3.1.2 proto esp spi 0x2000 reqid 9 mode tunnel replay-window 64 flag esn af-unspec if_id 5 mark 3 mask 0xff output-mark 0x10 mask 0xf0 aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 96
	xfrm state add src 10.3.1.1 dst 10.3.1.2 proto esp spi 0x2001 reqid 4294967295 mode transport auth-trunc hmac(sha256) 0x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f 96 enc cbc(serpent) 0x000102030405060708090a0b0c0d0e0f encap espinudp 4500 4501 10.9.9.9 limit byte-soft 1000 limit byte-hard 2000 limit packet-soft 10 limit packet-hard 20 limit time-soft 10000 limit time-hard 20000 limit time-use-soft 30000 limit time-use-hard 40000
	xfrm state add src 10.3.1.1 dst 10.3.1.2 proto esp spi 0x2002 mode tunnel flag noecn decap-dscp nopmtudisc wildrecv icmp align4 extra-flag dont-encap-dscp oseq-may-wrap enc cbc(des3_ede) 0x000102030405060708090a0b0c0d0e0f0011223344556677 sel src 10.7.0.0/16 dst 10.8.0.0/16 proto tcp sport 80 dport 81 dev lo
	xfrm state add src 2001:db8::1 dst 2001:db8::2 proto esp spi 0x2003 mode beet enc ecb(cipher_null) "" auth hmac(sha512) 0x$(printf '000102030405060708090a0b0c0d0e0f%.0s' 1 2 3 4) sel src 2001:db8:1::1/128 dst 2001:db8:1::2/128
	xfrm state add src 10.3.1.1 dst 10.3.1.2 proto comp spi 0x2004 mode transport comp deflate
	xfrm state add src 10.3.1.1 dst 10.3.1.2 proto esp spi 0x2005 mode tunnel replay-window 4096 tfcpad 1400 enc ecb(cipher_null) "" auth-trunc digest_null "" 0
	xfrm state add src 10.3.1.1 dst 10.3.1.2 proto esp spi 0x2007 mode transport enc rfc3686(ctr(aes)) 0x000102030405060708090a0b0c0d0e0f00112233
	xfrm state add src 10.3.1.1 dst 10.3.1.2 proto esp spi 0x2006 mode transport aead rfc4543(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128 sel src 10.3.1.1/32 dst 10.3.1.2/32 proto 47 key 0.0.1.2
	xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir in priority 0 tmpl src 10.3.1.1 dst 10.3.1.2 proto esp spi 0x2000 reqid 9 mode tunnel level use tmpl proto ah mode transport reqid 5 level use
	xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir fwd ptype main action block priority 4294967295 mark 3 mask 0xff if_id 7
	xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 proto udp sport 53 dport 54 dev lo dir out priority 7 flag localok icmp limit byte-soft 1000 limit packet-hard 20 limit time-soft 10000 limit time-use-hard 40000 tmpl src 10.3.1.1 dst 10.3.1.2 proto esp mode beet
	xfrm policy add src 2001:db8::/32 dst ::/0 proto ipv6-icmp type 135 code 0 dir out ptype sub
	xfrm policy add src 2001:db8::/32 dst ::/0 proto 135 type 5 dir out
	xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 proto gre key 258 dir out tmpl src 0.0.0.0 dst 0.0.0.0 proto esp reqid 16390 mode transport
	xfrm policy add src 10.1.2.3/16 dst 10.2.3.4/32 proto 254 dir out index 30001 priority 2147483648
END
is "ip's own state" $? 0
is "all of it" "$(spis | wc -w) $(policy_count)" "8 7"
comes_back "what ip made"

# What has no words is left out, and said to be.
empty_kernel
in_host alice ip -batch - <<-END
	xfrm state add src 2001:db8::1 dst 2001:db8::2 proto route2 mode ro coa 2001:db8::3
	xfrm policy add src 2001:db8::1 dst 2001:db8::2 proto udp dir out tmpl proto hao mode ro
	xfrm state add src 10.3.1.1 dst 10.3.1.2 proto comp spi 0x2004 mode tunnel comp deflate
	xfrm state add src 10.3.1.1 dst 10.3.1.2 proto esp spi 7 mode transport enc ecb(cipher_null) ""
END
load <<<"getspi 10.3.1.1 10.3.1.2 esp 0x3000; add 10.3.1.1 10.3.1.2 ah 0x3001 -A null;"
run --dump-script
is "what has no words is left out with a comment" \
	"$rc $(grep -c '^# left out: ' "$work/out") $(grep -c '^# not needed: ' "$work/out") $err" \
	"1 4 1 setkey: 4 could not be written as statements; comments in the script tell which and why"
run -nk -f "$work/out"
is "and the script is one all the same" "$rc $out$err" "0 "
run -D --dump-script
is "-D: associations only" " $(grep -c '^flush;' "$work/out") $(grep -c '^spd' "$work/out")" " 1 0"
run -DP --dump-script
is "-DP: policies only" " $(grep -cE '^(flush|add)' "$work/out") $(grep -c '^spdflush;' "$work/out")" " 0 1"
finish
