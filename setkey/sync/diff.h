/* SPDX-License-Identifier: MIT */
/* In what two SAs or policies differ, what the kernel does to values left aside. */
#ifndef SETKEY_SYNC_DIFF_H
#define SETKEY_SYNC_DIFF_H

#include "pfkey/ipsec.h"

enum {
	SYNC_DIFF_ADDRESS = 1 << 0,
	SYNC_DIFF_MODE = 1 << 1,
	SYNC_DIFF_REQID = 1 << 2,
	SYNC_DIFF_ALG = 1 << 3,
	SYNC_DIFF_KEY = 1 << 4,
	SYNC_DIFF_REPLAY = 1 << 5,
	SYNC_DIFF_SELECTOR = 1 << 6,
	SYNC_DIFF_FLAGS = 1 << 7,
	SYNC_DIFF_ENCAP = 1 << 8,		/* ports or original address */
	SYNC_DIFF_ENCAP_TYPE = 1 << 9,
	SYNC_DIFF_OUTPUT_MARK = 1 << 10,
	SYNC_DIFF_IF_ID = 1 << 11,
	SYNC_DIFF_LIFETIME = 1 << 12,
	SYNC_DIFF_OFFLOAD = 1 << 13,
	SYNC_DIFF_DIR = 1 << 14,
	SYNC_DIFF_KEEPALIVE = 1 << 15,
	SYNC_DIFF_TFC = 1 << 16,
	SYNC_DIFF_LABEL = 1 << 17,
	SYNC_DIFF_ACTION = 1 << 18,
	SYNC_DIFF_PRIORITY = 1 << 19,
	SYNC_DIFF_RULES = 1 << 20,
	SYNC_DIFF_ORDER = 1 << 21,		/* never found here: its place among policies of the same priority */
};

/* 0: the same. want and have are the same SA to the kernel. */
unsigned int sync_sa_diff(const struct ipsec_sa *want, const struct ipsec_sa *have);
/* Can XFRM_MSG_UPDSA (SADB_UPDATE) bring this about, there and back, with the counters and sequence numbers kept? */
bool sync_sa_updatable(unsigned int diff, const struct ipsec_sa *want, const struct ipsec_sa *have);
/* Has it keys, and are they all zero, as a kernel shows them that keeps them to itself? */
bool sync_sa_keys_blank(const struct ipsec_sa *sa);
/*
 * Shares any key with its successor: then the successor has to go on with its sequence numbers, for otherwise counter
 * modes would use a nonce twice, and what was recorded could be played again.
 */
bool sync_sa_shares_key(const struct ipsec_sa *a, const struct ipsec_sa *b);

/* Bits of chosen: rules for which any reqid will do that was chosen (is above those that people give) and not given. */
unsigned int sync_policy_diff(const struct ipsec_policy *want, const struct ipsec_policy *have, unsigned int chosen);

#define SYNC_REQID_GIVEN_MAX 0x3fff

#endif
