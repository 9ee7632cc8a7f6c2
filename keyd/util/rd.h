/* SPDX-License-Identifier: MIT */
/* A reading cursor over untrusted bytes: every read is checked, nothing is copied, nothing is read beyond the end. */
#ifndef KEYD_UTIL_RD_H
#define KEYD_UTIL_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to somebody else and live as long as their buffer does. */
struct view {
	const uint8_t *p;
	size_t n;
};

struct rd {
	const uint8_t *p, *end;
};

#define RD_MUST_CHECK __attribute__((warn_unused_result))

static inline struct rd rd_of(const void *p, size_t n)
{
	/* Nothing is nowhere: to add even 0 to NULL is undefined. */
	return (struct rd){ p, n ? (const uint8_t *)p + n : p };
}

static inline struct rd rd_of_view(struct view v)
{
	return rd_of(v.p, v.n);
}

static inline size_t rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

/* Each returns 0, or -1 with the cursor and *out unchanged when too little is left. Integers come from network order. */
RD_MUST_CHECK int rd_u8(struct rd *r, uint8_t *out);
RD_MUST_CHECK int rd_u16(struct rd *r, uint16_t *out);
RD_MUST_CHECK int rd_u32(struct rd *r, uint32_t *out);
RD_MUST_CHECK int rd_u64(struct rd *r, uint64_t *out);
RD_MUST_CHECK int rd_view(struct rd *r, size_t n, struct view *out);
RD_MUST_CHECK int rd_skip(struct rd *r, size_t n);
/* A child over the next n bytes, which r then has passed. */
RD_MUST_CHECK int rd_sub(struct rd *r, size_t n, struct rd *child);
/* All that is left; r is then at its end. */
struct view rd_rest(struct rd *r);

/* The same bytes but for the case of ASCII's letters, as names of hosts compare (RFC 4343). NUL is a byte like others. */
bool view_equal_nocase(struct view a, struct view b);

#endif
