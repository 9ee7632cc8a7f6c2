/* SPDX-License-Identifier: MIT */
/* Two engines that prove themselves by keys and certificates, and who judges them: a world, for tests of proofs. */
#ifndef TESTS_UNIT_CERT_WORLD_H
#define TESTS_UNIT_CERT_WORLD_H

#include "tests/unit/world.h"

#include "keyd/auth/keeper.h"
#include "keyd/crypto/key.h"

/*
 * What a host has. A certificate is any bytes here: the engine must not look into it. The judge finds the key of whoever
 * shows it, and believes it until told otherwise.
 */
struct cert_host {
	struct keeper keeper;
	struct tries tries;
	struct crypto_key *key;
	struct conf_digest digest;
	uint8_t chain[6000], spki[64];
	struct conf_cred cred;
	unsigned judged, still;
	uint8_t set;			/* the CAs that the ticket was asked about by, the last time */
	uint8_t certs, way;		/* CERT payloads shown to it, and how it was asked, the last time */
	int error;			/* what it says of proofs */
	uint8_t verdict;		/* and of tickets; 0: still good */
	uint64_t ends_at;		/* of the world; 0: never */
	bool sleeps;			/* the ticket is not asked for */
};
extern struct cert_host of[WORLD_HOSTS];

/*
 * A fresh world, which the others here are about until its end: each host has a key of this kind, two certificates for it, and
 * asks for certificates; not configured yet.
 */
void begin(struct world *w, uint64_t seed, enum crypto_key_type type, unsigned bits);
void configured(void);
void end(void);
/* Two certificates, of n bytes each. */
void give_cert(unsigned host, size_t n);
/* How a host proves itself, and how its peer has to; enum conf_auth, round by round. */
void ways(unsigned host, unsigned local, unsigned local2, unsigned remote, unsigned remote2);
/* How many are established. */
unsigned ike_sas(unsigned host);

#define NONE CONF_AUTH_NONE
#define PSK CONF_AUTH_PSK
#define CERT CONF_AUTH_CERT
#define KEY CONF_AUTH_KEY

#endif
