/* SPDX-License-Identifier: MIT */
/*
 * Where revocation lists and OCSP answers come from: each URL, with what is posted there, at most once at a time; who is dead
 * or tells nothing useful is asked more and more seldom. Knows nothing of what is in the answers.
 */
#ifndef KEYD_TRUST_SOURCE_H
#define KEYD_TRUST_SOURCE_H

#include "keyd/crypto/status.h"
#include "keyd/trust/trust.h"
#include "keyd/util/list.h"

#define SOURCES_MAX 4096		/* that are remembered; the one that was wanted longest ago goes */
#define SOURCE_FETCHES_MAX 16		/* at once */
#define SOURCE_BACKOFF_FIRST 30000000u	/* µs until a URL that failed is tried again; doubles each time */
#define SOURCE_BACKOFF_MAX 3600000000u
#define SOURCE_SOON_MIN 60		/* seconds between two fetches of what is good, at least */
#define SOURCE_KEEP (30 * 86400)	/* seconds that something is kept fresh after it was wanted */

enum source_kind { SOURCE_CRL, SOURCE_OCSP, SOURCE_STAPLE };

struct source {
	struct list link;		/* of sources.all, what was wanted last at the end */
	enum source_kind kind;
	bool configured;		/* never forgotten, and fetched without being wanted */
	char *url;			/* owned */
	uint8_t *post;			/* owned; NULL: GET */
	size_t npost;
	struct crypto_cert *issuer;	/* owned: whose list or answers; NULL: not known, of SOURCE_CRL only */
	bool waits;			/* what came is of nobody whom we know yet */
	int64_t wanted;			/* seconds since 1970, by somebody who asked */
	uint32_t id;			/* of the fetch under way; 0: none */
	uint64_t since;			/* µs: when that began */
	uint64_t retry;			/* µs: not before, after a failure */
	unsigned failures;		/* one after the other */
	int64_t due;			/* seconds since 1970: to be fetched again; INT64_MIN: at once, INT64_MAX: when it is wanted */
	char why[TRUST_WHY_MAX];	/* the last failure; a sentence's end: "answers 404 Not Found" */
};

struct sources {
	struct list all;
	unsigned n, under_way;
	uint32_t last_id;
	bool on;			/* fetching is allowed, and there is somebody who does it */
	const struct trust_hooks *hooks;
	void *arg;
};

void sources_init(struct sources *ss, const struct trust_hooks *hooks, void *arg);
void sources_free(struct sources *ss);
/*
 * The one for this, made if it is new, and as wanted just now. issuer is copied, and may be NULL. NULL: no memory, or all that
 * there may be are under way.
 */
struct source *source_want(struct sources *ss, enum source_kind kind, struct view url, struct view post,
			   const struct crypto_cert *issuer, int64_t wall);
/* Begins a fetch if there is none and nothing speaks against it. Whether one is under way now. */
bool source_fetch(struct sources *ss, struct source *s, uint64_t now);
/* As many are under way as there may be. */
bool sources_are_busy(const struct sources *ss);
/* Whose fetch this was, which is over now. NULL: nobody's. */
struct source *source_fetched(struct sources *ss, uint32_t id);
/* What came is good, or nothing did; why is the end of a sentence. */
void source_good(struct source *s, struct trust_time now, int64_t due);
void source_failed(struct sources *ss, struct source *s, uint64_t now, const char *why);
/* Nobody fetches any more, or somebody does again: what was under way begins anew when it is wanted. */
void sources_switch(struct sources *ss, bool on);
/* Fetches what is configured, or was asked for before, and is due. */
void sources_tick(struct sources *ss, uint64_t now, int64_t wall);
/* µs: when sources_tick wants to be called next; LOOP_NEVER-like UINT64_MAX: not by itself. */
uint64_t sources_deadline(const struct sources *ss, uint64_t now, int64_t wall);
void source_forget(struct sources *ss, struct source *s);

#endif
