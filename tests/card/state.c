// SPDX-License-Identifier: MIT
// A card's state in a file: a line for each thing, values in hexadecimal. Not for secrets: the keys are in it.
#include "tests/card/card.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_ (3 * CARD_BODY_MAX)

static void put(FILE *f, const char *what, const char *name, const uint8_t *p, size_t n)
{
	fprintf(f, "%s %s ", what, name);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%02x", p[i]);
	fputs("\n", f);
}

static void put_key(FILE *f, const char *name, EVP_PKEY *key)
{
	int n;
	unsigned char *der = key_to_der(key, &n);

	if (der)
		put(f, "key", name, der, (size_t)n);
	OPENSSL_free(der);
}

static void put_all(FILE *f, const struct card *c)
{
	char tag[16];

	fprintf(f, "card %s\nsignatures %u\nterminated %d\n", c->kind->name, c->signatures, c->terminated);
	for (unsigned int i = 0; i < CARD_PINS && c->kind->pins[i].name; i++) {
		put(f, "pin", c->kind->pins[i].name, c->pins[i].value, c->pins[i].n);
		fprintf(f, "tries %s %u\n", c->kind->pins[i].name, c->pins[i].tries);
	}
	for (unsigned int i = 0; i < CARD_KEYS; i++)
		if (c->keys[i])
			put_key(f, c->kind->keys[i].name, c->keys[i]);
	for (unsigned int i = 0; i < c->nobjects; i++) {
		snprintf(tag, sizeof(tag), "%x", c->objects[i].tag);
		put(f, "object", tag, c->objects[i].p, c->objects[i].n);
	}
}

int card_save(const struct card *c)
{
	char path[4096];
	FILE *f;
	int failed;

	snprintf(path, sizeof(path), "%s.new", c->state);
	f = fopen(path, "w");
	if (f) {
		put_all(f, c);
		failed = ferror(f);
		if (!(fclose(f) || failed || rename(path, c->state)))
			return 0;
	}
	perror(path);
	return -1;
}

/* Returns the number of bytes; -1 for what is no hexadecimal. */
static int unhex(const char *text, uint8_t *out, size_t most)
{
	size_t n;
	unsigned int byte;

	for (n = 0; text[2 * n]; n++)
		if (n == most || sscanf(text + 2 * n, "%2x", &byte) != 1 || !text[2 * n + 1])
			return -1;
		else
			out[n] = (uint8_t)byte;
	return (int)n;
}

static int read_named(struct card *c, const char *what, const char *name, const char *value)
{
	uint8_t bytes[CARD_BODY_MAX];
	int n = unhex(value, bytes, sizeof(bytes)), pin = card_pin_by_name(c, name), key = card_key_by_name(c, name);

	if (!strcmp(what, "tries") && pin >= 0) {
		c->pins[pin].tries = (uint8_t)strtoul(value, NULL, 10);
		return 0;
	}
	if (n < 0)
		return -1;
	if (!strcmp(what, "object"))
		return card_object_set(c, (uint32_t)strtoul(name, NULL, 16), (struct view){ bytes, (size_t)n });
	if (!strcmp(what, "pin") && pin >= 0 && n <= CARD_PIN_MAX) {
		memcpy(c->pins[pin].value, bytes, (size_t)n);
		c->pins[pin].n = (uint8_t)n;
		return 0;
	}
	if (!strcmp(what, "key") && key >= 0) {
		c->keys[key] = key_from_der((struct view){ bytes, (size_t)n });
		return c->keys[key] ? 0 : -1;
	}
	return -1;
}

static int read_line(struct card *c, char *line)
{
	char *rest = line, *what = strsep(&rest, " "), *name = strsep(&rest, " ");

	if (!name)
		return -1;
	if (!strcmp(what, "card"))
		return strcmp(name, c->kind->name) ? -1 : 0;
	if (!strcmp(what, "signatures")) {
		c->signatures = (uint32_t)strtoul(name, NULL, 10);
		return 0;
	}
	if (!strcmp(what, "terminated")) {
		c->terminated = name[0] == '1';
		return 0;
	}
	return rest ? read_named(c, what, name, rest) : -1;
}

int card_load(struct card *c)
{
	static char line[LINE_MAX_];
	FILE *f = fopen(c->state, "r");
	unsigned int number = 0;

	if (!f)
		return 1;
	while (c->nobjects)
		card_object_set(c, c->objects[0].tag, (struct view){ NULL, 0 });
	while (fgets(line, sizeof(line), f)) {
		number++;
		line[strcspn(line, "\n")] = 0;
		if (read_line(c, line)) {
			fprintf(stderr, "card-emu: %s:%u: no such thing on a card of kind %s\n", c->state, number, c->kind->name);
			fclose(f);
			return -1;
		}
	}
	fclose(f);
	return number ? 0 : 1;
}
