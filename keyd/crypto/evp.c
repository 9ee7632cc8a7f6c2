// SPDX-License-Identifier: MIT
// Start and end of the library: every OpenSSL object is fetched once, before a role gives up its rights.
#include "keyd/crypto/evp.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdio.h>

static struct crypto_evp evps[CRYPTO_ALGS_MAX];
static EVP_MD *sha1, *sha256;
static bool lacks[CRYPTO_ALGS_MAX];
static bool ready;
static char error[200] = "no error";

const struct crypto_evp *crypto_evp_of(const struct crypto_alg *alg, enum crypto_kind kind)
{
	int i = crypto_alg_index(alg);

	return ready && i >= 0 && alg->kind == kind && !lacks[i] ? &evps[i] : NULL;
}

bool crypto_evp_lacks(size_t row)
{
	return lacks[row];
}

const EVP_MD *crypto_evp_sha1(void)
{
	return sha1;
}

const EVP_MD *crypto_evp_sha256(void)
{
	return sha256;
}

const char *crypto_error(void)
{
	return error;
}

static EVP_MAC_CTX *hmac_new(const char *digest)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);	/* the context holds its own reference */
	if (ctx && EVP_MAC_CTX_set_params(ctx, params) == 1)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

int crypto_evp_mac(EVP_MAC_CTX *hmac, const struct view *parts, unsigned nparts, uint8_t *out, size_t n)
{
	size_t len = 0;

	for (unsigned i = 0; i < nparts; i++)
		if (parts[i].n && EVP_MAC_update(hmac, parts[i].p, parts[i].n) != 1)
			return -1;
	return EVP_MAC_final(hmac, out, &len, n) == 1 && len == n ? 0 : -1;
}

static int fetch(struct crypto_evp *e, const struct crypto_alg *alg)
{
	if (!alg->evp_name)
		return 0;
	switch (alg->kind) {
	case CRYPTO_ENCR:
		e->cipher = EVP_CIPHER_fetch(NULL, alg->evp_name, NULL);
		return e->cipher ? 0 : -1;
	case CRYPTO_PRF:
		e->md = EVP_MD_fetch(NULL, alg->evp_name, NULL);
		if (!e->md)
			return -1;
		/* fall through */
	case CRYPTO_INTEG:
		e->hmac = hmac_new(alg->evp_name);
		return e->hmac ? 0 : -1;
	default:
		return crypto_kex_evp_init(e, alg);
	}
}

static void forget(struct crypto_evp *e)
{
	EVP_CIPHER_free(e->cipher);
	EVP_MAC_CTX_free(e->hmac);
	EVP_MD_free(e->md);
	crypto_kex_evp_exit(e);
	*e = (struct crypto_evp){ 0 };
}

/* 0 as well for an old algorithm that is not there: a system may have switched it off. */
static int fetch_row(const struct crypto_alg *alg)
{
	int i = crypto_alg_index(alg);

	if (!fetch(&evps[i], alg))
		return 0;
	forget(&evps[i]);
	lacks[i] = alg->flags & CRYPTO_LEGACY;
	return lacks[i] ? 0 : -1;
}

static int fail(const char *name)
{
	char why[120] = "";

	ERR_error_string_n(ERR_peek_last_error(), why, sizeof(why));
	snprintf(error, sizeof(error), "OpenSSL does not give us %s: %s", name, why);
	crypto_exit();
	return -1;
}

int crypto_init(void)
{
	if (ready)
		return 0;
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	if (!sha1 || !sha256)
		return fail(sha1 ? "SHA-256" : "SHA-1");
	for (unsigned kind = CRYPTO_ENCR; kind <= CRYPTO_KE; kind++)
		for (const struct crypto_alg *a = NULL; (a = crypto_alg_next(a, kind));)
			if (fetch_row(a))
				return fail(a->evp_name);
	ready = true;
	return 0;
}

void crypto_exit(void)
{
	for (unsigned i = 0; i < CRYPTO_ALGS_MAX; i++) {
		forget(&evps[i]);
		lacks[i] = false;
	}
	EVP_MD_free(sha1);
	EVP_MD_free(sha256);
	sha1 = sha256 = NULL;
	ready = false;
}
