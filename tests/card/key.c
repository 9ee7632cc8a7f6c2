// SPDX-License-Identifier: MIT
// A card's private keys: made, read, written, used; all of it by OpenSSL.
#include "tests/card/key.h"
#include "tests/card/tlv.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define RESULT_MAX 1024

static const struct key_kind kinds[] = {
	{ .name = "rsa1024", .type = EVP_PKEY_RSA, .bits = 1024, .piv = 0x06 },
	{ .name = "rsa2048", .type = EVP_PKEY_RSA, .bits = 2048, .piv = 0x07 },
	{ .name = "rsa3072", .type = EVP_PKEY_RSA, .bits = 3072, .piv = 0x05 },
	{ .name = "rsa4096", .type = EVP_PKEY_RSA, .bits = 4096 },
	{ "p256", EVP_PKEY_EC, 256, "prime256v1", 0x11, 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 } },
	{ "p384", EVP_PKEY_EC, 384, "secp384r1", 0x14, 5, { 0x2b, 0x81, 0x04, 0x00, 0x22 } },
	{ "p521", EVP_PKEY_EC, 521, "secp521r1", 0, 5, { 0x2b, 0x81, 0x04, 0x00, 0x23 } },
	{ "ed25519", EVP_PKEY_ED25519, 256, NULL, 0, 9, { 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01 } },
};

#define COUNT (sizeof(kinds) / sizeof(kinds[0]))

const struct key_kind *key_kind_next(unsigned int n)
{
	return n < COUNT ? &kinds[n] : NULL;
}

const struct key_kind *key_kind_by_name(const char *name)
{
	for (unsigned int i = 0; i < COUNT; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

const struct key_kind *key_kind_by_piv(uint8_t algorithm)
{
	for (unsigned int i = 0; i < COUNT; i++)
		if (algorithm && kinds[i].piv == algorithm)
			return &kinds[i];
	return NULL;
}

const struct key_kind *key_kind_by_oid(struct view oid)
{
	for (unsigned int i = 0; i < COUNT; i++)
		if (oid.n && kinds[i].noid == oid.n && !memcmp(kinds[i].oid, oid.p, oid.n))
			return &kinds[i];
	return NULL;
}

const struct key_kind *key_kind_by_bits(unsigned int rsa_bits)
{
	for (unsigned int i = 0; i < COUNT; i++)
		if (kinds[i].type == EVP_PKEY_RSA && kinds[i].bits == rsa_bits)
			return &kinds[i];
	return NULL;
}

const struct key_kind *key_kind_of(const EVP_PKEY *key)
{
	int type = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_bits(key);
	char group[32] = "";

	EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	for (unsigned int i = 0; i < COUNT; i++)
		if (kinds[i].type == type && (kinds[i].group ? !strcmp(kinds[i].group, group) :
							       type != EVP_PKEY_RSA || (int)kinds[i].bits == bits))
			return &kinds[i];
	return NULL;
}

EVP_PKEY *key_generate(const struct key_kind *kind)
{
	switch (kind->type) {
	case EVP_PKEY_RSA:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)kind->bits);
	case EVP_PKEY_EC:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind->group);
	default:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	}
}

EVP_PKEY *key_from_file(const char *path)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, "") : NULL;

	if (f)
		fclose(f);
	return key;
}

EVP_PKEY *key_from_der(struct view der)
{
	const unsigned char *p = der.p;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

unsigned char *key_to_der(EVP_PKEY *key, int *n)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;

	*n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	PKCS8_PRIV_KEY_INFO_free(info);
	return *n > 0 ? der : NULL;
}

/* r‖s, each as long as the order, out of DER. */
static int put_raw(EVP_PKEY *key, const uint8_t *der, size_t n, struct wr *w)
{
	size_t half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	uint8_t *room = sig ? wr_room(w, 2 * half) : NULL;
	int rc = -1;

	if (room && BN_bn2binpad(ECDSA_SIG_get0_r(sig), room, (int)half) > 0 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), room + half, (int)half) > 0)
		rc = 0;
	ECDSA_SIG_free(sig);
	return rc;
}

static int sign_message(EVP_PKEY *key, struct view in, struct wr *w)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t out[RESULT_MAX];
	size_t n = sizeof(out);
	int ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 && EVP_DigestSign(ctx, out, &n, in.p, in.n) == 1;

	if (ok)
		wr_mem(w, out, n);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

static int padding_of(enum key_form form)
{
	return form == KEY_PLAIN ? RSA_NO_PADDING : RSA_PKCS1_PADDING;
}

int key_sign(EVP_PKEY *key, enum key_form form, struct view in, struct wr *w)
{
	int type = EVP_PKEY_get_base_id(key), ok;
	EVP_PKEY_CTX *ctx;
	uint8_t out[RESULT_MAX];
	size_t n = sizeof(out);

	if (type == EVP_PKEY_ED25519)
		return sign_message(key, in, w);
	ctx = EVP_PKEY_CTX_new(key, NULL);
	ok = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
	     (type != EVP_PKEY_RSA || EVP_PKEY_CTX_set_rsa_padding(ctx, padding_of(form)) == 1) &&
	     EVP_PKEY_sign(ctx, out, &n, in.p, in.n) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return -1;
	if (type == EVP_PKEY_EC && form == KEY_PKCS1)
		return put_raw(key, out, n, w);
	wr_mem(w, out, n);
	return 0;
}

int key_decipher(EVP_PKEY *key, enum key_form form, struct view in, struct wr *w)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t out[RESULT_MAX];
	size_t n = sizeof(out);
	int ok = ctx && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_decrypt_init(ctx) == 1 &&
		 EVP_PKEY_CTX_set_rsa_padding(ctx, padding_of(form)) == 1 && EVP_PKEY_decrypt(ctx, out, &n, in.p, in.n) == 1;

	if (ok)
		wr_mem(w, out, n);
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -1;
}

int key_derive(EVP_PKEY *key, struct view point, struct wr *w)
{
	EVP_PKEY *peer = EVP_PKEY_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t out[RESULT_MAX];
	size_t n = sizeof(out);
	int ok = peer && ctx && EVP_PKEY_copy_parameters(peer, key) == 1 &&
		 EVP_PKEY_set1_encoded_public_key(peer, point.p, point.n) == 1 && EVP_PKEY_derive_init(ctx) == 1 &&
		 EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, out, &n) == 1;

	if (ok)
		wr_mem(w, out, n);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return ok ? 0 : -1;
}

static int put_number(EVP_PKEY *key, const char *name, uint32_t tag, struct wr *w)
{
	uint8_t out[RESULT_MAX];
	BIGNUM *number = NULL;
	int n;

	if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
		return -1;
	n = BN_bn2bin(number, out);
	BN_free(number);
	tlv_put(w, tag, (struct view){ out, (size_t)n });
	return 0;
}

int key_public(EVP_PKEY *key, struct wr *w)
{
	uint8_t out[RESULT_MAX];
	size_t n = sizeof(out);
	int type = EVP_PKEY_get_base_id(key);

	if (type == EVP_PKEY_RSA)
		return put_number(key, OSSL_PKEY_PARAM_RSA_N, 0x81, w) || put_number(key, OSSL_PKEY_PARAM_RSA_E, 0x82, w) ? -1 : 0;
	if (type == EVP_PKEY_ED25519 ? EVP_PKEY_get_raw_public_key(key, out, &n) != 1 :
				       EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out, sizeof(out), &n) != 1)
		return -1;
	tlv_put(w, 0x86, (struct view){ out, n });
	return 0;
}
