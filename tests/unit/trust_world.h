/* SPDX-License-Identifier: MIT */
/* A trust role in a test: the tests' own CA, peers that prove themselves, somebody who fetches, and a clock that the test turns. */
#ifndef TESTS_UNIT_TRUST_WORLD_H
#define TESTS_UNIT_TRUST_WORLD_H

#include "keyd/trust/trust.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DAY 86400
#define SEC 1000000u		/* µs */
#define ANSWERS 32
#define FETCHES 64

struct world_fetch {
	uint32_t id;		/* 0: it is over */
	char url[200];
	uint8_t post[600];
	size_t npost;
};

struct world {
	struct trust *t;
	struct trust_time now;
	struct trust_answer answer[ANSWERS];	/* the last ones, the newest is answer[(n - 1) % ANSWERS] */
	unsigned n;
	struct world_fetch fetch[FETCHES];
	unsigned nfetch, cancelled;
	unsigned changed, cached, staples;
	struct conf_digest set;	/* of the CAs of the configuration */
	size_t staple;		/* bytes of the last one */
	char log[8192];		/* all lines */
	uint32_t last_id;
};

/* Group setup: where the CA's files are. */
int world_folder(void **state);
/* The name of such a file; valid until the next call. */
const char *world_path(const char *name);
struct bytes {
	uint8_t *p;
	size_t n;
};
/* A file of the CA; the caller's to free. */
struct bytes world_load(const char *name);

/* A role to which root is a CA of set world_set, at the time when the CA was made; asker and fetcher are there. */
extern const struct conf_digest world_set;
void world_begin(struct world *w);
void world_end(struct world *w);
/* A configuration: names of CAs and of keys, separated by blanks; files with revocation lists, and URLs. All may be NULL. */
struct world_conf {
	const char *cas, *pins, *owns, *crls, *urls, *cached;
	bool no_fetch, other_set;	/* other_set: the CAs are not world_set, but one that nobody asks for */
	uint32_t warning;	/* days */
};
void world_configure(struct world *w, const struct world_conf *c);

struct world_proof {
	uint8_t way;		/* 0: CONF_AUTH_CERT */
	const char *show;	/* "good inter raw:ed url pkcs7 crl:inter cut:good ocsp:FILE", in the order of payloads */
	const char *key;	/* whose key signs; NULL: of the first that is shown */
	const char *scheme;	/* NULL: one that fits */
	uint8_t id_type;	/* 0: FQDN */
	const char *id;		/* NULL: KEY.example.org; a DN as text */
	const char *pins;	/* that the rules name */
	bool no_ca;		/* the rules name no set */
	uint8_t revocation;
	const char *schemes;	/* that are allowed; NULL: all but legacy ones */
	uint16_t rsa, ec;	/* floors; 0: 2048, 256 */
	bool forge;		/* the signature is over something else */
	uint8_t method;		/* 0: of the scheme */
};
/* The answer, or NULL if it has to wait. */
const struct trust_answer *world_prove(struct world *w, const struct world_proof *p);
const struct trust_answer *world_still(struct world *w, const struct trust_answer *before, uint8_t revocation);
/* The answers so far; their last one. */
const struct trust_answer *world_last(const struct world *w);
/* Time goes by, with all that is due in it. */
void world_wait(struct world *w, uint64_t us);
/* A fetch of this URL that is under way: its number, or -1. */
int world_fetching(const struct world *w, const char *url);
/* It ends, with a file of the CA, with bytes, or not. */
void world_give(struct world *w, const char *url, const char *file);
void world_give_bytes(struct world *w, const char *url, struct bytes b);
void world_fail(struct world *w, const char *url, const char *why);
/* What openssl ocsp answers to that fetch, signed by signer. */
struct bytes world_ocsp(struct world *w, const char *url, const char *signer);

#endif
