# SPDX-License-Identifier: MIT
# Test points in TAP, for shell tests: ok, not_ok, skip, check, is, finish.
# shellcheck shell=bash

tap_points=0
tap_failed=0

# ok DESCRIPTION
ok()
{
	tap_points=$((tap_points + 1))
	echo "ok $tap_points - $*"
}

# not_ok DESCRIPTION: the first failure also prints what on_failure (set by who knows more) has to tell.
not_ok()
{
	tap_points=$((tap_points + 1))
	echo "not ok $tap_points - $*"
	tap_failed=$((tap_failed + 1))
	[ "$tap_failed" -gt 1 ] || on_failure
}

on_failure()
{
	:
}

# skip DESCRIPTION REASON
skip()
{
	tap_points=$((tap_points + 1))
	echo "ok $tap_points - $1 # SKIP $2"
}

# skip_all REASON: nothing of this file can run here; ends the test.
skip_all()
{
	echo "1..0 # SKIP $*"
	exit 4
}

note()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# check DESCRIPTION COMMAND...: its output is shown when it fails.
check()
{
	local description=$1 output

	shift
	if output=$("$@" 2>&1); then
		ok "$description"
	else
		not_ok "$description"
		note "failed: $*"
		[ -z "$output" ] || note "$output"
		return 1
	fi
}

# is DESCRIPTION GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		note "got    $2"
		note "wanted $3"
		return 1
	fi
}

# finish: the plan comes last; a test that ends before it counts as failed.
finish()
{
	echo "1..$tap_points"
	[ "$tap_failed" = 0 ]
	exit
}
