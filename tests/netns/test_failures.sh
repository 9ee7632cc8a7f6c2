#!/bin/bash
# SPDX-License-Identifier: MIT
# What cannot be agreed on: both sides say what differs, nothing is left in the kernel, and once it is put right the next packet goes.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

wrong_secret="wrong horse battery staple"

# peer_conf HOST: its section for the other one; settings from standard input
peer_conf()
{
	local other=192.0.2.1

	[ "$1" = bob ] || other=192.0.2.2
	{
		printf 'peer %s {\n\tretransmit 500ms 4\n' $other
		cat
		printf '}\n'
	} | conf_file "$1"
}

with_secret()
{
	printf '\tpsk "%s"\n' "${1-$secret}"
	[ $# -lt 2 ] || printf '\t%s\n' "${@:2}"
}

# reload [HOST...]: the new settings; what is up goes down, so that they hold at once
reload()
{
	local host

	for host in "${@:-alice}"; do
		check "$host takes the new settings" keydctl "$host" reload
	done
	all_down
}

all_down()
{
	keydctl alice down --all >"$work/down" 2>&1 # nothing may be up: then it fails
}

ping_once()
{
	in_host alice ping -q -c 1 -W "${1:-10}" 192.0.2.2
}

# The packet that asks, and that cannot go.
ping_in_vain()
{
	check "$1: the ping has no answer" not ping_once 1
}

# After a failure: nothing that sends, not even the larval SA, which would keep the kernel silent for 30 s. (What received
# before may stay for stragglers.) The kernel offers a held packet again and again, each time later: between two of them.
left_nothing()
{
	check "$1: nothing is left in alice's kernel" wait_until 30 no_sa_to alice 192.0.2.2
	check "$1: nor in bob's" wait_until 5 no_sa_to bob 192.0.2.1
}

no_sa_to()
{
	[ -z "$(in_host "$1" ip xfrm state list dst "$2" nokeys)" ]
}

# Put right: the next packets go. (The packet that asks is held by the kernel, which looks again at intervals that have
# grown while there was no answer; those behind it do not wait.)
works_again()
{
	check "$1: put right, the next pings go" in_host alice ping -q -c 1 -i 0.2 -w 10 192.0.2.2
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
transport=esp/transport//require
policy_pair alice 192.0.2.1 192.0.2.2 $transport
policy_pair bob 192.0.2.2 192.0.2.1 $transport

# --- secrets ---

secret_file alice 192.0.2.2 "$wrong_secret"
secret_file bob 192.0.2.1
keyds_start
ping_in_vain "wrong secret"
keyd_said alice 'IKE_SA result=failed peer=192.0.2.2 .*: the peer refused IKE_AUTH: AUTHENTICATION_FAILED \(24\); its secret for us or the identity it expects of us is another'
keyd_said bob 'IKE_AUTH result=failed peer=192.0.2.1 .*: "192.0.2.1" does not have the same secret as we have for it'
left_nothing "wrong secret"
secret_file alice 192.0.2.2
check "alice's secret is put right" keydctl alice reload
works_again "wrong secret"
is "no log has a secret" "$(keyd_count alice "$secret|$wrong_secret"),$(keyd_count bob "$secret|$wrong_secret")" 0,0

secret_file alice 192.0.2.99
reload
ping_in_vain "no secret here"
keyd_said alice 'IKE_AUTH result=failed .*: no secret for peer "192.0.2.2" \(we are "192.0.2.1"\): add a line for it to psk.txt, or psk to its peer section'
left_nothing "no secret here"
secret_file alice 192.0.2.2
secret_file bob 192.0.2.99
reload alice bob
ping_in_vain "no secret there"
keyd_said bob 'IKE_AUTH result=failed .*: no secret for peer "192.0.2.1": add a line for it to psk.txt, or psk to its peer section'
left_nothing "no secret there"
secret_file bob 192.0.2.1
reload alice bob
works_again "no secret there"

in_host alice chmod 644 /etc/gapless/psk.txt
keyd_fails alice 1 'keydctl: reload failed: /etc/gapless/psk.txt: this file holds secrets and others can read it: chmod 600 /etc/gapless/psk.txt' \
	"$bin/keydctl" reload
keyd_said alice 'reload: result=failed, the old configuration stays'
all_down
works_again "a reload that was refused changes nothing"
keyds_stop

for mode in "644 read" "620 write"; do
	in_host alice chmod "${mode% *}" /etc/gapless/psk.txt
	keyd_fails alice 3 "/etc/gapless/psk.txt: this file holds secrets and others can ${mode#* } it: chmod 600 /etc/gapless/psk.txt" \
		"$bin/keyd" --psk /etc/gapless/psk.txt
done
in_host alice chown 65534 /etc/gapless/psk.txt
keyd_fails alice 3 '/etc/gapless/psk.txt: this file holds secrets and belongs to user 65534, .*: chown root /etc/gapless/psk.txt' \
	"$bin/keyd" --psk /etc/gapless/psk.txt
in_host alice rm /etc/gapless/psk.txt
keyd_fails alice 3 '/etc/gapless/psk.txt: cannot be opened: No such file or directory' "$bin/keyd" --psk /etc/gapless/psk.txt
keyd_fails alice 3 'no configuration: there is no /etc/gapless/keyd.conf, and neither -f nor --psk was given' "$bin/keyd"

# --- proposals ---

in_host alice "$bin/setkey" -F
in_host bob "$bin/setkey" -F
with_secret "$secret" "ike aes256gcm16-prfsha384-ecp384" | peer_conf alice
with_secret "$secret" "ike aes128-sha256-modp2048" | peer_conf bob
keyds_start
ping_in_vain "no common IKE proposal"
keyd_said alice 'IKE_SA_INIT result=failed .*: NO_PROPOSAL_CHOSEN: the peer accepts none of what we offer: aes256gcm16-prfsha384-ecp384$'
keyd_said bob 'IKE_SA_INIT result=dropped .*: NO_PROPOSAL_CHOSEN: the peer offers aes256gcm16-prfsha384-ecp384; we accept aes128-sha256-prfsha256-modp2048; '
left_nothing "no common IKE proposal"
with_secret "$secret" "ike aes256gcm16-prfsha384-ecp384, aes128-sha256-modp2048" | peer_conf alice
reload
works_again "no common IKE proposal"

with_secret "$secret" "esp aes256gcm16" | peer_conf alice
with_secret "$secret" "esp aes128-sha256, chacha20poly1305" | peer_conf bob
reload alice bob
ping_in_vain "no common ESP proposal"
keyd_said alice 'IKE_AUTH result=failed .*: the peer refused the child: NO_PROPOSAL_CHOSEN \(14\); we offer aes256gcm16-noesn$'
keyd_said bob 'IKE_AUTH result=failed .*: NO_PROPOSAL_CHOSEN for ESP: the peer offers aes256gcm16-noesn; we accept aes128-sha256-noesn, chacha20poly1305-noesn; '
left_nothing "no common ESP proposal"
with_secret "$secret" "esp chacha20poly1305" | peer_conf alice
reload
works_again "no common ESP proposal"

# --- identities ---

with_secret "$secret" "id remote fqdn bob.example" | peer_conf alice
with_secret | peer_conf bob
reload alice bob
ping_in_vain "another identity"
keyd_said alice 'IKE_AUTH result=failed .*: the peer says it is "192.0.2.2"; expected "bob.example"'
keyd_said alice 'IKE_SA result=failed .*: the peer is somebody else than expected'
left_nothing "another identity"
with_secret "$secret" "id local fqdn bob.example" | peer_conf bob
reload alice bob
works_again "another identity"

with_secret "$secret" "id local fqdn bob.example" "id remote *.example" | peer_conf bob
reload alice bob
ping_in_vain "another identity of the initiator"
keyd_said bob 'IKE_AUTH result=failed .*: the peer says it is "192.0.2.1"; expected "\*.example"'
keyd_said alice 'the peer refused IKE_AUTH: AUTHENTICATION_FAILED \(24\)' 
left_nothing "another identity of the initiator"
with_secret "$secret" "id local alice.example" "id remote bob.example" | peer_conf alice
reload alice
works_again "another identity of the initiator"

# --- policies ---

# policies WHAT SOURCE DESTINATION RULE SOURCE DESTINATION RULE: of alice, then of bob
policies()
{
	local host

	for host in alice bob; do
		in_host $host "$bin/setkey" -FP
	done
	check "$1: alice's policies" policy_pair alice "$2" "$3" "$4"
	check "$1: bob's policies" policy_pair bob "$5" "$6" "$7"
	all_down
}

tunnel=esp/tunnel/192.0.2.1-192.0.2.2/require
tunnel_back=esp/tunnel/192.0.2.2-192.0.2.1/require

policies "other selectors" 192.0.2.1 192.0.2.2 $tunnel 10.0.9.0/24 10.0.8.0/24 $tunnel_back
ping_in_vain "other selectors"
keyd_said alice 'IKE_AUTH result=failed .*: the peer refused the child: TS_UNACCEPTABLE \(38\)$'
keyd_said bob 'IKE_AUTH result=failed .*: TS_UNACCEPTABLE: no policy between these addresses covers the peer.s traffic selectors; the peer asks for its 192.0.2.1.* to our 192.0.2.2'
left_nothing "other selectors"

policies "no policy there" 192.0.2.1 192.0.2.2 $transport 192.0.2.2 192.0.2.99 $transport
ping_in_vain "no policy there"
keyd_said bob 'IKE_AUTH result=failed .*: TS_UNACCEPTABLE: no outbound policy with ESP between these addresses \(setkey -DP shows the policies\)'
left_nothing "no policy there"

policies "tunnel against transport" 192.0.2.1 192.0.2.2 $tunnel 192.0.2.2 192.0.2.1 $transport
ping_in_vain "tunnel against transport"
keyd_said bob 'IKE_AUTH result=failed .*: TS_UNACCEPTABLE: our policy says transport, the peer asks for tunnel mode'
left_nothing "tunnel against transport"

policies "transport against tunnel" 192.0.2.1 192.0.2.2 $transport 192.0.2.2 192.0.2.1 $tunnel_back
ping_in_vain "transport against tunnel"
keyd_said alice 'IKE_AUTH result=failed .*: our policy says transport mode, the peer wants tunnel'
left_nothing "transport against tunnel"

policies "the same policies" 192.0.2.1 192.0.2.2 $tunnel 192.0.2.2 192.0.2.1 $tunnel_back
works_again "the same policies"
keyds_stop
finish
