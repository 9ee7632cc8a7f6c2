# SPDX-License-Identifier: MIT
# What a test on real kernels starts with: . "$(dirname "$0")/lib.sh"
# shellcheck shell=bash
#
# lib/tap.sh      ok not_ok skip check is finish        test points
# lib/wait.sh     wait_until                            conditions
# lib/hosts.sh    host_new link_new in_host host_spawn  hosts, links, background programs
# lib/capture.sh  capture_start cleartext_count …       packets on the wire
# lib/flow.sh     flow_start flow_stop flow_whole       numbered packets, and how many were lost
# lib/meter.sh    (by flow.sh)                          the same as the gap meter of the kernel sees it
# lib/keyd.sh     keyd_start policy_pair …           setkey and keyd
#
# Whatever ends the test, everything it started is ended and removed; on a failure the hosts' logs, SAs, policies and
# counters are printed. Run it by "make check-netns T=NAME" or, with root and a kernel that has IPsec, just so.

netns_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$netns_dir/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$netns_dir/../lib/wait.sh"
# shellcheck source=tests/lib/hosts.sh
. "$netns_dir/../lib/hosts.sh"
# shellcheck source=tests/lib/capture.sh
. "$netns_dir/../lib/capture.sh"
# shellcheck source=tests/lib/flow.sh
. "$netns_dir/../lib/flow.sh"
meter=wanted

# shellcheck source=tests/lib/keyd.sh
. "$netns_dir/../lib/keyd.sh"

on_failure()
{
	hosts_report
}

at_exit()
{
	local rc=$?

	[ "$rc" = 0 ] || [ "$rc" = 4 ] || [ "$tap_failed" -gt 0 ] || hosts_report
	hosts_cleanup
	exit "$rc"
}

trap at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
