// SPDX-License-Identifier: MIT
// Keys of IKEv2 SAs and the values that PSK authentication proves (RFC 7296 2.14 to 2.18).
#include "keyd/crypto/keymat.h"

#include "keyd/crypto/prf.h"
#include "keyd/util/wr.h"

#include <string.h>

#define IKEV2_NONCE_MAX 256	/* bytes, RFC 7296 3.9 */

static struct view view_of(const void *p, size_t n)
{
	return (struct view){ p, n };
}

void ikev2_keys_clear(struct ikev2_keys *k)
{
	secret_clear(&k->sk_d);
	secret_clear(&k->sk_ai);
	secret_clear(&k->sk_ar);
	secret_clear(&k->sk_ei);
	secret_clear(&k->sk_er);
	secret_clear(&k->sk_pi);
	secret_clear(&k->sk_pr);
}

/* {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr) */
static int expand(struct ikev2_keys *k, const struct ikev2_suite *suite, struct view skeyseed, struct view ni,
		  struct view nr, const uint8_t spi_i[8], const uint8_t spi_r[8])
{
	size_t integ = suite->integ ? suite->integ->key : 0, encr = crypto_alg_encr_key_len(suite->encr);
	struct { struct secret *s; size_t n; } cut[] = {
		{ &k->sk_d, suite->prf->key }, { &k->sk_ai, integ }, { &k->sk_ar, integ }, { &k->sk_ei, encr },
		{ &k->sk_er, encr }, { &k->sk_pi, suite->prf->key }, { &k->sk_pr, suite->prf->key },
	};
	const struct view seed[] = { ni, nr, view_of(spi_i, 8), view_of(spi_r, 8) };
	uint8_t all[3 * CRYPTO_PRF_MAX + 4 * 64];
	size_t n = 0, at = 0;
	int ret;

	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++)
		n += cut[i].n;
	ret = n > sizeof(all) ? -1 : crypto_prf_plus(suite->prf, skeyseed, seed, 4, all, n);
	for (size_t i = 0; !ret && i < sizeof(cut) / sizeof(cut[0]); i++) {
		ret = cut[i].n ? secret_set(cut[i].s, all + at, cut[i].n) : 0;
		at += cut[i].n;
	}
	secret_cleanse(all, sizeof(all));
	return ret;
}

int ikev2_keymat_ike(struct ikev2_keys *k, const struct ikev2_suite *suite, struct view ni, struct view nr,
		     struct view shared, const uint8_t spi_i[8], const uint8_t spi_r[8])
{
	uint8_t nonces[2 * IKEV2_NONCE_MAX], skeyseed[CRYPTO_PRF_MAX];
	struct wr w = wr_of(nonces, sizeof(nonces));
	int ret = -1;

	ikev2_keys_clear(k);
	wr_put(&w, ni);
	wr_put(&w, nr);
	if (wr_ok(&w) && !crypto_prf(suite->prf, wr_view(&w), &shared, 1, skeyseed))
		ret = expand(k, suite, view_of(skeyseed, suite->prf->prf), ni, nr, spi_i, spi_r);
	secret_cleanse(skeyseed, sizeof(skeyseed));
	if (ret)
		ikev2_keys_clear(k);
	return ret;
}

int ikev2_keymat_rekey(struct ikev2_keys *k, const struct ikev2_suite *suite, const struct crypto_alg *old_prf,
		       struct view old_sk_d, struct view shared, struct view ni, struct view nr,
		       const uint8_t spi_i[8], const uint8_t spi_r[8])
{
	const struct view parts[] = { shared, ni, nr };
	uint8_t skeyseed[CRYPTO_PRF_MAX];
	int ret;

	ret = crypto_prf(old_prf, old_sk_d, parts, 3, skeyseed);
	ikev2_keys_clear(k);	/* only now: old_sk_d may be in it */
	if (!ret)
		ret = expand(k, suite, view_of(skeyseed, old_prf->prf), ni, nr, spi_i, spi_r);
	secret_cleanse(skeyseed, sizeof(skeyseed));
	if (ret)
		ikev2_keys_clear(k);
	return ret;
}

int ikev2_keymat_child(const struct crypto_alg *prf, struct view sk_d, struct view shared, struct view ni,
		       struct view nr, struct secret *out, size_t n)
{
	const struct view seed[] = { shared, ni, nr };

	if (secret_alloc(out, n))
		return -1;
	if (!crypto_prf_plus(prf, sk_d, seed, 3, out->p, n))
		return 0;
	secret_clear(out);
	return -1;
}

size_t ikev2_child_keymat_len(const struct crypto_alg *encr, const struct crypto_alg *integ)
{
	return 2 * ((encr ? crypto_alg_encr_key_len(encr) : 0) + (integ ? integ->key : 0));
}

int ikev2_child_keymat_split(struct ikev2_child_keys *k, struct view keymat, const struct crypto_alg *encr,
			     const struct crypto_alg *integ)
{
	size_t encr_n = encr ? crypto_alg_encr_key_len(encr) : 0, integ_n = integ ? integ->key : 0;
	struct rd r = rd_of_view(keymat);

	*k = (struct ikev2_child_keys){ 0 };
	if (keymat.n != ikev2_child_keymat_len(encr, integ))
		return -1;
	return rd_view(&r, encr_n, &k->encr_i) || rd_view(&r, integ_n, &k->integ_i) ||
	       rd_view(&r, encr_n, &k->encr_r) || rd_view(&r, integ_n, &k->integ_r) ? -1 : 0;
}

int ikev2_auth_octets_macid(const struct crypto_alg *prf, struct view sk_p, struct view id_payload_body, uint8_t *out)
{
	return crypto_prf(prf, sk_p, &id_payload_body, 1, out);
}

int ikev2_auth_psk(const struct crypto_alg *prf, struct view psk, struct view message, struct view nonce,
		   struct view macid, uint8_t *out)
{
	static const char key_pad[] = "Key Pad for IKEv2";	/* without its NUL */
	const struct view pad = view_of(key_pad, sizeof(key_pad) - 1), parts[] = { message, nonce, macid };
	uint8_t padded[CRYPTO_PRF_MAX];
	int ret;

	ret = crypto_prf(prf, psk, &pad, 1, padded);
	if (!ret)
		ret = crypto_prf(prf, view_of(padded, prf->prf), parts, 3, out);
	else
		memset(out, 0, prf->prf);
	secret_cleanse(padded, sizeof(padded));
	return ret;
}
