/* SPDX-License-Identifier: MIT */
/* Carries out a plan, or takes back what it did of it. */
#ifndef SETKEY_SYNC_DO_H
#define SETKEY_SYNC_DO_H

#include "setkey/sync/plan.h"

/*
 * drain_ms: how long SAs that were in use and go still live once nothing points to them. SIGINT and SIGTERM, until the
 * first thing would be removed: all is taken back; later: all is finished, but without waiting. 0, or -errno after the
 * refusal, and what became of the rest, was told.
 */
int sync_do(struct sync_plan *plan, struct apply *ap, unsigned int drain_ms);

#endif
