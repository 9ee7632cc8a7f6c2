#!/bin/bash
# SPDX-License-Identifier: MIT
# The simulator's kernel does what the real one does (docs/simulator.md). The test points are model_probe's.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

[ -c /dev/net/tun ] || modprobe -q tun
[ -c /dev/net/tun ] || skip_all "this kernel has no tun devices (CONFIG_TUN)"

# tun_new HOST ADDRESS
tun_new()
{
	in_host "$1" sh -c "ip tuntap add dev tun0 mode tun && ip address add $2 dev tun0 && ip link set tun0 up &&
		tc qdisc replace dev tun0 root noqueue &&
		echo 0 >/proc/sys/net/core/xfrm_larval_drop && echo 2 >/proc/sys/net/core/xfrm_acq_expires"
}

host_new alice
host_new bob
tun_new alice 192.0.2.1/24
tun_new bob 192.0.2.2/24
"${O:-build}/tests/netns/model_probe" "/proc/${host_holder[alice]}/ns/net" "/proc/${host_holder[bob]}/ns/net" "$@"
