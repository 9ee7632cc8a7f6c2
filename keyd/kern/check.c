// SPDX-License-Identifier: MIT
// Checks requests to the kernel as if their sender had been taken over.
#include "keyd/kern/door.h"

#include "keyd/kern/policy.h"
#include "pfkey/backend.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

#define SPI_MIN 256		/* RFC 4303 2.1: 1 to 255 are reserved */
#define REPLAY_MAX 4096

static int refuse(char *why, size_t n, const char *text)
{
	snprintf(why, n, "%s", text);
	return -EINVAL;
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

static bool alg_sane(const struct ipsec_alg *a)
{
	return ends(a->name, sizeof(a->name)) && a->key_bits % 8 == 0 && a->key_bits <= IPSEC_KEY_MAX * 8;
}

static bool family_sane(uint16_t family)
{
	return family == AF_INET || family == AF_INET6;
}

static bool limit_sane(uint64_t soft, uint64_t hard)
{
	return !soft || !hard || soft <= hard;
}

/* What would be read beyond its end or is beyond any use, for every request. */
static int check_shape(const struct ipsec_sa *sa, char *why, size_t n)
{
	if (!alg_sane(&sa->aead) || !alg_sane(&sa->enc) || !alg_sane(&sa->auth) || !alg_sane(&sa->comp))
		return refuse(why, n, "an algorithm's name or key length is not sane");
	if (!ends(sa->ctx, sizeof(sa->ctx)))
		return refuse(why, n, "the security label does not end");
	if (sa->proto != IPPROTO_ESP && sa->proto != IPPROTO_AH && sa->proto != IPPROTO_COMP)
		return refuse(why, n, "the protocol is not ESP, AH or IPComp");
	if (!family_sane(sa->dst.family))
		return refuse(why, n, "the destination is not an IPv4 or IPv6 address");
	return 0;
}

static int check_ends(const struct ipsec_sa *sa, char *why, size_t n)
{
	if (sa->src.family != sa->dst.family)
		return refuse(why, n, "source and destination are of different families");
	if (ipsec_addr_is_any(&sa->src) || ipsec_addr_is_any(&sa->dst))
		return refuse(why, n, "an end of the SA is no address of a host");
	return 0;
}

/* ESP in UDP as RFC 3948 has it, or none. */
static int check_encap(const struct ipsec_encap *encap, char *why, size_t n)
{
	if (encap->type && (encap->type != UDP_ENCAP_ESPINUDP || !encap->sport || !encap->dport))
		return refuse(why, n, "the UDP encapsulation is of no known kind, or without ports");
	return 0;
}

static int check_move(const struct kern_request *rq, char *why, size_t n)
{
	if (check_ends(&rq->sa, why, n) || check_encap(&rq->sa.encap, why, n))
		return -EINVAL;
	if (rq->sa.spi < SPI_MIN)
		return refuse(why, n, "the SPI is one of the reserved");
	return rq->old_dst.family == rq->sa.dst.family ? 0 : refuse(why, n, "an SA cannot move to another family");
}

static int check_add(const struct ipsec_sa *sa, char *why, size_t n)
{
	if (check_ends(sa, why, n) || check_encap(&sa->encap, why, n))
		return -EINVAL;
	if (sa->spi < SPI_MIN)
		return refuse(why, n, "the SPI is one of the reserved");
	if (!sa->hard.add_seconds || sa->hard.add_seconds > DOOR_LIFETIME_MAX)
		return refuse(why, n, "the SA has no end, or one too far away");
	if (!limit_sane(sa->soft.add_seconds, sa->hard.add_seconds) || !limit_sane(sa->soft.bytes, sa->hard.bytes) ||
	    !limit_sane(sa->soft.use_seconds, sa->hard.use_seconds) ||
	    !limit_sane(sa->soft.packets, sa->hard.packets))
		return refuse(why, n, "a soft limit lies behind the hard one");
	if (sa->replay_window > REPLAY_MAX)
		return refuse(why, n, "the replay window is too large");
	return ipsec_sa_check(sa, why, n);
}

static bool prefix_sane(const struct ipsec_addr *a, uint8_t len)
{
	struct ipsec_addr first, last;

	if (!family_sane(a->family) || len > ipsec_addr_bits(a->family))
		return false;
	ipsec_addr_prefix_range(a, len, &first, &last);
	return ipsec_addr_equal(a, &first);
}

static int check_traffic(const struct kern_allows *allowed, const struct kern_traffic *t, char *why, size_t n)
{
	struct ipsec_policy pol;

	if (t->reqid - KERN_OWN_REQID >= KERN_OWN_REQIDS || !t->n || t->n > KERN_TRAFFIC_MAX)
		return refuse(why, n, "the reqid is not one of keyd's own, or there are too many selectors");
	if (!family_sane(t->local.family) || t->local.family != t->remote.family || ipsec_addr_is_any(&t->local) ||
	    ipsec_addr_is_any(&t->remote))
		return refuse(why, n, "an end of the tunnel is no address of a host");
	for (unsigned int i = 0; i < t->n; i++) {
		const struct ipsec_selector *s = &t->sel[i];

		if (!prefix_sane(&s->src, s->src_len) || !prefix_sane(&s->dst, s->dst_len) ||
		    s->src.family != s->dst.family || s->ifindex)
			return refuse(why, n, "a selector is not sane");
		policy_of_traffic(t, i, IPSEC_DIR_OUT, &pol);
		if (ipsec_policy_check(&pol, why, n))
			return -EINVAL;
		if (t->transport && (!ipsec_addr_equal(&s->src, &t->local) || !ipsec_addr_equal(&s->dst, &t->remote) ||
				     s->src_len != ipsec_addr_bits(s->src.family) || s->dst_len != s->src_len))
			return refuse(why, n, "transport mode is between the two ends");
		if (allowed && !allows_selector(allowed, t, i))
			return refuse(why, n, "no \"traffic\" in the configuration has these networks");
	}
	return 0;
}

static int check_guard(const struct kern_allows *allowed, const struct ipsec_selector *sel, char *why, size_t n)
{
	struct ipsec_policy pol;

	if (!prefix_sane(&sel->src, sel->src_len) || !prefix_sane(&sel->dst, sel->dst_len) ||
	    sel->src.family != sel->dst.family || sel->ifindex)
		return refuse(why, n, "this is no network");
	policy_of_guard(sel, IPSEC_DIR_OUT, &pol);
	if (ipsec_policy_check(&pol, why, n))
		return -EINVAL;
	return !allowed || allows_guard(allowed, sel) ? 0 :
	       refuse(why, n, "no pool and no \"drop\" in the configuration has this network");
}

static int check_virtual(const struct kern_allows *allowed, const struct kern_virtual *v, char *why, size_t n)
{
	if (!family_sane(v->addr.family) || ipsec_addr_is_any(&v->addr) || v->n > KERN_ROUTES_MAX ||
	    !ends(v->interface, sizeof(v->interface)))
		return refuse(why, n, "the address to be set is not sane");
	if (!allowed)
		return 0;
	if (!family_sane(v->gateway.family) || ipsec_addr_is_any(&v->gateway))
		return refuse(why, n, "the gateway has no address");
	for (unsigned int i = 0; i < v->n; i++)
		if (!prefix_sane(&v->to[i].addr, v->to[i].len))
			return refuse(why, n, "a route is not sane");
	return allows_virtual(allowed, v) ? 0 : refuse(why, n, "no \"virtual-address\" in the configuration has this interface and "
								"these networks");
}

static int check_sa(const struct kern_request *rq, char *why, size_t n)
{
	if (check_shape(&rq->sa, why, n))
		return -EINVAL;
	switch (rq->op) {
	case KERN_SA_ADD: return check_add(&rq->sa, why, n);
	case KERN_SA_MOVE: return check_move(rq, why, n);
	case KERN_LARVAL_DELETE: return check_ends(&rq->sa, why, n);
	default: return rq->sa.spi ? 0 : refuse(why, n, "there is no SPI");
	}
}

/* What is to be removed was made under an older configuration perhaps: of that it is only asked to be keyd's own. */
int door_check(const struct kern_allows *allowed, const struct kern_request *rq, char *why, size_t n)
{
	switch (rq->op) {
	case KERN_TRAFFIC_SET: return check_traffic(allowed, &rq->traffic, why, n);
	case KERN_TRAFFIC_CLEAR: return check_traffic(NULL, &rq->traffic, why, n);
	case KERN_GUARD_SET: return check_guard(allowed, &rq->guard, why, n);
	case KERN_GUARD_CLEAR: return check_guard(NULL, &rq->guard, why, n);
	case KERN_VIRTUAL_SET: return check_virtual(allowed, &rq->virtual, why, n);
	case KERN_SOURCE_GET:
		return family_sane(rq->source.family) ? 0 : refuse(why, n, "this is no address of a host");
	case KERN_VIRTUAL_CLEAR: return check_virtual(NULL, &rq->virtual, why, n);
	default: return rq->op < KERN_OPS ? check_sa(rq, why, n) : refuse(why, n, "there is no such request");
	}
}
