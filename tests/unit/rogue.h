/* SPDX-License-Identifier: MIT */
/* A peer that says anything: messages made by hand, with the keys of an SA that a world's host has, or with none. */
#ifndef TESTS_UNIT_ROGUE_H
#define TESTS_UNIT_ROGUE_H

#include "keyd/ike/ike_sa.h"
#include "keyd/wire/payload.h"
#include "tests/unit/world.h"

#define ROGUE_CRITICAL 0x80

struct rogue_payload {
	uint8_t type;		/* 0: the body stands there as it is, without a generic header */
	uint8_t flags;		/* second byte of the generic header */
	bool clear;		/* in front of SK; those come first */
	struct view body;
};

/* A payload of n bytes of a string constant. */
#define ROGUE(type, bytes) { (type), 0, false, { (const uint8_t *)(bytes), sizeof(bytes) - 1 } }

/* The newest SA of host that is not ended. NULL: none. */
struct ike_sa *rogue_sa(struct world *w, unsigned host);
/* The header of a message that sa's owner would send. */
struct wire_header rogue_header(const struct ike_sa *sa, uint8_t exchange, bool response, uint32_t id);
/*
 * Writes a message; sealed as by sa's owner, or all in clear where sa is NULL. The header is taken as it stands but for
 * its first payload and length. Fails the test when it does not fit.
 */
struct view rogue_message(struct ike_sa *sa, const struct wire_header *h, const struct rogue_payload *pl, unsigned n,
			  uint8_t *buf, size_t size);
/* A message whose encrypted part is any text at all; first: the type of the first payload in it. */
struct view rogue_sealed(struct ike_sa *sa, const struct wire_header *h, uint8_t first, struct view text, uint8_t *buf,
			 size_t size);
/*
 * Opens what sa's peer sent, or with own sa itself, in place. False: it is not sealed with those keys. In clear it is
 * only taken apart.
 */
bool rogue_open(struct ike_sa *sa, bool own, uint8_t *bytes, size_t n, struct wire_message *m);

/* What host 1 has sent last, in how many datagrams: kept by this tap of a world. */
extern struct rogue_heard {
	uint8_t bytes[70000];
	size_t n;
	unsigned times;
} rogue_heard;
void rogue_overhear(struct world *w, unsigned from, uint8_t *bytes, size_t n);

#endif
