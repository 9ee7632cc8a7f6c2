/* SPDX-License-Identifier: MIT */
/* A machine: a daemon (the engine), its kernel, its clock, its line to the network. */
#ifndef TESTS_SIM_HOST_H
#define TESTS_SIM_HOST_H

#include "keyd/ike/engine.h"
#include "tests/sim/nat.h"
#include "tests/sim/records.h"
#include "tests/sim/sad.h"
#include "tests/sim/kspd.h"

struct sim;

struct host {
	struct sim *w;
	unsigned index;
	const char *name;
	struct ipsec_addr addr;
	struct conf conf;
	struct engine *engine;		/* NULL: no daemon runs */
	unsigned life;			/* of which daemon: what was meant for another one does not arrive */
	unsigned dropped;		/* what daemons up to this one have asked for is not done any more */
	bool off;			/* the machine is away */
	uint64_t cut_until;		/* its network is */
	int64_t wall;			/* seconds that somebody has set the clock by */
	uint64_t asked_until, told_until;	/* when what is in the channels to and from the kernel is through */
	uint64_t deadline;		/* of the engine, in the world's time */
	uint64_t sent[32];		/* hashes of what it sent last */
	unsigned nsent;
	struct records records;		/* what the next daemon gets of this one */
	bool killed;			/* its daemon does nothing any more, */
	unsigned countdown;		/* or after so many further steps; 0: it lives on */
	uint64_t back_after;		/* µs, then the next one begins */
	struct sad sad;
	struct kspd spd;
	struct nat nat;
};

/* Its clock, µs, when the world's is at now. */
uint64_t host_clock(const struct host *h);
/* The wall clock, seconds. */
uint64_t host_seconds(const struct host *h);

void host_init(struct sim *w, unsigned index);
void host_free(struct host *h);
/* A daemon begins: it is told all policies and SAs. */
void host_start(struct host *h);
/* It ends without a word. executed: what it had asked of the kernel is still done. */
void host_stop(struct host *h, bool executed);
/* The same with a next one that begins after that long; it gets the records if there are any. */
void host_restart(struct host *h, bool executed, uint64_t back_after);
/* It is killed in its next steps, and the next one goes on where it was. */
void host_kill(struct host *h, unsigned steps, uint64_t back_after);
/* The machine forgets all that is not written down. */
void host_forget(struct host *h);
/* After each call into the engine. */
void host_settle(struct host *h);
void host_tick(struct host *h);
/* The kernel tells its daemon something. */
void host_tell(struct host *h, const struct ipsec_event *ev);
/* A datagram has come in. */
struct engine_datagram;
void host_datagram(struct host *h, const struct engine_datagram *d);

#endif
