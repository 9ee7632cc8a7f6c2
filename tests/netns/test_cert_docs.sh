#!/bin/bash
# SPDX-License-Identifier: MIT
# What docs/certificates.md tells people to type works: its sh blocks, in their order, in one shell.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/page.sh
. "$netns_dir/../lib/page.sh"

page_runs docs/certificates.md 11
finish
