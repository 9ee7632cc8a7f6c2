/* SPDX-License-Identifier: MIT */
/* The changes that statements make: given to libpfkey one by one or many at a time, their refusals told in order. */
#ifndef SETKEY_APPLY_CHANGE_H
#define SETKEY_APPLY_CHANGE_H

#include "setkey/apply/apply.h"

/* Which of a statement's changes it is, for messages. */
struct change {
	const struct statement *st;
	const struct ipsec_addr *src, *dst;	/* of names that have several addresses; NULL: of no interest */
	bool fwd;				/* the policy that follows an in policy */
};

/* Does it, or gathers it. 0, or -1 when it was refused already. What op points to need not stay. */
int change_put(struct apply *ap, const struct change *ch, struct ipsec_op *op);
/* All that was gathered is done, and told. */
void change_settle(struct apply *ap);
/* Tells that err (and the sentence why, which may be "") was the answer. Returns -1. Everything before it must be settled. */
int change_refuse(struct apply *ap, const struct change *ch, int err, const char *why);

/* Around each statement; end counts it as refused, or tells that it is done where that is wanted. */
void change_statement_begin(struct apply *ap, const struct statement *st);
void change_statement_end(struct apply *ap);

#endif
