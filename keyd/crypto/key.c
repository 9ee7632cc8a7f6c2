// SPDX-License-Identifier: MIT
// Keys that sign and verify.
#include "keyd/crypto/key.h"

#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/hash.h"
#include "keyd/crypto/key_evp.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crypto_key {
	EVP_PKEY *pkey;
	enum crypto_key_type type;
	unsigned bits;
	bool private_part;
};

static const char *const type_names[CRYPTO_KEY_TYPES] = {
	[CRYPTO_KEY_RSA] = "RSA", [CRYPTO_KEY_EC] = "EC", [CRYPTO_KEY_ED25519] = "ED25519", [CRYPTO_KEY_ED448] = "ED448",
};

/* The curves of RFC 4754, by OpenSSL's name for them and by everybody's. */
static const struct {
	unsigned bits;
	const char *group, *name;
} curves[] = {
	{ 256, "prime256v1", "P-256" },
	{ 384, "secp384r1", "P-384" },
	{ 521, "secp521r1", "P-521" },
};
#define CURVES (sizeof(curves) / sizeof(*curves))

const char *crypto_key_strerror(int error)
{
	static const char *const words[] = {
		"no error", "it has no form that we know", "keys of this type or length are not supported",
		"it is encrypted, and the passphrase is missing or does not fit", "OpenSSL failed",
	};

	return error <= 0 && (size_t)-error < sizeof(words) / sizeof(*words) ? words[-error] : "unknown error";
}

/* The curve's bits; 0: it is another one, or one with parameters of its own. */
static unsigned curve_bits(EVP_PKEY *pkey)
{
	char group[32];
	size_t n;

	if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), &n) != 1)
		return 0;
	for (size_t i = 0; i < CURVES; i++)
		if (!strcmp(group, curves[i].group))
			return curves[i].bits;
	return 0;
}

/* The key's length; 0: we do not take such a one. */
static unsigned accepted_bits(EVP_PKEY *pkey, enum crypto_key_type type)
{
	int bits = EVP_PKEY_get_bits(pkey);

	switch (type) {
	case CRYPTO_KEY_RSA:
		return bits >= 512 && bits <= CRYPTO_RSA_BITS_MAX ? (unsigned)bits : 0;
	case CRYPTO_KEY_EC:
		return curve_bits(pkey);
	default:
		return bits > 0 ? (unsigned)bits : 0;
	}
}

int crypto_key_of_evp(struct crypto_key **out, EVP_PKEY *pkey, bool private_part)
{
	struct crypto_key *k = NULL;
	unsigned type = 0, bits;

	while (type < CRYPTO_KEY_TYPES && !EVP_PKEY_is_a(pkey, type_names[type]))
		type++;
	bits = type < CRYPTO_KEY_TYPES ? accepted_bits(pkey, type) : 0;
	if (bits)
		k = calloc(1, sizeof(*k));
	if (!k) {
		EVP_PKEY_free(pkey);
		return bits ? CRYPTO_KEY_FAILED : CRYPTO_KEY_UNSUPPORTED;
	}
	*k = (struct crypto_key){ pkey, type, bits, private_part };
	*out = k;
	return 0;
}

int crypto_key_from_spki(struct crypto_key **out, struct view spki)
{
	const uint8_t *p = spki.p;
	EVP_PKEY *pkey;

	if (!spki.n || spki.n > CRYPTO_SPKI_MAX)
		return CRYPTO_KEY_MALFORMED;
	pkey = d2i_PUBKEY_ex(NULL, &p, (long)spki.n, NULL, NULL);
	if (pkey && p != spki.p + spki.n) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey ? crypto_key_of_evp(out, pkey, false) : CRYPTO_KEY_MALFORMED;
}

/* One PEM block, or base64 without its frame. *der is OpenSSL's memory. 0 or -1 */
static int der_of_text(struct view text, uint8_t **der, size_t *n)
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----\n", end[] = "\n-----END PUBLIC KEY-----\n";
	BIO *bio = BIO_new(BIO_s_mem());
	char *name = NULL, *header = NULL;
	bool framed = text.n && memmem(text.p, text.n, "-----", 5);
	long len = 0;
	int r = -1;

	if (bio && (framed || BIO_write(bio, begin, sizeof(begin) - 1) > 0)) {
		for (size_t i = 0, column = 0; i < text.n; i++) {
			if (!framed && strchr(" \t\r\n", text.p[i]))
				continue;
			BIO_write(bio, text.p + i, 1);
			if (!framed && ++column % 64 == 0)
				BIO_write(bio, "\n", 1);
		}
		if (framed || BIO_write(bio, end, sizeof(end) - 1) > 0)
			r = PEM_read_bio(bio, &name, &header, der, &len) == 1 && !strcmp(name, PEM_STRING_PUBLIC) ? 0 : -1;
	}
	*n = (size_t)len;
	OPENSSL_free(name);
	OPENSSL_free(header);
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

int crypto_key_from_public(struct crypto_key **out, struct view bytes)
{
	uint8_t *der = NULL;
	size_t n;
	int r;

	if (!bytes.n || bytes.n > CRYPTO_PUBLIC_FILE_MAX)
		return CRYPTO_KEY_MALFORMED;
	if (crypto_is_der(bytes))
		return crypto_key_from_spki(out, bytes);
	r = der_of_text(bytes, &der, &n) ? CRYPTO_KEY_MALFORMED : crypto_key_from_spki(out, (struct view){ der, n });
	OPENSSL_free(der);
	return r;
}

/* What the decoder asks for when a key is encrypted. */
struct asked {
	struct view passphrase;
	bool asked;
};

static int give_passphrase(char *buf, size_t size, size_t *n, const OSSL_PARAM params[], void *arg)
{
	struct asked *a = arg;

	(void)params;
	a->asked = true;
	if (!a->passphrase.n || a->passphrase.n > size)
		return 0;
	memcpy(buf, a->passphrase.p, a->passphrase.n);
	*n = a->passphrase.n;
	return 1;
}

/* PEM may have certificates or parameters before the key: each block is tried, until one asks for a passphrase. */
static EVP_PKEY *decode_private(OSSL_DECODER_CTX *ctx, BIO *bio, EVP_PKEY **pkey, const struct asked *asked)
{
	long at = -1, before;

	do {
		before = at;
		if (OSSL_DECODER_from_bio(ctx, bio) == 1 && *pkey)
			return *pkey;
		at = BIO_tell(bio);
	} while (!asked->asked && at > before && !BIO_eof(bio));
	return NULL;
}

int crypto_key_from_private(struct crypto_key **out, struct view bytes, struct view passphrase)
{
	struct asked asked = { .passphrase = passphrase };
	EVP_PKEY *pkey = NULL;
	OSSL_DECODER_CTX *ctx;
	BIO *bio;
	int r = CRYPTO_KEY_FAILED;

	if (!bytes.n || bytes.n > CRYPTO_KEY_FILE_MAX)
		return CRYPTO_KEY_MALFORMED;
	bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	ctx = OSSL_DECODER_CTX_new_for_pkey(&pkey, NULL, NULL, NULL, OSSL_KEYMGMT_SELECT_KEYPAIR, NULL, NULL);
	if (!bio || !ctx || OSSL_DECODER_CTX_set_passphrase_cb(ctx, give_passphrase, &asked) != 1)
		goto out;
	if (decode_private(ctx, bio, &pkey, &asked)) {
		r = crypto_key_of_evp(out, pkey, true);
		goto out;
	}
	EVP_PKEY_free(pkey);
	r = asked.asked ? CRYPTO_KEY_PASSPHRASE : CRYPTO_KEY_MALFORMED;
out:
	OSSL_DECODER_CTX_free(ctx);
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

bool crypto_key_is_encrypted(struct view bytes)
{
	struct crypto_key *k = NULL;
	int r = crypto_key_from_private(&k, bytes, (struct view){ 0 });

	crypto_key_free(k);
	return r == CRYPTO_KEY_PASSPHRASE;
}

static const char *curve_of(unsigned bits)
{
	for (size_t i = 0; i < CURVES; i++)
		if (curves[i].bits == bits)
			return curves[i].group;
	return NULL;
}

int crypto_key_generate(struct crypto_key **out, enum crypto_key_type type, unsigned bits)
{
	const char *curve = curve_of(bits);
	EVP_PKEY *pkey;

	if ((type == CRYPTO_KEY_RSA && (bits < 2048 || bits > CRYPTO_RSA_BITS_MAX)) || (type == CRYPTO_KEY_EC && !curve))
		return CRYPTO_KEY_UNSUPPORTED;
	switch (type) {
	case CRYPTO_KEY_RSA:
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
		break;
	case CRYPTO_KEY_EC:
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
		break;
	default:
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, type_names[type]);
	}
	return pkey ? crypto_key_of_evp(out, pkey, true) : CRYPTO_KEY_FAILED;
}

void crypto_key_free(struct crypto_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

EVP_PKEY *crypto_key_evp(const struct crypto_key *k)
{
	return k->pkey;
}

enum crypto_key_type crypto_key_type(const struct crypto_key *k)
{
	return k->type;
}

unsigned crypto_key_bits(const struct crypto_key *k)
{
	return k->bits;
}

unsigned crypto_key_floor(const struct crypto_key *k, unsigned rsa, unsigned ec)
{
	return k->type == CRYPTO_KEY_RSA ? rsa : ec;
}

bool crypto_key_is_private(const struct crypto_key *k)
{
	return k->private_part;
}

const char *crypto_key_name(const struct crypto_key *k, char *buf, size_t n)
{
	const char *name = k->type == CRYPTO_KEY_ED25519 ? "Ed25519" : "Ed448";

	for (size_t i = 0; k->type == CRYPTO_KEY_EC && i < CURVES; i++)
		if (curves[i].bits == k->bits)
			name = curves[i].name;
	if (k->type == CRYPTO_KEY_RSA)
		snprintf(buf, n, "RSA-%u", k->bits);
	else
		snprintf(buf, n, "%s", name);
	return buf;
}

int crypto_key_spki(const struct crypto_key *k, struct secret *out)
{
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(k->pkey, &der);
	int r = n > 0 ? secret_set(out, der, (size_t)n) : -1;

	OPENSSL_free(der);
	return r;
}

int crypto_key_digest(const struct crypto_key *k, uint8_t digest[CRYPTO_DIGEST_LEN])
{
	struct secret spki = { 0 };
	struct view view;
	int r = crypto_key_spki(k, &spki);

	_Static_assert(CRYPTO_DIGEST_LEN == CRYPTO_SHA256_LEN, "it is one");
	view = secret_view(&spki);
	if (!r)
		r = crypto_sha256(&view, 1, digest);
	secret_clear(&spki);
	return r;
}

int crypto_key_private_pem(const struct crypto_key *k, struct secret *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *p = NULL;
	long n;
	int r = -1;

	if (bio && k->private_part && PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) == 1 &&
	    (n = BIO_get_mem_data(bio, &p)) > 0)
		r = secret_set(out, p, (size_t)n);
	BIO_free(bio);
	return r;
}

bool crypto_key_equal(const struct crypto_key *a, const struct crypto_key *b)
{
	return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}
