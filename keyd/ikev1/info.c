// SPDX-License-Identifier: MIT
// Informational exchanges: notifications, signs of life (RFC 2409 5.7, RFC 2408 5.14, RFC 3706).
#include "keyd/ikev1/info.h"

#include "keyd/ike/liveness.h"
#include "keyd/ike/report.h"
#include "keyd/ikev1/message.h"
#include "keyd/ikev1/window.h"
#include "keyd/wire/isakmp_attr.h"

#include <string.h>

/* What a message says beside others is looked at so far. */
#define PAYLOADS_LOOKED_AT 16
/* What anybody can say is listened to so often. */
#define DISOWNED_EVERY SECONDS(10)

/* --- ours --- */

int v1_say_begin(struct ike_sa *sa, struct wire_out *out, struct v1_said *m)
{
	if (v1_fresh_message_id(sa, &m->id) || ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, m->id, m->iv))
		return -1;
	v1_message_begin(sa, out, ISAKMP_EXCH_INFORMATIONAL, m->id, true);
	m->at = v1_hash_begin(sa, out);
	return 0;
}

void v1_say_end(struct ike_sa *sa, struct wire_out *out, struct v1_said *m)
{
	struct path path = path_of(sa);
	struct view datagram;

	if (!v1_hash_end(sa, out, m->at, m->id, (struct view){ 0 }) && !v1_message_end(sa, out, m->iv, &datagram))
		v1_message_send(sa, &path, datagram);
}

void v1_notify(struct ike_sa *sa, uint8_t protocol, uint16_t type, struct view spi, struct view data)
{
	struct wire_out out;
	struct v1_said said;

	if (v1_say_begin(sa, &out, &said))
		return;
	v1_put_notify(&out, protocol, type, spi, data);
	v1_say_end(sa, &out, &said);
}

/* --- signs of life --- */

static bool liveness_build(struct exchange *x, struct wire_out *out)
{
	struct ike_sa *sa = x->sa;
	uint8_t cookies[16], seq[4];

	if (!x->tries++)
		sa->v1->dpd_ours++;
	v1_spi_bytes(sa->v1->dpd_ours, seq);
	v1_cookies(sa, cookies);
	v1_put_notify(out, ISAKMP_PROTO_ISAKMP, ISAKMP_N_R_U_THERE, (struct view){ cookies, sizeof(cookies) },
		      (struct view){ seq, sizeof(seq) });
	return true;
}

static void liveness_answer(struct exchange *x)
{
	void (*then)(struct ike_sa *sa) = x->then;
	struct ike_sa *sa = x->sa;

	exchange_done(x);
	if (then)
		then(sa);
}

const struct exchange_ops v1_liveness_ops = {
	.kept = V1_KEPT_LIVENESS, .again = true, .anew = true, .name = "R-U-THERE", .type = ISAKMP_EXCH_INFORMATIONAL,
	.build = liveness_build, .answer = liveness_answer,
};

void v1_confirm(struct ike_sa *sa, void (*then)(struct ike_sa *sa))
{
	/* Without children nobody wants to know whether the peer of an SA without keys lives. */
	bool idle = sa->v1->gone && list_empty(&sa->children);
	struct exchange *x = sa->v1->dpd && !idle ? exchange_new(sa, &v1_liveness_ops) : NULL;

	if (!x)
		return;
	x->then = then;
	exchange_queue(x);
	if (sa->v1->gone)
		v1_rekey_ike(sa);
}

void v1_liveness(struct ike_sa *sa)
{
	v1_confirm(sa, NULL);
}

bool v1_being_asked(const struct ike_sa *sa)
{
	bool asked = sa->active && sa->active->ops == &v1_liveness_ops;

	list_each(x, &sa->queue, struct exchange, link)
		asked = asked || x->ops == &v1_liveness_ops;
	return asked;
}

/* Who does not answer either is believed a little earlier to have lost it (window.c). */
void v1_disowned(struct ike_sa *sa)
{
	struct ikev1_state *s = sa->v1;

	if (s->gone || (s->disowned_at && sa->e->now - s->disowned_at < DISOWNED_EVERY))
		return;
	s->disowned = true;
	s->disowned_at = sa->e->now;
	if (!sa->active && list_empty(&sa->queue))
		v1_liveness(sa);
}

/* --- the peer's --- */

static bool for_us(const struct ike_sa *sa, const struct isakmp_notify *n)
{
	uint8_t cookies[16];

	v1_cookies(sa, cookies);
	return n->spi.n != sizeof(cookies) || !memcmp(n->spi.p, cookies, sizeof(cookies));
}

static void r_u_there(struct ike_sa *sa, const struct isakmp_notify *n)
{
	uint8_t cookies[16];
	uint32_t seq;

	if (!isakmp_notify_dpd(n, &seq) || !for_us(sa, n))
		return;
	v1_cookies(sa, cookies);
	v1_notify(sa, ISAKMP_PROTO_ISAKMP, ISAKMP_N_R_U_THERE_ACK, (struct view){ cookies, sizeof(cookies) }, n->data);
}

static void r_u_there_ack(struct ike_sa *sa, const struct isakmp_notify *n)
{
	struct exchange *x = sa->active;
	uint32_t seq;

	if (!x || x->ops != &v1_liveness_ops || !isakmp_notify_dpd(n, &seq) || seq != sa->v1->dpd_ours || !for_us(sa, n))
		return;
	v1_answered(sa);
	x->answered = true;
	x->ops->answer(x);
}

void v1_begun_anew(struct ike_sa *sa)
{
	if (sa->peer->conf.unique == CONF_UNIQUE_NEVER)
		return;
	list_each(c, &sa->children, struct child_sa, link)
		if (c->up_at < sa->created_at && c->state == CHILD_UP)
			child_lost(c, "the peer has begun anew (INITIAL-CONTACT)");
}

/* Some say it only when phase 1 is over. */
static void initial_contact(struct ike_sa *sa, const struct isakmp_notify *n)
{
	(void)n;
	if (sa->peer->conf.unique == CONF_UNIQUE_NEVER || (sa->established_at && sa->e->now - sa->established_at > SECONDS(60)))
		return;
	sa->initial_contact = true;
	v1_begun_anew(sa);
}

/* In a message of its own, behind quick mode. */
static void responder_lifetime(struct ike_sa *sa, const struct isakmp_notify *n)
{
	struct isakmp_ipsec_attrs a;
	struct child_sa *c;
	uint32_t spi;

	if (n->protocol != ISAKMP_PROTO_ESP || !isakmp_notify_spi(n, &spi) || isakmp_ipsec_attrs_get(&a, n->data) || !a.life.seconds)
		return;
	c = child_find_out(ike_sa_heir(sa), spi);
	if (c && c->state == CHILD_UP && sa->e->now + SECONDS(a.life.seconds) * 9 / 10 < c->rekey_at)
		child_rekey_later(c, SECONDS(a.life.seconds) * 9 / 10);
}

/* Who has set the commit bit says when it can receive (RFC 2408 3.1); which end's SPI it names is nowhere said. */
static void connected(struct ike_sa *sa, const struct isakmp_notify *n)
{
	struct ike_sa *heir = ike_sa_heir(sa);
	struct child_sa *c;
	uint32_t spi;

	if (n->protocol != ISAKMP_PROTO_ESP || !isakmp_notify_spi(n, &spi))
		return;
	c = child_find_out(heir, spi);
	if (!c)
		c = child_find(sa->e, spi);
	if (c && c->sa == heir && c->waits && c->state == CHILD_INBOUND)
		child_confirm(c, "the peer says CONNECTED");
}

static const struct {
	uint16_t type;
	void (*take)(struct ike_sa *sa, const struct isakmp_notify *n);
} notifies[] = {
	{ ISAKMP_N_R_U_THERE, r_u_there },
	{ ISAKMP_N_R_U_THERE_ACK, r_u_there_ack },
	{ ISAKMP_N_INITIAL_CONTACT, initial_contact },
	{ ISAKMP_N_RESPONDER_LIFETIME, responder_lifetime },
	{ ISAKMP_N_CONNECTED, connected },
};

/* A quick mode that is not answered yet is what a refusal is about, unless it names another SPI. */
static void take_error(struct ike_sa *sa, const struct isakmp_notify *n)
{
	struct exchange *x = sa->active;
	uint32_t spi;

	report_sa(sa, LOG_LEVEL_NOTICE, "Informational", "heard", "the peer says %s (%u)", isakmp_notify_name(n->type), n->type);
	if (sa->state == IKE_AUTH && n->type == ISAKMP_N_AUTHENTICATION_FAILED) {
		report_reason(sa, REASON_PEER_REFUSED);
		ike_sa_end(sa, "it says AUTHENTICATION_FAILED behind phase 1");
		return;
	}
	if (!x || x->answered || x->ops->type != ISAKMP_EXCH_QUICK)
		return;
	if (n->protocol == ISAKMP_PROTO_ESP && isakmp_notify_spi(n, &spi) && spi && spi != x->child->spi_in)
		return;
	v1_quick_refused(x, n->type);
}

static void take_notify(struct ike_sa *sa, const struct wire_payload *p)
{
	struct isakmp_notify n;

	if (isakmp_notify_get(&n, p->body))
		return;
	if (n.type < ISAKMP_N_FIRST_STATUS) {
		take_error(sa, &n);
		return;
	}
	for (unsigned i = 0; i < sizeof(notifies) / sizeof(notifies[0]); i++)
		if (notifies[i].type == n.type)
			notifies[i].take(sa, &n);
}

/* Each may end what the next is about, but not the SA before the last. */
static void take_all(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	bool deleted = false;

	for (unsigned i = 0; i < x->m.n && i < PAYLOADS_LOOKED_AT && sa->state < IKE_CLOSED; i++) {
		if (x->m.pl[i].type == ISAKMP_PL_DELETE)
			deleted = v1_take_delete(sa, &x->m.pl[i]) || deleted;
		else if (x->m.pl[i].type == ISAKMP_PL_NOTIFY)
			take_notify(sa, &x->m.pl[i]);
	}
	exchange_free(x);
	if (deleted && sa->state < IKE_CLOSED)
		v1_peer_deleted(sa);
}

/* It has the message id of its quick mode, which is known already: nothing else counts in such a message, as it may be played back. */
static void take_connected(struct exchange *x)
{
	struct isakmp_notify n;

	if (v1_message_has_notify(&x->m, ISAKMP_N_CONNECTED, &n))
		connected(x->sa, &n);
	exchange_free(x);
}

void v1_info_heard(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m)
{
	bool of_quick = v1_memo_find(sa, m->h.message_id);
	struct exchange *x;

	if (sa->state == IKE_AUTH && !sa->v1->config.open) {
		report_stranger(sa->e, d, "Informational", "phase 1 has not proved who it is from");
		return;
	}
	if (!m->h.message_id || (!of_quick && v1_seen(sa, m->h.message_id)))
		return;
	x = exchange_new(sa, NULL);
	if (!x)
		return;
	x->message_id = m->h.message_id;
	if (ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, x->message_id, x->v1.iv) ||
	    v1_message_open(x, d->data, true, x->v1.iv, x->v1.next) || !v1_hash_fits(sa, &x->m, (struct view){ 0 })) {
		sa->e->stats.malformed++;
		report_stranger(sa->e, d, "Informational", "forged: its HASH(1) is wrong");
		exchange_free(x);
		return;
	}
	if (of_quick) {
		take_connected(x);
		return;
	}
	if (v1_see(sa, x->message_id)) {
		exchange_free(x);
		return;
	}
	x->from = path_of_datagram(d);
	path_heard(sa, &x->from);
	sa->heard_at = sa->e->now;
	take_all(x);
}
