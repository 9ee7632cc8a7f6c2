// SPDX-License-Identifier: MIT
// Who the two ends of phase 1 are, and how they prove it (RFC 2409 5; with a shared key 5.4).
#include "keyd/ikev1/cert.h"
#include "keyd/ikev1/method.h"

#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ike/section.h"
#include "keyd/wire/isakmp_id.h"

#include <stdio.h>
#include <string.h>

#define ID_BODY_MAX (4 + CONF_ID_MAX)

/* --- identities --- */

static void choose_ours(struct ike_sa *sa)
{
	sa->local_id = sa->peer->conf.local_id;
	if (sa->local_id.type == CONF_ID_ANY)
		conf_id_from_addr(&sa->local_id, &sa->local);
}

/* Whom the shared key is chosen by, when the peer has not said yet who it is: in main mode that is known by its address (5.4). */
static struct conf_id expected(const struct ike_sa *sa)
{
	struct conf_id id = sa->peer->conf.remote_id;

	if (id.type == CONF_ID_ANY || conf_id_is_pattern(&id))
		conf_id_from_addr(&id, &sa->remote);
	return id;
}

static struct view body_of(const struct conf_id *id, uint8_t buf[ID_BODY_MAX])
{
	struct isakmp_id w = { .type = id->type, .data = { id->data, id->len } };
	struct wr body = wr_of(buf, ID_BODY_MAX);

	isakmp_id_put(&body, &w);
	return wr_view(&body);
}

static struct secret *body_at(struct ike_sa *sa, bool of_initiator)
{
	return of_initiator ? &sa->v1->id_i_b : &sa->v1->id_r_b;
}

static int choose_id(struct ike_sa *sa)
{
	uint8_t buf[ID_BODY_MAX];
	struct view body;

	if (body_at(sa, sa->initiator)->n)
		return 0;
	choose_ours(sa);
	body = body_of(&sa->local_id, buf);
	return secret_set(body_at(sa, sa->initiator), body.p, body.n);
}

int v1_put_id(struct exchange *x, struct wire_out *out)
{
	if (choose_id(x->sa)) {
		ike_sa_end(x->sa, "out of memory");
		return -1;
	}
	wire_payload_put(out, ISAKMP_PL_ID, secret_view(body_at(x->sa, x->sa->initiator)));
	return 0;
}

static const char *unexpected(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	char want[CONF_ID_STRLEN], got[CONF_ID_STRLEN];
	const struct conf_id *id = &sa->peer->conf.remote_id;
	struct conf_id addr;

	conf_id_from_addr(&addr, &sa->remote);
	conf_id_format(id->type == CONF_ID_ANY ? &addr : id, want, sizeof(want));
	conf_id_format(&sa->remote_id, got, sizeof(got));
	report_reason(sa, REASON_UNEXPECTED_ID);
	report_sides(sa, want, got);
	report_sa(sa, LOG_LEVEL_WARNING, x->v1.phase1->name, "failed", "the peer says it is \"%s\"; its section expects \"%s\"", got, want);
	return "the peer is somebody else than expected";
}

/* Would this section have chosen as the one has that we began with? In aggressive mode nothing is chosen yet. */
static bool same_choice(const struct ike_sa *sa, const struct conf_peer *conf)
{
	struct isakmp_sa offer;
	struct v1_choice c;

	if (!sa->v1->suite.encr)
		return true;
	return v1_method(sa->e, conf, sa->initiator) == sa->v1->method && !isakmp_sa_get(&offer, secret_view(&sa->v1->sai_b)) &&
	       v1_choose_ike(conf, sa->v1->method, &offer, &c) && c.algs.encr == sa->v1->suite.encr && c.algs.prf == sa->v1->suite.prf &&
	       c.algs.ke == sa->ke;
}

/*
 * Of the sections for its address. With a shared key that is chosen in main mode before anybody has said who he is. Who is not to be
 * served is known by his name alone.
 */
static bool may_serve(void *arg, const struct conf_peer *conf)
{
	const struct exchange *x = arg;

	return ike_version_of(conf) == x->sa->version &&
	       (conf->refuse || (v1_may_begin_with(conf, x->v1.phase1->type) && same_choice(x->sa, conf)));
}

/* Only where no key has been chosen by the section may it still be another one. NULL, or why there is none. */
static const char *take_section(struct exchange *x, const struct conf_claim *claim)
{
	struct ike_sa *sa = x->sa;
	bool open = !sa->v1->suite.encr || v1_method_signs(sa->v1->method);
	struct conf_choice choice;
	const struct conf_peer *conf = conf_peer_choose(&sa->e->conf, claim, may_serve, x, &choice);
	bool refused = !conf && choice.tried[0].why == CONF_MISFIT_REFUSED;

	if (conf && open) {
		struct peer *before = sa->peer;

		sa->peer = peer_get(section_peer(sa->e, conf));
		peer_put(before);
		return NULL;
	}
	if (!refused && conf_peer_fits(&sa->peer->conf, claim) == CONF_FITS)
		return NULL;
	if (!refused && choice.n < 2)
		return unexpected(x);
	section_none(sa, x->v1.phase1->name, &choice, "its \"ike\" algorithms, \"auth\" or \"exchange\" are others");
	return "no section is for who the peer says it is";
}

/* The first message of aggressive mode says who it is before anybody knows of NATs. */
static bool may_be_nat(const struct exchange *x)
{
	return !x->sa->initiator && x->v1.phase1->type == ISAKMP_EXCH_AGGRESSIVE && x->sa->v1->nat_t;
}

const char *v1_take_id(struct exchange *x)
{
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_ID);
	struct ike_sa *sa = x->sa;
	struct conf_claim claim = { .local = &sa->local, .remote = &sa->remote, .remote_id = &sa->remote_id,
				    .nat = sa->nat_remote || may_be_nat(x) };
	struct isakmp_id id;

	if (!p || isakmp_id_get(&id, p->body) || !id.data.n || id.data.n > CONF_ID_MAX)
		return "the peer's identification is malformed, or too long";
	sa->remote_id = (struct conf_id){ .type = id.type, .len = (uint16_t)id.data.n };
	memcpy(sa->remote_id.data, id.data.p, id.data.n);
	if (secret_set(body_at(sa, !sa->initiator), p->body.p, p->body.n))
		return "out of memory";
	if (!sa->initiator)
		return take_section(x, &claim);
	return conf_peer_fits(&sa->peer->conf, &claim) == CONF_FITS ? NULL : unexpected(x);
}

/* --- keys --- */

static int make_keys(struct ike_sa *sa, struct view skeyid)
{
	struct ikev1_state *s = sa->v1;

	if (ikev1_keymat_phase1(&s->keys, &s->suite, skeyid, secret_view(&s->shared), sa->spi_i, sa->spi_r) ||
	    ikev1_iv_phase1(&s->suite, secret_view(&s->public_i), secret_view(&s->public_r), s->iv))
		return -1;
	secret_clear(&s->shared);
	ike_sa_set_state(sa, IKE_AUTH);
	return 0;
}

static void say_no_secret(struct ike_sa *sa)
{
	struct conf_id want = sa->remote_id.type ? sa->remote_id : expected(sa);
	char id[CONF_ID_STRLEN];

	conf_id_format(&want, id, sizeof(id));
	report_reason(sa, REASON_NO_SECRET);
	report_sa(sa, LOG_LEVEL_WARNING, "IKEv1", "failed",
		  "no secret for peer \"%s\": add a line for it to psk.txt, or psk to its peer section", id);
}

static void skeyid_answered(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	struct ike_sa *sa = x->sa;

	if (an->error) {
		if (an->error == AUTH_NO_SECRET)
			say_no_secret(sa);
		v1_phase1_refuse(x, 0, an->error == AUTH_NO_SECRET ? "there is no shared key for this peer" : "SKEYID could not be made");
		return;
	}
	sa->secret_at = an->at;
	if (make_keys(sa, (struct view){ an->data, an->n })) {
		v1_phase1_refuse(x, 0, "the keys could not be derived");
		return;
	}
	x->v1.then(x);
}

/* Without a shared key anybody can make them; the signatures tell who did. */
static void keys_of_signatures(struct exchange *x, void (*then)(struct exchange *x))
{
	struct ike_sa *sa = x->sa;
	const struct crypto_alg *prf = sa->v1->suite.prf;
	uint8_t skeyid[CRYPTO_PRF_MAX];
	bool failed = ikev1_skeyid_sig(prf, secret_view(&sa->ni), secret_view(&sa->nr), secret_view(&sa->v1->shared), skeyid) ||
		      make_keys(sa, (struct view){ skeyid, prf->prf });

	secret_cleanse(skeyid, sizeof(skeyid));
	if (failed)
		v1_phase1_refuse(x, 0, "the keys could not be derived");
	else
		then(x);
}

void v1_keys(struct exchange *x, void (*then)(struct exchange *x))
{
	struct ike_sa *sa = x->sa;
	struct auth_request rq = { .form = AUTH_IKEV1, .way = CONF_AUTH_PSK, .prf = sa->suite.prf->ikev2_id,
				   .local_addr = sa->local, .remote_addr = sa->remote };
	uint8_t nonces[2 * ISAKMP_NONCE_MAX];
	struct wr w = wr_of(nonces, sizeof(nonces));

	if (sa->v1->keys.skeyid.n) {
		then(x);
		return;
	}
	if (v1_method_signs(sa->v1->method)) {
		keys_of_signatures(x, then);
		return;
	}
	if (choose_id(sa)) {
		ike_sa_end(sa, "out of memory");
		return;
	}
	wr_put(&w, secret_view(&sa->ni));
	wr_put(&w, secret_view(&sa->nr));
	rq.local = sa->local_id;
	rq.remote = sa->remote_id.type ? sa->remote_id : expected(sa);
	rq.message = wr_view(&w);
	x->v1.then = then;
	ask_auth(sa->e, &x->ask, &rq, skeyid_answered);
}

/* --- proofs --- */

/* HASH_I or HASH_R. 0 or -1. */
static int hash_of(const struct ike_sa *sa, bool of_initiator, uint8_t out[CRYPTO_PRF_MAX])
{
	const struct ikev1_state *s = sa->v1;
	const struct secret *own = of_initiator ? &s->public_i : &s->public_r, *other = of_initiator ? &s->public_r : &s->public_i;

	return ikev1_hash_phase1(v1_method_prf(sa), secret_view(&s->keys.skeyid), secret_view(own), secret_view(other),
				 of_initiator ? sa->spi_i : sa->spi_r, of_initiator ? sa->spi_r : sa->spi_i, secret_view(&s->sai_b),
				 secret_view(of_initiator ? &s->id_i_b : &s->id_r_b), out);
}

void v1_prove(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	uint8_t hash[CRYPTO_PRF_MAX];

	if (choose_id(sa) || hash_of(sa, sa->initiator, hash)) {
		ike_sa_end(sa, "our proof of identity could not be made");
	} else if (v1_signs(sa, sa->initiator)) {
		v1_sign(x, (struct view){ hash, v1_method_prf(sa)->prf });
	} else if (secret_set(&x->proof.data, hash, sa->suite.prf->prf)) {
		ike_sa_end(sa, "out of memory");
	} else {
		proof_say_ours(sa, 0, CONF_AUTH_PSK, "");
		v1_phase1_ready(x);
	}
}

int v1_put_proof(struct exchange *x, struct wire_out *out)
{
	bool sig = v1_signs(x->sa, x->sa->initiator);

	if (sig)
		v1_put_certs(x, out);
	wire_payload_put(out, sig ? ISAKMP_PL_SIG : ISAKMP_PL_HASH, secret_view(&x->proof.data));
	secret_clear(&x->proof.data);
	return 0;
}

/* In clear anybody may have said it, and what has been decrypted by chance may look like a HASH. */
static void disbelieve(struct exchange *x, const char *why)
{
	if (x->v1.phase1->step[x->v1.step].secret && (x->sa->initiator || v1_signs(x->sa, true)))
		v1_phase1_refuse(x, ISAKMP_N_AUTHENTICATION_FAILED, why);
	else
		v1_phase1_doubt(x, ISAKMP_N_AUTHENTICATION_FAILED, why);
}

void v1_judged(struct exchange *x, const char *why)
{
	struct ike_sa *sa = x->sa;

	if (why) {
		disbelieve(x, why);
		return;
	}
	if (v1_message_has_notify(&x->m, ISAKMP_N_INITIAL_CONTACT, NULL))
		sa->initial_contact = true;
	/* With XAUTH many may call themselves alike: the user is asked after. */
	if (!sa->initiator && sa->peer->conf.xauth != CONF_XAUTH_SERVER && duplicate_unwelcome(sa)) {
		report_reason(sa, REASON_NOT_UNIQUE);
		v1_phase1_refuse(x, ISAKMP_N_AUTHENTICATION_FAILED, "the peer has an IKE SA from elsewhere already (\"unique keep\")");
		return;
	}
	if (x->v1.phase1->step[x->v1.step].believed)
		x->v1.phase1->step[x->v1.step].believed(x);
	v1_phase1_on(x);
}

void v1_judge(struct exchange *x)
{
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_HASH);
	struct ike_sa *sa = x->sa;
	uint8_t hash[CRYPTO_PRF_MAX];

	if (hash_of(sa, !sa->initiator, hash)) {
		v1_judged(x, "the peer's proof could not be judged");
	} else if (v1_signs(sa, !sa->initiator)) {
		v1_judge_signature(x, (struct view){ hash, v1_method_prf(sa)->prf });
	} else if (!p || !secret_equal(p->body, (struct view){ hash, sa->suite.prf->prf })) {
		report_reason(sa, REASON_WRONG_SECRET);
		v1_judged(x, "the peer's proof does not fit: its shared key is another");
	} else {
		if (!v1_method_signs(sa->v1->method))
			proof_say_peer(sa, 0, NULL);
		v1_judged(x, NULL);
	}
}

/* Whom we expect may call itself otherwise: one with the same section is the same peer. */
static bool has_another(const struct ike_sa *sa)
{
	for (struct ike_sa *o = ike_sa_first_between(sa->e, &sa->local, &sa->remote); o; o = ike_sa_next_between(o))
		if (o != sa && o->state >= IKE_ESTABLISHED && o->state < IKE_CLOSED && !strcmp(o->peer->conf.name, sa->peer->conf.name))
			return true;
	return false;
}

/* Its SPI are the cookies (RFC 2407 4.6.3.3). */
void v1_put_contact(struct exchange *x, struct wire_out *out)
{
	const struct ike_sa *sa = x->sa;
	struct conf_id remote = sa->remote_id.type ? sa->remote_id : expected(sa);
	uint8_t cookies[16];

	if (sa->peer->conf.unique == CONF_UNIQUE_NEVER || has_another(sa) || !duplicate_alone(sa, &remote))
		return;
	v1_cookies(sa, cookies);
	v1_put_notify(out, ISAKMP_PROTO_ISAKMP, ISAKMP_N_INITIAL_CONTACT, (struct view){ cookies, sizeof(cookies) }, (struct view){ 0 });
}
