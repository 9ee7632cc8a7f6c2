// SPDX-License-Identifier: MIT
// What is in a card, whatever its kind: PINs that count tries, keys, data objects.
#include "tests/card/card.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void card_make(struct card *c, const struct card_kind *kind)
{
	const char *state = c->state;
	bool extended = c->extended;
	unsigned long commands[256];

	memcpy(commands, c->commands, sizeof(commands));
	card_free(c);
	*c = (struct card){ .kind = kind, .state = state, .extended = extended };
	memcpy(c->commands, commands, sizeof(commands));
	for (unsigned int i = 0; i < CARD_PINS && kind->pins[i].name; i++) {
		c->pins[i].n = (uint8_t)strlen(kind->pins[i].initial);
		memcpy(c->pins[i].value, kind->pins[i].initial, c->pins[i].n);
		c->pins[i].tries = c->pins[i].n ? kind->pins[i].tries : 0;
	}
	kind->make(c);
	card_wake(c);
}

void card_free(struct card *c)
{
	for (unsigned int i = 0; i < CARD_KEYS; i++)
		EVP_PKEY_free(c->keys[i]);
	for (unsigned int i = 0; i < c->nobjects; i++)
		free(c->objects[i].p);
	*c = (struct card){ .kind = NULL };
}

void card_wake(struct card *c)
{
	c->access = 0;
	c->chosen = 0;
	c->nchallenge = 0;
	c->nchain = 0;
	c->nbody = 0;
	c->given = 0;
	if (c->kind->wake)
		c->kind->wake(c);
}

int card_key_by_name(const struct card *c, const char *name)
{
	for (int i = 0; i < CARD_KEYS && c->kind->keys[i].name; i++)
		if (!strcmp(c->kind->keys[i].name, name))
			return i;
	return -1;
}

int card_key_by_ref(const struct card *c, uint8_t ref)
{
	for (int i = 0; i < CARD_KEYS && c->kind->keys[i].name; i++)
		if (c->kind->keys[i].ref == ref)
			return i;
	return -1;
}

void card_key_set(struct card *c, unsigned int i, EVP_PKEY *key)
{
	EVP_PKEY_free(c->keys[i]);
	c->keys[i] = key;
	if (c->kind->key_new)
		c->kind->key_new(c, i);
}

static struct card_object *find(struct card *c, uint32_t tag)
{
	for (unsigned int i = 0; i < c->nobjects; i++)
		if (c->objects[i].tag == tag)
			return &c->objects[i];
	return NULL;
}

struct view card_object(const struct card *c, uint32_t tag)
{
	for (unsigned int i = 0; i < c->nobjects; i++)
		if (c->objects[i].tag == tag)
			return (struct view){ c->objects[i].p, c->objects[i].n };
	return (struct view){ NULL, 0 };
}

static void delete(struct card *c, struct card_object *o)
{
	free(o->p);
	*o = c->objects[--c->nobjects];
}

int card_object_set(struct card *c, uint32_t tag, struct view value)
{
	struct card_object *o = find(c, tag);
	uint8_t *copy;

	if (!value.n) {
		if (o)
			delete(c, o);
		return 0;
	}
	if (!o && c->nobjects == CARD_OBJECTS)
		return -1;
	copy = malloc(value.n);
	if (!copy)
		return -1;
	memcpy(copy, value.p, value.n);
	if (o)
		free(o->p);
	else
		o = &c->objects[c->nobjects++];
	o->tag = tag;
	o->n = value.n;
	o->p = copy;
	return 0;
}

int card_pin_by_name(const struct card *c, const char *name)
{
	for (int i = 0; i < CARD_PINS && c->kind->pins[i].name; i++)
		if (!strcmp(c->kind->pins[i].name, name))
			return i;
	return -1;
}

enum pin_result card_pin_try(struct card *c, unsigned int i, struct view value)
{
	struct card_pin *pin = &c->pins[i];

	if (!pin->tries)
		return PIN_BLOCKED;
	if (value.n != pin->n || CRYPTO_memcmp(value.p, pin->value, pin->n)) {
		pin->tries--;
		return PIN_WRONG;
	}
	pin->tries = c->kind->pins[i].tries;
	return PIN_RIGHT;
}

int card_pin_set(struct card *c, unsigned int i, struct view value)
{
	struct card_pin *pin = &c->pins[i];

	if (value.n < c->kind->pins[i].least || value.n > c->kind->pins[i].most)
		return -1;
	memcpy(pin->value, value.p, value.n);
	pin->n = (uint8_t)value.n;
	pin->tries = c->kind->pins[i].tries;
	return 0;
}
