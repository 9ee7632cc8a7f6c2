/* SPDX-License-Identifier: MIT */
/* What the engine may ask of the keeper of keys, and the answers. */
#ifndef KEYD_AUTH_REQUEST_H
#define KEYD_AUTH_REQUEST_H

#include "keyd/conf/conf.h"
#include "keyd/util/rd.h"

#define AUTH_DATA_MAX 1300	/* bytes of an AUTH payload's data: an RSA-8192 signature and its AlgorithmIdentifier */
#define AUTH_TEXT_MAX 400	/* bytes about a token, with NUL */
#define AUTH_OCTETS_MAX 65536	/* of the signed octets, RFC 7296 2.15 */

enum auth_error {
	AUTH_OK = 0,
	AUTH_NO_SECRET = -1,
	AUTH_FAILED = -2,
	AUTH_NO_KEY = -3,	/* there is no such key any more */
	AUTH_NO_SCHEME = -4,	/* none that is allowed, that the peer knows the hash of, and that the key can do */
	AUTH_LOCKED = -5,	/* the key is encrypted, and nobody has given its passphrase yet */
	AUTH_TOKEN = -6,	/* the token that the key is on cannot sign now: need says what it wants */
	AUTH_WRONG = -7,	/* AUTH_LOGIN: there is no such user, or it is not the user's password */
	AUTH_TOO_OFTEN = -8,	/* AUTH_LOGIN: nothing was tried, as too many tries for this user have failed; an.wait */
};

/* What is asked for. */
enum auth_form {
	AUTH_IKEV2,		/* data of an AUTH payload */
	/*
	 * RFC 2409 5. Way CONF_AUTH_PSK: message is Ni_b | Nr_b, the answer's data SKEYID. Ways CONF_AUTH_CERT and
	 * CONF_AUTH_KEY: message is HASH_I or HASH_R, method the Authentication Method that was agreed on (enum
	 * auth_ikev1_method), the answer's data the signature. nonce and macid are empty, schemes and hashes do not
	 * count. With ECDSA the hash is that of HMAC with the curve's SHA-2 (256, 384, 512), whatever else was agreed
	 * on: RFC 2409 5.1.
	 */
	AUTH_IKEV1,
	AUTH_LOGIN,		/* XAUTH, we are the gateway: message is the user's name, nonce the password, key names the file of users */
	AUTH_PASSWORD,		/* XAUTH, we are the client: message is our name, key names the password; the answer's data is it */
	AUTH_FORGET,		/* the same, which the gateway has refused: if somebody has typed it, it is not used again */
};

/*
 * The Authentication Method attribute of IKEv1 (RFC 2409 appendix A, RFC 4754 3). Those of XAUTH and hybrid count as
 * what they are made from.
 */
enum auth_ikev1_method {
	AUTH_IKEV1_PSK = 1,
	AUTH_IKEV1_RSA = 3,		/* PKCS#1 v1.5 over the hash without a DigestInfo, RFC 2409 5.1 */
	AUTH_IKEV1_ECDSA256 = 9,
	AUTH_IKEV1_ECDSA384 = 10,
	AUTH_IKEV1_ECDSA521 = 11,
};

/* Values of request.way are enum conf_auth. */

/*
 * "Make the AUTH data for these octets": message | nonce | macid, RFC 7296 2.15. For a shared key both ends are made here,
 * and the engine compares; a signature is only ever our own.
 */
struct auth_request {
	uint32_t id;			/* comes back in the answer; never 0 */
	uint8_t form;			/* enum auth_form: what is said here is of AUTH_IKEV2, and what is not said there */
	uint8_t method;			/* AUTH_IKEV1: enum auth_ikev1_method of a signature */
	uint8_t way;			/* CONF_AUTH_PSK: a MAC; CONF_AUTH_CERT, CONF_AUTH_KEY: a signature */
	uint16_t prf;			/* IKEv2 PRF transform id, also of IKEv1's HMACs: crypto_alg.ikev2_id */
	struct conf_id local, remote;
	struct ipsec_addr local_addr, remote_addr;
	struct conf_digest key;		/* that signs */
	uint32_t schemes;		/* bit n: the n-th of crypto_sig_next() is allowed */
	uint8_t hashes;			/* bit n: the peer takes hash n (RFC 7427 7); 0: it takes none, methods 1 and 9 to 11 only */
	struct view message, nonce, macid;
};

struct auth_answer {
	uint32_t id;
	int32_t error;			/* enum auth_error */
	struct conf_at at;		/* where the secret or key stands that was used */
	uint8_t method;			/* of the AUTH payload, RFC 7296 3.8; AUTH_IKEV1: enum auth_ikev1_method */
	char scheme[24];		/* of a signature: "ecdsa-sha256" */
	uint16_t wait;			/* of AUTH_TOO_OFTEN: seconds */
	uint8_t need;			/* of AUTH_TOKEN: enum token_need */
	char text[AUTH_TEXT_MAX];	/* of AUTH_TOKEN: "the token \"gate\" is locked, and there is no PIN" */
	uint16_t n;
	uint8_t data[AUTH_DATA_MAX];	/* of the AUTH payload; for method 14 with the AlgorithmIdentifier in front */
};

#endif
