# SPDX-License-Identifier: MIT
# Lines "KIND N STEP TOOL USER SYSTEM WALL RSS" (microseconds, KB) become a table of medians: -v title=TEXT
# "ip:CPU" and "ip:wall" say how many times as much ip took, "growth" how many times as much as for the size before.

function median(list,    n, i, j, x, v)
{
	n = split(list, v, " ")
	for (i = 2; i <= n; i++) {
		x = v[i] + 0
		for (j = i - 1; j > 0 && v[j] + 0 > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function times(a, b)
{
	return a > 0 && b > 0 ? sprintf("%.1f", a / b) : "-"
}

{
	n = $2
	step = $3
	tool = $4
	key = n " " step " " tool
	if (!(n in seen_size))
		sizes[++nsizes] = n
	if (!(step in seen_step))
		steps[++nsteps] = step
	if (!(tool in seen_tool))
		tools[++ntools] = tool
	seen_size[n] = seen_step[step] = seen_tool[tool] = 1
	user[key] = user[key] " " $5
	sys[key] = sys[key] " " $6
	cpu[key] = cpu[key] " " $5 + $6
	wall[key] = wall[key] " " $7
	rss[key] = rss[key] " " $8
}

END {
	print title "; CPU is user + system; ip:CPU is ip's divided by setkey's"
	printf "%-7s %7s %-13s %9s %9s %9s %9s %8s %7s %8s %7s\n", "step", "number", "tool", "CPU ms", "user", "system", "wall ms",
		"peak MB", "ip:CPU", "ip:wall", "growth"
	for (s = 1; s <= nsteps; s++)
		for (z = 1; z <= nsizes; z++)
			for (t = 1; t <= ntools; t++)
				row(sizes[z], steps[s], tools[t], sizes[z - 1])
}

function row(n, step, tool, smaller,    key, ip)
{
	key = n " " step " " tool
	if (!(key in cpu))
		return
	ip = n " " (step == "json" ? "dump" : step) " ip"
	printf "%-7s %7d %-13s %9.1f %9.1f %9.1f %9.1f %8.1f %7s %8s %7s\n", step, n, tool, median(cpu[key]) / 1000,
		median(user[key]) / 1000, median(sys[key]) / 1000, median(wall[key]) / 1000, median(rss[key]) / 1024,
		tool == "ip" ? "" : times(median(cpu[ip]), median(cpu[key])),
		tool == "ip" ? "" : times(median(wall[ip]), median(wall[key])),
		smaller ? times(median(cpu[key]), median(cpu[smaller " " step " " tool])) : ""
}
