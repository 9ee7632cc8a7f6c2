# SPDX-License-Identifier: MIT
# Two hosts that prove by certificates and keys who they are, after keyd.sh: what tests/ca/hosts made is in $certs.
# shellcheck shell=bash disable=SC2154 # variables of hosts.sh and keyd.sh

certs=$PWD/${O:-build}/tests/ca-hosts

# certs_hosts: alice 192.0.2.1 and bob 192.0.2.2, with policies for transport mode
certs_hosts()
{
	host_new alice
	host_new bob
	link_new alice 192.0.2.1/24 bob 192.0.2.2/24
	policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
	policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
}

# certs_conf HOST SETTING…: its keyd.conf, with a section for the other one; a setting that begins with "+" is of the whole file
certs_conf()
{
	local host=$1 other=bob address=192.0.2.2 setting

	[ "$host" = alice ] || other=alice address=192.0.2.1
	shift
	{
		for setting; do
			[[ $setting != +* ]] || printf '%s\n' "${setting#+}"
		done
		printf 'peer %s {\n\taddress %s\n\tretransmit 500ms 5\n' $other $address
		[[ " $* " == *'id local'* ]] || printf '\tid local %s.example.org\n' "$host"
		[[ " $* " == *'id remote'* ]] || printf '\tid remote %s.example.org\n' $other
		for setting; do
			[[ $setting == +* ]] || printf '\t%s\n' "$setting"
		done
		printf '}\n'
	} | conf_file "$host"
}

# own NAME: "cert" and "key" of what tests/ca/hosts made, the certificate with the CA between
own()
{
	printf 'cert %s/%s.chain; key %s/%s.key' "$certs" "$1" "$certs" "$1"
}

# certs_reload: both take what was written
certs_reload()
{
	keydctl alice reload && keydctl bob reload
}

# certs_down: nothing is up any more
certs_down()
{
	keydctl alice down --all >"$work/down" 2>&1
	wait_until 10 ikes_none alice && wait_until 10 ikes_none bob
}

# Half-open ones aside: who was begun with, and never told why no more came, waits for half a minute.
# shellcheck disable=SC2317
ikes_none()
{
	keydctl "$1" status | grep -qE '^(0 IKE SAs|([0-9]+) IKE SAs?, 0 child SAs, \2 half-open)'
}

# certs_up NAME [REGEX…]: a point: alice brings it up, a ping goes through it, and both keydctls' status has each REGEX
certs_up()
{
	local name=$1 host regex

	shift
	check "$name: both take the settings" certs_reload || return
	check "$name: alice brings it up" keydctl alice --timeout 20 up bob || {
		note "$(keydctl alice explain; keydctl bob explain)"
		return
	}
	check "$name: a ping" in_host alice ping -q -c 1 -W 5 192.0.2.2
	for host in alice bob; do
		keydctl "$host" status >"$work/status"
		[ -z "${LAB_OUT-}" ] || cp "$work/status" "$LAB_OUT/status-$host-${name//[ \/]/-}.txt"
		for regex; do
			check "$name: $host's status says: $regex" grep -qE -- "$regex" "$work/status"
		done
	done
	certs_down
}

# certs_refused NAME [HOST:REASON…]: a point for each: it does not come up, and HOST's keydctl explain names REASON (keyd/ctl/reason.c) and
# has the words that follow it, "bob:certificate-expired:has expired"
certs_refused()
{
	local name=$1 told host reason words text

	shift
	check "$name: both take the settings" certs_reload || return
	if keydctl alice --timeout 20 up bob >"$work/up" 2>&1; then
		not_ok "$name: it does not come up"
	else
		ok "$name: it does not come up"
	fi
	for told; do
		IFS=: read -r host reason words <<<"$told"
		keydctl "$host" explain >"$work/explain"
		[ -z "${LAB_OUT-}" ] || cp "$work/explain" "$LAB_OUT/explain-$host-${name//[ \/]/-}.txt"
		check "$name: $host explains: $reason" grep -qE "failed: $reason\$" "$work/explain"
		text=$(tr -s ' \n' '  ' <"$work/explain")
		[ -z "$words" ] || check "$name: $host explains: $words" grep -qE -- "$words" <<<"$text" || note "$(cat "$work/explain")"
	done
	certs_down
}
