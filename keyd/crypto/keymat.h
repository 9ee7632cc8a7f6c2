/* SPDX-License-Identifier: MIT */
/* Keys of IKEv2 SAs and the values that PSK authentication proves (RFC 7296 2.14 to 2.18). */
#ifndef KEYD_CRYPTO_KEYMAT_H
#define KEYD_CRYPTO_KEYMAT_H

#include "keyd/crypto/alg.h"
#include "keyd/util/secret.h"

/* What was negotiated for an IKE SA. integ is NULL with AEAD. */
struct ikev2_suite {
	const struct crypto_alg *encr, *prf, *integ;
};

/* Zero-initialise; release with ikev2_keys_clear. With AEAD sk_ai and sk_ar are empty; sk_ei, sk_er have the salt. */
struct ikev2_keys {
	struct secret sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr;
};

void ikev2_keys_clear(struct ikev2_keys *k);

/* All functions here: 0, or -1 (OpenSSL failed, no memory, too much asked for) with what they fill empty or zero. */

/* The first keys of an IKE SA (2.14). Replaces what is in *k. */
int ikev2_keymat_ike(struct ikev2_keys *k, const struct ikev2_suite *suite, struct view ni, struct view nr,
		     struct view shared, const uint8_t spi_i[8], const uint8_t spi_r[8]) RD_MUST_CHECK;
/*
 * The keys of an IKE SA that replaces another (2.18). old_prf and old_sk_d belong to the SA that is replaced; nonces,
 * shared secret and SPIs to the CREATE_CHILD_SA exchange; initiator means the initiator of that exchange. k may hold
 * old_sk_d itself.
 */
int ikev2_keymat_rekey(struct ikev2_keys *k, const struct ikev2_suite *suite, const struct crypto_alg *old_prf,
		       struct view old_sk_d, struct view shared, struct view ni, struct view nr,
		       const uint8_t spi_i[8], const uint8_t spi_r[8]) RD_MUST_CHECK;

/* KEYMAT of a Child SA (2.17), n bytes; shared is empty without a key exchange of its own. */
int ikev2_keymat_child(const struct crypto_alg *prf, struct view sk_d, struct view shared, struct view ni,
		       struct view nr, struct secret *out, size_t n) RD_MUST_CHECK;

/* Views into the key material of a Child SA; encr with its salt. _i: from the exchange's initiator to the responder. */
struct ikev2_child_keys {
	struct view encr_i, integ_i, encr_r, integ_r;
};

/* Bytes of KEYMAT for one Child SA, both directions. integ is NULL with AEAD; encr is NULL for AH. */
size_t ikev2_child_keymat_len(const struct crypto_alg *encr, const struct crypto_alg *integ);
/* Cuts KEYMAT in the order of 2.17. -1 when it is not exactly as long as it must be. */
int ikev2_child_keymat_split(struct ikev2_child_keys *k, struct view keymat, const struct crypto_alg *encr,
			     const struct crypto_alg *integ) RD_MUST_CHECK;

/*
 * MACedIDFor[IR] = prf(SK_p, RestOfIDPayload): the ID payload without its generic header (2.15). Needs SK_p and no
 * secret of the peer's; out gets prf->prf bytes.
 */
int ikev2_auth_octets_macid(const struct crypto_alg *prf, struct view sk_p, struct view id_payload_body,
			    uint8_t *out) RD_MUST_CHECK;
/*
 * AUTH = prf(prf(PSK, "Key Pad for IKEv2"), message | nonce | macid) (2.15): message is the signer's first message as
 * sent, nonce the other side's. Needs the PSK and nothing of the IKE SA's keys; out gets prf->prf bytes.
 */
int ikev2_auth_psk(const struct crypto_alg *prf, struct view psk, struct view message, struct view nonce,
		   struct view macid, uint8_t *out) RD_MUST_CHECK;

#endif
