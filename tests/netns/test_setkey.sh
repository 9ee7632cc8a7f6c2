#!/bin/bash
# SPDX-License-Identifier: MIT
# setkey's language on a real kernel: each case of setkey/*.cases leaves there what "ip xfrm" then reads.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/setkey.sh
. "$(dirname "$0")/../lib/setkey.sh"

# The hosts' state is every case's, and a failed case tells of its own.
on_failure()
{
	:
}

host_new alice
names_new
cases xfrm "$netns_dir"/setkey/*.cases
cases pfkey "$netns_dir"/setkey/*.cases
finish
