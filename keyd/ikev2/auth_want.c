// SPDX-License-Identifier: MIT
// What we ask peers to show, and what they ask us: CERTREQ, SIGNATURE_HASH_ALGORITHMS.
#include "keyd/crypto/sig.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/section.h"
#include "keyd/ikev2/auth_id.h"
#include "keyd/ikev2/auth_proof.h"
#include "keyd/ikev2/message.h"
#include "keyd/wire/cert.h"
#include "keyd/wire/ikev2.h"

#include <string.h>

#define INIT_HASHES_MAX 20	/* CAs that are named in IKE_SA_INIT, which cannot be fragmented; with more, none is */

/* What all sections that could be meant want together. */
struct wants {
	bool certs, keys, ocsp;
	bool repeats;			/* somebody proves himself twice */
	bool any;			/* CAs without number: none is named */
	uint32_t schemes;		/* of signatures; 0: nobody signs */
	struct wr hashes;		/* of CAs */
	uint8_t buf[CONF_CAS_MAX * CONF_CA_HASHES_MAX * WIRE_CERTREQ_HASH_LEN];
};

static bool uses(const uint8_t ways[CONF_ROUNDS_MAX], uint8_t way)
{
	for (unsigned i = 0; i < CONF_ROUNDS_MAX; i++)
		if (ways[i] == way)
			return true;
	return false;
}

static void add_hash(struct wants *w, const uint8_t hash[WIRE_CERTREQ_HASH_LEN])
{
	struct view all = wr_view(&w->hashes);

	for (size_t i = 0; i < all.n; i += WIRE_CERTREQ_HASH_LEN)
		if (!memcmp(all.p + i, hash, WIRE_CERTREQ_HASH_LEN))
			return;
	wr_mem(&w->hashes, hash, WIRE_CERTREQ_HASH_LEN);
}

static void add_section(struct wants *w, const struct engine *e, const struct conf_peer *conf)
{
	const uint8_t *remote = conf->auth_remote, *local = conf->auth_local;

	if (uses(remote, CONF_AUTH_CERT) || uses(remote, CONF_AUTH_KEY) || uses(local, CONF_AUTH_CERT) || uses(local, CONF_AUTH_KEY))
		w->schemes |= conf->trust.schemes;
	w->repeats = w->repeats || remote[1] || local[1];
	w->keys = w->keys || uses(remote, CONF_AUTH_KEY);
	if (!uses(remote, CONF_AUTH_CERT))
		return;
	w->certs = true;
	w->ocsp = w->ocsp || conf->trust.revocation != CONF_REVOCATION_OFF;
	for (unsigned i = 0; i < conf->trust.ncas; i++) {
		const struct conf_ca *ca = creds_ca(&e->creds, &conf->trust.ca[i]);

		w->any = w->any || !ca || !ca->n;
		for (unsigned j = 0; ca && j < ca->n; j++)
			add_hash(w, ca->hash[j]);
	}
}

/* Of the section that serves; and, as long as nobody has said who he is, of those that may yet do. */
static void wants_of(const struct ike_sa *sa, struct wants *w)
{
	unsigned at = 0;

	memset(w, 0, offsetof(struct wants, buf));
	w->hashes = wr_of(w->buf, sa->initiator ? sizeof(w->buf) : INIT_HASHES_MAX * WIRE_CERTREQ_HASH_LEN);
	add_section(w, sa->e, &sa->peer->conf);
	for (struct peer *p; !sa->initiator && (p = section_rival(sa->e, &sa->peer->conf, &at));)
		add_section(w, sa->e, &p->conf);
}

static void put_request(struct wire_out *out, uint8_t encoding, struct view data)
{
	struct wire_cert c = { .encoding = encoding, .data = data };
	size_t mark = wire_payload_begin(out, IKEV2_PL_CERTREQ);

	wire_certreq_put(&out->w, &c);
	wire_payload_end(out, mark);
}

void auth_put_requests(const struct ike_sa *sa, struct wire_out *out)
{
	const struct view nothing = { 0 };
	struct wants w;

	wants_of(sa, &w);
	if (w.certs)
		put_request(out, IKEV2_CERT_X509_SIGNATURE, w.any || !wr_ok(&w.hashes) ? nothing : wr_view(&w.hashes));
	if (w.keys)
		put_request(out, IKEV2_CERT_RAW_PUBLIC_KEY, nothing);
	if (w.ocsp)
		put_request(out, IKEV2_CERT_OCSP, nothing);
}

void auth_take_requests(struct ike_sa *sa, const struct wire_message *m)
{
	struct wire_cert c;

	for (const struct wire_payload *p = NULL; (p = wire_next(m, IKEV2_PL_CERTREQ, p));) {
		if (wire_certreq_get(&c, p->body))
			continue;
		sa->auth.wants_key = sa->auth.wants_key || c.encoding == IKEV2_CERT_RAW_PUBLIC_KEY;
		sa->auth.wants_ocsp = sa->auth.wants_ocsp || c.encoding == IKEV2_CERT_OCSP;
	}
}

void auth_put_hashes(const struct ike_sa *sa, struct wire_out *out)
{
	const struct crypto_sig *s = NULL;
	uint8_t buf[16], hashes = 0;
	struct wr list = wr_of(buf, sizeof(buf));
	struct wants w;

	wants_of(sa, &w);
	for (unsigned i = 0; (s = crypto_sig_next(s)); i++)
		if (w.schemes >> i & 1 && s->algid.n)
			hashes |= (uint8_t)(1U << s->hash);
	for (uint16_t i = 0; i < 8; i++)
		if (hashes >> i & 1)
			wr_u16(&list, i);
	if (hashes)
		message_put_notify(out, IKEV2_N_SIGNATURE_HASH_ALGORITHMS, wr_view(&list));
}

void auth_take_hashes(struct ike_sa *sa, const struct wire_message *m)
{
	struct wire_notify n;
	struct rd r;
	uint16_t hash;

	if (!message_has_notify(m, IKEV2_N_SIGNATURE_HASH_ALGORITHMS, &n))
		return;
	r = rd_of_view(n.data);
	while (rd_left(&r) && !rd_u16(&r, &hash))
		if (hash < 8)
			sa->auth.hashes |= (uint8_t)(1U << hash);
}

bool auth_may_repeat(const struct ike_sa *sa)
{
	struct wants w;

	wants_of(sa, &w);
	return w.repeats;
}
