// SPDX-License-Identifier: MIT
// Road warriors: addresses from a pool, policies that keyd makes itself, and what becomes of both when things go wrong.
#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "tests/unit/rogue.h"
#include "tests/unit/world_nat.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIENT 0
#define GATEWAY 1

static struct world w;

static const char client_conf[] =
	"peer gw {\n"
	"	address 192.0.2.2\n"
	"	id local alice@example.org\n"
	"	virtual-address ipv4, ipv6\n"
	"	traffic assigned <-> 10.0.0.0/8, 2001:db8::/32\n"
	"}\n";

#define POOL(range) \
	"pool office {\n" \
	"	address " range "\n" \
	"	address 2001:db8:3::/64\n" \
	"	dns 10.0.0.53, 2001:db8::53\n" \
	"	domain corp.example\n" \
	"}\n" \
	"peer any {\n" \
	"	id remote *@example.org\n" \
	"	pool office\n" \
	"	traffic 10.0.0.0/24, 2001:db8:1::/48 <-> assigned\n" \
	"}\n"
static const char gateway_conf[] = POOL("10.3.0.0/24");

static void begin(const char *client, const char *gateway)
{
	world_init(&w, 7, true);
	world_road(&w, CLIENT, client);
	world_road(&w, GATEWAY, gateway);
	world_run(&w, MILLISECONDS(10));
}

static void assert_addr(const struct ipsec_addr *a, const char *text)
{
	char buf[IPSEC_ADDR_STRLEN];

	assert_string_equal(ipsec_addr_format(a, buf, sizeof(buf)), text);
}

static bool can_use(struct world *world)
{
	return world_joined(world) && world->host[CLIENT].virtual[0].addr.family;
}

static void up(void)
{
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	assert_true(world_until(&w, SECONDS(5), can_use));
	world_run(&w, SECONDS(1));
}

static bool nothing_left(struct world *world)
{
	return !world->host[CLIENT].own.n && !world->host[GATEWAY].own.n && !world->host[CLIENT].nsas &&
	       !world->host[GATEWAY].nsas;
}

static const struct lease *lease_of(const char *who)
{
	struct pool *p;
	struct ike_sa *sa = rogue_sa(&w, GATEWAY);

	assert_non_null(sa);
	p = pool_find(&sa->e->pools, "office");
	list_each(l, &p->leases, struct lease, link)
		if (l->addr.family == AF_INET && l->id_len == strlen(who) && !memcmp(l->id_data, who, l->id_len))
			return l;
	return NULL;
}

static void assert_said(unsigned host, const char *what)
{
	if (!strstr(w.host[host].log, what))
		fail_msg("host %u did not say \"%s\", but:\n%s", host, what, w.host[host].log);
}

/* --- the way it should be --- */

static void both_ends_have_what_they_need(void **state)
{
	struct world_host *c = &w.host[CLIENT], *g = &w.host[GATEWAY];
	struct ipsec_addr mine;

	(void)state;
	begin(client_conf, gateway_conf);
	assert_int_equal(g->guards, 2);
	up();
	/* The gateway narrows to what it has; both families in one child. */
	mine = c->virtual[0].addr;
	assert_int_equal(mine.family, AF_INET);
	assert_int_equal(mine.b[1], 3);
	assert_int_equal(c->own.n, 2);
	assert_int_equal(g->own.n, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(c->own.sel[i].src_len, ipsec_addr_bits(c->own.sel[i].src.family));
		assert_int_equal(g->own.sel[i].dst_len, ipsec_addr_bits(c->own.sel[i].src.family));
	}
	assert_true(ipsec_addr_equal(&c->own.sel[0].src, &mine));
	assert_true(ipsec_addr_equal(&g->own.sel[0].dst, &mine));
	assert_addr(&c->own.sel[0].dst, "10.0.0.0");
	assert_int_equal(c->own.sel[0].dst_len, 24);
	assert_addr(&c->own.sel[1].dst, "2001:db8:1::");
	assert_int_not_equal(c->own.reqid, 0);
	assert_true(ipsec_addr_equal(&c->own.remote, &g->addr));
	/* Programs find their way there. */
	assert_string_equal(c->virtual[0].interface, "gapless0");
	assert_int_equal(c->virtual[0].n, 1);
	assert_addr(&c->virtual[0].to[0].addr, "10.0.0.0");
	assert_int_equal(c->virtual[1].n, 1);
	assert_addr(&c->virtual[1].to[0].addr, "2001:db8:1::");
	assert_true(ipsec_addr_equal(&c->virtual[1].gateway, &g->addr));
	assert_string_equal(c->resolv.peer, "gw");
	assert_int_equal(c->resolv.ndns, 2);
	assert_addr(&c->resolv.dns[0], "10.0.0.53");
	assert_addr(&c->resolv.dns[1], "2001:db8::53");
	assert_string_equal(c->resolv.domain, "corp.example");
	assert_int_equal(c->events[ENGINE_ADDRESS], 2);
	assert_int_equal(lease_of("alice@example.org")->users, 1);
	assert_true(ipsec_addr_equal(&lease_of("alice@example.org")->addr, &mine));
	/* The SAs are for both families: the reqid binds them to the policies. */
	assert_int_equal(world_newest(c, true)->sa.sel.src.family, 0);
	assert_true(world_newest(c, true)->sa.flags & IPSEC_SA_AF_UNSPEC);
	world_free(&w);
}

/* Down gives the address back; whoever comes again has the same. */
static void down_and_up_again(void **state)
{
	struct ipsec_addr mine;

	(void)state;
	begin(client_conf, gateway_conf);
	up();
	mine = w.host[CLIENT].virtual[0].addr;
	assert_int_equal(engine_down(w.host[CLIENT].engine, w.now, "gw"), 1);
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[CLIENT].virtual[0].addr.family, 0);
	assert_int_equal(w.host[CLIENT].virtual[1].addr.family, 0);
	assert_int_equal(w.host[CLIENT].resolv.ndns, 0);
	assert_true(world_until(&w, SECONDS(30), nothing_left));
	assert_int_equal(w.host[GATEWAY].guards, 2);
	assert_int_equal(w.host[CLIENT].clears, 1);
	assert_int_equal(w.host[GATEWAY].clears, 1);
	world_run(&w, SECONDS(600));		/* nobody begins it again */
	assert_int_equal(w.host[CLIENT].events[ENGINE_IKE_UP], 1);
	up();
	assert_true(ipsec_addr_equal(&w.host[CLIENT].virtual[0].addr, &mine));
	assert_int_equal(lease_of("alice@example.org")->users, 1);
	world_free(&w);
}

/* Rekeys of both kinds by both sides: policies and addresses are not touched, and nothing is lost. */
static void rekeys_leave_it_alone(void **state)
{
	(void)state;
	begin(client_conf, gateway_conf);
	up();
	w.traffic = true;
	for (unsigned i = 0; i < 8; i++) {
		engine_rekey(w.host[i % 2].engine, w.now, NULL, i / 2 % 2 ? ENGINE_REKEY_CHILD : ENGINE_REKEY_IKE);
		world_run(&w, SECONDS(15));
	}
	w.traffic = false;
	world_run(&w, SECONDS(1));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(w.host[i].sets, 1);
		assert_int_equal(w.host[i].clears, 0);
		assert_int_equal(w.host[i].lost_keying, 0);
		assert_int_equal(w.host[i].held, 0);
		assert_int_equal(w.host[i].events[ENGINE_CHILD_REKEYED], 4);
		assert_int_equal(w.host[i].events[ENGINE_IKE_REKEYED], 4);
	}
	assert_int_equal(w.host[CLIENT].events[ENGINE_ADDRESS], 2);
	assert_int_equal(w.host[CLIENT].received, w.host[GATEWAY].sent);
	assert_int_equal(w.host[GATEWAY].received, w.host[CLIENT].sent);
	assert_int_equal(lease_of("alice@example.org")->users, 1);
	world_free(&w);
}

/* --- pools that refuse --- */

/* The client begins anew beside the old IKE SA, when the gateway says that it must, and has the same address all the time. */
static void reauthentication_keeps_the_address(void **state)
{
	struct ipsec_addr mine;

	(void)state;
	begin(client_conf, gateway_conf);
	w.host[GATEWAY].conf.peers[0].reauth_lifetime = 600;
	world_configure(&w, GATEWAY);
	up();
	mine = w.host[CLIENT].virtual[0].addr;
	assert_said(CLIENT, "the peer takes our proof for 600 s (AUTH_LIFETIME)");
	assert_int_equal(engine_reauth(w.host[GATEWAY].engine, w.now, NULL), 0);
	w.traffic = true;
	world_run(&w, SECONDS(1250));
	assert_int_equal(w.host[CLIENT].events[ENGINE_IKE_REAUTHENTICATED], 2);
	assert_int_equal(engine_reauth(w.host[CLIENT].engine, w.now, NULL), 1);
	world_run(&w, SECONDS(30));
	assert_int_equal(w.host[CLIENT].events[ENGINE_IKE_REAUTHENTICATED], 3);
	w.traffic = false;
	world_run(&w, SECONDS(30));
	assert_true(world_joined(&w));
	assert_int_equal(w.host[GATEWAY].events[ENGINE_IKE_UP], 4);
	assert_int_equal(w.host[GATEWAY].events[ENGINE_IKE_DOWN], 3);
	assert_true(ipsec_addr_equal(&w.host[CLIENT].virtual[0].addr, &mine));
	assert_true(ipsec_addr_equal(&lease_of("alice@example.org")->addr, &mine));
	assert_int_equal(w.host[CLIENT].own.n, 2);
	assert_int_equal(w.host[GATEWAY].own.n, 2);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].lost_keying, 0);
		assert_int_equal(world_count(&w.host[i], true), 1);
		assert_int_equal(world_count(&w.host[i], false), 1);
	}
	world_free(&w);
}

static void an_exhausted_pool_explains_itself(void **state)
{
	struct world_host *c = &w.host[CLIENT];
	struct ipsec_addr none = { 0 };
	struct conf_id bob;
	struct pool *p;

	(void)state;
	begin("peer gw {\n address 192.0.2.2\n id local alice@example.org\n virtual-address ipv4\n}\n",
	      POOL("10.3.0.10-10.3.0.10"));
	/* Bob has the only one. */
	assert_int_equal(conf_id_parse(&bob, "bob@example.org"), 0);
	assert_int_equal(engine_up(c->engine, w.now, "gw", NULL), 1);
	world_run(&w, MILLISECONDS(5));
	p = pool_find(&rogue_sa(&w, CLIENT)->e->pools, "office");
	assert_null(p);
	world_run(&w, MILLISECONDS(8));
	p = pool_find(&rogue_sa(&w, GATEWAY)->e->pools, "office");
	assert_non_null(lease_take(&rogue_sa(&w, GATEWAY)->e->pools, p, &bob, AF_INET, &none, w.now));
	world_run(&w, SECONDS(5));
	assert_said(GATEWAY, "INTERNAL_ADDRESS_FAILURE: \"alice@example.org\" gets no address, as others have all those of pool "
			     "\"office\": \"keydctl pools\" shows who; give it more");
	assert_said(CLIENT, "the peer has no address left for us (INTERNAL_ADDRESS_FAILURE): its pool must be larger");
	assert_int_equal(c->events[ENGINE_FAILED], 1);
	assert_int_equal(c->events[ENGINE_IKE_DOWN], 1);
	assert_true(nothing_left(&w));
	/* It asks again, but not soon. */
	world_run(&w, SECONDS(140));
	assert_int_equal(c->events[ENGINE_IKE_UP], 1);
	world_run(&w, SECONDS(165));
	assert_int_equal(c->events[ENGINE_IKE_UP], 2);
	world_road(&w, GATEWAY, POOL("10.3.0.0/24"));
	assert_true(world_until(&w, SECONDS(310), can_use));
	world_free(&w);
}

static void who_does_not_ask_is_told(void **state)
{
	(void)state;
	begin("peer gw {\n address 192.0.2.2\n id local alice@example.org\n traffic 10.9.0.0/24 <-> 10.0.0.0/24\n}\n",
	      gateway_conf);
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	world_run(&w, SECONDS(3));
	assert_said(GATEWAY, "FAILED_CP_REQUIRED: \"alice@example.org\" does not ask for an address, and its traffic here is for "
			     "one of pool \"office\": it must be configured to ask");
	assert_said(CLIENT, "the peer wants us to ask for an address (FAILED_CP_REQUIRED): add \"virtual-address\"");
	assert_int_equal(w.host[CLIENT].own.n + w.host[GATEWAY].own.n, 0);
	world_free(&w);
}

static void a_peer_without_pool(void **state)
{
	(void)state;
	begin(client_conf, "peer any { traffic 10.0.0.0/24 <-> 10.3.0.0/24 }\n");
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	world_run(&w, SECONDS(3));
	assert_said(CLIENT, "\"virtual-address\"");
	assert_int_equal(w.host[CLIENT].own.n, 0);
	assert_int_equal(w.host[CLIENT].nsas, 0);
	world_free(&w);
}

static void only_the_family_that_there_is(void **state)
{
	(void)state;
	begin(client_conf, "pool v6 { address 2001:db8:3::/64 }\n"
			   "peer any { pool v6; traffic 10.0.0.0/24, 2001:db8:1::/48 <-> assigned }\n");
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	world_run(&w, SECONDS(3));
	assert_true(world_joined(&w));
	assert_int_equal(w.host[CLIENT].virtual[0].addr.family, 0);
	assert_int_equal(w.host[CLIENT].virtual[1].addr.family, AF_INET6);
	assert_int_equal(w.host[CLIENT].own.n, 1);
	world_free(&w);
}

/* --- failures --- */

/* The gateway is away for long: what the client's programs send waits, and nothing goes in clear. */
static void a_dead_gateway_comes_back(void **state)
{
	struct world_host *c = &w.host[CLIENT];
	struct ipsec_addr mine;

	(void)state;
	begin(client_conf, gateway_conf);
	up();
	mine = c->virtual[0].addr;
	w.host[GATEWAY].down = true;
	for (unsigned i = 0; i < 300; i++) {
		world_packet(&w, CLIENT);
		world_run(&w, SECONDS(1));
	}
	assert_int_equal(c->events[ENGINE_IKE_DOWN], 1);
	assert_int_equal(c->in_clear, 0);
	assert_true(c->held > 0);
	assert_int_equal(c->clears, 0);
	assert_true(ipsec_addr_equal(&c->virtual[0].addr, &mine));
	world_restart(&w, GATEWAY, false);
	w.host[GATEWAY].down = false;
	assert_true(world_until(&w, SECONDS(120), world_joined));
	world_run(&w, SECONDS(2));
	assert_true(ipsec_addr_equal(&c->virtual[0].addr, &mine));
	assert_int_equal(c->clears, 0);
	assert_false(c->larval);
	world_free(&w);
}

/* keyd of the gateway is killed and comes back: its kernel carries on, until the client finds out and comes again. */
static void the_gateways_daemon_is_restarted(void **state)
{
	struct world_host *g = &w.host[GATEWAY];
	struct ipsec_addr mine;
	uint32_t reqid;

	(void)state;
	begin(client_conf, gateway_conf);
	up();
	mine = w.host[CLIENT].virtual[0].addr;
	reqid = g->own.reqid;
	w.traffic = true;
	world_run(&w, SECONDS(3));
	world_restart(&w, GATEWAY, true);
	assert_int_equal(engine_rekey(w.host[CLIENT].engine, w.now, NULL, ENGINE_REKEY_IKE), 1);
	world_run(&w, SECONDS(200));
	w.traffic = false;
	world_run(&w, SECONDS(1));
	assert_true(world_joined(&w));
	assert_int_equal(g->own.reqid, reqid);
	assert_true(ipsec_addr_equal(&w.host[CLIENT].virtual[0].addr, &mine));
	assert_int_equal(g->lost_keying + w.host[CLIENT].lost_keying, 0);
	assert_int_equal(w.host[CLIENT].in_clear, 0);
	assert_int_equal(lease_of("alice@example.org")->users, 1);
	assert_true(w.host[CLIENT].events[ENGINE_IKE_UP] >= 2);
	assert_int_equal(world_count(g, true), 1);
	assert_int_equal(world_count(g, false), 1);
	world_free(&w);
}

static void the_clients_daemon_is_restarted(void **state)
{
	struct world_host *c = &w.host[CLIENT];
	struct ipsec_addr mine;
	uint32_t reqid;

	(void)state;
	begin(client_conf, gateway_conf);
	up();
	mine = c->virtual[0].addr;
	reqid = c->own.reqid;
	w.traffic = true;
	world_run(&w, SECONDS(3));
	world_restart(&w, CLIENT, true);
	world_run(&w, SECONDS(30));
	w.traffic = false;
	world_run(&w, SECONDS(1));
	assert_true(world_joined(&w));
	assert_int_equal(c->own.reqid, reqid);
	assert_int_equal(c->clears, 0);
	assert_true(ipsec_addr_equal(&c->virtual[0].addr, &mine));
	assert_int_equal(c->lost_keying + w.host[GATEWAY].lost_keying, 0);
	assert_int_equal(c->in_clear + c->held, 0);
	assert_int_equal(world_count(c, true), 1);
	assert_int_equal(world_count(c, false), 1);
	assert_int_equal(lease_of("alice@example.org")->users, 1);
	world_free(&w);
}

/* A client that was taken down for good while keyd did not run: what it left behind goes. */
static void settings_that_are_gone(void **state)
{
	struct world_host *c = &w.host[CLIENT];

	(void)state;
	begin(client_conf, gateway_conf);
	up();
	conf_free(&c->conf);
	conf_defaults(&c->conf);
	c->nsas = 0;
	world_restart(&w, CLIENT, false);
	world_run(&w, SECONDS(2));
	assert_int_equal(c->own.n, 0);
	assert_int_equal(c->virtual[0].addr.family, 0);
	assert_int_equal(c->virtual[1].addr.family, 0);
	world_free(&w);
}

/* Somebody empties the client's or the gateway's SPD: the policies are there again at once. */
static void a_flush_of_the_spd(void **state)
{
	(void)state;
	begin(client_conf, gateway_conf);
	up();
	for (unsigned i = 0; i < 2; i++) {
		const struct ipsec_event flush = { .type = IPSEC_EVENT_POLICY_FLUSH };
		struct kern_traffic before = w.host[i].own;

		w.host[i].own = (struct kern_traffic){ 0 };
		engine_kern_event(w.host[i].engine, w.now, &flush);
		world_run(&w, MILLISECONDS(10));
		assert_int_equal(w.host[i].own.n, 2);
		assert_int_equal(w.host[i].own.reqid, before.reqid);
	}
	w.traffic = true;
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
	world_free(&w);
}

/* Its only child ends on the gateway: the client makes another, and what is sent meanwhile waits at both ends. */
static void a_child_that_is_deleted(void **state)
{
	(void)state;
	begin(client_conf, gateway_conf);
	up();
	assert_int_equal(engine_down(w.host[GATEWAY].engine, w.now, NULL), 1);
	w.traffic = true;
	world_run(&w, SECONDS(5));
	w.traffic = false;
	world_run(&w, SECONDS(1));
	assert_true(world_joined(&w));
	assert_int_equal(w.host[CLIENT].in_clear + w.host[GATEWAY].in_clear, 0);
	assert_int_equal(w.host[CLIENT].lost_keying + w.host[GATEWAY].lost_keying, 0);
	assert_false(w.host[CLIENT].larval || w.host[GATEWAY].larval);
	assert_int_equal(w.host[GATEWAY].clears, 0);
	world_free(&w);
}

/* The address comes before the first SA can be used only if the policies are there. */
static void loss_of_datagrams(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++) {
		world_init(&w, seed, true);
		world_road(&w, CLIENT, client_conf);
		world_road(&w, GATEWAY, gateway_conf);
		w.loss = 30;
		w.traffic = true;
		assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
		assert_true(world_until(&w, SECONDS(120), can_use));
		world_run(&w, SECONDS(2));
		assert_int_equal(engine_down(w.host[CLIENT].engine, w.now, "gw"), 1);
		world_run(&w, SECONDS(100));
		assert_int_equal(w.host[CLIENT].in_clear, 0);
		assert_int_equal(w.host[GATEWAY].lost_keying, 0);
		assert_int_equal(w.host[CLIENT].own.n, 0);
		world_free(&w);
	}
}

static bool policies_follow(struct world *world)
{
	return ipsec_addr_equal(&world->host[GATEWAY].own.remote, &world_nat[CLIENT].outside);
}

/* Behind a NAT that forgets: the gateway's policies follow its SAs, and nothing is lost. */
static void behind_a_nat(void **state)
{
	struct world_host *c = &w.host[CLIENT], *g = &w.host[GATEWAY];
	struct ipsec_addr moved;

	(void)state;
	world_nat_init(&w, 3, true, ALICE);
	world_road(&w, CLIENT, client_conf);
	world_road(&w, GATEWAY, gateway_conf);
	world_run(&w, MILLISECONDS(10));
	up();
	assert_true(ipsec_addr_equal(&g->own.remote, &world_nat[CLIENT].outside));
	assert_int_equal(world_newest(g, true)->sa.encap.type, 2);
	w.traffic = true;
	world_run(&w, SECONDS(1));
	world_nat_move(CLIENT, "203.0.113.77", true);
	moved = world_nat[CLIENT].outside;
	assert_true(world_until(&w, MILLISECONDS(20), policies_follow));	/* before any exchange can have done it */
	world_run(&w, SECONDS(3));
	assert_true(ipsec_addr_equal(&g->own.remote, &moved));
	assert_int_equal(engine_rekey(g->engine, w.now, NULL, ENGINE_REKEY_CHILD), 1);
	world_run(&w, SECONDS(3));
	w.traffic = false;
	world_run(&w, SECONDS(1));
	assert_true(ipsec_addr_equal(&g->own.remote, &moved));
	assert_int_equal(c->lost_keying + g->lost_keying + c->held + g->held, 0);
	assert_int_equal(g->clears, 0);
	assert_int_equal(lease_of("alice@example.org")->users, 1);
	world_free(&w);
}

/* --- the payload itself --- */

static uint8_t buf[4000];

/* The attributes of the answer to an INFORMATIONAL request with these; n 0: no CP payload came. */
static struct view asked(const char *attrs, size_t n)
{
	struct ike_sa *sa = rogue_sa(&w, CLIENT);
	struct rogue_payload pl = { IKEV2_PL_CP, 0, false, { (const uint8_t *)attrs, n } };
	struct wire_header h = rogue_header(sa, IKEV2_EXCH_INFORMATIONAL, false, sa->next_request++);
	struct view datagram = rogue_message(sa, &h, &pl, 1, buf, sizeof(buf));
	const struct wire_payload *p;
	struct wire_message m;

	rogue_heard.n = 0;
	w.tap = rogue_overhear;
	world_inject(&w, GATEWAY, datagram.p, datagram.n);
	world_run(&w, MILLISECONDS(15));
	w.tap = NULL;
	assert_true(rogue_heard.n > 0);
	assert_true(rogue_open(sa, false, rogue_heard.bytes, rogue_heard.n, &m));
	p = wire_find(&m, IKEV2_PL_CP);
	return p ? p->body : (struct view){ 0 };
}

#define ASKED(bytes) asked(bytes, sizeof(bytes) - 1)

static void other_requests(void **state)
{
	struct view v;

	(void)state;
	begin(client_conf, gateway_conf);
	up();
	/* Which version? An empty text. And an attribute that nobody knows, with a value. */
	v = ASKED("\1\0\0\0" "\0\7\0\0" "\x3f\xff\0\3abc");
	assert_int_equal(v.n, 4 + (4 + 4) + (4 + 17) + 2 * 4 + 4 + 16 + (4 + 12) + 4);
	assert_int_equal(v.p[0], 2);
	assert_memory_equal(v.p + v.n - 4, "\0\7\0\0", 4);
	/* The networks behind the gateway: IPv4 with a mask, IPv6 with a length. */
	v = ASKED("\1\0\0\0" "\0\x0d\0\0" "\0\x0f\0\0");
	assert_memory_equal(v.p + v.n - (4 + 8 + 4 + 17), "\0\x0d\0\x08\x0a\0\0\0\xff\xff\xff\0", 12);
	assert_memory_equal(v.p + v.n - (4 + 17), "\0\x0f\0\x11\x20\x01\x0d\xb8\0\1\0\0\0\0\0\0\0\0\0\0\x30", 21);
	/* Everything that there is. */
	v = ASKED("\1\0\0\0" "\0\x0e\0\0");
	assert_memory_equal(v.p + v.n - (4 + 18), "\0\x0e\0\x12\0\1\0\3\0\7\0\x08\0\x0a\0\x0d\0\x0e\0\x0f\0\x19", 22);
	/* CFG_SET and CFG_ACK mean nothing (3.15). */
	assert_int_equal(ASKED("\3\0\0\0" "\0\1\0\4\x0a\3\0\x63").n, 0);
	assert_int_equal(ASKED("\4\0\0\0").n, 0);
	assert_int_equal(ASKED("\2\0\0\0" "\0\1\0\4\x0a\3\0\x63").n, 0);
	/* A wish for another address than the lease, or one of an impossible length, changes nothing. */
	v = ASKED("\1\0\0\0" "\0\1\0\4\x0a\3\0\x63" "\0\1\0\3\x0a\3\0" "\0\x08\0\2\x20\x01");
	assert_memory_equal(v.p + 4 + 4, w.host[CLIENT].virtual[0].addr.b, 4);
	assert_true(world_joined(&w));
	world_free(&w);
}

/* "drop" is among the guards, as it is written. */
static void assert_drop(const struct world_host *h)
{
	const struct ipsec_selector *sel = h->guard;

	while (sel < h->guard + h->guards && !sel->src_len)
		sel++;
	assert_true(sel < h->guard + h->guards);
	assert_addr(&sel->src, "10.8.0.0");
	assert_addr(&sel->dst, "10.9.0.0");
	assert_int_equal(sel->src_len, 16);
	assert_int_equal(sel->proto, IPPROTO_TCP);
	assert_int_equal(sel->sport_mask, 0);
	assert_int_equal(sel->sport, 1);	/* so that no policy of a tunnel's has the same selector */
	assert_int_equal(sel->dport, 80);
	assert_int_equal(sel->dport_mask, UINT16_MAX);
}

/* The pool is another one when the client comes again: nothing of the old address stays, and the name servers go with it. */
static void another_address(void **state)
{
	struct world_host *c = &w.host[CLIENT];
	uint32_t reqid;

	(void)state;
	begin(client_conf, gateway_conf);
	up();
	reqid = c->own.reqid;
	world_road(&w, GATEWAY, "drop 10.8.0.0/16[tcp] <-> 10.9.0.0/16[tcp/80]\npool office { address 10.7.0.0/24 }\n"
				"peer any { pool office; traffic 10.0.0.0/24, 2001:db8:1::/48 <-> assigned }\n");
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[GATEWAY].guards, 2);
	assert_drop(&w.host[GATEWAY]);
	assert_int_equal(engine_down(w.host[GATEWAY].engine, w.now, NULL), 1);
	world_run(&w, SECONDS(20));
	assert_true(world_joined(&w));
	assert_int_equal(c->virtual[0].addr.b[1], 7);
	assert_int_equal(c->virtual[1].addr.family, 0);
	assert_int_equal(c->own.n, 1);
	assert_int_not_equal(c->own.reqid, reqid);
	assert_int_equal(c->resolv.ndns, 0);
	assert_int_equal(c->in_clear, 0);
	world_free(&w);
}

/* --- a gateway that says anything: its answer to IKE_AUTH with another payload in the place of one --- */

static struct rogue_payload forged;	/* type 0: that of type forged_out is left out */
static uint8_t forged_out;

static void forge(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	struct rogue_payload pl[WIRE_PAYLOADS_MAX];
	struct ike_sa *sa = rogue_sa(world, GATEWAY);
	struct wire_message m;
	struct view datagram;
	unsigned k = 0;

	if (from != GATEWAY || n < 28 || bytes[18] != IKEV2_EXCH_IKE_AUTH || !sa || n > sizeof(rogue_heard.bytes))
		return;
	memcpy(rogue_heard.bytes, bytes, n);
	assert_true(rogue_open(sa, true, rogue_heard.bytes, n, &m));
	for (unsigned i = m.n_clear; i < m.n; i++) {
		if (m.pl[i].type != forged_out)
			pl[k++] = (struct rogue_payload){ m.pl[i].type, 0, false, m.pl[i].body };
		else if (forged.type)
			pl[k++] = forged;
	}
	datagram = rogue_message(sa, &m.h, pl, k, buf, sizeof(buf));
	world_inject(world, CLIENT, datagram.p, datagram.n);
	bytes[n - 1] ^= 1;		/* and the true one does not get through */
}

/* In bytes: the body of the forged payload; NULL: none. */
static void up_forged(uint8_t type, const char *body, size_t n)
{
	forged_out = type;
	forged = body ? (struct rogue_payload){ type, 0, false, { (const uint8_t *)body, n } } : (struct rogue_payload){ 0 };
	begin(client_conf, gateway_conf);
	w.tap = forge;
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	world_run(&w, MILLISECONDS(400));	/* before it tries again, and hears the truth */
	w.tap = NULL;
	assert_int_equal(w.host[CLIENT].in_clear, 0);
}

#define UP_FORGED(type, bytes) up_forged(type, bytes, sizeof(bytes) - 1)

static void assert_stays_out(const char *why)
{
	assert_said(CLIENT, why);
	assert_int_equal(w.host[CLIENT].own.n, 0);
	assert_int_equal(w.host[CLIENT].virtual[0].addr.family, 0);
	assert_int_equal(w.host[CLIENT].resolv.ndns, 0);
	assert_int_equal(w.host[CLIENT].nsas, 0);
	world_free(&w);
}

#define REPLY "\2\0\0\0"
#define TS4(start, end) "\1\0\0\0" "\7\0\0\x10\0\0\xff\xff" start end

static void hostile_replies(void **state)
{
	static const char none[] = "the peer's CFG_REPLY has no address of a family";

	(void)state;
	up_forged(IKEV2_PL_CP, NULL, 0);
	assert_stays_out("the peer assigns no addresses (no CFG_REPLY)");
	UP_FORGED(IKEV2_PL_CP, "\1\0\0\0" "\0\1\0\4\x0a\3\0\5");	/* a request is no reply */
	assert_stays_out("the peer assigns no addresses (no CFG_REPLY)");
	UP_FORGED(IKEV2_PL_CP, REPLY);
	assert_stays_out(none);
	UP_FORGED(IKEV2_PL_CP, REPLY "\0\1\0\4\0\0\0\0" "\0\x08\0\0" "\0\1\0\3\x0a\3\0");
	assert_stays_out(none);
	/* One address is assigned, another one agreed on; or none of it. */
	UP_FORGED(IKEV2_PL_CP, REPLY "\0\1\0\4\x0a\3\0\x99");
	assert_stays_out("the peer's traffic selectors leave out the address that it assigned to us");
	UP_FORGED(IKEV2_PL_TSI, TS4("\x0a\3\0\x99", "\x0a\3\0\x99"));
	assert_stays_out("the peer's traffic selectors leave out the address that it assigned to us");
	/* What was never asked for. */
	UP_FORGED(IKEV2_PL_TSR, TS4("\0\0\0\0", "\xff\xff\xff\xff"));
	assert_stays_out("the peer widened the traffic selectors beyond our policy");
	/* 10.0.0.1 to 10.255.255.254 would be 46 prefixes. */
	UP_FORGED(IKEV2_PL_TSR, TS4("\x0a\0\0\1", "\x0a\xff\xff\xfe"));
	assert_stays_out("more than 32 networks");
}

/* All addresses as TSi, as some gateways answer: what was assigned counts. A range of networks becomes several policies. */
static void generous_replies(void **state)
{
	struct world_host *c = &w.host[CLIENT];

	(void)state;
	UP_FORGED(IKEV2_PL_TSI, TS4("\0\0\0\0", "\xff\xff\xff\xff"));
	assert_int_equal(c->own.n, 1);
	assert_int_equal(c->own.sel[0].src_len, 32);
	assert_true(ipsec_addr_equal(&c->own.sel[0].src, &c->virtual[0].addr));
	world_free(&w);
	UP_FORGED(IKEV2_PL_TSR, TS4("\x0a\0\0\0", "\x0a\0\2\xff"));
	assert_int_equal(c->own.n, 2);
	assert_int_equal(c->own.sel[0].dst_len, 23);
	assert_int_equal(c->own.sel[1].dst_len, 24);
	assert_int_equal(c->virtual[0].n, 2);
	world_free(&w);
}

/* What goes into a file for resolvers has nothing in it that is no name and no address. */
static void hostile_names(void **state)
{
	struct world_host *c = &w.host[CLIENT];
	char body[4000];
	size_t n = 0;
	struct ipsec_addr mine;

	(void)state;
	begin(client_conf, gateway_conf);
	up();
	mine = c->virtual[0].addr;
	world_free(&w);
	memcpy(body, REPLY "\0\1\0\4", 8);
	memcpy(body + 8, mine.b, 4);
	n = 12;
	for (unsigned i = 0; i < 20; i++, n += 8)
		memcpy(body + n, i ? "\0\3\0\4\x0a\0\0\x35" : "\0\3\0\4\0\0\0\0", 8);
	memcpy(body + n, "\0\x19\0\x17" "evil.example\nnameserver" "\0\x0a\0\3\1\2\3", 27 + 7);
	up_forged(IKEV2_PL_CP, body, n + 27 + 7);
	assert_true(ipsec_addr_equal(&c->virtual[0].addr, &mine));
	assert_int_equal(c->resolv.ndns, ENGINE_DNS_MAX);
	assert_addr(&c->resolv.dns[0], "10.0.0.53");
	assert_string_equal(c->resolv.domain, "");
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_have_what_they_need), cmocka_unit_test(down_and_up_again),
		cmocka_unit_test(rekeys_leave_it_alone), cmocka_unit_test(reauthentication_keeps_the_address),
		cmocka_unit_test(an_exhausted_pool_explains_itself),
		cmocka_unit_test(who_does_not_ask_is_told), cmocka_unit_test(a_peer_without_pool),
		cmocka_unit_test(only_the_family_that_there_is), cmocka_unit_test(a_dead_gateway_comes_back),
		cmocka_unit_test(the_gateways_daemon_is_restarted), cmocka_unit_test(the_clients_daemon_is_restarted),
		cmocka_unit_test(settings_that_are_gone), cmocka_unit_test(a_flush_of_the_spd),
		cmocka_unit_test(a_child_that_is_deleted), cmocka_unit_test(loss_of_datagrams), cmocka_unit_test(behind_a_nat),
		cmocka_unit_test(other_requests), cmocka_unit_test(another_address), cmocka_unit_test(hostile_replies),
		cmocka_unit_test(generous_replies), cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
