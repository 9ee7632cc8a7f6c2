// SPDX-License-Identifier: MIT
// CREATE_CHILD_SA for children, begun by us: a new one, or one that replaces another (RFC 7296 1.3.1, 1.3.3, 2.8).
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/selector.h"
#include "keyd/ikev2/child.h"
#include "keyd/ikev2/collide.h"
#include "keyd/ikev2/create.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/kex.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/window.h"

struct child_sa *create_old(const struct exchange *x)
{
	return x->old_spi ? child_find(x->sa->e, x->old_spi) : NULL;
}

static enum proposal_ke ke_of(const struct exchange *x)
{
	return x->kex ? PROPOSAL_KE_OPTIONAL : PROPOSAL_KE_NONE;
}

/* A new child may have been rekeyed since, or we be deleting it. */
struct child_sa *create_rival(const struct exchange *x)
{
	struct child_sa *c = x->rival.nonce.n ? child_find(x->sa->e, x->rival.child) : NULL;

	if (!x->rival.nonce.n || x->old_spi || (c && c->state == CHILD_NEW))
		return c;
	list_each(each, &x->sa->children, struct child_sa, link)
		if (each->line == x->rival.child && !child_has_heir(each) && !each->deleting)
			return each;
	return NULL;
}

/* What the peer makes, and we have not answered yet, instead of what x is to make. */
static struct child_sa *being_served(const struct exchange *x)
{
	const struct exchange *theirs = x->sa->serving;

	if (!theirs || !theirs->child || theirs->old_spi != x->old_spi)
		return NULL;
	return x->old_spi || selector_equal(&theirs->child->pol.sel, &x->child->pol.sel) ? theirs->child : NULL;
}

/* Has the peer done meanwhile what this exchange is for: replaced the old child, deleted it, made the new one? */
static bool needless(const struct exchange *x)
{
	const struct child_sa *old = create_old(x);
	struct child_sa *theirs = create_rival(x);

	if (!theirs)
		theirs = being_served(x);
	if (!theirs && !x->old_spi)
		theirs = child_twin(x->child);
	if (theirs)
		child_hand_over(x->child, theirs);
	return theirs || (x->old_spi && (!old || old->replaced_by || old->deleting));
}

static bool create_build(struct exchange *x, struct wire_out *out)
{
	const struct conf_peer *conf = &x->sa->peer->conf;
	struct child_sa *old = create_old(x);
	struct conf_proposals ours;

	if (needless(x))
		return false;
	child_proposals(conf, PROPOSAL_KE_OPTIONAL, &ours);
	if (conf->pfs && !x->no_kex && kex_fresh(x, &ours)) {
		report_child(x->child, LOG_LEVEL_ERROR, x->ops->name, "failed", "no key pair could be made");
		return false;
	}
	if (!x->ni.n && kex_nonce(&x->ni))
		return false;
	if (old)
		message_put_notify_spi(out, IKEV2_N_REKEY_SA, IKEV2_PROTO_ESP, old->spi_in);
	child_put_offer(x, out, ke_of(x));
	ikev2_put_confirm(out);
	message_put_nonce(out, secret_view(&x->ni));
	if (x->kex)
		message_put_ke(out, x->kex);
	return true;
}

/* The peer's SA of this negotiation is of no use to us: it is told so. */
static void give_up(struct exchange *x)
{
	x->sa->e->stats.failed++;
	report_reason(x->sa, REASON_PEER_ANSWER);
	report_event(x->sa, x->child, ENGINE_FAILED, "the child could not be made; see the log");
	info_delete_offered(x->child);
	exchange_fail(x);
}

/* --- what the peer made at the same moment --- */

/*
 * Does the peer's child stay and ours go? The nonces say so, unless the peer has taken its own back. Where it has deleted
 * the old child as well, it had finished, and ended the whole afterwards.
 */
static bool lost(const struct exchange *x)
{
	return collide_lost(x) && (create_rival(x) || (x->old_spi && !create_old(x)));
}

bool create_same_traffic(const struct child_sa *a, const struct child_sa *b)
{
	return a->sel_exact && b->sel_exact && selector_equal(&a->sel, &b->sel);
}

/* Ours goes; as long as we send on it, not before the other one can be sent on. */
static void settle_lost(struct exchange *x, struct child_sa *ours)
{
	struct child_sa *stays = create_rival(x), *old = create_old(x);
	bool sends = ours->state == CHILD_UP;

	if (old && stays)
		old->replaced_by = stays->spi_in;
	if (old)
		child_touch(old);
	child_redundant(ours, stays);
	if (!sends || !stays || stays->state == CHILD_UP)
		info_delete_child_begin(ours);
}

static void settle_won(struct exchange *x, struct child_sa *ours)
{
	struct child_sa *goes = create_rival(x), *old = create_old(x);

	if (goes && x->old_spi)
		child_redundant(goes, ours);
	if (old) {
		old->replaced_by = ours->spi_in;
		child_touch(old);
		info_delete_child_begin(old);
	} else {
		struct view nonce = collide_lowest(secret_view(&x->ni), secret_view(&x->nr));

		if (secret_set(&ours->nonce, nonce.p, nonce.n))
			secret_clear(&ours->nonce);	/* then it is never the one too many */
		ikev2_confirm(x->sa);
	}
}

/* The child is in the kernel, and so is, or never will be, what the peer made at the same moment. Ends x. */
static void settle(struct exchange *x, struct child_sa *ours)
{
	struct child_sa *theirs = create_rival(x);
	bool alike = x->old_spi || (theirs && create_same_traffic(ours, theirs));

	if (ours->redundant || (alike && lost(x)))
		settle_lost(x, ours);
	else
		settle_won(x, ours);
	exchange_done(x);
}

static void create_installed(struct exchange *x, struct child_sa *child)
{
	struct child_sa *theirs = create_rival(x);

	if (!child) {
		x->sa->e->stats.failed++;
		exchange_fail(x);
		return;
	}
	if (theirs && theirs->state == CHILD_NEW) {
		x->rival.awaited = true;
		x->made_spi = child->spi_in;
		return;
	}
	settle(x, child);
}

void create_rival_answered(struct ike_sa *sa, bool made)
{
	struct exchange *x = sa->active;
	struct child_sa *ours;

	if (!x || !x->rival.nonce.n || (x->ops != &ikev2_create_ops && x->ops != &ikev2_rekey_child_ops))
		return;
	/* One that was there and is gone has had its successors, and beats ours as before. */
	if (!made && !create_rival(x))
		secret_clear(&x->rival.nonce);
	if (!x->rival.awaited)
		return;
	ours = child_find(sa->e, x->made_spi);
	if (ours)
		settle(x, ours);
	else
		exchange_done(x);
}

/* --- the peer's answer --- */

/* The peer lost what we wanted to replace: begin anew with the same policy. */
static void not_found(struct exchange *x)
{
	struct child_sa *old = create_old(x);
	struct ike_sa *sa = x->sa;
	struct ipsec_policy pol = x->child->pol;

	child_end(old, ENGINE_CHILD_DOWN, "the peer has not got it any more");
	exchange_free(x);
	/* An SA that is being deleted takes its children with it, also those that the peer has not got. */
	if (sa->state < IKE_DELETING && !child_serving(sa->e, &pol, &sa->local, &sa->remote))
		child_begin(sa->e, &pol, &sa->local, &sa->remote, NULL);
	ike_sa_kick(sa);
}

static const char rekeys_nothing[] = "the peer rekeys nothing (NO_ADDITIONAL_SAS)";

/* The peer takes no more on this IKE SA: a new child begins another, for a rekey another takes over (RFC 7296 1.3, 2.8.3). */
static void use_another(struct exchange *x)
{
	struct child_sa *c = x->child;
	struct ike_sa *sa = x->sa;

	sa->full = true;
	report_child(c, LOG_LEVEL_NOTICE, x->ops->name, "elsewhere",
		     "NO_ADDITIONAL_SAS: the peer takes no more on this IKE SA; another one is made");
	if (x->old_spi) {
		exchange_fail(x);	/* which puts the rekey off */
		reauth_begin(sa, rekeys_nothing);
		return;
	}
	x->child = NULL;
	child_begin_elsewhere(c);
	exchange_done(x);
}

static void refused(struct exchange *x, uint16_t error)
{
	struct child_sa *old = create_old(x);

	if (needless(x)) {
		report_child(x->child, LOG_LEVEL_INFO, x->ops->name, "dropped", "%s; the peer was first",
			     ikev2_notify_name(error));
		exchange_fail(x);
		return;
	}
	if (kex_retry(x, error))
		return;
	if (child_ask_otherwise(x, error)) {
		window_retry(x, 0);
		return;
	}
	if (error == IKEV2_N_CHILD_SA_NOT_FOUND && old && !child_confirmed(old)) {
		report_child(old, LOG_LEVEL_INFO, x->ops->name, "postponed", "the peer has not seen our answer yet");
		exchange_fail(x);
		return;
	}
	if (error == IKEV2_N_CHILD_SA_NOT_FOUND && old) {
		not_found(x);
		return;
	}
	if (error == IKEV2_N_NO_ADDITIONAL_SAS) {
		use_another(x);
		return;
	}
	child_refused(x, error, ke_of(x));
	exchange_fail(x);
}

static void create_answer(struct exchange *x)
{
	uint16_t error = message_error(&x->m);
	struct view nr;

	if (error) {
		refused(x, error);
		return;
	}
	x->sa->refused_since = 0;
	if (message_get_nonce(&x->m, &nr) || child_take_answer(x, ke_of(x)) ||
	    (x->choice.ke && kex_take(x, x->choice.ke)) || child_derive(x, secret_view(&x->ni), nr) ||
	    secret_set(&x->nr, nr.p, nr.n)) {
		give_up(x);
		return;
	}
	x->child->redundant = x->old_spi && lost(x);	/* then it only takes what the peer may have sent on it */
	child_install(x, create_installed);
}

static void create_abandon(struct exchange *x)
{
	child_rekey_failed(create_old(x));
}

const struct exchange_ops ikev2_create_ops = {
	.kept = KEPT_CREATE,
	.name = "CREATE_CHILD_SA",
	.type = IKEV2_EXCH_CREATE_CHILD_SA,
	.build = create_build,
	.answer = create_answer,
	.abandon = create_abandon,
};

const struct exchange_ops ikev2_rekey_child_ops = {
	.kept = KEPT_REKEY_CHILD,
	.name = "CREATE_CHILD_SA rekey child",
	.type = IKEV2_EXCH_CREATE_CHILD_SA,
	.build = create_build,
	.answer = create_answer,
	.abandon = create_abandon,
};

void create_begin(struct ike_sa *sa, struct child_sa *c)
{
	struct exchange *x = exchange_new(sa, &ikev2_create_ops);

	if (!x) {
		child_free(c);
		return;
	}
	x->child = c;
	exchange_queue(x);
}

void create_rekey_begin(struct child_sa *old)
{
	struct exchange *x;

	if (old->sa->full && (reauth_pauses(old->sa) || reauth_begin(old->sa, rekeys_nothing))) {
		child_rekey_later(old, CHILD_RETRY_AFTER);	/* unless it has been taken over by then */
		return;
	}
	x = exchange_new(old->sa, &ikev2_rekey_child_ops);
	if (x)
		x->child = child_new(old->sa, &old->pol, true);
	if (!x || !x->child) {
		if (x)
			exchange_free(x);
		child_rekey_later(old, CHILD_RETRY_AFTER);
		return;
	}
	x->old_spi = old->spi_in;
	x->child->replaces = old->spi_in;
	if (old->sel_exact)
		x->child->flow = old->sel;	/* what it carries is to be carried on, whatever else the policy has */
	if (old->acquired) {
		x->child->acquired = true;
		x->child->acquire_seq = old->acquire_seq;
		old->acquired = false;
	}
	if (old->lost)
		exchange_queue_first(x);
	else
		exchange_queue(x);
}

struct exchange *create_crossed_by(const struct exchange *x)
{
	struct exchange *ours = x->sa->active;

	if (!ours || !ours->child)
		return NULL;
	if (x->old_spi)
		return ours->ops == &ikev2_rekey_child_ops && ours->old_spi == x->old_spi ? ours : NULL;
	return ours->ops == &ikev2_create_ops && x->child && selector_equal(&ours->child->pol.sel, &x->child->pol.sel) ? ours :
														   NULL;
}
