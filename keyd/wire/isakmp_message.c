// SPDX-License-Identifier: MIT
// Walking and building the chain of payloads of an ISAKMP message.
#include "keyd/wire/isakmp_message.h"

#include <string.h>

#define WORD 4	/* bytes that Pluto rounds messages up to */

/* Takes the generic header and the body of one payload; *next becomes the type of the one behind it. */
static int payload_get(struct rd *r, struct wire_payload *pl, uint8_t *next)
{
	uint8_t reserved;
	uint16_t length;

	*pl = (struct wire_payload){ .type = *next };
	if (rd_u8(r, next) || rd_u8(r, &reserved) || rd_u16(r, &length))
		return WIRE_SHORT;
	if (reserved)
		return WIRE_VALUE;
	if (length < WIRE_GENERIC_LEN || rd_view(r, length - WIRE_GENERIC_LEN, &pl->body))
		return WIRE_LENGTH;
	return WIRE_OK;
}

/* The chain that starts with the header's type; r is then behind it. */
static int chain_get(struct wire_message *m, struct rd *r)
{
	uint8_t next = m->h.next_payload;
	unsigned n = 0;

	m->n = 0;
	while (next) {
		int error;

		if (n == WIRE_PAYLOADS_MAX)
			return WIRE_TOO_MANY;
		error = payload_get(r, &m->pl[n], &next);
		if (error)
			return error;
		n++;
	}
	m->n = n;
	return WIRE_OK;
}

static int clear_get(struct wire_message *m, struct rd *r)
{
	int error = chain_get(m, r);

	if (!error && rd_left(r) >= WORD)
		error = WIRE_TRAILING;
	if (error)
		m->n = 0;
	return error;
}

int isakmp_message_get(struct wire_message *m, struct view datagram, struct view *text)
{
	struct rd r = rd_of_view(datagram);
	int error;

	m->h = (struct wire_header){ 0 };
	m->n = m->n_clear = 0;
	m->sk_next = ISAKMP_PL_NONE;
	m->present_clear = m->present_sk = 0;
	*text = (struct view){ 0 };

	error = wire_header_get(&r, &m->h);
	if (error == WIRE_SHORT)
		return error;
	if (m->h.major != ISAKMP_MAJOR)
		return WIRE_VERSION;
	if (error)
		return error;
	if (!(m->h.flags & ISAKMP_FLAG_ENCRYPTED))
		return clear_get(m, &r);
	if (!rd_left(&r))
		return WIRE_SHORT;
	*text = rd_rest(&r);
	return WIRE_OK;
}

int isakmp_inner_get(struct wire_message *m, struct view plain)
{
	struct rd r = rd_of_view(plain);

	return chain_get(m, &r);
}

struct view isakmp_after(const struct wire_message *m, const struct wire_payload *pl)
{
	const struct wire_payload *last = &m->pl[m->n - 1];
	const uint8_t *from = pl->body.p + pl->body.n;

	return (struct view){ from, (size_t)(last->body.p + last->body.n - from) };
}

bool isakmp_nonce_fits(struct view body)
{
	return body.n >= ISAKMP_NONCE_MIN && body.n <= ISAKMP_NONCE_MAX;
}

size_t isakmp_hash_put(struct wire_out *out, size_t n)
{
	size_t mark = wire_payload_begin(out, ISAKMP_PL_HASH), at = out->w.len;

	wr_zero(&out->w, n);
	wire_payload_end(out, mark);
	return at;
}

struct view isakmp_hashed(const struct wire_out *out, size_t at, size_t n)
{
	if (!wr_ok(&out->w))
		return (struct view){ 0 };
	return (struct view){ out->w.buf + at + n, out->w.len - at - n };
}

void isakmp_hash_patch(struct wire_out *out, size_t at, const uint8_t *hash, size_t n)
{
	if (wr_ok(&out->w))
		memcpy(out->w.buf + at, hash, n);
}

int isakmp_out_end(struct wire_out *out, size_t block, struct isakmp_seal *seal)
{
	size_t over = (out->w.len - WIRE_HEADER_LEN) % block;
	int error;

	wr_zero(&out->w, over ? block - over : 0);
	error = wire_out_end(out, &seal->datagram);
	if (error)
		return error;
	seal->text = out->w.buf + WIRE_HEADER_LEN;
	seal->text_len = out->w.len - WIRE_HEADER_LEN;
	return WIRE_OK;
}
