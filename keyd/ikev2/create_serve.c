// SPDX-License-Identifier: MIT
// CREATE_CHILD_SA for children, begun by the peer (RFC 7296 1.3.1, 1.3.3, 2.8, 2.25).
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/child.h"
#include "keyd/ikev2/collide.h"
#include "keyd/ikev2/create.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/kex.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/window.h"

static const char exchange_name[] = "CREATE_CHILD_SA";

/* How long the child may wait at most for a sign that the peer has it, too. */
static uint64_t patience(const struct exchange *x, const struct child_sa *child)
{
	const struct child_sa *old = create_old(x);
	uint64_t guess = 2 * x->sa->rtt > CHILD_SETTLE ? 2 * x->sa->rtt : CHILD_SETTLE;

	return (old && !old->lost) || child->sign_promised || reauth_sibling(child) ? CHILD_SETTLE_SIGN : guess;
}

/*
 * A new child crosses one that we have just made, though our exchange is over already: the peer's request came late. The
 * peer knows of both, and compares, too.
 */
static void compare_with_made(struct exchange *x, struct child_sa *child)
{
	struct view ni, low;

	if (x->old_spi || message_get_nonce(&x->m, &ni))
		return;
	low = collide_lowest(ni, secret_view(&x->nr));
	list_each(made, &x->sa->children, struct child_sa, link)
		if (made->nonce.n && !made->redundant && x->sa->e->now - made->up_at < CHILD_SETTLE_SIGN &&
		    create_same_traffic(made, child) && collide_lower(secret_view(&made->nonce), low))
			child->beats = made->line;
}

static void serve_answer(struct exchange *x, struct child_sa *child)
{
	struct wire_out out;

	window_answer_begin(x, &out);
	x->child = child;
	child_put_answer(x, &out);
	x->child = NULL;
	message_put_nonce(&out, secret_view(&x->nr));
	if (x->kex)
		message_put_ke(&out, x->kex);
	child->sign_promised = ikev2_will_confirm(&x->m);
	compare_with_made(x, child);
	if (!child->redundant)
		child_wait_for_peer(child, patience(x, child));
	window_answer_end(x, &out);
}

static void serve_installed(struct exchange *x, struct child_sa *child)
{
	struct ike_sa *sa = x->sa;

	if (child)
		serve_answer(x, child);
	else
		window_refuse(x, IKEV2_N_TEMPORARY_FAILURE);
	create_rival_answered(sa, child);
}

static bool enough(const struct ike_sa *sa)
{
	unsigned n = 0;

	list_each(c, &sa->children, struct child_sa, link)
		n += c->state != CHILD_REPLACED;
	return n >= sa->peer->conf.children;
}

/* What the peer wants to replace. 0, or the notify to answer with (RFC 7296 2.25.1). */
static uint16_t serve_old(struct exchange *x)
{
	struct exchange *ours;
	struct wire_notify n;
	struct child_sa *old;

	if (!message_has_notify(&x->m, IKEV2_N_REKEY_SA, &n))
		return 0;
	if (n.spi.n != 4 || (n.protocol != IKEV2_PROTO_ESP && n.protocol != IKEV2_PROTO_AH))
		return IKEV2_N_INVALID_SYNTAX;
	old = n.protocol == IKEV2_PROTO_ESP ? child_find_out(x->sa, child_spi(n.spi)) : NULL;
	if (!old && n.protocol == IKEV2_PROTO_ESP && info_being_made(x->sa, child_spi(n.spi)))
		return IKEV2_N_TEMPORARY_FAILURE;
	if (!old)
		return IKEV2_N_CHILD_SA_NOT_FOUND;
	x->old_spi = old->spi_in;
	if (old->deleting || old->redundant)
		return IKEV2_N_TEMPORARY_FAILURE;
	ours = create_crossed_by(x);
	if (ours && create_rival(ours))
		return IKEV2_N_TEMPORARY_FAILURE;
	return old->replaced_by && !ours ? IKEV2_N_TEMPORARY_FAILURE : 0;
}

static void serve_refuse(struct exchange *x, uint16_t notify)
{
	struct wire_notify n;
	struct wire_out out;

	if (notify != IKEV2_N_CHILD_SA_NOT_FOUND || !message_has_notify(&x->m, IKEV2_N_REKEY_SA, &n)) {
		kex_refuse(x, notify);
		return;
	}
	window_answer_begin(x, &out);
	message_put_notify_spi(&out, notify, n.protocol, child_spi(n.spi));
	window_answer_end(x, &out);
}

static uint16_t serve_keys(struct exchange *x)
{
	struct exchange *ours;
	uint16_t notify;
	struct view ni;

	if (x->choice.ke) {
		notify = kex_serve(x, x->choice.ke);
		if (notify)
			return notify;
	}
	if (kex_nonce(&x->nr) || message_get_nonce(&x->m, &ni) || child_derive(x, ni, secret_view(&x->nr)))
		return IKEV2_N_TEMPORARY_FAILURE;
	ours = create_crossed_by(x);
	if (ours && collide_note(ours, ni, secret_view(&x->nr)))
		return IKEV2_N_TEMPORARY_FAILURE;
	if (ours)
		ours->rival.child = x->child->spi_in;
	return 0;
}

static uint16_t serve_child(struct exchange *x)
{
	uint16_t notify = serve_old(x);

	if (!notify && !x->old_spi && enough(x->sa)) {
		report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "refused",
			  "NO_ADDITIONAL_SAS: the IKE SA has %u children, as many as \"children\" allows",
			  x->sa->peer->conf.children);
		return IKEV2_N_NO_ADDITIONAL_SAS;
	}
	if (!notify && x->sa->active && x->sa->active->new_sa)
		notify = IKEV2_N_TEMPORARY_FAILURE;	/* we are rekeying the IKE SA (2.25.2) */
	if (!notify)
		notify = child_choose(x, PROPOSAL_KE_OPTIONAL);
	if (notify)
		return notify;
	x->child->replaces = x->old_spi;
	return serve_keys(x);
}

/* Is it a failure, or will the peer ask again, in another way? */
static bool is_final(uint16_t notify)
{
	return notify != IKEV2_N_TEMPORARY_FAILURE && notify != IKEV2_N_CHILD_SA_NOT_FOUND &&
	       notify != IKEV2_N_INVALID_KE_PAYLOAD;
}

void create_serve(struct exchange *x)
{
	uint16_t notify = serve_child(x);

	if (!notify) {
		child_install(x, serve_installed);
		return;
	}
	report_sa(x->sa, LOG_LEVEL_INFO, exchange_name, "refused", "%s", ikev2_notify_name(notify));
	if (is_final(notify)) {
		report_notify(x->sa, notify, true);
		report_event(x->sa, NULL, ENGINE_FAILED, "we refuse the child: %s", ikev2_notify_name(notify));
	}
	serve_refuse(x, notify);
}
