// SPDX-License-Identifier: MIT
// Answers requests: one at a time, each with one call of the driver.
#include "keyd/cardd/serve.h"

#include "keyd/card/wire_io.h"
#include "keyd/cardd/request.h"
#include "keyd/util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The keys of a token as they were seen last: a signature names one by its digest. */
struct known {
	bool used;
	struct card_token token;
	struct card_keys keys;
};

static struct worker {
	struct card *c;
	int fd;
	struct request rq;
	struct known known[CARD_TOKENS_MAX];
	unsigned next;			/* to be forgotten when all are used */
	struct known made;		/* the key that was made last: PIV cards do not show one without a certificate */
} worker;

int tell(int fd, uint16_t type, uint32_t id, const void *body, size_t n)
{
	return card_wire_send(fd, type, id, &(struct view){ body, n }, 1, CARD_WIRE_FOREVER) ? -1 : 0;
}

int tell_done(int fd, uint32_t id, int error, const char *why)
{
	struct card_wire_done d = { .error = error };

	snprintf(d.why, sizeof(d.why), "%s", error ? why : "");
	return tell(fd, CARD_WIRE_DONE, id, &d, sizeof(d));
}

static int tell_key(struct worker *w, const struct card_key *k)
{
	static uint8_t buf[CARD_WIRE_KEY_MAX];
	struct wr out = wr_of(buf, sizeof(buf));

	if (k->cert.n > CARD_WIRE_CERT_MAX)
		log_warning("a certificate is too long and is left out: token=\"%s\" key=\"%s\" bytes=%zu", w->rq.token.label,
			    k->label, k->cert.n);
	card_wire_key_put(&out, k);
	return wr_ok(&out) ? tell(w->fd, CARD_WIRE_KEY, w->rq.id, buf, out.len) : -1;
}

static struct known *known_of(struct worker *w, const struct card_token *t)
{
	for (unsigned i = 0; i < CARD_TOKENS_MAX; i++)
		if (w->known[i].used && card_token_same(&w->known[i].token, t))
			return &w->known[i];
	return NULL;
}

static void forget(struct known *k)
{
	card_keys_free(&k->keys);
	k->used = false;
}

/* Asks the driver; *out stays the worker's. */
static int look(struct worker *w, const struct card_token *t, struct known **out)
{
	struct known *k = known_of(w, t);
	int r;

	if (!k)
		k = &w->known[w->next++ % CARD_TOKENS_MAX];
	forget(k);
	r = w->c->driver->keys(w->c, t, &k->keys);
	if (r) {
		forget(k);
		return r;
	}
	k->used = true;
	k->token = *t;
	*out = k;
	return CARD_OK;
}

static const struct card_key *find_key(const struct known *known, const uint8_t *digest)
{
	for (unsigned i = 0; known && i < known->keys.n; i++)
		if (!memcmp(known->keys.key[i].digest, digest, CRYPTO_DIGEST_LEN))
			return &known->keys.key[i];
	return NULL;
}

/* A key by its digest; one that is not known may have come, or be visible since the login. */
static int choose(struct worker *w, const uint8_t *digest, const struct card_key **out)
{
	struct known *known = known_of(w, &w->rq.token);
	int r = CARD_OK;

	*out = find_key(known, digest);
	if (!*out)
		r = look(w, &w->rq.token, &known);
	if (!r && !*out)
		*out = find_key(known, digest);
	if (!r && !*out && card_token_same(&w->made.token, &w->rq.token))
		*out = find_key(&w->made, digest);
	return r || *out ? r : CARD_NO_KEY;
}

/* --- what can be asked --- */

static int on_tokens(struct worker *w)
{
	struct card_token t[CARD_TOKENS_MAX];
	unsigned n = CARD_TOKENS_MAX;
	int r = w->c->driver->tokens(w->c, t, &n);

	for (unsigned i = 0; !r && i < n; i++)
		if (tell(w->fd, CARD_WIRE_TOKEN, w->rq.id, &t[i], sizeof(t[i])))
			return CARD_FAILED;
	return r;
}

static int on_check(struct worker *w)
{
	int r = w->c->driver->check(w->c, &w->rq.token);

	return r || !tell(w->fd, CARD_WIRE_TOKEN, w->rq.id, &w->rq.token, sizeof(w->rq.token)) ? r : CARD_FAILED;
}

static int on_keys(struct worker *w)
{
	struct known *known;
	int r = look(w, &w->rq.token, &known);

	for (unsigned i = 0; !r && i < known->keys.n; i++)
		if (tell_key(w, &known->keys.key[i]))
			return CARD_FAILED;
	return r;
}

static int on_login(struct worker *w)
{
	return w->c->driver->login(w->c, &w->rq.token, card_pin_view(w->rq.pin));
}

static int on_logout(struct worker *w)
{
	return w->c->driver->logout(w->c, &w->rq.token);
}

static int on_sign(struct worker *w)
{
	const struct crypto_sig *s = card_wire_scheme(w->rq.body.sign.scheme);
	struct view octets = { w->rq.rest, w->rq.nrest };
	uint8_t out[CRYPTO_SIG_MAX];
	const struct card_key *k;
	size_t n = sizeof(out);
	int r = s ? choose(w, w->rq.body.sign.key, &k) : CARD_NO_SCHEME;

	if (!r)
		r = w->c->driver->sign(w->c, &w->rq.token, k, s, &octets, 1, card_pin_view(w->rq.pin), out, &n);
	/* It may be a new key under an old name: the next request looks again. */
	if ((r == CARD_NO_KEY || r == CARD_BAD_SIGNATURE) && known_of(w, &w->rq.token))
		forget(known_of(w, &w->rq.token));
	return r || !tell(w->fd, CARD_WIRE_SIGNATURE, w->rq.id, out, n) ? r : CARD_FAILED;
}

static int on_reset(struct worker *w)
{
	for (unsigned i = 0; i < CARD_TOKENS_MAX; i++)
		forget(&w->known[i]);
	forget(&w->made);
	return w->c->driver->reset(w->c);
}

static int on_make(struct worker *w)
{
	const struct card_wire_make *m = &w->rq.body.make;
	struct card_make how = { .type = m->type, .bits = m->bits, .nid = m->nid, .admin = card_pin_view(w->rq.admin),
				 .replace = m->replace };
	struct card_key *k = &w->made.keys.key[0];
	int r;

	if (!w->c->driver->generate)
		return CARD_UNSUPPORTED;
	if (m->nid > sizeof(how.id) || m->type >= CRYPTO_KEY_TYPES)
		return CARD_FAILED;
	memcpy(how.id, m->id, m->nid);
	memcpy(how.label, m->label, sizeof(how.label) - 1);
	if (known_of(w, &w->rq.token))
		forget(known_of(w, &w->rq.token));
	forget(&w->made);
	*k = (struct card_key){ 0 };
	r = w->c->driver->generate(w->c, &w->rq.token, &how, k);
	if (r)
		return r;
	w->made.token = w->rq.token;
	w->made.keys.n = 1;
	return tell_key(w, k) ? CARD_FAILED : CARD_OK;
}

static int on_store(struct worker *w)
{
	const struct card_key *k;
	int r = w->c->driver->store_cert ? choose(w, w->rq.body.store.key, &k) : CARD_UNSUPPORTED;

	if (!r)
		r = w->c->driver->store_cert(w->c, &w->rq.token, k, (struct view){ w->rq.rest, w->rq.nrest },
					     card_pin_view(w->rq.admin));
	if (known_of(w, &w->rq.token))
		forget(known_of(w, &w->rq.token));
	return r;
}

static int (*const answers[])(struct worker *) = {
	[CARD_WIRE_TOKENS] = on_tokens, [CARD_WIRE_CHECK] = on_check,	[CARD_WIRE_KEYS] = on_keys,
	[CARD_WIRE_LOGIN] = on_login,	[CARD_WIRE_LOGOUT] = on_logout, [CARD_WIRE_SIGN] = on_sign,
	[CARD_WIRE_RESET] = on_reset,	[CARD_WIRE_MAKE] = on_make,	[CARD_WIRE_STORE] = on_store,
};

/* 0 to go on, or -errno. */
static int serve_one(struct worker *w)
{
	int r = request_receive(&w->rq, w->fd), error;
	const char *why;

	if (r && r != -ENOMEM)
		return r;
	error = r ? CARD_PIN_UNUSED : answers[w->rq.type](w);
	why = r ? "no memory can be locked for it (RLIMIT_MEMLOCK)" : w->c->driver->error(w->c);
	return tell_done(w->fd, w->rq.id, error, why) ? -EPIPE : 0;
}

int serve(struct card *c, int fd)
{
	struct worker *w = &worker;
	int r;

	w->c = c;
	w->fd = fd;
	do {
		r = serve_one(w);
		request_clear(&w->rq);
	} while (!r);
	if (r == -EPIPE)
		return 0;
	log_error("the channel is closed: %s", r == -EPROTO ? "what came is no request" : strerror(-r));
	return EXIT_BROKEN;
}
