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

IPSEC_API_BEGIN

struct ipsec;			/* an open door to one kernel (or to memory) */

typedef int ipsec_sa_fn(const struct ipsec_sa *sa, void *arg);		/* non-zero ends the dump and is returned */
typedef int ipsec_policy_fn(const struct ipsec_policy *pol, void *arg);
typedef void ipsec_event_fn(const struct ipsec_event *ev, void *arg);

/* One change, as a value. What the pointers point to is copied, or done with, when the call returns. */
enum ipsec_op_type {
	IPSEC_OP_SA_ADD,		/* .sa */
	IPSEC_OP_SA_UPDATE,		/* .sa */
	IPSEC_OP_SA_DELETE,		/* .sa_id */
	IPSEC_OP_SA_FLUSH,		/* .proto; 0: all */
	IPSEC_OP_POLICY_ADD,		/* .policy */
	IPSEC_OP_POLICY_UPDATE,		/* .policy */
	IPSEC_OP_POLICY_DELETE,		/* .policy, as a key */
	IPSEC_OP_POLICY_FLUSH,
	IPSEC_OPS
};

struct ipsec_op {
	uint8_t type;			/* enum ipsec_op_type */
	uint8_t proto;
	uint64_t tag;			/* the caller's own; comes back with the result */
	union {
		const struct ipsec_sa *sa;
		const struct ipsec_sa_id *sa_id;
		const struct ipsec_policy *policy;
	};
};

/* err is 0 or -errno; the sentence is ipsec_error()'s until the next call. */
typedef void ipsec_result_fn(uint64_t tag, int err, void *arg);
/* A message as the kernel sent it, which may hold keys. */
typedef void ipsec_raw_fn(const void *msg, size_t n, void *arg);

/*
 * Opens a backend: "xfrm", "pfkey", "fake", or NULL for the best one that this kernel has (xfrm, else pfkey). Returns 0
 * and *out (close with ipsec_close), or -errno; why[n] (may be NULL) then has one sentence for a person, naming the
 * kernel option, module or right that lacks.
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
/*
 * By index if key->index, else by sel, dir, mark, if_id, type. -ENOENT: there is none. What a dump gave (with both) is the
 * best key for deletions: Linux walks through all policies with prefixes for each that goes by its selector.
 */
int ipsec_policy_get(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out);
int ipsec_policy_delete(struct ipsec *ip, const struct ipsec_policy *key);
int ipsec_policy_flush(struct ipsec *ip);
int ipsec_policy_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg);

/* One change now, by the call above that is named like it. */
int ipsec_do(struct ipsec *ip, const struct ipsec_op *op);
/*
 * Many changes: as few system calls as the backend can, done in the order they were put. fn is called once for each, in
 * that order, from within put or end. One that fails does not stop those behind it. Between begin and end no other call
 * that changes or asks something may be made on ip (call end first). put returns 0, or -errno when nothing more can be
 * sent; end likewise, and after it every result was told. -EBUSY: a batch was begun already.
 */
int ipsec_batch_begin(struct ipsec *ip, ipsec_result_fn *fn, void *arg);
int ipsec_batch_put(struct ipsec *ip, const struct ipsec_op *op);
int ipsec_batch_end(struct ipsec *ip);

/*
 * n reqids above 0x3fff that no policy in the SPD uses and that were not given away through ip before: for the level
 * "unique" without a number. Reads the SPD once for every 16,384 of them. -ENOENT: not that many are free. PF_KEY can
 * carry none above 0x3fff: there they are taken from the top downwards.
 */
int ipsec_reqid_alloc(struct ipsec *ip, uint32_t *reqids, size_t n);

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
/* Changes when a living SA raises them. What PF_KEY never tells can be asked for with NEVER only. */
int ipsec_sa_ae(struct ipsec *ip, const struct ipsec_sa_id *id, enum ipsec_ae_when when);
int ipsec_event_fd(struct ipsec *ip);
int ipsec_events_read(struct ipsec *ip, ipsec_event_fn *fn, void *arg);

/* Shows fn every message that ipsec_events_read reads, before its events. NULL: no more. */
void ipsec_events_raw(struct ipsec *ip, ipsec_raw_fn *fn, void *arg);

/* Checks that need no kernel: sizes, ranges, a mode and a protocol that go together. 0, or -EINVAL and a sentence in why[n]. */
int ipsec_sa_check(const struct ipsec_sa *sa, char *why, size_t n);
int ipsec_policy_check(const struct ipsec_policy *pol, char *why, size_t n);

/* Only for the fake backend (others: -EOPNOTSUPP): tests put events into its queue, as the kernel would raise them. */
int ipsec_fake_event(struct ipsec *ip, const struct ipsec_event *ev);
/*
 * Only for the fake backend, too: of the changes to come (those of enum ipsec_op_type, if they pass the checks) the nth
 * (1: the next) changes nothing and fails with err (-errno), once. 0: none does.
 */
int ipsec_fake_fail(struct ipsec *ip, unsigned int nth, int err);

IPSEC_API_END

#endif
