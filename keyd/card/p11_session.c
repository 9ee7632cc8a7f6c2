// SPDX-License-Identifier: MIT
// Sessions with tokens, and who is logged in.
#include "keyd/card/p11.h"

static struct p11_session *find(struct p11 *p, const struct card_token *t)
{
	for (unsigned i = 0; i < CARD_TOKENS_MAX; i++)
		if (p->sessions[i].open && p->sessions[i].token.slot == t->slot)
			return &p->sessions[i];
	return NULL;
}

static struct p11_session *unused(struct p11 *p)
{
	for (unsigned i = 0; i < CARD_TOKENS_MAX; i++)
		if (!p->sessions[i].open)
			return &p->sessions[i];
	return NULL;
}

void p11_sessions_forget(struct p11 *p)
{
	for (unsigned i = 0; i < CARD_TOKENS_MAX; i++)
		p->sessions[i].open = false;
}

void p11_session_close(struct p11 *p, struct p11_session *s)
{
	p->f->C_CloseSession(s->handle);
	s->open = false;
}

/* A session dies with its token, whatever comes into the slot after it. */
static bool is_alive(struct p11 *p, const struct p11_session *s, const struct card_token *t)
{
	CK_SESSION_INFO info;

	return (card_token_same(&s->token, t) || card_token_same_card(&s->token, t)) &&
	       p->f->C_GetSessionInfo(s->handle, &info) == CKR_OK && info.slotID == t->slot;
}

int p11_session_get(struct p11 *p, const struct card_token *t, struct p11_session **out)
{
	struct p11_session *s = find(p, t);
	struct card_token now;
	int r;

	if (s && !is_alive(p, s, t)) {
		p11_session_close(p, s);
		s = NULL;
	}
	r = s ? CARD_OK : p11_token_find(p, t, &now);
	if (r)
		return r;
	if (!s) {
		s = unused(p);
		if (!s)
			return CARD_FAILED;
		r = p11_error(p, "C_OpenSession", p->f->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &s->handle));
		if (r)
			return r;
		s->open = true;
		s->token = *t;
	}
	*out = s;
	return CARD_OK;
}

bool p11_session_is_user(struct p11 *p, CK_SESSION_HANDLE h)
{
	CK_SESSION_INFO info = { 0 };

	return p->f->C_GetSessionInfo(h, &info) == CKR_OK &&
	       (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

int p11_login(struct card *c, const struct card_token *t, struct view pin)
{
	struct p11 *p = (struct p11 *)c;
	struct p11_session *s;
	int r;

	if (pin.n > CARD_PIN_MAX)
		return CARD_PIN_WRONG;
	/* A token that needs a PIN typed at its reader is not given ours, nor the other way round: both would cost a try. */
	if (!pin.n != t->pad || p11_session_get(p, t, &s))
		return CARD_PIN_UNUSED;
	if (p11_session_is_user(p, s->handle))
		return CARD_OK;
	r = p11_login_error(p, "C_Login", p->f->C_Login(s->handle, CKU_USER, pin.n ? (CK_UTF8CHAR *)pin.p : NULL, pin.n));
	if (r && r != CARD_PIN_WRONG && r != CARD_PIN_CANCELLED)
		p11_session_close(p, s);
	return r;
}

int p11_logout(struct card *c, const struct card_token *t)
{
	struct p11 *p = (struct p11 *)c;
	struct p11_session *s = find(p, t);
	int r;

	if (!s)
		return CARD_OK;
	r = p11_error(p, "C_Logout", p->f->C_Logout(s->handle));
	p11_session_close(p, s);
	return r == CARD_LOCKED ? CARD_OK : r;
}
