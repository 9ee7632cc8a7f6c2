/* SPDX-License-Identifier: MIT */
/*
 * "setkey --sync": a script read as the wanted state rather than as a list of deeds. What is there already stays as it
 * is; only the difference is applied, additions before deletions; a failure half way is taken back.
 */
#ifndef SETKEY_SYNC_SYNC_H
#define SETKEY_SYNC_SYNC_H

#include "setkey/apply/apply.h"
#include "setkey/lang/script.h"

struct sync_options {
	bool check;			/* say what would change, and change nothing */
	bool json;
	unsigned int drain_ms;		/* how long SAs that are to go still live after their successors are in use */
};

/*
 * sc was read and resolved. Changes are told on ap->dump.out (check, or ap->verbose), refusals on ap->err with file and
 * line. 0, -1 when the script has statements that describe no state (each was told), or -errno of the kernel's refusal
 * after everything was taken back (or, with a message of its own, could not be).
 */
int sync_run(struct apply *ap, const struct script *sc, const struct sync_options *opt);

#endif
