// SPDX-License-Identifier: MIT
// For people: short tables.
#include "keyd/ctl/output_text.h"
#include "keyd/ctl/output.h"

#include <stdio.h>
#include <string.h>

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static long long num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

const char *output_duration(long long s, char *buf, size_t n)
{
	if (s >= 86400)
		snprintf(buf, n, "%lldd%02lldh", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		snprintf(buf, n, "%lldh%02lldm", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(buf, n, "%lldm%02llds", s / 60, s % 60);
	else
		snprintf(buf, n, "%llds", s);
	return buf;
}

static const char *time_to(const json_t *o, const char *key, char *buf, size_t n)
{
	return num(o, key) ? output_duration(num(o, key), buf, n) : "-";
}

/* "10.0G", "850k" of 1000 */
static const char *amount(long long v, char *buf, size_t n)
{
	static const char units[] = " kMGTPE";
	double x = (double)v;
	size_t unit = 0;

	while (x >= 999.95) {
		x /= 1000;
		unit++;
	}
	snprintf(buf, n, unit ? "%.1f%c" : "%.0f", x, units[unit]);
	return buf;
}

static void limits(const json_t *l, const char *what, const char *soft, const char *hard)
{
	char a[16], b[16];

	if (num(l, hard))
		printf("  %s %s/%s", what, amount(num(l, soft), a, sizeof(a)), amount(num(l, hard), b, sizeof(b)));
}

static void selector(const json_t *sel)
{
	printf("%s", str(sel, "local"));
	if (strcmp(str(sel, "local_port"), "any"))
		printf("[%s]", str(sel, "local_port"));
	printf(" - %s", str(sel, "remote"));
	if (strcmp(str(sel, "remote_port"), "any"))
		printf("[%s]", str(sel, "remote_port"));
	if (num(sel, "proto"))
		printf(" proto %lld", num(sel, "proto"));
}

static void child(const json_t *c)
{
	char age[32], in[32], end[32];
	const json_t *l = json_object_get(c, "limits");

	printf("  %s %s  ", str(c, "proto"), str(c, "mode"));
	selector(json_object_get(c, "selector"));
	if (num(c, "more_selectors"))
		printf(" and %lld more", num(c, "more_selectors"));
	printf("%s\n", json_is_true(json_object_get(c, "old")) ? "  (old, for stragglers)" : "");
	printf("      in %s  out %s%s  reqid %lld  %s\n", str(c, "spi_in"), str(c, "spi_out"),
	       json_is_true(json_object_get(c, "outbound_used")) ? "" : " (not used yet)", num(c, "reqid"),
	       str(c, "algorithms"));
	printf("      age %s  rekey in %s  expires in %s  rekeys %lld\n", output_duration(num(c, "age"), age, sizeof(age)),
	       time_to(c, "rekey_in", in, sizeof(in)), time_to(c, "expires_in", end, sizeof(end)), num(c, "rekeys"));
	if (!num(l, "hard_bytes") && !num(l, "hard_packets"))
		return;
	printf("      soft/hard");
	limits(l, "bytes", "soft_bytes", "hard_bytes");
	limits(l, "packets", "soft_packets", "hard_packets");
	putchar('\n');
}

static void ike(const json_t *i)
{
	char age[32], in[32], end[32];
	const json_t *c;
	size_t k;

	printf("%s  %s  %s:%lld - %s:%lld  %s\n", str(i, "peer"), str(i, "state"), str(i, "local"),
	       num(i, "local_port"), str(i, "remote"), num(i, "remote_port"), str(i, "role"));
	printf("    spi %s %s  %s\n", str(i, "spi_i"), str(i, "spi_r"), str(i, "algorithms"));
	if (strcmp(str(i, "nat"), "none") || json_is_true(json_object_get(i, "encap")))
		printf("    nat %s  esp %s\n", str(i, "nat"), json_is_true(json_object_get(i, "encap")) ? "in udp" : "bare");
	printf("    ids %s - %s  age %s  rekey in %s  rekeys %lld\n", str(i, "local_id"), str(i, "remote_id"),
	       output_duration(num(i, "age"), age, sizeof(age)), time_to(i, "rekey_in", in, sizeof(in)), num(i, "rekeys"));
	if (*str(i, "remote_auth"))
		printf("    we by %s  the peer by %s\n", str(i, "local_auth"), str(i, "remote_auth"));
	if (num(i, "certificate_expires_in"))
		printf("    its certificate expires in %s\n", time_to(i, "certificate_expires_in", in, sizeof(in)));
	if (json_is_true(json_object_get(i, "taken_over")))
		printf("    taken over after a restart, %s ago\n", output_duration(num(i, "taken_over_ago"), age, sizeof(age)));
	if (num(i, "reauth_in") || num(i, "expires_in"))
		printf("    reauth in %s  expires in %s\n", time_to(i, "reauth_in", in, sizeof(in)),
		       time_to(i, "expires_in", end, sizeof(end)));
	if (json_array_size(json_object_get(i, "assigned"))) {
		printf("    assigned to %s", str(i, "assigned_to"));
		json_array_foreach (json_object_get(i, "assigned"), k, c)
			printf("  %s", json_string_value(c));
		putchar('\n');
	}
	json_array_foreach (json_object_get(i, "children"), k, c)
		child(c);
}

static void status(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "ike"), *i;
	const json_t *st = json_object_get(answer, "stats");
	size_t k;

	if (json_is_true(json_object_get(answer, "keylog")))
		puts("KEYS ARE WRITTEN to files: whoever reads them can read all traffic (keydctl keylog off ends it)");
	json_array_foreach (list, k, i)
		ike(i);
	printf("%lld IKE SA%s, %lld child SA%s, %lld half-open; %lld peer%s configured\n", num(st, "ike_now"),
	       num(st, "ike_now") == 1 ? "" : "s", num(st, "child_now"), num(st, "child_now") == 1 ? "" : "s",
	       num(st, "half_open_now"), num(answer, "peers"), num(answer, "peers") == 1 ? "" : "s");
	if (num(answer, "left_out"))
		printf("%lld SAs are not shown: there are too many for one answer\n", num(answer, "left_out"));
}

static void stats(const json_t *answer)
{
	const char *key;
	json_t *v;

	json_object_foreach (json_object_get(answer, "stats"), key, v)
		printf("%-16s %lld\n", key, (long long)json_integer_value(v));
}

static void event(const json_t *ev)
{
	const char *when = str(ev, "time");

	printf("%.12s %s", strlen(when) > 23 ? when + 11 : when, str(ev, "event"));
	if (json_object_get(ev, "count")) {
		printf(" %lld events were left out: too many at once\n", num(ev, "count"));
		fflush(stdout);
		return;
	}
	printf(" peer=%s local=%s remote=%s", str(ev, "peer"), str(ev, "local"), str(ev, "remote"));
	if (json_object_get(ev, "spi_in"))
		printf(" spi_in=%s spi_out=%s", str(ev, "spi_in"), str(ev, "spi_out"));
	if (json_object_get(ev, "selector")) {
		putchar(' ');
		selector(json_object_get(ev, "selector"));
	}
	if (json_object_get(ev, "exchange"))
		printf(" %s", str(ev, "exchange"));
	if (json_object_get(ev, "message_id"))
		printf(" message_id=%lld", num(ev, "message_id"));
	if (json_object_get(ev, "state"))
		printf(" %s -> %s", str(ev, "was"), str(ev, "state"));
	if (json_object_get(ev, "reason"))
		printf(" reason=%s", str(ev, "reason"));
	printf("%s%s\n", *str(ev, "text") ? "  " : "", str(ev, "text"));
	fflush(stdout);
}

#define WIDTH 110

/* Bytes up to the next blank; what stands in backquotes is one word. */
static size_t word_len(const char *text)
{
	bool code = false;
	size_t n = 0;

	for (; text[n] && (text[n] != ' ' || code); n++)
		code ^= text[n] == '`';
	return n;
}

/* text in lines of WIDTH; every line but the first has so many blanks in front. */
static void wrapped(const char *first, const char *text, int indent)
{
	int column = printf("%s", first);

	for (bool begun = false; *text; begun = true) {
		size_t n = word_len(text);

		if (begun && column + 1 + (int)n > WIDTH)
			column = printf("\n%*s", indent, "") - 1;
		else if (begun)
			column += printf(" ");
		column += printf("%.*s", (int)n, text);
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

static void sentences(const json_t *list, const char *first, int indent)
{
	const json_t *s;
	size_t i;

	json_array_foreach (list, i, s)
		wrapped(first, json_string_value(s) ?: "", indent);
}

static void step(const json_t *s)
{
	char head[32], times[32] = "", line[512];

	snprintf(head, sizeof(head), "  %9.3f s  ", json_real_value(json_object_get(s, "after")));
	if (num(s, "times") > 1)
		snprintf(times, sizeof(times), " (%lld times)", num(s, "times"));
	snprintf(line, sizeof(line), "%s %s%s: %s", str(s, "exchange"), str(s, "result"), times, str(s, "text"));
	wrapped(head, line, 17);
}

static void attempt(const json_t *a)
{
	bool why = json_is_string(json_object_get(a, "reason"));
	const json_t *s;
	size_t i;

	printf("%s: %s %s%s%s\n", str(a, "peer"), str(a, "what"), str(a, "outcome"), why ? ": " : "",
	       why ? str(a, "reason") : "");
	sentences(json_object_get(a, "story"), "  ", 4);
	json_array_foreach (json_object_get(a, "steps"), i, s) {
		step(s);
		if (i == 3 && num(a, "steps_left_out"))
			printf("               … %lld steps are not kept\n", num(a, "steps_left_out"));
	}
	if (json_array_size(json_object_get(a, "change")))
		puts("  What to do:");
	sentences(json_object_get(a, "change"), "    - ", 6);
}

static void pools(const json_t *answer)
{
	const json_t *pool, *l;
	char age[32];
	size_t i, k;

	json_array_foreach (json_object_get(answer, "pools"), i, pool) {
		printf("%s  %lld of %lld addresses in use, %lld remembered\n", str(pool, "name"), num(pool, "online"),
		       num(pool, "size"), num(pool, "remembered"));
		json_array_foreach (json_object_get(pool, "leases"), k, l)
			printf("    %-24s %-32s %s for %s\n", str(l, "address"), str(l, "identity"),
			       json_is_true(json_object_get(l, "online")) ? "in use" : "free",
			       output_duration(num(l, "seconds"), age, sizeof(age)));
	}
	if (num(answer, "left_out"))
		printf("%lld leases are not shown: there are too many for one answer\n", num(answer, "left_out"));
}

static void explain(const json_t *answer)
{
	const json_t *rest = json_object_get(answer, "peer"), *a;
	size_t i;

	json_array_foreach (json_object_get(answer, "attempts"), i, a) {
		if (i)
			putchar('\n');
		attempt(a);
	}
	sentences(json_object_get(rest, "story"), "", 2);
	sentences(json_object_get(rest, "change"), "- ", 2);
}

static void result(const char *verb, bool ok, const char *text, const json_t *last)
{
	if (ok && last)
		event(last);
	if (ok)
		printf("%s: %s\n", verb, text);
	else
		fprintf(stderr, "keydctl: %s failed: %s\n", verb, text);
}

static void result_of(const char *verb, bool ok, const char *text, const json_t *answer)
{
	(void)answer;
	result(verb, ok, text, NULL);
}

const struct output output_text = {
	status, stats, event, pools, explain, output_text_tokens, output_text_token_event, result, result_of,
};
