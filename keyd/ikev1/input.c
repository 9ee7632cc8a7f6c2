// SPDX-License-Identifier: MIT
// A datagram's way to its ISAKMP SA and exchange; the table of what is taken in which state.
#include "keyd/ike/liveness.h"
#include "keyd/ike/report.h"
#include "keyd/ikev1/config.h"
#include "keyd/ikev1/exchanges.h"
#include "keyd/ikev1/fragment.h"
#include "keyd/ikev1/message.h"
#include "keyd/ikev1/window.h"

#include <string.h>

#define IN(state) (1u << (state))
#define UP (IN(IKE_ESTABLISHED) | IN(IKE_REPLACED) | IN(IKE_DELETING))
#define BEFORE (IN(IKE_NEW) | IN(IKE_INIT) | IN(IKE_AUTH))

/* Exchange, encrypted or not, states, function. A phase 1 that is through still answers copies of its last message. */
static const struct {
	uint8_t exchange;
	bool secret;
	unsigned states;
	void (*heard)(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m);
} taken[] = {
	{ ISAKMP_EXCH_MAIN, false, BEFORE | UP, v1_phase1_heard },
	{ ISAKMP_EXCH_MAIN, true, BEFORE | UP, v1_phase1_heard },
	{ ISAKMP_EXCH_AGGRESSIVE, false, BEFORE | UP, v1_phase1_heard },
	{ ISAKMP_EXCH_AGGRESSIVE, true, BEFORE | UP, v1_phase1_heard },
	{ ISAKMP_EXCH_QUICK, true, IN(IKE_ESTABLISHED) | IN(IKE_REPLACED), v1_quick_heard },
	{ ISAKMP_EXCH_TRANSACTION, true, IN(IKE_AUTH) | IN(IKE_ESTABLISHED) | IN(IKE_REPLACED), v1_config_heard },
	{ ISAKMP_EXCH_INFORMATIONAL, true, IN(IKE_AUTH) | UP, v1_info_heard },
	{ ISAKMP_EXCH_INFORMATIONAL, false, BEFORE | UP, v1_phase1_hint },
};

static bool zero(const uint8_t cookie[8])
{
	static const uint8_t none[8];

	return !memcmp(cookie, none, sizeof(none));
}

static struct ike_sa *with_cookies(struct engine *e, const struct wire_header *h)
{
	struct ike_sa *sa = ike_sa_find(e, h->spi_i);

	/* The responder's cookie comes with its first answer; a notification may come with none. */
	if (sa && sa->v1 && sa->initiator &&
	    (!memcmp(sa->spi_r, h->spi_r, sizeof(sa->spi_r)) || zero(sa->spi_r)))
		return sa;
	sa = zero(h->spi_r) ? NULL : ike_sa_find(e, h->spi_r);
	return sa && sa->v1 && !sa->initiator && !memcmp(sa->spi_i, h->spi_i, sizeof(sa->spi_i)) ? sa : NULL;
}

static void dispatch(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m)
{
	bool secret = m->h.flags & ISAKMP_FLAG_ENCRYPTED;

	for (unsigned i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (taken[i].exchange == m->h.exchange && taken[i].secret == secret && taken[i].states & IN(sa->state)) {
			taken[i].heard(sa, d, m);
			return;
		}
	}
	report_stranger(sa->e, d, isakmp_exchange_name(m->h.exchange), "it has no place in state %s", ike_state_name(sa->state));
}

static bool is_phase1(uint8_t exchange)
{
	return exchange == ISAKMP_EXCH_MAIN || exchange == ISAKMP_EXCH_AGGRESSIVE;
}

static void message_input(struct engine *e, const struct engine_datagram *d, const struct wire_message *m)
{
	struct ike_sa *sa = with_cookies(e, &m->h);
	bool secret = m->h.flags & ISAKMP_FLAG_ENCRYPTED;

	if (sa && is_phase1(m->h.exchange) && zero(m->h.spi_r))
		report_stranger(e, d, isakmp_exchange_name(m->h.exchange), "a first message with a cookie of ours: somebody sends it back");
	else if (sa && sa->state < IKE_CLOSED)
		dispatch(sa, d, m);
	else if (!sa && zero(m->h.spi_r) && !zero(m->h.spi_i) && !secret && is_phase1(m->h.exchange))
		v1_phase1_serve(e, d, m);
	else if (sa && sa->state == IKE_CLOSED && secret)
		v1_bye_again(sa);
	else
		report_stranger(e, d, isakmp_exchange_name(m->h.exchange), "for an ISAKMP SA that we do not have");
}

/* *m is what d holds. False: it is no message, which has been counted. */
static bool decode(struct engine *e, const struct engine_datagram *d, struct wire_message *m)
{
	struct view text;
	int error = isakmp_message_get(m, d->data, &text);

	if (!error)
		return true;
	e->stats.malformed++;
	report_stranger(e, d, "datagram", "not IKEv1: %s", wire_strerror(error));
	return false;
}

/* What pieces make is a message, and not a piece. */
static void piece_input(struct engine *e, const struct engine_datagram *d, struct wire_message *m)
{
	struct ike_sa *sa = with_cookies(e, &m->h);
	struct engine_datagram all = *d;
	struct secret whole = { 0 };

	if (sa && sa->state < IKE_CLOSED && v1_fragment_take(sa, m, &whole)) {
		all.data = secret_view(&whole);
		if (decode(e, &all, m) && m->h.next_payload != ISAKMP_PL_FRAGMENT)
			message_input(e, &all, m);
	}
	secret_clear(&whole);
}

static void ikev1_input(struct engine *e, const struct engine_datagram *d)
{
	struct wire_message m;

	if (!decode(e, d, &m))
		return;
	if (m.n && m.pl[0].type == ISAKMP_PL_FRAGMENT)
		piece_input(e, d, &m);
	else
		message_input(e, d, &m);
}

static bool may_begin(const struct ike_sa *sa, const struct exchange *x)
{
	switch (sa->state) {
	case IKE_NEW:
	case IKE_INIT:
	case IKE_AUTH:
		return x->v1.phase1 || x->ops->type == ISAKMP_EXCH_TRANSACTION;
	case IKE_ESTABLISHED:
		return !sa->v1->gone;
	case IKE_REPLACED:
	case IKE_DELETING:
		return x->ops->type == ISAKMP_EXCH_INFORMATIONAL;
	default:
		return false;
	}
}

static const struct exchange_ops *const kept[V1_KEPT_EXCHANGES] = {
	[V1_KEPT_QUICK] = &v1_quick_ops,
	[V1_KEPT_REKEY_CHILD] = &v1_quick_rekey_ops,
	[V1_KEPT_DELETE_CHILD] = &v1_delete_child_ops,
	[V1_KEPT_DELETE_IKE] = &v1_delete_ike_ops,
	[V1_KEPT_LIVENESS] = &v1_liveness_ops,
};

static const struct exchange_ops *kept_by_number(uint8_t number)
{
	return number < V1_KEPT_EXCHANGES ? kept[number] : NULL;
}

static void drop(struct ike_sa *sa)
{
	struct ike_sa *old, *heir = ike_sa_heir(sa);

	if (!sa->v1)
		return;
	list_each(x, &sa->v1->serving, struct exchange, link)
		exchange_free(x);
	list_each(m, &sa->v1->memos, struct v1_memo, link) {
		if (m->child && ike_sa_heir(sa) != sa)
			v1_quick_never_taken(m);
		v1_memo_free(m);
	}
	/* Those that were being made when others took its place, one after the other, came to it all the same. */
	if (heir != sa && heir->state == IKE_ESTABLISHED)
		ike_sa_give_children(sa, heir);
	old = sa->established_at ? NULL : ike_sa_find(sa->e, sa->v1->of);
	if (old && old != sa && old->v1)
		v1_not_succeeded(old, "no other could be made in its place");
}

static struct exchange *maker(const struct ike_sa *sa, const struct child_sa *c)
{
	if (!sa->v1)
		return NULL;
	list_each(x, &sa->v1->serving, struct exchange, link)
		if (x->child == c)
			return x;
	return NULL;
}

static struct view cipher_key(const struct ike_sa *sa)
{
	return sa->v1 ? secret_view(&sa->v1->keys.key) : (struct view){ 0 };
}

const struct ike_version ikev1_version = {
	.major = ISAKMP_MAJOR,
	.rekeys_prove = true,
	.exchange_name = isakmp_exchange_name,
	.initiate = v1_initiate,
	.create_child = v1_create_child,
	.rekey_child = v1_rekey_child,
	.delete_child = v1_delete_child,
	.rekey_ike = v1_rekey_ike,
	.delete_ike = v1_delete_ike,
	.liveness = v1_liveness,
	.confirm = v1_confirm,
	.may_begin = may_begin,
	.send_next = v1_send_next,
	.closes_child = v1_closes_child,
	.kept = kept_by_number,
	.resume = v1_resume,
	.input = ikev1_input,
	.child_up = v1_child_up,
	.proves = v1_proves,
	.drop = drop,
	.freed = v1_state_free,
	.key = cipher_key,
	.walk = v1_walk,
	.thawed = v1_thawed,
	.left = v1_left,
	.maker = maker,
};
