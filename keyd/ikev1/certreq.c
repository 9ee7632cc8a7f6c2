// SPDX-License-Identifier: MIT
// CERTREQ: which CAs we name to the peer, one in each payload, and which it names to us (RFC 2408 3.10).
#include "keyd/ikev1/cert.h"

#include "keyd/crypto/cert.h"
#include "keyd/crypto/dn.h"
#include "keyd/ike/creds.h"
#include "keyd/ike/report.h"
#include "keyd/ike/section.h"
#include "keyd/ikev1/method.h"
#include "keyd/wire/isakmp_cert.h"

#include <stdio.h>
#include <string.h>

/* CAs that are named, and bytes of names in all; with more, none is, which means any. */
#define NAMED_MAX 16
#define NAMES_ROOM 1024

/* Of all sections that could be meant. */
struct wanted {
	bool any;
	unsigned n;
	struct view name[NAMED_MAX];
	size_t bytes;
};

static void add(struct wanted *w, struct view name)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->name[i].n == name.n && !memcmp(w->name[i].p, name.p, name.n))
			return;
	w->bytes += name.n;
	if (w->n == NAMED_MAX || w->bytes > NAMES_ROOM)
		w->any = true;
	else
		w->name[w->n++] = name;
}

static void add_section(struct wanted *w, const struct engine *e, const struct conf_peer *conf)
{
	for (unsigned i = 0; conf->auth_remote[0] == CONF_AUTH_CERT && i < conf->trust.ncas; i++) {
		const struct conf_ca *ca = creds_ca(&e->creds, &conf->trust.ca[i]);
		struct rd r = rd_of(ca ? ca->names : NULL, ca ? ca->nnames : 0);
		struct view name;
		uint16_t n;

		w->any = w->any || !ca || !ca->nnames;
		while (rd_left(&r) && !rd_u16(&r, &n) && !rd_view(&r, n, &name))
			add(w, name);
	}
}

static void put(struct wire_out *out, struct view name)
{
	const struct isakmp_cert c = { .encoding = ISAKMP_CERT_X509_SIGNATURE, .data = name };
	size_t mark = wire_payload_begin(out, ISAKMP_PL_CERTREQ);

	isakmp_certreq_put(&out->w, &c);
	wire_payload_end(out, mark);
}

/* As responder of main mode before the peer has said who it is: it may be whom another section is for. */
void v1_put_requests(struct exchange *x, struct wire_out *out)
{
	const struct ike_sa *sa = x->sa;
	struct wanted w = { 0 };
	unsigned at = 0;

	if (!v1_signs(sa, !sa->initiator) || sa->peer->conf.auth_remote[0] != CONF_AUTH_CERT)
		return;
	add_section(&w, sa->e, &sa->peer->conf);
	for (struct peer *p; !sa->initiator && !sa->remote_id.type && (p = section_rival(sa->e, &sa->peer->conf, &at));)
		if (ike_version_of(&p->conf) == sa->version)
			add_section(&w, sa->e, &p->conf);
	if (w.any || !w.n)
		put(out, (struct view){ 0 });
	for (unsigned i = 0; !w.any && i < w.n; i++)
		put(out, w.name[i]);
}

/* --- the peer's --- */

void v1_take_requests(struct exchange *x)
{
	struct ikev1_state *s = x->sa->v1;
	uint8_t buf[NAMES_ROOM + 2 * NAMED_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	const struct wire_payload *p = NULL;
	struct isakmp_cert c;

	for (unsigned i = 0; i < NAMED_MAX && (p = wire_next(&x->m, ISAKMP_PL_CERTREQ, p)); i++) {
		if (isakmp_certreq_get(&c, p->body) || c.encoding != ISAKMP_CERT_X509_SIGNATURE)
			continue;
		if (!c.data.n || c.data.n > CRYPTO_DN_MAX)	/* any, or one that nobody can compare */
			return;
		wr_u16(&w, (uint16_t)c.data.n);
		wr_put(&w, c.data);
	}
	if (wr_ok(&w) && w.len && secret_set(&s->requested, buf, w.len))
		secret_clear(&s->requested);
}

/* Is one of our certificates by that CA? */
static bool is_by(const struct cred *cred, struct view ca)
{
	struct rd r = rd_of(cred->conf.chain, cred->conf.nchain);
	struct crypto_cert *c;
	struct view der;
	bool found = false;
	uint32_t n;

	while (!found && rd_left(&r) && !rd_u32(&r, &n) && !rd_view(&r, n, &der)) {
		if (crypto_cert_from_der(&c, der))
			return true;		/* nothing can be said of it */
		found = crypto_dn_match(ca, crypto_cert_issuer(c)) || crypto_dn_match(ca, crypto_cert_subject(c));
		crypto_cert_free(c);
	}
	return found;
}

void v1_look_at_requests(struct ike_sa *sa, const struct cred *cred)
{
	struct rd r = rd_of_view(secret_view(&sa->v1->requested));
	char names[300] = "", one[200];
	struct view ca;
	uint16_t n;

	while (rd_left(&r) && !rd_u16(&r, &n) && !rd_view(&r, n, &ca)) {
		size_t at = strlen(names);

		if (is_by(cred, ca))
			return;
		snprintf(names + at, sizeof(names) - at, "%s\"%s\"", at ? ", " : "",
			 crypto_dn_format(ca, one, sizeof(one)));
	}
	if (*names)
		report_sa(sa, LOG_LEVEL_NOTICE, "CERTREQ", "unmet",
			  "the peer asks for a certificate by %s; ours is by another CA, and is shown all the same", names);
}
