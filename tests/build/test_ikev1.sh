#!/bin/bash
# SPDX-License-Identifier: MIT
# Processes that speak IKEv1 (keyd without a kernel): main mode and aggressive mode, a rekey, a restart, and what differs is explained.
# Needs root, and namespaces.
#
#	alice 192.0.2.1 ---- 192.0.2.2 bob

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

# shellcheck disable=SC2317 # called by not_ok
on_failure()
{
	for log in "$work"/*/*.log; do
		note "--- end of ${log##*/}"$'\n'"$(tail -n 25 "$log")"
	done
}

# both WORDS [BOB'S WORDS]: their sections, and both run
both()
{
	conf_file alice <<-END
		peer bob { address 192.0.2.2; local 192.0.2.1; version 1; psk "$secret"; retransmit 200ms 3; $1 }
	END
	conf_file bob <<-END
		peer alice { address 192.0.2.1; local 192.0.2.2; version 1; psk "${bobs_secret-$secret}"; retransmit 200ms 3; ${2-$1} }
	END
	keyds_start --backend fake
	host_spawn alice up "$bin/keydctl" up bob
}

both_stop()
{
	keyds_stop
	host_stop up
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24

both "ike aes256-sha384-ecp384"
keyd_said alice 'IKE_SA result=established .*: aes256-prfsha384-ecp384 as initiator'
keyd_said bob 'IKE_SA result=established .*: aes256-prfsha384-ecp384 as responder'
check "bob rekeys it" keydctl bob rekey --ike alice
keyd_said alice 'IKE_SA result=rekeyed .* as responder'
role_pid alice ike && kill -KILL "$pid"
keyd_said alice 'IKE_SA result=taken-over .*was established'
check "alice rekeys it once more" keydctl alice rekey --ike bob
keyd_said bob 'IKE_SA result=rekeyed .* as responder'
check "alice takes it down" keydctl alice down bob
keyd_said bob 'IKE_SA result=(gone|down) .*the peer deleted it'
both_stop

both "exchange aggressive"
keyd_said bob 'IKE_SA result=established .* as responder'
both_stop

both "ike aes128-sha256-modp2048" "ike aes256-sha512-modp3072"
keyd_said bob 'NO-PROPOSAL-CHOSEN: the peer offers aes128-.*; we accept aes256-'
check "alice explains it" wait_until 20 eval 'keydctl alice explain bob | grep -q no-proposal-ike'
check "bob explains it" wait_until 20 eval 'keydctl bob explain alice | grep -q no-proposal-ike'
both_stop

bobs_secret=other both ""
keyd_said bob 'message 5 makes no sense when it is decrypted: mostly the shared keys of both ends differ'
keyd_said alice "no answer to message 5 of Main Mode .*the peer's shared key is another"
both_stop
finish
