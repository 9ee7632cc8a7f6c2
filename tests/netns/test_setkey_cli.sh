#!/bin/bash
# SPDX-License-Identifier: MIT
# setkey's command line on a real kernel: options, errors with their places, exit codes, names, streams, and traffic.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/setkey.sh
. "$(dirname "$0")/../lib/setkey.sh"

host_new alice
host_new bob
link_new alice 192.0.2.1/24,2001:db8::1/64 bob 192.0.2.2/24,2001:db8::2/64
names_new

# Standard error without what follows " ("
told()
{
	# shellcheck disable=SC2001 # in every line
	sed 's/ (.*//' <<<"$err"
}

# fails WANTED_RC WANTED_ERRORS DESCRIPTION [OPTION...]: standard input as a file
fails()
{
	local want_rc=$1 want_err=$2 description=$3

	shift 3
	load "$@"
	is "$description" "$rc $(told)" "$want_rc $want_err"
}

# Errors in the text: all are told, nothing is applied

fails 1 "setkey: -,3: SPI too big at \`4294967297'
setkey: -,4: syntax error at \`foo'
setkey: -,5: Syntax error at \`@'
setkey: -,7: esp needs an algorithm after -E at \`;'
setkey: -,8: unknown algorithm at \`rot13'
setkey: -,9: unknown service at \`nonesuch'
setkey: -,9: parse failed" "every error has its line and token" <<-END
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;

	add 192.0.2.1 192.0.2.2 esp 0x100000001 -E null;
	foo;
	spdadd @ b any -P out none;
	spdadd 10.0.1.0/24 10.0.3.0/24 any -P out none; # good
	add 192.0.2.1 192.0.2.2 esp 0x1000;
	add 192.0.2.1 192.0.2.2 esp 0x1000 -E rot13 "0123456789abcdef";
	spdadd 10.0.1.0/24[nonesuch] 10.0.4.0/24 any -P out none;
END
is "and nothing of that file was applied" "$(policy_count)" 0
load <<<"spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none; spdflush"
is "the last statement has no end" "$rc $(grep -c '^setkey: -,1: syntax error.* at .end of file' <<<"$err") $(policy_count)" "1 1 0"
load <<<'add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc "secret-secret-16'
is "a string has no end; the key in it is not shown" "$rc $(grep -c 'unterminated string' <<<"$err") $(grep -c secret <<<"$err$out")" "1 1 0"
for key in '"secret-secret-secret"' 0x5ec2e75ec2e7; do
	load <<<"add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc $key;
		add 192.0.2.1 192.0.2.2 esp 0x1000 $key -E null;
		add 192.0.2.1 192.0.2.2 esp 0x1000 -E null -A hmac-md5 $key $key;
		add 192.0.2.1 192.0.2.2 esp 0x1000 -E null -m $key;"
	is "keys are not shown, wherever they stand: $key" "$rc $(wc -l <<<"$err") $(grep -cE 'secret|5ec2e7' <<<"$err$out")" "1 5 0"
done
load <<<"add 192.0.2.1 192.0.2.2 esp 0x1000 -E 0x5ec2e75ec2e7;"
is "nor where the algorithm was forgotten" "$rc $(told)" "1 setkey: -,1: unknown algorithm at \`0x...'
setkey: -,1: parse failed"
load <<<'add 192.0.2.1 192.0.2.2 ah 0x1000 -A keyed-md5 "secret-secret-16"; update 192.0.2.1 192.0.2.2 ah 0x1000 -A hmac-md5 "secret-secret-16";'
is "nor in what is refused" "$rc $(wc -l <<<"$err") $(grep -c secret <<<"$err$out")" "0 2 0"

# What the kernel refuses is told, the rest is done

for backend in xfrm pfkey; do
	via=(--backend "$backend")
	empty_kernel
	fails 0 "setkey: -,2: File exists: spdadd 10.0.1.0/24 10.0.2.0/24 any -P out
setkey: -,4: No entry: delete 192.0.2.1 192.0.2.2 esp 0x1000
setkey: -,5: Operation not supported: add 192.0.2.1 192.0.2.2 ah 0x1000
setkey: -,7: No entry: spddelete 10.0.1.0/24 10.0.2.0/24 udp -P in
setkey: -,7: No entry: spddelete 10.0.1.0/24 10.0.2.0/24 udp -P in, for fwd" \
		"$backend: what the kernel refuses is told in its line, the rest is done, the exit code is 0" <<-END
		spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;
		spdadd 10.0.1.0/24 10.0.2.0/24 any -P out discard;
		add 192.0.2.1 192.0.2.2 ah 0x1001 -A null; flush; flush;
		delete 192.0.2.1 192.0.2.2 esp 0x1000;
		add 192.0.2.1 192.0.2.2 ah 0x1000 -A keyed-md5 "0123456789abcdef";
		spdadd 10.0.1.0/24 10.0.2.0/24 tcp -P out none;
		spddelete 10.0.1.0/24 10.0.2.0/24 udp -P in;
	END
	is "$backend: the rest is there" "$(policy_count)" 2
	fails 2 "setkey: -,2: No entry: spddelete 10.0.1.0/24 10.0.2.0/24 udp -P out" \
		"$backend: -e: the first refusal ends it with exit code 2" -e <<-END
		spdadd 10.0.9.0/24 10.0.2.0/24 tcp -P out none;
		spddelete 10.0.1.0/24 10.0.2.0/24 udp -P out;
		spdflush;
	END
	is "$backend: after what was before it, before the next statement" "$(policy_count)" 3
	fails 0 "" "$backend: --errexit with nothing refused" --errexit <<<"spdadd 10.0.8.0/24 10.0.2.0/24 tcp -P out none;"
	fails 0 "" "$backend: -n changes nothing" -n <<<"spdflush;"
	is "$backend: indeed" "$(policy_count)" 4
	load -v <<<"spdflush; spddelete 10.0.1.0/24 10.0.2.0/24 any -P out;"
	is "$backend: -v says what is done" "$rc $out" "0 1: spdflush: ok"
done
via=()

# Files and streams

run -f /no/such/file
is "no such file" "$rc $err" "1 setkey: Can't open \`/no/such/file': No such file or directory"
run -f /tmp
is "a directory" "$rc $err" "1 setkey: Can't read \`/tmp': Is a directory"
printf 'spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;\r\n# comment\r\nspdadd 10.0.1.0/24\r\n 10.0.3.0/24 any\r\n-P out\r\n none;' >"$work/dos"
run -f "$work/dos"
is "a file with the line ends of DOS, and none at the last" "$rc $err $(policy_count)" "0  2"
: >"$work/empty"
run -f "$work/empty"
is "an empty file" "$rc $out$err" "0 "
run -f "$work/dos" -f "$work/empty"
is "two files" "$rc $out $(wc -l <<<"$err")" "1  1"
load <<<"exit; nonsense"
is "behind exit nothing is read" "$rc $out$err" "0 "
load <<<"quit; nonsense"
is "nor behind quit" "$rc $out$err" "0 "
load <<<"bye; nonsense"
is "nor behind bye" "$rc $out$err" "0 "
head -c 4096 /dev/urandom >"$work/noise"
run -f "$work/noise"
is "noise" "$rc $(grep -c 'parse failed' "$work/err")" "1 1"
for words in -D -DP -h "-j -DP"; do
	# shellcheck disable=SC2086 # words
	in_host alice sh -c '"$@" >/dev/full' sh "$setkey" $words 2>"$work/err"
	is "$words when its output cannot be written" "$? $(grep -c 'No space left on device' "$work/err")" "1 1"
done

# The command line itself

# says RC TEXT OPTION...: what is told has TEXT in it
says()
{
	local want_rc=$1 text=$2

	shift 2
	run "$@"
	is "${*:-no options}" "$rc $(grep -c -- "$text" <<<"$out$err")" "$want_rc 1"
}

says 1 '^usage: setkey'
says 0 '^usage: setkey' -h
says 0 '^usage: setkey' --help
says 0 '^setkey (gapless)' -V
says 0 '^setkey (gapless)' --version
says 1 'unknown option .--no-such-option' --no-such-option
says 1 'unknown option .-z' -z
says 1 'wants something behind it' -f
says 1 'what is .somefile' somefile
says 1 'choose one' -D -F
says 1 'goes with' -l -F
says 1 'nonesuch' --backend nonesuch -D
says 1 'what is to be done' -P
is "a wrong option says so on standard error" "$out" ""

# -c

in_host alice "$setkey" -c >"$work/out" 2>"$work/err" <<-END
	spdflush; spddelete 10.9.0.0/16 10.0.0.0/8 any -P out;
	nonsense;
	dump;
	exit; spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;
END
is "-c answers on standard output" "$? $(<"$work/out")" "1 No entry.
No SAD entries."
is "and names what failed on standard error" "$(grep -c '<stdin>,[12]: ' "$work/err")" 2
is "and ends with exit" "$(policy_count)" 0

# Each statement is done when its ; comes: the answer to the first is there before the second is written.
mkfifo "$work/in"
host_enter alice
"${enter[@]}" "$setkey" -c <"$work/in" >"$work/alice/commands.log" 2>&1 &
commands=$!
tag_host[commands]=alice
exec 9>"$work/in"
echo "spddump;" >&9
check "-c answers at once" wait_log commands "No SPD entries" 30
echo "spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none; dump;" >&9
check "and again" wait_log commands "No SAD entries" 30
is "with the policy in place" "$(policy_count)" 1
exec 9>&-
wait $commands
is "and the end of the input is the end" $? 0

# Labels: not every kernel keeps them, but none may drop them in silence.
for backend in xfrm pfkey; do
	via=(--backend "$backend")
	empty_kernel
	load <<-END
		add 192.0.2.1 192.0.2.2 esp 0x1000 -ctx 1 1 "system_u:object_r:x_t:s0" -E null;
		spdadd 192.0.2.1 192.0.2.2 any -ctx 1 1 "system_u:object_r:x_t:s0" -P out none;
		spdadd 192.0.2.1 192.0.2.3 any -ctx 2 1 "system_u:object_r:x_t:s0" -P out none;
	END
	is "$backend: a label is there, or refused; doi 2 is refused" \
		"$rc $(in_host alice sh -c 'ip xfrm state; ip xfrm policy' | grep -c 'security context system_u:object_r:x_t:s0') $(wc -l <<<"$err")" \
		"0 $((3 - $(grep -c 'security' <<<"$err"))) $(grep -c 'security' <<<"$err")"
	is "$backend: no SA, and no policy, is there without its label" "$(in_host alice sh -c 'ip xfrm state; ip xfrm policy' | grep -c '^src')" \
		"$(in_host alice sh -c 'ip xfrm state; ip xfrm policy' | grep -c 'security context')"
done
via=()

# Without rights

as_nobody()
{
	in_host alice setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@" >"$work/out" 2>"$work/err"
}

empty_kernel
load <<<"spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;"
as_nobody "$setkey" -F
is "without rights, -F: one sentence, exit code 1" "$? $(<"$work/out") $(wc -l <"$work/err") $(grep -c 'CAP_NET_ADMIN' "$work/err")" "1  1 1"
as_nobody "$setkey" -DP
is "without rights, -DP" "$? $(<"$work/out") $(wc -l <"$work/err") $(grep -c 'CAP_NET_ADMIN' "$work/err")" "1  1 1"
as_nobody "$setkey" -f - <<<"spdflush; spdflush;"
is "without rights, -f" "$? $(wc -l <"$work/err") $(grep -c 'CAP_NET_ADMIN' "$work/err")" "1 1 1"
as_nobody "$setkey" -n -f - <<<"spdflush;"
is "without rights, -n" "$? $(<"$work/err")" "0 "
is "nothing was flushed" "$(policy_count)" 1
as_nobody "$setkey" --backend pfkey -D
is "without rights, PF_KEY" "$? $(wc -l <"$work/err") $(grep -c 'CAP_NET_ADMIN' "$work/err")" "1 1 1"

# The manual's examples

empty_kernel
awk '/^\.Sh/ { examples = /EXAMPLES/ } /^\.Ed/ { inside = 0 } examples && inside { print } /^\.Bd -literal/ { inside = 1 }' \
	"$netns_dir/../../setkey/setkey.8" >"$work/examples"
run -e -f "$work/examples"
is "the examples of setkey(8)" "$rc $out$err $(grep -c '^spdadd\|^add' "$work/examples")" "0  $(($(policy_count) + $(spis | wc -w) - $(grep -cE -- '-P in' "$work/examples")))"
check "are some" [ -s "$work/examples" ]

# Names

empty_kernel
load <<-END
	add single.example several.example esp 0x1000 -E null;
	add -6 localhost6.example both.example esp 0x1001 -E null;
	add both.example[4500] single.example esp-udp 0x1002 -E null;
END
is "a name that nobody has changes nothing" "$rc $err $(spis)" "1 setkey: -,2: Name or service not known at \`localhost6.example'
setkey: -,2: parse failed "
load <<-END
	add single.example several.example esp 0x1000 -E null;
	add -6 both.example both.example esp 0x1001 -E null;
	add -4 both.example single.example esp-udp 0x1002 -E null;
END
is "names with several addresses: every pair of a family" \
	"$rc $err $(in_host alice ip xfrm state | awk '/^src/ { printf "%s ", $2 "-" $4 }')" \
	"0  192.0.2.94-192.0.2.91 2001:db8::94-2001:db8::94 192.0.2.91-192.0.2.93 192.0.2.91-192.0.2.92 "
load <<<"deleteall both.example several.example; deleteall single.example several.example;"
is "deleteall by such names" "$rc $err $(spis)" "0  0x00001002 0x00001001 "
load <<<"spdadd single.example 10.0.0.0/8 any -P out none; spdadd both.example 10.0.0.0/8 any -P out none;"
is "a policy's name must have one address" "$rc $(told)" "1 setkey: -,1: multiple address specified at \`both.example'
setkey: -,1: parse failed"
load <<<"spdadd -4 both.example/24 10.0.0.0/8 any -P out none;"
is "of the family that is asked for" "$rc $err $(in_host alice ip xfrm policy | head -n 1)" "0  src 192.0.2.94/24 dst 10.0.0.0/8 "

# Traffic: what setkey makes works

both='
	flush; spdflush;
	add 192.0.2.1 192.0.2.2 esp 0x1001 -r 32 -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213;
	add 192.0.2.2 192.0.2.1 esp 0x1002 -r 32 -E aes-cbc "0123456789abcdef"
		-A hmac-sha256 0x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f;
	add 2001:db8::1 2001:db8::2 esp 0x1003 -m tunnel -u 7 -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111214;
	add 2001:db8::2 2001:db8::1 esp 0x1004 -m tunnel -u 8 -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111215;
	spdadd 192.0.2.1 192.0.2.2 any -P A ipsec esp/transport//require;
	spdadd 192.0.2.2 192.0.2.1 any -P B ipsec esp/transport//require;
	spdadd 2001:db8::1 2001:db8::2 icmp6 128,0 -P A ipsec esp/tunnel/2001:db8::1-2001:db8::2/unique:7;
	spdadd 2001:db8::2 2001:db8::1 icmp6 129,0 -P B ipsec esp/tunnel/2001:db8::2-2001:db8::1/unique:8;'
load <<<"$(sed 's/-P A/-P out/; s/-P B/-P in/' <<<"$both")"
is "alice's SAs and policies" "$rc $err" "0 "
in_host bob "$setkey" -e -f - <<<"$(sed 's/-P A/-P in/; s/-P B/-P out/' <<<"$both")"
is "bob's" $? 0
check "ping in transport mode" in_host alice ping -q -c 3 -i 0.2 -W 5 192.0.2.2
check "ping in tunnel mode" in_host alice ping -q -c 3 -i 0.2 -W 5 2001:db8::2
run -D
is "every SA was used" "$(grep -c $'^\tcurrent: [1-9][0-9]*(bytes)' <<<"$out") $(grep -c $'^\tallocated: 3\t' <<<"$out")" "4 4"
finish
