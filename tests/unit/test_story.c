// SPDX-License-Identifier: MIT
// Stories of attempts between two engines in memory: each kind of failure names what differed and which line to change.
#include "tests/unit/world.h"

#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/ctl/explain.h"
#include "keyd/ctl/reason.h"
#include "keyd/ike/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALICE 0
#define BOB 1

static struct world w;

/* What engine_explain told last: the newest attempt, all sentences in one text each. */
static struct {
	unsigned n;
	struct engine_story s;
	struct engine_explain_end end;
	char story[16384], change[16384];
} told;

static void join(char *buf, size_t n, const json_t *list)
{
	size_t i, used = 0;
	json_t *s;

	*buf = 0;
	json_array_foreach (list, i, s)
		used += (size_t)snprintf(buf + used, n - used, "%s\n", json_string_value(s));
	assert_true(used < n);
}

static void on_story(void *arg, const struct engine_story *s)
{
	json_t *o = explain_story(s, 1e9);

	(void)arg;
	told.n++;
	told.s = *s;
	assert_non_null(o);
	join(told.story, sizeof(told.story), json_object_get(o, "story"));
	join(told.change, sizeof(told.change), json_object_get(o, "change"));
	if (getenv("STORY_TRACE")) {
		json_dumpf(o, stderr, JSON_INDENT(2));
		fputc('\n', stderr);
	}
	json_decref(o);
}

static void explain(unsigned host, const char *peer)
{
	told.n = 0;
	engine_explain(w.host[host].engine, w.now, peer, on_story, NULL, &told.end);
	assert_int_equal(told.n, told.end.n);
}

/* The newest attempt at host failed for that reason, and says all of that (NULL ends the list). */
static void assert_failed(unsigned host, enum engine_reason reason, const char *story, const char *change)
{
	explain(host, "");
	assert_true(told.n > 0);
	assert_int_equal(told.s.outcome, STORY_FAILED);
	assert_string_equal(reason_by_number(told.s.reason)->name, reason_by_number(reason)->name);
	if (!strstr(told.story, story) || !strstr(told.change, change))
		fail_msg("expected \"%s\" and \"%s\" in:\n%s---\n%s", story, change, told.story, told.change);
}

static void configure(unsigned host, const char *text)
{
	char name[8] = { (char)('a' + (int)host) };
	struct conf_secrets s;

	conf_free(&w.host[host].conf);
	assert_int_equal(conf_load_buffer(&w.host[host].conf, &s, name, text, strlen(text), NULL, NULL), 0);
	conf_secrets_free(&s);
	world_configure(&w, host);
}

static void begin(const char *alice, const char *bob, bool tunnel)
{
	world_init(&w, 7, tunnel);
	configure(ALICE, alice);
	configure(BOB, bob);
}

/* What the packet that asks comes to. */
static void attempt(void)
{
	world_packet(&w, ALICE);
	world_run(&w, SECONDS(5));
}

static void end(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		conf_free(&w.host[i].conf);
	world_free(&w);
}

#define TO_BOB "peer 192.0.2.2 {\n\tpsk \"x\"\n"
#define TO_ALICE "peer 192.0.2.1 {\n\tpsk \"x\"\n"

static void test_no_ike_proposal(void **state)
{
	(void)state;
	begin(TO_BOB "\tike aes256gcm16-prfsha384-ecp384\n}\n", TO_ALICE "\n\n\tike aes128-sha256-modp2048\n}\n", false);
	attempt();
	assert_failed(ALICE, REASON_NO_PROPOSAL_IKE, "We offered aes256gcm16-prfsha384-ecp384 for IKE; the peer "
			"accepts none",
		      "a:3: this \"ike\" line allows only aes256gcm16-prfsha384-ecp384; add what the peer's "
		"configuration names.");
	assert_failed(BOB, REASON_NO_PROPOSAL_IKE,
		      "The peer offers aes256gcm16-prfsha384-ecp384 for IKE; we accept "
		"aes128-sha256-prfsha256-modp2048.\n"
		      "In detail: the peer's proposal 1 is nearest to ours, and differs in encryption (",
		      "b:5: this \"ike\" line allows only aes128-sha256-prfsha256-modp2048; add to it what the peer "
		"offers: "
		      "`ike aes128-sha256-prfsha256-modp2048, aes256gcm16-prfsha384-ecp384`.");
	assert_true(told.s.notify_ours);
	assert_int_equal(told.s.notify, 14);
	end();
}

static void test_no_esp_proposal(void **state)
{
	(void)state;
	begin(TO_BOB "\tesp aes256gcm16\n}\n", TO_ALICE "}\n", false);
	configure(BOB, "default esp aes128-sha256\n" TO_ALICE "}\n");
	attempt();
	assert_failed(ALICE, REASON_NO_PROPOSAL_ESP, "We offered aes256gcm16-noesn for ESP; the peer accepts none of "
			"it",
		      "a:3: this \"esp\" line allows only aes256gcm16-noesn");
	assert_int_equal(told.s.what, STORY_CHILD);
	assert_failed(BOB, REASON_NO_PROPOSAL_ESP, "The peer offers aes256gcm16-noesn for ESP; we accept "
			"aes128-sha256-noesn.",
		      "b:1: this \"esp\" line allows only aes128-sha256-noesn; add to it what the peer offers: "
		      "`esp aes128-sha256-noesn, aes256gcm16-noesn`.");
	/* The IKE SA itself came up, and its own story goes on. */
	explain(ALICE, "192.0.2.2");
	assert_int_equal(told.n, 2);
	assert_int_equal(told.s.settled, 0);
	configure(BOB, TO_ALICE "}\n");
	engine_down(w.host[ALICE].engine, w.now, "");
	world_run(&w, SECONDS(1));
	engine_up(w.host[ALICE].engine, w.now, "", NULL);
	world_run(&w, SECONDS(5));
	assert_failed(ALICE, REASON_NO_PROPOSAL_ESP, "", "");
	if (told.s.settled != 1)
		fail_msg("%s", told.story);
	end();
}

/* Without a line of its own, the section is named that would get one. */
static void test_defaults_are_named(void **state)
{
	(void)state;
	begin(TO_BOB "\tesp null-sha1\n}\n", TO_ALICE "}\n", false);
	attempt();
	assert_failed(BOB, REASON_NO_PROPOSAL_ESP, "The peer offers null-sha1-noesn for ESP",
		      "No \"esp\" line is here, so the defaults hold; in the section at b:1 write `esp "
		"null-sha1-noesn`.");
	end();
}

static void test_not_served(void **state)
{
	(void)state;
	begin(TO_BOB "\tserve no\n}\n", "default serve no\n", false);
	attempt();
	assert_failed(ALICE, REASON_NOT_SERVED, "the section \"192.0.2.2\" (a:1) says \"serve no\"",
		      "Look at what was said of that section");
	end();
	begin("default serve no\n", TO_ALICE "}\n", false);
	attempt();
	assert_failed(ALICE, REASON_NOT_SERVED, "no section is for this peer", "needs a section of its own");
	end();
	begin(TO_BOB "}\n", "default serve no\n", false);
	attempt();
	assert_failed(BOB, REASON_NO_SECTION, "it says \"serve no\"", "");
	end();
}

static void test_secrets(void **state)
{
	(void)state;
	begin(TO_BOB "}\n", TO_ALICE "}\n", false);
	w.host[BOB].psk = "another";
	attempt();
	assert_failed(ALICE, REASON_AUTH_REFUSED, "We said that we are \"192.0.2.1\"; the peer did not take our proof",
		      "We showed our address as identity");
	assert_failed(BOB, REASON_WRONG_SECRET,
		      "The peer says that it is \"192.0.2.1\", but its proof was made with another secret than ours.",
		      "Or change the peer's secret for \"192.0.2.2\".");
	w.host[BOB].psk = NULL;
	attempt();
	assert_failed(BOB, REASON_NO_SECRET, "We have no secret for it", "Add a line `psk \"SECRET\"` to its section "
			"at b:1");
	w.host[ALICE].psk = NULL;
	attempt();
	assert_failed(ALICE, REASON_NO_SECRET, "We have no secret for it", "Add a line `psk \"SECRET\"` to its "
			"section at a:1");
	end();
}

static void test_identity(void **state)
{
	(void)state;
	begin(TO_BOB "\n\tid remote bob.example\n}\n", TO_ALICE "}\n", false);
	attempt();
	assert_failed(ALICE, REASON_UNEXPECTED_ID, "The peer says that it is \"192.0.2.2\"; \"bob.example\" is "
			"expected here.",
		      "a:4: this \"id remote\" expects \"bob.example\": if \"192.0.2.2\" is right, write `id remote "
		"192.0.2.2`.");
	configure(ALICE, TO_BOB "\tid local a.example\n}\n");
	configure(BOB, TO_ALICE "\tid remote c.example\n}\n");
	attempt();
	assert_failed(ALICE, REASON_AUTH_REFUSED, "We said that we are \"a.example\"", "a:3: this \"id local\" says "
			"who we are");
	assert_failed(BOB, REASON_UNEXPECTED_ID, "says that it is \"a.example\"; \"c.example\" is expected",
		      "b:3: this \"id remote\"");
	explain(BOB, "a.example");
	assert_true(told.n > 0);
	end();
}

static void policy(unsigned host, void (*change)(struct ipsec_policy *pol))
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_FLUSH };

	engine_kern_event(w.host[host].engine, w.now, &ev);
	if (!change)
		return;
	change(&w.host[host].out);
	ev = (struct ipsec_event){ .type = IPSEC_EVENT_POLICY_NEW, .policy = w.host[host].out };
	engine_kern_event(w.host[host].engine, w.now, &ev);
}

static void to_other_net(struct ipsec_policy *pol)
{
	ipsec_addr_parse(&pol->sel.src, "10.9.0.0");
}

static void to_transport(struct ipsec_policy *pol)
{
	pol->tmpl[0].mode = IPSEC_MODE_TRANSPORT;
	pol->sel.src = w.host[BOB].addr;
	pol->sel.dst = w.host[ALICE].addr;
	pol->sel.src_len = pol->sel.dst_len = 32;
}

static void to_hosts(struct ipsec_policy *pol)
{
	pol->sel.src = w.host[ALICE].addr;
	pol->sel.dst = w.host[BOB].addr;
	pol->sel.src_len = pol->sel.dst_len = 32;
}

static void test_policies(void **state)
{
	(void)state;
	begin(TO_BOB "}\n", TO_ALICE "}\n", true);
	policy(BOB, to_other_net);
	attempt();
	assert_failed(ALICE, REASON_TS_UNACCEPTABLE, "the peer has none that covers it: spdupdate 10.0.0.0/24 "
			"10.0.1.0/24 any "
		      "-P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;",
		      "The peer needs the mirror of our policy, as setkey says it: spdupdate 10.0.1.0/24 10.0.0.0/24 "
		"any -P out "
		      "ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;");
	assert_failed(BOB, REASON_TS_UNACCEPTABLE, "The nearest policy here is: spdupdate 10.9.0.0/24 10.0.0.0/24 any",
		      "load this here with setkey -f, and the same for the way back (in): spdupdate 10.0.1.0/24 "
		"10.0.0.0/24 any "
		      "-P out ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;");
	policy(BOB, NULL);
	attempt();
	assert_failed(BOB, REASON_NO_POLICY, "no policy of this kernel protects traffic with "
			"192.0.2.1", "load this here");
	policy(ALICE, to_hosts);
	policy(BOB, to_transport);
	attempt();
	assert_failed(BOB, REASON_MODE_MISMATCH, "transport", "Give both policies the same mode.");
	end();
}

static void test_no_answer(void **state)
{
	(void)state;
	begin("port 501\n" TO_BOB "\tretransmit 100ms 3\n}\n", TO_ALICE "}\n", false);
	w.host[BOB].down = true;
	attempt();
	assert_failed(ALICE, REASON_NO_ANSWER, "Nothing at all came back from 192.0.2.2: no answer to IKE_SA_INIT "
			"after 3 sendings",
		      "listens on UDP port 501");
	assert_int_equal(told.s.nsteps, 4);	/* begun (child, IKE SA), repeated, failed */
	assert_string_equal(told.s.steps[2].result, "retransmit");
	assert_int_equal(told.s.steps[2].times, 2);
	/* The same again is the same story. */
	w.host[ALICE].larval = false;
	attempt();
	assert_failed(ALICE, REASON_NO_ANSWER, "It failed in this way 2 times since 2001-", "");
	assert_int_equal(told.n, 1);
	assert_int_equal(told.s.times, 2);
	end();
}

/* ICMP says more than silence; that of another host says nothing. */
static void test_unreachable(void **state)
{
	struct engine_unreachable un = { .remote_port = 500, .type = 3, .code = 3 };

	(void)state;
	begin(TO_BOB "\tretransmit 100ms 3\n}\n", TO_ALICE "}\n", false);
	w.host[BOB].down = true;
	world_packet(&w, ALICE);
	world_run(&w, MILLISECONDS(50));
	ipsec_addr_parse(&un.remote, "192.0.2.3");
	engine_unreachable(w.host[ALICE].engine, w.now, &un);
	explain(ALICE, "192.0.2.2");
	assert_int_equal(told.s.icmp_type, 0);
	assert_non_null(strstr(told.story, "IKE_SA_INIT has been sent and not been answered yet; sendings: 1"));
	un.remote = w.host[BOB].addr;
	engine_unreachable(w.host[ALICE].engine, w.now, &un);
	engine_unreachable(w.host[ALICE].engine, w.now, &un);
	world_run(&w, SECONDS(5));
	assert_failed(ALICE, REASON_NO_ANSWER, "A router or the host itself said: port unreachable.",
		      "A host is there, but no IKE daemon listens on UDP port 500");
	assert_null(strstr(told.change, "firewall"));
	end();
}

static bool nobody_there(struct world *world)
{
	return !world_count(&world->host[ALICE], true);
}

static void test_ends(void **state)
{
	(void)state;
	begin(TO_BOB "\tdpd 2s\n\tretransmit 100ms 3\n}\n", TO_ALICE "}\n", false);
	attempt();
	explain(ALICE, "192.0.2.2");
	assert_int_equal(told.s.outcome, STORY_UP);
	assert_non_null(strstr(told.story, "It came up after 0.0"));
	assert_non_null(strstr(told.story, "we are \"192.0.2.1\", the peer proved to be \"192.0.2.2\"; IKE uses "
			"aes128gcm16"));
	engine_rekey(w.host[ALICE].engine, w.now, "", ENGINE_REKEY_CHILD | ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(5));
	explain(ALICE, "192.0.2.2");
	assert_int_equal(told.n, 1);
	assert_int_equal(told.s.ike_rekeys, 1);
	assert_int_equal(told.s.child_rekeys, 1);
	w.host[BOB].down = true;
	assert_true(world_until(&w, SECONDS(60), nobody_there));
	explain(ALICE, "192.0.2.2");
	assert_int_equal(told.s.outcome, STORY_ENDED);
	assert_int_equal(told.s.reason, REASON_PEER_DEAD);
	assert_non_null(strstr(told.change, "a:4: this \"retransmit\" decides"));
	w.host[BOB].down = false;
	w.host[ALICE].larval = false;
	attempt();
	engine_down(w.host[BOB].engine, w.now, "");
	world_run(&w, SECONDS(1));
	explain(ALICE, "192.0.2.2");
	assert_int_equal(told.s.reason, REASON_PEER_DELETED);
	explain(BOB, "192.0.2.1");
	assert_int_equal(told.s.reason, REASON_DELETED);
	end();
}

/* A peer that nothing was ever heard of. */
static void test_nothing_known(void **state)
{
	json_t *o;

	(void)state;
	begin(TO_BOB "}\n", TO_ALICE "}\n", false);
	explain(ALICE, "192.0.2.2");
	assert_int_equal(told.n, 0);
	assert_int_equal(told.end.known, 1);
	assert_int_equal(told.end.policies, 1);
	assert_string_equal(told.end.section_at, "a:1");
	explain(ALICE, "192.0.2.77");
	assert_int_equal(told.end.known, 0);
	assert_int_equal(told.end.policies, 0);
	o = explain_end(&told.end, "192.0.2.77");
	join(told.story, sizeof(told.story), json_object_get(o, "story"));
	assert_non_null(strstr(told.story, "No section of keyd.conf is about it"));
	json_decref(o);
	end();
}

static void lose_auth(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (from == ALICE && n > 18 && bytes[18] == 35)
		bytes[n - 1] ^= 1;	/* the check value does not fit any more */
}

/* We answer, and the peer does not go on. */
static void test_peer_stops(void **state)
{
	(void)state;
	begin(TO_BOB "}\n", "port 500\n", false);
	w.tap = lose_auth;
	world_packet(&w, ALICE);
	world_run(&w, SECONDS(80));
	assert_failed(BOB, REASON_PEER_STOPPED, "It began, we answered, and it did not go on", "lets UDP port 500 in "
			"here but not out");
	assert_false(told.s.initiator);
	end();
}

static struct {
	uint8_t bytes[2048];
	size_t n;
} first;

static void keep_first(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (from == ALICE && !first.n && n <= sizeof(first.bytes)) {
		memcpy(first.bytes, bytes, n);
		first.n = n;
	}
}

/* However many strangers knock, what is known of peers stays, and memory is bounded. */
static void test_strangers_push_nobody_out(void **state)
{
	struct engine_datagram d = { .local_port = 500, .remote_port = 500 };

	(void)state;
	begin(TO_BOB "\tike aes256gcm16-prfsha384-ecp384\n}\n", TO_ALICE "\tike aes128-sha256-modp2048\n}\n", false);
	configure(BOB, "default ike aes128-sha256-modp2048\n" TO_ALICE "}\n");
	first.n = 0;
	w.tap = keep_first;
	attempt();
	assert_true(first.n > 0);
	assert_failed(BOB, REASON_NO_PROPOSAL_IKE, "The peer offers", "add to it");
	d.local = w.host[BOB].addr;
	d.data = (struct view){ first.bytes, first.n };
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t addr[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

		ipsec_addr_from_bytes(&d.remote, addr, sizeof(addr));
		memcpy(first.bytes, &i, sizeof(i));
		first.bytes[7] = 1;
		w.now += MILLISECONDS(50);
		engine_input(w.host[BOB].engine, w.now, &d);
	}
	explain(BOB, "192.0.2.1");
	assert_int_equal(told.n, 1);
	explain(BOB, "");
	assert_in_range(told.n, 2, STORIES_STRANGE + 1);
	end();
}

/* One peer that fails in ever other ways has so many stories, and the newest. */
static void test_one_peer_has_a_share(void **state)
{
	char text[200];

	(void)state;
	begin(TO_BOB "}\n", TO_ALICE "}\n", false);
	for (unsigned i = 0; i < 3 * STORIES_OF_ONE; i++) {
		snprintf(text, sizeof(text), TO_BOB "\tid remote n%u.example\n}\n", i);
		configure(ALICE, text);
		engine_up(w.host[ALICE].engine, w.now, "", NULL);
		world_run(&w, SECONDS(5));
	}
	explain(ALICE, "");
	assert_int_equal(told.n, STORIES_OF_ONE);
	assert_string_equal(told.s.ours, "n23.example");
	end();
}

/* --- watching --- */

static struct {
	unsigned n[ENGINE_EVENT_TYPES];
	char states[512], reason[64];
	uint64_t at;
} seen[WORLD_HOSTS];

static void on_event(struct world *world, unsigned host, const struct engine_event *ev)
{
	size_t used = strlen(seen[host].states);

	seen[host].n[ev->type]++;
	assert_true(ev->at >= seen[host].at && ev->at <= world->now);
	seen[host].at = ev->at;
	if (ev->type == ENGINE_IKE_STATE || ev->type == ENGINE_CHILD_STATE)
		snprintf(seen[host].states + used, sizeof(seen[host].states) - used, " %s%s",
			 ev->type == ENGINE_CHILD_STATE ? "child-" : "", ev->state);
	if (ev->type == ENGINE_FAILED)
		snprintf(seen[host].reason, sizeof(seen[host].reason), "%s", reason_by_number(ev->reason)->name);
}

static void test_watch(void **state)
{
	(void)state;
	memset(seen, 0, sizeof(seen));
	begin(TO_BOB "}\n", TO_ALICE "}\n", false);
	w.event = on_event;
	engine_watch(w.host[ALICE].engine, true);
	attempt();
	assert_string_equal(seen[ALICE].states, " init auth established child-inbound child-up");
	assert_int_equal(seen[ALICE].n[ENGINE_ACQUIRED], 1);
	assert_int_equal(seen[ALICE].n[ENGINE_REQUEST_SENT], 3);
	assert_int_equal(seen[ALICE].n[ENGINE_ANSWER_RECEIVED], 3);
	for (unsigned i = ENGINE_DETAILS; i < ENGINE_EVENT_TYPES; i++)
		assert_int_equal(seen[BOB].n[i], 0);
	assert_int_equal(seen[BOB].n[ENGINE_CHILD_UP], 1);
	engine_watch(w.host[BOB].engine, true);
	engine_rekey(w.host[ALICE].engine, w.now, "", ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(2));
	assert_int_equal(seen[ALICE].n[ENGINE_REKEY_BEGUN], 1);
	assert_int_equal(seen[BOB].n[ENGINE_SWITCHED], 1);
	assert_int_equal(seen[BOB].n[ENGINE_REQUEST_RECEIVED], 2);
	assert_int_equal(seen[BOB].n[ENGINE_ANSWER_SENT], 2);
	world_flush(&w, ALICE);
	world_run(&w, SECONDS(2));
	assert_int_equal(seen[ALICE].n[ENGINE_CHILD_LOST], 1);
	end();
}

static void test_failures_have_codes(void **state)
{
	(void)state;
	memset(seen, 0, sizeof(seen));
	begin(TO_BOB "\tesp aes256gcm16\n}\n", TO_ALICE "\tesp aes128gcm16\n}\n", false);
	w.event = on_event;
	attempt();
	assert_string_equal(seen[ALICE].reason, "no-proposal-esp");
	assert_string_equal(seen[BOB].reason, "no-proposal-esp");
	end();
	for (unsigned i = 0; i < ENGINE_REASONS; i++) {
		const char *name = reason_by_number(i)->name;

		assert_non_null(name);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name, reason_by_number(k)->name);
	}
}

/* --- key log --- */

static struct {
	unsigned n[ENGINE_KEY_TABLES];
	char text[16384];
} keys[WORLD_HOSTS];

static void on_keys(struct world *world, unsigned host, enum engine_key_table table, const char *line, size_t n)
{
	size_t used = strlen(keys[host].text);

	(void)world;
	assert_int_equal(line[n - 1], '\n');
	assert_int_equal(strlen(line), n);
	keys[host].n[table]++;
	snprintf(keys[host].text + used, sizeof(keys[host].text) - used, "%s", line);
}

/* Does the key log of host have this word in a line? */
static bool logged(unsigned host, const char *word)
{
	return strstr(keys[host].text, word) != NULL;
}

static void test_keylog(void **state)
{
	static const struct {
		const char *settings, *ike, *esp;
	} cases[] = {
		{ "ike aes128gcm16-prfsha256-x25519; esp aes256gcm16", "\"AES-GCM-128 with 16 octet ICV "
				"[RFC5282]\",,,\"NONE [RFC4306]\"\n",
		  "\"AES-GCM with 16 octet ICV [RFC4106]\",\"0x" },
		{ "ike aes256-sha256-x25519; esp aes128-sha256", ",\"AES-CBC-256 "
				"[RFC3602]\",", "\"AES-CBC [RFC3602]\",\"0x" },
		{ "ike aes128-sha1-x25519; esp aes128ctr-sha512", "\"HMAC_SHA1_96 "
				"[RFC2404]\"\n", "\"AES-CTR [RFC3686]\",\"0x" },
		{ "ike chacha20poly1305-prfsha256-x25519; esp chacha20poly1305", "# Wireshark has no word for "
				"chacha20poly1305: ",
		  "# Wireshark 4.0 has no word for chacha20poly1305; a later one may take this: "
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\"," },
		{ "ike aes128gcm16-prfsha256-x25519; esp null-sha256", "NONE", "\"NULL\",\"\",\"HMAC-SHA-256-128 "
				"[RFC4868]\",\"0x" },
	};
	char both[400];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(keys, 0, sizeof(keys));
		snprintf(both, sizeof(both), "default { %s }\n", cases[i].settings);
		begin(both, both, false);
		w.keys = on_keys;
		engine_keylog(w.host[ALICE].engine, true);
		attempt();
		assert_true(world_joined(&w));
		assert_int_equal(keys[ALICE].n[ENGINE_KEYS_IKE], 1);
		assert_int_equal(keys[ALICE].n[ENGINE_KEYS_ESP], 2);
		assert_int_equal(keys[BOB].n[ENGINE_KEYS_IKE] + keys[BOB].n[ENGINE_KEYS_ESP], 0);
		if (!logged(ALICE, cases[i].ike) || !logged(ALICE, cases[i].esp))
			fail_msg("%s, %s not in:\n%s", cases[i].ike, cases[i].esp, keys[ALICE].text);
		end();
	}
}

/* Rekeys have lines of their own; what was there when it was switched on is told where it is still known. */
static void test_keylog_later(void **state)
{
	struct world_sa *out;
	char spi[32];

	(void)state;
	memset(keys, 0, sizeof(keys));
	begin(TO_BOB "}\n", TO_ALICE "}\n", false);
	w.keys = on_keys;
	attempt();
	assert_int_equal(strlen(keys[ALICE].text), 0);
	engine_keylog(w.host[ALICE].engine, true);
	assert_int_equal(keys[ALICE].n[ENGINE_KEYS_IKE], 1);
	engine_rekey(w.host[BOB].engine, w.now, "", ENGINE_REKEY_CHILD | ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(5));
	assert_int_equal(keys[ALICE].n[ENGINE_KEYS_IKE], 2);
	assert_int_equal(keys[ALICE].n[ENGINE_KEYS_ESP], 2);
	out = world_newest(&w.host[ALICE], true);
	snprintf(spi, sizeof(spi), "\"192.0.2.2\",\"0x%08x\"", out->sa.spi);
	assert_true(logged(ALICE, spi));
	snprintf(spi, sizeof(spi), "%02x%02x%02x%02x%02x%02x", out->sa.aead.key[0], out->sa.aead.key[1], out->sa.aead.key[2],
		 out->sa.aead.key[3], out->sa.aead.key[4], out->sa.aead.key[5]);
	assert_true(logged(ALICE, spi));
	engine_keylog(w.host[ALICE].engine, false);
	engine_rekey(w.host[ALICE].engine, w.now, "", ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(5));
	assert_int_equal(keys[ALICE].n[ENGINE_KEYS_ESP], 2);
	end();
}

/* One line for an ISAKMP SA: its initiator's cookie, and the one key. */
static void test_keylog_ikev1(void **state)
{
	unsigned cookie, key;

	(void)state;
	memset(keys, 0, sizeof(keys));
	begin("default { version 1; ike aes256-sha1-modp1024; esp 3des-md5 }\n",
	      "default { version 1; ike aes256-sha1-modp1024; esp 3des-md5 }\n", false);
	w.keys = on_keys;
	engine_keylog(w.host[ALICE].engine, true);
	attempt();
	assert_true(world_joined(&w));
	assert_int_equal(keys[ALICE].n[ENGINE_KEYS_IKE], 0);
	assert_int_equal(keys[ALICE].n[ENGINE_KEYS_IKEV1], 1);
	assert_int_equal(keys[ALICE].n[ENGINE_KEYS_ESP], 2);
	cookie = (unsigned)strspn(keys[ALICE].text, "0123456789abcdef");
	assert_int_equal(cookie, 16);
	assert_int_equal(keys[ALICE].text[cookie], ',');
	key = (unsigned)strspn(keys[ALICE].text + cookie + 1, "0123456789abcdef");
	assert_int_equal(key, 64);
	assert_int_equal(keys[ALICE].text[cookie + 1 + key], '\n');
	assert_true(logged(ALICE, "\"TripleDES-CBC [RFC2451]\",\"0x"));
	assert_true(logged(ALICE, "\"HMAC-MD5-96 [RFC2403]\",\"0x"));
	engine_keylog(w.host[BOB].engine, true);
	assert_int_equal(keys[BOB].n[ENGINE_KEYS_IKEV1], 1);
	assert_memory_equal(keys[BOB].text, keys[ALICE].text, cookie + key + 2);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_ike_proposal),
		cmocka_unit_test(test_no_esp_proposal),
		cmocka_unit_test(test_defaults_are_named),
		cmocka_unit_test(test_not_served),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_peer_stops),
		cmocka_unit_test(test_strangers_push_nobody_out),
		cmocka_unit_test(test_one_peer_has_a_share),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_failures_have_codes),
		cmocka_unit_test(test_keylog),
		cmocka_unit_test(test_keylog_later),
		cmocka_unit_test(test_keylog_ikev1),
	};
	int r;

	setenv("TZ", "UTC", 1);
	if (crypto_init())
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	crypto_exit();
	return r;
}
