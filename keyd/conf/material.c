// SPDX-License-Identifier: MIT
// Certificates of CAs and keys of peers out of files, and the table of what was read already.
#include "keyd/conf/file.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/alg.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/hash.h"
#include "keyd/util/wr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME_SHOWN 200			/* bytes of a certificate's name in a message */

struct conf_read {
	enum conf_read_kind kind;
	const char *a, *b;
	struct conf_digest digest;
};

static bool no_memory(struct conf_parser *p, const struct conf_where *at)
{
	conf_err(p, at, "out of memory");
	p->error = -ENOMEM;
	return false;
}

bool conf_crypto_ready(struct conf_parser *p, const struct conf_where *at)
{
	if (!crypto_init())
		return true;
	conf_err(p, at, "%s", crypto_error());
	return false;
}

/* Whole, so that a dump of the configuration names the same file wherever it is written. */
const char *conf_file_name(struct conf_parser *p, const struct conf_word *w)
{
	char here[CONF_PATH_MAX] = "", whole[2 * CONF_PATH_MAX];
	const char *name = conf_path(p, w);

	if (!name)
		return NULL;
	if (strlen(name) >= CONF_PATH_MAX || (*name != '/' && !getcwd(here, sizeof(here))) ||
	    snprintf(whole, sizeof(whole), "%s%s%s", here, *here ? "/" : "", name) >= CONF_PATH_MAX) {
		conf_err(p, &w->at, "the whole name of this file is longer than %u bytes", CONF_PATH_MAX - 1);
		return NULL;
	}
	return conf_keep(p, whole, strlen(whole));
}

static bool same_name(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool conf_read_find(struct conf_parser *p, enum conf_read_kind kind, const char *a, const char *b, struct conf_digest *out)
{
	for (unsigned i = 0; i < p->nread; i++) {
		const struct conf_read *r = &p->read[i];

		if (r->kind == kind && same_name(r->a, a) && same_name(r->b, b)) {
			*out = r->digest;
			return true;
		}
	}
	return false;
}

void conf_read_note(struct conf_parser *p, enum conf_read_kind kind, const char *a, const char *b,
		    const struct conf_digest *digest)
{
	struct conf_read *to = conf_grow(p, p->read, p->nread, sizeof(*to));

	if (!to)
		return;
	p->read = to;
	to[p->nread++] = (struct conf_read){ .kind = kind, .a = a, .b = b, .digest = *digest };
}

/* Twice the room at each power of two. */
void *conf_grow(struct conf_parser *p, void *array, unsigned n, size_t size)
{
	void *to = n & (n - 1) ? array : reallocarray(array, n ? 2 * (size_t)n : 1, size);

	if (!to)
		no_memory(p, NULL);
	return to;
}

bool conf_digest_equal(const struct conf_digest *a, const struct conf_digest *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

bool conf_digest_is_none(const struct conf_digest *d)
{
	static const struct conf_digest none;

	return conf_digest_equal(d, &none);
}

uint8_t *conf_key_digest(struct conf_parser *p, const struct crypto_key *k, struct conf_digest *digest, uint32_t *nspki)
{
	struct secret spki = { 0 };
	uint8_t *copy = NULL;

	if (!crypto_key_spki(k, &spki) && !crypto_sha256(&(struct view){ spki.p, spki.n }, 1, digest->b))
		copy = malloc(spki.n);
	if (copy) {
		memcpy(copy, spki.p, spki.n);
		*nspki = (uint32_t)spki.n;
	} else {
		no_memory(p, NULL);
	}
	secret_clear(&spki);
	return copy;
}

/* --- CAs --- */

struct ca_reader {
	struct conf_ca ca;
	unsigned n, not_ca, expired;
	char first_not_ca[NAME_SHOWN], first_expired[NAME_SHOWN];
	bool no_memory;
	bool unnamed;			/* there was no room for a name */
};

/* The same name stands once: a CA may have several certificates. */
static void take_name(struct ca_reader *r, struct view name)
{
	struct rd had = rd_of(r->ca.names, r->ca.nnames);
	struct wr w = wr_of(r->ca.names + r->ca.nnames, sizeof(r->ca.names) - r->ca.nnames);
	struct view one;
	uint16_t n;

	while (rd_left(&had) && !rd_u16(&had, &n) && !rd_view(&had, n, &one))
		if (one.n == name.n && !memcmp(one.p, name.p, n))
			return;
	if (name.n <= UINT16_MAX)
		wr_u16(&w, (uint16_t)name.n);
	wr_put(&w, name);
	if (name.n > UINT16_MAX || !wr_ok(&w))
		r->unnamed = true;
	else
		r->ca.nnames = (uint16_t)(r->ca.nnames + w.len);
}

static int take_ca(void *arg, struct crypto_cert *c)
{
	struct ca_reader *r = arg;
	struct view der = crypto_cert_der(c);
	uint8_t *certs = realloc(r->ca.certs, r->ca.ncerts + 4 + der.n);
	struct wr w;

	if (!certs || (r->n < CONF_CA_HASHES_MAX && crypto_cert_key_hash(c, r->ca.hash[r->n]))) {
		r->ca.certs = certs ? certs : r->ca.certs;
		r->no_memory = true;
		crypto_cert_free(c);
		return 1;
	}
	w = wr_of(certs + r->ca.ncerts, 4 + der.n);
	wr_u32(&w, (uint32_t)der.n);
	wr_put(&w, der);
	r->ca.certs = certs;
	r->ca.ncerts += (uint32_t)w.len;
	take_name(r, crypto_cert_subject(c));
	r->n++;
	if (!crypto_cert_is_ca(c) && !r->not_ca++)
		crypto_dn_format(crypto_cert_subject(c), r->first_not_ca, sizeof(r->first_not_ca));
	if (crypto_cert_ends(c) < time(NULL) && !r->expired++)
		crypto_dn_format(crypto_cert_subject(c), r->first_expired, sizeof(r->first_expired));
	crypto_cert_free(c);
	return 0;
}

static void warn_of_cas(struct conf_parser *p, const struct conf_word *w, const struct ca_reader *r)
{
	if (r->not_ca)
		conf_warn(p, &w->at, "'%s' has %u certificate%s of no CA, which can vouch for nobody; the first: %s", r->ca.file,
			  r->not_ca, r->not_ca == 1 ? "" : "s", r->first_not_ca);
	if (r->expired)
		conf_warn(p, &w->at, "'%s' has %u certificate%s that has expired; the first: %s", r->ca.file, r->expired,
			  r->expired == 1 ? "" : "s", r->first_expired);
}

/* Takes over r->ca.certs, unless there is such a set already. */
static bool keep_ca(struct conf_parser *p, struct ca_reader *r, struct conf_digest *set)
{
	struct conf *c = p->conf;
	struct conf_ca *cas;

	if (crypto_sha256(&(struct view){ r->ca.certs, r->ca.ncerts }, 1, r->ca.set.b))
		return no_memory(p, NULL);
	*set = r->ca.set;
	for (unsigned i = 0; i < c->ncas; i++)
		if (conf_digest_equal(&c->cas[i].set, set))
			return true;
	cas = conf_grow(p, c->cas, c->ncas, sizeof(*cas));
	if (!cas)
		return false;
	r->ca.n = r->n <= CONF_CA_HASHES_MAX ? (uint16_t)r->n : 0;
	if (r->unnamed)
		r->ca.nnames = 0;
	c->cas = cas;
	cas[c->ncas++] = r->ca;
	r->ca.certs = NULL;
	return true;
}

static bool read_cas(struct conf_parser *p, const struct conf_word *w, const char *name, struct conf_digest *set)
{
	struct ca_reader r = { .ca.at = conf_at_of(p, &w->at) };
	struct conf_file f;
	char why[256];
	bool ok = false;
	int e = conf_file_read(&f, name, CRYPTO_CERT_FILE_MAX, why, sizeof(why));

	if (e < 0) {
		conf_err(p, &w->at, "'%s' %s", name, why);
		p->error = e;
		return false;
	}
	snprintf(r.ca.file, sizeof(r.ca.file), "%s", name);
	e = crypto_certs_from_file((struct view){ (const uint8_t *)f.text, f.n }, take_ca, &r);
	conf_file_clear(&f);
	if (r.no_memory)
		no_memory(p, &w->at);
	else if (e && r.n)
		conf_err(p, &w->at, "'%s' is damaged after %u certificates: %s", name, r.n, crypto_cert_strerror(e));
	else if (e)
		conf_err(p, &w->at, "'%s' has no certificate of a CA: %s", name, crypto_cert_strerror(e));
	else
		ok = keep_ca(p, &r, set);
	if (ok)
		warn_of_cas(p, w, &r);
	free(r.ca.certs);
	return ok;
}

bool conf_ca_read(struct conf_parser *p, const struct conf_word *w, struct conf_digest *set)
{
	const char *name = conf_file_name(p, w);

	*set = (struct conf_digest){ { 0 } };
	if (!name || !conf_crypto_ready(p, &w->at))
		return false;
	if (!conf_read_find(p, CONF_READ_CA, name, NULL, set)) {
		read_cas(p, w, name, set);
		conf_read_note(p, CONF_READ_CA, name, NULL, set);
	}
	return !conf_digest_is_none(set);
}

/* --- keys of peers --- */

static bool keep_pin(struct conf_parser *p, const struct conf_word *w, const struct crypto_key *k, struct conf_digest *key)
{
	struct conf_pin pin = { .at = conf_at_of(p, &w->at) }, *pins;
	struct conf *c = p->conf;

	pin.spki = conf_key_digest(p, k, &pin.key, &pin.nspki);
	if (!pin.spki)
		return false;
	*key = pin.key;
	for (unsigned i = 0; i < c->npins; i++)
		if (conf_digest_equal(&c->pins[i].key, key)) {
			free(pin.spki);
			return true;
		}
	pins = conf_grow(p, c->pins, c->npins, sizeof(*pins));
	if (!pins) {
		free(pin.spki);
		return false;
	}
	c->pins = pins;
	pins[c->npins++] = pin;
	return true;
}

static int first_cert(void *arg, struct crypto_cert *c)
{
	struct crypto_cert **out = arg;

	*out = c;
	return 1;		/* that is enough */
}

/* Of a public key, or of a certificate. 0 or an enum crypto_key_error. */
static int public_key(struct view bytes, struct crypto_key **k)
{
	struct crypto_cert *c = NULL;
	int r;

	if (crypto_certs_from_file(bytes, first_cert, &c) != 1)
		return crypto_key_from_public(k, bytes);
	r = crypto_cert_key(c, k);
	crypto_cert_free(c);
	return r;
}

/* The key in a file. 0, an enum crypto_key_error, or 1: the file cannot be read. It is reported. */
static int key_from_file(struct conf_parser *p, const struct conf_word *w, const char *name, struct crypto_key **k)
{
	struct conf_file f;
	char why[256];
	int r = conf_file_read(&f, name, CRYPTO_CERT_FILE_MAX, why, sizeof(why));

	if (r < 0) {
		conf_err(p, &w->at, "'%s' %s", name, why);
		p->error = r;
		return 1;
	}
	r = public_key((struct view){ (const uint8_t *)f.text, f.n }, k);
	conf_file_clear(&f);
	if (r)
		conf_err(p, &w->at, "'%s' has no public key of a peer: %s (a public key or a certificate, in PEM or DER, is expected)",
			 name, crypto_key_strerror(r));
	return r;
}

bool conf_pin_read(struct conf_parser *p, const struct conf_word *w, bool file, struct conf_digest *key)
{
	const char *name = file ? conf_file_name(p, w) : NULL;
	struct crypto_key *k = NULL;
	int r;

	*key = (struct conf_digest){ { 0 } };
	if ((file && !name) || !conf_crypto_ready(p, &w->at))
		return false;
	if (file && conf_read_find(p, CONF_READ_PIN, name, NULL, key))
		return !conf_digest_is_none(key);
	r = file ? key_from_file(p, w, name, &k) : crypto_key_from_public(&k, (struct view){ (const uint8_t *)w->s, w->n });
	if (r && !file)
		conf_err(p, &w->at, "this is no public key: %s (what 'keydctl keygen' prints is expected, or 'file FILE')",
			 crypto_key_strerror(r));
	if (!r)
		keep_pin(p, w, k, key);
	crypto_key_free(k);
	if (file)
		conf_read_note(p, CONF_READ_PIN, name, NULL, key);
	return !conf_digest_is_none(key);
}
