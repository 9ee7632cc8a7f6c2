/* SPDX-License-Identifier: MIT */
/* What the tests of syncs share: a fake kernel, loading a text into it, and syncing it to one. */
#ifndef TESTS_UNIT_TEST_SETKEY_SYNC_H
#define TESTS_UNIT_TEST_SETKEY_SYNC_H

#include "setkey/sync/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "setkey/lang/resolve.h"

struct output {
	char *text;
	size_t n;
	FILE *f;
};

static inline void output_open(struct output *o)
{
	o->f = open_memstream(&o->text, &o->n);
	assert_non_null(o->f);
}

static inline const char *output_close(struct output *o)
{
	fclose(o->f);
	return o->text;
}

static inline void read_script(struct script *sc, const char *text)
{
	char *copy = malloc(strlen(text) + 2);

	assert_non_null(copy);
	memcpy(copy, text, strlen(text));
	assert_int_equal(script_parse_text(sc, copy, strlen(text)), 0);
	assert_int_equal(resolve_script(sc), 0);
	free(copy);
}

static inline struct ipsec *kernel_open(void)
{
	struct ipsec *ip;

	assert_int_equal(ipsec_open(&ip, "fake", NULL, 0), 0);
	return ip;
}

static inline void load(struct ipsec *ip, const char *text)
{
	struct apply ap = { .ip = ip, .file = "before", .kernel_mode = true, .err = stderr, .dump.out = stderr };
	struct script sc = { 0 };

	read_script(&sc, text);
	for (const struct statement *st = sc.first; st; st = st->next)
		assert_int_equal(apply_statement(&ap, st), 0);
	apply_settle(&ap);
	assert_int_equal(ap.refused, 0);
	reqids_clear(&ap.reqids);
	script_clear(&sc);
}

enum { RFC_MODE = 1, CHECK = 2, JSON = 4, VERBOSE = 8 };

struct result {
	int err;
	struct output out, messages;
};

static inline void sync_text(struct ipsec *ip, const char *text, unsigned int flags, struct result *r)
{
	const struct sync_options opt = { .check = flags & CHECK, .json = flags & JSON };
	struct apply ap = { .ip = ip, .file = "f", .kernel_mode = !(flags & RFC_MODE), .verbose = flags & VERBOSE };
	struct script sc = { 0 };

	output_open(&r->out);
	output_open(&r->messages);
	ap.dump.out = r->out.f;
	ap.err = r->messages.f;
	read_script(&sc, text);
	r->err = sync_run(&ap, &sc, &opt);
	script_clear(&sc);
	output_close(&r->out);
	output_close(&r->messages);
	assert_null(strstr(r->out.text, "0123456789abcdef"));
	assert_null(strstr(r->messages.text, "0123456789abcdef"));
	assert_null(strstr(r->out.text, "30313233"));
}

static inline void result_free(struct result *r)
{
	free(r->out.text);
	free(r->messages.text);
}

#endif
