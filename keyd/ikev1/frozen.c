// SPDX-License-Identifier: MIT
// What survives an engine of an ISAKMP SA: its keys, and what was said last in its exchanges.
#include "keyd/ikev1/exchanges.h"

#include "keyd/ikev1/state.h"

#define KEY_MAX 128
#define ANSWER_MAX ENGINE_DATAGRAM_MAX	/* a last message of phase 1 may have certificates */

static void walk_memo(struct frost *f, struct v1_memo *m)
{
	frost_u32(f, &m->message_id);
	frost_mem(f, m->heard, sizeof(m->heard));
	frost_secret(f, &m->answer, ANSWER_MAX);
	frost_u32(f, &m->child);
	frost_mem(f, m->iv, sizeof(m->iv));
	frost_mem(f, m->hash3, sizeof(m->hash3));
}

static void walk_memos(struct frost *f, struct ike_sa *sa)
{
	uint8_t n = (uint8_t)sa->v1->nmemos;

	frost_u8(f, &n);
	if (n > V1_MEMOS_MAX)
		f->broken = true;
	if (!frost_reads(f))
		list_each(m, &sa->v1->memos, struct v1_memo, link)
			walk_memo(f, m);
	for (unsigned i = 0; frost_reads(f) && i < n && !f->broken; i++) {
		struct v1_memo *m = v1_memo_new(sa, 0);

		if (m)
			walk_memo(f, m);
		else
			f->broken = true;
	}
}

static void walk_seen(struct frost *f, struct ike_sa *sa)
{
	uint16_t n = (uint16_t)sa->v1->nseen;
	uint32_t id;

	frost_u16(f, &n);
	if (n > V1_SEEN_MAX)
		f->broken = true;
	for (unsigned i = 0; i < n && !f->broken; i++) {
		id = frost_reads(f) ? 0 : sa->v1->seen[i];
		frost_u32(f, &id);
		if (frost_reads(f) && v1_see(sa, id))
			f->broken = true;
	}
}

void v1_walk(struct frost *f, struct ike_sa *sa)
{
	struct ikev1_state *s;

	if (!sa->v1 && v1_state_new(sa)) {
		f->broken = true;
		return;
	}
	s = sa->v1;
	frost_alg(f, &s->suite.encr, CRYPTO_ENCR);
	frost_alg(f, &s->suite.prf, CRYPTO_PRF);
	frost_secret(f, &s->keys.skeyid_d, KEY_MAX);
	frost_secret(f, &s->keys.skeyid_a, KEY_MAX);
	frost_secret(f, &s->keys.skeyid_e, KEY_MAX);
	frost_secret(f, &s->keys.key, KEY_MAX);
	frost_u16(f, &s->method);
	frost_mem(f, s->iv, sizeof(s->iv));
	frost_bool(f, &s->dpd);
	frost_u8(f, &s->nat_t);
	frost_bool(f, &s->kin);
	frost_bool(f, &s->gone);
	frost_u32(f, &s->dpd_ours);
	walk_seen(f, sa);
	walk_memos(f, sa);
	if (frost_reads(f) && (!s->suite.encr || !s->suite.prf || !s->suite.encr->ikev1_id || !s->suite.prf->ikev1_id ||
			       s->keys.key.n != s->suite.encr->key))
		f->broken = true;
}

void v1_thawed(struct ike_sa *sa)
{
	sa->v1->config.open = true;
	v1_succeed_thawed(sa);
	list_each(m, &sa->v1->memos, struct v1_memo, link)
		if (m->message_id)
			v1_quick_resume(m);
		else
			v1_memo_repeat(m, sa->peer->conf.retransmit_tries);
}

unsigned v1_left(const struct ike_sa *sa, uint32_t *spis, unsigned max)
{
	unsigned n = 0;

	list_each(x, &sa->v1->serving, struct exchange, link)
		if (n < max && x->child && x->child->state == CHILD_NEW && x->installed)
			spis[n++] = x->child->spi_in;
	return n;
}
