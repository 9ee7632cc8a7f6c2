/* SPDX-License-Identifier: MIT */
/* What a version of IKE does for the engine: ike/ calls these, ikev2/ provides them, so that includes point one way. */
#ifndef KEYD_IKE_VERSION_H
#define KEYD_IKE_VERSION_H

#include "keyd/ike/child_sa.h"

/* Each begins something and returns; what it comes to shows later. */
struct exchange;
struct frost;
struct exchange_ops;

struct ike_version {
	uint8_t major;			/* of the header; what conf_peer.version says */
	bool rekeys_prove;		/* a rekey of the IKE SA is a new one, by whose proofs the old one's children go on */
	const char *(*exchange_name)(uint8_t type);	/* for logs; never NULL */
	void (*initiate)(struct ike_sa *sa, struct child_sa *first);	/* takes over first (may be NULL) */
	void (*create_child)(struct ike_sa *sa, struct child_sa *c);	/* takes over c */
	void (*rekey_child)(struct child_sa *old);
	void (*delete_child)(struct child_sa *c);
	void (*rekey_ike)(struct ike_sa *sa);
	void (*delete_ike)(struct ike_sa *sa);
	void (*liveness)(struct ike_sa *sa);
	/* An empty request behind all that waits; then is called with its answer. */
	void (*confirm)(struct ike_sa *sa, void (*then)(struct ike_sa *sa));
	/* May this exchange of ours begin in the state that the SA is in? */
	bool (*may_begin)(const struct ike_sa *sa, const struct exchange *x);
	void (*send_next)(struct ike_sa *sa);		/* the window is free: starts sa->active */
	bool (*closes_child)(const struct exchange *x);	/* is it a DELETE for the child x->old_spi? */
	const struct exchange_ops *(*kept)(uint8_t number);	/* NULL: there is none */
	void (*resume)(struct ike_sa *sa);		/* sa->active was sent by an engine before this one */
	void (*input)(struct engine *e, const struct engine_datagram *d);
	/* These may be NULL. */
	bool (*proves)(const struct ike_sa *sa);	/* half-open: has the peer said who it is? NULL: once out of IKE_INIT */
	void (*child_up)(struct child_sa *c);		/* it sends from now on */
	void (*drop)(struct ike_sa *sa);		/* it ends, and all that is under way on it */
	void (*freed)(struct ike_sa *sa);		/* it is freed, and so is sa->v1 */
	struct view (*key)(const struct ike_sa *sa);	/* the one that encrypts both ways; empty: none yet. NULL: sa->keys has them */
	void (*walk)(struct frost *f, struct ike_sa *sa);	/* what it has of its own; reading makes sa->v1 */
	void (*thawed)(struct ike_sa *sa);		/* all has been read: its timers */
	/* Inbound SPIs that the kernel is being asked for in the peer's name, beside those of sa->serving. How many. */
	unsigned (*left)(const struct ike_sa *sa, uint32_t *spis, unsigned max);
	struct exchange *(*maker)(const struct ike_sa *sa, const struct child_sa *c);	/* of the peer's, beside sa->serving */
};

extern const struct ike_version ikev1_version, ikev2_version;

/* That a section names. */
static inline const struct ike_version *ike_version_of(const struct conf_peer *conf)
{
	return conf->version == ikev1_version.major ? &ikev1_version : &ikev2_version;
}

#endif
