/* SPDX-License-Identifier: MIT */
/* Our exchange under way, message by message: sent again until the next one of the peer is here (RFC 2408 5.1). */
#ifndef KEYD_IKEV1_WINDOW_H
#define KEYD_IKEV1_WINDOW_H

#include "keyd/ikev1/state.h"

/* Starts sa->active: sends its first message. */
void v1_send_next(struct ike_sa *sa);
/* A message of sa->active, which the peer answers: it goes until v1_answered. It is copied. */
void v1_send(struct exchange *x, struct view datagram);
/* One of sa->active, or of the peer's exchange, that nothing answers, or that only a copy of what it answers brings again. */
void v1_send_once(struct exchange *x, struct view datagram);
/* What was waited for is here. */
void v1_answered(struct ike_sa *sa);
/* sa->active was sent by an engine before this one. */
void v1_resume(struct ike_sa *sa);

/* Random, never 0, and none that has been used (RFC 2408 3.1); now it has. 0 or -1. */
int v1_fresh_message_id(struct ike_sa *sa, uint32_t *id) RD_MUST_CHECK;

/* From one sending to the next, µs: doubled each time. n: how often it was sent. */
uint64_t v1_wait(const struct ike_sa *sa, unsigned n);

#endif
