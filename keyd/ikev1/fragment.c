// SPDX-License-Identifier: MIT
// Cutting messages of IKEv1 into fragments and putting them together.
#include "keyd/ikev1/fragment.h"

#include "keyd/ike/report.h"
#include "keyd/wire/isakmp_fragment.h"
#include "keyd/wire/isakmp_vendor.h"

#include <stdlib.h>
#include <string.h>

#define UDP_LEN 8
#define NON_ESP_MARKER_LEN 4	/* on port 4500 (RFC 3948 2.2); counted always */

/* All peers call every message so; pieces of different messages are told apart by their headers as far as those go. */
#define FRAGMENT_ID 1

struct v1_pieces {
	uint16_t id;
	uint8_t exchange;
	uint32_t message_id;
	uint8_t last;		/* its number; 0: not here yet */
	unsigned have;
	size_t bytes;
	struct secret piece[V1_PIECES_MAX];	/* p NULL: missing */
};

void v1_fragment_take_vendor(struct ike_sa *sa)
{
	sa->fragment_size = sa->peer->conf.fragment_size;
}

void v1_fragment_put_vendor(const struct ike_sa *sa, struct wire_out *out)
{
	if (sa->peer->conf.fragment_size)
		wire_payload_put(out, ISAKMP_PL_VENDOR, isakmp_vendor_bytes(ISAKMP_VID_FRAGMENTATION));
}

/* --- out --- */

/* The longest message in an IP datagram of the size that is configured. */
static size_t message_room(const struct ike_sa *sa)
{
	size_t ip = sa->remote.family == AF_INET6 ? 40 : 20;

	return sa->fragment_size - ip - UDP_LEN - NON_ESP_MARKER_LEN;
}

bool v1_fragment_needed(const struct ike_sa *sa, size_t n)
{
	return sa->fragment_size && n > message_room(sa);
}

/* In the header they look like messages of phase 1, whatever they carry: other implementations do so, and find the SA by it. */
static struct wire_header header_of(const struct ike_sa *sa)
{
	bool aggressive = sa->peer->conf.exchange == CONF_EXCHANGE_AGGRESSIVE;
	struct wire_header h = { .major = ISAKMP_MAJOR, .minor = ISAKMP_MINOR,
				 .exchange = aggressive ? ISAKMP_EXCH_AGGRESSIVE : ISAKMP_EXCH_MAIN };

	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	return h;
}

void v1_fragment_cut(struct ike_sa *sa, struct view message,
		     void (*send)(struct ike_sa *sa, const struct path *path, struct view piece), const struct path *path)
{
	size_t room = message_room(sa) - WIRE_HEADER_LEN - WIRE_GENERIC_LEN - ISAKMP_FRAGMENT_LEN;
	struct isakmp_fragment f = { .id = FRAGMENT_ID };
	const struct wire_header h = header_of(sa);

	if (message.n > room * V1_PIECES_MAX) {
		report_sa(sa, LOG_LEVEL_WARNING, "fragments", "failed",
			  "a message of %zu bytes is too long for %u pieces: raise \"fragment\"", message.n, V1_PIECES_MAX);
		return;
	}
	while (message.n) {
		size_t n = message.n < room ? message.n : room, mark;
		struct wire_out out;
		struct view piece;

		f.number++;
		f.last = n == message.n;
		f.data = (struct view){ message.p, n };
		wire_out_begin(&out, sa->e->fragments, sizeof(sa->e->fragments), &h);
		mark = wire_payload_begin(&out, ISAKMP_PL_FRAGMENT);
		isakmp_fragment_put(&out.w, &f);
		wire_payload_end(&out, mark);
		if (!wire_out_end(&out, &piece))
			send(sa, path, piece);
		message.p += n;
		message.n -= n;
	}
}

/* --- in --- */

void v1_fragment_forget(struct ikev1_state *s)
{
	for (unsigned i = 0; s->pieces && i < V1_PIECES_MAX; i++)
		secret_clear(&s->pieces->piece[i]);
	free(s->pieces);
	s->pieces = NULL;
}

/* Those that this one belongs to. NULL: no memory. */
static struct v1_pieces *pieces_of(struct ikev1_state *s, const struct wire_header *h, uint16_t id)
{
	struct v1_pieces *ps = s->pieces;

	if (ps && ps->id == id && ps->exchange == h->exchange && ps->message_id == h->message_id)
		return ps;
	v1_fragment_forget(s);
	ps = calloc(1, sizeof(*ps));
	s->pieces = ps;
	if (!ps)
		return NULL;
	ps->id = id;
	ps->exchange = h->exchange;
	ps->message_id = h->message_id;
	return ps;
}

/* Nothing can be both here and of the message that f is of. */
static bool contradicts(const struct v1_pieces *ps, const struct isakmp_fragment *f)
{
	if (ps->piece[f->number - 1].p || (ps->last && f->number > ps->last) || (f->last && ps->last))
		return true;
	for (unsigned i = f->number; f->last && i < V1_PIECES_MAX; i++)
		if (ps->piece[i].p)
			return true;
	return false;
}

/*
 * As every message has the same id, a piece may be left of one before. What differs shows that: then all that was there is of no
 * use, but this one. 0, or -1: it is none that we keep.
 */
static int keep(struct v1_pieces *ps, const struct isakmp_fragment *f)
{
	struct secret *piece = &ps->piece[f->number - 1];

	if (piece->p && secret_equal(secret_view(piece), f->data))
		return 0;
	if (contradicts(ps, f)) {
		for (unsigned i = 0; i < V1_PIECES_MAX; i++)
			secret_clear(&ps->piece[i]);
		ps->have = 0;
		ps->bytes = 0;
		ps->last = 0;
	}
	if (ps->bytes + f->data.n > V1_PIECES_BYTES_MAX || secret_set(piece, f->data.p, f->data.n))
		return -1;
	ps->bytes += f->data.n;
	ps->have++;
	if (f->last)
		ps->last = f->number;
	return 0;
}

static bool join(const struct v1_pieces *ps, struct secret *whole)
{
	size_t n = 0;

	if (secret_alloc(whole, ps->bytes))
		return false;
	for (unsigned i = 0; i < ps->last; i++) {
		memcpy(whole->p + n, ps->piece[i].p, ps->piece[i].n);
		n += ps->piece[i].n;
	}
	return true;
}

bool v1_fragment_take(struct ike_sa *sa, const struct wire_message *m, struct secret *whole)
{
	struct isakmp_fragment f;
	struct v1_pieces *ps;
	bool all;

	if (!sa->peer->conf.fragment_size || isakmp_fragment_get(&f, m->pl[0].body) || f.number > V1_PIECES_MAX)
		return false;
	ps = pieces_of(sa->v1, &m->h, f.id);
	if (!ps)
		return false;
	if (keep(ps, &f)) {
		v1_fragment_forget(sa->v1);
		return false;
	}
	if (!ps->last || ps->have < ps->last)
		return false;
	all = join(ps, whole);
	v1_fragment_forget(sa->v1);
	return all;
}
