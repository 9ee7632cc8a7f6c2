# SPDX-License-Identifier: MIT
# Prints what was lost beside what the gap meter has seen of it, from the rows (ID TAB TITLE) and lines "COLUMN|CELL|FROM|what meter_judge says".
BEGIN { FS = "|" }

/\t/ {
	split($0, part, "\t")
	sub(/^[ \t]+/, part[1])
	title[part[1]] = part[2]
	next
}

# number TEXT WORD: what stands behind the word
function number(text, word) { return match(text, word " [0-9]+") ? substr(text, RSTART + length(word) + 1, RLENGTH - length(word) - 1) + 0 : 0 }

{
	lost = number($4, "lost")
	dropped = number($4, "dropped")
	stray = number($4, "without an SA")
	refused = number($4, "of which refused")
	other = lost - dropped - stray - refused
	text = lost + dropped + stray + refused + number($4, "in clear") == 0 ? "0" : lost " = " dropped " + " stray " + " refused
	if (other)
		text = text (other > 0 ? " + " : " - ") (other > 0 ? other : -other)
	cell = $1 "|" $2
	if (!(cell in seen))
		cells[++n] = cell
	seen[cell]++
	way[cell, seen[cell]] = text
}

END {
	print "What was lost = dropped + without an SA + in clear and refused, from the first host and from the second:"
	for (i = 1; i <= n; i++) {
		if (way[cells[i], 1] == "0" && way[cells[i], 2] == "0") {
			agree++
			continue
		}
		split(cells[i], part, "|")
		printf "%-22s %-46s %-28s %s\n", part[1], title[part[2]], way[cells[i], 1], way[cells[i], 2]
	}
	printf "In %d of %d cells both counts are 0.\n", agree, n
}
