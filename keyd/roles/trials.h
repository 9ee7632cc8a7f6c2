/* SPDX-License-Identifier: MIT */
/*
 * Which PINs are on trial, or have failed: written down before each is used, in RUN-DIR, so that a daemon that is started again
 * and again blocks no card. A PIN is in there as a number that only this boot's key makes of it.
 */
#ifndef KEYD_ROLES_TRIALS_H
#define KEYD_ROLES_TRIALS_H

#include "keyd/card/request.h"

#define TRIALS_MAX 256

struct trials {
	const char *dir;		/* RUN-DIR */
	struct card_bad bad[TRIALS_MAX];
	unsigned n;
	uint8_t key[32];
	bool opened;
};

/* What is written there already, or nothing. */
void trials_open(struct trials *t, const char *dir);
/* The number of a PIN, the same for each key that it stands at: two keys of one token have one counter. Never 0. */
uint64_t trials_stamp(const struct trials *t, struct view pin);
/* 0, or -errno: it could not be written down, and must not be tried. */
int trials_keep(struct trials *t, const struct card_bad *bad);
void trials_forgive(struct trials *t, const struct card_bad *bad);

#endif
