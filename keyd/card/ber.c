// SPDX-License-Identifier: MIT
// Data objects of smart cards.
#include "keyd/card/ber.h"

#define TAG_MORE 0x1f		/* in the first byte: others follow … */
#define TAG_CONTINUES 0x80	/* … as long as they have this */
#define TAG_BYTES_MAX 3
#define LENGTH_BYTES_MAX 3

static int get_tag(struct rd *r, uint32_t *tag)
{
	uint8_t b;

	if (rd_u8(r, &b))
		return -1;
	*tag = b;
	if ((b & TAG_MORE) != TAG_MORE)
		return 0;
	for (unsigned i = 1; i < TAG_BYTES_MAX; i++) {
		if (rd_u8(r, &b))
			return -1;
		*tag = *tag << 8 | b;
		if (!(b & TAG_CONTINUES))
			return 0;
	}
	return -1;
}

static int get_length(struct rd *r, size_t *n)
{
	uint8_t b, count;

	if (rd_u8(r, &b))
		return -1;
	*n = b;
	if (b < 0x80)
		return 0;
	count = b & 0x7f;
	if (!count || count > LENGTH_BYTES_MAX)
		return -1;
	for (*n = 0; count; count--) {
		if (rd_u8(r, &b))
			return -1;
		*n = *n << 8 | b;
	}
	return 0;
}

int ber_next(struct rd *r, uint32_t *tag, struct view *value)
{
	size_t n;

	/* Between objects there may be these. */
	while (rd_left(r) && (*r->p == 0x00 || *r->p == 0xff))
		r->p++;
	if (!rd_left(r))
		return 0;
	return get_tag(r, tag) || get_length(r, &n) || rd_view(r, n, value) ? -1 : 1;
}

int ber_find(struct view row, uint32_t tag, struct view *value)
{
	struct rd r = rd_of_view(row);
	struct view v;
	uint32_t t;

	while (ber_next(&r, &t, &v) > 0) {
		if (t != tag)
			continue;
		*value = v;
		return 0;
	}
	return -1;
}

int ber_find_in(struct view row, const uint32_t *tags, struct view *value)
{
	for (; *tags; tags++)
		if (ber_find(row, *tags, &row))
			return -1;
	*value = row;
	return 0;
}

static unsigned tag_bytes(uint32_t tag)
{
	return tag > 0xffff ? 3 : tag > 0xff ? 2 : 1;
}

static unsigned length_bytes(size_t n)
{
	return n > 0xffff ? 4 : n > 0xff ? 3 : n > 0x7f ? 2 : 1;
}

void ber_head(struct wr *w, uint32_t tag, size_t n)
{
	unsigned length = length_bytes(n);

	for (unsigned i = tag_bytes(tag); i; i--)
		wr_u8(w, (uint8_t)(tag >> 8 * (i - 1)));
	if (length > 1)
		wr_u8(w, (uint8_t)(0x80 | (length - 1)));
	for (unsigned i = length > 1 ? length - 1 : 1; i; i--)
		wr_u8(w, (uint8_t)(n >> 8 * (i - 1)));
}

void ber_put(struct wr *w, uint32_t tag, struct view value)
{
	ber_head(w, tag, value.n);
	wr_put(w, value);
}

size_t ber_size(uint32_t tag, size_t n)
{
	return tag_bytes(tag) + length_bytes(n) + n;
}
