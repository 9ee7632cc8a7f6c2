// SPDX-License-Identifier: MIT
// CREATE_CHILD_SA for children: a new one, or one that replaces another (RFC 7296 1.3.1, 1.3.3, 2.8).
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/selector.h"
#include "keyd/ikev2/child.h"
#include "keyd/ikev2/collide.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/kex.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/window.h"

/* A failed rekey is tried again after this and as much again at random. */
#define RETRY_AFTER SECONDS(5)
#define RETRY_LOST_AFTER SECONDS(1)

static const struct exchange_ops create_ops, rekey_child_ops;

static struct child_sa *old_of(const struct exchange *x)
{
	return x->old_spi ? child_find(x->sa->e, x->old_spi) : NULL;
}

static enum proposal_ke ke_of(const struct exchange *x)
{
	return x->kex ? PROPOSAL_KE_OPTIONAL : PROPOSAL_KE_NONE;
}

/* What the peer made, when its exchange crossed ours. A new child may have been rekeyed since, or we be deleting it. */
static struct child_sa *rival_of(const struct exchange *x)
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
	const struct child_sa *old = old_of(x);
	struct child_sa *theirs = rival_of(x);

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
	struct child_sa *old = old_of(x);
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
	return collide_lost(x) && (rival_of(x) || (x->old_spi && !old_of(x)));
}

/* Two new children, not replacements, are one too many only if they carry the same traffic. */
static bool same_traffic(const struct child_sa *a, const struct child_sa *b)
{
	return a->sel_exact && b->sel_exact && selector_equal(&a->sel, &b->sel);
}

/* Ours goes; as long as we send on it, not before the other one can be sent on. */
static void settle_lost(struct exchange *x, struct child_sa *ours)
{
	struct child_sa *stays = rival_of(x), *old = old_of(x);
	bool sends = ours->state == CHILD_UP;

	if (old && stays)
		old->replaced_by = stays->spi_in;
	child_redundant(ours, stays);
	if (!sends || !stays || stays->state == CHILD_UP)
		info_delete_child_begin(ours);
}

static void settle_won(struct exchange *x, struct child_sa *ours)
{
	struct child_sa *goes = rival_of(x), *old = old_of(x);

	if (goes && x->old_spi)
		child_redundant(goes, ours);
	if (old) {
		old->replaced_by = ours->spi_in;
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
	struct child_sa *theirs = rival_of(x);
	bool alike = x->old_spi || (theirs && same_traffic(ours, theirs));

	if (ours->redundant || (alike && lost(x)))
		settle_lost(x, ours);
	else
		settle_won(x, ours);
	exchange_done(x);
}

static void create_installed(struct exchange *x, struct child_sa *child)
{
	struct child_sa *theirs = rival_of(x);

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

/* The peer's request that crossed ours has been answered. */
static void rival_answered(struct ike_sa *sa)
{
	struct exchange *x = sa->active;
	struct child_sa *ours;

	if (!x || !x->rival.nonce.n || (x->ops != &create_ops && x->ops != &rekey_child_ops))
		return;
	if (!rival_of(x))
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
	struct child_sa *old = old_of(x);
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
	struct child_sa *old = old_of(x);

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
	struct child_sa *old = old_of(x);
	uint64_t delay = old && old->lost ? RETRY_LOST_AFTER : RETRY_AFTER;

	if (old && (old->replaced_by || old->deleting))
		old->rekeying = false;
	else if (old)
		child_rekey_later(old, delay + engine_random_below(delay));
}

static const struct exchange_ops create_ops = {
	.name = "CREATE_CHILD_SA",
	.type = IKEV2_EXCH_CREATE_CHILD_SA,
	.build = create_build,
	.answer = create_answer,
	.abandon = create_abandon,
};

static const struct exchange_ops rekey_child_ops = {
	.name = "CREATE_CHILD_SA rekey child",
	.type = IKEV2_EXCH_CREATE_CHILD_SA,
	.build = create_build,
	.answer = create_answer,
	.abandon = create_abandon,
};

void create_begin(struct ike_sa *sa, struct child_sa *c)
{
	struct exchange *x = exchange_new(sa, &create_ops);

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

	if (old->sa->full && reauth_begin(old->sa, rekeys_nothing)) {
		child_rekey_later(old, RETRY_AFTER);	/* unless it has been taken over by then */
		return;
	}
	x = exchange_new(old->sa, &rekey_child_ops);
	if (x)
		x->child = child_new(old->sa, &old->pol, true);
	if (!x || !x->child) {
		if (x)
			exchange_free(x);
		child_rekey_later(old, RETRY_AFTER);
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
	exchange_queue(x);
}

/* --- responder --- */

/* How long the child may wait at most for a sign that the peer has it, too. */
static uint64_t patience(const struct exchange *x, const struct child_sa *child)
{
	const struct child_sa *old = old_of(x);
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
		    same_traffic(made, child) && collide_lower(secret_view(&made->nonce), low))
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
	rival_answered(sa);
}

/* Ours for the same child, or for a new one with the same policy, which this request crosses. */
static struct exchange *crossed_by(const struct exchange *x)
{
	struct exchange *ours = x->sa->active;

	if (!ours || !ours->child)
		return NULL;
	if (x->old_spi)
		return ours->ops == &rekey_child_ops && ours->old_spi == x->old_spi ? ours : NULL;
	return ours->ops == &create_ops && x->child && selector_equal(&ours->child->pol.sel, &x->child->pol.sel) ? ours : NULL;
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
	if (!old)
		return IKEV2_N_CHILD_SA_NOT_FOUND;
	x->old_spi = old->spi_in;
	if (old->deleting || old->redundant)
		return IKEV2_N_TEMPORARY_FAILURE;
	ours = crossed_by(x);
	if (ours && rival_of(ours))
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
	ours = crossed_by(x);
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
		report_sa(x->sa, LOG_LEVEL_WARNING, create_ops.name, "refused",
			  "NO_ADDITIONAL_SAS: the IKE SA has %u children, as many as \"children\" allows", x->sa->peer->conf.children);
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
	report_sa(x->sa, LOG_LEVEL_INFO, "CREATE_CHILD_SA", "refused", "%s", ikev2_notify_name(notify));
	if (is_final(notify)) {
		report_notify(x->sa, notify, true);
		report_event(x->sa, NULL, ENGINE_FAILED, "we refuse the child: %s", ikev2_notify_name(notify));
	}
	serve_refuse(x, notify);
}
