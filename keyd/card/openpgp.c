// SPDX-License-Identifier: MIT
// OpenPGP cards: who they are, and their PINs.
#include "keyd/card/openpgp.h"

#include "keyd/card/ber.h"

#include <stdio.h>
#include <string.h>

#define INS_SELECT 0xa4
#define INS_GET_DATA 0xca
#define INS_SELECT_DATA 0xa5

#define AID_MAKER 8		/* bytes in front of it: RID, application, version */
#define AID_LEN 16
#define PINS_LEN 7
#define EXTENDED_DEFAULT 2048	/* bytes, of a card that has extended length and does not say how much */

static const uint8_t aid[] = { 0xd2, 0x76, 0x00, 0x01, 0x24, 0x01 };

/* Those that are registered, as OpenSC names them in URIs. */
static const struct {
	uint16_t number;
	const char *name;
} makers[] = {
	{ 0x0001, "PPC Card Systems" }, { 0x0002, "Prism" }, { 0x0003, "OpenFortress" }, { 0x0004, "Wewid AB" },
	{ 0x0005, "ZeitControl" }, { 0x0006, "Yubico" }, { 0x0007, "OpenKMS" }, { 0x0008, "LogoEmail" }, { 0x0009, "Fidesmo" },
	{ 0x000a, "Dangerous Things" }, { 0x000b, "Feitian Technologies" }, { 0x002a, "Magrathea" }, { 0x0042, "GnuPG e.V." },
	{ 0x1337, "Warsaw Hackerspace" }, { 0x2342, "warpzone" }, { 0x4354, "Confidential Technologies" },
	{ 0x5443, "TIF-IT e.V." }, { 0x63af, "Trustica" }, { 0xba53, "c-base e.V." }, { 0xbd0e, "Paranoidlabs" },
	{ 0xf517, "FSIJ" }, { 0xf5ec, "F-Secure" }, { 0x0000, "test card" }, { 0xffff, "test card" },
};

const struct openpgp_place openpgp_places[OPENPGP_SLOTS] = {
	[OPENPGP_SIGN] = { 0xb6, 2, "Signature key" },
	[OPENPGP_DECRYPT] = { 0xb8, 1, "Encryption key" },
	[OPENPGP_AUTH] = { 0xa4, 0, "Authentication key" },
};

static int openpgp_select(struct apdu_way *w)
{
	const struct apdu a = { .name = "SELECT", .ins = INS_SELECT, .p1 = 4, .data = { aid, sizeof(aid) }, .most = APDU_SHORT_MAX };
	int status = apdu_send(w, &a, NULL);

	/* 6285: it has been terminated, and nothing but to activate it would help. */
	return status < 0 ? status : status == APDU_OK ? CARD_OK : CARD_GONE;
}

int openpgp_get(struct apdu_way *w, unsigned tag, size_t most, struct view *out)
{
	const struct apdu a = { .name = "GET DATA", .ins = INS_GET_DATA, .p1 = (uint8_t)(tag >> 8), .p2 = (uint8_t)tag, .most = most };
	int status = apdu_send(w, &a, out);

	if (status != APDU_OK)
		*out = (struct view){ 0 };
	return status < 0 ? status : CARD_OK;
}

/* Constructed objects come with their tag from most cards, without it from some. */
static struct view unwrap(struct view v, uint32_t tag)
{
	struct view inner;

	return ber_find(v, tag, &inner) ? v : inner;
}

int openpgp_read(struct apdu_way *w, struct openpgp_data *d)
{
	struct view all, more;
	int r = openpgp_get(w, 0x6e, OPENPGP_DATA_ANSWER, &all);

	*d = (struct openpgp_data){ .aid = { 0 } };
	if (r)
		return r;
	all = unwrap(all, 0x6e);
	if (ber_find(all, 0x4f, &d->aid) || d->aid.n != AID_LEN || memcmp(d->aid.p, aid, sizeof(aid)))
		return apdu_nonsense(w, "application related data");
	/* Version 1 has them outside of 73. */
	more = unwrap(all, 0x73);
	if (ber_find(more, 0xc4, &d->pins) || d->pins.n < PINS_LEN)
		return apdu_nonsense(w, "application related data");
	for (unsigned i = 0; i < OPENPGP_SLOTS; i++)
		if (ber_find(more, 0xc1 + i, &d->algorithm[i]))
			d->algorithm[i] = (struct view){ 0 };
	if (ber_find(all, 0x5f52, &d->historical))
		d->historical = (struct view){ 0 };
	if (ber_find(more, 0xc0, &d->capabilities))
		d->capabilities = (struct view){ 0 };
	if (ber_find(all, 0x7f66, &d->lengths))
		d->lengths = (struct view){ 0 };
	return CARD_OK;
}

/* Compact TLV of historical bytes (ISO/IEC 7816-4 12.1.1): 7, card capabilities, whose third byte has it in 40. */
static bool has_extended(struct view historical)
{
	for (size_t i = 1; i < historical.n; i += 1 + (historical.p[i] & 0x0f))
		if (historical.p[i] >> 4 == 7 && (historical.p[i] & 0x0f) >= 3 && i + 3 < historical.n)
			return historical.p[i + 3] & 0x40;
	return false;
}

static size_t length_of(struct rd *r)
{
	struct view v;
	uint32_t tag;

	return ber_next(r, &tag, &v) > 0 && tag == 0x02 && v.n == 2 ? (size_t)v.p[0] << 8 | v.p[1] : EXTENDED_DEFAULT;
}

/* 7F66 { 02 most bytes of a command, 02 of an answer } */
static void take_lengths(struct apdu_way *w, const struct openpgp_data *d)
{
	struct rd r = rd_of_view(d->lengths);
	bool extended = has_extended(d->historical);

	w->command_max = extended ? length_of(&r) : 0;
	w->answer_max = extended ? length_of(&r) : 0;
	if (extended && w->answer_max < APDU_SHORT_MAX)
		w->answer_max = APDU_SHORT_MAX;
}

static void take_aid(struct view whole, struct card_token *t)
{
	uint16_t maker = (uint16_t)(whole.p[AID_MAKER] << 8 | whole.p[AID_MAKER + 1]);

	strcpy(t->manufacturer, "OpenPGP project");
	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++)
		if (makers[i].number == maker)
			strcpy(t->manufacturer, makers[i].name);
	for (unsigned i = 0; i < 6; i++)
		snprintf(t->serial + 2 * i, 3, "%02x", whole.p[AID_MAKER + i]);
}

static int openpgp_token(struct apdu_way *w, struct card_token *t)
{
	struct openpgp_data d;
	int r = openpgp_read(w, &d);

	if (r)
		return r;
	strcpy(t->label, "OpenPGP card (User PIN)");
	strcpy(t->model, "PKCS#15 emulated");
	take_aid(d.aid, t);
	take_lengths(w, &d);
	t->tries = d.pins.p[4];
	return CARD_OK;
}

static bool openpgp_is_here(struct apdu_way *w, const struct card_token *t)
{
	struct card_token now = { .slot = t->slot };
	struct view v;

	if (openpgp_get(w, 0x4f, APDU_SHORT_MAX, &v) || v.n != AID_LEN || memcmp(v.p, aid, sizeof(aid)))
		return false;
	take_aid(v, &now);
	return !strcmp(now.serial, t->serial);
}

static int openpgp_tries(struct apdu_way *w, int *tries)
{
	struct openpgp_data d;
	int r = openpgp_read(w, &d);

	if (!r)
		*tries = d.pins.p[4];
	return r;
}

/* A PIN on its way to the card. */
struct given {
	struct view pin;
	uint8_t hash[CRYPTO_SIG_HASH_MAX];
	bool each;			/* it is good for one signature */
};

/* Nothing has gone to the card that could use a try. */
static int prepare(struct apdu_way *w, uint8_t ref, struct view pin, struct given *g)
{
	bool admin = ref == OPENPGP_PIN_ADMIN;
	struct openpgp_data d;
	size_t n;
	int r = openpgp_read(w, &d);

	if (r)
		return r;
	/* The highest bit says in which form a new one would be written. */
	if (pin.n < (admin ? OPENPGP_ADMIN_LEAST : OPENPGP_PIN_LEAST) || pin.n > (d.pins.p[admin ? 3 : 1] & 0x7f))
		return CARD_PIN_WRONG;
	g->each = !d.pins.p[0];
	r = openpgp_kdf(w, &d, ref, pin, g->hash, &n);
	g->pin = n ? (struct view){ g->hash, n } : pin;
	return r;
}

int openpgp_verify(struct apdu_way *w, uint8_t ref, struct view pin)
{
	struct given g;
	int r = prepare(w, ref, pin, &g);

	if (!r)
		r = native_verify(w, ref, g.pin);
	secret_cleanse(&g, sizeof(g));
	return r;
}

/* Where a PIN is good for one signature only, it is given with each (card_key.each). */
static int openpgp_login(struct apdu_way *w, struct view pin)
{
	struct given g;
	int r = prepare(w, OPENPGP_PIN_OTHER, pin, &g);

	if (r)
		return r == CARD_PIN_WRONG ? r : CARD_PIN_UNUSED;
	r = native_verify(w, OPENPGP_PIN_OTHER, g.pin);
	if (!r && !g.each)
		r = native_verify(w, OPENPGP_PIN_SIGN, g.pin);
	secret_cleanse(&g, sizeof(g));
	return r;
}

static int openpgp_logout(struct apdu_way *w)
{
	int r = native_forget(w, OPENPGP_PIN_OTHER);

	return r ? r : native_forget(w, OPENPGP_PIN_SIGN);
}

/* 60 { 5C { tag } } */
int openpgp_choose_cert(struct apdu_way *w, enum openpgp_slot slot)
{
	static const uint8_t which[] = { 0x06, 0x60, 0x04, 0x5c, 0x02, OPENPGP_CERT >> 8, OPENPGP_CERT & 0xff };
	struct apdu a = { .name = "SELECT DATA", .ins = INS_SELECT_DATA, .p1 = openpgp_places[slot].occurrence, .p2 = 4,
			  .data = { which + 1, sizeof(which) - 1 } };
	int status = apdu_send(w, &a, NULL);

	/* Yubikeys up to 5.4.3 want the length once more. */
	if (status == APDU_DATA) {
		a.data = (struct view){ which, sizeof(which) };
		status = apdu_send(w, &a, NULL);
	}
	return apdu_error(w, &a, status);
}

const struct native_app native_openpgp = {
	.select = openpgp_select,
	.token = openpgp_token,
	.is_here = openpgp_is_here,
	.tries = openpgp_tries,
	.keys = openpgp_keys,
	.login = openpgp_login,
	.logout = openpgp_logout,
	.sign = openpgp_sign,
	.generate = openpgp_generate,
	.store_cert = openpgp_store_cert,
};
