/* SPDX-License-Identifier: MIT */
/* What an AlgorithmIdentifier means (RFC 7427 appendix A, RFC 4055): private to keyd/crypto. */
#ifndef KEYD_CRYPTO_SIG_ALGID_H
#define KEYD_CRYPTO_SIG_ALGID_H

#include "keyd/util/rd.h"

#include <stdbool.h>

/* OpenSSL's numbers of algorithms. All but the first are of RSASSA-PSS, and 0 with others. */
struct sig_algid {
	int algorithm;
	int hash, mgf_hash;
	long salt;		/* bytes */
};

/* From DER that a peer may have sent. 0, or -1: no AlgorithmIdentifier, or with parameters that it must not have. */
int sig_algid_get(struct view der, struct sig_algid *out) RD_MUST_CHECK;
bool sig_algid_equal(const struct sig_algid *a, const struct sig_algid *b);

#endif
