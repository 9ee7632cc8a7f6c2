# SPDX-License-Identifier: MIT
# What a test starts with whose keyds have no kernel (--backend fake), in namespaces of its own: . "$(dirname "$0")/../lib/native.sh"
# It has tap.sh, wait.sh, hosts.sh, keyd.sh and certs.sh; keyd's logs are shown when it fails. Needs root.
# shellcheck shell=bash

native_dir=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=tests/lib/tap.sh
. "$native_dir/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$native_dir/wait.sh"

if [ -z "${native_inside-}" ]; then
	unshare --net --mount --pid --fork true 2>/dev/null || skip_all "no right to make namespaces"
	native_inside=yes exec unshare --net --mount --pid --fork --mount-proc "$0" "$@"
fi
unset native_inside

# shellcheck source=tests/lib/hosts.sh
. "$native_dir/hosts.sh"
# shellcheck source=tests/lib/keyd.sh
. "$native_dir/keyd.sh"
# shellcheck source=tests/lib/certs.sh
. "$native_dir/certs.sh"

# shellcheck disable=SC2317 # called by not_ok
on_failure()
{
	local log

	for log in "$work"/*/*.log; do
		note "--- end of ${log##*/}"$'\n'"$(tail -n "${LOG_LINES:-30}" "$log")"
	done
}

trap hosts_cleanup EXIT
trap 'exit 143' INT TERM HUP

# native_hosts: alice 192.0.2.1 and bob 192.0.2.2, without policies
native_hosts()
{
	host_new alice
	host_new bob
	link_new alice 192.0.2.1/24 bob 192.0.2.2/24
}

# begins HOST PEER: an IKE SA. Without a kernel there is no child, for which keydctl would wait.
begins()
{
	keydctl "$1" --no-wait up "$2"
}

# ikes_are HOST NUMBER: how many are established; for wait_until
ikes_are()
{
	[ "$(keydctl "$1" status | grep -c '  established  ')" = "$2" ]
}
