// SPDX-License-Identifier: MIT
// The statements about keys on tokens: where PINs come from, what a pulled token means, which modules there are.
#include "keyd/conf/file.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/hash.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URI_PREFIX "pkcs11:"
#define TIMEOUT_MOST 600		/* seconds */
#define CHECK_LEAST 5
#define CHECK_MOST 86400
#define PULLED_MOST 86400
#define TRIES_MOST 15
#define FD_FIRST 3
#define FD_MOST 1023
#define FD_WAIT 5000			/* ms until somebody must have written the PIN */

bool conf_is_token(const char *name)
{
	return name && !strncmp(name, URI_PREFIX, strlen(URI_PREFIX));
}

void conf_pin_clear(struct conf_pin_said *s)
{
	secret_clear(&s->text);
	*s = (struct conf_pin_said){ 0 };
}

/* --- statements of a peer --- */

static bool said(struct conf_parser *p, const struct conf_word *at, enum conf_pin_how pin)
{
	if (!conf_once(p, CONF_STMT_PIN, at))
		return false;
	p->own.pin.at = at->at;
	p->own.pin.pin = pin;
	return true;
}

void conf_do_pin(struct conf_parser *p, const struct conf_word *at, enum conf_pin_how pin)
{
	said(p, at, pin);
}

static void set_pin(struct conf_parser *p, const struct conf_where *at, const void *s, size_t n)
{
	if (!n || n > CONF_PIN_MAX) {
		conf_err(p, at, "a PIN has 1 to %u bytes", CONF_PIN_MAX);
	} else if (secret_set(&p->own.pin.text, s, n) < 0) {
		conf_err(p, at, "out of memory");
		p->error = -ENOMEM;
	}
}

void conf_do_pin_text(struct conf_parser *p, const struct conf_word *at, const struct conf_word *w)
{
	if (!said(p, at, CONF_PIN_GIVEN))
		return;
	if (!w->quoted) {
		conf_err(p, &w->at, "a PIN stands in double quotes");
	} else if (p->place.exposed) {
		conf_err(p, &w->at, "%s", p->place.exposed);
		p->error = -EACCES;
	} else {
		conf_warn(p, &w->at, "whoever reads this file has the PIN: 'pin credential', or 'pin ask' keep it out of files");
		set_pin(p, &w->at, w->s, w->n);
	}
}

static void pin_of_file(struct conf_parser *p, const struct conf_where *at, const char *name)
{
	struct conf_file f;
	char why[256];
	int r = conf_file_read(&f, name, CONF_PIN_MAX + 2, why, sizeof(why));

	if (r < 0) {
		conf_err(p, at, "'%s' %s", name, why);
		p->error = r;
		return;
	}
	if (*f.exposed) {
		conf_err(p, at, "%s", f.exposed);
		p->error = -EACCES;
	} else {
		set_pin(p, at, f.text, f.n - (f.n && f.text[f.n - 1] == '\n'));
	}
	conf_file_clear(&f);
}

static const char *file_of_credential(struct conf_parser *p, const struct conf_word *w)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char name[CONF_PATH_MAX];

	if (!w->n || strlen(w->s) != w->n || strchr(w->s, '/') || *w->s == '.')
		conf_err(p, &w->at, "'%s' is no name of a credential", w->s);
	else if (!dir)
		conf_err(p, &w->at, "there are no credentials: the service's unit must have LoadCredential=%s:… or "
			 "LoadCredentialEncrypted=", w->s);
	else if (snprintf(name, sizeof(name), "%s/%s", dir, w->s) >= CONF_PATH_MAX)
		conf_err(p, &w->at, "the name of this credential is too long");
	else
		return conf_keep(p, name, strlen(name));
	return NULL;
}

/* A descriptor can be read once; the configuration may be read again and again. */
static struct {
	bool done;
	size_t n;
	char pin[CONF_PIN_MAX + 2];
} inherited[FD_MOST + 1];

static void read_inherited(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t r = 1;

	while (r > 0 && inherited[fd].n < sizeof(inherited[fd].pin) && poll(&pfd, 1, FD_WAIT) == 1) {
		r = read(fd, inherited[fd].pin + inherited[fd].n, sizeof(inherited[fd].pin) - inherited[fd].n);
		inherited[fd].n += r > 0 ? (size_t)r : 0;
	}
	inherited[fd].done = true;
}

static void pin_of_fd(struct conf_parser *p, const struct conf_word *w)
{
	uint32_t fd;
	size_t n;

	if (p->no_files || !conf_number(p, w, FD_FIRST, FD_MOST, &fd))
		return;
	if (!inherited[fd].done)
		read_inherited((int)fd);
	n = inherited[fd].n;
	n -= n && inherited[fd].pin[n - 1] == '\n';
	if (n)
		set_pin(p, &w->at, inherited[fd].pin, n);
	else
		conf_err(p, &w->at, "descriptor %u gives no PIN", fd);
}

void conf_do_pin_from(struct conf_parser *p, const struct conf_word *at, enum conf_pin_from from, const struct conf_word *w)
{
	const char *file = NULL;

	if (!said(p, at, CONF_PIN_GIVEN))
		return;
	p->own.pin.from = from;
	if (from == CONF_PIN_FD) {
		pin_of_fd(p, w);
	} else if (p->no_files) {
		conf_err(p, &w->at, "this text is no file and cannot name others");
	} else {
		file = from == CONF_PIN_FILE ? conf_file_name(p, w) : file_of_credential(p, w);
		if (file)
			pin_of_file(p, &w->at, file);
	}
	p->own.pin.name = from == CONF_PIN_FILE ? file : w->s;
}

void conf_do_login(struct conf_parser *p, const struct conf_word *at, bool each)
{
	if (!conf_once(p, CONF_STMT_LOGIN, at))
		return;
	p->own.pin.login_at = at->at;
	p->own.pin.each = each;
}

void conf_do_pulled(struct conf_parser *p, const struct conf_word *at, enum conf_pulled what, const struct conf_word *after)
{
	if (!conf_once(p, CONF_STMT_PULLED, at))
		return;
	p->peer.pulled = (uint8_t)what;
	p->peer.pulled_after = 0;
	if (after)
		conf_seconds(p, after, 1, PULLED_MOST, &p->peer.pulled_after);
}

/* What s does not say, as the defaults say it. */
static void inherit(struct conf_parser *p, struct conf_pin_said *s, const struct conf_pin_said *d)
{
	if (!s->login_at.line) {
		s->login_at = d->login_at;
		s->each = d->each;
	}
	if (s->at.line)
		return;
	s->at = d->at;
	s->pin = d->pin;
	s->from = d->from;
	s->name = d->name;
	if (d->text.n && secret_set(&s->text, d->text.p, d->text.n) < 0)
		p->error = -ENOMEM;
}

/* A PIN is of use only where a key on a token is named, here or in a section that these are the defaults of. */
void conf_pin_check(struct conf_parser *p)
{
	struct conf_pin_said *s = &p->own.pin;
	bool token = conf_is_token(p->own.key) || conf_is_token(p->own.cert);
	const struct conf_where *at = s->at.line ? &s->at : &s->login_at;

	if (p->is_default)
		inherit(p, &p->default_pin, s);
	else if (at->line && !token)
		conf_err(p, at, "peer '%s': 'pin' and 'login' are for a key on a token, and this section names none: "
			 "'key pkcs11:…' is missing", p->peer.name);
	else
		inherit(p, s, &p->default_pin);
	if (token && !s->at.line)
		conf_ipsec_pin(p, conf_is_token(p->own.key) ? p->own.key : p->own.cert);
	if (token && s->each && s->pin == CONF_PIN_ASK)
		conf_err(p, &s->login_at, "'login each' needs a PIN that is there each time: 'pin file', "
			 "'pin credential', 'pin ask keep' or 'pin pad'");
}

/* --- statements outside of peers --- */

void conf_do_modules(struct conf_parser *p, const struct conf_word *at)
{
	if (!conf_once(p, CONF_STMT_MODULE, at))
		return;
	memset(p->conf->modules, 0, sizeof(p->conf->modules));
	p->conf->native = false;
}

void conf_do_module(struct conf_parser *p, const struct conf_word *w, bool native)
{
	unsigned i = 0;

	if (native) {
		p->conf->native = true;
		return;
	}
	while (i < CONF_MODULES_MAX && *p->conf->modules[i] && strcmp(p->conf->modules[i], w->s) != 0)
		i++;
	if (i == CONF_MODULES_MAX)
		conf_err(p, &w->at, "more than %u modules", CONF_MODULES_MAX);
	else if (!w->n || strlen(w->s) != w->n || w->n >= CONF_PATH_MAX || (strchr(w->s, '/') && *w->s != '/'))
		conf_err(p, &w->at, "'%s' is no module: a name such as opensc-pkcs11, or the whole name of a file, is expected", w->s);
	else
		memcpy(p->conf->modules[i], w->s, w->n + 1);
}

void conf_do_pin_tries(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_PIN_TRIES, w))
		conf_number(p, w, 1, TRIES_MOST, &p->conf->pin_tries);
}

void conf_do_token_timeout(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_TOKEN_TIMEOUT, w))
		conf_seconds(p, w, 1, TIMEOUT_MOST, &p->conf->token_timeout);
}

void conf_do_token_check(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_TOKEN_CHECK, w))
		conf_seconds(p, w, CHECK_LEAST, CHECK_MOST, &p->conf->token_check);
}

/* --- keys --- */

bool conf_uri_digest(struct conf_parser *p, const char *uri, struct conf_digest *digest)
{
	struct view text = { (const uint8_t *)uri, strlen(uri) };

	if (!crypto_sha256(&text, 1, digest->b))
		return true;
	conf_err(p, &p->peer_at, "out of memory");
	p->error = -ENOMEM;
	return false;
}

const struct conf_sight *conf_sight_find(struct conf_parser *p, const char *uri)
{
	struct conf_digest digest;

	if (!p->sights || !conf_uri_digest(p, uri, &digest))
		return NULL;
	for (unsigned i = 0; i < p->sights->n; i++)
		if (conf_digest_equal(&p->sights->s[i].uri, &digest))
			return &p->sights->s[i];
	return NULL;
}

/* 0 or -ENOMEM. */
static int keep_pin(struct conf_secrets *s, const struct conf_digest *key, const void *pin, size_t n)
{
	struct conf_token_pin fresh = { .key = *key }, *pins = reallocarray(s->pins, s->npins + 1, sizeof(*pins));

	if (!pins)
		return -ENOMEM;
	s->pins = pins;
	if (secret_set(&fresh.pin, pin, n) < 0)
		return -ENOMEM;
	pins[s->npins++] = fresh;
	return 0;
}

int conf_pin_source(struct conf_token *t, struct conf_secrets *s, const char *source, char *why, size_t n)
{
	const char *name = !strncmp(source, "file:", 5) ? source + 5 : source;
	struct conf_file f;
	size_t len;
	int r;

	if (*name != '/' || strlen(name) >= sizeof(t->pin_name)) {
		snprintf(why, n, "has a pin-source that is no file:/NAME: say it with 'pin' instead");
		return -EINVAL;
	}
	r = conf_file_read(&f, name, CONF_PIN_MAX + 2, why, n);
	if (r < 0)
		return r;
	len = f.n - (f.n && f.text[f.n - 1] == '\n');
	if (*f.exposed || !len || len > CONF_PIN_MAX) {
		snprintf(why, n, "has a pin-source where %s", *f.exposed ? f.exposed : "no PIN is");
		r = *f.exposed ? -EACCES : -EINVAL;
	} else {
		r = keep_pin(s, &t->key, f.text, len);
		t->pin = CONF_PIN_GIVEN;
		t->from = CONF_PIN_FILE;
		snprintf(t->pin_name, sizeof(t->pin_name), "%s", name);
	}
	conf_file_clear(&f);
	return r;
}

/* The same PIN as the one that was kept for this key? */
static bool same_pin(const struct conf_parser *p, const struct conf_token *t)
{
	const struct conf_pin_said *said = &p->own.pin;

	if (t->pin != said->pin)
		return false;
	for (size_t i = 0; i < p->secrets->npins; i++) {
		const struct conf_token_pin *is = &p->secrets->pins[i];

		if (conf_digest_equal(&is->key, &t->key))
			return is->pin.n == said->text.n && !memcmp(is->pin.p, said->text.p, said->text.n);
	}
	return !said->text.n;
}

static struct conf_token *token_find(const struct conf *c, const struct conf_digest *key)
{
	for (unsigned i = 0; i < c->ntokens; i++)
		if (conf_digest_equal(&c->tokens[i].key, key))
			return &c->tokens[i];
	return NULL;
}

bool conf_token_keep(struct conf_parser *p, const struct conf_digest *key, const char *uri, const struct conf_where *at, bool cert)
{
	bool fixed = p->own.cert && !cert;
	const struct conf_pin_said *said = &p->own.pin;
	struct conf_token *t = token_find(p->conf, key);
	char there[CONF_PATH_MAX + 16];

	if (t && (!same_pin(p, t) || t->each != said->each)) {
		conf_err(p, at, "this key has another 'pin' or 'login' at %s", conf_at_format(p->conf, t->at, there, sizeof(there)));
		return false;
	}
	if (t) {
		t->cert = t->cert || cert;
		t->fixed = t->fixed || fixed;
		return true;
	}
	t = conf_grow(p, p->conf->tokens, p->conf->ntokens, sizeof(*t));
	if (!t)
		return false;
	p->conf->tokens = t;
	t += p->conf->ntokens++;
	*t = (struct conf_token){ .key = *key, .at = conf_at_of(p, at), .cert = cert, .fixed = fixed, .pin = (uint8_t)said->pin,
				  .from = (uint8_t)said->from, .each = said->each };
	if (said->at.line)
		t->pin_at = conf_at_of(p, &said->at);
	snprintf(t->uri, sizeof(t->uri), "%s", uri);
	if (said->name)
		snprintf(t->pin_name, sizeof(t->pin_name), "%s", said->name);
	if (!said->text.n || !keep_pin(p->secrets, key, said->text.p, said->text.n))
		return true;
	p->error = -ENOMEM;
	return false;
}
