#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Messages no program would send: the holes that af_key had, every message cut short everywhere, random ones. The points are
# pfkey_hostile's; GAPLESS_SEED= repeats a run. On a kernel with CONFIG_FAILSLAB memory runs out at each place where it can.
# timeout: 400

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"

pfkey_swap
host alice
if [ -e /sys/kernel/debug/failslab ]; then
	echo N >/sys/kernel/debug/failslab/ignore-gfp-wait	# also of those that may wait
	echo 0 >/sys/kernel/debug/failslab/verbose		# each would be a call trace
fi
points_of in_host alice "$(program pfkey_hostile)" "$seed" "$(fewer 20000)"
# Of all that was asked, what was taken can be read by others as well.
check "netlink reads what is left" in_host alice sh -c 'ip -s xfrm state && ip -s xfrm policy'
pfkey_finish
