// SPDX-License-Identifier: MIT
/*
 * Fuzzes the codec of IKEv1: what decodes must encode, and decode again to the same. What is said to be encrypted is taken
 * as it stands, as if the cipher were the identity.
 */
#include "tests/unit/test_isakmp_same.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A decoder never adds to what it was given; 64 kB are more than any payload. */
static uint8_t buf[65536 + 64];
static uint8_t message_buf[1 << 20];

static void must(bool truth)
{
	if (!truth)
		abort();
}

/* All of these write exactly what they read, but for reserved bytes. */
#define ROUND_TRIP(name, type) \
	static void check_##name(struct view body) \
	{ \
		static struct type a, b; \
		struct wr w = wr_of(buf, sizeof(buf)); \
		\
		if (isakmp_##name##_get(&a, body)) \
			return; \
		isakmp_##name##_put(&w, &a); \
		must(wr_ok(&w)); \
		must(w.len == body.n); \
		must(!isakmp_##name##_get(&b, wr_view(&w))); \
		must(same_##name(&a, &b)); \
	}

ROUND_TRIP(cert, isakmp_cert)
ROUND_TRIP(certreq, isakmp_cert)
ROUND_TRIP(notify, isakmp_notify)
ROUND_TRIP(fragment, isakmp_fragment)

static void check_attrs(struct view attrs)
{
	struct rd r = rd_of_view(attrs);
	struct isakmp_ike_attrs ike, ike_again;
	struct isakmp_ipsec_attrs ipsec, ipsec_again;
	struct isakmp_attr a;
	struct wr w = wr_of(buf, sizeof(buf));

	must(!isakmp_attrs_check(attrs));
	while (isakmp_attr_next(&r, &a))
		isakmp_attr_put(&w, &a);
	must(!rd_left(&r) && wr_ok(&w) && same_view(wr_view(&w), attrs));

	must(!isakmp_ike_attrs_get(&ike, attrs) && !isakmp_ipsec_attrs_get(&ipsec, attrs));
	ike.unknown = ipsec.unknown = false;
	w = wr_of(buf, sizeof(buf));
	isakmp_ike_attrs_put(&w, &ike);
	must(wr_ok(&w) && !isakmp_ike_attrs_get(&ike_again, wr_view(&w)) && same_ike_attrs(&ike, &ike_again));
	w = wr_of(buf, sizeof(buf));
	isakmp_ipsec_attrs_put(&w, &ipsec);
	must(wr_ok(&w) && !isakmp_ipsec_attrs_get(&ipsec_again, wr_view(&w)) && same_ipsec_attrs(&ipsec, &ipsec_again));
}

static void check_sa(struct view body)
{
	static struct isakmp_sa a, b;
	static uint8_t sa_buf[65536 + 64];
	struct wr w = wr_of(sa_buf, sizeof(sa_buf));

	if (isakmp_sa_get(&a, body)) {
		must(!a.n);
		return;
	}
	must(a.n || a.skipped);
	isakmp_sa_put(&w, &a);
	must(wr_ok(&w));
	must(isakmp_sa_get(&b, wr_view(&w)) == (a.n ? WIRE_OK : WIRE_SHORT));
	must(!b.skipped && same_sa(&a, &b));
	for (unsigned i = 0; i < a.n; i++) {
		must(a.p[i].n && a.p[i].first + a.p[i].n <= a.nt);
		for (unsigned j = 0; j < a.p[i].n; j++)
			check_attrs(a.t[a.p[i].first + j].attrs);
		isakmp_proposal_spi(&a.p[i]);
	}
}

/* A range may be written in another way than it was read, and still is the same. */
static void check_id_range(const struct isakmp_id *id)
{
	struct isakmp_id_range r, again;
	struct isakmp_id made = *id;
	uint8_t bytes[32];

	if (isakmp_id_range(id, &r))
		return;
	isakmp_id_of_range(&made, &r, bytes);
	must(!isakmp_id_range(&made, &again));
	must(r.len == again.len && !memcmp(r.first, again.first, r.len) && !memcmp(r.last, again.last, r.len));
}

static void check_id(struct view body)
{
	struct isakmp_id a;
	struct wr w = wr_of(buf, sizeof(buf));

	if (isakmp_id_get(&a, body))
		return;
	isakmp_id_put(&w, &a);
	must(same_view(wr_view(&w), body));
	check_id_range(&a);
}

static void check_nat_oa(struct view body)
{
	struct view a, b;
	struct wr w = wr_of(buf, sizeof(buf));

	if (isakmp_nat_oa_get(&a, body))
		return;
	isakmp_nat_oa_put(&w, a);
	must(!isakmp_nat_oa_get(&b, wr_view(&w)) && same_view(a, b));
}

static void check_delete(struct view body)
{
	struct isakmp_delete a, b;
	struct wr w = wr_of(buf, sizeof(buf));
	struct view cookies;
	unsigned n = 0;
	uint32_t spi;

	if (isakmp_delete_get(&a, body))
		return;
	isakmp_delete_put(&w, &a);
	must(wr_ok(&w) && !isakmp_delete_get(&b, wr_view(&w)) && same_delete(&a, &b));
	while (isakmp_delete_spi(&a, n, &spi) || isakmp_delete_cookies(&a, n, &cookies))
		n++;
	must(n == (a.spi_size == 4 || a.spi_size == 16 ? a.count : 0));
}

static void check_cfg(struct view body)
{
	struct isakmp_cfg a, b;
	struct wr w = wr_of(buf, sizeof(buf));
	struct isakmp_attr attr;
	struct isakmp_split split;
	struct rd r, s;

	if (isakmp_cfg_get(&a, body))
		return;
	isakmp_cfg_put(&w, &a);
	must(wr_ok(&w) && !isakmp_cfg_get(&b, wr_view(&w)) && same_cfg(&a, &b));
	r = rd_of_view(a.attrs);
	while (isakmp_attr_next(&r, &attr)) {
		s = rd_of_view(attr.value);
		while (isakmp_split_next(&s, &split))
			;
	}
	must(!rd_left(&r));
}

static void check_vendor(struct view body)
{
	must(isakmp_vendor_get(body) < ISAKMP_VID_END);
}

static const struct {
	uint8_t type;
	void (*check)(struct view body);
} checks[] = {
	{ ISAKMP_PL_SA, check_sa },
	{ ISAKMP_PL_ID, check_id },
	{ ISAKMP_PL_CERT, check_cert },
	{ ISAKMP_PL_CERTREQ, check_certreq },
	{ ISAKMP_PL_NOTIFY, check_notify },
	{ ISAKMP_PL_DELETE, check_delete },
	{ ISAKMP_PL_VENDOR, check_vendor },
	{ ISAKMP_PL_ATTRIBUTES, check_cfg },
	{ ISAKMP_PL_NAT_OA, check_nat_oa },
	{ ISAKMP_PL_NAT_OA_DRAFT, check_nat_oa },
	{ ISAKMP_PL_FRAGMENT, check_fragment },
};

static void check_body(uint8_t type, struct view body)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].type == type)
			checks[i].check(body);
}

/* Written anew it must be the same, hashes patched in and all. */
static void check_again(const struct wire_message *m)
{
	static struct wire_message again;
	struct isakmp_seal seal;
	struct wire_out out;
	struct view text;

	wire_out_begin(&out, message_buf, sizeof(message_buf), &m->h);
	for (unsigned i = 0; i < m->n; i++) {
		if (m->pl[i].type == ISAKMP_PL_HASH)
			isakmp_hash_patch(&out, isakmp_hash_put(&out, m->pl[i].body.n), m->pl[i].body.p, m->pl[i].body.n);
		else
			wire_payload_put(&out, m->pl[i].type, m->pl[i].body);
	}
	must(!isakmp_out_end(&out, m->h.flags & ISAKMP_FLAG_ENCRYPTED ? 16 : 1, &seal));
	if (isakmp_message_get(&again, seal.datagram, &text)) {
		/* Nothing at all to encrypt: no such message may be. */
		must(!m->n && (m->h.flags & ISAKMP_FLAG_ENCRYPTED));
		return;
	}
	if (text.n)
		must(text.p == seal.text && text.n == seal.text_len && !isakmp_inner_get(&again, text));
	must(m->n == again.n);
	for (unsigned i = 0; i < m->n; i++) {
		must(m->pl[i].type == again.pl[i].type && same_view(m->pl[i].body, again.pl[i].body));
		must(same_view(isakmp_after(m, &m->pl[i]), isakmp_after(&again, &again.pl[i])));
	}
}

static void check_message(struct view datagram)
{
	static struct wire_message m;
	struct view text;

	if (isakmp_message_get(&m, datagram, &text)) {
		must(!m.n && !text.n);
		return;
	}
	must(!text.n == !(m.h.flags & ISAKMP_FLAG_ENCRYPTED));
	if (text.n && isakmp_inner_get(&m, text)) {
		must(!m.n);
		return;
	}
	check_again(&m);
	for (unsigned i = 0; i < m.n; i++)
		check_body(m.pl[i].type, m.pl[i].body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_message((struct view){ data, size });
	/* A first byte that is a payload type: the rest is a body of it. No header stands in the mutations' way. */
	if (size)
		check_body(data[0], (struct view){ data + 1, size - 1 });
	return 0;
}
