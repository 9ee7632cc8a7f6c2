// SPDX-License-Identifier: MIT
// For people: short tables.
#include "keyd/ctl/output.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static long long num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* "1d02h", "3h05m", "4m10s", "12s" */
static const char *duration(long long s, char *buf, size_t n)
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

static const char *rekey_in(const json_t *o, char *buf, size_t n)
{
	return num(o, "rekey_in") ? duration(num(o, "rekey_in"), buf, n) : "-";
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
	char age[32], in[32];

	printf("  %s %s  ", str(c, "proto"), str(c, "mode"));
	selector(json_object_get(c, "selector"));
	printf("%s\n", json_is_true(json_object_get(c, "old")) ? "  (old, for stragglers)" : "");
	printf("      in %s  out %s%s  reqid %lld  %s\n", str(c, "spi_in"), str(c, "spi_out"),
	       json_is_true(json_object_get(c, "outbound_used")) ? "" : " (not used yet)", num(c, "reqid"),
	       str(c, "algorithms"));
	printf("      age %s  rekey in %s  rekeys %lld\n", duration(num(c, "age"), age, sizeof(age)),
	       rekey_in(c, in, sizeof(in)), num(c, "rekeys"));
}

static void ike(const json_t *i)
{
	char age[32], in[32];
	const json_t *c;
	size_t k;

	printf("%s  %s  %s:%lld - %s:%lld  %s\n", str(i, "peer"), str(i, "state"), str(i, "local"),
	       num(i, "local_port"), str(i, "remote"), num(i, "remote_port"), str(i, "role"));
	printf("    spi %s %s  %s\n", str(i, "spi_i"), str(i, "spi_r"), str(i, "algorithms"));
	printf("    ids %s - %s  age %s  rekey in %s  rekeys %lld\n", str(i, "local_id"), str(i, "remote_id"),
	       duration(num(i, "age"), age, sizeof(age)), rekey_in(i, in, sizeof(in)), num(i, "rekeys"));
	json_array_foreach (json_object_get(i, "children"), k, c)
		child(c);
}

static void status(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "ike"), *i;
	const json_t *st = json_object_get(answer, "stats");
	size_t k;

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
	double when = json_real_value(json_object_get(ev, "time"));
	time_t seconds = (time_t)when;
	struct tm tm = { 0 };
	char clock[16];

	localtime_r(&seconds, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	printf("%s.%03d %s peer=%s local=%s remote=%s", clock, (int)((when - (double)seconds) * 1000),
	       str(ev, "event"), str(ev, "peer"), str(ev, "local"), str(ev, "remote"));
	if (json_object_get(ev, "spi_in")) {
		printf(" spi_in=%s spi_out=%s ", str(ev, "spi_in"), str(ev, "spi_out"));
		selector(json_object_get(ev, "selector"));
	}
	printf("%s%s\n", *str(ev, "text") ? "  " : "", str(ev, "text"));
	fflush(stdout);
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

const struct output output_text = { status, stats, event, result };
