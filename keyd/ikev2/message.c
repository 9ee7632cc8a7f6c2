// SPDX-License-Identifier: MIT
// Building and opening the messages of an IKE SA.
#include "keyd/ikev2/message.h"

#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/fragment.h"
#include "keyd/wire/nonce.h"
#include "keyd/wire/sk.h"

#include <stdlib.h>
#include <string.h>

void message_begin(struct ike_sa *sa, struct wire_out *out, uint8_t exchange, bool response, uint32_t id)
{
	struct wire_header h = { .major = IKEV2_MAJOR, .minor = IKEV2_MINOR, .exchange = exchange, .message_id = id };

	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	h.flags = (uint8_t)((sa->initiator ? IKEV2_FLAG_INITIATOR : 0) | (response ? IKEV2_FLAG_RESPONSE : 0));
	wire_out_begin(out, sa->e->out, sizeof(sa->e->out), &h);
	if (exchange != IKEV2_EXCH_IKE_SA_INIT)
		wire_sk_begin(out, crypto_cipher_iv_len(sa->seal));
}

/* The text that stands in out, as fragments. */
static int end_in_fragments(struct ike_sa *sa, const struct wire_out *out, struct view *datagrams)
{
	size_t text_at = out->iv_at + out->iv_len;
	struct rd r = rd_of(out->w.buf, out->w.len);
	struct wire_header h;

	/* The length is not the final one; no other field is in doubt. */
	if (wire_header_get(&r, &h) == WIRE_SHORT)
		return -1;
	return fragment_cut(sa, &h, out->w.buf[out->sk_at],
			    (struct view){ out->w.buf + text_at, out->w.len - text_at }, datagrams);
}

int message_end(struct ike_sa *sa, struct wire_out *out, struct view *datagrams)
{
	size_t pad, icv;
	struct wire_seal seal;

	ike_sa_touch(sa);	/* no IV must be used twice */
	if (!out->sk_at)
		return wire_out_end(out, datagrams);
	pad = wire_sk_pad_len(out, crypto_cipher_block(sa->seal));
	icv = crypto_cipher_icv_len(sa->seal);
	if (wr_ok(&out->w) && fragment_needed(sa, out->w.len + pad + 1 + icv))
		return end_in_fragments(sa, out, datagrams);
	if (wire_sk_end(out, pad, icv, &seal))
		return -1;
	if (crypto_seal(sa->seal, seal.aad, seal.iv, seal.plain, seal.plain_len, seal.icv))
		return -1;
	*datagrams = seal.datagram;
	return 0;
}

bool message_each(struct view *datagrams, struct view *one)
{
	struct rd r = rd_of_view(*datagrams);
	struct wire_header h;

	if (wire_header_get(&r, &h) == WIRE_SHORT || h.length < WIRE_HEADER_LEN || h.length > datagrams->n)
		return false;
	*one = (struct view){ datagrams->p, h.length };
	datagrams->p += h.length;
	datagrams->n -= h.length;
	return true;
}

void message_send_over(struct ike_sa *sa, const struct path *path, struct view datagrams)
{
	struct engine_datagram d = { .local = path->local, .remote = path->remote, .local_port = path->local_port,
				     .remote_port = path->remote_port };

	sa->spoke_at = sa->e->now;
	while (message_each(&datagrams, &d.data)) {
		sa->e->stats.datagrams_out++;
		leave_send(sa->e, &d);
	}
}

void message_send(struct ike_sa *sa, struct view datagrams)
{
	struct path path = path_of(sa);

	message_send_over(sa, &path, datagrams);
}

int message_decrypt(struct crypto_cipher *c, uint8_t *bytes, size_t n, struct wire_message *m,
		    const struct wire_payload **sk, struct view *inner)
{
	struct view datagram = { bytes, n };
	const struct wire_payload *last;
	struct wire_sk parts;

	if (wire_message_get(m, datagram) || !m->n_clear)
		return MESSAGE_FORGED;
	last = &m->pl[m->n_clear - 1];
	if ((last->type != IKEV2_PL_SK && last->type != IKEV2_PL_SKF) ||
	    wire_sk_split(last, crypto_cipher_iv_len(c), crypto_cipher_icv_len(c), &parts) ||
	    crypto_open(c, wire_sk_aad(datagram, last), parts.iv.p, bytes + (parts.cipher.p - bytes), parts.cipher.n,
			parts.icv.p))
		return MESSAGE_FORGED;
	*sk = last;
	return wire_sk_unpad(parts.cipher, inner) ? MESSAGE_MALFORMED : 0;
}

int message_open(struct exchange *x, struct view datagram)
{
	const struct wire_payload *sk;
	struct view inner;
	int fault;

	free(x->bytes);
	x->nbytes = 0;
	x->bytes = malloc(datagram.n ? datagram.n : 1);
	if (!x->bytes)
		return MESSAGE_FORGED;
	x->nbytes = datagram.n;
	memcpy(x->bytes, datagram.p, datagram.n);
	if (wire_message_get(&x->m, (struct view){ x->bytes, x->nbytes }))
		return MESSAGE_FORGED;
	if (x->m.h.exchange == IKEV2_EXCH_IKE_SA_INIT)
		return 0;
	if (!x->sa->open)
		return MESSAGE_FORGED;
	fault = message_decrypt(x->sa->open, x->bytes, x->nbytes, &x->m, &sk, &inner);
	if (fault)
		return fault;
	if (sk->type == IKEV2_PL_SKF)
		return fragment_take(x, sk, inner);
	return wire_inner_get(&x->m, x->m.sk_next, inner) ? MESSAGE_MALFORMED : 0;
}

void message_put_notify(struct wire_out *out, uint16_t type, struct view data)
{
	struct wire_notify n = { .type = type, .data = data };
	size_t mark = wire_payload_begin(out, IKEV2_PL_NOTIFY);

	wire_notify_put(&out->w, &n);
	wire_payload_end(out, mark);
}

void message_put_notify_spi(struct wire_out *out, uint16_t type, uint8_t protocol, uint32_t spi)
{
	uint8_t bytes[4] = { (uint8_t)(spi >> 24), (uint8_t)(spi >> 16), (uint8_t)(spi >> 8), (uint8_t)spi };
	struct wire_notify n = { .protocol = protocol, .type = type, .spi = { bytes, sizeof(bytes) } };
	size_t mark = wire_payload_begin(out, IKEV2_PL_NOTIFY);

	wire_notify_put(&out->w, &n);
	wire_payload_end(out, mark);
}

void message_put_sa(struct wire_out *out, const struct wire_sa *sa)
{
	size_t mark = wire_payload_begin(out, IKEV2_PL_SA);

	wire_sa_put(&out->w, sa);
	wire_payload_end(out, mark);
}

void message_put_nonce(struct wire_out *out, struct view nonce)
{
	wire_payload_put(out, IKEV2_PL_NONCE, nonce);
}

void message_put_ke(struct wire_out *out, const struct crypto_kex *kex)
{
	struct wire_ke ke = { .group = crypto_kex_alg(kex)->ikev2_id, .data = crypto_kex_public(kex) };
	size_t mark = wire_payload_begin(out, IKEV2_PL_KE);

	wire_ke_put(&out->w, &ke);
	wire_payload_end(out, mark);
}

bool message_has_notify(const struct wire_message *m, uint16_t type, struct wire_notify *out)
{
	const struct wire_payload *p = NULL;
	struct wire_notify n;

	while ((p = wire_next(m, IKEV2_PL_NOTIFY, p))) {
		if (wire_notify_get(&n, p->body) || n.type != type)
			continue;
		if (out)
			*out = n;
		return true;
	}
	return false;
}

static uint16_t first_error(const struct wire_message *m, bool unknown)
{
	const struct wire_payload *p = NULL;
	struct wire_notify n;

	while ((p = wire_next(m, IKEV2_PL_NOTIFY, p)))
		if (!wire_notify_get(&n, p->body) && n.type < IKEV2_N_FIRST_STATUS &&
		    (!unknown || !strcmp(ikev2_notify_name(n.type), "?")))
			return n.type;
	return 0;
}

void message_put_auth_lifetime(struct wire_out *out, uint32_t seconds)
{
	uint8_t bytes[4] = { (uint8_t)(seconds >> 24), (uint8_t)(seconds >> 16), (uint8_t)(seconds >> 8), (uint8_t)seconds };

	message_put_notify(out, IKEV2_N_AUTH_LIFETIME, (struct view){ bytes, sizeof(bytes) });
}

void message_take_auth_lifetime(struct exchange *x)
{
	struct wire_notify n;

	if (message_has_notify(&x->m, IKEV2_N_AUTH_LIFETIME, &n) && n.data.n == 4)
		reauth_limit(x->sa, (uint32_t)n.data.p[0] << 24 | (uint32_t)n.data.p[1] << 16 | (uint32_t)n.data.p[2] << 8 |
					    n.data.p[3]);
}

uint16_t message_error(const struct wire_message *m)
{
	return first_error(m, false);
}

uint16_t message_unknown_error(const struct wire_message *m)
{
	return first_error(m, true);
}

int message_get_sa(const struct wire_message *m, struct wire_sa *sa)
{
	const struct wire_payload *p = wire_find(m, IKEV2_PL_SA);

	return p ? wire_sa_get(sa, p->body) : -1;
}

int message_get_nonce(const struct wire_message *m, struct view *nonce)
{
	const struct wire_payload *p = wire_find(m, IKEV2_PL_NONCE);
	struct wire_nonce n;

	if (!p || wire_nonce_get(&n, p->body))
		return -1;
	*nonce = n.data;
	return 0;
}

int message_get_ke(const struct wire_message *m, struct wire_ke *ke)
{
	const struct wire_payload *p = wire_find(m, IKEV2_PL_KE);

	return p ? wire_ke_get(ke, p->body) : -1;
}
