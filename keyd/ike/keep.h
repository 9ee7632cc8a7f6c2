/* SPDX-License-Identifier: MIT */
/*
 * What survives an engine: things that have a record, which of them have changed since it was given away, and what waits
 * to leave until it has been.
 */
#ifndef KEYD_IKE_KEEP_H
#define KEYD_IKE_KEEP_H

#include "keyd/util/list.h"

#include <stdbool.h>
#include <stdint.h>

enum keep_kind { KEEP_IKE_SA = 1, KEEP_CHILD, KEEP_STRAGGLER, KEEP_TRAFFIC, KEEP_TUNNEL, KEEP_KINDS };

struct engine;
struct engine_datagram;
struct kern_request;

/* Part of whatever has a record. Zero-initialised it has none and has not changed. */
struct keep {
	struct list link;		/* in engine.touched; next NULL: in no list */
	uint64_t id;			/* of the record; 0: none has been given away yet */
	uint8_t kind;			/* enum keep_kind */
	bool known;			/* a record of it counts now */
};

/* It has changed: a new record is given away at the end of the call. */
void keep_touch(struct engine *e, struct keep *k, enum keep_kind kind);
/* It is being freed. */
void keep_end(struct engine *e, struct keep *k);

/* They leave at the end of the call, in the order of coming, when all that they depend on is kept. */
void leave_send(struct engine *e, const struct engine_datagram *d);
void leave_kern(struct engine *e, const struct kern_request *rq);
/* At the end of each call into the engine: frees SAs that have ended, keeps what has changed, lets go what waits. */
void engine_settle(struct engine *e);
/* What waits is let go, and nothing is kept or forgotten from now on. */
void keep_close(struct engine *e);

#endif
