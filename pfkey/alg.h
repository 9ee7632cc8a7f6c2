/* SPDX-License-Identifier: MIT */
/* The algorithms of ESP, AH and IPComp: what setkey, PF_KEY and the kernel's XFRM call them, and their key sizes. */
#ifndef PFKEY_ALG_H
#define PFKEY_ALG_H

#include "pfkey/ipsec.h"

IPSEC_API_BEGIN

enum ipsec_alg_kind { IPSEC_ALG_ENC, IPSEC_ALG_AUTH, IPSEC_ALG_AEAD, IPSEC_ALG_COMP };

enum {					/* struct ipsec_alg_info .flags */
	IPSEC_ALG_STREAM = 1 << 0,	/* counter mode: two SAs with the same key and salt give both plaintexts away */
	IPSEC_ALG_ABSENT = 1 << 1,	/* setkey has the word, Linux never had the algorithm: kernel[0] is NULL */
};

#define IPSEC_ALG_NAMES 4

/*
 * icv_bits is the truncation that the algorithm's RFC demands and that we therefore ask the kernel for: 128, 192 and
 * 256 bits for HMAC-SHA-2 (RFC 4868). Mind two others: XFRM by itself (icv_bits 0 in struct ipsec_alg) cuts hmac(sha256)
 * to 96 bits, and so did every setkey that spoke PF_KEY on Linux, as PF_KEY has no field for it. Such an old peer is
 * met with icv_bits = 96.
 */
struct ipsec_alg_info {
	enum ipsec_alg_kind kind;
	const char *names[IPSEC_ALG_NAMES];	/* setkey's, of all dialects; the first is the one to print */
	const char *kernel[3];			/* XFRM's; the first is the one the kernel answers with, others are old aliases */
	uint8_t sadb;				/* SADB_EALG_*, SADB_AALG_* or SADB_X_CALG_* (an AEAD: SADB_X_EALG_*); 0: none */
	uint8_t flags;
	uint16_t key_min, key_max, key_step;	/* bits, salt included */
	uint16_t salt_bits;			/* the last bits of the key that are salt or nonce */
	uint16_t icv_bits;
	uint16_t icv_max;			/* of what may be asked for instead; the hash's size. 0: only icv_bits */
	const char *config;			/* the kernel options it needs, for error messages; NULL: none */
};

/* By any of its setkey names, any case; NULL: there is none of this kind. */
const struct ipsec_alg_info *ipsec_alg_by_name(enum ipsec_alg_kind kind, const char *name);
/*
 * By any of its kernel names. An AEAD has one row per ICV length: icv_bits (0: any, the longest) chooses among them and
 * must match. For the others it does not matter. NULL: not in the table.
 */
const struct ipsec_alg_info *ipsec_alg_by_kernel(enum ipsec_alg_kind kind, const char *name, unsigned int icv_bits);
/* By its number in PF_KEY, which an AEAD shares with IPSEC_ALG_ENC. */
const struct ipsec_alg_info *ipsec_alg_by_sadb(enum ipsec_alg_kind kind, uint8_t number);
/* May a key have this many bits (salt included)? */
bool ipsec_alg_key_ok(const struct ipsec_alg_info *alg, unsigned int bits);
/*
 * May the integrity check value have this many bits? Integrity algorithms: whole bytes up to icv_max. AEADs: what one of
 * the rows with this kernel name has. Others have none.
 */
bool ipsec_alg_icv_ok(const struct ipsec_alg_info *alg, unsigned int bits);
/*
 * Fills *out with the kernel's name, the key of bits bits (a multiple of 8) and icv_bits of the row.
 * 0, -EINVAL (key size) or -EOPNOTSUPP (IPSEC_ALG_ABSENT); *out is then untouched.
 */
int ipsec_alg_set(struct ipsec_alg *out, const struct ipsec_alg_info *alg, const void *key, unsigned int bits);
/* The rows in order: NULL gives the first, the last gives NULL. */
const struct ipsec_alg_info *ipsec_alg_next(const struct ipsec_alg_info *prev);

IPSEC_API_END

#endif
