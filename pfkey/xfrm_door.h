/* SPDX-License-Identifier: MIT */
/* What the files of the xfrm backend share: its sockets, a request and a dump, and the calls of its table. */
#ifndef PFKEY_XFRM_DOOR_H
#define PFKEY_XFRM_DOOR_H

#include "pfkey/handle.h"
#include "pfkey/xfrm.h"
#include "pfkey/xfrm_error.h"
#include "pfkey/xfrm_sock.h"

struct xfrm_batch;

/*
 * All sockets are made at the start: they belong to the network namespace (and the rights) the process had then, whatever
 * becomes of it later.
 */
struct xfrm_door {
	struct xfrm_sock ask;
	struct xfrm_sock dump;		/* apart from ask: who reads a dump may make requests meanwhile */
	struct xfrm_sock events;
	bool dumping, subscribed;
	uint32_t asked, has;		/* bits of enum xfrm_feature: found out, and found to be there */
	struct xfrm_batch *batch;	/* NULL: none was begun yet */
};

static inline struct xfrm_door *xfrm_door(struct ipsec *ip)
{
	return ip->state;
}

/* One request, and its answer to fn. The message is cleansed, as it may hold keys. As xfrm_sock_request. */
int xfrm_request(struct ipsec *ip, struct xfrm_msg *m, xfrm_answer_fn *fn, void *arg);
/* A dump (XFRM_MSG_GETSA, XFRM_MSG_GETPOLICY); fn may make requests and dumps of its own. */
int xfrm_dump(struct ipsec *ip, uint16_t type, xfrm_answer_fn *fn, void *arg);

/* What kernels since 2.6.39 have not always had. They pass over attributes they do not know, so they must be asked. */
enum xfrm_feature {
	XFRM_HAS_OUTPUT_MARK, XFRM_HAS_IF_ID, XFRM_HAS_OFFLOAD, XFRM_HAS_DIR, XFRM_HAS_NAT_KEEPALIVE, XFRM_HAS_POLICY_OFFLOAD,
	XFRM_HAS_LABELS, XFRM_FEATURES
};

/* A set of them, as bits. */
uint32_t xfrm_sa_needs(const struct ipsec_sa *sa);
uint32_t xfrm_policy_needs(const struct ipsec_policy *pol);
/*
 * Finds out, once for each, whether the kernel has what is needed. Changes nothing (see xfrm_has.c for the one exception).
 * 0, -EOPNOTSUPP and a sentence with the version that has it, or another -errno.
 */
int xfrm_need(struct ipsec *ip, uint32_t needs);

/* xfrm_sad.c, xfrm_spd.c: calls of struct ipsec_backend. */
int xfrm_sad_add(struct ipsec *ip, const struct ipsec_sa *sa, bool update);
int xfrm_sad_read(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out);
int xfrm_sad_ae(struct ipsec *ip, const struct ipsec_sa_id *id, enum ipsec_ae_when when);
int xfrm_sad_delete(struct ipsec *ip, const struct ipsec_sa_id *id);
int xfrm_sad_flush(struct ipsec *ip, uint8_t proto);
int xfrm_sad_dump(struct ipsec *ip, ipsec_sa_fn *fn, void *arg);
int xfrm_sad_alloc(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi);
void xfrm_sad_flush_put(struct xfrm_msg *m, uint8_t proto);
int xfrm_spd_add(struct ipsec *ip, const struct ipsec_policy *pol, bool update);
int xfrm_spd_read(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out);
int xfrm_spd_delete(struct ipsec *ip, const struct ipsec_policy *key);
int xfrm_spd_flush(struct ipsec *ip);
int xfrm_spd_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg);

/* xfrm_bulk.c */
int xfrm_bulk_put(struct ipsec *ip, const struct ipsec_op *op);
int xfrm_bulk_end(struct ipsec *ip);

#endif
