// SPDX-License-Identifier: MIT
// Messages of quick mode on their way to the exchange that they are of.
#include "keyd/ikev1/quick.h"

#include "keyd/ike/report.h"
#include "keyd/ikev1/window.h"

#include <string.h>

static void heard_answer(struct exchange *x, const struct engine_datagram *d)
{
	struct ike_sa *sa = x->sa;
	const char *wrong;

	if (x->answered)
		return;
	if (v1_message_open(x, d->data, true, x->v1.iv, x->v1.next) || !v1_hash_fits(sa, &x->m, secret_view(&x->ni)) ||
	    crypto_sha256(&d->data, 1, x->v1.heard)) {
		sa->e->stats.malformed++;
		report_stranger(sa->e, d, "Quick Mode", "forged: its HASH(2) is wrong");
		return;
	}
	memcpy(x->v1.iv, x->v1.next, sizeof(x->v1.iv));
	x->from = path_of_datagram(d);
	path_heard(sa, &x->from);
	v1_answered(sa);
	x->answered = true;
	wrong = v1_payloads_wrong(&x->m, V1_BIT(ISAKMP_PL_SA) | V1_BIT(ISAKMP_PL_NONCE));
	if (wrong)
		v1_quick_give_up(x, wrong);
	else
		x->ops->answer(x);
}

static void heard_known(struct v1_memo *m, const struct engine_datagram *d)
{
	struct path from = path_of_datagram(d);
	uint8_t hash[CRYPTO_SHA256_LEN];
	struct exchange *x;

	if (crypto_sha256(&d->data, 1, hash))
		return;
	if (!memcmp(hash, m->heard, sizeof(hash))) {
		if (m->copies++ < 2 * m->sa->peer->conf.retransmit_tries)
			v1_message_send(m->sa, &from, secret_view(&m->answer));
		return;
	}
	if (!m->child)
		return;
	x = exchange_new(m->sa, NULL);
	if (!x)
		return;
	x->message_id = m->message_id;
	x->from = from;
	if (v1_message_open(x, d->data, true, m->iv, x->v1.next) || !v1_hash3_fits(m->sa, &x->m, m->hash3)) {
		m->sa->e->stats.malformed++;
		report_stranger(m->sa->e, d, "Quick Mode", "forged: its HASH(3) is wrong");
	} else {
		m->sa->heard_at = m->sa->e->now;
		path_heard(m->sa, &from);
		v1_quick_third(m, x);
	}
	exchange_free(x);
}

static void heard_new(struct ike_sa *sa, const struct engine_datagram *d, uint32_t message_id)
{
	struct exchange *x = v1_nserving(sa) < V1_SERVING_MAX ? exchange_new(sa, NULL) : NULL;

	if (!x)
		return;
	x->message_id = message_id;
	if (ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, message_id, x->v1.iv) ||
	    v1_message_open(x, d->data, true, x->v1.iv, x->v1.next) || !v1_hash_fits(sa, &x->m, (struct view){ 0 }) ||
	    crypto_sha256(&d->data, 1, x->v1.heard)) {
		sa->e->stats.malformed++;
		report_stranger(sa->e, d, "Quick Mode", "forged: its HASH(1) is wrong");
		exchange_free(x);
		return;
	}
	memcpy(x->v1.iv, x->v1.next, sizeof(x->v1.iv));
	if (v1_see(sa, message_id)) {
		exchange_free(x);
		return;
	}
	x->from = path_of_datagram(d);
	path_heard(sa, &x->from);
	sa->heard_at = sa->e->now;
	report_detail(sa, NULL, ENGINE_REQUEST_RECEIVED, "Quick Mode", message_id, "%zu bytes", d->data.n);
	list_add_tail(&sa->v1->serving, &x->link);
	v1_quick_serve(x);
}

void v1_quick_heard(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m)
{
	struct exchange *x = sa->active;
	struct v1_memo *memo;

	if (!m->h.message_id || sa->v1->gone)
		return;
	memo = v1_memo_find(sa, m->h.message_id);
	if (x && x->ops->type == ISAKMP_EXCH_QUICK && x->message_id == m->h.message_id)
		heard_answer(x, d);
	else if (memo)
		heard_known(memo, d);
	else if (!v1_serving(sa, m->h.message_id) && !v1_seen(sa, m->h.message_id))
		heard_new(sa, d, m->h.message_id);
}
