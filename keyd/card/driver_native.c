// SPDX-License-Identifier: MIT
// OpenPGP and PIV cards through pcsc-lite: which application is asked, what became of logins meanwhile.
#include "keyd/card/native.h"
#include "keyd/card/pcsc.h"

#include "keyd/crypto/sig_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct native_app *const apps[] = { &native_openpgp, &native_piv };
#define APPS (sizeof(apps) / sizeof(*apps))
#define NONE APPS
#define READ_TRIES 3		/* of what changes nothing, if the card is reset in the middle of it */

struct native {
	struct card card;
	struct pcsc pcsc;
	unsigned power;			/* pcsc.power, when what follows was true */
	size_t selected;		/* by us, last; NONE: we do not know */
	bool known[APPS], logged[APPS];
	struct card_token token[APPS];	/* of those that are known */
	bool listed[APPS];		/* when all were asked last, maybe of another card; these are the ones that there were */
	struct card_token list[APPS];
	struct pcsc_watch *watch;
	char why[CARD_WHY_MAX];
	struct apdu_way way;
};

static struct native *native_of(struct card *c)
{
	return (struct native *)c;
}

/* The card has lost its memory, or is another one. */
static void follow_power(struct native *n)
{
	if (n->power == n->pcsc.power)
		return;
	n->power = n->pcsc.power;
	n->selected = NONE;
	n->way.t0 = n->pcsc.protocol == SCARD_PROTOCOL_T0;
	for (size_t i = 0; i < APPS; i++)
		n->known[i] = n->logged[i] = false;
}

static int begin(struct native *n)
{
	int r;

	n->why[0] = 0;
	r = pcsc_begin(&n->pcsc);
	follow_power(n);
	return r;
}

/* The connection is kept as long as a login is, which would end with it: nobody else can have the card exclusively then. */
static void end(struct native *n)
{
	bool keep = false;

	pcsc_end(&n->pcsc);
	follow_power(n);
	for (size_t i = 0; i < APPS; i++)
		keep |= n->logged[i];
	if (!keep)
		pcsc_release(&n->pcsc, false);
}

static bool same_card(const struct card_token *a, const struct card_token *b)
{
	return !strcmp(a->serial, b->serial) && !strcmp(a->manufacturer, b->manufacturer) && a->slot == b->slot;
}

/* Selects an application, and reads who it is. */
static int select_app(struct native *n, size_t i)
{
	int r;

	n->selected = NONE;
	n->known[i] = n->logged[i] = false;
	n->way.command_max = n->way.answer_max = 0;
	r = apps[i]->select(&n->way);
	if (r)
		return r;
	n->token[i] = (struct card_token){ .slot = i, .login = true, .tries = -1 };
	r = apps[i]->token(&n->way, &n->token[i]);
	if (r)
		return r;
	snprintf(n->token[i].reader, sizeof(n->token[i].reader), "%.*s", CARD_TEXT_MAX - 1, n->pcsc.reader);
	n->known[i] = true;
	n->selected = i;
	return CARD_OK;
}

/* Its application is selected, on the card that t means; logins stay where nobody else has come between. */
static int select_token(struct native *n, const struct card_token *t)
{
	size_t i = (size_t)t->slot;
	int r = CARD_OK;

	if (t->slot >= APPS)
		return CARD_GONE;
	if (n->selected != i || !n->known[i] || !apps[i]->is_here(&n->way, &n->token[i]))
		r = select_app(n, i);
	return !r && !same_card(t, &n->token[i]) ? CARD_GONE : r;
}

/* … before a PIN goes there. */
static int select_for_pin(struct native *n, const struct card_token *t)
{
	if (t->slot < APPS && apps[t->slot]->nobody && !strcmp(t->serial, apps[t->slot]->nobody))
		n->selected = NONE;
	return select_token(n, t);
}

/* Between two calls, before anything else was asked of the card: whether the login of before may still be good. */
static bool may_go_on(const struct native *n, const struct card_token *t)
{
	return t->slot < APPS && n->selected == t->slot && n->known[t->slot] && same_card(t, &n->token[t->slot]);
}

static void native_close(struct card *c)
{
	struct native *n = native_of(c);

	pcsc_close(&n->pcsc);
	if (n->watch)
		pcsc_watch_close(n->watch);
	free(n);
}

static int native_open(struct card **out, const char *what, char why[CARD_WHY_MAX])
{
	struct native *n = strlen(what) < PCSC_NAME_MAX ? calloc(1, sizeof(*n)) : NULL;

	strcpy(why, "is no reader's name");
	if (!n)
		return CARD_BROKEN;
	n->card.driver = &card_driver_native;
	strcpy(n->pcsc.reader, what);
	n->pcsc.why = n->way.why = n->why;
	n->way.transmit = pcsc_transmit;
	n->way.arg = &n->pcsc;
	n->selected = NONE;
	*out = &n->card;
	return CARD_OK;
}

static int native_reset(struct card *c)
{
	struct native *n = native_of(c);
	int r;

	pcsc_close(&n->pcsc);
	follow_power(n);
	r = begin(n);
	if (!r)
		end(n);
	return r == CARD_GONE ? CARD_OK : r;
}

/* All applications are asked, which ends logins. */
static int list_all(struct native *n)
{
	for (size_t i = 0; i < APPS; i++) {
		int r = select_app(n, i);

		if (r && r != CARD_GONE)
			return r;
		n->listed[i] = n->known[i];
		n->list[i] = n->token[i];
	}
	return CARD_OK;
}

/* Whoever is logged in is still there, on the card that was listed: nothing else is selected then. */
static bool list_still_true(struct native *n)
{
	size_t i = n->selected;

	if (i == NONE || !n->logged[i] || !n->listed[i] || !same_card(&n->list[i], &n->token[i]) || select_token(n, &n->list[i]))
		return false;
	if (apps[i]->tries(&n->way, &n->token[i].tries))
		return false;
	n->list[i] = n->token[i];
	return n->logged[i];
}

static int read_tokens(struct native *n, struct card_token *out, unsigned *got, unsigned room)
{
	int r = list_still_true(n) ? CARD_OK : list_all(n);

	for (size_t i = 0; !r && i < APPS; i++)
		if (n->listed[i] && *got < room)
			out[(*got)++] = n->list[i];
	return r;
}

static int native_tokens(struct card *c, struct card_token *out, unsigned *got)
{
	struct native *n = native_of(c);
	unsigned room = *got;
	int r = CARD_LOCKED;

	for (unsigned i = 0; i < READ_TRIES && r == CARD_LOCKED; i++) {
		*got = 0;
		r = begin(n);
		if (r)
			break;
		r = read_tokens(n, out, got, room);
		end(n);
	}
	if (r)
		*got = 0;
	return r == CARD_GONE ? CARD_OK : r == CARD_LOCKED ? CARD_BROKEN : r;
}

static int native_check(struct card *c, struct card_token *t)
{
	struct native *n = native_of(c);
	int r = begin(n);

	if (r)
		return r;
	r = select_token(n, t);
	if (!r) {
		*t = n->token[t->slot];
		r = apps[t->slot]->tries(&n->way, &t->tries);
	}
	end(n);
	return r == CARD_LOCKED ? CARD_BROKEN : r;
}

static int native_keys(struct card *c, const struct card_token *t, struct card_keys *out)
{
	struct native *n = native_of(c);
	int r = begin(n);

	if (r)
		return r;
	r = select_token(n, t);
	if (!r)
		r = apps[t->slot]->keys(&n->way, out);
	end(n);
	return r == CARD_LOCKED ? CARD_BROKEN : r;
}

static int native_login(struct card *c, const struct card_token *t, struct view pin)
{
	struct native *n = native_of(c);
	int r;

	n->why[0] = 0;
	if (!pin.n || begin(n))
		return CARD_PIN_UNUSED;
	r = select_for_pin(n, t) ? CARD_PIN_UNUSED : CARD_OK;
	if (!r) {
		r = apps[t->slot]->login(&n->way, pin);
		n->logged[t->slot] = !r;
	}
	end(n);
	return r == CARD_LOCKED ? CARD_BROKEN : r;
}

static int native_logout(struct card *c, const struct card_token *t)
{
	struct native *n = native_of(c);
	bool done;

	if (t->slot >= APPS || !n->logged[t->slot])
		return CARD_OK;
	if (begin(n))
		return CARD_OK;
	/* Where somebody else's application is selected, or the card cannot, a reset will do. */
	done = !n->logged[t->slot] || (apps[t->slot]->is_here(&n->way, t) && !apps[t->slot]->logout(&n->way));
	n->logged[t->slot] = false;
	n->pcsc.failed |= !done;
	end(n);
	n->why[0] = 0;
	return CARD_OK;
}

static int sign_once(struct native *n, const struct card_token *t, const struct card_key *k, const struct crypto_sig *s,
		     const struct view *parts, unsigned nparts, struct view pin, uint8_t *out, size_t *nout)
{
	struct view answer;
	int r = apps[t->slot]->sign(&n->way, k, s, parts, nparts, pin, &answer);

	if (!r && crypto_sig_take(s, k->public, parts, nparts, answer, out, nout))
		r = CARD_BAD_SIGNATURE;
	if (r == CARD_LOCKED)
		n->logged[t->slot] = false;
	return r;
}

/*
 * With the login of before it is one command; only if that fails, or if a PIN goes with it, it matters whether somebody else has
 * selected another application meanwhile.
 */
static int sign_on(struct native *n, const struct card_token *t, const struct card_key *k, const struct crypto_sig *s,
		   const struct view *parts, unsigned nparts, struct view pin, uint8_t *out, size_t *nout)
{
	bool login = t->slot < APPS && n->logged[t->slot];
	size_t room = *nout;
	int r;

	if (!pin.n && may_go_on(n, t)) {
		r = sign_once(n, t, k, s, parts, nparts, pin, out, nout);
		if (!r || r == CARD_GONE || r == CARD_BROKEN || r == CARD_FAILED || apps[t->slot]->is_here(&n->way, t))
			return r;
		*nout = room;
	}
	r = pin.n ? select_for_pin(n, t) : select_token(n, t);
	if (!r)
		r = sign_once(n, t, k, s, parts, nparts, pin, out, nout);
	/* There are cards whose logins last when they are selected again. */
	if (!r)
		n->logged[t->slot] |= login;
	/* The PIN was for this signature alone. */
	if (pin.n && !login && t->slot < APPS && n->known[t->slot] && apps[t->slot]->logout(&n->way))
		n->pcsc.failed = true;
	return r;
}

static int native_sign(struct card *c, const struct card_token *t, const struct card_key *k, const struct crypto_sig *s,
		       const struct view *parts, unsigned nparts, struct view pin, uint8_t *out, size_t *nout)
{
	struct native *n = native_of(c);
	int r;

	n->why[0] = 0;
	if (*nout < CRYPTO_SIG_MAX || pin.n > CARD_PIN_MAX)
		return CARD_FAILED;
	if (!crypto_sig_fits(s, k->public))
		return CARD_NO_SCHEME;
	if (k->each && !pin.n)
		return CARD_LOCKED;
	r = begin(n);
	if (r)
		return r;
	r = sign_on(n, t, k, s, parts, nparts, k->each ? pin : (struct view){ 0 }, out, nout);
	end(n);
	return r;
}

/*
 * Somebody has administrated the card, and cards have no command that ends that: it is reset. It may be called otherwise now, as PIV
 * cards are called as their certificates are.
 */
static void has_changed(struct native *n)
{
	n->pcsc.failed = true;
	for (size_t i = 0; i < APPS; i++)
		n->listed[i] = false;
}

static int native_generate(struct card *c, const struct card_token *t, const struct card_make *how, struct card_key *out)
{
	struct native *n = native_of(c);
	int r = begin(n);

	if (r)
		return r;
	r = select_token(n, t);
	if (!r)
		r = apps[t->slot]->generate(&n->way, how, out);
	has_changed(n);
	end(n);
	return r;
}

static int native_store_cert(struct card *c, const struct card_token *t, const struct card_key *k, struct view der,
			     struct view admin)
{
	struct native *n = native_of(c);
	int r = begin(n);

	if (r)
		return r;
	r = select_token(n, t);
	if (!r)
		r = apps[t->slot]->store_cert(&n->way, k, der, admin);
	has_changed(n);
	end(n);
	return r;
}

/* What was there when it was called first, or last, is what a change is measured by. */
static int native_wait(struct card *c, bool block)
{
	struct native *n = native_of(c);
	struct pcsc_reader readers[PCSC_READERS_MAX];
	unsigned nreaders = PCSC_READERS_MAX;
	int r;

	if (!n->watch) {
		if (pcsc_watch_open(&n->watch))
			return CARD_FAILED;
		if (pcsc_watch_readers(n->watch, readers, &nreaders))
			nreaders = 0;
	}
	r = pcsc_watch_wait(n->watch, block ? -1 : 0);
	nreaders = PCSC_READERS_MAX;
	if (r == 1 && pcsc_watch_readers(n->watch, readers, &nreaders))
		nreaders = 0;
	return r;
}

static const char *native_error(const struct card *c)
{
	return ((const struct native *)c)->why;
}

const struct card_driver card_driver_native = {
	.name = "native",
	.open = native_open,
	.close = native_close,
	.reset = native_reset,
	.tokens = native_tokens,
	.check = native_check,
	.keys = native_keys,
	.login = native_login,
	.logout = native_logout,
	.sign = native_sign,
	.wait = native_wait,
	.error = native_error,
	.generate = native_generate,
	.store_cert = native_store_cert,
};
