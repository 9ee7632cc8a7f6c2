#!/bin/bash
# SPDX-License-Identifier: MIT
# The unit under a real systemd: start, reload, restart, kill -9, hangs and stop of a keyd (without a kernel), whose IKE SA goes on.
# Needs root, and namespaces.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"

if [ "${1-}" != inside ]; then
	unshare --net --mount --pid --fork --cgroup true 2>/dev/null || skip_all "no right to make namespaces"
	exec unshare --net --mount --pid --fork --mount-proc "$0" inside
fi

# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
# shellcheck source=tests/lib/keyd.sh
. "$(dirname "$0")/../lib/keyd.sh"
# shellcheck source=tests/lib/systemd.sh
. "$(dirname "$0")/../lib/systemd.sh"
trap hosts_cleanup EXIT
trap 'exit 143' INT TERM HUP

units=$work/units
json=${O:-build}/tests/json
times=0
# Seconds without a sign of life, instead of the unit's 60
patience=8

# shellcheck disable=SC2317 # called by not_ok
on_failure()
{
	for log in "$work"/*/*.log; do
		note "--- end of ${log##*/}"$'\n'"$(tail -n 25 "$log")"
	done
}

# conf HOST OWN PEER [LINE]
conf()
{
	conf_file "$1" <<-END
		peer $3 {
			local $2
			psk "$secret"
			${4-}
		}
	END
}

service()
{
	in_systemd bob systemctl "$@" gapless.service
}

# shown PROPERTY: of the service
shown()
{
	service show --value -p "$1"
}

# ready NAME [TIMES]: what happened has happened when keyd is ready once more, or so often; its main process is that of keyd-bob then
ready()
{
	local pid children name

	times=$((times + ${2:-1}))
	wait_log keyd-bob 'keyd: ready: ' 60 $times || not_ok "$1: keyd is ready again"
	unset "tag_pid[keyd-bob]"
	read -r children 2>/dev/null <"/proc/${systemd_pid[bob]}/task/${systemd_pid[bob]}/children"
	for pid in $children; do
		read -r name 2>/dev/null <"/proc/$pid/comm"
		[ "$name" != keyd ] || tag_pid[keyd-bob]=$pid
	done
}

ike_sa()
{
	keydctl "$1" --json status | "$json" ike.# ike.0.spi_i ike.0.spi_r ike.0.rekeys
}

# shellcheck disable=SC2317
rekeyed()
{
	[ "$(ike_sa alice)" != "$before" ] && [ "$(ike_sa alice)" = "$(ike_sa bob)" ] && [[ $(ike_sa alice) == "1 "* ]]
}

# goes_on NAME: the same IKE SA at both ends, and message IDs go on in both directions
goes_on()
{
	is "$1: the IKE SA is the same" "$(ike_sa bob)" "$before"
	check "$1: alice rekeys it" keydctl alice rekey --ike 192.0.2.2
	check "$1: both have the new one" wait_until 20 rekeyed
	before=$(ike_sa bob)
	check "$1: bob rekeys it" keydctl bob rekey --ike 192.0.2.1
	check "$1: both have that, too" wait_until 20 rekeyed
	before=$(ike_sa bob)
}

missing=$(systemd_missing)
[ -z "$missing" ] || skip_all "$missing"
host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
conf alice 192.0.2.1 192.0.2.2
conf bob 192.0.2.2 192.0.2.1
mkdir "$units"
for unit in sysinit basic network shutdown lab; do
	printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' $unit >"$units/$unit.target"
done
cp packaging/systemd/gapless.service "$units"
# All that differs from the unit: where its words go, which is the journal elsewhere, and a patience that a test can wait for.
in_host bob sh -c 'mkdir -p /run/units/gapless.service.d; echo "KEYD_OPTIONS=\"-v --backend fake\"" >/etc/gapless/keyd.env
	printf "[Service]\nStandardError=append:/run/outside/keyd-bob.log\nWatchdogSec=%s\n" "$1" >/run/units/gapless.service.d/lab.conf' \
	sh $patience
keyd_start alice --backend fake
systemd_start bob "$units" "$bin" || skip_all "systemd does not come up in namespaces here: $(tail -n 1 "$(host_log systemd-bob)")"
note "$(in_systemd bob systemctl --version | head -n 1)"
: >"$work/bob/keyd-bob.log"
tag_host[keyd-bob]=bob

check "start" service start
ready start
is "it came back when keyd was ready" "$(shown SubState)" running
is "records and four sockets are in the store" "$(shown NFileDescriptorStore)" 5
host_spawn alice up "$bin/keydctl" up 192.0.2.2 # which waits for a child, and without a kernel there is none
check "an IKE SA" wait_log keyd-alice 'IKE_SA result=established' 20
before=$(ike_sa alice)
is "bob has it, too" "$(ike_sa bob)" "$before"
conf bob 192.0.2.2 192.0.2.1 "dpd 1m"
check "reload" service reload
check "reload: it says so" wait_log keyd-bob 'reload: result=ok' 20
goes_on reload
check "restart" service restart
ready restart
goes_on restart
for _ in 1 2 3; do
	check "restart, and at once again" service restart
done
ready "three restarts" 3
goes_on "three restarts"
check "kill -9 of the main process" service kill -s KILL --kill-whom=main
ready killed
is "killed: systemd has started it" "$(shown NRestarts)" 1
goes_on killed
check "kill -9 of all" service kill -s KILL --kill-whom=all
ready "all killed"
goes_on "all killed"
role_pid bob ike && kill -STOP "$pid"
check "a role that hangs is ended" wait_log keyd-bob 'a role does not answer and is ended: role=ike' 60
check "a role that hangs: it is back" wait_log keyd-bob 'a role is back: role=ike' 60
goes_on "a role that hung"
kill -STOP "${tag_pid[keyd-bob]}"
check "systemd ends a main process that hangs" wait_log systemd-bob 'Watchdog timeout' 60
ready hung
is "hung: systemd has started it, and nothing else" "$(shown NRestarts)" 3
goes_on hung

# That begins anew, so it was the store that all this came from.
check "stop" service stop
unset "tag_pid[keyd-bob]"
is "stop: it is not there" "$(shown ActiveState) $(shown Result)" "inactive success"
is "stop: nothing is in the store" "$(shown NFileDescriptorStore)" 0
check "start again" service start
ready "start again"
is "start again: it knows of nothing" "$(keydctl bob --json status | "$json" ike.#)" 0
unset "tag_pid[keyd-bob]"
echo nonsense >"$work/nonsense"
conf_file bob <"$work/nonsense"
check "restart with a wrong configuration fails" not service restart
is "it is not tried again and again" "$(shown ActiveState) $(shown ExecMainStatus)" "failed 3"
systemd_end bob
host_stop keyd-alice
finish
