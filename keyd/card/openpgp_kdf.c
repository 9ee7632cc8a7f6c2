// SPDX-License-Identifier: MIT
// OpenPGP cards that keep hashes of PINs (KDF-DO, F9), and want them so: iterated and salted (RFC 4880 3.7.1.3).
#include "keyd/card/openpgp.h"

#include "keyd/card/ber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KDF 0xf9
#define KDF_PLAIN 0
#define KDF_ITERATED 3
#define SALT_LEN 8
#define COUNT_MAX (1u << 26)	/* bytes that are hashed: what the coded count of RFC 4880 can say, nearly */
#define BLOCK 8192		/* bytes of salt and PIN, again and again */

struct kdf {
	const struct crypto_sig *hash;	/* a scheme that hashes so */
	uint32_t count;
	struct view salt;
};

static const struct crypto_sig *hash_of(struct view v)
{
	if (v.n != 1 || (v.p[0] != 0x08 && v.p[0] != 0x0a))
		return NULL;
	return crypto_sig_by_name(v.p[0] == 0x08 ? "ecdsa-sha256" : "ecdsa-sha512");
}

/* 81 algorithm, 82 hash, 83 count, 84 and 86 salts of PW1 and PW3. 1; 0: PINs go as they are; -1: it makes no sense. */
static int read_kdf(struct view v, uint8_t ref, struct kdf *k)
{
	struct view algorithm, hash, count;

	if (ber_find(v, 0x81, &algorithm) || algorithm.n != 1 || algorithm.p[0] == KDF_PLAIN)
		return 0;
	if (algorithm.p[0] != KDF_ITERATED || ber_find(v, 0x82, &hash) || ber_find(v, 0x83, &count) || count.n != 4)
		return -1;
	/* One salt for all may be all there is. */
	if ((ref != OPENPGP_PIN_ADMIN || ber_find(v, 0x86, &k->salt)) && ber_find(v, 0x84, &k->salt))
		return -1;
	k->hash = hash_of(hash);
	k->count = (uint32_t)count.p[0] << 24 | (uint32_t)count.p[1] << 16 | (uint32_t)count.p[2] << 8 | count.p[3];
	return k->hash && k->salt.n == SALT_LEN && k->count <= COUNT_MAX ? 1 : -1;
}

/* Salt and PIN, over and over, until so many bytes are hashed, but once at least. */
static int iterate(const struct kdf *k, struct view pin, uint8_t out[CRYPTO_SIG_HASH_MAX], size_t *n)
{
	size_t unit = k->salt.n + pin.n, block = BLOCK - BLOCK % unit, count = k->count < unit ? unit : k->count;
	struct view *parts = calloc(count / block + 1, sizeof(*parts));
	uint8_t bytes[BLOCK];
	unsigned nparts = 0;
	int r = CARD_FAILED;

	for (size_t at = 0; at < block; at += unit) {
		memcpy(bytes + at, k->salt.p, k->salt.n);
		memcpy(bytes + at + k->salt.n, pin.p, pin.n);
	}
	for (; parts && count; nparts++) {
		parts[nparts] = (struct view){ bytes, count < block ? count : block };
		count -= parts[nparts].n;
	}
	if (parts && !crypto_sig_hash(k->hash, parts, nparts, out, n))
		r = CARD_OK;
	secret_cleanse(bytes, sizeof(bytes));
	free(parts);
	return r;
}

int openpgp_kdf(struct apdu_way *w, const struct openpgp_data *d, uint8_t ref, struct view pin, uint8_t out[CRYPTO_SIG_HASH_MAX],
		size_t *n)
{
	struct view all, inner;
	struct kdf k;
	int r;

	*n = 0;
	if (d->capabilities.n < 10 || d->capabilities.p[9] != 1)
		return CARD_OK;
	r = openpgp_get(w, KDF, APDU_SHORT_MAX, &all);
	if (r)
		return r;
	r = read_kdf(ber_find(all, KDF, &inner) ? all : inner, ref, &k);
	if (r > 0)
		return iterate(&k, pin, out, n);
	if (r < 0)
		snprintf(w->why, CARD_WHY_MAX, "the card wants PINs as hashes of a kind that is not known (KDF-DO)");
	return r < 0 ? CARD_UNSUPPORTED : CARD_OK;
}
