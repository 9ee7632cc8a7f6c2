# SPDX-License-Identifier: MIT
# A tunnel between two hosts, told once: each host's daemon writes its own configuration from it, and all take the same commands.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of hosts.sh and of the daemons' files
#
#	tunnel_new tunnel alice 192.0.2.1 bob 192.0.2.2     the description, with defaults
#	tunnel[esp]=aes128-sha256                           for both; tunnel[bob.esp]=… for bob alone
#	peer_is alice keyd; peer_is bob libreswan           which daemon runs where
#	peer alice conf; peer alice start; peer alice up    what it shall do
#
# What is told (proposals in keyd's words; the daemons' files translate):
#	mode          transport or tunnel
#	address       of the host; seen: by which the other side knows it, if there is a NAT between
#	id            what it calls itself; expects: what the other must call itself
#	secret ike esp
#	children      how many; child.1 "ALICE'S-NET BOB'S-NET [PROTOCOL]", child.2 …
#	dpd           seconds of silence
#	ike-life child-life   seconds, 0: long
#	begin         this host begins by itself as soon as it runs (yes, or nothing)
#	fragment encap        yes: IKE in datagrams of 576 bytes, ESP in UDP, whether needed or not. fragment no: never
#	version       1 or 2 (default); aggressive yes: how version 1 begins
#	xauth         "USER PASSWORD": of the first host, asked for by the second (version 1)
#	totp          yes: the first host's password has a one-time code behind it (tunnel_code), which the second wants
#	vip           pull or push: the first host gets $tunnel_vip from the second (version 1); child.1 "assigned NET"
#	dns           with which goes this name server
#	narrowing             yes: a narrower pair of selectors is fine
#	auth          what a host proves itself by: psk (default), cert, key (a raw one), "cert psk" (two rounds, RFC 4739);
#	              none: by nothing but its password (hybrid mode of version 1)
#	token         where keyd finds the key: softhsm, card, or nothing for a file; their PINs are in $tunnel_pin and $tunnel_card_pin
#	cred          of what tests/ca/hosts made (in $certs): the host's NAME of NAME.key, NAME.pem, NAME.pub; "p12" in its name
#	chain         with which its certificate goes (a CA between), or nothing
#	ca            what its certificate is signed under, in the end
#	signatures    in keyd's words: what it signs by, and what both take; nothing: their own choice
#
# A daemon KIND is a file that defines, each with the host as its first word:
#	KIND_missing  what is not installed, if something is not       KIND_stop
#	KIND_conf     writes its configuration                         KIND_up KIND_down
#	KIND_start    returns when it can be asked                     KIND_rekey HOST child|ike
#	KIND_reauth                                                    KIND_kill KIND_restart
#	KIND_log      the tag of its output                            KIND_rekeyed HOST child|ike: how often so far
#	KIND_ikes     how many IKE SAs it has
# and the arrays KIND_cannot (feature → reason, from its own documentation) and KIND_loses (what it loses with its like, too).

declare -A tunnel peer_kind
tunnel_vip=10.3.0.10
tunnel_totp=JBSWY3DPEHPK3PXP tunnel_totp_hex=48656c6c6f21deadbeef
certs=$PWD/${O:-build}/tests/ca-hosts

# tunnel_new MODE HOST ADDRESS HOST ADDRESS: one child between the addresses
tunnel_new()
{
	tunnel=([mode]=$1 [a]=$2 [b]=$4 ["$2.address"]=$3 ["$4.address"]=$5
		[secret]="correct horse battery staple" [ike]=aes128gcm16-prfsha256-x25519 [esp]=aes128gcm16-x25519
		[children]=1 [child.1]="$3 $5" [dpd]=30 [ike-life]=0 [child-life]=0)
}

# told HOST KEY: into $told; fails when nothing is
told()
{
	told=${tunnel[$1.$2]-${tunnel[$2]-}}
	[ -n "$told" ]
}

# tunnel_ends HOST: sets me, other (addresses, as this host knows them), my_id, other_id, other_host
tunnel_ends()
{
	other_host=${tunnel[a]}
	[ "$1" != "$other_host" ] || other_host=${tunnel[b]}
	me=${tunnel[$1.address]}
	other=${tunnel[$other_host.seen]-${tunnel[$other_host.address]}}
	my_id=${tunnel[$1.id]-$me}
	other_id=${tunnel[$1.expects]-${tunnel[$other_host.id]-$other}}
}

# tunnel_auth HOST: sets my_auth, other_auth (words, one for each round), my_cred, other_cred, my_chain, other_ca
tunnel_auth()
{
	local told other_host=${tunnel[a]}

	[ "$1" != "$other_host" ] || other_host=${tunnel[b]}
	told "$1" auth
	read -ra my_auth <<<"${told:-psk}"
	told "$other_host" auth
	read -ra other_auth <<<"${told:-psk}"
	my_cred=${tunnel[$1.cred]-} other_cred=${tunnel[$other_host.cred]-}
	told "$1" chain
	my_chain=$told
	told "$other_host" ca
	other_ca=${told:-root}
}

# tunnel_child HOST NUMBER: sets my_net, other_net, protocol (any, udp, udp/7000, …)
tunnel_child()
{
	told "$1" "child.$2"
	read -r my_net other_net protocol <<<"$told"
	protocol=${protocol:-any}
	[ "$1" = "${tunnel[a]}" ] || {
		local net=$my_net

		my_net=$other_net
		other_net=$net
	}
}

# tunnel_xauth HOST: sets role (client, server), user, password; fails when nobody is asked
tunnel_xauth()
{
	local told

	[ "$1" = "${tunnel[a]}" ] && role=client || role=server
	told "$1" xauth
	read -r user password <<<"$told"
	[ "$role" != client ] || ! told "$1" totp || password+=$(tunnel_code)
	[ -n "$user" ]
}

# tunnel_code: of now (RFC 6238, RFC 4226 5.3)
tunnel_code()
{
	local mac at

	mac=$(printf '%016x' $((EPOCHSECONDS / 30)) | sed 's/../\\x&/g')
	# shellcheck disable=SC2059
	mac=$(printf "$mac" | openssl dgst -sha1 -mac HMAC -macopt "hexkey:$tunnel_totp_hex")
	mac=${mac##*= }
	at=$((16#${mac:39:1} * 2))
	printf '%06d\n' $(((16#${mac:at:8} & 0x7fffffff) % 1000000))
}

# tunnel_vip HOST: sets role (client, server), way (pull, push); fails when no address is assigned
tunnel_vip()
{
	[ "$1" = "${tunnel[a]}" ] && role=client || role=server
	way=${tunnel[vip]-}
	[ -n "$way" ]
}

# with_length NET: an address gets the length of a host's prefix; into $net
with_length()
{
	net=$1
	[[ $net == */* ]] || { [[ $net == *:* ]] && net+=/128 || net+=/32; }
}

# proposal_split PROPOSAL: the words of one proposal by their kinds, into encr, integ, prf, ke, esn (lists)
proposal_split()
{
	local word
	local -a words

	encr=() integ=() prf=() ke=() esn=()
	IFS=- read -ra words <<<"$1"
	for word in "${words[@]}"; do
		case $word in
		prf*) prf+=("$word") ;;
		sha*) integ+=("$word") ;;
		x25519 | ecp* | modp*) ke+=("$word") ;;
		esn | noesn) esn+=("$word") ;;
		*) encr+=("$word") ;;
		esac
	done
}

# peer_is HOST KIND
peer_is()
{
	peer_kind[$1]=$2
}

# peer HOST VERB WORD...
peer()
{
	"${peer_kind[$1]}_$2" "$1" "${@:3}"
}

# peer_lay HOST PACKAGE: what tests/interop/prepare has unpacked, over the host's /usr, for this host alone
peer_lay()
{
	local tree=$PWD/${INTEROP_CACHE:-build/interop}/$2

	in_host "$1" sh -c 'test -e "$2" || mount -t overlay -o "ro,lowerdir=$1/usr:/usr" over /usr' sh "$tree" "$3"
}

# peers: both hosts
peers()
{
	peer "${tunnel[a]}" "$@" && peer "${tunnel[b]}" "$@"
}

# kernel_sends HOST: how many SAs its kernel can send on
kernel_sends()
{
	in_host "$1" ip xfrm state list nokeys src "${tunnel[$1.address]}" | grep -A 1 '^src' | grep -c 'spi 0x0*[1-9a-f]'
}

# kernel_dropped HOST: packets that its kernel could not send for want of the right SA or policy
kernel_dropped()
{
	in_host "$1" awk '/^XfrmOut/ && !/XfrmOutError/ { n += $2 } END { print n + 0 }' /proc/net/xfrm_stat
}
