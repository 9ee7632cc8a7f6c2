// SPDX-License-Identifier: MIT
/* Batches: whose answer is whose with made-up answers, and the API's promises with the fake backend. */
#include "pfkey/backend.h"
#include "pfkey/xfrm_batch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- requests and made-up answers ---- */

struct told {
	unsigned int n;
	struct { uint64_t tag; int err; uint16_t type; char words[XFRM_WORDS_MAX]; } r[XFRM_BATCH_MAX];
};

static void note(const struct nlmsghdr *req, uint64_t tag, int err, const char *words, void *arg)
{
	struct told *t = arg;

	assert_true(t->n < XFRM_BATCH_MAX);
	t->r[t->n].tag = tag;
	t->r[t->n].err = err;
	t->r[t->n].type = req->nlmsg_type;
	strcpy(t->r[t->n++].words, words);
}

/* Requests of length bytes, with types from 100 and tags from 1000. */
static struct xfrm_batch *filled(unsigned int count, uint32_t length, uint32_t *seq)
{
	struct xfrm_batch *b = xfrm_batch_new(XFRM_BATCH_MAX);
	union { struct nlmsghdr nlh; uint8_t bytes[256]; } m;

	assert_non_null(b);
	memset(&m, 0xaa, sizeof(m));
	for (unsigned int i = 0; i < count; i++) {
		m.nlh = (struct nlmsghdr){ .nlmsg_len = length, .nlmsg_type = (uint16_t)(100 + i),
					   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
		assert_true(xfrm_batch_fits(b, length));
		xfrm_batch_add(b, &m.nlh, 1000 + i);
	}
	xfrm_batch_seal(b, seq, 4321);
	return b;
}

struct answers {
	_Alignas(8) uint8_t bytes[4096];
	size_t n;
};

static void answer(struct answers *a, uint32_t seq, int err, const char *words)
{
	struct nlmsghdr nlh = { .nlmsg_type = NLMSG_ERROR, .nlmsg_flags = NLM_F_CAPPED, .nlmsg_seq = seq };
	struct nlmsgerr e = { .error = err };
	struct nlattr attr = { .nla_type = NLMSGERR_ATTR_MSG };
	size_t n = sizeof(nlh) + sizeof(e);

	memcpy(a->bytes + a->n + sizeof(nlh), &e, sizeof(e));
	if (words) {
		attr.nla_len = (uint16_t)(sizeof(attr) + strlen(words) + 1);
		memcpy(a->bytes + a->n + n, &attr, sizeof(attr));
		strcpy((char *)a->bytes + a->n + n + sizeof(attr), words);
		n += NLA_ALIGN((size_t)attr.nla_len);
		nlh.nlmsg_flags |= NLM_F_ACK_TLVS;
	}
	nlh.nlmsg_len = (uint32_t)n;
	memcpy(a->bytes + a->n, &nlh, sizeof(nlh));
	a->n += NLMSG_ALIGN(n);
}

static void test_seal(void **state)
{
	uint32_t seq = 41;
	struct xfrm_batch *b = filled(3, 61, &seq);	/* padded to 64 */
	size_t at = 0;

	(void)state;
	assert_int_equal(seq, 44);
	assert_int_equal(b->used, 3 * 64);
	for (unsigned int i = 0; i < 3; i++, at += 64) {
		struct nlmsghdr nlh;

		memcpy(&nlh, b->buf + at, sizeof(nlh));
		assert_int_equal(nlh.nlmsg_len, 61);
		assert_int_equal(nlh.nlmsg_seq, 42 + i);
		assert_int_equal(nlh.nlmsg_pid, 4321);
		assert_int_equal(nlh.nlmsg_flags, i == 2 ? NLM_F_REQUEST | NLM_F_ACK : NLM_F_REQUEST);
		assert_int_equal(b->buf[at + 61] | b->buf[at + 62] | b->buf[at + 63], 0);
	}
	xfrm_batch_free(b);
	xfrm_batch_free(NULL);
}

/* No answer is success once a later one came; errors are told with their words, in order. */
static void test_results(void **state)
{
	uint32_t seq = UINT32_MAX - 2;		/* wraps within */
	struct xfrm_batch *b = filled(6, 64, &seq);
	struct answers a = { .n = 0 };
	struct told t = { .n = 0 };

	(void)state;
	answer(&a, b->first - 1, -EPERM, NULL);			/* of an earlier request */
	answer(&a, b->first + 6, -EPERM, NULL);			/* of none */
	assert_int_equal(xfrm_batch_take(b, a.bytes, a.n, note, &t), 0);
	assert_int_equal(t.n, 0);
	a.n = 0;
	answer(&a, b->first + 1, -EEXIST, "File exists");
	assert_int_equal(xfrm_batch_take(b, a.bytes, a.n, note, &t), 0);
	assert_int_equal(t.n, 2);
	a.n = 0;
	answer(&a, b->first + 1, -EPERM, NULL);			/* a second answer does not count */
	answer(&a, b->first + 4, -EINVAL, NULL);
	answer(&a, b->first + 5, 0, NULL);
	assert_int_equal(xfrm_batch_take(b, a.bytes, a.n, note, &t), 0);
	assert_int_equal(t.n, 6);
	for (unsigned int i = 0; i < 6; i++) {
		static const int want[] = { 0, -EEXIST, 0, 0, -EINVAL, 0 };

		assert_int_equal(t.r[i].tag, 1000 + i);
		assert_int_equal(t.r[i].type, 100 + i);
		assert_int_equal(t.r[i].err, want[i]);
		assert_string_equal(t.r[i].words, i == 1 ? "File exists" : "");
	}
	xfrm_batch_finish(b, -EIO, note, &t);
	assert_int_equal(t.n, 6);
	for (size_t i = 0; i < XFRM_BATCH_SIZE && i < 6 * 64; i++)
		assert_int_equal(b->buf[i], 0);
	assert_true(!b->used && !b->count && !b->told);
	xfrm_batch_free(b);
}

/* When answers were lost, silence is no success; when nothing can be sent, all fail alike. */
static void test_lost(void **state)
{
	uint32_t seq = 0;
	struct xfrm_batch *b = filled(5, 64, &seq);
	struct answers a = { .n = 0 };
	struct told t = { .n = 0 };

	(void)state;
	xfrm_batch_lost(b);
	answer(&a, 2, -EEXIST, NULL);
	answer(&a, 4, -EEXIST, NULL);
	assert_int_equal(xfrm_batch_take(b, a.bytes, a.n, note, &t), 0);
	xfrm_batch_finish(b, -ENOBUFS, note, &t);
	assert_int_equal(t.n, 5);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(t.r[i].err, i % 2 ? -EEXIST : -ENOBUFS);
	/* The next is not touched by it. */
	t.n = a.n = 0;
	xfrm_batch_add(b, &(struct nlmsghdr){ .nlmsg_len = sizeof(struct nlmsghdr) }, 1);
	xfrm_batch_add(b, &(struct nlmsghdr){ .nlmsg_len = sizeof(struct nlmsghdr) }, 2);
	xfrm_batch_seal(b, &seq, 1);
	answer(&a, 7, 0, NULL);
	assert_int_equal(xfrm_batch_take(b, a.bytes, a.n, note, &t), 0);
	assert_true(t.n == 2 && !t.r[0].err && !t.r[1].err && t.r[1].tag == 2);
	xfrm_batch_free(b);

	t.n = 0;
	b = filled(3, 64, &seq);
	xfrm_batch_finish(b, -EPERM, note, &t);
	assert_true(t.n == 3 && t.r[0].err == -EPERM && t.r[2].err == -EPERM);
	xfrm_batch_free(b);
}

/* What cannot be an answer tells nothing; half an answer is an error. */
static void test_bad_answers(void **state)
{
	uint32_t seq = 0;
	struct xfrm_batch *b = filled(2, 64, &seq);
	struct nlmsghdr other = { .nlmsg_len = sizeof(other), .nlmsg_type = 0x10, .nlmsg_seq = 1 };
	struct answers a = { .n = 0 };
	struct told t = { .n = 0 };

	(void)state;
	assert_int_equal(xfrm_batch_take(b, &other, sizeof(other), note, &t), 0);
	assert_int_equal(t.n, 0);
	answer(&a, 1, -EEXIST, NULL);
	for (size_t n = 1; n < a.n; n++)
		assert_int_equal(xfrm_batch_take(b, a.bytes, n, note, &t), -EBADMSG);
	assert_int_equal(t.n, 0);
	((struct nlmsghdr *)a.bytes)->nlmsg_len = sizeof(struct nlmsghdr);	/* an error without its number */
	assert_int_equal(xfrm_batch_take(b, a.bytes, sizeof(struct nlmsghdr), note, &t), 0);
	assert_true(t.n == 1 && t.r[0].err == -EBADMSG);
	xfrm_batch_free(b);
}

static void test_room(void **state)
{
	static const struct { unsigned int asked, max; } rows[] = { { 0, 1 }, { 1, 1 }, { 100, 100 }, { 1 << 20, XFRM_BATCH_MAX } };
	union { struct nlmsghdr nlh; uint8_t bytes[4096]; } big = { .nlh = { .nlmsg_len = 4093 } };
	struct xfrm_batch *b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int n = 0;

		b = xfrm_batch_new(rows[i].asked);
		assert_non_null(b);
		for (; xfrm_batch_fits(b, 20); n++)
			xfrm_batch_add(b, &(struct nlmsghdr){ .nlmsg_len = 16 }, n);
		assert_int_equal(n, rows[i].max);
		xfrm_batch_free(b);
	}
	b = xfrm_batch_new(XFRM_BATCH_MAX);
	assert_non_null(b);
	for (unsigned int i = 0; i < XFRM_BATCH_SIZE / 4096; i++) {
		assert_true(xfrm_batch_fits(b, 4093));
		xfrm_batch_add(b, &big.nlh, i);
	}
	assert_false(xfrm_batch_fits(b, 16));
	assert_int_equal(b->used, XFRM_BATCH_SIZE);
	xfrm_batch_free(b);
}

/* ---- the API, over a backend that does one at a time ---- */

struct results {
	struct ipsec *ip;
	unsigned int n;
	struct { uint64_t tag; int err; bool said; } r[16];
};

static void result(uint64_t tag, int err, void *arg)
{
	struct results *r = arg;

	r->r[r->n].tag = tag;
	r->r[r->n].err = err;
	r->r[r->n++].said = ipsec_error(r->ip)[0];
}

static void test_api(void **state)
{
	static const int want[] = { 0, -EEXIST, -EINVAL, 0, -ESRCH, -ENOENT, 0, -EINVAL };
	struct ipsec_sa sa = { .proto = IPPROTO_ESP, .spi = 0x100 }, bad;
	struct ipsec_policy pol = { .sel = { .src.family = AF_INET, .dst.family = AF_INET } };
	struct ipsec_sa_id id = { .proto = IPPROTO_ESP, .spi = 0x100 };
	struct results r = { .n = 0 };
	struct ipsec *ip;

	(void)state;
	assert_int_equal(ipsec_open(&ip, "fake", NULL, 0), 0);
	r.ip = ip;
	strcpy(sa.enc.name, "ecb(cipher_null)");
	ipsec_addr_parse(&sa.src, "192.0.2.1");
	ipsec_addr_parse(&sa.dst, "192.0.2.2");
	id.dst = sa.dst;
	bad = sa;
	bad.spi = 0;
	const struct ipsec_op ops[] = {
		{ .type = IPSEC_OP_SA_ADD, .sa = &sa }, { .type = IPSEC_OP_SA_ADD, .sa = &sa }, { .type = IPSEC_OP_SA_ADD, .sa = &bad },
		{ .type = IPSEC_OP_SA_DELETE, .sa_id = &id }, { .type = IPSEC_OP_SA_DELETE, .sa_id = &id },
		{ .type = IPSEC_OP_POLICY_DELETE, .policy = &pol }, { .type = IPSEC_OP_POLICY_FLUSH }, { .type = IPSEC_OPS },
	};

	assert_int_equal(ipsec_batch_put(ip, &ops[0]), -EINVAL);	/* not begun */
	assert_int_equal(ipsec_batch_end(ip), 0);
	assert_int_equal(ipsec_batch_begin(ip, result, &r), 0);
	assert_int_equal(ipsec_batch_begin(ip, result, &r), -EBUSY);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct ipsec_op op = ops[i];

		op.tag = 70 + i;
		assert_int_equal(ipsec_batch_put(ip, &op), 0);
	}
	assert_int_equal(ipsec_batch_end(ip), 0);
	assert_int_equal(r.n, sizeof(want) / sizeof(want[0]));
	for (unsigned int i = 0; i < r.n; i++) {
		assert_int_equal(r.r[i].tag, 70 + i);
		assert_int_equal(r.r[i].err, want[i]);
		assert_int_equal(r.r[i].said, want[i] != 0);
	}
	assert_int_equal(ipsec_batch_begin(ip, result, &r), 0);
	assert_int_equal(ipsec_batch_end(ip), 0);
	ipsec_close(ip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal), cmocka_unit_test(test_results), cmocka_unit_test(test_lost),
		cmocka_unit_test(test_bad_answers), cmocka_unit_test(test_room), cmocka_unit_test(test_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
