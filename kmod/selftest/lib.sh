# SPDX-License-Identifier: GPL-2.0-only
# What the modules' tests share: TAP, two hosts with a link, SAs, traffic, and reading the gap meter.
# shellcheck shell=bash disable=SC2034
#
# Modules are taken from $KMOD_DIR, else from $O/kmod/$(uname -r), else modprobe looks for them; keydctl is $KEYDCTL, else $O/bin/keydctl, else that of PATH.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=kmod/selftest/klog.sh
. "$here/klog.sh"
modules=${KMOD_DIR:-${O:-build}/kmod/$(uname -r)}
keydctl=${KEYDCTL:-${O:-build}/bin/keydctl}
[ -x "$keydctl" ] || keydctl=keydctl
points=0
failures=0
spawned=()
key=0x0102030405060708090a0b0c0d0e0f1011121314
work=$(mktemp -d)

seed=${GAPLESS_SEED:-1}

# With all that runs there
hosts_gone()
{
	[ ${#spawned[@]} = 0 ] || { kill "${spawned[@]}" && wait "${spawned[@]}"; } 2>/dev/null
	spawned=()
	ip netns del alice 2>/dev/null
	ip netns del bob 2>/dev/null
}

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	hosts_gone
	rm -rf "$work"
}
trap cleanup EXIT

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 4
}

ok()
{
	points=$((points + 1))
	echo "ok $points - $1"
}

not_ok()
{
	points=$((points + 1))
	failures=$((failures + 1))
	echo "not ok $points - $1"
	[ -z "${2-}" ] || printf '# %s\n' "${2//$'\n'/$'\n# '}"
}

# is WHAT GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got \"$2\", not \"$3\""; fi
}

# check WHAT COMMAND…
check()
{
	local what=$1 out

	shift
	if out=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$out"; fi
}

# until_true SECONDS COMMAND…
until_true()
{
	local end=$((SECONDS + $1 * ${LAB_SLOWER:-1}))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

finish()
{
	echo "1..$points"
	[ "$failures" = 0 ]
	exit
}

# module NAME: loaded, or all is skipped
module()
{
	lsmod | grep -q "^$1 " && return
	if [ -e "$modules/$1.ko" ]; then
		insmod "$modules/$1.ko" || skip_all "$modules/$1.ko does not load here"
	else
		modprobe "$1" 2>/dev/null || skip_all "$1.ko is not built for kernel $(uname -r): make kmod"
	fi
}

# fewer N: so many random things, or less where everything takes longer (LAB_SLOWER); GAPLESS_COUNT is stronger
fewer()
{
	echo "${GAPLESS_COUNT:-$(($1 / ${LAB_SLOWER:-1}))}"
}

# host NAME: alice or bob, without a link
host()
{
	ip netns add "$1" && ip -n "$1" link set lo up
}

# alice and bob, 192.0.2.1 and 2, 2001:db8::1 and 2
hosts()
{
	local n

	[ "$(id -u)" = 0 ] || skip_all "root is needed"
	klog_begin
	ip netns add alice && ip netns add bob && ip link add eth0 netns alice type veth peer name eth0 netns bob ||
		skip_all "this kernel has no network namespaces or no veth"
	for n in alice bob; do
		ip -n "$n" link set lo up
		ip -n "$n" link set eth0 up
	done
	ip -n alice addr add 192.0.2.1/24 dev eth0
	ip -n bob addr add 192.0.2.2/24 dev eth0
	ip -n alice addr add 2001:db8::1/64 dev eth0 nodad
	ip -n bob addr add 2001:db8::2/64 dev eth0 nodad
	until_true 10 ip netns exec alice ping -c 1 -W 1 192.0.2.2 || skip_all "the hosts do not see each other"
}

# sa HOST FROM TO SPI [OPTION…]: as "ip xfrm state add" has them
sa()
{
	ip -n "$1" xfrm state add src "$2" dst "$3" proto esp spi "$4" reqid 5 mode transport replay-window 128 \
		aead 'rfc4106(gcm(aes))' "$key" 128 "${@:5}"
}

# pair FROM TO SPI [OPTION…]: the same SA at both ends
pair()
{
	sa bob "$@" && sa alice "$@"
}

# policy COMMAND FROM TO [TEMPLATE OPTION…]: alice's outbound one
policy()
{
	ip -n alice xfrm policy "$1" dir out src "$2" dst "$3" tmpl proto esp reqid 5 mode transport "${@:4}"
}

# How many packets alice has sent by now
sent()
{
	ip netns exec alice cat /sys/class/net/eth0/statistics/tx_packets
}

# pings N [ADDRESS]: from alice, 0.1 s apart, whether answered or not
pings()
{
	ip netns exec alice ping -q -c "$1" -i 0.1 -W 0.1 "${2:-192.0.2.2}" >/dev/null 2>&1
}

gaps()
{
	ip netns exec "$1" "$keydctl" --json gaps --since 1h "${@:2}"
}

# event HOST TYPE: the newest event of this type, as one line
event()
{
	gaps "$1" | sed 's/{"seq"/\n{"seq"/g' | grep "\"type\":\"$2\"" | tail -n 1
}

# field NAME: of the line on standard input
field()
{
	sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p"
}

# spi HOST SPI FATE: how many packets came with it
spi()
{
	gaps "$1" | sed 's/"events":.*//; s/{"local"/\n{"local"/g' | grep "\"spi\":\"$2\",\"fate\":\"$3\"" | field packets
}

has_event()
{
	[ -n "$(event "$@")" ]
}

# count HOST TYPE
count()
{
	gaps "$1" | sed 's/{"seq"/\n{"seq"/g' | grep -c "\"type\":\"$2\""
}
