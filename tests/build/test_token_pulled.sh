#!/bin/bash
# SPDX-License-Identifier: MIT
# What becomes of tunnels when their token is pulled out and put back (keyd without a kernel), and of others while somebody types at its
# PIN pad: who waits, whose requests come again, and that nothing is pulled by a process that dies. Needs root, and namespaces.

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"
# shellcheck source=tests/lib/token.sh
. "$(dirname "$0")/../lib/token.sh"
lacks=$(token_lacks) && [ -n "$lacks" ] && skip_all "$lacks"

# alice_conf SETTING…: with the mock's key
alice_conf()
{
	certs_conf alice "+module $mock_module" "local 192.0.2.1" "ca $certs/root.pem" "cert pkcs11:token=mock;id=%02" "$@"
}

# takes SETTING…: alice has a tunnel by them
takes()
{
	alice_conf "$@"
	check "${*:2}: alice takes it" keydctl alice reload
	ikes_are alice 1 || begins alice bob >/dev/null
	check "${*:2}: a tunnel" both_have 1
}

# both_have NUMBER: alice and bob, so many IKE SAs
both_have()
{
	wait_until 20 ikes_are alice "$1" && wait_until 20 ikes_are bob "$1"
}

# pull, back: until alice has seen it; another insertion each time
pull()
{
	mock_does "card 0"
	wait_until 20 not token_there || not_ok "it is pulled"
}

inserted=1
back()
{
	mock_does "card $((++inserted))"
	wait_until 20 token_there || not_ok "it is back"
}

# shellcheck disable=SC2317
token_there()
{
	[[ $(token_state alice mock) =~ locked ]]
}

# Both keys of alice have been seen, and her sections are whole: one reload serves what was seen until then.
# shellcheck disable=SC2317
both_seen()
{
	awk '/seen for the first time/ { seen++ } /reload: result=ok/ { whole = seen } END { exit whole < 2 }' "$(host_log keyd-alice)"
}

# spi HOST: of its only IKE SA
spi()
{
	keydctl "$1" status | sed -n '/  established  /,/ spi /s/^ *spi \([^ ]*\).*/\1/p'
}

# worker MODULE: the process that has loaded it, into $worker
worker()
{
	local children

	role_pid alice card && read -r children <"/proc/$pid/task/$pid/children"
	for worker in $children; do
		! grep -qa -- "--module.*$1" "/proc/$worker/cmdline" || return 0
	done
	return 1
}

native_hosts
token_home
mock_new
file=$(token_pin mock 1234)
certs_conf bob "$(own bob-ec256)" "ca $certs/root.pem, $certs/inter.pem"
alice_conf "pin file $file"
keyd_start bob --backend fake
keyd_start alice --backend fake

# --- keep ---
takes "pin file $file" "pulled keep"
before=$(spi alice)
pull
check "keep: rekeying needs no token" keydctl alice rekey --ike bob
keyd_said alice 'IKE_SA result=rekeyed'
keyd_fails alice 1 'is not there' "$bin/keydctl" reauth bob
check "keep: the tunnel goes on" both_have 1
back
check "keep: back in, it can be proved anew" keydctl alice reauth bob
check "keep: one tunnel" both_have 1
check "keep: another one" [ "$(spi alice)" != "$before" ]

# --- down after a while ---
takes "pin file $file" "pulled down after 3s"
before=$(spi alice)
pull
back
check "after 3 s: back in time" not wait_until 5 ikes_are bob 0
is "after 3 s: it is the same tunnel" "$(spi alice)" "$before"
pull
check "after 3 s: bob is told that it ends" wait_until 20 ikes_are bob 0
keyd_said alice 'token result=pulled .*the token with our key is away'
back
check "after 3 s: back in, it comes back" both_have 1

# --- down, with a PIN that somebody types ---
certs_down
alice_conf "pin ask" "pulled down"
keydctl alice reload >/dev/null
keydctl alice token lock >/dev/null 2>&1
check "down: the PIN is typed" keydctl alice token unlock --fd 0 <<<1234
begins alice bob >/dev/null
check "down: a tunnel" both_have 1
pull
check "down: bob is told that it ends" wait_until 20 ikes_are bob 0
back
check "down: back in, it is locked" token_is alice mock locked
check "down: and there is no tunnel" ikes_are alice 0
check "down: somebody types the PIN" keydctl alice token unlock --fd 0 <<<1234
check "down: it comes back" both_have 1

# --- a process that dies pulls nothing ---
before=$(spi alice)
worker mock_p11 || not_ok "there is a process for the module"
kill -KILL "$worker"
check "killed: there is another process" wait_until 20 eval 'killed=$worker; worker mock_p11 && [ "$worker" != "'"$worker"'" ]'
wait_until 20 token_is alice mock locked || not_ok "killed: the token is seen again"
is "killed: the tunnel is the same" "$(spi alice)" "$before"
takes "pin file $file" "pulled down"
check "killed: the next signature is made" keydctl alice reauth bob
check "killed: one tunnel" both_have 1
before=$(spi alice)
keyd_kill alice
keyd_again alice --backend fake
check "keyd killed: the tunnel goes on" wait_until 20 ikes_are alice 1
is "keyd killed: it is the same" "$(spi alice)" "$before"
pull
check "keyd killed: its token can be pulled" wait_until 20 ikes_are bob 0
back
check "keyd killed: and put back" both_have 1

# --- pulled while the role that has the tunnels is not there to hear of it ---
role_pid alice ike && kill -STOP "$pid" || not_ok "deaf: there is an ike role"
absent=$(grep -c 'token: state=absent' "$(host_log keyd-alice)")
mock_does "card 0"
check "deaf: it is pulled" wait_until 20 eval '[ "$(grep -c "token: state=absent" "$(host_log keyd-alice)")" -gt '"$absent"' ]'
kill -KILL "$pid"
keyd_said alice 'a role is back: role=ike'
check "deaf: the next one is told, and ends the tunnel" wait_until 20 ikes_are bob 0
back
check "deaf: back in, it comes back" both_have 1

# --- somebody types at a PIN pad ---
certs_down
host_stop keyd-alice
token_new gate
token_put gate alice-rsa
in_host alice ip address add 192.0.2.5/24 dev eth0
in_host bob ip address add 192.0.2.6/24 dev eth0
mock_does "card $((++inserted))" "pad wait"
rm -f "$mock/log"
{
	printf 'module %s, softhsm2\n' "$mock_module"
	for row in "bob 192.0.2.1 192.0.2.2 pkcs11:token=mock;id=%02 pad" "carol 192.0.2.5 192.0.2.6 pkcs11:token=gate file"; do
		read -r peer mine theirs uri how <<<"$row"
		[ "$how" = pad ] || how="file $file"
		printf 'peer %s { local %s; address %s; cert %s; pin %s; ca %s; id local alice.example.org; id remote bob.example.org; unique never }\n' \
			"$peer" "$mine" "$theirs" "$uri" "$how" "$certs/root.pem"
	done
} | conf_file alice
{
	for row in "alice 192.0.2.2 192.0.2.1" "alice2 192.0.2.6 192.0.2.5"; do
		read -r peer mine theirs <<<"$row"
		printf 'peer %s { local %s; address %s; %s; ca %s, %s; id local bob.example.org; id remote alice.example.org; unique never; retransmit 500ms 7 }\n' \
			"$peer" "$mine" "$theirs" "$(own bob-ec256)" "$certs/root.pem" "$certs/inter.pem"
	done
} | conf_file bob
keyd_start alice --backend fake
keydctl bob reload >/dev/null
wait_until 30 both_seen || not_ok "pad: both keys have been seen"
sent=$(keydctl bob --json stats | "$json" retransmitted)
begins bob alice >/dev/null
check "pad: somebody is to type" wait_until 20 mock_called 'pad waits'
check "pad: meanwhile others have tunnels" keydctl alice up carol
check "pad: again and again" keydctl alice reauth carol
check "pad: and keydctl an answer" keydctl alice token list
check "pad: the other end asks again" wait_until 20 eval '[ "$(keydctl bob --json stats | "$json" retransmitted)" -ge '"$((sent + 2))"' ]'
check "pad: it has not been typed yet" ikes_are bob 1
mock_does "card $inserted" "pad ok"
check "pad: it has" wait_until 20 ikes_are bob 2
is "pad: the other end's repetitions were no new questions" "$(mock_called 'pad waits')" 1
host_stop keyd-alice
host_stop keyd-bob
finish
