/* SPDX-License-Identifier: MIT */
/* The steps of judging a proof that need no CA: by whom the certificate is, and whether its key has signed. */
#ifndef KEYD_TRUST_PROOF_H
#define KEYD_TRUST_PROOF_H

#include "keyd/crypto/sig.h"
#include "keyd/crypto/trust.h"
#include "keyd/trust/request.h"

/* All of them: TRUST_OK, or an error with text (and subject, where a certificate is spoken of) filled. */

/* Fills an->error and an->text. Control characters, and what is no ASCII, become "?". Returns error. */
__attribute__((format(printf, 3, 4)))
enum trust_error proof_refuse(struct trust_answer *an, enum trust_error error, const char *fmt, ...);
/* The certificate that is spoken of. */
void proof_subject(struct trust_answer *an, const struct crypto_cert *c);

/* Whether the certificate is for who the peer says it is. */
enum trust_error proof_name(const struct crypto_cert *c, const struct conf_id *id, struct trust_answer *an);

/* How the peer has signed. */
struct proof_signature {
	const struct crypto_sig *scheme;
	struct view bytes;
};

/* What the AUTH payload says, and whether the rules allow it. */
enum trust_error proof_scheme(const struct trust_request *rq, struct proof_signature *sig, struct trust_answer *an);
/* Whether the key is strong enough, and has signed. */
enum trust_error proof_signed(const struct trust_request *rq, const struct proof_signature *sig, const struct crypto_key *k,
			      struct trust_answer *an);

#endif
