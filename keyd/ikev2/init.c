// SPDX-License-Identifier: MIT
// IKE_SA_INIT as initiator: algorithms, nonces, key exchange; nothing is authenticated yet (RFC 7296 1.2, 2.6, 2.7).
#include "keyd/ike/report.h"
#include "keyd/ikev2/auth_proof.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/fragment.h"
#include "keyd/ikev2/kex.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/nat.h"
#include "keyd/ikev2/payloads.h"
#include "keyd/ikev2/window.h"

#include <stdio.h>
#include <string.h>

#define INIT_TRIES_MAX 5

static const char exchange_name[] = "IKE_SA_INIT";

static bool init_build(struct exchange *x, struct wire_out *out)
{
	struct ike_sa *sa = x->sa;
	struct wire_sa offer;

	proposal_offer(&sa->peer->conf.ike, IKEV2_PROTO_IKE, (struct view){ 0 }, PROPOSAL_KE_REQUIRED, &offer);
	if (sa->cookie.n)
		message_put_notify(out, IKEV2_N_COOKIE, secret_view(&sa->cookie));
	message_put_sa(out, &offer);
	message_put_ke(out, sa->kex);
	message_put_nonce(out, secret_view(&sa->ni));
	nat_put_notifies(sa, out);
	fragment_put_notify(sa, out);
	auth_put_hashes(sa, out);
	if (sa->state == IKE_NEW)
		ike_sa_set_state(sa, IKE_INIT);
	return true;
}

static void say_no_proposal(struct ike_sa *sa)
{
	struct wire_sa offer;
	char ours[700];

	proposal_offer(&sa->peer->conf.ike, IKEV2_PROTO_IKE, (struct view){ 0 }, PROPOSAL_KE_REQUIRED, &offer);
	report_proposals(sa, &offer, NULL, "");
	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed",
		  "NO_PROPOSAL_CHOSEN: the peer accepts none of what we offer: %s",
		  proposal_format(&offer, ours, sizeof(ours)));
}

static void patience_ends(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, end);

	if (sa->active && sa->active->doubted == IKEV2_N_NO_PROPOSAL_CHOSEN)
		say_no_proposal(sa);
	if (sa->active && sa->active->tries > INIT_TRIES_MAX)
		report_reason(sa, REASON_COOKIE_LOOP);
	report_refusal(sa, sa->active ? sa->active->doubted : 0, false);
	ike_sa_end(sa, sa->active ? sa->active->doubt : "nobody answers IKE_SA_INIT");
}

/*
 * An answer that is of no use. Anybody may have sent it, so the request goes on until a better one comes (RFC 7296 2.21.1);
 * not for long, because it may well be genuine. error is its notify, or 0.
 */
static void doubt(struct exchange *x, uint16_t error, const char *why)
{
	struct ike_sa *sa = x->sa;
	uint64_t patience = 2 * MILLISECONDS(sa->peer->conf.retransmit_ms);

	report_sa(sa, LOG_LEVEL_INFO, exchange_name, "doubted",
		  "%s; nothing proves that the peer said so, a better answer is waited for", why);
	if (x->doubt[0])
		return;
	x->doubted = error;
	snprintf(x->doubt, sizeof(x->doubt), "%s", why);
	timer_set(&sa->e->timers, &sa->end, sa->e->now + patience, patience_ends);
}

/* An answer that is to be believed for now. */
static void believe(struct exchange *x)
{
	timer_cancel(&x->sa->e->timers, &x->sa->end);
	x->doubt[0] = '\0';
	window_answered(x->sa);
}

static void retry(struct exchange *x, const char *why)
{
	report_sa(x->sa, LOG_LEVEL_INFO, exchange_name, "again", "%s", why);
	believe(x);
	window_retry(x, 0);
}

/* Somebody who answers each of our requests by asking for another one must not keep us busy for ever. */
static bool once_more(struct exchange *x)
{
	if (++x->tries <= INIT_TRIES_MAX)
		return true;
	doubt(x, 0, "the peer asks again and again for another IKE_SA_INIT (COOKIE or INVALID_KE_PAYLOAD)");
	return false;
}

static void take_cookie(struct exchange *x, const struct wire_notify *n)
{
	if (n->data.n < 1 || n->data.n > 64)
		doubt(x, 0, "the peer's COOKIE has an impossible length");
	else if (once_more(x) && !secret_set(&x->sa->cookie, n->data.p, n->data.n))
		retry(x, "the peer wants its cookie back (COOKIE)");
}

static void take_other_group(struct exchange *x, const struct wire_notify *n)
{
	struct ike_sa *sa = x->sa;
	uint16_t group = n->data.n == 2 ? (uint16_t)(n->data.p[0] << 8 | n->data.p[1]) : 0;
	char why[sizeof(x->doubt)];

	if (!proposal_has_group(&sa->peer->conf.ike, group)) {
		snprintf(why, sizeof(why), "INVALID_KE_PAYLOAD: the peer wants group %u (%s), which we have not offered",
			 group, ikev2_transform_name(IKEV2_TRANSFORM_DH, group));
		doubt(x, IKEV2_N_INVALID_KE_PAYLOAD, why);
	} else if (sa->ke && sa->ke->ikev2_id == group) {
		doubt(x, IKEV2_N_INVALID_KE_PAYLOAD, "INVALID_KE_PAYLOAD: the peer wants the group that it has got");
	} else if (once_more(x)) {
		if (kex_begin(sa, crypto_alg_by_id(CRYPTO_KE, group, 0)))
			ike_sa_end(sa, "no key pair of the group that the peer prefers could be made");
		else
			retry(x, "the peer prefers another group (INVALID_KE_PAYLOAD)");
	}
}

static void refused(struct exchange *x, uint16_t error)
{
	char why[sizeof(x->doubt)];

	if (error == IKEV2_N_NO_PROPOSAL_CHOSEN)
		snprintf(why, sizeof(why), "NO_PROPOSAL_CHOSEN: the peer accepts none of our IKE proposals");
	else
		snprintf(why, sizeof(why), "the peer refused IKE_SA_INIT: %s (%u)", ikev2_notify_name(error), error);
	doubt(x, error, why);
}

static bool init_agree(struct exchange *x, struct wire_ke *ke, const char **why)
{
	static const uint8_t no_spi[8];
	struct ike_sa *sa = x->sa;
	struct wire_sa chosen;
	struct view nr;

	*why = "the responder's SPI is zero";
	if (!memcmp(x->m.h.spi_r, no_spi, sizeof(no_spi)))
		return false;
	*why = "SA, KE or Nonce is missing or malformed in the answer";
	if (message_get_sa(&x->m, &chosen) || message_get_ke(&x->m, ke) || message_get_nonce(&x->m, &nr))
		return false;
	*why = "the peer chose something that we have not offered";
	if (!proposal_check(&sa->peer->conf.ike, &chosen, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, &x->choice))
		return false;
	*why = "the peer's KE is of another group than it chose";
	if (x->choice.ke != sa->ke || ke->group != sa->ke->ikev2_id)
		return false;
	*why = "out of memory";
	if (secret_set(&sa->nr, nr.p, nr.n) || secret_set(&sa->init_response, x->bytes, x->nbytes))
		return false;
	sa->suite = (struct ikev2_suite){ x->choice.encr, x->choice.prf, x->choice.integ };
	memcpy(sa->spi_r, x->m.h.spi_r, sizeof(sa->spi_r));
	if (!kex_end(sa, ke->data, why)) {
		fragment_take_notify(sa, &x->m);
		auth_take_hashes(sa, &x->m);
		auth_take_requests(sa, &x->m);
		sa->auth.multiple = message_has_notify(&x->m, IKEV2_N_MULTIPLE_AUTH_SUPPORTED, NULL);
		sa->childless = message_has_notify(&x->m, IKEV2_N_CHILDLESS_IKEV2_SUPPORTED, NULL);
		nat_take_notifies(sa, &x->m, &x->from);
		return true;
	}
	memset(sa->spi_r, 0, sizeof(sa->spi_r));	/* an answer of another responder may be better */
	return false;
}

/* Why an answer cannot be what a peer that knows the protocol would say; NULL: it can. */
static const char *unusable(const struct wire_message *m, char buf[PAYLOADS_WHY])
{
	return wire_unknown_critical(m) ? "the answer has a critical payload that nobody here knows" : payloads_wrong(m, buf);
}

static void agreed(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct child_sa *child = x->child;

	believe(x);
	x->child = NULL;
	ike_sa_set_state(sa, IKE_AUTH);
	nat_settle(sa);
	exchange_done(x);
	auth_begin(sa, child);
}

static void init_answer(struct exchange *x)
{
	uint16_t error = message_error(&x->m);
	char broken[PAYLOADS_WHY];
	struct wire_notify n;
	struct wire_ke ke;
	const char *why = unusable(&x->m, broken);

	if (why) {
		doubt(x, 0, why);
		return;
	}
	if (message_has_notify(&x->m, IKEV2_N_COOKIE, &n) && !wire_find(&x->m, IKEV2_PL_SA))
		take_cookie(x, &n);
	else if (message_has_notify(&x->m, IKEV2_N_INVALID_KE_PAYLOAD, &n))
		take_other_group(x, &n);
	else if (error)
		refused(x, error);
	else if (init_agree(x, &ke, &why))
		agreed(x);
	else
		doubt(x, 0, why);
}

static const struct exchange_ops init_ops = {
	.name = exchange_name,
	.type = IKEV2_EXCH_IKE_SA_INIT,
	.unproven = true,
	.build = init_build,
	.answer = init_answer,
};

void init_begin(struct ike_sa *sa, struct child_sa *first)
{
	struct exchange *x = exchange_new(sa, &init_ops);

	if (!x || kex_nonce(&sa->ni) || kex_begin(sa, proposal_first_group(&sa->peer->conf.ike))) {
		if (first)
			child_free(first);
		if (x)
			exchange_free(x);
		ike_sa_end(sa, "IKE_SA_INIT could not be built: no memory, or no key exchange group configured");
		return;
	}
	x->child = first;
	report_sa(sa, LOG_LEVEL_INFO, exchange_name, "begin", "as initiator");
	exchange_queue(x);
}
