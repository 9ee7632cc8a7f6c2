// SPDX-License-Identifier: MIT
// What an entry of ipsec.secrets says, kind by kind. t: the n tokens after the kind.
#include "keyd/conf/id.h"
#include "keyd/conf/ipsec_inside.h"
#include "keyd/conf/parser.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct conf_at at_of(const struct ipsec_reader *r, unsigned line)
{
	return (struct conf_at){ .line = line & 0xffffff, .file = r->file };
}

/* Twice the room at each power of two; NULL is reported. */
static void *grow(struct ipsec_reader *r, void *array, size_t n, size_t size)
{
	void *to = n & (n - 1) ? array : reallocarray(array, n ? 2 * n : 1, size);

	if (!to) {
		ipsec_complain(r, 0, "out of memory");
		r->error = -ENOMEM;
	}
	return to;
}

static void add_psk(struct ipsec_reader *r, unsigned line, const struct psk_entry *who, const struct secret *key)
{
	struct psk_entry e = *who;

	e.at = at_of(r, line);
	if (secret_set(&e.key, key->p, key->n) < 0 || psk_add(r->psks, &e) < 0) {
		ipsec_complain(r, line, "out of memory");
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
static void add_psks(struct ipsec_reader *r, const struct selector *s, unsigned n, unsigned line, const struct secret *key)
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

static void do_psk(struct ipsec_reader *r, const struct ipsec_selectors *who, const struct ipsec_token *t, unsigned n)
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
		ipsec_complain(r, who->line, "%s", why);
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

static void add_pin(struct ipsec_reader *r, unsigned line, bool key, const struct ipsec_token *t, unsigned n)
{
	struct ipsec_pin pin = { .at = at_of(r, line), .key = key }, *to;
	const char *why = n ? ipsec_value_token(pin.uri, t) : "after PIN, %smartcard is expected";

	if (!why)
		why = take_secret(&pin.from, &pin.pin, t + 1, n - 1);
	if (!why && !key && pin.from == IPSEC_SECRET_NONE)
		why = "after the token its PIN, %prompt or %pinpad is expected";
	to = why ? NULL : grow(r, r->out->pins, r->out->npins, sizeof(*to));
	if (why)
		ipsec_complain(r, line, "%s", why);
	if (!to) {
		secret_clear(&pin.pin);
		return;
	}
	r->out->pins = to;
	to[r->out->npins++] = pin;
}

static void do_pin(struct ipsec_reader *r, const struct ipsec_selectors *who, const struct ipsec_token *t, unsigned n)
{
	add_pin(r, who->line, false, t, n);
}

/* DIR/ipsec.d/private/NAME or DIR/NAME, DIR being that of the first file; false: there is no such file, which was told. */
static bool find_file(struct ipsec_reader *r, unsigned line, const struct ipsec_token *t, char path[CONF_PATH_MAX])
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
		ipsec_complain(r, line, "the name of the file is too long");
		return false;
	}
	if (!r->c || !access(path, F_OK))
		return true;
	ipsec_warn(r, line, "'%s' cannot be opened: %s; this key is not used", path, strerror(errno));
	return false;
}

/* { Modulus: … } */
static const char *take_rsa(struct secret *out, const struct ipsec_token *t, unsigned n)
{
	if (!ipsec_token_is(&t[n - 1], "}"))
		return "the '{' of this key has no '}', or something follows it";
	return ipsec_value_rsa(out, t + 1, n - 2);
}

static void do_key(struct ipsec_reader *r, const struct ipsec_selectors *who, const struct ipsec_token *t, unsigned n)
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
		ipsec_complain(r, who->line, "%s", why);
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

static void add_login(struct ipsec_reader *r, const struct ipsec_login *like, const struct selector *gateway)
{
	struct ipsec_login l = *like, *to = grow(r, r->out->logins, r->out->nlogins, sizeof(*to));

	if (!to)
		return;
	r->out->logins = to;
	l.password = (struct secret){ 0 };
	if (secret_set(&l.password, like->password.p, like->password.n) < 0) {
		ipsec_complain(r, l.at.line, "out of memory");
		r->error = -ENOMEM;
		return;
	}
	l.gateway = gateway->id;
	l.gateway_addr = gateway->remote;
	l.gateway_len = gateway->len;
	to[r->out->nlogins++] = l;
}

/* Whose password it is stands last: "GATEWAY USER : XAUTH PASSWORD". */
static void do_xauth(struct ipsec_reader *r, const struct ipsec_selectors *who, const struct ipsec_token *t, unsigned n)
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
		ipsec_complain(r, who->line, "%s", why);
	else
		snprintf(l.user, sizeof(l.user), "%.*s", (int)(user->n - at), user->s + at);
	/* %prompt: keydctl up asks */
	for (unsigned i = 0; !why && from == IPSEC_SECRET_GIVEN && i < (who->n > 1 ? who->n - 1 : 1); i++)
		add_login(r, &l, &gateway[i]);
	secret_clear(&l.password);
}

static const struct ipsec_kind {
	const char *name;
	void (*take)(struct ipsec_reader *r, const struct ipsec_selectors *who, const struct ipsec_token *t, unsigned n);
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

const struct ipsec_kind *ipsec_kind_of(const struct ipsec_token *t)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (ipsec_token_is(t, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* One word for all of a kind: there may be a thousand users. */
static void pass_over(struct ipsec_reader *r, unsigned line, const struct ipsec_kind *kind)
{
	uint32_t bit = 1U << (kind - kinds);

	if (!(r->passed & bit))
		ipsec_warn(r, line, "%s: this secret, and others of its kind, are passed over", kind->why);
	r->passed |= bit;
}

void ipsec_kind_take(struct ipsec_reader *r, const struct ipsec_kind *kind, const struct ipsec_selectors *who, const struct ipsec_token *t,
		     unsigned n)
{
	if (!kind->take)
		pass_over(r, who->line, kind);
	else if (who->n > IPSEC_SELECTORS_MAX)
		ipsec_complain(r, who->line, "more than %u selectors in front of the colon", IPSEC_SELECTORS_MAX);
	else
		kind->take(r, who, t, n);
}
