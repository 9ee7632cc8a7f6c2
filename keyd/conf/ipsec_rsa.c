// SPDX-License-Identifier: MIT
// Private RSA keys whose numbers stand in ipsec.secrets (ipsec rsasigkey, newhostkey), as PKCS#1 in DER (RFC 8017 A.1.2).
#include "keyd/conf/ipsec_inside.h"
#include "keyd/crypto/key.h"
#include "keyd/util/wr.h"

#include <string.h>

#define NUMBERS 8
#define NUMBER_MAX (CRYPTO_RSA_BITS_MAX / 8)

enum { DER_INTEGER = 0x02, DER_SEQUENCE = 0x30 };

/* In the order of RSAPrivateKey. */
static const char *const names[NUMBERS] = {
	"Modulus:", "PublicExponent:", "PrivateExponent:", "Prime1:", "Prime2:", "Exponent1:", "Exponent2:", "Coefficient:",
};

static void put_head(struct wr *w, uint8_t tag, size_t n)
{
	wr_u8(w, tag);
	if (n < 0x80) {
		wr_u8(w, (uint8_t)n);
	} else if (n < 0x100) {
		wr_u8(w, 0x81);
		wr_u8(w, (uint8_t)n);
	} else {
		wr_u8(w, 0x82);
		wr_u16(w, (uint16_t)n);
	}
}

/* Not negative, with as few bytes as will do. */
static void put_number(struct wr *w, struct view v)
{
	bool zero;

	while (v.n > 1 && !*v.p) {
		v.p++;
		v.n--;
	}
	zero = *v.p & 0x80;
	put_head(w, DER_INTEGER, v.n + zero);
	if (zero)
		wr_u8(w, 0);
	wr_put(w, v);
}

static const char *build(struct secret *der, const struct secret *numbers)
{
	static const uint8_t version;
	struct secret body = { 0 };
	struct wr w;
	const char *why = NULL;

	if (secret_alloc(&body, NUMBERS * (NUMBER_MAX + 8)) < 0)
		return "out of memory";
	w = wr_of(body.p, body.n);
	put_number(&w, (struct view){ &version, 1 });
	for (unsigned i = 0; i < NUMBERS; i++)
		put_number(&w, secret_view(&numbers[i]));
	if (!wr_ok(&w))
		why = "a number of the key is too long";
	else if (secret_alloc(der, w.len + 4) < 0)
		why = "out of memory";
	if (!why) {
		struct wr out = wr_of(der->p, der->n);

		put_head(&out, DER_SEQUENCE, w.len);
		wr_put(&out, (struct view){ body.p, w.len });
		der->n = out.len;
	}
	secret_clear(&body);
	return why;
}

static const char *take(struct secret *numbers, const struct ipsec_token *name, const struct ipsec_token *value)
{
	unsigned i = 0;

	while (i < NUMBERS && !ipsec_token_is(name, names[i]))
		i++;
	if (i == NUMBERS)
		return NULL;		/* CKAIDNSS: and others, which say nothing new */
	if (numbers[i].n)
		return "a number of the key stands there twice";
	return ipsec_value_secret(&numbers[i], value, NUMBER_MAX);
}

const char *ipsec_value_rsa(struct secret *der, const struct ipsec_token *t, unsigned n)
{
	struct secret numbers[NUMBERS] = { 0 };
	const char *why = NULL;
	unsigned have = 0;

	for (unsigned i = 0; i + 1 < n && !why; i += 2)
		why = take(numbers, &t[i], &t[i + 1]);
	for (unsigned i = 0; i < NUMBERS; i++)
		have += numbers[i].n > 0;
	if (!why && n % 2)
		why = "between { and }, pairs of a name with ':' and a number are expected";
	else if (!why && have < NUMBERS)
		why = "this is no whole private key: where it is in a database of NSS, get it out with "
		      "'pk12util -o FILE.p12 -n NAME' and name that file in 'cert'";
	if (!why)
		why = build(der, numbers);
	for (unsigned i = 0; i < NUMBERS; i++)
		secret_clear(&numbers[i]);
	return why;
}
