// SPDX-License-Identifier: MIT
/* Netlink's framing: messages in datagrams, sequence numbers, acknowledgements with words, ends of dumps. */
#include "pfkey/xfrm_answer.h"

#include <errno.h>
#include <string.h>

/* Steps over the messages of a datagram: the next whole one, or NULL with *left the bytes that make none. */
static const struct nlmsghdr *next_message(const uint8_t **p, size_t *left)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)*p;
	size_t step;

	if (*left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > *left)
		return NULL;
	step = NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	if (step > *left)
		step = *left;
	*p += step;
	*left -= step;
	return nlh;
}

/* NLMSGERR_ATTR_MSG behind the error, and behind the request when that is echoed. */
static void keep_words(char words[XFRM_WORDS_MAX], const struct nlmsghdr *nlh, const struct nlmsgerr *e)
{
	size_t at = MNL_NLMSG_HDRLEN + sizeof(*e), end = nlh->nlmsg_len;
	const uint8_t *p = (const uint8_t *)nlh;
	struct nlattr attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > MNL_NLMSG_HDRLEN)
		at += NLMSG_ALIGN((size_t)e->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	while (at + sizeof(attr) <= end) {
		memcpy(&attr, p + at, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > end - at)
			return;
		if ((attr.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
			size_t n = attr.nla_len - sizeof(attr);

			if (n >= XFRM_WORDS_MAX)
				n = XFRM_WORDS_MAX - 1;
			memcpy(words, p + at + sizeof(attr), n);
			words[n] = '\0';
		}
		at += NLA_ALIGN((size_t)attr.nla_len);
	}
}

int xfrm_answer_result(const struct nlmsghdr *nlh, char words[XFRM_WORDS_MAX])
{
	struct nlmsgerr e;
	int32_t done = 0;

	if (nlh->nlmsg_type == NLMSG_DONE) {
		if (nlh->nlmsg_len >= MNL_NLMSG_HDRLEN + sizeof(done))
			memcpy(&done, mnl_nlmsg_get_payload(nlh), sizeof(done));
		return done < 0 ? done : 0;
	}
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(e))
		return -EBADMSG;
	memcpy(&e, mnl_nlmsg_get_payload(nlh), sizeof(e));
	if (e.error < 0)
		keep_words(words, nlh, &e);
	return e.error < 0 ? e.error : 0;
}

static void take_message(struct xfrm_answer *a, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != a->seq)		/* of a request whose answer we stopped waiting for */
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		int err = xfrm_answer_result(nlh, a->words);

		if (!a->result)
			a->result = err;
		a->finished = true;
	} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
		/* After an error of fn's the rest is read all the same: the socket must be clear for the next. */
		if (a->fn && !a->result)
			a->result = a->fn(nlh, a->arg);
		a->finished = !(a->flags & (NLM_F_ACK | NLM_F_DUMP));
	}
}

void xfrm_answer_take(struct xfrm_answer *a, const void *datagram, size_t left)
{
	const struct nlmsghdr *nlh;
	const uint8_t *p = datagram;

	while (!a->finished && (nlh = next_message(&p, &left)))
		take_message(a, nlh);
	if (!a->finished && left) {
		a->result = -EBADMSG;
		a->finished = true;
	}
}

int xfrm_each_message(const void *datagram, size_t left, xfrm_answer_fn *fn, void *arg)
{
	const struct nlmsghdr *nlh;
	const uint8_t *p = datagram;

	while ((nlh = next_message(&p, &left)))
		fn(nlh, arg);
	return left ? -EBADMSG : 0;
}
