/* SPDX-License-Identifier: MIT */
/*
 * What the engine may ask of the role that looks at what peers sign and show, and the answers. That role has no key of ours
 * and no door to the network.
 */
#ifndef KEYD_TRUST_REQUEST_H
#define KEYD_TRUST_REQUEST_H

#include "keyd/conf/conf.h"
#include "keyd/util/rd.h"

#define TRUST_OCTETS_MAX 65536		/* of the signed octets */
#define TRUST_AUTH_MAX 1300		/* of the AUTH payload's data: RSA-8192 and its AlgorithmIdentifier */
#define TRUST_TICKET_MAX 512

enum trust_kind {
	TRUST_PROOF = 1,		/* has the peer signed this, and does its certificate say that it is who it says? */
	TRUST_STILL,			/* is the ticket of such an answer still good? */
};

/* How a signature was made. */
enum trust_form {
	TRUST_IKEV2,			/* RFC 7296 2.15 */
	TRUST_IKEV1,			/* RFC 2409 5: message is HASH_I or HASH_R, nonce and macid are empty; rules.schemes do not count */
};

struct trust_request {
	uint32_t id;			/* comes back in the answer; never 0 */
	uint8_t kind;
	uint8_t way;			/* CONF_AUTH_CERT or CONF_AUTH_KEY */
	struct conf_trust rules;
	struct conf_id remote;		/* who it says it is */
	/* of TRUST_PROOF */
	uint8_t form;			/* enum trust_form */
	/*
	 * Of the AUTH payload, RFC 7296 3.8; 14: data begins with an AlgorithmIdentifier (RFC 7427 3). TRUST_IKEV1:
	 * enum auth_ikev1_method.
	 */
	uint8_t method;
	struct view auth;		/* its data; of a SIG payload */
	struct view message, nonce, macid;	/* the signed octets, RFC 7296 2.15 */
	/* bodies of CERT payloads (IKEv1's, too) in their order, each after its length in 4 bytes, network order */
	struct view certs;
	/* of TRUST_STILL */
	struct view ticket;
};

enum trust_error {
	TRUST_OK = 0,
	TRUST_FAILED = -1,		/* we could not: no memory, the role is not there */
	TRUST_NO_CERT = -2,		/* it has shown no certificate, or no key, and we know none of it */
	TRUST_BAD_CERT = -3,		/* what it showed is malformed, or not supported */
	TRUST_NOT_TRUSTED = -4,		/* the chain: crypto_trust_result says why */
	TRUST_WRONG_NAME = -5,		/* the certificate is not for who it says it is */
	TRUST_SCHEME = -6,		/* the signature is of a kind that is not allowed, or not known */
	TRUST_SIGNATURE = -7,		/* the signature is wrong */
	TRUST_WRONG_KEY = -8,		/* CONF_AUTH_KEY: it is none of the peer's keys */
	TRUST_REFUSED_URL = -9,		/* it has shown nothing but a hash and a URL, which we do not follow */
};

struct trust_answer {
	uint32_t id;
	int32_t error;			/* enum trust_error */
	uint8_t verdict;		/* enum crypto_trust_result, of TRUST_NOT_TRUSTED */
	uint8_t pending;		/* nothing current says yet whether it is revoked (lenient): a change may be told later */
	int64_t ends;			/* when the first certificate of the chain expires, seconds since 1970; INT64_MAX: never */
	int64_t ends_in;		/* the same in seconds from the answer; below 0: it has expired; INT64_MAX: never */
	char scheme[24];		/* of the signature: "ecdsa-sha256"; "": not known */
	char key[24];			/* "RSA-3072", "P-256" */
	char subject[160];		/* of the certificate that is spoken of */
	/*
	 * The end of a sentence, without secrets and control characters: "has expired on 2026-11-12". It begins, for TRUST_NOT_TRUSTED,
	 * with the subject; for _BAD_CERT "its certificate" or "its key"; for _SCHEME and _SIGNATURE "its signature"; else it is whole.
	 */
	char text[200];
	uint16_t nticket;		/* 0: there is nothing to be asked later (CONF_AUTH_KEY) */
	uint8_t ticket[TRUST_TICKET_MAX];	/* what is asked with TRUST_STILL; survives processes */
};

#endif
