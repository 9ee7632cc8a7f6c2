# SPDX-License-Identifier: MIT
# Debian's libreswan (pluto, whack) as a host's daemon; see peer.sh. It is unpacked by tests/interop/prepare, not installed.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh and peer.sh

declare -A libreswan_cannot=(
	[pfs-group]='a child is rekeyed with the group of the IKE SA whatever esp= says; ipsec.conf(5), "esp": "Specifying the DH algorithms explicitly is not recommended"'
	[nat-transport]='its issue #916 "transport mode (l2tp?) and nat?": open since 2022; with IKEv2 it does not replace selectors (RFC 7296 2.23.1), and two of its own answer TS_UNACCEPTABLE, too'
	[prf]='ipsec.conf(5), "ike": "libreswan does not support using a PRF algorithm that is different from the INTEGRITY (hash) algorithm by design"'
)
libreswan_cannot[rsa-pkcs1]='ipsec.conf(5), "authby": rsa-sha2 is "RSASSA-PSS digital signatures based authentication"; PKCS#1 is there with SHA-1 only'
libreswan_cannot[ecdsa-method]='ipsec.conf(5), "authby": ECDSA is "only supported for the new style of RFC 7427"'
libreswan_cannot[ed25519]='ipsec.conf(5), "authby": rsasig, ecdsa, rsa-sha2, rsa-sha1'
libreswan_cannot[two-rounds]='no setting for a second round of authentication (RFC 4739): ipsec.conf(5) has "leftauth" once'
libreswan_cannot[reauth]='no command for it: reauth=yes makes it of the next rekey of the IKE SA'
libreswan_cannot[v1-code]='ipsec.conf(5), "xauthby": file, pam or alwaysok; a file has hashes alone'
libreswan_cannot[v1-hybrid]='ipsec.conf(5), "leftauth": "Asymmetric authentication is only supported with IKEv2"'
libreswan_cannot[v1-rekey]='its command says "cannot force rekey of IKEv1 connection": an ISAKMP SA is replaced by its lifetime alone'
declare -A libreswan_loses=(
	[sends-early]='a responder sends on the new SA before its answer has arrived: it installs both directions first'
)
declare -A libreswan_says=(
	[wrong-secret-initiator]='AUTHENTICATION_FAILED' [wrong-secret-responder]='authentication failed|mismatch'
	[wrong-id-initiator]="Peer ID '@bob.example'|mismatch|no connection|not match" [wrong-id-responder]='AUTHENTICATION_FAILED|delet'
	[no-ike-initiator]='NO_PROPOSAL_CHOSEN' [no-ike-responder]='no local proposal matches'
	[wrong-ca-initiator]='AUTHENTICATION_FAILED' [wrong-ca-responder]='SEC_ERROR_UNKNOWN_ISSUER'
	[wrong-password-initiator]='XAUTH status: FAIL' [wrong-password-responder]='Authentication Failed: Incorrect Username or Password'
	[no-esp-initiator]='NO_PROPOSAL_CHOSEN' [no-esp-responder]='no local proposal matches'
)

# keyd's words in libreswan's, as "ipsec pluto --selftest" lists them
declare -A libreswan_word=(
	[aes128]=aes128 [aes192]=aes192 [aes256]=aes256
	[aes128ctr]=aes_ctr128 [aes192ctr]=aes_ctr192 [aes256ctr]=aes_ctr256
	[aes128gcm8]=aes_gcm_a128 [aes192gcm8]=aes_gcm_a192 [aes256gcm8]=aes_gcm_a256
	[aes128gcm12]=aes_gcm_b128 [aes192gcm12]=aes_gcm_b192 [aes256gcm12]=aes_gcm_b256
	[aes128gcm16]=aes_gcm_c128 [aes192gcm16]=aes_gcm_c192 [aes256gcm16]=aes_gcm_c256
	[chacha20poly1305]=chacha20_poly1305 [null]=null
	[sha1]=sha1 [sha256]=sha2_256 [sha384]=sha2_384 [sha512]=sha2_512
	[prfsha1]=sha1 [prfsha256]=sha2_256 [prfsha384]=sha2_384 [prfsha512]=sha2_512
	[x25519]=dh31 [ecp256]=dh19 [ecp384]=dh20 [ecp521]=dh21
	[modp1536]=dh5 [modp2048]=dh14 [modp3072]=dh15 [modp4096]=dh16
)

libreswan_missing()
{
	[ -e build/interop/libreswan/version ] || echo "tests/interop/prepare libreswan"
}

libreswan_log()
{
	echo "pluto-$1"
}

# plus WORD...: translated and joined, into $joined
libreswan_join()
{
	local word

	joined=
	for word in "$@"; do
		[ -n "${libreswan_word[$word]-}" ] || return
		joined+=${joined:++}${libreswan_word[$word]}
	done
}

# libreswan_proposal KIND PROPOSALS: ike or esp, into $proposal; fails where it cannot say that
libreswan_proposal()
{
	local one joined encr integ prf ke esn
	local -a all

	proposal=
	IFS=', ' read -ra all <<<"$2"
	for one in "${all[@]}"; do
		proposal_split "$one"
		libreswan_join "${encr[@]}" || return
		proposal+=${proposal:+,}$joined
		if [ ${#integ[@]} -gt 0 ]; then
			[ "$1" = esp ] || [ ${#prf[@]} = 0 ] || [ "${integ[*]/#/prf}" = "${prf[*]}" ] || return
			libreswan_join "${integ[@]}" || return
			proposal+=-$joined
		elif [ "$1" = ike ] && [ ${#prf[@]} -gt 0 ]; then
			libreswan_join "${prf[@]}" || return
			proposal+=-$joined
		fi
		if [ ${#ke[@]} -gt 0 ]; then
			libreswan_join "${ke[@]}" || return
			proposal+=";$joined"
		fi
	done
}

# libreswan_id ID: addresses as they are, names with @
libreswan_id()
{
	if [[ $1 =~ ^[0-9.]+$ || $1 == *:* ]]; then
		echo "$1"
	else
		echo "@$1"
	fi
}

# Schemes, in keyd's words, as authby= has them; rsa-sha2 is RSASSA-PSS there (ipsec.conf(5))
declare -A libreswan_scheme=([rsapss-sha256]=rsa-sha2_256 [rsapss-sha384]=rsa-sha2_384 [rsapss-sha512]=rsa-sha2_512 [rsa]=rsa-sha1
	[ecdsa-sha256]=ecdsa-sha2_256 [ecdsa-sha384]=ecdsa-sha2_384 [ecdsa-sha512]=ecdsa-sha2_512)

# libreswan_key NAME: the public key of an RSA key pair as "left-" and "rightrsasigkey" have it (RFC 3110 2)
libreswan_key()
{
	local modulus

	modulus=$(openssl rsa -pubin -in "$certs/$1.pub" -noout -modulus)
	printf '0s'
	# shellcheck disable=SC2001
	printf '%b' "$(sed 's/../\\x&/g' <<<"03010001${modulus#*=}")" | base64 -w0
}

# libreswan_auth HOST: how each end proves itself. With "rsasig,ecdsa" it says RSA of a key for ECDSA.
libreswan_auth()
{
	local told my_auth other_auth my_cred other_cred my_chain other_ca word mine theirs

	tunnel_auth "$1"
	mine=$(libreswan_side "${my_auth[0]}" "$my_cred")
	theirs=$(libreswan_side "${other_auth[0]}" "$other_cred")
	told "$1" signatures
	word=${libreswan_scheme[${told:-none}]-}
	if [ "$mine" = "$theirs" ]; then
		printf '\tauthby=%s\n' "${word:-$mine}"
	else
		printf '\tleftauth=%s\n\trightauth=%s\n' "$mine" "$theirs"
	fi
	[ "${my_auth[0]}" != cert ] || printf '\tleftcert=%s\n\tleftsendcert=always\n\tsendca=issuer\n' "$my_cred"
	[ "${my_auth[0]}" != key ] || printf '\tleftrsasigkey=%s\n' "$(libreswan_key "$my_cred")"
	[ "${other_auth[0]}" != key ] || printf '\trightrsasigkey=%s\n' "$(libreswan_key "$other_cred")"
	[ "${other_auth[0]}" != cert ] || printf '\trightca=%%any\n\trightrsasigkey=%%cert\n'
}

# libreswan_side WORD CREDENTIAL: as "leftauth" and "authby" have it
libreswan_side()
{
	case $1/$2 in
	psk/*) echo secret ;;
	*/*-rsa) echo rsasig ;;
	*) echo ecdsa ;;
	esac
}

# libreswan_certs HOST: its key, certificates and CAs, into NSS
libreswan_certs()
{
	local my_auth other_auth my_cred other_cred my_chain other_ca name

	tunnel_auth "$1"
	# One that runs has its database open; and NSS knows one name for all certificates of a subject.
	[ -z "${tag_pid[pluto-$1]-}" ] || return 0
	in_host "$1" rm -rf /run/nss
	in_host "$1" cp -r "$PWD/${INTEROP_CACHE:-build/interop}/libreswan/nss" /run/
	if [ -n "$my_cred" ]; then
		# shellcheck disable=SC2016
		in_host "$1" sh -c 'openssl pkcs12 -export -in "$1/$2.pem" -inkey "$1/$2.key" -name "$2" -passout pass: -out /run/own.p12 &&
			pk12util -i /run/own.p12 -d sql:/run/nss -K "" -W ""' sh "$certs" "$my_cred"
	fi
	for name in $my_chain $([[ " ${other_auth[*]} " != *' cert '* ]] || echo "$other_ca"); do
		in_host "$1" certutil -A -d sql:/run/nss -n "$name" -t "$([ "$name" = "$my_chain" ] && echo ,, || echo CT,,)" \
			-i "$certs/$name.pem"
	done
}

libreswan_conn()
{
	local host=$1 number=$2 me other my_id other_id other_host my_net other_net protocol net told proposal

	tunnel_ends "$host"
	tunnel_child "$host" "$number"
	printf 'conn gapless%s\n' "$number"
	printf '\tikev2=%s\n\ttype=%s\n\tauto=add\n' "$([ "${tunnel[version]-2}" = 1 ] && echo no || echo yes)" "${tunnel[mode]}"
	! told "$host" aggressive || printf '\taggressive=yes\n'
	libreswan_assigned "$host"
	libreswan_auth "$host"
	printf '\tleft=%s\n\tleftid=%s\n\tright=%s\n\trightid=%s\n' "$me" "$(libreswan_id "$my_id")" "$other" \
		"$(libreswan_id "$other_id")"
	printf '\tleftupdown=/bin/true\n\tkeyingtries=1\n\tinitial-contact=yes\n\tretransmit-timeout=20s\n'
	if [ "$my_net" != "$me" ] || [ "$other_net" != "$other" ]; then
		with_length "$my_net"
		[ "$my_net" = assigned ] || printf '\tleftsubnet=%s\n' "$net"
		with_length "$other_net"
		[ "$other_net" = assigned ] || printf '\trightsubnet=%s\n' "$net"
	fi
	if [ "$protocol" != any ]; then
		printf '\tleftprotoport=%s\n\trightprotoport=%s\n' "$protocol" "$protocol"
	fi
	if told "$host" ike && libreswan_proposal ike "$told"; then
		printf '\tike=%s\n' "$proposal"
	fi
	if told "$host" esp; then
		[[ ${told,,} =~ (^|-)(x25519|ecp|modp) ]] || printf '\tpfs=no\n'
		if [[ $told =~ (^|-)esn ]]; then
			printf '\tesn=yes\n'
		else
			printf '\tesn=no\n'
		fi
		libreswan_proposal esp "$told" && printf '\tesp=%s\n' "$proposal"
	fi
	told "$host" narrowing && printf '\tnarrowing=yes\n'
	told "$host" fragment && printf '\tfragmentation=%s\n' "${told/yes/force}"
	told "$host" encap && printf '\tencapsulation=yes\n'
	told "$host" dpd && printf '\tdpddelay=%s\n\tdpdtimeout=%s\n\tdpdaction=%s\n' "$told" $((told * 4)) clear
	libreswan_lives "$host"
	return 0
}

# libreswan_lives HOST: lifetimes. A margin may not be longer than the lifetime; pluto takes no lifetime below the margin's fuzz. In version 1
# the responder leaves half of the margin, and what is computed meanwhile holds up everything else that it does.
libreswan_lives()
{
	local told margin=3 more=3 times=1

	[ "${tunnel[version]-2}" = 2 ] || margin=6 more=0 times=3
	if told "$1" child-life && [ "$told" != 0 ]; then
		printf '\tsalifetime=%ss\n\trekeymargin=%ss\n\trekeyfuzz=0%%\n' $((told * times + more)) $margin
	fi
	if told "$1" ike-life && [ "$told" != 0 ]; then
		printf '\tikelifetime=%ss\n' $((told * times + more))
	fi
	return 0
}

# libreswan_assigned HOST: XAUTH and mode config
libreswan_assigned()
{
	local role user password way

	if tunnel_xauth "$1" && [ "$role" = client ]; then
		printf '\tleftxauthclient=yes\n\trightxauthserver=yes\n\tleftusername=%s\n' "$user"
	elif [ -n "$user" ]; then
		printf '\tleftxauthserver=yes\n\trightxauthclient=yes\n\txauthby=file\n'
	fi
	tunnel_vip "$1" || return 0
	if [ "$role" = client ]; then
		printf '\tleftmodecfgclient=yes\n\trightmodecfgserver=yes\n'
		# What its script would do, which is not run here
		in_host "$1" ip address replace "$tunnel_vip/32" dev lo
	else
		printf '\tleftmodecfgserver=yes\n\trightmodecfgclient=yes\n\trightaddresspool=%s-%s\n' "$tunnel_vip" "$tunnel_vip"
	fi
	printf '\tmodecfgpull=%s\n' "$([ "$way" = pull ] && echo yes || echo no)"
}

# libreswan_passwords HOST: its own in ipsec.secrets, those of others in a file of their own
libreswan_passwords()
{
	local role user password

	tunnel_xauth "$1" || return 0
	if [ "$role" = client ]; then
		printf '@%s : XAUTH "%s"\n' "$user" "$password" | in_host "$1" sh -c 'cat >>/etc/ipsec.secrets'
	else
		in_host "$1" sh -c 'mkdir -p /etc/ipsec.d && echo "$1:$(openssl passwd -6 "$2")" >/etc/ipsec.d/passwd' sh "$user" "$password"
	fi
}

libreswan_conf()
{
	local host=$1 number told me other my_id other_id other_host

	peer_lay "$host" libreswan /usr/libexec/ipsec/pluto
	tunnel_ends "$host"
	told "$host" secret
	{
		printf 'config setup\n\tlogtime=no\n\tuniqueids=yes\n\tikev1-policy=accept\n\tnhelpers=0\n\tseedbits=0\n'
		for ((number = 1; number <= tunnel[children]; number++)); do
			libreswan_conn "$host" $number
		done
	} | in_host "$host" tee /etc/ipsec.conf >/dev/null
	libreswan_certs "$host"
	printf '%s %s : PSK "%s"\n' "$(libreswan_id "$my_id")" "$(libreswan_id "$other_id")" "$told" |
		in_host "$host" sh -c 'umask 077; cat >/etc/ipsec.secrets'
	libreswan_passwords "$host"
}

libreswan_start()
{
	local host=$1 number told

	# shellcheck disable=SC2016
	in_host "$host" sh -c 'mkdir -p /run/pluto /etc/ipsec.d && echo 0 >/proc/sys/net/core/xfrm_larval_drop'
	host_spawn "$host" "pluto-$host" /usr/libexec/ipsec/pluto --config /etc/ipsec.conf --nofork --stderrlog --log-no-time \
		--nssdir /run/nss --no-dnssec
	for ((number = 1; number <= tunnel[children]; number++)); do
		wait_log "pluto-$host" "\"gapless$number\": added" 60 || return
	done
	wait_log "pluto-$host" 'listening for IKE|adding UDP interface' 30 || return
	if told "$host" begin; then
		libreswan_up "$host"
	fi
}

libreswan_stop()
{
	whack "$1" --shutdown >/dev/null
	host_stop "pluto-$1" CONT 20
	in_host "$1" sh -c 'ip xfrm policy flush; ip xfrm state flush'
}

libreswan_restart()
{
	libreswan_stop "$1"
	libreswan_start "$1"
}

libreswan_kill()
{
	host_stop "pluto-$1" KILL
}

whack()
{
	local host=$1

	shift
	in_host "$host" /usr/libexec/ipsec/whack "$@"
}

libreswan_up()
{
	local number

	for ((number = 1; number <= tunnel[children]; number++)); do
		whack "$1" --name "gapless$number" --initiate --asynchronous
	done
}

libreswan_down()
{
	local number

	for ((number = 1; number <= tunnel[children]; number++)); do
		whack "$1" --name "gapless$number" --terminate
	done
}

# libreswan_reload HOST: what is told of the tunnel now
libreswan_reload()
{
	local host=$1 number

	libreswan_conf "$host"
	for ((number = 1; number <= tunnel[children]; number++)); do
		whack "$host" --name "gapless$number" --delete
		in_host "$host" /usr/libexec/ipsec/addconn --config /etc/ipsec.conf "gapless$number" || return
	done
}

declare -A libreswan_table=([ike]='algorithms that pluto logs at its start' [esp]='algorithms that pluto logs at its start')

# libreswan_knows HOST ike|esp WORD
libreswan_knows()
{
	[ -n "${libreswan_word[$3]-}" ]
}

# libreswan_rekey HOST child|ike
libreswan_rekey()
{
	local -A option=([child]=--rekey-ipsec [ike]=--rekey-ike)

	# Another quick mode is begun by "initiate".
	[ "${tunnel[version]-2}" = 2 ] || option=([child]=--initiate)
	whack "$1" --name gapless1 "${option[$2]}" --asynchronous
}

libreswan_rekeyed()
{
	local -A name=([child]='Child' [ike]='IKE')

	if [ "${tunnel[version]-2}" = 1 ]; then
		name=([child]=IPsec [ike]=IKE)
		grep -cE "${name[$2]} SA established" "$(host_log "pluto-$1")"
		return
	fi
	grep -cE "(initiator|responder) rekeyed ${name[$2]} SA" "$(host_log "pluto-$1")"
}

libreswan_ikes()
{
	whack "$1" --showstates | grep -cE 'ESTABLISHED_IKE_SA|IKE SA established|STATE_(MODE_CFG|XAUTH)_'
}
