// SPDX-License-Identifier: MIT
// Everything that a card driver can be asked.
#include "tests/unit/card_all.h"

#include "keyd/crypto/sig.h"
#include "tests/unit/signable.h"

#include <stdlib.h>
#include <string.h>

#define TOKENS 2

static struct view text(const char *s)
{
	return (struct view){ (const uint8_t *)s, strlen(s) };
}

static void must_be_text(const char *s, size_t size)
{
	if (strnlen(s, size) == size)
		abort();
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			abort();
}

static void must_be_token(const struct card_token *t)
{
	must_be_text(t->label, sizeof(t->label));
	must_be_text(t->manufacturer, sizeof(t->manufacturer));
	must_be_text(t->model, sizeof(t->model));
	must_be_text(t->serial, sizeof(t->serial));
	must_be_text(t->reader, sizeof(t->reader));
	if (t->tries < -1 || t->tries > 255)
		abort();
}

/* What is given out as a signature is one. */
static void sign(struct card *c, const struct card_token *t, const struct card_key *k, const struct crypto_sig *s)
{
	uint8_t out[CRYPTO_SIG_MAX];
	const struct view message = signable(s);
	size_t n = sizeof(out);

	if (!c->driver->sign(c, t, k, s, &message, 1, text(CARD_ALL_PIN), out, &n) &&
	    crypto_sig_check(s, k->public, &message, 1, (struct view){ out, n }))
		abort();
}

/* With the first and the last scheme that the key is said to have. */
static void sign_with(struct card *c, const struct card_token *t, const struct card_key *k)
{
	const struct crypto_sig *s = NULL, *last = NULL;

	for (uint32_t bit = 1; (s = crypto_sig_next(s)); bit <<= 1) {
		if (!(k->schemes & bit))
			continue;
		if (!last)
			sign(c, t, k, s);
		last = s;
	}
	if (last)
		sign(c, t, k, last);
}

static void enroll(struct card *c, const struct card_token *t, const struct card_key *k)
{
	struct view admin = text(t->slot ? CARD_ALL_MANAGER : CARD_ALL_ADMIN);
	struct card_make how = { .type = CRYPTO_KEY_EC, .bits = 256, .id = { 4 - 3 * !t->slot }, .nid = 1, .admin = admin };
	struct card_key made = { 0 };

	if (k)
		c->driver->store_cert(c, t, k, text("a certificate"), admin);
	if (c->driver->generate(c, t, &how, &made) == CARD_KEY_THERE) {
		how.replace = true;
		if (c->driver->generate(c, t, &how, &made))
			return;
	}
	if (made.public)
		sign_with(c, t, &made);
	card_key_free(&made);
}

static void ask(struct card *c, struct card_token *t, struct card_keys *keys)
{
	must_be_token(t);
	c->driver->check(c, t);
	c->driver->keys(c, t, keys);
	c->driver->login(c, t, text(CARD_ALL_PIN));
	if (!c->driver->check(c, t))
		must_be_token(t);
	for (unsigned i = 0; i < keys->n; i++) {
		must_be_text(keys->key[i].label, sizeof(keys->key[i].label));
		sign_with(c, t, &keys->key[i]);
	}
	enroll(c, t, keys->n ? &keys->key[0] : NULL);
	c->driver->logout(c, t);
}

void card_all(struct card *c)
{
	struct card_token t[TOKENS];
	struct card_keys *keys = calloc(1, sizeof(*keys));
	unsigned n = TOKENS;

	if (!keys || (c->driver->tokens(c, t, &n) && n))
		abort();
	for (unsigned i = 0; i < n; i++) {
		ask(c, &t[i], keys);
		card_keys_free(keys);
	}
	must_be_text(c->driver->error(c), CARD_WHY_MAX);
	free(keys);
}
