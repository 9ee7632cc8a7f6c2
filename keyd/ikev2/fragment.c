// SPDX-License-Identifier: MIT
// Cutting messages into fragments and putting them together.
#include "keyd/ikev2/fragment.h"

#include "keyd/ike/pieces.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/message.h"
#include "keyd/wire/sk.h"

#include <stdlib.h>
#include <string.h>

#define UDP_LEN 8
#define NON_ESP_MARKER_LEN 4	/* on port 4500 (RFC 3948 2.2); counted always */

void fragment_put_notify(struct ike_sa *sa, struct wire_out *out)
{
	if (sa->initiator ? sa->peer->conf.fragment_size : sa->fragment_size)
		message_put_notify(out, IKEV2_N_IKEV2_FRAGMENTATION_SUPPORTED, (struct view){ 0 });
}

void fragment_take_notify(struct ike_sa *sa, const struct wire_message *m)
{
	if (message_has_notify(m, IKEV2_N_IKEV2_FRAGMENTATION_SUPPORTED, NULL))
		sa->fragment_size = sa->peer->conf.fragment_size;
}

/* --- out --- */

static uint16_t smallest_size(const struct ike_sa *sa)
{
	return sa->remote.family == AF_INET6 ? FRAGMENT_SIZE_V6 : FRAGMENT_SIZE_V4;
}

/* The longest IKE message in an IP datagram of that size. */
static size_t message_room(const struct ike_sa *sa, uint16_t size)
{
	size_t ip = sa->remote.family == AF_INET6 ? 40 : 20;

	return size - ip - UDP_LEN - NON_ESP_MARKER_LEN;
}

bool fragment_needed(const struct ike_sa *sa, size_t n)
{
	return sa->fragment_size && n > message_room(sa, sa->fragment_size);
}

/* How much text fits into one fragment, padding and pad length byte left room for. */
static size_t text_room(const struct ike_sa *sa)
{
	size_t block = crypto_cipher_block(sa->seal);
	size_t room = message_room(sa, sa->fragment_size) - WIRE_HEADER_LEN - WIRE_GENERIC_LEN - WIRE_SKF_LEN -
		      crypto_cipher_iv_len(sa->seal) - crypto_cipher_icv_len(sa->seal);

	return (block > 1 ? room / block * block : room) - 1;
}

static int put_piece(struct ike_sa *sa, struct wire_out *out, struct view *datagram)
{
	struct wire_seal seal;

	if (wire_sk_end(out, wire_sk_pad_len(out, crypto_cipher_block(sa->seal)), crypto_cipher_icv_len(sa->seal),
			&seal) ||
	    crypto_seal(sa->seal, seal.aad, seal.iv, seal.plain, seal.plain_len, seal.icv))
		return -1;
	*datagram = seal.datagram;
	return 0;
}

int fragment_cut(struct ike_sa *sa, const struct wire_header *h, uint8_t first, struct view plain,
		 struct view *datagrams)
{
	uint8_t *buf = sa->e->fragments;
	size_t room = text_room(sa), total = (plain.n + room - 1) / room, used = 0;

	if (total > PIECES_MAX)
		return -1;
	for (size_t i = 0; i < total; i++) {
		size_t n = plain.n < room ? plain.n : room;
		struct view one;
		struct wire_out out;

		wire_out_begin(&out, buf + used, sizeof(sa->e->fragments) - used, h);
		wire_skf_begin(&out, first, (uint16_t)(i + 1), (uint16_t)total, crypto_cipher_iv_len(sa->seal));
		wr_mem(&out.w, plain.p, n);
		if (put_piece(sa, &out, &one))
			return -1;
		used += one.n;
		plain.p += n;
		plain.n -= n;
	}
	*datagrams = (struct view){ buf, used };
	return 0;
}

/* Appends the text of one sealed datagram of our own to w. 0 or -1. */
static int unseal(struct ike_sa *sa, struct view datagram, struct wire_message *m, uint8_t *first, struct wr *w)
{
	struct secret copy = { 0 };
	const struct wire_payload *sk;
	struct view inner;
	int ret = -1;

	if (secret_set(&copy, datagram.p, datagram.n) || message_decrypt(sa->seal, copy.p, copy.n, m, &sk, &inner))
		goto out;
	if (!w->len)
		*first = m->sk_next;
	wr_put(w, inner);
	ret = wr_ok(w) ? 0 : -1;
out:
	secret_clear(&copy);
	return ret;
}

static bool too_long(struct view datagrams, size_t room)
{
	struct view one;

	while (message_each(&datagrams, &one))
		if (one.n > room)
			return true;
	return false;
}

void fragment_smaller(struct ike_sa *sa, struct secret *sent)
{
	struct view all = secret_view(sent), one, cut;
	struct wr plain = wr_of(sa->e->out, sizeof(sa->e->out));
	uint16_t size = smallest_size(sa);
	struct wire_message m;
	uint8_t first = 0;

	if (sa->fragment_size <= size || !sa->seal || !too_long(all, message_room(sa, size)))
		return;
	while (message_each(&all, &one))
		if (unseal(sa, one, &m, &first, &plain))
			return;
	sa->fragment_size = size;
	if (!fragment_cut(sa, &m.h, first, wr_view(&plain), &cut) && !secret_set(sent, cut.p, cut.n))
		report_sa(sa, LOG_LEVEL_NOTICE, "fragments", "smaller",
			  "long datagrams seem to be lost on the way: from now on none is longer than %u bytes", size);
	secret_cleanse(plain.buf, plain.len);
}

/* --- in --- */

/* x has the message now, and nothing of the datagrams that it came in. */
static int take_whole(struct exchange *x, struct secret *whole)
{
	secret_cleanse(x->bytes, x->nbytes);
	free(x->bytes);
	x->bytes = whole->p;
	x->nbytes = whole->n;
	x->m.n = x->m.n_clear = 0;
	if (wire_inner_get(&x->m, whole->p[0], (struct view){ whole->p + 1, whole->n - 1 }))
		return MESSAGE_MALFORMED;
	return 0;
}

int fragment_take(struct exchange *x, const struct wire_payload *skf, struct view inner)
{
	bool response = x->m.h.flags & IKEV2_FLAG_RESPONSE;
	struct secret whole = { 0 };
	struct view text = inner;
	struct wire_skf head;
	int ret;

	if (wire_skf_get(&head, skf->body))
		return MESSAGE_FORGED;
	if (head.number == 1) {
		/* Only this piece knows the type of the first payload. It goes in front, where the IV ended. */
		text = (struct view){ inner.p - 1, inner.n + 1 };
		x->bytes[text.p - x->bytes] = x->m.sk_next;
	}
	ret = pieces_take(&x->sa->pieces[response], x->m.h.message_id, head.number, head.total, text, &whole);
	return ret == PIECES_ALL ? take_whole(x, &whole) : ret;
}

bool fragment_is_first(struct ike_sa *sa, struct view datagram)
{
	const struct wire_payload *skf;
	struct secret copy = { 0 };
	struct wire_message m;
	struct wire_skf head;
	struct view inner;
	bool first;

	if (!sa->open || secret_set(&copy, datagram.p, datagram.n))
		return false;
	first = !message_decrypt(sa->open, copy.p, copy.n, &m, &skf, &inner) && skf->type == IKEV2_PL_SKF &&
		!wire_skf_get(&head, skf->body) && head.number == 1;
	secret_clear(&copy);
	return first;
}
