#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A kernel that keeps its secrets (lockdown=confidentiality) tells no keys, by PF_KEY as little as by netlink. It cannot be unlocked
# again and takes no module of ours any more: this test is the last one.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../../tests/netns/lib.sh"
# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"
# shellcheck source=tests/lib/setkey.sh
. "$netns_dir/../lib/setkey.sh"

lockdown=/sys/kernel/security/lockdown
mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security
[ -e $lockdown ] || skip_all "this kernel cannot be locked down"
pfkey_swap
host_new alice
load <<'END'
add 192.0.2.1 192.0.2.2 esp 0x1001 -E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 "0123456789abcdef0123";
add 192.0.2.1 192.0.2.2 esp 0x1002 -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213;
END
is "SAs are there" "$rc$(spis)" "00x00001002 0x00001001 "
check "their keys are told" eval 'dumped --backend pfkey -D | grep -q 0c0d0e0f'
check "the kernel is locked down" eval "echo confidentiality >$lockdown"
seen=$(dumped --backend pfkey -D)
check "then they are not" eval '! grep -q 0c0d0e0f <<<"$seen"'
is "setkey -D reads the same through PF_KEY as through netlink" "$seen" "$(dumped --backend xfrm -D)"
points_of in_host alice "$(program pfkey_beyond)" lockdown
kmemleak=/none # debugfs is locked, too
pfkey_finish
