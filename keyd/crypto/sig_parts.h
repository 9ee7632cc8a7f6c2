/* SPDX-License-Identifier: MIT */
/* Signatures by a key that is elsewhere: what it is given, and what IKE makes of its answer. */
#ifndef KEYD_CRYPTO_SIG_PARTS_H
#define KEYD_CRYPTO_SIG_PARTS_H

#include "keyd/crypto/sig.h"

#define CRYPTO_SIG_HASH_MAX 64		/* bytes */
#define CRYPTO_SIG_INFO_MAX (CRYPTO_SIG_HASH_MAX + 19)	/* of a DigestInfo */

/*
 * The scheme's hash of the parts, one after the other, or they themselves if the scheme is bare; *n: its length. 0, or -1: the scheme
 * has none, they are none, or OpenSSL failed.
 */
int crypto_sig_hash(const struct crypto_sig *s, const struct view *parts, unsigned nparts, uint8_t out[CRYPTO_SIG_HASH_MAX],
		    size_t *n) RD_MUST_CHECK;
/*
 * What a key signs that pads it itself: the hash as a DigestInfo in DER (RFC 8017 9.2), or alone if the scheme is bare.
 * *n: its length. 0 or -1.
 */
int crypto_sig_digest_info(const struct crypto_sig *s, struct view hash, uint8_t out[CRYPTO_SIG_INFO_MAX], size_t *n) RD_MUST_CHECK;
/*
 * What RSA turns into the signature, for a key that does no padding: the hash in the form of RFC 8017 9.1.1 or 9.2, as long as the
 * modulus. *n is the room in out, at least CRYPTO_SIG_MAX, and then that length. 0 or -1.
 */
int crypto_sig_pad(const struct crypto_sig *s, const struct crypto_key *k, struct view hash, uint8_t *out, size_t *n) RD_MUST_CHECK;
/*
 * A signature as the scheme has it, out of what the key answered: RSA's as it is; ECDSA's in DER or as r and s of equal
 * length, however long. Good only when k has made it over the parts. *n is the room in out, at least CRYPTO_SIG_MAX, and then
 * the length. 0, or -1: it is no signature of these parts.
 */
int crypto_sig_take(const struct crypto_sig *s, const struct crypto_key *k, const struct view *parts, unsigned nparts,
		    struct view answer, uint8_t *out, size_t *n) RD_MUST_CHECK;

#endif
