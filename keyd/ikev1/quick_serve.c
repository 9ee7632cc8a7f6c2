// SPDX-License-Identifier: MIT
// Quick mode begun by the peer (RFC 2409 5.5): we can receive before it hears of it, and send when it says that it can.
#include "keyd/ikev1/quick.h"

#include "keyd/ike/child_traffic.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ike/selector.h"
#include "keyd/ikev1/nat.h"
#include "keyd/ikev1/window.h"
#include "keyd/wire/ikev2.h"

#include <string.h>

/* Where there are as many children as there may be, so many for the same at most: both ends may renew one, and begin again. */
#define RENEWED_AT_ONCE 4

static const char exchange_name[] = "Quick Mode";

/* --- refusing --- */

/* A copy of the request gets the same notification again. */
static void refuse(struct exchange *x, uint16_t notify, const char *why)
{
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_SA);
	struct isakmp_sa offer;
	uint8_t spi[4] = { 0 };

	if (p && !isakmp_sa_get(&offer, p->body) && offer.n)
		v1_spi_bytes(isakmp_proposal_spi(&offer.p[0]), spi);
	x->sa->e->stats.failed++;
	report_notify(x->sa, notify, true);
	report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "refused", "%s: %s", isakmp_notify_name(notify), why);
	report_event(x->sa, NULL, ENGINE_FAILED, "we refuse the child: %s: %s", isakmp_notify_name(notify), why);
	v1_notify(x->sa, ISAKMP_PROTO_ESP, notify, (struct view){ spi, sizeof(spi) }, (struct view){ 0 });
	exchange_free(x);
}

static void say_no_proposal(struct exchange *x, const struct conf_proposals *ours, const struct isakmp_sa *offer)
{
	struct wire_sa mine, theirs;
	struct conf_proposals named;
	char a[450], b[450], why[400];

	v1_proposals(ours, true, &named);
	proposal_offer(&named, IKEV2_PROTO_ESP, (struct view){ 0 }, PROPOSAL_KE_OPTIONAL, &mine);
	v1_as_proposals(offer, true, &theirs);
	proposal_explain(&named, &theirs, IKEV2_PROTO_ESP, PROPOSAL_KE_OPTIONAL, why, sizeof(why));
	report_reason(x->sa, REASON_NO_PROPOSAL_ESP);
	report_proposals(x->sa, &mine, &theirs, why);
	report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed", "NO-PROPOSAL-CHOSEN for ESP: the peer offers %s; we accept %s; %s",
		  proposal_format(&theirs, a, sizeof(a)), proposal_format(&mine, b, sizeof(b)), why);
}

/* --- choosing --- */

static bool same_ts(const struct wire_ts_list *a, const struct wire_ts_list *b)
{
	return ts_list_within(a, b) && ts_list_within(b, a);
}

/* Which mode there may be, before there is a policy that says which there is. */
static bool offers_transport(const struct conf_proposals *ours, const struct isakmp_sa *offer)
{
	static const uint16_t modes[] = { ISAKMP_ENCAP_TRANSPORT, ISAKMP_ENCAP_UDP_TRANSPORT, ISAKMP_ENCAP_UDP_TRANSPORT_DRAFT };
	struct v1_choice c;

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (v1_choose_esp(ours, modes[i], PROPOSAL_KE_OPTIONAL, offer, &c))
			return true;
	return false;
}

/* Transport mode through a NAT: policies and packets have the addresses that we see (child_traffic.c), and so have the agreed ones. */
static void as_seen(const struct exchange *x, struct wire_ts_list *local, struct wire_ts_list *remote)
{
	if (x->child->pol.tmpl[0].mode != IPSEC_MODE_TRANSPORT)
		return;
	if (x->sa->nat_local)
		ts_set_host(&local->ts[0], &x->sa->local);
	if (x->sa->nat_remote)
		ts_set_host(&remote->ts[0], &x->sa->remote);
}

/* IKEv1 narrows nothing: all that is asked for must lie in the policy. NULL, or why not; *notify is what to answer. */
static const char *choose_traffic(struct exchange *x, bool transport, uint16_t *notify)
{
	struct wire_ts_list local, remote;
	const char *why = v1_take_ids(x, &local, &remote);

	*notify = ISAKMP_N_INVALID_ID_INFORMATION;
	if (why)
		return why;
	if (child_traffic_choose(x, &local, &remote, transport))
		return "there is no policy for what it asks for";
	as_seen(x, &local, &remote);
	if (!same_ts(&local, &x->ts_local) || !same_ts(&remote, &x->ts_remote)) {
		report_policies(x->sa, NULL, &local, &remote, transport);
		return "it asks for more than our policy has, and IKEv1 cannot narrow that";
	}
	child_belongs(x->child, ike_sa_heir(x->sa));
	return NULL;
}

/* Also in UDP, where a NAT is. */
static bool choose_mode(struct exchange *x, const struct conf_proposals *ours, const struct isakmp_sa *offer, struct v1_choice *c)
{
	return v1_choose_esp(ours, v1_encap_of(x->child), PROPOSAL_KE_OPTIONAL, offer, c);
}

static void take_choice(struct exchange *x, const struct v1_choice *c)
{
	const struct isakmp_life wanted = v1_life_of(&x->sa->peer->conf);
	struct child_sa *child = x->child;

	child->encr = c->algs.encr;
	child->integ = c->algs.integ;
	child->esn = c->algs.esn;
	child->ke = c->algs.ke;
	child->spi_out = c->spi;
	child->life_seconds = (uint32_t)wanted.seconds;
	v1_limit_child(child, &c->life);
	v1_limit_child(child, &wanted);
	/* Ours is shorter: the peer is told (RFC 2407 4.6.3.1), as the attributes of an answer are those of the offer. */
	if (!c->life.seconds || c->life.seconds > wanted.seconds)
		x->v1.tell_seconds = (uint32_t)wanted.seconds;
	if (wanted.kilobytes && (!c->life.kilobytes || c->life.kilobytes > wanted.kilobytes))
		x->v1.tell_bytes = child->life_bytes;
}

/* Of its peer's; what renews a child is none more, as long as it is not renewed too often at once. */
static bool too_many(const struct exchange *x)
{
	const struct child_sa *c = x->child;
	unsigned others = 0, same = 0, most = c->sa->peer->conf.children;

	list_each(o, &c->sa->children, struct child_sa, link) {
		if (o == c || o->state == CHILD_REPLACED)
			continue;
		same += selector_equal(&o->sel, &c->sel);
		others += !selector_equal(&o->sel, &c->sel);
	}
	return others >= most || (others + same >= most && same >= RENEWED_AT_ONCE);
}

static const char *choose(struct exchange *x, uint16_t *notify)
{
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_SA);
	struct conf_proposals ours;
	struct isakmp_sa offer;
	struct v1_choice c;
	const char *why;

	*notify = ISAKMP_N_BAD_PROPOSAL_SYNTAX;
	if (isakmp_sa_get(&offer, p->body))
		return "its SA payload is malformed";
	child_proposals(&x->sa->peer->conf, PROPOSAL_KE_OPTIONAL, &ours);
	*notify = ISAKMP_N_NO_PROPOSAL_CHOSEN;
	if (!v1_choose_esp(&ours, 0, PROPOSAL_KE_OPTIONAL, &offer, &c)) {
		say_no_proposal(x, &ours, &offer);
		return "none of its proposals is one of ours";
	}
	why = choose_traffic(x, offers_transport(&ours, &offer), notify);
	if (why)
		return why;
	*notify = ISAKMP_N_NO_PROPOSAL_CHOSEN;
	if (too_many(x))
		return "there are as many children as \"children\" allows";
	if (!choose_mode(x, &ours, &offer, &c)) {
		bool transport = x->child->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT;

		report_reason(x->sa, REASON_MODE_MISMATCH);
		report_sides(x->sa, transport ? "transport" : "tunnel", transport ? "tunnel" : "transport");
		return transport ? "our policy says transport mode, the peer wants tunnel" :
				   "our policy says tunnel mode, the peer wants transport";
	}
	if (c.spi < 256)
		return "its SPI is one of the reserved (0 to 255)";
	take_choice(x, &c);
	*notify = ISAKMP_N_INVALID_KEY_INFORMATION;
	return v1_quick_kex(x, c.algs.ke);
}

/* --- answering --- */

/* As chosen, found again: nothing but the message need be kept while the kernel works. */
static int put_sa(struct exchange *x, struct wire_out *out, const struct child_sa *child)
{
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_SA);
	size_t mark = wire_payload_begin(out, ISAKMP_PL_SA);
	struct conf_proposals ours;
	struct isakmp_sa offer;
	struct v1_choice c;
	struct v1_offer o;

	child_proposals(&x->sa->peer->conf, PROPOSAL_KE_OPTIONAL, &ours);
	if (isakmp_sa_get(&offer, p->body) || !v1_choose_esp(&ours, v1_encap_of(child), PROPOSAL_KE_OPTIONAL, &offer, &c))
		return -1;
	v1_answer(&c, child->spi_in, &o);
	isakmp_sa_put(&out->w, &o.sa);
	wire_payload_end(out, mark);
	return 0;
}

static void put_lifetime(struct exchange *x, struct wire_out *out, const struct child_sa *child)
{
	struct isakmp_ipsec_attrs a = { .life = { .seconds = x->v1.tell_seconds, .kilobytes = x->v1.tell_bytes / 1024 } };
	uint8_t spi[4], attrs[64];
	struct wr w = wr_of(attrs, sizeof(attrs));

	if (!x->v1.tell_seconds && !x->v1.tell_bytes)
		return;
	v1_spi_bytes(child->spi_in, spi);
	isakmp_ipsec_attrs_put(&w, &a);
	v1_put_notify(out, ISAKMP_PROTO_ESP, ISAKMP_N_RESPONDER_LIFETIME, (struct view){ spi, sizeof(spi) }, wr_view(&w));
}

/* As they came: what we make of them may be other addresses. */
static void repeat_ids(const struct exchange *x, struct wire_out *out)
{
	const struct wire_payload *ci = wire_find(&x->m, ISAKMP_PL_ID), *cr = ci ? wire_next(&x->m, ISAKMP_PL_ID, ci) : NULL;

	if (!cr)
		return;
	wire_payload_put(out, ISAKMP_PL_ID, ci->body);
	wire_payload_put(out, ISAKMP_PL_ID, cr->body);
}

static int build_answer(struct exchange *x, const struct child_sa *child, struct view *datagram)
{
	struct ike_sa *sa = x->sa;
	struct wire_out out;
	size_t at;

	v1_message_begin(sa, &out, ISAKMP_EXCH_QUICK, x->message_id, true);
	at = v1_hash_begin(sa, &out);
	if (put_sa(x, &out, child))
		return -1;
	wire_payload_put(&out, ISAKMP_PL_NONCE, secret_view(&x->nr));
	if (x->kex)
		wire_payload_put(&out, ISAKMP_PL_KE, crypto_kex_public(x->kex));
	repeat_ids(x, &out);
	v1_nat_put_addresses(x, child, &out);
	put_lifetime(x, &out, child);
	return v1_hash_end(sa, &out, at, x->message_id, secret_view(&x->ni)) || v1_message_end(sa, &out, x->v1.iv, datagram) ? -1 : 0;
}

static void repeat(struct v1_memo *m);

void v1_quick_never_taken(struct v1_memo *m)
{
	struct child_sa *c = child_find(m->sa->e, m->child);

	v1_memo_rest(m);
	if (!c || c->state != CHILD_INBOUND)
		return;
	report_reason(c->sa, REASON_PEER_STOPPED);
	report_child(c, LOG_LEVEL_NOTICE, exchange_name, "failed", "the peer asked for it, and did not go on");
	/* What it said last may be lost, and not what we said: then it sends on this one, and must hear that it ends. */
	if (c->sa->state == IKE_ESTABLISHED && !c->sa->v1->gone)
		v1_delete_child(c);
	else
		child_end(c, ENGINE_CHILD_DOWN, "the peer asked for it, and did not go on");
}

static void repeat_due(struct timer *t)
{
	struct v1_memo *m = container_of(t, struct v1_memo, timer);
	struct child_sa *c = child_find(m->sa->e, m->child);
	struct path path = path_of(m->sa);

	if (!c || c->state != CHILD_INBOUND || m->sendings >= m->sa->peer->conf.retransmit_tries) {
		v1_quick_never_taken(m);
		return;
	}
	m->sa->e->stats.retransmitted++;
	v1_message_send(m->sa, &path, secret_view(&m->answer));
	repeat(m);
}

static void repeat(struct v1_memo *m)
{
	m->sendings++;
	timer_set(&m->sa->e->timers, &m->timer, m->sa->e->now + v1_wait(m->sa, m->sendings), repeat_due);
}

void v1_quick_resume(struct v1_memo *m)
{
	if (m->child)
		repeat(m);
	else
		v1_memo_rest(m);
}

/* 0 or -1. */
static int answer(struct exchange *x, struct child_sa *child)
{
	const struct ikev1_state *s = x->sa->v1;
	struct v1_memo *m;
	struct view datagram;

	if (build_answer(x, child, &datagram))
		return -1;
	m = v1_memo_new(x->sa, x->message_id);
	if (!m)
		return -1;
	if (secret_set(&m->answer, datagram.p, datagram.n) ||
	    ikev1_hash3(s->suite.prf, secret_view(&s->keys.skeyid_a), x->message_id, secret_view(&x->ni), secret_view(&x->nr), m->hash3)) {
		v1_memo_free(m);
		return -1;
	}
	memcpy(m->heard, x->v1.heard, sizeof(m->heard));
	memcpy(m->iv, x->v1.iv, sizeof(m->iv));
	m->child = child->spi_in;
	repeat(m);
	v1_send_once(x, secret_view(&m->answer));
	return 0;
}

static void served(struct exchange *x, struct child_sa *child)
{
	if (!child) {
		refuse(x, ISAKMP_N_NO_PROPOSAL_CHOSEN, "the kernel does not take it");
		return;
	}
	v1_note_nonce(x, child);
	if (answer(x, child))
		child_end(child, ENGINE_CHILD_DOWN, "an answer could not be built");
	exchange_free(x);
}

/* --- */

static int keys(struct exchange *x)
{
	struct view ni = wire_find(&x->m, ISAKMP_PL_NONCE)->body;
	struct child_sa *c = x->child, *old = v1_take_replaced(x) ? child_find_out(c->sa, v1_take_replaced(x)) : NULL;

	v1_note_crossing(c);
	if (secret_set(&x->ni, ni.p, ni.n) || v1_quick_nonce(&x->nr) || v1_quick_derive(x))
		return -1;
	/* What crosses one of ours is settled when both are there; else the newest stays. */
	if (!old && !c->crossed)
		old = v1_predecessor(c);
	if (old) {
		c->replaces = old->spi_in;
		x->old_spi = old->spi_in;
	}
	return 0;
}

void v1_quick_serve(struct exchange *x)
{
	const char *why = v1_payloads_wrong(&x->m, V1_BIT(ISAKMP_PL_SA) | V1_BIT(ISAKMP_PL_NONCE));
	uint16_t notify = ISAKMP_N_PAYLOAD_MALFORMED;

	if (why) {
		refuse(x, notify, why);
		return;
	}
	notify = ISAKMP_N_NO_PROPOSAL_CHOSEN;
	if (proof_lost(x->sa))
		why = "the SA is not renewed, as its peer's proof is not good any more";
	if (!why)
		why = choose(x, &notify);
	if (!why && keys(x))
		why = "its keys could not be derived";
	if (why)
		refuse(x, notify, why);
	else
		child_install(x, served);
}

void v1_quick_third(struct v1_memo *m, struct exchange *x)
{
	struct child_sa *c = child_find(m->sa->e, m->child);

	(void)x;
	v1_memo_rest(m);
	if (c)
		child_confirm(c, "the peer has it, too");
}
