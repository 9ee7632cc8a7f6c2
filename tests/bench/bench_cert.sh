#!/bin/bash
# SPDX-License-Identifier: MIT
# What handshakes with certificates cost two keyds, and whether any process has more memory or descriptors after them.
#
# usage: tests/bench/bench_cert.sh [--handshakes N] [--tunnels N] [--kind KIND] [--token TOKEN]
#
# Two namespaces, a keyd in each, whose kernels are in memory. So many IKE SAs come up and are deleted, again and again, each time with
# proofs of both ends, whose chains have a CA between. KIND is one of tests/ca/hosts: ec256, rsa, ed25519, … TOKEN is where the
# initiator's key is: file, softhsm, openpgp or piv (emulated, behind a pcscd of its own). The memory
# that a role has of its own is read after the first half and at the end. An IKE SA that the peer has deleted is kept for a minute, to answer
# again, and ctl keeps events for "keydctl watch": so a long run waits for the minute in
# between, and a short one lets the roles ike and ctl have 10 KB for each. Exit code 1: a role has grown by more.

set -euo pipefail

handshakes=10000
tunnels=50
kind=ec256
token="file"
MOST=256 # KB in the second half of 5,000: 52 bytes for each
# shellcheck source=tests/bench/ike.sh
. "$(dirname "$0")/ike.sh"
options "handshakes tunnels kind token" "$@"
cd "$here"
# shellcheck source=tests/lib/wait.sh
. tests/lib/wait.sh
# shellcheck source=tests/lib/card.sh
. tests/lib/card.sh
# shellcheck source=tests/lib/token.sh
. tests/lib/token.sh
certs=$out/tests/ca-hosts

# token_make: with alice's key; how her keyd.conf names it, and its PIN, into $uri and $pin
token_make()
{
	case $token in
	softhsm) token_home && token_new gate && token_put gate "alice-$kind" 01 alone && uri=pkcs11:token=gate pin=1234 ;;
	openpgp) cards_home && card_fill card openpgp auth "alice-$kind" && uri=pkcs11: pin=123456 ;;
	piv) cards_home && card_fill card piv 9a "alice-$kind" && uri=pkcs11: pin=123456 ;;
	file) return 0 ;;
	*) die "there is no token \"$token\"" ;;
	esac >"$work/token.log" 2>&1 || die "no token: $(cat "$work/token.log")"
	trap 'card_cleanup; cleanup' EXIT
	(umask 077 && echo "$pin" >"$work/pin")
	chmod 711 "$work"
}

# conf NAME OTHER: its keyd.conf
conf()
{
	local i name=$1 other=$2 mine theirs key=$certs/$1-$kind.key

	if [ "$name" = alice ] && [ "$token" != file ]; then
		echo "module softhsm2, native"
		key="$uri; pin file $work/pin"
	fi
	for ((i = 1; i <= tunnels; i++)); do
		mine=10.0.$((i / 250)).$((i % 250 + 1)) theirs=$server
		[ "$name" = alice ] || { theirs=$mine; mine=$server; }
		cat <<-END
			peer tunnel$i {
				local $mine
				address $theirs
				id local $name.example.org
				id remote $other.example.org
				cert $certs/$name-$kind.chain
				key $key
				ca $certs/root.pem
				ike aes128gcm16-prfsha256-x25519
				esp aes128gcm16-x25519
				lifetime ike 24h, child 24h
				unique never
				linger 1s
				dpd off
			}
		END
	done
}

# start NAME OTHER NAMESPACE: its keyd, into pid_of[NAME]
start()
{
	(umask 077 && conf "$1" "$2" >"$work/$1.conf")
	ip netns exec "$3" "$out/bin/keyd" -q -f "$work/$1.conf" --backend fake --run-dir "$work/$1" >"$work/$1.log" 2>&1 &
	pids+=($!)
	pid_of[$1]=$!
	wait_for "the start of $1's keyd" grep -q ready: "$work/$1.log"
}

# control NAME COMMAND…
control()
{
	local name=$1

	shift
	"$out/bin/keydctl" --socket "$work/$name/keyd.sock" --timeout 60 "$@"
}

# sample ARRAY FUNCTION: of each role of both, of both parents and of each process for tokens; by NAME/ROLE
sample()
{
	local -n into=$1
	local name pid children role worker workers

	for name in alice bob; do
		read -r children <"/proc/${pid_of[$name]}/task/${pid_of[$name]}/children" || true
		# shellcheck disable=SC2154,SC2004 # the same
		into[$name/parent]=$("$2" "${pid_of[$name]}")
		for pid in $children; do
			# shellcheck disable=SC2034,SC2004 # another name of the caller's array, whose keys are words
			role=$(role_name "$pid")
			# shellcheck disable=SC2004 # as above
			into[$name/$role]=$("$2" "$pid")
			workers=
			[ "$role" != card ] || read -r workers <"/proc/$pid/task/$pid/children" || true
			for worker in $workers; do
				# shellcheck disable=SC2004,SC2034 # as above
				into[$name/$(worker_name "$worker")]=$("$2" "$worker")
			done
		done
	done
}

# worker_name PID: keyd-card, and for what
worker_name()
{
	local words

	mapfile -d '' -t words <"/proc/$1/cmdline"
	words=("${words[@]:3}" "")
	echo "keyd-card ${words[0]} ${words[1]##*/}"
}

# files PID: how many descriptors it has
files()
{
	local fds=("/proc/$1/fd/"*)

	echo ${#fds[@]}
}

# own_kb PID: what no other process shares
own_kb()
{
	awk '/^Private_(Clean|Dirty):/ { n += $2 } END { print n }' "/proc/$1/smaps_rollup"
}

# established: how many tunnels alice has
# shellcheck disable=SC2317 # called by wait_for
established()
{
	[ "$(control alice status | grep -c '  established  ')" = "$tunnels" ]
}

# rounds N: all tunnels ended and made anew, so many times
rounds()
{
	local i j

	for ((i = 0; i < $1; i++)); do
		control alice down --all >"$work/down" 2>&1 || true # the first time there is none
		for ((j = 1; j <= tunnels; j++)); do
			control alice --no-wait up tunnel$j >"$work/up"
		done
		wait_for "$tunnels tunnels" established
	done
}

# settle: until what was deleted is forgotten
settle()
{
	[ "$handshakes" -lt 2000 ] || sleep 65
}

# grown ROLE: since half way, into $grown; fails when it is too much
grown()
{
	local most=$MOST

	grown=$((memory_end[$1] - memory_half[$1]))
	# Each deleted IKE SA is kept for a minute, and how many there were at most is a matter of luck: the allocator keeps that room.
	[[ $1 != */ike ]] || most=$((most + memory_half[$1] / 50))
	[ "$handshakes" -ge 2000 ] || [[ $1 != */ike && $1 != */ctl ]] || most=$((MOST + 10 * made))
	[ $grown -le $most ] && [ "${files_end[$1]}" -le "${files_half[$1]}" ]
}

declare -A pid_of=() memory_half=() memory_end=() cpu_half=() cpu_end=() files_half=() files_end=()
token_make
make_network
start bob alice "$b"
start alice bob "$a"

half=$((handshakes / tunnels / 2))
[ $half -gt 0 ] || die "less than two handshakes for each tunnel"
rounds $half
settle
sample memory_half own_kb
sample files_half files
sample cpu_half cpu_us
began=${EPOCHREALTIME/./}
rounds $half
took=$((${EPOCHREALTIME/./} - began))
sample cpu_end cpu_us
settle
sample memory_end own_kb
sample files_end files

made=$((half * tunnels))
[ "$token" = file ] || kind="$kind on $token"
echo "$kind: $((2 * made)) handshakes of $tunnels tunnels; $((made * 1000000 / took)) a second in the second half"
echo
printf '%-40s %12s %14s %14s %10s %12s\n' "" "CPU, µs each" "half way, KB" "at the end, KB" "grown" "descriptors"
for role in "${!memory_end[@]}"; do
	word=
	grown "$role" || word=' <-- too much'
	printf '%-40s %12d %14d %14d %10d %12d%s\n' "$role" $(((cpu_end[$role] - cpu_half[$role]) / made)) "${memory_half[$role]}" \
		"${memory_end[$role]}" "$grown" "${files_end[$role]}" "$word"
done | sort
failed=0
for role in "${!memory_end[@]}"; do
	grown "$role" || failed=1
done
exit $failed
