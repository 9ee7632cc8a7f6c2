// SPDX-License-Identifier: MIT
// What an ISAKMP SA has of its own, from its first message to its end.
#include "keyd/ikev1/state.h"

#include "keyd/ike/report.h"
#include "keyd/ikev1/fragment.h"

#include <stdlib.h>
#include <string.h>

/* No peer sends a message again after this long. */
#define MEMO_RESTS SECONDS(120)
/* Message ids that there is room for at first. */
#define SEEN_FIRST 32
/* When they become few, another SA is made within this. */
#define RENEW_WITHIN SECONDS(2)

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
	struct secret *all[] = {
		&s->sai_b, &s->id_i_b, &s->id_r_b, &s->public_i, &s->public_r, &s->shared,
		&s->keys.skeyid, &s->requested,
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		secret_clear(all[i]);
	crypto_kex_free(sa->kex);
	sa->kex = NULL;
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
	free(sa->v1->seen);
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

static bool known(const struct ikev1_state *s, uint32_t message_id)
{
	for (unsigned i = 0; i < s->nseen; i++)
		if (s->seen[i] == message_id)
			return true;
	return false;
}

bool v1_seen(const struct ike_sa *sa, uint32_t message_id)
{
	return sa->v1->nseen >= V1_SEEN_MAX || known(sa->v1, message_id);
}

static int more_room(struct ikev1_state *s)
{
	unsigned room = s->seen_room ? 2 * s->seen_room : SEEN_FIRST;
	uint32_t *more = realloc(s->seen, room * sizeof(*more));

	if (!more)
		return -1;
	s->seen = more;
	s->seen_room = room;
	return 0;
}

/* Both ends count the same: the responder waits a little longer. */
static void renew_in_time(struct ike_sa *sa)
{
	const struct ikev1_state *s = sa->v1;

	if (s->nseen == V1_SEEN_MAX)
		report_sa(sa, LOG_LEVEL_WARNING, "IKE_SA", "used up",
			  "it has had all its %u exchanges, and what the peer says on it is not heard any more",
			  V1_SEEN_MAX);
	if (s->nseen != V1_SEEN_MAX / 8 * (sa->initiator ? 6 : 7) || sa->state != IKE_ESTABLISHED || s->gone)
		return;
	sa->rekey_why = "messages";
	ike_sa_rekey_later(sa, engine_random_below(RENEW_WITHIN));
}

/* Where none are left nothing is taken from the wire that need be known again. */
int v1_see(struct ike_sa *sa, uint32_t message_id)
{
	struct ikev1_state *s = sa->v1;

	if (s->nseen >= V1_SEEN_MAX)
		return 0;
	if (s->nseen == s->seen_room && more_room(s))
		return -1;
	s->seen[s->nseen++] = message_id;
	ike_sa_touch(sa);
	renew_in_time(sa);
	return 0;
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
