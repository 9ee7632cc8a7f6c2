// SPDX-License-Identifier: MIT
// Makes our proofs of identity and judges the peer's.
#include "keyd/ikev2/auth_proof.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/keymat.h"
#include "keyd/crypto/sig.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/auth_id.h"
#include "keyd/ikev2/message.h"
#include "keyd/wire/auth.h"
#include "keyd/wire/cert.h"
#include "keyd/wire/ikev2.h"

#include <stdio.h>
#include <string.h>

static const char exchange_name[] = "IKE_AUTH";

static uint8_t way_at(const uint8_t ways[CONF_ROUNDS_MAX], unsigned round)
{
	return round < CONF_ROUNDS_MAX ? ways[round] : CONF_AUTH_NONE;
}

static uint8_t our_way(const struct exchange *x)
{
	return way_at(x->sa->peer->conf.auth_local, x->proof.round);
}

static uint8_t peer_way(const struct exchange *x)
{
	return way_at(x->sa->peer->conf.auth_remote, x->proof.round);
}

bool auth_more_of_us(const struct exchange *x)
{
	return way_at(x->sa->peer->conf.auth_local, x->proof.round + 1U) != CONF_AUTH_NONE;
}

bool auth_more_of_peer(const struct exchange *x)
{
	return way_at(x->sa->peer->conf.auth_remote, x->proof.round + 1U) != CONF_AUTH_NONE;
}

const char *auth_rounds_differ(const struct exchange *x)
{
	bool follows = message_has_notify(&x->m, IKEV2_N_ANOTHER_AUTH_FOLLOWS, NULL);
	const char *why = "the peer proves its identity once; \"auth\" in its section asks for two proofs (RFC 4739)";

	if (auth_more_of_peer(x) == follows)
		return NULL;
	if (follows)
		why = "the peer wants to prove its identity twice (RFC 4739); \"auth\" in its section asks for one proof";
	report_reason(x->sa, REASON_AUTH_METHOD);
	report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed", "%s", why);
	return why;
}

/*
 * What one end proves something over (2.15): the initiator its IKE_SA_INIT and the responder's nonce, the responder the other
 * way round, and the body of its identification payload. 0 or -1.
 */
struct octets {
	uint8_t macid[CRYPTO_PRF_MAX];
	struct view message, nonce, mac;
};

RD_MUST_CHECK static int octets_of(const struct ike_sa *sa, bool of_initiator, struct view id, struct octets *o)
{
	const struct secret *sk_p = of_initiator ? &sa->keys.sk_pi : &sa->keys.sk_pr;

	o->message = secret_view(of_initiator ? &sa->init_request : &sa->init_response);
	o->nonce = secret_view(of_initiator ? &sa->nr : &sa->ni);
	o->mac = (struct view){ o->macid, sa->suite.prf->prf };
	return ikev2_auth_octets_macid(sa->suite.prf, secret_view(sk_p), id, o->macid);
}

static void finish(struct exchange *x, const char *why)
{
	auth_proof_fn *then = x->proof.then;

	x->proof.then = NULL;
	then(x, why);
}

/* --- ours --- */

/* Who began chose the secret by its own name, too. */
static void say_no_secret(struct ike_sa *sa, char *reason, size_t n)
{
	char local[CONF_ID_STRLEN], remote[CONF_ID_STRLEN];

	conf_id_format(&sa->remote_id, remote, sizeof(remote));
	conf_id_format(&sa->local_id, local, sizeof(local));
	report_reason(sa, REASON_NO_SECRET);
	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed",
		  "no secret for peer \"%s\"%s%s%s: add a line for it to psk.txt, or psk to its peer section", remote,
		  sa->initiator ? " (we are \"" : "", sa->initiator ? local : "", sa->initiator ? "\")" : "");
	snprintf(reason, n, "no secret for peer \"%.120s\"", remote);
}

static const char *no_scheme(const struct ike_sa *sa)
{
	return sa->auth.hashes ? "our key can do none of the \"signatures\" that are allowed and that the peer has the hashes for"
			       : "the peer takes no hashes but SHA-1 (no SIGNATURE_HASH_ALGORITHMS), and our key can do none "
				 "of the \"signatures\" that are allowed with that";
}

static void made(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	struct ike_sa *sa = x->sa;
	const struct cred *c = creds_find(&sa->e->creds, &sa->peer->conf.key);
	char reason[400];

	if (!an->error && proof_half_known(sa, our_way(x), c)) {
		finish(x, "the token with our certificate was seen only just now: the IKE SA begins anew");
		return;
	}
	if (!an->error) {
		sa->secret_at = an->at;
		if (our_way(x) != CONF_AUTH_PSK)
			sa->proof.key = c ? c->conf.key : sa->peer->conf.key;
		x->proof.method = our_way(x) == CONF_AUTH_PSK ? (uint8_t)IKEV2_AUTH_PSK : an->method;
		proof_say_ours(sa, x->proof.round, our_way(x), an->scheme);
		finish(x, secret_set(&x->proof.data, an->data, an->n) ? "out of memory" : NULL);
		return;
	}
	if (an->error == AUTH_NO_SECRET)
		say_no_secret(sa, reason, sizeof(reason));
	else
		proof_not_signed(sa, exchange_name, an, no_scheme(sa), reason, sizeof(reason));
	finish(x, reason);
}

/* Whoever is asked answers out of the secrets for these two; rq has way and, for a signature, key. */
static int ask_auth_for(struct exchange *x, struct auth_request *rq, bool of_initiator, struct view id,
			void (*fn)(struct ask *a, const struct auth_answer *an))
{
	struct ike_sa *sa = x->sa;
	struct octets o;

	if (octets_of(sa, of_initiator, id, &o))
		return -1;
	rq->prf = sa->suite.prf->ikev2_id;
	rq->local = sa->local_id;
	rq->remote = sa->initiator ? auth_id_expected(sa) : sa->remote_id;
	rq->local_addr = sa->local;
	rq->remote_addr = sa->remote;
	rq->message = o.message;
	rq->nonce = o.nonce;
	rq->macid = o.mac;
	ask_auth(sa->e, &x->ask, rq, fn);
	return 0;
}

void auth_prove(struct exchange *x, auth_proof_fn *then)
{
	const struct conf_peer *conf = &x->sa->peer->conf;
	struct auth_request rq = { .way = our_way(x), .key = conf->key, .schemes = conf->trust.schemes,
				   .hashes = x->sa->auth.hashes };
	uint8_t buf[ID_BODY_MAX];

	x->proof.then = then;
	x->proof.method = 0;
	if (rq.way == CONF_AUTH_NONE)
		finish(x, NULL);
	else if (ask_auth_for(x, &rq, x->sa->initiator, auth_id_body(&x->sa->local_id, buf), made))
		finish(x, "the proof of identity could not be computed");
}

static void put_cert(struct wire_out *out, const struct wire_cert *c)
{
	size_t mark = wire_payload_begin(out, IKEV2_PL_CERT);

	wire_cert_put(&out->w, c);
	wire_payload_end(out, mark);
}

/* The next certificate of a chain. 0, or -1: that was the last. */
RD_MUST_CHECK static int item(struct rd *r, struct view *cert)
{
	uint32_t n;

	return rd_u32(r, &n) || rd_view(r, n, cert) ? -1 : 0;
}

/* Certificates of ours, as they are; a key alone only for who wants one: others would not know what it is. */
static void put_certs(const struct exchange *x, struct wire_out *out)
{
	const struct ike_sa *sa = x->sa;
	const struct cred *cred = creds_find(&sa->e->creds, &sa->peer->conf.key);
	struct rd r = rd_of(cred ? cred->conf.chain : NULL, cred ? cred->conf.nchain : 0);
	struct wire_cert c = { .encoding = IKEV2_CERT_X509_SIGNATURE };

	if (!cred)
		return;
	if (our_way(x) == CONF_AUTH_KEY) {
		c = (struct wire_cert){ .encoding = IKEV2_CERT_RAW_PUBLIC_KEY, .data = { cred->conf.spki, cred->conf.nspki } };
		if (sa->auth.wants_key && c.data.n)
			put_cert(out, &c);
		return;
	}
	while (!item(&r, &c.data))
		put_cert(out, &c);
	c = (struct wire_cert){ .encoding = IKEV2_CERT_OCSP, .data = { cred->staple, cred->nstaple } };
	if (sa->auth.wants_ocsp && c.data.n)
		put_cert(out, &c);
}

void auth_put_proof(struct exchange *x, struct wire_out *out)
{
	struct wire_auth auth = { .method = x->proof.method, .data = secret_view(&x->proof.data) };
	size_t mark;

	if (!auth.method)
		return;
	if (our_way(x) != CONF_AUTH_PSK)
		put_certs(x, out);
	mark = wire_payload_begin(out, IKEV2_PL_AUTH);
	wire_auth_put(&out->w, &auth);
	wire_payload_end(out, mark);
}

/* --- the peer's --- */

static bool is_signature(uint8_t method)
{
	return method == IKEV2_AUTH_SIGNATURE || crypto_sig_by_method(method) || method == IKEV2_AUTH_RSA_SIGNATURE;
}

static const char *way_words(uint8_t way)
{
	static const char *const words[] = { [CONF_AUTH_PSK] = "a shared key", [CONF_AUTH_CERT] = "a certificate",
					     [CONF_AUTH_KEY] = "a key that is known here" };

	return words[way];
}

static const char no_proof[] = "the peer gives no proof of its identity";

static const char *other_method(struct exchange *x, uint8_t method)
{
	char remote[CONF_ID_STRLEN];

	report_reason(x->sa, REASON_AUTH_METHOD);
	report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed",
		  "\"%s\" authenticates by %s (%u); only %s is configured here (\"auth\" in its section)",
		  conf_id_format(&x->sa->remote_id, remote, sizeof(remote)), ikev2_auth_method_name(method), method,
		  way_words(peer_way(x)));
	return "the peer authenticates in another way than is configured here";
}

/* No key that is taken makes such a one; so it is not carried to anybody. */
static const char *too_long(struct exchange *x, size_t n)
{
	static const char why[] = "its signature is longer than any that is known";
	char remote[CONF_ID_STRLEN];

	report_reason(x->sa, REASON_SIGNATURE_SCHEME);
	report_sides(x->sa, "", why);
	report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed", "\"%s\": %s: %zu bytes",
		  conf_id_format(&x->sa->remote_id, remote, sizeof(remote)), why, n);
	return why;
}

static void compared(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	const struct wire_payload *p = wire_find(&x->m, IKEV2_PL_AUTH);
	char remote[CONF_ID_STRLEN], reason[192];
	struct ike_sa *sa = x->sa;
	struct wire_auth auth;

	if (an->error == AUTH_NO_SECRET && !sa->initiator) {
		say_no_secret(sa, reason, sizeof(reason));
		finish(x, reason);
		return;
	}
	if (p && !wire_auth_get(&auth, p->body) && !an->error && secret_equal(auth.data, (struct view){ an->data, an->n })) {
		proof_say_peer(sa, x->proof.round, NULL);
		finish(x, NULL);
		return;
	}
	sa->secret_at = an->at;
	report_reason(sa, REASON_WRONG_SECRET);
	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed", "\"%s\" does not have the same secret as we have for it",
		  conf_id_format(&sa->remote_id, remote, sizeof(remote)));
	finish(x, "the peer's proof of identity is wrong: not the same secret on both sides");
}

static void judged(struct ask *a, const struct trust_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	char remote[CONF_ID_STRLEN], reason[480];
	struct ike_sa *sa = x->sa;

	if (!an->error) {
		proof_say_peer(sa, x->proof.round, an);
		finish(x, proof_take(sa, an) ? "out of memory" : NULL);
		return;
	}
	proof_words(an, peer_way(x), reason, sizeof(reason));
	report_reason(sa, proof_reason(an));
	report_sides(sa, an->subject, reason);
	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed", "\"%s\": %s",
		  conf_id_format(&sa->remote_id, remote, sizeof(remote)), reason);
	finish(x, reason);
}

static int ask_trust_for(struct exchange *x, const struct wire_auth *auth, struct view id)
{
	struct ike_sa *sa = x->sa;
	struct trust_request rq = { .kind = TRUST_PROOF, .way = peer_way(x), .rules = sa->peer->conf.trust, .remote = sa->remote_id,
				    .method = auth->method, .auth = auth->data };
	struct secret certs = { 0 };
	struct octets o;

	if (octets_of(sa, !sa->initiator, id, &o) || proof_certs(&x->m, IKEV2_PL_CERT, &certs))
		return -1;
	rq.message = o.message;
	rq.nonce = o.nonce;
	rq.macid = o.mac;
	rq.certs = secret_view(&certs);
	ask_trust(sa->e, &x->ask, &rq, judged);
	secret_clear(&certs);
	return 0;
}

const char *auth_disbelief(const struct ike_sa *sa)
{
	if (sa->peer->conf.auth_local[0] == CONF_AUTH_PSK)
		return "its secret for us or the identity it expects of us is another";
	return "it does not believe our certificate or key, or expects another identity of us";
}

bool auth_is_answered(const struct exchange *x)
{
	if (peer_way(x) == CONF_AUTH_NONE)
		return message_error(&x->m) != IKEV2_N_AUTHENTICATION_FAILED;
	return wire_find(&x->m, IKEV2_PL_AUTH) && wire_find(&x->m, IKEV2_PL_IDR);
}

void auth_judge(struct exchange *x, auth_proof_fn *then)
{
	const struct wire_payload *p = wire_find(&x->m, IKEV2_PL_AUTH);
	const struct wire_payload *id = wire_find(&x->m, x->sa->initiator ? IKEV2_PL_IDR : IKEV2_PL_IDI);
	struct auth_request rq = { .way = CONF_AUTH_PSK };
	uint8_t way = peer_way(x);
	struct wire_auth auth;
	int failed = 0;

	x->proof.then = then;
	if (way == CONF_AUTH_NONE) {
		finish(x, NULL);
		return;
	}
	if (!p || !id || wire_auth_get(&auth, p->body)) {
		report_reason(x->sa, REASON_AUTH_METHOD);
		finish(x, no_proof);
		return;
	}
	if (way == CONF_AUTH_PSK ? auth.method != IKEV2_AUTH_PSK : !is_signature(auth.method)) {
		finish(x, other_method(x, auth.method));
		return;
	}
	if (way != CONF_AUTH_PSK && auth.data.n > TRUST_AUTH_MAX) {
		finish(x, too_long(x, auth.data.n));
		return;
	}
	if (way == CONF_AUTH_PSK)
		failed = ask_auth_for(x, &rq, !x->sa->initiator, id->body, compared);
	else
		failed = ask_trust_for(x, &auth, id->body);
	if (failed)
		finish(x, "the peer's proof of identity could not be judged");
}
