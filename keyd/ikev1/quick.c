// SPDX-License-Identifier: MIT
// Quick mode begun by us: a new child, or one in the place of another (RFC 2409 5.5).
#include "keyd/ikev1/quick.h"

#include "keyd/ike/child_traffic.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/selector.h"
#include "keyd/ikev1/nat.h"
#include "keyd/ikev1/window.h"
#include "keyd/wire/ikev2.h"

#include <stdio.h>
#include <string.h>

/* A child of ours sends after this long even if the peer gave no sign that it can receive: it has our last message, by then. */
#define SETTLE MILLISECONDS(300)
#define SETTLE_ASKED SECONDS(1)
#define SETTLE_REKEYED SECONDS(2)	/* behind the last repetition; an old one works meanwhile */

/* The last message has no answer; it goes so often, for peers that do not repeat theirs. */
#define LAST_TIMES 3

static struct child_sa *old_of(const struct exchange *x)
{
	return x->old_spi ? child_find(x->sa->e, x->old_spi) : NULL;
}

/* The peer has done meanwhile what it is for. */
static bool needless(const struct exchange *x)
{
	struct child_sa *old = old_of(x), *twin = x->old_spi ? NULL : child_twin(x->child);

	if (twin)
		child_hand_over(x->child, twin);
	return twin || (x->old_spi && (!old || old->replaced_by || old->deleting));
}

/* Groups that esp names; else that of phase 1, as the peer is sure to have it. NULL: without PFS. */
static const struct crypto_alg *group_of(const struct exchange *x)
{
	const struct conf_peer *conf = &x->sa->peer->conf;
	struct conf_proposals named;
	const struct crypto_alg *group;

	if (!conf->pfs || x->no_kex)
		return NULL;
	v1_proposals(&conf->esp, true, &named);
	group = proposal_first_group(&named);
	return group ? group : x->sa->ke;
}

static void put_sa(struct wire_out *out, const struct isakmp_sa *sa)
{
	size_t mark = wire_payload_begin(out, ISAKMP_PL_SA);

	isakmp_sa_put(&out->w, sa);
	wire_payload_end(out, mark);
}

/* One pair of selectors for each child. False: they cannot be said. */
static bool choose_traffic(struct exchange *x)
{
	struct wire_ts_list *both[] = { &x->ts_local, &x->ts_remote };

	child_traffic_offer(x);
	for (unsigned i = 0; i < 2; i++) {
		if (!both[i]->n)
			return false;
		/* Of what a policy has, the packet that asks stands before the whole. */
		both[i]->ts[0] = both[i]->ts[x->child->traffic ? 0 : both[i]->n - 1];
		both[i]->n = 1;
		if (!v1_id_says(&both[i]->ts[0]))
			return false;
	}
	return true;
}

static bool quick_build(struct exchange *x, struct wire_out *out)
{
	const struct conf_peer *conf = &x->sa->peer->conf;
	struct v1_ask ask = { .spi = x->child->spi_in, .encap = v1_encap_of(x->child), .life = v1_life_of(conf),
			      .group = group_of(x) };
	struct conf_proposals ours;
	struct v1_offer o;

	if (needless(x))
		return false;
	v1_note_crossing(x->child);
	if (!choose_traffic(x)) {
		x->child->failed = true;
		report_reason(x->sa, REASON_POLICY_UNSUPPORTED);
		report_child(x->child, LOG_LEVEL_WARNING, x->ops->name, "failed",
			     "IKEv1 cannot ask for what the policy says (a range of ports, a type of ICMP)");
		report_event(x->sa, x->child, ENGINE_FAILED, "IKEv1 cannot ask for what the policy says");
		return false;
	}
	secret_clear(&x->ni);
	secret_clear(&x->shared);
	crypto_kex_free(x->kex);
	x->kex = ask.group ? crypto_kex_new(ask.group) : NULL;
	if (v1_quick_nonce(&x->ni) || (ask.group && !x->kex))
		return false;
	child_proposals(conf, PROPOSAL_KE_NONE, &ours);
	v1_offer_esp(&ours, &ask, &o);
	put_sa(out, &o.sa);
	wire_payload_put(out, ISAKMP_PL_NONCE, secret_view(&x->ni));
	if (x->kex)
		wire_payload_put(out, ISAKMP_PL_KE, crypto_kex_public(x->kex));
	v1_put_ids(x, out);
	v1_nat_put_addresses(x, x->child, out);
	v1_put_replaced(x, out);
	return true;
}

/* --- the peer's answer --- */

static const char *take_sa(struct exchange *x)
{
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_SA);
	struct child_sa *c = x->child;
	struct conf_proposals ours;
	struct isakmp_sa chosen;
	struct v1_choice choice;

	if (isakmp_sa_get(&chosen, p->body) || !v1_is_answer(&chosen))
		return "its SA payload is not one proposal with one transform";
	child_proposals(&x->sa->peer->conf, PROPOSAL_KE_OPTIONAL, &ours);
	if (!v1_choose_esp(&ours, 0, PROPOSAL_KE_OPTIONAL, &chosen, &choice) || (choice.encap && choice.encap != v1_encap_of(c)) ||
	    choice.algs.ke != (x->kex ? crypto_kex_alg(x->kex) : NULL))
		return "the peer chose something that we have not offered";
	if (choice.spi < 256)
		return "the SPI that the peer chose is one of the reserved (0 to 255)";
	c->encr = choice.algs.encr;
	c->integ = choice.algs.integ;
	c->esn = choice.algs.esn;
	c->ke = choice.algs.ke;
	c->spi_out = choice.spi;
	c->life_seconds = x->sa->peer->conf.child_lifetime;
	v1_limit_child(c, &choice.life);
	return NULL;
}

/* RESPONDER-LIFETIME (RFC 2407 4.6.3.1): it keeps it for less than we asked. */
static void take_lifetime(struct exchange *x)
{
	struct isakmp_ipsec_attrs a;
	struct isakmp_notify n;

	if (v1_message_has_notify(&x->m, ISAKMP_N_RESPONDER_LIFETIME, &n) && n.protocol == ISAKMP_PROTO_ESP &&
	    !isakmp_ipsec_attrs_get(&a, n.data)) {
		if (!a.life.seconds)
			a.life.seconds = x->child->life_seconds;
		v1_limit_child(x->child, &a.life);
	}
}

static const char *take_answer(struct exchange *x)
{
	struct view nr = wire_find(&x->m, ISAKMP_PL_NONCE)->body;
	struct wire_ts_list local, remote;
	const char *why = take_sa(x);

	if (!why)
		why = v1_quick_kex(x, x->kex ? crypto_kex_alg(x->kex) : NULL);
	if (!why && !wire_find(&x->m, ISAKMP_PL_ID)) {	/* as we asked */
		local = x->ts_local;
		remote = x->ts_remote;
	} else if (!why) {
		why = v1_take_ids(x, &local, &remote);
	}
	if (!why)
		why = child_traffic_take(x, &local, &remote);
	if (why)
		return why;
	take_lifetime(x);
	if (secret_set(&x->nr, nr.p, nr.n) || v1_quick_derive(x))
		return "its keys could not be derived";
	return NULL;
}

/* Written before anything goes to the kernel, so that it survives us with the keys. 0 or -1. */
static int build_last(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	const struct ikev1_state *s = sa->v1;
	uint8_t hash[CRYPTO_PRF_MAX];
	struct view datagram;
	struct wire_out out;
	size_t at;

	v1_message_begin(sa, &out, ISAKMP_EXCH_QUICK, x->message_id, true);
	at = v1_hash_begin(sa, &out);
	if (ikev1_hash3(s->suite.prf, secret_view(&s->keys.skeyid_a), x->message_id, secret_view(&x->ni), secret_view(&x->nr), hash))
		return -1;
	isakmp_hash_patch(&out, at, hash, s->suite.prf->prf);
	return v1_message_end(sa, &out, x->v1.iv, &datagram) ? -1 : secret_set(&sa->sent, datagram.p, datagram.n);
}

/* A copy of the peer's message gets it again, and it goes again by itself. */
static void send_last(struct exchange *x)
{
	struct v1_memo *m = v1_memo_new(x->sa, x->message_id);

	v1_send_once(x, secret_view(&x->sa->sent));
	if (!m)
		return;
	memcpy(m->heard, x->v1.heard, sizeof(m->heard));
	secret_move(&m->answer, &x->sa->sent);
	v1_memo_repeat(m, LAST_TIMES);
}

/* Is there an old one that works until this one does? After a flush there is none. */
static bool has_old(const struct child_sa *c)
{
	const struct child_sa *old = c->replaces ? child_find(c->sa->e, c->replaces) : NULL;

	return old && !old->lost;
}

static void peer_goes_on(struct ike_sa *sa)
{
	list_each(c, &sa->children, struct child_sa, link)
		if (c->waits && c->state == CHILD_INBOUND && !has_old(c))
			child_confirm(c, "the peer has answered behind it");
}

/*
 * Many a responder can receive only when it has our last message (strongSwan), which nothing answers. A packet of the peer's on
 * the new SA is a sign; so is its answer to a question behind that message, where there is no old SA to go on with.
 */
static void wait_for_peer(struct child_sa *c)
{
	struct ike_sa *sa = c->sa;

	if (has_old(c)) {
		child_wait_for_peer(c, SETTLE_REKEYED);
		return;
	}
	child_wait_for_peer(c, sa->v1->dpd ? SETTLE_ASKED : SETTLE);
	v1_confirm(sa, peer_goes_on);
}

static void quick_installed(struct exchange *x, struct child_sa *child)
{
	struct ike_sa *sa = x->sa;
	uint32_t spi = child ? child->spi_in : 0;

	if (!child) {
		sa->e->stats.failed++;
		exchange_fail(x);
		return;
	}
	v1_note_nonce(x, child);
	send_last(x);
	exchange_done(x);
	child = child_find(sa->e, spi);
	if (child && child->state == CHILD_INBOUND)
		wait_for_peer(child);
}

void v1_quick_give_up(struct exchange *x, const char *why)
{
	uint32_t spi = x->child->spi_in;
	uint8_t bytes[4] = { (uint8_t)(spi >> 24), (uint8_t)(spi >> 16), (uint8_t)(spi >> 8), (uint8_t)spi };

	x->child->failed = true;
	x->sa->e->stats.failed++;
	report_reason(x->sa, REASON_PEER_ANSWER);
	report_child(x->child, LOG_LEVEL_WARNING, x->ops->name, "failed", "the peer's answer will not do: %s", why);
	report_event(x->sa, x->child, ENGINE_FAILED, "the peer's answer for the child will not do: %s", why);
	v1_notify(x->sa, ISAKMP_PROTO_ESP, ISAKMP_N_PAYLOAD_MALFORMED, (struct view){ bytes, sizeof(bytes) }, (struct view){ 0 });
	exchange_fail(x);
}

static void quick_answer(struct exchange *x)
{
	const char *why = take_answer(x);

	if (!why && build_last(x))
		why = "the last message could not be built";
	if (why) {
		v1_quick_give_up(x, why);
		return;
	}
	x->child->waits = true;
	child_install(x, quick_installed);
}

/* Thawed while the kernel was at it: message 3 is in sa->sent, and nobody can say whether it has left. */
static void quick_resume(struct exchange *x)
{
	child_install(x, quick_installed);
}

void v1_quick_refused(struct exchange *x, uint16_t notify)
{
	bool named = !x->sa->peer->conf.pfs || x->no_kex;

	timer_cancel(&x->sa->e->timers, &x->sa->retransmit);
	if (notify == ISAKMP_N_NO_PROPOSAL_CHOSEN && !named) {
		struct ike_sa *sa = x->sa;

		report_child(x->child, LOG_LEVEL_WARNING, x->ops->name, "again",
			     "the peer accepts no proposal with PFS; asked again without (let its proposals have a group, "
			     "or say \"pfs no\")");
		x->no_kex = true;
		sa->active = NULL;
		secret_clear(&sa->sent);
		exchange_queue_first(x);
		return;
	}
	x->child->failed = true;
	report_reason(x->sa, notify == ISAKMP_N_NO_PROPOSAL_CHOSEN ? REASON_NO_PROPOSAL_ESP :
			     notify == ISAKMP_N_INVALID_ID_INFORMATION ? REASON_TS_UNACCEPTABLE : REASON_PEER_REFUSED);
	report_notify(x->sa, notify, false);
	report_policies(x->sa, &x->child->pol, NULL, NULL, false);
	x->sa->e->stats.failed++;
	report_child(x->child, LOG_LEVEL_WARNING, x->ops->name, "failed", "the peer refused the child: %s (%u)",
		     isakmp_notify_name(notify), notify);
	report_event(x->sa, x->child, ENGINE_FAILED, "the peer refused the child: %s", isakmp_notify_name(notify));
	exchange_fail(x);
}

static void quick_abandon(struct exchange *x)
{
	child_rekey_failed(old_of(x));
}

/* Anew, on the SA that has taken the place of its own. */
static void begin_on(struct exchange *x, struct ike_sa *heir)
{
	struct ike_sa *sa = x->sa;

	sa->active = NULL;
	secret_clear(&sa->sent);
	x->sa = heir;
	child_belongs(x->child, heir);
	exchange_queue(x);
	ike_sa_kick(sa);
}

/* The peer may have lost the ISAKMP SA, or not want the child and not say so: another one shows which. */
static void quick_silent(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	if (!x->tries++ && sa->state == IKE_ESTABLISHED) {
		v1_gone(sa, "the peer does not answer quick mode on it");
		return;
	}
	if (x->tries == 1 && ike_sa_heir(sa) != sa) {
		begin_on(x, ike_sa_heir(sa));
		return;
	}
	x->child->failed = true;
	sa->e->stats.failed++;
	report_reason(sa, REASON_PEER_DEAD);
	report_event(sa, x->child, ENGINE_FAILED, "no answer to quick mode");
	exchange_fail(x);
}

const struct exchange_ops v1_quick_ops = {
	.kept = V1_KEPT_QUICK, .again = true, .name = "Quick Mode", .type = ISAKMP_EXCH_QUICK, .build = quick_build,
	.answer = quick_answer, .abandon = quick_abandon, .silent = quick_silent, .resume = quick_resume,
};

const struct exchange_ops v1_quick_rekey_ops = {
	.kept = V1_KEPT_REKEY_CHILD, .again = true, .name = "Quick Mode rekey", .type = ISAKMP_EXCH_QUICK, .build = quick_build,
	.answer = quick_answer, .abandon = quick_abandon, .silent = quick_silent, .resume = quick_resume,
};

static void queue(struct exchange *x, bool urgent)
{
	struct ike_sa *sa = x->sa;

	if (urgent)
		exchange_queue_first(x);
	else
		exchange_queue(x);
	if (sa->v1 && sa->v1->gone)
		v1_rekey_ike(sa);
}

void v1_create_child(struct ike_sa *sa, struct child_sa *c)
{
	struct exchange *x = exchange_new(sa, &v1_quick_ops);

	if (!x) {
		child_free(c);
		return;
	}
	x->child = c;
	queue(x, false);
}

void v1_rekey_child(struct child_sa *old)
{
	struct exchange *x;

	if (v1_settled_instead(old))
		return;
	x = exchange_new(old->sa, &v1_quick_rekey_ops);
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
	if (old->acquired) {
		x->child->acquired = true;
		x->child->acquire_seq = old->acquire_seq;
		old->acquired = false;
	}
	queue(x, old->lost);
}
