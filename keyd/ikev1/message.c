// SPDX-License-Identifier: MIT
// Messages of an ISAKMP SA.
#include "keyd/ikev1/message.h"

#include "keyd/ikev1/fragment.h"

#include <stdlib.h>
#include <string.h>

void v1_message_begin(struct ike_sa *sa, struct wire_out *out, uint8_t exchange, uint32_t message_id, bool encrypted)
{
	struct wire_header h = { .major = ISAKMP_MAJOR, .minor = ISAKMP_MINOR, .exchange = exchange, .message_id = message_id };

	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	h.flags = encrypted ? ISAKMP_FLAG_ENCRYPTED : 0;
	wire_out_begin(out, sa->e->out, sizeof(sa->e->out), &h);
}

int v1_message_end(struct ike_sa *sa, struct wire_out *out, uint8_t *iv, struct view *datagram)
{
	const struct ikev1_state *s = sa->v1;
	struct isakmp_seal seal;

	ike_sa_touch(sa);
	if (!iv)
		return wire_out_end(out, datagram);
	if (isakmp_out_end(out, s->suite.encr->block, &seal) || ikev1_encrypt(&s->suite, &s->keys, iv, seal.text, seal.text_len))
		return -1;
	*datagram = seal.datagram;
	return 0;
}

static void send_one(struct ike_sa *sa, const struct path *path, struct view datagram)
{
	struct engine_datagram d = { .local = path->local, .remote = path->remote, .local_port = path->local_port,
				     .remote_port = path->remote_port, .data = datagram };

	sa->spoke_at = sa->e->now;
	sa->e->stats.datagrams_out++;
	leave_send(sa->e, &d);
}

void v1_message_send(struct ike_sa *sa, const struct path *path, struct view datagram)
{
	if (v1_fragment_needed(sa, datagram.n))
		v1_fragment_cut(sa, datagram, send_one, path);
	else if (datagram.n)
		send_one(sa, path, datagram);
}

size_t v1_hash_begin(struct ike_sa *sa, struct wire_out *out)
{
	return isakmp_hash_put(out, sa->v1->suite.prf->prf);
}

int v1_hash_end(struct ike_sa *sa, struct wire_out *out, size_t at, uint32_t message_id, struct view ni)
{
	const struct ikev1_state *s = sa->v1;
	size_t n = s->suite.prf->prf;
	uint8_t hash[CRYPTO_PRF_MAX];

	if (ikev1_hash(s->suite.prf, secret_view(&s->keys.skeyid_a), message_id, ni, isakmp_hashed(out, at, n), hash))
		return -1;
	isakmp_hash_patch(out, at, hash, n);
	return 0;
}

static bool is_hash(const struct ike_sa *sa, const struct wire_message *m, const uint8_t *hash)
{
	size_t n = sa->v1->suite.prf->prf;

	return m->n && m->pl[0].type == ISAKMP_PL_HASH && secret_equal(m->pl[0].body, (struct view){ hash, n });
}

bool v1_hash_fits(const struct ike_sa *sa, const struct wire_message *m, struct view ni)
{
	const struct ikev1_state *s = sa->v1;
	uint8_t hash[CRYPTO_PRF_MAX];

	return m->n && !ikev1_hash(s->suite.prf, secret_view(&s->keys.skeyid_a), m->h.message_id, ni, isakmp_after(m, &m->pl[0]), hash) &&
	       is_hash(sa, m, hash);
}

bool v1_hash3_fits(const struct ike_sa *sa, const struct wire_message *m, const uint8_t *hash)
{
	return is_hash(sa, m, hash);
}

int v1_message_open(struct exchange *x, struct view datagram, bool secret, const uint8_t iv[CRYPTO_IV_MAX],
		    uint8_t next[CRYPTO_IV_MAX])
{
	const struct ikev1_state *s = x->sa->v1;
	struct view text;

	if (x->bytes)
		secret_cleanse(x->bytes, x->nbytes);
	free(x->bytes);
	x->nbytes = 0;
	x->m.n = 0;
	x->bytes = malloc(datagram.n ? datagram.n : 1);
	if (!x->bytes)
		return V1_MESSAGE_FORGED;
	x->nbytes = datagram.n;
	memcpy(x->bytes, datagram.p, datagram.n);
	if (isakmp_message_get(&x->m, (struct view){ x->bytes, x->nbytes }, &text))
		return V1_MESSAGE_FORGED;
	if (secret != !!(x->m.h.flags & ISAKMP_FLAG_ENCRYPTED))
		return V1_MESSAGE_WRONG;
	if (!secret)
		return 0;
	memcpy(next, iv, CRYPTO_IV_MAX);
	if (!s->keys.key.n || ikev1_decrypt(&s->suite, &s->keys, next, x->bytes + (text.p - x->bytes), text.n) ||
	    isakmp_inner_get(&x->m, text))
		return V1_MESSAGE_FORGED;
	return 0;
}

const char *v1_payloads_wrong(const struct wire_message *m, uint32_t must)
{
	static const uint8_t once[] = { ISAKMP_PL_SA, ISAKMP_PL_KE, ISAKMP_PL_HASH, ISAKMP_PL_SIG, ISAKMP_PL_NONCE };
	const struct wire_payload *nonce = wire_find(m, ISAKMP_PL_NONCE);

	for (uint8_t type = 1; type < 32; type++)
		if (must & V1_BIT(type) && !wire_find(m, type))
			return "a payload is missing";
	for (unsigned i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		if (wire_count(m, once[i]) > 1)
			return "a payload is there twice";
	return nonce && !isakmp_nonce_fits(nonce->body) ? "its nonce has an impossible length" : NULL;
}

void v1_put_notify(struct wire_out *out, uint8_t protocol, uint16_t type, struct view spi, struct view data)
{
	struct isakmp_notify n = { .doi = ISAKMP_DOI_IPSEC, .protocol = protocol, .type = type, .spi = spi, .data = data };
	size_t mark = wire_payload_begin(out, ISAKMP_PL_NOTIFY);

	isakmp_notify_put(&out->w, &n);
	wire_payload_end(out, mark);
}

void v1_cookies(const struct ike_sa *sa, uint8_t out[16])
{
	memcpy(out, sa->spi_i, sizeof(sa->spi_i));
	memcpy(out + sizeof(sa->spi_i), sa->spi_r, sizeof(sa->spi_r));
}

uint16_t v1_message_error(const struct wire_message *m, struct isakmp_notify *found)
{
	const struct wire_payload *p = NULL;
	struct isakmp_notify n;

	while ((p = wire_next(m, ISAKMP_PL_NOTIFY, p))) {
		if (isakmp_notify_get(&n, p->body) || n.type >= ISAKMP_N_FIRST_STATUS)
			continue;
		if (found)
			*found = n;
		return n.type;
	}
	return 0;
}

bool v1_message_has_notify(const struct wire_message *m, uint16_t type, struct isakmp_notify *found)
{
	const struct wire_payload *p = NULL;
	struct isakmp_notify n;

	while ((p = wire_next(m, ISAKMP_PL_NOTIFY, p))) {
		if (isakmp_notify_get(&n, p->body) || n.type != type)
			continue;
		if (found)
			*found = n;
		return true;
	}
	return false;
}
