# SPDX-License-Identifier: MIT
# Smart cards without hardware: a pcscd of the test's own with two readers, and emulated cards in them (tests/card).
# After tap.sh and wait.sh. Not in subshells: what is started here ends with the shell that started it.
# shellcheck shell=bash

card_emu=$(realpath "${O:-build}/tests/card-emu")
card_vpcd=/usr/lib/pcsc/drivers/serial/libifdvpcd.so
card_port=35963			# of the first reader; in a network of pcscd's own
card_dir=
card_net=			# process that keeps the network of readers and cards
card_pcscd=			# process
card_count=0
declare -A card_pid		# of the emulators, by the card's name

# card_lacks: what this machine lacks for smart cards, in words; fails if it lacks nothing.
card_lacks()
{
	local tool

	for tool in pcscd nsenter setpriv unshare; do
		command -v "$tool" >/dev/null || { echo "no $tool"; return 0; }
	done
	[ -e "$card_vpcd" ] || { echo "no vsmartcard-vpcd"; return 0; }
	[ -x "$card_emu" ] || { echo "no $card_emu"; return 0; }
	unshare -mn true 2>/dev/null || echo "no right to make namespaces"
}

# card_readers_start: a pcscd with two empty readers; sets card_dir and exports PCSCLITE_CSOCK_NAME, by which every program that
# knows pcsc-lite finds it, from whatever network, and OPENSC_CONF. Its USB drivers are hidden from it, so it leaves real readers alone.
card_readers_start()
{
	[ -n "$card_dir" ] || card_dir=$(mktemp -d "${TMPDIR:-/tmp}/gapless-card.XXXXXX")
	mkdir -p "$card_dir/run"
	cp "$card_vpcd" "$card_dir/vpcd.so"
	cat >"$card_dir/reader.conf" <<-EOF
		FRIENDLYNAME "Emulated"
		DEVICENAME /dev/null:$card_port
		LIBPATH $card_dir/vpcd.so
		CHANNELID $card_port
	EOF
	# vpcd does not say what it can pass on, and OpenSC then takes it for a reader of short APDUs.
	cat >"$card_dir/opensc.conf" <<-EOF
		app default {
			reader_driver pcsc {
				max_send_size = 65535;
				max_recv_size = 65536;
			}
		}
	EOF
	if [ -z "$card_net" ]; then
		setpriv --pdeathsig KILL unshare -n sleep infinity &
		card_net=$!
		wait_until 30 card_net_apart && nsenter --net="/proc/$card_net/ns/net" ip link set lo up || return
	fi
	# shellcheck disable=SC2016 # the inner shell's
	setpriv --pdeathsig KILL nsenter --net="/proc/$card_net/ns/net" unshare -m sh -euc '
		cd "$1"
		mount -t tmpfs none /run
		mkdir /run/pcscd
		mount --no-canonicalize --bind ./run /run/pcscd
		mount -t tmpfs none /usr/lib/pcsc/drivers
		exec pcscd --foreground --info --config "$1/reader.conf"' sh "$card_dir" >"$card_dir/pcscd.log" 2>&1 &
	card_pcscd=$!
	export PCSCLITE_CSOCK_NAME=$card_dir/run/pcscd.comm OPENSC_CONF=$card_dir/opensc.conf
	wait_until 60 grep -q 'daemon ready' "$card_dir/pcscd.log"
}

card_net_apart()
{
	[ "$(readlink "/proc/$card_net/ns/net")" != "$(readlink /proc/self/ns/net)" ] && grep -qx sleep "/proc/$card_net/comm"
}

# card_readers_end [SIGNAL]: pcscd ends (KILL: as in a crash). Cards come back when the readers do.
card_readers_end()
{
	[ -n "$card_pcscd" ] || return 0
	kill "-${1:-TERM}" "$card_pcscd" 2>/dev/null
	wait "$card_pcscd" 2>/dev/null
	card_pcscd=
	rm -f "$card_dir"/run/*
}

# card_new NAME openpgp|piv [OPTION OF card-emu...]: a card, in the next reader: the first, then the second. It keeps its state in
# $card_dir/NAME.state, and what was said to it in NAME.trace.
card_new()
{
	local name=$1 kind=$2

	shift 2
	[ -e "$card_dir/$name.port" ] || echo $((card_port + card_count++)) >"$card_dir/$name.port"
	setpriv --pdeathsig KILL nsenter --net="/proc/$card_net/ns/net" "$card_emu" --reader "127.0.0.1:$(<"$card_dir/$name.port")" \
		--control "$card_dir/$name.sock" --state "$card_dir/$name.state" --trace "$card_dir/$name.trace" "$@" "$kind" \
		2>"$card_dir/$name.log" &
	card_pid[$name]=$!
	# Its socket is there a moment before it listens.
	wait_until 30 card_say "$name" info || { cat "$card_dir/$name.log"; return 1; }
	case " $* " in *" --out "*) ;; *) card_say "$name" seen && card_seen "$name" ;; esac
}

# card_end NAME: the emulator ends, the card is gone; card_new with the same name brings it back as it was.
card_end()
{
	[ -n "${card_pid[$1]-}" ] || return 0
	kill "${card_pid[$1]}" 2>/dev/null
	wait "${card_pid[$1]}" 2>/dev/null
	unset "card_pid[$1]"
	rm -f "$card_dir/$1.sock"
}

# card_say NAME COMMAND...: a command of card-emu --help; prints what it answers.
card_say()
{
	local name=$1

	shift
	"$card_emu" --seconds 60 --tell "$card_dir/$name.sock" "$@"
}

# Does pcscd say that there is a card in this card's reader?
card_present()
{
	opensc-tool --list-readers 2>/dev/null | awk -v nr=$(($(<"$card_dir/$1.port") - card_port)) '$1 == nr { n = $2 == "Yes" } END { exit !n }'
}

card_absent()
{
	! card_present "$1"
}

card_seen()
{
	wait_until 30 card_present "$1"
}

# card_insert NAME, card_remove NAME: return when pcscd has seen it.
card_insert()
{
	card_say "$1" insert && card_say "$1" seen && card_seen "$1"
}

card_remove()
{
	card_say "$1" remove && wait_until 30 card_absent "$1"
}

# card_pull_under NAME INS COMMAND...: the card is carrying out an instruction (hexadecimal) of COMMAND's when it is pulled out.
# Returns COMMAND's exit code when pcscd has seen it: a card that is back sooner was never away. Its output is in $card_dir/NAME.out.
card_pull_under()
{
	local name=$1 ins=$2 pid rc

	shift 2
	card_say "$name" silence "$ins" || return
	"$@" >"$card_dir/$name.out" 2>&1 &
	pid=$!
	if ! card_say "$name" silent; then
		kill "$pid"
		return 125
	fi
	card_say "$name" remove || return 125
	wait "$pid"
	rc=$?
	wait_until 30 card_absent "$name" || return 125
	return $rc
}

# card_cleanup: for the test's trap.
card_cleanup()
{
	local name

	for name in "${!card_pid[@]}"; do
		card_end "$name"
	done
	card_readers_end
	if [ -n "$card_net" ]; then
		kill "$card_net"
		wait "$card_net" 2>/dev/null
		card_net=
	fi
	[ -z "$card_dir" ] || rm -rf "$card_dir"
	card_dir=
}
