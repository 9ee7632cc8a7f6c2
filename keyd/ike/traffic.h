/* SPDX-License-Identifier: MIT */
/*
 * Traffic that keyd makes the kernel's policies for by itself (RFC 4301 4.4.1), as the inner address of a client is known
 * only when it comes: a set of selectors with one reqid, which no other traffic has. Its policies are in the kernel before
 * the first SA, and stay for a while after the last one: what is to be sent then waits for the next SA, and never goes in
 * clear. Children that replace one another, also on another IKE SA, share it.
 */
#ifndef KEYD_IKE_TRAFFIC_H
#define KEYD_IKE_TRAFFIC_H

#include "keyd/ike/engine_state.h"
#include "keyd/ike/frost.h"
#include "keyd/wire/ts.h"

struct child_sa;
struct ike_sa;

struct traffic {
	struct list link;
	struct keep keep;
	struct table_node by_reqid, by_sel;	/* by_sel once it is agreed */
	struct engine *e;
	unsigned refs;			/* children, and the tunnel that keeps it */
	bool agreed;			/* the selectors are known */
	bool set;			/* its policies are in the kernel */
	bool fresh;			/* asked for just now, and not there before */
	bool found;			/* put there by a keyd before us, and not used yet */
	struct conf_id owner;		/* the peer's identity; CONF_ID_ANY: not known */
	struct kern_traffic t;
	struct ipsec_policy pol;	/* what its children have: the first selector, and the reqid */
	uint64_t linger;		/* the policies stay so long after the last child, microseconds */
	struct timer end;
	bool acquired;			/* an ACQUIRE came when there was no child */
	uint32_t acquire_seq;
};

/* Its record, see freeze.h; and one made of a record, whose number it keeps. 0, or -1: the record is of no use. */
bool traffic_walk(struct frost *f, struct traffic *t);
int traffic_thaw(struct engine *e, struct frost *f, uint64_t id);
/* All that had it is there again: what nobody has goes when its time is over. */
void traffics_thawed(struct engine *e);

void traffics_init(struct engine *e);
/* Forgets all and leaves the kernel's policies alone. */
void traffics_free(struct engine *e);

/* With a reqid of its own, and selectors to be agreed on; one reference for the caller. NULL without memory. */
struct traffic *traffic_new(struct engine *e, bool transport);
/* By reqid; NULL: there is none. */
struct traffic *traffic_find(const struct engine *e, uint32_t reqid);
bool traffic_is_own(const struct ipsec_policy *pol);
/*
 * What has exactly these selectors in this mode and belongs to owner, or a new one; one reference for the caller. What belongs to
 * somebody else by now ends at once. n is 1 to KERN_TRAFFIC_MAX. NULL without memory.
 */
struct traffic *traffic_for(struct engine *e, const struct ipsec_selector *sel, unsigned n, bool transport,
			    const struct conf_id *owner);
/* Has it a packet in common with one of n selectors? */
bool traffic_meets(const struct traffic *t, const struct ipsec_selector *sel, unsigned n);
void traffic_hold(struct traffic *t);
void traffic_put(struct traffic *t);
/* Ends at once what nobody has. */
void traffic_end(struct traffic *t);

/* The selectors of one side, each once. */
void traffic_side(const struct traffic *t, bool local, struct wire_ts_list *out);
/*
 * The pairs of the two lists, as prefixes. How many, or 0: none of one family, more than KERN_TRAFFIC_MAX, or something
 * that no kernel selector can say.
 */
unsigned traffic_pairs(const struct wire_ts_list *local, const struct wire_ts_list *remote,
		       struct ipsec_selector out[KERN_TRAFFIC_MAX]);

/* Fills in the request that puts the policies of c's traffic between the ends of its IKE SA. False: they are there. */
bool traffic_request(const struct child_sa *c, struct kern_request *rq);
/* The kernel did not let us. */
void traffic_refused(const struct child_sa *c);
/* c sends to another address now. */
void traffic_follow(const struct child_sa *c);

/* The kernel asks for an SA for a policy of ours. */
void traffic_acquired(struct engine *e, const struct ipsec_event *ev);
/* A policy of ours is there, or is gone; or the kernel's policies are told anew. */
void traffic_heard(struct engine *e, const struct ipsec_policy *pol);
void traffic_vanished(struct engine *e, const struct ipsec_policy *pol);
void traffics_reassert(struct engine *e);

#endif
