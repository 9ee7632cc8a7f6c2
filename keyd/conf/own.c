// SPDX-License-Identifier: MIT
// Our certificates and private keys out of files: which belong together, and whether they can be used.
#include "keyd/conf/file.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/p12.h"
#include "keyd/crypto/trust.h"
#include "keyd/util/wr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OWN_FILE_MAX (1 << 20)		/* bytes */
#define NAME_SHOWN 200			/* bytes of a certificate's name in a message */

/* What the files of one section have in them. */
struct own_files {
	struct conf_parser *p;
	const struct conf_own *own;
	struct conf_file cert, key;	/* key: empty where cert has the key in it */
	struct crypto_cert *certs[CRYPTO_CHAIN_MAX + 1];	/* in the order of the file */
	unsigned ncerts;
	struct crypto_key *public, *private;	/* of the first certificate; NULL: there is none, or it is locked */
	bool unseen;			/* it is on a token, and not all is known of it that is needed */
};

static bool no_memory(struct conf_parser *p)
{
	conf_err(p, &p->peer_at, "out of memory");
	p->error = -ENOMEM;
	return false;
}

/* Where the key is said to be: its file's name, bytes and place. */
static const char *key_name(const struct own_files *o)
{
	return o->own->key ? o->own->key : o->own->cert;
}

static const struct conf_file *key_file(const struct own_files *o)
{
	return o->key.text ? &o->key : &o->cert;
}

static const struct conf_where *key_at(const struct own_files *o)
{
	return o->own->key ? &o->own->key_at : &o->own->cert_at;
}

/* The same of our certificate: in PKCS#12 it may be in the file of the key. */
static const char *cert_name(const struct own_files *o)
{
	return o->own->cert ? o->own->cert : o->own->key;
}

static const struct conf_where *cert_at(const struct own_files *o)
{
	return o->own->cert ? &o->own->cert_at : &o->own->key_at;
}

static bool read_file(struct conf_parser *p, const char *name, const struct conf_where *at, struct conf_file *f)
{
	char why[256];
	int r = conf_file_read(f, name, OWN_FILE_MAX, why, sizeof(why));

	if (!r)
		return true;
	conf_err(p, at, "'%s' %s", name, why);
	p->error = r;
	return false;
}

static int take_cert(void *arg, struct crypto_cert *c)
{
	struct own_files *o = arg;

	if (o->ncerts == sizeof(o->certs) / sizeof(*o->certs)) {
		crypto_cert_free(c);
		return 1;
	}
	o->certs[o->ncerts++] = c;
	return 0;
}

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

/* PKCS#12: the key, and the certificates too unless another file has them. */
static bool read_p12(struct own_files *o, const struct conf_file *f, const char *name, const struct conf_where *at)
{
	bool certs = o->ncerts == 0;
	int r = crypto_p12_load(&o->private, bytes_of(f), secret_view(&o->own->passphrase), certs ? take_cert : drop_cert, o);

	if (r == CRYPTO_P12_PASSPHRASE && !o->own->passphrase.n)
		conf_err(o->p, at, "'%s' is encrypted: add 'passphrase'", name);
	else if (r == CRYPTO_P12_PASSPHRASE)
		conf_err(o->p, at, "the passphrase does not fit '%s'", name);
	else if (r == 1)
		conf_err(o->p, at, "'%s' has more than %u certificates", name, o->ncerts);
	else if (r)
		conf_err(o->p, at, "'%s' cannot be used: %s", name, crypto_p12_strerror(r));
	else
		return true;
	return false;
}

static bool read_certs(struct own_files *o)
{
	const struct conf_own *own = o->own;
	int r;

	if (!own->cert || conf_is_token(own->cert))
		return true;
	if (!read_file(o->p, own->cert, &own->cert_at, &o->cert))
		return false;
	if (crypto_is_p12(bytes_of(&o->cert)))
		return read_p12(o, &o->cert, own->cert, &own->cert_at);
	r = crypto_certs_from_file(bytes_of(&o->cert), take_cert, o);
	if (r == 1)
		conf_err(o->p, &own->cert_at, "'%s' has more than %u certificates: ours, and those above it, are expected", own->cert,
			 o->ncerts);
	else if (r)
		conf_err(o->p, &own->cert_at, "'%s' cannot be used as our certificate: %s", own->cert, crypto_cert_strerror(r));
	return !r;
}

/* Whose public key it is when the private one is locked, and that the other one is compared with. */
static bool take_public(struct own_files *o)
{
	int r;

	if (o->own->cert && !o->ncerts) {
		conf_err(o->p, cert_at(o), "'%s' has no certificate in it", o->own->cert);
		return false;
	}
	r = o->ncerts ? crypto_cert_key(o->certs[0], &o->public) : 0;
	if (r)
		conf_err(o->p, cert_at(o), "the key of the certificate in '%s' cannot be used: %s",
			 cert_name(o), crypto_key_strerror(r));
	return !r;
}

/* What to say of a private key that is none. */
static bool no_key(struct own_files *o, int error)
{
	const struct conf_own *own = o->own;
	bool given = own->passphrase.n > 0;

	if (error == CRYPTO_KEY_PASSPHRASE && given)
		conf_err(o->p, key_at(o), "the passphrase does not fit the private key in '%s'", key_name(o));
	else if (error == CRYPTO_KEY_PASSPHRASE)
		conf_err(o->p, key_at(o), "'%s' is encrypted, and without a certificate its public part is not known: add 'passphrase', "
			 "or 'cert FILE'", key_name(o));
	else if (!own->key && error == CRYPTO_KEY_MALFORMED)
		conf_err(o->p, cert_at(o), "'%s' has no private key in it: say where it is with 'key FILE'", own->cert);
	else
		conf_err(o->p, key_at(o), "the private key in '%s' cannot be used: %s", key_name(o), crypto_key_strerror(error));
	return false;
}

/* Only root and we may read it. */
static bool is_hidden(struct own_files *o, const struct conf_file *f)
{
	if (!*f->exposed)
		return true;
	conf_err(o->p, key_at(o), "%s", f->exposed);
	o->p->error = -EACCES;
	return false;
}

/* --- a key on a token --- */

static bool is_token(const struct own_files *o)
{
	return conf_is_token(key_name(o));
}

/* What cannot be, said of a key on a token. */
static bool token_makes_sense(struct own_files *o)
{
	const struct conf_own *own = o->own;
	const char *wrong = conf_is_token(own->cert) && own->key && strcmp(own->key, own->cert) != 0 ?
			    "the key of a certificate on a token is there as well: leave 'key' out" :
			    is_token(o) && own->passphrase.n ? "a token has a PIN and no passphrase: say 'pin …'" :
			    is_token(o) && strlen(key_name(o)) >= CONF_URI_MAX ? "this URI is too long" : NULL;

	if (wrong)
		conf_err(o->p, key_at(o), "%s", wrong);
	return !wrong;
}

/* What was seen of it in earlier lives, or in this one; its certificate may be in a file. */
static bool read_token(struct own_files *o)
{
	const struct conf_sight *seen = conf_sight_find(o->p, key_name(o));
	bool wants_cert = conf_is_token(o->own->cert);

	if (seen && wants_cert && seen->ncert &&
	    !crypto_cert_from_der(&o->certs[0], (struct view){ seen->cert, seen->ncert }))
		o->ncerts = 1;
	if (seen && wants_cert && !o->ncerts)
		conf_warn(o->p, key_at(o), "the token has the key, but no certificate for it: 'keydctl token enroll' "
			  "stores one, 'cert FILE' names one beside it");
	if (o->ncerts)
		return take_public(o);
	if (seen && !wants_cert && !crypto_key_from_spki(&o->public, (struct view){ seen->spki, seen->nspki }))
		return true;
	o->unseen = true;
	return true;
}

/* --- a key in a file --- */

/* A key that is locked stays so: then its certificate says what its public part is. */
static bool read_key(struct own_files *o)
{
	const struct conf_own *own = o->own;
	bool apart = own->key && (!own->cert || strcmp(own->key, own->cert) != 0);
	int r;

	if (own->inside.n)
		return take_public(o) && !crypto_key_from_private(&o->private, own->inside, (struct view){ NULL, 0 });
	if (apart) {
		crypto_key_free(o->private);	/* of cert, in PKCS#12 */
		o->private = NULL;
		if (!read_file(o->p, own->key, &own->key_at, &o->key))
			return false;
		if (crypto_is_p12(bytes_of(&o->key)) && !read_p12(o, &o->key, own->key, &own->key_at))
			return false;
	}
	if (!take_public(o))
		return false;
	if (o->private)
		return is_hidden(o, key_file(o));
	r = crypto_key_from_private(&o->private, bytes_of(key_file(o)), secret_view(&own->passphrase));
	if (r && (r != CRYPTO_KEY_PASSPHRASE || own->passphrase.n || !o->public))
		return no_key(o, r);
	return is_hidden(o, key_file(o));
}

/* Both are known: are they a pair? Somebody may have put the certificates into the file in another order. */
static bool fits(struct own_files *o)
{
	const struct conf_own *own = o->own;
	char name[NAME_SHOWN];

	if (!o->public || !o->private || crypto_key_equal(o->public, o->private))
		return true;
	for (unsigned i = 1; i < o->ncerts; i++) {
		struct crypto_key *k = NULL;
		bool here = !crypto_cert_key(o->certs[i], &k) && crypto_key_equal(k, o->private);

		crypto_key_free(k);
		if (!here)
			continue;
		conf_err(o->p, cert_at(o), "the private key in '%s' is that of certificate number %u in '%s' (%s), which must be the "
			 "first", key_name(o), i + 1, cert_name(o),
			 crypto_dn_format(crypto_cert_subject(o->certs[i]), name, sizeof(name)));
		return false;
	}
	if (own->key)
		conf_err(o->p, cert_at(o), "the certificate in '%s' is not for the private key in '%s' (%s:%u)", cert_name(o), own->key,
			 own->key_at.file, own->key_at.line);
	else
		conf_err(o->p, cert_at(o), "the certificate and the private key in '%s' are no pair", cert_name(o));
	return false;
}

/* Ours, and those above it without the root, which a peer has or does not believe. *n is 0 for too much. */
static uint8_t *chain_of(const struct own_files *o, uint32_t *n)
{
	uint8_t *chain = malloc(CONF_CHAIN_MAX), *less;
	struct wr w = wr_of(chain, CONF_CHAIN_MAX);

	for (unsigned i = 0; chain && i < o->ncerts; i++) {
		struct view der = crypto_cert_der(o->certs[i]), subject = crypto_cert_subject(o->certs[i]);
		struct view issuer = crypto_cert_issuer(o->certs[i]);

		if (i && subject.n == issuer.n && !memcmp(subject.p, issuer.p, subject.n))
			continue;
		wr_u32(&w, (uint32_t)der.n);
		wr_put(&w, der);
	}
	*n = wr_ok(&w) ? (uint32_t)w.len : 0;
	less = chain && *n ? realloc(chain, *n) : NULL;
	return less ? less : chain;
}

static void warn_of_dates(struct own_files *o)
{
	char name[NAME_SHOWN], day[CRYPTO_DAY_LEN];
	int64_t begins = crypto_cert_begins(o->certs[0]), ends = crypto_cert_ends(o->certs[0]), now = time(NULL);

	if (begins <= now && now <= ends)
		return;
	conf_warn(o->p, cert_at(o), "our certificate in '%s' (%s) %s %s: peers will not believe it", cert_name(o),
		  crypto_dn_format(crypto_cert_subject(o->certs[0]), name, sizeof(name)),
		  now > ends ? "has expired on" : "is not valid before", crypto_day(now > ends ? ends : begins, day));
}

struct conf_cred *conf_cred_find(const struct conf *c, const struct conf_digest *key)
{
	for (unsigned i = 0; i < c->ncreds; i++)
		if (conf_digest_equal(&c->creds[i].key, key))
			return &c->creds[i];
	return NULL;
}

struct crypto_cert *conf_cred_cert(const struct conf_cred *cred)
{
	struct rd r = rd_of(cred->chain, cred->nchain);
	struct crypto_cert *c = NULL;
	struct view der;
	uint32_t n;

	if (rd_u32(&r, &n) || rd_view(&r, n, &der) || crypto_cert_from_der(&c, der))
		return NULL;
	return c;
}

/* The files that a dump names: of the section that has most to say. */
static void note_files(const struct conf_own *own, struct conf_cred *cred)
{
	if (own->key && !conf_is_token(own->key) && !*cred->key_file)
		snprintf(cred->key_file, sizeof(cred->key_file), "%s", own->key);
	if (own->passphrase_file && !*cred->passphrase_file)
		snprintf(cred->passphrase_file, sizeof(cred->passphrase_file), "%s", own->passphrase_file);
	cred->passphrase = cred->passphrase || (own->passphrase.n && !own->passphrase_file);
}

/* The credential of this key, made if it is new. NULL: no memory (reported). */
static struct conf_cred *cred_for(struct own_files *o, const struct crypto_key *k)
{
	struct conf_cred fresh = { .at = conf_at_of(o->p, key_at(o)), .token = is_token(o), .unseen = o->unseen }, *cred;
	struct conf *c = o->p->conf;

	if (k)
		fresh.spki = conf_key_digest(o->p, k, &fresh.key, &fresh.nspki);
	if ((k && !fresh.spki) || (fresh.token && !conf_uri_digest(o->p, key_name(o), &fresh.uri)))
		return NULL;
	if (!k)
		fresh.key = fresh.uri;
	cred = conf_cred_find(c, &fresh.key);
	if (cred) {
		free(fresh.spki);
	} else {
		cred = conf_grow(o->p, c->creds, c->ncreds, sizeof(*cred));
		if (!cred) {
			free(fresh.spki);
			return NULL;
		}
		c->creds = cred;
		cred += c->ncreds++;
		*cred = fresh;
	}
	note_files(o->own, cred);
	return cred;
}

/* What does not fit into an identification payload is no name of ours. */
static void take_name(void *arg, enum crypto_name type, struct view name)
{
	struct conf_cred *cred = arg;
	unsigned i = 0;

	while (i < CONF_CRED_NAMES_MAX && cred->names[i].type)
		i++;
	if (i == CONF_CRED_NAMES_MAX || name.n > CONF_ID_MAX || (type == CRYPTO_NAME_DN && name.n <= 2))
		return;
	cred->names[i] = (struct conf_id){ .type = (uint8_t)type, .len = (uint16_t)name.n };
	memcpy(cred->names[i].data, name.p, name.n);
}

/* A key has one certificate: what is shown to a peer is found by the key. */
static bool keep_chain(struct own_files *o, struct conf_cred *cred)
{
	char there[CONF_PATH_MAX + 16];
	uint32_t n;
	uint8_t *chain;
	bool same;

	if (!o->ncerts)
		return true;
	chain = chain_of(o, &n);
	if (!chain)
		return no_memory(o->p);
	same = cred->nchain == n && n && !memcmp(cred->chain, chain, n);
	if (!n || (cred->nchain && !same)) {
		free(chain);
		if (n)
			conf_err(o->p, cert_at(o), "the key of this certificate has another certificate at %s: a key has one only",
				 conf_at_format(o->p->conf, cred->at, there, sizeof(there)));
		else
			conf_err(o->p, cert_at(o), "the certificates in '%s' are more than %u bytes", cert_name(o), CONF_CHAIN_MAX);
		return false;
	}
	free(cred->chain);
	cred->chain = chain;
	cred->nchain = n;
	if (!same) {
		crypto_cert_names(o->certs[0], take_name, cred);
		cred->at = conf_at_of(o->p, cert_at(o));
		snprintf(cred->cert_file, sizeof(cred->cert_file), "%s",
			 o->own->cert && !conf_is_token(o->own->cert) ? o->own->cert : "");
	}
	return true;
}

/* In clear, or as the file has it; of a key on a token, what is public. */
static int key_bytes(struct own_files *o, struct secret *bytes)
{
	const struct conf_file *f = key_file(o);

	if (is_token(o))
		return o->public ? crypto_key_spki(o->public, bytes) : 0;
	return o->private ? crypto_key_private_pem(o->private, bytes) : secret_set(bytes, f->text, f->n);
}

static bool keep_key(struct own_files *o, const struct conf_digest *digest)
{
	struct conf_secrets *s = o->p->secrets;
	struct conf_key fresh = { .key = *digest, .at = conf_at_of(o->p, key_at(o)), .token = is_token(o) }, *keys;
	size_t i = 0;

	fresh.locked = !fresh.token && !o->private;
	if (fresh.token && !conf_uri_digest(o->p, key_name(o), &fresh.uri))
		return false;
	while (i < s->nkeys && !conf_digest_equal(&s->keys[i].key, digest))
		i++;
	if (i < s->nkeys && (!s->keys[i].locked || fresh.locked))
		return true;
	if (key_bytes(o, &fresh.bytes) < 0)
		return no_memory(o->p);
	if (i == s->nkeys) {
		keys = conf_grow(o->p, s->keys, (unsigned)s->nkeys, sizeof(*keys));
		if (!keys) {
			secret_clear(&fresh.bytes);
			return false;
		}
		s->keys = keys;
		s->nkeys++;
	} else {
		secret_clear(&s->keys[i].bytes);	/* another section knows the passphrase */
	}
	s->keys[i] = fresh;
	return true;
}

static bool keep(struct own_files *o, struct conf_digest *digest)
{
	struct conf_cred *cred = cred_for(o, o->public ? o->public : o->private);
	struct conf_digest key;

	if (!cred || !keep_chain(o, cred))
		return false;
	key = cred->key;
	if (!keep_key(o, &key))
		return false;
	if (is_token(o) && !conf_token_keep(o->p, &key, key_name(o), key_at(o), conf_is_token(o->own->cert)))
		return false;
	if (o->ncerts)
		warn_of_dates(o);
	*digest = key;
	return true;
}

void conf_own_read(struct conf_parser *p, struct conf_digest *key)
{
	const struct conf_own *own = &p->own;
	struct own_files o = { .p = p, .own = own };
	struct conf_digest digest = { { 0 } };
	enum conf_read_kind kind = own->passphrase.n ? CONF_READ_OPENED : CONF_READ_OWN;

	if (own->failed || (!own->cert && !own->key) || !conf_crypto_ready(p, key_at(&o)))
		return;
	if (!conf_read_find(p, kind, own->cert, own->key, &digest)) {
		if (!token_makes_sense(&o) || !read_certs(&o) || !(is_token(&o) ? read_token(&o) : read_key(&o)) || !fits(&o) ||
		    !keep(&o, &digest))
			digest = (struct conf_digest){ { 0 } };
		conf_read_note(p, kind, own->cert, own->key, &digest);
		for (unsigned i = 0; i < o.ncerts; i++)
			crypto_cert_free(o.certs[i]);
		crypto_key_free(o.public);
		crypto_key_free(o.private);
		conf_file_clear(&o.cert);
		conf_file_clear(&o.key);
	} else if (!conf_digest_is_none(&digest) && is_token(&o) &&
		   !conf_token_keep(p, &digest, key_name(&o), key_at(&o), conf_is_token(own->cert))) {
		digest = (struct conf_digest){ { 0 } };
	}
	if (conf_digest_is_none(&digest))
		p->own.failed = true;
	else
		*key = digest;
}
