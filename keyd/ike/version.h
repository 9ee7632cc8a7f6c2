/* SPDX-License-Identifier: MIT */
/* What a version of IKE does for the engine: ike/ calls these, ikev2/ provides them, so that includes point one way. */
#ifndef KEYD_IKE_VERSION_H
#define KEYD_IKE_VERSION_H

#include "keyd/ike/child_sa.h"

/* Each begins something and returns; what it comes to shows later. */
struct exchange;
struct exchange_ops;

struct ike_version {
	void (*initiate)(struct ike_sa *sa, struct child_sa *first);	/* takes over first (may be NULL) */
	void (*create_child)(struct ike_sa *sa, struct child_sa *c);	/* takes over c */
	void (*rekey_child)(struct child_sa *old);
	void (*delete_child)(struct child_sa *c);
	void (*rekey_ike)(struct ike_sa *sa);
	void (*delete_ike)(struct ike_sa *sa);
	void (*liveness)(struct ike_sa *sa);
	/* An empty request behind all that waits; then is called with its answer. */
	void (*confirm)(struct ike_sa *sa, void (*then)(struct ike_sa *sa));
	void (*send_next)(struct ike_sa *sa);		/* the window is free: starts sa->active */
	bool (*closes_child)(const struct exchange *x);	/* is it a DELETE for the child x->old_spi? */
	const struct exchange_ops *(*kept)(uint8_t number);	/* NULL: there is none */
	void (*resume)(struct ike_sa *sa);		/* sa->active was sent by an engine before this one */
	void (*input)(struct engine *e, const struct engine_datagram *d);
};

extern const struct ike_version ikev2_version;

#endif
