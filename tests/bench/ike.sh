# SPDX-License-Identifier: MIT
# For the benchmarks of IKE: two namespaces, keyd with a kernel in memory in one, the generator of load (load.c) in the other.
# shellcheck shell=bash

here=$(cd "$(dirname "$0")/../.." && pwd)
out=$here/${O:-build}
work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-bench.XXXXXX")
a=bench-a-$$
b=bench-b-$$
namespaces=("$a" "$b")
server=192.0.2.2
pids=()

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# options NAMES ARGUMENT...: --NAME N of the command line, into the variable NAME; others end it with the usage
options()
{
	local names=" $1 "

	shift
	while [ $# -gt 1 ] && [[ $1 == --* && $names == *" ${1#--} "* ]]; do
		printf -v "${1#--}" %s "$2"
		shift 2
	done
	[ $# -eq 0 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
}

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
	for ns in "${namespaces[@]}"; do
		ip netns del "$ns" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# wait_for WHAT COMMAND...: for at most 20 s
wait_for()
{
	local what=$1 left=400

	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || die "$what did not happen: $(tail -n 3 "$work"/*.log 2>/dev/null)"
		sleep 0.05
	done
}

make_network()
{
	ip netns add "$a"
	ip netns add "$b"
	ip -n "$a" link add eth0 type veth peer name eth0 netns "$b"
	ip -n "$a" addr add 192.0.2.1/24 dev eth0
	ip -n "$b" addr add $server/24 dev eth0
	for ns in "$a" "$b"; do
		ip -n "$ns" link set lo up
		ip -n "$ns" link set eth0 up
	done
	# Every initiator has an address of its own: all of 10/8 is the generator's.
	ip -n "$a" route add local 10.0.0.0/8 dev lo
	ip -n "$b" route add 10.0.0.0/8 via 192.0.2.1
}

# start_keyd [SETTING...]: for any peer; the settings are those of the whole
start_keyd()
{
	(
		umask 077
		printf '%s\n' "$@" >"$work/keyd.conf"
		cat >>"$work/keyd.conf" <<-END
			peer any {
				psk "correct horse battery staple"
				ike aes128gcm16-prfsha256-x25519
				esp aes128gcm16-x25519
				lifetime ike 24h, child 24h
				dpd off
			}
		END
	)
	ip netns exec "$b" "$out/bin/keyd" -q -f "$work/keyd.conf" --backend fake --run-dir "$work/run" >"$work/keyd.log" 2>&1 &
	pids+=($!)
	keyd=$!
	wait_for "keyd's start" grep -q ready: "$work/keyd.log"
	read -ra roles <"/proc/$keyd/task/$keyd/children" || [ ${#roles[@]} -gt 0 ]
}

# role_name PID
role_name()
{
	local title

	IFS= read -r -d '' title <"/proc/$1/cmdline" || true
	echo "${title#keyd: }"
}

# cpu_us PID: user and system time since its start; the clock of /proc has a hundredth of a second
cpu_us()
{
	local stat

	stat=$(<"/proc/$1/stat")
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	echo $(((${12} + ${13}) * 10000))
}

# start_load TUNNELS WINDOW
start_load()
{
	coproc generator { exec ip netns exec "$a" "$out/tests/bench/load" $server 10.0.0.1 "$1" "$2" 2>"$work/load.log"; }
	pids+=("$generator_PID")
}

# phase NAME: setup, child or ike, for every tunnel; what the generator says of it, into the array answer (load.c)
phase()
{
	echo "$1" >&"${generator[1]}"
	# shellcheck disable=SC2034 # for the caller
	read -r -t 600 -u "${generator[0]}" -a answer || die "the generator ended: $(tail -n 3 "$work/load.log")"
}
