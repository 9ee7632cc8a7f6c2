// SPDX-License-Identifier: MIT
// Public keys and certificates of tokens, whose bytes come through keyd unread, in words.
#include "keyd/ctl/keydctl.h"

#include "keyd/crypto/alg.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/dn.h"

#include <string.h>
#include <time.h>

#define NAME_SHOWN 1024			/* bytes */

static struct view view_of(const char *text)
{
	return (struct view){ (const uint8_t *)text, strlen(text) };
}

static json_t *when(int64_t at)
{
	char text[32] = "";
	time_t t = (time_t)at;
	struct tm tm;

	if (at == INT64_MIN || !gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *name(struct view dn)
{
	char text[NAME_SHOWN];

	return json_string(crypto_dn_format(dn, text, sizeof(text)));
}

static int first(void *arg, struct crypto_cert *c)
{
	struct crypto_cert **out = arg;

	*out = c;
	return 1;
}

static json_t *describe_cert(const char *pem)
{
	struct crypto_cert *c = NULL;
	int64_t ends;
	json_t *o;

	if (crypto_certs_from_file(view_of(pem), first, &c) != 1)
		return json_pack("{s:s}", "error", "it cannot be read");
	ends = crypto_cert_ends(c);
	o = json_pack("{s:o, s:o, s:o, s:o, s:I}", "subject", name(crypto_cert_subject(c)), "issuer", name(crypto_cert_issuer(c)),
		      "begins", when(crypto_cert_begins(c)), "ends", when(ends), "ends_in",
		      ends == INT64_MIN ? (json_int_t)0 : (json_int_t)(ends - time(NULL)));
	crypto_cert_free(c);
	return o;
}

static json_t *describe_key(const char *text)
{
	struct crypto_key *k = NULL;
	char buf[32];
	json_t *o;

	if (crypto_key_from_public(&k, view_of(text)))
		return json_null();
	o = json_string(crypto_key_name(k, buf, sizeof(buf)));
	crypto_key_free(k);
	return o;
}

void token_describe(json_t *tokens)
{
	json_t *token, *key;
	size_t i, n;
	bool can = !crypto_init();

	json_array_foreach (tokens, i, token)
		json_array_foreach (json_object_get(token, "keys"), n, key) {
			const char *public = json_string_value(json_object_get(key, "public_key"));
			const char *pem = json_string_value(json_object_get(key, "certificate_pem"));

			json_object_set_new(key, "type", can && public ? describe_key(public) : json_null());
			json_object_set_new(key, "certificate", can && pem ? describe_cert(pem) : json_null());
		}
}
