/* SPDX-License-Identifier: MIT */
/*
 * A model of Linux' SAD: which SA a packet takes, larval SAs, lifetimes by time, bytes and packets, replay windows. The
 * functions of the kernel that it follows are named in sad.c.
 */
#ifndef TESTS_SIM_SAD_H
#define TESTS_SIM_SAD_H

#include "keyd/kern/request.h"
#include "keyd/util/list.h"
#include "tests/sim/nat.h"

#define SAD_ACQUIRE_EXPIRES 30	/* s, as Linux has it */
#define SAD_REPLAY_MAX 4096

struct host;
struct key;

struct ksa {
	struct list link;
	struct ipsec_sa sa;
	uint64_t number;		/* of its addition */
	uint64_t add_s;			/* the second in which it was added, by the wall clock; or one before that it goes on */
	bool larval, dying, outbound;
	bool used;			/* a packet has come in by it */
	bool excused;			/* its daemon has given the peer up: what comes for it may be lost */
	struct key *key;
	unsigned range;			/* of its key's sequence numbers */
	uint64_t top, seen[SAD_REPLAY_MAX / 64];	/* replay window */
};

struct sad {
	struct list sas;		/* the newest first, as in the kernel's chains */
	uint64_t last;
	uint32_t acquire_seq;
	unsigned acquire_expires;	/* s, net.core.xfrm_acq_expires */
	uint32_t *forgotten;		/* inbound SPIs whose keys nobody here has any more, and not by the daemon's doing */
	unsigned nforgotten;
};

void sad_init(struct host *h);
/* Everything goes. forget: what is still sent to it is lost, and nobody's fault. */
void sad_clear(struct host *h, bool forget);
/* By hand: everything goes, and that is told, if there was anything. */
void sad_flush(struct host *h);
int sad_add(struct host *h, const struct ipsec_sa *sa);
int sad_delete(struct host *h, const struct ipsec_sa *sa);
void sad_delete_larval(struct host *h, const struct ipsec_sa *sa);
void sad_delete_larvals(struct host *h);
/* As kern/move.c asks for it. */
int sad_move(struct host *h, const struct kern_request *rq);
struct ksa *sad_find(struct host *h, const struct ipsec_addr *dst, uint32_t spi);
bool sad_forgot(const struct host *h, uint32_t spi);

/* Which SA a packet takes that a template is for; NULL: none. *waits: one is being made. */
struct ksa *sad_select(struct host *h, const struct ipsec_tmpl *t, const struct ipsec_addr *src,
		       const struct ipsec_addr *dst, const struct ipsec_selector *flow, bool *waits);
/* A larval SA, and an ACQUIRE, if there is a daemon. */
void sad_acquire(struct host *h, const struct ipsec_policy *pol, const struct ipsec_addr *src,
		 const struct ipsec_addr *dst, const struct ipsec_selector *flow);
/* A packet comes to it. False: a limit is met, and the SA is over. */
bool sad_limits(struct host *h, struct ksa *s);
/* It has gone through. */
void sad_count(struct ksa *s);
/* Is a sequence number new? NULL: yes; else why not. */
extern const char SAD_TWICE[];
const char *sad_replay(const struct ksa *s, uint64_t seq);
/* It will not be. */
void sad_received(struct ksa *s, uint64_t seq);

#endif
