#!/bin/bash
# SPDX-License-Identifier: MIT
# keyd-card --watch-readers: cards that come and go, pcscd that is not there, comes, crashes and comes back; without polling. Needs namespaces.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"
# shellcheck source=tests/lib/card.sh
. "$(dirname "$0")/../lib/card.sh"

lacks=$(card_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
bin=$(realpath "${O:-build}")
watch=
trap '[ -z "$watch" ] || kill "$watch"; card_cleanup' EXIT

# pcscd's folder is there, and pcscd is not: that is how a machine begins.
card_readers_start && card_readers_end || not_ok "pcscd starts"
chmod 755 "$card_dir" "$card_dir/run"
"$bin/tests/card-watch" "$bin/bin/keyd-card" --watch-readers >"$card_dir/said" 2>"$card_dir/errors" &
watch=$!
on_failure()
{
	sed 's/^/# said: /' "$card_dir/said"
	sed 's/^/# /' "$card_dir/errors"
}

last_is()
{
	tail -1 "$card_dir/said" | grep -qxE -- "$1"
}

# says DESCRIPTION PATTERN: it is the last line, soon
says()
{
	check "$1" wait_until 10 last_is "$2"
}

has_said()
{
	grep -cx -- "$1" "$card_dir/said"
}

switches()
{
	awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$pid/task/"*/status
}

says "pcscd is not there, and nothing is known of readers" "pcscd 0"
pid=$(sed -n 's/^pid //p' "$card_dir/said")
check "it runs as nobody of importance" test "$(stat -c %U "/proc/$pid")" != root -o "$(id -u)" != 0

# What is quiet is looked at for a second, and does nothing in it.
before=$(switches)
sleep 1
is "it waits without looking" "$(switches)" "$before"

card_readers_start || not_ok "pcscd comes"
says "pcscd comes: there is no card" "readers"
is "… as it says" "$(has_said "pcscd 1")" 1
card_new one openpgp || not_ok "a card is put in"
says "a card that is put in" "readers Emulated 00 00#[0-9]+"
card_new two piv || not_ok "a second card is put in"
says "a second one" "readers Emulated 00 00#[0-9]+ Emulated 00 01#[0-9]+"
both=$(tail -1 "$card_dir/said")
before=$(switches)
sleep 1
is "it waits without looking, cards and all" "$(switches)" "$before"
card_remove one
says "a card that is pulled out" "readers Emulated 00 01#[0-9]+"
card_insert one
says "it is put back" "readers Emulated 00 00#[0-9]+ Emulated 00 01#[0-9]+"
check "… as another event, as it might be another card" test "$(tail -1 "$card_dir/said")" != "$both"
card_readers_end KILL
says "pcscd crashes: that is told, and of cards nothing" "pcscd 0"
card_readers_start || not_ok "pcscd comes back"
says "it comes back, with the cards" "readers Emulated 00 00#[0-9]+ Emulated 00 01#[0-9]+"
is "… as it says" "$(has_said "pcscd 1")" 2
kill "$watch"
wait "$watch" 2>/dev/null
watch=
ended()
{
	! kill -0 "$pid" 2>/dev/null
}
check "it ends with whoever started it" wait_until 5 ended
finish
