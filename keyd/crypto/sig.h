/* SPDX-License-Identifier: MIT */
/*
 * Signature schemes of IKEv2: the methods of RFC 7296 3.8 and RFC 4754, and those that RFC 7427 and RFC 8420 name. Behind them those of
 * IKEv1 (RFC 2409 5.1, RFC 4754), which sign what is a hash already: no statement of a configuration names them.
 */
#ifndef KEYD_CRYPTO_SIG_H
#define KEYD_CRYPTO_SIG_H

#include "keyd/crypto/key.h"

#define CRYPTO_SIG_MAX (CRYPTO_RSA_BITS_MAX / 8)	/* bytes of the longest signature */
#define CRYPTO_SIG_OCTETS_MAX (1 << 17)			/* that one is made over */

struct crypto_sig {
	const char *name;		/* in configuration and logs: "ecdsa-sha256" */
	enum crypto_key_type key;	/* that it needs */
	uint16_t curve_bits;		/* EC: the only curve; 0: any */
	/* authentication method: 1, 9, 10, 11; 14: named by an AlgorithmIdentifier; bare: IKEv1's 3, 9, 10, 11 */
	uint8_t method;
	uint8_t hash;			/* of SIGNATURE_HASH_ALGORITHMS (RFC 7427 7); 5: the scheme hashes by itself; 0: any (bare RSA) */
	bool bare;			/* IKEv1: what is signed is such a hash already, and goes in as it is */
	bool pss;			/* RSASSA-PSS: MGF1 with the same hash, a salt as long as the hash */
	bool raw;			/* ECDSA: r | s (RFC 4754 7), not DER */
	bool legacy;			/* SHA-1: only where it is configured by name */
	const char *digest;		/* OpenSSL's; NULL: none */
	struct view algid;		/* AlgorithmIdentifier in DER (RFC 7427 appendix A); empty unless method is 14 */
};

/* Walks the table in order of preference: NULL gives the first, the last gives NULL. */
const struct crypto_sig *crypto_sig_next(const struct crypto_sig *s);
/* NULL: unknown. */
const struct crypto_sig *crypto_sig_by_name(const char *name);
/* Of IKEv2's methods other than 14. NULL: not supported. */
const struct crypto_sig *crypto_sig_by_method(uint8_t method);
/* Of IKEv1's Authentication Method attribute: 3, 9, 10, 11. NULL: not supported. */
const struct crypto_sig *crypto_sig_by_ikev1_method(uint8_t method);
/* Of method 14, for an AlgorithmIdentifier that a peer sent. NULL: not supported. */
const struct crypto_sig *crypto_sig_by_algid(struct view algid);
/* Whether the key is of the scheme's kind and long enough for it. */
bool crypto_sig_fits(const struct crypto_sig *s, const struct crypto_key *k);
/* Those of schemes (bit n: the n-th of crypto_sig_next()) that fit; with a hash shorter than the curve only if there are no others. */
uint32_t crypto_sig_good(const struct crypto_key *k, uint32_t schemes);

/* Whether a bare scheme signs so many bytes. Other lengths, that of a DigestInfo among them, could be signatures elsewhere. */
bool crypto_sig_takes_hash(const struct crypto_sig *s, size_t n);

/*
 * Signs the parts one after the other with a private key. *n is the room in out, at least CRYPTO_SIG_MAX, and then the
 * signature's length. 0, or -1: the key does not fit, or OpenSSL failed.
 */
int crypto_sig_make(const struct crypto_sig *s, const struct crypto_key *k, const struct view *parts, unsigned nparts,
		    uint8_t *out, size_t *n) RD_MUST_CHECK;
/* 0: k has signed the parts. -1: it has not, or does not fit. */
int crypto_sig_check(const struct crypto_sig *s, const struct crypto_key *k, const struct view *parts, unsigned nparts,
		     struct view signature) RD_MUST_CHECK;

#endif
