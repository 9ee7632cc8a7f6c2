// SPDX-License-Identifier: MIT
// Block ciphers, one block at a time.
#include "keyd/crypto/block.h"

#include <openssl/err.h>
#include <openssl/evp.h>

static const struct {
	const char *name;
	uint8_t len, key_len;
} ciphers[] = {
	[CRYPTO_BLOCK_3DES] = { "DES-EDE3", 8, 24 },
	[CRYPTO_BLOCK_AES128] = { "AES-128-ECB", 16, 16 },
	[CRYPTO_BLOCK_AES192] = { "AES-192-ECB", 16, 24 },
	[CRYPTO_BLOCK_AES256] = { "AES-256-ECB", 16, 32 },
};

size_t crypto_block_len(enum crypto_block b)
{
	return ciphers[b].len;
}

size_t crypto_block_key_len(enum crypto_block b)
{
	return ciphers[b].key_len;
}

int crypto_block_run(enum crypto_block b, bool encrypt, struct view key, struct view in, uint8_t out[CRYPTO_BLOCK_MAX])
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, ciphers[b].name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	int ok = cipher && ctx && key.n == ciphers[b].key_len && in.n == ciphers[b].len &&
		 EVP_CipherInit_ex2(ctx, cipher, key.p, NULL, encrypt, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		 EVP_CipherUpdate(ctx, out, &n, in.p, (int)in.n) == 1 && n == (int)in.n;

	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	ERR_clear_error();
	return ok ? 0 : -1;
}
