# SPDX-License-Identifier: MIT
# What the tests of setkey share: running it on alice, and what it said.
# shellcheck shell=bash disable=SC2154,SC2034 # $work is a variable of hosts.sh; $rc, $out and $err are for the tests

setkey=${O:-build}/bin/setkey
export TZ=UTC

# Which backend load, run and dumped go through; none: setkey's own choice.
via=()

# load [OPTION...]: standard input as a file on alice; sets $rc, $out and $err
load()
{
	in_host alice "$setkey" "${via[@]}" "$@" -f - >"$work/out" 2>"$work/err"
	rc=$?
	out=$(<"$work/out")
	err=$(<"$work/err")
}

# run OPTION...: likewise without a file
run()
{
	in_host alice "$setkey" "${via[@]}" "$@" >"$work/out" 2>"$work/err" </dev/null
	rc=$?
	out=$(<"$work/out")
	err=$(<"$work/err")
}

# names_new: alice asks nobody for names, and knows several.example, both.example and single.example
names_new()
{
	# shellcheck disable=SC2016
	in_host alice sh -c '
		printf "hosts: files\nservices: files\nprotocols: files\n" >/etc/nsswitch.conf
		printf "%s\n" "127.0.0.1 localhost" "192.0.2.91 single.example" "192.0.2.92 several.example" "192.0.2.93 several.example" \
			"192.0.2.94 both.example" "2001:db8::94 both.example" >/etc/hosts'
}

# empty_kernel: by another program than the one that is tested
empty_kernel()
{
	in_host alice sh -c 'ip xfrm state flush && ip xfrm policy flush && ip xfrm policy flush ptype sub'
}

# The dump with dates, process ids and what else is new every time made the same
dumped()
{
	run "$@"
	sed -E 's/[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}/Mmm dd hh:mm:ss yyyy/g; s/ pid=[0-9]+/ pid=PID/
		s/^\tdiff: [0-9]+/\tdiff: N/; s/spid=[0-9]+/spid=N/' "$work/out"
}

# spis: what is in the SAD, newest first, in one line
spis()
{
	in_host alice ip xfrm state | awk '$3 == "spi" { printf "%s ", $4 }'
}

# policy_count: how many are in the SPD, of any direction
policy_count()
{
	in_host alice ip xfrm policy | grep -c '^src'
}

# cases xfrm|pfkey|pfkeyv2 FILE...: loads the cases (see netns/setkey/README.md) on alice and gives a test point for each
cases()
{
	local backend=$1 dir=$work/cases.$1 file line awk

	shift
	awk=(awk -f "$netns_dir/../lib/setkey_cases.awk" -v "dir=$dir" -v "kernel=$(uname -r)")
	mkdir "$dir"
	"${awk[@]}" "$@" || {
		not_ok "the files of cases are as they should be"
		return
	}
	empty_kernel
	: >"$dir.errors"
	for file in "$dir"/*; do
		# shellcheck disable=SC2046 # options, which a file's name ends with
		in_host alice "$setkey" --backend "${backend%v2}" $(cut -s -d' ' -f2- <<<"${file##*/}") -f "$file" 2>>"$dir.errors" >/dev/null
		case $?/${file##*/} in
		0/load* | 1/wrong* | 1/unresolved*) ;;
		*) 
			not_ok "$backend: exit code of ${file##*/}"
			note "$(<"$dir.errors")"
			return
			;;
		esac
	done
	in_host alice sh -c 'ip -s xfrm state; ip -s xfrm policy' >"$dir.seen"
	while IFS= read -r line; do
		case $line in
		ok*) ok "$backend: ${line#* }" ;;
		not*) not_ok "$backend: ${line#* }" ;;
		*) echo "$line" ;;
		esac
	done < <("${awk[@]}" -v "backend=$backend" "$@" errors=1 "$dir.errors" errors=0 seen=1 "$dir.seen")
}
