// SPDX-License-Identifier: MIT
// Signatures by a key that is elsewhere.
#include "keyd/crypto/sig_parts.h"

#include "keyd/util/wr.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define EC_ANSWER_MAX 160	/* bytes: two numbers of 66 bytes, in DER or with zeros in front */

/* What is a hash already. */
static int copy_hash(const struct crypto_sig *s, const struct view *parts, unsigned nparts, uint8_t out[CRYPTO_SIG_HASH_MAX],
		     size_t *n)
{
	struct wr w = wr_of(out, CRYPTO_SIG_HASH_MAX);

	for (unsigned i = 0; i < nparts; i++)
		wr_put(&w, parts[i]);
	*n = wr_view(&w).n;
	return !w.overflow && crypto_sig_takes_hash(s, *n) ? 0 : -1;
}

static int make_hash(const struct crypto_sig *s, const struct view *parts, unsigned nparts, uint8_t out[CRYPTO_SIG_HASH_MAX],
		     size_t *n)
{
	EVP_MD *md = s->digest ? EVP_MD_fetch(NULL, s->digest, NULL) : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;
	int ok = md && ctx && EVP_MD_get_size(md) <= CRYPTO_SIG_HASH_MAX && EVP_DigestInit_ex2(ctx, md, NULL) == 1;

	for (unsigned i = 0; ok && i < nparts; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, &len) == 1;
	*n = len;
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return ok ? 0 : -1;
}

int crypto_sig_hash(const struct crypto_sig *s, const struct view *parts, unsigned nparts, uint8_t out[CRYPTO_SIG_HASH_MAX],
		    size_t *n)
{
	return s->bare ? copy_hash(s, parts, nparts, out, n) : make_hash(s, parts, nparts, out, n);
}

/* RFC 8017 9.2, note 1: what stands in front of each hash. */
static const struct {
	uint8_t hash;		/* of SIGNATURE_HASH_ALGORITHMS */
	uint8_t len, nfront;
	const char *front;
} infos[] = {
	{ 1, 20, 15, "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14" },
	{ 2, 32, 19, "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20" },
	{ 3, 48, 19, "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30" },
	{ 4, 64, 19, "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40" },
};

int crypto_sig_digest_info(const struct crypto_sig *s, struct view hash, uint8_t out[CRYPTO_SIG_INFO_MAX], size_t *n)
{
	if (s->bare) {
		if (!crypto_sig_takes_hash(s, hash.n))
			return -1;
		memcpy(out, hash.p, hash.n);
		*n = hash.n;
		return 0;
	}
	for (size_t i = 0; i < sizeof(infos) / sizeof(*infos); i++) {
		if (infos[i].hash != s->hash || infos[i].len != hash.n)
			continue;
		memcpy(out, infos[i].front, infos[i].nfront);
		memcpy(out + infos[i].nfront, hash.p, hash.n);
		*n = infos[i].nfront + hash.n;
		return 0;
	}
	return -1;
}

/* Cards answer in DER, tokens with two halves. NULL: neither. */
static ECDSA_SIG *ecdsa_of(struct view answer, size_t half)
{
	const uint8_t *p = answer.p;
	ECDSA_SIG *sig = answer.n == 2 * half ? NULL : d2i_ECDSA_SIG(NULL, &p, (long)answer.n);
	BIGNUM *r, *s;

	if (sig && p == answer.p + answer.n)
		return sig;
	ECDSA_SIG_free(sig);
	sig = answer.n % 2 ? NULL : ECDSA_SIG_new();
	if (!sig)
		return NULL;
	r = BN_bin2bn(answer.p, (int)(answer.n / 2), NULL);
	s = BN_bin2bn(answer.p + answer.n / 2, (int)(answer.n / 2), NULL);
	if (r && s && ECDSA_SIG_set0(sig, r, s) == 1)
		return sig;
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return NULL;
}

/* Into what the scheme sends. *n in and out. 0 or -1. */
static int take_ecdsa(const struct crypto_sig *s, unsigned bits, struct view answer, uint8_t *out, size_t *n)
{
	const int half = (int)(bits + 7) / 8;
	ECDSA_SIG *sig = answer.n && answer.n <= EC_ANSWER_MAX ? ecdsa_of(answer, (size_t)half) : NULL;
	int len = -1;

	if (sig && s->raw)
		len = BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, half) == half &&
		      BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, half) == half ? 2 * half : -1;
	else if (sig)
		len = i2d_ECDSA_SIG(sig, &out);
	ECDSA_SIG_free(sig);
	ERR_clear_error();
	*n = len > 0 ? (size_t)len : 0;
	return len > 0 ? 0 : -1;
}

int crypto_sig_take(const struct crypto_sig *s, const struct crypto_key *k, const struct view *parts, unsigned nparts,
		    struct view answer, uint8_t *out, size_t *n)
{
	if (*n < CRYPTO_SIG_MAX || !answer.n || answer.n > CRYPTO_SIG_MAX || !crypto_sig_fits(s, k))
		return -1;
	if (s->key == CRYPTO_KEY_EC) {
		if (take_ecdsa(s, crypto_key_bits(k), answer, out, n))
			return -1;
	} else {
		memcpy(out, answer.p, answer.n);
		*n = answer.n;
	}
	return crypto_sig_check(s, k, parts, nparts, (struct view){ out, *n });
}
