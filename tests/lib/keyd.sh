# SPDX-License-Identifier: MIT
# Two hosts with the same few lines of policy and one secret: setkey and keyd as built, in hosts of hosts.sh.
# shellcheck shell=bash disable=SC2154 # variables of hosts.sh

bin=$PWD/${O:-build}/bin
secret="correct horse battery staple"

# secret_file HOST PEER [SECRET]: /etc/gapless/psk.txt of a host
secret_file()
{
	in_host "$1" sh -c 'mkdir -p /etc/gapless && umask 077 && printf "%s %s\n" "$1" "$2" >/etc/gapless/psk.txt' sh \
		"$2" "${3-$secret}"
}

# conf_file HOST: /etc/gapless/keyd.conf from standard input
conf_file()
{
	in_host "$1" sh -c 'mkdir -p /etc/gapless && umask 077 && cat >/etc/gapless/keyd.conf'
}

# conf_both: the same for alice and bob
conf_both()
{
	conf_file alice
	in_host alice cat /etc/gapless/keyd.conf | conf_file bob
}

# policy_file HOST: /etc/gapless/ipsec.conf from standard input
policy_file()
{
	in_host "$1" sh -c 'mkdir -p /etc/gapless && cat >/etc/gapless/ipsec.conf'
}

# policy_load HOST
policy_load()
{
	in_host "$1" "$bin/setkey" -f /etc/gapless/ipsec.conf
}

# policy_pair HOST SOURCE DESTINATION RULE: out and in, as setkey's file has them. RULE: esp/transport//require, …;
# of a tunnel esp/tunnel/HERE-THERE/level, whose ends are turned round for "in".
policy_pair()
{
	local back=$4 ends

	if [[ $4 =~ ^(.*/tunnel/)([^/]*)(/.*)$ ]]; then
		ends=${BASH_REMATCH[2]}
		back=${BASH_REMATCH[1]}${ends#*-}-${ends%-*}${BASH_REMATCH[3]}
	fi
	policy_file "$1" <<-END
		# Neighbour discovery goes on in clear, or IPv6 hosts on one link never find each other; first, or the rest wins.
		spdupdate ::/0 ::/0 icmp6 135,0 -P out prio high none;
		spdupdate ::/0 ::/0 icmp6 135,0 -P in prio high none;
		spdupdate ::/0 ::/0 icmp6 136,0 -P out prio high none;
		spdupdate ::/0 ::/0 icmp6 136,0 -P in prio high none;
		spdupdate $2 $3 any -P out ipsec $4;
		spdupdate $3 $2 any -P in ipsec $back;
	END
	policy_load "$1"
}

# hosts_alice_bob: 192.0.2.1 and 192.0.2.2, 20 ms apart, with a secret and transport mode for each other
hosts_alice_bob()
{
	host_new alice
	host_new bob
	link_new alice 192.0.2.1/24 bob 192.0.2.2/24
	link_delay alice eth0 20
	link_delay bob eth0 20
	secret_file alice 192.0.2.2
	secret_file bob 192.0.2.1
	policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
	policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
}

# lose_ike HOST: one datagram of IKE in five that it sends, and no other (netem would drop ESP as well), until ike_lossless HOST
lose_ike()
{
	in_host "$1" nft -f - <<-END
		table inet lossy {
			chain out {
				type filter hook output priority 0;
				udp sport 500 numgen random mod 5 < 1 drop
			}
		}
	END
}

ike_lossless()
{
	in_host "$1" nft delete table inet lossy
}

# keyd_start HOST [OPTION...]: with its keyd.conf if there is one, else with its psk.txt alone; it knows nothing of one before
# it. Not inside "check", whose subshell would forget it.
keyd_start()
{
	in_host "$1" rm -rf /run/gapless/state /run/gapless/cache
	keyd_again "$@"
}

# keyd_again HOST [OPTION...]: one that goes on where the last one ended
keyd_again()
{
	local host=$1 options=(--psk /etc/gapless/psk.txt)

	shift
	in_host "$host" test ! -e /etc/gapless/keyd.conf || options=(-f /etc/gapless/keyd.conf)
	host_spawn "$host" "keyd-$host" "$bin/keyd" -v "${options[@]}" --cache-dir /run/gapless/cache "$@"
	wait_log "keyd-$host" 'ready:' 30 || not_ok "keyd on $host is ready"
}

# keyds_start and keyds_stop: both hosts
keyds_start()
{
	keyd_start alice "$@"
	keyd_start bob "$@"
}

keyds_stop()
{
	host_stop keyd-alice
	host_stop keyd-bob
}

keydctl()
{
	local host=$1

	shift
	in_host "$host" "$bin/keydctl" "$@"
}

# keyd_count HOST WORD: how many log lines say that something came to this result
keyd_count()
{
	grep -cE "$2" "$(host_log "keyd-$1")"
}

# sa_count HOST: mature SAs in the kernel
sa_count()
{
	in_host "$1" ip xfrm state list nokeys | grep -c '^src'
}

# keyd_said HOST REGEX [SECONDS]: a point that the log of the keyd that runs there has such a line, soon
keyd_said()
{
	check "$1 says: $2" wait_log "keyd-$1" "$2" "${3:-20}"
}

# role_pid HOST ROLE: the role's process, into $pid; no program is started. Fails where there is none now.
role_pid()
{
	local parent=${tag_pid[keyd-$1]:?no keyd there} children title

	read -r children 2>/dev/null <"/proc/$parent/task/$parent/children"
	for pid in $children; do
		IFS= read -r -d '' title 2>/dev/null <"/proc/$pid/cmdline"
		[ "$title" != "keyd: $2" ] || return 0
	done
	pid=
	return 1
}

# role_pids HOST: of all roles, into $pids
role_pids()
{
	local role pid

	pids=
	for role in kern ike auth ctl trust fetch card; do
		role_pid "$1" $role || return
		pids+="$role=$pid "
	done
}

# keyd_kill HOST: what a crash of all at once is like; nothing gets a chance to clean up
keyd_kill()
{
	local pids pid children parent=${tag_pid[keyd-$1]}

	read -r children 2>/dev/null <"/proc/$parent/task/$parent/children"
	# shellcheck disable=SC2086
	kill -KILL $parent $children
	for pid in $children; do
		wait_until 10 process_gone "$pid"
	done
	host_stop "keyd-$1" CONT
}

# keyd_fails HOST CODE REGEX COMMAND...: a point that it ends with that exit code and says that
keyd_fails()
{
	local host=$1 code=$2 wanted=$3 output rc

	shift 3
	output=$(in_host "$host" timeout 30 "$@" 2>&1)
	rc=$?
	if [ $rc = "$code" ] && grep -qE -- "$wanted" <<<"$output"; then
		ok "exit code $code: $wanted"
	else
		not_ok "exit code $code: $wanted"
		note "$* ended with $rc"$'\n'"$output"
	fi
}

# not COMMAND...: for check, where failing is right
not()
{
	! "$@"
}

# sas_are HOST NUMBER: for wait_until
sas_are()
{
	[ "$(sa_count "$1")" = "$2" ]
}
