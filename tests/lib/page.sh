# SPDX-License-Identifier: MIT
# Pages of documentation whose commands are run as they stand.
# shellcheck shell=bash disable=SC2154 # tap_failed is a variable of tap.sh

# The page as a script that says which of its blocks have ended well, by the line where each begins.
page_script()
{
	printf '%s\n' 'set -eu' 'exec 3>&1 >>"$1/log" 2>&1'
	# shellcheck disable=SC2016 # awk's own
	awk '/^```sh$/ { inside = NR; next }
		/^```$/ { if (inside) printf "echo %d >&3\n", inside; inside = 0; next }
		inside' "$1" | sed "s,build/bin,${O:-build}/bin,"
}

# page_runs PAGE BLOCKS: a point for each sh block, in their order and in one shell; there must be so many at least
page_runs()
{
	local page=$1 folder line begins

	folder=$(mktemp -d)
	page_script "$page" >"$folder/script"
	bash "$folder/script" "$folder" >"$folder/done"
	mapfile -t begins < <(grep -n '^```sh$' "$page" | cut -d: -f1)
	check "$page has blocks to run" [ "${#begins[@]}" -ge "$2" ]
	for line in "${begins[@]}"; do
		check "$page:$line runs" grep -qx "$line" "$folder/done" || break
	done
	[ "$tap_failed" = 0 ] || note "$(tail -n 40 "$folder/log")"
	rm -rf "$folder"
}
