// SPDX-License-Identifier: MIT
/* What names an SA or a policy to the kernel, as bytes that can be compared. */
#include "setkey/sync/key.h"

#include <string.h>

enum { KIND_SA, KIND_POLICY, KIND_PAIR };

static void begin(struct sync_key_buf *buf, uint8_t kind)
{
	buf->bytes[0] = kind;
	buf->n = 1;
}

static void put(struct sync_key_buf *buf, const void *p, size_t n)
{
	if (n > sizeof(buf->bytes) - buf->n)
		n = sizeof(buf->bytes) - buf->n;
	memcpy(buf->bytes + buf->n, p, n);
	buf->n += n;
}

#define PUT(buf, field) put(buf, &(field), sizeof(field))

static void put_addr(struct sync_key_buf *buf, const struct ipsec_addr *addr)
{
	PUT(buf, addr->family);
	put(buf, addr->b, ipsec_addr_size(addr->family));
}

static void put_mark(struct sync_key_buf *buf, const struct ipsec_mark *mark)
{
	PUT(buf, mark->value);
	PUT(buf, mark->mask);
}

struct sync_key sync_key_sa(struct sync_key_buf *buf, const struct ipsec_sa_id *id)
{
	begin(buf, KIND_SA);
	put_addr(buf, &id->dst);
	PUT(buf, id->proto);
	PUT(buf, id->spi);
	put_mark(buf, &id->mark);
	return (struct sync_key){ buf->bytes, buf->n };
}

struct sync_key sync_key_policy(struct sync_key_buf *buf, const struct ipsec_policy *pol)
{
	const struct ipsec_selector *s = &pol->sel;

	begin(buf, KIND_POLICY);
	PUT(buf, pol->dir);
	PUT(buf, pol->type);
	put_addr(buf, &s->src);
	put_addr(buf, &s->dst);
	PUT(buf, s->src_len);
	PUT(buf, s->dst_len);
	PUT(buf, s->proto);
	PUT(buf, s->sport);
	PUT(buf, s->sport_mask);
	PUT(buf, s->dport);
	PUT(buf, s->dport_mask);
	PUT(buf, s->ifindex);
	put_mark(buf, &pol->mark);
	PUT(buf, pol->if_id);
	put(buf, pol->ctx, strnlen(pol->ctx, sizeof(pol->ctx)));
	return (struct sync_key){ buf->bytes, buf->n };
}

struct sync_key sync_key_pair(struct sync_key_buf *buf, const struct ipsec_addr *src, const struct ipsec_addr *dst)
{
	begin(buf, KIND_PAIR);
	put_addr(buf, src);
	put_addr(buf, dst);
	return (struct sync_key){ buf->bytes, buf->n };
}

int sync_key_cmp(const void *a, const void *b)
{
	const struct sync_key *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return memcmp(x->bytes, y->bytes, x->n);
}
