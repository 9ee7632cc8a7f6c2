/* SPDX-License-Identifier: MIT */
/* Files by http: names, redirects, limits, and who has to wait. What comes is neither believed nor looked at. */
#ifndef KEYD_FETCH_FETCHER_H
#define KEYD_FETCH_FETCHER_H

#include "keyd/fetch/url.h"
#include "keyd/util/loop.h"

#define FETCHER_AT_ONCE 64
#define FETCHER_SERVER_AT_ONCE 4	/* of one host and port: a dead one must not take all places */
#define FETCHER_WAITING 256		/* beyond, more is refused */
#define FETCHER_REDIRECTS 3
#define FETCHER_HELD_MAX (256u << 20)	/* bytes of all answers that are not whole yet */
#define FETCHER_WHY_MAX 1400		/* bytes, with NUL: it may have a URL in it */

struct fetcher;
struct names;

struct fetcher_want {
	struct view url, post;		/* post: empty, or what to POST as application/ocsp-request (RFC 6960 A.1) */
	uint32_t most;			/* bytes of an answer */
	uint32_t wait_ms;		/* in all, from now on */
};

/*
 * fd: a sealed file in memory with the body of an answer "200", at its beginning, closed afterwards; why is NULL. Or fd is -1,
 * and why the end of a sentence that begins with the URL: "answers 404 Not Found". Printable ASCII.
 */
typedef void fetcher_fn(void *arg, uint32_t id, int fd, const char *why);

/*
 * Reads /etc/resolv.conf and /etc/hosts, once; opens sockets. stale is called from the loop when fetcher_stale has become true and
 * no fetch ends. NULL without memory.
 */
struct fetcher *fetcher_new(struct loop *l, fetcher_fn *fn, loop_fn *stale, void *arg);
/* Cancels all. The loop does not run (any more). NULL is allowed. */
void fetcher_free(struct fetcher *f);

/* The answer comes by fn, once; from inside of this call where it is refused at once. All is copied. */
void fetcher_begin(struct fetcher *f, uint32_t id, const struct fetcher_want *want);
/* Nothing is under way, and the name servers that it knows have told nothing, or those files have changed: better begin anew. */
bool fetcher_stale(const struct fetcher *f);
/* Names are asked for through it, too; and no name server has told one. */
struct names *fetcher_names(struct fetcher *f);
void fetcher_no_names(struct fetcher *f);
/* Is there one of this id? */
bool fetcher_has(const struct fetcher *f, uint32_t id);
/* Nobody waits for it any more: fn is not called. An id that is not known (any more) is no error. */
void fetcher_cancel(struct fetcher *f, uint32_t id);
void fetcher_cancel_all(struct fetcher *f);

#endif
