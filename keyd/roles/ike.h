/* SPDX-License-Identifier: MIT */
/* Between the files of the ike role: what it knows, and who may ask what of it. */
#ifndef KEYD_ROLES_IKE_H
#define KEYD_ROLES_IKE_H

#include "keyd/ike/engine.h"
#include "keyd/roles/ike_pending.h"
#include "keyd/roles/state.h"
#include "keyd/roles/udp.h"
#include "keyd/roles/worker.h"

#define UNREACHABLE_MAX 16		/* ICMP errors that may wait to be told */

struct ike {
	struct worker *w;
	struct engine *engine;
	struct udp *udp;
	struct loop_timer *timer;
	struct conf next;		/* being handed over; peers and pools owned */
	unsigned int next_room, next_pools, next_creds, next_cas;	/* that BEGIN announced */
	unsigned int npeers;		/* of the configuration in use */
	struct pending kern, auth, trust;	/* requests without an answer yet */
	struct pending refused, distrusted;	/* requests to auth and trust that could not be sent */
	bool details;			/* somebody watches */
	uint32_t events_missed;		/* by the ctl role, since the last that it got */
	bool mirrored, ready;		/* the kernel's SPD is known; the parent has been told */
	bool met;			/* auth and trust were there at least once: proofs can be made and judged */
	struct engine_unreachable unreachable[UNREACHABLE_MAX];
	unsigned int nunreachable;	/* that the engine has not been told yet */
	int keylog[ENGINE_KEY_TABLES];	/* files of the key log; -1: it is off */
	bool keylog_failed;		/* and that has been said */
	bool thawed;
	struct state *state;		/* what outlives this process; NULL: nothing does */
	int state_fd;
	uint64_t began_at;
	bool state_full;		/* and that has been said */
};

/* The one of this process. */
extern struct ike ike;

/* After each call into the engine: answers that will never come, then the clock. */
void ike_settle(void);
/* Tells the parent, once there is an engine that knows the kernel's policies. */
void ike_ready(void);

/* ike_hooks.c */
extern const struct engine_hooks ike_hooks;

/* ike_parent.c, ike_ctl.c: what those send. */
extern const struct ipc_rule ike_from_parent[], ike_from_ctl[];
/* Keys are given away while there is a file for each kind. */
bool ike_keylog_on(void);
/* What the parent has handed over is given up. */
void ike_conf_clear(void);
void ike_keylog_close(void);

/* ike_thaw.c: goes on with what the process before this one knew. */
void ike_thaw(void);
/* Two processes have died of this datagram: it is dropped, with a word about it. */
bool ike_poisonous(const struct engine_datagram *d);
/* After a while: what was given to it is nothing to die of. */
void ike_fine(void);

#endif
