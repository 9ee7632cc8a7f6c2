/* SPDX-License-Identifier: MIT */
/*
 * The fragment payload, 132: Cisco's, as strongSwan, libreswan and racoon speak it. A message that is ready to go, header and
 * all, is cut; each piece is the one payload of a message of its own, in clear, with the same cookies.
 */
#ifndef KEYD_WIRE_ISAKMP_FRAGMENT_H
#define KEYD_WIRE_ISAKMP_FRAGMENT_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"
#include "keyd/wire/isakmp.h"

#define ISAKMP_FRAGMENT_LEN 4	/* without data */

struct isakmp_fragment {
	uint16_t id;		/* the same for all pieces of one message; never 0 */
	uint8_t number;		/* from 1 */
	bool last;
	struct view data;	/* never empty */
};

/* WIRE_SHORT; WIRE_VALUE: number 0. */
RD_MUST_CHECK int isakmp_fragment_get(struct isakmp_fragment *f, struct view body);
void isakmp_fragment_put(struct wr *w, const struct isakmp_fragment *f);

#endif
