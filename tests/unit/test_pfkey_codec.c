// SPDX-License-Identifier: MIT
/* The PF_KEY codec without a kernel: messages byte by byte, values there and back, what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/lib/pfkey_hand.h"

/* ---- golden ---- */

static void test_golden_add(void **state)
{
	struct ipsec_sa sa = esp_sa();
	struct pfkey_msg m;
	struct hand h;

	(void)state;
	head(&h, 3, 3, 35, 77);
	sa_ext(&h, 0x12345678, 32, 1, 3, 12, 0xc0000000);
	sa2_ext(&h, 2, 5);
	address4(&h, 5, 0, 32, "192.0.2.1", 0);
	address4(&h, 6, 0, 32, "192.0.2.2", 0);
	address4(&h, 7, 255, 8, "10.0.0.0", 0);
	key_ext(&h, 3, 9, 128);
	key_ext(&h, 4, 8, 160);
	lifetime(&h, 3, 6, 5, 7, 8);
	lifetime(&h, 4, 2, 1, 3, 4);
	ext(&h, 1, 20);
	u8(&h, 2);
	pad(&h);
	ext(&h, 1, 21);
	u16(&h, htons(4500));
	pad(&h);
	ext(&h, 1, 22);
	u16(&h, htons(61234));
	pad(&h);
	text_ext(&h, 2, "a:b:c");
	pfkey_sa_put(&m, &sa, false);
	same_bytes(&h, &m);
}

static void test_golden_update(void **state)
{
	struct ipsec_sa sa = plain_sa();
	struct pfkey_msg m;
	struct hand h;

	(void)state;
	head(&h, 2, 2, 27, 0);
	sa_ext(&h, 0x100, 0, 1, 2, 0, 0);
	sa2_ext(&h, 1, 0);
	address6(&h, 5, 0, 128, "2001:db8::1", 0);
	address6(&h, 6, 0, 128, "2001:db8::2", 0);
	key_ext(&h, 3, 8, 128);
	lifetime(&h, 3, 0, 0, 0, 0);
	lifetime(&h, 4, 0, 0, 0, 0);
	pfkey_sa_put(&m, &sa, true);
	same_bytes(&h, &m);
}

static void test_golden_sa_asked(void **state)
{
	struct ipsec_sa_id id = { .dst = addr("192.0.2.2"), .proto = IPPROTO_COMP, .spi = 0x1234 };
	struct ipsec_addr none = { 0 }, src = addr("2001:db8::1");
	struct ipsec_sa larval = esp_sa();
	struct pfkey_msg m;
	struct hand h;

	(void)state;
	for (uint8_t type = SADB_DELETE; type <= SADB_GET; type++) {
		head(&h, type, 9, 10, 0);
		sa_ext(&h, 0x1234, 0, 0, 0, 0, 0);
		address4(&h, 5, 0, 32, "0.0.0.0", 0);
		address4(&h, 6, 0, 32, "192.0.2.2", 0);
		pfkey_sa_id_put(&m, type, &id);
		same_bytes(&h, &m);
	}
	head(&h, 1, 3, 12, 77);
	address4(&h, 5, 0, 32, "192.0.2.1", 0);
	address4(&h, 6, 0, 32, "192.0.2.2", 0);
	sa2_ext(&h, 2, 5);
	ext(&h, 2, 16);
	u32(&h, 0x100);
	u32(&h, 0xfff);
	u32(&h, 0);
	pfkey_getspi_put(&m, &larval, 0x100, 0xfff);
	same_bytes(&h, &m);

	head(&h, 10, 3, 7, 0);
	ext(&h, 5, 26);
	raw(&h, src.b, 16);
	u64(&h, 0);
	u64(&h, 0);
	u16(&h, 10);
	u8(&h, 128);
	u8(&h, 0);
	pfkey_msg_start(&m, SADB_DUMP, SADB_SATYPE_ESP);
	pfkey_filter_put(&m, &src, &none);
	same_bytes(&h, &m);

	head(&h, 6, 2, 2, 99);
	h.b[2] = EIO;
	pfkey_acquire_put(&m, IPPROTO_AH, 99, EIO);
	same_bytes(&h, &m);
}

static void test_golden_plain(void **state)
{
	static const struct { uint8_t type, satype; } rows[] = {
		{ SADB_REGISTER, SADB_SATYPE_ESP }, { SADB_FLUSH, SADB_X_SATYPE_IPCOMP }, { SADB_DUMP, SADB_SATYPE_UNSPEC },
		{ SADB_X_PROMISC, 1 }, { SADB_X_SPDFLUSH, 0 }, { SADB_X_SPDDUMP, 0 },
	};
	struct pfkey_msg m;
	struct hand h;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		head(&h, rows[i].type, rows[i].satype, 2, 0);
		pfkey_msg_start(&m, rows[i].type, rows[i].satype);
		same_bytes(&h, &m);
	}
}

static void test_golden_policy(void **state)
{
	static const uint8_t types[] = { SADB_X_SPDADD, SADB_X_SPDUPDATE, SADB_X_SPDSETIDX };
	struct ipsec_policy pol = tunnel_policy();
	struct pfkey_msg m;
	struct hand h;

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		hand_policy(&h, types[i]);
		pfkey_policy_put(&m, types[i], &pol);
		same_bytes(&h, &m);
	}
	head(&h, 15, 0, 12, 0);
	address4(&h, 5, 6, 16, "10.1.0.0", 1000);
	address4(&h, 6, 6, 24, "10.2.0.0", 80);
	policy_ext(&h, 2, 2, 2, 0, 0x80000000);
	text_ext(&h, 2, "label");
	pfkey_policy_key_put(&m, &pol);
	same_bytes(&h, &m);

	head(&h, 22, 0, 4, 0);
	policy_ext(&h, 2, 0, 0, 0x1001, 0);
	pfkey_policy_index_put(&m, SADB_X_SPDDELETE2, 0x1001);
	same_bytes(&h, &m);
}

static void test_golden_kinds_of_policy(void **state)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_FWD, .action = IPSEC_ACTION_BLOCK, .priority = 1,
		.sel = { .src = addr("::"), .dst = addr("2001:db8::"), .dst_len = 32 } };
	struct pfkey_msg m;
	struct hand h;

	(void)state;
	for (uint8_t block = 0; block < 2; block++) {
		pol.action = block ? IPSEC_ACTION_BLOCK : IPSEC_ACTION_ALLOW;
		head(&h, 14, 0, 22, 0);
		address6(&h, 5, 255, 0, "::", 0);
		address6(&h, 6, 255, 32, "2001:db8::", 0);
		lifetime(&h, 3, 0, 0, 0, 0);
		lifetime(&h, 4, 0, 0, 0, 0);
		policy_ext(&h, 2, block ? 0 : 1, 3, 0, 1);
		pfkey_policy_put(&m, SADB_X_SPDADD, &pol);
		same_bytes(&h, &m);
	}
}

static void test_golden_migrate(void **state)
{
	struct ipsec_event ev = { .migrate = { .dir = IPSEC_DIR_IN, .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TUNNEL, .reqid = 9,
		.old_src = addr("192.0.2.1"), .old_dst = addr("192.0.2.2"), .new_src = addr("2001:db8::1"),
		.new_dst = addr("2001:db8::2"),
		.sel = { .src = addr("10.1.0.0"), .dst = addr("10.2.0.0"), .src_len = 16, .dst_len = 24 } } };
	struct pfkey_msg m;
	struct hand h;

	(void)state;
	head(&h, 24, 3, 25, 0);
	address4(&h, 5, 255, 16, "10.1.0.0", 0);
	address4(&h, 6, 255, 24, "10.2.0.0", 0);
	policy_ext(&h, 17, 2, 1, 0, 0);
	request(&h, 48, 50, 2, 3, 9);
	sin4(&h, "192.0.2.1", 0);
	sin4(&h, "192.0.2.2", 0);
	request(&h, 72, 50, 2, 3, 9);
	sin6(&h, "2001:db8::1", 0);
	sin6(&h, "2001:db8::2", 0);
	pfkey_migrate_put(&m, &ev);
	same_bytes(&h, &m);
}

/* ---- there and back ---- */

static void sa_there_and_back(const struct ipsec_sa *sa)
{
	struct ipsec_sa got;
	struct pfkey_msg m;
	char why[256] = "";

	assert_int_equal(ipsec_sa_check(sa, NULL, 0), 0);
	if (pfkey_sa_refused(sa, true, why, sizeof(why)))
		fail_msg("%s", why);
	pfkey_sa_put(&m, sa, false);
	assert_int_equal(sa_back(&m, &got), 0);
	same(sa_differs(sa, &got));
	assert_int_equal(got.state, IPSEC_STATE_MATURE);
}

static void test_sas(void **state)
{
	struct ipsec_sa sa = esp_sa();

	(void)state;
	sa_there_and_back(&sa);
	sa.sel.dst.family = sa.sel.src.family = AF_INET6;	/* what a tunnel for the other family needs */
	memset(sa.sel.src.b, 0xfe, 16);
	sa_there_and_back(&sa);
	sa.sel = (struct ipsec_selector){ .src = addr("10.1.0.0"), .dst = addr("10.2.0.0"), .src_len = 16, .dst_len = 24, .proto = 17,
		.sport = 53, .sport_mask = 0xffff, .dport = 0x1000, .dport_mask = 0xf000, .ifindex = 3 };
	sa_there_and_back(&sa);
	memset(&sa.sel, 0, sizeof(sa.sel));
	sa.flags |= IPSEC_SA_AF_UNSPEC;
	sa_there_and_back(&sa);
	sa = plain_sa();
	sa_there_and_back(&sa);
	sa.mode = IPSEC_MODE_BEET;
	sa_there_and_back(&sa);
	sa = (struct ipsec_sa){ .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_COMP, .spi = 0xffff };
	alg(&sa.comp, IPSEC_ALG_COMP, "deflate", 0);
	sa_there_and_back(&sa);
}

static struct ipsec_sa sa_with(const struct ipsec_alg_info *i, unsigned int bits)
{
	struct ipsec_sa sa = esp_sa();

	if (i->kind == IPSEC_ALG_AEAD) {
		memset(&sa.enc, 0, sizeof(sa.enc));
		memset(&sa.auth, 0, sizeof(sa.auth));
	}
	alg(i->kind == IPSEC_ALG_ENC ? &sa.enc : i->kind == IPSEC_ALG_AUTH ? &sa.auth : &sa.aead, i->kind, i->names[0], bits);
	return sa;
}

/* Every algorithm that has a number, with its shortest and its longest key. */
static void test_algorithms(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (const struct ipsec_alg_info *i = ipsec_alg_next(NULL); i; i = ipsec_alg_next(i)) {
		struct ipsec_sa sa;
		char why[256] = "";

		if (!i->kernel[0] || !i->sadb || i->kind == IPSEC_ALG_COMP)
			continue;
		sa = sa_with(i, i->key_max);
		sa_there_and_back(&sa);
		if (i->sadb == SADB_X_AALG_SHA2_256HMAC && i->kind == IPSEC_ALG_AUTH) {
			assert_int_equal(pfkey_sa_refused(&sa, false, why, sizeof(why)), -EOPNOTSUPP);
			assert_non_null(strstr(why, "-trunc 96"));
			sa.auth.icv_bits = 96;
			sa_there_and_back(&sa);
		}
		assert_int_equal(pfkey_sa_refused(&sa, false, why, sizeof(why)), i->kind == IPSEC_ALG_AEAD ? -EOPNOTSUPP : 0);
		sa = sa_with(i, i->key_min);
		sa_there_and_back(&sa);
		n++;
	}
	assert_true(n > 26);
}

/* An SA that needs all extensions: what follows the message of one that needs none. */
static void test_golden_extended(void **state)
{
	struct ipsec_sa sa = esp_sa();
	struct pfkey_msg plain, m;
	struct ipsec_sa got;
	struct hand h;

	(void)state;
	sa.encap.oa = (struct ipsec_addr){ 0 };
	sa.replay_window = 32;
	pfkey_sa_put(&plain, &sa, false);
	sa.replay_window = 1024;
	sa.flags |= IPSEC_SA_ESN;
	sa.resume = true;
	sa.usage.oseq = 0x100000007ull;
	sa.usage.seq = 0x200000009ull;
	sa.auth.icv_bits = 80;
	sa.encap.oa = addr("10.0.0.1");
	pfkey_sa_put(&m, &sa, false);
	memset(&h, 0, sizeof(h));
	ext(&h, 4, 60);
	u32(&h, 1024);
	u32(&h, 1);
	u32(&h, 0);
	u64(&h, 0x100000007ull);
	u64(&h, 0x200000009ull);
	ext(&h, 1, 61);
	u16(&h, 80);
	u16(&h, 0);
	address4(&h, 23, 0, 32, "10.0.0.1", 0);
	ext(&h, 1, 62);
	u32(&h, 0);
	assert_int_equal(pfkey_msg_size(&m), pfkey_msg_size(&plain) + h.n);
	assert_memory_equal(m.bytes + pfkey_msg_size(&plain), h.b, h.n);
	sa_there_and_back(&sa);
	assert_int_equal(sa_back(&m, &got), 0);
	assert_true(got.usage.oseq == 0x100000007ull && got.usage.seq == 0x200000009ull);
	sa.resume = false;			/* numbers that nobody asked for */
	pfkey_sa_put(&m, &sa, false);
	assert_int_equal(sa_back(&m, &got), 0);
	assert_true(!got.usage.oseq && !got.usage.seq);
}

static void test_policies(void **state)
{
	struct ipsec_policy pol = tunnel_policy(), got;
	struct pfkey_msg m;
	char why[256] = "";

	(void)state;
	for (unsigned int dir = 0; dir < 3; dir++) {
		pol.dir = (uint8_t)dir;
		assert_int_equal(pfkey_policy_refused(&pol, why, sizeof(why)), 0);
		pfkey_policy_put(&m, SADB_X_SPDADD, &pol);
		assert_int_equal(policy_back(&m, &got), 0);
		same(policy_differs(&pol, &got));
	}
	/* The largest of all. */
	pol.ntmpl = IPSEC_TMPL_MAX;
	for (unsigned int i = 0; i < IPSEC_TMPL_MAX; i++)
		pol.tmpl[i] = pol.tmpl[0];
	memset(pol.ctx, 'c', sizeof(pol.ctx) - 1);
	pfkey_policy_put(&m, SADB_X_SPDADD, &pol);
	assert_true(pfkey_msg_size(&m) < 1024);
	assert_int_equal(policy_back(&m, &got), 0);
	same(policy_differs(&pol, &got));
}

/* Directions 4 and 5 are sockets'; others are none. */
static void test_socket_policies(void **state)
{
	struct ipsec_policy pol = tunnel_policy(), got;
	struct sadb_x_policy *x;
	struct pfkey_exts t;
	struct pfkey_msg m;

	(void)state;
	pfkey_policy_put(&m, SADB_X_SPDDUMP, &pol);
	assert_int_equal(pfkey_exts_get(&t, &m.head, pfkey_msg_size(&m)), 0);
	x = (struct sadb_x_policy *)t.e[SADB_X_EXT_POLICY];
	for (unsigned int dir = 0; dir < 256; dir++) {
		x->sadb_x_policy_dir = (uint8_t)dir;
		assert_int_equal(policy_back(&m, &got), dir >= 1 && dir <= 6 ? 0 : -EBADMSG);
		if (dir == 5)
			assert_true(got.socket && got.dir == IPSEC_DIR_OUT);
	}
}

/* ---- what is refused ---- */

static void r_aead(struct ipsec_sa *sa)
{
	memset(&sa->enc, 0, sizeof(sa->enc));
	memset(&sa->auth, 0, sizeof(sa->auth));
	alg(&sa->aead, IPSEC_ALG_AEAD, "aes-gcm-16", 160);
}
static void r_esn(struct ipsec_sa *sa) { sa->flags |= IPSEC_SA_ESN; }
static void r_window(struct ipsec_sa *sa) { sa->replay_window = 33; }
static void r_mark(struct ipsec_sa *sa) { sa->mark.mask = 1; }
static void r_output_mark(struct ipsec_sa *sa) { sa->output_mark.mask = 1; }
static void r_if_id(struct ipsec_sa *sa) { sa->if_id = 1; }
static void r_offload(struct ipsec_sa *sa) { sa->offload.kind = IPSEC_OFFLOAD_CRYPTO; }
static void r_dir(struct ipsec_sa *sa) { sa->dir = IPSEC_SA_DIR_IN; }
static void r_keepalive(struct ipsec_sa *sa) { sa->nat_keepalive = 20; }
static void r_tfc(struct ipsec_sa *sa) { sa->tfc_pad = 1; }
static void r_ae(struct ipsec_sa *sa) { sa->ae = IPSEC_AE_FIRST; }
static void r_resume(struct ipsec_sa *sa) { sa->resume = true; }
static void r_clock(struct ipsec_sa *sa) { sa->resume = true; sa->usage.add_time = 1; }
static void r_flags(struct ipsec_sa *sa) { sa->flags |= IPSEC_SA_ALIGN4; }
static void r_oa(struct ipsec_sa *sa) { sa->encap.oa = addr("10.0.0.1"); }
static void r_sel_dst(struct ipsec_sa *sa) { sa->sel.dst_len = 1; }
static void r_sel_proto(struct ipsec_sa *sa) { sa->sel.proto = 6; }
static void r_sel_port(struct ipsec_sa *sa) { sa->sel.sport_mask = 0xffff; }
static void r_sel_if(struct ipsec_sa *sa) { sa->sel.ifindex = 1; }
static void r_both(struct ipsec_sa *sa) { sa->flags |= IPSEC_SA_AF_UNSPEC; memset(&sa->sel, 0, sizeof(sa->sel)); }
static void r_both_and_one(struct ipsec_sa *sa) { sa->flags |= IPSEC_SA_AF_UNSPEC; }
static void r_packets(struct ipsec_sa *sa) { sa->soft.packets = 1ull << 32; }
static void r_icv(struct ipsec_sa *sa) { sa->auth.icv_bits = 80; }
static void r_cmac(struct ipsec_sa *sa) { alg(&sa->auth, IPSEC_ALG_AUTH, "aes-cmac", 128); }
static void r_unknown(struct ipsec_sa *sa) { strcpy(sa->enc.name, "cbc(rot13)"); }

static void test_sa_refused(void **state)
{
	/* extended: not by a kernel that speaks the extensions */
	static const struct { void (*spoil)(struct ipsec_sa *sa); const char *word; bool extended; } rows[] = {
		{ r_aead, "AEAD", true }, { r_esn, "extended", true }, { r_window, "window", true }, { r_mark, "a mark", false },
		{ r_output_mark, "output mark", false }, { r_if_id, "if_id", false }, { r_offload, "offload", false },
		{ r_dir, "direction", false }, { r_keepalive, "keepalive", false }, { r_tfc, "TFC", false },
		{ r_resume, "sequence numbers", true }, { r_clock, "counters", false }, { r_ae, "first packet", false },
		{ r_flags, "flags", false }, { r_oa, "original address", true }, { r_sel_dst, "selector", true },
		{ r_sel_proto, "selector", true }, { r_sel_port, "selector", true }, { r_sel_if, "selector", true },
		{ r_both, "flags", true }, { r_both_and_one, "flags", false }, { r_packets, "packets", false },
		{ r_icv, "-trunc 96", true }, { r_cmac, "cmac(aes)", false }, { r_unknown, "rot13", false },
	};
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipsec_sa sa = esp_sa();

		assert_int_equal(pfkey_sa_refused(&sa, false, why, sizeof(why)), 0);
		rows[i].spoil(&sa);
		assert_int_equal(pfkey_sa_refused(&sa, true, why, sizeof(why)), rows[i].extended ? 0 : -EOPNOTSUPP);
		if (!rows[i].extended)
			assert_non_null(strstr(why, rows[i].word));
		assert_int_equal(pfkey_sa_refused(&sa, false, why, sizeof(why)), -EOPNOTSUPP);
		if (rows[i].spoil != r_clock)
			assert_non_null(strstr(why, rows[i].word));
	}
}

static void k_type(struct ipsec_policy *p) { p->type = 1; }
static void k_mark(struct ipsec_policy *p) { p->mark.mask = 1; }
static void k_if_id(struct ipsec_policy *p) { p->if_id = 1; }
static void k_interface(struct ipsec_policy *p) { p->sel.ifindex = 1; }
static void k_mask(struct ipsec_policy *p) { p->sel.sport_mask = 0xff00; }
static void k_port0(struct ipsec_policy *p) { p->sel.dport = 0; }
static void k_code0(struct ipsec_policy *p) { p->sel.proto = IPPROTO_ICMPV6; p->sel.dport = 0; }
static void k_proto255(struct ipsec_policy *p) { p->sel.proto = 255; }
static void k_offload(struct ipsec_policy *p) { p->offload.kind = IPSEC_OFFLOAD_PACKET; }
static void k_flags(struct ipsec_policy *p) { p->flags = IPSEC_POLICY_ICMP; }
static void k_block(struct ipsec_policy *p) { p->action = IPSEC_ACTION_BLOCK; }
static void k_packets(struct ipsec_policy *p) { p->hard.packets = UINT64_MAX; }
static void k_spi(struct ipsec_policy *p) { p->tmpl[1].spi = 1; }
static void k_use(struct ipsec_policy *p) { p->tmpl[1].reqid = 1; }
static void k_reqid(struct ipsec_policy *p) { p->tmpl[0].reqid = 0x4000; }
static void k_beet(struct ipsec_policy *p) { p->tmpl[0].mode = IPSEC_MODE_BEET; }
static void k_transport(struct ipsec_policy *p) { p->tmpl[0].mode = IPSEC_MODE_TRANSPORT; }

static void test_policy_refused(void **state)
{
	/* key: also when it is to be found or deleted */
	static const struct { void (*spoil)(struct ipsec_policy *p); const char *word; bool key; } rows[] = {
		{ k_type, "sub", true }, { k_mark, "mark", true }, { k_if_id, "if_id", true }, { k_interface, "interface", true },
		{ k_mask, "mask", true }, { k_port0, "port 0", true }, { k_code0, "code 0", true }, { k_proto255, "255", true },
		{ k_offload, "offload", false }, { k_flags, "flags", false }, { k_block, "discards", false },
		{ k_packets, "packets", false }, { k_spi, "SPI", false }, { k_use, "level use", false }, { k_reqid, "reqid", false },
		{ k_beet, "BEET", false }, { k_transport, "transport", false },
	};
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipsec_policy pol = tunnel_policy();

		assert_int_equal(pfkey_policy_refused(&pol, why, sizeof(why)), 0);
		rows[i].spoil(&pol);
		assert_int_equal(pfkey_policy_refused(&pol, why, sizeof(why)), -EOPNOTSUPP);
		assert_non_null(strstr(why, rows[i].word));
		assert_int_equal(pfkey_policy_key_refused(&pol, why, sizeof(why)), rows[i].key ? -EOPNOTSUPP : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_add),
		cmocka_unit_test(test_golden_update),
		cmocka_unit_test(test_golden_sa_asked),
		cmocka_unit_test(test_golden_plain),
		cmocka_unit_test(test_golden_policy),
		cmocka_unit_test(test_golden_kinds_of_policy),
		cmocka_unit_test(test_golden_migrate),
		cmocka_unit_test(test_sas),
		cmocka_unit_test(test_golden_extended),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_socket_policies),
		cmocka_unit_test(test_sa_refused),
		cmocka_unit_test(test_policy_refused),
	};

	return cmocka_run_group_tests_name("pfkey_codec", tests, NULL, NULL);
}
