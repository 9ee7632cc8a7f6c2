# SPDX-License-Identifier: MIT
# Our keyd as a host's daemon, with the policies that it needs; see peer.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh and peer.sh

declare -A keyd_cannot=()
declare -A keyd_loses=()
declare -A keyd_says=(
	[wrong-secret-initiator]='the peer refused IKE_AUTH: AUTHENTICATION_FAILED .* secret'
	[wrong-secret-responder]='does not have the same secret as we have for it'
	[wrong-id-initiator]='the peer says it is "bob.example"; expected "robert.example"|or it is not "robert.example"'
	[wrong-id-responder]='the peer does not believe who we are|deleted it at once: does it expect that we call ourselves "bob.example"'
	[no-ike-initiator]='NO_PROPOSAL_CHOSEN: the peer accepts none of what we offer'
	[no-ike-responder]='NO_PROPOSAL_CHOSEN: the peer offers .*; we accept'
	[wrong-ca-initiator]='the peer refused IKE_AUTH: AUTHENTICATION_FAILED .* certificate' [wrong-ca-responder]='was signed by nobody whom we know'
	[wrong-password-initiator]='the gateway refuses our name or password'
	[wrong-password-responder]='user "carol" is not known, or the password is another'
	[no-esp-initiator]='NO_PROPOSAL_CHOSEN .*; we offer' [no-esp-responder]='NO_PROPOSAL_CHOSEN for ESP: the peer offers .*; we accept'
)
# What keydctl explain calls it
declare -A keyd_explains=(
	[wrong-secret-initiator]=authentication-refused [wrong-secret-responder]=wrong-secret
	[wrong-password-initiator]=password-refused [wrong-password-responder]=password-wrong
	[wrong-ca-initiator]=certificate-refused [wrong-ca-responder]=certificate-untrusted
	[wrong-id-initiator]='unexpected-identity|authentication-refused' [no-ike]=no-proposal-ike [no-esp]=no-proposal-esp
)

# Modules, and which of a token's keys
declare -A keyd_module=([softhsm]=softhsm2 [card]=native) keyd_token=([softhsm]='token=lab' [card]='manufacturer=OpenPGP%20project')

keyd_missing()
{
	[ -x "$bin/keyd" ] || echo "$bin/keyd"
}

keyd_log()
{
	echo "keyd-$1"
}

# keyd_policies HOST: what setkey shall load
keyd_policies()
{
	local host=$1 number out in me other my_id other_id other_host my_net other_net protocol

	tunnel_ends "$host"
	out=esp/transport//unique in=$out
	[ "${tunnel[mode]}" = transport ] || out=esp/tunnel/$me-$other/unique in=esp/tunnel/$other-$me/unique
	echo 'spdflush;'
	# Where an address is assigned, keyd makes them itself.
	[ -z "${tunnel[vip]-}" ] || return 0
	for number in 135 136; do
		printf 'spdadd ::/0 ::/0 icmp6 %s,0 -P %s prio high none;\n' $number out $number in
	done
	for ((number = 1; number <= tunnel[children]; number++)); do
		tunnel_child "$host" $number
		printf 'spdadd %s %s %s -P out ipsec %s;\nspdadd %s %s %s -P in ipsec %s;\n' "$my_net" "$other_net" "$protocol" $out \
			"$other_net" "$my_net" "$protocol" $in
	done
}

# keyd_auth HOST: how each end proves itself
keyd_auth()
{
	local told my_auth other_auth my_cred other_cred my_chain other_ca dir=/etc/gapless

	tunnel_auth "$1"
	[ "${my_auth[*]}/${other_auth[*]}" != psk/psk ] || return 0
	in_host "$1" mkdir -p $dir
	printf '\tauth local %s\n\tauth remote %s\n' "$(keyd_words "${my_auth[@]}")" "$(keyd_words "${other_auth[@]}")"
	if [[ " ${my_auth[*]} " = *' cert '* ]]; then
		in_host "$1" sh -c 'cat "$@" >/etc/gapless/own.pem' sh "$certs/$my_cred.pem" ${my_chain:+"$certs/$my_chain.pem"}
		printf '\tcert %s/own.pem\n' $dir
	fi
	if told "$1" token; then
		printf '\tkey pkcs11:%s\n\tpin file %s\n' "${keyd_token[$told]}" "$([ "$told" = card ] && echo "$tunnel_card_pin" || echo "$tunnel_pin")"
	elif [ -n "$my_cred" ]; then
		in_host "$1" sh -c 'umask 077; cat "$1" >/etc/gapless/own.key' sh "$certs/$my_cred.key"
		printf '\tkey %s/own.key\n' $dir
	fi
	[[ " ${other_auth[*]} " != *' cert '* ]] || printf '\tca %s/%s.pem\n' "$certs" "$other_ca"
	[[ " ${other_auth[*]} " != *' key '* ]] || printf '\tremote-key file %s/%s.pub\n' "$certs" "$other_cred"
	told "$1" signatures && printf '\tsignatures %s\n' "$told"
	return 0
}

# keyd_words WORD…: joined by commas
keyd_words()
{
	local words="$*"

	echo "${words// /, }"
}

# keyd_version HOST: what is said of IKEv1 alone
keyd_version()
{
	local told role user password way my_net other_net protocol

	printf '\tversion 1\n'
	told "$1" aggressive && printf '\texchange aggressive\n'
	if tunnel_xauth "$1" && [ "$role" = client ]; then
		printf '\txauth client %s password "%s"\n' "$user" "$password"
	elif [ -n "$user" ]; then
		told "$1" totp && told=:totp=$tunnel_totp
		# shellcheck disable=SC2016
		in_host "$1" sh -c 'umask 077; mkdir -p /etc/gapless; echo "$1:$(openssl passwd -6 "$2")$3" >/etc/gapless/users' sh "$user" "$password" "$told"
		printf '\txauth server\n\tusers /etc/gapless/users\n'
	fi
	tunnel_vip "$1" || return 0
	tunnel_child "$1" 1
	printf '\tmode-config %s\n\ttraffic %s <-> %s\n' "$way" "$my_net" "$other_net"
	[ "$role" = server ] && printf '\tpool lab\n' || printf '\tvirtual-address ipv4\n'
}

# keyd_pool HOST: what a gateway has to give
keyd_pool()
{
	local told role way

	tunnel_vip "$1" && [ "$role" = server ] || return 0
	printf 'pool lab {\n\taddress %s/32\n' "$tunnel_vip"
	told "$1" dns && printf '\tdns %s\n' "$told"
	echo '}'
}

# keyd_lives HOST: lifetimes, and when to begin anew. In version 1 the other end stops when the time is over: there it takes three times as
# long, as strongSwan's does here, and more of it is left for the rekey, so that a slow machine has done before.
keyd_lives()
{
	local told times=1

	if [ "${tunnel[version]-2}" = 1 ] && told "$1" child-life && [ "$told" != 0 ]; then
		times=3
		printf '\trekey jitter 50%%\n'
	fi
	told "$1" ike-life && [ "$told" != 0 ] && printf '\tlifetime ike %ss\n' $((told * times))
	told "$1" child-life && [ "$told" != 0 ] && printf '\tlifetime child %ss\n' $((told * times))
	return 0
}

# keyd_section HOST: its peer
keyd_section()
{
	local host=$1 told me other my_id other_id other_host

	tunnel_ends "$host"
	keyd_pool "$host"
	told "$host" token && printf 'module %s\n' "${keyd_module[$told]}"
	printf 'peer gapless {\n\taddress %s\n\tlocal %s\n' "$other" "$me"
	[ "$my_id" = "$me" ] || printf '\tid local %s\n' "$my_id"
	[ "$other_id" = "$other" ] || printf '\tid remote %s\n' "$other_id"
	told "$host" secret && printf '\tpsk "%s"\n' "$told"
	[ "${tunnel[version]-2}" = 2 ] || keyd_version "$host"
	keyd_auth "$host"
	told "$host" ike && printf '\tike %s\n' "$told"
	told "$host" esp && printf '\tesp %s\n\tpfs %s\n' "$told" \
		"$([[ $told =~ (^|-)(x25519|ecp|modp) ]] && echo yes || echo no)"
	told "$host" dpd && printf '\tdpd %s\n' "$([ "$told" = 0 ] && echo off || echo "${told}s")"
	keyd_lives "$host"
	told "$host" encap && printf '\tnat force\n'
	told "$host" fragment && printf '\tfragment %s\n' "$([ "$told" = yes ] && echo 576 || echo off)"
	printf '\tretransmit 500ms 5\n\tlinger 2s\n}\n'
}

keyd_conf()
{
	keyd_section "$1" | conf_file "$1"
	keyd_policies "$1" | policy_file "$1"
	policy_load "$1"
}

keyd_stop()
{
	host_stop "keyd-$1"
	in_host "$1" "$bin/setkey" -FP
	in_host "$1" "$bin/setkey" -F
}

# Policies and SAs stay in the kernel meanwhile.
keyd_restart()
{
	host_stop "keyd-$1"
	keyd_start "$1"
}

keyd_up()
{
	keydctl "$1" --timeout 20 up gapless
}

keyd_down()
{
	keydctl "$1" down gapless
}

# keyd_reload HOST: what is told of the tunnel now; the policies stay
keyd_reload()
{
	keyd_section "$1" | conf_file "$1" && keydctl "$1" reload
}

keyd_rekey()
{
	keydctl "$1" rekey gapless "--$2"
}

keyd_reauth()
{
	keydctl "$1" reauth gapless
}

keyd_rekeyed()
{
	local -A name=([child]=CHILD_SA [ike]=IKE_SA)

	keyd_count "$1" "${name[$2]} result=rekeyed"
}

keyd_ikes()
{
	keydctl "$1" status | sed -n 's/^\([0-9]*\) IKE SA.*/\1/p'
}
