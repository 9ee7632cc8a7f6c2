/* SPDX-License-Identifier: MIT */
/* What names an SA or a policy to the kernel, as bytes that can be compared. */
#ifndef SETKEY_SYNC_KEY_H
#define SETKEY_SYNC_KEY_H

#include "pfkey/ipsec.h"

#define SYNC_KEY_MAX 256

struct sync_key {
	const uint8_t *bytes;
	size_t n;
};

/* A key with room for itself; sync_key of it is valid as long as it is. */
struct sync_key_buf {
	uint8_t bytes[SYNC_KEY_MAX];
	size_t n;
};

/* Destination, protocol, SPI, mark. */
struct sync_key sync_key_sa(struct sync_key_buf *buf, const struct ipsec_sa_id *id);
/* Selector, direction, type, mark, if_id and label; neither priority nor index, as the kernel has it. */
struct sync_key sync_key_policy(struct sync_key_buf *buf, const struct ipsec_policy *pol);
/* Source and destination, for deleteall. */
struct sync_key sync_key_pair(struct sync_key_buf *buf, const struct ipsec_addr *src, const struct ipsec_addr *dst);

/* For tsearch: both point to structures that begin with a struct sync_key. */
int sync_key_cmp(const void *a, const void *b);

#endif
