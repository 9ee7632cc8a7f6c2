// SPDX-License-Identifier: MIT
// Phase 1 as a row of steps, which alternate between the two ends (RFC 2409 5); what they say is in main.c and aggressive.c.
#include "keyd/ikev1/config.h"
#include "keyd/ikev1/phase1.h"

#include "keyd/conf/load.h"
#include "keyd/ike/half_open.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/section.h"
#include "keyd/ike/story.h"
#include "keyd/ikev1/method.h"
#include "keyd/ikev1/nat.h"
#include "keyd/ikev1/window.h"

#include <stdio.h>
#include <string.h>

/* As in IKEv2: a proof may need a PIN that somebody types. */
#define HALF_OPEN_LIFE SECONDS(75)
/* A last message is repeated so often for copies of what it answers. */
#define COPIES_MAX 24
/* Our answer goes so often by itself, where the peer's next message is the last: whoever made that does not know whether it is here. */
#define ANSWERS_MAX 4

static const struct v1_step *step_of(const struct exchange *x)
{
	return &x->v1.phase1->step[x->v1.step];
}

/* The initiator has the first, the third… */
static bool ours(const struct exchange *x)
{
	return x->v1.step % 2 == !x->sa->initiator;
}

static void established(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	if (!sa->initiator)
		sa->newcomer = true;
	v1_state_proved(sa);
	v1_nat_settle(sa);
	if (v1_config_begin(sa)) {
		exchange_done(x);
		v1_config_next(sa);
		return;
	}
	v1_succeed(sa);
	if (sa->state < IKE_CLOSED)
		exchange_done(x);
}

/* --- sending --- */

/* A copy of what it answers gets it again. */
static int remember(struct exchange *x, struct view datagram)
{
	struct ike_sa *sa = x->sa;

	if (secret_set(&sa->answered, datagram.p, datagram.n))
		return -1;
	memcpy(sa->answered_hash, x->v1.heard, sizeof(sa->answered_hash));
	sa->have_answered = true;
	sa->resendings = 0;
	return 0;
}

static void answer_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, retransmit);
	struct path path = path_of(sa);

	if (sa->sendings++ == ANSWERS_MAX)
		return;
	timer_set(&sa->e->timers, t, sa->e->now + v1_wait(sa, sa->sendings), answer_due);
	if (sa->sendings == 1 || sa->serving->v1.busy || !rate_pass(sa->e, &sa->e->replies, V1_REPLIES_MAX))
		return;
	sa->e->stats.retransmitted++;
	v1_message_send(sa, &path, secret_view(&sa->answered));
}

/* The last message is ours, and nothing answers it: it goes again until the peer says something behind it. */
static void repeat_last(struct ike_sa *sa)
{
	struct v1_memo *m = v1_memo_new(sa, 0);

	if (!m)
		return;
	if (secret_set(&m->answer, sa->answered.p, sa->answered.n))
		v1_memo_free(m);
	else
		v1_memo_repeat(m, sa->peer->conf.retransmit_tries);
}

void v1_phase1_ready(struct exchange *x)
{
	const struct v1_step *step = step_of(x);
	bool last = x->v1.step + 1 == x->v1.phase1->n;
	struct ike_sa *sa = x->sa;
	struct view datagram;
	struct wire_out out;

	x->v1.busy = false;
	v1_message_begin(sa, &out, x->v1.phase1->type, 0, step->secret);
	if (step->put(x, &out))
		return;
	if (v1_message_end(sa, &out, step->secret ? sa->v1->iv : NULL, &datagram) ||
	    ((last || !sa->initiator) && remember(x, datagram))) {
		ike_sa_end(sa, "a message could not be built");
		return;
	}
	if (sa->state == IKE_NEW)
		ike_sa_set_state(sa, IKE_INIT);
	report_sa(sa, LOG_LEVEL_DEBUG, x->v1.phase1->name, "sent", "%s", step->name);
	x->v1.step++;
	if (!last && sa->initiator)
		v1_send(x, datagram);
	else
		v1_send_once(x, datagram);
	if (!sa->initiator && x->v1.step + 1 == x->v1.phase1->n) {
		sa->sendings = 0;
		answer_due(&sa->retransmit);
	}
	if (last && sa->initiator)
		repeat_last(sa);
	if (last)
		established(x);
}

void v1_phase1_send(struct exchange *x)
{
	x->v1.busy = true;
	if (step_of(x)->ready)
		step_of(x)->ready(x);
	else
		v1_phase1_ready(x);
}

void v1_phase1_on(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	if (step_of(x)->secret)
		memcpy(sa->v1->iv, x->v1.next, sizeof(sa->v1->iv));
	x->v1.busy = false;
	x->doubt[0] = '\0';
	if (sa->initiator) {
		timer_cancel(&sa->e->timers, &sa->end);
		v1_answered(sa);
	} else {
		timer_cancel(&sa->e->timers, &sa->retransmit);
	}
	path_heard(sa, &x->from);
	if (sa->initiator && sa->encap)
		path_float(sa);
	x->v1.step++;
	if (x->v1.step == x->v1.phase1->n)
		established(x);
	else
		v1_phase1_send(x);
}

const struct exchange_ops v1_main_ops = {
	.name = "Main Mode", .type = ISAKMP_EXCH_MAIN, .of_this_sa = true, .silent = v1_phase1_silent,
};
const struct exchange_ops v1_aggressive_ops = {
	.name = "Aggressive Mode", .type = ISAKMP_EXCH_AGGRESSIVE, .of_this_sa = true, .silent = v1_phase1_silent,
};

/* --- receiving --- */

/* The same key encrypts for both: what makes no sense is forged, or the other end has another shared key. */
static void garbled(struct ike_sa *sa, const struct exchange *x, const struct engine_datagram *d)
{
	sa->e->stats.malformed++;
	if (sa->v1->garbled || !step_of(x)->secret) {
		report_stranger(sa->e, d, x->v1.phase1->name, "%s is malformed or forged", step_of(x)->name);
		return;
	}
	sa->v1->garbled = true;
	report_stranger(sa->e, d, x->v1.phase1->name, "%s makes no sense when it is decrypted: mostly the shared keys of both ends differ",
			step_of(x)->name);
}

/* Its proof is here and being judged, or has been. A state says less: keys are made before anybody has proved anything. */
bool v1_proves(const struct ike_sa *sa)
{
	const struct exchange *x = sa->serving;

	return sa->v1->config.open || (x && x->v1.phase1 && x->v1.busy && step_of(x)->secret);
}

static void take(struct exchange *x, const struct engine_datagram *d)
{
	struct ike_sa *sa = x->sa;
	const struct v1_step *step = step_of(x);
	int fault = v1_message_open(x, d->data, step->secret, sa->v1->iv, x->v1.next);
	uint32_t must = step->must;
	const char *wrong;

	if (fault == V1_MESSAGE_WRONG)
		return;
	if (fault) {
		garbled(sa, x, d);
		return;
	}
	if (step->proves)
		must |= V1_BIT(v1_signs(sa, !sa->initiator) ? ISAKMP_PL_SIG : ISAKMP_PL_HASH);
	wrong = v1_payloads_wrong(&x->m, must);
	if (wrong) {
		report_stranger(sa->e, d, x->v1.phase1->name, "%s is no such message: %s", step->name, wrong);
		return;
	}
	if (crypto_sha256(&d->data, 1, x->v1.heard))
		return;
	report_detail(sa, NULL, ENGINE_REQUEST_RECEIVED, x->v1.phase1->name, 0, "%s, %zu bytes", step->name, d->data.n);
	x->from = path_of_datagram(d);
	x->v1.busy = true;
	if (x->v1.step)		/* it has our cookie */
		half_open_shown(sa);
	step->take(x);
}

static bool again(struct ike_sa *sa, const struct engine_datagram *d)
{
	struct path from = path_of_datagram(d);
	uint8_t hash[CRYPTO_SHA256_LEN];

	if (!sa->have_answered || crypto_sha256(&d->data, 1, hash) || memcmp(hash, sa->answered_hash, sizeof(hash)) != 0)
		return false;
	if (sa->resendings++ < COPIES_MAX) {
		sa->e->stats.retransmitted++;
		v1_message_send(sa, &from, secret_view(&sa->answered));
	}
	return true;
}

void v1_phase1_heard(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m)
{
	struct exchange *x = sa->initiator ? sa->active : sa->serving;

	if (again(sa, d) || !x || !x->v1.phase1 || x->v1.phase1->type != m->h.exchange || m->h.message_id || x->v1.busy ||
	    sa->state >= IKE_ESTABLISHED || ours(x))
		return;
	take(x, d);
}

/* --- beginning --- */

static const struct v1_phase1 *how(const struct conf_peer *conf)
{
	return conf->exchange == CONF_EXCHANGE_AGGRESSIVE ? &v1_aggressive_mode : &v1_main_mode;
}

bool v1_may_begin_with(const struct conf_peer *conf, uint8_t type)
{
	return conf->exchange_both || how(conf)->type == type;
}

/* of: the one that it is to take the place of; NULL: none */
static void begin(struct ike_sa *sa, const struct ike_sa *of)
{
	const struct v1_phase1 *p = how(&sa->peer->conf);
	struct exchange *x;

	if (v1_state_new(sa)) {
		ike_sa_end(sa, "out of memory");
		return;
	}
	if (of)
		memcpy(sa->v1->of, ike_sa_our_spi(of), sizeof(sa->v1->of));
	x = exchange_new(sa, p == &v1_main_mode ? &v1_main_ops : &v1_aggressive_ops);
	if (!x) {
		ike_sa_end(sa, "out of memory");
		return;
	}
	x->v1.phase1 = p;
	report_sa(sa, LOG_LEVEL_INFO, p->name, "begin", "as initiator");
	exchange_queue_first(x);
}

void v1_initiate(struct ike_sa *sa, struct child_sa *first)
{
	if (first)
		v1_create_child(sa, first);
	begin(sa, NULL);
}

static bool being_replaced(const struct ike_sa *sa)
{
	for (struct ike_sa *o = ike_sa_first_between(sa->e, &sa->local, &sa->remote); o; o = ike_sa_next_between(o))
		if (o->v1 && o->state < IKE_ESTABLISHED && !memcmp(o->v1->of, ike_sa_our_spi(sa), sizeof(o->v1->of)))
			return true;
	return false;
}

static bool same_ends(const struct conf_peer *a, const struct conf_peer *b)
{
	return a->remote_len == b->remote_len && ipsec_addr_equal(&a->remote, &b->remote) && ipsec_addr_equal(&a->local, &b->local);
}

static bool speaks_ikev1(void *arg, const struct conf_peer *conf)
{
	(void)arg;
	return ike_version_of(conf) == &ikev1_version;
}

/* Whose settings are in force now for whom sa is with: of the same name, or for who that is, or for where it is. */
static struct peer *section_now(struct ike_sa *sa)
{
	struct conf_claim claim = { .local = &sa->local, .remote = &sa->remote, .remote_id = &sa->remote_id, .nat = sa->nat_remote };
	struct peer *first = engine_peer(sa->e, &sa->local, &sa->remote), *now = NULL;
	const struct conf_peer *conf;
	struct conf_choice choice;

	for (unsigned i = 0; i < sa->e->conf.npeers && !now; i++)
		if (!strcmp(sa->e->peers[i]->conf.name, sa->peer->conf.name) && same_ends(&sa->e->peers[i]->conf, &first->conf))
			now = sa->e->peers[i];
	conf = now ? NULL : conf_peer_choose(&sa->e->conf, &claim, speaks_ikev1, NULL, &choice);
	if (!now && !conf)
		return first;
	peer_put(first);
	return peer_get(now ? now : section_peer(sa->e, conf));
}

static void rekey_by(struct ike_sa *sa, struct peer *peer)
{
	struct ike_sa *fresh;
	char why[256];

	if (section_refuses(sa->e, peer, why, sizeof(why))) {
		report_sa(sa, LOG_LEVEL_WARNING, "IKE_SA", "kept", "it is not renewed: %s", why);
		if (sa->v1->gone)
			v1_not_succeeded(sa, why);
		return;
	}
	if (ike_version_of(&peer->conf) != sa->version) {
		reauth_beside(sa, "another version of IKE");
		return;
	}
	fresh = ike_sa_new(sa->e, peer, true, &sa->local, sa->local_port, &sa->remote, sa->remote_port);
	if (!fresh) {
		v1_not_succeeded(sa, "out of memory");
		return;
	}
	fresh->rekey_why = sa->rekey_why;
	begin(fresh, sa);
}

void v1_rekey_ike(struct ike_sa *sa)
{
	struct peer *peer;

	if (sa->state != IKE_ESTABLISHED || being_replaced(sa))
		return;
	peer = section_now(sa);
	rekey_by(sa, peer);
	peer_put(peer);
}

/* --- the peer's --- */

/* How well a section fits what the peer begins with: 0: not at all; else the larger the better. */
static unsigned fit(const struct conf_peer *conf, const struct wire_message *m, const struct isakmp_sa *offer)
{
	struct v1_choice c;

	if (ike_version_of(conf) != &ikev1_version)
		return 0;
	if (conf->refuse)
		return 1;
	if (!v1_may_begin_with(conf, m->h.exchange))
		return 2;
	return v1_choose_ike(conf, 0, offer, &c) ? 4 : 3;
}

/* The section for now: of those for these addresses the first that takes the offer, else the nearest. NULL: none speaks IKEv1. */
static struct peer *section(struct engine *e, const struct engine_datagram *d, const struct wire_message *m, const struct isakmp_sa *offer)
{
	struct peer *first = engine_peer(e, &d->local, &d->remote), *best = NULL;
	unsigned best_fit = 0;

	if (first == e->default_peer && fit(&first->conf, m, offer))
		return first;
	for (unsigned i = 0; first != e->default_peer && i < e->conf.npeers; i++) {
		struct peer *p = e->peers[i];

		if (!same_ends(&p->conf, &first->conf) || fit(&p->conf, m, offer) <= best_fit)
			continue;
		best = p;
		best_fit = fit(&p->conf, m, offer);
	}
	peer_put(first);
	return best ? peer_get(best) : NULL;
}

static void half_open_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, end);
	const struct exchange *x = sa->serving;
	bool disproved = x && x->doubt[0] && step_of(x)->proves;
	char why[sizeof(x->doubt)];

	snprintf(why, sizeof(why), "%s", disproved ? x->doubt : sa->v1->garbled ?
		 "what the peer sent could not be decrypted: mostly its shared key is another" : "the peer began and did not go on");
	report_reason(sa, disproved || sa->v1->garbled ? REASON_WRONG_SECRET : REASON_PEER_STOPPED);
	ike_sa_end(sa, why);
}

static void serve_new(struct engine *e, const struct engine_datagram *d, const struct wire_message *m, struct peer *peer)
{
	struct ike_sa *sa = ike_sa_new(e, peer, false, &d->local, d->local_port, &d->remote, d->remote_port);
	struct exchange *x;

	if (!sa)
		return;
	memcpy(sa->spi_i, m->h.spi_i, sizeof(sa->spi_i));
	x = exchange_new(sa, NULL);
	if (x)
		sa->serving = x;
	if (!x || v1_state_new(sa) || half_open_add(sa, false)) {
		ike_sa_end(sa, "out of memory");
		return;
	}
	x->v1.phase1 = m->h.exchange == ISAKMP_EXCH_MAIN ? &v1_main_mode : &v1_aggressive_mode;
	ike_sa_set_state(sa, IKE_INIT);
	timer_set(&e->timers, &sa->end, e->now + HALF_OPEN_LIFE, half_open_due);
	take(x, d);
	if (sa->state < IKE_CLOSED && !sa->have_answered && !x->v1.busy)
		ike_sa_end(sa, "its first message is none");
}

/* Nothing proves that the peer has said so: it hears nothing. */
static void turned_away(struct engine *e, const struct engine_datagram *d, const struct wire_message *m, const struct peer *peer,
			enum engine_reason reason, const char *why)
{
	struct engine_story s = { .what = STORY_IKE_SA, .reason = (uint8_t)reason };

	report_stranger(e, d, isakmp_exchange_name(m->h.exchange), "%s", why);
	if (!story_allowed(e))
		return;
	memcpy(s.spi_i, m->h.spi_i, sizeof(s.spi_i));
	snprintf(s.text, sizeof(s.text), "%s", why);
	report_turned_away(e, d, &peer->conf, &s);
}

static bool unwelcome(struct engine *e, const struct engine_datagram *d, const struct wire_message *m, const struct peer *peer)
{
	char why[sizeof(((struct engine_story *)NULL)->text)];

	if (section_refuses(e, peer, why, sizeof(why))) {
		turned_away(e, d, m, peer, REASON_NOT_SERVED, why);
		return true;
	}
	if (v1_may_begin_with(&peer->conf, m->h.exchange))
		return false;
	snprintf(why, sizeof(why), "the peer begins in %s, and in its section \"exchange\" says otherwise",
		 isakmp_exchange_name(m->h.exchange));
	turned_away(e, d, m, peer, REASON_EXCHANGE, why);
	return true;
}

void v1_phase1_serve(struct engine *e, const struct engine_datagram *d, const struct wire_message *m)
{
	struct ike_sa *sa = half_open_find(e, d, m->h.spi_i);
	const struct wire_payload *p = wire_find(m, ISAKMP_PL_SA);
	enum half_open_verdict v;
	struct isakmp_sa offer;
	struct peer *peer;

	if (sa) {
		if (sa->v1)
			again(sa, d);
		return;
	}
	if (!p || m->h.message_id || isakmp_sa_get(&offer, p->body)) {
		e->stats.malformed++;
		report_stranger(e, d, isakmp_exchange_name(m->h.exchange), "a first message of IKEv1 that is none");
		return;
	}
	peer = section(e, d, m, &offer);
	if (!peer) {
		report_stranger(e, d, isakmp_exchange_name(m->h.exchange),
				"IKEv1 is spoken with no such peer here (\"version 1\" in its section)");
		return;
	}
	if (unwelcome(e, d, m, peer)) {
		peer_put(peer);
		return;
	}
	v = half_open_ask_unshown(e, d);
	if (v == HALF_OPEN_ROOM)
		serve_new(e, d, m, peer);
	else
		report_stranger(e, d, isakmp_exchange_name(m->h.exchange), "there are half-open SAs enough");
	peer_put(peer);
}
