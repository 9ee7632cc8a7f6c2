#!/bin/bash
# SPDX-License-Identifier: MIT
# The kernel modules work on a newer kernel than the lab's, too: a part of their tests there ("make check-kmod LAB_KERNEL=newer" runs all of them).
# timeout: 600

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# Each way that a packet can take, which is by the names of the kernel's functions; and what becomes of setkey's scripts in SAD and SPD
tests="gap_paths pfkey_setkey"

# In the virtual machine: each as the lab has it, with nothing of another's
inside()
{
	local t

	check "this is not the lab's kernel" [ "$(uname -r)" = "$1" ]
	for t in $tests; do
		check "$t on $1" unshare --net --mount --pid --fork --kill-child --mount-proc -- "kmod/selftest/$t.sh"
	done
	finish
}

[ "${1-}" != --inside ] || inside "$2"
command -v apt-get >/dev/null || skip_all "no packages of headers here, so there is no module for another kernel"
headers=$(kmod/headers newer) || skip_all "there are no headers of a newer kernel"
version=${headers##*/linux-headers-}
for module in ipsec_gap pfkeyv2; do
	[ -e "${O:-build}/kmod/$version/$module.ko" ] || skip_all "$module.ko is not built for kernel $version: make kmod"
done
tests/vm/prepare --kernel "$version" >/dev/null || skip_all "there is no kernel $version to be had"
unset LAB_INSIDE LAB_OUT
exec tests/vm/run --timeout 400 --kernel "$version" -- "$0" --inside "$version"
