// SPDX-License-Identifier: MIT
/* PF_KEY sockets with a thread in place of the kernel: whose answer it is, dumps with gaps, what is lost; and the backend over it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "pfkey/pfkey_door.h"
#include "tests/lib/pfkey_hand.h"

#define TIMEOUT_MS 200

/* The kernel's side: answers each request as it is told to, until the socket is closed. */
struct kernel {
	int fd;
	pthread_t thread;
	void (*answer)(struct kernel *k, const struct pfkey_msg *asked);
	unsigned int requests;
};

static void say(struct kernel *k, const struct pfkey_msg *m)
{
	if (send(k->fd, m->bytes, pfkey_msg_size(m), MSG_NOSIGNAL) < 0)
		abort();
}

static void *kernel_main(void *arg)
{
	struct kernel *k = arg;
	struct pfkey_msg m;

	while (recv(k->fd, m.bytes, sizeof(m.bytes), 0) > 0) {
		k->requests++;
		k->answer(k, &m);
	}
	return NULL;
}

static void kernel_start(struct kernel *k, struct pfkey_sock *s, void (*answer)(struct kernel *k, const struct pfkey_msg *asked))
{
	int fds[2];

	memset(k, 0, sizeof(*k));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(pfkey_sock_adopt(s, fds[0]), 0);
	pfkey_sock_set_timeout(s, TIMEOUT_MS);
	k->fd = fds[1];
	k->answer = answer;
	assert_int_equal(pthread_create(&k->thread, NULL, kernel_main, k), 0);
}

static void kernel_end(struct kernel *k, struct pfkey_sock *s)
{
	if (s)
		pfkey_sock_close(s);
	assert_int_equal(pthread_join(k->thread, NULL), 0);
	close(k->fd);
}

/* ---- requests ---- */

static void echo(struct kernel *k, const struct pfkey_msg *asked)
{
	say(k, asked);
}

static void with_error(struct kernel *k, const struct pfkey_msg *asked, uint8_t err)
{
	struct pfkey_msg m = { .head = asked->head };

	m.head.sadb_msg_len = 2;
	m.head.sadb_msg_errno = err;
	say(k, &m);
}

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

static void nothing(struct kernel *k, const struct pfkey_msg *asked)
{
	(void)k;
	(void)asked;
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

/* ---- the backend over it ---- */

struct house {
	struct ipsec *ip;
	struct kernel ask, dump, events;
};

static void house_open(struct house *h, void (*ask)(struct kernel *k, const struct pfkey_msg *asked),
		       void (*dumps)(struct kernel *k, const struct pfkey_msg *asked))
{
	struct pfkey_door *d = calloc(1, sizeof(*d));

	h->ip = calloc(1, sizeof(*h->ip));
	assert_non_null(d);
	assert_non_null(h->ip);
	h->ip->ops = &ipsec_backend_pfkey;
	h->ip->state = d;
	kernel_start(&h->ask, &d->ask, ask);
	kernel_start(&h->dump, &d->dump, dumps);
	kernel_start(&h->events, &d->events, echo);
}

static void house_close(struct house *h)
{
	ipsec_close(h->ip);
	kernel_end(&h->ask, NULL);
	kernel_end(&h->dump, NULL);
	kernel_end(&h->events, NULL);
}

static void test_refusals_do_not_leave(void **state)
{
	struct ipsec_policy pol = tunnel_policy();
	struct ipsec_sa sa = esp_sa();
	struct ipsec_sa_id id = { .dst = sa.dst, .proto = sa.proto, .spi = sa.spi, .mark = { 0, 1 } };
	struct house h;
	uint32_t spi;

	(void)state;
	house_open(&h, echo, nothing);
	sa.if_id = 3;
	assert_int_equal(ipsec_sa_add(h.ip, &sa), -EOPNOTSUPP);
	assert_string_equal(ipsec_error(h.ip), "PF_KEY cannot carry an if_id");
	assert_int_equal(ipsec_spi_alloc(h.ip, &sa, 256, 257, &spi), -EOPNOTSUPP);
	assert_int_equal(ipsec_sa_delete(h.ip, &id), -EOPNOTSUPP);
	pol.index = 0x1001;
	assert_int_equal(ipsec_policy_add(h.ip, &pol), -EOPNOTSUPP);
	assert_non_null(strstr(ipsec_error(h.ip), "index"));
	pol.if_id = 1;
	assert_int_equal(ipsec_policy_delete(h.ip, &pol), -EOPNOTSUPP);
	assert_int_equal(ipsec_subscribe_ae(h.ip, true), -EOPNOTSUPP);
	assert_int_equal(ipsec_subscribe_ae(h.ip, false), 0);
	assert_true(ipsec_event_fd(h.ip) < 0);
	house_close(&h);
	assert_int_equal(h.ask.requests, 0);
}

static int stop_at_once(const struct ipsec_sa *sa, void *arg)
{
	(void)sa;
	(void)arg;
	return -ENOBUFS;
}

static int ignore(const struct ipsec_sa *sa, void *arg)
{
	(void)sa;
	(void)arg;
	return 0;
}

static void test_short_dumps_say_so(void **state)
{
	static const uint32_t gap[] = { 1, 3, 0, END };
	struct house h;

	(void)state;
	house_open(&h, echo, dump_script);
	script = gap;
	last_error = 0;
	assert_int_equal(ipsec_sa_dump(h.ip, ignore, NULL), -ENOBUFS);
	assert_non_null(strstr(ipsec_error(h.ip), "not all"));
	/* What its reader returns is its own. */
	assert_int_equal(ipsec_sa_dump(h.ip, stop_at_once, NULL), -ENOBUFS);
	assert_null(strstr(ipsec_error(h.ip), "not all"));
	house_close(&h);
}

/* SADB_X_SPDGET: knows 0x91 only. */
static void spdget(struct kernel *k, const struct pfkey_msg *asked)
{
	const struct sadb_x_policy *x = (const struct sadb_x_policy *)(&asked->head + 1);
	struct ipsec_policy pol = tunnel_policy();
	struct pfkey_msg m;

	if (asked->head.sadb_msg_type != SADB_X_SPDGET || x->sadb_x_policy_id != 0x91) {
		with_error(k, asked, ENOENT);
		return;
	}
	pfkey_policy_put(&m, SADB_X_SPDGET, &pol);
	m.head.sadb_msg_seq = asked->head.sadb_msg_seq;
	m.head.sadb_msg_pid = asked->head.sadb_msg_pid;
	say(k, &m);
}

/* Two policies, the first of a socket, with the indices 0x83 and 0x99; nothing else. */
static void spddump(struct kernel *k, const struct pfkey_msg *asked)
{
	struct ipsec_policy pol = tunnel_policy();

	for (unsigned int i = 0; i < 2; i++) {
		struct sadb_x_policy *x;
		struct pfkey_exts t;
		struct pfkey_msg m;

		pol.priority = i;
		pfkey_policy_put(&m, SADB_X_SPDDUMP, &pol);
		assert_int_equal(pfkey_exts_get(&t, &m.head, pfkey_msg_size(&m)), 0);
		x = (struct sadb_x_policy *)t.e[SADB_X_EXT_POLICY];
		x->sadb_x_policy_id = i ? 0x99 : 0x83;
		x->sadb_x_policy_dir = i ? 2 : 5;
		m.head.sadb_msg_pid = asked->head.sadb_msg_pid;
		m.head.sadb_msg_seq = i ? 0 : 1;
		say(k, &m);
	}
}

static void test_policies_are_found(void **state)
{
	struct ipsec_policy key = tunnel_policy(), got;
	struct house h;

	(void)state;
	house_open(&h, spdget, spddump);
	assert_int_equal(ipsec_policy_get(h.ip, &key, &got), 0);
	assert_int_equal(got.index, 0x99);
	key = (struct ipsec_policy){ .index = 0x91 };
	assert_int_equal(ipsec_policy_get(h.ip, &key, &got), 0);
	key.index = 0x99;		/* one with a mark is only in dumps */
	assert_int_equal(ipsec_policy_get(h.ip, &key, &got), 0);
	assert_int_equal(got.priority, 1);
	key.index = 0x83;
	assert_int_equal(ipsec_policy_get(h.ip, &key, &got), -ENOENT);
	key.index = 0x97;
	assert_int_equal(ipsec_policy_get(h.ip, &key, &got), -ENOENT);
	assert_int_equal(ipsec_policy_delete(h.ip, &key), -ENOENT);
	house_close(&h);
}

struct heard {
	struct ipsec_event ev[8];
	unsigned int n, raw;
};

static void hear(const struct ipsec_event *ev, void *arg)
{
	struct heard *h = arg;

	assert_true(h->n < 8);
	h->ev[h->n++] = *ev;
}

static void hear_raw(const void *msg, size_t n, void *arg)
{
	assert_int_equal(((const struct sadb_msg *)msg)->sadb_msg_version, 2);
	assert_true(n >= 16);
	((struct heard *)arg)->raw++;
}

static void raise_acquire(struct kernel *k, uint32_t index)
{
	struct ipsec_addr src = addr("2001:db8::1"), dst = addr("2001:db8::2");
	struct sadb_x_policy *x;
	struct pfkey_msg m;

	pfkey_msg_start(&m, SADB_ACQUIRE, SADB_SATYPE_ESP);
	m.head.sadb_msg_seq = index;
	pfkey_addr_put(&m, SADB_EXT_ADDRESS_SRC, &src, 128, 0, 0);
	pfkey_addr_put(&m, SADB_EXT_ADDRESS_DST, &dst, 128, 0, 0);
	x = pfkey_ext_room(&m, SADB_X_EXT_POLICY, sizeof(*x));
	x->sadb_x_policy_id = index;
	say(k, &m);
}

static void test_events(void **state)
{
	struct ipsec_policy pol = tunnel_policy();
	struct heard heard = { 0 };
	struct pfkey_msg m;
	struct house h;

	(void)state;
	house_open(&h, spdget, spddump);
	assert_int_equal(ipsec_events_read(h.ip, hear, &heard), -ENOTCONN);
	assert_int_equal(ipsec_subscribe(h.ip), 0);
	assert_int_equal(ipsec_subscribe(h.ip), 0);
	assert_true(ipsec_event_fd(h.ip) >= 0);
	ipsec_events_raw(h.ip, hear_raw, &heard);
	raise_acquire(&h.events, 0x91);		/* known */
	raise_acquire(&h.events, 0x83);		/* a socket's */
	raise_acquire(&h.events, 0x71);		/* gone meanwhile */
	pfkey_msg_start(&m, SADB_FLUSH, 0);
	say(&h.events, &m);
	m.head.sadb_msg_len = 3;		/* cannot be read: as good as lost */
	assert_int_equal(send(h.events.fd, m.bytes, 16, 0), 16);
	assert_int_equal(send(h.events.fd, m.bytes, 8, 0), 8);
	assert_int_equal(ipsec_events_read(h.ip, hear, &heard), 6);
	assert_int_equal(heard.n, 6);
	assert_int_equal(heard.raw, 5);
	assert_int_equal(heard.ev[0].acquire.policy.ntmpl, 2);
	same(selector_differs(&heard.ev[0].acquire.sel, &pol.sel));
	assert_true(heard.ev[1].acquire.policy.socket);
	assert_int_equal(heard.ev[2].acquire.policy.index, 0x71);
	assert_int_equal(heard.ev[2].acquire.policy.ntmpl, 0);
	assert_int_equal(heard.ev[3].type, IPSEC_EVENT_SA_FLUSH);
	assert_int_equal(heard.ev[4].type, IPSEC_EVENT_OVERRUN);
	assert_int_equal(heard.ev[5].type, IPSEC_EVENT_OVERRUN);
	assert_int_equal(ipsec_events_read(h.ip, hear, &heard), 0);
	house_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_flush_that_fails_after_all),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_dumps),
		cmocka_unit_test(test_refusals_do_not_leave),
		cmocka_unit_test(test_short_dumps_say_so),
		cmocka_unit_test(test_policies_are_found),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests_name("pfkey_sock", tests, NULL, NULL);
}
