#!/bin/bash
# SPDX-License-Identifier: MIT
# timeout: 600
# libpfkey's xfrm backend on a real kernel. The test points are pfkey_probe's.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

host_new alice
host_new bob
link_new alice 192.0.2.1/24,2001:db8::1/64 bob 192.0.2.2/24,2001:db8::2/64
"${O:-build}/tests/netns/pfkey_probe" xfrm "/proc/${host_holder[alice]}/ns/net" "/proc/${host_holder[bob]}/ns/net"
