// SPDX-License-Identifier: MIT
// The Security Association payload of ISAKMP: proposals, transforms.
#include "keyd/wire/isakmp_sa.h"

#include "keyd/wire/isakmp_attr.h"

#define ISAKMP_SPI_MAX 16
#define IPSEC_SPI_LEN 4

/* Generic header of a proposal or a transform: *body is what it holds, *last whether another one follows. */
static int substructure_get(struct rd *r, uint8_t own_type, struct rd *body, bool *last)
{
	uint8_t next, reserved;
	uint16_t length;

	if (rd_u8(r, &next) || rd_u8(r, &reserved) || rd_u16(r, &length))
		return WIRE_SHORT;
	if (next && next != own_type)
		return WIRE_LAST;
	if (length < 4 || rd_sub(r, length - 4u, body))
		return WIRE_LENGTH;
	*last = !next;
	return WIRE_OK;
}

static int transform_get(struct rd *r, struct isakmp_transform *t, bool *last)
{
	uint16_t reserved;
	struct rd body;
	int error = substructure_get(r, ISAKMP_PL_TRANSFORM, &body, last);

	if (error)
		return error;
	if (rd_u8(&body, &t->number) || rd_u8(&body, &t->id) || rd_u16(&body, &reserved))
		return WIRE_SHORT;
	t->attrs = rd_rest(&body);
	return isakmp_attrs_check(t->attrs);
}

static int transforms_get(struct isakmp_sa *sa, struct isakmp_proposal *p, struct rd *r, uint8_t count)
{
	p->first = sa->nt;
	p->n = 0;
	if (!count)
		return WIRE_COUNT;
	for (unsigned i = 0; i < count; i++) {
		struct isakmp_transform t;
		bool last;
		int error;

		if (!rd_left(r))
			return WIRE_COUNT;
		error = transform_get(r, &t, &last);
		if (error)
			return error;
		if (last != (i + 1u == count))
			return WIRE_LAST;
		if (sa->nt < ISAKMP_TRANSFORMS_MAX) {
			sa->t[sa->nt++] = t;
			p->n++;
		}
	}
	return rd_left(r) ? WIRE_COUNT : WIRE_OK;
}

static bool spi_size_fits(uint8_t protocol, size_t size)
{
	switch (protocol) {
	case ISAKMP_PROTO_ISAKMP:
		return size <= ISAKMP_SPI_MAX;
	case ISAKMP_PROTO_AH:
	case ISAKMP_PROTO_ESP:
		return size == IPSEC_SPI_LEN;
	default:
		return true;
	}
}

/* *kept: p has got all the transforms that it should have. */
static int proposal_get(struct isakmp_sa *sa, struct rd *r, struct isakmp_proposal *p, bool *last, bool *kept)
{
	uint8_t spi_size, count;
	struct rd body;
	int error = substructure_get(r, ISAKMP_PL_PROPOSAL, &body, last);

	if (error)
		return error;
	if (rd_u8(&body, &p->number) || rd_u8(&body, &p->protocol) || rd_u8(&body, &spi_size) || rd_u8(&body, &count))
		return WIRE_SHORT;
	if (!spi_size_fits(p->protocol, spi_size))
		return WIRE_SPI;
	if (rd_view(&body, spi_size, &p->spi))
		return WIRE_LENGTH;
	error = transforms_get(sa, p, &body, count);
	*kept = p->n == count;
	return error;
}

/* Forgets p, and with it the proposals that belong together with it. Their transforms stay unused. */
static void drop(struct isakmp_sa *sa, uint8_t number)
{
	sa->skipped = true;
	while (sa->n && sa->p[sa->n - 1].number == number)
		sa->n--;
}

static int proposals_get(struct isakmp_sa *sa, struct rd *r)
{
	int dropped = -1;	/* the number of which one was dropped last */
	bool last = false;

	while (!last) {
		struct isakmp_proposal p;
		bool kept;
		int error;

		if (!rd_left(r))
			return WIRE_LAST;
		error = proposal_get(sa, r, &p, &last, &kept);
		if (error)
			return error;
		if (!kept || sa->n == ISAKMP_PROPOSALS_MAX || p.number == dropped) {
			dropped = p.number;
			drop(sa, p.number);
		} else {
			sa->p[sa->n++] = p;
		}
	}
	return rd_left(r) ? WIRE_TRAILING : WIRE_OK;
}

int isakmp_sa_get(struct isakmp_sa *sa, struct view body)
{
	struct rd r = rd_of_view(body);
	int error;

	sa->doi = sa->situation = 0;
	sa->n = sa->nt = 0;
	sa->skipped = false;
	if (rd_u32(&r, &sa->doi) || rd_u32(&r, &sa->situation))
		return WIRE_SHORT;
	if (sa->doi != ISAKMP_DOI_IPSEC || sa->situation != ISAKMP_SIT_IDENTITY_ONLY)
		return WIRE_VALUE;
	if (!rd_left(&r))
		return WIRE_SHORT;
	error = proposals_get(sa, &r);
	if (error)
		sa->n = sa->nt = 0;
	return error;
}

static size_t substructure_begin(struct wr *w, uint8_t next)
{
	size_t at = w->len;

	wr_u8(w, next);
	wr_u8(w, 0);
	wr_u16(w, 0);
	return at;
}

static void substructure_end(struct wr *w, size_t at)
{
	if (w->len - at > UINT16_MAX)
		w->overflow = true;
	wr_patch_u16(w, at + 2, (uint16_t)(w->len - at));
}

static void transform_put(struct wr *w, const struct isakmp_transform *t, bool last)
{
	size_t at = substructure_begin(w, last ? 0 : ISAKMP_PL_TRANSFORM);

	wr_u8(w, t->number);
	wr_u8(w, t->id);
	wr_u16(w, 0);
	wr_put(w, t->attrs);
	substructure_end(w, at);
}

static void proposal_put(struct wr *w, const struct isakmp_sa *sa, const struct isakmp_proposal *p, bool last)
{
	size_t at = substructure_begin(w, last ? 0 : ISAKMP_PL_PROPOSAL);

	if (p->spi.n > UINT8_MAX || p->n > UINT8_MAX)
		w->overflow = true;
	wr_u8(w, p->number);
	wr_u8(w, p->protocol);
	wr_u8(w, (uint8_t)p->spi.n);
	wr_u8(w, (uint8_t)p->n);
	wr_put(w, p->spi);
	for (unsigned i = 0; i < p->n; i++)
		transform_put(w, &sa->t[p->first + i], i + 1 == p->n);
	substructure_end(w, at);
}

void isakmp_sa_put(struct wr *w, const struct isakmp_sa *sa)
{
	wr_u32(w, sa->doi);
	wr_u32(w, sa->situation);
	for (unsigned i = 0; i < sa->n; i++)
		proposal_put(w, sa, &sa->p[i], i + 1 == sa->n);
}

uint32_t isakmp_proposal_spi(const struct isakmp_proposal *p)
{
	struct rd r = rd_of_view(p->spi);
	uint32_t spi;

	if ((p->protocol != ISAKMP_PROTO_AH && p->protocol != ISAKMP_PROTO_ESP) || rd_u32(&r, &spi))
		return 0;
	return spi;
}
