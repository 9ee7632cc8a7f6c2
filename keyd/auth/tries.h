/* SPDX-License-Identifier: MIT */
/*
 * How often a password was wrong, and how long whoever tries again has to wait. Two counts: of a user from one source, which soon
 * waits long, and of a user from anywhere, which never waits so long that others could lock the user out.
 */
#ifndef KEYD_AUTH_TRIES_H
#define KEYD_AUTH_TRIES_H

#include "keyd/conf/conf.h"
#include "keyd/util/rd.h"

#define TRIES_MAX 1024			/* counts that are kept */
#define TRIES_FREE 3			/* mistakes of a user from one source without a wait; then 1 s, doubled by each … */
#define TRIES_WAIT_MAX 256		/* seconds, … up to this */
#define TRIES_FREE_ALL 10		/* the same from anywhere */
#define TRIES_WAIT_ALL_MAX 8
#define TRIES_FORGET 3600		/* seconds without a mistake until a count is forgotten */

struct tries {
	struct try {
		uint8_t who[32];	/* SHA-256 */
		unsigned failures;	/* 0: it is free */
		uint64_t last;		/* µs */
	} t[TRIES_MAX];
};

/* key: the file of users. Seconds that whoever asks now has to wait, 0: none. -1: it cannot be told, and nothing may be tried. */
int tries_wait(const struct tries *t, const struct conf_digest *key, struct view user, const struct ipsec_addr *source, uint64_t now);
void tries_failed(struct tries *t, const struct conf_digest *key, struct view user, const struct ipsec_addr *source, uint64_t now);
void tries_good(struct tries *t, const struct conf_digest *key, struct view user, const struct ipsec_addr *source);

#endif
