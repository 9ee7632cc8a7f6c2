// SPDX-License-Identifier: MIT
// What the applications on cards have in common: PINs, public keys, what is signed.
#include "keyd/card/native.h"

#include "keyd/card/ber.h"
#include "keyd/crypto/key_parts.h"
#include "keyd/crypto/sig_parts.h"

#include <stdio.h>
#include <string.h>

#define INS_VERIFY 0x20
#define OID 0x06

/* Cards differ in how they say that a PIN is wrong; what is neither wrong nor blocked may have cost a try. */
int native_verify(struct apdu_way *w, uint8_t ref, struct view pin)
{
	const struct apdu a = { .name = "VERIFY", .ins = INS_VERIFY, .p2 = ref, .data = pin };
	int status = apdu_send(w, &a, NULL), r = apdu_error(w, &a, status);

	if (status < 0)
		return status == CARD_LOCKED ? CARD_BROKEN : status;
	if (r == CARD_LOCKED || status == APDU_DATA || status == APDU_LENGTH)
		return CARD_PIN_WRONG;
	return status == 0x6984 ? CARD_PIN_BLOCKED : r;
}

int native_admin_error(int error)
{
	if (error == CARD_PIN_WRONG || error == CARD_LOCKED)
		return CARD_ADMIN_WRONG;
	return error == CARD_PIN_BLOCKED ? CARD_ADMIN_BLOCKED : error;
}

int native_forget(struct apdu_way *w, uint8_t ref)
{
	const struct apdu a = { .name = "VERIFY", .ins = INS_VERIFY, .p1 = 0xff, .p2 = ref };

	return apdu_ask(w, &a, NULL);
}

uint32_t native_schemes(const struct crypto_key *k, bool pss)
{
	const struct crypto_sig *s = NULL;
	uint32_t found = 0;

	for (uint32_t bit = 1; (s = crypto_sig_next(s)); bit <<= 1)
		if (crypto_sig_fits(s, k) && (pss || !s->pss))
			found |= bit;
	return found;
}

/* FIPS 186-4 6.4: the leftmost bits of the hash. */
int native_ec_input(const struct crypto_sig *s, const struct crypto_key *k, const struct view *parts, unsigned nparts, bool pad,
		    uint8_t out[CRYPTO_SIG_HASH_MAX], size_t *n)
{
	size_t curve = (crypto_key_bits(k) + 7) / 8;

	if (crypto_sig_hash(s, parts, nparts, out, n))
		return CARD_FAILED;
	if (*n > curve) {
		*n = curve;
	} else if (pad && curve <= CRYPTO_SIG_HASH_MAX) {
		memmove(out + curve - *n, out, *n);
		memset(out, 0, curve - *n);
		*n = curve;
	}
	return CARD_OK;
}

int native_key_set(struct card_key *k, struct crypto_key *public, uint8_t id, const char *label)
{
	*k = (struct card_key){ .id = { id }, .nid = 1, .public = public };
	snprintf(k->label, sizeof(k->label), "%s", label);
	if (!crypto_key_digest(public, k->digest))
		return CARD_OK;
	card_key_free(k);
	return CARD_FAILED;
}

static const struct {
	unsigned bits;
	size_t n;
	uint8_t oid[8];
} curves[] = {
	{ 256, 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 } },
	{ 384, 5, { 0x2b, 0x81, 0x04, 0x00, 0x22 } },
	{ 521, 5, { 0x2b, 0x81, 0x04, 0x00, 0x23 } },
};

static bool is_known(struct view curve)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
		if (curves[i].n == curve.n && !memcmp(curves[i].oid, curve.p, curve.n))
			return true;
	return false;
}

static int key_error(int error)
{
	if (error == CRYPTO_KEY_UNSUPPORTED)
		return CARD_UNSUPPORTED;
	return error == CRYPTO_KEY_FAILED ? CARD_FAILED : error ? CARD_BROKEN : CARD_OK;
}

int native_rsa_get(struct view template, struct crypto_key **out)
{
	struct view n, e;

	if (ber_find(template, 0x81, &n) || ber_find(template, 0x82, &e))
		return CARD_BROKEN;
	return key_error(crypto_key_from_rsa(out, n, e));
}

int native_ec_get(struct view template, struct view curve, struct crypto_key **out)
{
	uint8_t oid[16];
	struct wr w = wr_of(oid, sizeof(oid));
	struct view point;

	if (!is_known(curve))
		return CARD_UNSUPPORTED;
	if (ber_find(template, 0x86, &point))
		return CARD_BROKEN;
	ber_put(&w, OID, curve);
	return wr_ok(&w) ? key_error(crypto_key_from_ec(out, wr_view(&w), point)) : CARD_UNSUPPORTED;
}

struct view native_curve(unsigned bits)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
		if (curves[i].bits == bits)
			return (struct view){ curves[i].oid, curves[i].n };
	return (struct view){ 0 };
}
