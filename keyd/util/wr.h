/* SPDX-License-Identifier: MIT */
/*
 * A writing cursor over a buffer of fixed size. What does not fit is dropped and remembered: write everything, then ask
 * wr_ok() once.
 */
#ifndef KEYD_UTIL_WR_H
#define KEYD_UTIL_WR_H

#include "keyd/util/rd.h"

#include <stdbool.h>

struct wr {
	uint8_t *buf;
	size_t len, cap;
	bool overflow;
};

static inline struct wr wr_of(void *buf, size_t cap)
{
	return (struct wr){ .buf = buf, .cap = cap };
}

static inline bool wr_ok(const struct wr *w)
{
	return !w->overflow;
}

static inline struct view wr_view(const struct wr *w)
{
	return (struct view){ w->buf, w->len };
}

/* Integers go out in network order. */
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_mem(struct wr *w, const void *p, size_t n);
void wr_put(struct wr *w, struct view v);
void wr_zero(struct wr *w, size_t n);

/*
 * Room for n bytes to be filled in later; returns where they start, or NULL after an overflow. The pointer is valid as
 * long as the buffer.
 */
uint8_t *wr_room(struct wr *w, size_t n);
/* Overwrites two bytes at offset at (written before) with v. Does nothing after an overflow. */
void wr_patch_u16(struct wr *w, size_t at, uint16_t v);
void wr_patch_u8(struct wr *w, size_t at, uint8_t v);

#endif
