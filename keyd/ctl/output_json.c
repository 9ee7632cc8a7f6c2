// SPDX-License-Identifier: MIT
// For programs: what keyd said, as it said it.
#include "keyd/ctl/output.h"

#include <stdio.h>

static void line(const json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(13));
	putchar('\n');
	fflush(stdout);
}

static void stats(const json_t *answer)
{
	line(json_object_get(answer, "stats"));
}

static void result(const char *verb, bool ok, const char *text, const json_t *last)
{
	json_t *o = json_pack("{s:s, s:b, s:s, s:O*}", "cmd", verb, "ok", ok, ok ? "text" : "error", text,
			      "last", (json_t *)last);

	line(o);
	json_decref(o);
}

static void tokens(const json_t *answer, bool whole)
{
	(void)whole;
	line(answer);
}

const struct output output_json = { line, stats, line, line, line, tokens, line, result, result };
