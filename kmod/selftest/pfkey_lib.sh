# SPDX-License-Identifier: GPL-2.0-only
# What tests of pfkeyv2.ko start with: the module in place of af_key, and a look at the kernel's log at the end.
# shellcheck shell=bash disable=SC2034

selftest_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
netns_tests=$selftest_dir/../../tests/netns
# shellcheck source=tests/netns/lib.sh
. "$netns_tests/lib.sh"

pfkey_module=${KMOD_DIR:-${O:-build}/kmod/$(uname -r)}/pfkeyv2.ko

[ "${LAB_INSIDE-}" = vm ] || skip_all "modules are exchanged in the lab's virtual machine only"
[ -e "$pfkey_module" ] || skip_all "there is no $pfkey_module: make kmod"

# Sockets that are closed are freed a moment later, and hold their module until then.
module_gone()
{
	rmmod "$1" 2>/dev/null || ! grep -q "^$1 " /proc/modules
}

pfkey_swap()
{
	! grep -q '^af_key ' /proc/modules || wait_until 10 module_gone af_key
	insmod "$pfkey_module" || skip_all "pfkeyv2.ko does not load"
	dmesg -C
}

# points_of COMMAND...: its test points among ours
points_of()
{
	local line rc

	"$@" >"$work/points"
	rc=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) ok "${line#ok * - }" ;;
		"not ok "*) not_ok "${line#not ok * - }" ;;
		TAP*) ;;
		1..*) note "$line" ;;
		*) echo "$line" ;;
		esac
	done <"$work/points"
	is "and it came to its end" "$rc" 0
}

# Nothing that a kernel says when it is unwell.
log_clean()
{
	! dmesg | grep -iE 'warning:|bug:|oops|call trace|leaked|refcount|rcu.*stall|general protection|unable to handle'
}

# Ends a test: the module goes, and has left nothing behind; others find af_key again.
pfkey_finish()
{
	hosts_cleanup
	hosts=() tag_pid=()
	check "the module goes when nobody uses it" wait_until 10 module_gone pfkeyv2
	check "the kernel's log is clean" log_clean
	modprobe af_key
	finish
}
