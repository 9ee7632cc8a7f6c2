# SPDX-License-Identifier: MIT
# A host's own systemd: this machine's, as process 1 of namespaces of its own, with no units but a test's.
# shellcheck shell=bash disable=SC2154 # variables of hosts.sh

declare -A systemd_pid

# systemd_missing: what keeps it from being tried here; nothing if nothing does
systemd_missing()
{
	local tool

	for tool in /lib/systemd/systemd systemctl script; do
		command -v "$tool" >/dev/null || echo "$tool is not installed"
	done
	grep -q 'cgroup2$' /proc/filesystems || echo "this kernel has no cgroup2 (CONFIG_CGROUPS)"
}

# systemd_find HOST: its process, into ${systemd_pid[HOST]}
systemd_find()
{
	local pid=${tag_pid[systemd-$1]} name="" children

	until [ "$name" = systemd ]; do
		children=
		read -r children 2>/dev/null <"/proc/$pid/task/$pid/children"
		[ -n "$children" ] || return
		pid=${children%% *}
		read -r name <"/proc/$pid/comm"
	done
	systemd_pid[$1]=$pid
}

# systemd_is HOST STATE UNIT: for wait_until
systemd_is()
{
	[ "$(in_systemd "$1" systemctl is-active "$3")" = "$2" ]
}

# in_systemd HOST COMMAND...: where its units are
in_systemd()
{
	local pid=${systemd_pid[$1]:?it does not run}

	shift
	nsenter --target "$pid" --all -- "$@"
}

# systemd_start HOST UNITS PROGRAMS: see systemd_boot; its console is the log of systemd-HOST. Not inside "check".
systemd_start()
{
	host_spawn "$1" "systemd-$1" env SHELL=/bin/sh \
		script -qfc "exec tests/lib/systemd_boot '$work/$1' '$2' '$3'" /dev/null
	wait_until 240 systemd_find "$1" && wait_until 120 systemd_is "$1" active lab.target
}

# systemd_end HOST: as if its machine lost its power. Its cgroups go with it.
systemd_end()
{
	local cgroup

	cgroup=$(sed -n 's,^0::\(.*/gapless\.[^/]*\)/.*,\1,p' "/proc/${systemd_pid[$1]}/cgroup")
	kill -KILL "${systemd_pid[$1]}"
	host_stop "systemd-$1" CONT
	[ -z "$cgroup" ] || in_host "$1" find "/sys/fs/cgroup$cgroup" -depth -type d -exec rmdir {} +
}
