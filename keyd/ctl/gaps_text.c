// SPDX-License-Identifier: MIT
// keydctl gaps for people: a table of tunnels, inbound SPIs without an SA, and events as sentences.
#include "keyd/ctl/gaps.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static long long num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "-";
}

static bool is(const json_t *o, const char *key, const char *text)
{
	return !strcmp(str(o, key), text);
}

/* "850 us", "12.345 ms", "1.234567 s": to the microsecond */
static const char *duration(long long us, char *buf, size_t n)
{
	if (us < 1000)
		snprintf(buf, n, "%lld us", us);
	else if (us < 1000000)
		snprintf(buf, n, "%lld.%03lld ms", us / 1000, us % 1000);
	else
		snprintf(buf, n, "%lld.%06lld s", us / 1000000, us % 1000000);
	return buf;
}

static const char *clock_of(long long us, char *buf, size_t n)
{
	time_t t = us / 1000000;
	struct tm tm;
	char day[32] = "?";

	if (localtime_r(&t, &tm))
		strftime(day, sizeof(day), "%F %T", &tm);
	snprintf(buf, n, "%s.%06lld", day, us % 1000000);
	return buf;
}

static const struct {
	const char *cause, *words;
} causes[] = {
	{ "acquire", "there was no SA, and a packet wanted one" },
	{ "time", "its hard lifetime in seconds was over" },
	{ "bytes", "its hard lifetime in bytes was over" },
	{ "packets", "its hard lifetime in packets was over" },
	{ "expired", "it was expired by hand" },
	{ "deleted", "it was deleted" },
	{ "flushed", "all SAs were flushed" },
	{ "vanished", "the device that it was offloaded to has gone" },
	{ "migrated", "it was moved to other addresses" },
};

/* "all SAs were flushed by setkey (4711)" */
static const char *cause_of(const json_t *o, char *buf, size_t n)
{
	const char *words = str(o, "cause");
	char by[64] = "";

	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++)
		if (is(o, "cause", causes[i].cause))
			words = causes[i].words;
	if (json_object_get(o, "by"))
		snprintf(by, sizeof(by), " by %s (%lld)", str(o, "by"), num(o, "pid"));
	snprintf(buf, n, "%s%s", words, by);
	return buf;
}

/* "0x00001001 (12.345678 s old, 45 packets, 3780 bytes)", behind what stands before it */
static void print_sa(const char *before, const json_t *sa)
{
	char age[40];

	if (!sa)
		return;
	printf("%s%s", before, str(sa, "spi"));
	if (num(sa, "age_us"))
		printf(" (%s old, %lld packets, %lld bytes)", duration(num(sa, "age_us"), age, sizeof(age)),
		       num(sa, "packets"), num(sa, "bytes"));
}

/* "held 4 (336 bytes)", behind what stands before it */
static void print_count(const char *before, const json_t *o, const char *packets, const char *bytes)
{
	printf("%s %lld", before, num(o, packets));
	if (num(o, bytes))
		printf(" (%lld bytes)", num(o, bytes));
}

static void print_counts(const json_t *o)
{
	print_count("; held", o, "held", "held_bytes");
	print_count(", dropped", o, "dropped", "dropped_bytes");
	print_count(", in clear", o, "clear", "clear_bytes");
}

static void print_inbound(const json_t *e)
{
	bool there = json_object_get(e, "in_new");

	print_sa("; inbound ", json_object_get(e, "in_new"));
	print_sa(there ? ", before it " : "; inbound none, before it was ", json_object_get(e, "in_old"));
}

static void tell_open(const json_t *e)
{
	char why[160];

	printf("gap begins: %s", cause_of(e, why, sizeof(why)));
	print_sa("; the last one was ", json_object_get(e, "out_old"));
	print_sa(", inbound ", json_object_get(e, "in_old"));
}

static void tell_closed(const json_t *e)
{
	char a[40], why[160];
	const char *end = is(e, "end", "policy") ? "the policy was removed" : is(e, "end", "sa") ? "before a packet wanted it" : NULL;

	printf("gap ends after %s", duration(num(e, "lasted_us"), a, sizeof(a)));
	printf(": %s", cause_of(e, why, sizeof(why)));
	if (json_object_get(e, "keyed_us"))
		printf("; a new SA came after %s", duration(num(e, "keyed_us"), a, sizeof(a)));
	if (end)
		printf("%s %s", is(e, "end", "sa") ? "," : ";", end);
	if (json_object_get(e, "waited_us"))
		printf("; packets waited %s", duration(num(e, "waited_us"), a, sizeof(a)));
	print_counts(e);
	print_sa("; by ", json_object_get(e, "out_new"));
	print_inbound(e);
}

static void tell_switch(const json_t *e)
{
	print_sa("switch from ", json_object_get(e, "out_old"));
	print_sa(" to ", json_object_get(e, "out_new"));
	print_inbound(e);
}

static void tell_clear(const json_t *e)
{
	printf("packets leave in clear: what protected them is gone");
	(void)e;
}

static void tell_clear_end(const json_t *e)
{
	printf("no more packets in clear: there were %lld, %lld bytes", num(e, "clear"), num(e, "clear_bytes"));
}

static const char *fate_of(const json_t *o, char *buf, size_t n)
{
	char a[40];

	duration(num(o, "known_us"), a, sizeof(a));
	if (is(o, "fate", "early"))
		snprintf(buf, n, "its SA came %s later: the peer sent too early", a);
	else if (is(o, "fate", "late") && json_object_get(o, "known_us"))
		snprintf(buf, n, "its SA had gone %s before: a straggler, or the peer does not know", a);
	else
		snprintf(buf, n, "%s", is(o, "fate", "late") ? "its SA is over" : is(o, "fate", "larval") ?
			 "the SPI is given out, its keys are not there" : "nobody knows it");
	return buf;
}

static void tell_spi(const json_t *e)
{
	char why[160];

	printf("inbound %s %s has no SA: %s; packets %lld", str(e, "protocol"), str(e, "spi"),
	       fate_of(e, why, sizeof(why)), num(e, "packets"));
}

static void tell_unknown(const json_t *e)
{
	printf("event of kind %lld, which a newer keydctl will know", num(e, "type"));
}

static const struct {
	const char *type;
	void (*tell)(const json_t *e);
} kinds[] = {
	{ "gap-open", tell_open }, { "gap", tell_closed }, { "switch", tell_switch }, { "clear", tell_clear },
	{ "clear-end", tell_clear_end }, { "spi", tell_spi }, { "spi-known", tell_spi },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void print_name(const json_t *o)
{
	if (json_object_get(o, "name"))
		printf("  (%s)", str(o, "name"));
}

void gaps_text_event(const json_t *e)
{
	bool in = is(e, "type", "spi") || is(e, "type", "spi-known");
	void (*tell)(const json_t *e) = tell_unknown;
	char when[64];

	printf("%s  %s -> %s  ", clock_of(num(e, "time_us"), when, sizeof(when)), str(e, in ? "peer" : "local"),
	       str(e, in ? "local" : "peer"));
	for (size_t i = 0; i < KINDS; i++)
		if (is(e, "type", kinds[i].type))
			tell = kinds[i].tell;
	tell(e);
	if (json_object_get(e, "selector"))
		printf("; policy %s", str(e, "selector"));
	print_name(e);
	putchar('\n');
	fflush(stdout);
}

static void tell_path(const json_t *p)
{
	char longest[40], now[40], why[160];

	printf("%-15s  %-40s %5lld %13s %7lld %7lld %7lld %8lld  ", str(p, "peer"), str(p, "selector"), num(p, "gaps"),
	       num(p, "gaps") ? duration(num(p, "longest_us"), longest, sizeof(longest)) : "-", num(p, "held"), num(p, "dropped"),
	       num(p, "clear"), num(p, "switches"));
	if (json_object_get(p, "open"))
		printf("GAP since %s: %s", duration(num(p, "lasted_us"), now, sizeof(now)), cause_of(p, why, sizeof(why)));
	else if (!num(p, "policy"))
		printf("policy removed");
	else
		printf("%s", json_object_get(p, "out_new") ? str(json_object_get(p, "out_new"), "spi") : "not used");
	print_name(p);
	putchar('\n');
}

static void tell_spi_line(const json_t *s)
{
	char first[64], last[64], why[160];

	printf("%-15s  to %s, %s %s: %lld packets, %lld bytes, %s to %s; %s", str(s, "peer"), str(s, "local"), str(s, "protocol"),
	       str(s, "spi"), num(s, "packets"), num(s, "bytes"), clock_of(num(s, "first_us"), first, sizeof(first)),
	       clock_of(num(s, "last_us"), last, sizeof(last)), fate_of(s, why, sizeof(why)));
	print_name(s);
	putchar('\n');
}

/* Of paths and SPIs that are forgotten, too. Before its version 3 the meter did not tell. */
static void tell_totals(const json_t *info)
{
	if (!json_object_get(info, "gaps"))
		return;
	printf("\nin all, since the meter is there: %lld gaps", num(info, "gaps"));
	print_counts(info);
	printf("; inbound without an SA %lld\n", num(info, "packets"));
}

void gaps_text_all(const json_t *all)
{
	const json_t *info = json_object_get(all, "info"), *o;
	long long unkept = num(info, "missed") + num(info, "forgotten");
	size_t i;

	printf("%-15s  %-40s %5s %13s %7s %7s %7s %8s  %s\n", "peer", "policy", "gaps", "longest wait", "held",
	       "dropped", "clear", "switches", "now");
	json_array_foreach (json_object_get(all, "paths"), i, o)
		tell_path(o);
	if (!json_array_size(json_object_get(all, "paths")))
		puts("no outbound policy of this network namespace wants IPsec");
	if (json_array_size(json_object_get(all, "spis")))
		puts("\ninbound without an SA, from");
	json_array_foreach (json_object_get(all, "spis"), i, o)
		tell_spi_line(o);
	if (json_array_size(json_object_get(all, "events")))
		puts("");
	json_array_foreach (json_object_get(all, "events"), i, o)
		gaps_text_event(o);
	tell_totals(info);
	if (unkept || num(info, "other_packets"))
		printf("\nnot kept for want of room: %lld objects, %lld inbound packets\n", unkept,
		       num(info, "other_packets"));
}
