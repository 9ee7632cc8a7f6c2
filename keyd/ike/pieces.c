// SPDX-License-Identifier: MIT
// Pieces of a message until all of them are there.
#include "keyd/ike/pieces.h"

#include <stdlib.h>
#include <string.h>

struct pieces {
	uint32_t message_id;
	uint16_t total, have;
	size_t bytes;
	struct secret piece[];		/* total of them; p NULL: missing */
};

void pieces_free(struct pieces **held)
{
	struct pieces *ps = *held;

	for (unsigned i = 0; ps && i < ps->total; i++)
		secret_clear(&ps->piece[i]);
	free(ps);
	*held = NULL;
}

/* The pieces that this one belongs to; NULL: it is a straggler of a message that has been cut anew, or no memory. */
static struct pieces *pieces_of(struct pieces **held, uint32_t message_id, uint16_t total)
{
	struct pieces *ps = *held;

	if (ps && ps->message_id == message_id && total <= ps->total)
		return total == ps->total ? ps : NULL;
	pieces_free(held);
	ps = calloc(1, sizeof(*ps) + total * sizeof(ps->piece[0]));
	*held = ps;
	if (!ps)
		return NULL;
	ps->message_id = message_id;
	ps->total = total;
	return ps;
}

static int keep(struct pieces *ps, uint16_t number, struct view text)
{
	struct secret *piece = &ps->piece[number - 1];

	if (piece->p)
		return 0;
	if (!text.n || ps->bytes + text.n > PIECES_BYTES_MAX || secret_set(piece, text.p, text.n))
		return -1;
	ps->bytes += text.n;
	ps->have++;
	return 0;
}

static int join(const struct pieces *ps, struct secret *whole)
{
	size_t n = 0;

	if (secret_alloc(whole, ps->bytes))
		return -1;
	for (unsigned i = 0; i < ps->total; i++) {
		memcpy(whole->p + n, ps->piece[i].p, ps->piece[i].n);
		n += ps->piece[i].n;
	}
	return PIECES_ALL;
}

int pieces_take(struct pieces **held, uint32_t message_id, uint16_t number, uint16_t total, struct view text,
		struct secret *whole)
{
	struct pieces *ps;
	int ret;

	if (!number || number > total || total > PIECES_MAX)
		return -1;
	ps = pieces_of(held, message_id, total);
	if (!ps)
		return -1;
	ret = keep(ps, number, text);
	if (!ret && ps->have < ps->total)
		return PIECES_MORE;
	if (!ret)
		ret = join(ps, whole);
	pieces_free(held);
	return ret;
}
