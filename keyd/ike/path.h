/* SPDX-License-Identifier: MIT */
/*
 * The addresses and ports between which an IKE SA and its ESP go, and how they change: a peer behind a NAT is where its
 * newest authenticated packet came from (RFC 7296 2.23).
 */
#ifndef KEYD_IKE_PATH_H
#define KEYD_IKE_PATH_H

#include "keyd/ike/engine.h"

struct child_sa;
struct ike_sa;
struct peer;

struct path {
	struct ipsec_addr local, remote;
	uint16_t local_port, remote_port;
};

#define PATH_STRLEN (2 * IPSEC_ADDR_STRLEN + 20)

struct path path_of(const struct ike_sa *sa);
struct path path_of_datagram(const struct engine_datagram *d);
bool path_equal(const struct path *a, const struct path *b);
/* "192.0.2.1:4500 - 198.51.100.7:31207" into buf[n], returned. */
const char *path_format(const struct path *p, char *buf, size_t n);

/* Where an IKE SA that we begin goes first: from port to port, or between the NAT ports where the peer has no other. */
struct path path_to(const struct engine *e, const struct peer *peer, const struct ipsec_addr *local,
		    const struct ipsec_addr *remote);
/* On to the NAT ports, before IKE_AUTH. */
void path_float(struct ike_sa *sa);

/*
 * A request or an answer came that is authentic and was never seen before. In IKE_AUTH the responder follows it to the
 * NAT ports; later both IKE SA and children follow a peer that is behind a NAT, and no other.
 */
void path_heard(struct ike_sa *sa, const struct path *from);
/* The kernel took ESP in UDP from another address or port than it sends to (IPSEC_EVENT_MAPPING). */
void path_mapped(struct engine *e, const struct ipsec_event *ev);
/* The kernel has both SAs of c: they are moved if the path has changed meanwhile. */
void path_follow(struct child_sa *c);

#endif
