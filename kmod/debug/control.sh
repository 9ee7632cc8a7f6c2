#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel for tests finds each kind of mistake that it is there for, and tests that look at its log fail by it. In a machine of its own:
# most checkers look no more after their first find. So what they find stands in the order in which they go blind.

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/../selftest/lib.sh"

# found NAME WORDS: the kernel says WORDS of it, and a test would fail
found()
{
	local said

	klog_begin
	dmesg -D # else the virtual machine is said to have crashed; lockdep, once it looks no more, has switched it on
	insmod "$modules/gap_mistake.ko" what="$1" && rmmod gap_mistake
	if said=$(kernel_is_clean); then
		echo "nothing is said" && false
	else
		grep -q "$2" <<<"$said" || { echo "$said" && false; }
	fi
}

[ "${LAB_INSIDE-}" = vm ] || skip_all "mistakes are made in the lab's virtual machine only"
[ -e $kmemleak ] || mount -t debugfs debugfs /sys/kernel/debug
[ -e "$modules/gap_mistake.ko" ] || skip_all "there is no $modules/gap_mistake.ko: make check-kmod-debug"
klog_begin
check "without a mistake it says nothing" kernel_is_clean
check "memory that is lost" found leak 'unreferenced object'
no_leaks() { :; } # takes its time, and has been seen to look
check "a list that is read without protection" found list 'suspicious RCU usage'
check "sleeping under a spinlock" found sleep 'sleeping function called from invalid context\|scheduling while atomic'
check "locks that are taken both ways" found locks 'possible circular locking dependency'
check "and after that lockdep looks no more, which is said" eval 'klog_begin; kernel_is_clean | grep -q "lockdep does not look"'
check "memory that is read when it is free" found freed 'BUG: KASAN: slab-use-after-free\|BUG: KASAN: use-after-free'
finish
