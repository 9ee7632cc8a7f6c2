/* SPDX-License-Identifier: MIT */
/* Requests and answers under way: retransmission, replay of answers (RFC 7296 2.1 to 2.4). */
#ifndef KEYD_IKEV2_WINDOW_H
#define KEYD_IKEV2_WINDOW_H

#include "keyd/ike/exchange.h"

#define IKEV2_NONCE_LEN 32

/* Builds and sends sa->active. When it has nothing to say any more it is dropped. */
void window_send_next(struct ike_sa *sa);
/* sa->active has been sent by an engine before this one: it is sent again as it was. */
void window_resume(struct ike_sa *sa);
/* The peer says, without proof, that it does not have the SA. One that is to take over from another is then of no use. */
void window_hinted(struct ike_sa *sa);
/* The answer to sa->active is here: no more retransmission. */
void window_answered(struct ike_sa *sa);
/* Sends the same exchange once more with other content (COOKIE, INVALID_KE_PAYLOAD), now or after delay. */
void window_retry(struct exchange *x, uint64_t delay);

/* Answers sa->serving: begin, write payloads, end. end sends, keeps the answer for retransmission and frees x. */
void window_answer_begin(struct exchange *x, struct wire_out *out);
void window_answer_end(struct exchange *x, struct wire_out *out);
/* The peer sent the last request again: it gets the same answer. */
void window_answer_again(struct ike_sa *sa, const struct path *to);
/* An answer that is one error notify. INVALID_SYNTAX ends the SA at both ends (RFC 7296 2.21.3). */
void window_refuse(struct exchange *x, uint16_t notify);
void window_refuse_with(struct exchange *x, uint16_t notify, struct view data);

#endif
