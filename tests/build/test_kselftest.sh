#!/bin/bash
# SPDX-License-Identifier: MIT
# kmod/selftest is whole in the layout of the kernel's own tests: what its Makefile lists is there, executable, and needs nothing that it does not list.
# KSELFTEST= names a kernel's tools/testing/selftests, whose make and run_kselftest.sh are used then; without it, a lib.mk that does as theirs.

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/lib/tap.sh
. "$root/tests/lib/tap.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# lib_mk: the part of the kernel's that "make install" of one folder is
lib_mk()
{
	cat <<'END'
TEST_GEN_PROGS_EXTENDED := $(patsubst %,$(OUTPUT)/%,$(TEST_GEN_PROGS_EXTENDED))
all: $(TEST_GEN_PROGS_EXTENDED)
install: all
	mkdir -p $(INSTALL_PATH)
	cp -p $(TEST_PROGS) $(TEST_FILES) $(TEST_GEN_PROGS_EXTENDED) $(wildcard config settings) $(INSTALL_PATH)/
emit_tests:
	@for test in $(TEST_PROGS); do echo gapless:$$test; done
END
}

# install_ours [VARIABLE=…]: into $work/installed, its list of tests into $work/list
install_ours()
{
	rm -rf "$work/installed"
	: >"$work/list"
	mkdir -p "$work/out"
	make -s -C "$selftests/gapless" OUTPUT="$work/out" INSTALL_PATH="$work/installed/gapless" "$@" install &&
		make -s -C "$selftests/gapless" OUTPUT="$work/out" COLLECTION=gapless "$@" emit_tests | sed 's/.*://' >"$work/list"
}

# As anybody, and with no lab: each comes as far as to say what it lacks.
skips()
{
	local test rc=0 out

	while read -r test; do
		out=$(cd "$work/installed/gapless" && env -u LAB_INSIDE setpriv --reuid 65534 --regid 65534 --clear-groups "./$test" 2>&1)
		[ $? = 4 ] && [[ $out == "1..0 # SKIP "* ]] || { echo "$test: $out" && rc=1; }
	done <"$work/list"
	[ -s "$work/list" ] && return "$rc"
}

# Those that are left out are those over this project's own library of hosts.
left_out()
{
	local test rc=0

	for test in "$root"/kmod/selftest/*_*.sh; do
		[[ $test != *_lib.sh ]] && ! grep -qx "${test##*/}" "$work/list" || continue
		grep -q 'tests/netns/lib.sh' "$test" || { echo "${test##*/} is in no list" && rc=1; }
	done
	return "$rc"
}

# What a kernel says of each kind of mistake, and what it says when all is well
unwell()
{
	cat <<'END'
[    5.1] BUG: KASAN: slab-use-after-free in pfkey_release+0x40/0x80 [pfkeyv2]
[    5.1] WARNING: possible circular locking dependency detected
[    5.1] WARNING: possible recursive locking detected
[    5.1] WARNING: possible irq lock inversion dependency detected
[    5.1] INFO: possible recursive locking detected
[    5.1] WARNING: suspicious RCU usage
[    5.1] WARNING: inconsistent lock state
[    5.1] DEBUG_LOCKS_WARN_ON(depth <= 0)
[    5.1] BUG: sleeping function called from invalid context at include/linux/sched/mm.h:274
[    5.1] BUG: scheduling while atomic: insmod/123/0x00000002
[    5.1] BUG: using smp_processor_id() in preemptible [00000000] code: ping/12
[    5.1] kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
[    5.1] refcount_t: underflow; use-after-free.
[    5.1] WARNING: CPU: 0 PID: 7 at net/xfrm/xfrm_state.c:2817 xfrm_state_fini+0x16d/0x1c0
[    5.1] unregister_netdevice: waiting for lo to become free. Usage count = 2
[    5.1] ref_tracker: leaked reference.
[    5.1] ODEBUG: free active (active state 0) object type: timer_list hint: gap_timer+0x0/0x10
[    5.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
[    5.1] INFO: task rmmod:77 blocked for more than 120 seconds.
[    5.1] general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP
[    5.1] Oops: 0000 [#1] PREEMPT SMP KASAN
[    5.1] list_add corruption. next->prev should be prev (ffff), but was dead. (next=0).
END
}

well()
{
	cat <<'END'
[    5.1] ipsec_gap: loading out-of-tree module taints kernel.
[    5.1] NET: Registered PF_KEY protocol family
[    5.1] pfkeyv2: this kernel has PF_KEY sockets already (af_key): rmmod af_key
[    5.1] eth0: renamed from veth1
END
}

# Each line by itself, as if the kernel had said nothing else
said_is_seen()
{
	local line rc=0

	# shellcheck source=kmod/selftest/klog.sh
	. "$root/kmod/selftest/klog.sh"
	no_leaks() { :; }
	lockdep_looks() { :; }
	klog_since() { echo "$line"; }
	while read -r line; do
		! kernel_is_clean >"$work/said" || { echo "not seen: $line" && rc=1; }
	done < <(unwell)
	while read -r line; do
		kernel_is_clean >"$work/said" || { echo "seen: $line" && rc=1; }
	done < <(well)
	return "$rc"
}

unset MAKEFLAGS MAKELEVEL OUTPUT MAKEOVERRIDES
if [ -n "${KSELFTEST-}" ]; then
	selftests=$KSELFTEST
	[ ! -e "$selftests/gapless" ] || skip_all "$selftests/gapless is there already"
	trap 'rm -rf "$work" "$selftests/gapless"' EXIT
else
	selftests=$work/selftests
	mkdir "$selftests"
	lib_mk >"$selftests/lib.mk"
fi
cp -r "$root/kmod/selftest" "$selftests/gapless"
check "it is installed" install_ours
check "with a limit of time that is ours" grep -qx 'timeout=[0-9]*' "$work/installed/gapless/settings"
check "programs are left out when nobody says where their sources are" eval '! grep -q hostile "$work/list"'
check "and are there when somebody does" eval 'install_ours GAPLESS="$root" GAPLESS_O="${O:-build}" && [ -x "$work/installed/gapless/pfkey_hostile" ] && [ -x "$work/installed/gapless/gap_fuzz" ]'
is "those that run are" "$(tr '\n' ' ' <"$work/list")" \
	"gap_events.sh gap_load.sh gap_netlink.sh gap_paths.sh gap_strangers.sh pfkey_load.sh pfkey_beyond.sh pfkey_hostile.sh "
check "no other can be meant" left_out
if [ "$(id -u)" = 0 ]; then
	check "each finds what it is made of" skips
else
	skip "each finds what it is made of" "root is needed to be nobody"
fi
check "what a kernel says of a mistake is seen, and nothing else" said_is_seen
finish
