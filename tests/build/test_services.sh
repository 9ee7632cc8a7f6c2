#!/bin/bash
# SPDX-License-Identifier: MIT
# The service files, as installed: each script starts, reloads, restarts and stops a keyd (without a kernel) as its init system would
# have it, and systemd's unit is sound; what keyd tells a service manager. Needs root, and a network namespace.
# alone

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"

if [ "${1-}" != inside ]; then
	unshare -n true 2>/dev/null || skip_all "no right to make network namespaces"
	exec unshare -n "$0" inside
fi
ip link set lo up

root=$(mktemp -d "${TMPDIR:-/tmp}/gapless-services.XXXXXX")
doubles=$PWD/tests/lib/services
run=$root/run/gapless
init=$root/usr/share/gapless/init
export RC_CONF=$root/rc.conf PROCD=$root/procd
notified=

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	local pid

	[ ! -r "$run/keyd.pid" ] || kill -TERM "$(cat "$run/keyd.pid")"
	pid=$(cat "$run/keyd-hook.pid" 2>/dev/null)
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != keyd-hook ] || kill "$pid"
	[ -z "$notified" ] || kill "$notified"
	wait_until 10 test ! -e "$run/keyd.sock"
	rm -rf "$root"
}
trap cleanup EXIT

# The daemon's own paths are those of this build, which is not to be made anew, so it is told where to run; and files are told where it is.
keyd_options="--backend fake -f $root/etc/gapless/keyd.conf --run-dir $run"
check "make install" make --no-print-directory O="${O:-build}" DESTDIR="$root" PREFIX=/usr INIT="systemd sysvinit" install
sed -i -e "s,/usr/libexec/gapless,$root&,g" -e "s,/etc/gapless,$root&,g" -e "s,/run/gapless,$root&,g" \
	"$init"/gapless* "$root"/etc/init.d/gapless* "$root"/usr/lib/systemd/system/gapless*.service
chmod 755 "$root"
printf 'KEYD_OPTIONS="%s"\n' "$keyd_options" >"$root/etc/gapless/keyd.env"
printf 'gapless_enable=YES\ngapless_options="%s"\n' "$keyd_options" >"$RC_CONF"
mkdir -p "$PROCD"

# conf PORT: what keyd shall listen on
conf()
{
	printf 'port %s\npeer bob {\n\taddress 192.0.2.2\n\tpsk "correct horse"\n}\n' "$1" >"$root/etc/gapless/keyd.conf"
	chmod 600 "$root/etc/gapless/keyd.conf"
}

# listens PORT
listens()
{
	awk -v port=":$(printf %04X "$1")" 'substr($2, length($2) - 4) == port { n = 1 } END { exit !n }' /proc/net/udp
}

not()
{
	! "$@"
}

gone()
{
	[ ! -e "$run/keyd.sock" ]
}

alive()
{
	[ -S "$run/keyd.sock" ] && kill -0 "$(cat "$run/keyd.pid")"
}

# service NAME COMMAND...: the command takes start, stop, status, reload, restart
service()
{
	local name=$1 pid

	shift
	conf 1500
	check "$name: it does not run" not "$@" status
	check "$name: stop is no error then" "$@" stop
	check "$name: start" "$@" start
	check "$name: it runs" wait_until 10 alive
	pid=$(cat "$run/keyd.pid")
	check "$name: status says so" "$@" status
	"$@" start >"$root/again" 2>&1
	is "$name: start again starts no second one" "$(cat "$run/keyd.pid")" "$pid"
	conf 1501
	check "$name: reload" "$@" reload
	check "$name: it listens as it is told now" wait_until 10 listens 1501
	is "$name: it is the same process" "$(cat "$run/keyd.pid")" "$pid"
	echo nonsense >>"$root/etc/gapless/keyd.conf"
	check "$name: reload tells of a mistake" not "$@" reload
	check "$name: and it goes on as before" listens 1501
	conf 1502
	check "$name: restart" "$@" restart
	check "$name: it listens again" wait_until 10 listens 1502
	wait_until 10 alive
	check "$name: it is another process" [ "$(cat "$run/keyd.pid")" != "$pid" ]
	check "$name: stop" "$@" stop
	check "$name: nothing is left" wait_until 10 gone
	conf 0
	check "$name: start tells when it does not come up" not started_by "$@"
	"$@" stop >/dev/null # procd's, before it finds that the settings are good again
	conf 1500
}

# started_by COMMAND...: procd itself starts without waiting
started_by()
{
	"$@" start && [ "$1" != "$doubles/rc.common" ]
}

hooked()
{
	[ -r "$hook_pid" ] && kill -0 "$(cat "$hook_pid")" 2>/dev/null
}

unhooked()
{
	! hooked
}

# hook NAME COMMAND...: that of keyd-hook, which is told what to do by hook.env or, with rc.d, rc.conf
hook()
{
	local name=$1 pid

	shift
	hook_pid=$run/keyd-hook.pid
	[ "$1" != "$doubles/rc.common" ] || hook_pid=$PROCD/pid
	rm -f "$root/etc/gapless/hook.env"
	"$@" start >"$root/again" 2>&1
	check "$name: keyd-hook is not started where nobody wants it" unhooked
	printf 'HOOK_OPTIONS="-f %s --run-dir %s"\n' "$root/etc/ipsec.conf" "$run" >"$root/etc/gapless/hook.env"
	printf 'gapless_enable=YES\ngapless_options="%s"\ngapless_hook_enable=YES\ngapless_hook_options="-f %s --run-dir %s"\n' "$keyd_options" "$root/etc/ipsec.conf" "$run" >"$RC_CONF"
	check "$name: keyd-hook's start" "$@" start
	check "$name: it runs" wait_until 10 hooked
	pid=$(cat "$hook_pid")
	check "$name: status says so" "$@" status
	"$@" start >"$root/again" 2>&1
	is "$name: start again starts no second one" "$(cat "$hook_pid")" "$pid"
	check "$name: restart" "$@" restart
	check "$name: it runs again" wait_until 10 hooked
	check "$name: it is another process" [ "$(cat "$hook_pid")" != "$pid" ]
	check "$name: stop" "$@" stop
	check "$name: nothing is left" wait_until 10 unhooked
	if [ "$hook_pid" != "$PROCD/pid" ]; then
		printf 'left=192.0.2.1\nconn a\n' >"$root/etc/ipsec.conf"
		check "$name: start tells of a mistake in the file" not "$@" start
	fi
	printf 'conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n\tauto=add\n' >"$root/etc/ipsec.conf"
	printf 'gapless_enable=YES\ngapless_options="%s"\n' "$keyd_options" >"$RC_CONF"
}

printf 'conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n\tauto=add\n' >"$root/etc/ipsec.conf"
sed "s,/etc/rc.subr,$doubles/rc.subr," "$init/gapless-hook.rc.d" >"$root/rc.d-hook"
hook rc.d sh "$root/rc.d-hook"
sed "s,/etc/rc.subr,$doubles/rc.subr," "$init/gapless.rc.d" >"$root/rc.d"
service rc.d sh "$root/rc.d"
if [ -e /lib/lsb/init-functions ] && command -v start-stop-daemon >/dev/null; then
	service sysvinit env SYSTEMCTL_SKIP_REDIRECT=1 sh "$root/etc/init.d/gapless"
	service OpenRC "$doubles/openrc-run" "$init/gapless.openrc"
	hook sysvinit env SYSTEMCTL_SKIP_REDIRECT=1 sh "$root/etc/init.d/gapless-hook"
	hook OpenRC "$doubles/openrc-run" "$init/gapless-hook.openrc"
else
	skip "sysvinit, OpenRC" "not installed: lsb-base, dpkg"
fi
service procd "$doubles/rc.common" "$init/gapless.procd"
hook procd "$doubles/rc.common" "$init/gapless-hook.procd"
check "procd starts it again when it ends" grep -q '^respawn ' "$PROCD/params"

# --- systemd's unit ---
unit=$root/usr/lib/systemd/system/gapless.service
if command -v systemd-analyze >/dev/null; then
	check "systemd finds no fault with the unit" systemd-analyze verify --man=no "$unit"
	is "and says nothing about it" "$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F gapless)" ""
	check "nor with that of keyd-hook" systemd-analyze verify --man=no "${unit%.service}-hook.service"
	is "and says nothing about that" "$(systemd-analyze verify --man=no "${unit%.service}-hook.service" 2>&1 | grep -F gapless)" ""
	check "its exposure is at most 3.5 of 10, which is OK" systemd-analyze security --offline=true --threshold=35 --no-pager "$unit"
else
	skip "systemd's unit" "not installed: systemd-analyze"
fi

# calls_of GROUP: a group of systemd's, spread out
calls_of()
{
	local line

	systemd-analyze syscall-filter "$1" | sed -n '2,$ s/^ *\([-@a-z0-9_]*\).*/\1/p' | while read -r line; do
		case $line in
		@*) calls_of "$line" ;;
		?*) echo "$line" ;;
		esac
	done
}

# What keyd calls from its start to its end, a reload between, and what the unit lets it
if command -v systemd-analyze >/dev/null && command -v strace >/dev/null; then
	conf 1500
	# shellcheck disable=SC2086
	strace -f -qq -o "$root/strace" "${O:-build}/bin/keyd" $keyd_options 2>"$root/log" &
	tracer=$!
	wait_until 20 alive && wait_until 20 grep -q 'ready:' "$root/log"
	pid=$(cat "$run/keyd.pid")
	kill -HUP "$pid"
	wait_until 20 grep -q 'reload: result=ok' "$root/log"
	kill -TERM "$pid"
	wait $tracer
	sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$root/strace" | sort -u >"$root/called"
	sed -n 's/^SystemCallFilter=//p' "$unit" | tr ' ' '\n' | while read -r word; do
		case $word in
		@*) calls_of "$word" ;;
		*) echo "$word" ;;
		esac
	done | sort -u >"$root/let"
	check "more than forty different calls were seen" [ "$(wc -l <"$root/called")" -gt 40 ]
	is "the unit lets keyd call all that it calls" "$(comm -23 "$root/called" "$root/let" | xargs)" ""
else
	skip "the unit's system calls" "not installed: systemd-analyze, strace"
fi

# --- what a service manager hears ---
# told REGEX TIMES
told()
{
	[ "$(grep -cE "$1" "$root/told")" -ge "$2" ]
}

# role ROLE: its process, into $role
role()
{
	local children

	read -r children <"/proc/$keyd/task/$keyd/children"
	for role in $children; do
		[ "$(tr '\0' ' ' <"/proc/$role/cmdline" | cut -d ' ' -f 2)" != "$1" ] || return 0
	done
	return 1
}

"${O:-build}/tests/notified" "$root/notify" >"$root/told" &
notified=$!
wait_until 5 told listening 1
conf 1500
# shellcheck disable=SC2086
NOTIFY_SOCKET=$root/notify WATCHDOG_USEC=2000000 "${O:-build}/bin/keyd" $keyd_options 2>"$root/log" &
keyd=$!
check "it tells that it is ready" wait_until 10 told '^READY=1$' 1
check "and that it lives, again and again" wait_until 10 told '^WATCHDOG=1$' 3
kill -HUP $keyd
check "that it reloads" wait_until 10 told '^RELOADING=1$' 1
check "and has" wait_until 10 told '^READY=1$' 2
role ike && kill -STOP "$role"
check "a role that hangs is ended" wait_until 10 grep -q 'a role does not answer and is ended: role=ike' "$root/log"
before=$(grep -c WATCHDOG "$root/told")
check "and started again" wait_until 10 grep -q 'a role is back: role=ike' "$root/log"
check "signs of life go on" wait_until 10 told '^WATCHDOG=1$' $((before + 2))
kill -STOP $keyd
kill -TERM $keyd
sleep 0 && kill -CONT $keyd
check "it tells that it ends" wait_until 10 told '^STOPPING=1$' 1
wait $keyd
is "it ends well" $? 0
# shellcheck disable=SC2086
NOTIFY_SOCKET=$root/notify WATCHDOG_USEC=2000000 WATCHDOG_PID=1 "${O:-build}/bin/keyd" $keyd_options 2>"$root/log" &
keyd=$!
wait_until 10 told '^READY=1$' 3
before=$(grep -c WATCHDOG "$root/told")
check "a watchdog meant for another process is not ours" not wait_until 2 told '^WATCHDOG=1$' $((before + 1))
kill -TERM $keyd
wait $keyd
finish
