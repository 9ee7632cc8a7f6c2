// SPDX-License-Identifier: MIT
/*
 * Any text at all is read as setkey's language, whole and as a stream; nothing is resolved or applied. What it says is
 * converted, written as a statement, and must be the same when that is read again.
 */
#include "setkey/lang/convert.h"
#include "setkey/lang/script.h"
#include "setkey/lang/write.h"
#include "tests/unit/test_setkey_same.h"

#include <stdlib.h>
#include <string.h>

#define IFINDEX 4242	/* of every device: there is none with this number, which then is what is written */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_device(struct device *dev)
{
	dev->index = dev->name ? IFINDEX : 0;
}

/* In place of the resolver. False where there are names that it would have to ask for. */
static bool resolve(struct statement *st)
{
	struct more_spec *more = st->more;

	if (!st->src.naddrs || !st->dst.naddrs || st->src.addrs[0].family != st->dst.addrs[0].family)
		return false;
	if (!more)
		return true;
	set_device(&more->dev);
	set_device(&more->offload_dev);
	if (more->oa.host && !more->oa.naddrs)
		return false;
	return !more->sel || (more->sel->src.naddrs && more->sel->dst.naddrs);
}

static void told(void *arg, unsigned int line, const char *msg, const char *token)
{
	(void)arg;
	if (!line || !msg[0] || (token && strlen(token) > 100))
		abort();
}

/* What write_* wrote, read again: the one statement that it must be, which the caller clears with *sc. */
static struct statement *read_again(struct script *sc, char *text, size_t n)
{
	*sc = (struct script){ .on_error = told };
	text = realloc(text, n + 2);
	if (!text || script_parse_text(sc, text, n) || sc->count != 1 || !resolve(sc->first))
		abort();
	free(text);
	return sc->first;
}

static void use_policy(struct statement *st)
{
	struct ipsec_policy pol, again;
	char *text = NULL, why[160];
	struct script sc;
	size_t n;
	FILE *f;
	int err;

	if (convert_policy(st, &pol, why, sizeof(why)))
		return;
	f = open_memstream(&text, &n);
	if (!f)
		return;
	err = write_policy(f, "spdadd", &pol, why, sizeof(why));
	fclose(f);
	if (err || st->policy->action == POLICY_UNSAID) {
		free(text);
	} else {
		if (convert_policy(read_again(&sc, text, n), &again, why, sizeof(why)) || !same_policy(&pol, &again))
			abort();
		script_clear(&sc);
	}
	convert_to_fwd(st, &pol);
	if (pol.ntmpl > IPSEC_TMPL_MAX)
		abort();
}

static void use_sa(struct statement *st)
{
	struct ipsec_sa sa, again;
	char *text = NULL, why[160];
	struct script sc;
	size_t n;
	FILE *f;
	int err;

	if (convert_sa(st, st->src.addrs, st->dst.addrs, &sa, why, sizeof(why)))
		return;
	f = open_memstream(&text, &n);
	if (!f)
		return;
	err = write_sa(f, "add", &sa, true, why, sizeof(why));
	fclose(f);
	if (err) {
		free(text);
		return;
	}
	st = read_again(&sc, text, n);
	if (convert_sa(st, st->src.addrs, st->dst.addrs, &again, why, sizeof(why)) || !same_sa(&sa, &again))
		abort();
	script_clear(&sc);
}

static void use(void *arg, struct statement *st)
{
	char line[100];

	(void)arg;
	statement_format(st, line, sizeof(line));
	if (!resolve(st))
		return;
	if (st->policy)
		use_policy(st);
	if (st->sa)
		use_sa(st);
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
