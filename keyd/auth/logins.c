// SPDX-License-Identifier: MIT
// Looks at passwords and one-time codes.
#include "keyd/auth/logins.h"

#include <crypt.h>
#include <liboath/oath.h>
#include <stdlib.h>
#include <string.h>

#define CODE_LEN 6			/* digits, where they stand behind the password */
#define CODE_MAX 8
#define STEP 30				/* seconds of one code, RFC 6238 4.1 */
#define WINDOW 1			/* steps that a user's clock may be off */
#define NOBODY "$6$................"	/* whose password nobody knows: the work is the same */

_Static_assert(CONF_PASSWORD_MAX <= AUTH_DATA_MAX, "a password is AUTH data");

int logins_add(struct logins *l, struct conf_login *login)
{
	struct login *to = l->n & (l->n - 1) ? l->e : reallocarray(l->e, l->n ? 2 * l->n : 1, sizeof(*to));

	if (!to) {
		conf_login_clear(login);
		return -1;
	}
	l->e = to;
	to[l->n++] = (struct login){ .l = *login };
	login->password = login->totp = (struct secret){ 0 };
	return 0;
}

void logins_free(struct logins *l)
{
	for (size_t i = 0; i < l->n; i++)
		conf_login_clear(&l->e[i].l);
	free(l->e);
	*l = (struct logins){ 0 };
}

static struct login *find(const struct logins *l, const struct conf_digest *key, struct view user, bool hashed)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct conf_login *x = &l->e[i].l;

		if (x->hashed == hashed && strlen(x->user) == user.n && !memcmp(x->user, user.p, user.n) &&
		    !memcmp(&x->key, key, sizeof(*key)))
			return &l->e[i];
	}
	return NULL;
}

void logins_keep(struct logins *l, const struct logins *old)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct conf_login *x = &l->e[i].l;
		const struct login *was = find(old, &x->key, (struct view){ (const uint8_t *)x->user, strlen(x->user) }, x->hashed);

		l->e[i].used = was ? was->used : 0;
		if (was && was->typed && !x->hashed && !x->password.n)
			l->e[i].typed = !secret_set(&l->e[i].l.password, was->l.password.p, was->l.password.n);
	}
}

int logins_type(struct logins *l, struct conf_login *login)
{
	struct login *x = find(l, &login->key, (struct view){ (const uint8_t *)login->user, strlen(login->user) }, false);

	if (!x || (x->l.password.n && !x->typed) || !login->password.n) {
		conf_login_clear(login);
		return -1;
	}
	secret_move(&x->l.password, &login->password);
	conf_login_clear(login);
	x->typed = true;
	return 0;
}

void logins_forget(struct logins *l, const struct auth_request *rq, struct auth_answer *an)
{
	struct login *x = find(l, &rq->key, rq->message, false);

	*an = (struct auth_answer){ .id = rq->id, .error = AUTH_OK };
	if (!x || !x->typed)
		return;
	secret_clear(&x->l.password);
	x->typed = false;
}

/* As in /etc/shadow, some hashes are none, and their users cannot come in. */
static bool is_locked(struct view hash)
{
	return hash.n && (hash.p[0] == '!' || hash.p[0] == '*');
}

/* A user of the same file: whoever is not there is hashed in the same way. */
static const char *pattern(const struct logins *l, const struct conf_digest *key, char out[CRYPT_OUTPUT_SIZE])
{
	for (size_t i = 0; i < l->n; i++) {
		struct view hash = secret_view(&l->e[i].l.password);

		if (!l->e[i].l.hashed || memcmp(&l->e[i].l.key, key, sizeof(*key)) || hash.n >= CRYPT_OUTPUT_SIZE || is_locked(hash))
			continue;
		memcpy(out, hash.p, hash.n);
		out[hash.n] = 0;
		return out;
	}
	return NOBODY;
}

/* Whether password gives hash; user NULL: it does not, after as much work. */
static bool is_password(const struct logins *l, const struct conf_digest *key, const struct login *user, struct view password)
{
	char setting[CRYPT_OUTPUT_SIZE] = "", phrase[CONF_PASSWORD_MAX + 1];
	struct crypt_data *data = calloc(1, sizeof(*data));
	struct view hash = user ? secret_view(&user->l.password) : (struct view){ 0 };
	bool same = false, real = user && !is_locked(hash);
	const char *got = NULL;

	if (data && password.n < sizeof(phrase) && hash.n < sizeof(setting)) {
		memcpy(phrase, password.p, password.n);
		phrase[password.n] = 0;
		if (real)
			memcpy(setting, hash.p, hash.n);
		got = crypt_rn(phrase, real ? setting : pattern(l, key, setting), data, (int)sizeof(*data));
	}
	if (got && real)
		same = secret_equal((struct view){ (const uint8_t *)got, strlen(got) }, hash);
	secret_cleanse(phrase, sizeof(phrase));
	secret_cleanse(setting, sizeof(setting));
	if (data)
		secret_cleanse(data, sizeof(*data));
	free(data);
	return same;
}

/* A code is good once. */
static bool is_code(struct login *user, struct view code, int64_t wall)
{
	struct view key = secret_view(&user->l.totp);
	char digits[CODE_MAX + 1] = "";
	uint64_t moment = 0;
	int pos, r;

	if (code.n < CODE_LEN || code.n > CODE_MAX || wall < 0)
		return false;
	for (size_t i = 0; i < code.n; i++)
		if (code.p[i] < '0' || code.p[i] > '9')
			return false;
	memcpy(digits, code.p, code.n);
	r = oath_totp_validate4((const char *)key.p, key.n, (time_t)wall, STEP, 0, WINDOW, &pos, &moment, 0, digits);
	secret_cleanse(digits, sizeof(digits));
	if (r < 0 || moment <= user->used)
		return false;
	user->used = moment;
	return true;
}

/* Where the peer has no place for a code of its own it stands behind the password. */
static void split(const struct login *user, const struct auth_request *rq, struct view *password, struct view *code)
{
	*password = rq->nonce;
	*code = rq->macid;
	if (!user || !user->l.totp.n || code->n || password->n < CODE_LEN)
		return;
	password->n -= CODE_LEN;
	*code = (struct view){ password->p + password->n, CODE_LEN };
}

void logins_check(struct logins *l, struct tries *t, const struct auth_request *rq, uint64_t now, int64_t wall,
		  struct auth_answer *an)
{
	struct login *user = find(l, &rq->key, rq->message, true);
	struct view password, code;
	bool good;
	int wait;

	*an = (struct auth_answer){ .id = rq->id, .error = AUTH_FAILED };
	if (rq->message.n >= CONF_USER_MAX || rq->nonce.n > CONF_PASSWORD_MAX + CODE_LEN ||
	    (rq->nonce.n && memchr(rq->nonce.p, 0, rq->nonce.n))) {
		an->error = AUTH_WRONG;
		return;
	}
	wait = tries_wait(t, &rq->key, rq->message, &rq->remote_addr, now);
	if (wait) {
		an->error = wait < 0 ? AUTH_FAILED : AUTH_TOO_OFTEN;
		an->wait = (uint16_t)(wait < 0 ? 0 : wait);
		return;
	}
	if (user)
		an->at = user->l.at;
	split(user, rq, &password, &code);
	good = is_password(l, &rq->key, user, password);
	good = good && (!user->l.totp.n || is_code(user, code, wall));
	if (good)
		tries_good(t, &rq->key, rq->message, &rq->remote_addr);
	else
		tries_failed(t, &rq->key, rq->message, &rq->remote_addr, now);
	an->error = good ? AUTH_OK : AUTH_WRONG;
}

void logins_password(const struct logins *l, const struct auth_request *rq, struct auth_answer *an)
{
	const struct login *x = find(l, &rq->key, rq->message, false);

	*an = (struct auth_answer){ .id = rq->id, .error = AUTH_NO_SECRET };
	if (!x)
		return;
	an->at = x->l.at;
	an->error = x->l.password.n ? AUTH_OK : AUTH_LOCKED;
	an->n = (uint16_t)x->l.password.n;
	if (an->n)
		memcpy(an->data, x->l.password.p, an->n);
}
