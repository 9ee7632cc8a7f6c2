/* SPDX-License-Identifier: MIT */
/*
 * The Encrypted payload SK (RFC 7296 3.14) and its fragments SKF (RFC 7383 2.5). No cryptography here: only where the
 * associated data, the IV, the text and the ICV stand.
 *
 * To send: wire_out_begin, wire_sk_begin, the inner payloads with wire_payload_begin and _end, wire_sk_end; then fill
 * in seal.iv, encrypt seal.plain in place and write seal.icv. seal.datagram is then ready to go.
 * To receive: wire_message_get, wire_sk_split, wire_sk_aad, decrypt, wire_sk_unpad, wire_inner_get(m, m->sk_next, …).
 */
#ifndef KEYD_WIRE_SK_H
#define KEYD_WIRE_SK_H

#include "keyd/wire/out.h"
#include "keyd/wire/payload.h"

/* Where an outgoing message wants its cryptography. All of it points into the buffer of the wire_out. */
struct wire_seal {
	struct view datagram;	/* the whole message; all lengths are final */
	struct view aad;	/* header up to the IV: associated data of AEADs (RFC 5282 5.1); ICVs of other ciphers cover
				 * aad, IV and ciphertext, which follow one another */
	uint8_t *iv;
	size_t iv_len;
	uint8_t *plain;		/* inner payloads, padding (zero bytes) and the pad length byte */
	size_t plain_len;
	uint8_t *icv;
	size_t icv_len;
};

/* Opens the SK payload and leaves iv_len zero bytes for the IV. Payloads begun from now on are inner ones. */
void wire_sk_begin(struct wire_out *out, size_t iv_len);
/*
 * Opens an SKF payload instead: the text written to out->w from now on is piece number of total of an inner chain;
 * first is the chain's first payload type, which only piece 1 carries.
 */
void wire_skf_begin(struct wire_out *out, uint8_t first, uint16_t number, uint16_t total, size_t iv_len);
/* The smallest pad length that makes text, padding and pad length byte a multiple of block (1 and 0: none). */
size_t wire_sk_pad_len(const struct wire_out *out, size_t block);
/* Ends the message: pad_len (at most 255) zero bytes, the pad length byte, room for the ICV. 0 or WIRE_FULL. */
RD_MUST_CHECK int wire_sk_end(struct wire_out *out, size_t pad_len, size_t icv_len, struct wire_seal *seal);

/* Parts of a received SK or SKF payload. */
struct wire_sk {
	struct view iv, cipher, icv;
};

/* sk is an SK or SKF payload of a wire_message. WIRE_SHORT when there is no room for IV, one byte of text and ICV. */
RD_MUST_CHECK int wire_sk_split(const struct wire_payload *sk, size_t iv_len, size_t icv_len, struct wire_sk *out);
/* The datagram (the very one that sk points into) up to the IV. */
struct view wire_sk_aad(struct view datagram, const struct wire_payload *sk);
/* Takes padding (whatever its content) and pad length byte off the decrypted text. WIRE_SHORT, WIRE_PADDING. */
RD_MUST_CHECK int wire_sk_unpad(struct view plain, struct view *inner);

/* The fragment header that SKF has in front of its IV. */
struct wire_skf {
	uint16_t number, total;	/* 1 ≤ number ≤ total */
};
#define WIRE_SKF_LEN 4

/* body is that of an SKF payload. WIRE_SHORT, WIRE_VALUE. */
RD_MUST_CHECK int wire_skf_get(struct wire_skf *f, struct view body);
void wire_skf_put(struct wr *w, const struct wire_skf *f);

#endif
