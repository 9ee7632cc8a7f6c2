# SPDX-License-Identifier: MIT
# Debian's openiked (iked, ikectl) as a host's daemon; see peer.sh. It speaks to the kernel through PF_KEY. It is unpacked by
# tests/interop/prepare, not installed.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh and peer.sh

declare -A openiked_cannot=(
	[rekey]='ikectl(8) has no command to rekey; iked rekeys by lifetime'
	[children]='iked.conf(5), "from … to": a policy has one child, several flows are selectors of it'
	[liveness]='iked.conf(5), "dpd_check_interval": it asks when a child sends and does not receive, which PF_KEY on Linux never tells; a silent IKE SA is asked after 300 s only'
	[esn]='"kernel has no support for extended sequence numbers (ESN)" is what iked says with PF_KEY'
	[narrow-initiator]='as initiator it sets up the flows of its policy, whatever the responder has narrowed them to'
)
declare -A openiked_loses=(
	[sends-early]='a responder sends on the new SA as soon as its answer has left'
	[ends-early]='an initiator ends the old inbound SA when it sends the DELETE, with packets on their way in it'
)
declare -A openiked_says=(
	[wrong-secret-initiator]='AUTHENTICATION_FAILED' [wrong-secret-responder]='AUTHENTICATION_FAILED|authentication failed|mismatch'
	[wrong-id-initiator]='AUTHENTICATION_FAILED|mismatch|unexpected|dstid' [wrong-id-responder]='AUTHENTICATION_FAILED|CLOSED|no policy'
	[no-ike-initiator]='NO_PROPOSAL_CHOSEN' [no-ike-responder]='NO_PROPOSAL_CHOSEN|no proposal chosen'
	[no-esp-initiator]='NO_PROPOSAL_CHOSEN' [no-esp-responder]='NO_PROPOSAL_CHOSEN|no proposal chosen'
)

# keyd's words in iked's, from CRYPTO TRANSFORMS in iked.conf(5)
declare -A openiked_word=(
	[aes128]=aes-128 [aes192]=aes-192 [aes256]=aes-256
	[sha1]=hmac-sha1 [sha384]=hmac-sha2-384 [sha512]=hmac-sha2-512
	[prfsha1]=hmac-sha1 [prfsha256]=hmac-sha2-256 [prfsha384]=hmac-sha2-384 [prfsha512]=hmac-sha2-512
	[x25519]=curve25519 [ecp256]=ecp256 [ecp384]=ecp384 [ecp521]=ecp521
	[modp1024]=modp1024 [modp1536]=modp1536 [modp2048]=modp2048 [modp3072]=modp3072 [modp4096]=modp4096
	[esn]=esn [noesn]=noesn
)
declare -A openiked_word_ike=(
	[sha256]=hmac-sha2-256 # with ESP not: the PF_KEY of Linux has it with 96 bits only
	[aes128gcm16]=aes-128-gcm [aes256gcm16]=aes-256-gcm [aes128gcm12]=aes-128-gcm-12 [aes256gcm12]=aes-256-gcm-12
)
declare -A openiked_word_esp=( # with null it gives PF_KEY a key of 0 bits, which Linux refuses (pfkey_reply: Invalid argument)
	[aes128ctr]=aes-128-ctr [aes192ctr]=aes-192-ctr [aes256ctr]=aes-256-ctr
)

openiked_missing()
{
	[ -e build/interop/openiked/version ] || echo "tests/interop/prepare openiked"
}

openiked_log()
{
	echo "iked-$1"
}

# openiked_words KEYWORD ike|esp WORD...: "KEYWORD word" for each, onto $proposal
openiked_words()
{
	local keyword=$1 kind=$2 word said

	shift 2
	for word in "$@"; do
		said=${openiked_word[$word]-}
		if [ -z "$said" ] && [ "$kind" = ike ]; then
			said=${openiked_word_ike[$word]-}
		elif [ -z "$said" ]; then
			said=${openiked_word_esp[$word]-}
		fi
		[ -n "$said" ] || return
		proposal+=" ${keyword:+$keyword }$said"
	done
}

# openiked_proposal ike|esp PROPOSALS: into $proposal; fails where it cannot say that
openiked_proposal()
{
	local one encr integ prf ke esn
	local -a all
	local -A section=([ike]=ikesa [esp]=childsa)

	proposal=
	IFS=', ' read -ra all <<<"$2"
	for one in "${all[@]}"; do
		proposal_split "$one"
		proposal+=" ${section[$1]}"
		openiked_words enc "$1" "${encr[@]}" && openiked_words auth "$1" "${integ[@]}" && openiked_words prf "$1" "${prf[@]}" &&
			openiked_words group "$1" "${ke[@]}" && openiked_words '' "$1" "${esn[@]}" || return
	done
}

openiked_conf()
{
	local host=$1 told me other my_id other_id other_host my_net other_net protocol number proposal mode=passive

	peer_lay "$host" openiked /usr/sbin/iked
	tunnel_ends "$host"
	{
		told "$host" dpd && printf 'set dpd_check_interval %s\n' "$told"
		told "$host" fragment && echo 'set fragmentation'
		told "$host" begin && mode=active
		# It neither says INITIAL_CONTACT nor hears it.
		echo 'set enforcesingleikesa'
		printf 'ikev2 "gapless" %s %s esp' $mode "${tunnel[mode]}"
		tunnel_child "$host" 1
		[ "$protocol" = any ] || printf ' proto %s' "${protocol%/*}"
		for ((number = 1; number <= tunnel[children]; number++)); do
			tunnel_child "$host" $number
			printf ' \\\n\tfrom %s to %s' "$my_net" "$other_net"
		done
		printf ' \\\n\tlocal %s peer %s' "$me" "$other"
		told "$host" ike && openiked_proposal ike "$told" && printf ' \\\n\t%s' "$proposal"
		told "$host" esp && openiked_proposal esp "$told" && printf ' \\\n\t%s' "$proposal"
		printf ' \\\n\tsrcid %s dstid %s' "$my_id" "$other_id"
		told "$host" ike-life && printf ' \\\n\tikelifetime %s' "$told"
		# The kernel's hard limit is what is told, and its soft one a tenth earlier: time enough for an exchange or two.
	told "$host" child-life && printf ' \\\n\tlifetime %s' "$((told ? told * 4 : 3600))"
		told "$host" secret
		printf ' \\\n\tpsk "%s"\n' "$told"
	} | in_host "$host" sh -c 'umask 077; cat >/etc/iked.conf'
}

# It wants a user of its own, an empty folder to be locked into, and a private key.
openiked_start()
{
	local host=$1

	# shellcheck disable=SC2016
	in_host "$host" sh -c 'grep -q ^_iked: /etc/passwd || {
			mkdir -p /run/empty /etc/iked/private /etc/iked/ca /etc/iked/certs /etc/iked/crls /etc/iked/pubkeys
			echo "_iked:x:399:399::/run/empty:/usr/sbin/nologin" >>/etc/passwd
			echo "_iked:x:399:" >>/etc/group
			install -m 600 "$1/local.key" /etc/iked/private/
		}
		echo 0 >/proc/sys/net/core/xfrm_larval_drop' sh "$PWD/${INTEROP_CACHE:-build/interop}/openiked"
	host_spawn "$host" "iked-$host" /usr/sbin/iked -dvv
	# Earlier requests it takes and then forgets: the settings come last, and close what there is.
	wait_log "iked-$host" 'config_getstatic: (no )?stickyaddress' 40
}

openiked_stop()
{
	host_stop "iked-$1"
	in_host "$1" sh -c 'ip xfrm policy flush; ip xfrm state flush'
}

openiked_restart()
{
	openiked_stop "$1"
	openiked_start "$1"
}

openiked_kill()
{
	local process holder=${host_holder[$1]}

	for process in /proc/[0-9]*; do
		if [ "$process/ns/net" -ef "/proc/$holder/ns/net" ] && [[ $(<"$process/comm") == iked ]]; then
			kill -KILL "${process#/proc/}"
		fi
	done 2>/dev/null
	host_stop "iked-$1" CONT
}

ikectl()
{
	local host=$1

	shift
	in_host "$host" /usr/sbin/ikectl "$@"
}

# It begins by itself when its policy is active, and after a reload.
openiked_up()
{
	in_host "$1" sed -i 's/^ikev2 "gapless" passive/ikev2 "gapless" active/' /etc/iked.conf
	ikectl "$1" reload
}

openiked_down()
{
	local other_id my_id me other other_host

	tunnel_ends "$1"
	if [[ $other_id == *:* ]]; then
		other_id=IPV6/$other_id
	elif [[ $other_id =~ ^[0-9.]+$ ]]; then
		other_id=IPV4/$other_id
	else
		other_id=FQDN/$other_id
	fi
	ikectl "$1" reset id "$other_id"
}

# openiked_reload HOST: what is told of the tunnel now; it begins when told to
openiked_reload()
{
	openiked_conf "$1" && ikectl "$1" reload
}

declare -A openiked_table=([ike]='iked.conf(5), CRYPTO TRANSFORMS' [esp]='iked.conf(5), CRYPTO TRANSFORMS, less what "iked -nvv" leaves out with PF_KEY')

# openiked_knows HOST ike|esp WORD
openiked_knows()
{
	local proposal=

	openiked_words '' "$2" "$3"
}

openiked_rekey()
{
	return 1
}

openiked_rekeyed()
{
	local -A said=([child]='ikev2_childsa_enable: .*rekey|rekeyed child' [ike]='established.*rekey|ikev2_ikesa_enable')

	grep -cE "${said[$2]}" "$(host_log "iked-$1")"
}

openiked_ikes()
{
	ikectl "$1" show sa | grep -c '^iked_sas: .*ESTABLISHED'
}
