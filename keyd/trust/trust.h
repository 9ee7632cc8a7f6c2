/* SPDX-License-Identifier: MIT */
/*
 * The whole of what the trust role does, without I/O and without a clock: it is given what is believed, answers what the
 * engine asks, wants URLs fetched and takes what came. Hooks must not call back into it.
 */
#ifndef KEYD_TRUST_TRUST_H
#define KEYD_TRUST_TRUST_H

#include "keyd/trust/request.h"
#include "keyd/util/log.h"

#define TRUST_NEVER UINT64_MAX
#define TRUST_URL_MAX 1024		/* bytes */
#define TRUST_WHY_MAX 160		/* of the end of a sentence */
#define TRUST_FETCH_WAIT_MS 8000	/* that one fetch may take */
#define TRUST_STRICT_WAIT 10000000u	/* µs that an answer about strict revocation waits for fetches, at most */
#define TRUST_WAITING_MAX 1024		/* requests that wait for fetches at once */

/* What the time is. */
struct trust_time {
	uint64_t us;			/* of a clock that only goes forward */
	int64_t wall;			/* seconds since 1970 */
};

struct trust_fetch {
	uint32_t id;			/* never 0 */
	struct view url, post;		/* post empty: GET; else an OCSP request (RFC 6960 A.1) */
	uint32_t most;			/* bytes that the answer may have */
	uint32_t wait_ms;
};

struct trust_hooks {
	void (*answer)(void *arg, const struct trust_answer *an);
	void (*changed)(void *arg);	/* tickets are to be asked about again */
	/* The OCSP response for our certificate of this key; empty: there is none any more. */
	void (*staple)(void *arg, const struct conf_digest *key, struct view response);
	void (*fetch)(void *arg, const struct trust_fetch *f);
	void (*cancel)(void *arg, uint32_t id);
	void (*cache)(void *arg, struct view url, struct view bytes);	/* is good, and worth keeping on disk */
	void (*log)(void *arg, enum log_level level, const char *text);
};

struct trust;

/* hooks must live as long. NULL: no memory. */
struct trust *trust_new(const struct trust_hooks *hooks, void *arg);
void trust_free(struct trust *t);

/*
 * What is believed, as a whole: begin, anything, end. Until then what was before holds; requests that wait go on and are
 * judged by the new. 0, or -1: it cannot be taken, and *why is the end of a sentence; the rest may go on.
 */
void trust_begin(struct trust *t, bool fetch, uint32_t warning_days);
int trust_ca(struct trust *t, const struct conf_digest *set, struct view der, const char **why);
int trust_pin(struct trust *t, struct view spki, const char **why);
/* at: where it stands, "FILE:LINE"; chain as conf_cred.chain. */
int trust_own(struct trust *t, const struct conf_digest *key, const char *at, struct view chain, const char **why);
/* After the CAs and our own certificates. A revocation list holds as soon as it is known. */
int trust_crl(struct trust *t, struct trust_time now, struct view bytes, const char **why);
int trust_crl_url(struct trust *t, struct view url, const char **why);
/* What was fetched from there in an earlier life. It is looked at like what is fetched now. */
int trust_cached(struct trust *t, struct trust_time now, struct view url, struct view bytes, const char **why);
void trust_end(struct trust *t, struct trust_time now);

/* The answer comes through the hook, at once or within TRUST_STRICT_WAIT. The views need not live longer than the call. */
void trust_ask(struct trust *t, struct trust_time now, const struct trust_request *rq);
/* Who asked is gone, with all its questions; or is there, perhaps a new one: it is told our staples. */
void trust_asker(struct trust *t, bool there);
/* Who fetches is there, or is gone with all that was under way. */
void trust_fetcher(struct trust *t, struct trust_time now, bool there);
void trust_fetched(struct trust *t, struct trust_time now, uint32_t id, struct view bytes);
/* why: the end of a sentence. */
void trust_fetch_failed(struct trust *t, struct trust_time now, uint32_t id, struct view why);
/* Does what is due. */
void trust_tick(struct trust *t, struct trust_time now);
/* When (of trust_time.us) trust_tick wants to be called next, or TRUST_NEVER. */
uint64_t trust_deadline(const struct trust *t, struct trust_time now);

#endif
