// SPDX-License-Identifier: MIT
// Finding out whether a NAT lies between us and a peer of IKEv1, and what quick mode says of it.
#include "keyd/ikev1/nat.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/report.h"
#include "keyd/ikev1/exchanges.h"
#include "keyd/wire/isakmp_id.h"

#include <string.h>

/* The vendor ids that we know, the best first. */
static const enum isakmp_vid known[] = { ISAKMP_VID_NAT_T, ISAKMP_VID_NAT_T_03, ISAKMP_VID_NAT_T_02_N, ISAKMP_VID_NAT_T_02 };

#define KNOWN (sizeof(known) / sizeof(known[0]))

/* Payload types and modes of encapsulation, as each speaks of them. */
static const struct words {
	uint8_t nat_d, nat_oa;
	uint16_t tunnel, transport;
} rfc_words = { ISAKMP_PL_NAT_D, ISAKMP_PL_NAT_OA, ISAKMP_ENCAP_UDP_TUNNEL, ISAKMP_ENCAP_UDP_TRANSPORT },
  draft_words = { ISAKMP_PL_NAT_D_DRAFT, ISAKMP_PL_NAT_OA_DRAFT, ISAKMP_ENCAP_UDP_TUNNEL_DRAFT, ISAKMP_ENCAP_UDP_TRANSPORT_DRAFT };

static const struct words *words_of(const struct ike_sa *sa)
{
	return sa->v1->nat_t == ISAKMP_VID_NAT_T ? &rfc_words : &draft_words;
}

static bool wanted(const struct ike_sa *sa)
{
	return sa->e->conf.nat_port && sa->peer->conf.nat != CONF_NAT_OFF;
}

/* --- vendor ids --- */

void v1_nat_put_vendors(const struct ike_sa *sa, struct wire_out *out)
{
	for (size_t i = 0; wanted(sa) && i < KNOWN; i++)
		if (sa->initiator || known[i] == sa->v1->nat_t)
			wire_payload_put(out, ISAKMP_PL_VENDOR, isakmp_vendor_bytes(known[i]));
}

static size_t rank(uint8_t vid)
{
	size_t i = 0;

	while (i < KNOWN && known[i] != vid)
		i++;
	return i;
}

void v1_nat_take_vendor(struct ike_sa *sa, enum isakmp_vid vid)
{
	if (wanted(sa) && rank((uint8_t)vid) < rank(sa->v1->nat_t))
		sa->v1->nat_t = (uint8_t)vid;
}

/* --- NAT-D --- */

static int hash_of(const struct ike_sa *sa, const struct ipsec_addr *addr, uint16_t port, uint8_t out[CRYPTO_PRF_MAX])
{
	return ikev1_nat_hash(sa->v1->suite.prf, sa->spi_i, sa->spi_r, (struct view){ addr->b, ipsec_addr_size(addr->family) }, port, out);
}

static void put_hash(struct ike_sa *sa, struct wire_out *out, const struct ipsec_addr *addr, uint16_t port)
{
	uint8_t hash[CRYPTO_PRF_MAX];

	if (!hash_of(sa, addr, port, hash))
		wire_payload_put(out, words_of(sa)->nat_d, (struct view){ hash, sa->v1->suite.prf->prf });
}

void v1_nat_put(struct exchange *x, struct wire_out *out)
{
	static const struct ipsec_addr nowhere = { .family = AF_INET };
	struct ike_sa *sa = x->sa;
	bool force = sa->peer->conf.nat == CONF_NAT_FORCE;

	if (!sa->v1->nat_t || !wanted(sa) || (!sa->initiator && x->v1.phase1->type == ISAKMP_EXCH_MAIN && !sa->nat_asked))
		return;
	/* The other end first (RFC 3947 3.2). No datagram comes from address 0 and port 0: the peer sees a NAT where there is none. */
	put_hash(sa, out, &sa->remote, sa->remote_port);
	put_hash(sa, out, force ? &nowhere : &sa->local, force ? 0 : sa->local_port);
}

static bool is_hash_of(const struct ike_sa *sa, const struct wire_payload *p, const struct ipsec_addr *addr, uint16_t port)
{
	uint8_t hash[CRYPTO_PRF_MAX];

	return !hash_of(sa, addr, port, hash) && p->body.n == sa->v1->suite.prf->prf && !memcmp(p->body.p, hash, p->body.n);
}

void v1_nat_take(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	const struct wire_payload *p = sa->v1->nat_t && wanted(sa) ? wire_find(&x->m, words_of(sa)->nat_d) : NULL;
	bool source = false;

	if (!p)
		return;
	sa->nat_asked = true;
	sa->nat_local = !is_hash_of(sa, p, &x->from.local, x->from.local_port);
	/* The peer may have several addresses, and name them all. */
	while ((p = wire_next(&x->m, words_of(sa)->nat_d, p)))
		source = source || is_hash_of(sa, p, &x->from.remote, x->from.remote_port);
	sa->nat_remote = !source;
	sa->encap = sa->nat_remote || sa->nat_local || sa->peer->conf.nat == CONF_NAT_FORCE;
	/* Who is behind a NAT and can be reached all the same has a mapping that stays; who began has not. */
	sa->nat_follow = sa->nat_remote && !(sa->nat_local && sa->initiator);
}

static const char *found(const struct ike_sa *sa)
{
	if (sa->nat_local && sa->nat_remote)
		return "both ends are behind NATs";
	if (sa->nat_local)
		return "we are behind a NAT";
	return sa->nat_remote ? "the peer is behind a NAT, or says so" : "no NAT, and UDP is configured";
}

void v1_nat_settle(struct ike_sa *sa)
{
	if (!sa->encap)
		return;
	if (sa->local_port == sa->e->conf.nat_port) {
		report_sa(sa, LOG_LEVEL_NOTICE, "NAT", "found", "%s: ESP goes in UDP, port %u to %u (%s)", found(sa), sa->local_port,
			  sa->remote_port, isakmp_vendor_name(sa->v1->nat_t));
		return;
	}
	sa->encap = sa->nat_follow = false;
	report_sa(sa, LOG_LEVEL_WARNING, "NAT", "unused", "%s, but the peer goes on at our port %u and not at %u: ESP goes bare, and may "
		  "not get through", found(sa), sa->local_port, sa->e->conf.nat_port);
}

/* --- quick mode --- */

static bool is_transport(const struct child_sa *c)
{
	return c->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT;
}

uint16_t v1_encap_of(const struct child_sa *c)
{
	const struct words *words = words_of(c->sa);

	if (c->sa->encap)
		return is_transport(c) ? words->transport : words->tunnel;
	return is_transport(c) ? ISAKMP_ENCAP_TRANSPORT : ISAKMP_ENCAP_TUNNEL;
}

static void put_address(struct wire_out *out, uint8_t type, const struct ipsec_addr *a)
{
	size_t mark = wire_payload_begin(out, type);

	isakmp_nat_oa_put(&out->w, (struct view){ a->b, ipsec_addr_size(a->family) });
	wire_payload_end(out, mark);
}

void v1_nat_put_addresses(struct exchange *x, const struct child_sa *c, struct wire_out *out)
{
	const struct ike_sa *sa = x->sa;
	uint8_t type = words_of(sa)->nat_oa;

	if (!sa->encap || !is_transport(c))
		return;
	/* As we see them: where the peer stands behind a NAT, that is the NAT's. */
	put_address(out, type, x->ops ? &sa->local : &sa->remote);
	put_address(out, type, x->ops ? &sa->remote : &sa->local);
}
