// SPDX-License-Identifier: MIT
// Encodes and decodes what the trust role is asked.
#include "keyd/trust/codec.h"

#include <string.h>

void trust_item_put(struct wr *w, struct view item)
{
	wr_u32(w, (uint32_t)item.n);
	wr_put(w, item);
}

int trust_item_get(struct rd *r, struct view *item)
{
	uint32_t n;

	return rd_u32(r, &n) || rd_view(r, n, item) ? -1 : 0;
}

static void digests_put(struct wr *w, const struct conf_digest *d, uint8_t n)
{
	wr_u8(w, n);
	for (uint8_t i = 0; i < n; i++)
		wr_mem(w, d[i].b, sizeof(d[i].b));
}

RD_MUST_CHECK static int digests_get(struct rd *r, struct conf_digest *d, uint8_t *n, uint8_t most)
{
	struct view v;

	if (rd_u8(r, n) || *n > most)
		return -1;
	for (uint8_t i = 0; i < *n; i++) {
		if (rd_view(r, sizeof(d[i].b), &v))
			return -1;
		memcpy(d[i].b, v.p, v.n);
	}
	return 0;
}

static void rules_put(struct wr *w, const struct conf_trust *t)
{
	digests_put(w, t->ca, t->ncas);
	digests_put(w, t->pin, t->npins);
	wr_u32(w, t->schemes);
	wr_u16(w, t->rsa_bits);
	wr_u16(w, t->ec_bits);
	wr_u8(w, t->revocation);
	wr_u8(w, t->expired);
	wr_u8(w, t->revoked);
}

RD_MUST_CHECK static int rules_get(struct rd *r, struct conf_trust *t)
{
	if (digests_get(r, t->ca, &t->ncas, CONF_CAS_MAX) || digests_get(r, t->pin, &t->npins, CONF_PINS_MAX) ||
	    rd_u32(r, &t->schemes) || rd_u16(r, &t->rsa_bits) || rd_u16(r, &t->ec_bits) || rd_u8(r, &t->revocation) ||
	    rd_u8(r, &t->expired) || rd_u8(r, &t->revoked))
		return -1;
	return t->revocation > CONF_REVOCATION_STRICT ? -1 : 0;
}

RD_MUST_CHECK static int id_get(struct rd *r, struct conf_id *id)
{
	struct view data;

	if (rd_u8(r, &id->type) || trust_item_get(r, &data) || data.n > sizeof(id->data))
		return -1;
	id->len = (uint16_t)data.n;
	if (data.n)
		memcpy(id->data, data.p, data.n);
	return 0;
}

/* Peers, too, decide on these: what is longer must not leave, as who reads it would take us for broken. */
static bool too_long(const struct trust_request *rq)
{
	return rq->auth.n > TRUST_AUTH_MAX || rq->ticket.n > TRUST_TICKET_MAX;
}

void trust_request_put(struct wr *w, const struct trust_request *rq)
{
	w->overflow = w->overflow || too_long(rq);
	wr_u8(w, rq->kind);
	wr_u8(w, rq->way);
	rules_put(w, &rq->rules);
	wr_u8(w, rq->remote.type);
	trust_item_put(w, (struct view){ rq->remote.data, rq->remote.len });
	wr_u8(w, rq->form);
	wr_u8(w, rq->method);
	trust_item_put(w, rq->auth);
	trust_item_put(w, rq->message);
	trust_item_put(w, rq->nonce);
	trust_item_put(w, rq->macid);
	trust_item_put(w, rq->certs);
	trust_item_put(w, rq->ticket);
}

int trust_request_get(struct rd *r, struct trust_request *rq)
{
	*rq = (struct trust_request){ 0 };
	if (rd_u8(r, &rq->kind) || rd_u8(r, &rq->way) || rules_get(r, &rq->rules) || id_get(r, &rq->remote) ||
	    rd_u8(r, &rq->form) || rd_u8(r, &rq->method) || trust_item_get(r, &rq->auth) || trust_item_get(r, &rq->message) ||
	    trust_item_get(r, &rq->nonce) || trust_item_get(r, &rq->macid) || trust_item_get(r, &rq->certs) ||
	    trust_item_get(r, &rq->ticket) || rd_left(r))
		return -1;
	if ((rq->kind != TRUST_PROOF && rq->kind != TRUST_STILL) || rq->form > TRUST_IKEV1)
		return -1;
	return too_long(rq) ? -1 : 0;
}
