/* SPDX-License-Identifier: MIT */
/* What a peer has shown in its CERT payloads (RFC 7296 3.6), sorted; whether it is to be believed is for others to say. */
#ifndef KEYD_TRUST_SHOWN_H
#define KEYD_TRUST_SHOWN_H

#include "keyd/crypto/trust.h"
#include "keyd/trust/request.h"

#define SHOWN_PAYLOADS_MAX 64	/* CERT payloads that are looked at; more are an error */
#define SHOWN_STAPLES_MAX 8	/* OCSP responses; more are passed over */

struct shown {
	struct crypto_cert *leaf;	/* the first certificate: its key has signed; NULL: none */
	struct crypto_cert *others[CRYPTO_CHAIN_MAX];
	unsigned nothers;
	struct crypto_key *key;		/* a raw public key (RFC 7670); NULL: none */
	struct view staples[SHOWN_STAPLES_MAX];	/* OCSP responses (RFC 4806), in the bytes that were read */
	unsigned nstaples;
	bool url;			/* it has also shown a hash and a URL */
	size_t bytes;			/* of all certificates, in DER */
};

/*
 * Reads trust_request.certs. TRUST_OK, or TRUST_BAD_CERT with the end of a sentence in text[n], which begins "its certificate".
 * *s is to be cleared in either case.
 */
enum trust_error shown_read(struct shown *s, struct view certs, char *text, size_t n);
void shown_clear(struct shown *s);

#endif
