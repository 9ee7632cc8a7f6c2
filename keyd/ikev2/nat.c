// SPDX-License-Identifier: MIT
// Finding out whether a NAT lies between us and the peer, and what follows from that.
#include "keyd/ikev2/nat.h"

#include "keyd/crypto/hash.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/message.h"

#include <string.h>

/* RFC 7296 2.23: SHA-1 over both SPIs, in the order of the header, an address and a port. 0 or -1. */
static int hash_of(const uint8_t spi_i[8], const uint8_t spi_r[8], const struct ipsec_addr *addr, uint16_t port,
		   uint8_t out[CRYPTO_SHA1_LEN])
{
	uint8_t bytes[2] = { (uint8_t)(port >> 8), (uint8_t)port };
	struct view parts[] = { { spi_i, 8 }, { spi_r, 8 }, { addr->b, ipsec_addr_size(addr->family) },
				{ bytes, sizeof(bytes) } };

	return crypto_sha1(parts, sizeof(parts) / sizeof(parts[0]), out);
}

static void put_hash(struct ike_sa *sa, struct wire_out *out, uint16_t notify, const struct ipsec_addr *addr,
		     uint16_t port)
{
	uint8_t hash[CRYPTO_SHA1_LEN];

	if (!hash_of(sa->spi_i, sa->spi_r, addr, port, hash))
		message_put_notify(out, notify, (struct view){ hash, sizeof(hash) });
}

static bool wanted(const struct ike_sa *sa)
{
	return sa->e->conf.nat_port && sa->peer->conf.nat != CONF_NAT_OFF;
}

void nat_put_notifies(struct ike_sa *sa, struct wire_out *out)
{
	static const struct ipsec_addr nowhere = { .family = AF_INET };
	bool force = sa->peer->conf.nat == CONF_NAT_FORCE;

	if (!wanted(sa) || (!sa->initiator && !sa->nat_asked))
		return;
	/* No datagram comes from address 0 and port 0: the peer sees a NAT where there is none. */
	put_hash(sa, out, IKEV2_N_NAT_DETECTION_SOURCE_IP, force ? &nowhere : &sa->local, force ? 0 : sa->local_port);
	put_hash(sa, out, IKEV2_N_NAT_DETECTION_DESTINATION_IP, &sa->remote, sa->remote_port);
}

/* Is there such a notify, and none that has the hash of this address and port? The peer may send several (2.23). */
static bool differs(const struct wire_message *m, uint16_t notify, const struct ipsec_addr *addr, uint16_t port,
		    bool *there)
{
	const struct wire_payload *p = NULL;
	uint8_t hash[CRYPTO_SHA1_LEN];
	struct wire_notify n;

	*there = false;
	if (hash_of(m->h.spi_i, m->h.spi_r, addr, port, hash))
		return false;
	while ((p = wire_next(m, IKEV2_PL_NOTIFY, p))) {
		if (wire_notify_get(&n, p->body) || n.type != notify)
			continue;
		*there = true;
		if (n.data.n == sizeof(hash) && !memcmp(n.data.p, hash, sizeof(hash)))
			return false;
	}
	return *there;
}

void nat_take_notifies(struct ike_sa *sa, const struct wire_message *m, const struct path *from)
{
	bool source, destination;

	if (!wanted(sa))
		return;
	sa->nat_remote = differs(m, IKEV2_N_NAT_DETECTION_SOURCE_IP, &from->remote, from->remote_port, &source);
	sa->nat_local = differs(m, IKEV2_N_NAT_DETECTION_DESTINATION_IP, &from->local, from->local_port, &destination);
	sa->nat_asked = source || destination;
	sa->encap = sa->nat_asked &&
		    (sa->nat_remote || sa->nat_local || sa->peer->conf.nat == CONF_NAT_FORCE);
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

void nat_settle(struct ike_sa *sa)
{
	if (!sa->encap)
		return;
	if (sa->initiator)
		path_float(sa);
	if (sa->local_port == sa->e->conf.nat_port) {
		report_sa(sa, LOG_LEVEL_NOTICE, "NAT", "found", "%s: ESP goes in UDP, port %u to %u", found(sa),
			  sa->local_port, sa->remote_port);
		return;
	}
	sa->encap = sa->nat_follow = false;
	report_sa(sa, LOG_LEVEL_WARNING, "NAT", "unused", "%s, but the peer goes on at our port %u and not at %u: "
		  "ESP goes bare, and may not get through", found(sa), sa->local_port, sa->e->conf.nat_port);
}
