// SPDX-License-Identifier: MIT
/* PF_KEY sockets with a thread in place of the kernel: whose answer it is, dumps with gaps, what is lost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/lib/pfkey_hand.h"
#include "tests/lib/pfkey_kernel.h"

/* ---- requests ---- */

/* What others are told, and what cannot be read, each of them nearly our answer. */
static void noise(struct kernel *k, const struct pfkey_msg *asked)
{
	struct pfkey_msg m = *asked;

	m.head.sadb_msg_pid++;
	m.head.sadb_msg_errno = EEXIST;
	say(k, &m);
	m = *asked;
	m.head.sadb_msg_seq++;
	m.head.sadb_msg_errno = EEXIST;
	say(k, &m);
	m = *asked;
	m.head.sadb_msg_type = SADB_FLUSH;
	m.head.sadb_msg_errno = EEXIST;
	say(k, &m);
	if (send(k->fd, m.bytes, 7, MSG_NOSIGNAL) != 7)
		abort();
}

static void echo_in_noise(struct kernel *k, const struct pfkey_msg *asked)
{
	noise(k, asked);
	say(k, asked);
}

static void error_in_noise(struct kernel *k, const struct pfkey_msg *asked)
{
	noise(k, asked);
	with_error(k, asked, ESRCH);
}

static void only_noise(struct kernel *k, const struct pfkey_msg *asked)
{
	noise(k, asked);
}

static void cut_short(struct kernel *k, const struct pfkey_msg *asked)
{
	if (send(k->fd, asked->bytes, pfkey_msg_size(asked) - 8, MSG_NOSIGNAL) < 0)
		abort();
}

/* Another door of this process adds an SA at the same time, and neither for an ACQUIRE. */
static void other_spi_first(struct kernel *k, const struct pfkey_msg *asked)
{
	struct ipsec_sa sa = plain_sa();
	struct pfkey_msg m;

	sa.spi++;
	sa.reqid = 999;
	pfkey_sa_put(&m, &sa, false);
	m.head.sadb_msg_pid = asked->head.sadb_msg_pid;
	say(k, &m);
	say(k, asked);
}

static void flush_fails_late(struct kernel *k, const struct pfkey_msg *asked)
{
	struct pfkey_msg m;

	pfkey_msg_start(&m, SADB_X_SPDFLUSH, 0);
	say(k, &m);
	with_error(k, asked, 0);
	with_error(k, asked, EPERM);
}

static int take(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	return pfkey_sa_get(msg, t, arg);
}

static int add(struct pfkey_sock *s, struct ipsec_sa *got)
{
	struct ipsec_sa sa = plain_sa();
	struct pfkey_msg m;

	pfkey_sa_put(&m, &sa, false);
	return pfkey_sock_request(s, &m, take, got);
}

static void test_answers(void **state)
{
	static const struct { void (*answer)(struct kernel *k, const struct pfkey_msg *asked); int result; } rows[] = {
		{ echo, 0 }, { echo_in_noise, 0 }, { error_in_noise, -ESRCH }, { only_noise, -ENOBUFS }, { nothing, -ENOBUFS },
		{ cut_short, -EBADMSG }, { other_spi_first, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipsec_sa want = plain_sa(), got;
		struct pfkey_sock s;
		struct kernel k;

		kernel_start(&k, &s, rows[i].answer);
		for (int twice = 0; twice < 2; twice++) {
			assert_int_equal(add(&s, &got), rows[i].result);
			if (!rows[i].result)
				same(sa_differs(&want, &got));
		}
		kernel_end(&k, &s);
	}
}

/* What was left over must not be taken for the next answer, and own numbers are kept only where the kernel wants them. */
static void test_sequence(void **state)
{
	struct ipsec_sa_id id = { .dst = addr("192.0.2.1"), .proto = IPPROTO_ESP, .spi = 5 };
	struct ipsec_sa sa = esp_sa();
	uint32_t before;
	struct pfkey_sock s;
	struct pfkey_msg m;
	struct kernel k;

	(void)state;
	kernel_start(&k, &s, echo);
	s.seq = UINT32_MAX - 1;
	for (int i = 0; i < 3; i++) {
		before = s.seq;
		pfkey_sa_id_put(&m, SADB_DELETE, &id);
		assert_int_equal(pfkey_sock_request(&s, &m, NULL, NULL), 0);
		assert_int_equal(m.head.sadb_msg_seq, before == UINT32_MAX ? 1 : before + 1);
		assert_int_equal(m.head.sadb_msg_pid, getpid());
	}
	pfkey_sa_put(&m, &sa, true);
	assert_int_equal(pfkey_sock_request(&s, &m, NULL, NULL), 0);
	assert_int_equal(m.head.sadb_msg_seq, 77);
	kernel_end(&k, &s);

}

/* The kernel's second word is there before send() returns; our thread's may be late. */
static void test_flush_that_fails_after_all(void **state)
{
	int err = 0, tries = 0;
	struct pfkey_sock s;
	struct pfkey_msg m;
	struct kernel k;

	(void)state;
	kernel_start(&k, &s, flush_fails_late);
	while (!err && tries++ < 10000) {
		pfkey_msg_start(&m, SADB_X_SPDFLUSH, 0);
		err = pfkey_sock_request(&s, &m, NULL, NULL);
	}
	assert_int_equal(err, -EPERM);
	kernel_end(&k, &s);
}

static void test_listen(void **state)
{
	struct pfkey_sock s;
	struct kernel k;

	(void)state;
	kernel_start(&k, &s, echo);
	assert_int_equal(pfkey_sock_listen(&s), 0);
	assert_int_equal(pfkey_sock_read(&s), 0);
	kernel_end(&k, &s);
	assert_int_equal(k.requests, 3);
}

/* ---- dumps ---- */

static const uint32_t *script;		/* sequence numbers of entries; ends with END */
static uint8_t last_error;
#define END 0xffffffff

static void dump_script(struct kernel *k, const struct pfkey_msg *asked)
{
	struct ipsec_sa sa = plain_sa();
	struct pfkey_msg m;

	noise(k, asked);
	for (const uint32_t *seq = script; *seq != END; seq++) {
		sa.spi = 0x1000 + *seq;
		pfkey_sa_put(&m, &sa, false);
		m.head.sadb_msg_type = SADB_DUMP;
		m.head.sadb_msg_pid = asked->head.sadb_msg_pid;
		m.head.sadb_msg_seq = *seq;
		m.head.sadb_msg_errno = *seq ? 0 : last_error;
		say(k, &m);
		if (*seq == 2)		/* what others do meanwhile */
			noise(k, asked);
	}
}

static void dump_empty(struct kernel *k, const struct pfkey_msg *asked)
{
	with_error(k, asked, ENOENT);
}

static void dump_busy(struct kernel *k, const struct pfkey_msg *asked)
{
	with_error(k, asked, EBUSY);
}

static int count(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	struct ipsec_sa sa;

	assert_int_equal(pfkey_sa_get(msg, t, &sa), 0);
	assert_int_equal(sa.spi, 0x1000 + msg->sadb_msg_seq);
	++*(unsigned int *)arg;
	return 0;
}

static int stop_at_second(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	(void)t;
	++*(unsigned int *)arg;
	return msg->sadb_msg_seq == 2 ? 99 : 0;
}

static int dump(void (*answer)(struct kernel *k, const struct pfkey_msg *asked), pfkey_answer_fn *fn, unsigned int *n)
{
	struct pfkey_sock s;
	struct pfkey_msg m;
	struct kernel k;
	int err;

	*n = 0;
	kernel_start(&k, &s, answer);
	pfkey_msg_start(&m, SADB_DUMP, 0);
	err = pfkey_sock_dump(&s, &m, fn, n);
	kernel_end(&k, &s);
	return err;
}

static void test_dumps(void **state)
{
	static const struct { const uint32_t seqs[8]; uint8_t error; int result; unsigned int n; } rows[] = {
		{ { 0, END }, 0, 0, 1 },
		{ { 1, 0, END }, 0, 0, 2 },
		{ { 1, 2, 3, 4, 5, 0, END }, 0, 0, 6 },
		{ { 1, 2, 4, 5, 0, END }, 0, -ENOBUFS, 2 },	/* one is lost */
		{ { 2, 3, 0, END }, 0, -ENOBUFS, 0 },		/* the first */
		{ { 1, 2, 2, 0, END }, 0, -ENOBUFS, 2 },	/* one comes twice */
		{ { 1, 2, 3, END }, 0, -ENOBUFS, 3 },		/* the last */
		{ { END }, 0, -ENOBUFS, 0 },
		{ { 1, 2, 0, END }, 234, -EINVAL, 3 },		/* as af_key tells what it cannot show */
		{ { 1, 2, 0, END }, EINTR, -EINTR, 3 },
	};
	unsigned int n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		script = rows[i].seqs;
		last_error = rows[i].error;
		assert_int_equal(dump(dump_script, count, &n), rows[i].result);
		assert_int_equal(n, rows[i].n);
	}
	assert_int_equal(dump(dump_empty, count, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(dump(dump_busy, count, &n), -EBUSY);
	last_error = 0;
	script = rows[2].seqs;
	assert_int_equal(dump(dump_script, stop_at_second, &n), 99);
	assert_int_equal(n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_flush_that_fails_after_all),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_dumps),
	};

	return cmocka_run_group_tests_name("pfkey_sock", tests, NULL, NULL);
}
