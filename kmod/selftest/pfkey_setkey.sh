#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each case of the tests of setkey leaves the same in the kernel over pfkeyv2.ko as over af_key.
# timeout: 600

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/../../tests/netns/lib.sh"
# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"
# shellcheck source=tests/lib/setkey.sh
. "$netns_dir/../lib/setkey.sh"

pfkey_swap
host_new alice
names_new
# What the files of cases say of af_key holds here.
cases pfkey "$netns_dir"/setkey/*.cases
pfkey_finish
