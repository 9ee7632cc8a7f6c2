/* SPDX-License-Identifier: MIT */
/* Answers that leave nothing behind here, and what peers say without proof (RFC 7296 1.5, 2.5, 2.21.1, 2.21.4). */
#ifndef KEYD_IKEV2_STATELESS_H
#define KEYD_IKEV2_STATELESS_H

#include "keyd/ike/ike_sa.h"
#include "keyd/wire/payload.h"

/* Answers an IKE_SA_INIT request with one notify. */
void stateless_refuse(struct engine *e, const struct engine_datagram *d, const struct wire_header *h, uint16_t notify,
		      struct view data);
/*
 * The same for a request that is for no SA of ours (INVALID_IKE_SPI) or of a later IKE (INVALID_MAJOR_VERSION); a limited
 * number in each second, because nobody has shown yet that he can be answered at his address.
 */
void stateless_answer(struct engine *e, const struct engine_datagram *d, const struct wire_header *h, uint16_t notify);

/*
 * A message in clear for an SA that has keys: whatever it says, it may be forged. It changes nothing; if there is no other
 * sign soon that the peer lives, it is asked (2.21.4).
 */
void stateless_hint(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m);
/* INVALID_SPI outside of any SA: somebody has had ESP from us that he knows no SA for (1.5). As little is changed by it. */
void stateless_hint_child(struct engine *e, const struct engine_datagram *d, const struct wire_message *m);

#endif
