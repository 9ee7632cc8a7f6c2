#!/bin/bash
# SPDX-License-Identifier: MIT
# setkey -c on a terminal, with the kernel in memory: prompts, Ctrl-C and Ctrl-D, completion, history. Needs built programs.

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/wait.sh
. "$(dirname "$0")/../lib/wait.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/gapless-prompt.XXXXXX")
setkey=$(realpath "${O:-build}/bin/setkey")
screen=$work/screen
trap 'exec {keyboard}>&-; kill "$terminal" 2>/dev/null; rm -rf "$work"' EXIT

# Lines come one below the other and have ends of a terminal; what was shown before the last key is cut off by $seen.
shown()
{
	tail -c +$((seen + 1)) "$screen" | tr -d '\r' | grep -qF -- "$1"
}

# answers DESCRIPTION KEYS WANTED: types KEYS, with escapes as printf has them, and waits for the screen to show WANTED
answers()
{
	seen=$(stat -c %s "$screen")
	# shellcheck disable=SC2059 # that is what it is for
	printf "$2" >&"$keyboard"
	check "$1" wait_until 20 shown "$3"
}

started()
{
	[ -s "$screen" ] && grep -q 'setkey> ' "$screen"
}

ended()
{
	! kill -0 "$terminal"
}

mkdir "$work/home"
mkfifo "$work/keyboard"
HOME=$work/home TERM=xterm script -qfe -c "'$setkey' --backend fake -c" "$screen" <"$work/keyboard" >"$work/out" 2>&1 &
terminal=$!
exec {keyboard}>"$work/keyboard"

check "there is a prompt" wait_until 20 started
answers "a statement is done when its ; comes" 'spddump;\n' 'No SPD entries.'
answers "until then there is another prompt" 'spdadd 10.0.1.0/24\n' '      > '
answers "Ctrl-C gives the statement up" '\003' 'setkey> '
answers "the next one is done" 'spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none; spddump;\n' 'out prio def none'
answers "an error is told" 'nonsense\n' "syntax error at \`nonsense'"
answers "and its statement needs no end" 'dump;\n' 'No SAD entries.'
answers "a refusal is told with its line" 'spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;\n' '<stdin>,6: File exists'
answers "Tab completes a word" 'spdfl\t; spddump;\n' 'No SPD entries.'
answers "or shows what there is" 'spdd\t' 'spddelete  spddump'
answers "and goes on" 'u\t;\n' 'No SPD entries.'
answers "algorithms, too" 'add 192.0.2.1 192.0.2.2 esp 0x2000 -E 3\t"012345678901234567890123"; dump;\n' 'E: 3des-cbc'
answers "Ctrl-C in the middle of a line" 'spdflush\003' '^C'
answers "the history" 'getspi 192.0.2.1 192.0.2.2 esp 0x1000;\n' 'spi=4096(0x00001000)'
answers "has the last line" '\020' 'getspi 192.0.2.1 192.0.2.2 esp 0x1000;'
answers "which may be given up" '\003' 'setkey> '
answers "within quotes ; is no end" 'add 192.0.2.1 192.0.2.2 esp 0x1001 -E aes-cbc "01234567;\n' '      > '
answers "nor is help a word for us" 'help01";\n' 'setkey> '
answers "the key is whole, newline and all" 'dump;\n' '30313233 34353637 3b0a6865 6c703031'
answers "help" 'help\n' 'Ctrl-D'
printf '\004' >&"$keyboard"
check "Ctrl-D ends it" wait_until 20 ended
wait "$terminal"
is "with exit code 1, as there were errors" $? 1
is "and leaves no history on the disk" "$(ls -A "$work/home")" ""

finish
