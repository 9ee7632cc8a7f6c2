/* SPDX-License-Identifier: MIT */
/*
 * One API over every way to tell a kernel about SAs and policies: xfrm (netlink), pfkey (RFC 2367 socket) and fake
 * (in memory). Each is a const table of functions; callers use the ipsec_* calls below and never a backend by name.
 *
 * Errors are 0 or -errno as the kernel said it, -EOPNOTSUPP where the backend cannot express what is asked (then
 * ipsec_error() names it; nothing is silently weakened), -ENOBUFS where an answer was lost.
 */
#ifndef PFKEY_BACKEND_H
#define PFKEY_BACKEND_H

#include "pfkey/ipsec.h"

struct ipsec;			/* an open door to one kernel (or to memory) */

typedef int ipsec_sa_fn(const struct ipsec_sa *sa, void *arg);		/* non-zero ends the dump and is returned */
typedef int ipsec_policy_fn(const struct ipsec_policy *pol, void *arg);
typedef void ipsec_event_fn(const struct ipsec_event *ev, void *arg);

struct ipsec_backend {
	const char *name;
	int (*open)(struct ipsec *ip);
	void (*close)(struct ipsec *ip);
	int (*sa_add)(struct ipsec *ip, const struct ipsec_sa *sa, bool update);
	int (*sa_get)(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out);
	int (*sa_delete)(struct ipsec *ip, const struct ipsec_sa_id *id);
	int (*sa_flush)(struct ipsec *ip, uint8_t proto);
	int (*sa_dump)(struct ipsec *ip, ipsec_sa_fn *fn, void *arg);
	int (*spi_alloc)(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi);
	int (*policy_add)(struct ipsec *ip, const struct ipsec_policy *pol, bool update);
	int (*policy_get)(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out);
	int (*policy_delete)(struct ipsec *ip, const struct ipsec_policy *key);
	int (*policy_flush)(struct ipsec *ip);
	int (*policy_dump)(struct ipsec *ip, ipsec_policy_fn *fn, void *arg);
	int (*subscribe)(struct ipsec *ip);
	int (*subscribe_ae)(struct ipsec *ip, bool on);
	int (*event_fd)(struct ipsec *ip);
	int (*events_read)(struct ipsec *ip, ipsec_event_fn *fn, void *arg);
};

extern const struct ipsec_backend ipsec_backend_xfrm;
extern const struct ipsec_backend ipsec_backend_fake;

/*
 * Opens a backend: "xfrm", "fake", or NULL for the best one here. Returns 0 and *out (close with ipsec_close), or
 * -errno; why[n] (may be NULL) then has one sentence for a person, naming the kernel option, module or right that lacks.
 */
int ipsec_open(struct ipsec **out, const char *backend, char *why, size_t n);
void ipsec_close(struct ipsec *ip);
const char *ipsec_backend_name(const struct ipsec *ip);
/* One sentence about the last call on ip that failed (the kernel's own words where it gave some); "" if none. */
const char *ipsec_error(const struct ipsec *ip);

/* SADB_ADD, SADB_UPDATE. sa is copied. -EEXIST, -ESRCH (update of none), -EINVAL, -ENOENT/-ENOSYS (algorithm unknown). */
int ipsec_sa_add(struct ipsec *ip, const struct ipsec_sa *sa);
int ipsec_sa_update(struct ipsec *ip, const struct ipsec_sa *sa);
/* -ESRCH: there is none. */
int ipsec_sa_get(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out);
int ipsec_sa_delete(struct ipsec *ip, const struct ipsec_sa_id *id);
/* proto 0: every protocol. An empty SAD is no error. */
int ipsec_sa_flush(struct ipsec *ip, uint8_t proto);
/* Calls fn for each SA as it comes, in the kernel's order, holding no list. -EINTR: it changed under the dump, ask again. */
int ipsec_sa_dump(struct ipsec *ip, ipsec_sa_fn *fn, void *arg);
/* SADB_GETSPI: reserves an SPI in [min, max] for larval's src, dst, proto, mode, reqid (and acquire_seq). -ENOENT: none free. */
int ipsec_spi_alloc(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi);
/*
 * Removes the larval SA that an ACQUIRE left (src, dst, proto, mode, reqid, acquire_seq), so that the next packet
 * raises an ACQUIRE at once and not after net.core.xfrm_acq_expires. -ESRCH where there is none any more.
 */
int ipsec_larval_delete(struct ipsec *ip, const struct ipsec_sa *larval);

/* SADB_X_SPDADD (-EEXIST when it is there) and SADB_X_SPDUPDATE (adds or replaces, with no moment in between). */
int ipsec_policy_add(struct ipsec *ip, const struct ipsec_policy *pol);
int ipsec_policy_update(struct ipsec *ip, const struct ipsec_policy *pol);
/* By index if key->index, else by sel, dir, mark, if_id, type. -ENOENT: there is none. */
int ipsec_policy_get(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out);
int ipsec_policy_delete(struct ipsec *ip, const struct ipsec_policy *key);
int ipsec_policy_flush(struct ipsec *ip);
int ipsec_policy_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg);

/*
 * A reqid above 0x3fff that no policy in the SPD uses and that was not given away through ip before: for the level
 * "unique" without a number. -ENOENT: none found.
 */
int ipsec_reqid_alloc(struct ipsec *ip, uint32_t *reqid);

/*
 * Events: subscribe once, wait until event_fd is readable, then read. read takes what is there, calls fn for each, never
 * blocks, and returns the number of events or -errno. A lost event shows as IPSEC_EVENT_OVERRUN. Being subscribed to
 * ACQUIRE is also what makes the kernel keep larval SAs for us.
 */
int ipsec_subscribe(struct ipsec *ip);
/*
 * IPSEC_EVENT_AE comes only while it is wanted: by the kernel's defaults (net.core.xfrm_aevent_rseqth) a busy SA raises
 * one for every other packet. After ipsec_subscribe.
 */
int ipsec_subscribe_ae(struct ipsec *ip, bool on);
int ipsec_event_fd(struct ipsec *ip);
int ipsec_events_read(struct ipsec *ip, ipsec_event_fn *fn, void *arg);

/* Checks that need no kernel: sizes, ranges, a mode and a protocol that go together. 0, or -EINVAL and a sentence in why[n]. */
int ipsec_sa_check(const struct ipsec_sa *sa, char *why, size_t n);
int ipsec_policy_check(const struct ipsec_policy *pol, char *why, size_t n);

/* Only for the fake backend (others: -EOPNOTSUPP): tests put events into its queue, as the kernel would raise them. */
int ipsec_fake_event(struct ipsec *ip, const struct ipsec_event *ev);

#endif
