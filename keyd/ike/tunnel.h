/* SPDX-License-Identifier: MIT */
/*
 * A tunnel that keyd begins and keeps up by itself, for traffic that it makes the policies for: a road warrior's, with
 * addresses that the gateway assigns (RFC 7296 2.19), or one between networks that both ends name. From "up" to "down" it
 * is made again whenever it fails; meanwhile addresses, routes and policies stay, so that programs keep their connections
 * and nothing goes in clear.
 */
#ifndef KEYD_IKE_TUNNEL_H
#define KEYD_IKE_TUNNEL_H

#include "keyd/ike/engine_state.h"
#include "keyd/ike/frost.h"

struct child_sa;
struct ike_sa;
struct traffic;

enum { TUNNEL_V4, TUNNEL_V6, TUNNEL_FAMILIES };

/* An assigned address on the interface, with routes that use it. */
struct tunnel_addr {
	struct tunnel *tunnel;
	struct kern_virtual v;		/* addr AF_UNSPEC: there is none */
	bool there;			/* the kernel has it as v says */
	struct ask ask;
};

struct tunnel {
	struct list link;
	struct keep keep;
	struct engine *e;
	char peer[CONF_NAME_MAX];	/* its section */
	bool wanted;			/* false: nobody begins it again */
	struct ipsec_addr local, remote;	/* ends of the last attempt */
	struct traffic *traffic;	/* NULL: no attempt yet */
	struct ipsec_addr given[TUNNEL_FAMILIES];	/* by the gateway; AF_UNSPEC: none */
	struct engine_resolv resolv;	/* and what it said beside it, */
	struct engine_resolv told;	/* as it was told last */
	struct tunnel_addr set[TUNNEL_FAMILIES];
	unsigned tries;			/* that failed since it was up */
	uint64_t pause;			/* before the next try, where the usual one is too short; 0: it is not */
	struct timer retry;
	bool looked;			/* its name is being looked up; what is begun next does not ask again */
	struct ask ask;			/* which address of ours leads to the peer */
};

/* Its record, see freeze.h; and one made of a record, whose number it keeps. 0, or -1: the record is of no use. */
bool tunnel_walk(struct frost *f, struct tunnel *t);
int tunnel_thaw(struct engine *e, struct frost *f, uint64_t id);
void tunnel_touch(struct tunnel *t);
/* Everything is there again: those that are wanted and have no child go on trying. */
void tunnels_thawed(struct engine *e);

void tunnels_init(struct engine *e);
/* Forgets all; addresses and routes stay. */
void tunnels_free(struct engine *e);
/* What they wait for may be there: those that try again later do so now. */
void tunnels_hurry(struct engine *e);
/* Settings have changed, or the kernel is there: what is not configured any more is not begun again; what is to start by itself does. */
void tunnels_configure(struct engine *e);

/* Commands. Does this peer's section make a tunnel that keyd can begin? */
bool tunnel_possible(const struct conf_peer *conf);
/* Wanted from now on, and begun unless it is up or under way. */
void tunnel_up(struct engine *e, const struct conf_peer *conf);
/* Not wanted any more: addresses and routes go, and t with them. The caller ends its IKE SAs. */
void tunnel_end(struct tunnel *t);
/* A name was looked up: tunnels there that wait for that begin. */
void tunnels_looked(struct engine *e, const char *host);
/* By the name of its peer, or NULL. */
struct tunnel *tunnel_find(const struct engine *e, const char *peer);

/* An event, and a line in the log. */
void tunnel_tell(const struct tunnel *t, enum engine_event_type type, const char *text);

/* Of the peer that sa is with, or NULL. */
struct tunnel *tunnel_of(const struct ike_sa *sa);
/* The gateway has no address for us: no use in trying again soon. */
void tunnel_pause(struct tunnel *t);
/* c agreed on other traffic than it began with: that is now the tunnel's. */
void tunnel_adopt(const struct child_sa *c);
/* c sends: its addresses go onto the interface. */
void tunnel_sends(const struct child_sa *c);
/* c is gone, and t was its traffic: the tunnel is begun again, if it is one, is wanted, and has no other child. */
void tunnel_child_gone(struct engine *e, struct traffic *t);
/* A packet waits for t. */
void tunnel_asked(struct engine *e, struct traffic *t);

/* What the gateway has assigned is put onto the interface, and its name servers are told; and all that goes again. */
void tunnel_addresses_set(struct tunnel *t, const struct conf_peer *conf);
void tunnel_addresses_clear(struct tunnel *t);
/* The same of traffic that a keyd before us left, and that no setting asks for any more. */
void tunnel_addresses_forget(struct engine *e, const struct traffic *traffic);

/* t was left by a keyd before us. True: a tunnel has it now, and is begun; or it is gone, as no setting asks for it. */
bool tunnel_found(struct engine *e, struct traffic *t);
/* The same, as it is found: its addresses are not given to others. */
void tunnel_reserve(struct engine *e, const struct traffic *t);

#endif
