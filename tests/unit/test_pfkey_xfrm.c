// SPDX-License-Identifier: MIT
/* The XFRM codec without a kernel: values there and back, messages cut short, events, answers. */
#include "pfkey/xfrm.h"
#include "pfkey/xfrm_answer.h"
#include "tests/lib/pfkey_same.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr a;

	assert_int_equal(ipsec_addr_parse(&a, text), 0);
	return a;
}

static void alg(struct ipsec_alg *a, const char *name, uint16_t key_bits, uint16_t icv_bits)
{
	memset(a, 0, sizeof(*a));
	strcpy(a->name, name);
	a->key_bits = key_bits;
	a->icv_bits = icv_bits;
	for (unsigned int i = 0; i < key_bits / 8; i++)
		a->key[i] = (uint8_t)(0xf0 + i);
}

/* Everything at once: an SA no kernel would take, but no attribute may disturb another. */
static struct ipsec_sa full_sa(void)
{
	struct ipsec_sa sa = { .src = addr("2001:db8::1"), .dst = addr("2001:db8::2"), .proto = IPPROTO_ESP,
		.mode = IPSEC_MODE_TUNNEL, .flags = 0x3ff, .spi = 0x12345678, .reqid = 0xfedcba98, .if_id = 9, .tfc_pad = 1400,
		.replay_window = 4096, .acquire_seq = 77, .mark = { 0x10, 0xf0 }, .output_mark = { 0x20, 0xff },
		.encap = { 2, 4500, 4501, addr("2001:db8::3") }, .offload = { 6, IPSEC_OFFLOAD_PACKET, true },
		.dir = IPSEC_SA_DIR_OUT, .nat_keepalive = 20, .resume = true,
		.usage = { .bytes = 1, .packets = 2, .add_time = 3, .use_time = 4, .seq = 5ull << 32 | 6, .oseq = 7ull << 32 | 8 },
		.soft = { 1, 2, 3, 4 }, .hard = { 5, 6, 7, 8 } };

	sa.sel = (struct ipsec_selector){ .src = addr("10.0.0.0"), .dst = addr("10.1.0.0"), .src_len = 8, .dst_len = 16,
		.proto = IPPROTO_TCP, .sport = 1, .sport_mask = 2, .dport = 3, .dport_mask = 4, .ifindex = 5 };
	alg(&sa.aead, "rfc4106(gcm(aes))", 288, 96);
	alg(&sa.enc, "cbc(aes)", 256, 0);
	alg(&sa.auth, "hmac(sha512)", 1024, 256);
	alg(&sa.comp, "deflate", 0, 0);
	memset(sa.ctx, 'c', sizeof(sa.ctx) - 1);
	return sa;
}

static struct ipsec_policy full_policy(void)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_FWD, .action = IPSEC_ACTION_BLOCK, .type = XFRM_POLICY_TYPE_SUB,
		.flags = IPSEC_POLICY_LOCALOK | IPSEC_POLICY_ICMP, .offload = { 7, IPSEC_OFFLOAD_PACKET, false },
		.priority = 0x80000001, .index = 0x1002, .mark = { 1, 3 }, .if_id = 4, .ntmpl = IPSEC_TMPL_MAX,
		.soft = { 1, 2, 3, 4 }, .hard = { 5, 6, 7, 8 }, .ctx = "system_u:object_r:ipsec_spd_t:s0" };

	pol.sel = full_sa().sel;
	for (unsigned int i = 0; i < IPSEC_TMPL_MAX; i++) {
		bool v6 = i % 2;

		pol.tmpl[i] = (struct ipsec_tmpl){ .src = addr(v6 ? "2001:db8::1" : "192.0.2.1"),
			.dst = addr(v6 ? "2001:db8::2" : "192.0.2.2"), .proto = IPPROTO_AH, .mode = IPSEC_MODE_TUNNEL,
			.optional = v6, .reqid = i + 1, .spi = 0x100 + i };
	}
	pol.tmpl[5].mode = IPSEC_MODE_BEET;
	return pol;
}

static void same_sa(const struct ipsec_sa *want, const struct ipsec_sa *got)
{
	const char *differs = sa_differs(want, got);

	if (differs)
		fail_msg("%s differs", differs);
}

static const struct nlattr *find_attr(const struct xfrm_msg *m, size_t head, uint16_t type)
{
	struct xfrm_attrs t;

	assert_int_equal(xfrm_attrs_get(&t, &m->nlh, head), 0);
	return t.a[type];
}

static void test_sa_full(void **state)
{
	struct ipsec_sa sa = full_sa(), got;
	struct xfrm_msg m;

	(void)state;
	xfrm_sa_put(&m, &sa, false);
	assert_int_equal(m.nlh.nlmsg_type, XFRM_MSG_NEWSA);
	assert_true(m.nlh.nlmsg_len < XFRM_MSG_MAX_SIZE);
	assert_int_equal(xfrm_sa_get(&m.nlh, &got), 0);
	same_sa(&sa, &got);
	assert_int_equal(got.acquire_seq, 77);
	assert_true(got.usage.seq == (5ull << 32 | 6) && got.usage.oseq == (7ull << 32 | 8));
	assert_int_equal(got.state, IPSEC_STATE_MATURE);
	xfrm_sa_put(&m, &sa, true);
	assert_int_equal(m.nlh.nlmsg_type, XFRM_MSG_UPDSA);
	xfrm_spi_put(&m, &sa, 0x100, 0x200);
	assert_int_equal(*(const uint8_t *)mnl_attr_get_payload(find_attr(&m, sizeof(struct xfrm_userspi_info), XFRM_ATTR_SA_DIR)),
			 IPSEC_SA_DIR_OUT);
}

/* What is not set makes no attribute, and the shapes the kernel insists on. */
static void test_sa_shapes(void **state)
{
	const size_t head = sizeof(struct xfrm_usersa_info);
	struct ipsec_sa sa = { .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP, .spi = 0x100 }, got;
	struct xfrm_usersa_info info;
	struct xfrm_msg m;

	(void)state;
	alg(&sa.auth, "hmac(sha256)", 256, 0);
	xfrm_sa_put(&m, &sa, false);
	for (uint16_t type = 1; type <= XFRM_ATTR_MAX; type++)
		assert_int_equal(!!find_attr(&m, head, type), type == XFRMA_ALG_AUTH);
	memcpy(&info, mnl_nlmsg_get_payload(&m.nlh), sizeof(info));
	assert_true(info.lft.hard_byte_limit == XFRM_INF && info.lft.soft_packet_limit == XFRM_INF);
	assert_true(!info.lft.hard_add_expires_seconds && !info.flags);

	sa.replay_window = 32;
	xfrm_sa_put(&m, &sa, false);
	assert_null(find_attr(&m, head, XFRMA_REPLAY_ESN_VAL));
	assert_int_equal(xfrm_sa_get(&m.nlh, &got), 0);
	assert_int_equal(got.replay_window, 32);
	sa.replay_window = 33;
	xfrm_sa_put(&m, &sa, false);
	memcpy(&info, mnl_nlmsg_get_payload(&m.nlh), sizeof(info));
	assert_int_equal(info.replay_window, 0);
	assert_int_equal(mnl_attr_get_payload_len(find_attr(&m, head, XFRMA_REPLAY_ESN_VAL)),
			 sizeof(struct xfrm_replay_state_esn) + 8);
	assert_false(info.flags & XFRM_STATE_ESN);
	sa.replay_window = 32;
	sa.flags = IPSEC_SA_ESN;
	xfrm_sa_put(&m, &sa, false);
	assert_non_null(find_attr(&m, head, XFRMA_REPLAY_ESN_VAL));

	/* A tunnel for both families. */
	sa.flags = IPSEC_SA_AF_UNSPEC;
	sa.mode = IPSEC_MODE_TUNNEL;
	xfrm_sa_put(&m, &sa, false);
	memcpy(&info, mnl_nlmsg_get_payload(&m.nlh), sizeof(info));
	assert_true(info.flags & XFRM_STATE_AF_UNSPEC);
	assert_int_equal(xfrm_sa_get(&m.nlh, &got), 0);
	same_sa(&sa, &got);

	/* What the kernel makes of no selector, where nothing says that both families are meant. */
	sa.flags = 0;
	xfrm_sa_put(&m, &sa, false);
	((struct xfrm_usersa_info *)mnl_nlmsg_get_payload(&m.nlh))->sel.family = AF_INET;
	assert_int_equal(xfrm_sa_get(&m.nlh, &got), 0);
	same_sa(&sa, &got);

	alg(&sa.aead, "rfc4106(gcm(aes))", 160, 0);
	xfrm_sa_put(&m, &sa, false);
	assert_int_equal(xfrm_sa_get(&m.nlh, &got), 0);
	assert_int_equal(got.aead.icv_bits, 128);
}

/* An SA that goes on: its numbers, all of its window taken as received, and its age only when that is known. */
static uint32_t u32_of(const struct xfrm_msg *m, size_t head, uint16_t type)
{
	struct xfrm_attrs t;
	uint32_t v = 0;

	assert_int_equal(xfrm_attrs_get(&t, &m->nlh, head), 0);
	assert_true(xfrm_attr_copy(&t, type, &v, sizeof(v)) || !v);
	return v;
}

/* When it tells of its packets: nothing is said, the shortest timer, or one that never runs out; never a count. */
static void test_when_told(void **state)
{
	static const uint32_t count[] = { 0, UINT32_MAX, UINT32_MAX }, timer[] = { 0, 1, INT32_MAX / 2 };
	const struct ipsec_sa_id id = { .dst = addr("192.0.2.1"), .proto = IPPROTO_ESP, .spi = 0x1234 };
	struct ipsec_sa sa = full_sa();
	struct xfrm_aevent_id x;
	struct xfrm_msg m;

	(void)state;
	for (uint8_t when = IPSEC_AE_SYSCTL; when <= IPSEC_AE_NEVER; when++) {
		sa.ae = when;
		xfrm_sa_put(&m, &sa, false);
		assert_int_equal(u32_of(&m, sizeof(struct xfrm_usersa_info), XFRMA_REPLAY_THRESH), count[when]);
		assert_int_equal(u32_of(&m, sizeof(struct xfrm_usersa_info), XFRMA_ETIMER_THRESH), timer[when]);
		xfrm_ae_put(&m, &id, when);
		assert_int_equal(u32_of(&m, sizeof(x), XFRMA_REPLAY_THRESH), count[when]);
		assert_int_equal(u32_of(&m, sizeof(x), XFRMA_ETIMER_THRESH), timer[when]);
	}
	assert_int_equal(m.nlh.nlmsg_type, XFRM_MSG_NEWAE);
	assert_true(m.nlh.nlmsg_flags & NLM_F_REPLACE);
	memcpy(&x, mnl_nlmsg_get_payload(&m.nlh), sizeof(x));
	assert_int_equal(ntohl(x.sa_id.spi), 0x1234);
	assert_int_equal(x.sa_id.family, AF_INET);
}

static void test_resume(void **state)
{
	const size_t head = sizeof(struct xfrm_usersa_info);
	struct ipsec_sa sa = { .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP, .spi = 0x100,
			       .resume = true, .usage = { .seq = 7, .oseq = 8, .bytes = 9, .packets = 10 } };
	struct xfrm_replay_state_esn esn;
	struct xfrm_lifetime_cur used;
	struct xfrm_replay_state old;
	const struct nlattr *attr;
	struct xfrm_msg m;

	(void)state;
	alg(&sa.aead, "rfc4106(gcm(aes))", 160, 128);
	xfrm_sa_put(&m, &sa, false);
	memcpy(&old, mnl_attr_get_payload(find_attr(&m, head, XFRMA_REPLAY_VAL)), sizeof(old));
	assert_true(old.seq == 7 && old.oseq == 8 && !old.bitmap);
	assert_null(find_attr(&m, head, XFRMA_LTIME_VAL));
	sa.replay_window = 32;
	sa.usage.add_time = 1700000000;
	sa.usage.use_time = 1700000001;
	xfrm_sa_put(&m, &sa, false);
	memcpy(&old, mnl_attr_get_payload(find_attr(&m, head, XFRMA_REPLAY_VAL)), sizeof(old));
	assert_true(old.bitmap == UINT32_MAX);
	memcpy(&used, mnl_attr_get_payload(find_attr(&m, head, XFRMA_LTIME_VAL)), sizeof(used));
	assert_true(used.bytes == 9 && used.packets == 10 && used.add_time == 1700000000 && used.use_time == 1700000001);

	sa.replay_window = 100;
	sa.usage.seq = 0x1234567890;
	sa.flags = IPSEC_SA_ESN;
	xfrm_sa_put(&m, &sa, false);
	assert_null(find_attr(&m, head, XFRMA_REPLAY_VAL));
	attr = find_attr(&m, head, XFRMA_REPLAY_ESN_VAL);
	memcpy(&esn, mnl_attr_get_payload(attr), sizeof(esn));
	assert_true(esn.seq == 0x34567890 && esn.seq_hi == 0x12 && esn.oseq == 8 && !esn.oseq_hi && esn.bmp_len == 4);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(((const uint8_t *)mnl_attr_get_payload(attr))[sizeof(esn) + i], 0xff);
	sa.resume = false;
	xfrm_sa_put(&m, &sa, false);
	assert_null(find_attr(&m, head, XFRMA_LTIME_VAL));
	attr = find_attr(&m, head, XFRMA_REPLAY_ESN_VAL);
	memcpy(&esn, mnl_attr_get_payload(attr), sizeof(esn));
	assert_true(!esn.seq && !esn.seq_hi && !esn.oseq && !((const uint8_t *)mnl_attr_get_payload(attr))[sizeof(esn)]);
}

static void test_larval_and_age(void **state)
{
	struct ipsec_sa sa = { .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP, .spi = 0x100 }, got;
	static const struct { struct ipsec_lifetime soft; struct ipsec_usage u; uint8_t state; } rows[] = {
		{ { 0, 0, 0, 0 }, { .bytes = 1, .packets = 1, .add_time = 1 }, IPSEC_STATE_MATURE },
		{ { 10, 0, 0, 0 }, { .bytes = 9 }, IPSEC_STATE_MATURE },
		{ { 10, 0, 0, 0 }, { .bytes = 10 }, IPSEC_STATE_DYING },
		{ { 0, 5, 0, 0 }, { .packets = 5 }, IPSEC_STATE_DYING },
		{ { 0, 0, 100, 0 }, { .add_time = 900 }, IPSEC_STATE_DYING },
		{ { 0, 0, 101, 0 }, { .add_time = 900 }, IPSEC_STATE_MATURE },
		{ { 0, 0, 100, 0 }, { .add_time = 2000 }, IPSEC_STATE_MATURE },		/* the clock was set back */
		{ { 0, 0, 0, 100 }, { .add_time = 1 }, IPSEC_STATE_MATURE },		/* not used yet */
		{ { 0, 0, 0, 100 }, { .use_time = 800 }, IPSEC_STATE_DYING },
	};
	struct xfrm_msg m;

	(void)state;
	xfrm_sa_put(&m, &sa, false);
	assert_int_equal(xfrm_sa_get(&m.nlh, &got), 0);
	assert_int_equal(got.state, IPSEC_STATE_LARVAL);
	xfrm_sa_age(&got, 1000);
	assert_int_equal(got.state, IPSEC_STATE_LARVAL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		got.state = IPSEC_STATE_MATURE;
		got.soft = rows[i].soft;
		got.usage = rows[i].u;
		xfrm_sa_age(&got, 1000);
		if (got.state != rows[i].state)
			fail_msg("row %zu: %u", i, got.state);
	}
}

static void test_policy_full(void **state)
{
	struct ipsec_policy pol = full_policy(), got;
	const char *differs;
	struct xfrm_msg m;

	(void)state;
	xfrm_policy_put(&m, &pol, false);
	assert_int_equal(m.nlh.nlmsg_type, XFRM_MSG_NEWPOLICY);
	assert_int_equal(xfrm_policy_get(&m.nlh, &got), 0);
	differs = policy_differs(&pol, &got);
	if (differs)
		fail_msg("%s differs", differs);
	/* Transport behind a tunnel has the tunnel's family, before it the packet's. */
	pol.ntmpl = 3;
	pol.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_COMP };
	pol.tmpl[2] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP };
	xfrm_policy_put(&m, &pol, true);
	const struct xfrm_user_tmpl *t = mnl_attr_get_payload(find_attr(&m, sizeof(struct xfrm_userpolicy_info), XFRMA_TMPL));

	assert_int_equal(t[0].family, AF_INET);
	assert_int_equal(t[1].family, AF_INET6);
	assert_int_equal(t[2].family, AF_INET6);
	assert_int_equal(xfrm_policy_get(&m.nlh, &got), 0);
	assert_null(policy_differs(&pol, &got));
}

static void test_socket_policy(void **state)
{
	struct ipsec_policy pol = full_policy(), got;
	struct xfrm_userpolicy_info *info;
	struct xfrm_msg m;

	(void)state;
	xfrm_policy_put(&m, &pol, false);
	info = mnl_nlmsg_get_payload(&m.nlh);
	info->dir = XFRM_POLICY_MAX + XFRM_POLICY_OUT;
	assert_int_equal(xfrm_policy_get(&m.nlh, &got), 0);
	assert_true(got.socket && got.dir == IPSEC_DIR_OUT);
	info->dir = 2 * XFRM_POLICY_MAX;
	assert_int_equal(xfrm_policy_get(&m.nlh, &got), -EBADMSG);
}

static void no_event(const struct ipsec_event *ev, void *arg)
{
	(void)arg;
	fail_msg("an event of type %u out of half a message", ev->type);
}

/*
 * Every shorter length of the message, in memory that ends there, and every attribute shortened to nothing. Where the cut
 * falls between attributes the rest is a message; elsewhere it must be refused.
 */
static void cut_short(const struct nlmsghdr *whole, size_t head, int (*get)(const struct nlmsghdr *nlh))
{
	size_t boundary = MNL_NLMSG_HDRLEN + MNL_ALIGN(head);

	for (uint32_t n = MNL_NLMSG_HDRLEN; n < whole->nlmsg_len; n++) {
		struct nlmsghdr *cut = malloc(n);
		const struct nlattr *attr;
		int err;

		assert_non_null(cut);
		memcpy(cut, whole, n);
		cut->nlmsg_len = n;
		err = get(cut);
		attr = (const struct nlattr *)((const uint8_t *)whole + boundary);
		/* The padding of the last attribute may be missing. */
		if (n < MNL_NLMSG_HDRLEN + head || (n > boundary && n < boundary + attr->nla_len))
			assert_int_equal(err, -EBADMSG);
		else
			assert_int_equal(err, 0);
		if (n + 1 >= boundary + MNL_ALIGN(attr->nla_len) && n >= boundary)
			boundary += MNL_ALIGN(attr->nla_len);
		free(cut);
	}
}

static int get_sa(const struct nlmsghdr *nlh)
{
	struct ipsec_sa sa;

	return xfrm_sa_get(nlh, &sa);
}

static int get_policy(const struct nlmsghdr *nlh)
{
	struct ipsec_policy pol;

	return xfrm_policy_get(nlh, &pol);
}

static void test_cut_short(void **state)
{
	struct ipsec_policy pol = full_policy();
	struct ipsec_sa sa = full_sa();
	struct xfrm_msg m;

	(void)state;
	xfrm_sa_put(&m, &sa, false);
	cut_short(&m.nlh, sizeof(struct xfrm_usersa_info), get_sa);
	xfrm_policy_put(&m, &pol, false);
	cut_short(&m.nlh, sizeof(struct xfrm_userpolicy_info), get_policy);
}

/* Each lie an attribute can tell about its inside. */
static void test_lies(void **state)
{
	const size_t head = sizeof(struct xfrm_usersa_info);
	struct ipsec_sa sa = full_sa(), got;
	struct ipsec_policy pol = full_policy(), got_pol;
	struct xfrm_msg m, good;
#define IN(type, attr) ((struct type *)mnl_attr_get_payload(find_attr(&m, head, attr)))
#define IN_BYTE(attr) ((uint8_t *)mnl_attr_get_payload(find_attr(&m, head, attr)))
#define LIE(statement) do { m = good; statement; assert_int_equal(xfrm_sa_get(&m.nlh, &got), -EBADMSG); } while (0)

	(void)state;
	xfrm_sa_put(&good, &sa, false);
	LIE(IN(xfrm_algo, XFRMA_ALG_CRYPT)->alg_key_len = 257);
	LIE(IN(xfrm_algo, XFRMA_ALG_CRYPT)->alg_key_len = UINT32_MAX);
	LIE(memset(IN(xfrm_algo, XFRMA_ALG_CRYPT)->alg_name, 'x', 64));
	LIE(IN(xfrm_algo_auth, XFRMA_ALG_AUTH_TRUNC)->alg_key_len = 1032);
	LIE(IN(xfrm_algo_auth, XFRMA_ALG_AUTH_TRUNC)->alg_trunc_len = 0x10000);
	LIE(IN(xfrm_algo_aead, XFRMA_ALG_AEAD)->alg_key_len = 4000);
	LIE(*IN_BYTE(XFRM_ATTR_SA_DIR) = 3);
	LIE(IN(xfrm_user_sec_ctx, XFRMA_SEC_CTX)->ctx_len = 300);
	LIE(((struct xfrm_usersa_info *)mnl_nlmsg_get_payload(&m.nlh))->family = AF_UNIX);
	LIE(((struct nlattr *)(uintptr_t)find_attr(&m, head, XFRMA_MARK))->nla_len = 3);
	LIE(((struct nlattr *)(uintptr_t)find_attr(&m, head, XFRMA_MARK))->nla_len = 4 + sizeof(struct xfrm_mark) - 1);
	LIE(((struct nlattr *)(uintptr_t)find_attr(&m, head, XFRMA_SEC_CTX))->nla_len = 0xffff);
#undef LIE
	xfrm_policy_put(&m, &pol, false);
	((struct nlattr *)(uintptr_t)find_attr(&m, sizeof(struct xfrm_userpolicy_info), XFRMA_TMPL))->nla_len -= 4;
	assert_int_equal(xfrm_policy_get(&m.nlh, &got_pol), -EBADMSG);
}

/* ---- events ---- */

struct events {
	struct ipsec_event ev[8];
	int n;
};

static void take(const struct ipsec_event *ev, void *arg)
{
	struct events *e = arg;

	assert_true(e->n < 8);
	e->ev[e->n++] = *ev;
}

/* Reads the one event of a message, and sees every shorter form of its fixed part refused. */
static struct ipsec_event event_of(struct xfrm_msg *m, size_t head)
{
	struct events e = { .n = 0 };
	uint32_t whole = m->nlh.nlmsg_len;

	m->nlh.nlmsg_pid = 4321;
	assert_int_equal(xfrm_event_get(&m->nlh, take, &e), 1);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.ev[0].pid, 4321);
	for (uint32_t n = MNL_NLMSG_HDRLEN; n < MNL_NLMSG_HDRLEN + head; n++) {
		m->nlh.nlmsg_len = n;
		assert_int_equal(xfrm_event_get(&m->nlh, no_event, NULL), -EBADMSG);
	}
	m->nlh.nlmsg_len = whole;
	return e.ev[0];
}

static void acquire_message(struct xfrm_msg *m, const struct ipsec_policy *pol, const char *from, const char *to, uint8_t proto)
{
	struct xfrm_user_acquire *x;
	struct xfrm_msg in;
	struct ipsec_addr src = addr(from), dst = addr(to);
	const struct nlattr *tmpl;

	xfrm_policy_put(&in, pol, false);
	tmpl = find_attr(&in, sizeof(x->policy), XFRMA_TMPL);
	x = xfrm_msg_start(m, XFRM_MSG_ACQUIRE, 0, sizeof(*x));
	memcpy(&x->policy, mnl_nlmsg_get_payload(&in.nlh), sizeof(x->policy));
	x->seq = 99;
	x->id.proto = proto;
	xfrm_addr_put(&x->id.daddr, &dst);
	xfrm_addr_put(&x->saddr, &src);
	xfrm_selector_put(&x->sel, &pol->sel);
	memcpy(xfrm_attr_room(m, XFRMA_TMPL, mnl_attr_get_payload_len(tmpl)), mnl_attr_get_payload(tmpl),
	       mnl_attr_get_payload_len(tmpl));
}

static void test_acquire(void **state)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT, .ntmpl = 3 };
	struct ipsec_addr v4 = addr("192.0.2.2"), v6 = addr("2001:db8::2");
	struct ipsec_event ev;
	struct xfrm_msg m;

	(void)state;
	pol.sel = (struct ipsec_selector){ .src = addr("2001:db8:1::1"), .dst = addr("2001:db8:2::1"), .src_len = 128, .dst_len = 128 };
	pol.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_COMP, .reqid = 1 };
	pol.tmpl[1] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TUNNEL, .reqid = 2,
					   .src = addr("192.0.2.1"), .dst = v4 };
	pol.tmpl[2] = (struct ipsec_tmpl){ .proto = IPPROTO_AH, .reqid = 3 };

	/* The message says no family: the tunnel's, IPv4, though the packet is IPv6. */
	acquire_message(&m, &pol, "192.0.2.1", "192.0.2.2", IPPROTO_ESP);
	ev = event_of(&m, sizeof(struct xfrm_user_acquire));
	assert_int_equal(ev.type, IPSEC_EVENT_ACQUIRE);
	assert_int_equal(ev.acquire.seq, 99);
	assert_int_equal(ev.acquire.proto, IPPROTO_ESP);
	assert_int_equal(ev.acquire.tmpl, 1);
	assert_true(ipsec_addr_equal(&ev.acquire.dst, &v4));
	assert_null(policy_differs(&pol, &ev.acquire.policy));
	assert_null(selector_differs(&pol.sel, &ev.acquire.sel));

	/* Behind the tunnel: its ends. */
	acquire_message(&m, &pol, "192.0.2.1", "192.0.2.2", IPPROTO_AH);
	ev = event_of(&m, sizeof(struct xfrm_user_acquire));
	assert_int_equal(ev.acquire.tmpl, 2);
	assert_true(ipsec_addr_equal(&ev.acquire.dst, &v4));

	/* Before it: the packet's. */
	acquire_message(&m, &pol, "2001:db8:1::1", "2001:db8:2::1", IPPROTO_COMP);
	ev = event_of(&m, sizeof(struct xfrm_user_acquire));
	assert_int_equal(ev.acquire.tmpl, 0);
	assert_true(ipsec_addr_equal(&ev.acquire.dst, &pol.sel.dst));

	/* Two tunnels of one protocol: told apart by their ends. */
	pol.ntmpl = 2;
	pol.tmpl[0] = pol.tmpl[1];
	pol.tmpl[1].src = addr("2001:db8::1");
	pol.tmpl[1].dst = v6;
	acquire_message(&m, &pol, "2001:db8::1", "2001:db8::2", IPPROTO_ESP);
	ev = event_of(&m, sizeof(struct xfrm_user_acquire));
	assert_int_equal(ev.acquire.tmpl, 1);
	assert_true(ipsec_addr_equal(&ev.acquire.dst, &v6));
}

/* An attribute of another message's fixed part, as the kernel puts XFRMA_SA and XFRMA_POLICY into deletions. */
static void attr_from(struct xfrm_msg *m, uint16_t type, const struct xfrm_msg *in, size_t n)
{
	memcpy(xfrm_attr_room(m, type, n), mnl_nlmsg_get_payload(&in->nlh), n);
}

static void test_sa_events(void **state)
{
	struct ipsec_sa sa = full_sa();
	struct ipsec_sa_id id = { .dst = sa.dst, .proto = sa.proto, .spi = sa.spi, .mark = sa.mark };
	struct xfrm_user_expire *expire;
	struct ipsec_event ev;
	struct xfrm_msg m, in;

	(void)state;
	xfrm_sa_put(&m, &sa, false);
	ev = event_of(&m, sizeof(struct xfrm_usersa_info));
	assert_int_equal(ev.type, IPSEC_EVENT_SA_NEW);
	same_sa(&sa, &ev.sa);
	xfrm_sa_put(&m, &sa, true);
	ev = event_of(&m, sizeof(struct xfrm_usersa_info));
	assert_int_equal(ev.type, IPSEC_EVENT_SA_UPDATE);

	xfrm_sa_put(&in, &sa, false);
	xfrm_sa_id_put(&m, XFRM_MSG_DELSA, 0, &id);
	attr_from(&m, XFRMA_SA, &in, sizeof(struct xfrm_usersa_info));
	ev = event_of(&m, sizeof(struct xfrm_usersa_id));
	assert_int_equal(ev.type, IPSEC_EVENT_SA_DELETE);
	assert_true(ipsec_addr_equal(&ev.sa_id.dst, &sa.dst) && ev.sa_id.spi == sa.spi && ev.sa_id.proto == sa.proto &&
		    ev.sa_id.mark.value == 0x10 && ev.sa_id.mark.mask == 0xf0);

	for (uint8_t hard = 0; hard < 2; hard++) {
		expire = xfrm_msg_start(&m, XFRM_MSG_EXPIRE, 0, sizeof(*expire));
		memcpy(&expire->state, mnl_nlmsg_get_payload(&in.nlh), sizeof(expire->state));
		expire->hard = hard;
		xfrm_attr_mark(&m, &sa.mark, sa.if_id);
		ev = event_of(&m, sizeof(*expire));
		assert_int_equal(ev.type, IPSEC_EVENT_EXPIRE);
		assert_int_equal(ev.expire.hard, hard);
		assert_int_equal(ev.expire.sa.state, hard ? IPSEC_STATE_DEAD : IPSEC_STATE_DYING);
		assert_int_equal(ev.expire.sa.spi, sa.spi);
		assert_int_equal(ev.expire.sa.if_id, sa.if_id);
	}

	struct xfrm_usersa_flush *flush = xfrm_msg_start(&m, XFRM_MSG_FLUSHSA, 0, sizeof(*flush));

	flush->proto = 255;
	ev = event_of(&m, sizeof(*flush));
	assert_int_equal(ev.type, IPSEC_EVENT_SA_FLUSH);
	assert_int_equal(ev.flush_proto, 0);
	flush->proto = IPPROTO_AH;
	ev = event_of(&m, sizeof(*flush));
	assert_int_equal(ev.flush_proto, IPPROTO_AH);
}

static void test_policy_events(void **state)
{
	struct ipsec_policy pol = full_policy();
	struct xfrm_user_polexpire *expire;
	struct ipsec_event ev;
	struct xfrm_msg m, in;

	(void)state;
	xfrm_policy_put(&in, &pol, false);
	ev = event_of(&in, sizeof(struct xfrm_userpolicy_info));
	assert_int_equal(ev.type, IPSEC_EVENT_POLICY_NEW);
	assert_null(policy_differs(&pol, &ev.policy));
	xfrm_policy_put(&m, &pol, true);
	assert_int_equal(event_of(&m, sizeof(struct xfrm_userpolicy_info)).type, IPSEC_EVENT_POLICY_UPDATE);

	/* With the policy as the kernel sends it, and without as others may. */
	for (int with = 0; with < 2; with++) {
		xfrm_policy_key_put(&m, XFRM_MSG_DELPOLICY, 0, &pol);
		if (with)
			attr_from(&m, XFRMA_POLICY, &in, sizeof(struct xfrm_userpolicy_info));
		ev = event_of(&m, sizeof(struct xfrm_userpolicy_id));
		assert_int_equal(ev.type, IPSEC_EVENT_POLICY_DELETE);
		assert_null(selector_differs(&pol.sel, &ev.policy.sel));
		assert_true(ev.policy.dir == pol.dir && ev.policy.index == pol.index && ev.policy.if_id == pol.if_id &&
			    ev.policy.mark.value == pol.mark.value);
		assert_int_equal(ev.policy.priority, with ? pol.priority : 0);
	}
	xfrm_msg_start(&m, XFRM_MSG_FLUSHPOLICY, 0, 0);
	assert_int_equal(event_of(&m, 0).type, IPSEC_EVENT_POLICY_FLUSH);

	expire = xfrm_msg_start(&m, XFRM_MSG_POLEXPIRE, 0, sizeof(*expire));
	memcpy(&expire->pol, mnl_nlmsg_get_payload(&in.nlh), sizeof(expire->pol));
	expire->hard = 1;
	ev = event_of(&m, sizeof(*expire));
	assert_int_equal(ev.type, IPSEC_EVENT_POLICY_EXPIRE);
	assert_true(ev.policy_expire.hard && ev.policy_expire.policy.index == pol.index);
}

static void test_other_events(void **state)
{
	struct ipsec_addr one = addr("192.0.2.1"), two = addr("192.0.2.2");
	struct xfrm_replay_state_esn esn = { .seq = 7, .oseq = 8, .seq_hi = 1, .oseq_hi = 2 };
	struct xfrm_lifetime_cur cur = { .bytes = 1000, .packets = 10 };
	struct xfrm_user_mapping *mapping;
	struct xfrm_userpolicy_id *policy;
	struct xfrm_user_migrate move = { .proto = IPPROTO_ESP, .mode = XFRM_MODE_TUNNEL, .reqid = 5,
					  .old_family = AF_INET, .new_family = AF_INET6 };
	struct xfrm_aevent_id *ae;
	struct events e = { .n = 0 };
	struct ipsec_event ev;
	struct xfrm_msg m;

	(void)state;
	mapping = xfrm_msg_start(&m, XFRM_MSG_MAPPING, 0, sizeof(*mapping));
	mapping->id = (struct xfrm_usersa_id){ .spi = htonl(0x100), .family = AF_INET, .proto = IPPROTO_ESP };
	mapping->reqid = 3;
	xfrm_addr_put(&mapping->old_saddr, &one);
	xfrm_addr_put(&mapping->new_saddr, &two);
	mapping->old_sport = htons(4500);
	mapping->new_sport = htons(1025);
	ev = event_of(&m, sizeof(*mapping));
	assert_int_equal(ev.type, IPSEC_EVENT_MAPPING);
	assert_true(ipsec_addr_equal(&ev.mapping.old_addr, &one) && ipsec_addr_equal(&ev.mapping.new_addr, &two) &&
		    ev.mapping.old_port == 4500 && ev.mapping.new_port == 1025 && ev.mapping.reqid == 3 &&
		    ev.mapping.id.spi == 0x100);

	ae = xfrm_msg_start(&m, XFRM_MSG_NEWAE, 0, sizeof(*ae));
	ae->sa_id = (struct xfrm_usersa_id){ .spi = htonl(0x100), .family = AF_INET, .proto = IPPROTO_ESP };
	ae->reqid = 4;
	xfrm_addr_put(&ae->saddr, &one);
	memcpy(xfrm_attr_room(&m, XFRMA_REPLAY_ESN_VAL, sizeof(esn)), &esn, sizeof(esn));
	memcpy(xfrm_attr_room(&m, XFRMA_LTIME_VAL, sizeof(cur)), &cur, sizeof(cur));
	ev = event_of(&m, sizeof(*ae));
	assert_int_equal(ev.type, IPSEC_EVENT_AE);
	assert_true(ev.ae.seq == (1ull << 32 | 7) && ev.ae.oseq == (2ull << 32 | 8) && ev.ae.bytes == 1000 &&
		    ev.ae.packets == 10 && ev.ae.reqid == 4 && ev.ae.id.spi == 0x100 &&
		    ipsec_addr_equal(&ev.ae.src, &one));

	policy = xfrm_msg_start(&m, XFRM_MSG_MIGRATE, 0, sizeof(*policy));
	policy->dir = XFRM_POLICY_OUT;
	assert_int_equal(xfrm_event_get(&m.nlh, no_event, NULL), -EBADMSG);	/* nothing moves */
	uint8_t *room = xfrm_attr_room(&m, XFRMA_MIGRATE, 2 * sizeof(move));

	memcpy(room, &move, sizeof(move));
	move.reqid = 6;
	memcpy(room + sizeof(move), &move, sizeof(move));
	assert_int_equal(xfrm_event_get(&m.nlh, take, &e), 2);
	assert_true(e.n == 2 && e.ev[0].type == IPSEC_EVENT_MIGRATE && e.ev[0].migrate.reqid == 5 &&
		    e.ev[1].migrate.reqid == 6 && e.ev[1].migrate.dir == IPSEC_DIR_OUT &&
		    e.ev[0].migrate.old_dst.family == AF_INET && e.ev[0].migrate.new_dst.family == AF_INET6 &&
		    e.ev[0].migrate.mode == IPSEC_MODE_TUNNEL);

	/* What is none of ours. */
	xfrm_msg_start(&m, XFRM_MSG_NEWSADINFO, 0, 4);
	assert_int_equal(xfrm_event_get(&m.nlh, no_event, NULL), 0);
	xfrm_msg_start(&m, NLMSG_ERROR, 0, 4);
	assert_int_equal(xfrm_event_get(&m.nlh, no_event, NULL), 0);
	xfrm_msg_start(&m, 0xffff, 0, 4);
	assert_int_equal(xfrm_event_get(&m.nlh, no_event, NULL), 0);
}

/* ---- answers ---- */

static int count_one(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	return ++*(int *)arg == 2 ? 42 : 0;
}

static size_t add_message(uint8_t *at, uint16_t type, uint16_t flags, uint32_t seq, const void *p, size_t n)
{
	struct nlmsghdr h = { .nlmsg_len = (uint32_t)(sizeof(h) + n), .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq };

	memcpy(at, &h, sizeof(h));
	if (n)
		memcpy(at + sizeof(h), p, n);
	return NLMSG_ALIGN(h.nlmsg_len);
}

static void test_answers(void **state)
{
	static _Alignas(8) uint8_t buf[1024];
	struct { struct nlmsgerr e; struct nlattr attr; char text[200]; } err = {
		.e = { .error = -EEXIST }, .attr = { sizeof(struct nlattr) + 6, NLMSGERR_ATTR_MSG }, .text = "no way" };
	struct xfrm_answer a = { .seq = 5, .flags = NLM_F_ACK };
	int32_t done = -ENOMEM;
	int seen = 0;
	size_t n;

	(void)state;
	/* A stale one is passed over, ours ends the request, with words that are not terminated. */
	n = add_message(buf, NLMSG_ERROR, 0, 4, &err, sizeof(err.e));
	xfrm_answer_take(&a, buf, n);
	assert_false(a.finished);
	n += add_message(buf + n, NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, 5, &err, sizeof(err.e) + sizeof(err.attr) + 6);
	xfrm_answer_take(&a, buf, n);
	assert_true(a.finished && a.result == -EEXIST);
	assert_string_equal(a.words, "no way");

	/* Longer words than fit are cut; an attribute that lies about its length is left. */
	memset(err.text, 'w', sizeof(err.text));
	err.attr.nla_len = sizeof(struct nlattr) + sizeof(err.text);
	a = (struct xfrm_answer){ .seq = 5, .flags = NLM_F_ACK };
	n = add_message(buf, NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, 5, &err, sizeof(err));
	xfrm_answer_take(&a, buf, n);
	assert_int_equal(strlen(a.words), XFRM_WORDS_MAX - 1);
	err.attr.nla_len++;
	a = (struct xfrm_answer){ .seq = 5, .flags = NLM_F_ACK };
	n = add_message(buf, NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, 5, &err, sizeof(err));
	xfrm_answer_take(&a, buf, n);
	assert_true(a.finished && a.result == -EEXIST && !a.words[0]);

	/* A dump: the rest is read after its reader had enough; its result is what counts; INTR is seen. */
	a = (struct xfrm_answer){ .seq = 6, .flags = NLM_F_DUMP, .fn = count_one, .arg = &seen };
	n = 0;
	for (int i = 0; i < 4; i++)
		n += add_message(buf + n, XFRM_MSG_NEWSA, i == 3 ? NLM_F_DUMP_INTR : 0, 6, NULL, 0);
	xfrm_answer_take(&a, buf, n);
	assert_true(!a.finished && seen == 2 && a.interrupted);
	n = add_message(buf, NLMSG_DONE, 0, 6, &done, sizeof(done));
	xfrm_answer_take(&a, buf, n);
	assert_true(a.finished && a.result == 42);
	a = (struct xfrm_answer){ .seq = 6, .flags = NLM_F_DUMP };
	xfrm_answer_take(&a, buf, n);
	assert_true(a.finished && a.result == -ENOMEM);

	/* One message is an answer where nothing else was asked for. */
	a = (struct xfrm_answer){ .seq = 6 };
	n = add_message(buf, XFRM_MSG_NEWSA, 0, 6, NULL, 0);
	xfrm_answer_take(&a, buf, n);
	assert_true(a.finished && !a.result);

	/* Half messages. */
	for (size_t cut = 1; cut < n; cut++) {
		a = (struct xfrm_answer){ .seq = 6 };
		xfrm_answer_take(&a, buf, cut);
		assert_true(a.finished && a.result == -EBADMSG);
	}
	((struct nlmsghdr *)buf)->nlmsg_len = 3;
	a = (struct xfrm_answer){ .seq = 6 };
	xfrm_answer_take(&a, buf, n);
	assert_int_equal(a.result, -EBADMSG);
	n = add_message(buf, NLMSG_ERROR, 0, 6, &done, sizeof(done));
	a = (struct xfrm_answer){ .seq = 6 };
	xfrm_answer_take(&a, buf, n);
	assert_int_equal(a.result, -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sa_full), cmocka_unit_test(test_sa_shapes), cmocka_unit_test(test_larval_and_age),
		cmocka_unit_test(test_resume), cmocka_unit_test(test_when_told), cmocka_unit_test(test_policy_full),
		cmocka_unit_test(test_socket_policy), cmocka_unit_test(test_cut_short), cmocka_unit_test(test_lies),
		cmocka_unit_test(test_acquire), cmocka_unit_test(test_sa_events), cmocka_unit_test(test_policy_events),
		cmocka_unit_test(test_other_events), cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
