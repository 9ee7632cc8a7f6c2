#!/bin/bash
# SPDX-License-Identifier: MIT
# What docs/first-tunnel.md tells people to type works: its sh blocks, in their order, in one shell.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

page=docs/first-tunnel.md
work=$(mktemp -d)

# The page as a script that says which of its blocks have ended well, by the line where each begins.
script()
{
	printf '%s\n' 'set -eu' 'exec 3>&1 >>"$1/log" 2>&1'
	# shellcheck disable=SC2016 # awk's own
	awk '/^```sh$/ { inside = NR; next }
		/^```$/ { if (inside) printf "echo %d >&3\n", inside; inside = 0; next }
		inside' "$page" | sed "s,build/bin,${O:-build}/bin,"
}

script >"$work/script"
bash "$work/script" "$work" >"$work/done"
mapfile -t begins < <(grep -n '^```sh$' "$page" | cut -d: -f1)
check "$page has blocks to run" [ "${#begins[@]}" -ge 10 ]
for line in "${begins[@]}"; do
	check "$page:$line runs" grep -qx "$line" "$work/done" || break
done
[ "$tap_failed" = 0 ] || note "$(tail -n 40 "$work/log")"
rm -rf "$work"
finish
