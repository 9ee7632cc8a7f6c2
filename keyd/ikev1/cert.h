/* SPDX-License-Identifier: MIT */
/* Proofs by signatures in phase 1: CERT, CERTREQ and SIG (RFC 2409 5.1, RFC 2408 3.9, 3.10). */
#ifndef KEYD_IKEV1_CERT_H
#define KEYD_IKEV1_CERT_H

#include "keyd/ikev1/phase1.h"

struct cred;

/* certreq.c: if the peer has to show a certificate, a CERTREQ for each CA, or one for any. */
void v1_put_requests(struct exchange *x, struct wire_out *out);
/* The CAs that x->m names are kept. */
void v1_take_requests(struct exchange *x);
/* Is what we show, of which there is no choice, by none of these? Then that is told. */
void v1_look_at_requests(struct ike_sa *sa, const struct cred *cred);
/* Our certificates, ours first. */
void v1_put_certs(struct exchange *x, struct wire_out *out);
/* Has hash signed by our key; ends with v1_phase1_ready, or with the SA. */
void v1_sign(struct exchange *x, struct view hash);
/* Has the SIG payload in x->m judged, over hash. Ends with v1_judged. */
void v1_judge_signature(struct exchange *x, struct view hash);
/* proof.c: why is NULL where it was good, else told already. */
void v1_judged(struct exchange *x, const char *why);

#endif
