// SPDX-License-Identifier: MIT
/* What PF_KEY messages share: addresses, selectors, lifetimes, labels. */
#include "pfkey/pfkey.h"

#include <errno.h>
#include <string.h>

#define CTX_DOI_LSM 1
#define CTX_ALG_SELINUX 1

void pfkey_addr_put(struct pfkey_msg *m, uint16_t type, const struct ipsec_addr *a, uint8_t len, uint16_t port, uint8_t proto)
{
	struct sockaddr_storage ss;
	socklen_t n = ipsec_addr_to_sockaddr(a, port, &ss);
	struct sadb_address *x = pfkey_ext_room(m, type, sizeof(*x) + n);

	x->sadb_address_proto = proto;
	x->sadb_address_prefixlen = len;
	memcpy(x + 1, &ss, n);
}

void pfkey_addr_get(struct pfkey_addr *a, const struct pfkey_exts *t, uint16_t type)
{
	const struct sadb_address *x = t->e[type];

	memset(a, 0, sizeof(*a));
	if (!x)
		return;
	/* Its length has been checked. */
	ipsec_addr_from_sockaddr(&a->addr, &a->port, (const struct sockaddr *)(x + 1),
				 (socklen_t)(x->sadb_address_len * sizeof(uint64_t) - sizeof(*x)));
	a->len = x->sadb_address_prefixlen;
	a->proto = x->sadb_address_proto == PFKEY_PROTO_ANY ? 0 : x->sadb_address_proto;
}

size_t pfkey_pair_size(uint16_t family)
{
	return 2 * (family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
}

void pfkey_pair_put(void *p, const struct ipsec_addr *src, const struct ipsec_addr *dst)
{
	struct sockaddr_storage ss;
	socklen_t n = ipsec_addr_to_sockaddr(src, 0, &ss);

	memcpy(p, &ss, n);
	ipsec_addr_to_sockaddr(dst, 0, &ss);
	memcpy((char *)p + n, &ss, n);
}

int pfkey_pair_get(struct ipsec_addr *src, struct ipsec_addr *dst, const void *p, size_t n)
{
	size_t one;

	if (ipsec_addr_from_sockaddr(src, NULL, p, (socklen_t)n))
		return -EBADMSG;
	one = pfkey_pair_size(src->family) / 2;
	if (n < 2 * one || ipsec_addr_from_sockaddr(dst, NULL, (const struct sockaddr *)((const char *)p + one), (socklen_t)one) ||
	    dst->family != src->family)
		return -EBADMSG;
	return 0;
}

void pfkey_selector_put(struct pfkey_msg *m, const struct ipsec_selector *s)
{
	uint8_t proto = s->proto ? s->proto : PFKEY_PROTO_ANY;

	pfkey_addr_put(m, SADB_EXT_ADDRESS_SRC, &s->src, s->src_len, s->sport, proto);
	pfkey_addr_put(m, SADB_EXT_ADDRESS_DST, &s->dst, s->dst_len, s->dport, proto);
}

int pfkey_selector_get(struct ipsec_selector *s, const struct pfkey_exts *t)
{
	struct pfkey_addr src, dst;

	memset(s, 0, sizeof(*s));
	pfkey_addr_get(&src, t, SADB_EXT_ADDRESS_SRC);
	pfkey_addr_get(&dst, t, SADB_EXT_ADDRESS_DST);
	if (!src.addr.family || src.addr.family != dst.addr.family || src.len > ipsec_addr_bits(src.addr.family) ||
	    dst.len > ipsec_addr_bits(dst.addr.family))
		return -EBADMSG;
	s->src = src.addr;
	s->dst = dst.addr;
	s->src_len = src.len;
	s->dst_len = dst.len;
	s->proto = dst.proto;		/* the same in both; the kernel, too, takes the second */
	s->sport = src.port;
	s->dport = dst.port;
	s->sport_mask = src.port ? 0xffff : 0;
	s->dport_mask = dst.port ? 0xffff : 0;
	return 0;
}

static void lifetime_put(struct pfkey_msg *m, uint16_t type, const struct ipsec_lifetime *lt)
{
	struct sadb_lifetime *x = pfkey_ext_room(m, type, sizeof(*x));

	x->sadb_lifetime_allocations = (uint32_t)lt->packets;	/* Linux counts packets with it */
	x->sadb_lifetime_bytes = lt->bytes;
	x->sadb_lifetime_addtime = lt->add_seconds;
	x->sadb_lifetime_usetime = lt->use_seconds;
}

/* Always both: af_key refuses one without the other. */
void pfkey_lifetimes_put(struct pfkey_msg *m, const struct ipsec_lifetime *soft, const struct ipsec_lifetime *hard)
{
	lifetime_put(m, SADB_EXT_LIFETIME_HARD, hard);
	lifetime_put(m, SADB_EXT_LIFETIME_SOFT, soft);
}

static struct ipsec_lifetime lifetime_get(const struct pfkey_exts *t, uint16_t type)
{
	const struct sadb_lifetime *x = t->e[type];

	if (!x)
		return (struct ipsec_lifetime){ 0 };
	return (struct ipsec_lifetime){ .packets = x->sadb_lifetime_allocations, .bytes = x->sadb_lifetime_bytes,
					.add_seconds = x->sadb_lifetime_addtime, .use_seconds = x->sadb_lifetime_usetime };
}

void pfkey_lifetimes_get(const struct pfkey_exts *t, struct ipsec_lifetime *soft, struct ipsec_lifetime *hard,
			 struct ipsec_usage *usage)
{
	struct ipsec_lifetime now = lifetime_get(t, SADB_EXT_LIFETIME_CURRENT);

	*soft = lifetime_get(t, SADB_EXT_LIFETIME_SOFT);
	*hard = lifetime_get(t, SADB_EXT_LIFETIME_HARD);
	usage->bytes = now.bytes;
	usage->packets = now.packets;
	usage->add_time = now.add_seconds;
	usage->use_time = now.use_seconds;
}

bool pfkey_lifetimes_fit(const struct ipsec_lifetime *soft, const struct ipsec_lifetime *hard)
{
	return soft->packets <= UINT32_MAX && hard->packets <= UINT32_MAX;
}

void pfkey_ctx_put(struct pfkey_msg *m, const char *ctx)
{
	size_t n = strlen(ctx) + 1;
	struct sadb_x_sec_ctx *x;

	if (n == 1)
		return;
	x = pfkey_ext_room(m, SADB_X_EXT_SEC_CTX, sizeof(*x) + n);
	x->sadb_x_ctx_doi = CTX_DOI_LSM;
	x->sadb_x_ctx_alg = CTX_ALG_SELINUX;
	x->sadb_x_ctx_len = (uint16_t)n;
	memcpy(x + 1, ctx, n);
}

int pfkey_ctx_get(const struct pfkey_exts *t, char ctx[IPSEC_CTX_MAX])
{
	const struct sadb_x_sec_ctx *x = t->e[SADB_X_EXT_SEC_CTX];
	size_t n;

	ctx[0] = '\0';
	if (!x)
		return 0;
	n = strnlen((const char *)(x + 1), x->sadb_x_ctx_len);	/* it counts the NUL, and need not have one */
	if (n >= IPSEC_CTX_MAX)
		return -EBADMSG;
	memcpy(ctx, x + 1, n);
	ctx[n] = '\0';
	return 0;
}

uint8_t pfkey_mode_put(uint8_t mode)
{
	return mode == IPSEC_MODE_TUNNEL ? PFKEY_MODE_TUNNEL : mode == IPSEC_MODE_BEET ? PFKEY_MODE_BEET : PFKEY_MODE_TRANSPORT;
}

uint8_t pfkey_mode_get(uint8_t mode)
{
	switch (mode) {
	case PFKEY_MODE_TRANSPORT:
		return IPSEC_MODE_TRANSPORT;
	case PFKEY_MODE_TUNNEL:
		return IPSEC_MODE_TUNNEL;
	case PFKEY_MODE_BEET:
		return IPSEC_MODE_BEET;
	}
	return IPSEC_MODE_ANY;
}
