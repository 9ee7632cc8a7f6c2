// SPDX-License-Identifier: MIT
// The control socket's language: lines, requests, and what the engine tells as JSON.
#include "keyd/ctl/ask.h"
#include "keyd/ctl/explain.h"
#include "keyd/ctl/line.h"
#include "keyd/ctl/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct lines {
	unsigned int n;
	char last[64];
};

static int on_line(char *line, size_t n, void *arg)
{
	struct lines *l = arg;

	l->n++;
	assert_int_equal(strlen(line), n);
	strncpy(l->last, line, sizeof(l->last) - 1);
	return !strcmp(line, "stop") ? 7 : 0;
}

static void lines_are_cut(void **state)
{
	static struct ctl_line l;
	static char flood[CTL_LINE_MAX];
	struct lines got = { 0 };

	(void)state;
	assert_int_equal(ctl_line_feed(&l, "one\ntw", 6, on_line, &got), 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(ctl_line_feed(&l, "o\n\nthree\n", 9, on_line, &got), 0);
	assert_int_equal(got.n, 4);
	assert_string_equal(got.last, "three");
	assert_int_equal(ctl_line_feed(&l, "stop\nnever\n", 11, on_line, &got), 7);
	assert_int_equal(got.n, 5);
	memset(flood, 'x', sizeof(flood));
	l.n = 0;
	assert_int_equal(ctl_line_feed(&l, flood, sizeof(flood) - 1, on_line, &got), 0);
	assert_int_equal(ctl_line_feed(&l, "x", 1, on_line, &got), -1);
}

static int parse(struct ctl_ask *ask, const char *line, char *why, size_t n)
{
	*why = 0;
	return ctl_ask_parse(ask, line, strlen(line), why, n);
}

static void requests(void **state)
{
	struct ctl_ask ask;
	char why[200];

	(void)state;
	assert_int_equal(parse(&ask, "{\"cmd\":\"status\",\"id\":5}", why, sizeof(why)), 0);
	assert_int_equal(ask.verb, CTL_ASK_STATUS);
	assert_int_equal(ask.id, 5);
	assert_int_equal(parse(&ask, "{\"cmd\":\"down\",\"peer\":\"berlin\"}", why, sizeof(why)), 0);
	assert_int_equal(ask.verb, CTL_ASK_COMMAND);
	assert_int_equal(ask.command.type, CTL_DOWN);
	assert_string_equal(ask.command.peer, "berlin");
	assert_int_equal(parse(&ask, "{\"cmd\":\"rekey\",\"what\":\"both\"}", why, sizeof(why)), 0);
	assert_int_equal(ask.command.what, ENGINE_REKEY_IKE | ENGINE_REKEY_CHILD);
	assert_string_equal(ask.command.peer, "");
	assert_int_equal(parse(&ask, "{\"cmd\":\"explain\",\"peer\":\"b@example\"}", why, sizeof(why)), 0);
	assert_int_equal(ask.verb, CTL_ASK_EXPLAIN);
	assert_string_equal(ask.who.peer, "b@example");
	assert_int_equal(parse(&ask, "{\"cmd\":\"watch\",\"since\":1.5,\"details\":false}", why, sizeof(why)), 0);
	assert_true(ask.since > 1.4 && ask.since < 1.6 && !ask.details);
	assert_int_equal(parse(&ask, "{\"cmd\":\"watch\"}", why, sizeof(why)), 0);
	assert_true(ask.details);
	assert_int_equal(parse(&ask, "{\"cmd\":\"unlock\",\"passphrase\":\"of one's own\"}", why, sizeof(why)), 0);
	assert_string_equal(ask.passphrase, "of one's own");
	assert_int_equal(parse(&ask, "{\"cmd\":\"keylog\",\"on\":true}", why, sizeof(why)), 0);
	assert_true(ask.on);
	assert_int_equal(parse(&ask, "{\"cmd\":\"reauth\",\"peer\":\"berlin\"}", why, sizeof(why)), 0);
	assert_int_equal(ask.command.type, CTL_REAUTH);
	assert_int_equal(parse(&ask, "{\"cmd\":\"log\",\"level\":\"debug\"}", why, sizeof(why)), 0);
	assert_int_equal(ask.level, LOG_LEVEL_DEBUG);
}

static void bad_requests(void **state)
{
	static const char *const bad[] = {
		"", "x", "[]", "{", "{}", "{\"cmd\":1}", "{\"cmd\":\"explode\"}", "{\"cmd\":\"up\",\"peer\":7}",
		"{\"cmd\":\"watch\",\"since\":-1}", "{\"cmd\":\"watch\",\"since\":\"x\"}", "{\"cmd\":\"keylog\"}", "{\"cmd\":\"unlock\"}",
		"{\"cmd\":\"unlock\",\"passphrase\":\"\"}", "{\"cmd\":\"unlock\",\"passphrase\":7}",
		"{\"cmd\":\"keylog\",\"on\":\"yes\"}", "{\"cmd\":\"explain\",\"peer\":7}",
		"{\"cmd\":\"rekey\",\"what\":\"all\"}", "{\"cmd\":\"log\"}", "{\"cmd\":\"log\",\"level\":9}",
		"{\"cmd\":\"up\",\"cmd\":\"down\"}", "{\"cmd\":\"up\",\"peer\":\"a\\u0000b\"}", "{\"cmd\":\"up\"}x",
		"{\"cmd\":\"up\",\"peer\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	};
	struct ctl_ask ask;
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&ask, bad[i], why, sizeof(why)), -1);
		assert_true(*why);
	}
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	assert_non_null(s);
	return s;
}

static void events(void **state)
{
	struct engine_event ev = { .type = ENGINE_CHILD_REKEYED, .peer = "berlin", .child_spi_in = 0xabc,
				   .ike_spi_i = { 1, 2, 3, 4, 5, 6, 7, 0xff }, .text = "aes128gcm16" };
	json_t *o;

	(void)state;
	assert_int_equal(ipsec_addr_parse(&ev.local, "192.0.2.1"), 0);
	assert_int_equal(ipsec_addr_parse(&ev.sel.src, "10.1.0.0"), 0);
	ev.sel.src_len = 16;
	o = render_event(&ev, 0);
	assert_string_equal(text(o, "event"), "child-rekeyed");
	assert_string_equal(text(o, "peer"), "berlin");
	assert_string_equal(text(o, "local"), "192.0.2.1");
	assert_true(json_is_null(json_object_get(o, "remote")));
	assert_string_equal(text(o, "spi_i"), "01020304050607ff");
	assert_string_equal(text(o, "spi_in"), "0x00000abc");
	assert_string_equal(text(json_object_get(o, "selector"), "local"), "10.1.0.0/16");
	json_decref(o);
}

/* What a role that was taken over could send: texts that do not end, bytes that are no UTF-8, lengths that lie. */
static void hostile_structs(void **state)
{
	struct engine_event ev;
	struct engine_ike_info ike;
	struct engine_child_info child;
	struct engine_explain_end end;
	static struct engine_story story;
	json_t *o;

	(void)state;
	memset(&story, 0xff, sizeof(story));
	memset(&end, 0xff, sizeof(end));
	o = explain_story(&story, 0);
	assert_non_null(o);
	assert_int_equal(json_array_size(json_object_get(o, "steps")), STORY_STEPS_MAX);
	json_decref(o);
	for (unsigned reason = 0; reason < ENGINE_REASONS + 2; reason++) {	/* every template, with texts that do not end */
		story.reason = (uint8_t)reason;
		story.outcome = STORY_FAILED;
		story.icmp_type = 3;
		story.icmp_code = (uint8_t)reason;
		o = explain_story(&story, 1e9);
		assert_non_null(o);
		json_decref(o);
	}
	o = explain_end(&end, "x");
	assert_non_null(o);
	json_decref(o);
	memset(&ev, 0xff, sizeof(ev));
	memset(&ike, 0xff, sizeof(ike));
	memset(&child, 0xff, sizeof(child));
	o = render_event(&ev, 0);
	assert_non_null(o);
	assert_string_equal(text(o, "event"), "?");
	assert_int_equal(strlen(text(o, "peer")), sizeof(ev.peer));
	json_decref(o);
	/* a bool is no other thing */
	ike.initiator = ike.nat_local = ike.nat_remote = ike.encap = ike.assigned_to_us = ike.taken_over = true;
	o = render_ike(&ike);
	assert_non_null(o);
	json_decref(o);
	child.old = child.outbound_used = false;
	o = render_child(&child);
	assert_non_null(o);
	assert_string_equal(text(o, "mode"), "?");
	json_decref(o);
}

static void status(void **state)
{
	struct engine_ike_info ike = { .peer = "berlin", .state = "established", .initiator = true, .rekeys = 3,
				       .reauth_in_s = 70, .rtt_us = 20000 };
	struct engine_child_info child = { .spi_in = 1, .spi_out = 2, .mode = IPSEC_MODE_TUNNEL, .proto = IPPROTO_ESP,
					   .expires_in_s = 9, .soft_bytes = 1, .hard_bytes = 1ULL << 40, .soft_packets = 3,
					   .hard_packets = 4 };
	struct engine_stats stats = { .child_now = 4 };
	json_t *o = render_ike(&ike), *c = render_child(&child), *s = render_stats(&stats);

	(void)state;
	assert_string_equal(text(o, "role"), "initiator");
	assert_int_equal(json_integer_value(json_object_get(o, "rekeys")), 3);
	assert_true(json_is_array(json_object_get(o, "children")));
	assert_int_equal(json_integer_value(json_object_get(o, "reauth_in")), 70);
	assert_int_equal(json_integer_value(json_object_get(o, "rtt_us")), 20000);
	assert_string_equal(text(c, "mode"), "tunnel");
	assert_int_equal(json_integer_value(json_object_get(c, "expires_in")), 9);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(c, "limits"), "hard_bytes")), 1LL << 40);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(c, "limits"), "soft_packets")), 3);
	assert_int_equal(json_integer_value(json_object_get(s, "child_now")), 4);
	json_decref(o);
	json_decref(c);
	json_decref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_cut),  cmocka_unit_test(requests), cmocka_unit_test(bad_requests),
		cmocka_unit_test(events),	  cmocka_unit_test(status),   cmocka_unit_test(hostile_structs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
