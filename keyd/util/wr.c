// SPDX-License-Identifier: MIT
// Capped writes with a sticky overflow flag.
#include "keyd/util/wr.h"

#include <string.h>

uint8_t *wr_room(struct wr *w, size_t n)
{
	uint8_t *at;

	if (w->overflow || n > w->cap - w->len) {
		w->overflow = true;
		return NULL;
	}
	at = w->buf + w->len;
	w->len += n;
	return at;
}

static void wr_be(struct wr *w, size_t n, uint64_t v)
{
	uint8_t *at = wr_room(w, n);

	for (size_t i = n; at && i > 0; i--, v >>= 8)
		at[i - 1] = (uint8_t)v;
}

void wr_u8(struct wr *w, uint8_t v)
{
	wr_be(w, 1, v);
}

void wr_u16(struct wr *w, uint16_t v)
{
	wr_be(w, 2, v);
}

void wr_u32(struct wr *w, uint32_t v)
{
	wr_be(w, 4, v);
}

void wr_u64(struct wr *w, uint64_t v)
{
	wr_be(w, 8, v);
}

void wr_mem(struct wr *w, const void *p, size_t n)
{
	uint8_t *at = wr_room(w, n);

	if (at && n)
		memcpy(at, p, n);
}

void wr_put(struct wr *w, struct view v)
{
	wr_mem(w, v.p, v.n);
}

void wr_zero(struct wr *w, size_t n)
{
	uint8_t *at = wr_room(w, n);

	if (at && n)
		memset(at, 0, n);
}

void wr_patch_u16(struct wr *w, size_t at, uint16_t v)
{
	if (w->overflow || at + 2 > w->len)
		return;
	w->buf[at] = (uint8_t)(v >> 8);
	w->buf[at + 1] = (uint8_t)v;
}

void wr_patch_u8(struct wr *w, size_t at, uint8_t v)
{
	if (!w->overflow && at < w->len)
		w->buf[at] = v;
}
