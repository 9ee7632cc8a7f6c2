/* SPDX-License-Identifier: MIT */
/* Reqids for the level "unique" without a number: for a whole script they are found in one go. */
#ifndef SETKEY_APPLY_REQIDS_H
#define SETKEY_APPLY_REQIDS_H

#include "pfkey/backend.h"
#include "setkey/lang/script.h"

/* Zero-initialise it; release with reqids_clear. */
struct reqids {
	uint32_t *free;			/* of nobody: neither in the SPD nor named in the script */
	size_t n, next;
};

/*
 * Finds as many as the script will want. Failing is no error yet: reqids_take asks again, for the statement that wants
 * one.
 */
void reqids_reserve(struct reqids *r, struct ipsec *ip, const struct script *sc);
/* Is there one left, or must take ask for it, which no batch may be open for? */
static inline bool reqids_left(const struct reqids *r)
{
	return r->next < r->n;
}

/* The next one, or one that is asked for now. 0 or -errno. */
int reqids_take(struct reqids *r, struct ipsec *ip, uint32_t *reqid);
void reqids_clear(struct reqids *r);

#endif
