// SPDX-License-Identifier: MIT
// RFC 7296 2.25 row by row: what a host answers to each request while each of its own is on the way; 1.4.1, 1.3.
#include "tests/unit/rogue.h"
#include "tests/unit/with_crypto.h"

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
	engine_settle(w.host[host].engine);
}

static void delete_ike(unsigned host)
{
	engine_down(w.host[host].engine, w.now, NULL);
}

static void create_child(unsigned host)
{
	struct ipsec_policy pol = world_other(&w, host);
	struct world_host *h = &w.host[host];

	h->engine->now = w.now;
	child_begin(h->engine, &pol, &h->addr, &w.host[1 - host].addr, NULL);
	engine_settle(h->engine);
}

static void nothing(unsigned host)
{
	(void)host;
}

static void up(uint64_t seed)
{
	world_init(&w, seed, true);
	w.tap = watch;
	world_load_other(&w);
	assert_true(world_up(&w));
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

/* --- what it makes of such answers --- */

/* Host 1's answer to host 0's CREATE_CHILD_SA on this IKE SA, in place of its own: an error alone. */
static struct {
	uint8_t spi_i[8];
	uint16_t error;
	unsigned times;
} forged;

static void refuse_creates(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	uint8_t body[4] = { 0, 0, (uint8_t)(forged.error >> 8), (uint8_t)forged.error }, out[500];
	struct rogue_payload pl = { IKEV2_PL_NOTIFY, 0, false, { body, sizeof(body) } };
	struct wire_message m;
	struct wire_header h;
	struct view made;
	struct ike_sa *sa;

	if (from != 0 || wire_message_get(&m, (struct view){ bytes, n }) || m.h.flags & IKEV2_FLAG_RESPONSE ||
	    m.h.exchange != IKEV2_EXCH_CREATE_CHILD_SA || memcmp(m.h.spi_i, forged.spi_i, 8))
		return;
	sa = ike_sa_find(world->host[1].engine, m.h.spi_r);
	assert_non_null(sa);
	h = rogue_header(sa, m.h.exchange, true, m.h.message_id);
	made = rogue_message(sa, &h, &pl, 1, out, sizeof(out));
	world_inject(world, 0, made.p, made.n);
	forged.times++;
	sa->next_expected++;	/* host 1 has answered, and sees no such request any more */
	bytes[n - 1] ^= 1;
}

static void refuse_from_now(uint16_t error)
{
	forged.error = error;
	forged.times = 0;
	memcpy(forged.spi_i, rogue_sa(&w, 0)->spi_i, 8);
	w.tap = refuse_creates;
}

static unsigned ike_sas(unsigned host)
{
	struct engine_stats st;
	unsigned n = 0;

	engine_stats(w.host[host].engine, &st);
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		n += sa->state == IKE_ESTABLISHED;
	return n;
}

/* One SA pair at each, which join, and nothing was lost on the way there. */
static void assert_whole(unsigned ikes, unsigned pairs)
{
	assert_true(world_joined(&w));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(ike_sas(i), ikes);
		assert_int_equal(w.host[i].nsas, 2 * pairs);
		assert_int_equal(w.host[i].lost_keying, 0);
		assert_int_equal(w.host[i].held, i == 0 ? 1 : 0);
	}
}

/* No more children than allowed: the next one begins an IKE SA of its own. */
static void test_children_limit(void **state)
{
	(void)state;
	up(1);
	w.host[1].conf.defaults.children = 1;
	world_configure(&w, 1);
	engine_down(w.host[0].engine, w.now, NULL);
	world_run(&w, SECONDS(70));
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	w.host[0].held = 1;
	w.traffic = true;
	create_child(0);
	world_run(&w, SECONDS(1));
	w.traffic = false;
	world_run(&w, SECONDS(100));
	assert_non_null(strstr(w.host[1].log, "NO_ADDITIONAL_SAS"));
	assert_whole(2, 2);
	/* A rekey is no additional one. */
	rekey_child(0);
	world_run(&w, SECONDS(100));
	assert_whole(2, 2);
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 2);
	world_free(&w);
}

/* A peer that rekeys nothing: another IKE SA takes over, make before break (2.8.3). */
static void test_peer_rekeys_nothing(void **state)
{
	static void (*const what[])(unsigned) = { rekey_child, rekey_ike };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		up(1 + i);
		refuse_from_now(IKEV2_N_NO_ADDITIONAL_SAS);
		w.traffic = true;
		what[i](0);
		world_run(&w, SECONDS(40));
		w.traffic = false;
		world_run(&w, SECONDS(100));
		assert_int_equal(forged.times, 1);
		assert_int_equal(w.host[0].events[ENGINE_IKE_REAUTHENTICATED], 1);
		assert_whole(1, 1);
		world_free(&w);
	}
}

/* TEMPORARY_FAILURE for minutes: the two sides disagree about what there is (2.25). For less: patience. */
static void test_refused_for_minutes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		up(1 + i);
		refuse_from_now(IKEV2_N_TEMPORARY_FAILURE);
		w.traffic = true;
		rekey_child(0);
		world_run(&w, SECONDS(i ? 100 : 300));
		forged.spi_i[0] ^= 1;
		world_run(&w, SECONDS(20));
		w.traffic = false;
		world_run(&w, SECONDS(100));
		assert_true(forged.times > 20 && forged.times < 300);
		assert_int_equal(w.host[0].events[ENGINE_IKE_REAUTHENTICATED], !i);
		assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
		assert_whole(1, 1);
		world_free(&w);
	}
}

/* The peer has lost the child without a word: CHILD_SA_NOT_FOUND, and a new one from scratch (2.25). */
static void test_child_not_found(void **state)
{
	struct child_sa *lost;

	(void)state;
	up(1);
	lost = only_child(1);
	list_del(&lost->link);
	child_free(lost);
	w.host[1].nsas = 0;
	rekey_child(0);
	assert_true(world_until(&w, SECONDS(1), world_joined));
	world_run(&w, SECONDS(100));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_DOWN], 1);
	assert_whole(1, 1);
	world_free(&w);
}

/* Many children at once, named in one DELETE, are answered in one. */
static void test_many_deleted(void **state)
{
	struct ike_sa *sa;
	struct wire_message m;
	struct wire_delete d;
	uint32_t spis[2];
	unsigned n = 0;

	(void)state;
	up(1);
	create_child(0);
	world_run(&w, SECONDS(1));
	sa = rogue_sa(&w, 0);
	list_each(c, &sa->children, struct child_sa, link)
		spis[n++] = c->spi_in;
	assert_int_equal(n, 2);
	forge_delete(spis, n);
	world_inject(&w, 1, request.bytes, request.n);
	world_run(&w, MILLISECONDS(15));
	assert_true(rogue_open(rogue_sa(&w, 1), true, answer.bytes, answer.n, &m));
	assert_int_equal(wire_count(&m, IKEV2_PL_DELETE), 1);
	assert_int_equal(wire_delete_get(&d, wire_find(&m, IKEV2_PL_DELETE)->body), 0);
	assert_int_equal(d.count, 2);
	assert_int_equal(w.host[1].events[ENGINE_CHILD_DOWN], 2);
	assert_true(list_empty(&rogue_sa(&w, 1)->children));
	world_free(&w);
}

static void lose_answers(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (from == 1 && bytes[19] & IKEV2_FLAG_RESPONSE && forged.times < 2) {
		bytes[n - 1] ^= 1;
		forged.times++;
	}
}

/* The answer to the DELETE of an IKE SA is lost: its request comes again, to an SA that has ended. */
static void test_last_answer_lost(void **state)
{
	(void)state;
	up(1);
	forged.times = 0;
	w.tap = lose_answers;
	delete_ike(0);
	world_run(&w, SECONDS(3));
	assert_int_equal(forged.times, 2);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(ike_sas(i), 0);
		assert_int_equal(w.host[i].events[ENGINE_IKE_DOWN], 1);
	}
	assert_null(strstr(w.host[0].log, "counts as dead"));
	assert_null(strstr(w.host[1].log, "that we do not have"));
	world_run(&w, SECONDS(100));
	assert_int_equal(w.host[0].nsas + w.host[1].nsas, 0);
	assert_true(list_empty(&w.host[1].engine->sas));
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_children_limit),
		cmocka_unit_test(test_peer_rekeys_nothing),
		cmocka_unit_test(test_refused_for_minutes),
		cmocka_unit_test(test_child_not_found),
		cmocka_unit_test(test_many_deleted),
		cmocka_unit_test(test_last_answer_lost),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
