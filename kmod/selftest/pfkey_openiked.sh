#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
# Debian's openiked, which speaks nothing but PF_KEY to the kernel, runs over pfkeyv2.ko: tunnels with keyd (which uses netlink beside
# it) come up, carry packets and get new keys. The points are those of make check-interop; JOBS_OF_INTEROP="basic4 nat life" has more of them.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../../tests/netns/lib.sh"
# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"

[ -e build/interop/openiked/version ] || skip_all "openiked is not there: tests/interop/prepare openiked"
pfkey_swap
for job in ${JOBS_OF_INTEROP:-brief}; do
	points_of "$netns_dir/../interop/job" keyd:openiked "$job"
done
check "af_key was not there instead" eval '! grep -q "^af_key " /proc/modules'
pfkey_finish
