// SPDX-License-Identifier: MIT
// Negotiating and installing one Child SA (RFC 7296 2.9, 2.17, 3.3, 3.13).
#include "keyd/ikev2/child.h"

#include "keyd/ike/keylog.h"
#include "keyd/ike/report.h"
#include "keyd/ike/selector.h"
#include "keyd/ikev2/message.h"

#include <string.h>

void child_proposals(const struct conf_peer *conf, struct conf_proposals *out)
{
	const struct conf_proposal *ike = &conf->ike.p[0];

	*out = conf->esp;
	if (!conf->pfs || !conf->ike.n)
		return;
	for (unsigned i = 0; i < out->n; i++) {
		struct conf_proposal *p = &out->p[i];
		bool named = false;

		for (unsigned k = 0; k < p->n; k++)
			named = named || p->t[k].type == IKEV2_TRANSFORM_DH;
		for (unsigned k = 0; !named && k < ike->n && p->n < CONF_TRANSFORMS_MAX; k++)
			if (ike->t[k].type == IKEV2_TRANSFORM_DH)
				p->t[p->n++] = ike->t[k];
	}
}

static void spi_bytes(uint32_t spi, uint8_t out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(spi >> (24 - 8 * i));
}

static void put_ts(struct wire_out *out, uint8_t type, const struct wire_ts_list *ts)
{
	size_t mark = wire_payload_begin(out, type);

	wire_ts_put(&out->w, ts);
	wire_payload_end(out, mark);
}

/* The packet that asks first, then all that the policy covers (RFC 7296 2.9). */
static void offered_ts(const struct child_sa *c, enum selector_side side, struct wire_ts_list *l)
{
	*l = (struct wire_ts_list){ 0 };
	if (c->flow.src.family && selector_covers(&c->pol.sel, &c->flow) && !selector_equal(&c->pol.sel, &c->flow))
		selector_to_ts(&c->flow, side, &l->ts[l->n++]);
	selector_to_ts(&c->pol.sel, side, &l->ts[l->n++]);
}

void child_put_offer(struct exchange *x, struct wire_out *out, enum proposal_ke ke)
{
	struct child_sa *c = x->child;
	struct conf_proposals ours;
	struct wire_ts_list ts;
	struct wire_sa offer;
	uint8_t spi[4];

	spi_bytes(c->spi_in, spi);
	child_proposals(&x->sa->peer->conf, &ours);
	proposal_offer(&ours, IKEV2_PROTO_ESP, (struct view){ spi, sizeof(spi) }, ke, &offer);
	message_put_sa(out, &offer);
	offered_ts(c, SELECTOR_SRC, &ts);
	put_ts(out, IKEV2_PL_TSI, &ts);
	offered_ts(c, SELECTOR_DST, &ts);
	put_ts(out, IKEV2_PL_TSR, &ts);
	if (c->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT)
		message_put_notify(out, IKEV2_N_USE_TRANSPORT_MODE, (struct view){ 0 });
}

static int get_ts(const struct wire_message *m, uint8_t type, struct wire_ts_list *ts)
{
	const struct wire_payload *p = wire_find(m, type);

	return p && !wire_ts_get(ts, p->body) && ts->n ? 0 : -1;
}

uint32_t child_spi(struct view v)
{
	return (uint32_t)v.p[0] << 24 | (uint32_t)v.p[1] << 16 | (uint32_t)v.p[2] << 8 | v.p[3];
}

static void take_choice(struct child_sa *c, const struct proposal_choice *choice)
{
	c->encr = choice->encr;
	c->integ = choice->integ;
	c->ke = choice->ke;
	c->esn = choice->esn;
	c->spi_out = child_spi(choice->spi);
}

static int refuse(struct exchange *x, const char *why)
{
	report_child(x->child, LOG_LEVEL_WARNING, x->ops ? x->ops->name : ikev2_exchange_name(x->m.h.exchange),
		     "failed", "%s", why);
	return -1;
}

static int take_selectors(struct exchange *x)
{
	struct wire_ts_list local, remote, offered_local, offered_remote;
	struct child_sa *c = x->child;

	if (get_ts(&x->m, IKEV2_PL_TSI, &local) || get_ts(&x->m, IKEV2_PL_TSR, &remote))
		return refuse(x, "the answer has no usable traffic selectors");
	offered_ts(c, SELECTOR_SRC, &offered_local);
	offered_ts(c, SELECTOR_DST, &offered_remote);
	if (!ts_list_within(&local, &offered_local) || !ts_list_within(&remote, &offered_remote))
		return refuse(x, "the peer widened the traffic selectors beyond our policy");
	c->sel_exact = selector_from_ts(&local, &remote, &c->sel);
	return 0;
}

int child_take_answer(struct exchange *x, enum proposal_ke ke)
{
	bool transport = message_has_notify(&x->m, IKEV2_N_USE_TRANSPORT_MODE, NULL);
	struct conf_proposals ours;
	struct wire_sa chosen;

	child_proposals(&x->sa->peer->conf, &ours);
	if (message_get_sa(&x->m, &chosen))
		return refuse(x, "the answer has no usable SA payload");
	if (!proposal_check(&ours, &chosen, IKEV2_PROTO_ESP, ke, &x->choice))
		return refuse(x, "the peer chose an ESP proposal that we have not offered");
	if (transport != (x->child->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT)) {
		report_reason(x->sa, REASON_MODE_MISMATCH);
		report_sides(x->sa, transport ? "tunnel" : "transport", transport ? "transport" : "tunnel");
		report_policies(x->sa, &x->child->pol, NULL, NULL, false);
		return refuse(x, transport ? "the peer wants transport mode, our policy says tunnel" :
					     "our policy says transport mode, the peer wants tunnel");
	}
	take_choice(x->child, &x->choice);
	return take_selectors(x);
}

void child_refused(struct exchange *x, uint16_t error, enum proposal_ke ke)
{
	struct wire_sa offer;
	struct conf_proposals ours;
	char text[600] = "";

	report_refusal(x->sa, error, true);
	if (error == IKEV2_N_NO_PROPOSAL_CHOSEN) {
		child_proposals(&x->sa->peer->conf, &ours);
		proposal_offer(&ours, IKEV2_PROTO_ESP, (struct view){ 0 }, ke, &offer);
		proposal_format(&offer, text, sizeof(text));
		report_proposals(x->sa, &offer, NULL);
	}
	report_policies(x->sa, &x->child->pol, NULL, NULL, false);
	x->sa->e->stats.failed++;
	report_child(x->child, LOG_LEVEL_WARNING, x->ops->name, "failed", "the peer refused the child: %s (%u)%s%s",
		     ikev2_notify_name(error), error, *text ? "; we offer " : "", text);
	report_event(x->sa, x->child, ENGINE_FAILED, "the peer refused the child: %s", ikev2_notify_name(error));
}

static void say_no_proposal(struct exchange *x, const struct conf_proposals *ours, const struct wire_sa *theirs,
			    enum proposal_ke ke)
{
	struct wire_sa mine;
	char a[600], b[600];

	proposal_offer(ours, IKEV2_PROTO_ESP, (struct view){ 0 }, ke, &mine);
	report_reason(x->sa, REASON_NO_PROPOSAL_ESP);
	report_proposals(x->sa, &mine, theirs);
	report_sa(x->sa, LOG_LEVEL_WARNING, ikev2_exchange_name(x->m.h.exchange), "failed",
		  "NO_PROPOSAL_CHOSEN for ESP: the peer offers %s; we accept %s", proposal_format(theirs, a, sizeof(a)),
		  proposal_format(&mine, b, sizeof(b)));
}

static void say_no_policy(struct exchange *x, const char *why, const struct wire_ts_list *local,
			  const struct wire_ts_list *remote)
{
	char a[300], b[300];

	report_policies(x->sa, NULL, local, remote, message_has_notify(&x->m, IKEV2_N_USE_TRANSPORT_MODE, NULL));
	report_sa(x->sa, LOG_LEVEL_WARNING, ikev2_exchange_name(x->m.h.exchange), "failed",
		  "TS_UNACCEPTABLE: %s; the peer asks for its %s to our %s", why,
		  ts_list_format(remote, a, sizeof(a)), ts_list_format(local, b, sizeof(b)));
}

uint16_t child_choose(struct exchange *x, enum proposal_ke ke)
{
	bool transport = message_has_notify(&x->m, IKEV2_N_USE_TRANSPORT_MODE, NULL);
	struct wire_ts_list ts_i, ts_r, local, remote;
	const struct ipsec_policy *pol;
	struct conf_proposals ours;
	struct wire_sa offer;
	const char *why;

	if (message_get_sa(&x->m, &offer) || get_ts(&x->m, IKEV2_PL_TSI, &ts_i) || get_ts(&x->m, IKEV2_PL_TSR, &ts_r))
		return IKEV2_N_INVALID_SYNTAX;
	child_proposals(&x->sa->peer->conf, &ours);
	if (!proposal_choose(&ours, &offer, IKEV2_PROTO_ESP, ke, &x->choice)) {
		say_no_proposal(x, &ours, &offer, ke);
		return IKEV2_N_NO_PROPOSAL_CHOSEN;
	}
	pol = spd_match(&x->sa->e->spd, &x->sa->local, &x->sa->remote, &ts_r, &ts_i, transport, &why);
	if (!pol || !selector_narrow(&pol->sel, SELECTOR_SRC, &ts_r, &local) ||
	    !selector_narrow(&pol->sel, SELECTOR_DST, &ts_i, &remote)) {
		say_no_policy(x, pol ? "nothing in common" : why, &ts_r, &ts_i);
		return IKEV2_N_TS_UNACCEPTABLE;
	}
	x->child = child_new(x->sa, pol, false);
	if (!x->child)
		return IKEV2_N_TEMPORARY_FAILURE;
	take_choice(x->child, &x->choice);
	x->child->sel_exact = selector_from_ts(&local, &remote, &x->child->sel);
	return 0;
}

void child_put_answer(struct exchange *x, struct wire_out *out)
{
	struct wire_ts_list ts_i, ts_r, narrowed;
	struct child_sa *c = x->child;
	struct wire_sa chosen;
	uint8_t spi[4];

	spi_bytes(c->spi_in, spi);
	proposal_answer(&x->choice, IKEV2_PROTO_ESP, (struct view){ spi, sizeof(spi) }, &chosen);
	message_put_sa(out, &chosen);
	if (get_ts(&x->m, IKEV2_PL_TSI, &ts_i) || get_ts(&x->m, IKEV2_PL_TSR, &ts_r))
		return;
	selector_narrow(&c->pol.sel, SELECTOR_DST, &ts_i, &narrowed);
	put_ts(out, IKEV2_PL_TSI, &narrowed);
	selector_narrow(&c->pol.sel, SELECTOR_SRC, &ts_r, &narrowed);
	put_ts(out, IKEV2_PL_TSR, &narrowed);
	if (c->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT)
		message_put_notify(out, IKEV2_N_USE_TRANSPORT_MODE, (struct view){ 0 });
}

static int keep(struct secret *to, struct view from)
{
	return secret_set(to, from.p, from.n);
}

int child_derive(struct exchange *x, struct view ni, struct view nr)
{
	struct child_sa *c = x->child;
	struct ikev2_child_keys k;
	struct secret keymat = { 0 };
	int ret = -1;

	if (ikev2_keymat_child(x->sa->suite.prf, secret_view(&x->sa->keys.sk_d), secret_view(&x->shared), ni, nr,
			       &keymat, ikev2_child_keymat_len(c->encr, c->integ)) ||
	    ikev2_child_keymat_split(&k, secret_view(&keymat), c->encr, c->integ))
		goto out;
	/* _i goes from the initiator of this exchange to its responder. */
	if (keep(&c->key_out, c->initiator ? k.encr_i : k.encr_r) ||
	    keep(&c->auth_out, c->initiator ? k.integ_i : k.integ_r) ||
	    keep(&c->key_in, c->initiator ? k.encr_r : k.encr_i) ||
	    keep(&c->auth_in, c->initiator ? k.integ_r : k.integ_i))
		goto out;
	ret = 0;
out:
	secret_clear(&keymat);
	return ret;
}

static void failed_install(struct exchange *x, const struct kern_answer *an)
{
	struct child_sa *c = x->child;

	report_reason(c->sa, REASON_KERNEL_REFUSED);
	report_sides(c->sa, NULL, an->why);
	report_child(c, LOG_LEVEL_ERROR, "CHILD_SA", "failed", "the kernel refused the SA: %s", an->why);
	x->child = NULL;
	if (c->state == CHILD_NEW)
		child_free(c);
	else
		child_end(c, ENGINE_EVENT_TYPES, "its outbound half could not be installed");
	x->installed(x, NULL);
}

static void outbound_answered(struct ask *a, const struct kern_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	struct child_sa *c = x->child;

	if (an->error) {
		failed_install(x, an);
		return;
	}
	x->child = NULL;
	child_outbound_done(c);
	x->installed(x, c);
}

static void inbound_answered(struct ask *a, const struct kern_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	struct child_sa *c = x->child;
	struct kern_request rq;

	if (an->error) {
		failed_install(x, an);
		return;
	}
	child_inbound_done(c);
	if (!c->initiator || c->redundant) {
		x->child = NULL;
		x->installed(x, c);
		return;
	}
	child_outbound_request(c, &rq);
	ask_kern(x->sa->e, &x->ask, &rq, outbound_answered);
	secret_cleanse(&rq, sizeof(rq));
}

void child_install(struct exchange *x, void (*done)(struct exchange *x, struct child_sa *child))
{
	struct kern_request rq;

	x->installed = done;
	keylog_child(x->child);
	child_inbound_request(x->child, &rq);
	ask_kern(x->sa->e, &x->ask, &rq, inbound_answered);
	secret_cleanse(&rq, sizeof(rq));
}
