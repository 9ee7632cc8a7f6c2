// SPDX-License-Identifier: MIT
// Certificates and signatures of phase 1.
#include "keyd/ikev1/cert.h"

#include "keyd/conf/id.h"
#include "keyd/ike/creds.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ikev1/method.h"
#include "keyd/wire/isakmp_cert.h"

#include <string.h>

static const char *name(const struct exchange *x)
{
	return x->v1.phase1->name;
}

void v1_put_certs(struct exchange *x, struct wire_out *out)
{
	const struct ike_sa *sa = x->sa;
	const struct cred *cred = creds_find(&sa->e->creds, &sa->peer->conf.key);
	struct rd r = rd_of(cred ? cred->conf.chain : NULL, cred ? cred->conf.nchain : 0);
	struct isakmp_cert c = { .encoding = ISAKMP_CERT_X509_SIGNATURE };
	uint32_t n;
	size_t mark;

	if (cred && sa->peer->conf.auth_local[0] == CONF_AUTH_CERT)
		v1_look_at_requests(x->sa, cred);
	while (sa->peer->conf.auth_local[0] == CONF_AUTH_CERT && rd_left(&r) && !rd_u32(&r, &n) && !rd_view(&r, n, &c.data)) {
		mark = wire_payload_begin(out, ISAKMP_PL_CERT);
		isakmp_cert_put(&out->w, &c);
		wire_payload_end(out, mark);
	}
}

/* --- ours --- */

static void signed_(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	struct ike_sa *sa = x->sa;
	const struct conf_peer *conf = &sa->peer->conf;
	const struct cred *c = creds_find(&sa->e->creds, &conf->key);
	char reason[400];

	if (an->error) {
		proof_not_signed(sa, name(x), an, "our key is of another kind than the authentication method that was agreed on", reason,
				 sizeof(reason));
		v1_phase1_refuse(x, 0, reason);
		return;
	}
	if (proof_half_known(sa, conf->auth_local[0], c)) {
		v1_phase1_refuse(x, 0, "the token with our certificate was seen only just now: the IKE SA begins anew");
		return;
	}
	sa->secret_at = an->at;
	sa->proof.key = c ? c->conf.key : conf->key;
	proof_say_ours(sa, 0, conf->auth_local[0], an->scheme);
	if (secret_set(&x->proof.data, an->data, an->n)) {
		ike_sa_end(sa, "out of memory");
		return;
	}
	v1_phase1_ready(x);
}

void v1_sign(struct exchange *x, struct view hash)
{
	const struct ike_sa *sa = x->sa;
	struct auth_request rq = { .form = AUTH_IKEV1, .way = sa->peer->conf.auth_local[0], .method = v1_method_base(sa->v1->method),
				   .key = sa->peer->conf.key, .local_addr = sa->local, .remote_addr = sa->remote, .message = hash };

	ask_auth(sa->e, &x->ask, &rq, signed_);
}

/* --- the peer's --- */

static void judged(struct ask *a, const struct trust_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	char remote[CONF_ID_STRLEN], reason[480];
	struct ike_sa *sa = x->sa;

	if (!an->error) {
		proof_say_peer(sa, 0, an);
		v1_judged(x, proof_take(sa, an) ? "out of memory" : NULL);
		return;
	}
	proof_words(an, sa->peer->conf.auth_remote[0], reason, sizeof(reason));
	report_reason(sa, proof_reason(an));
	report_sides(sa, an->subject, reason);
	report_sa(sa, LOG_LEVEL_WARNING, name(x), "failed", "\"%s\": %s", conf_id_format(&sa->remote_id, remote, sizeof(remote)), reason);
	v1_judged(x, reason);
}

void v1_judge_signature(struct exchange *x, struct view hash)
{
	const struct wire_payload *p = wire_find(&x->m, ISAKMP_PL_SIG);
	struct ike_sa *sa = x->sa;
	struct trust_request rq = { .kind = TRUST_PROOF, .form = TRUST_IKEV1, .way = sa->peer->conf.auth_remote[0],
				    .rules = sa->peer->conf.trust, .remote = sa->remote_id,
				    .method = v1_method_base(sa->v1->method), .message = hash };
	struct secret certs = { 0 };

	if (!p || !p->body.n || p->body.n > TRUST_AUTH_MAX) {
		report_reason(sa, REASON_AUTH_METHOD);
		v1_judged(x, "the peer gives no signature, or one that is longer than any that is known");
		return;
	}
	if (proof_certs(&x->m, ISAKMP_PL_CERT, &certs)) {
		v1_judged(x, "out of memory");
		return;
	}
	rq.auth = p->body;
	rq.certs = secret_view(&certs);
	ask_trust(sa->e, &x->ask, &rq, judged);
	secret_clear(&certs);
}
