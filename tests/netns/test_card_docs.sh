#!/bin/bash
# SPDX-License-Identifier: MIT
# What docs/cards.md tells people to type works: its sh blocks, in their order, in one shell, with an empty OpenPGP card in a reader.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/page.sh
. "$netns_dir/../lib/page.sh"
# shellcheck source=tests/lib/certs.sh
. "$netns_dir/../lib/certs.sh"
# shellcheck source=tests/lib/card.sh
. "$netns_dir/../lib/card.sh"
# shellcheck source=tests/lib/token.sh
. "$netns_dir/../lib/token.sh"

lacks=$(token_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
lacks=$(card_lacks) && [ -n "$lacks" ] && skip_all "$lacks"
trap 'card_cleanup; at_exit' EXIT

# What an earlier keyd on this machine has kept of tokens is not this page's.
mkdir -p /var/cache/gapless && mount -t tmpfs none /var/cache/gapless || not_ok "an empty cache"
cards_home || not_ok "pcscd starts"
card_new card openpgp || not_ok "a card is put in"
page_runs docs/cards.md 9
is "no try of its PIN was lost" "$(card_say card info | grep -o 'user=[0-9]')" user=3
finish
