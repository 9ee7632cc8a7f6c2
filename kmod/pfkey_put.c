// SPDX-License-Identifier: GPL-2.0-only
/* PF_KEY messages to user space: room is zeroed before it is given out, and all lengths are counted here. */
#include "pfkey.h"

#define FIRST_ROOM 512		/* an SA with its keys */

static void *room(struct pfkey_msg *m, size_t n)
{
	if (m->err)
		return NULL;
	if (skb_tailroom(m->skb) < n) {
		/* Twice as much each time, so that a long proposal is not copied for each line of it. */
		m->err = pskb_expand_head(m->skb, 0, max_t(size_t, n, m->skb->len), m->gfp);
		if (m->err)
			return NULL;
	}
	return skb_put_zero(m->skb, n);
}

void pfkey_msg_start(struct pfkey_msg *m, u8 type, u8 satype, gfp_t gfp)
{
	struct sadb_msg *msg;

	*m = (struct pfkey_msg){ .gfp = gfp };
	m->skb = alloc_skb(FIRST_ROOM, gfp);
	if (!m->skb) {
		m->err = -ENOMEM;
		return;
	}
	memset(m->skb->cb, 0, sizeof(m->skb->cb));
	msg = skb_put_zero(m->skb, sizeof(*msg));
	msg->sadb_msg_version = PF_KEY_V2;
	msg->sadb_msg_type = type;
	msg->sadb_msg_satype = satype;
}

void *pfkey_put_more(struct pfkey_msg *m, size_t n)
{
	size_t whole = ALIGN(n, PFKEY_WORD), words;
	struct sadb_ext *ext;
	void *p = room(m, whole);

	if (!p)
		return NULL;
	ext = (void *)m->skb->data + m->last;
	words = ext->sadb_ext_len + whole / PFKEY_WORD;
	if (words > U16_MAX)
		m->err = -EMSGSIZE;
	ext->sadb_ext_len = words;
	return m->err ? NULL : p;
}

void *pfkey_put(struct pfkey_msg *m, u16 type, size_t n)
{
	struct sadb_ext *ext;

	if (!m->err && n > U16_MAX)
		m->err = -EMSGSIZE;
	if (m->err)
		return NULL;
	m->last = m->skb->len;
	ext = room(m, ALIGN(n, PFKEY_WORD));
	if (!ext)
		return NULL;
	ext->sadb_ext_len = ALIGN(n, PFKEY_WORD) / PFKEY_WORD;
	ext->sadb_ext_type = type;
	return ext;
}

void pfkey_msg_extended(struct pfkey_msg *m)
{
	if (!m->err)
		PFKEY_CB(m->skb)->plain = m->skb->len;
}

struct sk_buff *pfkey_msg_end(struct pfkey_msg *m, u32 seq, u32 pid)
{
	struct sadb_msg *msg;

	if (!m->err && m->skb->len / PFKEY_WORD > U16_MAX)
		m->err = -EMSGSIZE;
	if (m->err) {
		kfree_skb(m->skb);
		return ERR_PTR(m->err);
	}
	msg = (void *)m->skb->data;
	msg->sadb_msg_len = m->skb->len / PFKEY_WORD;
	msg->sadb_msg_seq = seq;
	msg->sadb_msg_pid = pid;
	return m->skb;
}

struct sk_buff *pfkey_msg_head(const struct sadb_msg *msg, int err, gfp_t gfp)
{
	struct sadb_msg *head;
	struct pfkey_msg m;

	pfkey_msg_start(&m, msg->sadb_msg_type, msg->sadb_msg_satype, gfp);
	if (!m.err) {
		head = (void *)m.skb->data;
		head->sadb_msg_errno = err;
	}
	return pfkey_msg_end(&m, msg->sadb_msg_seq, msg->sadb_msg_pid);
}

/* ---- extensions that messages share ---- */

static size_t sockaddr_put(void *p, const xfrm_address_t *a, u16 family, __be16 port)
{
	struct sockaddr_in6 *sin6 = p;
	struct sockaddr_in *sin = p;

	sin->sin_family = family;
	sin->sin_port = port;
	if (family != AF_INET6) {
		sin->sin_addr.s_addr = a->a4;
		return sizeof(*sin);
	}
	sin6->sin6_addr = a->in6;
	return sizeof(*sin6);
}

void pfkey_put_addr(struct pfkey_msg *m, u16 type, const xfrm_address_t *a, u16 family, __be16 port, u8 prefixlen,
		    u8 proto)
{
	struct sadb_address *x = pfkey_put(m, type, sizeof(*x) + pfkey_pair_size(family) / 2);

	if (!x)
		return;
	x->sadb_address_proto = proto;
	x->sadb_address_prefixlen = prefixlen;
	sockaddr_put(x + 1, a, family, port);
}

void pfkey_put_pair(struct pfkey_msg *m, const xfrm_address_t *src, const xfrm_address_t *dst, u16 family)
{
	void *p = pfkey_put_more(m, pfkey_pair_size(family));

	if (p)
		sockaddr_put(p + sockaddr_put(p, src, family, 0), dst, family, 0);
}

/* No limit is all ones in the kernel and 0 here; limits of packets have 32 bits here. */
static u64 limit(u64 kernel)
{
	return kernel == XFRM_INF ? 0 : kernel;
}

void pfkey_put_lifetime(struct pfkey_msg *m, u16 type, const struct xfrm_lifetime_cfg *lft)
{
	bool hard = type == SADB_EXT_LIFETIME_HARD;
	struct sadb_lifetime *x = pfkey_put(m, type, sizeof(*x));

	if (!x)
		return;
	x->sadb_lifetime_allocations = limit(hard ? lft->hard_packet_limit : lft->soft_packet_limit);
	x->sadb_lifetime_bytes = limit(hard ? lft->hard_byte_limit : lft->soft_byte_limit);
	x->sadb_lifetime_addtime = hard ? lft->hard_add_expires_seconds : lft->soft_add_expires_seconds;
	x->sadb_lifetime_usetime = hard ? lft->hard_use_expires_seconds : lft->soft_use_expires_seconds;
}

void pfkey_put_current(struct pfkey_msg *m, const struct xfrm_lifetime_cur *cur)
{
	struct sadb_lifetime *x = pfkey_put(m, SADB_EXT_LIFETIME_CURRENT, sizeof(*x));

	if (!x)
		return;
	x->sadb_lifetime_allocations = cur->packets;
	x->sadb_lifetime_bytes = cur->bytes;
	x->sadb_lifetime_addtime = cur->add_time;
	x->sadb_lifetime_usetime = cur->use_time;
}

void pfkey_put_ctx(struct pfkey_msg *m, const struct xfrm_sec_ctx *ctx)
{
	struct sadb_x_sec_ctx *x;

	if (!ctx)
		return;
	x = pfkey_put(m, SADB_X_EXT_SEC_CTX, sizeof(*x) + ctx->ctx_len);
	if (!x)
		return;
	x->sadb_x_ctx_alg = ctx->ctx_alg;
	x->sadb_x_ctx_doi = ctx->ctx_doi;
	x->sadb_x_ctx_len = ctx->ctx_len;
	memcpy(x + 1, ctx->ctx_str, ctx->ctx_len);
}
