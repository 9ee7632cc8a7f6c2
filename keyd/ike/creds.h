/* SPDX-License-Identifier: MIT */
/* What we show for our keys, and what we ask peers to show: public, from the configuration. */
#ifndef KEYD_IKE_CREDS_H
#define KEYD_IKE_CREDS_H

#include "keyd/conf/conf.h"
#include "keyd/util/rd.h"

struct engine;

struct cred {
	struct conf_cred conf;		/* owned copies of what it points to */
	uint8_t *staple;		/* owned: an OCSP response that the certificate is good; NULL: there is none */
	size_t nstaple;
	struct {			/* that it is on, as the card role says; nothing said: it is there */
		bool away, usable;
		uint64_t since;		/* when it went, microseconds */
	} token;
};

struct creds {
	struct cred *creds;
	unsigned ncreds;
	struct conf_ca *cas;
	unsigned ncas;
};

/* Takes over copies; staples and what is known of tokens of keys that stay, stay. 0 or -1 without memory (then nothing has changed). */
int creds_configure(struct creds *c, const struct conf *conf) RD_MUST_CHECK;
void creds_free(struct creds *c);
/* By the key's digest, or by that of its URI, which those have who asked before it was seen. NULL: nothing is known of such a key. */
const struct cred *creds_find(const struct creds *c, const struct conf_digest *key);
struct cred *creds_find_own(struct creds *c, const struct conf_digest *key);
/* NULL: there is no such set. */
const struct conf_ca *creds_ca(const struct creds *c, const struct conf_digest *set);

#endif
