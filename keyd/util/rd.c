// SPDX-License-Identifier: MIT
// Checked reads from untrusted bytes.
#include "keyd/util/rd.h"

#include <ctype.h>

static int rd_be(struct rd *r, size_t n, uint64_t *out)
{
	uint64_t v = 0;

	if (rd_left(r) < n)
		return -1;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | r->p[i];
	r->p += n;
	*out = v;
	return 0;
}

int rd_u8(struct rd *r, uint8_t *out)
{
	uint64_t v;

	if (rd_be(r, 1, &v))
		return -1;
	*out = (uint8_t)v;
	return 0;
}

int rd_u16(struct rd *r, uint16_t *out)
{
	uint64_t v;

	if (rd_be(r, 2, &v))
		return -1;
	*out = (uint16_t)v;
	return 0;
}

int rd_u32(struct rd *r, uint32_t *out)
{
	uint64_t v;

	if (rd_be(r, 4, &v))
		return -1;
	*out = (uint32_t)v;
	return 0;
}

int rd_u64(struct rd *r, uint64_t *out)
{
	return rd_be(r, 8, out);
}

int rd_view(struct rd *r, size_t n, struct view *out)
{
	if (rd_left(r) < n)
		return -1;
	*out = (struct view){ r->p, n };
	r->p += n;
	return 0;
}

int rd_skip(struct rd *r, size_t n)
{
	struct view v;

	return rd_view(r, n, &v);
}

int rd_sub(struct rd *r, size_t n, struct rd *child)
{
	struct view v;

	if (rd_view(r, n, &v))
		return -1;
	*child = rd_of_view(v);
	return 0;
}

struct view rd_rest(struct rd *r)
{
	struct view v = { r->p, rd_left(r) };

	r->p = r->end;
	return v;
}

bool view_equal_nocase(struct view a, struct view b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] != b.p[i] && (!isascii(a.p[i]) || !isascii(b.p[i]) || tolower(a.p[i]) != tolower(b.p[i])))
			return false;
	return true;
}
