# SPDX-License-Identifier: MIT
# Hosts and links of a test, out of network and mount namespaces.
# shellcheck shell=bash disable=SC2154 # wait_never is a variable of wait.sh
#
#	+-- host alice ---------+            +-- host bob -----------+
#	|  own network stack,   |    veth    |  own network stack,   |     host_new alice; host_new bob
#	|  own SAD and SPD,     | eth0  eth0 |  own SAD and SPD,     |     link_new alice 192.0.2.1/24,2001:db8::1/64 \
#	|  own /run, own /etc   +------------+  own /run, own /etc   |              bob 192.0.2.2/24,2001:db8::2/64
#	+-----------------------+            +-----------------------+
#
#	alice eth0 ---- eth0 router eth1 ---- eth0 bob                     router_new router; link_new alice … router …;
#	                                                                   link_new router … bob …; host_route alice default …
#
# A host is a process that holds the namespaces. Its /etc is the machine's under a private overlay, its /run is empty.
# Interfaces are eth0, eth1, … in the order of link_new, which says its names in $link_a and $link_b.
# Programs of a host: in_host (wait for it), host_spawn (in the background, by a tag; output in host_log TAG).

work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-net.XXXXXX")
hosts=()
declare -A host_holder host_links tag_pid tag_host link_shape_of

# host_enter NAME: the words before a command that make it run there, in $enter
host_enter()
{
	local holder=${host_holder[$1]:?no such host}

	enter=(nsenter --net="/proc/$holder/ns/net" --mount="/proc/$holder/ns/mnt" --wdns="$PWD" --)
}

# in_host NAME COMMAND...
in_host()
{
	local enter

	host_enter "$1"
	shift
	"${enter[@]}" "$@"
}

# What a fresh host needs; runs inside, as the holder of the namespaces.
# shellcheck disable=SC2016
host_setup='
	mount -t tmpfs -o mode=755 run /run &&
	mkdir -p /run/lock /run/.etc/upper /run/.etc/work &&
	mount -t overlay -o lowerdir=/etc,upperdir=/run/.etc/upper,workdir=/run/.etc/work etc /etc &&
	mount -t sysfs sys /sys &&
	ip link set lo up &&
	for net in all default; do
		echo 0 >/proc/sys/net/ipv6/conf/$net/accept_dad
		echo 0 >/proc/sys/net/ipv6/conf/$net/accept_ra
		echo 0 >/proc/sys/net/ipv4/conf/$net/rp_filter
	done &&
	echo up &&
	exec sleep infinity'

# host_new NAME
host_new()
{
	local name=$1 answer=

	mkdir -p "$work/$name"
	mkfifo "$work/$name/up"
	unshare --net --mount -- /bin/sh -c "$host_setup" >"$work/$name/up" 2>"$work/$name/setup.log" {wait_never}>&- &
	host_holder[$name]=$!
	hosts+=("$name")
	host_links[$name]=0
	read -r answer <"$work/$name/up"
	rm "$work/$name/up"
	[ "$answer" = up ] || {
		echo "Bail out! host $name did not come up: $(cat "$work/$name/setup.log")"
		exit 1
	}
}

# router_new NAME: a host that forwards
router_new()
{
	host_new "$1"
	in_host "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# link_new HOST ADDRESSES HOST ADDRESSES: addresses with prefix length, separated by commas
link_new()
{
	local a=$1 b=$3

	link_a=eth${host_links[$a]}
	link_b=eth${host_links[$b]}
	host_links[$a]=$((host_links[$a] + 1))
	host_links[$b]=$((host_links[$b] + 1))
	in_host "$a" ip link add "$link_a" type veth peer name "$link_b" netns "${host_holder[$b]}" &&
		link_up "$a" "$link_a" "$2" && link_up "$b" "$link_b" "$4"
}

link_up()
{
	local -a addresses

	IFS=, read -ra addresses <<<"$3"
	{
		printf "address add %s dev $2\n" "${addresses[@]}"
		echo "link set $2 up"
	} | in_host "$1" ip -batch -
}

# host_route HOST DESTINATION GATEWAY
host_route()
{
	in_host "$1" ip route add "$2" via "$3"
}

# link_shape HOST INTERFACE NETEM…: what netem does to packets that leave there; without a word about it, nothing
link_shape()
{
	local host=$1 interface=$2

	shift 2
	if [ $# -gt 0 ]; then
		in_host "$host" tc qdisc replace dev "$interface" root netem "$@"
	else
		in_host "$host" tc qdisc del dev "$interface" root
	fi
}

# link_delay HOST INTERFACE MS [JITTER_MS], link_loss HOST INTERFACE PERCENT: one keeps what the other has set
link_delay()
{
	link_shape_of[$1/$2/delay]="delay $3ms ${4:+$4ms}"
	link_shape_both "$1" "$2"
}

link_loss()
{
	link_shape_of[$1/$2/loss]="loss $3%"
	link_shape_both "$1" "$2"
}

link_shape_both()
{
	# shellcheck disable=SC2086
	link_shape "$1" "$2" ${link_shape_of[$1/$2/delay]-} ${link_shape_of[$1/$2/loss]-}
}

# host_spawn HOST TAG COMMAND...: in the background; its process is ${tag_pid[TAG]}, its output is in host_log TAG
host_spawn()
{
	local host=$1 tag=$2 enter

	shift 2
	host_enter "$host"
	: >"$work/$host/$tag.log" # now: nobody must take what the last one said for this one's
	"${enter[@]}" "$@" </dev/null >>"$work/$host/$tag.log" 2>&1 {wait_never}>&- &
	tag_pid[$tag]=$!
	tag_host[$tag]=$host
}

host_log()
{
	echo "$work/${tag_host[$1]:?no such tag}/$1.log"
}

tag_running()
{
	kill -0 "${tag_pid[$1]}" 2>/dev/null
}

# host_stop TAG [SIGNAL [SECONDS]]: TERM and 10 s unless said otherwise, then KILL. Gives the exit code.
host_stop()
{
	local pid=${tag_pid[$1]-}

	[ -n "$pid" ] || return 0
	if kill -"${2:-TERM}" "$pid" 2>/dev/null && ! wait_until "${3:-10}" process_gone "$pid"; then
		echo "# $1 does not end: killing it"
		kill -KILL "$pid" 2>/dev/null
	fi
	unset "tag_pid[$1]"
	wait "$pid" 2>/dev/null
}

# A process of ours that has ended stays as a zombie until we ask for its exit code.
process_gone()
{
	local stat

	! read -r stat <"/proc/$1/stat" 2>/dev/null || [[ ${stat##*) } == Z* ]]
}

# wait_log TAG REGEX [SECONDS [TIMES]]: until the output has REGEX (grep -E) in so many lines; default 10 s, once
wait_log()
{
	wait_until "${3:-10}" log_has "$1" "$2" "${4:-1}"
}

log_has()
{
	[ "$(grep -cE -- "$2" "$(host_log "$1")")" -ge "$3" ]
}

# Everything that still runs in a host, however it got there.
host_kill_all()
{
	local process holder=$1

	for process in /proc/[0-9]*; do
		if [ "$process/ns/net" -ef "/proc/$holder/ns/net" ]; then
			[ "${process#/proc/}" = "$holder" ] || kill -KILL "${process#/proc/}"
		fi
	done 2>/dev/null
	kill -KILL "$holder" 2>/dev/null
}

hosts_cleanup()
{
	local name tag

	trap '' INT TERM HUP
	for tag in "${!tag_pid[@]}"; do
		kill -TERM "${tag_pid[$tag]}" 2>/dev/null
	done
	for tag in "${!tag_pid[@]}"; do
		host_stop "$tag" CONT 3 # it was asked already
	done
	for name in "${hosts[@]}"; do
		host_kill_all "${host_holder[$name]}"
	done
	wait 2>/dev/null
	[ -z "${LAB_KEEP-}" ] || cp -r "$work" "$LAB_OUT/$(basename "$0" .sh)"
	rm -rf "$work"
}

# SAs with what they carried, without keys and without the lines that hold no news.
host_show_sas()
{
	in_host "$1" ip -s xfrm state list nokeys | grep -vE '^\s+(sel |stats:|lifetime |limit: .*INF.*INF|expire .*soft 0.*hard 0)'
}

# All that may tell why a test failed (keys are left out).
hosts_report()
{
	local name log

	for name in "${hosts[@]}"; do
		for log in "$work/$name"/*.log; do
			[ ! -s "$log" ] || note "--- $name: end of $(basename "$log")"$'\n'"$(tail -n 25 "$log")"
		done
		note "--- $name: ip xfrm state"$'\n'"$(host_show_sas "$name")"
		note "--- $name: ip xfrm policy"$'\n'"$(in_host "$name" ip xfrm policy list nosock)"
		note "--- $name: /proc/net/xfrm_stat (what is not 0)"$'\n'"$(in_host "$name" grep -v '[^0-9]0$' /proc/net/xfrm_stat)"
	done
}
