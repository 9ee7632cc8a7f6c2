// SPDX-License-Identifier: MIT
// RFC 7512 URIs, by p11-kit.
#include "keyd/card/uri.h"

#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct card_uri {
	P11KitUri *p11;
};

int card_uri_parse(struct card_uri **out, const char *text, const char **why)
{
	struct card_uri *u = calloc(1, sizeof(*u));

	if (u)
		u->p11 = p11_kit_uri_new();
	*why = NULL;
	if (!u || !u->p11)
		*why = "needs more memory than there is";
	else if (strlen(text) >= CARD_URI_MAX)
		*why = "is too long";
	else if (p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, u->p11) != P11_KIT_URI_OK)
		*why = "is no pkcs11 URI";
	else if (p11_kit_uri_any_unrecognized(u->p11))
		*why = "has an attribute that is not known";
	else if (p11_kit_uri_get_pin_value(u->p11))
		*why = "has a PIN in it, which would be shown: state it with \"pin\"";
	if (*why) {
		card_uri_free(u);
		return -1;
	}
	*out = u;
	return 0;
}

void card_uri_free(struct card_uri *u)
{
	if (!u)
		return;
	if (u->p11)
		p11_kit_uri_free(u->p11);
	free(u);
}

const char *card_uri_module_path(const struct card_uri *u)
{
	return p11_kit_uri_get_module_path(u->p11);
}

const char *card_uri_module_name(const struct card_uri *u)
{
	return p11_kit_uri_get_module_name(u->p11);
}

const char *card_uri_pin_source(const struct card_uri *u)
{
	return p11_kit_uri_get_pin_source(u->p11);
}

/* Blanks to the end, no NUL. */
static void pad(unsigned char *to, size_t size, const char *from)
{
	size_t n = strnlen(from, size);

	memset(to, ' ', size);
	memcpy(to, from, n);
}

static void info_of(const struct card_token *t, CK_TOKEN_INFO *info)
{
	*info = (CK_TOKEN_INFO){ 0 };
	pad(info->label, sizeof(info->label), t->label);
	pad(info->manufacturerID, sizeof(info->manufacturerID), t->manufacturer);
	pad(info->model, sizeof(info->model), t->model);
	pad(info->serialNumber, sizeof(info->serialNumber), t->serial);
}

bool card_uri_names_token(const struct card_uri *u)
{
	const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(u->p11);

	return info->label[0] || info->serialNumber[0];
}

bool card_uri_fits_token(const struct card_uri *u, const struct card_token *t)
{
	CK_SLOT_ID slot = p11_kit_uri_get_slot_id(u->p11);
	CK_TOKEN_INFO info;
	CK_SLOT_INFO where = { 0 };

	info_of(t, &info);
	pad(where.slotDescription, sizeof(where.slotDescription), t->reader);
	memset(where.manufacturerID, ' ', sizeof(where.manufacturerID));
	return p11_kit_uri_match_token_info(u->p11, &info) && p11_kit_uri_match_slot_info(u->p11, &where) &&
	       (slot == (CK_SLOT_ID)-1 || slot == t->slot);
}

static bool names_a_key(const struct card_uri *u, const struct card_key *k)
{
	CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(u->p11, CKA_CLASS);
	CK_OBJECT_CLASS c = CKO_PRIVATE_KEY;

	if (class && class->ulValueLen == sizeof(c))
		memcpy(&c, class->pValue, sizeof(c));
	return c == CKO_PRIVATE_KEY || c == CKO_PUBLIC_KEY || (c == CKO_CERTIFICATE && k->cert.n);
}

bool card_uri_fits_key(const struct card_uri *u, const struct card_key *k)
{
	CK_ATTRIBUTE attrs[] = {
		{ CKA_ID, (void *)k->id, k->nid },
		{ CKA_LABEL, (void *)k->label, strlen(k->label) },
	};

	return names_a_key(u, k) && p11_kit_uri_match_attributes(u->p11, attrs, 2);
}

int card_uri_choose(const struct card_uri *u, const struct card_keys *keys, const uint8_t *digest)
{
	int found = CARD_NO_KEY, with_cert = CARD_NO_KEY;
	unsigned nfound = 0, ncerts = 0;

	for (unsigned i = 0; i < keys->n; i++) {
		const struct card_key *k = &keys->key[i];

		if (!k->schemes || !card_uri_fits_key(u, k) || (digest && memcmp(k->digest, digest, CRYPTO_DIGEST_LEN)))
			continue;
		found = (int)i;
		nfound++;
		if (!k->cert.n)
			continue;
		with_cert = (int)i;
		ncerts++;
	}
	if (nfound > 1)
		return ncerts == 1 ? with_cert : CARD_MANY_KEYS;
	return found;
}

/* What the key is found by again: its id, or its label where it has none. */
static bool set_key(P11KitUri *u, const struct card_key *k)
{
	CK_ATTRIBUTE id = { CKA_ID, (void *)k->id, k->nid }, label = { CKA_LABEL, (void *)k->label, strlen(k->label) };

	return p11_kit_uri_set_attribute(u, k->nid ? &id : &label) == P11_KIT_URI_OK;
}

/* What is not known is not named: NUL is what p11-kit has for that. */
static void leave_out(unsigned char *field, size_t size, const char *text)
{
	if (!*text)
		memset(field, 0, size);
}

const char *card_uri_format(const struct card_token *t, const struct card_key *k, char *buf, size_t n)
{
	P11KitUri *u = p11_kit_uri_new();
	P11KitUriType type = k ? P11_KIT_URI_FOR_OBJECT_ON_TOKEN : P11_KIT_URI_FOR_TOKEN;
	char *text = NULL;

	CK_TOKEN_INFO *info;

	buf[0] = 0;
	if (!u)
		return buf;
	info = p11_kit_uri_get_token_info(u);
	info_of(t, info);
	leave_out(info->label, sizeof(info->label), t->label);
	leave_out(info->manufacturerID, sizeof(info->manufacturerID), t->manufacturer);
	leave_out(info->model, sizeof(info->model), t->model);
	leave_out(info->serialNumber, sizeof(info->serialNumber), t->serial);
	if ((!k || set_key(u, k)) && p11_kit_uri_format(u, type, &text) == P11_KIT_URI_OK && strlen(text) < n)
		snprintf(buf, n, "%s", text);
	free(text);
	p11_kit_uri_free(u);
	return buf;
}
