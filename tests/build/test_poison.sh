#!/bin/bash
# SPDX-License-Identifier: MIT
# A datagram that kills its reader twice is dropped (keyd without a kernel): the IKE SA with somebody else goes on meanwhile, and its
# sender's next one is read. A debugger plays the mistake (tests/netns/ambush.c). Needs root, and namespaces.
#
#	alice 192.0.2.1 ---- 192.0.2.2 bob 192.0.2.6 ---- 192.0.2.5 carol

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"

if [ "${1-}" != inside ]; then
	unshare --net --mount --pid --fork true 2>/dev/null || skip_all "no right to make namespaces"
	exec unshare --net --mount --pid --fork --mount-proc "$0" inside
fi

# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
# shellcheck source=tests/lib/keyd.sh
. "$(dirname "$0")/../lib/keyd.sh"
trap hosts_cleanup EXIT
trap 'exit 143' INT TERM HUP

json=${O:-build}/tests/json

# shellcheck disable=SC2317 # called by not_ok
on_failure()
{
	for log in "$work"/*/*.log; do
		note "--- end of ${log##*/}"$'\n'"$(tail -n 25 "$log")"
	done
}

# begins HOST PEER: an IKE SA; without a kernel there is no child, which keydctl would wait for
begins()
{
	host_spawn "$1" "up-$1" "$bin/keydctl" up "$2"
}

ike_sa()
{
	keydctl "$1" --json status | "$json" ike.# ike.0.spi_i ike.0.spi_r
}

host_new alice
host_new bob
host_new carol
link_new alice 192.0.2.1/30 bob 192.0.2.2/30
link_new carol 192.0.2.5/30 bob 192.0.2.6/30
conf_file alice <<-END
	peer 192.0.2.2 { local 192.0.2.1; psk "$secret" }
END
conf_file bob <<-END
	peer 192.0.2.0/29 { psk "$secret" }
END
conf_file carol <<-END
	peer 192.0.2.6 { local 192.0.2.5; psk "$secret"; retransmit 500ms 3 }
END
for host in alice bob carol; do keyd_start $host --backend fake; done
begins alice 192.0.2.2
keyd_said alice 'IKE_SA result=established'
before=$(ike_sa alice)

host_spawn bob ambush "${O:-build}/tests/ambush" "${tag_pid[keyd-bob]}" "keyd: ike" 2
check "somebody lies in wait" wait_log ambush '^waiting' 20
begins carol 192.0.2.6
check "two processes die of what carol sends" wait_log ambush '^killed' 30 2
keyd_said bob 'a datagram of which two processes have died is dropped; please report this: role=ike remote=192.0.2.5 bytes='
keyd_said carol 'IKE_SA result=failed .* no answer to IKE_SA_INIT'
is "no other process died" "$(keyd_count bob 'a role died: ')" 2
is "alice's IKE SA is the same" "$(ike_sa bob)" "$before"
check "it goes on" keydctl alice rekey --ike 192.0.2.2
keyd_said alice 'IKE_SA result=rekeyed'
begins carol 192.0.2.6
keyd_said carol 'IKE_SA result=established'
is "bob has both" "$(keydctl bob --json status | "$json" ike.#)" 2

# --- records that kill: after three deaths, one soon after the other, they are dropped; an orderly end is none ---

host_stop keyd-bob
keyd_again bob --backend fake
for death in 1 2 3; do
	is "death $death: the records are taken" "$(keyd_count bob 'of what they were to go on with')" 0
	role_pid bob ike && kill -KILL "$pid"
	check "death $death: it is back" wait_log keyd-bob 'a role is back: role=ike' 20 $death
done
keyd_said bob 'several processes have died of what they were to go on with: it is dropped'
for host in alice bob carol; do host_stop keyd-$host; done
finish
