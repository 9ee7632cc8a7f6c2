// SPDX-License-Identifier: MIT
// Tokens, their keys and what happens to them, as JSON objects.
#include "keyd/ctl/token_render.h"

#include "keyd/ctl/explain.h"
#include "keyd/ctl/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(array) render_text(array, sizeof(array))
#define PEM_LINE 64

/* Words for programs: they are never changed, only added. */
static const char *const needs[TOKEN_NEEDS] = {
	[TOKEN_READY] = "nothing",
	[TOKEN_LOGIN] = "login",
	[TOKEN_WANT_TOKEN] = "token",
	[TOKEN_WANT_PIN] = "pin",
	[TOKEN_WANT_OTHER_PIN] = "other-pin",
	[TOKEN_WANT_HUMAN] = "human",
	[TOKEN_WANT_UNBLOCK] = "unblock",
	[TOKEN_WANT_CURE] = "cure",
	[TOKEN_WANT_TIME] = "time",
	[TOKEN_WANT_RELEASE] = "release",
	[TOKEN_WANT_PIN_EACH] = "pin-each",
};

static const char *const errors[] = {
	[-CARD_OK] = "none",
	[-CARD_GONE] = "gone",
	[-CARD_LOCKED] = "locked",
	[-CARD_PIN_WRONG] = "pin-wrong",
	[-CARD_PIN_BLOCKED] = "pin-blocked",
	[-CARD_PIN_CANCELLED] = "pin-cancelled",
	[-CARD_PIN_UNUSED] = "pin-unused",
	[-CARD_NO_KEY] = "no-key",
	[-CARD_NO_SCHEME] = "no-scheme",
	[-CARD_BROKEN] = "broken",
	[-CARD_BAD_SIGNATURE] = "bad-signature",
	[-CARD_UNSUPPORTED] = "unsupported",
	[-CARD_FAILED] = "failed",
	[-CARD_MANY_KEYS] = "many",
};
#define ERRORS ((int32_t)(sizeof(errors) / sizeof(*errors)))

static const char *need_name(uint8_t need)
{
	return need < TOKEN_NEEDS ? needs[need] : "?";
}

static const char *error_name(int32_t error)
{
	return error <= 0 && error > -ERRORS ? errors[-error] : "?";
}

static const char *state_name(uint8_t state)
{
	return state < TOKEN_STATES ? token_state_name((enum token_state)state) : "?";
}

json_t *render_digest(const uint8_t digest[CONF_DIGEST_LEN])
{
	static const uint8_t none[CONF_DIGEST_LEN];
	char text[2 * CONF_DIGEST_LEN + 1];

	if (!memcmp(digest, none, sizeof(none)))
		return json_null();
	for (size_t i = 0; i < CONF_DIGEST_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return json_string(text);
}

/* Lines of per_line digits, each with its newline; 0: one line without. to has room for it, and NUL. */
static char *put_base64(char *to, struct view v, size_t per_line)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t column = 0;

	for (size_t i = 0; i < v.n; i += 3) {
		size_t n = v.n - i < 3 ? v.n - i : 3;
		uint32_t bits = (uint32_t)v.p[i] << 16 | (n > 1 ? (uint32_t)v.p[i + 1] << 8 : 0) | (n > 2 ? v.p[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			*to++ = k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
		column += 4;
		if (per_line && (column >= per_line || i + 3 >= v.n)) {
			*to++ = '\n';
			column = 0;
		}
	}
	*to = 0;
	return to;
}

/* As "remote-key" of keyd.conf has it. */
static json_t *base64(struct view der)
{
	char *text = malloc(der.n / 3 * 4 + 8);
	json_t *j;

	if (!text)
		return NULL;
	put_base64(text, der, 0);
	j = json_string(text);
	free(text);
	return j;
}

static json_t *certificate(struct view der)
{
	static const char head[] = "-----BEGIN CERTIFICATE-----\n", tail[] = "-----END CERTIFICATE-----\n";
	char *text = der.n ? malloc(der.n / 3 * 4 + der.n / 48 + sizeof(head) + sizeof(tail) + 8) : NULL;
	json_t *j;

	if (!der.n)
		return json_null();
	if (!text)
		return NULL;
	memcpy(text, head, sizeof(head));
	strcpy(put_base64(text + sizeof(head) - 1, der, PEM_LINE), tail);
	j = json_string(text);
	free(text);
	return j;
}

static json_t *schemes(uint32_t set)
{
	const struct crypto_sig *s = NULL;
	json_t *names = json_array();

	for (unsigned i = 0; i < 32 && (s = crypto_sig_next(s)); i++)
		if ((set & 1U << i) && !s->bare)	/* each such key can do these */
			json_array_append_new(names, json_string(s->name));
	return names;
}

/* Of bytes that may be anything, which a bool must not be. */
static bool truth(const bool *b)
{
	uint8_t byte;

	memcpy(&byte, b, sizeof(byte));
	return byte != 0;
}

json_t *render_token(const struct card_token_info *t, uint64_t now)
{
	const struct card_token *c = &t->token;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:s, s:I, s:s, s:s, s:i, s:b, s:b, s:b, s:b, s:o, "
			 "s:[]}",
			 "label", TEXT(c->label), "manufacturer", TEXT(c->manufacturer), "model", TEXT(c->model),
			 "serial", TEXT(c->serial), "reader", TEXT(c->reader), "slot", (json_int_t)c->slot,
			 "module", TEXT(t->module), "uri", TEXT(t->uri), "state", state_name(t->state),
			 "state_age", (json_int_t)(now > t->since ? (now - t->since) / 1000000 : 0),
			 "need", need_name(t->need), "text", token_need_text((enum token_need)t->need),
			 "tries", t->tries, "tries_told", c->tries >= 0, "login", truth(&c->login),
			 "pad", truth(&c->pad), "ask", t->ask, "why", TEXT(t->why), "keys");
}

json_t *render_token_key(const struct card_key_info *k, struct view spki, struct view cert)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:[]}",
			 "label", TEXT(k->label), "uri", TEXT(k->uri), "digest", render_digest(k->digest), "schemes", schemes(k->schemes),
			 "configured", k->configured, "each", k->each, "open", k->open, "where", TEXT(k->where),
			 "public_key", spki.n ? base64(spki) : json_null(), "certificate_pem", certificate(cert), "tunnels");
}

json_t *render_token_missing(const struct card_missing_info *m)
{
	return json_pack("{s:o, s:o, s:s, s:s}", "where", TEXT(m->where), "uri", TEXT(m->uri), "need", need_name(m->need),
			 "text", token_need_text((enum token_need)m->need));
}

json_t *render_token_event(const struct card_event *ev, double wall)
{
	const struct card_token *c = &ev->token;
	double mono = (double)ev->at / 1e6;
	char when[EXPLAIN_TIME_LEN];

	return json_pack("{s:s, s:s, s:f, s:o, s:o, s:o, s:o, s:s, s:s, s:i, s:o}", "event", "token",
			 "time", explain_time(mono + wall, when), "mono", mono, "label", TEXT(c->label), "model", TEXT(c->model),
			 "serial", TEXT(c->serial), "reader", TEXT(c->reader), "was", state_name(ev->was),
			 "state", state_name(ev->is), "tries", c->tries, "text", TEXT(ev->why));
}

json_t *render_token_done(const struct card_done *d)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "code", error_name(d->error), "need", need_name(d->need), "token", TEXT(d->token),
			 "tries", d->tries < 0 ? json_null() : json_integer(d->tries));
}
