#!/bin/bash
# SPDX-License-Identifier: MIT
# Changes in bulk get all their answers. The test points are batch_probe's.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

host_new alice
in_host alice "${O:-build}/tests/netns/batch_probe"
