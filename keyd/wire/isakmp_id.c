// SPDX-License-Identifier: MIT
// The Identification payload of ISAKMP, and addresses in the same form.
#include "keyd/wire/isakmp_id.h"

#include <string.h>

#define NAT_OA_RESERVED_LEN 3

/* How the data of a type of addresses is made up. */
static const struct form {
	uint8_t len;		/* of one address; 0: no addresses */
	enum { ONE, SUBNET, RANGE } how;
} forms[] = {
	[ISAKMP_ID_IPV4_ADDR] = { 4, ONE },
	[ISAKMP_ID_IPV4_ADDR_SUBNET] = { 4, SUBNET },
	[ISAKMP_ID_IPV6_ADDR] = { 16, ONE },
	[ISAKMP_ID_IPV6_ADDR_SUBNET] = { 16, SUBNET },
	[ISAKMP_ID_IPV4_ADDR_RANGE] = { 4, RANGE },
	[ISAKMP_ID_IPV6_ADDR_RANGE] = { 16, RANGE },
};

static const struct form *form_of(uint8_t type)
{
	return type < sizeof(forms) / sizeof(forms[0]) && forms[type].len ? &forms[type] : NULL;
}

static size_t data_len(const struct form *f)
{
	return f->how == ONE ? f->len : 2u * f->len;
}

int isakmp_id_get(struct isakmp_id *id, struct view body)
{
	struct rd r = rd_of_view(body);
	const struct form *f;
	struct isakmp_id got;

	if (rd_u8(&r, &got.type) || rd_u8(&r, &got.proto) || rd_u16(&r, &got.port))
		return WIRE_SHORT;
	got.data = rd_rest(&r);
	f = form_of(got.type);
	if (f && got.data.n != data_len(f))
		return WIRE_LENGTH;
	*id = got;
	return WIRE_OK;
}

void isakmp_id_put(struct wr *w, const struct isakmp_id *id)
{
	wr_u8(w, id->type);
	wr_u8(w, id->proto);
	wr_u16(w, id->port);
	wr_put(w, id->data);
}

/* Ones, then zeros. */
static bool mask_has_holes(const uint8_t *mask, unsigned len)
{
	bool zero = false;

	for (unsigned bit = 0; bit < 8 * len; bit++) {
		bool set = mask[bit / 8] & 0x80 >> bit % 8;

		if (set && zero)
			return true;
		zero = !set;
	}
	return false;
}

int isakmp_id_range(const struct isakmp_id *id, struct isakmp_id_range *range)
{
	const struct form *f = form_of(id->type);
	const uint8_t *a = id->data.p, *b;

	*range = (struct isakmp_id_range){ 0 };
	if (!f || id->data.n != data_len(f))
		return WIRE_VALUE;
	b = f->how == ONE ? a : a + f->len;
	if (f->how == SUBNET && mask_has_holes(b, f->len))
		return WIRE_VALUE;
	for (unsigned i = 0; i < f->len; i++) {
		range->first[i] = f->how == SUBNET ? a[i] & b[i] : a[i];
		range->last[i] = f->how == SUBNET ? a[i] | (uint8_t)~b[i] : b[i];
	}
	if (memcmp(range->first, range->last, f->len) > 0)
		return WIRE_RANGE;
	range->len = f->len;
	return WIRE_OK;
}

/* Does the range begin and end where a subnet does? Then mask is its mask. */
static bool subnet_mask(const struct isakmp_id_range *r, uint8_t mask[16])
{
	for (unsigned i = 0; i < r->len; i++) {
		mask[i] = (uint8_t)~(r->first[i] ^ r->last[i]);
		if ((r->first[i] & ~mask[i]) || (uint8_t)(r->first[i] | (uint8_t)~mask[i]) != r->last[i])
			return false;
	}
	return !mask_has_holes(mask, r->len);
}

void isakmp_id_of_range(struct isakmp_id *id, const struct isakmp_id_range *r, uint8_t buf[32])
{
	uint8_t mask[16] = { 0 };
	bool v6 = r->len == 16;

	memcpy(buf, r->first, r->len);
	id->data = (struct view){ buf, r->len };
	if (!memcmp(r->first, r->last, r->len)) {
		id->type = v6 ? ISAKMP_ID_IPV6_ADDR : ISAKMP_ID_IPV4_ADDR;
		return;
	}
	if (subnet_mask(r, mask)) {
		id->type = v6 ? ISAKMP_ID_IPV6_ADDR_SUBNET : ISAKMP_ID_IPV4_ADDR_SUBNET;
		memcpy(buf + r->len, mask, r->len);
	} else {
		id->type = v6 ? ISAKMP_ID_IPV6_ADDR_RANGE : ISAKMP_ID_IPV4_ADDR_RANGE;
		memcpy(buf + r->len, r->last, r->len);
	}
	id->data.n = 2u * r->len;
}

int isakmp_nat_oa_get(struct view *addr, struct view body)
{
	struct rd r = rd_of_view(body);
	const struct form *f;
	uint8_t type;

	if (rd_u8(&r, &type) || rd_skip(&r, NAT_OA_RESERVED_LEN))
		return WIRE_SHORT;
	f = form_of(type);
	if (!f || f->how != ONE)
		return WIRE_VALUE;
	if (rd_left(&r) != f->len)
		return WIRE_LENGTH;
	*addr = rd_rest(&r);
	return WIRE_OK;
}

void isakmp_nat_oa_put(struct wr *w, struct view addr)
{
	wr_u8(w, addr.n == 4 ? ISAKMP_ID_IPV4_ADDR : ISAKMP_ID_IPV6_ADDR);
	wr_zero(w, NAT_OA_RESERVED_LEN);
	wr_put(w, addr);
}
