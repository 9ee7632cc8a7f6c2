#!/bin/bash
# SPDX-License-Identifier: MIT
# The simulator finds each bug that can be planted, and nothing where none is; what fails can be run again, and made short.
# timeout: 240

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

sim=${O:-build}/tests/sim
work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-sim.XXXXXX")
trap 'rm -rf "$work"' EXIT

# found BUG SCENARIO: exit code 1, and the last line counts something
found()
{
	"$sim" --bug "$1" --scenario "$2" --seeds 60 >"$work/found" 2>&1
	[ $? = 1 ] && tail -n 1 "$work/found" | grep -q '=[1-9][0-9]*$\|\(lost\|cleartext\|stuck\|leaked\)=[1-9]'
}

# clean SCENARIO: the same runs without a bug
clean()
{
	"$sim" --scenario "$1" --seeds 60 >"$work/clean" 2>&1 &&
		tail -n 1 "$work/clean" | grep -qE '^seeds=60 rekeys=[1-9][0-9]* lost=0 cleartext=0 stuck=0 leaked=0$'
}

mapfile -t bugs < <("$sim" --list | sed -nE 's/^  ([a-z-]+) .* found in scenario ([a-z-]+)$/\1 \2/p')
check "there are bugs to plant" [ ${#bugs[@]} -ge 10 ]
for row in "${bugs[@]}"; do
	read -r bug scenario <<<"$row"
	check "$bug is found" found "$bug" "$scenario"
done
for scenario in $(printf '%s\n' "${bugs[@]}" | cut -d' ' -f2 | sort -u); do
	check "nothing is found in $scenario without one" clean "$scenario"
done

# What is printed with a failure runs it again, to the very same end.
"$sim" --bug inbound-late --scenario rekey --seeds 20 >"$work/failed"
seed=$(sed -nE 's/^seed ([0-9]+),.*/\1/p' "$work/failed" | head -n 1)
first=$(grep -m1 "^seed $seed," "$work/failed")
for i in 1 2; do
	"$sim" --seed "$seed" --scenario rekey --bug inbound-late --trace >"$work/again.$i"
done
check "a run can be repeated exactly" cmp -s "$work/again.1" "$work/again.2"
is "and fails as before" "$(grep -m1 "^seed $seed," "$work/again.1")" "$first"

"$sim" --seed "$seed" --scenario rekey --bug inbound-late --shrink >"$work/short"
mapfile -t short < <(sed -nE 's/^shrunk by [0-9]+ runs: [^ ]+ (.*)/\1/p' "$work/short" | xargs -n 1)
"$sim" "${short[@]}" >"$work/short.again"
is "and so does the short one" $? 1
check "which is shorter" [ "$(wc -l <"$work/short.again")" -lt "$(wc -l <"$work/again.1")" ]

"$sim" --scenario nonsense >/dev/null 2>&1
is "an unknown scenario is a mistake of usage" $? 2
finish
