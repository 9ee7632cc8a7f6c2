// SPDX-License-Identifier: MIT
// Says in time that a certificate of ours runs out.
#include "keyd/trust/own.h"

#include "keyd/crypto/dn.h"
#include "keyd/trust/codec.h"

#include <stdio.h>
#include <stdlib.h>

int own_new(struct own **out, const struct conf_digest *key, const char *at, struct view chain, const char **why)
{
	struct own *o = calloc(1, sizeof(*o));
	struct rd r = rd_of_view(chain);
	struct view der;
	int error = 0;

	if (!o) {
		*why = "there is no memory";
		return -1;
	}
	o->key = *key;
	snprintf(o->at, sizeof(o->at), "%s", at);
	while (!error && rd_left(&r)) {
		error = o->n == OWN_CHAIN_MAX || trust_item_get(&r, &der) ? CRYPTO_CERT_TOO_BIG :
			crypto_cert_from_der(&o->chain[o->n], der);
		o->n += !error;
	}
	if (!error) {
		*out = o;
		return 0;
	}
	*why = crypto_cert_strerror(error);
	own_free(o);
	return -1;
}

void own_free(struct own *o)
{
	if (!o)
		return;
	for (unsigned i = 0; i < o->n; i++)
		crypto_cert_free(o->chain[i]);
	free(o->staple);
	free(o);
}

void own_warn(const struct own *o, int64_t wall, uint32_t days, void (*log)(void *arg, enum log_level level, const char *text),
	      void *arg)
{
	char text[700], subject[160], date[CRYPTO_DAY_LEN];

	for (unsigned i = 0; i < o->n; i++) {
		int64_t ends = crypto_cert_ends(o->chain[i]), left = (ends - wall) / OWN_DAY;
		const char *whose = i ? "the certificate above ours" : "our certificate";

		if (!days || ends - wall > (int64_t)days * OWN_DAY)
			continue;
		crypto_dn_format(crypto_cert_subject(o->chain[i]), subject, sizeof(subject));
		crypto_day(ends, date);
		if (ends <= wall)
			snprintf(text, sizeof(text), "%s: %s \"%s\" has expired on %s: peers refuse it", o->at, whose, subject, date);
		else
			snprintf(text, sizeof(text), "%s: %s \"%s\" expires on %s, in %lld day%s: renew it", o->at, whose, subject,
				 date, (long long)left, left == 1 ? "" : "s");
		log(arg, ends <= wall ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, text);
	}
}
