#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
# The whole test of libpfkey's pfkey backend (SAs and policies there and back, errors, dumps, events, floods) over pfkeyv2.ko.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../../tests/netns/lib.sh"
# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"

pfkey_swap
host_new alice
host_new bob
link_new alice 192.0.2.1/24,2001:db8::1/64 bob 192.0.2.2/24,2001:db8::2/64
points_of "${O:-build}/tests/netns/pfkey_probe" pfkeyv2 "/proc/${host_holder[alice]}/ns/net" "/proc/${host_holder[bob]}/ns/net"
pfkey_finish
