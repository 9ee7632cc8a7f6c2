// SPDX-License-Identifier: MIT
/* Any text at all is read as setkey's language, whole and as a stream; what comes out is converted, but nothing is resolved or applied. */
#include "setkey/convert.h"
#include "setkey/script.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_policy(const struct statement *st)
{
	struct ipsec_policy pol;
	char why[160];

	if (!st->src.naddrs || !st->dst.naddrs || convert_policy(st, &pol, why, sizeof(why)))
		return;
	convert_to_fwd(st, &pol);
	if (pol.ntmpl > IPSEC_TMPL_MAX)
		abort();
}

static void use_sa(const struct statement *st)
{
	struct ipsec_sa sa;
	char why[160];

	if (!st->src.naddrs || !st->dst.naddrs || convert_sa(st, st->src.addrs, st->dst.addrs, &sa, why, sizeof(why)))
		return;
	if ((st->command == CMD_ADD || st->command == CMD_UPDATE) && !sa.aead.name[0] && !sa.enc.name[0] &&
	    !sa.auth.name[0] && !sa.comp.name[0])
		abort();
}

static void use(void *arg, struct statement *st)
{
	char line[100];

	(void)arg;
	statement_format(st, line, sizeof(line));
	if (st->policy)
		use_policy(st);
	if (st->sa)
		use_sa(st);
}

static void told(void *arg, unsigned int line, const char *msg, const char *token)
{
	(void)arg;
	if (!line || !msg[0] || (token && strlen(token) > 100))
		abort();
}

static void parse_text(const uint8_t *data, size_t size)
{
	struct script sc = { .on_error = told };
	char *text = malloc(size + 2);

	if (!text)
		return;
	if (size)
		memcpy(text, data, size);
	if (!!script_parse_text(&sc, text, size) != !!sc.errors)
		abort();
	for (struct statement *st = sc.first; st; st = st->next)
		use(NULL, st);
	script_clear(&sc);
	free(text);
}

static void parse_stream(const uint8_t *data, size_t size)
{
	struct script sc = { .on_error = told, .on_statement = use };
	FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

	if (!f)
		return;
	script_parse_stream(&sc, f);
	script_clear(&sc);
	fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse_text(data, size);
	parse_stream(data, size);
	return 0;
}
