// SPDX-License-Identifier: MIT
// What an ISAKMP SA has of its own, from its first message to its end.
#include "keyd/ikev1/state.h"

#include "keyd/ikev1/fragment.h"

#include <stdlib.h>
#include <string.h>

/* No peer sends a message again after this long. */
#define MEMO_RESTS SECONDS(120)

int v1_state_new(struct ike_sa *sa)
{
	sa->v1 = calloc(1, sizeof(*sa->v1));
	if (!sa->v1)
		return -1;
	sa->v1->sa = sa;
	list_init(&sa->v1->serving);
	list_init(&sa->v1->memos);
	return 0;
}

void v1_state_proved(struct ike_sa *sa)
{
	struct ikev1_state *s = sa->v1;
	struct secret *all[] = { &s->sai_b, &s->id_i_b, &s->id_r_b, &s->public_i, &s->public_r, &s->shared, &s->keys.skeyid };

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		secret_clear(all[i]);
}

void v1_state_free(struct ike_sa *sa)
{
	if (!sa->v1)
		return;
	v1_state_proved(sa);
	v1_fragment_forget(sa->v1);
	ikev1_keys_clear(&sa->v1->keys);
	secret_clear(&sa->v1->bye.children);
	secret_clear(&sa->v1->bye.isakmp);
	timer_cancel(&sa->e->timers, &sa->v1->bye.timer);
	list_each(m, &sa->v1->memos, struct v1_memo, link)
		v1_memo_free(m);
	free(sa->v1);
	sa->v1 = NULL;
}

void v1_memo_free(struct v1_memo *m)
{
	timer_cancel(&m->sa->e->timers, &m->timer);
	list_del(&m->link);
	m->sa->v1->nmemos--;
	ike_sa_touch(m->sa);
	secret_clear(&m->answer);
	free(m);
}

static void memo_due(struct timer *t)
{
	v1_memo_free(container_of(t, struct v1_memo, timer));
}

void v1_memo_rest(struct v1_memo *m)
{
	m->child = m->deleted = 0;
	ike_sa_touch(m->sa);
	timer_set(&m->sa->e->timers, &m->timer, m->sa->e->now + MEMO_RESTS, memo_due);
}

static struct v1_memo *oldest_idle(struct ike_sa *sa)
{
	list_each(m, &sa->v1->memos, struct v1_memo, link)
		if (!m->child)
			return m;
	return NULL;
}

struct v1_memo *v1_memo_new(struct ike_sa *sa, uint32_t message_id)
{
	struct v1_memo *m;

	if (sa->v1->nmemos >= V1_MEMOS_MAX) {
		m = oldest_idle(sa);
		if (!m)
			return NULL;
		v1_memo_free(m);
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->sa = sa;
	m->message_id = message_id;
	list_add_tail(&sa->v1->memos, &m->link);
	sa->v1->nmemos++;
	ike_sa_touch(sa);
	return m;
}

struct v1_memo *v1_memo_find(const struct ike_sa *sa, uint32_t message_id)
{
	list_each(m, &sa->v1->memos, struct v1_memo, link)
		if (m->message_id == message_id)
			return m;
	return NULL;
}

bool v1_seen(const struct ike_sa *sa, uint32_t message_id)
{
	const struct ikev1_state *s = sa->v1;
	unsigned n = s->nseen < V1_SEEN_MAX ? s->nseen : V1_SEEN_MAX;

	for (unsigned i = 0; i < n; i++)
		if (s->seen[i] == message_id)
			return true;
	return false;
}

void v1_see(struct ike_sa *sa, uint32_t message_id)
{
	struct ikev1_state *s = sa->v1;

	s->seen[s->nseen++ % V1_SEEN_MAX] = message_id;
	if (s->nseen >= 2 * V1_SEEN_MAX)
		s->nseen -= V1_SEEN_MAX;
	ike_sa_touch(sa);
}

unsigned v1_nserving(const struct ike_sa *sa)
{
	unsigned n = 0;

	list_each(x, &sa->v1->serving, struct exchange, link)
		n += x->sa == sa;
	return n;
}

struct exchange *v1_serving(const struct ike_sa *sa, uint32_t message_id)
{
	list_each(x, &sa->v1->serving, struct exchange, link)
		if (x->message_id == message_id)
			return x;
	return NULL;
}
