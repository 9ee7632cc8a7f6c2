// SPDX-License-Identifier: MIT
// Entries of ipsec.secrets, as Pluto, charon and their kin take them. No message has a byte of a secret in it.
#include "keyd/conf/file.h"
#include "keyd/conf/id.h"
#include "keyd/conf/ipsec_inside.h"
#include "keyd/conf/parser.h"
#include "keyd/conf/load.h"

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ERRORS_MAX 20

/* Tokens that belong together. */
struct entry {
	struct ipsec_token t[IPSEC_TOKENS_MAX];
	unsigned n, open;		/* open: "{" that no "}" has followed */
	bool colon, long_, broken;	/* between selectors and kind; more tokens than fit; a mistake that was told */
};

struct reader {
	struct ipsec_secrets *out;
	struct conf_secrets *psks;
	struct conf *c;			/* NULL: from memory, no files */
	conf_error_fn *err;
	void *arg;
	unsigned errors, files, depth;
	uint32_t passed;		/* bit n: the n-th of kinds was told to be passed over */
	int error;
	const char *base;		/* the first file */
	/* the file that is being read */
	const char *name;
	uint8_t file;			/* its number */
};

static void __attribute__((format(printf, 4, 0))) tell(struct reader *r, unsigned line, const char *word, const char *fmt, va_list ap)
{
	char text[1536];
	size_t n = (size_t)snprintf(text, sizeof(text) / 2, "%.300s:%u: %s", r->name, line, word);

	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	if (r->err)
		r->err(text, r->arg);
}

static void __attribute__((format(printf, 3, 4))) complain(struct reader *r, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (r->errors++ < ERRORS_MAX)
		tell(r, line, "", fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 3, 4))) warn(struct reader *r, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(r, line, "warning: ", fmt, ap);
	va_end(ap);
}

static struct conf_at at_of(const struct reader *r, unsigned line)
{
	return (struct conf_at){ .line = line & 0xffffff, .file = r->file };
}

/* Twice the room at each power of two; NULL is reported. */
static void *grow(struct reader *r, void *array, size_t n, size_t size)
{
	void *to = n & (n - 1) ? array : reallocarray(array, n ? 2 * n : 1, size);

	if (!to) {
		complain(r, 0, "out of memory");
		r->error = -ENOMEM;
	}
	return to;
}

/* --- kinds of entries; t: the n tokens after the kind --- */

struct selectors {
	const struct ipsec_token *t;
	unsigned n, line;
};

static void add_psk(struct reader *r, unsigned line, const struct psk_entry *who, const struct secret *key)
{
	struct psk_entry e = *who;

	e.at = at_of(r, line);
	if (secret_set(&e.key, key->p, key->n) < 0 || psk_add(r->psks, &e) < 0) {
		complain(r, line, "out of memory");
		r->error = -ENOMEM;
	}
}

struct selector {
	struct conf_id id;
	struct ipsec_addr remote;
	uint8_t len;
};

/* The remote is this one. */
static struct psk_entry entry_for(const struct selector *s)
{
	return (struct psk_entry){ .id = s->id, .remote = s->remote, .remote_len = s->len };
}

/*
 * Without selectors: for all. With one: for whoever is it, or for us if we are. With several: each of them, where we are
 * another of them.
 */
static void add_psks(struct reader *r, const struct selector *s, unsigned n, unsigned line, const struct secret *key)
{
	struct psk_entry e = { 0 };

	if (n == 1) {
		e = entry_for(&s[0]);
		add_psk(r, line, &e, key);
		if (s[0].remote.family || s[0].id.type == CONF_ID_ANY)
			return;		/* no identity that could be ours */
		e = (struct psk_entry){ .local = s[0].id };
	}
	if (n <= 1)
		add_psk(r, line, &e, key);
	for (unsigned i = 0; n > 1 && i < n; i++)
		for (unsigned j = 0; j < n; j++) {
			if (i == j || (s[j].remote.family && s[j].len))
				continue;
			e = entry_for(&s[i]);
			e.local = s[j].id;
			add_psk(r, line, &e, key);
		}
}

static void do_psk(struct reader *r, const struct selectors *who, const struct ipsec_token *t, unsigned n)
{
	struct selector s[IPSEC_SELECTORS_MAX];
	struct secret key = { 0 };
	const char *why = NULL;

	for (unsigned i = 0; i < who->n && !why; i++)
		why = ipsec_value_selector(&s[i].id, &s[i].remote, &s[i].len, &who->t[i]);
	if (!why && !n)
		why = "after PSK a secret is expected";
	else if (!why && n > 1)
		why = "more than one word after PSK: a secret with blanks stands in quotes";
	if (!why)
		why = ipsec_value_secret(&key, t, PSK_KEY_MAX);
	if (why)
		complain(r, who->line, "%s", why);
	else
		add_psks(r, s, who->n, who->line, &key);
	secret_clear(&key);
}

/* What may stand after a file or a token. */
static const char *take_secret(enum ipsec_secret_from *from, struct secret *out, const struct ipsec_token *t, unsigned n)
{
	if (n > 1)
		return "there are more words than expected: a secret with blanks stands in quotes";
	*from = !n || (t->quote && !t->n) ? IPSEC_SECRET_NONE : ipsec_token_is(t, "%prompt") ? IPSEC_SECRET_PROMPT :
		ipsec_token_is(t, "%pinpad") ? IPSEC_SECRET_PAD : IPSEC_SECRET_GIVEN;
	return *from == IPSEC_SECRET_GIVEN ? ipsec_value_secret(out, t, IPSEC_PIN_MAX) : NULL;
}

static void add_pin(struct reader *r, unsigned line, bool key, const struct ipsec_token *t, unsigned n)
{
	struct ipsec_pin pin = { .at = at_of(r, line), .key = key }, *to;
	const char *why = n ? ipsec_value_token(pin.uri, t) : "after PIN, %smartcard is expected";

	if (!why)
		why = take_secret(&pin.from, &pin.pin, t + 1, n - 1);
	if (!why && !key && pin.from == IPSEC_SECRET_NONE)
		why = "after the token its PIN, %prompt or %pinpad is expected";
	to = why ? NULL : grow(r, r->out->pins, r->out->npins, sizeof(*to));
	if (why)
		complain(r, line, "%s", why);
	if (!to) {
		secret_clear(&pin.pin);
		return;
	}
	r->out->pins = to;
	to[r->out->npins++] = pin;
}

static void do_pin(struct reader *r, const struct selectors *who, const struct ipsec_token *t, unsigned n)
{
	add_pin(r, who->line, false, t, n);
}

/* DIR/ipsec.d/private/NAME or DIR/NAME, DIR being that of the first file; false: there is no such file, which was told. */
static bool find_file(struct reader *r, unsigned line, const struct ipsec_token *t, char path[CONF_PATH_MAX])
{
	const char *slash = strrchr(r->base, '/');
	int dir = slash ? (int)(slash - r->base) + 1 : 0, n = (int)t->n;
	bool fits;

	if (*t->s == '/' || !r->c) {
		fits = snprintf(path, CONF_PATH_MAX, "%.*s", n, t->s) < CONF_PATH_MAX;
	} else {
		fits = snprintf(path, CONF_PATH_MAX, "%.*s%.*s", dir, r->base, n, t->s) < CONF_PATH_MAX && !access(path, F_OK);
		if (!fits)
			fits = snprintf(path, CONF_PATH_MAX, "%.*sipsec.d/private/%.*s", dir, r->base, n, t->s) < CONF_PATH_MAX;
	}
	if (!fits) {
		complain(r, line, "the name of the file is too long");
		return false;
	}
	if (!r->c || !access(path, F_OK))
		return true;
	warn(r, line, "'%s' cannot be opened: %s; this key is not used", path, strerror(errno));
	return false;
}

/* { Modulus: … } */
static const char *take_rsa(struct secret *out, const struct ipsec_token *t, unsigned n)
{
	if (!ipsec_token_is(&t[n - 1], "}"))
		return "the '{' of this key has no '}', or something follows it";
	return ipsec_value_rsa(out, t + 1, n - 2);
}

static void do_key(struct reader *r, const struct selectors *who, const struct ipsec_token *t, unsigned n)
{
	struct ipsec_key key = { .at = at_of(r, who->line) }, *to;
	const char *why = NULL;

	if (n && !t->quote && (*t->s == '%' || (t->n > 7 && !strncmp(t->s, "pkcs11:", 7)))) {
		add_pin(r, who->line, true, t, n);
		return;
	}
	if (!n || !t->n)
		why = "the name of a file with a private key is expected";
	else if (n > 1 && ipsec_token_is(t, "{"))
		why = take_rsa(&key.bytes, t, n);
	else
		why = take_secret(&key.from, &key.passphrase, t + 1, n - 1);
	if (!why && key.from == IPSEC_SECRET_PAD)
		why = "%pinpad is for tokens, not for files";
	if (why)
		complain(r, who->line, "%s", why);
	to = !why && (key.bytes.n || find_file(r, who->line, t, key.file)) ?
	     grow(r, r->out->keys, r->out->nkeys, sizeof(*to)) : NULL;
	if (!to) {
		secret_clear(&key.passphrase);
		secret_clear(&key.bytes);
		return;
	}
	r->out->keys = to;
	to[r->out->nkeys++] = key;
}

static void add_login(struct reader *r, const struct ipsec_login *like, const struct selector *gateway)
{
	struct ipsec_login l = *like, *to = grow(r, r->out->logins, r->out->nlogins, sizeof(*to));

	if (!to)
		return;
	r->out->logins = to;
	l.password = (struct secret){ 0 };
	if (secret_set(&l.password, like->password.p, like->password.n) < 0) {
		complain(r, l.at.line, "out of memory");
		r->error = -ENOMEM;
		return;
	}
	l.gateway = gateway->id;
	l.gateway_addr = gateway->remote;
	l.gateway_len = gateway->len;
	to[r->out->nlogins++] = l;
}

/* Whose password it is stands last: "GATEWAY USER : XAUTH PASSWORD". */
static void do_xauth(struct reader *r, const struct selectors *who, const struct ipsec_token *t, unsigned n)
{
	const struct ipsec_token *user = who->n ? &who->t[who->n - 1] : NULL;
	size_t at = user && user->n > 1 && *user->s == '@';
	struct selector gateway[IPSEC_SELECTORS_MAX] = { { .id.type = CONF_ID_ANY } };
	enum ipsec_secret_from from = IPSEC_SECRET_NONE;
	struct ipsec_login l = { .at = at_of(r, who->line) };
	const char *why = user ? take_secret(&from, &l.password, t, n) : "in front of XAUTH the name of a user is expected";

	if (!why && !conf_user_ok(user->s + at, user->n - at))
		why = "this is no name of a user";
	for (unsigned i = 0; !why && i + 1 < who->n; i++)
		why = ipsec_value_selector(&gateway[i].id, &gateway[i].remote, &gateway[i].len, &who->t[i]);
	if (why)
		complain(r, who->line, "%s", why);
	else
		snprintf(l.user, sizeof(l.user), "%.*s", (int)(user->n - at), user->s + at);
	/* %prompt: keydctl up asks */
	for (unsigned i = 0; !why && from == IPSEC_SECRET_GIVEN && i < (who->n > 1 ? who->n - 1 : 1); i++)
		add_login(r, &l, &gateway[i]);
	secret_clear(&l.password);
}

static const struct kind {
	const char *name;
	void (*take)(struct reader *r, const struct selectors *who, const struct ipsec_token *t, unsigned n);
	const char *why;		/* it is not for us */
} kinds[] = {
	{ "PSK", do_psk, NULL },
	{ "RSA", do_key, NULL },
	{ "ECDSA", do_key, NULL },
	{ "PKCS8", do_key, NULL },
	{ "P12", do_key, NULL },
	{ "PIN", do_pin, NULL },
	{ "EAP", NULL, "EAP is not done here" },
	{ "NTLM", NULL, "EAP is not done here" },
	{ "XAUTH", do_xauth, NULL },
	{ "PPK", NULL, "postquantum preshared keys are not done here" },
	{ "PPKS", NULL, "postquantum preshared keys are not done here" },
	{ "BLISS", NULL, "no certificate has such a key any more" },
};

static const struct kind *kind_of(const struct ipsec_token *t)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (ipsec_token_is(t, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* --- the colon, which may be written to what stands beside it --- */

static bool is_colon(const struct ipsec_token *t)
{
	return ipsec_token_is(t, ":");
}

/* "::" at its end belongs to an IPv6 address. */
static bool ends_in_colon(const struct ipsec_token *t)
{
	size_t colons = 0;

	while (!t->quote && colons < t->n && t->s[t->n - 1 - colons] == ':')
		colons++;
	return t->n > 1 && (colons == 1 || colons == 3);
}

/* ":PSK" */
static bool begins_with_colon(const struct ipsec_token *t)
{
	struct ipsec_token rest = *t;

	if (t->quote || t->n < 2 || *t->s != ':')
		return false;
	rest.s++;
	rest.n--;
	return kind_of(&rest) != NULL;
}

/* Whether the colon stands at t, or between it and the one before (which may be NULL). */
static bool colon_at(const struct ipsec_token *before, const struct ipsec_token *t)
{
	return is_colon(t) || begins_with_colon(t) || (before && ends_in_colon(before) && kind_of(t));
}

/* A distinguished name may have blanks, and no quotes around it. */
static unsigned join_name(struct ipsec_token *t, unsigned n)
{
	bool name = false;

	for (unsigned i = 0; i < n; i++) {
		if (t[i].quote || t[i].line != t->line)
			return n;
		name = name || memchr(t[i].s, '=', t[i].n);
	}
	if (!name)
		return n;
	t->n = (size_t)(t[n - 1].s + t[n - 1].n - t->s);
	return 1;
}

/* One word for all of a kind: there may be a thousand users. */
static void pass_over(struct reader *r, unsigned line, const struct kind *kind)
{
	uint32_t bit = 1U << (kind - kinds);

	if (!(r->passed & bit))
		warn(r, line, "%s: this secret, and others of its kind, are passed over", kind->why);
	r->passed |= bit;
}

/* Selectors, colon, kind, the rest. */
static void take_entry(struct reader *r, struct entry *e)
{
	struct selectors who = { .t = e->t, .line = e->t->line };
	const struct kind *kind;
	unsigned i = 0;

	while (i < e->n && !colon_at(i ? &e->t[i - 1] : NULL, &e->t[i]))
		i++;
	if (i == e->n || (is_colon(&e->t[i]) && i + 1 == e->n)) {
		complain(r, who.line, "selectors, a colon and PSK, RSA, ECDSA, PKCS8, P12 or PIN are expected");
		return;
	}
	who.n = i;
	if (is_colon(&e->t[i])) {
		i++;
	} else if (begins_with_colon(&e->t[i])) {
		e->t[i].s++;
		e->t[i].n--;
	} else {
		e->t[i - 1].n--;
	}
	who.n = join_name(e->t, who.n);
	kind = kind_of(&e->t[i]);
	if (!kind)
		complain(r, who.line, "after the colon PSK, RSA, ECDSA, PKCS8, P12 or PIN is expected");
	else if (!kind->take)
		pass_over(r, who.line, kind);
	else if (who.n > IPSEC_SELECTORS_MAX)
		complain(r, who.line, "more than %u selectors in front of the colon", IPSEC_SELECTORS_MAX);
	else
		kind->take(r, &who, &e->t[i + 1], e->n - i - 1);
}

/* --- files --- */

static void read_text(struct reader *r, const char *text, size_t n);

static void include_file(struct reader *r, unsigned line, const char *path)
{
	const char *name = r->name;
	uint8_t file = r->file;
	struct conf_file f;
	char why[256];
	int e = conf_file_read(&f, path, PSK_FILE_MAX, why, sizeof(why));

	if (e == -ENOENT) {		/* Debian's has one that is there only now and then */
		warn(r, line, "'%s' %s", path, why);
		return;
	}
	if (e == -EISDIR)
		return;
	if (e < 0) {
		complain(r, line, "'%s' %s", path, why);
		r->error = e;
		return;
	}
	if (*f.exposed) {
		complain(r, line, "'%s': %s", path, f.exposed);
		r->error = -EACCES;
	} else {
		r->name = path;
		r->file = conf_file_number(r->c, path);
		r->depth++;
		read_text(r, f.text, f.n);
		r->name = name;
		r->file = file;
		r->depth--;
	}
	conf_file_clear(&f);
}

static void include(struct reader *r, unsigned line, const char *pattern)
{
	glob_t found;
	int e = glob(pattern, 0, NULL, &found);

	if (e == GLOB_NOMATCH && !strpbrk(pattern, "*?["))
		include_file(r, line, pattern);
	else if (e && e != GLOB_NOMATCH)
		complain(r, line, "'%s' cannot be looked for", pattern);
	if (e)
		return;
	for (size_t i = 0; i < found.gl_pathc && r->errors < ERRORS_MAX; i++) {
		if (r->files++ == IPSEC_FILES_MAX)
			complain(r, line, "more than %u files are included", IPSEC_FILES_MAX);
		if (r->files > IPSEC_FILES_MAX)
			break;
		include_file(r, line, found.gl_pathv[i]);
	}
	globfree(&found);
}

static bool is_include(const struct entry *e)
{
	return e->n && ipsec_token_is(&e->t[0], "include") && !(e->n > 1 && colon_at(&e->t[0], &e->t[1]));
}

static void take_include(struct reader *r, const struct entry *e)
{
	const struct ipsec_token *t = &e->t[1];
	const char *slash = strrchr(r->name, '/');
	char path[2 * CONF_PATH_MAX];
	int dir;

	if (e->n != 2 || !t->n)
		complain(r, e->t->line, "after include the name of one file, or a pattern of names, is expected");
	else if (!r->c)
		complain(r, e->t->line, "this text is no file and cannot name others");
	else if (r->depth >= IPSEC_DEPTH_MAX)
		complain(r, e->t->line, "%u files include one another: does this one include itself?", IPSEC_DEPTH_MAX);
	else {
		dir = *t->s == '/' || !slash ? 0 : (int)(slash - r->name) + 1;
		if (snprintf(path, sizeof(path), "%.*s%.*s", dir, r->name, (int)t->n, t->s) < (int)sizeof(path))
			include(r, e->t->line, path);
		else
			complain(r, e->t->line, "the name of the file is too long");
	}
}

static void end_entry(struct reader *r, struct entry *e)
{
	if (e->n && !e->broken && e->long_)
		complain(r, e->t->line, "this entry has more than %u words", IPSEC_TOKENS_MAX);
	else if (e->n && !e->broken && is_include(e))
		take_include(r, e);
	else if (e->n && !e->broken)
		take_entry(r, e);
	e->n = e->open = 0;
	e->colon = e->long_ = e->broken = false;
}

/* Of the line that t is the first token of, s stands behind it. */
static bool line_has_colon(struct ipsec_scanner s, const struct ipsec_token *t)
{
	struct ipsec_token before = *t, next;

	if (colon_at(NULL, t))
		return true;
	while (ipsec_scan(&s, &next) == IPSEC_SCAN_TOKEN && !next.first) {
		if (colon_at(&before, &next))
			return true;
		before = next;
	}
	return false;
}

/* At the left margin; and, as charon has it, an indented line with a colon of its own behind an entry that had one. */
static bool begins_entry(const struct entry *e, const struct ipsec_scanner *s, const struct ipsec_token *t)
{
	if (!t->first)
		return false;
	if (!t->indented)
		return !(e->open && ipsec_token_is(t, "}"));
	return !e->open && (is_include(e) || ipsec_token_is(t, "include") || (e->colon && line_has_colon(*s, t)));
}

static void add_token(struct entry *e, const struct ipsec_token *t)
{
	e->colon = e->colon || colon_at(e->n ? &e->t[e->n - 1] : NULL, t);
	e->open += ipsec_token_is(t, "{");
	if (e->open && ipsec_token_is(t, "}"))
		e->open--;
	if (e->n < IPSEC_TOKENS_MAX)
		e->t[e->n++] = *t;
	else
		e->long_ = true;
}

static void read_text(struct reader *r, const char *text, size_t n)
{
	struct ipsec_scanner s = { .at = text, .end = text + n, .line_start = text, .line = 1 };
	struct entry *e = calloc(1, sizeof(*e));
	struct ipsec_token t;
	int got;

	if (!e) {
		complain(r, 0, "out of memory");
		r->error = -ENOMEM;
		return;
	}
	while (r->errors < ERRORS_MAX && (got = ipsec_scan(&s, &t)) != IPSEC_SCAN_END) {
		if (begins_entry(e, &s, &t))
			end_entry(r, e);
		if (got == IPSEC_SCAN_TOKEN) {
			add_token(e, &t);
			continue;
		}
		complain(r, t.line, got == IPSEC_SCAN_NUL ? "this line has a NUL byte" : "a quote is not closed on its line");
		e->n += e->n == 0;
		e->broken = true;
	}
	if (r->errors < ERRORS_MAX)
		end_entry(r, e);
	free(e);
}

/* --- */

/* Does one of its lines say what only ipsec.secrets says? */
bool ipsec_secrets_is(const char *text, size_t n)
{
	struct ipsec_scanner s = { .at = text, .end = text + n, .line_start = text, .line = 1 };
	struct ipsec_token before = { 0 }, t;
	int got;

	while ((got = ipsec_scan(&s, &t)) != IPSEC_SCAN_END) {
		if (got != IPSEC_SCAN_TOKEN)
			continue;
		if (t.first && ipsec_token_is(&t, "include"))
			return true;
		if (begins_with_colon(&t) || (kind_of(&t) && before.n && before.line + 1 >= t.line && (is_colon(&before) || ends_in_colon(&before))))
			return true;
		before = t;
	}
	return false;
}

static void truncate_to(struct ipsec_secrets *s, size_t nkeys, size_t npins, size_t nlogins)
{
	while (s->nlogins > nlogins)
		secret_clear(&s->logins[--s->nlogins].password);
	while (s->nkeys > nkeys) {
		struct ipsec_key *k = &s->keys[--s->nkeys];

		secret_clear(&k->bytes);
		secret_clear(&k->passphrase);
	}
	while (s->npins > npins)
		secret_clear(&s->pins[--s->npins].pin);
}

static int read_first(struct reader *r, const char *text, size_t n)
{
	size_t nkeys = r->out->nkeys, npins = r->out->npins, nlogins = r->out->nlogins, npsks = r->psks->n;

	r->base = r->name;
	r->file = r->psks->file;
	read_text(r, text, n);
	if (!r->errors)
		return 0;
	truncate_to(r->out, nkeys, npins, nlogins);
	psk_truncate(r->psks, npsks);
	return r->error ? r->error : -EINVAL;
}

int ipsec_secrets_read(struct ipsec_secrets *out, struct conf_secrets *psks, struct conf *c, const char *path, const char *text,
		       size_t n, conf_error_fn *err, void *arg)
{
	struct reader r = { .out = out, .psks = psks, .c = c, .name = path, .err = err, .arg = arg };

	return read_first(&r, text, n);
}

int ipsec_secrets_buffer(struct ipsec_secrets *out, struct conf_secrets *psks, const char *name, const char *text, size_t n,
			 conf_error_fn *err, void *arg)
{
	struct reader r = { .out = out, .psks = psks, .name = name, .err = err, .arg = arg };

	return read_first(&r, text, n);
}

void ipsec_secrets_free(struct ipsec_secrets *s)
{
	truncate_to(s, 0, 0, 0);
	free(s->keys);
	free(s->pins);
	free(s->logins);
	*s = (struct ipsec_secrets){ 0 };
}
