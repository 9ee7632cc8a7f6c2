// SPDX-License-Identifier: MIT
// The statements of a peer about proofs, certificates and keys, one by one; cert_check.c looks at them together.
#include "keyd/conf/file.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/sig.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define SIGNATURES_MAX 32		/* bits of conf_trust.schemes */
#define RSA_FLOOR_LEAST 1024		/* bits */
#define EC_FLOOR_LEAST 224

/* What was said of one end only does not outlive a statement about both. */
void conf_do_auth(struct conf_parser *p, const struct conf_word *at, enum conf_side sides)
{
	enum conf_stmt stmt = sides == CONF_SIDES ? CONF_STMT_AUTH : sides == CONF_SIDE_LOCAL ? CONF_STMT_AUTH_LOCAL :
			      CONF_STMT_AUTH_REMOTE;
	const struct conf_where *both = &p->seen[CONF_STMT_AUTH], *other = NULL;

	p->auth_sides = p->auth_round = 0;
	if (stmt != CONF_STMT_AUTH && both->line)
		other = both;
	else if (stmt == CONF_STMT_AUTH && p->seen[CONF_STMT_AUTH_LOCAL].line)
		other = &p->seen[CONF_STMT_AUTH_LOCAL];
	else if (stmt == CONF_STMT_AUTH && p->seen[CONF_STMT_AUTH_REMOTE].line)
		other = &p->seen[CONF_STMT_AUTH_REMOTE];
	if (other) {
		conf_err(p, &at->at, "'auth' is for both ends and stands beside no 'auth local' or 'auth remote': first at %s:%u",
			 other->file, other->line);
		return;
	}
	if (!conf_once(p, stmt, at))
		return;
	p->auth_sides = sides;
	if (sides == CONF_SIDES)
		p->peer.at[CONF_STMT_AUTH_LOCAL] = p->peer.at[CONF_STMT_AUTH_REMOTE] = (struct conf_at){ 0 };
	if (sides & CONF_SIDE_LOCAL)
		memset(p->peer.auth_local, 0, sizeof(p->peer.auth_local));
	if (sides & CONF_SIDE_REMOTE)
		memset(p->peer.auth_remote, 0, sizeof(p->peer.auth_remote));
}

void conf_do_auth_way(struct conf_parser *p, const struct conf_word *at, enum conf_auth way)
{
	unsigned round = p->auth_round++;

	const uint8_t *before = p->auth_sides & CONF_SIDE_LOCAL ? p->peer.auth_local : p->peer.auth_remote;

	if (round == CONF_ROUNDS_MAX)
		conf_err(p, &at->at, "more than %u proofs of one end", CONF_ROUNDS_MAX);
	else if (round && round < CONF_ROUNDS_MAX && p->auth_sides && before[round - 1] == way)
		conf_err(p, &at->at, "'%s' twice: the second proof is another one, as in 'auth cert, psk'", at->s);
	if (round >= CONF_ROUNDS_MAX)
		return;
	if (p->auth_sides & CONF_SIDE_LOCAL)
		p->peer.auth_local[round] = (uint8_t)way;
	if (p->auth_sides & CONF_SIDE_REMOTE)
		p->peer.auth_remote[round] = (uint8_t)way;
}

/* The name of a file of ours; what is wrong with it is not to be told a second time at the end of the section. */
static const char *own_file(struct conf_parser *p, const struct conf_word *w)
{
	bool token = conf_is_token(w->s) && strlen(w->s) == w->n;
	const char *name = NULL;

	if (token && strstr(w->s, "pin-value"))
		conf_err(p, &w->at, "a URI with the PIN in it (pin-value) would be shown: say 'pin' instead");
	else
		name = token ? w->s : conf_file_name(p, w);
	p->own.failed = p->own.failed || !name;
	return name;
}

void conf_do_cert(struct conf_parser *p, const struct conf_word *w)
{
	if (!conf_once(p, CONF_STMT_CERT, w))
		return;
	p->own.cert = own_file(p, w);
	p->own.cert_at = w->at;
}

void conf_do_key(struct conf_parser *p, const struct conf_word *w)
{
	if (!conf_once(p, CONF_STMT_KEY, w))
		return;
	p->own.key = own_file(p, w);
	p->own.key_at = w->at;
}

static bool first_passphrase(struct conf_parser *p, const struct conf_word *w)
{
	if (!p->own.passphrase.n && !p->own.passphrase_file)
		return true;
	conf_err(p, &w->at, "the passphrase is set twice");
	return false;
}

/* From text in the configuration, or from a file. */
static void set_passphrase(struct conf_parser *p, const struct conf_where *at, const void *s, size_t n, const char *exposed)
{
	p->own.failed = true;
	if (exposed) {
		conf_err(p, at, "%s", exposed);
		p->error = -EACCES;
	} else if (!n || n > PSK_KEY_MAX) {
		conf_err(p, at, n ? "the passphrase is too long" : "the passphrase is empty");
	} else if (secret_set(&p->own.passphrase, s, n) < 0) {
		conf_err(p, at, "out of memory");
		p->error = -ENOMEM;
	} else {
		p->own.failed = false;
	}
}

void conf_do_passphrase(struct conf_parser *p, const struct conf_word *w)
{
	if (!first_passphrase(p, w))
		return;
	if (w->quoted) {
		set_passphrase(p, &w->at, w->s, w->n, p->place.exposed);
	} else {
		conf_err(p, &w->at, "a passphrase stands in double quotes");
		p->own.failed = true;
	}
}

void conf_do_passphrase_file(struct conf_parser *p, const struct conf_word *w)
{
	const char *name = first_passphrase(p, w) ? own_file(p, w) : NULL;
	struct conf_file f;
	char why[256];
	int r;

	if (!name)
		return;
	p->own.passphrase_file = name;
	r = conf_file_read(&f, name, PSK_KEY_MAX + 1, why, sizeof(why));
	if (r < 0) {
		conf_err(p, &w->at, "'%s' %s", name, why);
		p->error = r;
		p->own.failed = true;
		return;
	}
	set_passphrase(p, &w->at, f.text, f.n - (f.n && f.text[f.n - 1] == '\n'), *f.exposed ? f.exposed : NULL);
	conf_file_clear(&f);
}

/* The first of a list takes the place of what the defaults have. */
void conf_do_cas(struct conf_parser *p, const struct conf_word *at)
{
	if (conf_once(p, CONF_STMT_CA, at))
		p->peer.trust.ncas = 0;
}

/* One more digest in a list of max, unless it is in there. */
static bool add_digest(struct conf_digest *list, uint8_t *n, unsigned max, const struct conf_digest *one)
{
	for (unsigned i = 0; i < *n; i++)
		if (conf_digest_equal(&list[i], one))
			return true;
	if (*n == max)
		return false;
	list[(*n)++] = *one;
	return true;
}

void conf_do_ca(struct conf_parser *p, const struct conf_word *w)
{
	struct conf_digest set;

	if (conf_ca_read(p, w, &set) && !add_digest(p->peer.trust.ca, &p->peer.trust.ncas, CONF_CAS_MAX, &set))
		conf_err(p, &w->at, "more than %u files of CAs; one file may have many", CONF_CAS_MAX);
}

void conf_do_remote_keys(struct conf_parser *p, const struct conf_word *at)
{
	if (conf_once(p, CONF_STMT_REMOTE_KEY, at))
		p->peer.trust.npins = 0;
}

void conf_do_remote_key(struct conf_parser *p, const struct conf_word *w, bool file)
{
	struct conf_digest key;

	if (conf_pin_read(p, w, file, &key) && !add_digest(p->peer.trust.pin, &p->peer.trust.npins, CONF_PINS_MAX, &key))
		conf_err(p, &w->at, "more than %u keys of one peer", CONF_PINS_MAX);
}

void conf_do_signatures(struct conf_parser *p, const struct conf_word *at)
{
	if (conf_once(p, CONF_STMT_SIGNATURES, at))
		p->peer.trust.schemes = 0;
}

void conf_do_signature(struct conf_parser *p, const struct conf_word *w)
{
	const char *names[SIGNATURES_MAX + 1] = { NULL }, *near;
	const struct crypto_sig *s = NULL;
	char known[512] = "";
	unsigned n = 0, nnames = 0;

	for (; n < SIGNATURES_MAX && (s = crypto_sig_next(s)); n++) {
		if (s->bare)
			continue;
		names[nnames++] = s->name;
		snprintf(known + strlen(known), sizeof(known) - strlen(known), " %s", s->name);
		if (!strcmp(s->name, w->s)) {
			p->peer.trust.schemes |= 1U << n;
			return;
		}
	}
	near = conf_did_you_mean(w->s, names);
	conf_err(p, &w->at, "unknown signature '%s'%s%s%s Known are:%s", w->s, near ? "; did you mean '" : ".", near ? near : "",
		 near ? "'?" : "", known);
}

void conf_do_key_floors(struct conf_parser *p, const struct conf_word *at)
{
	conf_once(p, CONF_STMT_KEY_FLOOR, at);
}

void conf_do_key_floor(struct conf_parser *p, const struct conf_word *kind, const struct conf_word *bits)
{
	bool rsa = !strcmp(kind->s, "rsa");
	uint32_t v;

	if (!rsa && strcmp(kind->s, "ec") != 0)
		conf_err(p, &kind->at, "'%s' is no kind of keys: rsa or ec is expected, as in 'key-floor rsa 3072, ec 256'", kind->s);
	else if (conf_number(p, bits, rsa ? RSA_FLOOR_LEAST : EC_FLOOR_LEAST, rsa ? CRYPTO_RSA_BITS_MAX : 521, &v))
		*(rsa ? &p->peer.trust.rsa_bits : &p->peer.trust.ec_bits) = (uint16_t)v;
}

void conf_do_revocation(struct conf_parser *p, const struct conf_word *at, enum conf_revocation how)
{
	if (conf_once(p, CONF_STMT_REVOCATION, at))
		p->peer.trust.revocation = (uint8_t)how;
}

void conf_do_lost_cert(struct conf_parser *p, const struct conf_word *at, bool revoked, enum conf_lost_cert how)
{
	if (conf_once(p, revoked ? CONF_STMT_REVOKED : CONF_STMT_EXPIRED, at))
		*(revoked ? &p->peer.trust.revoked : &p->peer.trust.expired) = (uint8_t)how;
}

/* Signed by who issues it, so http is enough; the role that fetches knows nothing else. NULL: it cannot be fetched (reported). */
static const char *crl_url(struct conf_parser *p, const struct conf_word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->s[i] <= ' ' || w->s[i] == 0x7f || w->n >= CONF_PATH_MAX) {
			conf_err(p, &w->at, "this is no URL of 1 to %u printable ASCII characters", CONF_PATH_MAX - 1);
			return NULL;
		}
	if (!strncmp(w->s, "http://", 7) && w->n > 7)
		return w->s;
	conf_err(p, &w->at, "'%s' cannot be fetched: only http:// can (a revocation list is signed, and needs no TLS)", w->s);
	return NULL;
}

static const char *crl_file(struct conf_parser *p, const struct conf_word *w)
{
	const char *name = conf_file_name(p, w);
	struct stat st;

	if (!name)
		return NULL;
	if (!stat(name, &st) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return name;
	conf_err(p, &w->at, "'%s' is no file or folder of revocation lists", name);
	return NULL;
}

void conf_do_crl(struct conf_parser *p, const struct conf_word *w)
{
	bool url = strstr(w->s, "://") != NULL;
	const char *where = url ? crl_url(p, w) : crl_file(p, w);
	struct conf *c = p->conf;
	struct conf_crl *crls;

	for (unsigned i = 0; where && i < c->ncrls; i++)
		if (!strcmp(c->crls[i].where, where))
			return;
	if (where && c->ncrls == CONF_CRLS_MAX)
		conf_err(p, &w->at, "more than %u places of revocation lists; one folder may have many", CONF_CRLS_MAX);
	crls = where && c->ncrls < CONF_CRLS_MAX ? conf_grow(p, c->crls, c->ncrls, sizeof(*crls)) : NULL;
	if (!crls)
		return;
	c->crls = crls;
	crls[c->ncrls] = (struct conf_crl){ .url = url, .at = conf_at_of(p, &w->at) };
	snprintf(crls[c->ncrls].where, CONF_PATH_MAX, "%s", where);
	c->ncrls++;
}
