// SPDX-License-Identifier: MIT
// Messages made by hand.
#include "tests/unit/rogue.h"

#include "keyd/ikev2/message.h"
#include "keyd/wire/sk.h"

#include <stdlib.h>
#include <string.h>

struct ike_sa *rogue_sa(struct world *w, unsigned host)
{
	struct ike_sa *found = NULL;

	list_each(sa, &w->host[host].engine->sas, struct ike_sa, link)
		if (ike_sa_alive(sa))
			found = sa;
	return found;
}

struct wire_header rogue_header(const struct ike_sa *sa, uint8_t exchange, bool response, uint32_t id)
{
	struct wire_header h = { .major = IKEV2_MAJOR, .exchange = exchange, .message_id = id };

	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	h.flags = (uint8_t)((sa->initiator ? IKEV2_FLAG_INITIATOR : 0) | (response ? IKEV2_FLAG_RESPONSE : 0));
	return h;
}

static void put(struct wire_out *out, const struct rogue_payload *p)
{
	size_t mark;

	if (!p->type) {
		wr_put(&out->w, p->body);
		return;
	}
	mark = wire_payload_begin(out, p->type);
	wr_patch_u8(&out->w, mark + 1, p->flags);
	wr_put(&out->w, p->body);
	wire_payload_end(out, mark);
}

/* Pads, seals. */
static struct view end(struct ike_sa *sa, struct wire_out *out)
{
	struct wire_seal seal;

	if (wire_sk_end(out, wire_sk_pad_len(out, crypto_cipher_block(sa->seal)), crypto_cipher_icv_len(sa->seal),
			&seal) ||
	    crypto_seal(sa->seal, seal.aad, seal.iv, seal.plain, seal.plain_len, seal.icv))
		abort();
	return seal.datagram;
}

struct view rogue_message(struct ike_sa *sa, const struct wire_header *h, const struct rogue_payload *pl, unsigned n,
			  uint8_t *buf, size_t size)
{
	struct view datagram;
	struct wire_out out;
	bool inside = false;

	wire_out_begin(&out, buf, size, h);
	for (unsigned i = 0; i <= n; i++) {
		if (sa && !inside && (i == n || !pl[i].clear)) {
			inside = true;
			wire_sk_begin(&out, crypto_cipher_iv_len(sa->seal));
		}
		if (i < n)
			put(&out, &pl[i]);
	}
	if (sa)
		return end(sa, &out);
	if (wire_out_end(&out, &datagram))
		abort();
	return datagram;
}

struct view rogue_sealed(struct ike_sa *sa, const struct wire_header *h, uint8_t first, struct view text, uint8_t *buf,
			 size_t size)
{
	struct wire_out out;

	wire_out_begin(&out, buf, size, h);
	wire_sk_begin(&out, crypto_cipher_iv_len(sa->seal));
	wr_patch_u8(&out.w, out.sk_at, first);
	wr_put(&out.w, text);
	return end(sa, &out);
}

bool rogue_open(struct ike_sa *sa, bool own, uint8_t *bytes, size_t n, struct wire_message *m)
{
	const struct wire_payload *sk;
	struct view inner;

	if (wire_message_get(m, (struct view){ bytes, n }))
		return false;
	if (!(m->present_clear & WIRE_BIT(IKEV2_PL_SK)))
		return true;
	return !message_decrypt(own ? sa->seal : sa->open, bytes, n, m, &sk, &inner) &&
	       !wire_inner_get(m, m->sk_next, inner);
}

struct rogue_heard rogue_heard;

void rogue_overhear(struct world *w, unsigned from, uint8_t *bytes, size_t n)
{
	(void)w;
	if (from != 1)
		return;
	memcpy(rogue_heard.bytes, bytes, n);
	rogue_heard.n = n;
	rogue_heard.times++;
}
