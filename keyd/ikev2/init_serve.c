// SPDX-License-Identifier: MIT
// IKE_SA_INIT as responder: who may begin, with what, and what it costs us (RFC 7296 1.2, 2.6).
#include "keyd/crypto/hash.h"
#include "keyd/ike/report.h"
#include "keyd/ike/section.h"
#include "keyd/ike/version.h"
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

#include <limits.h>
#include <stdio.h>
#include <string.h>

/*
 * A person may take 30 s to type the PIN that a proof needs, and the peer repeats IKE_AUTH for a minute while we wait for ours.
 * Those who never mean to go on are put out sooner by others (half_open.h).
 */
#define HALF_OPEN_LIFE SECONDS(75)

static const char exchange_name[] = "IKE_SA_INIT";

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
	if (half_open_add(sa, true) || kex_begin(sa, choice->ke) || kex_nonce(&sa->nr) || secret_set(&sa->ni, ni.p, ni.n) ||
	    secret_set(&sa->init_request, d->data.p, d->data.n) || serve_answer(sa, choice) ||
	    kex_end(sa, ke->data, &why) || crypto_sha256(&d->data, 1, sa->answered_hash)) {
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

static bool takes(const struct peer *p, const struct wire_sa *offer)
{
	struct proposal_choice choice;

	return ike_version_of(&p->conf) == &ikev2_version &&
	       proposal_choose(&p->conf.ike, offer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, &choice);
}

/* The section for now: the first for these addresses that takes an offer; IKE_AUTH may show that another is meant. */
static struct peer *peer_for(struct engine *e, const struct engine_datagram *d, const struct wire_sa *offer)
{
	struct peer *first = engine_peer(e, &d->local, &d->remote), *other;
	unsigned at = 0;

	if (first == e->default_peer || takes(first, offer))
		return first;
	while ((other = section_rival(e, &first->conf, &at))) {
		if (!takes(other, offer))
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
	if (ike_version_of(&peer->conf) != &ikev2_version)
		report_stranger(e, d, exchange_name, "with this peer IKEv1 is spoken here (version 1)");
	else if (choose(e, d, m, &peer->conf, &offer, &ke, &choice))
		serve_new(e, d, m, peer, &choice, &ke, ni);
	peer_put(peer);
}
