/* SPDX-License-Identifier: MIT */
/* Building and opening the messages of an ISAKMP SA: encryption with chained IVs, and HASH payloads (RFC 2409 5, appendix B). */
#ifndef KEYD_IKEV1_MESSAGE_H
#define KEYD_IKEV1_MESSAGE_H

#include "keyd/ikev1/state.h"
#include "keyd/wire/isakmp_message.h"
#include "keyd/wire/isakmp_notify.h"

#define V1_BIT(type) (UINT32_C(1) << (type))	/* of payload types below 32 */

void v1_message_begin(struct ike_sa *sa, struct wire_out *out, uint8_t exchange, uint32_t message_id, bool encrypted);
/* Ends a message in clear (iv NULL), or encrypts it; iv becomes that of the next one. 0 or -1. */
int v1_message_end(struct ike_sa *sa, struct wire_out *out, uint8_t *iv, struct view *datagram) RD_MUST_CHECK;
void v1_message_send(struct ike_sa *sa, const struct path *path, struct view datagram);

/* Under SKEYID_a: a HASH payload, to be filled in by v1_hash_end when the others are written. */
size_t v1_hash_begin(struct ike_sa *sa, struct wire_out *out);
/* ni: Ni_b in the second message of quick mode, else empty. 0 or -1. */
int v1_hash_end(struct ike_sa *sa, struct wire_out *out, size_t at, uint32_t message_id, struct view ni) RD_MUST_CHECK;
/* Is the first payload of m a HASH that fits the rest? */
bool v1_hash_fits(const struct ike_sa *sa, const struct wire_message *m, struct view ni);
/* The same as it must be, of the third message of quick mode. */
bool v1_hash3_fits(const struct ike_sa *sa, const struct wire_message *m, const uint8_t *hash);

enum {
	V1_MESSAGE_FORGED = -1,		/* or cut short, or of other keys */
	V1_MESSAGE_WRONG = -2,		/* in clear where it must be encrypted, or the other way round */
};
/*
 * A copy of datagram becomes x->m. secret: it must be encrypted; then iv is what it was encrypted with, and next (not iv) is set
 * to that of the next message. 0 or above. x has what it had in bytes before no more.
 */
int v1_message_open(struct exchange *x, struct view datagram, bool secret, const uint8_t iv[CRYPTO_IV_MAX],
		    uint8_t next[CRYPTO_IV_MAX]) RD_MUST_CHECK;
/* Does m have each payload of must, and none twice of those that may be there once? NULL, or what is wrong. */
const char *v1_payloads_wrong(const struct wire_message *m, uint32_t must);

void v1_put_notify(struct wire_out *out, uint8_t protocol, uint16_t type, struct view spi, struct view data);

static inline void v1_spi_bytes(uint32_t spi, uint8_t out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(spi >> (24 - 8 * i));
}

/* The cookies, as notifications and deletes of phase 1 name it. */
void v1_cookies(const struct ike_sa *sa, uint8_t out[16]);
/* The first error that the peer notifies in m; 0: none. n (may be NULL) is then that notification. */
uint16_t v1_message_error(const struct wire_message *m, struct isakmp_notify *n);
bool v1_message_has_notify(const struct wire_message *m, uint16_t type, struct isakmp_notify *n);

#endif
