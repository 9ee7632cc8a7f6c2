/* SPDX-License-Identifier: MIT */
/* Keys, hashes and initialization vectors of IKEv1 (RFC 2409 5, 5.5, appendix B). */
#ifndef KEYD_CRYPTO_KEYMAT_V1_H
#define KEYD_CRYPTO_KEYMAT_V1_H

#include "keyd/crypto/alg.h"
#include "keyd/util/secret.h"

/*
 * What was negotiated for an ISAKMP SA. prf is the row of the hash: no PRF was ever defined to be negotiated, so prf() is HMAC
 * with that hash (RFC 2409 4), and hash() the hash itself.
 */
struct ikev1_suite {
	const struct crypto_alg *encr, *prf;
};

/* Zero-initialise; release with ikev1_keys_clear. */
struct ikev1_keys {
	struct secret skeyid;	/* needed until the peer has proved itself, and no longer */
	struct secret skeyid_d, skeyid_a, skeyid_e;
	struct secret key;	/* of the cipher, made from SKEYID_e (appendix B) */
};

void ikev1_keys_clear(struct ikev1_keys *k);

/*
 * In all of these: ni, nr are Ni_b, Nr_b; shared is g^xy; cky_i, cky_r the cookies of the phase 1 header. 0, or -1 (OpenSSL
 * failed, no memory, an algorithm that IKEv1 has not) with what they fill empty or zero.
 */

/* SKEYID = prf(psk, Ni_b | Nr_b), for pre-shared keys; with XAUTH and PSK as well. out gets prf->prf bytes. */
int ikev1_skeyid_psk(const struct crypto_alg *prf, struct view psk, struct view ni, struct view nr,
		     uint8_t *out) RD_MUST_CHECK;
/* SKEYID = prf(Ni_b | Nr_b, g^xy), for signatures and hybrid; for ECDSA the same (RFC 4754 3). */
int ikev1_skeyid_sig(const struct crypto_alg *prf, struct view ni, struct view nr, struct view shared,
		     uint8_t *out) RD_MUST_CHECK;
/* All keys of the ISAKMP SA from SKEYID. Replaces what is in *k. */
int ikev1_keymat_phase1(struct ikev1_keys *k, const struct ikev1_suite *suite, struct view skeyid, struct view shared,
			const uint8_t cky_i[8], const uint8_t cky_r[8]) RD_MUST_CHECK;

/*
 * HASH_I or HASH_R (5): prf(SKEYID, own public | other public | own cookie | other cookie | SAi_b | IDxx_b), where own is
 * who proves itself. sai_b: the body of the initiator's SA payload with all its proposals; id_b: of the prover's ID
 * payload. out gets prf->prf bytes.
 */
int ikev1_hash_phase1(const struct crypto_alg *prf, struct view skeyid, struct view own_public, struct view other_public,
		      const uint8_t own_cky[8], const uint8_t other_cky[8], struct view sai_b, struct view id_b,
		      uint8_t *out) RD_MUST_CHECK;
/*
 * The hashes under SKEYID_a: prf(SKEYID_a, M-ID | nonces | rest), rest being the message behind the HASH payload.
 * Quick mode's HASH(1), informational and transaction exchanges: no nonce. HASH(2): ni is Ni_b.
 */
int ikev1_hash(const struct crypto_alg *prf, struct view skeyid_a, uint32_t message_id, struct view ni,
	       struct view rest, uint8_t *out) RD_MUST_CHECK;
/* HASH(3) = prf(SKEYID_a, 0 | M-ID | Ni_b | Nr_b), of the last message of quick mode. */
int ikev1_hash3(const struct crypto_alg *prf, struct view skeyid_a, uint32_t message_id, struct view ni, struct view nr,
		uint8_t *out) RD_MUST_CHECK;

/* The IV of the first encrypted message of phase 1: hash(g^xi | g^xr), as long as the cipher's block. */
int ikev1_iv_phase1(const struct ikev1_suite *suite, struct view public_i, struct view public_r,
		    uint8_t iv[CRYPTO_IV_MAX]) RD_MUST_CHECK;
/* That of the first message of any exchange under it: hash(last block of phase 1 | M-ID). */
int ikev1_iv_phase2(const struct ikev1_suite *suite, const uint8_t last_block[CRYPTO_IV_MAX], uint32_t message_id,
		    uint8_t iv[CRYPTO_IV_MAX]) RD_MUST_CHECK;
/*
 * Encrypts or decrypts n bytes of text in place with k->key: CBC without padding of its own. iv is used and then set to the last
 * block of ciphertext, which the next message of the same exchange wants. -1: n is 0 or no multiple of the block; then
 * text and iv are unchanged.
 */
int ikev1_encrypt(const struct ikev1_suite *suite, const struct ikev1_keys *k, uint8_t iv[CRYPTO_IV_MAX], uint8_t *text,
		  size_t n) RD_MUST_CHECK;
int ikev1_decrypt(const struct ikev1_suite *suite, const struct ikev1_keys *k, uint8_t iv[CRYPTO_IV_MAX], uint8_t *text,
		  size_t n) RD_MUST_CHECK;

/*
 * KEYMAT of one SA, that is of one direction (5.5): n bytes for the SPI that its receiver chose. shared is empty without PFS.
 * The encryption key (with its salt, RFC 4106 8.1) stands first, then that of the ICV (RFC 4301 4.5.2).
 */
int ikev1_keymat_child(const struct crypto_alg *prf, struct view skeyid_d, struct view shared, uint8_t protocol,
		       uint32_t spi, struct view ni, struct view nr, struct secret *out, size_t n) RD_MUST_CHECK;

/* The NAT-D payload: hash(CKY-I | CKY-R | address | port), with the negotiated hash (RFC 3947 3.2). out: prf->prf bytes. */
int ikev1_nat_hash(const struct crypto_alg *prf, const uint8_t cky_i[8], const uint8_t cky_r[8], struct view addr,
		   uint16_t port, uint8_t *out) RD_MUST_CHECK;

/* By phase 1 attributes; key_bits 0: not stated, which AES must (RFC 3602 5.3). NULL: not supported. */
const struct crypto_alg *ikev1_alg_encr(unsigned id, unsigned key_bits);
const struct crypto_alg *ikev1_alg_hash(unsigned id);	/* the row of its PRF */
const struct crypto_alg *ikev1_alg_group(unsigned id);
/* By transform id and attributes of ESP. */
const struct crypto_alg *ikev1_alg_esp(unsigned id, unsigned key_bits);
const struct crypto_alg *ikev1_alg_esp_auth(unsigned id);

#endif
