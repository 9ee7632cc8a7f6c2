/* SPDX-License-Identifier: MIT */
/*
 * How the two ends of phase 1 prove themselves: one method for both (RFC 2409 appendix A, RFC 4754), of which those with XAUTH
 * (draft-beaulieu-ike-xauth-02) and of hybrid mode (draft-zegman-ike-hybrid-auth) say as well who is asked for a password.
 */
#ifndef KEYD_IKEV1_METHOD_H
#define KEYD_IKEV1_METHOD_H

#include "keyd/ike/ike_sa.h"

/* What the section says, enum isakmp_auth; 0: none of IKEv1 does that. */
uint16_t v1_method(const struct engine *e, const struct conf_peer *conf, bool initiator);
/* SKEYID is made of nonces and g^xy, not of a shared key. */
bool v1_method_signs(uint16_t method);
/* Without XAUTH and hybrid mode: enum auth_ikev1_method. */
uint8_t v1_method_base(uint16_t method);
/* Does this end sign, of an SA whose method is agreed on? In hybrid mode the gateway alone does. */
bool v1_signs(const struct ike_sa *sa, bool of_initiator);
/* What HASH_I and HASH_R are made with: what was agreed on, but ECDSA has its own (RFC 2409 5.1). */
const struct crypto_alg *v1_method_prf(const struct ike_sa *sa);

#endif
