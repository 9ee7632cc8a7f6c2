/* SPDX-License-Identifier: MIT */
/* What must hold at every step, and what has been counted. */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "pfkey/ipsec.h"

#include <stdint.h>

struct sim;
struct host;
struct ksa;

enum violation {
	LOST,			/* a packet that keying lost, or refused without need */
	CLEARTEXT,		/* a packet in clear, or protected with a key, nonce or SPI that was used before */
	STUCK,			/* an exchange that does not end, a packet that waits without need, sides that do not agree */
	LEAKED,			/* memory, or SAs that stay */
	VIOLATIONS
};

struct verdict {
	uint64_t violations[VIOLATIONS];
	uint64_t first_at;		/* µs; and what it was: */
	enum violation first_kind;
	char first[256];
	/* for people */
	uint64_t rekeys, ike_rekeys, sent, delivered, by_link, forgotten, refused, held, datagrams, dead, restarts;
};

bool verdict_clean(const struct verdict *v);
const char *violation_name(enum violation v);

/* Something must not be: counted, and told if it is the first. */
void violate(struct sim *w, const struct host *h, enum violation kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A packet has come for an SA that h has forgotten: that may be for a while only. */
struct packet;
void check_forgotten(struct sim *w, const struct host *h, const struct packet *p);
/* Of an SA that h has added: are there too many for what it protects? */
void check_number(struct sim *w, const struct host *h);
/* Every second: no exchange takes longer than it may. */
void check_exchanges(struct sim *w);
/* Every packet that is sent now finds an SA, and the other half of it at the other end. */
bool check_joined(struct sim *w, char *why);
/* Both sides of every pair have the same, and nothing else; why[256] says what is not so. */
bool check_agreed(struct sim *w, char *why);

#endif
