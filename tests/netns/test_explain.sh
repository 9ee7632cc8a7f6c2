#!/bin/bash
# SPDX-License-Identifier: MIT
# keydctl explain names, on the host that asks, what differed and the line to change; keydctl watch streams JSON. docs/diagnosis.md has
# what it printed (LAB_OUT: explain-*.txt).

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# peer_conf HOST SETTING...: its section for the other one
peer_conf()
{
	local host=$1 other=192.0.2.1

	shift
	[ "$host" = bob ] || other=192.0.2.2
	{
		printf 'peer %s {\n\tpsk "%s"\n\tretransmit 1s 4\n' $other "$secret"
		[ $# -eq 0 ] || printf '\t%s\n' "$@"
		printf '}\n'
	} | conf_file "$host"
}

# explains NAME HOST REGEX...: what its keydctl says has a line for each
explains()
{
	local name=$1 host=$2 file regex

	shift 2
	file=$work/explain-$host-${name// /-}.txt
	keydctl "$host" explain >"$file"
	[ -z "${LAB_OUT-}" ] || cp "$file" "$LAB_OUT/"
	read -r -d '' -a words <"$file" # long sentences go over several lines
	for regex; do
		check "$name: $host explains: $regex" said "$regex"
	done
}

# shellcheck disable=SC2317 # called by check
said()
{
	[[ "${words[*]}" =~ $1 ]]
}

attempt()
{
	local host

	for host in alice bob; do
		check "$1: $host takes the settings" keydctl $host reload
	done
	keydctl alice down --all >"$work/down" 2>&1 # nothing may be up: then it fails
	keydctl alice up 192.0.2.2 >"$work/up" 2>&1
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24

# Between nets behind the hosts first: ICMP from the other host is not under the policy then, and reaches us.
policy_pair alice 10.0.1.0/24 10.0.2.0/24 esp/tunnel/192.0.2.1-192.0.2.2/require
printf 'peer 192.0.2.2 {\n\tpsk "%s"\n\tretransmit 200ms 3\n}\n' "$secret" | conf_file alice
keyd_start alice
keydctl alice explain 192.0.2.2 >"$work/nothing.txt"
check "nothing yet" grep -q "Nothing has been tried with" "$work/nothing.txt"
host_spawn alice watch "$bin/keydctl" --json watch --since 1h
keydctl alice up 192.0.2.2 >"$work/up" 2>&1
explains "no daemon" alice '192.0.2.2: ike-sa failed: no-answer' 'A router or the host itself said: port unreachable' \
	'no IKE daemon listens on UDP port 500'

in_host alice "$bin/setkey" -FP
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
peer_conf bob
keyd_start bob

peer_conf alice "ike aes256gcm16-prfsha384-ecp384"
peer_conf bob "ike aes128-sha256-modp2048"
attempt "IKE proposals"
explains "IKE proposals" alice 'ike-sa failed: no-proposal-ike' '/etc/gapless/keyd.conf:4: this "ike" line allows only aes256gcm16-prfsha384-ecp384'
explains "IKE proposals" bob 'The peer offers aes256gcm16-prfsha384-ecp384 for IKE' \
	'/etc/gapless/keyd.conf:4: this "ike" line allows only aes128-sha256-prfsha256-modp2048; add to it what the peer offers'

peer_conf alice "esp aes256gcm16"
peer_conf bob "esp aes128-sha256"
attempt "ESP proposals"
explains "ESP proposals" alice 'child failed: no-proposal-esp' '/etc/gapless/keyd.conf:4: this "esp" line allows only aes256gcm16-noesn'
explains "ESP proposals" bob 'add aes256gcm16 to "esp" here' '/etc/gapless/keyd.conf:4: this "esp" line'

peer_conf alice
peer_conf bob "id remote alice.example"
attempt "identity"
explains "identity" alice 'failed: authentication-refused' '/etc/gapless/keyd.conf:2 has the secret that we used'
explains "identity" bob 'says that it is "192.0.2.1"; "alice.example" is expected here' \
	'/etc/gapless/keyd.conf:4: this "id remote" expects "alice.example": if "192.0.2.1" is right, write `id remote 192.0.2.1`'

in_host bob rm /etc/gapless/keyd.conf
{
	echo "secrets psk.txt"
	echo "peer 192.0.2.1 retransmit 1s 4"
} | conf_file bob
{
	echo "# secrets"
	echo
	echo "192.0.2.1 wrong"
} | in_host bob sh -c 'umask 077; cat >/etc/gapless/psk.txt'
attempt "secret"
explains "secret" alice 'failed: authentication-refused'
explains "secret" bob 'failed: wrong-secret' '/etc/gapless/psk.txt:3 has our secret for it'
is "no explanation has a secret" "$(cat "$work"/explain-*.txt | grep -cE "$secret|wrong\$")" 0

peer_conf bob
in_host bob "$bin/setkey" -FP
attempt "policy"
explains "policy" alice 'child failed: ts-unacceptable' \
	'needs the mirror of our policy, as setkey says it: spdupdate 192.0.2.2 192.0.2.1 any -P out ipsec esp/transport//require;'
explains "policy" bob 'child failed: no-policy' \
	'load this here with setkey -f, and the same for the way back \(in\): spdupdate 192.0.2.2 192.0.2.1 any -P out ipsec esp/transport//require;'
# The line that it tells is one that works.
[[ "${words[*]}" =~ (spdupdate 192.0.2.2 192.0.2.1 [^;]*;) ]]
printf '%s\nspdupdate 192.0.2.1 192.0.2.2 any -P in ipsec esp/transport//require;\n' "${BASH_REMATCH[1]-}" | policy_file bob
check "policy: setkey takes the line" policy_load bob
check "policy: and keys come" keydctl alice up 192.0.2.2
keydctl alice explain 192.0.2.2 >"$work/explain-alice-up.txt"
check "up: alice explains it" grep -q 'It came up after' "$work/explain-alice-up.txt"
[ -z "${LAB_OUT-}" ] || cp "$work/explain-alice-up.txt" "$LAB_OUT/"
check "rekey" keydctl alice rekey 192.0.2.2 --child
check "bob deletes" keydctl bob down --all
check "alice hears of it" wait_log watch '"event":"ike-down".*"reason":"peer-deleted"' 20

# What was watched meanwhile.
host_stop watch
check "watch: JSON lines" "${O:-build}/tests/json" event <"$(host_log watch)"
for event in ike-state child-state request-sent retransmitted answer-received child-up child-rekeyed rekey-begun policy; do
	check "watch: $event" grep -q "\"event\":\"$event\"" "$(host_log watch)"
done
is "watch: each event has its times" "$(grep -c '"event"' "$(host_log watch)")" \
	"$(grep -cE '"time":"2[0-9]{3}-[0-9-]+T[0-9:.]+[+-][0-9]{2}:[0-9]{2}","mono":[0-9.]+' "$(host_log watch)")"
check "watch: failures have codes" grep -q '"event":"failed".*"reason":"no-proposal-esp"' "$(host_log watch)"
keyds_stop
finish
