// SPDX-License-Identifier: MIT
// IKEv1 between phase 1 and the first child: names and passwords (XAUTH), addresses (mode config), asked for and told.
#include "tests/unit/rogue.h"
#include "tests/unit/world_nat.h"
#include "tests/unit/with_crypto.h"

#include "keyd/auth/keeper.h"
#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/ike/engine_state.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/path.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev1/exchanges.h"
#include "keyd/ikev1/message.h"
#include "keyd/ikev1/state.h"
#include "keyd/ikev1/window.h"
#include "keyd/wire/isakmp_delete.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CLIENT 0
#define GATEWAY 1
/* openssl passwd -5 -salt saltsalt hatter */
#define HATTER "$5$saltsalt$ZF4K7gAClJdsdJyWPfaJZ5/qPgTq/E7ahF2LL4TP5Y2"

static struct world w;
static struct keeper keeper[WORLD_HOSTS];
static struct tries tries;
static unsigned looked_at, given, forgotten;

/* Who is asked for passwords. */
static void sign(struct world *in, unsigned host, const struct auth_request *rq, struct auth_answer *an)
{
	looked_at += rq->form == AUTH_LOGIN;
	given += rq->form == AUTH_PASSWORD;
	forgotten += rq->form == AUTH_FORGET;
	if (rq->form == AUTH_LOGIN)
		logins_check(&keeper[host].logins, &tries, rq, in->now, 1700000000, an);
	else if (rq->form == AUTH_FORGET)
		logins_forget(&keeper[host].logins, rq, an);
	else
		keeper_answer(&keeper[host], rq, an);
}

static void add_login(unsigned host, const struct conf_digest *key, const char *user, const char *password, bool hashed)
{
	struct conf_login l = { .key = *key, .hashed = hashed };

	strcpy(l.user, user);
	assert_int_equal(secret_set(&l.password, password, strlen(password)), 0);
	assert_int_equal(logins_add(&keeper[host].logins, &l), 0);
}

#define CLIENT_CONF(more) \
	"peer gw {\n" \
	"	address 192.0.2.2\n" \
	"	version 1\n" \
	"	psk \"group\"\n" \
	"	virtual-address ipv4\n" \
	"	traffic assigned <-> 10.0.0.0/24\n" \
	more \
	"}\n"
#define GATEWAY_CONF(more) \
	"pool office {\n" \
	"	address 10.3.0.0/24\n" \
	"	dns 10.0.0.53\n" \
	"	domain corp.example\n" \
	"}\n" \
	"peer any {\n" \
	"	version 1\n" \
	"	psk \"group\"\n" \
	"	pool office\n" \
	"	traffic 10.0.0.0/24 <-> assigned\n" \
	more \
	"}\n"

/* Files cannot be named here: the users are put beside the settings. */
static void begin(const char *client, const char *gateway, const char *password)
{
	struct conf_peer *c, *g;

	memset(&tries, 0, sizeof(tries));
	looked_at = given = forgotten = 0;
	world_init(&w, 7, true);
	w.sign = sign;
	world_road(&w, CLIENT, client);
	world_road(&w, GATEWAY, gateway);
	c = &w.host[CLIENT].conf.peers[0];
	g = &w.host[GATEWAY].conf.peers[0];
	if (password) {
		g->xauth = CONF_XAUTH_SERVER;
		memset(&g->users, 8, sizeof(g->users));
		c->xauth = CONF_XAUTH_CLIENT;
		strcpy(c->xauth_user, "alice");
		memset(&c->login, 9, sizeof(c->login));
		c->login_asked = !*password;
		add_login(GATEWAY, &g->users, "alice", HATTER, true);
		add_login(CLIENT, &c->login, "alice", password, false);
	}
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		world_configure(&w, i);
	world_run(&w, MILLISECONDS(10));
}

static void end(void)
{
	world_free(&w);
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		keeper_free(&keeper[i]);
}

static void assert_said(unsigned host, const char *what)
{
	if (!strstr(w.host[host].log, what))
		fail_msg("host %u did not say \"%s\", but:\n%s", host, what, w.host[host].log);
}

static bool can_use(struct world *world)
{
	return world_joined(world) && world->host[CLIENT].virtual[0].addr.family;
}

static void up(void)
{
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	if (!world_until(&w, SECONDS(20), can_use))
		fail_msg("it does not come up:\n%s\n%s", w.host[CLIENT].log, w.host[GATEWAY].log);
	world_run(&w, SECONDS(1));
}

static void assert_addr(const struct ipsec_addr *a, const char *text)
{
	char buf[IPSEC_ADDR_STRLEN];

	assert_string_equal(ipsec_addr_format(a, buf, sizeof(buf)), text);
}

static unsigned ike_sas(unsigned host)
{
	unsigned n = 0;

	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		n += sa->state == IKE_ESTABLISHED;
	return n;
}

static void never_comes_up(unsigned host, const char *said)
{
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	assert_false(world_until(&w, SECONDS(4), can_use));
	assert_said(host, said);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(ike_sas(i), 0);
		assert_int_equal(w.host[i].nsas, 0);
		assert_int_equal(w.host[i].events[ENGINE_IKE_UP], 0);
	}
}

#define WIDE_CLIENT "peer gw { address 192.0.2.2; version 1; psk \"group\"; virtual-address ipv4; %s }\n"
#define WIDE_GATEWAY "pool office { address 10.3.0.0/24; banner \"Authorized use only.\\x0aBye\" }\n" \
	"peer any { version 1; psk \"group\"; pool office; traffic %s <-> assigned }\n"

/* Who says no "traffic" has the one network that the gateway names; who says that all is meant keeps to it. */
static void test_narrowed(void **state)
{
	char client[400], gateway[400];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(client, sizeof(client), WIDE_CLIENT, i ? "mode-config push" : "");
		snprintf(gateway, sizeof(gateway), WIDE_GATEWAY, "10.0.0.0/24");
		begin(client, gateway, NULL);
		if (i) {
			w.host[GATEWAY].conf.peers[0].mode_push = true;
			world_configure(&w, GATEWAY);
		}
		up();
		assert_said(CLIENT, "the tunnel is for this, as its section has no \"traffic\"");
		assert_said(CLIENT, "the gateway says: \"Authorized use only. Bye\"");
		assert_int_equal(w.host[CLIENT].own.n, 1);
		assert_int_equal(w.host[CLIENT].own.sel[0].dst_len, 24);
		assert_int_equal(engine_rekey(w.host[CLIENT].engine, w.now, NULL, ENGINE_REKEY_CHILD), 1);
		world_run(&w, SECONDS(5));
		assert_int_equal(w.host[CLIENT].own.sel[0].dst_len, 24);
		end();
	}
	snprintf(client, sizeof(client), WIDE_CLIENT, "traffic assigned <-> 0.0.0.0/0");
	snprintf(gateway, sizeof(gateway), WIDE_GATEWAY, "10.0.0.0/24");
	begin(client, gateway, NULL);
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	assert_false(world_until(&w, SECONDS(4), can_use));
	assert_said(CLIENT, "\"traffic\" in its section decides");
	end();
	snprintf(client, sizeof(client), WIDE_CLIENT, "");
	snprintf(gateway, sizeof(gateway), WIDE_GATEWAY, "0.0.0.0/0");
	begin(client, gateway, NULL);
	up();
	assert_int_equal(w.host[CLIENT].own.sel[0].dst_len, 0);
	end();
}

/* Pulled and pushed, with and without a password, main and aggressive mode. */
static void test_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct ipsec_addr mine;
		char client[600], gateway[600];
		const char *push = i & 1 ? "mode-config push\n" : "", *aggressive = i & 4 ? "exchange aggressive\n" : "";

		snprintf(client, sizeof(client), CLIENT_CONF("%s%s"), push, aggressive);
		snprintf(gateway, sizeof(gateway), GATEWAY_CONF("%s%s"), push, aggressive);
		begin(client, gateway, i & 2 ? "hatter" : NULL);
		up();
		mine = w.host[CLIENT].virtual[0].addr;
		assert_int_equal(mine.b[0], 10);
		assert_int_equal(mine.b[1], 3);
		assert_int_equal(w.host[CLIENT].virtual[0].n, 1);
		assert_true(ipsec_addr_equal(&rogue_sa(&w, GATEWAY)->lease[0]->addr, &mine));
		assert_int_equal(w.host[CLIENT].resolv.ndns, 1);
		assert_addr(&w.host[CLIENT].resolv.dns[0], "10.0.0.53");
		assert_string_equal(w.host[CLIENT].resolv.domain, "corp.example");
		assert_said(CLIENT, "behind the gateway, as it says, are 10.0.0.0/255.255.255.0");
		assert_int_equal(looked_at, i & 2 ? 1 : 0);
		assert_int_equal(given, i & 2 ? 1 : 0);
		if (i & 2) {
			assert_said(GATEWAY, "user \"alice\"");
			assert_int_equal(rogue_sa(&w, GATEWAY)->remote_id.len, 5);
			assert_memory_equal(rogue_sa(&w, GATEWAY)->remote_id.data, "alice", 5);
			assert_non_null(strstr(rogue_sa(&w, GATEWAY)->proof.remote, "password of \"alice\""));
		}
		for (unsigned h = 0; h < WORLD_HOSTS; h++)
			assert_null(strstr(w.host[h].log, "hatter"));
		end();
	}
}

/* Nothing is lost while both say all of it again, whoever begins, and the address stays. */
static void test_rekeys(void **state)
{
	(void)state;
	for (unsigned push = 0; push < 2; push++) {
		struct ipsec_addr mine;

		begin(push ? CLIENT_CONF("mode-config push\n") : CLIENT_CONF(""),
		      push ? GATEWAY_CONF("mode-config push\n") : GATEWAY_CONF(""), "hatter");
		up();
		mine = w.host[CLIENT].virtual[0].addr;
		w.traffic = true;
		for (unsigned i = 0; i < 6; i++) {
			assert_int_equal(engine_rekey(w.host[i & 1].engine, w.now, NULL,
						      i % 3 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD), 1);
			world_run(&w, SECONDS(15));
		}
		w.traffic = false;
		world_run(&w, SECONDS(60));
		assert_int_equal(looked_at, 5);
		for (unsigned h = 0; h < WORLD_HOSTS; h++) {
			assert_int_equal(ike_sas(h), 1);
			assert_int_equal(w.host[h].lost_keying, 0);
			assert_true(w.host[h].received > 1000);
		}
		assert_true(ipsec_addr_equal(&w.host[CLIENT].virtual[0].addr, &mine));
		end();
	}
}

/* Whatever is lost, doubled or late on the way. */
static void test_loss(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 12; seed++) {
		begin(seed & 1 ? CLIENT_CONF("mode-config push\n") : CLIENT_CONF(""),
		      seed & 1 ? GATEWAY_CONF("mode-config push\n") : GATEWAY_CONF(""), "hatter");
		w.loss = 25;
		w.dup = 20;
		w.jitter = MILLISECONDS(30);
		assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
		if (!world_until(&w, SECONDS(300), can_use))
			fail_msg("seed %u: it does not come up:\n%s\n%s", seed, w.host[CLIENT].log, w.host[GATEWAY].log);
		end();
	}
}

static void test_wrong_password(void **state)
{
	(void)state;
	begin(CLIENT_CONF(""), GATEWAY_CONF(""), "rabbit");
	never_comes_up(GATEWAY, "user \"alice\" is not known, or the password is another");
	assert_said(CLIENT, "the gateway refuses our name or password");
	assert_int_equal(forgotten, 0);
	end();
	/* What was typed is asked for again, and not tried again. */
	begin(CLIENT_CONF(""), GATEWAY_CONF(""), "");
	never_comes_up(CLIENT, "the gateway asks for a password, and nobody has given it");
	assert_int_equal(looked_at, 0);
	end();
	begin(CLIENT_CONF(""), GATEWAY_CONF(""), "rabbit");
	w.host[CLIENT].conf.peers[0].login_asked = true;
	keeper[CLIENT].logins.e[0].typed = true;
	world_configure(&w, CLIENT);
	never_comes_up(CLIENT, "it is asked for again");
	world_run(&w, SECONDS(30));
	assert_int_equal(forgotten, 1);
	assert_int_equal(looked_at, 1);
	end();
}

/* Both must mean the same; what the method cannot say, the words do. */
static void test_one_end_only(void **state)
{
	(void)state;
	begin(CLIENT_CONF(""), GATEWAY_CONF(""), "hatter");
	w.host[CLIENT].conf.peers[0].xauth = CONF_XAUTH_OFF;
	world_configure(&w, CLIENT);
	never_comes_up(GATEWAY, "the peer wants to prove itself in another way than its section says");
	end();
	begin(CLIENT_CONF(""), GATEWAY_CONF(""), "hatter");
	w.host[GATEWAY].conf.peers[0].xauth = CONF_XAUTH_OFF;
	world_configure(&w, GATEWAY);
	never_comes_up(GATEWAY, "the peer wants to prove itself in another way than its section says");
	end();
	/* The one waits to be told, the other to be asked. */
	begin(CLIENT_CONF("mode-config push\n"), GATEWAY_CONF(""), NULL);
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	assert_false(world_until(&w, SECONDS(90), can_use));
	assert_said(CLIENT, "mode config came to nothing: do both ends mean the same by \"mode-config\"");
	end();
}

/* Both have proved who they are, and the gateway waits for a name and a password. */
static bool asked(struct world *world)
{
	struct ike_sa *c = rogue_sa(world, CLIENT), *g = rogue_sa(world, GATEWAY);

	return c && g && c->v1->config.open && g->v1->config.open && g->state == IKE_AUTH;
}

static void say_delete(struct ike_sa *sa)
{
	uint8_t cookies[16], iv[CRYPTO_IV_MAX];
	struct isakmp_delete d = { .doi = ISAKMP_DOI_IPSEC, .protocol = ISAKMP_PROTO_ISAKMP, .spi_size = sizeof(cookies), .count = 1,
				   .spis = { cookies, sizeof(cookies) } };
	struct path path = path_of(sa);
	struct view datagram;
	struct wire_out out;
	size_t at, mark;
	uint32_t id;

	v1_cookies(sa, cookies);
	assert_int_equal(v1_fresh_message_id(sa, &id), 0);
	assert_int_equal(ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, id, iv), 0);
	v1_message_begin(sa, &out, ISAKMP_EXCH_INFORMATIONAL, id, true);
	at = v1_hash_begin(sa, &out);
	mark = wire_payload_begin(&out, ISAKMP_PL_DELETE);
	isakmp_delete_put(&out.w, &d);
	wire_payload_end(&out, mark);
	assert_int_equal(v1_hash_end(sa, &out, at, id, (struct view){ 0 }), 0);
	assert_int_equal(v1_message_end(sa, &out, iv, &datagram), 0);
	v1_message_send(sa, &path, datagram);
}

static bool gateway_empty(struct world *world)
{
	return !rogue_sa(world, GATEWAY);
}

static bool client_empty(struct world *world)
{
	return !rogue_sa(world, CLIENT);
}

/* Who does not want to tell a name and a password may say so; libreswan does when it is refused. */
static void test_deleted(void **state)
{
	(void)state;
	for (unsigned refused = 0; refused < 2; refused++) {
		begin(CLIENT_CONF(""), GATEWAY_CONF(""), "hatter");
		assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
		assert_true(world_until(&w, SECONDS(4), asked));
		if (refused)
			strcpy(rogue_sa(&w, GATEWAY)->v1->config.why, "it is not let in");
		say_delete(rogue_sa(&w, CLIENT));
		ike_sa_end(rogue_sa(&w, CLIENT), "told");
		assert_true(world_until(&w, SECONDS(1), gateway_empty));
		assert_said(GATEWAY, refused ? "it is not let in" : "the peer deleted it");
		assert_int_equal(w.host[GATEWAY].events[ENGINE_IKE_UP], 0);
		end();
	}
}

/* A gateway that has no address for the client says that it refuses; nobody waits until the time is over. */
static void test_refused(void **state)
{
	uint8_t cookies[16];
	struct ike_sa *sa;

	(void)state;
	begin(CLIENT_CONF(""), GATEWAY_CONF(""), "hatter");
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
	assert_true(world_until(&w, SECONDS(4), asked));
	sa = rogue_sa(&w, GATEWAY);
	v1_cookies(sa, cookies);
	v1_notify(sa, ISAKMP_PROTO_ISAKMP, ISAKMP_N_AUTHENTICATION_FAILED, (struct view){ cookies, sizeof(cookies) }, (struct view){ 0 });
	ike_sa_end(sa, "told");
	assert_true(world_until(&w, SECONDS(1), client_empty));
	assert_said(CLIENT, "it says AUTHENTICATION_FAILED behind phase 1");
	assert_int_equal(w.host[CLIENT].events[ENGINE_IKE_UP], 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up),
		cmocka_unit_test(test_narrowed), cmocka_unit_test(test_rekeys), cmocka_unit_test(test_loss),
		cmocka_unit_test(test_wrong_password), cmocka_unit_test(test_one_end_only), cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
