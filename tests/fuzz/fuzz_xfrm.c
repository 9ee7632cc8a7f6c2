// SPDX-License-Identifier: MIT
/*
 * What arrives on an XFRM netlink socket, as a datagram: as events, as the answer to a dump, as the answers to a batch. What
 * can be read and passes the checks must come back the same when it is written and read again.
 */
#include "pfkey/xfrm.h"
#include "pfkey/xfrm_answer.h"
#include "pfkey/xfrm_batch.h"
#include "tests/lib/pfkey_same.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

/* differs: the name of a field, or NULL. */
static void must_be_same(const char *differs)
{
	if (differs)
		fprintf(stderr, "comes back different: %s\n", differs);
	must(!differs);
}

static void sa_again(const struct ipsec_sa *sa)
{
	struct ipsec_sa there = *sa, again;
	struct xfrm_msg m;

	/* Modes without a name cannot be asked for. */
	if (ipsec_sa_check(sa, NULL, 0) || sa->mode == IPSEC_MODE_ANY)
		return;
	/* An AEAD has no ICV by default: we ask for the longest. */
	if (there.aead.name[0] && !there.aead.icv_bits)
		there.aead.icv_bits = 128;
	xfrm_sa_put(&m, &there, false);
	must(!xfrm_sa_get(&m.nlh, &again));
	must_be_same(sa_differs(&there, &again));
	there.resume = true;
	if (ipsec_sa_check(&there, NULL, 0))
		return;
	xfrm_sa_put(&m, &there, true);
	must(!xfrm_sa_get(&m.nlh, &again));
	must_be_same(sa_differs(&there, &again));
	must(again.usage.seq == there.usage.seq && again.usage.oseq == there.usage.oseq);
}

static void policy_again(const struct ipsec_policy *pol)
{
	struct ipsec_policy again;
	struct xfrm_msg m;

	if (ipsec_policy_check(pol, NULL, 0) || pol->socket)
		return;
	for (unsigned int i = 0; i < pol->ntmpl; i++)
		if (pol->tmpl[i].mode == IPSEC_MODE_ANY || pol->tmpl[i].mode == IPSEC_MODE_TRANSPORT)
			return;		/* their addresses are kept only in the family of what they wrap */
	xfrm_policy_put(&m, pol, true);
	must(!xfrm_policy_get(&m.nlh, &again));
	must_be_same(policy_differs(pol, &again));
}

static void on_event(const struct ipsec_event *ev, void *arg)
{
	(void)arg;
	must(ev->type < IPSEC_EVENT_OVERRUN);
	if (ev->type == IPSEC_EVENT_SA_NEW || ev->type == IPSEC_EVENT_SA_UPDATE)
		sa_again(&ev->sa);
	if (ev->type == IPSEC_EVENT_POLICY_NEW || ev->type == IPSEC_EVENT_POLICY_UPDATE)
		policy_again(&ev->policy);
	if (ev->type == IPSEC_EVENT_ACQUIRE)
		must(ev->acquire.tmpl < IPSEC_TMPL_MAX);
}

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	must(xfrm_event_get(nlh, on_event, arg) <= IPSEC_TMPL_MAX);
	return 0;
}

static int on_answer(const struct nlmsghdr *nlh, void *arg)
{
	struct ipsec_policy pol;
	struct ipsec_sa sa;

	(void)arg;
	if (!xfrm_sa_get(nlh, &sa)) {
		xfrm_sa_age(&sa, 1700000000);
		sa_again(&sa);
	}
	return xfrm_policy_get(nlh, &pol);
}

/* Each request is told once, in order, whatever the answers are. */
static void on_result(const struct nlmsghdr *req, uint64_t tag, int err, const char *words, void *arg)
{
	uint64_t *next = arg;

	must(req->nlmsg_type == tag && tag == (*next)++ && err <= 0 && strlen(words) < XFRM_WORDS_MAX);
}

static void as_answers(const uint8_t *aligned, size_t size, uint32_t seq)
{
	struct xfrm_batch *b = xfrm_batch_new(4);
	uint64_t next = 0;

	if (!b)
		return;
	seq -= 2;
	for (uint16_t i = 0; i < 4; i++)
		xfrm_batch_add(b, &(struct nlmsghdr){ .nlmsg_len = sizeof(struct nlmsghdr), .nlmsg_type = i }, i);
	xfrm_batch_seal(b, &seq, 0);
	xfrm_batch_take(b, aligned, size, on_result, &next);
	xfrm_batch_finish(b, -ENOBUFS, on_result, &next);
	must(next == 4);
	xfrm_batch_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xfrm_answer a = { .flags = NLM_F_DUMP, .fn = on_answer };
	uint8_t *aligned = calloc(1, size ? size : 1);

	if (!aligned)
		return 0;
	if (size)
		memcpy(aligned, data, size);
	xfrm_each_message(aligned, size, on_message, NULL);
	if (size >= sizeof(struct nlmsghdr))
		a.seq = ((const struct nlmsghdr *)aligned)->nlmsg_seq;
	xfrm_answer_take(&a, aligned, size);
	as_answers(aligned, size, a.seq);
	must(memchr(a.words, '\0', sizeof(a.words)));
	free(aligned);
	return 0;
}
