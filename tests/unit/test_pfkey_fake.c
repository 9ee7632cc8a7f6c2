// SPDX-License-Identifier: MIT
/* The fake backend answers as Linux does: a table of operations on the SAD, then the SPD, events and what is composed. */
#include "pfkey/backend.h"
#include "tests/lib/pfkey_same.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr a;

	assert_int_equal(ipsec_addr_parse(&a, text), 0);
	return a;
}

static struct ipsec_sa esp_sa(uint32_t spi)
{
	struct ipsec_sa sa = { .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP, .spi = spi,
			       .reqid = 7 };

	strcpy(sa.aead.name, "rfc4106(gcm(aes))");
	sa.aead.key_bits = 160;
	sa.aead.icv_bits = 128;
	return sa;
}

static struct ipsec_policy out_policy(const char *dst, uint32_t priority)
{
	struct ipsec_policy pol = { .sel = { .src = addr("0.0.0.0"), .dst = addr(dst), .dst_len = 32 },
				    .dir = IPSEC_DIR_OUT, .priority = priority, .ntmpl = 1 };

	pol.tmpl[0].proto = IPPROTO_ESP;
	pol.tmpl[0].reqid = 7;
	return pol;
}

static struct ipsec_sa_id id_of(const struct ipsec_sa *sa)
{
	return (struct ipsec_sa_id){ .dst = sa->dst, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark };
}

static int setup(void **state)
{
	char why[128];

	return ipsec_open((struct ipsec **)state, "fake", why, sizeof(why));
}

static int teardown(void **state)
{
	ipsec_close(*state);
	return 0;
}

static int count_sa(const struct ipsec_sa *sa, void *arg)
{
	(void)sa;
	++*(unsigned int *)arg;
	return 0;
}

static unsigned int sas(struct ipsec *ip)
{
	unsigned int n = 0;

	assert_int_equal(ipsec_sa_dump(ip, count_sa, &n), 0);
	return n;
}

/* Each row: do it, expect that answer and that many SAs after it. */
static void test_sad(void **state)
{
	enum op { ADD, UPDATE, GET, DELETE, FLUSH, ALLOC };
	static const struct { enum op op; uint32_t spi; int answer; unsigned int left; } rows[] = {
		{ FLUSH, 0, 0, 0 },		/* an empty SAD is no error */
		{ DELETE, 0x100, -ESRCH, 0 },
		{ GET, 0x100, -ESRCH, 0 },
		{ UPDATE, 0x100, -ESRCH, 0 },
		{ ADD, 0, -EINVAL, 0 },
		{ ADD, 0x100, 0, 1 },
		{ ADD, 0x100, -EEXIST, 1 },
		{ UPDATE, 0x100, 0, 1 },
		{ GET, 0x100, 0, 1 },
		{ ADD, 0x101, 0, 2 },
		{ DELETE, 0x100, 0, 1 },
		{ DELETE, 0x100, -ESRCH, 1 },
		{ ALLOC, 0x200, 0, 2 },		/* a larval SA with this SPI… */
		{ GET, 0x200, 0, 2 },
		{ ADD, 0x200, -EEXIST, 2 },	/* …which is there for "add"… */
		{ UPDATE, 0x200, 0, 2 },	/* …and to be replaced by "update" */
		{ ALLOC, 0x200, -ENOENT, 3 },	/* taken now; the kernel too leaves the larval SA behind */
		{ FLUSH, IPPROTO_AH, 0, 3 },
		{ FLUSH, IPPROTO_ESP, 0, 0 },
	};
	struct ipsec *ip = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipsec_sa sa = esp_sa(rows[i].spi), out;
		struct ipsec_sa_id id = id_of(&sa);
		uint32_t spi = 0;
		int r = -1;

		switch (rows[i].op) {
		case ADD: r = ipsec_sa_add(ip, &sa); break;
		case UPDATE: r = ipsec_sa_update(ip, &sa); break;
		case GET: r = ipsec_sa_get(ip, &id, &out); break;
		case DELETE: r = ipsec_sa_delete(ip, &id); break;
		case FLUSH: r = ipsec_sa_flush(ip, (uint8_t)rows[i].spi); break;
		case ALLOC: r = ipsec_spi_alloc(ip, &sa, rows[i].spi, rows[i].spi, &spi); break;
		}
		if (r != rows[i].answer || !r != !ipsec_error(ip)[0])
			fail_msg("row %zu: answer %d (%s)", i, r, ipsec_error(ip));
		assert_int_equal(sas(ip), rows[i].left);
		if (rows[i].op == ALLOC && !r)
			assert_int_equal(spi, rows[i].spi);
	}
}

static void test_replaced_by_update(void **state)
{
	struct ipsec *ip = *state;
	struct ipsec_sa sa = esp_sa(0x300), got;
	struct ipsec_sa_id id = id_of(&sa);
	uint32_t spi;

	assert_int_equal(ipsec_spi_alloc(ip, &sa, 0x300, 0x300, &spi), 0);
	assert_int_equal(ipsec_sa_get(ip, &id, &got), 0);
	assert_int_equal(got.state, IPSEC_STATE_LARVAL);
	assert_int_equal(ipsec_sa_update(ip, &sa), 0);
	assert_int_equal(ipsec_sa_get(ip, &id, &got), 0);
	assert_int_equal(got.state, IPSEC_STATE_MATURE);
	assert_null(sa_differs(&sa, &got));
	/* A living SA keeps its key. */
	sa.aead.key[0] = 0xaa;
	sa.hard.packets = 9;
	assert_int_equal(ipsec_sa_update(ip, &sa), 0);
	assert_int_equal(ipsec_sa_get(ip, &id, &got), 0);
	assert_int_equal(got.aead.key[0], 0);
	assert_int_equal(got.hard.packets, 9);
}

/* What Linux changes of a living SA, what it keeps, and what it refuses. */
static void test_update_living(void **state)
{
	struct ipsec *ip = *state;
	struct ipsec_sa sa = esp_sa(0x300), now, got;
	struct ipsec_sa_id id = id_of(&sa);

	sa.encap = (struct ipsec_encap){ .type = 2, .sport = 4500, .dport = 4500 };
	sa.if_id = 1;
	sa.resume = true;
	sa.usage = (struct ipsec_usage){ .bytes = 1, .packets = 2, .add_time = 3, .use_time = 4, .seq = 5, .oseq = 6 };
	assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	assert_int_equal(ipsec_sa_get(ip, &id, &got), 0);
	assert_memory_equal(&got.usage, &sa.usage, sizeof(sa.usage));
	now = sa;
	now.resume = false;
	now.encap.dport = 61000;
	now.soft.bytes = 7;
	now.replay_window = 64;
	now.reqid = 99;
	now.sel = (struct ipsec_selector){ .src = addr("192.0.2.1"), .dst = addr("192.0.2.2") };
	now.if_id = 0;
	now.output_mark = (struct ipsec_mark){ 1, 1 };
	assert_int_equal(ipsec_sa_update(ip, &now), 0);
	assert_int_equal(ipsec_sa_get(ip, &id, &got), 0);
	assert_memory_equal(&got.usage, &sa.usage, sizeof(sa.usage));
	sa.encap.dport = 61000;
	sa.soft.bytes = 7;
	sa.output_mark = now.output_mark;
	assert_null(sa_differs(&sa, &got));
	now.encap.type = 0;
	assert_int_equal(ipsec_sa_update(ip, &now), -EINVAL);
	now = sa;
	now.dir = IPSEC_SA_DIR_IN;
	assert_int_equal(ipsec_sa_update(ip, &now), -ESRCH);
	/* Numbers without an age go on alone. */
	assert_int_equal(ipsec_sa_delete(ip, &id), 0);
	sa.usage.add_time = 0;
	sa.resume = true;
	assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	assert_int_equal(ipsec_sa_get(ip, &id, &got), 0);
	assert_true(got.usage.seq == 5 && got.usage.oseq == 6 && !got.usage.bytes && !got.usage.packets);
}

static void test_marks(void **state)
{
	struct ipsec *ip = *state;
	struct ipsec_sa one = esp_sa(0x400), two = esp_sa(0x400), got;
	struct ipsec_sa_id id;

	one.mark = (struct ipsec_mark){ 1, 0xff };
	two.mark = (struct ipsec_mark){ 2, 0xff };
	two.reqid = 8;
	assert_int_equal(ipsec_sa_add(ip, &one), 0);
	assert_int_equal(ipsec_sa_add(ip, &two), 0);
	id = id_of(&two);
	assert_int_equal(ipsec_sa_get(ip, &id, &got), 0);
	assert_int_equal(got.reqid, 8);
	one.mark.value = 0x100;
	assert_int_equal(ipsec_sa_add(ip, &one), -EINVAL);
}

static void test_many(void **state)
{
	struct ipsec *ip = *state;

	for (uint32_t spi = 0x1000; spi < 0x1000 + 300; spi++) {	/* more than the table of buckets starts with */
		struct ipsec_sa sa = esp_sa(spi);

		assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	}
	for (uint32_t spi = 0x1000; spi < 0x1000 + 300; spi++) {
		struct ipsec_sa sa = esp_sa(spi), got;
		struct ipsec_sa_id id = id_of(&sa);

		assert_int_equal(ipsec_sa_get(ip, &id, &got), 0);
		assert_int_equal(got.spi, spi);
	}
	assert_int_equal(sas(ip), 300);
}

static int delete_each(const struct ipsec_sa *sa, void *arg)
{
	struct ipsec_sa_id id = id_of(sa);

	return ipsec_sa_delete(arg, &id);
}

static int stop_at_oldest(const struct ipsec_sa *sa, void *arg)
{
	uint32_t *seen = arg;

	*seen = sa->spi;
	return sa->spi == 0x100 ? 77 : 0;
}

static void test_dump_callback(void **state)
{
	struct ipsec *ip = *state;
	uint32_t seen = 0;

	for (uint32_t spi = 0x100; spi < 0x103; spi++) {
		struct ipsec_sa sa = esp_sa(spi);

		assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	}
	assert_int_equal(ipsec_sa_dump(ip, stop_at_oldest, &seen), 77);		/* the newest comes first */
	assert_int_equal(seen, 0x100);
	assert_int_equal(ipsec_sa_dump(ip, delete_each, ip), 0);
	assert_int_equal(sas(ip), 0);
}

static int collect_policy(const struct ipsec_policy *pol, void *arg)
{
	struct ipsec_policy *last = arg;

	*last = *pol;
	return 0;
}

static void test_spd(void **state)
{
	struct ipsec *ip = *state;
	struct ipsec_policy a = out_policy("10.0.0.1", 100), b = out_policy("10.0.0.2", 50), got, key;

	assert_int_equal(ipsec_policy_get(ip, &a, &got), -ENOENT);
	assert_int_equal(ipsec_policy_delete(ip, &a), -ENOENT);
	assert_int_equal(ipsec_policy_flush(ip), 0);
	assert_int_equal(ipsec_policy_add(ip, &a), 0);
	assert_int_equal(ipsec_policy_add(ip, &b), 0);
	a.priority = 1;			/* no part of its identity */
	assert_int_equal(ipsec_policy_add(ip, &a), -EEXIST);
	assert_int_equal(ipsec_policy_get(ip, &a, &got), 0);
	assert_int_equal(got.priority, 100);
	assert_int_equal(got.index & 7, IPSEC_DIR_OUT);
	key = (struct ipsec_policy){ .index = got.index };
	assert_int_equal(ipsec_policy_update(ip, &a), 0);
	assert_int_equal(ipsec_policy_get(ip, &key, &got), 0);	/* an update keeps the index */
	assert_int_equal(got.priority, 1);
	assert_null(policy_differs(&a, &got));
	assert_int_equal(ipsec_policy_get(ip, &b, &got), 0);
	assert_int_not_equal(got.index, key.index);
	a.dir = IPSEC_DIR_IN;
	assert_int_equal(ipsec_policy_delete(ip, &a), -ENOENT);
	assert_int_equal(ipsec_policy_delete(ip, &key), 0);
	assert_int_equal(ipsec_policy_get(ip, &key, &got), -ENOENT);
	memset(&got, 0, sizeof(got));
	assert_int_equal(ipsec_policy_dump(ip, collect_policy, &got), 0);
	assert_null(policy_differs(&b, &got));
	a.if_id = 3;
	assert_int_equal(ipsec_policy_update(ip, &a), 0);	/* an update may be an addition */
	a.if_id = 4;
	assert_int_equal(ipsec_policy_get(ip, &a, &got), -ENOENT);
	assert_int_equal(ipsec_policy_flush(ip), 0);
	assert_int_equal(ipsec_policy_get(ip, &b, &got), -ENOENT);
}

static void test_reqid(void **state)
{
	struct ipsec *ip = *state;
	struct ipsec_policy pol = out_policy("10.0.0.1", 1);
	uint32_t a = 0, b = 0;

	pol.tmpl[0].reqid = 0x4001;
	assert_int_equal(ipsec_policy_add(ip, &pol), 0);
	assert_int_equal(ipsec_reqid_alloc(ip, &a, 1), 0);
	assert_int_equal(ipsec_reqid_alloc(ip, &b, 1), 0);
	assert_int_equal(a, 0x4000);
	assert_int_equal(b, 0x4002);
}

struct events {
	struct ipsec_event ev[16];
	int n;
};

static void take(const struct ipsec_event *ev, void *arg)
{
	struct events *e = arg;

	assert_true(e->n < 16);
	e->ev[e->n++] = *ev;
}

static bool readable(struct ipsec *ip)
{
	struct pollfd p = { .fd = ipsec_event_fd(ip), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void test_events(void **state)
{
	static const uint8_t want[] = { IPSEC_EVENT_SA_NEW, IPSEC_EVENT_SA_UPDATE, IPSEC_EVENT_SA_DELETE,
		IPSEC_EVENT_SA_NEW, IPSEC_EVENT_SA_FLUSH, IPSEC_EVENT_POLICY_NEW, IPSEC_EVENT_POLICY_UPDATE,
		IPSEC_EVENT_POLICY_DELETE, IPSEC_EVENT_POLICY_NEW, IPSEC_EVENT_POLICY_FLUSH };
	struct ipsec *ip = *state;
	struct ipsec_sa sa = esp_sa(0x100);
	struct ipsec_sa_id id = id_of(&sa);
	struct ipsec_policy pol = out_policy("10.0.0.1", 1);
	struct events e = { .n = 0 };

	assert_int_equal(ipsec_events_read(ip, take, &e), -ENOTCONN);
	assert_int_equal(ipsec_event_fd(ip), -ENOTCONN);
	assert_int_equal(ipsec_subscribe(ip), 0);
	assert_int_equal(ipsec_subscribe(ip), 0);
	assert_false(readable(ip));
	assert_int_equal(ipsec_sa_flush(ip, 0), 0);		/* nothing there: no event, as in the kernel */
	assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	assert_int_equal(ipsec_sa_update(ip, &sa), 0);
	assert_int_equal(ipsec_sa_delete(ip, &id), 0);
	assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	assert_int_equal(ipsec_sa_flush(ip, 0), 0);
	assert_int_equal(ipsec_policy_add(ip, &pol), 0);
	assert_int_equal(ipsec_policy_update(ip, &pol), 0);
	assert_int_equal(ipsec_policy_delete(ip, &pol), 0);
	assert_int_equal(ipsec_policy_add(ip, &pol), 0);
	assert_int_equal(ipsec_policy_flush(ip), 0);
	assert_true(readable(ip));
	assert_int_equal(ipsec_events_read(ip, take, &e), sizeof(want));
	assert_false(readable(ip));
	for (size_t i = 0; i < sizeof(want); i++)
		assert_int_equal(e.ev[i].type, want[i]);
	assert_null(sa_differs(&e.ev[0].sa, &sa));
	assert_int_equal(e.ev[2].sa_id.spi, 0x100);
	assert_null(policy_differs(&pol, &e.ev[7].policy));
	assert_int_equal(ipsec_events_read(ip, take, &e), 0);
}

static struct ipsec_event acquire(uint32_t seq)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_ACQUIRE };

	ev.acquire.seq = seq;
	ev.acquire.src = addr("192.0.2.1");
	ev.acquire.dst = addr("192.0.2.2");
	ev.acquire.proto = IPPROTO_ESP;
	ev.acquire.policy = out_policy("192.0.2.2", 1);
	return ev;
}

static void test_larval(void **state)
{
	struct ipsec *ip = *state;
	struct ipsec_event ev = acquire(5);
	struct ipsec_sa larval = esp_sa(0), sa = esp_sa(0x100);
	struct events e = { .n = 0 };

	assert_int_equal(ipsec_fake_event(ip, &ev), -ESRCH);	/* nobody would hear it */
	assert_int_equal(ipsec_subscribe(ip), 0);
	assert_int_equal(ipsec_fake_event(ip, &ev), 0);
	assert_int_equal(ipsec_events_read(ip, take, &e), 1);
	assert_int_equal(e.ev[0].type, IPSEC_EVENT_ACQUIRE);
	assert_int_equal(e.ev[0].acquire.seq, 5);
	assert_int_equal(sas(ip), 1);

	memset(&larval.aead, 0, sizeof(larval.aead));
	larval.acquire_seq = 6;
	assert_int_equal(ipsec_larval_delete(ip, &larval), -ESRCH);	/* not ours, and the kernel's way takes it all the same */
	assert_int_equal(sas(ip), 0);
	assert_int_equal(ipsec_fake_event(ip, &ev), 0);
	larval.acquire_seq = 5;
	assert_int_equal(ipsec_larval_delete(ip, &larval), 0);
	assert_int_equal(sas(ip), 0);
	assert_int_equal(ipsec_larval_delete(ip, &larval), -ESRCH);
	assert_int_equal(sas(ip), 0);

	/* The SA that answers an ACQUIRE takes the place of its larval SA: by number, and without one by its ends. */
	assert_int_equal(ipsec_fake_event(ip, &ev), 0);
	sa.acquire_seq = 5;
	sa.reqid = 99;
	assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	assert_int_equal(sas(ip), 1);
	ev = acquire(0);
	assert_int_equal(ipsec_fake_event(ip, &ev), 0);
	assert_int_equal(sas(ip), 2);
	sa = esp_sa(0x101);
	assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	assert_int_equal(sas(ip), 2);
}

static void test_expire(void **state)
{
	struct ipsec *ip = *state;
	struct ipsec_event ev = { .type = IPSEC_EVENT_EXPIRE };
	struct ipsec_sa sa = esp_sa(0x100), got;
	struct ipsec_sa_id id = id_of(&sa);

	assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	assert_int_equal(ipsec_subscribe(ip), 0);
	ev.expire.sa = sa;
	assert_int_equal(ipsec_fake_event(ip, &ev), 0);
	assert_int_equal(ipsec_sa_get(ip, &id, &got), 0);
	assert_int_equal(got.state, IPSEC_STATE_DYING);
	ev.expire.hard = true;
	assert_int_equal(ipsec_fake_event(ip, &ev), 0);
	assert_int_equal(ipsec_sa_get(ip, &id, &got), -ESRCH);
}

static void last_type(const struct ipsec_event *ev, void *arg)
{
	*(int *)arg = ev->type;
}

static void test_overrun(void **state)
{
	struct ipsec *ip = *state;
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_FLUSH };
	int type = -1, n;

	assert_int_equal(ipsec_subscribe(ip), 0);
	for (int i = 0; i < 65536 + 10; i++)
		assert_int_equal(ipsec_fake_event(ip, &ev), 0);
	n = ipsec_events_read(ip, last_type, &type);
	assert_int_equal(n, 65536 + 1);
	assert_int_equal(type, IPSEC_EVENT_OVERRUN);
	assert_int_equal(ipsec_events_read(ip, last_type, &type), 0);
}

/* Each kind of change is refused once when it is its turn, and leaves everything as it was. */
static void test_fail(void **state)
{
	struct ipsec *ip = *state;
	struct ipsec_sa sa = esp_sa(0x100), other = esp_sa(0x101);
	struct ipsec_sa_id id = id_of(&sa);
	struct ipsec_policy pol = out_policy("10.0.0.1", 1), got;
	const struct ipsec_op ops[] = {
		{ .type = IPSEC_OP_SA_ADD, .sa = &other }, { .type = IPSEC_OP_SA_UPDATE, .sa = &sa },
		{ .type = IPSEC_OP_SA_DELETE, .sa_id = &id }, { .type = IPSEC_OP_SA_FLUSH },
		{ .type = IPSEC_OP_POLICY_ADD, .policy = &pol }, { .type = IPSEC_OP_POLICY_UPDATE, .policy = &pol },
		{ .type = IPSEC_OP_POLICY_DELETE, .policy = &pol }, { .type = IPSEC_OP_POLICY_FLUSH },
	};

	assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	assert_int_equal(ipsec_policy_add(ip, &pol), 0);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		assert_int_equal(ipsec_fake_fail(ip, 1, -ENOMEM), 0);
		assert_int_equal(ipsec_do(ip, &ops[i]), -ENOMEM);
		assert_non_null(strstr(ipsec_error(ip), "ordered"));
		assert_int_equal(sas(ip), 1);
		assert_int_equal(ipsec_policy_get(ip, &pol, &got), 0);
	}
	assert_int_equal(ipsec_fake_fail(ip, 3, -EPERM), 0);
	assert_int_equal(ipsec_sa_update(ip, &sa), 0);
	assert_int_equal(ipsec_policy_add(ip, &pol), -EEXIST);		/* a failure of its own counts as well */
	assert_int_equal(ipsec_sa_update(ip, &sa), -EPERM);
	assert_int_equal(ipsec_sa_update(ip, &sa), 0);
	assert_int_equal(ipsec_fake_fail(ip, 1, -EPERM), 0);
	assert_int_equal(ipsec_fake_fail(ip, 0, 0), 0);
	assert_int_equal(ipsec_sa_update(ip, &sa), 0);
}

static void test_open(void **state)
{
	struct ipsec *ip = *state, *none;
	char why[128];

	assert_string_equal(ipsec_backend_name(ip), "fake");
	assert_int_equal(ipsec_open(&none, "smoke signals", why, sizeof(why)), -EINVAL);
	assert_null(none);
	assert_non_null(strstr(why, "smoke signals"));
	ipsec_close(NULL);
}

/* Each row spoils a good SA; the sentence has to name what is wrong. */
static void test_sa_check(void **state)
{
	char why[160];
	struct ipsec_sa sa, good = esp_sa(0x100);

	(void)state;
	assert_int_equal(ipsec_sa_check(&good, why, sizeof(why)), 0);
#define SPOILT(what, ...) do { sa = good; __VA_ARGS__; \
		assert_int_equal(ipsec_sa_check(&sa, why, sizeof(why)), -EINVAL); \
		if (!strstr(why, what)) \
			fail_msg("\"%s\" does not name %s", why, what); } while (0)
	SPOILT("family", sa.src = addr("::1"));
	SPOILT("family", sa.src.family = sa.dst.family = 0);
	SPOILT("SPI", sa.spi = 0);
	SPOILT("mode", sa.mode = 9);
	SPOILT("protocol 6", sa.proto = IPPROTO_TCP);
	SPOILT("AH needs", sa.proto = IPPROTO_AH);
	SPOILT("IPComp needs", sa.proto = IPPROTO_COMP);
	SPOILT("CPI", sa.proto = IPPROTO_COMP; sa.spi = 0x10000);
	SPOILT("ESP needs", memset(&sa.aead, 0, sizeof(sa.aead)));
	SPOILT("ESP needs", strcpy(sa.auth.name, "hmac(sha1)"); sa.auth.key_bits = 160);
	SPOILT("168 bits", sa.aead.key_bits = 168);
	SPOILT("key of", sa.aead.key_bits = IPSEC_KEY_MAX * 8 + 8);
	SPOILT("too long", memset(sa.aead.name, 'x', sizeof(sa.aead.name)));
	SPOILT("too long", memset(sa.ctx, 'x', sizeof(sa.ctx)));
	SPOILT("replay window", sa.replay_window = 4097);
	SPOILT("extended sequence", sa.flags = IPSEC_SA_ESN);
	SPOILT("flags", sa.flags = 0x8000);
	SPOILT("check value of 104", sa.aead.icv_bits = 104);
	SPOILT("check value of 264", memset(&sa.aead, 0, sizeof(sa.aead)); strcpy(sa.enc.name, "ecb(cipher_null)");
	       strcpy(sa.auth.name, "hmac(sha256)"); sa.auth.key_bits = 256; sa.auth.icv_bits = 264);
	SPOILT("go on", memset(&sa.aead, 0, sizeof(sa.aead)); strcpy(sa.comp.name, "deflate"); sa.proto = IPPROTO_COMP;
	       sa.resume = true);
	SPOILT("beyond 32 bits", sa.resume = true; sa.usage.oseq = 1ull << 32);
	SPOILT("kind", sa.offload.ifindex = 1);
	SPOILT("device", sa.offload.kind = IPSEC_OFFLOAD_CRYPTO);
	SPOILT("offload 3", sa.offload.kind = 3; sa.offload.ifindex = 1);
	SPOILT("ESP only", memset(&sa.aead, 0, sizeof(sa.aead)); sa.proto = IPPROTO_AH; strcpy(sa.auth.name, "hmac(sha1)");
	       sa.auth.key_bits = 160; sa.offload = (struct ipsec_offload){ 1, IPSEC_OFFLOAD_CRYPTO, true });
	SPOILT("another direction", sa.dir = IPSEC_SA_DIR_OUT; sa.offload = (struct ipsec_offload){ 1, IPSEC_OFFLOAD_CRYPTO, true });
	SPOILT("another direction", sa.dir = IPSEC_SA_DIR_IN; sa.offload = (struct ipsec_offload){ 1, IPSEC_OFFLOAD_CRYPTO, false });
	SPOILT("direction 3", sa.dir = 3);
	SPOILT("keepalives", sa.nat_keepalive = 20);
	SPOILT("keepalives", sa.nat_keepalive = 20; sa.dir = IPSEC_SA_DIR_OUT);
	SPOILT("keepalives", sa.nat_keepalive = 20; sa.encap = (struct ipsec_encap){ .type = 2, .sport = 1, .dport = 1 });
	SPOILT("tunnel", sa.tfc_pad = 100);
	SPOILT("ports", sa.encap.type = 2);
	SPOILT("outside its mask", sa.mark.value = 1);
	SPOILT("output mark", sa.output_mark.value = 1);
	SPOILT("selector", sa.sel.src = sa.sel.dst = addr("::"));
	SPOILT("selector", sa.sel.src = addr("::"));
	SPOILT("/33", sa.sel.src = sa.sel.dst = addr("10.0.0.0"); sa.sel.dst_len = 33);
#undef SPOILT
	assert_int_equal(ipsec_sa_check(&(struct ipsec_sa){ 0 }, NULL, 0), -EINVAL);
	/* What goes: an outbound SA with ESN and no window, keepalives, a name that only the kernel knows. */
	good.dir = IPSEC_SA_DIR_OUT;
	good.flags = IPSEC_SA_ESN;
	good.encap = (struct ipsec_encap){ .type = 2, .sport = 4500, .dport = 4500 };
	good.nat_keepalive = 20;
	assert_int_equal(ipsec_sa_check(&good, why, sizeof(why)), 0);
	good = esp_sa(0x100);
	memset(&good.aead, 0, sizeof(good.aead));
	strcpy(good.enc.name, "cbc(aria)");
	good.enc.key_bits = 120;
	strcpy(good.auth.name, "hmac(streebog256)");
	good.auth.key_bits = 256;
	good.auth.icv_bits = 200;
	assert_int_equal(ipsec_sa_check(&good, why, sizeof(why)), 0);
}

static void test_policy_check(void **state)
{
	char why[160];
	struct ipsec_policy pol, good = out_policy("10.0.0.1", 1);

	(void)state;
	assert_int_equal(ipsec_policy_check(&good, why, sizeof(why)), 0);
#define SPOILT(what, ...) do { pol = good; __VA_ARGS__; \
		assert_int_equal(ipsec_policy_check(&pol, why, sizeof(why)), -EINVAL); \
		if (!strstr(why, what)) \
			fail_msg("\"%s\" does not name %s", why, what); } while (0)
	SPOILT("family", pol.sel.src = addr("::"));
	SPOILT("/33", pol.sel.dst_len = 33);
	SPOILT("direction", pol.dir = 3);
	SPOILT("action", pol.action = 2);
	SPOILT("type", pol.type = XFRM_POLICY_TYPE_MAX);
	SPOILT("7 templates", pol.ntmpl = 7);
	SPOILT("index", pol.index = 8);
	SPOILT("tunnel", pol.tmpl[0].mode = IPSEC_MODE_TUNNEL);
	SPOILT("protocol 6", pol.tmpl[0].proto = IPPROTO_TCP);
	SPOILT("label", memset(pol.ctx, 'x', sizeof(pol.ctx)));
	SPOILT("mask", pol.mark.value = 1);
	SPOILT("flags", pol.flags = 4);
	SPOILT("whole packets", pol.offload = (struct ipsec_offload){ 1, IPSEC_OFFLOAD_CRYPTO, false });
	SPOILT("policy's direction", pol.offload = (struct ipsec_offload){ 1, IPSEC_OFFLOAD_PACKET, true });
	SPOILT("device", pol.offload.kind = IPSEC_OFFLOAD_PACKET);
#undef SPOILT
}

int main(void)
{
#define WITH_FAKE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_sad), WITH_FAKE(test_replaced_by_update), WITH_FAKE(test_update_living), WITH_FAKE(test_marks),
		WITH_FAKE(test_many), WITH_FAKE(test_dump_callback), WITH_FAKE(test_spd),
		WITH_FAKE(test_reqid), WITH_FAKE(test_events), WITH_FAKE(test_larval), WITH_FAKE(test_expire),
		WITH_FAKE(test_overrun), WITH_FAKE(test_open), WITH_FAKE(test_fail), cmocka_unit_test(test_sa_check),
		cmocka_unit_test(test_policy_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
