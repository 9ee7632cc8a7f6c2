// SPDX-License-Identifier: MIT
// The statements about XAUTH and mode config, and what a section of IKEv1 may say of proofs.
#include "keyd/conf/file.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/sig.h"
#include "keyd/crypto/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is(const struct conf_word *w, const char *text)
{
	return !w->quoted && !strcmp(w->s, text);
}

void conf_do_xauth(struct conf_parser *p, const struct conf_word *what)
{
	if (!conf_once(p, CONF_STMT_XAUTH, what))
		return;
	p->peer.xauth_user[0] = 0;
	if (is(what, "server"))
		p->peer.xauth = CONF_XAUTH_SERVER;
	else if (is(what, "off"))
		p->peer.xauth = CONF_XAUTH_OFF;
	else if (is(what, "client"))
		conf_err(p, &what->at, "'xauth client' wants the name of a user behind it");
	else
		conf_err(p, &what->at, "'%s' has no meaning here: 'xauth client USER', 'xauth server' or 'xauth off' is expected", what->s);
}

void conf_do_xauth_client(struct conf_parser *p, const struct conf_word *what, const struct conf_word *user)
{
	p->password_failed = true;
	if (!conf_once(p, CONF_STMT_XAUTH, what))
		return;
	if (!is(what, "client")) {
		conf_err(p, &what->at, "'%s' has no meaning here: 'xauth client USER' is expected", what->s);
	} else if (!conf_user_ok(user->s, user->n)) {
		conf_err(p, &user->at, "a user has a name of 1 to %u printable bytes without ':'", CONF_USER_MAX - 1);
	} else {
		p->peer.xauth = CONF_XAUTH_CLIENT;
		memcpy(p->peer.xauth_user, user->s, user->n + 1);
		p->peer.login = (struct conf_digest){ { 0 } };
		p->peer.login_file[0] = 0;
		p->password_failed = false;
	}
}

static bool is_password(struct conf_parser *p, const struct conf_word *word)
{
	if (is(word, "password"))
		return !p->password_failed;
	conf_err(p, &word->at, "'%s' has no meaning here: 'password \"…\"' or 'password file FILE' is expected", word->s);
	return false;
}

static void set_password(struct conf_parser *p, const struct conf_where *at, const void *s, size_t n, const char *exposed)
{
	p->password_failed = true;
	if (exposed) {
		conf_err(p, at, "%s", exposed);
		p->error = -EACCES;
	} else if (!n || n > CONF_PASSWORD_MAX || memchr(s, 0, n)) {
		conf_err(p, at, "a password has 1 to %u bytes, and no NUL", CONF_PASSWORD_MAX);
	} else if (secret_set(&p->password, s, n) < 0) {
		conf_err(p, at, "out of memory");
		p->error = -ENOMEM;
	} else {
		p->password_failed = false;
	}
}

void conf_do_password(struct conf_parser *p, const struct conf_word *word, const struct conf_word *w)
{
	if (!is_password(p, word))
		return;
	if (w->quoted)
		set_password(p, &w->at, w->s, w->n, p->place.exposed);
	else if (strcmp(w->s, "ask"))
		conf_err(p, &w->at, "a password stands in double quotes ('password ask': it is asked for)");
}

void conf_do_password_file(struct conf_parser *p, const struct conf_word *word, const struct conf_word *w)
{
	const char *name = is_password(p, word) ? conf_file_name(p, w) : NULL;
	struct conf_file f;
	char why[256];
	int r;

	if (!name)
		return;
	r = conf_file_read(&f, name, CONF_PASSWORD_MAX + 1, why, sizeof(why));
	if (r < 0) {
		conf_err(p, &w->at, "'%s' %s", name, why);
		p->error = r;
		p->password_failed = true;
		return;
	}
	set_password(p, &w->at, f.text, f.n - (f.n && f.text[f.n - 1] == '\n'), *f.exposed ? f.exposed : NULL);
	conf_file_clear(&f);
	snprintf(p->peer.login_file, sizeof(p->peer.login_file), "%s", name);
}

void conf_do_users(struct conf_parser *p, const struct conf_word *w)
{
	const char *name;

	if (!conf_once(p, CONF_STMT_USERS, w))
		return;
	name = conf_file_name(p, w);
	if (name && conf_users_read(p, w, name, &p->peer.users))
		snprintf(p->peer.users_file, sizeof(p->peer.users_file), "%s", name);
}

void conf_do_mode_config(struct conf_parser *p, const struct conf_word *w)
{
	if (!conf_once(p, CONF_STMT_MODE_CONFIG, w))
		return;
	p->peer.mode_push = is(w, "push");
	if (!p->peer.mode_push && !is(w, "pull"))
		conf_err(p, &w->at, "'%s' has no meaning here: pull or push is expected", w->s);
}

/* --- all of a section --- */

bool conf_login_add(struct conf_parser *p, struct conf_login *l)
{
	struct conf_secrets *s = p->secrets;
	struct conf_login *to = conf_grow(p, s->logins, (unsigned)s->nlogins, sizeof(*to));

	if (!to) {
		conf_login_clear(l);
		return false;
	}
	s->logins = to;
	to[s->nlogins++] = *l;
	l->password = l->totp = (struct secret){ 0 };
	return true;
}

/* Our password of this section, or that there is none yet. */
static void keep_password(struct conf_parser *p)
{
	struct conf_peer *peer = &p->peer;
	struct conf_login l = { .at = peer->at[CONF_STMT_XAUTH] };
	const struct view name[] = { { (const uint8_t *)peer->name, strlen(peer->name) + 1 },
				     { (const uint8_t *)peer->xauth_user, strlen(peer->xauth_user) } };
	const struct secret *found;

	if (peer->xauth != CONF_XAUTH_CLIENT || !p->seen[CONF_STMT_XAUTH].line || p->password_failed || !conf_crypto_ready(p, &p->peer_at))
		return;
	if (crypto_sha256(name, 2, peer->login.b)) {
		conf_err(p, &p->peer_at, "out of memory");
		p->error = -ENOMEM;
		return;
	}
	found = p->password.n ? NULL : conf_xauth_of_ipsec(p);
	if (found && secret_set(&p->password, found->p, found->n) < 0) {
		conf_err(p, &p->peer_at, "out of memory");
		p->error = -ENOMEM;
	}
	peer->login_asked = !p->password.n;
	l.key = peer->login;
	memcpy(l.user, peer->xauth_user, sizeof(l.user));
	secret_move(&l.password, &p->password);
	conf_login_add(p, &l);
}

static bool signs(uint8_t way)
{
	return way == CONF_AUTH_CERT || way == CONF_AUTH_KEY;
}

/* Both ends prove in one way, once; in hybrid mode the gateway alone does. */
static void check_ways(struct conf_parser *p)
{
	const struct conf_peer *peer = &p->peer;
	uint8_t local = peer->auth_local[0], remote = peer->auth_remote[0];
	bool hybrid_client = !local && signs(remote) && peer->xauth == CONF_XAUTH_CLIENT;
	bool hybrid_server = !remote && signs(local) && peer->xauth == CONF_XAUTH_SERVER;

	if (peer->auth_local[1] || peer->auth_remote[1])
		conf_err(p, &p->peer_at, "peer '%s': in IKEv1 each end proves once who it is: 'auth' names one way", peer->name);
	else if ((!local || !remote) && !hybrid_client && !hybrid_server)
		conf_err(p, &p->peer_at, "peer '%s': 'auth local none' goes with 'auth remote cert' and 'xauth client' (hybrid mode), "
			 "'auth remote none' with 'auth local cert' and 'xauth server'", peer->name);
	else if (local && remote && signs(local) != signs(remote))
		conf_err(p, &p->peer_at, "peer '%s': in IKEv1 both ends sign, or both have the shared key: 'auth local' and 'auth remote' "
			 "say otherwise", peer->name);
}

void conf_xauth_check(struct conf_parser *p)
{
	const struct conf_peer *peer = &p->peer;

	if (!p->is_default && peer->version == 1) {
		check_ways(p);
	} else if (!p->is_default) {
		if (peer->xauth)
			conf_err(p, p->seen[CONF_STMT_XAUTH].line ? &p->seen[CONF_STMT_XAUTH] : &p->peer_at,
				 "peer '%s': XAUTH is of IKEv1: 'version 1' is missing", peer->name);
		else if (!peer->auth_local[0] || !peer->auth_remote[0])
			conf_err(p, &p->peer_at, "peer '%s': only in IKEv1, with XAUTH, one end may prove nothing: 'auth none' is not for "
				 "'version 2'", peer->name);
	}
	if (!p->is_default && peer->xauth == CONF_XAUTH_SERVER && conf_digest_is_none(&peer->users) && !p->seen[CONF_STMT_USERS].line)
		conf_err(p, &p->peer_at, "peer '%s': whose passwords are good for 'xauth server' is not known: 'users FILE' is missing",
			 peer->name);
	keep_password(p);
}
