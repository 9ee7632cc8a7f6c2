#!/bin/bash
# SPDX-License-Identifier: MIT
# The benchmarks of IKE do their work: a few tunnels come up and are rekeyed, each number is one. Needs root and network namespaces.
# alone
# timeout: 900

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

if ! unshare -n true 2>/dev/null; then
	skip_all "no right to make network namespaces"
fi
table=$(tests/bench/bench_ike.sh --tunnels 30) || not_ok "it comes to its end"

row()
{
	grep -qE "^$1 +([0-9.]+ +){2}\| +([0-9.]+ +){5} *\| +([0-9.]+ +){2}\| +[0-9]+$" <<<"$table"
}

for name in "set up" "rekey child, PFS" "rekey IKE SA"; do
	check "$name" row "$name"
done
check "nothing was sent twice" grep -q ' 0 datagrams sent again' <<<"$table"
check "memory of the ike role" grep -qE '^memory of ike: [0-9]+ KB, then [0-9]+ KB: -?[0-9]+ bytes a tunnel$' <<<"$table"
check "no role grows with handshakes" tests/bench/bench_cert.sh --handshakes 400 --tunnels 20
if command -v softhsm2-util >/dev/null; then
	check "nor with a thousand by a token" tests/bench/bench_cert.sh --handshakes 1000 --tunnels 50 --token softhsm
else
	skip "a thousand by a token" "not installed: softhsm2"
fi
check "tunnels outlive a flood" tests/bench/bench_flood.sh --tunnels 30 --rate 5000 --rounds 1
finish
