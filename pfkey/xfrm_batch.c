// SPDX-License-Identifier: MIT
/* Requests in bulk: a buffer of messages, and their results by sequence number. */
#include "pfkey/xfrm_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct xfrm_batch *xfrm_batch_new(unsigned int max)
{
	struct xfrm_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->buf = malloc(XFRM_BATCH_SIZE);
	if (!b->buf) {
		free(b);
		return NULL;
	}
	b->max = max > XFRM_BATCH_MAX ? XFRM_BATCH_MAX : max ? max : 1;
	return b;
}

/* Empties it for the next. */
static void clear(struct xfrm_batch *b)
{
	explicit_bzero(b->buf, b->used);
	b->used = b->at = 0;
	b->count = b->told = 0;
	b->lost = false;
}

void xfrm_batch_free(struct xfrm_batch *b)
{
	if (!b)
		return;
	clear(b);
	free(b->buf);
	free(b);
}

bool xfrm_batch_fits(const struct xfrm_batch *b, uint32_t nlmsg_len)
{
	return b->count < b->max && NLMSG_ALIGN((size_t)nlmsg_len) <= XFRM_BATCH_SIZE - b->used;
}

/* Messages are aligned to 4 bytes, which is all that their header needs. */
static struct nlmsghdr *message_at(const struct xfrm_batch *b, size_t at)
{
	return (struct nlmsghdr *)(b->buf + at);
}

void xfrm_batch_add(struct xfrm_batch *b, const struct nlmsghdr *nlh, uint64_t tag)
{
	struct nlmsghdr *to = message_at(b, b->used);
	size_t n = NLMSG_ALIGN((size_t)nlh->nlmsg_len);

	memcpy(to, nlh, nlh->nlmsg_len);
	memset((uint8_t *)to + nlh->nlmsg_len, 0, n - nlh->nlmsg_len);
	to->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	b->used += n;
	b->tag[b->count++] = tag;
}

struct nlmsghdr *xfrm_batch_next(const struct xfrm_batch *b, const struct nlmsghdr *prev)
{
	size_t at = prev ? (size_t)((const uint8_t *)prev - b->buf) + NLMSG_ALIGN((size_t)prev->nlmsg_len) : 0;

	return at < b->used ? message_at(b, at) : NULL;
}

void xfrm_batch_seal(struct xfrm_batch *b, uint32_t *seq, uint32_t pid)
{
	struct nlmsghdr *nlh, *last = NULL;

	b->first = *seq + 1;
	for (nlh = xfrm_batch_next(b, NULL); nlh; nlh = xfrm_batch_next(b, nlh)) {
		nlh->nlmsg_seq = ++*seq;
		nlh->nlmsg_pid = pid;
		last = nlh;
	}
	if (last)
		last->nlmsg_flags |= NLM_F_ACK;
}

static void tell(struct xfrm_batch *b, int err, const char *words, xfrm_result_fn *fn, void *arg)
{
	const struct nlmsghdr *req = message_at(b, b->at);

	fn(req, b->tag[b->told], err, words, arg);
	b->at += NLMSG_ALIGN((size_t)req->nlmsg_len);
	b->told++;
}

struct taking {
	struct xfrm_batch *b;
	xfrm_result_fn *fn;
	void *arg;
};

static int take_answer(const struct nlmsghdr *nlh, void *arg)
{
	const struct taking *t = arg;
	struct xfrm_batch *b = t->b;
	uint32_t which = nlh->nlmsg_seq - b->first;
	char words[XFRM_WORDS_MAX];
	int err;

	/* Answers of an earlier request; or what none of ours could be. */
	if (nlh->nlmsg_type != NLMSG_ERROR || which >= b->count || which < b->told)
		return 0;
	while (b->told < which)
		tell(b, b->lost ? -ENOBUFS : 0, "", t->fn, t->arg);
	words[0] = '\0';
	err = xfrm_answer_result(nlh, words);
	tell(b, err, words, t->fn, t->arg);
	return 0;
}

int xfrm_batch_take(struct xfrm_batch *b, const void *datagram, size_t n, xfrm_result_fn *fn, void *arg)
{
	struct taking t = { .b = b, .fn = fn, .arg = arg };

	return xfrm_each_message(datagram, n, take_answer, &t);
}

void xfrm_batch_lost(struct xfrm_batch *b)
{
	b->lost = true;
}

void xfrm_batch_finish(struct xfrm_batch *b, int err, xfrm_result_fn *fn, void *arg)
{
	while (b->told < b->count)
		tell(b, err, "", fn, arg);
	clear(b);
}
