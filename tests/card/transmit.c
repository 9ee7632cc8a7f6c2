// SPDX-License-Identifier: MIT
// The way of a command through a card: short and extended length, chains of commands, answers that are fetched in parts.
#include "tests/card/card.h"

#include <string.h>

#define INS_GET_RESPONSE 0xc0
#define CLA_CHAIN 0x10
#define SHORT_MOST 256
#define EXTENDED_MOST 65536

/* The lengths behind the header: ISO/IEC 7816-3, 12.1.3. */
static int parse_short(struct rd *r, struct apdu *a)
{
	uint8_t n;

	if (!rd_left(r))
		return 0;
	if (rd_left(r) > 1 && (rd_u8(r, &n) || rd_view(r, n, &a->data)))
		return -1;
	if (rd_left(r)) {
		if (rd_u8(r, &n))
			return -1;
		a->most = n ? n : SHORT_MOST;
	}
	return rd_left(r) ? -1 : 0;
}

static int parse_extended(struct rd *r, struct apdu *a)
{
	uint16_t n;

	a->extended = true;
	if (rd_skip(r, 1))
		return -1;
	if (rd_left(r) > 2 && (rd_u16(r, &n) || rd_view(r, n, &a->data)))
		return -1;
	if (rd_left(r)) {
		if (rd_u16(r, &n))
			return -1;
		a->most = n ? n : EXTENDED_MOST;
	}
	return rd_left(r) ? -1 : 0;
}

static int parse(struct view frame, struct apdu *a)
{
	struct rd r = rd_of_view(frame);

	*a = (struct apdu){ .data = { frame.p, 0 } };
	if (rd_u8(&r, &a->cla) || rd_u8(&r, &a->ins) || rd_u8(&r, &a->p1) || rd_u8(&r, &a->p2))
		return -1;
	return frame.n > 6 && !frame.p[4] ? parse_extended(&r, a) : parse_short(&r, a);
}

static unsigned int carry_out(struct card *c, struct apdu *a)
{
	struct wr w = wr_of(c->body, sizeof(c->body));
	unsigned int sw;

	sw = c->kind->command(c, a, &w);
	if (!wr_ok(&w))
		return SW_INTERNAL;
	c->nbody = w.len;
	if (c->state && card_save(c))
		return SW_INTERNAL;
	return sw;
}

/* Links of a chain are kept until the last has come, which is then the whole command. */
static unsigned int collect(struct card *c, struct apdu *a)
{
	if (c->nchain && (a->ins != c->chained.ins || a->p1 != c->chained.p1 || a->p2 != c->chained.p2))
		c->nchain = 0;
	if (a->data.n > sizeof(c->chain) - c->nchain) {
		c->nchain = 0;
		return SW_LENGTH;
	}
	memcpy(c->chain + c->nchain, a->data.p, a->data.n);
	c->nchain += a->data.n;
	c->chained = *a;
	if (a->cla & CLA_CHAIN)
		return SW_OK;
	a->data = (struct view){ c->chain, c->nchain };
	c->nchain = 0;
	return carry_out(c, a);
}

static unsigned int serve(struct card *c, struct apdu *a)
{
	if (a->ins == INS_GET_RESPONSE)
		return c->given < c->nbody ? c->status : SW_NO_CONDITION;
	c->nbody = c->given = 0;
	if (a->extended && !c->extended)
		return SW_LENGTH;
	if (a->cla & 0x0c)
		return SW_SECURE_MESSAGING;
	if (a->cla & ~CLA_CHAIN)
		return SW_CLASS;
	c->commands[a->ins]++;
	return collect(c, a);
}

void card_transmit(struct card *c, struct view frame, struct wr *w)
{
	struct apdu a;
	unsigned int sw = SW_LENGTH;
	size_t n, left;

	if (parse(frame, &a))
		c->nbody = c->given = 0;
	else
		sw = serve(c, &a);
	/* The status is what GET RESPONSE gives with the last part. */
	c->status = sw;
	left = c->nbody - c->given;
	n = left < a.most ? left : a.most;
	wr_mem(w, c->body + c->given, n);
	c->given += n;
	left -= n;
	wr_u16(w, (uint16_t)(left ? 0x6100 | (left > 0xff ? 0 : left) : sw));
}
