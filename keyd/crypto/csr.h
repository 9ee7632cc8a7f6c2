/* SPDX-License-Identifier: MIT */
/* Certification requests (PKCS #10, RFC 2986) for keys that are elsewhere: the octets go there to be signed, the signature comes back. */
#ifndef KEYD_CRYPTO_CSR_H
#define KEYD_CRYPTO_CSR_H

#include "keyd/crypto/cert.h"
#include "keyd/crypto/sig.h"

#define CRYPTO_CSR_NAMES_MAX 32

/* A subjectAltName: an address in network order, a host name or a mail address as text. */
struct crypto_csr_name {
	enum crypto_name type;		/* all but CRYPTO_NAME_DN */
	struct view value;
};

struct crypto_csr;

/*
 * The scheme to sign a request with, among those that the key's place has (bit n: the n-th of crypto_sig_next()): one that every
 * CA knows, if there is such a one. NULL: none of them will do.
 */
const struct crypto_sig *crypto_csr_scheme(const struct crypto_key *k, uint32_t schemes);
/* dn is a Name in DER, perhaps an empty one (30 00). 0 and *out is the caller's, or -1: a name makes no sense, or OpenSSL failed. */
int crypto_csr_new(struct crypto_csr **out, const struct crypto_key *k, const struct crypto_sig *s, struct view dn,
		   const struct crypto_csr_name *names, unsigned n) RD_MUST_CHECK;
void crypto_csr_free(struct crypto_csr *c);
/* What is to be signed; lives as long as c. */
struct view crypto_csr_octets(const struct crypto_csr *c);
/* The whole in PEM. 0 and *pem is the caller's, or -1: this is no signature of the octets by this key. */
int crypto_csr_finish(struct crypto_csr *c, struct view signature, struct secret *pem) RD_MUST_CHECK;

#endif
