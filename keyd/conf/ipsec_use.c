// SPDX-License-Identifier: MIT
// What ipsec.secrets gives to sections: the private key of a certificate that has none beside it, and PINs of tokens.
#include "keyd/conf/file.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/p12.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX (1 << 20)		/* bytes of a file */

/* What came of opening one of p->ipsec.keys: that is done once, for it may take a second. */
enum opened { NOT_YET, OPEN, LOCKED, USELESS };
struct conf_ipsec_key {
	enum opened is;
	struct crypto_key *key;
};

static struct view bytes_of(const struct conf_file *f)
{
	return (struct view){ (const uint8_t *)f->text, f->n };
}

static int drop_cert(void *arg, struct crypto_cert *c)
{
	(void)arg;
	crypto_cert_free(c);
	return 0;
}

/* Where it stands, for messages. */
static struct conf_where where_of(struct conf_parser *p, struct conf_at at)
{
	char text[CONF_PATH_MAX + 16];
	char *colon;

	conf_at_format(p->conf, at, text, sizeof(text));
	colon = strrchr(text, ':');
	if (colon)
		*colon = 0;
	return (struct conf_where){ .file = conf_keep(p, text, strlen(text)), .line = at.line, .column = 1 };
}

/* 0 and *key, or an error as of crypto_key_from_private. PKCS#12 has the same numbers. */
static int open_bytes(struct crypto_key **key, struct view bytes, struct view passphrase)
{
	int r;

	if (!crypto_is_p12(bytes))
		return crypto_key_from_private(key, bytes, passphrase);
	r = crypto_p12_load(key, bytes, passphrase, drop_cert, NULL);
	return r ? r : *key ? 0 : CRYPTO_KEY_MALFORMED;
}

static enum opened open_file(struct conf_parser *p, const struct ipsec_key *k, struct crypto_key **key)
{
	struct conf_where at = where_of(p, k->at);
	struct conf_file f;
	char why[256];
	int r = conf_file_read(&f, k->file, KEY_MAX, why, sizeof(why));

	if (r < 0) {
		conf_warn(p, &at, "'%s' %s; this key is not used", k->file, why);
		return USELESS;
	}
	r = open_bytes(key, bytes_of(&f), secret_view(&k->passphrase));
	conf_file_clear(&f);
	if (!r)
		return OPEN;
	if (r == CRYPTO_KEY_PASSPHRASE && !k->passphrase.n)
		return LOCKED;
	conf_warn(p, &at, r == CRYPTO_KEY_PASSPHRASE ? "the passphrase does not fit '%s'; this key is not used" :
		  "there is no private key in '%s' that can be used", k->file);
	return USELESS;
}

static const struct conf_ipsec_key *opened(struct conf_parser *p, size_t i)
{
	const struct ipsec_key *k = &p->ipsec.keys[i];
	struct conf_ipsec_key *to;

	if (!p->ipsec_keys)
		p->ipsec_keys = calloc(p->ipsec.nkeys, sizeof(*p->ipsec_keys));
	if (!p->ipsec_keys)
		return NULL;
	to = &p->ipsec_keys[i];
	if (to->is == NOT_YET && k->bytes.n)
		to->is = open_bytes(&to->key, secret_view(&k->bytes), (struct view){ NULL, 0 }) ? USELESS : OPEN;
	else if (to->is == NOT_YET)
		to->is = open_file(p, k, &to->key);
	return to;
}

void conf_ipsec_free(struct conf_parser *p)
{
	for (size_t i = 0; p->ipsec_keys && i < p->ipsec.nkeys; i++)
		crypto_key_free(p->ipsec_keys[i].key);
	free(p->ipsec_keys);
	p->ipsec_keys = NULL;
	ipsec_secrets_free(&p->ipsec);
}

/* --- keys --- */

static int first_cert(void *arg, struct crypto_cert *c)
{
	struct crypto_cert **out = arg;

	*out = c;
	return 1;
}

/* The public key of a file with a certificate and without its private key; NULL: it is another kind of file, or none. */
static struct crypto_key *key_wanted(const char *file)
{
	struct crypto_key *private = NULL, *public = NULL;
	struct crypto_cert *c = NULL;
	struct conf_file f;
	char why[256];

	if (conf_file_read(&f, file, KEY_MAX, why, sizeof(why)) < 0)
		return NULL;		/* whoever reads it next says so */
	if (!crypto_is_p12(bytes_of(&f)) &&
	    crypto_key_from_private(&private, bytes_of(&f), (struct view){ NULL, 0 }) == CRYPTO_KEY_MALFORMED &&
	    crypto_certs_from_file(bytes_of(&f), first_cert, &c) == 1 && crypto_cert_key(c, &public))
		public = NULL;
	crypto_key_free(private);
	crypto_cert_free(c);
	conf_file_clear(&f);
	return public;
}

/* As if "key" and "passphrase" had been said. */
static void adopt_key(struct conf_parser *p, const struct ipsec_key *k)
{
	struct conf_own *own = &p->own;

	if (k->bytes.n) {
		own->inside = secret_view(&k->bytes);
		return;
	}
	own->key = conf_keep(p, k->file, strlen(k->file));
	own->key_at = where_of(p, k->at);
	if (!own->passphrase.n && k->passphrase.n && secret_set(&own->passphrase, k->passphrase.p, k->passphrase.n) < 0)
		own->failed = true;
}

/* The line that names a token; NULL: there is none, or several (*n). The same token twice is one. */
static const struct ipsec_pin *only_token(const struct conf_parser *p, unsigned *n)
{
	const struct ipsec_pin *found = NULL;

	*n = 0;
	for (size_t i = 0; i < p->ipsec.npins; i++) {
		if (found && !strcmp(found->uri, p->ipsec.pins[i].uri))
			continue;
		found = &p->ipsec.pins[i];
		++*n;
	}
	return *n == 1 ? found : NULL;
}

/* Of all keys, the one that fits; else, where only one place is left that may have it, that one. */
static void find_key(struct conf_parser *p, const struct crypto_key *wanted)
{
	const struct ipsec_key *locked = NULL;
	const struct ipsec_pin *token;
	unsigned nlocked = 0, ntokens;

	for (size_t i = 0; i < p->ipsec.nkeys; i++) {
		const struct conf_ipsec_key *k = opened(p, i);

		if (k && k->is == OPEN && crypto_key_equal(k->key, wanted)) {
			adopt_key(p, &p->ipsec.keys[i]);
			return;
		}
		if (k && k->is == LOCKED) {
			locked = &p->ipsec.keys[i];
			nlocked++;
		}
	}
	token = only_token(p, &ntokens);
	if (nlocked + ntokens > 1) {
		conf_warn(p, &p->own.cert_at, "of the files of secrets, %u encrypted keys and %u tokens may have the key of "
			  "this certificate: say which with 'key'", nlocked, ntokens);
	} else if (nlocked) {
		adopt_key(p, locked);
	} else if (token) {
		p->own.key = conf_keep(p, token->uri, strlen(token->uri));
		p->own.key_at = where_of(p, token->at);
	}
}

void conf_ipsec_key(struct conf_parser *p)
{
	const struct conf_own *own = &p->own;
	struct crypto_key *wanted;

	if (!own->cert || own->key || own->failed || conf_is_token(own->cert) || (!p->ipsec.nkeys && !p->ipsec.npins) ||
	    !conf_crypto_ready(p, &own->cert_at))
		return;
	wanted = key_wanted(own->cert);
	if (wanted)
		find_key(p, wanted);
	crypto_key_free(wanted);
}

/* --- PINs --- */

/* One attribute of a URI; value is as it stands. */
struct attribute {
	const char *name, *value, *end;
};

/* False: there is none any more. */
static bool next_attribute(const char **at, struct attribute *a)
{
	size_t n;

	*at += strspn(*at, ";?&");
	n = strcspn(*at, ";?&");
	if (!n)
		return false;
	*a = (struct attribute){ .name = *at, .end = *at + n };
	a->value = memchr(*at, '=', n) ?: a->end;
	*at += n;
	return true;
}

/* The next byte, which may be escaped; -1: the end. */
static int next_byte(const char **at, const char *end)
{
	if (*at == end)
		return -1;
	if (**at == '%' && end - *at >= 3 && quantity_hex_digit((*at)[1]) >= 0 && quantity_hex_digit((*at)[2]) >= 0) {
		*at += 3;
		return quantity_hex_digit((*at)[-2]) << 4 | quantity_hex_digit((*at)[-1]);
	}
	return (unsigned char)*(*at)++;
}

static bool same_attribute(const struct attribute *a, const struct attribute *b)
{
	const char *x = a->name, *y = b->name;
	int c;

	do {
		c = next_byte(&x, a->end);
		if (c != next_byte(&y, b->end))
			return false;
	} while (c >= 0);
	return true;
}

static bool has_attribute(const char *uri, const struct attribute *a)
{
	const char *at = uri + strlen("pkcs11:");
	struct attribute b;

	while (next_attribute(&at, &b))
		if (same_attribute(a, &b))
			return true;
	return false;
}

/* How much of uri the line's own says: all that it says must be there. -1: it is of another token, or may be. */
static int coverage(const char *line, const char *uri)
{
	const char *at = line + strlen("pkcs11:");
	struct attribute a;
	int n = 0;

	for (; next_attribute(&at, &a); n++)
		if (!has_attribute(uri, &a))
			return -1;
	return n;
}

static void adopt_pin(struct conf_parser *p, const struct ipsec_pin *pin)
{
	static const enum conf_pin_how hows[] = {
		[IPSEC_SECRET_GIVEN] = CONF_PIN_GIVEN, [IPSEC_SECRET_PROMPT] = CONF_PIN_ASK, [IPSEC_SECRET_PAD] = CONF_PIN_PAD,
	};
	struct conf_pin_said *said = &p->own.pin;

	said->at = where_of(p, pin->at);
	said->pin = hows[pin->from];
	said->from = CONF_PIN_TEXT;
	said->name = NULL;
	if (pin->from != IPSEC_SECRET_GIVEN)
		return;
	conf_warn(p, &said->at, "whoever reads this file has the PIN: 'pin credential', or 'pin ask' keep it out of files");
	if (secret_set(&said->text, pin->pin.p, pin->pin.n) < 0)
		p->own.failed = true;
}

void conf_ipsec_pin(struct conf_parser *p, const char *uri)
{
	const struct ipsec_pin *best = NULL;
	int most = -1;

	for (size_t i = 0; i < p->ipsec.npins; i++) {
		const struct ipsec_pin *pin = &p->ipsec.pins[i];
		int n = pin->from == IPSEC_SECRET_NONE ? -1 : coverage(pin->uri, uri);

		if (n > most) {
			most = n;
			best = pin;
		}
	}
	if (best)
		adopt_pin(p, best);
}
