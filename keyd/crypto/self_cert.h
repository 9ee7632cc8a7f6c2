/* SPDX-License-Identifier: MIT */
/* A certificate that a key elsewhere signs for itself: it vouches for nothing, but where it lies the key's public half can be read. */
#ifndef KEYD_CRYPTO_SELF_CERT_H
#define KEYD_CRYPTO_SELF_CERT_H

#include "keyd/crypto/sig.h"

struct crypto_self_cert;

/*
 * As crypto_csr_new: s is one of crypto_csr_scheme's, dn a Name in DER. It is no CA's, and does not run out. 0 and *out is the
 * caller's, or -1.
 */
int crypto_self_cert_new(struct crypto_self_cert **out, const struct crypto_key *k, const struct crypto_sig *s, struct view dn)
	RD_MUST_CHECK;
void crypto_self_cert_free(struct crypto_self_cert *c);
/* What is to be signed; lives as long as c. */
struct view crypto_self_cert_octets(const struct crypto_self_cert *c);
/* The whole in DER. 0 and *der is the caller's, or -1: this is no signature of the octets by this key. */
int crypto_self_cert_finish(struct crypto_self_cert *c, struct view signature, struct secret *der) RD_MUST_CHECK;

#endif
