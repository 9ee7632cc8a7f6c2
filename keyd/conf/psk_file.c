// SPDX-License-Identifier: MIT
// Files of secrets in the format of racoon's psk.txt. No message has a byte of a key in it.
#include "keyd/conf/file.h"
#include "keyd/conf/id.h"
#include "keyd/conf/ipsec_secrets.h"
#include "keyd/conf/psk.h"
#include "keyd/conf/quantity.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERRORS_MAX 20

struct psk_reader {
	struct conf_secrets *s;
	const char *name;
	unsigned line, errors;
	conf_error_fn *err;
	void *arg;
};

static void __attribute__((format(printf, 2, 3))) say(struct psk_reader *r, const char *fmt, ...)
{
	char text[1024];
	size_t n;
	va_list ap;

	n = (size_t)(r->line ? snprintf(text, sizeof(text) / 2, "%.300s:%u: ", r->name, r->line) :
			       snprintf(text, sizeof(text) / 2, "%.300s: ", r->name));
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	if (r->err)
		r->err(text, r->arg);
}

#define complain(r, ...) ((r)->errors++, say(r, __VA_ARGS__))

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* text without its 0x. */
static const char *key_from_hex(struct secret *key, const char *text, size_t n)
{
	size_t digits = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_blank(text[i]))
			continue;
		if (quantity_hex_digit(text[i]) < 0)
			return "the key begins with 0x, but not all that follows are hexadecimal digits";
		digits++;
	}
	if (!digits || digits % 2)
		return "the key begins with 0x, but what follows are no pairs of hexadecimal digits";
	if (digits / 2 > PSK_KEY_MAX)
		return "the key is too long";
	if (secret_alloc(key, digits / 2) < 0)
		return "out of memory";
	for (size_t i = 0; i < n; i++) {
		if (is_blank(text[i]))
			continue;
		key->p[at / 2] = (uint8_t)(key->p[at / 2] << 4 | quantity_hex_digit(text[i]));
		at++;
	}
	return NULL;
}

const char *psk_key_parse(struct secret *key, const char *text, size_t n, bool hex)
{
	if (n == 0)
		return "the key is empty";
	if (hex && n >= 2)
		return key_from_hex(key, text + 2, n - 2);
	if (n > PSK_KEY_MAX)
		return "the key is too long";
	return secret_set(key, text, n) < 0 ? "out of memory" : NULL;
}

static void read_key(struct psk_reader *r, struct psk_entry *e, const char *key, size_t n)
{
	bool hex = n >= 2 && key[0] == '0' && key[1] == 'x';
	const char *why = psk_key_parse(&e->key, key, n, hex);

	if (why) {
		complain(r, "%s", why);
		return;
	}
	if (!hex && is_blank(key[n - 1]))
		say(r, "warning: the key ends in %s, which is part of it (as in racoon)",
		    key[n - 1] == '\r' ? "a carriage return (a line end of Windows?)" : "a blank");
	if (psk_add(r->s, e) < 0)
		complain(r, "out of memory");
}

static void read_line(struct psk_reader *r, const char *s, size_t n)
{
	struct psk_entry e = { .at = { .line = r->line & 0xffffff, .file = r->s ? r->s->file : 0 }, .racoon = true };
	char name[CONF_ID_MAX + 1];
	size_t from = 0, to, key;

	while (from < n && is_blank(s[from]))
		from++;
	if (from == n || s[from] == '#')
		return;
	if (memchr(s, 0, n)) {
		complain(r, "this line has a NUL byte");
		return;
	}
	for (to = from; to < n && !is_blank(s[to]); to++)
		;
	for (key = to; key < n && is_blank(s[key]); key++)
		;
	snprintf(name, sizeof(name), "%.*s", (int)(to - from), s + from);
	if (to - from > CONF_ID_MAX || conf_id_parse_psk(&e.id, name) < 0)
		complain(r, "the identifier is longer than %u bytes", CONF_ID_MAX);
	else if (key == n)
		complain(r, "an identifier without a key: expected 'identifier key'");	/* the word may be the key: not shown */
	else
		read_key(r, &e, s + key, n - key);
}

int psk_buffer_load(struct conf_secrets *s, const char *name, const char *text, size_t n, conf_error_fn *err, void *arg)
{
	struct psk_reader r = { .s = s, .name = name, .err = err, .arg = arg };
	size_t before = s->n;

	for (size_t len; n && r.errors < ERRORS_MAX; text += len, n -= len) {
		const char *end = memchr(text, '\n', n);

		len = end ? (size_t)(end - text) : n;
		r.line++;
		read_line(&r, text, len);
		len += end != NULL;
	}
	if (!r.errors)
		return 0;
	psk_truncate(s, before);
	return -EINVAL;
}

static int load_ipsec(struct conf_secrets *s, struct ipsec_secrets *more, struct conf *c, const char *path, const struct conf_file *f,
		      conf_error_fn *err, void *arg)
{
	struct ipsec_secrets none = { 0 };
	int r = ipsec_secrets_read(more ? more : &none, s, c, path, f->text, f->n, err, arg);

	ipsec_secrets_free(&none);
	return r;
}

int psk_file_load(struct conf_secrets *s, struct ipsec_secrets *more, struct conf *c, const char *path, conf_error_fn *err, void *arg)
{
	struct psk_reader r = { .name = path, .err = err, .arg = arg };
	struct conf_file f;
	char why[256];
	int ret = conf_file_read(&f, path, PSK_FILE_MAX, why, sizeof(why));

	if (ret < 0) {
		complain(&r, "%s", why);
		return ret;
	}
	if (*f.exposed) {
		complain(&r, "%s", f.exposed);
		ret = -EACCES;
	} else if (ipsec_secrets_is(f.text, f.n)) {
		ret = load_ipsec(s, more, c, path, &f, err, arg);
	} else {
		ret = psk_buffer_load(s, path, f.text, f.n, err, arg);
	}
	conf_file_clear(&f);
	return ret;
}
