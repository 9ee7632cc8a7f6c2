// SPDX-License-Identifier: MIT
// Commands to smart cards and their answers.
#include "keyd/card/apdu.h"

#include "keyd/util/wr.h"

#include <stdio.h>
#include <string.h>

#define CLA_CHAIN 0x10
#define INS_GET_RESPONSE 0xc0
#define PIECE 255		/* bytes of a command's data without extended length */
#define EXTENDED_FRAME 9	/* bytes around the data */
#define PARTS_MAX 512		/* of an answer: each but the last has more than one byte, or the card is not well */

int apdu_nonsense(struct apdu_way *w, const char *what)
{
	snprintf(w->why, CARD_WHY_MAX, "%s: the card's answer makes no sense", what);
	return CARD_BROKEN;
}

/* ISO/IEC 7816-3, 12.1.3. */
static struct view encode(struct apdu_way *w, const struct apdu *a, uint8_t cla, struct view data, size_t most, bool extended)
{
	struct wr wr = wr_of(w->frame, sizeof(w->frame));

	wr_u8(&wr, cla);
	wr_u8(&wr, a->ins);
	wr_u8(&wr, a->p1);
	wr_u8(&wr, a->p2);
	if (extended)
		wr_u8(&wr, 0);
	if (data.n && extended)
		wr_u16(&wr, (uint16_t)data.n);
	else if (data.n)
		wr_u8(&wr, (uint8_t)data.n);
	wr_put(&wr, data);
	if (most && extended)
		wr_u16(&wr, (uint16_t)most);
	else if (most && !(w->t0 && data.n))
		wr_u8(&wr, (uint8_t)most);
	return wr_view(&wr);
}

/* One command as it goes over the wire; its answer is put behind the n bytes that there are. The status word, or an error. */
static int exchange(struct apdu_way *w, struct view frame, const char *name, size_t *n)
{
	size_t got = sizeof(w->answer) - *n;
	int r = w->transmit(w->arg, frame, w->answer + *n, &got);

	/* It may have been a PIN. */
	secret_cleanse(w->frame, frame.n);
	if (r)
		return r;
	if (got < 2 || got > sizeof(w->answer) - *n)
		return apdu_nonsense(w, name);
	*n += got - 2;
	return w->answer[*n] << 8 | w->answer[*n + 1];
}

/* … and all parts of its answer. */
static int exchange_all(struct apdu_way *w, const struct apdu *a, struct view data, size_t most, bool extended, size_t *n)
{
	const struct apdu more = { .name = a->name, .ins = INS_GET_RESPONSE };
	int status = exchange(w, encode(w, a, 0, data, most, extended), a->name, n);

	if (status >> 8 == 0x6c && !extended) {
		*n = 0;
		status = exchange(w, encode(w, a, 0, data, (size_t)(status & 0xff), false), a->name, n);
	}
	for (unsigned i = 0; status >> 8 == 0x61; i++) {
		size_t before = *n;

		if (i == PARTS_MAX || *n > APDU_ANSWER_MAX)
			return apdu_nonsense(w, a->name);
		status = exchange(w, encode(w, &more, 0, (struct view){ 0 }, status & 0xff ? status & 0xff : APDU_SHORT_MAX, false),
				  a->name, n);
		if (status >> 8 == 0x61 && *n <= before)
			return apdu_nonsense(w, a->name);
	}
	return status;
}

static int send_short(struct apdu_way *w, const struct apdu *a, size_t *n)
{
	struct view left = a->data;
	int status;

	for (; left.n > PIECE; left.p += PIECE, left.n -= PIECE) {
		*n = 0;
		status = exchange(w, encode(w, a, CLA_CHAIN, (struct view){ left.p, PIECE }, 0, false), a->name, n);
		if (status != APDU_OK)
			return status;
	}
	*n = 0;
	return exchange_all(w, a, left, a->most < APDU_SHORT_MAX ? a->most : APDU_SHORT_MAX, false, n);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

int apdu_send(struct apdu_way *w, const struct apdu *a, struct view *out)
{
	bool extended = w->command_max && !w->t0 && a->data.n + EXTENDED_FRAME <= w->command_max &&
			(a->data.n > PIECE || a->most > APDU_SHORT_MAX);
	int status = APDU_LENGTH;
	size_t n = 0;

	if (a->data.n > APDU_DATA_MAX)
		return CARD_FAILED;
	if (extended)
		status = exchange_all(w, a, a->data, a->most ? least(w->answer_max - 2, a->most) : 0, true, &n);
	/* There are cards, and readers, that say they could and cannot. */
	if (status == APDU_LENGTH)
		status = send_short(w, a, &n);
	if (out)
		*out = (struct view){ w->answer, status < 0 ? 0 : n };
	return status;
}

static const struct {
	int status, mask, error;
} meanings[] = {
	{ APDU_OK, 0xffff, CARD_OK },
	{ APDU_DENIED, 0xffff, CARD_LOCKED },
	{ APDU_BLOCKED, 0xffff, CARD_PIN_BLOCKED },
	{ APDU_TRIES, 0xfff0, CARD_PIN_WRONG },
	{ APDU_NOT_FOUND, 0xffff, CARD_NO_KEY },
	{ APDU_NO_REFERENCE, 0xffff, CARD_NO_KEY },
	{ APDU_LENGTH, 0xff00, CARD_NO_SCHEME },
	{ APDU_DATA, 0xffff, CARD_NO_SCHEME },
	{ APDU_PARAMETERS, 0xffff, CARD_NO_SCHEME },
	{ 0x6a81, 0xffff, CARD_NO_SCHEME },
	{ 0x6b00, 0xff00, CARD_NO_SCHEME },
	{ 0x6883, 0xffff, CARD_NO_SCHEME },	/* chains are not supported */
	{ 0x6884, 0xffff, CARD_NO_SCHEME },
	{ 0x6a84, 0xffff, CARD_UNSUPPORTED },	/* no room */
	{ 0x6d00, 0xff00, CARD_UNSUPPORTED },
	{ 0x6e00, 0xff00, CARD_UNSUPPORTED },
};

int apdu_error(struct apdu_way *w, const struct apdu *a, int status)
{
	if (status < 0 || status == APDU_OK)
		return status < 0 ? status : CARD_OK;
	snprintf(w->why, CARD_WHY_MAX, "%s: the card answers %04X", a->name, (unsigned)status);
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (meanings[i].status == (status & meanings[i].mask))
			return meanings[i].error;
	return CARD_BROKEN;
}

int apdu_ask(struct apdu_way *w, const struct apdu *a, struct view *out)
{
	return apdu_error(w, a, apdu_send(w, a, out));
}
