// SPDX-License-Identifier: MIT
// The Attributes payload of transaction exchanges, and Cisco's split networks inside.
#include "keyd/wire/isakmp_cfg.h"

#include <string.h>

#define SPLIT_REST 6	/* of Cisco's entries: protocol and ports, which nobody fills in */

#define ATTR_HEADER 4	/* no attribute is shorter */

/* libreswan fills its attributes up to a multiple of four bytes, inside of the payload. */
static void cut_padding(struct view *attrs)
{
	struct rd r = rd_of_view(*attrs);
	struct isakmp_attr a;
	struct view rest;

	while (rd_left(&r) >= ATTR_HEADER && isakmp_attr_next(&r, &a))
		;
	rest = rd_rest(&r);
	if (rest.n >= ATTR_HEADER)
		return;
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i])
			return;
	attrs->n -= rest.n;
}

int isakmp_cfg_get(struct isakmp_cfg *c, struct view body)
{
	struct rd r = rd_of_view(body);
	struct isakmp_cfg got;
	uint8_t reserved;
	int error;

	if (rd_u8(&r, &got.type) || rd_u8(&r, &reserved) || rd_u16(&r, &got.identifier))
		return WIRE_SHORT;
	got.attrs = rd_rest(&r);
	cut_padding(&got.attrs);
	error = isakmp_attrs_check(got.attrs);
	if (!error)
		*c = got;
	return error;
}

void isakmp_cfg_put(struct wr *w, const struct isakmp_cfg *c)
{
	wr_u8(w, c->type);
	wr_u8(w, 0);
	wr_u16(w, c->identifier);
	wr_put(w, c->attrs);
}

bool isakmp_split_next(struct rd *r, struct isakmp_split *s)
{
	struct view addr, mask;

	if (rd_view(r, sizeof(s->addr), &addr) || rd_view(r, sizeof(s->mask), &mask))
		return false;
	memcpy(s->addr, addr.p, sizeof(s->addr));
	memcpy(s->mask, mask.p, sizeof(s->mask));
	/* Some leave the rest away behind the last one. */
	if (rd_skip(r, SPLIT_REST))
		rd_rest(r);
	return true;
}

void isakmp_split_put(struct wr *w, const struct isakmp_split *s)
{
	wr_mem(w, s->addr, sizeof(s->addr));
	wr_mem(w, s->mask, sizeof(s->mask));
	wr_zero(w, SPLIT_REST);
}
