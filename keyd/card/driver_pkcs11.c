// SPDX-License-Identifier: MIT
// Tokens through a PKCS#11 module: loading it, what is in its slots, what comes and goes.
#include "keyd/card/p11.h"

#include <p11-kit/p11-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 256	/* of one module; a reader may have several */

static int p11_initialize(struct p11 *p)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_RV rv = p->f->C_Initialize(&args);

	if (rv == CKR_CANT_LOCK || rv == CKR_ARGUMENTS_BAD)
		rv = p->f->C_Initialize(NULL);	/* nobody calls it from two threads */
	p->initialized = rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
	return p->initialized ? CARD_OK : p11_error(p, "C_Initialize", rv);
}

static void p11_finalize(struct p11 *p)
{
	p11_sessions_forget(p);
	if (p->initialized)
		p->f->C_Finalize(NULL);
	p->initialized = false;
}

static void p11_close(struct card *c)
{
	struct p11 *p = (struct p11 *)c;

	p11_finalize(p);
	p11_kit_module_release(p->f);
	free(p);
}

static int p11_open(struct card **out, const char *what, char why[CARD_WHY_MAX])
{
	struct p11 *p = calloc(1, sizeof(*p));

	if (!p)
		return CARD_FAILED;
	p->card.driver = &card_driver_pkcs11;
	p11_kit_be_quiet();
	p->f = p11_kit_module_load(what, P11_KIT_MODULE_UNMANAGED);
	if (!p->f) {
		const char *said = p11_kit_message();

		snprintf(why, CARD_WHY_MAX, "cannot be loaded: %s", said ? said : "it is no PKCS#11 module");
		free(p);
		return CARD_BROKEN;
	}
	if (p11_initialize(p)) {
		snprintf(why, CARD_WHY_MAX, "cannot be started: %.160s", p->error);
		p11_close(&p->card);
		return CARD_BROKEN;
	}
	*out = &p->card;
	return CARD_OK;
}

/* Some modules find their readers again only so, once pcscd was restarted. */
static int p11_reset(struct card *c)
{
	struct p11 *p = (struct p11 *)c;

	p11_finalize(p);
	return p11_initialize(p) ? CARD_BROKEN : CARD_OK;
}

void p11_text(char *out, size_t size, struct view v)
{
	size_t n = 0;

	while (v.n && (v.p[v.n - 1] == ' ' || !v.p[v.n - 1]))
		v.n--;
	for (; n < v.n && n + 1 < size; n++)
		out[n] = v.p[n] < 0x20 || v.p[n] == 0x7f ? '?' : (char)v.p[n];
	out[n] = 0;
}

#define TEXT(to, from) p11_text(to, sizeof(to), (struct view){ from, sizeof(from) })

/* As far as flags tell. A count that is low may be any but the last one and none. */
static int tries_of(CK_FLAGS flags)
{
	if (flags & CKF_USER_PIN_LOCKED)
		return 0;
	if (flags & CKF_USER_PIN_FINAL_TRY)
		return 1;
	return flags & CKF_USER_PIN_COUNT_LOW ? 2 : -1;
}

int p11_token_get(struct p11 *p, CK_SLOT_ID slot, struct card_token *out)
{
	CK_SLOT_INFO where = { 0 };
	CK_TOKEN_INFO info = { 0 };
	int r = p11_error(p, "C_GetTokenInfo", p->f->C_GetTokenInfo(slot, &info));

	if (r)
		return r;
	if (!(info.flags & CKF_TOKEN_INITIALIZED))
		return CARD_GONE;
	*out = (struct card_token){ .slot = slot };
	if (p->f->C_GetSlotInfo(slot, &where) == CKR_OK)
		TEXT(out->reader, where.slotDescription);
	TEXT(out->label, info.label);
	TEXT(out->manufacturer, info.manufacturerID);
	TEXT(out->model, info.model);
	TEXT(out->serial, info.serialNumber);
	out->login = info.flags & CKF_LOGIN_REQUIRED;
	out->pad = info.flags & CKF_PROTECTED_AUTHENTICATION_PATH;
	out->tries = tries_of(info.flags);
	return CARD_OK;
}

static int p11_tokens(struct card *c, struct card_token *out, unsigned *n)
{
	struct p11 *p = (struct p11 *)c;
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG nslots = SLOTS_MAX;
	unsigned room = *n;
	int r;

	*n = 0;
	/* Modules look for new readers when they are asked for the number. */
	r = p11_error(p, "C_GetSlotList", p->f->C_GetSlotList(CK_TRUE, NULL, &nslots));
	nslots = SLOTS_MAX;
	if (!r)
		r = p11_error(p, "C_GetSlotList", p->f->C_GetSlotList(CK_TRUE, slots, &nslots));
	if (r)
		return r;
	/* A slot that is empty by now, or whose card the module does not know, is no error of the others. */
	for (CK_ULONG i = 0; i < nslots && i < SLOTS_MAX && *n < room; i++)
		if (!p11_token_get(p, slots[i], &out[*n]))
			++*n;
	return CARD_OK;
}

/* Whether the card shows more tokens than this one, which might stand in its slot now. */
static bool has_twin(struct p11 *p, const struct card_token *t)
{
	struct card_token all[CARD_TOKENS_MAX];
	unsigned n = CARD_TOKENS_MAX;

	if (p11_tokens(&p->card, all, &n))
		return true;
	for (unsigned i = 0; i < n; i++)
		if (all[i].slot != t->slot && card_token_same_card(&all[i], t))
			return true;
	return false;
}

int p11_token_find(struct p11 *p, const struct card_token *t, struct card_token *now)
{
	int r = p11_token_get(p, t->slot, now);

	if (r || card_token_same(t, now))
		return r;
	return card_token_same_card(t, now) && !has_twin(p, now) ? CARD_OK : CARD_GONE;
}

static int p11_check(struct card *c, struct card_token *t)
{
	struct card_token now;
	int r = p11_token_find((struct p11 *)c, t, &now);

	if (!r)
		*t = now;
	return r;
}

static int p11_wait(struct card *c, bool block)
{
	struct p11 *p = (struct p11 *)c;
	CK_SLOT_ID slot;
	CK_RV rv = p->f->C_WaitForSlotEvent ? p->f->C_WaitForSlotEvent(block ? 0 : CKF_DONT_BLOCK, &slot, NULL) :
					      CKR_FUNCTION_NOT_SUPPORTED;

	if (rv == CKR_OK)
		return 1;
	return rv == CKR_NO_EVENT && !block ? 0 : p11_error(p, "C_WaitForSlotEvent", rv);
}

static const char *p11_last_error(const struct card *c)
{
	return ((const struct p11 *)c)->error;
}

const struct card_driver card_driver_pkcs11 = {
	.name = "pkcs11",
	.open = p11_open,
	.close = p11_close,
	.reset = p11_reset,
	.tokens = p11_tokens,
	.check = p11_check,
	.keys = p11_keys,
	.login = p11_login,
	.logout = p11_logout,
	.sign = p11_sign,
	.wait = p11_wait,
	.error = p11_last_error,
	.generate = p11_generate,
	.store_cert = p11_store_cert,
};
