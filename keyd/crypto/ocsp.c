// SPDX-License-Identifier: MIT
// OCSP (RFC 6960): questions, and answers that are looked at before they are kept.
#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/status_inside.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>

#define SINGLES_MAX 64		/* certificates that one answer speaks of */
#define AGE_MAX 3600		/* seconds that an answer counts which does not say how long (RFC 6960 4.2.2.1) */

/* One certificate of an answer. */
struct single {
	struct serial serial;
	int status, reason;	/* V_OCSP_CERTSTATUS_… */
	int64_t since, until;
};

static uint64_t key_of(const struct issuer_id *issuer, const struct serial *serial)
{
	return table_hash(table_hash(0, issuer, sizeof(*issuer)), serial, sizeof(*serial));
}

static struct ocsp_entry *find(const struct crypto_status *s, const struct issuer_id *issuer, const struct serial *serial)
{
	struct table_node *n = table_find(&s->ocsp, key_of(issuer, serial));

	for (; n; n = table_next(n)) {
		struct ocsp_entry *e = container_of(n, struct ocsp_entry, node);

		if (!memcmp(&e->issuer, issuer, sizeof(*issuer)) && !serial_cmp(&e->serial, serial))
			return e;
	}
	return NULL;
}

const struct ocsp_entry *ocsp_find(const struct crypto_status *s, const struct issuer_id *issuer, const struct serial *serial)
{
	return find(s, issuer, serial);
}

static void entry_free(struct crypto_status *s, struct ocsp_entry *e)
{
	table_del(&s->ocsp, &e->node);
	list_del(&e->all);
	free(e);
}

void ocsp_forget(struct crypto_status *s)
{
	list_each(e, &s->ocsps, struct ocsp_entry, all)
		entry_free(s, e);
}

/* What has run out makes room; what is revoked stays. */
static int make_room(struct crypto_status *s, int64_t now)
{
	if (s->ocsp.n < CRYPTO_OCSP_KEPT_MAX)
		return 0;
	list_each(e, &s->ocsps, struct ocsp_entry, all)
		if (!e->revoked && e->until <= now)
			entry_free(s, e);
	return s->ocsp.n < CRYPTO_OCSP_KEPT_MAX ? 0 : -1;
}

/* 0, or CRYPTO_STATUS_OLD, or CRYPTO_STATUS_FAILED. Of two answers of one second the worse one counts. */
static int keep(struct crypto_status *s, const struct issuer_id *issuer, const struct single *one, int64_t now,
		struct crypto_news *news)
{
	struct ocsp_entry *e = find(s, issuer, &one->serial);
	bool revoked = one->status == V_OCSP_CERTSTATUS_REVOKED;

	if (e && (one->since < e->since || (one->since == e->since && e->revoked && !revoked)))
		return CRYPTO_STATUS_OLD;
	if (!e) {
		e = make_room(s, now) ? NULL : calloc(1, sizeof(*e));
		if (!e)
			return CRYPTO_STATUS_FAILED;
		e->issuer = *issuer;
		e->serial = one->serial;
		e->since = INT64_MIN;
		table_add(&s->ocsp, &e->node, key_of(issuer, &one->serial));
		list_add_tail(&s->ocsps, &e->all);
	}
	if (e->since < one->since || e->revoked != revoked) {
		news->changed = true;
		s->version++;
	}
	e->revoked = revoked;
	e->reason = one->reason > 0 && one->reason <= UINT8_MAX ? (uint8_t)one->reason : 0;
	e->since = one->since;
	e->until = one->until;
	return 0;
}

/* Whether id is of a certificate of issuer: both hashes are made anew with the algorithm of id. */
static bool of_issuer(OCSP_CERTID *id, const X509 *issuer, ASN1_INTEGER **serial)
{
	ASN1_OBJECT *algorithm;
	const EVP_MD *md;
	OCSP_CERTID *ours;
	bool same;

	if (OCSP_id_get0_info(NULL, &algorithm, NULL, serial, id) != 1)
		return false;
	md = EVP_get_digestbyobj(algorithm);
	ours = md ? OCSP_cert_id_new(md, X509_get_subject_name(issuer), X509_get0_pubkey_bitstr(issuer), *serial) : NULL;
	same = ours && !OCSP_id_issuer_cmp(ours, id);
	OCSP_CERTID_free(ours);
	return same;
}

/* 0, or an enum crypto_status_error: RFC 6960 3.2 (5), (6). What says "revoked" says it for good. */
static int get_times(struct single *one, const ASN1_GENERALIZEDTIME *since, const ASN1_GENERALIZEDTIME *until, int64_t now)
{
	one->since = crypto_asn1_seconds(since);
	one->until = until ? crypto_asn1_seconds(until) : one->since + AGE_MAX;
	if (one->since == INT64_MIN || one->until == INT64_MIN)
		return CRYPTO_STATUS_MALFORMED;
	if (one->since > now + STATUS_SKEW)
		return CRYPTO_STATUS_NOT_YET;
	return one->until <= now && one->status != V_OCSP_CERTSTATUS_REVOKED ? CRYPTO_STATUS_STALE : 0;
}

/* Number i of the answer. 0, or an enum crypto_status_error. */
static int get_single(struct single *one, OCSP_BASICRESP *basic, int i, const X509 *issuer, int64_t now)
{
	OCSP_SINGLERESP *r = OCSP_resp_get0(basic, i);
	ASN1_GENERALIZEDTIME *revoked_at, *since, *until;
	ASN1_INTEGER *serial;

	if (!of_issuer((OCSP_CERTID *)OCSP_SINGLERESP_get0_id(r), issuer, &serial))
		return CRYPTO_STATUS_ISSUER;
	*one = (struct single){ .reason = -1 };
	one->status = OCSP_single_get0_status(r, &one->reason, &revoked_at, &since, &until);
	if (one->status < 0 || serial_of(serial, &one->serial))
		return CRYPTO_STATUS_MALFORMED;
	return get_times(one, since, until, now);
}

/* RFC 6960 4.2.2.2: the CA has given this responder, by a certificate of its own, the right to answer for it. */
static bool is_delegated(const struct crypto_status *s, const struct issuer_id *id, X509 *signer, X509 *issuer, int64_t now)
{
	struct serial serial;

	if (X509_check_purpose(signer, -1, 0) != 1 || !(X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) ||
	    !(X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) || !(X509_get_key_usage(signer) & X509v3_KU_DIGITAL_SIGNATURE))
		return false;
	if (X509_check_issued(issuer, signer) != X509_V_OK || crypto_hash_is_broken(X509_get_signature_nid(signer)) ||
	    X509_verify(signer, X509_get0_pubkey(issuer)) != 1)
		return false;
	if (crypto_asn1_seconds(X509_get0_notBefore(signer)) > now + STATUS_SKEW ||
	    crypto_asn1_seconds(X509_get0_notAfter(signer)) < now || serial_of(X509_get0_serialNumber(signer), &serial))
		return false;
	return status_find(s, id, &serial, NULL, now).state != CRYPTO_STATE_REVOKED;
}

/* Who has signed, and whether it has. 0 or an enum crypto_status_error. */
static int check_signer(const struct crypto_status *s, const struct issuer_id *id, OCSP_BASICRESP *basic, X509 *issuer,
			int64_t now)
{
	STACK_OF(X509) *ours = sk_X509_new_null();
	X509 *signer = NULL;
	int r = CRYPTO_STATUS_FAILED;

	if (ours && sk_X509_push(ours, issuer) > 0) {
		if (OCSP_resp_get0_signer(basic, &signer, ours) != 1 ||
		    (X509_cmp(signer, issuer) && !is_delegated(s, id, signer, issuer, now)))
			r = CRYPTO_STATUS_ISSUER;
		else if (crypto_hash_is_broken(OBJ_obj2nid(OCSP_resp_get0_tbs_sigalg(basic)->algorithm)) ||
			 OCSP_basic_verify(basic, ours, NULL, OCSP_NOVERIFY) != 1)
			r = CRYPTO_STATUS_SIGNATURE;
		else
			r = 0;
	}
	sk_X509_free(ours);
	return r;
}

/* A responder may leave the nonce away (RFC 8954 2.1), but not send another one. */
static int check_nonce(OCSP_BASICRESP *basic, struct view request)
{
	const uint8_t *p = request.p;
	OCSP_REQUEST *q = request.n ? d2i_OCSP_REQUEST(NULL, &p, (long)request.n) : NULL;
	int r = q && !OCSP_check_nonce(q, basic) ? CRYPTO_STATUS_NONCE : 0;

	OCSP_REQUEST_free(q);
	return r;
}

/* The first error that something about this issuer has; of nothing about it, CRYPTO_STATUS_ISSUER. */
static int keep_all(struct crypto_status *s, const struct issuer_id *id, OCSP_BASICRESP *basic, const X509 *issuer, int64_t now,
		    struct crypto_news *news)
{
	struct single one;
	bool any = false;
	int r, first = 0;

	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		r = get_single(&one, basic, i, issuer, now);
		if (r == CRYPTO_STATUS_ISSUER)
			continue;
		if (!r && one.status != V_OCSP_CERTSTATUS_UNKNOWN)
			r = keep(s, id, &one, now, news);
		if (!r && (!any || one.until < news->until))
			news_times(news, one.until, now);
		any = true;
		first = first ? first : r;
	}
	return any ? first : CRYPTO_STATUS_ISSUER;
}

static bool speaks_of(OCSP_BASICRESP *basic, const X509 *issuer)
{
	ASN1_INTEGER *serial;

	for (int i = 0; i < OCSP_resp_count(basic); i++)
		if (of_issuer((OCSP_CERTID *)OCSP_SINGLERESP_get0_id(OCSP_resp_get0(basic, i)), issuer, &serial))
			return true;
	return false;
}

static int add_basic(struct crypto_status *s, OCSP_BASICRESP *basic, X509 *issuer, struct view request, int64_t now,
		     struct crypto_news *news)
{
	struct issuer_id id;
	int r;

	if (OCSP_resp_count(basic) > SINGLES_MAX)
		return CRYPTO_STATUS_TOO_BIG;
	if (!speaks_of(basic, issuer))
		return CRYPTO_STATUS_ISSUER;
	r = issuer_id_of(issuer, &id) ? CRYPTO_STATUS_FAILED : check_signer(s, &id, basic, issuer, now);
	if (!r)
		r = check_nonce(basic, request);
	return r ? r : keep_all(s, &id, basic, issuer, now, news);
}

int crypto_status_add_ocsp(struct crypto_status *s, const struct crypto_cert *issuer, struct view response, struct view request,
			   int64_t now, struct crypto_news *news)
{
	const uint8_t *p = response.p;
	OCSP_BASICRESP *basic = NULL;
	OCSP_RESPONSE *r;
	int error = CRYPTO_STATUS_MALFORMED;

	*news = (struct crypto_news){ 0 };
	if (response.n > CRYPTO_OCSP_MAX)
		return CRYPTO_STATUS_TOO_BIG;
	r = response.n ? d2i_OCSP_RESPONSE(NULL, &p, (long)response.n) : NULL;
	if (r && p == response.p + response.n) {
		if (OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
			error = CRYPTO_STATUS_REFUSED;
		else if ((basic = OCSP_response_get1_basic(r)))
			error = add_basic(s, basic, crypto_cert_evp(issuer), request, now, news);
	}
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
	ERR_clear_error();
	return error;
}

int crypto_chain_add_ocsp(const struct crypto_chain *c, struct crypto_status *s, struct view response, struct view request,
			  int64_t now, struct crypto_news *news)
{
	int r = CRYPTO_STATUS_ISSUER;

	*news = (struct crypto_news){ 0 };
	for (unsigned i = 1; i < c->n && r == CRYPTO_STATUS_ISSUER; i++)
		r = crypto_status_add_ocsp(s, c->cert[i], response, request, now, news);
	return r;
}

int crypto_ocsp_request(const struct crypto_cert *cert, const struct crypto_cert *issuer, bool nonce, uint8_t *out, size_t *n)
{
	OCSP_REQUEST *q = OCSP_REQUEST_new();
	/* SHA-1: a name for a key, which all responders know (RFC 5019 2.1.1) */
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), crypto_cert_evp(cert), crypto_cert_evp(issuer));
	uint8_t *der = NULL;
	int len = -1, r = -1;

	if (q && id && OCSP_request_add0_id(q, id)) {
		id = NULL;
		if (!nonce || OCSP_request_add1_nonce(q, NULL, -1) == 1)
			len = i2d_OCSP_REQUEST(q, &der);
	}
	if (len > 0 && (size_t)len <= *n) {
		memcpy(out, der, (size_t)len);
		*n = (size_t)len;
		r = 0;
	}
	OPENSSL_free(der);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(q);
	ERR_clear_error();
	return r;
}

int crypto_chain_ocsp_request(const struct crypto_chain *c, unsigned depth, bool nonce, uint8_t *out, size_t *n)
{
	return depth + 1 < c->n ? crypto_ocsp_request(c->cert[depth], c->cert[depth + 1], nonce, out, n) : -1;
}
