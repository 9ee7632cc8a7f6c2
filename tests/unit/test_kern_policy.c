// SPDX-License-Identifier: MIT
// Policies that keyd makes itself, over the fake backend: what the configuration allows, and nobody else's touched.
#include "keyd/kern/door.h"
#include "keyd/kern/policy.h"
#include "pfkey/backend.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct ipsec *ip;
	struct door *door;
	struct kern_answer an;
};

static int on_event(void *arg, const struct ipsec_event *ev)
{
	(void)arg;
	(void)ev;
	return 0;
}

static int on_orphan(void *arg, const struct ipsec_sa *sa)
{
	(void)arg;
	(void)sa;
	return 0;
}

static const struct door_hooks hooks = { .event = on_event, .orphan = on_orphan };

static struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr a;

	assert_int_equal(ipsec_addr_parse(&a, text), 0);
	return a;
}

/* A gateway whose clients get 10.3.0.0/24 and reach 10.0.0.0/16, and which is itself a client that may reach 10.9.0.0/16. */
static void allow(struct fixture *f)
{
	struct kern_allows all = { 0 };
	struct kern_allow k = { .nlocal = 1, .nremote = 1, .remote_hosts = true };

	k.local[0] = (struct allow_range){ addr("10.0.0.0"), addr("10.0.255.255") };
	k.remote[0] = (struct allow_range){ addr("10.3.0.0"), addr("10.3.0.255") };
	assert_int_equal(allows_add(&all, &k), 0);
	k = (struct kern_allow){ .guard = true, .nlocal = 1, .nremote = 1 };
	k.local[0] = (struct allow_range){ addr("0.0.0.0"), addr("255.255.255.255") };
	k.remote[0] = (struct allow_range){ addr("10.3.0.0"), addr("10.3.0.255") };
	assert_int_equal(allows_add(&all, &k), 0);
	k.local[0] = (struct allow_range){ addr("10.8.0.0"), addr("10.8.255.255") };
	k.remote[0] = (struct allow_range){ addr("10.9.0.0"), addr("10.9.255.255") };
	assert_int_equal(allows_add(&all, &k), 0);
	k.guard = false;
	assert_int_equal(allows_add(&all, &k), 0);
	k = (struct kern_allow){ .local_end = true, .remote_end = true, .transport = true };
	assert_int_equal(allows_add(&all, &k), 0);
	k = (struct kern_allow){ .nlocal = 1, .nremote = 1, .local_hosts = true, .interface = "gapless0" };
	k.local[0] = (struct allow_range){ addr("0.0.0.0"), addr("255.255.255.255") };
	k.remote[0] = (struct allow_range){ addr("10.9.0.0"), addr("10.9.255.255") };
	assert_int_equal(allows_add(&all, &k), 0);
	door_allow(f->door, &all);
	assert_int_equal(all.n, 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char why[200];

	*state = f;
	if (ipsec_open(&f->ip, "fake", why, sizeof(why)) || door_over(&f->door, f->ip, &hooks, f, why, sizeof(why)))
		return -1;
	allow(f);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	door_close(f->door);
	free(f);
	return 0;
}

static struct kern_request traffic(const char *local, uint8_t local_len, const char *client)
{
	struct kern_request rq = { .id = 3, .op = KERN_TRAFFIC_SET };
	struct kern_traffic *t = &rq.traffic;

	t->local = addr("192.0.2.1");
	t->remote = addr("192.0.2.2");
	t->reqid = KERN_OWN_REQID + 5;
	t->n = 1;
	t->sel[0].src = addr(local);
	t->sel[0].src_len = local_len;
	t->sel[0].dst = addr(client);
	t->sel[0].dst_len = 32;
	return rq;
}

static int execute(struct fixture *f, const struct kern_request *rq)
{
	struct kern_request copy = *rq;

	door_execute(f->door, &copy, &f->an);
	assert_int_equal(f->an.id, rq->id);
	assert_int_equal(f->an.error != 0, *f->an.why != 0);
	return f->an.error;
}

static int count(const struct ipsec_policy *pol, void *arg)
{
	unsigned int *n = arg;

	n[0]++;
	n[1] += pol->dir == IPSEC_DIR_OUT;
	return 0;
}

static unsigned int policies(struct fixture *f)
{
	unsigned int n[2] = { 0 };

	assert_int_equal(ipsec_policy_dump(f->ip, count, n), 0);
	return n[0];
}

static void set_replace_clear(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = traffic("10.0.1.0", 24, "10.3.0.5");
	struct ipsec_policy want, got;

	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 3);
	policy_of_traffic(&rq.traffic, 0, IPSEC_DIR_FWD, &want);
	assert_int_equal(ipsec_policy_get(f->ip, &want, &got), 0);
	assert_true(ipsec_addr_is_any(&got.tmpl[0].src));
	assert_true(ipsec_addr_equal(&got.tmpl[0].dst, &rq.traffic.local));
	assert_true(ipsec_addr_equal(&got.sel.src, &rq.traffic.sel[0].dst));
	assert_int_equal(got.tmpl[0].reqid, KERN_OWN_REQID + 5);
	/* The client comes from elsewhere now. */
	rq.traffic.remote = addr("192.0.2.99");
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 3);
	policy_of_traffic(&rq.traffic, 0, IPSEC_DIR_OUT, &want);
	assert_int_equal(ipsec_policy_get(f->ip, &want, &got), 0);
	assert_true(ipsec_addr_equal(&got.tmpl[0].dst, &rq.traffic.remote));
	rq.op = KERN_TRAFFIC_CLEAR;
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 0);
	assert_int_equal(execute(f, &rq), 0);
}

/* In transport mode between the two ends alone; nothing of it is forwarded. */
static void transport_mode(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = traffic("192.0.2.1", 32, "192.0.2.2");
	struct ipsec_policy want, got;

	assert_int_equal(execute(f, &rq), -EINVAL);	/* a tunnel between them is not allowed */
	rq.traffic.transport = true;
	rq.traffic.sel[0].proto = IPPROTO_UDP;
	rq.traffic.sel[0].sport = 1701;
	rq.traffic.sel[0].sport_mask = 0xffff;
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 2);
	policy_of_traffic(&rq.traffic, 0, IPSEC_DIR_IN, &want);
	assert_int_equal(ipsec_policy_get(f->ip, &want, &got), 0);
	assert_int_equal(got.tmpl[0].mode, IPSEC_MODE_TRANSPORT);
	assert_int_equal(got.sel.dport, 1701);
	rq.traffic.sel[0].dst = addr("192.0.2.3");
	assert_int_equal(execute(f, &rq), -EINVAL);
	rq.traffic.sel[0].dst = addr("192.0.2.2");
	rq.op = KERN_TRAFFIC_CLEAR;
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 0);
}

/* What stands there is an administrator's: it stays, and nothing of ours is left half. */
static void others_policies_stay(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = traffic("10.0.1.0", 24, "10.3.0.5");
	struct ipsec_policy pol;

	policy_of_traffic(&rq.traffic, 0, IPSEC_DIR_OUT, &pol);
	pol.priority = 0x80000000;
	pol.tmpl[0].reqid = 7;
	assert_int_equal(ipsec_policy_add(f->ip, &pol), 0);
	assert_int_equal(execute(f, &rq), -EEXIST);
	assert_non_null(strstr(f->an.why, "which keyd has not made"));
	assert_int_equal(policies(f), 1);
	rq.op = KERN_TRAFFIC_CLEAR;
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 1);
}

/* A failure half-way leaves nothing of a new one, and all of an old one. */
static void all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = traffic("10.0.1.0", 24, "10.3.0.5");

	ipsec_fake_fail(f->ip, 3, -ENOMEM);
	assert_int_equal(execute(f, &rq), -ENOMEM);
	assert_int_equal(policies(f), 0);
	assert_int_equal(execute(f, &rq), 0);
	ipsec_fake_fail(f->ip, 2, -ENOMEM);
	assert_int_equal(execute(f, &rq), -ENOMEM);
	assert_int_equal(policies(f), 3);
}

/* Only what has the same reqid goes: a later owner of the same traffic is not ours to end. */
static void clear_is_for_one_owner(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = traffic("10.0.1.0", 24, "10.3.0.5");

	assert_int_equal(execute(f, &rq), 0);
	rq.op = KERN_TRAFFIC_CLEAR;
	rq.traffic.reqid++;
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 3);
}

static void guards(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = { .op = KERN_GUARD_SET };

	rq.guard = (struct ipsec_selector){ .src.family = AF_INET, .dst = addr("10.3.0.0"), .dst_len = 24 };
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 3);
	rq.guard.dst_len = 23;
	rq.guard.dst = addr("10.2.0.0");
	assert_int_equal(execute(f, &rq), -EINVAL);
	assert_non_null(strstr(f->an.why, "no pool"));
	rq.op = KERN_GUARD_CLEAR;
	rq.guard.dst = addr("10.3.0.0");
	rq.guard.dst_len = 24;
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 0);
}

/* What "drop" names, and nothing beyond. */
static void drops(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = { .op = KERN_GUARD_SET }, other;
	struct ipsec_policy in = { .dir = IPSEC_DIR_IN, .sel.proto = IPPROTO_TCP }, there;

	rq.guard = (struct ipsec_selector){
		.src = addr("10.8.0.0"), .src_len = 16, .dst = addr("10.9.0.0"), .dst_len = 16, .proto = IPPROTO_TCP,
		.dport = 80, .dport_mask = UINT16_MAX,
	};
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 3);
	in.sel.src = rq.guard.dst;
	in.sel.dst = rq.guard.src;
	in.sel.src_len = in.sel.dst_len = 16;
	in.sel.sport = 80;
	in.sel.sport_mask = UINT16_MAX;
	assert_int_equal(ipsec_policy_get(f->ip, &in, &there), 0);
	assert_int_equal(there.action, IPSEC_ACTION_BLOCK);
	assert_int_equal(there.priority, KERN_GUARD_PRIORITY);
	/* A number behind an empty mask: the tunnel between the same networks has a policy of its own. */
	other = traffic("10.8.0.0", 16, "10.9.0.0");
	other.traffic.sel[0].dst_len = 16;
	rq.guard.proto = 0;
	rq.guard.dport = rq.guard.dport_mask = 0;
	rq.guard.sport = 1;
	assert_int_equal(execute(f, &other), 0);
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 9);
	rq.guard.src_len = 8;
	rq.guard.src = addr("10.0.0.0");
	assert_int_equal(execute(f, &rq), -EINVAL);
	assert_non_null(strstr(f->an.why, "no \"drop\""));
	rq.guard.src_len = 0;
	rq.guard.src = (struct ipsec_addr){ .family = AF_INET };
	assert_int_equal(execute(f, &rq), -EINVAL);
	rq.guard.dst.family = AF_INET6;
	assert_int_equal(execute(f, &rq), -EINVAL);
}

#define REFUSED(change)								\
	do {									\
		rq = traffic("10.0.1.0", 24, "10.3.0.5");			\
		change;								\
		assert_int_equal(execute(f, &rq), -EINVAL);			\
	} while (0)

static void what_is_not_allowed_is_refused(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq;

	REFUSED(rq.traffic.reqid = 7);
	REFUSED(rq.traffic.reqid = KERN_OWN_REQID + KERN_OWN_REQIDS);
	REFUSED(rq.traffic.n = 0);
	REFUSED(rq.traffic.n = KERN_TRAFFIC_MAX + 1);
	REFUSED(rq.traffic.local.family = 0);
	REFUSED(rq.traffic.remote = addr("0.0.0.0"));
	REFUSED(rq.traffic.remote = addr("2001:db8::1"));
	REFUSED(rq.traffic.sel[0].dst_len = 33);
	REFUSED(rq.traffic.sel[0].dst.family = 9);
	REFUSED(rq.traffic.sel[0].src = addr("10.0.1.1"));	/* bits beyond its length */
	REFUSED(rq.traffic.sel[0].src = addr("10.1.1.0"));	/* not ours to protect */
	REFUSED(rq.traffic.sel[0].dst = addr("10.4.0.5"));	/* not of the pool */
	REFUSED((rq.traffic.sel[0].dst = addr("10.3.0.0"), rq.traffic.sel[0].dst_len = 31));	/* not one client */
	REFUSED(rq.traffic.sel[0].dst_len = rq.traffic.sel[0].src_len = 0);
	REFUSED(rq.op = KERN_OPS);
	assert_int_equal(policies(f), 0);
}

static struct kern_request assigned(void)
{
	struct kern_request rq = { .op = KERN_VIRTUAL_SET, .virtual = { .interface = "gapless0", .n = 1 } };

	rq.virtual.addr = addr("10.3.0.5");
	rq.virtual.gateway = addr("192.0.2.2");
	rq.virtual.to[0].addr = addr("10.9.1.0");
	rq.virtual.to[0].len = 24;
	return rq;
}

#define NOT_ASSIGNED(change)							\
	do {									\
		rq = assigned();						\
		change;								\
		assert_int_equal(execute(f, &rq), -EINVAL);			\
	} while (0)

static void assigned_addresses(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = assigned();

	assert_int_equal(execute(f, &rq), 0);
	NOT_ASSIGNED(rq.virtual.to[0].addr = addr("10.8.1.0"));
	NOT_ASSIGNED(rq.virtual.to[0].len = 33);
	NOT_ASSIGNED(rq.virtual.n = KERN_ROUTES_MAX + 1);
	NOT_ASSIGNED(strcpy(rq.virtual.interface, "eth0"));
	NOT_ASSIGNED(strcpy(rq.virtual.interface, ""));
	NOT_ASSIGNED(memset(rq.virtual.interface, 'x', sizeof(rq.virtual.interface)));
	NOT_ASSIGNED(rq.virtual.addr = addr("0.0.0.0"));
	NOT_ASSIGNED(rq.virtual.addr = addr("2001:db8::5"));
	NOT_ASSIGNED(rq.virtual.gateway.family = 0);
	rq = assigned();
	rq.op = KERN_VIRTUAL_CLEAR;
	rq.virtual.gateway.family = 0;
	strcpy(rq.virtual.interface, "");
	assert_int_equal(execute(f, &rq), 0);
}

/* A configuration that says nothing of it allows nothing. */
static void nothing_without_a_word(void **state)
{
	struct fixture *f = *state;
	struct kern_request rq = traffic("10.0.1.0", 24, "10.3.0.5");
	struct kern_allows none = { 0 };

	assert_int_equal(execute(f, &rq), 0);
	door_allow(f->door, &none);
	assert_int_equal(execute(f, &rq), -EINVAL);
	assert_non_null(strstr(f->an.why, "no \"traffic\""));
	rq.op = KERN_TRAFFIC_CLEAR;	/* what was made before goes all the same */
	assert_int_equal(execute(f, &rq), 0);
	assert_int_equal(policies(f), 0);
	rq = assigned();
	assert_int_equal(execute(f, &rq), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(set_replace_clear), TEST(transport_mode), TEST(others_policies_stay), TEST(all_or_nothing),
		TEST(clear_is_for_one_owner), TEST(guards), TEST(drops), TEST(what_is_not_allowed_is_refused),
		TEST(assigned_addresses), TEST(nothing_without_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
