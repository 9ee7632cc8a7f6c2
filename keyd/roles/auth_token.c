// SPDX-License-Identifier: MIT
// Signatures by keys on tokens: asked of the card role, checked with the public key, and given to whoever waits.
#include "keyd/auth/codec.h"
#include "keyd/auth/queue.h"
#include "keyd/card/request.h"
#include "keyd/card/wire.h"
#include "keyd/roles/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request that waits for its token. */
struct waiting {
	struct list link;
	uint32_t id;			/* of the request, and of what the card role was asked */
	struct secret body;
};

static struct list waiting = { &waiting, &waiting };
static unsigned nwaiting;
static size_t bytes;

static struct waiting *find(uint32_t id)
{
	list_each(x, &waiting, struct waiting, link)
		if (x->id == id)
			return x;
	return NULL;
}

static void drop(struct waiting *x)
{
	list_del(&x->link);
	nwaiting--;
	bytes -= x->body.n;
	secret_clear(&x->body);
	free(x);
}

static struct waiting *add(uint32_t id, struct view body)
{
	bool room = nwaiting < QUEUE_JOBS_MAX && body.n <= QUEUE_BYTES_MAX - bytes && !find(id);
	struct waiting *x = room ? calloc(1, sizeof(*x)) : NULL;

	if (!x || secret_set(&x->body, body.p, body.n)) {
		free(x);
		return NULL;
	}
	x->id = id;
	list_add_tail(&waiting, &x->link);
	nwaiting++;
	bytes += body.n;
	return x;
}

static void refuse(struct worker *w, uint32_t id, enum auth_error error)
{
	struct auth_answer an = { .id = id, .error = error, .need = TOKEN_WANT_CURE,
				  .text = "the token with our key cannot be asked now" };

	ipc_send(w->peer[ROLE_IKE], M_AUTH_ANSWER, 0, &an, sizeof(an));
}

void auth_token_ask(struct worker *w, const struct auth_request *rq, struct view body, uint32_t schemes)
{
	struct card_sign ask = { .handle = rq->key, .schemes = schemes, .source = rq->remote_addr };
	const struct view parts[] = { { (const uint8_t *)&ask, sizeof(ask) }, rq->message, rq->nonce, rq->macid };

	/* What a peer can make long must not break the card role's rules. */
	if (rq->message.n + rq->nonce.n + rq->macid.n > CARD_WIRE_OCTETS_MAX || !add(rq->id, body))
		refuse(w, rq->id, AUTH_FAILED);
	else if (!w->peer[ROLE_CARD] || ipc_sendv(w->peer[ROLE_CARD], M_CARD_SIGN, rq->id, parts, 4, -1)) {
		drop(find(rq->id));
		refuse(w, rq->id, AUTH_TOKEN);
	}
}

/* What an error means where nothing is missing that somebody could give. */
static enum token_need need_of(const struct card_signed *s)
{
	if (s->need && s->need < TOKEN_NEEDS)
		return (enum token_need)s->need;
	return s->error == CARD_PIN_WRONG ? TOKEN_WANT_OTHER_PIN : s->error == CARD_PIN_CANCELLED ? TOKEN_WANT_HUMAN : TOKEN_WANT_CURE;
}

static void tell(struct worker *w, struct waiting *x, const struct card_signed *s, struct view signature)
{
	struct rd r = rd_of_view(secret_view(&x->body));
	struct auth_answer an = { .id = x->id, .error = AUTH_FAILED };
	struct auth_request rq;

	if (auth_request_get(&r, &rq))
		return;			/* it was read once already */
	rq.id = x->id;
	an.at = keys_at(auth_keys(), &rq.key);
	if (!s->error)
		keys_signed(auth_keys(), &rq, s->scheme, signature, &an);
	else if (s->error == CARD_NO_SCHEME)
		an.error = AUTH_NO_SCHEME;
	else if ((s->error == CARD_NO_KEY || s->error == CARD_MANY_KEYS) && !s->need)
		an.error = AUTH_NO_KEY;
	else
		an.error = AUTH_TOKEN;
	an.need = (uint8_t)need_of(s);
	snprintf(an.text, sizeof(an.text), "the token \"%.*s\" with our key %s%s%.*s%s", (int)sizeof(s->token) - 1, s->token,
		 token_need_text((enum token_need)an.need), *s->why ? " (" : "", (int)sizeof(s->why) - 1, s->why, *s->why ? ")" : "");
	if (!s->error && an.error == AUTH_NO_KEY) {	/* its public half is on the way to us, to check what it signs */
		an.error = AUTH_TOKEN;
		an.need = TOKEN_WANT_TIME;
		snprintf(an.text, sizeof(an.text), "the token with our key was seen only just now");
	}
	ipc_send(w->peer[ROLE_IKE], M_AUTH_ANSWER, 0, &an, sizeof(an));
}

static int on_signed(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *x = find(m->id);
	struct card_signed s;

	(void)ch;
	if (!x)
		return 0;		/* the one who asked is gone */
	memcpy(&s, m->body.p, sizeof(s));
	tell(arg, x, &s, (struct view){ m->body.p + sizeof(s), m->body.n - sizeof(s) });
	drop(x);
	return 0;
}

void auth_token_forget(struct worker *w)
{
	while (!list_empty(&waiting)) {
		struct waiting *x = list_entry(waiting.next, struct waiting, link);

		ipc_send(w->peer[ROLE_CARD], M_CARD_CANCEL, x->id, NULL, 0);
		drop(x);
	}
}

void auth_token_fail(struct worker *w)
{
	while (!list_empty(&waiting)) {
		struct waiting *x = list_entry(waiting.next, struct waiting, link);

		refuse(w, x->id, AUTH_TOKEN);
		drop(x);
	}
}

const struct ipc_rule auth_from_card[] = {
	{ M_CARD_SIGNED, false, sizeof(struct card_signed), sizeof(struct card_signed) + CRYPTO_SIG_MAX, on_signed },
	{ 0 },
};
