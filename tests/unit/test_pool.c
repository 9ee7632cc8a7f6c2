// SPDX-License-Identifier: MIT
// Pools: who gets which address, when none is left, what a reload keeps; and the set of bits below them.
#include "keyd/conf/id.h"
#include "keyd/ike/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr a = { 0 };

	if (*text)
		assert_int_equal(ipsec_addr_parse(&a, text), 0);
	return a;
}

static struct conf_id id(const char *text)
{
	struct conf_id i = { 0 };

	assert_int_equal(conf_id_parse(&i, text), 0);
	return i;
}

struct fixture {
	struct pools ps;
	struct conf conf;
	struct conf_pool pool[2];
};

static void range(struct conf_pool *p, const char *first, const char *last, uint8_t len)
{
	p->range[p->nranges++] = (struct conf_range){ addr(first), addr(last), len };
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->conf.pools = f->pool;
	f->conf.npools = 1;
	strcpy(f->pool[0].name, "office");
	strcpy(f->pool[1].name, "other");
	range(&f->pool[0], "10.3.0.0", "10.3.0.7", 29);
	range(&f->pool[0], "2001:db8:3::", "2001:db8:3::ffff:ffff:ffff:ffff", 64);
	f->pool[0].except[f->pool[0].nexcept++] = addr("10.3.0.1");
	return pools_init(&f->ps) || pools_configure(&f->ps, &f->conf);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pools_free(&f->ps);
	free(f);
	return 0;
}

static struct lease *take(struct fixture *f, const char *who, uint16_t family, const char *wish)
{
	struct conf_id i = id(who);
	struct ipsec_addr w = addr(wish);

	return lease_take(&f->ps, pool_find(&f->ps, "office"), &i, family, &w, 1);
}

static const char *text(const struct lease *l)
{
	static char buf[IPSEC_ADDR_STRLEN];

	return l ? ipsec_addr_format(&l->addr, buf, sizeof(buf)) : "none";
}

/* Of 8 addresses the ends and the gateway's own are not for clients. */
static void all_but_the_ends(void **state)
{
	struct fixture *f = *state;
	bool seen[8] = { false };
	char who[32];

	for (int i = 0; i < 5; i++) {
		struct lease *l;

		snprintf(who, sizeof(who), "c%d@example", i);
		l = take(f, who, AF_INET, "");
		assert_non_null(l);
		assert_true(l->addr.b[3] > 1 && l->addr.b[3] < 7 && !seen[l->addr.b[3]]);
		seen[l->addr.b[3]] = true;
	}
	assert_null(take(f, "one-more@example", AF_INET, ""));
	assert_null(take(f, "one-more@example", AF_INET, "10.3.0.4"));
	/* The other family has its own. */
	assert_non_null(take(f, "one-more@example", AF_INET6, ""));
}

static void an_identity_keeps_its_address(void **state)
{
	struct fixture *f = *state;
	struct lease *a = take(f, "alice@example", AF_INET, ""), *again = take(f, "ALICE@example", AF_INET, "10.3.0.6");
	struct ipsec_addr first;

	assert_ptr_equal(a, again);
	assert_int_equal(a->users, 2);
	first = a->addr;
	lease_put(&f->ps, a, 2);
	assert_int_equal(a->users, 1);
	lease_put(&f->ps, a, 3);
	assert_int_equal(a->pool->online, 0);
	assert_int_equal(a->pool->known, 1);
	a = take(f, "alice@example", AF_INET, "");
	assert_true(ipsec_addr_equal(&a->addr, &first));
	assert_int_equal(a->pool->known, 1);
}

/* The same name points to the same address, also when nobody remembers it. */
static void a_name_points_to_its_address(void **state)
{
	struct fixture *f = *state, other = { 0 };
	struct lease *a = take(f, "alice@example", AF_INET, ""), *b;
	struct conf_id i = id("alice@example");

	assert_int_equal(pools_init(&other.ps), 0);
	assert_int_equal(pools_configure(&other.ps, &f->conf), 0);
	b = lease_take(&other.ps, pool_find(&other.ps, "office"), &i, AF_INET, &(struct ipsec_addr){ 0 }, 9);
	assert_true(ipsec_addr_equal(&a->addr, &b->addr));
	pools_free(&other.ps);
}

static void a_wish_is_granted_if_free(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(text(take(f, "alice@example", AF_INET, "10.3.0.6")), "10.3.0.6");
	assert_string_not_equal(text(take(f, "bob@example", AF_INET, "10.3.0.6")), "10.3.0.6");
	assert_string_not_equal(text(take(f, "carol@example", AF_INET, "10.3.0.1")), "10.3.0.1");	/* ours */
	assert_string_not_equal(text(take(f, "dave@example", AF_INET, "10.3.0.7")), "10.3.0.7");	/* broadcast */
	assert_string_not_equal(text(take(f, "erin@example", AF_INET, "10.9.0.6")), "10.9.0.6");	/* not of the pool */
	assert_string_equal(text(take(f, "alice@example", AF_INET6, "2001:db8:3::77")), "2001:db8:3::77");
	/* More of a network than POOL_RANGE_MAX is not kept account of. */
	assert_string_not_equal(text(take(f, "bob@example", AF_INET6, "2001:db8:3:0:1::")), "2001:db8:3:0:1::");
}

/* Who left first loses the address first. */
static void the_oldest_idle_one_goes(void **state)
{
	struct fixture *f = *state;
	struct lease *l[5];
	char who[32], oldest[IPSEC_ADDR_STRLEN];

	for (int i = 0; i < 5; i++) {
		snprintf(who, sizeof(who), "c%d@example", i);
		l[i] = take(f, who, AF_INET, "");
	}
	strcpy(oldest, text(l[3]));
	lease_put(&f->ps, l[3], 5);
	lease_put(&f->ps, l[1], 6);
	assert_string_equal(text(take(f, "new@example", AF_INET, "")), oldest);
	assert_ptr_equal(take(f, "c1@example", AF_INET, ""), l[1]);	/* still remembered */
	assert_null(take(f, "c3@example", AF_INET, ""));		/* whose address is somebody else's now */
}

static void what_was_in_use_before_our_time(void **state)
{
	struct fixture *f = *state;
	struct ipsec_addr a = addr("10.3.0.4");
	char who[32];
	int n = 0;

	pools_reserve(&f->ps, &a, 1);
	pools_reserve(&f->ps, &a, 1);
	for (int i = 0; i < 4; i++) {
		snprintf(who, sizeof(who), "c%d@example", i);
		n += !strcmp(text(take(f, who, AF_INET, "")), "10.3.0.4");
	}
	assert_int_equal(n, 0);
	assert_string_equal(text(take(f, "alice@example", AF_INET, "10.3.0.4")), "10.3.0.4");
	assert_null(take(f, "late@example", AF_INET, "10.3.0.4"));
}

static void a_reload_keeps_leases(void **state)
{
	struct fixture *f = *state;
	struct lease *a = take(f, "alice@example", AF_INET, "10.3.0.6"), *b = take(f, "bob@example", AF_INET, "10.3.0.2");

	assert_int_equal(pools_configure(&f->ps, &f->conf), 0);
	assert_ptr_equal(take(f, "alice@example", AF_INET, ""), a);
	assert_string_not_equal(text(take(f, "carol@example", AF_INET, "10.3.0.6")), "10.3.0.6");
	/* Now alice's address is not in the pool any more: it is hers until she goes. */
	f->pool[0].range[0] = (struct conf_range){ addr("10.3.0.0"), addr("10.3.0.3"), 30 };
	assert_int_equal(pools_configure(&f->ps, &f->conf), 0);
	assert_ptr_equal(take(f, "alice@example", AF_INET, ""), a);
	assert_string_equal(text(a), "10.3.0.6");
	for (int i = 0; i < 3; i++)
		lease_put(&f->ps, a, 7);
	assert_null(take(f, "alice@example", AF_INET, ""));
	lease_put(&f->ps, b, 8);
	assert_string_equal(text(take(f, "alice@example", AF_INET, "")), "10.3.0.2");
}

/* A pool that is not configured any more lives on with its clients, and what replaces it does not give their addresses away. */
static void a_pool_that_goes(void **state)
{
	struct fixture *f = *state;
	struct lease *a = take(f, "alice@example", AF_INET, "10.3.0.2"), *b;
	struct conf_id bob = id("bob@example");
	struct ipsec_addr wish = addr("10.3.0.2");

	range(&f->pool[1], "10.3.0.2", "10.3.0.3", 0);
	f->conf.pools = &f->pool[1];
	assert_int_equal(pools_configure(&f->ps, &f->conf), 0);
	assert_null(pool_find(&f->ps, "office"));
	b = lease_take(&f->ps, pool_find(&f->ps, "other"), &bob, AF_INET, &wish, 1);
	assert_string_equal(text(b), "10.3.0.3");
	assert_string_equal(text(a), "10.3.0.2");
	/* It comes back while she is still there. */
	f->conf.pools = f->pool;
	assert_int_equal(pools_configure(&f->ps, &f->conf), 0);
	assert_ptr_equal(take(f, "alice@example", AF_INET, ""), a);
	lease_put(&f->ps, a, 2);
	lease_put(&f->ps, a, 2);
	lease_put(&f->ps, b, 2);	/* the last one of its pool */
}

#define MANY 100000

static void a_hundred_thousand(void **state)
{
	struct fixture *f = *state;
	struct lease **l = calloc(MANY, sizeof(*l));
	struct ipsec_addr none = { 0 };
	struct pool *p;
	char who[32];

	range(&f->pool[1], "10.64.0.0", "10.65.134.161", 0);	/* so many, and one more */
	f->conf.npools = 2;
	assert_int_equal(pools_configure(&f->ps, &f->conf), 0);
	p = pool_find(&f->ps, "other");
	for (int i = 0; i < MANY; i++) {
		struct conf_id who_id;

		snprintf(who, sizeof(who), "c%d@example", i);
		who_id = id(who);
		l[i] = lease_take(&f->ps, p, &who_id, AF_INET, &none, 1);
		assert_non_null(l[i]);
	}
	assert_int_equal(p->online, MANY);
	assert_int_equal(p->range[0].taken.used, MANY);
	for (int i = 0; i < MANY; i++)
		lease_put(&f->ps, l[i], 2);
	assert_int_equal(p->online, 0);
	free(l);
}

static void bits(void **state)
{
	static const uint32_t sizes[] = { 1, 63, 64, 65, 4096, 4097, 262144, 300000 };
	struct bitset s;

	(void)state;
	assert_int_equal(bitset_init(&s, 0), -1);
	assert_int_equal(bitset_init(&s, BITSET_MAX + 1), -1);
	for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
		uint32_t n = sizes[k], at = n / 2;

		assert_int_equal(bitset_init(&s, n), 0);
		for (uint32_t i = 0; i < n; i++) {
			at = bitset_gap(&s, at);
			assert_true(at < n);
			assert_true(bitset_add(&s, at));
			assert_false(bitset_add(&s, at));
		}
		assert_int_equal(s.used, n);
		assert_int_equal(bitset_gap(&s, 0), BITSET_NONE);
		assert_int_equal(bitset_gap(&s, n - 1), BITSET_NONE);
		assert_true(bitset_del(&s, n - 1));
		assert_false(bitset_del(&s, n - 1));
		assert_false(bitset_del(&s, n));
		assert_int_equal(bitset_gap(&s, 0), n - 1);
		assert_int_equal(bitset_del(&s, 0), n > 1);
		assert_int_equal(bitset_gap(&s, 0), 0);
		assert_int_equal(bitset_gap(&s, n - 1), n - 1);
		bitset_free(&s);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_but_the_ends), TEST(an_identity_keeps_its_address), TEST(a_name_points_to_its_address),
		TEST(a_wish_is_granted_if_free), TEST(the_oldest_idle_one_goes), TEST(what_was_in_use_before_our_time),
		TEST(a_reload_keeps_leases), TEST(a_pool_that_goes), TEST(a_hundred_thousand), cmocka_unit_test(bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
