// SPDX-License-Identifier: MIT
// Negotiating and installing one Child SA (RFC 7296 2.9, 2.17, 3.3, 3.13).
#include "keyd/ikev2/child.h"

#include "keyd/ike/report.h"
#include "keyd/ikev2/child_ts.h"
#include "keyd/ikev2/message.h"

#include <stdio.h>
#include <string.h>

#define SPI_MIN 256	/* RFC 4303 2.1: those below are reserved */

static void spi_bytes(uint32_t spi, uint8_t out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(spi >> (24 - 8 * i));
}

/*
 * Linux cuts padding off behind the inner packet of a tunnel; in transport mode there is nothing that would say where.
 */
static void put_tfc(const struct child_sa *c, struct wire_out *out)
{
	if (c->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT)
		message_put_notify(out, IKEV2_N_ESP_TFC_PADDING_NOT_SUPPORTED, (struct view){ 0 });
}

void child_put_offer(struct exchange *x, struct wire_out *out, enum proposal_ke ke)
{
	struct child_sa *c = x->child;
	struct conf_proposals ours;
	struct wire_sa offer;
	uint8_t spi[4];

	spi_bytes(c->spi_in, spi);
	child_proposals(&x->sa->peer->conf, ke, &ours);
	proposal_offer(&ours, IKEV2_PROTO_ESP, (struct view){ spi, sizeof(spi) }, ke, &offer);
	message_put_sa(out, &offer);
	child_ts_put_offer(x, out);
	put_tfc(c, out);
}

uint32_t child_spi(struct view v)
{
	return (uint32_t)v.p[0] << 24 | (uint32_t)v.p[1] << 16 | (uint32_t)v.p[2] << 8 | v.p[3];
}

/* False: an SPI that none may have (RFC 4303 2.1). */
static bool take_choice(struct exchange *x, struct child_sa *c)
{
	const struct proposal_choice *choice = &x->choice;

	c->encr = choice->encr;
	c->integ = choice->integ;
	c->ke = choice->ke;
	c->esn = choice->esn;
	c->spi_out = child_spi(choice->spi);
	c->no_tfc = message_has_notify(&x->m, IKEV2_N_ESP_TFC_PADDING_NOT_SUPPORTED, NULL);
	return c->spi_out >= SPI_MIN;
}

static int refuse(struct exchange *x, const char *why)
{
	x->child->failed = true;
	report_child(x->child, LOG_LEVEL_WARNING, x->ops ? x->ops->name : ikev2_exchange_name(x->m.h.exchange),
		     "failed", "%s", why);
	return -1;
}

int child_take_answer(struct exchange *x, enum proposal_ke ke)
{
	bool transport = message_has_notify(&x->m, IKEV2_N_USE_TRANSPORT_MODE, NULL);
	struct conf_proposals ours;
	struct wire_sa chosen;
	const char *why;

	child_proposals(&x->sa->peer->conf, ke, &ours);
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
	if (!take_choice(x, x->child))
		return refuse(x, "the SPI that the peer chose is one of the reserved (0 to 255)");
	why = child_ts_take(x);
	return why ? refuse(x, why) : 0;
}

const char *child_refusal(struct exchange *x, uint16_t error, enum proposal_ke ke, char *text, size_t n)
{
	static const char we_offer[] = "; we offer ";
	struct wire_sa offer;
	struct conf_proposals ours;

	*text = 0;
	report_refusal(x->sa, error, true);
	if (error == IKEV2_N_NO_PROPOSAL_CHOSEN) {
		child_proposals(&x->sa->peer->conf, ke, &ours);
		proposal_offer(&ours, IKEV2_PROTO_ESP, (struct view){ 0 }, ke, &offer);
		snprintf(text, n, "%s", we_offer);
		proposal_format(&offer, text + sizeof(we_offer) - 1, n - (sizeof(we_offer) - 1));
		report_proposals(x->sa, &offer, NULL, "");
	}
	return text;
}

void child_refused(struct exchange *x, uint16_t error, enum proposal_ke ke)
{
	char text[CHILD_REFUSAL_LEN];

	x->child->failed = true;
	child_refusal(x, error, ke, text, sizeof(text));
	report_policies(x->sa, &x->child->pol, NULL, NULL, false);
	x->sa->e->stats.failed++;
	report_child(x->child, LOG_LEVEL_WARNING, x->ops->name, "failed", "the peer refused the child: %s (%u)%s",
		     ikev2_notify_name(error), error, text);
	report_event(x->sa, x->child, ENGINE_FAILED, "the peer refused the child: %s", ikev2_notify_name(error));
}

/* Groups that esp names are meant; those that come from ike are only wanted. */
static bool kex_named(const struct conf_peer *conf)
{
	for (unsigned i = 0; i < conf->esp.n; i++)
		for (unsigned k = 0; k < conf->esp.p[i].n; k++)
			if (conf->esp.p[i].t[k].type == IKEV2_TRANSFORM_DH)
				return true;
	return false;
}

bool child_ask_otherwise(struct exchange *x, uint16_t error)
{
	struct child_sa *c = x->child;

	if (error == IKEV2_N_SINGLE_PAIR_REQUIRED && !c->single_pair && c->flow.src.family) {
		report_child(c, LOG_LEVEL_INFO, x->ops->name, "again", "the peer wants a pair of addresses for a child");
		c->single_pair = true;
		return true;
	}
	if (error != IKEV2_N_NO_PROPOSAL_CHOSEN || !x->kex || kex_named(&x->sa->peer->conf))
		return false;
	report_child(c, LOG_LEVEL_WARNING, x->ops->name, "again",
		     "the peer accepts no proposal with a key exchange; asked again without one (let its esp proposals "
		     "have a group, or say \"pfs no\")");
	crypto_kex_free(x->kex);
	x->kex = NULL;
	x->no_kex = true;
	return true;
}

static void say_no_proposal(struct exchange *x, const struct conf_proposals *ours, const struct wire_sa *theirs,
			    enum proposal_ke ke)
{
	struct wire_sa mine;
	char a[450], b[450], why[400];

	proposal_offer(ours, IKEV2_PROTO_ESP, (struct view){ 0 }, ke, &mine);
	report_reason(x->sa, REASON_NO_PROPOSAL_ESP);
	proposal_explain(ours, theirs, IKEV2_PROTO_ESP, ke, why, sizeof(why));
	report_proposals(x->sa, &mine, theirs, why);
	report_sa(x->sa, LOG_LEVEL_WARNING, ikev2_exchange_name(x->m.h.exchange), "failed",
		  "NO_PROPOSAL_CHOSEN for ESP: the peer offers %s; we accept %s; %s",
		  proposal_format(theirs, a, sizeof(a)), proposal_format(&mine, b, sizeof(b)), why);
}

uint16_t child_choose(struct exchange *x, enum proposal_ke ke)
{
	struct conf_proposals ours;
	struct wire_sa offer;
	uint16_t notify;

	if (message_get_sa(&x->m, &offer))
		return IKEV2_N_INVALID_SYNTAX;
	child_proposals(&x->sa->peer->conf, ke, &ours);
	if (!proposal_choose(&ours, &offer, IKEV2_PROTO_ESP, ke, &x->choice)) {
		say_no_proposal(x, &ours, &offer, ke);
		return IKEV2_N_NO_PROPOSAL_CHOSEN;
	}
	notify = child_ts_choose(x);
	if (notify)
		return notify;
	return take_choice(x, x->child) ? 0 : IKEV2_N_INVALID_SYNTAX;
}

void child_put_answer(struct exchange *x, struct wire_out *out)
{
	struct child_sa *c = x->child;
	struct wire_sa chosen;
	uint8_t spi[4];

	spi_bytes(c->spi_in, spi);
	proposal_answer(&x->choice, IKEV2_PROTO_ESP, (struct view){ spi, sizeof(spi) }, &chosen);
	message_put_sa(out, &chosen);
	child_ts_put_answer(x, out);
	put_tfc(c, out);
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
