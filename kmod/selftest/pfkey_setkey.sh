#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each case of the tests of setkey leaves the same in the kernel over pfkeyv2.ko as over af_key; what af_key has no words for, and
# pfkeyv2.ko has by its extensions, leaves the same as over netlink.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../../tests/netns/lib.sh"
# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"
# shellcheck source=tests/lib/setkey.sh
. "$netns_dir/../lib/setkey.sh"

pfkey_swap
host_new alice
names_new
cases pfkeyv2 "$netns_dir"/setkey/*.cases
# What is read back is what netlink reads, also of that for which PF_KEY had no words.
empty_kernel
load <<'END'
add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel -u 5 -esn -r 1024 -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213;
add 192.0.2.1 192.0.2.2 esp 0x1002 -E chacha20-poly1305 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223;
add 192.0.2.1 192.0.2.2 ah 0x1003 -r 64 -A hmac-sha256 "0123456789abcdef0123456789abcdef";
add 192.0.2.1 192.0.2.2 esp 0x1004 -E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 "0123456789abcdef0123" -trunc 160;
add 192.0.2.1[4500] 192.0.2.2[4502] esp-udp 10.9.8.7 0x1005 -E aes-ccm-8 0x000102030405060708090a0b0c0d0e0f101112;
END
is "there are SAs that only extensions tell whole" "$rc$(spis)" "00x00001005 0x00001004 0x00001003 0x00001002 0x00001001 "
netlink=$(dumped --backend xfrm -D)
for what in -D "-D -j --keys"; do
	# shellcheck disable=SC2086 # options
	is "setkey $what reads the same through PF_KEY" "$(dumped --backend pfkey $what)" "$(dumped --backend xfrm $what)"
done
check "with all their words" grep -q esn <<<"$netlink"
pfkey_finish
