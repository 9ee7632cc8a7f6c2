/* SPDX-License-Identifier: MIT */
/* Between info.c and delete.c. */
#ifndef KEYD_IKEV1_INFO_H
#define KEYD_IKEV1_INFO_H

#include "keyd/ikev1/exchanges.h"

#include "keyd/wire/isakmp_message.h"

/* A message that nothing answers, and that waits for nothing. */
struct v1_said {
	uint32_t id;
	uint8_t iv[CRYPTO_IV_MAX];
	size_t at;
};

/* Its payloads go between the two. 0 or -1: then nothing is said. */
int v1_say_begin(struct ike_sa *sa, struct wire_out *out, struct v1_said *m) RD_MUST_CHECK;
void v1_say_end(struct ike_sa *sa, struct wire_out *out, struct v1_said *m);

/* Is a R-U-THERE under way, or about to be? */
bool v1_being_asked(const struct ike_sa *sa);
/* What a Delete payload of the peer's says of children is done; true: it deletes sa itself, and then v1_peer_deleted ends it. */
bool v1_take_delete(struct ike_sa *sa, const struct wire_payload *p);
void v1_peer_deleted(struct ike_sa *sa);

#endif
