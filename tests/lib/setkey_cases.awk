# SPDX-License-Identifier: MIT
# Cases of setkey's language: writes them as files to load, and judges what the kernel then shows.
#
#	awk -v dir=DIR -f setkey_cases.awk FILE.cases...
#		writes DIR/load OPTIONS (what can be loaded together), DIR/wrong.1, .2, … (what no parser may take) and
#		DIR/unresolved.1, … (what is refused only when names are asked for)
#	awk -v dir=DIR -v backend=NAME -v kernel=RELEASE -f setkey_cases.awk FILE.cases... errors=1 ERRORS errors=0 seen=1 IP_OUTPUT...
#		prints "ok CASE" or "not CASE" and lines beginning with "#"; IP_OUTPUT is of ip -s xfrm state and policy. NAME: xfrm,
#		pfkey (af_key's) or pfkeyv2 (that of pfkeyv2.ko)
#
# tests/netns/setkey/README.md describes the files of cases. 10.N. and 2001:db8:N: in them stand for numbers that no other
# case has, and by which what is seen finds its case.

function fail_at(text)
{
	printf "%s:%d: %s\n", FILENAME, FNR, text >"/dev/stderr"
	broken = 1
	exit 1
}

function numbered(text, c)
{
	gsub(/10\.N\./, "10." int(c / 256) "." c % 256 ".", text)
	gsub(/:N:/, sprintf(":%x:", c), text)
	gsub(/-N-/, "-" c "-", text)
	return text
}

function case_new(text)
{
	cases++
	here = cases + 256
	name[here] = text
	options[here] = ""
	wrong[here] = ""
	section = "statements"
}

# Lines are joined by newlines, each with one before it.
function body(text)
{
	sub(/^[ \t]+/, "", text)
	sub(/ +$/, "", text)
	if (section == "statements")
		statements[here] = statements[here] "\n" text
	else if (section == "gives")
		gives[here] = gives[here] "\n" text
	else
		pfkey_gives[here] = pfkey_gives[here] "\n" text
}

# key BITS: that many bits in hexadecimal
function key(bits, i, digits)
{
	for (i = 1; i <= bits / 8; i++)
		digits = digits sprintf("%02x", (i * 7) % 256)
	return bits ? "0x" digits : "\"\""
}

# Where an algorithm can stand, with the words around it
function sa_with(option, alg, bits)
{
	if (option == "-E")
		return "add 10.N.1 10.N.2 esp 0x1000 -E " alg " " key(bits) ";"
	if (option == "-A")
		return "add 10.N.1 10.N.2 ah 0x1000 -A " alg " " key(bits) ";"
	return "add 10.N.1 10.N.2 ipcomp 0x1000 -C " alg ";"
}

# One row of the table of algorithms: OPTION NAMES SIZES REFUSED-SIZES [KERNEL'S LINE] [| pfkey|af_key refuses TEXT] [| refused TEXT]
function algorithm(row, n, m, i, j, fields, names, sizes, words, line, proto)
{
	sub(/^algorithm +/, "", row)
	n = split(row, fields, / *[|] */)
	split(fields[1], words, / +/)
	line = fields[1]
	for (i = 0; i < 4; i++)
		sub(/^[^ ]+ */, "", line)
	proto = words[1] == "-E" ? "esp" : words[1] == "-A" ? "ah" : "comp"
	m = split(words[2], names, ",")
	for (i = 1; i <= m; i++) {
		for (j = split(words[3], sizes, ","); j > 0; j--) {
			case_new(words[1] " " names[i] " with " sizes[j] " bits")
			body(sa_with(words[1], names[i], sizes[j]))
			for (k = 2; k <= n; k++)
				verdict(fields[k])
			if (!line)
				continue
			section = "gives"
			body("src 10.N.1 dst 10.N.2")
			body("proto " proto " spi 0x00001000 reqid 0 mode transport")
			body("replay-window 0")
			words[0] = line
			sub(/KEY/, sizes[j] ? key(sizes[j]) : "", words[0])
			sub(/  /, " ", words[0])
			body(words[0])
		}
	}
	for (j = split(words[4], sizes, ","); j > 0; j--) {
		if (sizes[j] == "-")
			continue
		case_new(words[1] " " names[1] " with " sizes[j] " bits: refused")
		body(sa_with(words[1], names[1], sizes[j]))
		verdict("wrong key of " sizes[j] " bits")
	}
}

# older VERSION: the kernel is
function older(version, have, want)
{
	split(kernel, have, /[.-]/)
	split(version, want, ".")
	return have[1] < want[1] || have[1] == want[1] && have[2] + 0 < want[2] + 0
}

function verdict(text, words)
{
	if (text ~ /^pfkey refuses /)
		pfkey_refuses[here] = substr(text, 15)
	else if (text ~ /^af_key refuses /) {
		if (backend == "pfkey")
			pfkey_refuses[here] = substr(text, 16)
	} else if (text ~ /^refused /)
		refused[here] = refused[here] "\n" substr(text, 9)
	else if (text ~ /^before [0-9.]+ refused /) {
		split(text, words, " ")
		if (backend !~ /^pfkey/ && older(words[2])) {
			gives[here] = ""
			verdict(substr(text, index(text, "refused")))
		}
	} else if (text ~ /^(wrong|unresolved) /) {
		wrong[here] = substr(text, 1, index(text, " ") - 1)
		refused[here] = refused[here] "\n" substr(text, index(text, " ") + 1)
	} else
		fail_at("what is \"" text "\"?")
}

function lines_of(text)
{
	return gsub(/\n/, "\n", text)
}

# Which case is in which lines of which file; told is whether to write them, too.
function lay_out(write_it, c, file, at, wrongs, text)
{
	for (c = 257; c <= cases + 256; c++) {
		if (wrong[c]) {	# setkey shows the first 50 errors of a file
			file = wrong[c] "." (int(wrongs[wrong[c]] / 40) + 1)
			wrongs[wrong[c]]++
		} else {
			file = "load" options[c]
		}
		text = numbered(substr(statements[c], 2), c)
		if (write_it)
			print text >(dir "/" file)
		first_line[c] = at[file] + 1
		at[file] += lines_of(statements[c])
		last_line[c] = at[file]
		where[c] = dir "/" file
	}
}

# setkey: FILE,LINE: TEXT
function error_line(text, file, line, c)
{
	if (text !~ /^setkey: [^,]+,[0-9]+: /) {
		stray = stray "\n" text
		return
	}
	sub(/^setkey: /, "", text)
	file = text
	sub(/,.*/, "", file)
	text = substr(text, length(file) + 2)
	line = text + 0
	sub(/^[0-9]+: /, "", text)
	if (text == "parse failed")
		return
	for (c = 257; c <= cases + 256; c++)
		if (where[c] == file && line >= first_line[c] && line <= last_line[c]) {
			told[c] = told[c] "\n" text
			return
		}
	stray = stray "\n" file "," line ": " text
}

function case_of(text, a, parts)
{
	if (match(text, /10\.[1-9][0-9]*\.[0-9]+\./)) {
		split(substr(text, RSTART, RLENGTH), parts, ".")
		return parts[2] * 256 + parts[3]
	}
	if (match(text, /2001:db8:[0-9a-f]+:/)) {
		a = substr(text, RSTART + 9, RLENGTH - 10)
		return hex(a)
	}
	return 0
}

function hex(digits, i, v)
{
	for (i = 1; i <= length(digits); i++)
		v = v * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
	return v
}

# What "ip -s" says beside what plain "ip" says, without what is as always. Indices up to 20000 are the kernel's choice.
function plain(text, n)
{
	gsub(/^[ \t]+/, "", text)
	gsub(/ \(0x[0-9a-f]*\)/, "", text)
	gsub(/\((0x)?[0-9a-f]+\)/, "", text)
	gsub(/ \([0-9]+ bits\)/, "", text)
	gsub(/ (uid 0|share any|action allow|ptype main|seq 0x00000000)/, "", text)
	if (match(text, / index [0-9]+/) && substr(text, RSTART + 7, RLENGTH - 7) + 0 <= 20000)
		sub(/ index [0-9]+/, "", text)
	sub(/ spi 0x00000000/, "", text)
	gsub(/  +/, " ", text)
	sub(/ flag *$/, "", text)
	sub(/ flag +extra_flag /, " extra_flag ", text)
	sub(/ +$/, "", text)
	if (text ~ /^(lifetime|stats:|anti-replay|add |[0-9]+\(bytes\), |replay-window [0-9]+ replay|seq-hi |level required|enc-mask )/)
		return ""
	if (text ~ /^(limit: soft \(INF\).* hard \(INF\)|expire .*: soft 0\(sec\), hard 0\(sec\)|sel src (0.0.0.0|::)\/0 dst (0.0.0.0|::)\/0$)/)
		return ""
	if (text ~ /^[0-9a-f]+( [0-9a-f]+)*$/)	# a window's bits
		return ""
	return text
}

function show(what, text)
{
	gsub(/\n/, "\n#   ", text)
	printf "# %s:%s\n", what, text ? text : " nothing"
}

function judge(c, want, texts, n, i, wanted, by_pfkey, good)
{
	by_pfkey = backend ~ /^pfkey/
	wanted = numbered(by_pfkey && (c in pfkey_gives) ? pfkey_gives[c] : gives[c], c)
	want = refused[c]
	if (by_pfkey && (c in pfkey_refuses)) {
		want = want "\n" pfkey_refuses[c]
		wanted = (c in pfkey_gives) ? wanted : ""
	}
	want = numbered(want, c)
	n = split(substr(want, 2), texts, "\n")
	good = got[c] == wanted && (n > 0) == (told[c] != "")
	for (i = 1; i <= n; i++)
		if (!index(told[c], texts[i]))
			good = 0
	print (good ? "ok " : "not ") name[c]
	if (good)
		return
	show("statements", numbered(statements[c], c))
	show("kernel shows", got[c])
	show("wanted", wanted)
	show("setkey says", told[c])
	show("wanted", want)
}

errors {
	if (!laid_out++)
		lay_out(0)
	error_line($0)
	next
}
seen {
	if (!laid_out++)
		lay_out(0)
	if (/^src /)
		of = case_of($0)
	text = plain($0)
	if (text)
		got[of] = got[of] "\n" text
	next
}
/^#/ || /^[ \t]*$/ {
	next
}
/^[ \t]/ {
	body($0)
	next
}
/^case / {
	case_new(substr($0, 6))
	next
}
/^algorithm / {
	algorithm($0)
	next
}
/^options / {
	options[here] = " " substr($0, 9)
	next
}
/^gives$/ {
	section = "gives"
	next
}
/^pfkey gives$/ {
	section = "pfkey"
	pfkey_gives[here] = ""
	next
}
{
	verdict($0)
}

END {
	if (broken)
		exit 1
	if (!backend) {
		lay_out(1)
		exit
	}
	for (c = 257; c <= cases + 256; c++)
		judge(c)
	print (stray == "" && got[0] == "" ? "ok" : "not") " nothing is there, and nothing was told, but what the cases say"
	if (stray != "")
		show("told", stray)
	if (got[0] != "")
		show("there", got[0])
}
