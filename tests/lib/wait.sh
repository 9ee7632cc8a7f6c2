# SPDX-License-Identifier: MIT
# Waiting for conditions, never for luck.
# shellcheck shell=bash

# Something to read from that never gives anything: read -t on it sleeps without starting a program, which is slow here.
exec {wait_never}<> <(:)

# nap SECONDS (for loops that look again; not for tests)
nap()
{
	read -r -t "$1" -u "$wait_never" || :
}

# now_ms: milliseconds, in $now
now_ms()
{
	now=$((${EPOCHREALTIME/./} / 1000))
}

# wait_until SECONDS COMMAND...: until COMMAND succeeds; else says what was waited for and fails. $waited_ms tells how long. On a kernel
# that makes everything slower (LAB_SLOWER), so much longer.
wait_until()
{
	local now begin seconds=$(($1 * ${LAB_SLOWER:-1}))

	shift
	now_ms
	begin=$now
	until "$@" >/dev/null 2>&1; do
		now_ms
		if [ $((now - begin)) -ge $((seconds * 1000)) ]; then
			echo "# timed out after $seconds s, waiting for: $*"
			return 1
		fi
		nap 0.05
	done
	now_ms
	# shellcheck disable=SC2034 # for the caller
	waited_ms=$((now - begin))
}
