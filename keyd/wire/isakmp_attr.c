// SPDX-License-Identifier: MIT
// Data attributes of ISAKMP, and what they say in phase 1 and phase 2.
#include "keyd/wire/isakmp_attr.h"

#define BASIC 0x8000	/* the format bit: two bytes of value stand in the place of a length */
enum { SECONDS = 1, KILOBYTES = 2 };

static int attr_get(struct rd *r, struct isakmp_attr *a)
{
	uint16_t type, length = 2;

	if (rd_u16(r, &type))
		return WIRE_SHORT;
	a->type = type & ~BASIC;
	a->basic = type & BASIC;
	if (!a->basic && rd_u16(r, &length))
		return WIRE_SHORT;
	if (rd_view(r, length, &a->value))
		return a->basic ? WIRE_SHORT : WIRE_LENGTH;
	return WIRE_OK;
}

int isakmp_attrs_check(struct view attrs)
{
	struct rd r = rd_of_view(attrs);
	int error = WIRE_OK;

	while (!error && rd_left(&r)) {
		struct isakmp_attr a;

		error = attr_get(&r, &a);
	}
	return error;
}

bool isakmp_attr_next(struct rd *r, struct isakmp_attr *a)
{
	return rd_left(r) && !attr_get(r, a);
}

bool isakmp_attr_number(const struct isakmp_attr *a, uint64_t *value)
{
	uint64_t v = 0;

	for (size_t i = 0; i < a->value.n; i++) {
		if (v >> 56)
			return false;
		v = v << 8 | a->value.p[i];
	}
	*value = v;
	return a->value.n > 0;
}

void isakmp_attr_put(struct wr *w, const struct isakmp_attr *a)
{
	if (a->basic ? a->value.n != 2 : a->value.n > UINT16_MAX)
		w->overflow = true;
	wr_u16(w, (uint16_t)((a->type & ~BASIC) | (a->basic ? BASIC : 0)));
	if (!a->basic)
		wr_u16(w, (uint16_t)a->value.n);
	wr_put(w, a->value);
}

void isakmp_attr_put_basic(struct wr *w, uint16_t type, uint16_t value)
{
	wr_u16(w, type | BASIC);
	wr_u16(w, value);
}

void isakmp_attr_put_number(struct wr *w, uint16_t type, uint64_t value)
{
	if (value <= UINT16_MAX) {
		isakmp_attr_put_basic(w, type, (uint16_t)value);
		return;
	}
	wr_u16(w, type);
	wr_u16(w, value <= UINT32_MAX ? 4 : 8);
	if (value > UINT32_MAX)
		wr_u32(w, (uint32_t)(value >> 32));
	wr_u32(w, (uint32_t)value);
}

void isakmp_attr_put_bytes(struct wr *w, uint16_t type, struct view value)
{
	isakmp_attr_put(w, &(struct isakmp_attr){ .type = type, .value = value });
}

/* What is filled in, attribute by attribute. A lifetime is two attributes: a type, and then a duration of that type. */
struct filling {
	uint16_t life_type;	/* of the duration that must come next; 0: none may */
	bool unknown;
};

/* Stores a number that was not stated yet and is not 0. */
static void once(struct filling *f, const struct isakmp_attr *a, uint16_t *to)
{
	uint64_t v;

	if (*to || !isakmp_attr_number(a, &v) || !v || v > UINT16_MAX)
		f->unknown = true;
	else
		*to = (uint16_t)v;
}

static void duration(struct filling *f, const struct isakmp_attr *a, struct isakmp_life *life)
{
	uint64_t *to = f->life_type == SECONDS ? &life->seconds : f->life_type == KILOBYTES ? &life->kilobytes : NULL;

	/* One that is too long to count is as good as the longest that we can count. */
	if (!to || *to || !a->value.n)
		f->unknown = true;
	else if (!isakmp_attr_number(a, to))
		*to = UINT64_MAX;
	f->life_type = 0;
}

/* The rows say where the number of an attribute belongs: offsets into the struct that is filled in. */
struct field {
	uint16_t type;
	size_t at;
};

struct shape {
	const struct field *field;
	size_t n;
	uint16_t life_type, life_duration;
};

static uint16_t *field_of(const struct shape *s, void *a, uint16_t type)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->field[i].type == type)
			return (uint16_t *)(void *)((uint8_t *)a + s->field[i].at);
	return NULL;
}

static int fill(const struct shape *s, struct view attrs, void *a, struct isakmp_life *life, bool *unknown)
{
	struct rd r = rd_of_view(attrs);
	struct filling f = { 0 };
	struct isakmp_attr attr;

	while (isakmp_attr_next(&r, &attr)) {
		uint16_t *to = field_of(s, a, attr.type);

		if (attr.type == s->life_type)
			once(&f, &attr, &f.life_type);
		else if (attr.type == s->life_duration)
			duration(&f, &attr, life);
		else if (to)
			once(&f, &attr, to);
		else
			f.unknown = true;
	}
	*unknown = f.unknown || f.life_type;
	return isakmp_attrs_check(attrs);
}

int isakmp_ike_attrs_get(struct isakmp_ike_attrs *a, struct view attrs)
{
	static const struct field fields[] = {
		{ ISAKMP_IKE_ENCR, offsetof(struct isakmp_ike_attrs, encr) },
		{ ISAKMP_IKE_HASH, offsetof(struct isakmp_ike_attrs, hash) },
		{ ISAKMP_IKE_AUTH, offsetof(struct isakmp_ike_attrs, auth) },
		{ ISAKMP_IKE_GROUP, offsetof(struct isakmp_ike_attrs, group) },
		{ ISAKMP_IKE_KEY_LENGTH, offsetof(struct isakmp_ike_attrs, key_bits) },
		{ ISAKMP_IKE_PRF, offsetof(struct isakmp_ike_attrs, prf) },
	};
	static const struct shape shape = { fields, sizeof(fields) / sizeof(fields[0]), ISAKMP_IKE_LIFE_TYPE,
					    ISAKMP_IKE_LIFE_DURATION };

	*a = (struct isakmp_ike_attrs){ 0 };
	return fill(&shape, attrs, a, &a->life, &a->unknown);
}

int isakmp_ipsec_attrs_get(struct isakmp_ipsec_attrs *a, struct view attrs)
{
	static const struct field fields[] = {
		{ ISAKMP_IPSEC_GROUP, offsetof(struct isakmp_ipsec_attrs, group) },
		{ ISAKMP_IPSEC_ENCAP, offsetof(struct isakmp_ipsec_attrs, encap) },
		{ ISAKMP_IPSEC_AUTH, offsetof(struct isakmp_ipsec_attrs, auth) },
		{ ISAKMP_IPSEC_KEY_LENGTH, offsetof(struct isakmp_ipsec_attrs, key_bits) },
		{ ISAKMP_IPSEC_ESN, offsetof(struct isakmp_ipsec_attrs, esn) },
	};
	static const struct shape shape = { fields, sizeof(fields) / sizeof(fields[0]), ISAKMP_IPSEC_LIFE_TYPE,
					    ISAKMP_IPSEC_LIFE_DURATION };

	*a = (struct isakmp_ipsec_attrs){ 0 };
	return fill(&shape, attrs, a, &a->life, &a->unknown);
}

static void put_stated(struct wr *w, uint16_t type, uint16_t value)
{
	if (value)
		isakmp_attr_put_basic(w, type, value);
}

static void put_life(struct wr *w, uint16_t type, uint16_t unit, uint64_t value)
{
	if (!value)
		return;
	isakmp_attr_put_basic(w, type, unit);
	isakmp_attr_put_number(w, type + 1, value);	/* in both phases the duration's number follows the type's */
}

void isakmp_ike_attrs_put(struct wr *w, const struct isakmp_ike_attrs *a)
{
	put_stated(w, ISAKMP_IKE_ENCR, a->encr);
	put_stated(w, ISAKMP_IKE_KEY_LENGTH, a->key_bits);
	put_stated(w, ISAKMP_IKE_HASH, a->hash);
	put_stated(w, ISAKMP_IKE_PRF, a->prf);
	put_stated(w, ISAKMP_IKE_GROUP, a->group);
	put_stated(w, ISAKMP_IKE_AUTH, a->auth);
	put_life(w, ISAKMP_IKE_LIFE_TYPE, SECONDS, a->life.seconds);
	put_life(w, ISAKMP_IKE_LIFE_TYPE, KILOBYTES, a->life.kilobytes);
}

void isakmp_ipsec_attrs_put(struct wr *w, const struct isakmp_ipsec_attrs *a)
{
	put_life(w, ISAKMP_IPSEC_LIFE_TYPE, SECONDS, a->life.seconds);
	put_life(w, ISAKMP_IPSEC_LIFE_TYPE, KILOBYTES, a->life.kilobytes);
	put_stated(w, ISAKMP_IPSEC_GROUP, a->group);
	put_stated(w, ISAKMP_IPSEC_ENCAP, a->encap);
	put_stated(w, ISAKMP_IPSEC_KEY_LENGTH, a->key_bits);
	put_stated(w, ISAKMP_IPSEC_AUTH, a->auth);
	put_stated(w, ISAKMP_IPSEC_ESN, a->esn);
}
