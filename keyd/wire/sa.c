// SPDX-License-Identifier: MIT
// The Security Association payload: proposals, transforms, attributes.
#include "keyd/wire/sa.h"
#include "keyd/wire/header.h"
#include "keyd/wire/ikev2.h"

#define CHILD_SPI_LEN 4
#define TRANSFORM_LEN 8		/* without attributes */
#define KEY_LENGTH_LEN 4	/* the attribute in its short form */
#define ATTR_SHORT_FORM 0x8000	/* AF bit: two bytes of value instead of a length */
enum { LAST = 0, MORE_PROPOSALS = 2, MORE_TRANSFORMS = 3 };

/*
 * One attribute. *usable becomes false when we do not know it: then the transform must not be chosen, which is no reason
 * to refuse the message (RFC 7296 3.3.6).
 */
static int attribute_get(struct rd *r, struct wire_transform *t, bool *usable)
{
	uint16_t type, value;

	if (rd_u16(r, &type) || rd_u16(r, &value))
		return WIRE_SHORT;
	if (!(type & ATTR_SHORT_FORM)) {
		if (rd_skip(r, value))
			return WIRE_LENGTH;
		/* Key Length must not be written in the long form (3.3.5). */
		if (type == IKEV2_ATTR_KEY_LENGTH)
			return WIRE_VALUE;
		*usable = false;
		return WIRE_OK;
	}
	if ((type & ~ATTR_SHORT_FORM) != IKEV2_ATTR_KEY_LENGTH || !value) {
		*usable = false;
		return WIRE_OK;
	}
	if (t->key_bits)
		return WIRE_VALUE;
	t->key_bits = value;
	return WIRE_OK;
}

static int transform_get(struct rd *r, struct wire_transform *t, bool last, bool *usable)
{
	uint8_t more, reserved;
	uint16_t length;
	struct rd body;

	if (rd_u8(r, &more) || rd_u8(r, &reserved) || rd_u16(r, &length))
		return WIRE_SHORT;
	if (more != (last ? LAST : MORE_TRANSFORMS))
		return WIRE_LAST;
	if (length < TRANSFORM_LEN || rd_sub(r, length - 4u, &body))
		return WIRE_LENGTH;
	if (rd_u8(&body, &t->type) || rd_u8(&body, &reserved) || rd_u16(&body, &t->id))
		return WIRE_SHORT;
	t->key_bits = 0;
	*usable = true;
	while (rd_left(&body)) {
		int error = attribute_get(&body, t, usable);

		if (error)
			return error;
	}
	return WIRE_OK;
}

static bool spi_size_fits(uint8_t protocol, size_t size)
{
	switch (protocol) {
	case IKEV2_PROTO_IKE:
		return size == 0 || size == WIRE_IKE_SPI_LEN;
	case IKEV2_PROTO_AH:
	case IKEV2_PROTO_ESP:
		return size == CHILD_SPI_LEN;
	default:
		return true;
	}
}

static uint32_t type_bit(uint8_t type)
{
	return type < 32 ? 1u << type : 1u;
}

/* All transforms of a proposal; *demanded are their types, of those that are dropped too. */
static int transforms_get(struct rd *r, struct wire_proposal *p, uint8_t count, uint32_t *demanded)
{
	if (!count)
		return WIRE_COUNT;
	*demanded = 0;
	p->n = 0;
	p->skipped_unknown = false;
	for (unsigned i = 0; i < count; i++) {
		struct wire_transform t;
		bool usable;
		int error;

		if (!rd_left(r))
			return WIRE_COUNT;
		error = transform_get(r, &t, i + 1u == count, &usable);
		if (error)
			return error;
		*demanded |= type_bit(t.type);
		if (usable && p->n < WIRE_TRANSFORMS_MAX)
			p->t[p->n++] = t;
		else
			p->skipped_unknown = true;
	}
	return rd_left(r) ? WIRE_COUNT : WIRE_OK;
}

static int proposal_get(struct rd *r, struct wire_proposal *p, uint32_t *demanded)
{
	uint8_t more, reserved, spi_size, count;
	uint16_t length;
	struct rd body;

	if (rd_u8(r, &more) || rd_u8(r, &reserved) || rd_u16(r, &length))
		return WIRE_SHORT;
	if (length < 8 || rd_sub(r, length - 4u, &body))
		return WIRE_LENGTH;
	if (more != (rd_left(r) ? MORE_PROPOSALS : LAST))
		return WIRE_LAST;
	if (rd_u8(&body, &p->number) || rd_u8(&body, &p->protocol) || rd_u8(&body, &spi_size) || rd_u8(&body, &count))
		return WIRE_SHORT;
	if (!spi_size_fits(p->protocol, spi_size))
		return WIRE_SPI;
	if (rd_view(&body, spi_size, &p->spi))
		return WIRE_LENGTH;
	return transforms_get(&body, p, count, demanded);
}

int wire_sa_get(struct wire_sa *sa, struct view body)
{
	struct rd r = rd_of_view(body);
	unsigned before = 0;

	sa->n = 0;
	sa->skipped = false;
	if (!rd_left(&r))
		return WIRE_SHORT;
	while (rd_left(&r)) {
		struct wire_proposal p;
		uint32_t demanded;
		int error = proposal_get(&r, &p, &demanded);

		if (!error && p.number <= before)
			error = WIRE_VALUE;
		if (error) {
			sa->n = 0;
			return error;
		}
		before = p.number;
		if (sa->n < WIRE_PROPOSALS_MAX && wire_proposal_types(&p) == demanded)
			sa->p[sa->n++] = p;
		else
			sa->skipped = true;
	}
	return WIRE_OK;
}

uint32_t wire_proposal_types(const struct wire_proposal *p)
{
	uint32_t types = 0;

	for (unsigned i = 0; i < p->n; i++)
		types |= type_bit(p->t[i].type);
	return types;
}

static void transform_put(struct wr *w, const struct wire_transform *t, bool last)
{
	wr_u8(w, last ? LAST : MORE_TRANSFORMS);
	wr_u8(w, 0);
	wr_u16(w, TRANSFORM_LEN + (t->key_bits ? KEY_LENGTH_LEN : 0));
	wr_u8(w, t->type);
	wr_u8(w, 0);
	wr_u16(w, t->id);
	if (!t->key_bits)
		return;
	wr_u16(w, ATTR_SHORT_FORM | IKEV2_ATTR_KEY_LENGTH);
	wr_u16(w, t->key_bits);
}

static void proposal_put(struct wr *w, const struct wire_proposal *p, bool last)
{
	size_t at = w->len;

	if (p->spi.n > UINT8_MAX)
		w->overflow = true;
	wr_u8(w, last ? LAST : MORE_PROPOSALS);
	wr_u8(w, 0);
	wr_u16(w, 0);
	wr_u8(w, p->number);
	wr_u8(w, p->protocol);
	wr_u8(w, (uint8_t)p->spi.n);
	wr_u8(w, (uint8_t)p->n);
	wr_put(w, p->spi);
	for (unsigned i = 0; i < p->n; i++)
		transform_put(w, &p->t[i], i + 1 == p->n);
	wr_patch_u16(w, at + 2, (uint16_t)(w->len - at));
}

void wire_sa_put(struct wr *w, const struct wire_sa *sa)
{
	for (unsigned i = 0; i < sa->n; i++)
		proposal_put(w, &sa->p[i], i + 1 == sa->n);
}
