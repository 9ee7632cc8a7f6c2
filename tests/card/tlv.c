// SPDX-License-Identifier: MIT
// Data objects of smart cards: BER-TLV, read and written.
#include "tests/card/tlv.h"

#include <string.h>

static int read_tag(struct rd *r, uint32_t *tag)
{
	uint8_t b;

	if (rd_u8(r, &b))
		return -1;
	*tag = b;
	if ((b & 0x1f) != 0x1f)
		return 0;
	do {
		if (rd_u8(r, &b) || *tag > 0xffff)
			return -1;
		*tag = *tag << 8 | b;
	} while (b & 0x80);
	return 0;
}

static int read_length(struct rd *r, size_t *n)
{
	uint8_t b;

	if (rd_u8(r, &b))
		return -1;
	*n = b;
	if (b < 0x80)
		return 0;
	if (b != 0x81 && b != 0x82)
		return -1;
	for (*n = 0; b > 0x80; b--) {
		uint8_t next;

		if (rd_u8(r, &next))
			return -1;
		*n = *n << 8 | next;
	}
	return 0;
}

int tlv_next(struct rd *r, uint32_t *tag, struct view *value)
{
	size_t n;

	return read_tag(r, tag) || read_length(r, &n) || rd_view(r, n, value) ? -1 : 0;
}

int tlv_find(struct view row, uint32_t tag, struct view *value)
{
	struct rd r = rd_of_view(row);
	uint32_t t;

	while (!tlv_next(&r, &t, value))
		if (t == tag)
			return 0;
	return -1;
}

void tlv_tag(struct wr *w, uint32_t tag)
{
	if (tag > 0xffff)
		wr_u8(w, (uint8_t)(tag >> 16));
	if (tag > 0xff)
		wr_u8(w, (uint8_t)(tag >> 8));
	wr_u8(w, (uint8_t)tag);
}

size_t tlv_open(struct wr *w, uint32_t tag)
{
	tlv_tag(w, tag);
	return w->len;
}

void tlv_close(struct wr *w, size_t begin)
{
	size_t n = w->len - begin, head = n < 0x80 ? 1 : n < 0x100 ? 2 : 3;

	wr_zero(w, head);
	if (!wr_ok(w))
		return;
	memmove(w->buf + begin + head, w->buf + begin, n);
	w->buf[begin] = (uint8_t)(head == 1 ? n : 0x80 + head - 1);
	if (head == 3)
		w->buf[begin + 1] = (uint8_t)(n >> 8);
	if (head > 1)
		w->buf[begin + head - 1] = (uint8_t)n;
}

void tlv_put(struct wr *w, uint32_t tag, struct view value)
{
	size_t begin = tlv_open(w, tag);

	wr_put(w, value);
	tlv_close(w, begin);
}
