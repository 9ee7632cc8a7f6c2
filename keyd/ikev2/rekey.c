// SPDX-License-Identifier: MIT
// CREATE_CHILD_SA for the IKE SA itself: fresh keys, the same children (RFC 7296 1.3.2, 2.18).
#include "keyd/ike/report.h"
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

static void refused(struct exchange *x, uint16_t error)
{
	if (kex_retry(x, error))
		return;
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
	return !kex_take(x, x->choice.ke) && !derive(x, secret_view(&x->ni), nr);
}

static void rekey_answer(struct exchange *x)
{
	uint16_t error = message_error(&x->m);
	struct ike_sa *sa = x->sa, *fresh = x->new_sa;

	if (error) {
		refused(x, error);
		return;
	}
	if (!agree(x)) {
		report_sa(sa, LOG_LEVEL_WARNING, x->ops->name, "failed", "the peer's answer does not fit our offer");
		exchange_fail(x);
		return;
	}
	x->new_sa = NULL;
	ike_sa_replace(sa, fresh);
	info_delete_ike_begin(sa);
	exchange_done(x);
}

static void rekey_abandon(struct exchange *x)
{
	if (x->sa->state == IKE_ESTABLISHED)
		ike_sa_rekey_later(x->sa, RETRY_AFTER + engine_random_below(RETRY_AFTER));
}

static const struct exchange_ops rekey_ops = {
	.name = "CREATE_CHILD_SA rekey IKE SA",
	.type = IKEV2_EXCH_CREATE_CHILD_SA,
	.build = rekey_build,
	.answer = rekey_answer,
	.abandon = rekey_abandon,
};

static bool under_way(const struct ike_sa *sa)
{
	if (sa->active && sa->active->ops == &rekey_ops)
		return true;
	list_each(x, &sa->queue, struct exchange, link)
		if (x->ops == &rekey_ops)
			return true;
	return false;
}

void rekey_begin(struct ike_sa *sa)
{
	struct exchange *x = under_way(sa) ? NULL : exchange_new(sa, &rekey_ops);

	if (x)
		exchange_queue(x);
}

/* --- responder --- */

static uint16_t serve_choose(struct exchange *x)
{
	const struct conf_proposals *ours = &x->sa->peer->conf.ike;
	struct wire_sa offer, mine;
	char a[600], b[600];

	/* What we have begun ourselves would be lost with the old SA: the peer tries again (RFC 7296 2.25.2). */
	if (x->sa->active && x->sa->active->ops->type == IKEV2_EXCH_CREATE_CHILD_SA)
		return IKEV2_N_TEMPORARY_FAILURE;
	if (message_get_sa(&x->m, &offer))
		return IKEV2_N_INVALID_SYNTAX;
	if (!proposal_choose(ours, &offer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, &x->choice)) {
		proposal_offer(ours, IKEV2_PROTO_IKE, (struct view){ 0 }, PROPOSAL_KE_REQUIRED, &mine);
		report_sa(x->sa, LOG_LEVEL_WARNING, rekey_ops.name, "failed",
			  "NO_PROPOSAL_CHOSEN: the peer offers %s; we accept %s",
			  proposal_format(&offer, a, sizeof(a)), proposal_format(&mine, b, sizeof(b)));
		return IKEV2_N_NO_PROPOSAL_CHOSEN;
	}
	return x->choice.spi.n == 8 ? 0 : IKEV2_N_INVALID_SYNTAX;
}

static uint16_t serve_keys(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	uint16_t notify = kex_serve(x, x->choice.ke);
	struct view ni;

	if (notify)
		return notify;
	x->new_sa = ike_sa_new(sa->e, sa->peer, false, &sa->local, sa->local_port, &sa->remote, sa->remote_port);
	if (!x->new_sa || kex_nonce(&x->nr) || message_get_nonce(&x->m, &ni))
		return IKEV2_N_TEMPORARY_FAILURE;
	memcpy(x->new_sa->spi_i, x->choice.spi.p, 8);
	return derive(x, ni, secret_view(&x->nr)) ? IKEV2_N_TEMPORARY_FAILURE : 0;
}

void rekey_serve(struct exchange *x)
{
	uint16_t notify = serve_choose(x);
	struct ike_sa *sa = x->sa, *fresh;
	struct wire_sa chosen;
	struct wire_out out;

	if (!notify)
		notify = serve_keys(x);
	if (notify) {
		kex_refuse(x, notify);
		return;
	}
	fresh = x->new_sa;
	x->new_sa = NULL;
	proposal_answer(&x->choice, IKEV2_PROTO_IKE, (struct view){ fresh->spi_r, 8 }, &chosen);
	window_answer_begin(x, &out);
	message_put_sa(&out, &chosen);
	message_put_nonce(&out, secret_view(&x->nr));
	message_put_ke(&out, x->kex);
	window_answer_end(x, &out);
	if (sa->state != IKE_DEAD)
		ike_sa_replace(sa, fresh);
	else
		ike_sa_set_state(fresh, IKE_DEAD);
}
