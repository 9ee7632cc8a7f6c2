// SPDX-License-Identifier: MIT
// Peers that the configuration has by name: which section serves an address, and tunnels that begin when the name has been looked up.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/load.h"
#include "keyd/ike/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { CLIENT, GATEWAY };

static struct world w;
static unsigned lookups;

static void set_addresses(struct conf_peer *peer, const char *const *addrs)
{
	peer->remote = (struct ipsec_addr){ 0 };
	peer->nalso = 0;
	for (unsigned i = 0; addrs[i]; i++)
		assert_int_equal(ipsec_addr_parse(i ? &peer->also[peer->nalso++] : &peer->remote, addrs[i]), 0);
	peer->remote_len = (uint8_t)(peer->remote.family ? ipsec_addr_bits(peer->remote.family) : 0);
}

static const char *found(const struct conf *c, const char *addr)
{
	struct ipsec_addr remote, local = { 0 };

	assert_int_equal(ipsec_addr_parse(&remote, addr), 0);
	return conf_peer_find(c, &local, &remote)->name;
}

/* A name serves those addresses that it stands for, after what is written down as an address, and nobody while it stands for none. */
static void test_choice(void **state)
{
	static const char text[] =
		"peer named { address gw.example.org; psk \"x\" }\n"
		"peer fixed { address 192.0.2.3; psk \"y\" }\n"
		"peer net { address 192.0.2.0/24; psk \"z\" }\n";
	static const char *const addrs[] = { "192.0.2.2", "192.0.2.3", "2001:db8::2", NULL };
	struct conf_secrets s;
	struct conf c;

	(void)state;
	assert_int_equal(conf_load_buffer(&c, &s, "t", text, strlen(text), NULL, NULL), 0);
	assert_string_equal(c.peers[0].host, "gw.example.org");
	assert_string_equal(found(&c, "192.0.2.2"), "net");
	assert_string_equal(found(&c, "198.51.100.1"), "default");
	set_addresses(&c.peers[0], addrs);
	assert_string_equal(found(&c, "192.0.2.2"), "named");
	assert_string_equal(found(&c, "192.0.2.3"), "fixed");
	assert_string_equal(found(&c, "2001:db8::2"), "named");
	assert_string_equal(found(&c, "192.0.2.4"), "net");
	assert_true(s.n == 3 && !strcmp(s.entries[0].host, "gw.example.org"));
	assert_null(psk_find(&s, NULL, NULL, NULL));	/* a secret of a section with a name is nobody's else */
	conf_free(&c);
	conf_secrets_free(&s);
}

static void begin(const char *address)
{
	world_init(&w, 3, true);
	world_road(&w, CLIENT, "peer gw { address gw.example.org; local 192.0.2.1; psk \"x\"; retransmit 200ms 3; "
		   "traffic 10.0.1.0/24 <-> 10.0.2.0/24 }");
	world_road(&w, GATEWAY, "peer any { psk \"x\"; traffic 10.0.2.0/24 <-> 10.0.1.0/24 }");
	if (address)
		set_addresses(&w.host[CLIENT].conf.peers[0], (const char *const[]){ address, NULL });
	world_configure(&w, CLIENT);
	lookups = 0;
}

static void know(const char *const *addrs)
{
	set_addresses(&w.host[CLIENT].conf.peers[0], addrs);
	world_configure(&w, CLIENT);
	engine_looked(w.host[CLIENT].engine, w.now, "gw.example.org");
}

static void on_lookup(struct world *world, unsigned host, const char *name)
{
	(void)world;
	assert_int_equal(host, CLIENT);
	assert_string_equal(name, "gw.example.org");
	lookups++;
}

/* It begins when the name is told, not before; and later asks again. */
static void test_begins(void **state)
{
	(void)state;
	begin(NULL);
	w.lookup = on_lookup;
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	world_run(&w, SECONDS(2));
	assert_int_equal(lookups, 1);
	assert_int_equal(w.host[CLIENT].datagrams, 0);
	know((const char *const[]){ "192.0.2.2", NULL });
	assert_true(world_until(&w, SECONDS(5), world_joined));
	assert_int_equal(lookups, 1);
	world_free(&w);
}

/* The address that was known before is not spoken to while the new one is looked up. */
static void test_changed(void **state)
{
	(void)state;
	begin("192.0.2.99");
	w.lookup = on_lookup;
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[CLIENT].datagrams, 0);
	know((const char *const[]){ "192.0.2.2", NULL });
	assert_true(world_until(&w, SECONDS(5), world_joined));
	world_free(&w);
}

/* Nobody answers about the name: what is known has to do. Without anything known it is tried again. */
static void test_silent(void **state)
{
	(void)state;
	begin("192.0.2.2");
	w.lookup = on_lookup;
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	assert_true(world_until(&w, SECONDS(15), world_joined));
	world_free(&w);
	begin(NULL);
	w.lookup = on_lookup;
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	world_run(&w, SECONDS(60));
	assert_in_range(lookups, 2, 10);
	assert_non_null(strstr(w.host[CLIENT].log, "the name of the peer has no address"));
	world_free(&w);
}

/* Nobody is at other addresses. */
static bool to_somebody(struct world *world, unsigned from, struct world_path *p)
{
	return ipsec_addr_equal(&p->dst, &world->host[1 - from].addr);
}

static void on_lookup_both(struct world *world, unsigned host, const char *name)
{
	(void)world;
	(void)host;
	(void)name;
	lookups++;
}

/* The first address is dead: the next one has its turn. */
static void test_candidates(void **state)
{
	(void)state;
	begin(NULL);
	set_addresses(&w.host[CLIENT].conf.peers[0], (const char *const[]){ "192.0.2.99", "192.0.2.2", NULL });
	world_configure(&w, CLIENT);
	w.lookup = on_lookup_both;
	w.route = to_somebody;
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	assert_true(world_until(&w, SECONDS(60), world_joined));
	assert_in_range(lookups, 2, 4);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice), cmocka_unit_test(test_begins), cmocka_unit_test(test_changed),
		cmocka_unit_test(test_silent), cmocka_unit_test(test_candidates),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
