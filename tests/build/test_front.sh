#!/bin/bash
# SPDX-License-Identifier: MIT
# racoonctl and ipsec, the front ends, on two keyds without a kernel: each everyday verb, what it prints, exit codes. Needs root, and namespaces.

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"

native_hosts
for host in alice bob; do
	other=2
	[ $host = alice ] || other=1
	conf_file $host <<-END
		peer other { address 192.0.2.$other; local 192.0.2.$((3 - other)); psk "$secret"; traffic 10.$((3 - other)).0.0/24 <-> 10.$other.0.0/24 }
	END
	in_host $host cp /etc/gapless/keyd.conf /etc/keyd.conf
	host_spawn $host "keyd-$host" "$bin/keyd" -v --backend fake --cache-dir /run/gapless/cache -f /etc/keyd.conf
	check "keyd on $host is ready" wait_log "keyd-$host" 'ready:' 30
done

racoonctl()
{
	in_host alice "$bin/racoonctl" "$@"
}

ipsec()
{
	in_host alice "$bin/ipsec" "$@"
}

# says WHAT CODE PATTERN COMMAND...: the output has a line with the pattern, and the exit code is that
says()
{
	local what=$1 code=$2 pattern=$3 got

	shift 3
	"$@" >"$work/out" 2>&1
	got=$?
	is "$what" "$got $(grep -cE -- "$pattern" "$work/out" | sed 's/[1-9].*/yes/')" "$code yes" || note "$(cat "$work/out")"
}

# --- ipsec ---
says "nothing is up" 0 '^Security Associations \(0 up, 0 connecting\):$' ipsec status
says "and that is said" 0 '^  none$' ipsec status
check "up" ipsec up other
says "status" 0 '^ *other\[1\]: ESTABLISHED [0-9]+ seconds? ago, 192.0.2.1\[192.0.2.1\]...192.0.2.2\[192.0.2.2\]$' ipsec status
says "its child" 0 '^ *other\{1\}:  INSTALLED, TUNNEL, reqid [0-9]+, ESP SPIs: [0-9a-f]{8}_i [0-9a-f]{8}_o$' ipsec status
says "its traffic" 0 '^ *other\{1\}:   10.1.0.0/24 === 10.2.0.0/24$' ipsec status other
says "statusall" 0 'IKE proposal: aes' ipsec statusall
says "somebody else" 1 'no match' ipsec status nobody
for verb in reload update rereadsecrets rereadall rereadcacerts rereadcrls "auto --rereadsecrets" "auto --add other" "whack --listen"; do
	# shellcheck disable=SC2086
	says "$verb" 0 'peers=1' ipsec $verb
done
says "listcards" 0 '' ipsec listcards
check "auto --down" ipsec auto --down other
says "it is down" 0 '\(0 up, 0 connecting\)' ipsec auto --status
check "auto --up" ipsec auto --up other
says "a name that nobody has" 1 'no peer' ipsec up nothing
says "what is not there says so" 2 'keydctl explain' ipsec listcrls
says "a verb that nobody has" 2 'there is no command' ipsec frob
says "start, while it runs" 0 'runs already' ipsec start

# --- racoonctl ---
says "show-sa" 0 '^192.0.2.2.500 +[0-9a-f]{16}:[0-9a-f]{16} [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} $' racoonctl show-sa isakmp
says "with its head" 0 '^Destination +Cookies +Created$' racoonctl ss
says "more of it" 0 '^192.0.2.1.500 +192.0.2.2.500 +[0-9a-f:]{33} 9 I 20 M .* 1$' racoonctl -l show-sa isakmp
says "reload-config" 0 'peers=1' racoonctl reload-config
check "vpn-disconnect" racoonctl vpn-disconnect 192.0.2.2
says "it is down" 0 '\(0 up, 0 connecting\)' ipsec status
check "vpn-connect" racoonctl vpn-connect -u somebody 192.0.2.2
check "delete-sa" racoonctl delete-sa isakmp inet 192.0.2.1 192.0.2.2
check "establish-sa" racoonctl establish-sa -w esp inet 192.0.2.1/32 192.0.2.2/32 any
check "logout-user" racoonctl logout-user 192.0.2.2
says "it is down" 0 '\(0 up, 0 connecting\)' ipsec status
says "nobody of that name" 1 'nobody who is called' racoonctl lu somebody
check "once more" racoonctl es isakmp inet 192.0.2.1 192.0.2.2
check "flush-sa" racoonctl flush-sa isakmp
says "it is down" 0 '\(0 up, 0 connecting\)' ipsec status
says "a protocol that there is not" 2 'is expected' racoonctl show-sa ip
says "what is missing" 2 'usage: establish-sa' racoonctl establish-sa isakmp
says "what is not there says so" 2 'no timers' racoonctl show-schedule
host_spawn alice events "$bin/racoonctl" show-event
check "show-event listens" wait_until 10 sh -c "ps ax | grep -q '[k]eydctl --socket .* watch'"
check "up" ipsec up other
check "it is printed" wait_log events 'ike-up peer=other' 20

check "stop" ipsec stop
says "nobody runs" 3 'not running' ipsec status
says "nor for racoonctl" 3 'not running' racoonctl show-sa
says "stop, while nobody runs" 0 'does not run' ipsec stop
finish
