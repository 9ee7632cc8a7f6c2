// SPDX-License-Identifier: MIT
// Signature schemes of IKE.
#include "keyd/crypto/sig.h"

#include "keyd/crypto/key_evp.h"
#include "keyd/crypto/sig_algid.h"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#define METHOD_DIGITAL_SIGNATURE 14
#define ALGID(bytes) { (const uint8_t *)(bytes), sizeof(bytes) - 1 }

/* RFC 7427 appendix A */
#define OID_RSA "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define OID_SHA2 "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02"
#define NO_PARAMETERS "\x05\x00"
#define PSS_PARAMETERS(sha2, salt)									\
	"\x30\x34\xa0\x0f" OID_SHA2 sha2 NO_PARAMETERS "\xa1\x1c\x30\x1a" OID_RSA "\x08" OID_SHA2 sha2 NO_PARAMETERS	\
	"\xa2\x03\x02\x01" salt

#define RSA_PSS(word, evp, id, sha2, salt)								\
	{ .name = "rsapss-" word, .key = CRYPTO_KEY_RSA, .method = METHOD_DIGITAL_SIGNATURE, .hash = id, .digest = evp,	\
	  .pss = true, .algid = ALGID("\x30\x41" OID_RSA "\x0a" PSS_PARAMETERS(sha2, salt)) }
#define RSA_PKCS1(word, evp, id, oid, old)								\
	{ .name = "rsa-" word, .key = CRYPTO_KEY_RSA, .method = METHOD_DIGITAL_SIGNATURE, .hash = id, .digest = evp,	\
	  .legacy = old, .algid = ALGID("\x30\x0d" OID_RSA oid NO_PARAMETERS) }
#define ECDSA(word, evp, id, oid)									\
	{ .name = "ecdsa-" word, .key = CRYPTO_KEY_EC, .method = METHOD_DIGITAL_SIGNATURE, .hash = id, .digest = evp,	\
	  .algid = ALGID("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" oid) }
#define ECDSA_RAW(bits, evp, id, method_)								\
	{ .name = "ecdsa" #bits, .key = CRYPTO_KEY_EC, .curve_bits = bits, .method = method_, .hash = id, .digest = evp,	\
	  .raw = true }
#define ECDSA_BARE(bits, id, method_)									\
	{ .name = "ikev1-ecdsa" #bits, .key = CRYPTO_KEY_EC, .curve_bits = bits, .method = method_, .hash = id, .raw = true, \
	  .bare = true }
#define EDDSA(word, type, oid)										\
	{ .name = word, .key = type, .method = METHOD_DIGITAL_SIGNATURE, .hash = 5,			\
	  .algid = ALGID("\x30\x05\x06\x03\x2b\x65" oid) }

static const struct crypto_sig sigs[] = {
	EDDSA("ed25519", CRYPTO_KEY_ED25519, "\x70"),
	EDDSA("ed448", CRYPTO_KEY_ED448, "\x71"),
	ECDSA("sha256", "SHA2-256", 2, "\x02"),
	ECDSA("sha384", "SHA2-384", 3, "\x03"),
	ECDSA("sha512", "SHA2-512", 4, "\x04"),
	RSA_PSS("sha256", "SHA2-256", 2, "\x01", "\x20"),
	RSA_PSS("sha384", "SHA2-384", 3, "\x02", "\x30"),
	RSA_PSS("sha512", "SHA2-512", 4, "\x03", "\x40"),
	RSA_PKCS1("sha256", "SHA2-256", 2, "\x0b", false),
	RSA_PKCS1("sha384", "SHA2-384", 3, "\x0c", false),
	RSA_PKCS1("sha512", "SHA2-512", 4, "\x0d", false),
	ECDSA_RAW(256, "SHA2-256", 2, 9),
	ECDSA_RAW(384, "SHA2-384", 3, 10),
	ECDSA_RAW(521, "SHA2-512", 4, 11),
	RSA_PKCS1("sha1", "SHA1", 1, "\x05", true),
	{ .name = "rsa", .key = CRYPTO_KEY_RSA, .method = 1, .hash = 1, .digest = "SHA1", .legacy = true },
	{ .name = "ikev1-rsa", .key = CRYPTO_KEY_RSA, .method = 3, .bare = true },
	ECDSA_BARE(256, 2, 9),
	ECDSA_BARE(384, 3, 10),
	ECDSA_BARE(521, 4, 11),
};
#define SIGS (sizeof(sigs) / sizeof(*sigs))

const struct crypto_sig *crypto_sig_next(const struct crypto_sig *s)
{
	s = s ? s + 1 : sigs;
	return s < sigs + SIGS ? s : NULL;
}

const struct crypto_sig *crypto_sig_by_name(const char *name)
{
	const struct crypto_sig *s = NULL;

	while ((s = crypto_sig_next(s)))
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

static const struct crypto_sig *by_method(uint8_t method, bool bare)
{
	const struct crypto_sig *s = NULL;

	while ((s = crypto_sig_next(s)))
		if (s->method == method && s->bare == bare)
			return s;
	return NULL;
}

const struct crypto_sig *crypto_sig_by_method(uint8_t method)
{
	return method == METHOD_DIGITAL_SIGNATURE ? NULL : by_method(method, false);
}

const struct crypto_sig *crypto_sig_by_ikev1_method(uint8_t method)
{
	return by_method(method, true);
}

const struct crypto_sig *crypto_sig_by_algid(struct view algid)
{
	const struct crypto_sig *s = NULL;
	struct sig_algid want, have;

	if (sig_algid_get(algid, &want))
		return NULL;
	while ((s = crypto_sig_next(s)))
		if (s->algid.n && !sig_algid_get(s->algid, &have) && sig_algid_equal(&want, &have))
			return s;
	return NULL;
}

static const unsigned hash_bytes[] = { [0] = 64, [1] = 20, [2] = 32, [3] = 48, [4] = 64 };

/* PSS wants room for hash, salt and two bytes; PKCS#1 for a DigestInfo and eleven (RFC 8017 9.1.1, 9.2). */
static bool rsa_fits(const struct crypto_sig *s, unsigned bits)
{
	unsigned h = hash_bytes[s->hash];

	return bits / 8 >= (s->pss ? 2 * h + 2 : h + 19 + 11);
}

bool crypto_sig_fits(const struct crypto_sig *s, const struct crypto_key *k)
{
	if (crypto_key_type(k) != s->key || (s->curve_bits && crypto_key_bits(k) != s->curve_bits))
		return false;
	return s->key != CRYPTO_KEY_RSA || rsa_fits(s, crypto_key_bits(k));
}

/* A hash shorter than the curve would be the weakest part of the signature. */
static bool is_as_long(const struct crypto_sig *s, const struct crypto_key *k)
{
	static const unsigned hash_bits[] = { [2] = 256, [3] = 384, [4] = 512 };
	unsigned curve = crypto_key_bits(k) < 512 ? crypto_key_bits(k) : 512;

	return s->key != CRYPTO_KEY_EC || hash_bits[s->hash] >= curve;
}

uint32_t crypto_sig_good(const struct crypto_key *k, uint32_t schemes)
{
	const struct crypto_sig *s = NULL;
	uint32_t good = 0, weaker = 0;

	for (unsigned i = 0; (s = crypto_sig_next(s)); i++)
		if (schemes >> i & 1 && crypto_sig_fits(s, k))
			*(is_as_long(s, k) ? &good : &weaker) |= 1U << i;
	return good ? good : weaker;
}

static int set_padding(const struct crypto_sig *s, EVP_PKEY_CTX *ctx)
{
	if (!s->pss)
		return 0;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1 ? 0 : -1;
}

bool crypto_sig_takes_hash(const struct crypto_sig *s, size_t n)
{
	if (s->hash)
		return n == hash_bytes[s->hash];
	return n == 16 || n == 20 || n == 32 || n == 48 || n == 64;
}

/* EdDSA takes all at once. -1: no memory, or too much. */
static int join(struct secret *all, const struct view *parts, unsigned nparts)
{
	size_t n = 0, at = 0;

	for (unsigned i = 0; i < nparts; i++)
		n += parts[i].n;
	if (n > CRYPTO_SIG_OCTETS_MAX || secret_alloc(all, n))
		return -1;
	for (unsigned i = 0; i < nparts; i++) {
		if (parts[i].n)
			memcpy(all->p + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	return 0;
}

/* DER's SEQUENCE of r and s as r | s, each as long as the curve's order. *n in and out. 0 or -1. */
static int raw_of_der(const struct crypto_sig *s, uint8_t *sig, size_t *n)
{
	const int half = (s->curve_bits + 7) / 8;
	const uint8_t *p = sig;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &p, (long)*n);
	int ok = parsed && BN_bn2binpad(ECDSA_SIG_get0_r(parsed), sig, half) == half &&
		 BN_bn2binpad(ECDSA_SIG_get0_s(parsed), sig + half, half) == half;

	ECDSA_SIG_free(parsed);
	*n = 2 * (size_t)half;
	return ok ? 0 : -1;
}

/* The other way round, into der. 0 or -1: the wrong length, or no memory. */
static int der_of_raw(const struct crypto_sig *s, struct view raw, uint8_t *der, size_t *n)
{
	const int half = (s->curve_bits + 7) / 8;
	ECDSA_SIG *sig = raw.n == 2 * (size_t)half ? ECDSA_SIG_new() : NULL;
	BIGNUM *r = sig ? BN_bin2bn(raw.p, half, NULL) : NULL, *t = sig ? BN_bin2bn(raw.p + half, half, NULL) : NULL;
	int len = -1;

	if (r && t && ECDSA_SIG_set0(sig, r, t) == 1) {
		r = t = NULL;
		len = i2d_ECDSA_SIG(sig, NULL);
		if (len > 0 && (size_t)len <= *n)
			len = i2d_ECDSA_SIG(sig, &der);
		else
			len = -1;
	}
	BN_free(r);
	BN_free(t);
	ECDSA_SIG_free(sig);
	*n = len > 0 ? (size_t)len : 0;
	return len > 0 ? 0 : -1;
}

/* What is hashed already, by a key whose context this is. Frees ctx. 0 or -1. */
static int bare_sign(const struct crypto_sig *s, EVP_PKEY_CTX *ctx, struct view hash, uint8_t *out, size_t *n)
{
	int ok = ctx && crypto_sig_takes_hash(s, hash.n) && EVP_PKEY_sign_init(ctx) == 1 &&
		 (s->key != CRYPTO_KEY_RSA || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
		 EVP_PKEY_sign(ctx, out, n, hash.p, hash.n) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -1;
}

static int bare_check(const struct crypto_sig *s, EVP_PKEY_CTX *ctx, struct view hash, struct view signature)
{
	int ok = ctx && crypto_sig_takes_hash(s, hash.n) && EVP_PKEY_verify_init(ctx) == 1 &&
		 (s->key != CRYPTO_KEY_RSA || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
		 EVP_PKEY_verify(ctx, signature.p, signature.n, hash.p, hash.n) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -1;
}

static int hashed_sign(const struct crypto_sig *s, EVP_PKEY *key, struct view octets, uint8_t *out, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	int ok = ctx && EVP_DigestSignInit_ex(ctx, &pctx, s->digest, NULL, NULL, key, NULL) == 1 && !set_padding(s, pctx) &&
		 EVP_DigestSign(ctx, out, n, octets.p, octets.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

static int hashed_check(const struct crypto_sig *s, EVP_PKEY *key, struct view octets, struct view signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	int ok = ctx && EVP_DigestVerifyInit_ex(ctx, &pctx, s->digest, NULL, NULL, key, NULL) == 1 && !set_padding(s, pctx) &&
		 EVP_DigestVerify(ctx, signature.p, signature.n, octets.p, octets.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

int crypto_sig_make(const struct crypto_sig *s, const struct crypto_key *k, const struct view *parts, unsigned nparts,
		    uint8_t *out, size_t *n)
{
	EVP_PKEY *key = crypto_key_evp(k);
	struct secret all = { 0 };
	int r = -1;

	if (*n < CRYPTO_SIG_MAX || !crypto_sig_fits(s, k) || !crypto_key_is_private(k) || join(&all, parts, nparts))
		return -1;
	r = s->bare ? bare_sign(s, EVP_PKEY_CTX_new(key, NULL), secret_view(&all), out, n) :
		      hashed_sign(s, key, secret_view(&all), out, n);
	if (!r && s->raw)
		r = raw_of_der(s, out, n);
	secret_clear(&all);
	return r;
}

int crypto_sig_check(const struct crypto_sig *s, const struct crypto_key *k, const struct view *parts, unsigned nparts,
		     struct view signature)
{
	EVP_PKEY *key = crypto_key_evp(k);
	uint8_t der[160];	/* two numbers of 66 bytes */
	size_t n = sizeof(der);
	struct secret all = { 0 };
	int r;

	if (!crypto_sig_fits(s, k) || signature.n > CRYPTO_SIG_MAX || (s->raw && der_of_raw(s, signature, der, &n)))
		return -1;
	if (s->raw)
		signature = (struct view){ der, n };
	if (join(&all, parts, nparts))
		return -1;
	r = s->bare ? bare_check(s, EVP_PKEY_CTX_new(key, NULL), secret_view(&all), signature) :
		      hashed_check(s, key, secret_view(&all), signature);
	secret_clear(&all);
	return r;
}
