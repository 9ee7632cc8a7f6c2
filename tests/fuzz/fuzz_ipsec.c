// SPDX-License-Identifier: MIT
// ipsec.secrets from anybody. It has no files here: include is a mistake.
#include "keyd/conf/ipsec_secrets.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(const char *text, void *arg)
{
	*(size_t *)arg += strlen(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_secrets psks = { 0 };
	struct ipsec_secrets s = { 0 };
	size_t said = 0;
	int r = ipsec_secrets_buffer(&s, &psks, "fuzz", (const char *)data, size, ignore, &said);

	ipsec_secrets_is((const char *)data, size);
	if (r < 0 && (!said || s.nkeys || s.npins || psks.n))
		abort();
	for (size_t i = 0; i < s.npins; i++)
		if (strncmp(s.pins[i].uri, "pkcs11:", 7) || (s.pins[i].from == IPSEC_SECRET_GIVEN) != (s.pins[i].pin.n > 0))
			abort();
	for (size_t i = 0; i < s.nkeys; i++)
		if (!*s.keys[i].file != !!s.keys[i].bytes.n)
			abort();
	ipsec_secrets_free(&s);
	conf_secrets_free(&psks);
	return 0;
}
