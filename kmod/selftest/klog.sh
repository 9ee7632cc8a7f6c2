# SPDX-License-Identifier: GPL-2.0-only
# What a kernel says when it is unwell, since a test began; what it has lost; and whether it still looks for mistakes.
# shellcheck shell=bash

klog_mark=
kmemleak=/sys/kernel/debug/kmemleak

# One word for each of its kinds: oopses, KASAN, sleeping where it is not allowed, lockdep in its four ways, RCU, references, objects, leaks, stalls.
klog_words='BUG: |WARNING: |INFO: |Oops|Call Trace|general protection|[Uu]nable to handle|Kernel panic'
klog_words+='|possible (circular|recursive|irq)|inconsistent lock|suspicious RCU usage|DEBUG_LOCKS_WARN_ON|bad unlock balance|lockdep'
klog_words+='|corruption|refcount_t|ref_tracker|unregister_netdevice|ODEBUG|UBSAN|kmemleak: [0-9]+ new|detected stalls?|blocked for more than|[Ll]eaked'

# From here on
klog_begin()
{
	klog_mark="a test begins: $0 $$ $RANDOM"
	echo "<7>$klog_mark" 2>/dev/null >/dev/kmsg
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
	[ ! -e $kmemleak ] || echo clear >$kmemleak
}

# All there is, when so much was said that the mark is gone
klog_since()
{
	dmesg | awk -v mark="$klog_mark" '{ said[NR] = $0 } mark != "" && index($0, mark) { from = NR } END { for (i = from + 1; i <= NR; i++) print said[i] }'
}

# Only something that is five seconds old is missed, and only what a second look finds as the first did.
no_leaks()
{
	[ -e $kmemleak ] || return 0
	sleep 5
	echo scan >$kmemleak && echo scan >$kmemleak || { echo "kmemleak does not look any more" && return 1; }
	! grep '' $kmemleak
}

# After its first report lockdep looks no more, whoever it was about.
lockdep_looks()
{
	[ ! -e /proc/lockdep_stats ] || grep -q '^ debug_locks: *1$' /proc/lockdep_stats || { echo "lockdep does not look any more" && return 1; }
}

kernel_is_clean()
{
	local rc=0

	no_leaks || rc=1
	lockdep_looks || rc=1
	! klog_since | grep -E -A 40 "$klog_words" || rc=1
	return "$rc"
}
