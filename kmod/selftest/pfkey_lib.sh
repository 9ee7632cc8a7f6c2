# SPDX-License-Identifier: GPL-2.0-only
# What tests of pfkeyv2.ko start with, behind lib.sh, or behind tests/netns/lib.sh where they are this project's own tests over another
# module: the module in place of af_key, and a look at the kernel's log at the end.
# shellcheck shell=bash disable=SC2034

selftest_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=kmod/selftest/klog.sh
. "$selftest_dir/klog.sh"

pfkey_module=${KMOD_DIR:-${O:-build}/kmod/$(uname -r)}/pfkeyv2.ko
[ -e "$pfkey_module" ] || pfkey_module=$(modinfo -n pfkeyv2 2>/dev/null)
setkey=${SETKEY:-${O:-build}/bin/setkey}
[ -x "$setkey" ] || setkey=setkey

[ "${LAB_INSIDE-}" = vm ] || skip_all "modules are exchanged in the lab's virtual machine only"
[ -e "$pfkey_module" ] || skip_all "pfkeyv2.ko is not built for kernel $(uname -r): make kmod"

# By either of the libraries
declare -F until_true >/dev/null || until_true() { wait_until "$@"; }
declare -F note >/dev/null || note() { echo "# $*"; }
declare -F in_host >/dev/null || in_host() { ip netns exec "$@"; }

# program NAME: where kselftest's layout has it, or the build
program()
{
	if [ -x "$selftest_dir/$1" ]; then echo "$selftest_dir/$1"; else echo "${O:-build}/kmod/selftest/$1"; fi
}

# Sockets that are closed are freed a moment later, and hold their module until then.
module_gone()
{
	rmmod "$1" 2>/dev/null || ! grep -q "^$1 " /proc/modules
}

pfkey_swap()
{
	! grep -q '^af_key ' /proc/modules || until_true 10 module_gone af_key
	insmod "$pfkey_module" || skip_all "pfkeyv2.ko does not load"
	klog_begin
}

# points_of COMMAND...: its test points among ours
points_of()
{
	local line rc

	"$@" >"${work:?}/points"
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

# Ends a test: the module goes, and has left nothing behind; others find af_key again.
pfkey_finish()
{
	if declare -F hosts_cleanup >/dev/null; then
		hosts_cleanup
		hosts=() tag_pid=()
	else
		hosts_gone
	fi
	check "the module goes when nobody uses it" until_true 10 module_gone pfkeyv2
	check "no words of the kernel" kernel_is_clean
	modprobe af_key 2>/dev/null
	finish
}
