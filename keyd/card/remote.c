// SPDX-License-Identifier: MIT
// Calls of a driver's functions as requests to a worker, one at a time.
#include "keyd/card/remote.h"

#include "keyd/card/remote_process.h"
#include "keyd/card/wire_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct remote {
	struct card card;
	struct remote_process process;
	unsigned call_ms, long_ms;
	uint32_t id;			/* of the last request */
	bool dead;
	char driver[32];
	char error[CARD_WHY_MAX];
	uint8_t body[CARD_WIRE_KEY_MAX];	/* of the answer that came last */
};

/* Takes an answer that is not the last. 0, or -1: there are too many, or it makes no sense. */
typedef int take_fn(struct view body, void *arg);

/* A request, and what is made of its answers. */
struct call {
	uint16_t type, answer;		/* enum card_wire; 0: only DONE */
	struct view parts[4];
	unsigned nparts, limit_ms;
	take_fn *take;
	void *arg;
};

/* The worker is of no use any more: says why, as far as it can be known. */
static int broken(struct remote *r, int error, unsigned limit_ms)
{
	if (error == -ETIMEDOUT)
		snprintf(r->error, sizeof(r->error), "no answer came within %u s, so its process was ended", limit_ms / 1000);
	else if (error == -EPROTO)
		snprintf(r->error, sizeof(r->error), "it answered nonsense, so its process was ended");
	else if (error != -EPIPE)
		snprintf(r->error, sizeof(r->error), "its process cannot be talked to: %s", strerror(-error));
	remote_process_end(&r->process, error == -EPIPE ? r->error : NULL);
	r->dead = true;
	return CARD_BROKEN;
}

/* The next message into r->body. */
static int receive(struct remote *r, struct ipc_hdr *h, struct view *body, int64_t deadline)
{
	struct iovec io[2] = { { h, sizeof(*h) }, { r->body, 0 } };
	int e = card_wire_peek(r->process.fd, h, deadline);

	if (!e && h->len > sizeof(r->body))
		e = -EPROTO;
	if (e)
		return e;
	io[1].iov_len = h->len;
	*body = (struct view){ r->body, h->len };
	return card_wire_take(r->process.fd, io, 2, false);
}

/* 0: another one is to come; 1: *result is there; or -errno. */
static int answer(struct remote *r, const struct call *c, const struct ipc_hdr *h, struct view body, int *result)
{
	struct card_wire_done d;

	if (h->id != r->id)
		return -EPROTO;
	if (h->type == CARD_WIRE_DONE) {
		if (card_wire_done_get(body, &d))
			return -EPROTO;
		memcpy(r->error, d.why, sizeof(r->error));
		*result = d.error;
		return 1;
	}
	return !c->take || h->type != c->answer || c->take(body, c->arg) ? -EPROTO : 0;
}

static int call(struct remote *r, const struct call *c)
{
	int64_t deadline = card_wire_clock() + c->limit_ms;
	struct ipc_hdr h = { 0 };
	struct view body;
	int e, result = CARD_BROKEN;

	if (r->dead)
		return CARD_BROKEN;
	r->id++;
	e = card_wire_send(r->process.fd, c->type, r->id, c->parts, c->nparts, deadline);
	while (!e) {
		e = receive(r, &h, &body, deadline);
		if (!e)
			e = answer(r, c, &h, body, &result);
	}
	return e == 1 ? result : broken(r, e, c->limit_ms);
}

#define VIEW_OF(object) { (const uint8_t *)(object), sizeof(*(object)) }

/* --- what is asked --- */

struct tokens {
	struct card_token *out;
	unsigned n, room;
};

static int take_token(struct view body, void *arg)
{
	struct tokens *t = arg;

	return t->n == t->room || card_wire_token_get(body, &t->out[t->n++]) ? -1 : 0;
}

static int remote_tokens(struct card *card, struct card_token *out, unsigned *n)
{
	struct remote *r = (struct remote *)card;
	struct tokens t = { out, 0, *n };
	int e = call(r, &(struct call){ CARD_WIRE_TOKENS, CARD_WIRE_TOKEN, .limit_ms = r->call_ms, .take = take_token, .arg = &t });

	*n = e ? 0 : t.n;
	return e;
}

static int remote_check(struct card *card, struct card_token *token)
{
	struct remote *r = (struct remote *)card;
	struct card_token now;
	struct tokens t = { &now, 0, 1 };
	int e = call(r, &(struct call){ CARD_WIRE_CHECK, CARD_WIRE_TOKEN, { VIEW_OF(token) }, 1, r->call_ms, take_token, &t });

	if (e || !t.n)
		return e ? e : CARD_GONE;
	*token = now;
	return CARD_OK;
}

static int take_key(struct view body, void *arg)
{
	struct card_keys *keys = arg;
	struct rd rd = rd_of_view(body);

	return keys->n == CARD_KEYS_MAX || card_wire_key_get(&rd, &keys->key[keys->n++]) ? -1 : 0;
}

static int remote_keys(struct card *card, const struct card_token *t, struct card_keys *out)
{
	struct remote *r = (struct remote *)card;

	return call(r, &(struct call){ CARD_WIRE_KEYS, CARD_WIRE_KEY, { VIEW_OF(t) }, 1, r->call_ms, take_key, out });
}

static int remote_login(struct card *card, const struct card_token *t, struct view pin)
{
	struct remote *r = (struct remote *)card;

	return call(r, &(struct call){ CARD_WIRE_LOGIN, 0, { VIEW_OF(t), pin }, 2, t->pad ? r->long_ms : r->call_ms, NULL, NULL });
}

static int remote_logout(struct card *card, const struct card_token *t)
{
	struct remote *r = (struct remote *)card;

	return call(r, &(struct call){ CARD_WIRE_LOGOUT, 0, { VIEW_OF(t) }, 1, r->call_ms, NULL, NULL });
}

static int remote_reset(struct card *card)
{
	struct remote *r = (struct remote *)card;

	return call(r, &(struct call){ CARD_WIRE_RESET, .limit_ms = r->call_ms });
}

struct signature {
	uint8_t *out;
	size_t *n, room;
};

static int take_signature(struct view body, void *arg)
{
	struct signature *s = arg;

	if (body.n > s->room)
		return -1;
	memcpy(s->out, body.p, body.n);
	*s->n = body.n;
	return 0;
}

static int sign_joined(struct remote *r, const struct card_wire_sign *head, struct view octets, struct view pin,
		       struct signature *s, bool pad)
{
	*s->n = 0;
	return call(r, &(struct call){ CARD_WIRE_SIGN, CARD_WIRE_SIGNATURE, { VIEW_OF(head), pin, octets }, 3,
				       pad ? r->long_ms : r->call_ms, take_signature, s });
}

/* What the worker says it has signed is looked at here: nothing is taken from it on trust. */
static int remote_sign(struct card *card, const struct card_token *t, const struct card_key *k, const struct crypto_sig *s,
		       const struct view *parts, unsigned nparts, struct view pin, uint8_t *out, size_t *n)
{
	struct remote *r = (struct remote *)card;
	struct card_wire_sign head = { .token = *t, .scheme = (uint8_t)card_wire_scheme_number(s), .npin = (uint16_t)pin.n };
	struct signature got = { out, n, *n };
	uint8_t *octets = malloc(CARD_WIRE_OCTETS_MAX);
	struct wr w = wr_of(octets, CARD_WIRE_OCTETS_MAX);
	int e = CARD_FAILED;

	if (!octets)
		return CARD_FAILED;
	memcpy(head.key, k->digest, sizeof(head.key));
	for (unsigned i = 0; i < nparts; i++)
		wr_put(&w, parts[i]);
	if (wr_ok(&w))
		e = sign_joined(r, &head, wr_view(&w), pin, &got, t->pad);
	if (!e && crypto_sig_check(s, k->public, parts, nparts, (struct view){ out, *n }))
		e = CARD_BAD_SIGNATURE;
	free(octets);
	return e;
}

struct made {
	struct card_key *key;
	bool done;
};

static int take_made(struct view body, void *arg)
{
	struct made *m = arg;
	struct rd rd = rd_of_view(body);

	if (m->done)
		return -1;
	m->done = true;
	return card_wire_key_get(&rd, m->key);
}

static int remote_generate(struct card *card, const struct card_token *t, const struct card_make *how, struct card_key *out)
{
	struct remote *r = (struct remote *)card;
	struct card_wire_make m = { .token = *t, .type = (uint8_t)how->type, .bits = (uint16_t)how->bits, .nid = (uint8_t)how->nid,
				    .replace = how->replace, .nadmin = (uint16_t)how->admin.n };
	struct made made = { out, false };
	int e;

	memcpy(m.id, how->id, sizeof(m.id));
	memcpy(m.label, how->label, sizeof(m.label));
	*out = (struct card_key){ 0 };
	e = call(r, &(struct call){ CARD_WIRE_MAKE, CARD_WIRE_KEY, { VIEW_OF(&m), how->admin }, 2, r->long_ms, take_made, &made });
	if (!e && !made.done)
		e = CARD_BROKEN;
	if (e)
		card_key_free(out);
	return e;
}

static int remote_store_cert(struct card *card, const struct card_token *t, const struct card_key *k, struct view der,
			     struct view admin)
{
	struct remote *r = (struct remote *)card;
	struct card_wire_store s = { .token = *t, .nadmin = (uint16_t)admin.n };

	memcpy(s.key, k->digest, sizeof(s.key));
	return call(r, &(struct call){ CARD_WIRE_STORE, 0, { VIEW_OF(&s), admin, der }, 3, r->long_ms, NULL, NULL });
}

static const char *remote_error(const struct card *card)
{
	return ((const struct remote *)card)->error;
}

static void remote_close(struct card *card)
{
	struct remote *r = (struct remote *)card;

	if (!r->dead)
		remote_process_end(&r->process, NULL);
	free(r);
}

static const struct card_driver remote_driver = {
	.name = "remote",
	.close = remote_close,
	.reset = remote_reset,
	.tokens = remote_tokens,
	.check = remote_check,
	.keys = remote_keys,
	.login = remote_login,
	.logout = remote_logout,
	.sign = remote_sign,
	.error = remote_error,
	.generate = remote_generate,
	.store_cert = remote_store_cert,
};

const char *card_remote_driver(const struct card *c)
{
	return ((const struct remote *)c)->driver;
}

void card_remote_limit(struct card *c, unsigned ms)
{
	struct remote *r = (struct remote *)c;

	r->call_ms = r->long_ms = ms;
}

/* --- its beginning --- */

/* READY, or DONE with the reason why not. */
static int wait_ready(struct remote *r, char why[CARD_WHY_MAX])
{
	struct card_wire_done d;
	struct ipc_hdr h = { 0 };
	struct view body;
	int e = receive(r, &h, &body, card_wire_clock() + r->call_ms);

	if (!e && h.type == CARD_WIRE_DONE && !card_wire_done_get(body, &d)) {
		snprintf(why, CARD_WHY_MAX, "%s", *d.why ? d.why : card_strerror(d.error));
		return CARD_BROKEN;
	}
	if (!e && (h.type != CARD_WIRE_READY || !body.n || body.n >= sizeof(r->driver)))
		e = -EPROTO;
	if (e) {
		broken(r, e, r->call_ms);
		snprintf(why, CARD_WHY_MAX, "cannot be used: %.170s", r->error);
		return CARD_BROKEN;
	}
	memcpy(r->driver, body.p, body.n);
	return CARD_OK;
}

int card_remote_open(struct card **out, const struct card_remote_how *how, char why[CARD_WHY_MAX])
{
	struct remote *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return CARD_FAILED;
	r->card.driver = &remote_driver;
	r->call_ms = how->call_ms;
	r->long_ms = how->long_ms > how->call_ms ? how->long_ms : how->call_ms;
	e = remote_process_begin(&r->process, how->program, how->option, how->what, why);
	if (e) {
		free(r);
		return e;
	}
	e = wait_ready(r, why);
	if (e)
		remote_close(&r->card);
	else
		*out = &r->card;
	return e;
}

/* It tells of pcscd first, then of readers. */
static int read_readers(struct remote *r, struct card_wire_reader *out, unsigned *n, char why[CARD_WHY_MAX])
{
	int64_t deadline = card_wire_clock() + r->call_ms;
	struct ipc_hdr h = { 0 };
	struct view body;
	int e;

	while (!(e = receive(r, &h, &body, deadline))) {
		if (h.type == CARD_WIRE_PCSCD && !h.id)
			return CARD_GONE;
		if (h.type == CARD_WIRE_READERS && !card_wire_readers_get(body, out, n))
			return CARD_OK;
		if (h.type != CARD_WIRE_PCSCD)
			break;
	}
	broken(r, e ? e : -EPROTO, r->call_ms);
	snprintf(why, CARD_WHY_MAX, "%s", r->error);
	return CARD_BROKEN;
}

int card_remote_readers(const struct card_remote_how *how, struct card_wire_reader *out, unsigned *n, char why[CARD_WHY_MAX])
{
	struct card_remote_how watch = *how;
	struct card *c;
	int e;

	watch.option = "--watch-readers";
	watch.what = NULL;
	e = card_remote_open(&c, &watch, why);
	if (e)
		return e;
	e = read_readers((struct remote *)c, out, n, why);
	remote_close(c);
	return e;
}
