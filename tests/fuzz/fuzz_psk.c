// SPDX-License-Identifier: MIT
// Files of secrets and identities from anybody: the first byte says how many bytes are a peer's identity.
#include "keyd/conf/id.h"
#include "keyd/conf/psk.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(const char *text, void *arg)
{
	*(size_t *)arg += strlen(text);
}

/* Two bytes of head: length and type of an identity, whose bytes follow. */
static size_t take_id(struct conf_id *id, const uint8_t *data, size_t size)
{
	size_t n;

	*id = (struct conf_id){ 0 };
	if (size < 2)
		return 0;
	n = data[0] < size - 2 ? data[0] : size - 2;
	id->type = data[1];
	id->len = (uint16_t)n;
	memcpy(id->data, data + 2, n);
	return n + 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_secrets s = { 0 };
	struct ipsec_addr addr = { 0 };
	struct conf_id id;
	char text[CONF_ID_STRLEN];
	size_t head = take_id(&id, data, size), said = 0;

	conf_id_format(&id, text, sizeof(text));
	for (const char *p = text; *p; p++)
		if (*p < 0x20 || *p >= 0x7f)
			abort();	/* a byte that a terminal might obey */
	if (!conf_id_equal(&id, &id))
		abort();
	ipsec_addr_from_bytes(&addr, id.data, 4);
	if (psk_buffer_load(&s, "fuzz", (const char *)data + head, size - head, ignore, &said) < 0 && !said)
		abort();
	psk_find(&s, NULL, &id, &addr);
	conf_secrets_free(&s);
	return 0;
}
