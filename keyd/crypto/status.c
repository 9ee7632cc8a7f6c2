// SPDX-License-Identifier: MIT
// What is known of revocation: CRLs are kept by their issuer, and each chain is asked about.
#include "keyd/crypto/status.h"

#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/status_inside.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFRESH_MIN 10		/* seconds */
#define REFRESH_MAX 86400
#define HAS_BEEN_USED INT64_MIN	/* a list waits no longer; nor one whose nextUpdate is no time */

const char *crypto_status_strerror(int error)
{
	static const char *const words[] = {
		"no error", "it is malformed", "it is too big", "there is no memory, or there are too many of them", "it is of another CA",
		"its signature is wrong", "it is older than what we have", "it has run out", "it is of the future",
		"it is of a kind that is not supported", "the responder refuses to answer", "it is an answer to another question",
	};

	return error <= 0 && (size_t)-error < sizeof(words) / sizeof(*words) ? words[-error] : "unknown error";
}

/* RFC 5280 5.3.1, where something is to be said. */
const char *status_reason(uint8_t reason)
{
	static const char *const words[] = {
		[1] = " (keyCompromise)", [2] = " (cACompromise)", [3] = " (affiliationChanged)", [4] = " (superseded)",
		[5] = " (cessationOfOperation)", [6] = " (certificateHold)", [9] = " (privilegeWithdrawn)", [10] = " (aACompromise)",
	};

	return reason < sizeof(words) / sizeof(*words) && words[reason] ? words[reason] : "";
}

struct crypto_status *crypto_status_new(void)
{
	struct crypto_status *s = calloc(1, sizeof(*s));

	if (!s || table_init(&s->ocsp)) {
		free(s);
		return NULL;
	}
	list_init(&s->ocsps);
	return s;
}

void crypto_status_free(struct crypto_status *s)
{
	if (!s)
		return;
	crypto_status_forget_waiting(s);
	for (unsigned i = 0; i < s->ncrls; i++)
		crl_free(s->crl[i]);
	for (unsigned i = 0; i < s->nissuers; i++)
		X509_free(s->issuer[i].x);
	ocsp_forget(s);
	table_free(&s->ocsp);
	free(s);
}

uint64_t crypto_status_version(const struct crypto_status *s)
{
	return s->version;
}

void crypto_status_forget_waiting(struct crypto_status *s)
{
	while (s->nwaiting)
		secret_clear(&s->waiting[--s->nwaiting].der);
}

/* Half of the time before it runs out, so that there is time to try again; daily, as a CA that revokes makes a list at once. */
int64_t status_refresh(int64_t until, int64_t now)
{
	int64_t wait = until <= now ? 0 : until - now > 2 * REFRESH_MAX ? REFRESH_MAX : (until - now) / 2;

	return now + (until > now && wait < REFRESH_MIN ? REFRESH_MIN : wait);
}

void news_times(struct crypto_news *news, int64_t until, int64_t now)
{
	news->until = until;
	news->refresh = status_refresh(until, now);
}

/* Room for another one: where none is yet, or the one that ran out longest ago. NULL: all of them count. */
static struct crl **place_for(struct crypto_status *s, int64_t now)
{
	struct crl **stalest = NULL;

	if (s->ncrls < CRYPTO_CRLS_MAX)
		return &s->crl[s->ncrls++];
	for (unsigned i = 0; i < s->ncrls; i++)
		if (s->crl[i]->until <= now && (!stalest || s->crl[i]->until < (*stalest)->until))
			stalest = &s->crl[i];
	return stalest;
}

/* Takes over c, also when it fails. */
static int keep_crl(struct crypto_status *s, struct crl *c, int64_t now, struct crypto_news *news)
{
	struct crl **place = NULL;
	int newer = 1;

	for (unsigned i = 0; !place && i < s->ncrls; i++)
		if (crl_same_kind(s->crl[i], c))
			place = &s->crl[i];
	if (place)
		newer = crl_newer(c, *place, now);
	else
		place = place_for(s, now);
	if (!place || newer <= 0) {
		news_times(news, place ? (*place)->until : now, now);
		crl_free(c);
		return !place ? CRYPTO_STATUS_FAILED : newer < 0 ? CRYPTO_STATUS_OLD : 0;
	}
	crl_free(*place);
	*place = c;
	news->changed = true;
	s->version++;
	news_times(news, c->until, now);
	return 0;
}

/* A list that some known CA has signed. CRYPTO_STATUS_ISSUER: it must wait. */
static int add_of_known(struct crypto_status *s, X509_CRL *x, int64_t now, struct crypto_news *news)
{
	int r = CRYPTO_STATUS_ISSUER;

	for (unsigned i = 0; i < s->nissuers; i++) {
		struct crl *c = NULL;

		if (X509_NAME_cmp(X509_CRL_get_issuer(x), X509_get_subject_name(s->issuer[i].x)))
			continue;
		r = crl_new(&c, x, s->issuer[i].x, now);
		if (!r)
			return keep_crl(s, c, now, news);
		if (r != CRYPTO_STATUS_ISSUER && r != CRYPTO_STATUS_SIGNATURE)
			return r;
		r = CRYPTO_STATUS_ISSUER;	/* there may be another CA of this name */
	}
	return r;
}

/* Lists that have run out by then wait no longer. Bytes that are left. */
static size_t drop_waiting(struct crypto_status *s, int64_t by)
{
	unsigned left = 0;
	size_t bytes = 0;

	for (unsigned i = 0; i < s->nwaiting; i++) {
		struct waiting *w = &s->waiting[i], *to = &s->waiting[left];

		if (w->until <= by) {
			secret_clear(&w->der);
			continue;
		}
		bytes += w->der.n;
		left++;
		if (to != w) {
			secret_move(&to->der, &w->der);
			to->until = w->until;
		}
	}
	s->nwaiting = left;
	return bytes;
}

static bool waits(const struct crypto_status *s, struct view der)
{
	for (unsigned i = 0; i < s->nwaiting; i++)
		if (s->waiting[i].der.n == der.n && !memcmp(s->waiting[i].der.p, der.p, der.n))
			return true;
	return false;
}

static int let_wait(struct crypto_status *s, X509_CRL *x, int64_t now, struct crypto_news *news)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(x);
	int64_t until = next ? crypto_asn1_seconds(next) : INT64_MAX;
	size_t bytes = drop_waiting(s, HAS_BEEN_USED);
	uint8_t *der = NULL;
	int n = i2d_X509_CRL(x, &der), r = n > 0 ? 0 : CRYPTO_STATUS_MALFORMED;

	if (!r && !waits(s, (struct view){ der, (size_t)n })) {
		/* A stale one still says who is revoked: it goes only when there is no room. */
		if (s->nwaiting == CRYPTO_CRLS_MAX || bytes + (size_t)n > CRYPTO_WAITING_MAX)
			bytes = drop_waiting(s, now);
		if (s->nwaiting == CRYPTO_CRLS_MAX || bytes + (size_t)n > CRYPTO_WAITING_MAX ||
		    secret_set(&s->waiting[s->nwaiting].der, der, (size_t)n))
			r = CRYPTO_STATUS_FAILED;
		else
			s->waiting[s->nwaiting++].until = until;
	}
	OPENSSL_free(der);
	if (r)
		return r;
	news->waits = true;
	news_times(news, until, now);
	return 0;
}

static int add_one(struct crypto_status *s, const struct crypto_cert *issuer, X509_CRL *x, int64_t now, struct crypto_news *news)
{
	struct crl *c = NULL;
	int r;

	if (issuer) {
		r = crl_new(&c, x, crypto_cert_evp(issuer), now);
		return r ? r : keep_crl(s, c, now, news);
	}
	r = add_of_known(s, x, now, news);
	return r == CRYPTO_STATUS_ISSUER ? let_wait(s, x, now, news) : r;
}

static int add_pem(struct crypto_status *s, const struct crypto_cert *issuer, struct view bytes, int64_t now,
		   struct crypto_news *news)
{
	BIO *bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	struct crypto_news one;
	X509_CRL *x;
	bool any = false;
	int r = bio ? 0 : CRYPTO_STATUS_FAILED;

	ERR_clear_error();
	while (!r && (x = PEM_read_bio_X509_CRL(bio, NULL, crypto_no_passphrase, NULL))) {
		one = (struct crypto_news){ 0 };
		r = add_one(s, issuer, x, now, &one);
		X509_CRL_free(x);
		news->changed = news->changed || one.changed;
		news->waits = news->waits || one.waits;
		if (!any || one.until < news->until)
			news_times(news, one.until, now);
		any = true;
	}
	if (!r && (!any || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
		r = CRYPTO_STATUS_MALFORMED;
	BIO_free(bio);
	return r;
}

int crypto_status_add_crl(struct crypto_status *s, const struct crypto_cert *issuer, struct view bytes, int64_t now,
			  struct crypto_news *news)
{
	const uint8_t *p = bytes.p;
	X509_CRL *x;
	int r = CRYPTO_STATUS_MALFORMED;

	*news = (struct crypto_news){ 0 };
	if (bytes.n > CRYPTO_CRL_MAX)
		return CRYPTO_STATUS_TOO_BIG;
	if (bytes.n && !crypto_is_der(bytes)) {
		r = add_pem(s, issuer, bytes, now, news);
	} else if (bytes.n) {
		x = d2i_X509_CRL(NULL, &p, (long)bytes.n);
		if (x && p == bytes.p + bytes.n)
			r = add_one(s, issuer, x, now, news);
		X509_CRL_free(x);
	}
	ERR_clear_error();
	return r;
}

/* Lists that were waiting for x. What it has not signed goes on waiting; what is refused for another reason does not. */
static void wake(struct crypto_status *s, X509 *x, int64_t now)
{
	for (unsigned i = 0; i < s->nwaiting; i++) {
		const uint8_t *p = s->waiting[i].der.p;
		X509_CRL *list = d2i_X509_CRL(NULL, &p, (long)s->waiting[i].der.n);
		struct crypto_news news = { 0 };
		struct crl *c = NULL;
		int r = list ? crl_new(&c, list, x, now) : CRYPTO_STATUS_FAILED;

		X509_CRL_free(list);
		if (!r)
			r = keep_crl(s, c, now, &news);
		if (r != CRYPTO_STATUS_ISSUER && r != CRYPTO_STATUS_SIGNATURE)
			s->waiting[i].until = HAS_BEEN_USED;
	}
	drop_waiting(s, HAS_BEEN_USED);
	ERR_clear_error();
}

static int add_issuer(struct crypto_status *s, const struct crypto_cert *ca, const struct issuer_id *id, int64_t now)
{
	struct known_issuer *place;
	X509 *x = crypto_cert_evp(ca);

	for (unsigned i = 0; i < s->nissuers; i++)
		if (!memcmp(&s->issuer[i].id, id, sizeof(*id)))
			return 0;
	if (X509_up_ref(x) != 1)
		return -1;
	if (s->nissuers < CRYPTO_ISSUERS_MAX) {
		place = &s->issuer[s->nissuers++];
	} else {
		place = &s->issuer[s->oldest_issuer++ % CRYPTO_ISSUERS_MAX];
		X509_free(place->x);
	}
	*place = (struct known_issuer){ *id, x };
	wake(s, x, now);
	return 0;
}

int crypto_status_add_issuer(struct crypto_status *s, const struct crypto_cert *ca, int64_t now)
{
	struct issuer_id id;

	return issuer_id_of(crypto_cert_evp(ca), &id) ? -1 : add_issuer(s, ca, &id, now);
}

static void better(struct status_found *f, int64_t until, int64_t now)
{
	enum crypto_state state = until > now ? CRYPTO_STATE_GOOD : CRYPTO_STATE_STALE;

	if (f->state == CRYPTO_STATE_UNKNOWN || until > f->until)
		*f = (struct status_found){ .state = state, .until = until };
}

/* A complete list, and the newest delta to it. NULL: there is none. */
static const struct crl *delta_of(const struct crypto_status *s, const struct crl *c)
{
	for (unsigned i = 0; i < s->ncrls; i++)
		if (crl_fits_delta(c, s->crl[i]))
			return s->crl[i];	/* of each kind one is kept */
	return NULL;
}

/* A delta without its list still says what it says. */
static bool has_complete(const struct crypto_status *s, const struct crl *delta)
{
	for (unsigned i = 0; i < s->ncrls; i++)
		if (!s->crl[i]->base.there && !memcmp(&s->crl[i]->issuer, &delta->issuer, sizeof(delta->issuer)) &&
		    !memcmp(s->crl[i]->scope, delta->scope, sizeof(delta->scope)) && s->crl[i]->number.there &&
		    memcmp(s->crl[i]->number.b, delta->number.b, SERIAL_LEN) >= 0)
			return true;
	return false;
}

/* One list; whatever names a serial has revoked it, whether or not the list would have to. True: it is revoked. */
static bool find_in(const struct crypto_status *s, const struct crl *c, const struct serial *serial, const struct chain_link *l,
		    int64_t now, struct status_found *f)
{
	const struct crl *delta = c->base.there ? NULL : delta_of(s, c);
	const struct revoked *e = delta ? crl_find(delta, serial) : NULL;

	if (!e && (!c->base.there || !has_complete(s, c)))
		e = crl_find(c, serial);
	if (e && e->reason != REASON_REMOVED) {
		*f = (struct status_found){ .state = CRYPTO_STATE_REVOKED, .reason = e->reason };
		return true;
	}
	if (!c->base.there && l && crl_speaks_of(c, l))
		better(f, delta && delta->until > c->until ? delta->until : c->until, now);
	return false;
}

struct status_found status_find(const struct crypto_status *s, const struct issuer_id *issuer, const struct serial *serial,
				const struct chain_link *l, int64_t now)
{
	struct status_found f = { .state = CRYPTO_STATE_UNKNOWN };
	const struct ocsp_entry *o = ocsp_find(s, issuer, serial);

	if (o && o->revoked)
		return (struct status_found){ .state = CRYPTO_STATE_REVOKED, .reason = o->reason };
	if (o)
		better(&f, o->until, now);
	for (unsigned i = 0; i < s->ncrls; i++)
		if (!memcmp(&s->crl[i]->issuer, issuer, sizeof(*issuer)) && find_in(s, s->crl[i], serial, l, now, &f))
			break;
	return f;
}

static struct status_found find_link(const struct crypto_chain *c, struct crypto_status *s, unsigned depth, int64_t now)
{
	const struct chain_link *l = &c->link[depth];

	if (add_issuer(s, c->cert[depth + 1], &l->issuer, now))
		return (struct status_found){ .state = CRYPTO_STATE_UNKNOWN };
	return status_find(s, &l->issuer, &l->serial, l, now);
}

int crypto_chain_link(const struct crypto_chain *c, struct crypto_status *s, unsigned depth, int64_t now, struct crypto_link *link)
{
	const struct chain_link *l;
	struct status_found f;

	if (depth + 1 >= c->n)
		return -1;
	l = &c->link[depth];
	f = find_link(c, s, depth, now);
	*link = (struct crypto_link){ .state = f.state, .ncrls = l->ncrls, .nocsps = l->nocsps };
	link->until = f.state == CRYPTO_STATE_REVOKED ? INT64_MAX : f.state == CRYPTO_STATE_UNKNOWN ? now : f.until;
	link->refresh = status_refresh(link->until, now);
	for (unsigned i = 0; i < l->ncrls; i++)
		link->crls[i] = l->crls[i];
	for (unsigned i = 0; i < l->nocsps; i++)
		link->ocsps[i] = l->ocsps[i];
	return 0;
}

enum crypto_trust_result crypto_chain_check(const struct crypto_chain *c, struct crypto_status *s, int64_t now,
					    enum crypto_revocation revocation, struct crypto_verdict *v, bool *pending)
{
	static const char *const doubts[] = {
		[CRYPTO_STATE_UNKNOWN] = "may be revoked: there is no revocation list of its CA, and no OCSP answer",
		[CRYPTO_STATE_STALE] = "may be revoked: what says that it is not has run out",
	};
	unsigned unsure = c->n;
	char text[100];

	*pending = false;
	for (unsigned i = 0; revocation != CRYPTO_REVOCATION_OFF && i + 1 < c->n; i++) {
		struct status_found f = find_link(c, s, i, now);

		if (f.state == CRYPTO_STATE_REVOKED) {
			*pending = false;
			snprintf(text, sizeof(text), "is revoked%s", status_reason(f.reason));
			return verdict_set(v, CRYPTO_TRUST_REVOKED, i, crypto_cert_evp(c->cert[i]), text);
		}
		if (f.state == CRYPTO_STATE_GOOD || *pending)
			continue;
		*pending = true;
		unsure = i;
		snprintf(text, sizeof(text), "%s", doubts[f.state]);
	}
	if (*pending && revocation == CRYPTO_REVOCATION_STRICT)
		return verdict_set(v, CRYPTO_TRUST_NO_CRL, unsure, crypto_cert_evp(c->cert[unsure]), text);
	verdict_set(v, CRYPTO_TRUSTED, 0, crypto_cert_evp(c->cert[0]), "is trusted");
	v->ends = c->ends;
	return CRYPTO_TRUSTED;
}
