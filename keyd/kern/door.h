/* SPDX-License-Identifier: MIT */
/* The one door to the kernel's SAD and SPD: checks what it is asked, does it, and tells what happens there. */
#ifndef KEYD_KERN_DOOR_H
#define KEYD_KERN_DOOR_H

#include "keyd/kern/allow.h"

#include <stdbool.h>
#include <stddef.h>

/* Longest hard lifetime that an SA may have, seconds. */
#define DOOR_LIFETIME_MAX (31u * 86400)

struct door;
struct ipsec;

/* Who listens. Keys have been wiped out of what is told. A dump ends when a hook returns non-zero. */
struct door_hooks {
	int (*event)(void *arg, const struct ipsec_event *ev);
	int (*orphan)(void *arg, const struct ipsec_sa *sa);
	int (*told)(void *arg);		/* after an overrun everything has been told again; may be NULL */
};

/* Opens backend (NULL: xfrm) and subscribes to its events. 0, or -errno and one sentence in why[n]. */
int door_open(struct door **out, const char *backend, const struct door_hooks *hooks, void *arg, char *why, size_t n);
/* The same over what is open already, and which the door takes over (after an error it is closed). */
int door_over(struct door **out, struct ipsec *ip, const struct door_hooks *hooks, void *arg, char *why, size_t n);
/* NULL is allowed. */
void door_close(struct door *d);
const char *door_backend(const struct door *d);

/* Readable when there are events. */
int door_fd(const struct door *d);
/*
 * Tells the events that are there; after an overrun everything again (door_tell). Returns how many there were, or
 * -errno.
 */
int door_read(struct door *d);
/* POLICY_FLUSH, a POLICY_NEW for each policy, then each SA that is no larval one as an orphan. 0, -errno, or what a hook returned. */
int door_tell(struct door *d);

/*
 * Removes the larval SAs that ACQUIREs left to an engine that is gone: the next packet asks again at once, and not after
 * net.core.xfrm_acq_expires. 0 or -errno.
 */
int door_forget_larvals(struct door *d);

/* From now on this is all that keyd may make by itself; takes over what a owns. */
void door_allow(struct door *d, struct kern_allows *a);

/*
 * Whether a request makes sense, whoever sent it: sizes, names, a lifetime that ends, policies and addresses as the
 * configuration has them. 0, or -EINVAL and one sentence in why[n].
 */
int door_check(const struct kern_allows *allowed, const struct kern_request *rq, char *why, size_t n);
/* Checks rq, does it, fills *an and wipes the keys in *rq. */
void door_execute(struct door *d, struct kern_request *rq, struct kern_answer *an);

#endif
