/* SPDX-License-Identifier: MIT */
/*
 * ISAKMP messages (RFC 2408 3.1, 3.2): from a datagram to the same table of views that IKEv2 uses (struct wire_message, with
 * wire_find, wire_next, wire_count), and back with struct wire_out. No cryptography here. Of struct wire_message,
 * critical, sk_next, n_clear and the masks mean nothing.
 *
 * To send in clear: wire_out_begin, wire_payload_begin and _end, wire_out_end, as in out.h; header.major is ISAKMP_MAJOR.
 * To send encrypted: the same with ISAKMP_FLAG_ENCRYPTED, then isakmp_out_end, which pads; encrypt seal.text in place.
 * To receive encrypted: isakmp_message_get, decrypt *text in place, isakmp_inner_get.
 */
#ifndef KEYD_WIRE_ISAKMP_MESSAGE_H
#define KEYD_WIRE_ISAKMP_MESSAGE_H

#include "keyd/wire/isakmp.h"
#include "keyd/wire/out.h"
#include "keyd/wire/payload.h"

#define ISAKMP_NONCE_MIN 8	/* RFC 2409 5 */
#define ISAKMP_NONCE_MAX 256
#define ISAKMP_COOKIE_LEN WIRE_IKE_SPI_LEN
/* In front of the DOI's own parts of an SA payload: DOI, situation. What the hashes call SAi_b has them. */
#define ISAKMP_SA_HEAD_LEN 8

/*
 * The header, and in clear the chain. With ISAKMP_FLAG_ENCRYPTED m->n is 0 and *text is what is to be decrypted, never
 * empty; otherwise *text is empty. After an error m->n is 0; m->h is filled in when the datagram has at least
 * WIRE_HEADER_LEN bytes, and zero otherwise. WIRE_VERSION: major is not 1. Up to 3 bytes behind the last payload are taken
 * for padding (Pluto rounds lengths up to words). Types are not judged.
 */
RD_MUST_CHECK int isakmp_message_get(struct wire_message *m, struct view datagram, struct view *text);
/*
 * The chain in decrypted text; whatever stands behind it is padding (RFC 2409 appendix B). After an error m->n is 0. A wrong
 * key shows here, mostly: as WIRE_LENGTH or WIRE_VALUE (reserved byte not zero). The views live as long as plain does.
 */
RD_MUST_CHECK int isakmp_inner_get(struct wire_message *m, struct view plain);

/*
 * From the end of payload pl, one of m, to the end of the last one, headers included and without padding: what HASH(1), HASH(2)
 * and the like cover where pl is the HASH payload (RFC 2409 5.5, 5.7). Empty behind the last one.
 */
struct view isakmp_after(const struct wire_message *m, const struct wire_payload *pl);

/* Is the payload a nonce of 8 to 256 bytes (RFC 2409 5)? Its body is the nonce; likewise those of KE, HASH, SIG, VID, NAT-D. */
bool isakmp_nonce_fits(struct view body);

/* Where an outgoing encrypted message wants its cryptography, in the buffer of the wire_out. */
struct isakmp_seal {
	struct view datagram;	/* the whole message; all lengths are final */
	uint8_t *text;		/* behind the header: payloads and padding (zero bytes), a multiple of block */
	size_t text_len;
};

/*
 * A HASH payload of n zero bytes, to be filled in when all others are written. Returns where its content starts, counted
 * from the message's first byte.
 */
size_t isakmp_hash_put(struct wire_out *out, size_t n);
/* What stands behind the hash at at, of n bytes, now: what HASH(1) and the like cover. Empty after an overflow. */
struct view isakmp_hashed(const struct wire_out *out, size_t at, size_t n);
/* Overwrites the n bytes at at. Does nothing after an overflow. */
void isakmp_hash_patch(struct wire_out *out, size_t at, const uint8_t *hash, size_t n);
/* Ends a message that is to be encrypted with a cipher of that block length. 0 or WIRE_FULL. */
RD_MUST_CHECK int isakmp_out_end(struct wire_out *out, size_t block, struct isakmp_seal *seal);

#endif
