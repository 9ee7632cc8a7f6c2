/* SPDX-License-Identifier: MIT */
/* The answer to a netlink request, datagram by datagram: messages, the end of a dump, an errno and its words. No socket. */
#ifndef PFKEY_XFRM_ANSWER_H
#define PFKEY_XFRM_ANSWER_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XFRM_WORDS_MAX 160		/* the longest sentence of the kernel's that is kept, with NUL */

/* Called for each message of an answer; after a non-zero result, which is returned, it is not called again. */
typedef int xfrm_answer_fn(const struct nlmsghdr *nlh, void *arg);

struct xfrm_answer {
	uint32_t seq;			/* of the request; other messages are passed over */
	uint16_t flags;			/* of the request: NLM_F_ACK, NLM_F_DUMP or neither (one message is the answer) */
	xfrm_answer_fn *fn;		/* may be NULL */
	void *arg;
	bool interrupted, finished;
	int result;			/* what fn returned, or the kernel's -errno, or -EBADMSG */
	char words[XFRM_WORDS_MAX];	/* the kernel's about its -errno; "" if it gave none */
};

/* Takes a datagram of n bytes, aligned as struct nlmsghdr. Sets finished when the answer is complete. */
void xfrm_answer_take(struct xfrm_answer *a, const void *p, size_t n);
/*
 * What NLMSG_ERROR or NLMSG_DONE says: 0, the kernel's -errno, or -EBADMSG. words is overwritten when it gave some.
 */
int xfrm_answer_result(const struct nlmsghdr *nlh, char words[XFRM_WORDS_MAX]);
/* Calls fn for each message of a datagram. 0, or -EBADMSG when it ends within one. */
int xfrm_each_message(const void *p, size_t n, xfrm_answer_fn *fn, void *arg);

#endif
