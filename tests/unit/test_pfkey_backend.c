// SPDX-License-Identifier: MIT
/* The pfkey backend with a thread in place of the kernel: what never leaves, what is found in dumps, events made whole. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "pfkey/pfkey_door.h"
#include "tests/lib/pfkey_hand.h"
#include "tests/lib/pfkey_kernel.h"

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

/* af_key passes over extensions that it does not know: in its answer there are none. */
static void af_key(struct kernel *k, const struct pfkey_msg *asked)
{
	struct pfkey_msg m = *asked;

	if (asked->head.sadb_msg_type == SADB_REGISTER)
		m.head.sadb_msg_len = 2;
	say(k, &m);
}

static void test_extensions(void **state)
{
	struct ipsec_sa plain = esp_sa(), wide = esp_sa();
	struct house h;

	(void)state;
	wide.replay_window = 64;
	house_open(&h, af_key, nothing);
	assert_int_equal(ipsec_sa_add(h.ip, &plain), 0);		/* nobody needs to know */
	assert_int_equal(ipsec_sa_add(h.ip, &wide), -EOPNOTSUPP);	/* one question, and no SA with a narrow window */
	assert_int_equal(ipsec_sa_add(h.ip, &wide), -EOPNOTSUPP);
	assert_string_equal(ipsec_error(h.ip), "PF_KEY cannot carry a replay window of more than 32 packets");
	house_close(&h);
	assert_int_equal(h.ask.requests, 2);
	house_open(&h, echo, nothing);
	wide.mark.mask = 1;
	assert_int_equal(ipsec_sa_add(h.ip, &wide), -EOPNOTSUPP);	/* whatever the kernel speaks, and of that it is told */
	assert_string_equal(ipsec_error(h.ip), "PF_KEY cannot carry a mark");
	wide.mark.mask = 0;
	assert_int_equal(ipsec_sa_add(h.ip, &wide), 0);
	assert_int_equal(ipsec_sa_update(h.ip, &wide), 0);
	house_close(&h);
	assert_int_equal(h.ask.requests, 3);
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

/* The second of four is lost. */
static void short_dump(struct kernel *k, const struct pfkey_msg *asked)
{
	static const uint32_t seqs[] = { 1, 3, 0 };
	struct ipsec_sa sa = plain_sa();
	struct pfkey_msg m;

	for (size_t i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++) {
		pfkey_sa_put(&m, &sa, false);
		m.head.sadb_msg_type = SADB_DUMP;
		m.head.sadb_msg_pid = asked->head.sadb_msg_pid;
		m.head.sadb_msg_seq = seqs[i];
		say(k, &m);
	}
}

static void test_short_dumps_say_so(void **state)
{
	struct house h;

	(void)state;
	house_open(&h, echo, short_dump);
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

/* Level unique without a number: from the top of what af_key takes, where no policy is. */
static void test_reqids(void **state)
{
	uint32_t reqids[3];
	struct house h;

	(void)state;
	house_open(&h, nothing, spddump);	/* its policies use 0x3fff */
	assert_int_equal(ipsec_reqid_alloc(h.ip, reqids, 2), 0);
	assert_int_equal(ipsec_reqid_alloc(h.ip, reqids + 2, 1), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(reqids[i], 0x3ffe - i);
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
		cmocka_unit_test(test_refusals_do_not_leave),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_short_dumps_say_so),
		cmocka_unit_test(test_policies_are_found),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_reqids),
	};

	return cmocka_run_group_tests_name("pfkey_backend", tests, NULL, NULL);
}
