/* SPDX-License-Identifier: MIT */
/* Proofs by signatures in phase 1: CERT, CERTREQ and SIG (RFC 2409 5.1, RFC 2408 3.9, 3.10). */
#ifndef KEYD_IKEV1_CERT_H
#define KEYD_IKEV1_CERT_H

#include "keyd/ikev1/phase1.h"

/* CERTREQ, if the peer has to show a certificate: any, as CAs have names of their own in each payload. */
void v1_put_requests(struct exchange *x, struct wire_out *out);
/* Our certificates, ours first. */
void v1_put_certs(struct exchange *x, struct wire_out *out);
/* Has hash signed by our key; ends with v1_phase1_ready, or with the SA. */
void v1_sign(struct exchange *x, struct view hash);
/* Has the SIG payload in x->m judged, over hash. Ends with v1_judged. */
void v1_judge_signature(struct exchange *x, struct view hash);
/* proof.c: why is NULL where it was good, else told already. */
void v1_judged(struct exchange *x, const char *why);

#endif
