// SPDX-License-Identifier: MIT
// CREATE_CHILD_SA for the IKE SA itself: fresh keys, the same children (RFC 7296 1.3.2, 2.18).
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/collide.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/kex.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/window.h"

#include <string.h>

#define RETRY_AFTER SECONDS(5)

static bool rekey_build(struct exchange *x, struct wire_out *out)
{
	struct ike_sa *sa = x->sa;
	const struct conf_proposals *ours = &sa->peer->conf.ike;
	struct wire_sa offer;

	if (!x->new_sa)
		x->new_sa = ike_sa_new(sa->e, sa->peer, true, &sa->local, sa->local_port, &sa->remote,
				       sa->remote_port);
	if (!x->new_sa || kex_fresh(x, ours) || !x->kex || (!x->ni.n && kex_nonce(&x->ni))) {
		report_sa(sa, LOG_LEVEL_ERROR, x->ops->name, "failed", "no key pair could be made");
		return false;
	}
	proposal_offer(ours, IKEV2_PROTO_IKE, (struct view){ x->new_sa->spi_i, 8 }, PROPOSAL_KE_REQUIRED, &offer);
	message_put_sa(out, &offer);
	message_put_nonce(out, secret_view(&x->ni));
	message_put_ke(out, x->kex);
	return true;
}

/* Keys and ciphers of the new SA. 0 or -1. */
static int derive(struct exchange *x, struct view ni, struct view nr)
{
	struct ike_sa *old = x->sa, *sa = x->new_sa;

	sa->suite = (struct ikev2_suite){ x->choice.encr, x->choice.prf, x->choice.integ };
	sa->ke = x->choice.ke;
	if (ikev2_keymat_rekey(&sa->keys, &sa->suite, old->suite.prf, secret_view(&old->keys.sk_d),
			       secret_view(&x->shared), ni, nr, sa->spi_i, sa->spi_r))
		return -1;
	return ike_sa_ciphers(sa);
}

/* --- the peer's rekey that crossed ours --- */

/* The IKE SA that it made, while nobody knows yet which one stays. */
static struct ike_sa *rival_of(const struct exchange *x)
{
	struct ike_sa *sa = x->rival.nonce.n ? ike_sa_find(x->sa->e, x->rival.ike) : NULL;

	return sa && sa->state == IKE_CROSSED ? sa : NULL;
}

/* Theirs stays. Were we about to end the whole, it ends, too. */
static void adopt(struct ike_sa *sa, struct ike_sa *theirs)
{
	if (sa->state == IKE_ESTABLISHED)
		ike_sa_replace(sa, theirs);
	else
		info_delete_ike_begin(theirs);
}

/* Ours goes: we began it, so we delete it. */
static void discard(struct ike_sa *sa, struct ike_sa *ours)
{
	report_sa(ours, LOG_LEVEL_INFO, "IKE_SA", "redundant", "both sides rekeyed at once; the peer's stays");
	ike_sa_cross(ours, sa);
	info_delete_ike_begin(ours);
}

static struct exchange *under_way_on(const struct ike_sa *sa)
{
	return sa->active && sa->active->ops == &ikev2_rekey_ops ? sa->active : NULL;
}

void rekey_yield(struct ike_sa *sa)
{
	struct exchange *x = under_way_on(sa);
	struct ike_sa *theirs = x ? rival_of(x) : NULL;

	if (theirs)
		adopt(sa, theirs);
}

void rekey_chosen(struct ike_sa *fresh)
{
	struct ike_sa *old = ike_sa_find(fresh->e, fresh->predecessor);
	struct exchange *x = old ? under_way_on(old) : NULL;

	if (x && rival_of(x) == fresh && old->state == IKE_ESTABLISHED)
		ike_sa_replace(old, fresh);
}

/* --- the peer's answer --- */

static void refused(struct exchange *x, uint16_t error)
{
	struct ike_sa *theirs = rival_of(x);

	if (theirs || x->sa->state != IKE_ESTABLISHED) {
		report_sa(x->sa, LOG_LEVEL_INFO, x->ops->name, "dropped", "%s; the peer was first",
			  ikev2_notify_name(error));
		if (theirs)
			adopt(x->sa, theirs);
		exchange_done(x);
		return;
	}
	if (kex_retry(x, error))
		return;
	if (error == IKEV2_N_NO_ADDITIONAL_SAS && reauth_begin(x->sa, "the peer rekeys nothing (NO_ADDITIONAL_SAS)")) {
		exchange_fail(x);
		return;
	}
	report_sa(x->sa, LOG_LEVEL_WARNING, x->ops->name, "failed", "the peer refused: %s (%u)",
		  ikev2_notify_name(error), error);
	exchange_fail(x);
}

static bool agree(struct exchange *x)
{
	struct wire_sa chosen;
	struct view nr;

	if (message_get_sa(&x->m, &chosen) || message_get_nonce(&x->m, &nr) ||
	    !proposal_check(&x->sa->peer->conf.ike, &chosen, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, &x->choice) ||
	    x->choice.spi.n != 8)
		return false;
	memcpy(x->new_sa->spi_r, x->choice.spi.p, 8);
	return !kex_take(x, x->choice.ke) && !derive(x, secret_view(&x->ni), nr) && !secret_set(&x->nr, nr.p, nr.n);
}

static void settle(struct exchange *x, struct ike_sa *ours)
{
	struct ike_sa *sa = x->sa, *theirs = rival_of(x);

	/* Where the children have gone elsewhere, or the whole is to end, there is nothing left to take over. */
	if (sa->state != IKE_ESTABLISHED || collide_lost(x)) {
		if (theirs)
			adopt(sa, theirs);
		discard(sa, ours);
		return;
	}
	ike_sa_replace(sa, ours);
	info_delete_ike_begin(sa);
}

static void rekey_answer(struct exchange *x)
{
	uint16_t error = message_error(&x->m);
	struct ike_sa *sa = x->sa, *fresh = x->new_sa;

	if (error) {
		refused(x, error);
		return;
	}
	sa->refused_since = 0;
	if (!agree(x)) {
		report_sa(sa, LOG_LEVEL_WARNING, x->ops->name, "failed", "the peer's answer does not fit our offer");
		exchange_fail(x);
		return;
	}
	x->new_sa = NULL;
	settle(x, fresh);
	exchange_done(x);
}

static void rekey_abandon(struct exchange *x)
{
	struct ike_sa *theirs = rival_of(x);

	if (x->sa->state != IKE_ESTABLISHED)
		return;
	if (theirs)
		adopt(x->sa, theirs);
	else
		ike_sa_rekey_later(x->sa, RETRY_AFTER + engine_random_below(RETRY_AFTER));
}

const struct exchange_ops ikev2_rekey_ops = {
	.kept = KEPT_REKEY_IKE,
	.name = "CREATE_CHILD_SA rekey IKE SA",
	.type = IKEV2_EXCH_CREATE_CHILD_SA,
	.of_this_sa = true,
	.build = rekey_build,
	.answer = rekey_answer,
	.abandon = rekey_abandon,
};

static bool under_way(const struct ike_sa *sa)
{
	if (under_way_on(sa))
		return true;
	list_each(x, &sa->queue, struct exchange, link)
		if (x->ops == &ikev2_rekey_ops)
			return true;
	return false;
}

void rekey_begin(struct ike_sa *sa)
{
	struct exchange *x = under_way(sa) ? NULL : exchange_new(sa, &ikev2_rekey_ops);

	if (!x)
		return;
	report_detail(sa, NULL, ENGINE_REKEY_BEGUN, NULL, 0, "%s", sa->rekey_why ? sa->rekey_why : "");
	exchange_queue(x);
}

/* --- responder --- */

/* What we do with a child would be lost with the old SA: the peer tries again (RFC 7296 2.25.1). */
static bool busy(const struct ike_sa *sa)
{
	const struct exchange *ours = sa->active;

	if (!ours)
		return false;
	if (ours->ops == &ikev2_rekey_ops)
		return ours->rival.nonce.n != 0;	/* the peer's second one: it should know of its first */
	return ours->ops->type != IKEV2_EXCH_INFORMATIONAL || info_closes_child(ours);
}

static uint16_t serve_choose(struct exchange *x)
{
	const struct conf_proposals *ours = &x->sa->peer->conf.ike;
	struct wire_sa offer, mine;
	char a[450], b[450], why[400];

	if (busy(x->sa))
		return IKEV2_N_TEMPORARY_FAILURE;
	if (message_get_sa(&x->m, &offer))
		return IKEV2_N_INVALID_SYNTAX;
	if (!proposal_choose(ours, &offer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, &x->choice)) {
		proposal_offer(ours, IKEV2_PROTO_IKE, (struct view){ 0 }, PROPOSAL_KE_REQUIRED, &mine);
		report_sa(x->sa, LOG_LEVEL_WARNING, ikev2_rekey_ops.name, "failed",
			  "NO_PROPOSAL_CHOSEN: the peer offers %s; we accept %s; %s",
			  proposal_format(&offer, a, sizeof(a)), proposal_format(&mine, b, sizeof(b)),
			  proposal_explain(ours, &offer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, why, sizeof(why)));
		return IKEV2_N_NO_PROPOSAL_CHOSEN;
	}
	return x->choice.spi.n == 8 ? 0 : IKEV2_N_INVALID_SYNTAX;
}

static uint16_t serve_keys(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct exchange *ours = under_way_on(sa);
	uint16_t notify = kex_serve(x, x->choice.ke);
	struct view ni;

	if (notify)
		return notify;
	x->new_sa = ike_sa_new(sa->e, sa->peer, false, &sa->local, sa->local_port, &sa->remote, sa->remote_port);
	if (!x->new_sa || kex_nonce(&x->nr) || message_get_nonce(&x->m, &ni))
		return IKEV2_N_TEMPORARY_FAILURE;
	memcpy(x->new_sa->spi_i, x->choice.spi.p, 8);
	if (derive(x, ni, secret_view(&x->nr)))
		return IKEV2_N_TEMPORARY_FAILURE;
	if (!ours)
		return 0;
	memcpy(ours->rival.ike, x->new_sa->spi_r, sizeof(ours->rival.ike));
	return collide_note(ours, ni, secret_view(&x->nr)) ? IKEV2_N_TEMPORARY_FAILURE : 0;
}

static void serve_answer(struct exchange *x, const struct ike_sa *fresh)
{
	struct wire_sa chosen;
	struct wire_out out;

	proposal_answer(&x->choice, IKEV2_PROTO_IKE, (struct view){ fresh->spi_r, 8 }, &chosen);
	window_answer_begin(x, &out);
	message_put_sa(&out, &chosen);
	message_put_nonce(&out, secret_view(&x->nr));
	message_put_ke(&out, x->kex);
	window_answer_end(x, &out);
}

void rekey_serve(struct exchange *x)
{
	uint16_t notify = serve_choose(x);
	struct ike_sa *sa = x->sa, *fresh;

	if (!notify)
		notify = serve_keys(x);
	if (notify) {
		kex_refuse(x, notify);
		return;
	}
	fresh = x->new_sa;
	x->new_sa = NULL;
	serve_answer(x, fresh);
	if (sa->state >= IKE_CLOSED)
		ike_sa_set_state(fresh, IKE_DEAD);
	else if (under_way_on(sa))
		ike_sa_cross(fresh, sa);
	else
		ike_sa_replace(sa, fresh);
}
