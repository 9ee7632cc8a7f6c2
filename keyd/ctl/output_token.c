// SPDX-License-Identifier: MIT
// Tokens for people: one block for each, its keys below it.
#include "keyd/ctl/keydctl.h"

#include "keyd/ctl/output_text.h"

#include <stdio.h>
#include <string.h>

static bool yes(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static void certificate(const json_t *c)
{
	long long in = json_integer_value(json_object_get(c, "ends_in"));
	char left[32];

	if (*keydctl_text(c, "error"))
		printf("        certificate: %s\n", keydctl_text(c, "error"));
	else if (in < 0)
		printf("        certificate %s, EXPIRED on %s\n", keydctl_text(c, "subject"), keydctl_text(c, "ends"));
	else
		printf("        certificate %s, until %s (in %s)\n", keydctl_text(c, "subject"), keydctl_text(c, "ends"),
		       output_duration(in, left, sizeof(left)));
}

static void schemes(const json_t *list)
{
	const json_t *s;
	size_t i;

	if (json_array_size(list))
		printf("        signs by");
	else
		printf("        can sign nothing that IKE has a use for");
	json_array_foreach (list, i, s)
		printf("%s %s", i ? "," : "", json_string_value(s));
	putchar('\n');
}

static void tunnels(const json_t *list)
{
	const json_t *t;
	size_t i;

	json_array_foreach (list, i, t)
		printf("%s%s (%s)", i ? ", " : "        authenticates ", keydctl_text(t, "peer"), keydctl_text(t, "remote"));
	if (i)
		putchar('\n');
}

static void key(const json_t *k, bool whole)
{
	const char *type = keydctl_text(k, "type"), *label = keydctl_text(k, "label");

	printf("    key%s%s%s  %s", *label ? " \"" : "", label, *label ? "\"" : "", *type ? type : "not readable");
	if (yes(k, "configured"))
		printf("  for %s", keydctl_text(k, "where"));
	printf("%s\n", yes(k, "each") ? "  wants the PIN for each signature" : yes(k, "open") ? "  wants no PIN" : "");
	if (json_is_object(json_object_get(k, "certificate")))
		certificate(json_object_get(k, "certificate"));
	if (whole) {
		schemes(json_object_get(k, "schemes"));
		printf("        %s %s\n", json_is_string(json_object_get(k, "certificate_pem")) ? "cert" : "key ", keydctl_text(k, "uri"));
		printf("        remote-key %s\n", keydctl_text(k, "public_key"));
	}
	tunnels(json_object_get(k, "tunnels"));
}

static void tries(const json_t *t)
{
	long long n = json_integer_value(json_object_get(t, "tries"));

	if (!yes(t, "login"))
		printf("  wants no PIN");
	else if (yes(t, "tries_told"))
		printf("  %lld %s left%s", n, n == 1 ? "try" : "tries", n == 1 ? " (THE LAST)" : "");
	if (yes(t, "pad"))
		printf("  PIN pad");
}

static void token(const json_t *t, bool whole)
{
	const char *reader = keydctl_text(t, "reader"), *serial = keydctl_text(t, "serial"), *why = keydctl_text(t, "why");
	const json_t *k;
	char age[32];
	size_t i;

	printf("%-16s  %-8s  %s%s%s%s%s\n", keydctl_text(t, "label"), keydctl_text(t, "state"), keydctl_text(t, "model"),
	       *serial ? ", serial " : "", serial, *reader ? ", in " : "", reader);
	printf("    for %s %s", output_duration(json_integer_value(json_object_get(t, "state_age")), age, sizeof(age)),
	       keydctl_text(t, "text"));
	tries(t);
	printf("  by %s\n", keydctl_text(t, "module"));
	if (*why && !keydctl_is(t, "need", "nothing"))
		printf("    last error: %s\n", why);
	if (whole)
		printf("    by %s, slot %lld\n    %s\n", keydctl_text(t, "manufacturer"),
		       (long long)json_integer_value(json_object_get(t, "slot")), keydctl_text(t, "uri"));
	json_array_foreach (json_object_get(t, "keys"), i, k)
		key(k, whole);
}

void output_text_tokens(const json_t *answer, bool whole)
{
	const json_t *list = json_object_get(answer, "tokens"), *missing = json_object_get(answer, "missing"), *o;
	size_t i;

	json_array_foreach (list, i, o)
		token(o, whole);
	json_array_foreach (missing, i, o)
		printf("%s: the token of %s %s\n", keydctl_text(o, "where"), keydctl_text(o, "uri"), keydctl_text(o, "text"));
	if (!json_array_size(list) && !json_array_size(missing))
		puts("no token is there, and none is configured");
}

void output_text_token_event(const json_t *ev)
{
	const char *when = keydctl_text(ev, "time"), *text = keydctl_text(ev, "text");

	if (json_object_get(ev, "count")) {
		printf("%.12s %lld events were left out: too many at once\n", strlen(when) > 23 ? when + 11 : when,
		       (long long)json_integer_value(json_object_get(ev, "count")));
	} else {
		printf("%.12s %s %s -> %s%s%s\n", strlen(when) > 23 ? when + 11 : when, keydctl_text(ev, "label"), keydctl_text(ev, "was"),
		       keydctl_text(ev, "state"), *text ? "  " : "", text);
	}
	fflush(stdout);
}
