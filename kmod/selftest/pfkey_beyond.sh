#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What pfkeyv2.ko can that af_key cannot. The test points are pfkey_beyond's.

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"

pfkey_swap
host alice
points_of in_host alice "$(program pfkey_beyond)"
pfkey_finish
