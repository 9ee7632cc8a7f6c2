// SPDX-License-Identifier: MIT
// Keys, hashes and initialization vectors of IKEv1 (RFC 2409 5, 5.5, appendix B).
#include "keyd/crypto/keymat_v1.h"

#include "keyd/crypto/evp.h"
#include "keyd/crypto/hash.h"
#include "keyd/crypto/prf.h"
#include "keyd/util/wr.h"

#include <limits.h>
#include <string.h>

#define COOKIE_LEN 8
#define NONCE_MAX 256		/* bytes, RFC 2409 5 */
#define KEY_MAX 32		/* bytes, of the ciphers of phase 1 */
#define KEYMAT_MAX 256		/* bytes: more than any pair of ESP's algorithms takes */
#define PARTS(p) (p), sizeof(p) / sizeof((p)[0])

static struct view view_of(const void *p, size_t n)
{
	return (struct view){ p, n };
}

static void put_u32(uint8_t out[4], uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (24 - 8 * i));
}

void ikev1_keys_clear(struct ikev1_keys *k)
{
	secret_clear(&k->skeyid);
	secret_clear(&k->skeyid_d);
	secret_clear(&k->skeyid_a);
	secret_clear(&k->skeyid_e);
	secret_clear(&k->key);
}

int ikev1_skeyid_psk(const struct crypto_alg *prf, struct view psk, struct view ni, struct view nr, uint8_t *out)
{
	const struct view parts[] = { ni, nr };

	return crypto_prf(prf, psk, PARTS(parts), out);
}

int ikev1_skeyid_sig(const struct crypto_alg *prf, struct view ni, struct view nr, struct view shared, uint8_t *out)
{
	uint8_t nonces[2 * NONCE_MAX];
	struct wr w = wr_of(nonces, sizeof(nonces));

	wr_put(&w, ni);
	wr_put(&w, nr);
	if (wr_ok(&w))
		return crypto_prf(prf, wr_view(&w), &shared, 1, out);
	memset(out, 0, prf->prf);
	return -1;
}

/* SKEYID_d, _a or _e: prf(SKEYID, the one before | g^xy | CKY-I | CKY-R | number). */
static int derive(struct secret *out, const struct crypto_alg *prf, struct view skeyid, const struct secret *before,
		  struct view shared, const uint8_t *cky_i, const uint8_t *cky_r, uint8_t number)
{
	const struct view parts[] = { before ? secret_view(before) : view_of(NULL, 0), shared, view_of(cky_i, COOKIE_LEN),
				      view_of(cky_r, COOKIE_LEN), view_of(&number, 1) };

	return secret_alloc(out, prf->prf) || crypto_prf(prf, skeyid, PARTS(parts), out->p) ? -1 : 0;
}

/* The cipher's key: the beginning of SKEYID_e; where that is too short, of prf(SKEYID_e, 0) | prf(SKEYID_e, K1) | … */
static int derive_key(struct ikev1_keys *k, const struct ikev1_suite *suite)
{
	uint8_t block[KEY_MAX + CRYPTO_PRF_MAX], zero = 0;
	struct view seed = { &zero, 1 };
	size_t done = 0, n = suite->encr->key;
	int ret = -1;

	if (n > KEY_MAX)
		return -1;
	if (n <= k->skeyid_e.n)
		return secret_set(&k->key, k->skeyid_e.p, n);
	while (done < n) {
		if (crypto_prf(suite->prf, secret_view(&k->skeyid_e), &seed, 1, block + done))
			goto out;
		seed = view_of(block + done, suite->prf->prf);
		done += suite->prf->prf;
	}
	ret = secret_set(&k->key, block, n);
out:
	secret_cleanse(block, sizeof(block));
	return ret;
}

static bool usable(const struct ikev1_suite *suite)
{
	return suite->encr->ikev1_id && suite->prf->ikev1_id && !suite->encr->aead && !suite->encr->salt;
}

int ikev1_keymat_phase1(struct ikev1_keys *k, const struct ikev1_suite *suite, struct view skeyid, struct view shared,
			const uint8_t cky_i[8], const uint8_t cky_r[8])
{
	const struct crypto_alg *prf = suite->prf;

	ikev1_keys_clear(k);
	if (usable(suite) && !secret_set(&k->skeyid, skeyid.p, skeyid.n) &&
	    !derive(&k->skeyid_d, prf, skeyid, NULL, shared, cky_i, cky_r, 0) &&
	    !derive(&k->skeyid_a, prf, skeyid, &k->skeyid_d, shared, cky_i, cky_r, 1) &&
	    !derive(&k->skeyid_e, prf, skeyid, &k->skeyid_a, shared, cky_i, cky_r, 2) && !derive_key(k, suite))
		return 0;
	ikev1_keys_clear(k);
	return -1;
}

int ikev1_hash_phase1(const struct crypto_alg *prf, struct view skeyid, struct view own_public, struct view other_public,
		      const uint8_t own_cky[8], const uint8_t other_cky[8], struct view sai_b, struct view id_b,
		      uint8_t *out)
{
	const struct view parts[] = { own_public, other_public, view_of(own_cky, COOKIE_LEN),
				      view_of(other_cky, COOKIE_LEN), sai_b, id_b };

	return crypto_prf(prf, skeyid, PARTS(parts), out);
}

int ikev1_hash(const struct crypto_alg *prf, struct view skeyid_a, uint32_t message_id, struct view ni, struct view rest,
	       uint8_t *out)
{
	uint8_t id[4];
	const struct view parts[] = { view_of(id, sizeof(id)), ni, rest };

	put_u32(id, message_id);
	return crypto_prf(prf, skeyid_a, PARTS(parts), out);
}

int ikev1_hash3(const struct crypto_alg *prf, struct view skeyid_a, uint32_t message_id, struct view ni, struct view nr,
		uint8_t *out)
{
	uint8_t zero = 0, id[4];
	const struct view parts[] = { view_of(&zero, 1), view_of(id, sizeof(id)), ni, nr };

	put_u32(id, message_id);
	return crypto_prf(prf, skeyid_a, PARTS(parts), out);
}

/* hash(parts), as much of it as the cipher's block takes. */
static int iv_of(const struct ikev1_suite *suite, const struct view *parts, unsigned n, uint8_t iv[CRYPTO_IV_MAX])
{
	uint8_t full[CRYPTO_PRF_MAX];
	int ret = usable(suite) ? crypto_hash(suite->prf, parts, n, full) : -1;

	memset(iv, 0, CRYPTO_IV_MAX);
	if (!ret)
		memcpy(iv, full, suite->encr->block);
	return ret;
}

int ikev1_iv_phase1(const struct ikev1_suite *suite, struct view public_i, struct view public_r, uint8_t iv[CRYPTO_IV_MAX])
{
	const struct view parts[] = { public_i, public_r };

	return iv_of(suite, PARTS(parts), iv);
}

int ikev1_iv_phase2(const struct ikev1_suite *suite, const uint8_t last_block[CRYPTO_IV_MAX], uint32_t message_id,
		    uint8_t iv[CRYPTO_IV_MAX])
{
	uint8_t id[4];
	const struct view parts[] = { view_of(last_block, suite->encr->block), view_of(id, sizeof(id)) };

	put_u32(id, message_id);
	return iv_of(suite, PARTS(parts), iv);
}

static int cbc(const struct ikev1_suite *suite, const struct ikev1_keys *k, const uint8_t *iv, uint8_t *text, size_t n,
	       int encrypt)
{
	const struct crypto_evp *e = crypto_evp_of(suite->encr, CRYPTO_ENCR);
	EVP_CIPHER_CTX *ctx = e && e->cipher ? EVP_CIPHER_CTX_new() : NULL;
	int len = 0;
	int ok = ctx && EVP_CipherInit_ex2(ctx, e->cipher, k->key.p, iv, encrypt, NULL) == 1 &&
		 EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_CipherUpdate(ctx, text, &len, text, (int)n) == 1 &&
		 (size_t)len == n;

	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -1;
}

static bool fits(const struct ikev1_suite *suite, const struct ikev1_keys *k, size_t n)
{
	return usable(suite) && n && n <= INT_MAX && n % suite->encr->block == 0 && k->key.n == suite->encr->key;
}

int ikev1_encrypt(const struct ikev1_suite *suite, const struct ikev1_keys *k, uint8_t iv[CRYPTO_IV_MAX], uint8_t *text,
		  size_t n)
{
	if (!fits(suite, k, n))
		return -1;
	if (cbc(suite, k, iv, text, n, 1)) {
		secret_cleanse(text, n);
		return -1;
	}
	memcpy(iv, text + n - suite->encr->block, suite->encr->block);
	return 0;
}

int ikev1_decrypt(const struct ikev1_suite *suite, const struct ikev1_keys *k, uint8_t iv[CRYPTO_IV_MAX], uint8_t *text,
		  size_t n)
{
	uint8_t last[CRYPTO_IV_MAX];

	if (!fits(suite, k, n))
		return -1;
	memcpy(last, text + n - suite->encr->block, suite->encr->block);
	if (cbc(suite, k, iv, text, n, 0)) {
		secret_cleanse(text, n);
		return -1;
	}
	memcpy(iv, last, suite->encr->block);
	return 0;
}

int ikev1_keymat_child(const struct crypto_alg *prf, struct view skeyid_d, struct view shared, uint8_t protocol,
		       uint32_t spi, struct view ni, struct view nr, struct secret *out, size_t n)
{
	uint8_t t[KEYMAT_MAX + CRYPTO_PRF_MAX], spi_b[4];
	struct view parts[] = { { t, 0 }, shared, { &protocol, 1 }, { spi_b, sizeof(spi_b) }, ni, nr };
	int ret = -1;

	put_u32(spi_b, spi);
	secret_clear(out);
	if (n > KEYMAT_MAX)
		return -1;
	for (size_t done = 0; done < n; done += prf->prf) {
		if (crypto_prf(prf, skeyid_d, PARTS(parts), t + done))
			goto out;
		parts[0] = view_of(t + done, prf->prf);
	}
	ret = secret_set(out, t, n);
out:
	secret_cleanse(t, sizeof(t));
	return ret;
}

int ikev1_nat_hash(const struct crypto_alg *prf, const uint8_t cky_i[8], const uint8_t cky_r[8], struct view addr,
		   uint16_t port, uint8_t *out)
{
	const uint8_t port_b[] = { (uint8_t)(port >> 8), (uint8_t)port };
	const struct view parts[] = { view_of(cky_i, COOKIE_LEN), view_of(cky_r, COOKIE_LEN), addr,
				      view_of(port_b, sizeof(port_b)) };

	return crypto_hash(prf, PARTS(parts), out);
}

/* The row whose number in IKEv1 is id; esp: that of ESP instead of phase 1. */
static const struct crypto_alg *find(enum crypto_kind kind, bool esp, unsigned id, unsigned key_bits)
{
	const struct crypto_alg *a = NULL;

	while (id && (a = crypto_alg_next(a, kind)))
		if ((esp ? a->ikev1_esp_id : a->ikev1_id) == id && a->key_bits == key_bits)
			return a;
	return NULL;
}

const struct crypto_alg *ikev1_alg_encr(unsigned id, unsigned key_bits)
{
	return find(CRYPTO_ENCR, false, id, key_bits);
}

const struct crypto_alg *ikev1_alg_hash(unsigned id)
{
	return find(CRYPTO_PRF, false, id, 0);
}

const struct crypto_alg *ikev1_alg_group(unsigned id)
{
	return find(CRYPTO_KE, false, id, 0);
}

const struct crypto_alg *ikev1_alg_esp(unsigned id, unsigned key_bits)
{
	return find(CRYPTO_ENCR, true, id, key_bits);
}

const struct crypto_alg *ikev1_alg_esp_auth(unsigned id)
{
	return find(CRYPTO_INTEG, true, id, 0);
}
