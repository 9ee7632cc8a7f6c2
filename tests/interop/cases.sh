# SPDX-License-Identifier: MIT
# The cases of check-interop: first the rows of the matrix in their order, then what is done in each, then the jobs they are dealt
# out in.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of lib.sh and its parts

# row ID TITLE: initiator is who began (alice)
rows()
{
	cat <<-END
		up-transport4	transport, IPv4: up, traffic
		child-initiator	child rekeyed by the initiator
		child-responder	child rekeyed by the responder
		ike-initiator	IKE SA rekeyed by the initiator
		ike-responder	IKE SA rekeyed by the responder
		down-initiator	deleted by the initiator
		down-responder	deleted by the responder
		up-tunnel4	tunnel, IPv4: up, traffic
		up-transport6	transport, IPv6: up, traffic
		up-tunnel6	tunnel, IPv6: up, traffic
		child-initiator6	tunnel, IPv6: child rekeyed by the initiator
		child-responder6	tunnel, IPv6: child rekeyed by the responder
		ike-initiator6	tunnel, IPv6: IKE SA rekeyed by the initiator
		ike-responder6	tunnel, IPv6: IKE SA rekeyed by the responder
		life-initiator	both rekeyed by the initiator's lifetimes
		life-responder	both rekeyed by the responder's lifetimes
		dead-responder	responder killed: the initiator finds out
		dead-initiator	initiator killed: the responder finds out
		restart-responder	responder restarted: it comes back
		reboot-initiator	initiator rebooted: INITIAL_CONTACT
		reboot-responder	responder rebooted and begins
		both-begin	both begin at once
		narrow	responder narrows the selectors
		children	two children
		esn	extended sequence numbers
		pfs	PFS with another group
		guess	wrong guess of the group (INVALID_KE_PAYLOAD)
		wrong-secret	wrong secret: both say so
		wrong-id	wrong identity: both say so
		no-ike	no common IKE proposal: both say so
		no-esp	no common ESP proposal: both say so
		nat-tunnel	initiator behind NAT, tunnel: up, traffic
		nat-transport	initiator behind NAT, transport: up, traffic
		nat-child-initiator	behind NAT: child rekeyed by the initiator
		nat-child-responder	behind NAT: child rekeyed by the responder
		nat-ike-initiator	behind NAT: IKE SA rekeyed by the initiator
		nat-ike-responder	behind NAT: IKE SA rekeyed by the responder
		encap	no NAT, ESP in UDP all the same
		fragment	IKE in fragments over an MTU of 576
		cert-rsapss	certificates: RSA-PSS (RFC 7427)
		cert-rsa-sha256	certificates: RSA PKCS#1 with SHA-256 (RFC 7427)
		cert-rsa	certificates: RSA PKCS#1 with SHA-1 (method 1)
		cert-ecdsa	certificates: ECDSA P-256 (RFC 7427)
		cert-ecdsa384	certificates: ECDSA P-384 (RFC 4754)
		cert-ed25519	certificates: Ed25519 (RFC 8420)
		cert-mixed	certificates: RSA here, ECDSA P-384 there
		cert-chain	certificates: a CA between
		cert-fragment	certificates: 4 KB, IKE in fragments over an MTU of 1280
		cert-whole	certificates: 4 KB, IP in fragments
		cert-psk	initiator by certificate, responder by secret
		psk-cert	initiator by secret, responder by certificate
		raw-keys	raw public keys (RFC 7670)
		two-rounds	certificate, then secret (RFC 4739)
		wrong-ca	a CA that is not believed: both say so
		v1-tunnel	IKEv1, main mode: up, traffic
		v1-child-initiator	IKEv1: quick mode rekeyed by the initiator
		v1-child-responder	IKEv1: quick mode rekeyed by the responder
		v1-ike-initiator	IKEv1: ISAKMP SA rekeyed by the initiator
		v1-ike-responder	IKEv1: ISAKMP SA rekeyed by the responder
		v1-down-initiator	IKEv1: deleted by the initiator
		v1-down-responder	IKEv1: deleted by the responder
		v1-transport	IKEv1, transport mode: up, traffic
		v1-aggressive	IKEv1, aggressive mode, names: up, traffic
		v1-life-initiator	IKEv1: both rekeyed by the initiator's lifetimes
		v1-life-responder	IKEv1: both rekeyed by the responder's lifetimes
		v1-dead-responder	IKEv1, DPD: responder killed
		v1-dead-initiator	IKEv1, DPD: initiator killed
		v1-rsa	IKEv1, main mode, RSA certificates: up, traffic
		v1-ecdsa	IKEv1, main mode, ECDSA (RFC 4754): up, traffic
		v1-rsa-aggressive	IKEv1, aggressive mode, RSA certificates: up
		v1-xauth	IKEv1, XAUTH: up, traffic
		v1-pull	IKEv1, XAUTH, address by pull: up, traffic
		v1-pull-ike-initiator	IKEv1, XAUTH, pull: rekeyed by the initiator
		v1-push	IKEv1, XAUTH, address by push: up, traffic
		v1-nat-tunnel	IKEv1 behind NAT, tunnel: up, traffic
		v1-nat-child-initiator	IKEv1 behind NAT: quick mode by the initiator
		v1-nat-child-responder	IKEv1 behind NAT: quick mode by the responder
		v1-nat-ike-initiator	IKEv1 behind NAT: ISAKMP SA by the initiator
		v1-nat-ike-responder	IKEv1 behind NAT: ISAKMP SA by the responder
		v1-nat-transport	IKEv1 behind NAT, transport: up, traffic
		v1-tunnel6	IKEv1, tunnel, IPv6: up, traffic
		v1-transport6	IKEv1, transport, IPv6: up, traffic
		v1-fragment	IKEv1, certificates, in Cisco's fragments over an MTU of 576
		v1-hybrid	IKEv1, hybrid: responder by certificate, initiator by password
		v1-code	IKEv1, XAUTH: a password with a one-time code
		v1-wrong-password	IKEv1, XAUTH: wrong password: both say so
		v1-token	IKEv1, certificates: keyd's key on a token (SoftHSM)
		v1-card	IKEv1, certificates: keyd's key on an OpenPGP card
	END
}

# up: alice begins, packets go both ways
up_case()
{
	scene_up || return
	ping_ends
	traffic_start
	traffic_more 50
	traffic_stop
}

# rekey_case HOST child|ike: twice under traffic
rekey_case()
{
	traffic_start
	rekeys_by "$1" "$2" 2
	traffic_more 50
	traffic_stop "$1"
}

# down_case HOST: nothing of it is left in either kernel (a daemon may begin anew by itself)
down_case()
{
	local old_a old_b

	old_a=$(out_spis alice | xargs)
	old_b=$(out_spis bob | xargs)
	must "$1 deletes it" peer "$1" down
	must "alice sends on it no longer" wait_until 10 spis_gone alice "$old_a"
	must "bob sends on it no longer" wait_until 10 spis_gone bob "$old_b"
}

# shellcheck disable=SC2317
spis_gone()
{
	local spi spis

	[ -n "$2" ] || return
	spis=$(out_spis "$1")
	for spi in $2; do
		[[ "$spis" != *"$spi"* ]] || return
	done
}

rekey_cells()
{
	cell "child-initiator$1" rekey -- rekey_case alice child
	cell "child-responder$1" rekey -- rekey_case bob child
	cell "ike-initiator$1" rekey -- rekey_case alice ike
	cell "ike-responder$1" rekey -- rekey_case bob ike
}

job_basic4()
{
	hosts_direct
	scene transport 4
	scene_start
	cell up-transport4 transport -- up_case
	rekey_cells ''
	cell down-initiator -- down_case alice
	peer alice up >/dev/null 2>&1
	wait_until 20 sends_are 1
	cell down-responder -- down_case bob
	scene_stop
	scene tunnel 4
	scene_start
	cell up-tunnel4 -- up_case
	scene_stop
}

job_basic6()
{
	hosts_direct
	scene transport 6
	scene_start
	cell up-transport6 transport -- up_case
	scene_stop
	scene tunnel 6
	scene_start
	cell up-tunnel6 -- up_case
	rekey_cells 6
	scene_stop
}

# life_case HOST: its timers do it, twice each
life_case()
{
	local before old

	scene_up || return
	traffic_start
	before=$(peer "$1" rekeyed ike)
	for _ in 1 2; do
		old=$(out_spis alice | xargs)
		must "the child is rekeyed" wait_until 40 spis_new alice "$old" || break
		[ "${tunnel[version]-2}" = 1 ] || must "bob sends on the new one alone" wait_until 20 spis_one bob || break
	done
	must "the IKE SA is rekeyed" wait_until 40 rekeyed_more "$1" ike $((before + 1))
	traffic_more 100
	traffic_stop "$1"
}

# shellcheck disable=SC2317
spis_one()
{
	[ "$(kernel_sends "$1")" = 1 ]
}

# dead_case DEAD OTHER
dead_case()
{
	scene_up || return
	peer "$1" kill
	must "$2 finds out" wait_until 45 ikes_are "$2" 0
	must "$2 sends on nothing" wait_until 5 sends_none "$2"
}

# shellcheck disable=SC2317
sends_none()
{
	[ "$(kernel_sends "$1")" = 0 ]
}

# The next packets bring it back, or the daemon by itself, or its administrator.
restart_case()
{
	peer bob restart || fault "bob's ${peer_kind[bob]} starts again"
	in_host alice ping -q -c 1 -W 5 -I "$ends_a" "$ends_b" >/dev/null || peer alice up >/dev/null 2>&1
	must "it is back" wait_until 30 ping_once
	traffic_start
	traffic_stop
}

# shellcheck disable=SC2317
ping_once()
{
	in_host alice ping -q -c 1 -W 1 -I "$ends_a" "$ends_b"
}

# reboot_case HOST OTHER: it begins anew; the other one forgets what was
reboot_case()
{
	reboot "$1"
	must "$1 begins anew" peer "$1" up
	# Who does not say INITIAL_CONTACT, or not hear it, finds out by liveness.
	if [ "${peer_kind[$2]}" = libreswan ]; then
		cell_note="libreswan keeps the IKE SA of a peer that began anew, and ends its child (libreswan's issue 497)"
	else
		must "$2 has one IKE SA" wait_until 60 ikes_are "$2" 1
	fi
	must "both send on one SA" wait_until 20 sends_are 1
	ping_ends
	traffic_start
	traffic_stop
}

# brief_case HOST: up, packets there and back, and new keys once, by that host's timers
brief_case()
{
	local old

	scene_up || return
	ping_ends
	traffic_start
	old=$(out_spis alice | xargs)
	must "the child is rekeyed" wait_until 40 spis_new alice "$old"
	must "bob sends on the new one alone" wait_until 20 spis_one bob
	traffic_more 50
	traffic_stop "$1"
}

# No part of the matrix: the least that shows that a daemon and its kernel understand each other (kmod/selftest/pfkey_openiked.sh).
job_brief()
{
	hosts_direct
	scene tunnel 4
	tunnel[bob.child-life]=5
	scene_start
	cell brief -- brief_case bob
	scene_stop
}

job_life()
{
	local host

	hosts_direct
	for host in alice bob; do
		scene tunnel 4
		tunnel["$host.child-life"]=5
		tunnel["$host.ike-life"]=12
		scene_start
		cell "life-$([ $host = alice ] && echo initiator || echo responder)" -- life_case $host
		scene_stop
	done
	scene tunnel 4
	tunnel[dpd]=5
	scene_start
	scene_up
	cell reboot-initiator -- reboot_case alice bob
	cell reboot-responder -- reboot_case bob alice
	cell restart-responder -- restart_case
	scene_stop
	scene tunnel 4
	scene_start
	cell both-begin -- both_begin_case
	scene_stop
}

job_dead()
{
	hosts_direct
	scene tunnel 4
	tunnel[dpd]=2
	# shellcheck disable=SC2046 # one word or none
	agree_cell dead-responder $([ "$kind_a" != openiked ] || echo liveness) -- dead_case bob alice
	scene tunnel 4
	tunnel[dpd]=2
	# shellcheck disable=SC2046
	agree_cell dead-initiator $([ "$kind_b" != openiked ] || echo liveness) -- dead_case alice bob
}

both_begin_case()
{
	peer alice up >"$work/up.alice" 2>&1 &
	peer bob up >"$work/up.bob" 2>&1 &
	wait %% %- 2>/dev/null
	must "both can send" wait_until 20 both_send || return
	ping_ends
	traffic_start
	must "they agree how many there are" wait_until 20 same_number
	traffic_more 600
	must "they still agree" same_number
	traffic_stop
	cell_note="$(peer alice ikes) IKE SA in the end"
}

# shellcheck disable=SC2317
both_send()
{
	[ "$(kernel_sends alice)" -ge 1 ] && [ "$(kernel_sends bob)" -ge 1 ]
}

# shellcheck disable=SC2317
same_number()
{
	[ "$(peer alice ikes)" = "$(peer bob ikes)" ] && [ "$(kernel_sends alice)" = "$(kernel_sends bob)" ]
}

narrow_case()
{
	up_case
	must "alice has bob's selectors" in_host alice sh -c 'ip xfrm policy | grep -q "10.2.0.0/24" || ip xfrm state | grep -q "10.2.0.0/24"'
}

children_case()
{
	scene_up || return
	ping_ends
	must "the second child carries pings" in_host alice ping -q -c 2 -i 0.2 -W 5 -I 10.1.1.1 10.2.1.1
	traffic_start
	traffic_more 50
	traffic_stop
}

esn_case()
{
	local host

	up_case
	for host in alice bob; do
		must "$host's kernel counts with 64 bits" in_host $host sh -c 'ip xfrm state | grep -q "flag.*esn"'
	done
}

pfs_case()
{
	scene_up || return
	rekey_case alice child
}

# agree_cell ID CASE: a scene of its own
agree_cell()
{
	local id=$1 needs=()

	shift
	while [ "$1" != -- ]; do
		needs+=("$1")
		shift
	done
	if ! why_not "${needs[@]}" >/dev/null; then
		scene_start
	fi
	cell "$id" "${needs[@]}" "$@"
	why_not "${needs[@]}" >/dev/null || scene_stop
}

job_agree()
{
	hosts_direct
	scene tunnel 4
	tunnel[alice.child.1]='10.1.0.0/16 10.2.0.0/16'
	tunnel[narrowing]=yes
	# shellcheck disable=SC2046 # one word or none
	agree_cell narrow $([ "$kind_a" != openiked ] || echo narrow-initiator) -- narrow_case
	scene tunnel 4
	tunnel[children]=2
	tunnel[child.2]='10.1.1.0/24 10.2.1.0/24'
	agree_cell children children -- children_case
	scene tunnel 4
	tunnel[esp]=${tunnel[esp]}-esn
	agree_cell esn esn -- esn_case
	scene tunnel 4
	tunnel[esp]=${tunnel[esp]/x25519/ecp384}
	agree_cell pfs rekey pfs-group -- pfs_case
	scene tunnel 4
	tunnel[alice.ike]=aes128gcm16-prfsha256-ecp256-x25519
	agree_cell guess -- up_case
}

# in_vain_case WHAT: it does not come up, and both logs say why, in the words of KIND_says; keydctl explain knows, too
in_vain_case()
{
	local host role said

	(peer alice up) >"$work/up.log" 2>&1
	for host in alice bob; do
		role=$([ $host = alice ] && echo initiator || echo responder)
		local -n says=${peer_kind[$host]}_says
		said=${says[$1-$role]}
		must "$host says: $said" wait_log "$(peer $host log)" "$said" 20
		said=${keyd_explains[$1-$role]-${keyd_explains[$1]-}}
		[ "${peer_kind[$host]}" != keyd ] || [ -z "$said" ] || must "keydctl explain says: $said" explained $host "$said"
	done
	must "nobody can send" sends_are 0
}

# shellcheck disable=SC2317
explained()
{
	keydctl "$1" explain >"$work/explain.txt" && grep -qE "failed: ($2)\$" "$work/explain.txt"
}

job_refuse()
{
	hosts_direct
	scene tunnel 4
	tunnel[bob.secret]="another secret"
	agree_cell wrong-secret -- in_vain_case wrong-secret
	scene tunnel 4
	tunnel[bob.id]=bob.example
	tunnel[alice.expects]=robert.example
	agree_cell wrong-id -- in_vain_case wrong-id
	scene tunnel 4
	tunnel[bob.ike]=aes256-sha384-prfsha384-ecp384
	agree_cell no-ike -- in_vain_case no-ike
	scene tunnel 4
	tunnel[bob.esp]=aes128-sha1
	agree_cell no-esp -- in_vain_case no-esp
}

scene_nat()
{
	scene "$1" 4
	tunnel[alice.seen]=$seen_a
	tunnel[alice.id]=alice.example
	tunnel[bob.id]=bob.example
	if [ "$1" = transport ]; then
		tunnel[bob.child.1]="$seen_a $address_b"
		ends_seen_a=$seen_a
	fi
}

# Bob's packets go to where alice is seen.
nat_transport_case()
{
	scene_up || return
	must "pings from alice" in_host alice ping -q -c 2 -i 0.2 -W 5 "$ends_b"
}

job_nat()
{
	hosts_nat
	scene_nat tunnel
	scene_start
	cell nat-tunnel nat -- up_case
	cell nat-child-initiator nat rekey -- rekey_case alice child
	cell nat-child-responder nat rekey -- rekey_case bob child
	cell nat-ike-initiator nat rekey -- rekey_case alice ike
	cell nat-ike-responder nat rekey -- rekey_case bob ike
	scene_stop
	scene_nat transport
	agree_cell nat-transport nat nat-transport -- nat_transport_case
}

# fragments_from ADDRESS [PAYLOAD]: messages with an SKF payload (RFC 7383 2.5) that it sent; in version 1 payload 132 has them
fragments_from()
{
	capture_count ike "src host $1 and ((udp port 500 and udp[24] = ${2-53}) or (udp port 4500 and udp[28] = ${2-53}))"
}

# The request of IKE_AUTH, with both identities, is longer than the link takes in one piece; the answer is not. (openiked's
# fragments are longer than that, too.)
fragment_case()
{
	capture_start ike alice:eth0 bob:eth0 || fault "captures run"
	up_case
	capture_stop ike
	[ "$kind_a" = openiked ] || must "alice sends fragments" [ "$(fragments_from "$address_a")" -ge 2 ]
}

job_fragment()
{
	local long

	hosts_direct
	scene tunnel 4
	tunnel[encap]=yes
	agree_cell encap nat encap -- up_case
	in_host alice ip link set eth0 mtu 576
	in_host bob ip link set eth0 mtu 576
	long=$(printf 'a%.0s' {1..60}).$(printf 'b%.0s' {1..60}).$(printf 'c%.0s' {1..60})
	scene tunnel 4
	tunnel[fragment]=yes
	tunnel[alice.id]=alice.$long.example
	tunnel[bob.id]=bob.$long.example
	agree_cell fragment fragment -- fragment_case
}

# scene_cert CREDENTIAL-OF-ALICE CREDENTIAL-OF-BOB: by certificates signed by inter, which goes with them
scene_cert()
{
	scene tunnel 4
	tunnel[alice.id]=alice.example.org
	tunnel[bob.id]=bob.example.org
	tunnel[auth]=cert
	tunnel[chain]=inter
	tunnel[alice.cred]=alice-$1
	tunnel[bob.cred]=bob-$2
}

cert_case()
{
	scene_up || return
	ping_ends
}

# cert_cell ID CREDENTIAL SIGNATURES [NEED…]
cert_cell()
{
	scene_cert "$2" "$2"
	tunnel[signatures]=$3
	agree_cell "$1" "${@:4}" -- cert_case
}

job_cert()
{
	hosts_direct
	cert_cell cert-rsapss rsa rsapss-sha256
	cert_cell cert-rsa-sha256 rsa rsa-sha256 rsa-pkcs1
	cert_cell cert-rsa rsa rsa
	cert_cell cert-ecdsa ec256 ecdsa-sha256
	cert_cell cert-ecdsa384 ec384 ecdsa384 ecdsa-method
	cert_cell cert-ed25519 ed25519 '' ed25519
}

job_certs()
{
	hosts_direct
	scene_cert rsa ec384
	agree_cell cert-mixed -- cert_case
	scene_cert ec256 ec256
	agree_cell cert-chain -- up_case
	scene_cert rsa rsa
	tunnel[alice.auth]=cert tunnel[bob.auth]=psk tunnel[bob.cred]=''
	agree_cell cert-psk -- cert_case
	scene_cert rsa rsa
	tunnel[alice.auth]=psk tunnel[bob.auth]=cert tunnel[alice.cred]=''
	agree_cell psk-cert -- cert_case
	scene_cert rsa rsa
	tunnel[auth]=key tunnel[chain]=''
	agree_cell raw-keys -- cert_case
	scene_cert ec256 ec256
	tunnel[auth]='cert psk'
	agree_cell two-rounds two-rounds -- cert_case
	scene_cert other ec256
	tunnel[alice.chain]=''
	agree_cell wrong-ca -- in_vain_case wrong-ca
	in_host alice ip link set eth0 mtu 1280
	in_host bob ip link set eth0 mtu 1280
	scene_cert big big
	agree_cell cert-fragment -- cert_fragment_case
	scene_cert big big
	tunnel[fragment]=no
	agree_cell cert-whole -- cert_case
}

# cert_fragment_case [PAYLOAD]
cert_fragment_case()
{
	capture_start ike alice:eth0 bob:eth0 || fault "captures run"
	cert_case
	capture_stop ike
	must "alice sends fragments" [ "$(fragments_from "$address_a" "$@")" -ge 2 ]
	must "bob sends fragments" [ "$(fragments_from "$address_b" "$@")" -ge 2 ]
}

# scene_v1 MODE [FAMILY]: algorithms that have been in IKEv1 from of old
scene_v1()
{
	scene "$1" "${2-4}"
	tunnel[version]=1
	tunnel[ike]=aes128-sha256-modp2048
	tunnel[esp]=aes128-sha256-modp2048
}

# v1_rekey_need KIND: what it must be able to do in order to begin
v1_rekey_need()
{
	[ "$1" != libreswan ] || echo v1-rekey
}

v1_rekey_cells()
{
	cell "$1child-initiator" rekey -- rekey_case alice child
	cell "$1child-responder" rekey -- rekey_case bob child
	# shellcheck disable=SC2046 # one word or none
	cell "$1ike-initiator" $(v1_rekey_need "$kind_a") -- rekey_case alice ike
	# shellcheck disable=SC2046
	cell "$1ike-responder" $(v1_rekey_need "$kind_b") -- rekey_case bob ike
}

job_v1psk()
{
	hosts_direct
	scene_v1 tunnel
	scene_start
	cell v1-tunnel -- up_case
	v1_rekey_cells v1-
	cell v1-down-initiator -- down_case alice
	peer alice up >/dev/null 2>&1
	wait_until 20 sends_are 1
	cell v1-down-responder -- down_case bob
	scene_stop
	scene_v1 transport
	agree_cell v1-transport -- up_case
	scene_v1 tunnel
	tunnel[alice.id]=alice.example tunnel[bob.id]=bob.example
	tunnel[aggressive]=yes
	agree_cell v1-aggressive -- up_case
}

job_v1life()
{
	local host

	hosts_direct
	for host in alice bob; do
		scene_v1 tunnel
		tunnel["$host.child-life"]=5
		tunnel["$host.ike-life"]=12
		agree_cell "v1-life-$([ $host = alice ] && echo initiator || echo responder)" -- life_case $host
	done
	scene_v1 tunnel
	tunnel[dpd]=2
	agree_cell v1-dead-responder -- dead_case bob alice
	scene_v1 tunnel
	tunnel[dpd]=2
	agree_cell v1-dead-initiator -- dead_case alice bob
}

# scene_v1_cert KIND
scene_v1_cert()
{
	scene_cert "$1" "$1"
	tunnel[version]=1
	tunnel[ike]=aes128-sha256-modp2048
	tunnel[esp]=aes128-sha256-modp2048
}

# scene_v1_client WAY: alice has a password, and from bob an address
scene_v1_client()
{
	scene_v1 tunnel
	tunnel[xauth]="carol sesame-open"
	tunnel[vip]=$1
	tunnel[child.1]='assigned 10.2.0.0/24'
	ends_a=$tunnel_vip
}

job_v1auth()
{
	hosts_direct
	in_host bob ip route add "$tunnel_vip" via 192.0.2.1 src 10.2.0.1
	scene_v1_cert rsa
	agree_cell v1-rsa -- up_case
	# In aggressive mode libreswan sends no certificate but its own: the other one has the CA between already.
	scene_v1_cert rsa
	tunnel[aggressive]=yes
	[ "$kind_a" != libreswan ] || tunnel[alice.ca]=inter
	[ "$kind_b" != libreswan ] || tunnel[bob.ca]=inter
	agree_cell v1-rsa-aggressive -- cert_case
	scene_v1_cert ec256
	agree_cell v1-ecdsa ecdsa-method -- cert_case
	scene_v1 tunnel
	tunnel[xauth]="carol sesame-open"
	agree_cell v1-xauth -- up_case
	scene_v1_client pull
	scene_start
	cell v1-pull -- up_case
	# shellcheck disable=SC2046
	cell v1-pull-ike-initiator $(v1_rekey_need "$kind_a") -- rekey_case alice ike
	scene_stop
	scene_v1_client push
	agree_cell v1-push -- up_case
}

job_v1nat()
{
	hosts_nat
	scene_nat tunnel
	tunnel[version]=1 tunnel[ike]=aes128-sha256-modp2048 tunnel[esp]=aes128-sha256-modp2048
	scene_start
	cell v1-nat-tunnel -- up_case
	v1_rekey_cells v1-nat-
	scene_stop
	scene_nat transport
	tunnel[version]=1 tunnel[ike]=aes128-sha256-modp2048 tunnel[esp]=aes128-sha256-modp2048
	agree_cell v1-nat-transport v1-nat-transport -- nat_transport_case
}

# v1_code_need KIND: what the gateway must be able to do
v1_code_need()
{
	[ "$1" = keyd ] || echo v1-code
}

# scene_v1_token softhsm|card: the key of keyd's end is there
scene_v1_token()
{
	scene_v1_cert rsa
	[ "$kind_a" != keyd ] || tunnel[alice.token]=$1
	[ "$kind_b" != keyd ] || tunnel[bob.token]=$1
}

# token_case HOST: when the token is seen
token_case()
{
	must "$1's token is there, and would sign" wait_until 30 keydctl "$1" token check
	cert_case
}

# v1_token_cells: what can hold a key is filled with that of keyd's end
v1_token_cells()
{
	local host=alice lacks

	[[ $column == *keyd* ]] || return 0
	[ "$kind_a" = keyd ] || host=bob
	lacks=$(token_lacks || card_lacks)
	[ -z "$lacks" ] || { skip "$column v1-token" "$lacks"; return; }
	trap 'card_cleanup; at_exit' EXIT
	token_home
	token_new lab && token_put lab $host-rsa 01 alone || not_ok "a token of SoftHSM"
	cards_home && card_fill card openpgp auth $host-rsa || not_ok "an OpenPGP card"
	tunnel_pin=$(token_pin lab 1234) tunnel_card_pin=$(token_pin card 123456)
	scene_v1_token softhsm
	agree_cell v1-token -- token_case $host
	scene_v1_token card
	agree_cell v1-card -- token_case $host
}

job_v1more()
{
	hosts_direct
	scene_v1 tunnel 6
	agree_cell v1-tunnel6 -- up_case
	scene_v1 transport 6
	agree_cell v1-transport6 -- up_case
	scene_v1 tunnel
	tunnel[xauth]="carol sesame-open" tunnel[totp]=yes
	# shellcheck disable=SC2046 # one word or none
	agree_cell v1-code $(v1_code_need "$kind_b") -- scene_up
	scene_v1 tunnel
	tunnel[xauth]="carol sesame-open" tunnel[alice.xauth]="carol sesame-closed"
	agree_cell v1-wrong-password -- in_vain_case wrong-password
	scene_v1_cert rsa
	tunnel[alice.auth]=none tunnel[alice.cred]='' tunnel[xauth]="carol sesame-open"
	agree_cell v1-hybrid v1-hybrid -- up_case
	v1_token_cells
	in_host alice ip link set eth0 mtu 576
	in_host bob ip link set eth0 mtu 576
	scene_v1_cert rsa
	tunnel[fragment]=yes
	agree_cell v1-fragment -- cert_fragment_case 132
}
