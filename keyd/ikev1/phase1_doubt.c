// SPDX-License-Identifier: MIT
// What is no good in phase 1: refused where it has proved where it comes from, else doubted, and a better one waited for.
#include "keyd/ikev1/phase1.h"

#include "keyd/ike/report.h"

#include <stdio.h>
#include <string.h>

static void tell_peer(struct ike_sa *sa, uint16_t notify)
{
	struct path path = path_of(sa);
	uint8_t cookies[16];
	struct view datagram;
	struct wire_out out;

	v1_cookies(sa, cookies);
	v1_message_begin(sa, &out, ISAKMP_EXCH_INFORMATIONAL, 0, false);
	v1_put_notify(&out, ISAKMP_PROTO_ISAKMP, notify, (struct view){ cookies, sizeof(cookies) }, (struct view){ 0 });
	if (!v1_message_end(sa, &out, NULL, &datagram) && rate_pass(sa->e, &sa->e->replies, V1_REPLIES_MAX))
		v1_message_send(sa, &path, datagram);
}

void v1_phase1_refuse(struct exchange *x, uint16_t notify, const char *why)
{
	struct ike_sa *sa = x->sa;

	if (notify) {
		report_notify(sa, notify, true);
		tell_peer(sa, notify);
	}
	ike_sa_end(sa, why);
}

static void patience_ends(struct timer *t);

static void wait_for_better(struct ike_sa *sa)
{
	timer_set(&sa->e->timers, &sa->end, sa->e->now + 2 * MILLISECONDS(sa->peer->conf.retransmit_ms), patience_ends);
}

static void patience_ends(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, end);
	char why[sizeof(sa->active->doubt)] = "nobody answers";

	if (sa->active && sa->active->v1.busy) {	/* a better one is here and being judged */
		wait_for_better(sa);
		return;
	}
	if (sa->active && sa->active->doubt[0])
		snprintf(why, sizeof(why), "%s", sa->active->doubt);
	v1_say_doubted(sa);
	ike_sa_end(sa, why);
}

/* As if the second message had not come. */
static void forget_answer(struct ike_sa *sa)
{
	struct ikev1_state *s = sa->v1;

	memset(sa->spi_r, 0, sizeof(sa->spi_r));
	memset(&sa->remote_id, 0, sizeof(sa->remote_id));
	ikev1_keys_clear(&s->keys);
	s->dpd = s->kin = false;
	s->nat_t = 0;
	sa->fragment_size = 0;
	sa->nat_asked = sa->nat_local = sa->nat_remote = sa->encap = sa->nat_follow = false;
}

void v1_phase1_doubt(struct exchange *x, uint16_t notify, const char *why)
{
	struct ike_sa *sa = x->sa;

	x->v1.busy = false;
	report_sa(sa, LOG_LEVEL_INFO, x->v1.phase1->name, "doubted",
		  "%s; nothing proves that the peer said so, a better answer is waited for", why);
	if (sa->initiator && x->v1.step == 1)
		forget_answer(sa);
	if (x->doubt[0])
		return;
	x->doubted = notify;
	snprintf(x->doubt, sizeof(x->doubt), "%s", why);
	if (sa->initiator)
		wait_for_better(sa);
}

void v1_phase1_hint(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m)
{
	struct exchange *x = sa->active;
	struct isakmp_notify n;
	uint16_t error = v1_message_error(m, &n);
	char why[sizeof(x->doubt)];

	report_stranger(sa->e, d, "Informational", "in clear: %s (%u)", isakmp_notify_name(error), error);
	if (error == ISAKMP_N_INVALID_COOKIE && sa->state == IKE_ESTABLISHED &&
	    ipsec_addr_equal(&d->remote, &sa->remote))
		v1_disowned(sa);
	/* While a message of the peer's is being judged a better one is there already. */
	if (!error || !x || !x->v1.phase1 || x->v1.busy || sa->state >= IKE_ESTABLISHED)
		return;
	snprintf(why, sizeof(why), "the peer refuses %s %s: %s (%u)", x->v1.phase1->name,
		 x->v1.step ? x->v1.phase1->step[x->v1.step - 1].name : "", isakmp_notify_name(error), error);
	v1_phase1_doubt(x, error, why);
}

void v1_phase1_silent(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	bool proving = x->v1.phase1->step[x->v1.step].secret;
	char why[300];

	if (x->v1.busy) {
		wait_for_better(sa);
		return;
	}
	if (x->doubt[0]) {
		patience_ends(&sa->end);
		return;
	}
	report_reason(sa, proving ? REASON_AUTH_REFUSED : x->v1.step > 1 ? REASON_PEER_DEAD : REASON_NO_ANSWER);
	snprintf(why, sizeof(why), "no answer to %s of %s after %u sendings%s", x->v1.phase1->step[x->v1.step - 1].name,
		 x->v1.phase1->name, sa->sendings, proving ?
		 ": that one says who we are, so the peer's shared key is another, or it expects somebody else" : "");
	ike_sa_end(sa, why);
}
