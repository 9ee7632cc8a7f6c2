// SPDX-License-Identifier: MIT
// Files of users for XAUTH: "name:hash", and ":totp=KEY" for who has one-time codes. No message has a byte of a hash or a key in it.
#include "keyd/conf/file.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/hash.h"

#include <errno.h>
#include <string.h>

#define USERS_FILE_MAX (4 << 20)	/* bytes */
#define USERS_MAX 20000			/* in all files */
#define HASH_MAX 384			/* bytes, CRYPT_OUTPUT_SIZE of libcrypt */
#define TOTP_MAX 64			/* bytes of a key */
#define TOTP_MIN 10			/* 80 bits, what Google Authenticator began with */

struct users {
	struct conf_parser *p;
	struct conf_where at;		/* the line */
	struct conf_digest key;
	uint8_t file;			/* of struct conf_at */
	size_t first;			/* of this file in the list */
};

bool conf_user_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f || s[i] == ':')
			return false;
	return n && n < CONF_USER_MAX;
}

/* How crypt(5) names its methods. */
static const struct {
	const char *prefix;
	bool weak;
} methods[] = {
	{ "$y$", false }, { "$gy$", false }, { "$7$", false }, { "$2b$", false }, { "$2a$", false }, { "$2y$", false }, { "$6$", false },
	{ "$5$", false }, { "$sha1$", true }, { "$md5", true }, { "$1$", true }, { "$3$", true },
};

/* The old one has 13 characters without any mark. */
static bool is_des(struct view hash)
{
	static const char set[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	for (size_t i = 0; i < hash.n; i++)
		if (!memchr(set, hash.p[i], sizeof(set) - 1))
			return false;
	return hash.n == 13;
}

/* Like /etc/shadow: whoever has "!" or "*" in front does not come in. */
static bool hash_ok(struct users *u, struct view hash, const char *user)
{
	bool locked = hash.n && (hash.p[0] == '!' || hash.p[0] == '*'), known = locked, weak = false;

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods) && !known; i++) {
		size_t n = strlen(methods[i].prefix);

		known = hash.n > n && !memcmp(hash.p, methods[i].prefix, n);
		weak = known && methods[i].weak;
	}
	if (!known)
		known = weak = is_des(hash);
	if (!known || hash.n > HASH_MAX)
		conf_err(u->p, &u->at, "what stands behind user '%s' is no hash of crypt(5): "
			 "\"mkpasswd -m yescrypt\" or \"openssl passwd -6\" make one", user);
	else if (weak)
		conf_warn(u->p, &u->at, "the hash of user '%s' is of an old kind that is soon guessed: "
			  "\"mkpasswd -m yescrypt\" makes a better one", user);
	return known && hash.n <= HASH_MAX;
}

/* RFC 4648 6; blanks, '=' and case do not count. */
static int base32(struct view text, uint8_t out[TOTP_MAX], size_t *n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t bits = 0;
	unsigned have = 0;

	*n = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = (char)text.p[i];
		const char *at;

		if (c == ' ' || c == '=' || c == '-')
			continue;
		at = memchr(set, c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c, sizeof(set) - 1);
		if (!at)
			return -1;
		bits = bits << 5 | (uint32_t)(at - set);
		have += 5;
		if (have < 8)
			continue;
		if (*n == TOTP_MAX)
			return -1;
		have -= 8;
		out[(*n)++] = (uint8_t)(bits >> have);
	}
	return *n >= TOTP_MIN ? 0 : -1;
}

static bool take_totp(struct users *u, struct conf_login *l, struct view text)
{
	static const char word[] = "totp=";
	uint8_t key[TOTP_MAX];
	size_t n = 0;
	bool ok = text.n > sizeof(word) - 1 && !memcmp(text.p, word, sizeof(word) - 1);

	if (!ok) {
		conf_err(u->p, &u->at, "what stands behind the hash of user '%s' is not known: nothing, or 'totp=' and a key in base32, is "
			 "expected", l->user);
		return false;
	}
	if (base32((struct view){ text.p + sizeof(word) - 1, text.n - (sizeof(word) - 1) }, key, &n)) {
		conf_err(u->p, &u->at, "the key of the codes of user '%s' is no base32 of %u to %u bytes", l->user, TOTP_MIN, TOTP_MAX);
		ok = false;
	} else if (secret_set(&l->totp, key, n)) {
		conf_err(u->p, &u->at, "out of memory");
		ok = false;
	}
	secret_cleanse(key, sizeof(key));
	return ok;
}

static struct view field(struct view *rest)
{
	const uint8_t *colon = rest->n ? memchr(rest->p, ':', rest->n) : NULL;
	struct view v = { rest->p, colon ? (size_t)(colon - rest->p) : rest->n };

	*rest = (struct view){ rest->p + v.n + (colon != NULL), rest->n - v.n - (colon != NULL) };
	return v;
}

static void read_line(struct users *u, struct view line)
{
	struct conf_login l = { .key = u->key, .hashed = true, .at = { .line = u->at.line & 0xffffff, .file = u->file } };
	struct view name = field(&line), hash = field(&line);
	struct conf_secrets *s = u->p->secrets;

	if (!conf_user_ok((const char *)name.p, name.n)) {
		conf_err(u->p, &u->at, "a line is \"user:hash\", with a name of 1 to %u printable bytes", CONF_USER_MAX - 1);
		return;
	}
	memcpy(l.user, name.p, name.n);
	for (size_t i = u->first; i < s->nlogins; i++)
		if (!strcmp(s->logins[i].user, l.user)) {
			conf_err(u->p, &u->at, "user '%s' stands at line %u already", l.user, s->logins[i].at.line);
			return;
		}
	if (s->nlogins >= USERS_MAX)
		conf_err(u->p, &u->at, "more than %u users", USERS_MAX);
	else if (!hash_ok(u, hash, l.user) || (line.n && !take_totp(u, &l, line)))
		conf_login_clear(&l);
	else if (secret_set(&l.password, hash.p, hash.n))
		conf_err(u->p, &u->at, "out of memory");
	else
		conf_login_add(u->p, &l);
}

static void read_lines(struct users *u, struct view text)
{
	while (text.n && u->p->errors < CONF_ERRORS_MAX) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		struct view line = { text.p, end ? (size_t)(end - text.p) : text.n };

		text = (struct view){ text.p + line.n + (end != NULL), text.n - line.n - (end != NULL) };
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		u->at.line++;
		if (line.n && line.p[0] != '#')
			read_line(u, line);
	}
}

bool conf_users_read(struct conf_parser *p, const struct conf_word *w, const char *name, struct conf_digest *users)
{
	const struct view whole = { (const uint8_t *)name, strlen(name) };
	struct users u = { .p = p, .at = { .file = name }, .first = p->secrets->nlogins };
	unsigned errors = p->errors;
	struct conf_file f;
	char why[256];
	int r;

	*users = (struct conf_digest){ { 0 } };
	if (conf_read_find(p, CONF_READ_USERS, name, NULL, users))
		return !conf_digest_is_none(users);
	if (!conf_crypto_ready(p, &w->at) || crypto_sha256(&whole, 1, u.key.b))
		return false;
	r = conf_file_read(&f, name, USERS_FILE_MAX, why, sizeof(why));
	if (r < 0) {
		conf_err(p, &w->at, "'%s' %s", name, why);
		p->error = r;
		return false;
	}
	if (*f.exposed) {
		conf_err(p, &w->at, "%s", f.exposed);
		p->error = -EACCES;
	} else {
		u.file = conf_at_of(p, &u.at).file;
		read_lines(&u, (struct view){ (const uint8_t *)f.text, f.n });
	}
	conf_file_clear(&f);
	if (p->errors == errors)
		*users = u.key;
	conf_read_note(p, CONF_READ_USERS, name, NULL, users);
	return p->errors == errors;
}
