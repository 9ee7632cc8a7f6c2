// SPDX-License-Identifier: MIT
// Parts of phase 1: SA, KE, nonce, vendor ids.
#include "keyd/ikev1/method.h"
#include "keyd/ikev1/phase1.h"

#include "keyd/crypto/rand.h"
#include "keyd/ike/report.h"
#include "keyd/ikev1/fragment.h"
#include "keyd/ikev1/nat.h"
#include "keyd/wire/ikev2.h"
#include "keyd/wire/isakmp_vendor.h"

#include <stdio.h>
#include <string.h>

#define NONCE_LEN 32

static int no_memory(struct ike_sa *sa)
{
	ike_sa_end(sa, "out of memory, or the algorithms of the section are none of IKEv1");
	return -1;
}

static int put_sa(struct wire_out *out, const struct isakmp_sa *sa, struct view *body)
{
	size_t mark = wire_payload_begin(out, ISAKMP_PL_SA), at = out->w.len;

	isakmp_sa_put(&out->w, sa);
	if (!wr_ok(&out->w))
		return -1;
	*body = (struct view){ out->w.buf + at, out->w.len - at };
	wire_payload_end(out, mark);
	return 0;
}

/* --- SA --- */

static uint16_t method_of(const struct ike_sa *sa)
{
	return v1_method(sa->e, &sa->peer->conf, sa->initiator);
}

static int no_method(struct ike_sa *sa)
{
	report_reason(sa, REASON_NO_KEY);
	ike_sa_end(sa, "IKEv1 has no authentication method for our key: RSA, or without XAUTH P-256, P-384 or P-521, is wanted");
	return -1;
}

int v1_put_offer(struct exchange *x, struct wire_out *out, bool one_group)
{
	struct ike_sa *sa = x->sa;
	const struct conf_peer *conf = &sa->peer->conf;
	struct v1_offer o;
	struct view body;

	if (one_group)
		sa->ke = v1_first_group(conf);
	sa->v1->method = method_of(sa);
	if (!sa->v1->method)
		return no_method(sa);
	v1_offer_ike(conf, sa->v1->method, one_group ? sa->ke : NULL, &o);
	if (!o.sa.nt || put_sa(out, &o.sa, &body) || secret_set(&sa->v1->sai_b, body.p, body.n))
		return no_memory(sa);
	return 0;
}

static void agree(struct exchange *x, const struct v1_choice *c)
{
	struct ike_sa *sa = x->sa;
	uint64_t life = c->life.seconds ? c->life.seconds : 28800;	/* RFC 2407 4.5.4 */

	sa->v1->suite = (struct ikev1_suite){ .encr = c->algs.encr, .prf = c->algs.prf };
	sa->v1->method = c->method;
	sa->suite = (struct ikev2_suite){ .encr = c->algs.encr, .prf = c->algs.prf };
	sa->ke = c->algs.ke;
	sa->life = life < sa->peer->conf.ike_lifetime ? (uint32_t)life : sa->peer->conf.ike_lifetime;
}

static void say_no_proposal(struct exchange *x, const struct isakmp_sa *offer)
{
	struct ike_sa *sa = x->sa;
	struct conf_proposals ours;
	struct wire_sa mine, theirs;
	char a[450], b[450], why[400];

	v1_proposals(&sa->peer->conf.ike, false, &ours);
	proposal_offer(&ours, IKEV2_PROTO_IKE, (struct view){ 0 }, PROPOSAL_KE_REQUIRED, &mine);
	v1_as_proposals(offer, false, &theirs);
	proposal_explain(&ours, &theirs, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, why, sizeof(why));
	report_reason(sa, REASON_NO_PROPOSAL_IKE);
	report_proposals(sa, &mine, &theirs, why);
	if (report_stranger_heard(sa->e))
		report_sa(sa, LOG_LEVEL_WARNING, x->v1.phase1->name, "failed", "NO-PROPOSAL-CHOSEN: the peer offers %s; we accept %s; %s",
			  proposal_format(&theirs, a, sizeof(a)), proposal_format(&mine, b, sizeof(b)), why);
}

bool v1_take_offer(struct exchange *x)
{
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_SA);
	struct ike_sa *sa = x->sa;
	struct isakmp_sa offer;
	struct v1_choice c;

	if (isakmp_sa_get(&offer, p->body)) {
		v1_phase1_refuse(x, 0, "the peer's SA payload is malformed");
		return false;
	}
	v1_take_vendors(x);
	if (!method_of(sa)) {
		no_method(sa);
		return false;
	}
	if (v1_choose_ike(&sa->peer->conf, method_of(sa), &offer, &c)) {
		agree(x, &c);
		if (!secret_set(&sa->v1->sai_b, p->body.p, p->body.n))
			return true;
		no_memory(sa);
		return false;
	}
	if (v1_choose_ike(&sa->peer->conf, 0, &offer, &c)) {
		report_reason(sa, REASON_AUTH_METHOD);
		report_sides(sa, isakmp_auth_name(method_of(sa)), isakmp_auth_name(c.method));
		v1_phase1_refuse(x, ISAKMP_N_NO_PROPOSAL_CHOSEN, "the peer wants to prove itself in another way than its section says");
		return false;
	}
	say_no_proposal(x, &offer);
	v1_phase1_refuse(x, ISAKMP_N_NO_PROPOSAL_CHOSEN, "NO-PROPOSAL-CHOSEN: we accept none of the peer's proposals");
	return false;
}

/* The offer is in sai_b, so that nothing but that need be kept. */
int v1_put_choice(struct exchange *x, struct wire_out *out)
{
	struct ike_sa *sa = x->sa;
	struct isakmp_sa offer;
	struct v1_choice c;
	struct v1_offer o;
	struct view body;

	if (isakmp_sa_get(&offer, secret_view(&sa->v1->sai_b)) || !v1_choose_ike(&sa->peer->conf, sa->v1->method, &offer, &c))
		return no_memory(sa);
	v1_answer(&c, 0, &o);
	return put_sa(out, &o.sa, &body) ? no_memory(sa) : 0;
}

const char *v1_take_choice(struct exchange *x)
{
	static const uint8_t no_cookie[8];
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_SA);
	const struct conf_peer *conf = &x->sa->peer->conf;
	struct isakmp_sa chosen;
	struct v1_choice c;

	if (!memcmp(x->m.h.spi_r, no_cookie, sizeof(no_cookie)))
		return "the responder's cookie is zero";
	if (isakmp_sa_get(&chosen, p->body) || !v1_is_answer(&chosen))
		return "the peer's answer is not one proposal with one transform";
	if (!v1_choose_ike(conf, method_of(x->sa), &chosen, &c) || (x->sa->kex && c.algs.ke != x->sa->ke))
		return "the peer chose something that we have not offered";
	agree(x, &c);
	memcpy(x->sa->spi_r, x->m.h.spi_r, sizeof(x->sa->spi_r));
	v1_take_vendors(x);
	return NULL;
}

void v1_say_doubted(struct ike_sa *sa)
{
	struct exchange *x = sa->active;
	struct conf_proposals ours;
	struct wire_sa mine;

	if (!x || !x->doubted) {
		report_reason(sa, REASON_PEER_ANSWER);
		return;
	}
	report_notify(sa, x->doubted, false);
	if (x->doubted == ISAKMP_N_AUTHENTICATION_FAILED || x->doubted == ISAKMP_N_INVALID_ID_INFORMATION || x->v1.step > 3)
		report_reason(sa, REASON_AUTH_REFUSED);
	else if (x->doubted != ISAKMP_N_NO_PROPOSAL_CHOSEN)
		report_reason(sa, REASON_PEER_REFUSED);
	if (x->doubted != ISAKMP_N_NO_PROPOSAL_CHOSEN || x->v1.step > 3)
		return;
	report_reason(sa, REASON_NO_PROPOSAL_IKE);
	v1_proposals(&sa->peer->conf.ike, false, &ours);
	proposal_offer(&ours, IKEV2_PROTO_IKE, (struct view){ 0 }, PROPOSAL_KE_REQUIRED, &mine);
	report_proposals(sa, &mine, NULL, "");
}

/* --- KE and nonce --- */

static int nonce(struct secret *n)
{
	return n->n ? 0 : secret_alloc(n, NONCE_LEN) || crypto_rand(n->p, n->n) ? -1 : 0;
}

/* As responder the secret is computed first: then what is sent is public_r already. */
int v1_put_kex(struct exchange *x, struct wire_out *out)
{
	struct ike_sa *sa = x->sa;
	struct secret *mine = sa->initiator ? &sa->v1->public_i : &sa->v1->public_r, *n = sa->initiator ? &sa->ni : &sa->nr;
	struct view public;

	if (!sa->kex && !mine->n)
		sa->kex = sa->ke ? crypto_kex_new(sa->ke) : NULL;
	if (!mine->n && sa->kex) {
		public = crypto_kex_public(sa->kex);
		if (secret_set(mine, public.p, public.n))
			return no_memory(sa);
	}
	if (!mine->n || nonce(n))
		return no_memory(sa);
	wire_payload_put(out, ISAKMP_PL_KE, secret_view(mine));
	wire_payload_put(out, ISAKMP_PL_NONCE, secret_view(n));
	return 0;
}

const char *v1_take_kex(struct exchange *x)
{
	struct view ke = wire_find(&x->m, ISAKMP_PL_KE)->body, n = wire_find(&x->m, ISAKMP_PL_NONCE)->body, public;
	struct ike_sa *sa = x->sa;
	struct ikev1_state *s = sa->v1;
	struct secret *mine = sa->initiator ? &s->public_i : &s->public_r, *theirs = sa->initiator ? &s->public_r : &s->public_i;

	if (secret_equal(ke, secret_view(mine)))
		return "the key exchange value is ours, and somebody sends it back";
	if (!sa->kex)
		sa->kex = crypto_kex_new(sa->ke);
	if (!sa->kex)
		return "no key pair could be made";
	if (crypto_kex_derive(sa->kex, ke, &s->shared))
		return "the peer's key exchange value is not a valid one";
	public = crypto_kex_public(sa->kex);
	if (secret_set(mine, public.p, public.n) || secret_set(theirs, ke.p, ke.n) ||
	    secret_set(sa->initiator ? &sa->nr : &sa->ni, n.p, n.n) || nonce(sa->initiator ? &sa->ni : &sa->nr))
		return "out of memory";
	if (sa->initiator)	/* it may have been somebody else's, and the right one may still come */
		return NULL;
	crypto_kex_free(sa->kex);
	sa->kex = NULL;
	return NULL;
}

/* --- vendor ids --- */

void v1_put_vendors(struct exchange *x, struct wire_out *out)
{
	wire_payload_put(out, ISAKMP_PL_VENDOR, isakmp_vendor_bytes(ISAKMP_VID_GAPLESS));
	if (x->sa->peer->conf.dpd || !x->sa->initiator)
		wire_payload_put(out, ISAKMP_PL_VENDOR, isakmp_vendor_bytes(ISAKMP_VID_DPD));
	v1_nat_put_vendors(x->sa, out);
	v1_fragment_put_vendor(x->sa, out);
	if (x->sa->peer->conf.xauth != CONF_XAUTH_OFF)
		wire_payload_put(out, ISAKMP_PL_VENDOR, isakmp_vendor_bytes(ISAKMP_VID_XAUTH));
	if (x->sa->peer->conf.virtual_interface[0] || x->sa->peer->conf.pool[0])
		wire_payload_put(out, ISAKMP_PL_VENDOR, isakmp_vendor_bytes(ISAKMP_VID_UNITY));
}

void v1_take_vendors(struct exchange *x)
{
	const struct wire_payload *p = NULL;

	while ((p = wire_next(&x->m, ISAKMP_PL_VENDOR, p))) {
		enum isakmp_vid vid = isakmp_vendor_get(p->body);

		if (vid == ISAKMP_VID_DPD)
			x->sa->v1->dpd = true;
		else if (vid == ISAKMP_VID_GAPLESS)
			x->sa->v1->kin = true;
		else if (vid == ISAKMP_VID_FRAGMENTATION)
			v1_fragment_take_vendor(x->sa);
		else
			v1_nat_take_vendor(x->sa, vid);
	}
}
