// SPDX-License-Identifier: MIT
// Tickets: of a chain what is needed to ask later whether something of it is revoked.
#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/hash.h"
#include "keyd/crypto/status_inside.h"
#include "keyd/util/wr.h"

#include <stdio.h>
#include <string.h>

#define TICKET_VERSION 1
#define SUM_LEN 8		/* bytes of SHA-256 at its end: of what is damaged nothing is believed */

/* A ticket in its parts. */
struct ticket {
	int64_t ends;
	struct issuer_id top;
	unsigned n;			/* links */
	struct issuer_id issuer[CRYPTO_CHAIN_MAX + 1];
	struct serial serial[CRYPTO_CHAIN_MAX + 1];
	char subject[160];		/* of the peer's certificate, cut where there was no room */
};

static int sum(struct view body, uint8_t out[SUM_LEN])
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	int r = crypto_sha256(&body, 1, hash);

	memcpy(out, hash, SUM_LEN);
	return r;
}

int crypto_chain_ticket(const struct crypto_chain *c, uint8_t *out, size_t *n)
{
	struct wr w = wr_of(out, CRYPTO_TICKET_MAX);
	char subject[160];
	uint8_t check[SUM_LEN];
	size_t room, len;

	if (*n < CRYPTO_TICKET_MAX)
		return -1;
	wr_u8(&w, TICKET_VERSION);
	wr_u8(&w, (uint8_t)(c->n - 1));
	wr_u64(&w, (uint64_t)c->ends);
	wr_mem(&w, &c->top, sizeof(c->top));
	for (unsigned i = 0; i + 1 < c->n; i++) {
		wr_mem(&w, &c->link[i].issuer, sizeof(c->link[i].issuer));
		wr_mem(&w, &c->link[i].serial, sizeof(c->link[i].serial));
	}
	crypto_dn_format(crypto_cert_subject(c->cert[0]), subject, sizeof(subject));
	len = strlen(subject);
	room = w.cap - w.len > SUM_LEN ? w.cap - w.len - SUM_LEN : 0;
	wr_mem(&w, subject, len < room ? len : room);
	if (sum(wr_view(&w), check))
		return -1;
	wr_mem(&w, check, sizeof(check));
	*n = w.len;
	return wr_ok(&w) ? 0 : -1;
}

static int get(struct rd *r, void *out, size_t n)
{
	struct view v;

	if (rd_view(r, n, &v))
		return -1;
	memcpy(out, v.p, n);
	return 0;
}

/* 0, or -1: it is damaged, or of another version. */
static int parse(struct ticket *t, struct view bytes)
{
	struct rd r = rd_of_view(bytes), body;
	struct view subject;
	uint8_t version, n, check[SUM_LEN];
	uint64_t ends;

	*t = (struct ticket){ 0 };
	if (bytes.n < SUM_LEN || bytes.n > CRYPTO_TICKET_MAX || rd_sub(&r, bytes.n - SUM_LEN, &body) ||
	    sum((struct view){ bytes.p, bytes.n - SUM_LEN }, check) || memcmp(check, r.p, SUM_LEN))
		return -1;
	if (rd_u8(&body, &version) || version != TICKET_VERSION || rd_u8(&body, &n) || n > CRYPTO_CHAIN_MAX + 1 ||
	    rd_u64(&body, &ends) || get(&body, &t->top, sizeof(t->top)))
		return -1;
	t->ends = (int64_t)ends;
	t->n = n;
	for (unsigned i = 0; i < n; i++)
		if (get(&body, &t->issuer[i], sizeof(t->issuer[i])) || get(&body, &t->serial[i], sizeof(t->serial[i])))
			return -1;
	subject = rd_rest(&body);
	if (subject.n >= sizeof(t->subject))
		return -1;
	memcpy(t->subject, subject.p, subject.n);
	return 0;
}

/* Which of them is revoked; n: none. */
static unsigned find_revoked(const struct ticket *t, const struct crypto_status *s, int64_t now, uint8_t *reason)
{
	unsigned i = 0;

	for (; i < t->n; i++) {
		struct status_found f = status_find(s, &t->issuer[i], &t->serial[i], NULL, now);

		*reason = f.reason;
		if (f.state == CRYPTO_STATE_REVOKED)
			break;
	}
	return i;
}

static enum crypto_trust_result tell(struct crypto_verdict *v, enum crypto_trust_result result, const struct ticket *t,
				     const char *text)
{
	*v = (struct crypto_verdict){ .result = result, .ends = result == CRYPTO_TRUSTED ? t->ends : 0 };
	snprintf(v->subject, sizeof(v->subject), "%s", t->subject);
	snprintf(v->text, sizeof(v->text), "%s", text);
	return result;
}

enum crypto_trust_result crypto_ticket_check(struct view ticket, const struct crypto_trust *t, const struct crypto_status *s,
					     const uint8_t (*sets)[CRYPTO_DIGEST_LEN], unsigned nsets, int64_t now,
					     enum crypto_revocation revocation, struct crypto_verdict *v)
{
	struct ticket parts;
	uint8_t reason;
	unsigned depth;
	char text[100], day[CRYPTO_DAY_LEN];

	if (parse(&parts, ticket))
		return tell(v, CRYPTO_TRUST_REFUSED, &parts, "cannot be asked about: what was kept of it is damaged");
	if (!trust_has_issuer(t, sets, nsets, &parts.top))
		return tell(v, CRYPTO_TRUST_NO_CA, &parts, "was signed by a CA that is none of ours any more");
	depth = revocation == CRYPTO_REVOCATION_OFF ? parts.n : find_revoked(&parts, s, now, &reason);
	if (depth < parts.n) {
		snprintf(text, sizeof(text), "%s%s", depth ? "was signed by a CA that is revoked" : "is revoked", status_reason(reason));
		tell(v, CRYPTO_TRUST_REVOKED, &parts, text);
		v->depth = depth;
		return CRYPTO_TRUST_REVOKED;
	}
	if (parts.ends > now)
		return tell(v, CRYPTO_TRUSTED, &parts, "is trusted");
	snprintf(text, sizeof(text), "has expired, or a CA above it has, on %s", crypto_day(parts.ends, day));
	return tell(v, CRYPTO_TRUST_EXPIRED, &parts, text);
}
