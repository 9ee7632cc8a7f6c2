# SPDX-License-Identifier: MIT
# Prints a matrix from the rows (ID TAB TITLE) and the cells (lib.sh) that it reads. -v columns="KIND:KIND …": others than those of
# check-interop. -v legend="…": what stands below it.
BEGIN { FS = "|" }

/\t/ {
	split($0, part, "\t")
	sub(/^[ \t]+/, part[1])
	ids[++rows] = part[1]
	title[part[1]] = part[2]
	next
}

{
	if (!($1 in title)) {
		title[$1] = $1
		ids[++rows] = $1
	}
	row_seen[$1] = 1
	column_seen[$2] = 1
	text = $3
	# What was lost from alice to bob and from bob to alice; in a control, what the peer loses by itself.
	if (($4 != "" && $4 != 0) || ($5 != "" && $5 != 0))
		text = text " " $4 "/" $5
	if ($6 != "" && $6 != 0)
		text = text " clear " $6
	cell[$1, $2] = text
	if ($7 != "") {
		key = $3 ": " ($3 ~ /^(FAIL|fails)$/ ? $2 " " $1 ": " : "") $7
		if (!(key in why))
			whys[++reasons] = key
		why[key]++
	}
	traffic += $4 != ""
}

END {
	candidates = split(columns, candidate, " ")
	n = columns == "" ? split("strongswan libreswan openiked", peers, " ") : 0
	for (i = 1; i <= n; i++) {
		candidate[++candidates] = "keyd:" peers[i]
		candidate[++candidates] = peers[i] ":keyd"
		candidate[++candidates] = peers[i] ":" peers[i]
	}
	for (i = 1; i <= candidates; i++)
		if (candidate[i] in column_seen)
			column[++shown] = candidate[i]
	for (line = 1; line <= 2; line++) {
		printf "%-52s", line == 1 ? "initiator" : "responder"
		for (i = 1; i <= shown; i++) {
			split(column[i], ends, ":")
			printf " %-10s", ends[line]
		}
		print ""
	}
	for (r = 1; r <= rows; r++) {
		if (!(ids[r] in row_seen))
			continue
		printf "%-52s", title[ids[r]]
		for (i = 1; i <= shown; i++)
			printf " %-10s", (ids[r], column[i]) in cell ? cell[ids[r], column[i]] : "-"
		print ""
	}
	print "\n" (legend != "" ? legend : "ok 3/0: three of the initiator's packets were lost, none of the responder's. " \
		"Columns without keyd are controls.")
	for (i = 1; i <= reasons; i++)
		print whys[i] (why[whys[i]] > 1 ? " (" why[whys[i]] " cells)" : "")
	print ""
}
