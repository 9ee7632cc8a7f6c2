// SPDX-License-Identifier: MIT
// keyd.conf from anybody: no crash, and what loads comes back the same when it is dumped and loaded again.
#include "keyd/conf/load.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(const char *text, void *arg)
{
	*(size_t *)arg += strlen(text);
}

static char *dump(const struct conf *c, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);

	if (!f)
		abort();
	conf_dump(c, f);
	fclose(f);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_secrets s;
	struct conf c;
	size_t said = 0, n1, n2;
	char *text1, *text2;

	if (conf_load_buffer(&c, &s, "fuzz", (const char *)data, size, ignore, &said) < 0) {
		if (!said)
			abort();	/* a failure without a word */
		return 0;
	}
	conf_secrets_free(&s);
	text1 = dump(&c, &n1);
	conf_free(&c);
	if (conf_load_buffer(&c, &s, "dump", text1, n1, ignore, &said) < 0)
		abort();
	text2 = dump(&c, &n2);
	if (n1 != n2 || memcmp(text1, text2, n1))
		abort();
	free(text1);
	free(text2);
	conf_free(&c);
	conf_secrets_free(&s);
	return 0;
}
