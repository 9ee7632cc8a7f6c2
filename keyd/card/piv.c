// SPDX-License-Identifier: MIT
// PIV cards: who they are, and their PIN.
#include "keyd/card/piv.h"

#include "keyd/card/ber.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/dn.h"

#include <stdio.h>
#include <string.h>

#define INS_SELECT 0xa4
#define INS_GET_DATA 0xcb
#define INS_VERIFY 0x20

#define LABEL_MAX 32		/* bytes that PKCS#11 has for it */
#define SERIAL_MAX 16		/* … and for this */
#define FASC_N_LEN 25
#define AID_WITHOUT_VERSION 9

static const uint8_t aid[] = { 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00 };

const struct piv_place piv_places[PIV_SLOTS] = {
	[PIV_AUTH] = { 0x9a, 0x5fc105, "PIV AUTH key", .signs = true },
	[PIV_SIGN] = { 0x9c, 0x5fc10a, "SIGN key", .signs = true, .each = true },
	[PIV_MANAGE] = { 0x9d, 0x5fc10b, "KEY MAN key" },
	[PIV_CARD] = { 0x9e, 0x5fc101, "CARD AUTH key", .signs = true, .open = true },
};

static int piv_select(struct apdu_way *w)
{
	struct apdu a = { .name = "SELECT", .ins = INS_SELECT, .p1 = 4, .data = { aid, sizeof(aid) }, .most = APDU_SHORT_MAX };
	int status = apdu_send(w, &a, NULL);

	/* The version at its end may be another one. */
	a.data.n = AID_WITHOUT_VERSION;
	if (status == APDU_NOT_FOUND)
		status = apdu_send(w, &a, NULL);
	return status < 0 ? status : status == APDU_OK ? CARD_OK : CARD_GONE;
}

static int get(struct apdu_way *w, uint32_t object, struct view *out, int *status)
{
	const uint8_t tag[] = { 0x5c, 3, (uint8_t)(object >> 16), (uint8_t)(object >> 8), (uint8_t)object };
	const struct apdu a = { .name = "GET DATA", .ins = INS_GET_DATA, .p1 = 0x3f, .p2 = 0xff, .data = { tag, sizeof(tag) },
				.most = PIV_OBJECT_ANSWER };
	struct view all;

	*status = apdu_send(w, &a, &all);
	*out = (struct view){ 0 };
	if (*status == APDU_OK && ber_find(all, 0x53, out))
		return apdu_nonsense(w, a.name);
	return *status < 0 ? *status : CARD_OK;
}

int piv_get(struct apdu_way *w, uint32_t object, struct view *out)
{
	int status;

	return get(w, object, out, &status);
}

static bool all_zero(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i])
			return false;
	return true;
}

/* A FASC-N that begins with 9999 says that the GUID is what counts. */
static bool guid_counts(struct view fasc_n, struct view guid)
{
	static const uint8_t nines[] = { 0xd4, 0xe7, 0x39 };

	if (!guid.n || all_zero(guid))
		return false;
	return fasc_n.n != FASC_N_LEN || (!memcmp(fasc_n.p, nines, sizeof(nines)) && (fasc_n.p[3] | 0x7f) == 0xff);
}

/* As OpenSC makes it of the card holder's unique identifier: the last digits are as many as PKCS#11 has room for. */
static int read_serial(struct apdu_way *w, char out[SERIAL_MAX + 1], int *status)
{
	struct view chuid, fasc_n = { 0 }, guid = { 0 }, v;
	int r = get(w, PIV_CHUID, &chuid, status);

	if (r)
		return r;
	strcpy(out, PIV_NO_SERIAL);
	if (ber_find(chuid, 0x30, &fasc_n) || fasc_n.n != FASC_N_LEN)
		fasc_n = (struct view){ 0 };
	if (ber_find(chuid, 0x34, &guid))
		guid = (struct view){ 0 };
	v = guid_counts(fasc_n, guid) ? guid : fasc_n;
	if (v.n > SERIAL_MAX / 2) {
		v.p += v.n - SERIAL_MAX / 2;
		v.n = SERIAL_MAX / 2;
	}
	for (size_t i = 0; i < v.n; i++)
		snprintf(out + 2 * i, 3, "%02x", v.p[i]);
	return CARD_OK;
}

/* The CN of the first certificate, as OpenSC does. */
static int read_label(struct apdu_way *w, char out[LABEL_MAX + 1])
{
	strcpy(out, "PIV_II");
	for (enum piv_slot i = 0; i < PIV_SLOTS; i++) {
		struct secret der = { 0 };
		struct crypto_cert *c = NULL;
		int r = piv_cert(w, i, &der, NULL);

		if (r && r != CARD_NO_KEY)
			return r;
		if (!r && !crypto_cert_from_der(&c, secret_view(&der)))
			r = crypto_dn_common_name(crypto_cert_subject(c), out, LABEL_MAX + 1) ? CARD_NO_KEY : CARD_OK;
		else
			r = CARD_NO_KEY;
		crypto_cert_free(c);
		secret_clear(&der);
		if (!r)
			break;
	}
	return CARD_OK;
}

/* Tries of the PIN; -1: it has been given, and the card does not tell now. */
static int piv_tries(struct apdu_way *w, int *tries)
{
	const struct apdu a = { .name = "VERIFY", .ins = INS_VERIFY, .p2 = PIV_PIN };
	int status = apdu_send(w, &a, NULL);

	*tries = -1;
	if (status == APDU_BLOCKED)
		*tries = 0;
	else if ((status & 0xfff0) == APDU_TRIES && status > 0)
		*tries = status & 0x0f;
	return status < 0 ? status : CARD_OK;
}

static int piv_token(struct apdu_way *w, struct card_token *t)
{
	int status, r = read_serial(w, t->serial, &status);

	if (!r)
		r = read_label(w, t->label);
	strcpy(t->manufacturer, "piv_II");
	strcpy(t->model, "PKCS#15 emulated");
	return r ? r : piv_tries(w, &t->tries);
}

/* Other applications tell no CHUID, and of a card without one it is all that is known that it has none. */
static bool piv_is_here(struct apdu_way *w, const struct card_token *t)
{
	char serial[SERIAL_MAX + 1];
	int status;

	return !read_serial(w, serial, &status) && !strcmp(serial, t->serial) && (status == APDU_OK || status == APDU_NOT_FOUND);
}

int piv_verify(struct apdu_way *w, struct view pin)
{
	uint8_t padded[PIV_PIN_LEN];
	int r;

	if (!pin.n || pin.n > PIV_PIN_LEN)
		return CARD_PIN_WRONG;
	memset(padded, 0xff, sizeof(padded));
	memcpy(padded, pin.p, pin.n);
	r = native_verify(w, PIV_PIN, (struct view){ padded, sizeof(padded) });
	secret_cleanse(padded, sizeof(padded));
	return r;
}

static int piv_logout(struct apdu_way *w)
{
	return native_forget(w, PIV_PIN);
}

const struct native_app native_piv = {
	.select = piv_select,
	.token = piv_token,
	.is_here = piv_is_here,
	.nobody = PIV_NO_SERIAL,
	.tries = piv_tries,
	.keys = piv_keys,
	.login = piv_verify,
	.logout = piv_logout,
	.sign = piv_sign,
	.generate = piv_generate,
	.store_cert = piv_store_cert,
};
