// SPDX-License-Identifier: MIT
// RFC 7296 2.25 row by row: what a host answers to each request while each of its own is on the way; 1.4.1, 1.3.
#include "tests/unit/rogue.h"

#include "keyd/crypto/alg.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/timer.h"
#include "keyd/ike/version.h"
#include "keyd/wire/delete.h"
#include "keyd/wire/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OTHER_REQID 2
#define STRANGE_SPI 0x12345678u

static struct world w;

/* The last request of host 0 and the last answer of host 1, as they went over the wire. */
static struct {
	uint8_t bytes[4000];
	size_t n;
} request, answer;

static void watch(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	bool response = n > 19 && bytes[19] & IKEV2_FLAG_RESPONSE;

	(void)world;
	if (n > sizeof(request.bytes) || response == (from == 0))
		return;
	if (from == 0) {
		memcpy(request.bytes, bytes, n);
		request.n = n;
	} else {
		memcpy(answer.bytes, bytes, n);
		answer.n = n;
	}
}

/* --- what a host does --- */

static struct ipsec_policy other_policy(unsigned host)
{
	struct ipsec_policy pol = w.host[host].out;

	pol.index++;
	pol.tmpl[0].reqid = OTHER_REQID;
	ipsec_addr_parse(&pol.sel.src, host ? "10.1.1.0" : "10.1.0.0");
	ipsec_addr_parse(&pol.sel.dst, host ? "10.1.0.0" : "10.1.1.0");
	return pol;
}

static struct child_sa *only_child(unsigned host)
{
	struct ike_sa *sa = rogue_sa(&w, host);

	return list_entry(sa->children.next, struct child_sa, link);
}

static void rekey_child(unsigned host)
{
	engine_rekey(w.host[host].engine, w.now, NULL, ENGINE_REKEY_CHILD);
}

static void rekey_ike(unsigned host)
{
	engine_rekey(w.host[host].engine, w.now, NULL, ENGINE_REKEY_IKE);
}

static void delete_child(unsigned host)
{
	w.host[host].engine->now = w.now;
	ikev2_version.delete_child(only_child(host));
}

static void delete_ike(unsigned host)
{
	engine_down(w.host[host].engine, w.now, NULL);
}

static void create_child(unsigned host)
{
	struct ipsec_policy pol = other_policy(host);
	struct world_host *h = &w.host[host];

	h->engine->now = w.now;
	child_begin(h->engine, &pol, &h->addr, &w.host[1 - host].addr, NULL);
}

static void nothing(unsigned host)
{
	(void)host;
}

static void up(uint64_t seed)
{
	world_init(&w, seed, true);
	w.tap = watch;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW, .policy = other_policy(i) };

		engine_kern_event(w.host[i].engine, w.now, &ev);
	}
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(60), world_joined));
	world_run(&w, SECONDS(2));
}

/* --- requests that no honest host makes --- */

static void put_spi(uint8_t *p, uint32_t spi)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(spi >> (24 - 8 * i));
}

/* Host 0's rekey of its child, with another REKEY_SA in it. */
static void forge_rekey(uint8_t protocol, uint32_t spi)
{
	struct ike_sa *sa = rogue_sa(&w, 0);
	struct rogue_payload pl[WIRE_PAYLOADS_MAX];
	uint8_t out[4000], body[8];
	struct wire_message m;
	struct wire_header h;
	struct view made;
	unsigned n = 0;

	w.host[1].down = true;
	rekey_child(0);
	world_run(&w, MILLISECONDS(1));
	assert_true(rogue_open(sa, true, request.bytes, request.n, &m));
	for (unsigned i = m.n_clear; i < m.n; i++) {
		struct wire_notify notify;

		pl[n] = (struct rogue_payload){ m.pl[i].type, 0, false, m.pl[i].body };
		if (m.pl[i].type == IKEV2_PL_NOTIFY && !wire_notify_get(&notify, m.pl[i].body) &&
		    notify.type == IKEV2_N_REKEY_SA) {
			memcpy(body, m.pl[i].body.p, 4);
			body[0] = protocol;
			put_spi(body + 4, spi);
			pl[n].body = (struct view){ body, sizeof(body) };
		}
		n++;
	}
	h = m.h;
	made = rogue_message(sa, &h, pl, n, out, sizeof(out));
	memcpy(request.bytes, made.p, made.n);
	request.n = made.n;
}

/* A DELETE from host 0 of these ESP SPIs. */
static void forge_delete(const uint32_t *spis, unsigned n)
{
	struct ike_sa *sa = rogue_sa(&w, 0);
	struct wire_header h = rogue_header(sa, IKEV2_EXCH_INFORMATIONAL, false, sa->next_request);
	uint8_t out[4000], body[256] = { IKEV2_PROTO_ESP, 4, 0, (uint8_t)n };
	struct rogue_payload pl = { IKEV2_PL_DELETE, 0, false, { body, 4 + 4 * (size_t)n } };
	struct view made;

	for (unsigned i = 0; i < n; i++)
		put_spi(body + 4 + 4 * i, spis[i]);
	made = rogue_message(sa, &h, &pl, 1, out, sizeof(out));
	memcpy(request.bytes, made.p, made.n);
	request.n = made.n;
}

static void rekey_strange_child(unsigned host)
{
	(void)host;
	forge_rekey(IKEV2_PROTO_ESP, STRANGE_SPI);
}

static void rekey_ah(unsigned host)
{
	(void)host;
	forge_rekey(IKEV2_PROTO_AH, only_child(0)->spi_in);
}

static void rekey_wrong_protocol(unsigned host)
{
	(void)host;
	forge_rekey(IKEV2_PROTO_IKE, only_child(0)->spi_in);
}

static void delete_strange_child(unsigned host)
{
	(void)host;
	forge_delete((const uint32_t[]){ STRANGE_SPI }, 1);
}

static void delete_several(unsigned host)
{
	uint32_t spi = only_child(0)->spi_in;

	(void)host;
	forge_delete((const uint32_t[]){ STRANGE_SPI, spi, spi, STRANGE_SPI + 1 }, 4);
}

/* --- what it answers --- */

enum reply { NEW_CHILD, NEW_IKE, LATER, NOT_FOUND, DELETED, EMPTY, SYNTAX };

static const char *const reply_names[] = {
	"a child", "an IKE SA", "TEMPORARY_FAILURE", "CHILD_SA_NOT_FOUND", "a DELETE", "nothing", "INVALID_SYNTAX",
};

static const struct {
	const char *name;
	void (*run)(unsigned host);
} while_doing[] = {
	{ "nothing", nothing }, { "rekeying the child", rekey_child }, { "closing the child", delete_child },
	{ "creating another child", create_child }, { "rekeying the IKE SA", rekey_ike },
	{ "closing the IKE SA", delete_ike },
};
#define DOINGS (sizeof(while_doing) / sizeof(while_doing[0]))

/* A row of RFC 7296 2.25.1 and 2.25.2 for each request, a column for each of while_doing. */
static const struct {
	const char *name;
	void (*run)(unsigned host);
	enum reply reply[DOINGS];
} asked[] = {
	{ "rekey the child", rekey_child, { NEW_CHILD, NEW_CHILD, LATER, NEW_CHILD, LATER, LATER } },
	{ "rekey a strange child", rekey_strange_child,
	  { NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, LATER } },
	{ "rekey a child of AH", rekey_ah, { NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, LATER } },
	{ "rekey a child of IKE", rekey_wrong_protocol, { SYNTAX, SYNTAX, SYNTAX, SYNTAX, SYNTAX, SYNTAX } },
	{ "close the child", delete_child, { DELETED, DELETED, EMPTY, DELETED, DELETED, DELETED } },
	{ "close a strange child", delete_strange_child, { EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY } },
	{ "close it twice, and strange ones", delete_several, { DELETED, DELETED, EMPTY, DELETED, DELETED, DELETED } },
	{ "create another child", create_child, { NEW_CHILD, NEW_CHILD, NEW_CHILD, NEW_CHILD, LATER, LATER } },
	{ "rekey the IKE SA", rekey_ike, { NEW_IKE, LATER, LATER, LATER, NEW_IKE, LATER } },
	{ "close the IKE SA", delete_ike, { EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY } },
};

static bool has(const struct wire_message *m, uint16_t type, struct wire_notify *n)
{
	const struct wire_payload *p = NULL;

	while ((p = wire_next(m, IKEV2_PL_NOTIFY, p)))
		if (!wire_notify_get(n, p->body) && n->type == type)
			return true;
	return false;
}

static enum reply reply_of(const struct wire_message *m)
{
	const struct wire_payload *sa = wire_find(m, IKEV2_PL_SA);
	struct wire_notify n;

	if (sa)
		return sa->body.p[5] == IKEV2_PROTO_IKE ? NEW_IKE : NEW_CHILD;
	if (has(m, IKEV2_N_TEMPORARY_FAILURE, &n))
		return LATER;
	if (has(m, IKEV2_N_CHILD_SA_NOT_FOUND, &n))
		return NOT_FOUND;
	if (has(m, IKEV2_N_INVALID_SYNTAX, &n))
		return SYNTAX;
	return wire_find(m, IKEV2_PL_DELETE) ? DELETED : EMPTY;
}

/* The SPI that the answer names is the one that the request named; a child of ours is named once. */
static void assert_named(const struct wire_message *m, enum reply reply, uint32_t spi_asked, uint32_t spi_ours)
{
	uint8_t want[4];

	if (reply == NOT_FOUND) {
		struct wire_notify n;

		assert_true(has(m, IKEV2_N_CHILD_SA_NOT_FOUND, &n));
		put_spi(want, spi_asked);
		assert_int_equal(n.spi.n, 4);
		assert_memory_equal(n.spi.p, want, 4);
	} else if (reply == DELETED) {
		struct wire_delete d;
		uint32_t spi;

		assert_int_equal(wire_count(m, IKEV2_PL_DELETE), 1);
		assert_int_equal(wire_delete_get(&d, wire_find(m, IKEV2_PL_DELETE)->body), 0);
		assert_int_equal(d.count, 1);
		assert_true(wire_delete_spi(&d, 0, &spi));
		assert_int_equal(spi, spi_ours);
	}
}

static void one_cell(unsigned row, unsigned column)
{
	struct ike_sa *sa;
	struct wire_message m;
	enum reply got;
	uint32_t spi_asked, spi_ours;

	up(1 + row * DOINGS + column);
	spi_ours = only_child(1)->spi_in;
	spi_asked = asked[row].run == rekey_ah ? only_child(0)->spi_in : STRANGE_SPI;
	sa = rogue_sa(&w, 1);
	/* Host 0's request is kept back, host 1's own is lost: so both are under way. */
	w.host[1].down = true;
	asked[row].run(0);
	world_run(&w, MILLISECONDS(15));
	w.host[0].down = true;
	while_doing[column].run(1);
	world_run(&w, MILLISECONDS(1));
	answer.n = 0;
	w.host[1].down = false;
	world_inject(&w, 1, request.bytes, request.n);
	world_run(&w, MILLISECONDS(15));
	assert_true(answer.n);
	assert_true(rogue_open(sa, true, answer.bytes, answer.n, &m));
	got = reply_of(&m);
	if (got != asked[row].reply[column])
		fail_msg("while %s, asked to %s: %s, not %s", while_doing[column].name, asked[row].name, reply_names[got],
			 reply_names[asked[row].reply[column]]);
	assert_named(&m, got, spi_asked, spi_ours);
	world_free(&w);
}

static void test_rows(void **state)
{
	(void)state;
	for (unsigned row = 0; row < sizeof(asked) / sizeof(asked[0]); row++)
		for (unsigned column = 0; column < DOINGS; column++)
			one_cell(row, column);
}

static int setup(void **state)
{
	(void)state;
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
