// SPDX-License-Identifier: MIT
// IKE_SA_INIT: algorithms, nonces, key exchange; nothing is authenticated yet (RFC 7296 1.2, 2.6, 2.7).
#include "keyd/crypto/hash.h"
#include "keyd/ike/report.h"
#include "keyd/ike/story.h"
#include "keyd/ikev2/auth_id.h"
#include "keyd/ikev2/auth_proof.h"
#include "keyd/ikev2/cookie.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/fragment.h"
#include "keyd/ikev2/kex.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/nat.h"
#include "keyd/ikev2/payloads.h"
#include "keyd/ikev2/stateless.h"
#include "keyd/ikev2/window.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/*
 * A person may take 30 s to type the PIN that a proof needs, and the peer repeats IKE_AUTH for a minute while we wait for ours.
 * Those who never mean to go on are put out sooner by others (half_open.h).
 */
#define HALF_OPEN_LIFE SECONDS(75)
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

static int make_kex(struct ike_sa *sa, const struct crypto_alg *ke)
{
	crypto_kex_free(sa->kex);
	sa->kex = ke ? crypto_kex_new(ke) : NULL;
	sa->ke = ke;
	return sa->kex ? 0 : -1;
}

/* The keys of the SA from what both sides have said. 0, or -1 and why. */
static int init_keys(struct ike_sa *sa, struct view peer_ke, const char **why)
{
	struct secret shared = { 0 };
	int ret = -1;

	*why = "the peer's key exchange value is not a valid one";
	if (crypto_kex_derive(sa->kex, peer_ke, &shared))
		goto out;
	*why = "the keys could not be derived";
	if (ikev2_keymat_ike(&sa->keys, &sa->suite, secret_view(&sa->ni), secret_view(&sa->nr), secret_view(&shared),
			     sa->spi_i, sa->spi_r) ||
	    ike_sa_ciphers(sa))
		goto out;
	crypto_kex_free(sa->kex);
	sa->kex = NULL;
	ret = 0;
out:
	secret_clear(&shared);
	return ret;
}

/* --- initiator --- */

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
		if (make_kex(sa, crypto_alg_by_id(CRYPTO_KE, group, 0)))
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
	if (!init_keys(sa, ke->data, why)) {
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

	if (!x || kex_nonce(&sa->ni) || make_kex(sa, proposal_first_group(&sa->peer->conf.ike))) {
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

/* --- responder --- */

/* For keydctl explain: who gets no SA, and why. */
static void turned_away(struct engine *e, const struct engine_datagram *d, const struct wire_message *m,
			const struct conf_peer *conf, enum engine_reason reason, const struct wire_sa *ours,
			const struct wire_sa *theirs)
{
	struct engine_story s = { .what = STORY_IKE_SA, .reason = (uint8_t)reason };

	if (!story_allowed(e))
		return;
	memcpy(s.spi_i, m->h.spi_i, sizeof(s.spi_i));
	if (ours) {
		proposal_format(ours, s.ours, sizeof(s.ours));
		proposal_format(theirs, s.theirs, sizeof(s.theirs));
		proposal_explain(&conf->ike, theirs, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, s.differs, sizeof(s.differs));
		s.notify = IKEV2_N_NO_PROPOSAL_CHOSEN;
		s.notify_ours = true;
		snprintf(s.text, sizeof(s.text), "NO_PROPOSAL_CHOSEN: we accept none of the peer's IKE proposals");
	} else {
		snprintf(s.text, sizeof(s.text), "%u half-open SAs are enough", e->stats.half_open_now);
	}
	report_turned_away(e, d, conf, &s);
}

static void ask_cookie(struct engine *e, const struct engine_datagram *d, const struct wire_message *m, struct view nonce)
{
	uint8_t cookie[COOKIE_LEN];

	if (cookie_make(e, d, m, nonce, cookie))
		return;
	e->stats.cookies_asked++;
	stateless_refuse(e, d, &m->h, IKEV2_N_COOKIE, (struct view){ cookie, sizeof(cookie) });
}

/* Many requests that come to nothing are a flood, too, although they leave nothing half-open. */
static bool many_refused(const struct engine *e)
{
	return e->refused.second == e->now / SECONDS(1) && e->refused.used >= e->conf.cookie_threshold;
}

static bool enough_room(struct engine *e, const struct engine_datagram *d, const struct wire_message *m,
			struct view nonce)
{
	enum half_open_verdict v = half_open_ask(e, d, false);

	if (v == HALF_OPEN_ROOM && !many_refused(e))
		return true;
	if (!cookie_shown(e, d, m, nonce)) {
		ask_cookie(e, d, m, nonce);
		return false;
	}
	v = half_open_ask(e, d, true);
	if (v == HALF_OPEN_ROOM)
		return true;
	if (v == HALF_OPEN_FULL)
		report_stranger(e, d, exchange_name, "%u half-open SAs are enough", e->half_open.n);
	else
		report_stranger(e, d, exchange_name, "%u half-open SAs from one source are enough",
				e->conf.half_open_per_source);
	turned_away(e, d, m, &e->default_peer->conf, REASON_HALF_OPEN_LIMIT, NULL, NULL);
	return false;
}

static void say_nothing_fits(struct engine *e, const struct engine_datagram *d, const struct wire_sa *theirs,
			     const struct wire_sa *mine, const struct conf_proposals *ours)
{
	char a[450], b[450], why[400];

	if (!report_stranger_heard(e))
		return;
	report_stranger(e, d, exchange_name, "NO_PROPOSAL_CHOSEN: the peer offers %s; we accept %s; %s",
			proposal_format(theirs, a, sizeof(a)), proposal_format(mine, b, sizeof(b)),
			proposal_explain(ours, theirs, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, why, sizeof(why)));
}

static bool choose(struct engine *e, const struct engine_datagram *d, const struct wire_message *m,
		   const struct conf_peer *conf, const struct wire_sa *offer, const struct wire_ke *ke,
		   struct proposal_choice *choice)
{
	struct wire_sa mine;
	uint8_t group[2];

	if (!proposal_choose(&conf->ike, offer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, choice)) {
		rate_pass(e, &e->refused, UINT_MAX);
		proposal_offer(&conf->ike, IKEV2_PROTO_IKE, (struct view){ 0 }, PROPOSAL_KE_REQUIRED, &mine);
		say_nothing_fits(e, d, offer, &mine, &conf->ike);
		stateless_refuse(e, d, &m->h, IKEV2_N_NO_PROPOSAL_CHOSEN, (struct view){ 0 });
		turned_away(e, d, m, conf, REASON_NO_PROPOSAL_IKE, &mine, offer);
		e->stats.failed++;
		return false;
	}
	if (ke->group == choice->ke->ikev2_id && ke->data.n == choice->ke->public_len)
		return true;
	rate_pass(e, &e->refused, UINT_MAX);
	group[0] = (uint8_t)(choice->ke->ikev2_id >> 8);
	group[1] = (uint8_t)choice->ke->ikev2_id;
	stateless_refuse(e, d, &m->h, IKEV2_N_INVALID_KE_PAYLOAD, (struct view){ group, sizeof(group) });
	return false;
}

static void half_open_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, end);

	report_reason(sa, REASON_PEER_STOPPED);
	ike_sa_end(sa, "the peer began and did not go on with IKE_AUTH");
}

static int serve_answer(struct ike_sa *sa, const struct proposal_choice *choice)
{
	struct wire_out out;
	struct wire_sa chosen;
	struct view datagram;

	proposal_answer(choice, IKEV2_PROTO_IKE, (struct view){ 0 }, &chosen);
	message_begin(sa, &out, IKEV2_EXCH_IKE_SA_INIT, true, 0);
	message_put_sa(&out, &chosen);
	message_put_ke(&out, sa->kex);
	message_put_nonce(&out, secret_view(&sa->nr));
	nat_put_notifies(sa, &out);
	fragment_put_notify(sa, &out);
	auth_put_hashes(sa, &out);
	auth_put_requests(sa, &out);
	if (auth_may_repeat(sa))
		message_put_notify(&out, IKEV2_N_MULTIPLE_AUTH_SUPPORTED, (struct view){ 0 });
	if (sa->peer->conf.childless != CONF_CHILDLESS_NEVER)
		message_put_notify(&out, IKEV2_N_CHILDLESS_IKEV2_SUPPORTED, (struct view){ 0 });
	if (message_end(sa, &out, &datagram) || secret_set(&sa->init_response, datagram.p, datagram.n))
		return -1;
	return 0;
}

static void serve_new(struct engine *e, const struct engine_datagram *d, const struct wire_message *m,
		      struct peer *peer, const struct proposal_choice *choice, const struct wire_ke *ke, struct view ni)
{
	struct ike_sa *sa = ike_sa_new(e, peer, false, &d->local, d->local_port, &d->remote, d->remote_port);
	const char *why = "out of memory";
	struct path from = path_of_datagram(d);

	if (!sa)
		return;
	memcpy(sa->spi_i, m->h.spi_i, sizeof(sa->spi_i));
	fragment_take_notify(sa, m);
	auth_take_hashes(sa, m);
	nat_take_notifies(sa, m, &from);
	sa->suite = (struct ikev2_suite){ choice->encr, choice->prf, choice->integ };
	if (half_open_add(sa) || make_kex(sa, choice->ke) || kex_nonce(&sa->nr) || secret_set(&sa->ni, ni.p, ni.n) ||
	    secret_set(&sa->init_request, d->data.p, d->data.n) || serve_answer(sa, choice) ||
	    init_keys(sa, ke->data, &why) || crypto_sha256(&d->data, 1, sa->answered_hash)) {
		ike_sa_end(sa, why);
		return;
	}
	ike_sa_set_state(sa, IKE_INIT);
	sa->have_answered = true;
	sa->next_expected = 1;
	timer_set(&e->timers, &sa->end, e->now + HALF_OPEN_LIFE, half_open_due);
	report_sa(sa, LOG_LEVEL_INFO, exchange_name, "answered", "as responder");
	message_send(sa, secret_view(&sa->init_response));
}

static void malformed(struct engine *e, const struct engine_datagram *d, const char *why)
{
	e->stats.malformed++;
	report_stranger(e, d, exchange_name, "%s", why);
}

static bool first_request(const struct wire_header *h)
{
	static const uint8_t no_spi[8];

	return h->flags & IKEV2_FLAG_INITIATOR && !h->message_id && memcmp(h->spi_i, no_spi, sizeof(no_spi)) != 0 &&
	       !memcmp(h->spi_r, no_spi, sizeof(no_spi));
}

/* Nobody is told of bad form (RFC 7296 3.10.1: INVALID_SYNTAX is for encrypted packets), but of what he insists on. */
static bool well_formed(struct engine *e, const struct engine_datagram *d, const struct wire_message *m)
{
	const struct wire_payload *critical = wire_unknown_critical(m);
	char broken[PAYLOADS_WHY];
	const char *wrong;

	if (critical) {
		malformed(e, d, "a critical payload of a type that nobody here knows");
		stateless_refuse(e, d, &m->h, IKEV2_N_UNSUPPORTED_CRITICAL_PAYLOAD, (struct view){ &critical->type, 1 });
		return false;
	}
	wrong = payloads_wrong(m, broken);
	if (wrong)
		malformed(e, d, wrong);
	return !wrong;
}

/* A copy of the request that began sa; its answer goes once more while nobody has gone on from it. */
static void serve_again(struct ike_sa *sa, const struct engine_datagram *d)
{
	uint8_t hash[CRYPTO_SHA256_LEN];

	if (sa->state == IKE_INIT && !sa->serving && !crypto_sha256(&d->data, 1, hash) &&
	    !memcmp(hash, sa->answered_hash, sizeof(hash)))
		message_send(sa, secret_view(&sa->init_response));
}

/* The section for now: the first for these addresses that takes an offer; IKE_AUTH may show that another is meant. */
static struct peer *peer_for(struct engine *e, const struct engine_datagram *d, const struct wire_sa *offer)
{
	struct peer *first = engine_peer(e, &d->local, &d->remote), *other;
	struct proposal_choice choice;
	unsigned at = 0;

	if (first == e->default_peer || proposal_choose(&first->conf.ike, offer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, &choice))
		return first;
	while ((other = auth_id_rival(e, &first->conf, &at))) {
		if (!proposal_choose(&other->conf.ike, offer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, &choice))
			continue;
		peer_put(first);
		return peer_get(other);
	}
	return first;
}

/* In the order of what it costs: a flood of requests from forged addresses gets no further than to the cookie. */
void init_serve(struct engine *e, const struct engine_datagram *d, const struct wire_message *m)
{
	struct ike_sa *sa = half_open_find(e, d, m->h.spi_i);
	struct proposal_choice choice;
	struct wire_sa offer;
	struct wire_ke ke;
	struct view ni;
	struct peer *peer;

	if (sa) {
		serve_again(sa, d);
		return;
	}
	if (!first_request(&m->h) || message_get_nonce(m, &ni)) {
		malformed(e, d, "its header is not that of a first request, or it has no Nonce");
		return;
	}
	if (!enough_room(e, d, m, ni) || !well_formed(e, d, m))
		return;
	if (message_get_sa(m, &offer) || message_get_ke(m, &ke))
		return;		/* payloads_wrong has tried both */
	peer = peer_for(e, d, &offer);
	if (choose(e, d, m, &peer->conf, &offer, &ke, &choice))
		serve_new(e, d, m, peer, &choice, &ke, ni);
	peer_put(peer);
}
