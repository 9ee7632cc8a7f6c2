// SPDX-License-Identifier: MIT
// Transaction exchanges, and in which order what is said in them.
#include "keyd/ikev1/config.h"

#include "keyd/crypto/hash.h"
#include "keyd/crypto/rand.h"
#include "keyd/ike/report.h"
#include "keyd/ikev1/window.h"

#include <string.h>

static const char exchange_name[] = "Transaction";

/* So long somebody may take to type a password, here or there. */
#define PATIENCE SECONDS(75)

static bool is_client(const struct conf_peer *conf)
{
	return conf->virtual_interface[0];
}

static uint8_t wanted(const struct ike_sa *sa)
{
	const struct conf_peer *conf = &sa->peer->conf;
	uint8_t all = conf->xauth != CONF_XAUTH_OFF ? V1_AWAITS_LOGIN : 0;

	if (is_client(conf) || (conf->mode_push && conf->pool[0] && conf->traffic.remote.assigned))
		all |= V1_AWAITS_ADDRESS;
	return all;
}

static void patience_ends(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, end);
	bool login = sa->v1->config.awaits & V1_AWAITS_LOGIN;

	report_reason(sa, login ? REASON_PEER_STOPPED : REASON_ADDRESS_FAILURE);
	ike_sa_end(sa, login && sa->peer->conf.xauth == CONF_XAUTH_CLIENT ? "the gateway did not ask for our name and password (XAUTH)" :
		       login ? "the peer did not tell its name and password" :
			       "mode config came to nothing: do both ends mean the same by \"mode-config\", pull or push?");
}

bool v1_config_begin(struct ike_sa *sa)
{
	sa->v1->config.open = true;
	sa->v1->config.awaits = wanted(sa);
	if (!sa->v1->config.awaits)
		return false;
	timer_set(&sa->e->timers, &sa->end, sa->e->now + PATIENCE, patience_ends);
	report_sa(sa, LOG_LEVEL_INFO, exchange_name, "waiting", "for%s%s",
		  sa->v1->config.awaits & V1_AWAITS_LOGIN ? " a name and password" : "",
		  sa->v1->config.awaits & V1_AWAITS_ADDRESS ? " an address" : "");
	return true;
}

void v1_config_next(struct ike_sa *sa)
{
	const struct conf_peer *conf = &sa->peer->conf;
	struct v1_config *c = &sa->v1->config;

	if (c->awaits & V1_AWAITS_LOGIN) {
		if (conf->xauth == CONF_XAUTH_SERVER)
			v1_config_ask(sa, &v1_login_ask_ops);
	} else if (c->awaits & V1_AWAITS_ADDRESS) {
		if (is_client(conf) && !conf->mode_push)
			v1_config_ask(sa, &v1_address_ask_ops);
		else if (!is_client(conf) && v1_address_lend(sa))
			v1_config_ask(sa, &v1_address_set_ops);
		else if (!is_client(conf))
			v1_config_fail(sa, REASON_ADDRESS_FAILURE, "there is no address for the peer");
	} else if (sa->state == IKE_AUTH) {
		timer_cancel(&sa->e->timers, &sa->end);
		v1_succeed(sa);
	}
}

void v1_config_done(struct ike_sa *sa, uint8_t what)
{
	sa->v1->config.awaits &= (uint8_t)~what;
	v1_config_next(sa);
}

void v1_config_fail(struct ike_sa *sa, enum engine_reason reason, const char *why)
{
	uint8_t cookies[16];

	report_reason(sa, reason);
	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed", "%s", why);
	v1_cookies(sa, cookies);
	v1_notify(sa, ISAKMP_PROTO_ISAKMP, ISAKMP_N_AUTHENTICATION_FAILED, (struct view){ cookies, sizeof(cookies) }, (struct view){ 0 });
	ike_sa_end(sa, why);
}

/* --- messages --- */

void v1_config_ask(struct ike_sa *sa, const struct exchange_ops *ops)
{
	struct exchange *x = exchange_new(sa, ops);

	if (!x || crypto_rand(&sa->v1->config.identifier, sizeof(sa->v1->config.identifier))) {
		ike_sa_end(sa, "out of memory");
		return;
	}
	exchange_queue_first(x);
}

size_t v1_config_open(struct wire_out *out, uint8_t type, uint16_t identifier)
{
	struct isakmp_cfg c = { .type = type, .identifier = identifier };
	size_t mark = wire_payload_begin(out, ISAKMP_PL_ATTRIBUTES);

	isakmp_cfg_put(&out->w, &c);
	return mark;
}

bool v1_config_get(const struct exchange *x, struct isakmp_cfg *c)
{
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_ATTRIBUTES);

	return p && !isakmp_cfg_get(c, p->body);
}

/* A copy of what it answers gets it again. */
static void remember(struct exchange *x, struct view datagram)
{
	struct v1_memo *m = v1_memo_find(x->sa, x->message_id);

	if (m)
		v1_memo_free(m);
	m = v1_memo_new(x->sa, x->message_id);
	if (!m)
		return;
	memcpy(m->heard, x->v1.heard, sizeof(m->heard));
	if (secret_set(&m->answer, datagram.p, datagram.n))
		v1_memo_free(m);
	else
		v1_memo_rest(m);
}

void v1_config_reply(struct exchange *x, uint8_t type, struct view attrs)
{
	struct ike_sa *sa = x->sa;
	struct isakmp_cfg c;
	struct view datagram;
	struct wire_out out;
	size_t at, mark;

	v1_message_begin(sa, &out, ISAKMP_EXCH_TRANSACTION, x->message_id, true);
	at = v1_hash_begin(sa, &out);
	mark = v1_config_open(&out, type, v1_config_get(x, &c) ? c.identifier : 0);
	wr_put(&out.w, attrs);
	wire_payload_end(&out, mark);
	if (!v1_hash_end(sa, &out, at, x->message_id, (struct view){ 0 }) && !v1_message_end(sa, &out, x->v1.iv, &datagram)) {
		remember(x, datagram);
		sa->v1->config.last_id = x->message_id;
		memcpy(sa->v1->config.last_iv, x->v1.iv, sizeof(sa->v1->config.last_iv));
		v1_send_once(x, datagram);
	}
	exchange_free(x);
}

static void forged(struct ike_sa *sa, const struct engine_datagram *d)
{
	sa->e->stats.malformed++;
	report_stranger(sa->e, d, exchange_name, "forged: its HASH is wrong");
}

static void heard_answer(struct exchange *x, const struct engine_datagram *d)
{
	struct ike_sa *sa = x->sa;

	if (x->answered)
		return;
	if (v1_message_open(x, d->data, true, x->v1.iv, x->v1.next) || !v1_hash_fits(sa, &x->m, (struct view){ 0 })) {
		forged(sa, d);
		return;
	}
	x->from = path_of_datagram(d);
	path_heard(sa, &x->from);
	v1_answered(sa);
	x->answered = true;
	x->ops->answer(x);
}

static void serve(struct exchange *x)
{
	struct isakmp_cfg c;

	if (!v1_config_get(x, &c) || (c.type != ISAKMP_CFG_REQUEST && c.type != ISAKMP_CFG_SET))
		exchange_free(x);
	else if (!v1_login_serve(x, &c))
		v1_address_serve(x, &c);
}

/* Some go on with the message id of the exchange before: then it is chained to that. */
static void heard_new(struct ike_sa *sa, const struct engine_datagram *d, uint32_t message_id, bool goes_on)
{
	struct exchange *x = v1_nserving(sa) < V1_SERVING_MAX ? exchange_new(sa, NULL) : NULL;

	if (!x)
		return;
	x->message_id = message_id;
	if (goes_on)
		memcpy(x->v1.iv, sa->v1->config.last_iv, sizeof(x->v1.iv));
	else if (ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, message_id, x->v1.iv))
		message_id = 0;
	if (!message_id || v1_message_open(x, d->data, true, x->v1.iv, x->v1.next) || !v1_hash_fits(sa, &x->m, (struct view){ 0 }) ||
	    crypto_sha256(&d->data, 1, x->v1.heard)) {
		forged(sa, d);
		exchange_free(x);
		return;
	}
	memcpy(x->v1.iv, x->v1.next, sizeof(x->v1.iv));
	if (!goes_on && v1_see(sa, message_id)) {
		exchange_free(x);
		return;
	}
	x->from = path_of_datagram(d);
	path_heard(sa, &x->from);
	sa->heard_at = sa->e->now;
	report_detail(sa, NULL, ENGINE_REQUEST_RECEIVED, exchange_name, message_id, "%zu bytes", d->data.n);
	list_add_tail(&sa->v1->serving, &x->link);
	serve(x);
}

static bool is_copy(struct v1_memo *m, const struct engine_datagram *d)
{
	struct path from = path_of_datagram(d);
	uint8_t hash[CRYPTO_SHA256_LEN];

	if (crypto_sha256(&d->data, 1, hash) || memcmp(hash, m->heard, sizeof(hash)) != 0)
		return false;
	if (m->copies++ < 2 * m->sa->peer->conf.retransmit_tries)
		v1_message_send(m->sa, &from, secret_view(&m->answer));
	return true;
}

void v1_config_heard(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m)
{
	uint32_t id = m->h.message_id;
	struct exchange *x = sa->active;
	struct v1_memo *memo;

	if (!id || sa->v1->gone || !sa->v1->config.open)
		return;
	memo = v1_memo_find(sa, id);
	if (x && x->ops->type == ISAKMP_EXCH_TRANSACTION && x->message_id == id)
		heard_answer(x, d);
	else if (v1_serving(sa, id) || (memo && is_copy(memo, d)))
		return;
	else if (id == sa->v1->config.last_id || !v1_seen(sa, id))
		heard_new(sa, d, id, id == sa->v1->config.last_id);
}
