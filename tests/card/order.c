// SPDX-License-Identifier: MIT
// What an emulated card can be told: one function for each command, and the table of them.
#include "tests/card/emu.h"
#include "tests/card/openpgp.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8

struct order {
	struct emu *e;
	struct client *client;
	unsigned int n;			/* words behind the command's own */
	char *words[WORDS_MAX];		/* NULL where there are no more */
	char text[EMU_LINE_MAX];	/* of the answer */
};

static int fail(struct order *o, const char *why)
{
	snprintf(o->text, sizeof(o->text), "%s", why);
	return -1;
}

static int number(struct order *o, unsigned int word, int base, unsigned long most, unsigned int *out)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(o->words[word], &end, base);
	if (errno || *end || end == o->words[word] || n > most)
		return fail(o, "no such number");
	*out = (unsigned int)n;
	return 0;
}

static int yes_or_no(struct order *o, unsigned int word, bool *out)
{
	*out = !strcmp(o->words[word], "yes");
	return *out || !strcmp(o->words[word], "no") ? 0 : fail(o, "yes or no?");
}

static int changed(struct order *o)
{
	return o->e->card.state && card_save(&o->e->card) ? fail(o, "the state cannot be written") : 0;
}

static int do_insert(struct order *o)
{
	o->e->in = true;
	return 0;
}

static int do_remove(struct order *o)
{
	o->e->in = false;
	reader_leave(o->e);
	return 0;
}

static bool is_seen(const struct emu *e)
{
	return e->seen;
}

static bool is_silent(const struct emu *e)
{
	return e->busy && e->silent;
}

static bool is_busy(const struct emu *e)
{
	return e->busy;
}

static int do_seen(struct order *o)
{
	o->client->until = is_seen;
	return 0;
}

static int do_silent(struct order *o)
{
	o->client->until = is_silent;
	return 0;
}

static int do_busy(struct order *o)
{
	o->client->until = is_busy;
	return 0;
}

/* [INS|any [COUNT]], from a word on. */
static int add_fault(struct order *o, enum fault_kind kind, unsigned int value, unsigned int word, unsigned int left)
{
	struct fault fault = { .kind = kind, .ins = FAULT_ANY, .left = left, .value = value };
	unsigned int ins;

	if (o->n > word && strcmp(o->words[word], "any")) {
		if (number(o, word, 16, 0xff, &ins))
			return -1;
		fault.ins = (int)ins;
	}
	if (o->n > word + 1 && number(o, word + 1, 10, 1000000, &fault.left))
		return -1;
	return fault_add(&o->e->faults, fault) ? fail(o, "too many faults at once") : 0;
}

static int do_delay(struct order *o)
{
	unsigned int ms;

	return number(o, 0, 10, 600000, &ms) || add_fault(o, FAULT_DELAY, ms, 1, FAULT_ALWAYS);
}

static int do_status(struct order *o)
{
	unsigned int sw;

	return number(o, 0, 16, 0xffff, &sw) || add_fault(o, FAULT_STATUS, sw, 1, 1);
}

static int do_silence(struct order *o)
{
	return add_fault(o, FAULT_SILENCE, 0, 0, 1);
}

static int do_garbage(struct order *o)
{
	return add_fault(o, FAULT_GARBAGE, 0, 0, 1);
}

static int do_short(struct order *o)
{
	return add_fault(o, FAULT_SHORT, 0, 0, 1);
}

static int do_long(struct order *o)
{
	return add_fault(o, FAULT_LONG, 0, 0, 1);
}

static int do_pull(struct order *o)
{
	return add_fault(o, FAULT_PULL, 0, 0, 1);
}

static int do_speak(struct order *o)
{
	o->e->silent = false;
	return 0;
}

static int do_well(struct order *o)
{
	o->e->faults.n = 0;
	o->e->natr = 0;
	return do_speak(o);
}

static int do_atr(struct order *o)
{
	size_t n = strlen(o->words[0]) / 2;
	unsigned int byte;

	if (n > ATR_MAX)
		return fail(o, "an ATR has 33 bytes at most");
	for (size_t i = 0; i < n; i++) {
		if (sscanf(o->words[0] + 2 * i, "%2x", &byte) != 1)
			return fail(o, "no hexadecimal");
		o->e->atr[i] = (uint8_t)byte;
	}
	o->e->natr = (uint8_t)n;
	return 0;
}

static int key_of(struct order *o, unsigned int *out)
{
	int i = card_key_by_name(&o->e->card, o->words[0]);

	if (i < 0)
		return fail(o, "this card has no such key");
	*out = (unsigned int)i;
	return 0;
}

static int put_key(struct order *o, unsigned int i, EVP_PKEY *key)
{
	if (!key || !key_kind_of(key)) {
		EVP_PKEY_free(key);
		return fail(o, "no key that a card can have");
	}
	card_key_set(&o->e->card, i, key);
	if (o->e->card.kind->enroll)
		o->e->card.kind->enroll(&o->e->card, i);
	return changed(o);
}

static int do_load(struct order *o)
{
	unsigned int i;

	return key_of(o, &i) || put_key(o, i, key_from_file(o->words[1]));
}

static int do_generate(struct order *o)
{
	const struct key_kind *kind = key_kind_by_name(o->words[1]);
	unsigned int i;

	if (!kind)
		return fail(o, "no such kind of key");
	return key_of(o, &i) || put_key(o, i, key_generate(kind));
}

static int do_public(struct order *o)
{
	unsigned int i;
	FILE *f;
	int ok;

	if (key_of(o, &i))
		return -1;
	if (!o->e->card.keys[i])
		return fail(o, "there is no key in this place");
	f = fopen(o->words[1], "w");
	ok = f && PEM_write_PUBKEY(f, o->e->card.keys[i]) == 1;
	if (f)
		ok &= !fclose(f);
	return ok ? 0 : fail(o, "the file cannot be written");
}

static X509 *certificate_from(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (f && !x) {
		rewind(f);
		x = d2i_X509_fp(f, NULL);
	}
	if (f)
		fclose(f);
	return x;
}

static int do_certificate(struct order *o)
{
	struct card *c = &o->e->card;
	unsigned char *der = NULL;
	unsigned int i;
	X509 *x;
	int n;

	if (key_of(o, &i))
		return -1;
	x = certificate_from(o->words[1]);
	n = x ? i2d_X509(x, &der) : -1;
	X509_free(x);
	if (n <= 0)
		return fail(o, "no certificate in this file");
	c->kind->certificate(c, c->kind->keys[i].certificate, (struct view){ der, (size_t)n });
	OPENSSL_free(der);
	return changed(o);
}

static int pin_of(struct order *o, unsigned int *out)
{
	int i = card_pin_by_name(&o->e->card, o->words[0]);

	if (i < 0)
		return fail(o, "this card has no such PIN");
	*out = (unsigned int)i;
	return 0;
}

static int do_pin(struct order *o)
{
	uint8_t value[CARD_PIN_MAX];
	size_t n = strlen(o->words[1]);
	unsigned int i;

	if (pin_of(o, &i))
		return -1;
	if (n > sizeof(value))
		return fail(o, "a PIN has 64 characters at most");
	memset(value, 0xff, sizeof(value));
	memcpy(value, o->words[1], n);
	if (o->e->card.kind->pins[i].least == o->e->card.kind->pins[i].most && n < o->e->card.kind->pins[i].least)
		n = o->e->card.kind->pins[i].least;
	return card_pin_set(&o->e->card, i, (struct view){ value, n }) ? fail(o, "too short or too long") : changed(o);
}

static int do_tries(struct order *o)
{
	unsigned int i, n;

	if (pin_of(o, &i) || number(o, 1, 10, 15, &n))
		return -1;
	o->e->card.pins[i].tries = (uint8_t)n;
	return changed(o);
}

static int do_each(struct order *o)
{
	uint8_t lasts;
	bool each;

	if (o->e->card.kind != &card_openpgp)
		return fail(o, "only an OpenPGP card has this choice; PIV's 9c always wants it, the others never");
	if (yes_or_no(o, 0, &each))
		return -1;
	lasts = !each;
	card_object_set(&o->e->card, OPENPGP_PW_STATUS, (struct view){ &lasts, 1 });
	return changed(o);
}

static int do_extended(struct order *o)
{
	return yes_or_no(o, 0, &o->e->card.extended);
}

static int do_fresh(struct order *o)
{
	card_make(&o->e->card, o->e->card.kind);
	return changed(o);
}

static int do_count(struct order *o)
{
	const unsigned long *commands = o->e->card.commands;
	unsigned long n = 0;
	unsigned int ins;

	if (o->n && number(o, 0, 16, 0xff, &ins))
		return -1;
	for (unsigned int i = 0; i < 256; i++)
		if (!o->n || i == ins)
			n += commands[i];
	snprintf(o->text, sizeof(o->text), "%lu", n);
	return 0;
}

static int do_forget(struct order *o)
{
	memset(o->e->card.commands, 0, sizeof(o->e->card.commands));
	return 0;
}

static int do_info(struct order *o)
{
	const struct card *c = &o->e->card;
	FILE *f = fmemopen(o->text, sizeof(o->text), "w");

	if (!f)
		return fail(o, "no memory");
	fprintf(f, "%s %s", c->kind->name, !o->e->in ? "out" : o->e->powered ? "powered" : "in");
	for (unsigned int i = 0; i < CARD_PINS && c->kind->pins[i].name; i++)
		fprintf(f, " %s=%u", c->kind->pins[i].name, c->pins[i].tries);
	for (unsigned int i = 0; i < CARD_KEYS && c->kind->keys[i].name; i++)
		if (c->keys[i])
			fprintf(f, " %s=%s", c->kind->keys[i].name, key_kind_of(c->keys[i])->name);
	fprintf(f, " signatures=%u", c->signatures);
	fclose(f);
	return 0;
}

static int do_quit(struct order *o)
{
	o->e->ends = true;
	return 0;
}

static const struct {
	const char *word, *parameters, *help;
	unsigned int least, most;
	int (*run)(struct order *o);
} orders[] = {
	{ "insert", "", "put the card into the reader; it stays in when the reader goes and comes back", 0, 0, do_insert },
	{ "remove", "", "pull it out, also under a command", 0, 0, do_remove },
	{ "seen", "", "is answered once the reader has given it power, be it gone again", 0, 0, do_seen },
	{ "delay", "MS [INS|any [N]]", "answers come late: those to such commands (hexadecimal), the next N; 0: in time", 1, 3, do_delay },
	{ "silence", "[INS|any [N]]", "the next command is carried out and not answered", 0, 2, do_silence },
	{ "silent", "", "is answered once a command waits in vain", 0, 0, do_silent },
	{ "busy", "", "is answered once a command waits at all, by delay or silence", 0, 0, do_busy },
	{ "speak", "", "answer what waits", 0, 0, do_speak },
	{ "pull", "[INS|any [N]]", "the next command is not carried out: the card is gone", 0, 2, do_pull },
	{ "garbage", "[INS|any [N]]", "noise instead of the next answer", 0, 2, do_garbage },
	{ "short", "[INS|any [N]]", "one byte of the next answer", 0, 2, do_short },
	{ "long", "[INS|any [N]]", "60,000 bytes instead of the next answer", 0, 2, do_long },
	{ "status", "SW [INS|any [N]]", "the next command is refused with this status word (hexadecimal)", 1, 3, do_status },
	{ "atr", "HEX", "give another ATR", 1, 1, do_atr },
	{ "well", "", "no faults any more, the card's own ATR", 0, 0, do_well },
	{ "load", "KEY FILE", "put a private key (PEM) into sign, decrypt, auth or 9a, 9c, 9d, 9e", 2, 2, do_load },
	{ "generate", "KEY KIND", "make one there: rsa1024 … rsa4096, p256, p384, p521, ed25519", 2, 2, do_generate },
	{ "public", "KEY FILE", "write the public key (PEM)", 2, 2, do_public },
	{ "certificate", "KEY FILE", "store a certificate (PEM or DER) with the key", 2, 2, do_certificate },
	{ "pin", "NAME VALUE", "set a PIN: user, reset, admin or user, puk", 2, 2, do_pin },
	{ "tries", "NAME N", "how many it has left", 2, 2, do_tries },
	{ "each-signature", "yes|no", "does PSO: CDS want the PIN each time (OpenPGP)", 1, 1, do_each },
	{ "extended", "yes|no", "extended length; for the reader from the next power-on", 1, 1, do_extended },
	{ "fresh", "", "as from the factory", 0, 0, do_fresh },
	{ "count", "[INS]", "how many commands came", 0, 1, do_count },
	{ "forget", "", "count from 0 again", 0, 0, do_forget },
	{ "info", "", "kind, where it is, tries left, keys, signatures made", 0, 0, do_info },
	{ "quit", "", "end", 0, 0, do_quit },
};

#define ORDERS (sizeof(orders) / sizeof(orders[0]))

void order_help(FILE *out)
{
	for (size_t i = 0; i < ORDERS; i++)
		fprintf(out, "  %-15s%-18s%s\n", orders[i].word, orders[i].parameters, orders[i].help);
}

static int run(struct order *o, const char *word)
{
	for (size_t i = 0; i < ORDERS; i++)
		if (!strcmp(orders[i].word, word))
			return o->n < orders[i].least || o->n > orders[i].most ? fail(o, orders[i].parameters) : orders[i].run(o);
	return fail(o, "no such command; card-emu --help lists them");
}

int order_obey(struct emu *e, struct client *client, char *line, char *text, size_t size)
{
	struct order o = { .e = e, .client = client };
	char *word, *save = NULL;
	const char *first = strtok_r(line, " \t\r", &save);
	int rc;

	if (!first)
		return 1;
	while (o.n < WORDS_MAX - 1 && (word = strtok_r(NULL, " \t\r", &save)))
		o.words[o.n++] = word;
	rc = run(&o, first) ? -1 : 0;
	snprintf(text, size, "%s", o.text);
	return rc;
}
