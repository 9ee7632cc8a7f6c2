/* SPDX-License-Identifier: MIT */
/* What a sync says: what it would change or has changed, and what went wrong. No keys. */
#ifndef SETKEY_SYNC_TELL_H
#define SETKEY_SYNC_TELL_H

#include "setkey/apply/apply.h"
#include "setkey/sync/plan.h"

/* The changes in the order in which their first deeds are done, and a summary. done: they are made. 0 or -ENOMEM. */
int sync_tell_plan(const struct sync_plan *plan, const struct apply *ap, bool json, bool done);

/*
 * The refusal of a statement (NULL: of none), like that of a load. why may be empty; what says what was refused, where
 * that is not the statement itself, or is NULL. Returns err.
 */
int sync_refuse(struct apply *ap, const struct statement *st, int err, const char *why, const char *what);
/* The refusal of a change. */
int sync_refuse_change(struct apply *ap, const struct sync_change *c, int err, const char *why);
/* A statement that describes no state. */
void sync_no_state(struct apply *ap, const struct statement *st);
/* Two statements that cannot both hold. */
void sync_contradiction(struct apply *ap, const struct statement *st, const struct statement *before);
/* A sentence about the whole. */
__attribute__((format(printf, 2, 3))) void sync_say(struct apply *ap, const char *fmt, ...);

#endif
