// SPDX-License-Identifier: MIT
// Requests out of the channel.
#include "keyd/cardd/request.h"

#include "keyd/card/wire_io.h"

#include <errno.h>
#include <sys/socket.h>

/* What follows the fixed part of a request: its secrets, then the rest. */
static const struct row {
	size_t fixed;
	bool pin;			/* a PIN is all that follows */
	size_t rest;			/* at most */
} rows[] = {
	[CARD_WIRE_TOKENS] = { 0 },
	[CARD_WIRE_CHECK] = { sizeof(struct card_token) },
	[CARD_WIRE_KEYS] = { sizeof(struct card_token) },
	[CARD_WIRE_LOGIN] = { sizeof(struct card_token), true },
	[CARD_WIRE_LOGOUT] = { sizeof(struct card_token) },
	[CARD_WIRE_SIGN] = { sizeof(struct card_wire_sign), .rest = CARD_WIRE_OCTETS_MAX },
	[CARD_WIRE_RESET] = { 0 },
	[CARD_WIRE_MAKE] = { sizeof(struct card_wire_make) },
	[CARD_WIRE_STORE] = { sizeof(struct card_wire_store), .rest = CARD_WIRE_CERT_MAX },
};

/* Room for n bytes in locked memory as one part of the message; none for none. */
static int secret_part(struct card_pin **p, size_t n, struct iovec *part)
{
	uint8_t *room = NULL;

	if (n > CARD_PIN_MAX)
		return -EPROTO;
	if (n && card_pin_alloc(p, n, &room))
		return -ENOMEM;
	*part = (struct iovec){ room, n };
	return 0;
}

static void secrets_of(const struct request *rq, size_t left, size_t *nadmin, size_t *npin)
{
	*nadmin = rq->type == CARD_WIRE_MAKE ? rq->body.make.nadmin : rq->type == CARD_WIRE_STORE ? rq->body.store.nadmin : 0;
	*npin = rows[rq->type].pin ? left : rq->type == CARD_WIRE_SIGN ? rq->body.sign.npin : 0;
}

/* Its lengths are looked at before its secrets are, so that these are never anywhere else. */
static int receive_body(struct request *rq, int fd, const struct ipc_hdr *h)
{
	const struct row *row = &rows[rq->type];
	struct ipc_hdr again;
	struct iovec io[5] = { { &again, sizeof(again) }, { &rq->body, row->fixed } };
	size_t nadmin, npin, left = h->len - row->fixed;
	int r = card_wire_take(fd, io, 2, true);

	if (r)
		return r;
	secrets_of(rq, left, &nadmin, &npin);
	if (nadmin + npin > left || left - nadmin - npin > row->rest)
		return -EPROTO;
	rq->nrest = left - nadmin - npin;
	io[4] = (struct iovec){ rq->rest, rq->nrest };
	r = secret_part(&rq->admin, nadmin, &io[2]);
	if (!r)
		r = secret_part(&rq->pin, npin, &io[3]);
	if (r == -ENOMEM && recv(fd, NULL, 0, MSG_DONTWAIT) < 0)
		r = -errno;
	return r ? r : card_wire_take(fd, io, 5, false);
}

int request_receive(struct request *rq, int fd)
{
	struct ipc_hdr h;
	int r = card_wire_peek(fd, &h, CARD_WIRE_FOREVER);

	if (r)
		return r;
	if (!h.type || h.type >= sizeof(rows) / sizeof(*rows) || h.len < rows[h.type].fixed)
		return -EPROTO;
	rq->type = h.type;
	rq->id = h.id;
	r = receive_body(rq, fd, &h);
	/* Every fixed part begins with the token. */
	if (!r && rows[h.type].fixed &&
	    card_wire_token_get((struct view){ (const uint8_t *)&rq->body, sizeof(rq->token) }, &rq->token))
		r = -EPROTO;
	return r;
}

void request_clear(struct request *rq)
{
	card_pin_free(rq->admin);
	card_pin_free(rq->pin);
	rq->admin = rq->pin = NULL;
	rq->nrest = 0;
}
