// SPDX-License-Identifier: MIT
// What all drivers have in common.
#include "keyd/card/driver.h"

#include <string.h>

const char *card_strerror(int error)
{
	static const char *const words[] = {
		[-CARD_OK] = "no error",
		[-CARD_GONE] = "the token is not there",
		[-CARD_LOCKED] = "the token is locked",
		[-CARD_PIN_WRONG] = "the PIN is wrong",
		[-CARD_PIN_BLOCKED] = "the PIN is blocked",
		[-CARD_PIN_CANCELLED] = "no PIN was entered at the reader",
		[-CARD_PIN_UNUSED] = "the token could not be unlocked; its PIN was not tried",
		[-CARD_NO_KEY] = "the token has no such key",
		[-CARD_NO_SCHEME] = "the token cannot sign in this way",
		[-CARD_BROKEN] = "the token or its module answers with errors",
		[-CARD_BAD_SIGNATURE] = "what the token signed is wrong",
		[-CARD_UNSUPPORTED] = "this is not supported",
		[-CARD_FAILED] = "out of memory",
		[-CARD_MANY_KEYS] = "the token has several keys that fit",
		[-CARD_KEY_THERE] = "the token has a key there already",
		[-CARD_ADMIN_WRONG] = "the administrator's PIN or key is wrong",
		[-CARD_ADMIN_BLOCKED] = "the administrator's PIN is blocked",
	};

	return error <= 0 && (size_t)-error < sizeof(words) / sizeof(*words) ? words[-error] : "unknown error";
}

void card_key_free(struct card_key *k)
{
	crypto_key_free(k->public);
	secret_clear(&k->cert);
	k->public = NULL;
}

void card_keys_free(struct card_keys *k)
{
	for (unsigned i = 0; i < k->n; i++)
		card_key_free(&k->key[i]);
	k->n = 0;
}

bool card_token_has_serial(const struct card_token *t)
{
	return t->serial[strspn(t->serial, "0 ")] != 0;
}

bool card_token_same_card(const struct card_token *a, const struct card_token *b)
{
	return card_token_has_serial(a) && !strcmp(a->serial, b->serial) && !strcmp(a->model, b->model) &&
	       !strcmp(a->manufacturer, b->manufacturer);
}

bool card_token_same(const struct card_token *a, const struct card_token *b)
{
	return !strcmp(a->serial, b->serial) && !strcmp(a->label, b->label) && !strcmp(a->model, b->model) &&
	       !strcmp(a->manufacturer, b->manufacturer);
}
