/* SPDX-License-Identifier: MIT */
/* Private to the PKCS#11 driver: a module, its sessions, its objects. Functions return 0 or an enum card_error. */
#ifndef KEYD_CARD_P11_H
#define KEYD_CARD_P11_H

#include "keyd/card/driver.h"

#include <p11-kit/pkcs11.h>

#define P11_VALUE_MAX 32768	/* bytes of an attribute, at most: a certificate */

/* A session that stays open, as a login lasts no longer than the last one does. */
struct p11_session {
	bool open;
	struct card_token token;
	CK_SESSION_HANDLE handle;
};

struct p11 {
	struct card card;
	CK_FUNCTION_LIST *f;
	bool initialized;
	char error[CARD_WHY_MAX];
	struct p11_session sessions[CARD_TOKENS_MAX];
	uint8_t value[P11_VALUE_MAX];	/* of the attribute that was read last */
};

/* What a return value means, in general and of C_Login; keeps it for card_driver.error. */
int p11_error(struct p11 *p, const char *function, CK_RV rv);
int p11_login_error(struct p11 *p, const char *function, CK_RV rv);

/* CKF_TOKEN_PRESENT and the rest as a card_token. CARD_GONE: nothing in there that is initialized. */
int p11_token_get(struct p11 *p, CK_SLOT_ID slot, struct card_token *out);

/* What is in t's slot. CARD_GONE: not t. */
int p11_token_find(struct p11 *p, const struct card_token *t, struct card_token *now);

/* The session with t, opened if there is none, after a look whether it is still t. */
int p11_session_get(struct p11 *p, const struct card_token *t, struct p11_session **out);
void p11_session_close(struct p11 *p, struct p11_session *s);
/* All of them, without telling the module. */
void p11_sessions_forget(struct p11 *p);
/* Whether the user is logged in, as the module says. */
bool p11_session_is_user(struct p11 *p, CK_SESSION_HANDLE h);
int p11_login(struct card *c, const struct card_token *t, struct view pin);
int p11_logout(struct card *c, const struct card_token *t);

/* The objects that fit a template; *n: the room, and then how many (more are left out). */
int p11_find(struct p11 *p, CK_SESSION_HANDLE h, CK_ATTRIBUTE *template, unsigned nattrs, CK_OBJECT_HANDLE *out, unsigned *n);
/* An attribute's value, in p->value until the next call. Empty: there is none that can be read. */
struct view p11_attr(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type);
bool p11_attr_bool(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, bool otherwise);
CK_ULONG p11_attr_ulong(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise);
/* Text out of what a module says, cut and made printable; blanks at its end go. */
void p11_text(char *out, size_t size, struct view v);

/* The public half of an object, which may itself be the private one. NULL: it is not told, or of no type of ours. */
struct crypto_key *p11_public(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o);
int p11_keys(struct card *c, const struct card_token *t, struct card_keys *out);
int p11_sign(struct card *c, const struct card_token *t, const struct card_key *k, const struct crypto_sig *s,
	     const struct view *parts, unsigned nparts, struct view pin, uint8_t *out, size_t *n);
int p11_generate(struct card *c, const struct card_token *t, const struct card_make *how, struct card_key *out);
int p11_store_cert(struct card *c, const struct card_token *t, const struct card_key *k, struct view der, struct view admin);
/* The mechanism for a scheme; CK_UNAVAILABLE_INFORMATION: there is none. */
CK_MECHANISM_TYPE p11_mechanism(const struct crypto_sig *s);

#endif
