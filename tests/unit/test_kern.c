// SPDX-License-Identifier: MIT
// The door to the kernel, over the fake backend: what it refuses, what it does, what it tells.
#include "keyd/kern/door.h"
#include "pfkey/alg.h"
#include "pfkey/backend.h"

#include <errno.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct told {
	unsigned int resets, policies, orphans, others;
	bool keys;			/* some key was told */
	int refuse;			/* what the hooks return */
};

struct fixture {
	struct ipsec *ip;
	struct door *door;
	struct told told;
};

static bool has_key(const struct ipsec_sa *sa)
{
	static const uint8_t none[IPSEC_KEY_MAX];

	return memcmp(sa->aead.key, none, sizeof(none)) || memcmp(sa->enc.key, none, sizeof(none)) ||
	       memcmp(sa->auth.key, none, sizeof(none));
}

static int on_event(void *arg, const struct ipsec_event *ev)
{
	struct told *t = arg;

	if (ev->type == IPSEC_EVENT_POLICY_FLUSH)
		t->resets++;
	else if (ev->type == IPSEC_EVENT_POLICY_NEW)
		t->policies++;
	else
		t->others++;
	t->keys |= ev->type == IPSEC_EVENT_SA_NEW && has_key(&ev->sa);
	return t->refuse;
}

static int on_orphan(void *arg, const struct ipsec_sa *sa)
{
	struct told *t = arg;

	t->orphans++;
	t->keys |= has_key(sa);
	return t->refuse;
}

static const struct door_hooks hooks = { .event = on_event, .orphan = on_orphan };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char why[200];

	*state = f;
	return ipsec_open(&f->ip, "fake", why, sizeof(why)) ||
	       door_over(&f->door, f->ip, &hooks, &f->told, why, sizeof(why));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	door_close(f->door);
	free(f);
	return 0;
}

static struct kern_request sane(uint32_t spi)
{
	struct kern_request rq = { .id = 7, .op = KERN_SA_ADD };
	struct ipsec_sa *sa = &rq.sa;
	uint8_t key[20];

	memset(key, 0x5a, sizeof(key));
	assert_int_equal(ipsec_addr_parse(&sa->src, "192.0.2.1"), 0);
	assert_int_equal(ipsec_addr_parse(&sa->dst, "192.0.2.2"), 0);
	sa->proto = IPPROTO_ESP;
	sa->mode = IPSEC_MODE_TUNNEL;
	sa->spi = spi;
	sa->replay_window = 32;
	sa->soft.add_seconds = 3000;
	sa->hard.add_seconds = 3600;
	assert_int_equal(ipsec_alg_set(&sa->aead, ipsec_alg_by_kernel(IPSEC_ALG_AEAD, "rfc4106(gcm(aes))", 128), key, 160),
			 0);
	return rq;
}

static int execute(struct fixture *f, struct kern_request *rq, struct kern_answer *an)
{
	door_execute(f->door, rq, an);
	assert_int_equal(an->id, rq->id);
	assert_int_equal(an->error != 0, *an->why != 0);
	assert_false(has_key(&rq->sa));
	return an->error;
}

static void add_get_delete(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = sane(0x1000);
	struct kern_answer an;
	struct ipsec_sa_id id = { .dst = rq.sa.dst, .proto = IPPROTO_ESP, .spi = 0x1000 };
	struct ipsec_sa sa;

	assert_int_equal(execute(f, &rq, &an), 0);
	assert_int_equal(ipsec_sa_get(f->ip, &id, &sa), 0);
	assert_true(has_key(&sa));
	rq = sane(0x1000);
	assert_int_equal(execute(f, &rq, &an), -EEXIST);
	rq.op = KERN_SA_GET;
	assert_int_equal(execute(f, &rq, &an), 0);
	rq.op = KERN_SA_DELETE;
	assert_int_equal(execute(f, &rq, &an), 0);
	assert_int_equal(ipsec_sa_get(f->ip, &id, &sa), -ESRCH);
	assert_int_equal(execute(f, &rq, &an), 0);	/* gone already */
	rq.op = KERN_LARVAL_DELETE;
	assert_int_equal(execute(f, &rq, &an), 0);
	rq.op = KERN_SA_GET;
	assert_int_equal(execute(f, &rq, &an), -ESRCH);
}

static struct kern_request sane_move(const char *to, uint16_t dport)
{
	struct kern_request rq = sane(0x1000);

	rq.op = KERN_SA_MOVE;
	rq.old_dst = rq.sa.dst;
	assert_int_equal(ipsec_addr_parse(&rq.sa.dst, to), 0);
	rq.sa.encap = (struct ipsec_encap){ .type = UDP_ENCAP_ESPINUDP, .sport = 4500, .dport = dport };
	return rq;
}

static struct ipsec_sa found_at(struct fixture *f, const char *dst)
{
	struct ipsec_sa_id id = { .proto = IPPROTO_ESP, .spi = 0x1000 };
	struct ipsec_sa sa;

	assert_int_equal(ipsec_addr_parse(&id.dst, dst), 0);
	assert_int_equal(ipsec_sa_get(f->ip, &id, &sa), 0);
	return sa;
}

/* A port changes in place; an address by a copy with the same key that uses no sequence number again. */
static void moves(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = sane(0x1000);
	struct kern_answer an;
	struct ipsec_sa first, sa;

	rq.sa.encap = (struct ipsec_encap){ .type = UDP_ENCAP_ESPINUDP, .sport = 4500, .dport = 1111 };
	rq.sa.resume = true;
	rq.sa.usage.oseq = 77;
	assert_int_equal(execute(f, &rq, &an), 0);
	first = found_at(f, "192.0.2.2");
	rq = sane_move("192.0.2.2", 2222);
	assert_int_equal(execute(f, &rq, &an), 0);
	sa = found_at(f, "192.0.2.2");
	assert_int_equal(sa.encap.dport, 2222);
	assert_int_equal(sa.usage.oseq, 77);
	assert_memory_equal(&sa.aead, &first.aead, sizeof(sa.aead));
	rq = sane_move("192.0.2.3", 3333);
	assert_int_equal(execute(f, &rq, &an), 0);
	assert_int_equal(found_at(f, "192.0.2.2").usage.oseq, 77);
	sa = found_at(f, "192.0.2.3");
	assert_int_equal(sa.encap.dport, 3333);
	assert_int_equal(sa.hard.add_seconds, 3600);
	assert_memory_equal(&sa.aead, &first.aead, sizeof(sa.aead));
	assert_true(sa.usage.oseq >= 77 + (1u << 20));
	/* Who is there already, or nowhere. */
	rq = sane_move("192.0.2.3", 3333);
	assert_int_equal(execute(f, &rq, &an), -EEXIST);
	rq = sane_move("192.0.2.3", 3333);
	rq.sa.spi = 0x1001;
	assert_int_equal(execute(f, &rq, &an), -ESRCH);
}

/* Without room for the copy's sequence numbers, or without a key, there is none: the child is rekeyed instead. */
static void no_copy_without_numbers_or_key(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = sane(0x1000);
	struct kern_answer an;

	rq.sa.resume = true;
	rq.sa.usage.oseq = UINT32_MAX - (1u << 20);
	assert_int_equal(execute(f, &rq, &an), 0);
	rq = sane_move("192.0.2.3", 3333);
	assert_int_equal(execute(f, &rq, &an), -ERANGE);
	assert_non_null(strstr(an.why, "sequence numbers"));
	rq = sane(0x1000);
	rq.op = KERN_SA_DELETE;
	assert_int_equal(execute(f, &rq, &an), 0);
	rq = sane(0x1000);
	memset(rq.sa.aead.key, 0, sizeof(rq.sa.aead.key));
	assert_int_equal(execute(f, &rq, &an), 0);
	rq = sane_move("192.0.2.3", 3333);
	assert_int_equal(execute(f, &rq, &an), -EACCES);
}

#define REFUSED(change)									\
	do {										\
		rq = sane(0x1000);							\
		change;									\
		assert_int_equal(execute(f, &rq, &an), -EINVAL);			\
	} while (0)

static void insane_requests_are_refused(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq;
	struct kern_answer an;

	REFUSED(rq.op = KERN_OPS);
	REFUSED(rq.op = 255);
	REFUSED(rq.sa.spi = 255);
	REFUSED(rq.sa.proto = IPPROTO_TCP);
	REFUSED(rq.sa.hard.add_seconds = 0);
	REFUSED(rq.sa.hard.add_seconds = DOOR_LIFETIME_MAX + 1);
	REFUSED(rq.sa.soft.add_seconds = 3601);
	REFUSED((rq.sa.soft.bytes = 2, rq.sa.hard.bytes = 1));
	REFUSED((rq.sa.soft.packets = 2, rq.sa.hard.packets = 1));
	REFUSED(rq.sa.replay_window = 4097);
	REFUSED(rq.sa.aead.key_bits = 65528);
	REFUSED(rq.sa.aead.key_bits = 7);
	REFUSED(memset(rq.sa.aead.name, 'x', sizeof(rq.sa.aead.name)));
	REFUSED(memset(rq.sa.ctx, 'x', sizeof(rq.sa.ctx)));
	REFUSED(rq.sa.dst.family = 77);
	REFUSED(rq.sa.src.family = AF_INET6);
	REFUSED(memset(&rq.sa.src.b, 0, sizeof(rq.sa.src.b)));
	REFUSED(rq.sa.encap = ((struct ipsec_encap){ .type = 1, .sport = 4500, .dport = 4500 }));
	REFUSED(rq.sa.encap = ((struct ipsec_encap){ .type = UDP_ENCAP_ESPINUDP, .dport = 4500 }));
	REFUSED((rq = sane_move("192.0.2.3", 0)));
	REFUSED((rq = sane_move("2001:db8::1", 1)));
	REFUSED((rq = sane_move("192.0.2.3", 1), rq.old_dst.family = AF_INET6));
	REFUSED((rq = sane_move("192.0.2.3", 1), rq.sa.spi = 255));
	REFUSED((rq.op = KERN_SA_DELETE, rq.sa.spi = 0));
	REFUSED((rq.op = KERN_LARVAL_DELETE, rq.sa.src.family = 0));
	assert_int_equal(door_read(f->door), 0);	/* and the SAD has seen nothing of it */
}

static void add_policy(struct fixture *f, const char *net)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT, .ntmpl = 1 };

	assert_int_equal(ipsec_addr_parse(&pol.sel.src, net), 0);
	assert_int_equal(ipsec_addr_parse(&pol.sel.dst, "10.9.0.0"), 0);
	pol.sel.src_len = pol.sel.dst_len = 24;
	pol.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TRANSPORT };
	assert_int_equal(ipsec_policy_add(f->ip, &pol), 0);
}

static void all_is_told_without_keys(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = sane(0x2000);
	struct kern_answer an;

	add_policy(f, "10.1.0.0");
	add_policy(f, "10.2.0.0");
	assert_int_equal(execute(f, &rq, &an), 0);
	assert_int_equal(door_tell(f->door), 0);
	assert_int_equal(f->told.resets, 1);
	assert_int_equal(f->told.policies, 2);
	assert_int_equal(f->told.orphans, 1);
	/* The same again as events. */
	assert_int_equal(door_read(f->door), 3);
	assert_int_equal(f->told.policies, 4);
	assert_int_equal(f->told.others, 1);
	assert_false(f->told.keys);
}

static void an_overrun_tells_all_again(void **state)
{
	struct fixture *f = *state;

	add_policy(f, "10.1.0.0");
	assert_int_equal(door_read(f->door), 1);
	assert_int_equal(ipsec_fake_event(f->ip, &(struct ipsec_event){ .type = IPSEC_EVENT_OVERRUN }), 0);
	assert_true(door_read(f->door) >= 0);
	assert_int_equal(f->told.resets, 1);
	assert_int_equal(f->told.policies, 2);
	assert_int_equal(f->told.others, 1);
}

static unsigned int larvals;

static int count_larval(const struct ipsec_sa *sa, void *arg)
{
	(void)arg;
	larvals += sa->state == IPSEC_STATE_LARVAL;
	return 0;
}

static void larvals_of_an_engine_that_is_gone(void **state)
{
	struct fixture *f = *state;
	struct ipsec_event ev = { .type = IPSEC_EVENT_ACQUIRE };
	struct kern_request rq = sane(0x3000);
	struct kern_answer an;

	ev.acquire.src = rq.sa.src;
	ev.acquire.dst = rq.sa.dst;
	ev.acquire.proto = IPPROTO_ESP;
	ev.acquire.seq = 1;
	ev.acquire.policy.ntmpl = 1;
	ev.acquire.policy.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TRANSPORT };
	assert_int_equal(execute(f, &rq, &an), 0);
	assert_int_equal(ipsec_fake_event(f->ip, &ev), 0);
	assert_int_equal(ipsec_sa_dump(f->ip, count_larval, NULL), 0);
	assert_int_equal(larvals, 1);
	assert_int_equal(door_tell(f->door), 0);
	assert_int_equal(f->told.orphans, 1);		/* the other one */
	assert_int_equal(door_forget_larvals(f->door), 0);
	larvals = 0;
	assert_int_equal(ipsec_sa_dump(f->ip, count_larval, NULL), 0);
	assert_int_equal(larvals, 0);
	assert_int_equal(door_tell(f->door), 0);
	assert_int_equal(f->told.orphans, 2);
}

static void telling_ends_when_nobody_listens(void **state)
{
	struct fixture *f = *state;

	add_policy(f, "10.1.0.0");
	f->told.refuse = -EPIPE;
	assert_int_equal(door_tell(f->door), -EPIPE);
	assert_int_equal(f->told.resets, 1);
	assert_int_equal(f->told.policies, 0);
}

static uint8_t ae_of(struct fixture *f, const struct kern_request *rq)
{
	struct ipsec_sa_id id = { .dst = rq->sa.dst, .proto = rq->sa.proto, .spi = rq->sa.spi };
	struct ipsec_sa sa = { 0 };

	assert_int_equal(ipsec_sa_get(f->ip, &id, &sa), 0);
	return sa.ae;
}

/* How many of these events pass the door. */
static unsigned int passes(struct fixture *f, const struct kern_request *rq, uint64_t seq)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_AE };

	while (door_read(f->door) > 0)
		;
	f->told.others = 0;
	ev.ae.id = (struct ipsec_sa_id){ .dst = rq->sa.dst, .proto = rq->sa.proto, .spi = rq->sa.spi };
	ev.ae.seq = seq;
	assert_int_equal(ipsec_fake_event(f->ip, &ev), 0);
	assert_true(door_read(f->door) > 0);
	return f->told.others;
}

/* The first packet of an SA that somebody waits for is told once; the kernel is then asked to tell no more. */
static void first_packets(void **state)
{
	struct fixture *f = *state;
	struct kern_request awaited = sane(0x2000), other = sane(0x2001), out = sane(0x2002);
	struct kern_answer an;

	awaited.sa.ae = IPSEC_AE_FIRST;
	other.sa.ae = IPSEC_AE_NEVER;
	assert_int_equal(execute(f, &awaited, &an), 0);
	assert_int_equal(execute(f, &other, &an), 0);
	assert_int_equal(ae_of(f, &awaited), IPSEC_AE_FIRST);
	assert_int_equal(passes(f, &other, 1), 0);
	assert_int_equal(passes(f, &awaited, 0), 0);	/* it has received nothing */
	assert_int_equal(passes(f, &awaited, 1), 1);
	assert_int_equal(ae_of(f, &awaited), IPSEC_AE_NEVER);
	assert_int_equal(passes(f, &awaited, 2), 0);

	/* Settled before a packet came; and what the kernel refused is not awaited. */
	awaited = sane(0x2003);
	awaited.sa.ae = IPSEC_AE_FIRST;
	out.settled = 0x2003;
	assert_int_equal(execute(f, &awaited, &an), 0);
	assert_int_equal(execute(f, &out, &an), 0);
	assert_int_equal(ae_of(f, &awaited), IPSEC_AE_NEVER);
	assert_int_equal(passes(f, &awaited, 1), 0);
	other = sane(0x2001);
	other.sa.ae = IPSEC_AE_FIRST;
	assert_int_equal(execute(f, &other, &an), -EEXIST);
	assert_int_equal(ae_of(f, &other), IPSEC_AE_NEVER);
	assert_int_equal(passes(f, &other, 1), 0);
}

/* SAs that go are not awaited any more, whoever removes them. */
static void first_packets_of_none(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq;
	struct kern_answer an;

	for (uint32_t spi = 0x2000; spi < 0x2004; spi++) {
		rq = sane(spi);
		rq.sa.ae = IPSEC_AE_FIRST;
		assert_int_equal(execute(f, &rq, &an), 0);
	}
	rq.op = KERN_SA_DELETE;
	assert_int_equal(execute(f, &rq, &an), 0);
	assert_int_equal(passes(f, &rq, 1), 0);
	assert_int_equal(ipsec_sa_flush(f->ip, 0), 0);
	rq.sa.spi = 0x2000;
	assert_int_equal(passes(f, &rq, 1), 0);
}

static void no_such_backend(void **state)
{
	struct door *d = NULL;
	char why[200] = "";

	(void)state;
	assert_true(door_open(&d, "carrier-pigeon", &hooks, NULL, why, sizeof(why)) < 0);
	assert_null(d);
	assert_true(*why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(add_get_delete, setup, teardown),
		cmocka_unit_test_setup_teardown(moves, setup, teardown),
		cmocka_unit_test_setup_teardown(no_copy_without_numbers_or_key, setup, teardown),
		cmocka_unit_test_setup_teardown(insane_requests_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(all_is_told_without_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(an_overrun_tells_all_again, setup, teardown),
		cmocka_unit_test_setup_teardown(larvals_of_an_engine_that_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(telling_ends_when_nobody_listens, setup, teardown),
		cmocka_unit_test_setup_teardown(first_packets, setup, teardown),
		cmocka_unit_test_setup_teardown(first_packets_of_none, setup, teardown),
		cmocka_unit_test(no_such_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
