/* SPDX-License-Identifier: MIT */
/* Block ciphers, one block at a time: what a card's administrator shows with them that he has the key (SP 800-73-4 part 2, 3.2.4). */
#ifndef KEYD_CRYPTO_BLOCK_H
#define KEYD_CRYPTO_BLOCK_H

#include "keyd/util/rd.h"

#define CRYPTO_BLOCK_MAX 16	/* bytes */

enum crypto_block { CRYPTO_BLOCK_3DES, CRYPTO_BLOCK_AES128, CRYPTO_BLOCK_AES192, CRYPTO_BLOCK_AES256 };

/* Bytes of a block, of a key. */
size_t crypto_block_len(enum crypto_block b);
size_t crypto_block_key_len(enum crypto_block b);
/* 0, or -1: key or in have another length, or OpenSSL failed. */
int crypto_block_run(enum crypto_block b, bool encrypt, struct view key, struct view in, uint8_t out[CRYPTO_BLOCK_MAX]) RD_MUST_CHECK;

#endif
