// SPDX-License-Identifier: MIT
/*
 * Fuzzes the IKEv2 codec: what decodes must encode, and decode again to the same. The text of SK is taken as it stands,
 * as if the cipher were the identity, so that inner chains are reached.
 */
#include "tests/unit/test_wire_same.h"

#include <stdlib.h>

#define IV_LEN 8
#define ICV_LEN 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A decoder never adds to what it was given, but put writes canonical forms; 64 kB are more than any payload. */
static uint8_t buf[65536 + 64];
static uint8_t message_buf[1 << 20];

static void must(bool truth)
{
	if (!truth)
		abort();
}

#define ROUND_TRIP(name, type) \
	static void check_##name(struct view body) \
	{ \
		static struct type a, b; \
		struct wr w = wr_of(buf, sizeof(buf)); \
		\
		if (wire_##name##_get(&a, body)) \
			return; \
		wire_##name##_put(&w, &a); \
		must(wr_ok(&w)); \
		must(!wire_##name##_get(&b, wr_view(&w))); \
		must(same_##name(&a, &b)); \
	}

ROUND_TRIP(ke, wire_ke)
ROUND_TRIP(nonce, wire_nonce)
ROUND_TRIP(id, wire_id)
ROUND_TRIP(auth, wire_auth)
ROUND_TRIP(notify, wire_notify)
ROUND_TRIP(ts, wire_ts_list)
ROUND_TRIP(cert, wire_cert)
ROUND_TRIP(certreq, wire_cert)
ROUND_TRIP(vendor, wire_vendor)
ROUND_TRIP(eap, wire_eap)

static void check_sa(struct view body)
{
	static struct wire_sa a, b;
	struct wr w = wr_of(buf, sizeof(buf));

	if (wire_sa_get(&a, body))
		return;
	must(a.n || a.skipped);
	wire_sa_put(&w, &a);
	must(wr_ok(&w));
	/* Everything may have been dropped, and an SA payload without proposals is not well formed. */
	must(wire_sa_get(&b, wr_view(&w)) == (a.n ? WIRE_OK : WIRE_SHORT));
	must(same_sa(&a, &b));
	must(!b.skipped);
	for (unsigned i = 0; i < b.n; i++)
		must(b.p[i].n && !b.p[i].skipped_unknown);
}

static void check_delete(struct view body)
{
	struct wire_delete a, b;
	struct wr w = wr_of(buf, sizeof(buf));
	unsigned n = 0;
	uint32_t spi;

	if (wire_delete_get(&a, body))
		return;
	wire_delete_put(&w, &a);
	must(wr_ok(&w));
	must(!wire_delete_get(&b, wr_view(&w)));
	must(same_delete(&a, &b));
	while (wire_delete_spi(&a, n, &spi))
		n++;
	must(n == (a.spi_size == 4 ? a.count : 0));
}

static void check_cp(struct view body)
{
	struct wire_cp a, b, none;
	struct wire_cp_attr attr, again;
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r, s;

	if (wire_cp_get(&a, body))
		return;
	none = (struct wire_cp){ .type = a.type };
	wire_cp_put(&w, &none);
	r = rd_of_view(a.attrs);
	while (wire_cp_next(&r, &attr))
		wire_cp_attr_put(&w, &attr);
	must(!rd_left(&r) && wr_ok(&w));
	must(!wire_cp_get(&b, wr_view(&w)));
	must(a.type == b.type && a.attrs.n == b.attrs.n);
	r = rd_of_view(a.attrs);
	s = rd_of_view(b.attrs);
	while (wire_cp_next(&r, &attr)) {
		must(wire_cp_next(&s, &again));
		must(attr.type == again.type && same_view(attr.value, again.value));
	}
	must(!wire_cp_next(&s, &again));
}

static void check_skf(struct view body)
{
	struct wire_skf a, b;
	struct wr w = wr_of(buf, sizeof(buf));

	if (wire_skf_get(&a, body))
		return;
	wire_skf_put(&w, &a);
	must(!wire_skf_get(&b, wr_view(&w)));
	must(a.number == b.number && a.total == b.total && a.number <= a.total);
}

static void (*const checks[])(struct view body) = {
	[IKEV2_PL_SA] = check_sa,
	[IKEV2_PL_KE] = check_ke,
	[IKEV2_PL_IDI] = check_id,
	[IKEV2_PL_IDR] = check_id,
	[IKEV2_PL_CERT] = check_cert,
	[IKEV2_PL_CERTREQ] = check_certreq,
	[IKEV2_PL_AUTH] = check_auth,
	[IKEV2_PL_NONCE] = check_nonce,
	[IKEV2_PL_NOTIFY] = check_notify,
	[IKEV2_PL_DELETE] = check_delete,
	[IKEV2_PL_VENDOR] = check_vendor,
	[IKEV2_PL_TSI] = check_ts,
	[IKEV2_PL_TSR] = check_ts,
	[IKEV2_PL_CP] = check_cp,
	[IKEV2_PL_EAP] = check_eap,
	[IKEV2_PL_SKF] = check_skf,
};
#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static bool same_payload(const struct wire_payload *a, const struct wire_payload *b)
{
	return a->type == b->type && a->critical == b->critical && same_view(a->body, b->body);
}

static void put_payloads(struct wire_out *out, const struct wire_message *m, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		const struct wire_payload *pl = &m->pl[i];
		size_t mark = pl->critical ? wire_payload_begin_critical(out, pl->type) :
					     wire_payload_begin(out, pl->type);

		wr_put(&out->w, pl->body);
		wire_payload_end(out, mark);
	}
}

/* A message without SK: written anew it must be the same. */
static void check_clear(const struct wire_message *m)
{
	static struct wire_message again;
	struct wire_out out;
	struct view datagram;

	wire_out_begin(&out, message_buf, sizeof(message_buf), &m->h);
	put_payloads(&out, m, 0, m->n);
	must(!wire_out_end(&out, &datagram));
	must(!wire_message_get(&again, datagram));
	must(same_header(&m->h, &again.h) && m->n == again.n && m->present_clear == again.present_clear);
	for (unsigned i = 0; i < m->n; i++)
		must(same_payload(&m->pl[i], &again.pl[i]));
}

/* A message with an inner chain: sealed anew (without padding) it must open to the same. */
static void check_sealed(const struct wire_message *m)
{
	static struct wire_message again;
	const struct wire_payload *sk;
	struct wire_seal seal;
	struct wire_out out;
	struct wire_sk part;
	struct view inner, aad;

	wire_out_begin(&out, message_buf, sizeof(message_buf), &m->h);
	put_payloads(&out, m, 0, m->n_clear - 1);
	wire_sk_begin(&out, IV_LEN);
	put_payloads(&out, m, m->n_clear, m->n);
	must(!wire_sk_end(&out, wire_sk_pad_len(&out, 1), ICV_LEN, &seal));

	must(!wire_message_get(&again, seal.datagram));
	sk = wire_find(&again, IKEV2_PL_SK);
	must(sk && again.sk_next == m->sk_next);
	must(!wire_sk_split(sk, IV_LEN, ICV_LEN, &part));
	aad = wire_sk_aad(seal.datagram, sk);
	must(same_view(aad, seal.aad) && part.iv.p == seal.iv && part.cipher.p == seal.plain &&
	     part.cipher.n == seal.plain_len && part.icv.p == seal.icv && part.icv.n == seal.icv_len);
	must(!wire_sk_unpad(part.cipher, &inner));
	must(!wire_inner_get(&again, again.sk_next, inner));
	must(again.n == m->n && again.n_clear == m->n_clear && again.present_sk == m->present_sk);
	for (unsigned i = m->n_clear; i < m->n; i++)
		must(same_payload(&m->pl[i], &again.pl[i]));
}

static void check_message(struct view datagram)
{
	static struct wire_message m;
	const struct wire_payload *sk;
	struct wire_sk part;
	struct view inner;

	if (wire_message_get(&m, datagram)) {
		must(m.n == 0);
		return;
	}
	sk = wire_find(&m, IKEV2_PL_SK);
	if (!sk && !wire_find(&m, IKEV2_PL_SKF))
		check_clear(&m);
	if (sk && !wire_sk_split(sk, IV_LEN, ICV_LEN, &part) && !wire_sk_unpad(part.cipher, &inner)) {
		if (wire_inner_get(&m, m.sk_next, inner))
			must(m.n == m.n_clear && !m.present_sk);
		else
			check_sealed(&m);
	}
	for (unsigned i = 0; i < m.n; i++)
		if (m.pl[i].type < CHECKS && checks[m.pl[i].type])
			checks[m.pl[i].type](m.pl[i].body);
	wire_unknown_critical(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view all = { data, size };

	check_message(all);
	/* A first byte that is a payload type: the rest is a body of it. No header stands in the mutations' way. */
	if (size && data[0] < CHECKS && checks[data[0]])
		checks[data[0]]((struct view){ data + 1, size - 1 });
	return 0;
}
