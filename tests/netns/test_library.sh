#!/bin/bash
# SPDX-License-Identifier: MIT
# libpfkey's example makes what its manual says on a real kernel: two SAs and a policy, as ip xfrm reads them, and their events.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

host_new alice
said=$(in_host alice "${O:-build}/examples/pair" xfrm 2>&1)
is "it tells of the SAs that it added, and of three changes" "$said" \
	'SA to 192.0.2.1, SPI 0x1001
SA to 192.0.2.2, SPI 0x1000
event 2
event 2
event 6'
is "the kernel has the SAs, with AES-GCM and two different keys" \
	"$(in_host alice ip xfrm state | awk '$1 == "aead" { keys[$3]++; print $2, length($3), $4 } END { for (k in keys) print keys[k] }')" \
	'rfc4106(gcm(aes)) 42 128
rfc4106(gcm(aes)) 42 128
1
1'
is "and the policy" "$(in_host alice ip xfrm policy | tr -s ' \t\n' ' ')" \
	'src 192.0.2.1/32 dst 192.0.2.2/32 dir out priority 0 ptype main tmpl src 0.0.0.0 dst 0.0.0.0 proto esp reqid 0 mode transport '
finish
