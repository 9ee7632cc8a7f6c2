/* SPDX-License-Identifier: MIT */
/*
 * Many requests in one datagram, and whose answer is whose. The kernel does them in order and goes on after one that
 * failed; it answers each that failed, and the last one in any case. No socket, no SAs: tested with made-up answers.
 */
#ifndef PFKEY_XFRM_BATCH_H
#define PFKEY_XFRM_BATCH_H

#include "pfkey/xfrm_answer.h"

#define XFRM_BATCH_SIZE 65536		/* bytes of requests */
#define XFRM_BATCH_MAX 256		/* requests */

struct xfrm_batch {
	uint8_t *buf;			/* XFRM_BATCH_SIZE bytes: the requests, which may hold keys */
	size_t used;
	unsigned int max;		/* requests, so many that all their answers have room */
	unsigned int count, told;	/* requests put; results told */
	size_t at;			/* where in buf the next one to be told begins */
	uint32_t first;			/* sequence number of the first */
	bool lost;			/* answers were */
	uint64_t tag[XFRM_BATCH_MAX];
};

/* req is the request as it was put; err is 0 or -errno; words are the kernel's, or "". In the order of requests, once each. */
typedef void xfrm_result_fn(const struct nlmsghdr *req, uint64_t tag, int err, const char *words, void *arg);

/* max is brought into 1…XFRM_BATCH_MAX. NULL: no memory. */
struct xfrm_batch *xfrm_batch_new(unsigned int max);
void xfrm_batch_free(struct xfrm_batch *b);
/* False: it has no room for a message of this length. */
bool xfrm_batch_fits(const struct xfrm_batch *b, uint32_t nlmsg_len);
/* nlh is copied, and asks for no acknowledgement any more. */
void xfrm_batch_add(struct xfrm_batch *b, const struct nlmsghdr *nlh, uint64_t tag);
/* The request behind prev; NULL gives the first, the last gives NULL. Its length must stay. */
struct nlmsghdr *xfrm_batch_next(const struct xfrm_batch *b, const struct nlmsghdr *prev);
/*
 * Numbers the requests from *seq + 1, moves *seq to the last, and has that one acknowledged. pid: told to listeners as the
 * cause.
 */
void xfrm_batch_seal(struct xfrm_batch *b, uint32_t *seq, uint32_t pid);
/* Takes a datagram of answers and tells the results that are certain now. 0, or -EBADMSG. */
int xfrm_batch_take(struct xfrm_batch *b, const void *datagram, size_t n, xfrm_result_fn *fn, void *arg);
/* From now on no answer means no success: -ENOBUFS is told instead. */
void xfrm_batch_lost(struct xfrm_batch *b);
/* Tells err (not 0) of all that were not told yet, and cleanses and empties the batch. */
void xfrm_batch_finish(struct xfrm_batch *b, int err, xfrm_result_fn *fn, void *arg);

#endif
