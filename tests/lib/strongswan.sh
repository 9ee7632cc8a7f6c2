# SPDX-License-Identifier: MIT
# Debian's strongSwan (charon-systemd and swanctl) as a host's daemon; see peer.sh. It installs its own policies, as traps.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh and peer.sh

strongswan_daemon=/usr/sbin/charon-systemd
declare -A strongswan_cannot=(
	[v1-code]='xauth-generic compares with the secret in its configuration; only PAM, which it can ask, might know codes, and none is set up here'
)
declare -A strongswan_loses=()
# What its log says of a failure: by its name in cases.sh, and by who has the daemon
declare -A strongswan_says=(
	[wrong-secret-initiator]='received AUTHENTICATION_FAILED notify' [wrong-secret-responder]='but MAC mismatched'
	[wrong-id-initiator]="IDir 'bob.example' does not match|no shared key found for '.*' - 'bob.example'" [wrong-id-responder]='AUTHENTICATION_FAILED|AUTH_FAILED|DELETE'
	[no-ike-initiator]='received NO_PROPOSAL_CHOSEN' [no-ike-responder]='received proposals unacceptable'
	[wrong-ca-initiator]='received AUTHENTICATION_FAILED notify' [wrong-ca-responder]='no trusted .* public key found|no issuer certificate found'
	[wrong-password-initiator]="XAuth authentication of 'carol' \\(myself\\) failed" [wrong-password-responder]="XAuth authentication of 'carol' failed"
	[no-esp-initiator]='received NO_PROPOSAL_CHOSEN' [no-esp-responder]='no acceptable proposal found'
)

# strongswan_missing: what is not installed, if something is not
strongswan_missing()
{
	[ -x $strongswan_daemon ] || echo "package charon-systemd"
	command -v swanctl >/dev/null || echo "package strongswan-swanctl"
}

strongswan_children()
{
	local host=$1 number my_net other_net protocol told me other my_id other_id other_host

	tunnel_ends "$host"
	for ((number = 1; number <= tunnel[children]; number++)); do
		tunnel_child "$host" $number
		[ "$protocol" = any ] && protocol= || protocol="[$protocol]"
		# "dynamic" is the address, whichever it is on the other side of a NAT.
		[ "$my_net" != "$me" ] && [ "$my_net" != assigned ] || my_net=dynamic
		[ "$other_net" != "$other" ] && [ "$other_net" != assigned ] || other_net=dynamic
		printf 'gapless%s {\nmode = %s\nlocal_ts = %s\nremote_ts = %s\n' $number "${tunnel[mode]}" "$my_net$protocol" \
			"$other_net$protocol"
		told "$host" esp && printf 'esp_proposals = %s\n' "$told"
		printf 'start_action = %s\n' "$(told "$host" begin && echo start || { [ -n "${tunnel[vip]-}" ] && echo none || echo trap; })"
		told "$host" child-life && [ "$told" != 0 ] && printf 'rekey_time = %ss\nlife_time = %ss\nrand_time = 0\n' \
			"$told" $((told * 3))
		echo '}'
	done
}

strongswan_connection()
{
	local host=$1 told me other my_id other_id other_host

	tunnel_ends "$host"
	printf 'version = %s\nlocal_addrs = %s\nremote_addrs = %s\n' "${tunnel[version]-2}" "$me" "$other"
	told "$host" aggressive && echo 'aggressive = yes'
	told "$host" ike && printf 'proposals = %s\n' "$told"
	told "$host" dpd && [ "$told" != 0 ] && printf 'dpd_delay = %ss\n' "$told"
	told "$host" ike-life && [ "$told" != 0 ] && printf 'rekey_time = %ss\nover_time = %ss\nrand_time = 0\n' "$told" \
		$((told * 3))
	told "$host" fragment && echo "fragmentation = ${told/yes/force}"
	told "$host" encap && echo 'encap = yes'
	strongswan_rounds "$host"
	strongswan_assigned "$host"
	[[ $(strongswan_rounds "$host") != *certs* ]] || echo 'send_cert = always'
	printf 'children {\n%s\n}\n' "$(strongswan_children "$host")"
}

# strongswan_assigned HOST: XAUTH and mode config
strongswan_assigned()
{
	local role user password way

	if [[ $(strongswan_rounds "$1") == *'auth = xauth'* ]]; then
		: # hybrid mode: there it is the first round
	elif tunnel_xauth "$1" && [ "$role" = client ]; then
		printf 'local-2 {\nauth = xauth\nxauth_id = %s\n}\n' "$user"
	elif [ -n "$user" ]; then
		printf 'remote-2 {\nauth = xauth\n}\n'
	fi
	tunnel_vip "$1" || return 0
	[ "$role" = client ] && echo 'vips = 0.0.0.0' || echo 'pools = lab'
	[ "$way" = pull ] || echo 'pull = no'
}

# strongswan_passwords HOST
strongswan_passwords()
{
	local role user password

	! tunnel_xauth "$1" || printf 'xauth-lab {\nid = %s\nsecret = "%s"\n}\n' "$user" "$password"
}

# Scheme, in keyd's words, as "auth" of swanctl.conf has it; legacy ones are told by strongswan.conf
declare -A strongswan_scheme=([rsapss-sha256]=rsa/pss-sha256 [rsapss-sha384]=rsa/pss-sha384 [rsapss-sha512]=rsa/pss-sha512
	[rsa-sha256]=rsa-sha256 [rsa-sha384]=rsa-sha384 [rsa-sha512]=rsa-sha512 [ecdsa-sha256]=ecdsa-sha256
	[ecdsa-sha384]=ecdsa-sha384 [ecdsa-sha512]=ecdsa-sha512)

# strongswan_rounds HOST: how each end proves itself, round by round
strongswan_rounds()
{
	local host=$1 round told word me other my_id other_id other_host my_auth other_auth my_cred other_cred my_chain other_ca
	local role user password

	tunnel_ends "$host"
	tunnel_auth "$host"
	told "$host" signatures
	word=${strongswan_scheme[${told:-none}]-}
	for round in 0 1; do
		case ${my_auth[round]-} in
		psk) printf 'local-%s {\nauth = psk\nid = %s\n}\n' $round "$my_id" ;;
		cert) printf 'local-%s {\nauth = %s\nid = %s\ncerts = %s.pem\n}\n' $round "${word:-pubkey}" "$my_id" "$my_cred" ;;
		none) tunnel_xauth "$host" && printf 'local-%s {\nauth = xauth\nid = %s\nxauth_id = %s\n}\n' $round "$my_id" "$user" ;;
		key) printf 'local-%s {\nauth = %s\nid = %s\npubkeys = %s.pub\n}\n' $round "${word:-pubkey}" "$my_id" "$my_cred" ;;
		esac
		case ${other_auth[round]-} in
		psk) printf 'remote-%s {\nauth = psk\nid = %s\n}\n' $round "$other_id" ;;
		cert) printf 'remote-%s {\nauth = %s\nid = %s\ncacerts = %s.pem\n}\n' $round "${word:+ike:}${word:-pubkey}" "$other_id" "$other_ca" ;;
		none) printf 'remote-%s {\nauth = xauth\nid = %s\n}\n' $round "$other_id" ;;
		key) printf 'remote-%s {\nauth = pubkey\nid = %s\npubkeys = %s.pub\n}\n' $round "$other_id" "$other_cred" ;;
		esac
	done
}

# strongswan_certs HOST: its key, certificates and CAs, where swanctl looks for them
strongswan_certs()
{
	local my_auth other_auth my_cred other_cred my_chain other_ca dir=/etc/swanctl

	tunnel_auth "$1"
	in_host "$1" sh -c 'cd /etc/swanctl && mkdir -p private x509 x509ca pubkey && rm -f private/* x509/* x509ca/* pubkey/*'
	[ -z "$my_cred" ] || in_host "$1" sh -c 'cp "$0.key" $1/private/ && cp "$0.pem" $1/x509/ && cp "$0.pub" $1/pubkey/' \
		"$certs/$my_cred" $dir
	[ -z "$my_chain" ] || in_host "$1" cp "$certs/$my_chain.pem" $dir/x509ca/
	[[ " ${other_auth[*]} " != *' cert '* ]] || in_host "$1" cp "$certs/$other_ca.pem" $dir/x509ca/
	[[ " ${other_auth[*]} " != *' key '* ]] || in_host "$1" cp "$certs/$other_cred.pub" $dir/pubkey/
}

# Between two IPv6 addresses, neighbour discovery is traffic, too: the answer to it must not wait for the SA that waits for it.
# keyd's policies have the same (policy_pair); its own wiki says so on the page IPv6NDP.
strongswan_bypass()
{
	local type

	[[ ${tunnel[mode]} = transport && ${tunnel[alice.address]} = *:* ]] || return 0
	printf 'neighbours {\nremote_addrs = 127.0.0.1\nchildren {\n'
	for type in 135 136; do
		printf 'type%s {\nmode = pass\nstart_action = trap\nlocal_ts = ::/0[ipv6-icmp/%s]\nremote_ts = ::/0[ipv6-icmp/%s]\n}\n' \
			$type $type $type
	done
	printf '}\n}\n'
}

# strongswan_conf HOST: connection "gapless" with children gapless1, gapless2, …, from what is told of the tunnel (peer.sh). Its
# plugins are chosen here: among the usual ones are some (af-alg) that stall its start, and some that would touch routes.
strongswan_conf()
{
	local host=$1 told me other my_id other_id other_host

	in_host "$host" tee /etc/strongswan.conf >/dev/null <<-END
		charon-systemd {
		    load = random nonce openssl x509 constraints pubkey pem pkcs1 pkcs8 kdf kernel-netlink socket-default vici xauth-generic
		    threads = 8
		    i_dont_care_about_security_and_use_aggressive_mode_psk = yes
		    replay_window = 128
		    install_routes = no
		    retransmit_timeout = 1.0
		    retransmit_tries = 4
		    $(told "$host" fragment && [ "$told" = yes ] && echo "fragment_size = 576")
		    $(told "$host" signatures && [[ $told =~ ^(rsa|ecdsa256|ecdsa384|ecdsa521)$ ]] && echo "signature_authentication = no")
		    journal {
		        default = -1
		    }
		    filelog {
		        stderr {
		            default = 1
		            time_format = %H:%M:%S
		            flush_line = yes
		        }
		    }
		}
		swanctl {
		    load = random openssl x509 pem pkcs1 pkcs8 pubkey
		}
	END
	strongswan_certs "$host"
	tunnel_ends "$host"
	told "$host" secret
	in_host "$host" sh -c 'umask 077; cat >/etc/swanctl/swanctl.conf' <<-END
		connections {
		gapless {
		$(strongswan_connection "$host")
		}
		$(strongswan_bypass)
		}
		secrets {
		ike-gapless {
		id = $other_id
		secret = "$told"
		}
		$(strongswan_passwords "$host")
		}
		pools {
		lab {
		addrs = $tunnel_vip/32
		$(told "$host" dns && echo "dns = $told")
		}
		}
	END
}

# strongswan_start HOST: with what strongswan_conf wrote; its output is host_log charon-HOST. Runs a copy of the program: the
# machine's AppArmor profile of the original forbids it to write our log. Holds packets that wait for keys, as keyd does.
strongswan_start()
{
	local host=$1

	in_host "$host" sh -c 'cp "$1" /run/charon && echo 0 >/proc/sys/net/core/xfrm_larval_drop' sh $strongswan_daemon
	host_spawn "$host" "charon-$host" /run/charon
	# A socket may be there before anybody listens, and may be an earlier one's.
	wait_log "charon-$host" 'spawning [0-9]+ worker threads' 60 && check_quiet swanctl "$host" --load-all ||
		not_ok "strongSwan on $host is ready"
}

# Output only when it fails.
check_quiet()
{
	local output

	output=$("$@" 2>&1) || {
		note "failed: $*"$'\n'"$output"
		return 1
	}
}

# swanctl HOST OPTION...
swanctl()
{
	local host=$1

	shift
	in_host "$host" swanctl "$@"
}

strongswan_log()
{
	echo "charon-$1"
}

strongswan_stop()
{
	host_stop "charon-$1"
}

strongswan_restart()
{
	strongswan_stop "$1"
	strongswan_start "$1"
}

strongswan_kill()
{
	host_stop "charon-$1" KILL
}

strongswan_up()
{
	local number

	for ((number = 1; number <= tunnel[children]; number++)); do
		swanctl "$1" --initiate --child "gapless$number" --timeout 20
	done
}

strongswan_down()
{
	swanctl "$1" --terminate --ike gapless --timeout 20
}

# strongswan_rekey HOST child|ike
strongswan_rekey()
{
	if [ "$2" = ike ]; then
		swanctl "$1" --rekey --ike gapless
	else
		swanctl "$1" --rekey --child gapless1
	fi
}

# As it is configured: break before make, unless make_before_break is set.
strongswan_reauth()
{
	swanctl "$1" --rekey --ike gapless --reauth
}

# strongswan_reload HOST: what is told of the tunnel now
strongswan_reload()
{
	strongswan_conf "$1" && check_quiet swanctl "$1" --load-all --clear
}

declare -A strongswan_table=([ike]='swanctl --list-algs' [esp]='algorithms of kernel-netlink')

# strongswan_algorithm WORD: keyd's word as swanctl --list-algs has it
strongswan_algorithm()
{
	case $1 in
	aes*gcm*) echo "AES_GCM_${1##*gcm}" ;;
	aes*ctr) echo AES_CTR ;;
	aes*) echo AES_CBC ;;
	chacha20poly1305) echo CHACHA20_POLY1305 ;;
	prfsha1) echo PRF_HMAC_SHA1 ;;
	prfsha*) echo "PRF_HMAC_SHA2_${1#prfsha}" ;;
	sha1) echo HMAC_SHA1_96 ;;
	sha*) echo "HMAC_SHA2_${1#sha}_$((${1#sha} / 2))" ;;
	x25519) echo CURVE_25519 ;;
	ecp*) echo "ECP_${1#ecp}" ;;
	modp*) echo "MODP_${1#modp}" ;;
	esac
}

# strongswan_knows HOST ike|esp WORD
strongswan_knows()
{
	[ "$2" = ike ] || return 0
	[ -n "${strongswan_algorithms-}" ] || strongswan_algorithms=$(swanctl "$1" --list-algs)
	grep -qwF "$(strongswan_algorithm "$3")" <<<"$strongswan_algorithms"
}

strongswan_ikes()
{
	swanctl "$1" --list-sas | grep -c 'ESTABLISHED, IKEv[12]'
}

# strongswan_rekeyed HOST child|ike [initiator|responder]: how often, as its log has it. A rekeyed child is told by its
# outbound SA; who began it, by the line before.
strongswan_rekeyed()
{
	local log name begun=initiating made='IKE_SA [^ ]+ rekeyed between'

	log=$(host_log "charon-$1")
	if [ "${tunnel[version]-2}" = 1 ]; then
		# There is no rekey in IKEv1: another one is made, and the children are adopted.
		[ "$2" = ike ] && made='IKE_SA [^ ]+ established between' || made='CHILD_SA [^ ]+ established with'
		grep -cE "$made" "$log"
		return
	fi
	[ "$2" = ike ] || begun=establishing made='outbound CHILD_SA [^ ]+ established'
	grep -oE "$made" "$log" | grep -oE '(CHILD|IKE)_SA [^ ]+' | while read -r name; do
		if grep -qF "$begun $name" "$log"; then
			echo initiator
		else
			echo responder
		fi
	done | grep -cE "^${3-.*}$"
}
