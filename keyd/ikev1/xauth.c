// SPDX-License-Identifier: MIT
// XAUTH: a name and a password behind phase 1 (draft-beaulieu-ike-xauth-02). The auth role has, or looks at, the password.
#include "keyd/ikev1/config.h"

#include "keyd/conf/id.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/report.h"

#include <stdio.h>
#include <string.h>

static const char exchange_name[] = "XAUTH";

enum { STATUS_FAIL, STATUS_OK };
#define GENERIC 0			/* XAUTH_TYPE: a password in clear; the others are challenges */
#define TEXT_MAX 160			/* bytes of what the other end says to people */

/* What a message says, as far as we know it. */
struct login {
	bool name_there, password_there, passcode_there, status_there, type_there, other;
	struct view name, password, passcode, message;
	uint64_t status, type;
};

static void read_login(const struct isakmp_cfg *c, struct login *l)
{
	struct rd r = rd_of_view(c->attrs);
	struct isakmp_attr a;

	memset(l, 0, sizeof(*l));
	while (isakmp_attr_next(&r, &a)) {
		switch (a.type) {
		case ISAKMP_CFG_XAUTH_USER_NAME: l->name_there = true; l->name = a.value; break;
		case ISAKMP_CFG_XAUTH_USER_PASSWORD: l->password_there = true; l->password = a.value; break;
		case ISAKMP_CFG_XAUTH_PASSCODE: l->passcode_there = true; l->passcode = a.value; break;
		case ISAKMP_CFG_XAUTH_MESSAGE: l->message = a.value; break;
		case ISAKMP_CFG_XAUTH_TYPE: l->type_there = isakmp_attr_number(&a, &l->type); break;
		case ISAKMP_CFG_XAUTH_STATUS: l->status_there = true; (void)!isakmp_attr_number(&a, &l->status); break;
		default: l->other = l->other || (a.type >= ISAKMP_CFG_XAUTH_TYPE && a.type <= ISAKMP_CFG_XAUTH_ANSWER); break;
		}
	}
}

static void plain(struct view v, char text[TEXT_MAX])
{
	size_t n = v.n < TEXT_MAX - 1 ? v.n : TEXT_MAX - 1;

	for (size_t i = 0; i < n; i++)
		text[i] = v.p[i] >= ' ' && v.p[i] <= '~' ? (char)v.p[i] : '?';
	text[n] = 0;
}

/* --- gateway --- */

static bool ask_build(struct exchange *x, struct wire_out *out)
{
	size_t mark = v1_config_open(out, ISAKMP_CFG_REQUEST, x->sa->v1->config.identifier);

	isakmp_attr_put_bytes(&out->w, ISAKMP_CFG_XAUTH_USER_NAME, (struct view){ 0 });
	isakmp_attr_put_bytes(&out->w, ISAKMP_CFG_XAUTH_USER_PASSWORD, (struct view){ 0 });
	wire_payload_end(out, mark);
	return true;
}

/* From now on the peer is its user: leases, and who takes whose place, go by that. */
static void is_user(struct ike_sa *sa, const char *user)
{
	struct conf_id id = { 0 };

	if (conf_id_set(&id, strchr(user, '@') ? CONF_ID_RFC822 : CONF_ID_FQDN, user, strlen(user)))
		(void)!conf_id_set(&id, CONF_ID_KEY_ID, user, strlen(user));
	if (id.type)
		sa->remote_id = id;
	snprintf(sa->proof.remote + strlen(sa->proof.remote), sizeof(sa->proof.remote) - strlen(sa->proof.remote),
		 "%spassword of \"%.60s\"", *sa->proof.remote ? " and " : "", user);
}

static void looked_at(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	struct ike_sa *sa = x->sa;
	struct v1_config *c = &sa->v1->config;
	char text[TEXT_MAX];

	plain((struct view){ (const uint8_t *)c->user, strlen(c->user) }, text);
	c->good = !an->error;
	if (c->good)
		is_user(sa, c->user);
	if (c->good && duplicate_unwelcome(sa)) {
		c->good = false;
		snprintf(c->why, sizeof(c->why), "user \"%.80s\" is there from elsewhere already (\"unique keep\")", text);
	}
	if (an->error == AUTH_TOO_OFTEN)
		snprintf(c->why, sizeof(c->why), "user \"%.80s\" has failed too often and has to wait %u s", text, an->wait);
	else if (an->error == AUTH_WRONG)
		snprintf(c->why, sizeof(c->why), "user \"%.80s\" is not known, or the password is another", text);
	else if (an->error)
		snprintf(c->why, sizeof(c->why), "the password of user \"%.80s\" could not be looked at", text);
	report_sa(sa, c->good ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, exchange_name, c->good ? "good" : "failed", "%s%s%s",
		  c->good ? "user \"" : c->why, c->good ? text : "", c->good ? "\"" : "");
	exchange_done(x);
	v1_config_ask(sa, &v1_login_status_ops);
}

static void ask_answer(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct v1_config *c = &sa->v1->config;
	struct auth_request rq = { .form = AUTH_LOGIN, .key = sa->peer->conf.users, .local_addr = sa->local, .remote_addr = sa->remote };
	struct isakmp_cfg cfg;
	struct login l = { 0 };

	if (v1_config_get(x, &cfg) && cfg.type == ISAKMP_CFG_REPLY)
		read_login(&cfg, &l);
	if (!l.name.n || l.name.n >= sizeof(c->user) || memchr(l.name.p, 0, l.name.n) || (!l.password.n && !l.passcode.n)) {
		snprintf(c->why, sizeof(c->why), "the peer tells no name and password");
		report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed", "%s", c->why);
		exchange_done(x);
		v1_config_ask(sa, &v1_login_status_ops);
		return;
	}
	memcpy(c->user, l.name.p, l.name.n);
	c->user[l.name.n] = 0;
	rq.message = l.name;
	rq.nonce = l.password.n ? l.password : l.passcode;
	rq.macid = l.password.n ? l.passcode : (struct view){ 0 };
	ask_auth(sa->e, &x->ask, &rq, looked_at);
}

const struct exchange_ops v1_login_ask_ops = {
	.name = "XAUTH request", .type = ISAKMP_EXCH_TRANSACTION, .of_this_sa = true, .build = ask_build, .answer = ask_answer,
};

static bool status_build(struct exchange *x, struct wire_out *out)
{
	size_t mark = v1_config_open(out, ISAKMP_CFG_SET, x->sa->v1->config.identifier);

	isakmp_attr_put_basic(&out->w, ISAKMP_CFG_XAUTH_STATUS, x->sa->v1->config.good ? STATUS_OK : STATUS_FAIL);
	wire_payload_end(out, mark);
	return true;
}

static void status_answer(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	bool good = sa->v1->config.good;

	exchange_done(x);
	if (good)
		v1_config_done(sa, V1_AWAITS_LOGIN);
	else
		v1_config_fail(sa, REASON_PASSWORD_WRONG, sa->v1->config.why);
}

/* Whoever was refused need not answer. */
static void status_silent(struct exchange *x)
{
	report_reason(x->sa, x->sa->v1->config.good ? REASON_PEER_DEAD : REASON_PASSWORD_WRONG);
	ike_sa_end(x->sa, x->sa->v1->config.good ? "no answer to the word that its password is right" : x->sa->v1->config.why);
}

const struct exchange_ops v1_login_status_ops = {
	.name = "XAUTH status", .type = ISAKMP_EXCH_TRANSACTION, .of_this_sa = true, .build = status_build, .answer = status_answer,
	.silent = status_silent,
};

/* --- client --- */

static void reply_failure(struct exchange *x)
{
	uint8_t buf[16];
	struct wr w = wr_of(buf, sizeof(buf));

	isakmp_attr_put_basic(&w, ISAKMP_CFG_XAUTH_STATUS, STATUS_FAIL);
	v1_config_reply(x, ISAKMP_CFG_REPLY, wr_view(&w));
}

/* The password that was typed is not used again. */
static void forget(struct ike_sa *sa)
{
	const struct conf_peer *conf = &sa->peer->conf;
	struct auth_request rq = { .form = AUTH_FORGET, .key = conf->login,
				   .message = { (const uint8_t *)conf->xauth_user, strlen(conf->xauth_user) } };

	leave_auth(sa->e, &rq);
}

static void refused(struct ike_sa *sa)
{
	bool asked = sa->peer->conf.login_asked;

	if (asked)
		forget(sa);
	v1_config_fail(sa, asked ? REASON_PASSWORD_NEEDED : REASON_PASSWORD_REFUSED,
		       asked ? "the gateway refuses our name or the password that was given: it is asked for again" :
			       "the gateway refuses our name or password (\"xauth client\" in its section)");
}

static void given(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	struct ike_sa *sa = x->sa;
	const char *user = sa->peer->conf.xauth_user;
	uint8_t buf[CONF_USER_MAX + CONF_PASSWORD_MAX + 32];
	struct wr w = wr_of(buf, sizeof(buf));
	struct isakmp_cfg cfg;
	struct login l = { 0 };

	if (an->error) {
		reply_failure(x);
		sa->secret_at = an->at;
		v1_config_fail(sa, an->error == AUTH_LOCKED ? REASON_PASSWORD_NEEDED : REASON_PROOF_FAILED,
			       an->error == AUTH_LOCKED ?
			       "the gateway asks for a password, and nobody has given it: \"keydctl unlock\" or \"keydctl up\" asks" :
			       "our password is not there");
		return;
	}
	if (v1_config_get(x, &cfg))
		read_login(&cfg, &l);
	if (l.type_there)
		isakmp_attr_put_basic(&w, ISAKMP_CFG_XAUTH_TYPE, GENERIC);
	isakmp_attr_put_bytes(&w, ISAKMP_CFG_XAUTH_USER_NAME, (struct view){ (const uint8_t *)user, strlen(user) });
	isakmp_attr_put_bytes(&w, l.passcode_there && !l.password_there ? ISAKMP_CFG_XAUTH_PASSCODE :
			      ISAKMP_CFG_XAUTH_USER_PASSWORD, (struct view){ an->data, an->n });
	sa->v1->config.told = true;
	v1_config_reply(x, ISAKMP_CFG_REPLY, wr_view(&w));
	secret_cleanse(buf, sizeof(buf));
}

static void requested(struct exchange *x, const struct login *l)
{
	struct ike_sa *sa = x->sa;
	const struct conf_peer *conf = &sa->peer->conf;
	struct auth_request rq = { .form = AUTH_PASSWORD, .key = conf->login,
				   .message = { (const uint8_t *)conf->xauth_user, strlen(conf->xauth_user) } };
	char text[TEXT_MAX];

	if (l->message.n) {
		plain(l->message, text);
		report_sa(sa, LOG_LEVEL_NOTICE, exchange_name, "message", "the gateway says: \"%s\"", text);
	}
	if (conf->xauth != CONF_XAUTH_CLIENT || !(sa->v1->config.awaits & V1_AWAITS_LOGIN) || l->type != GENERIC ||
	    (!l->password_there && !l->passcode_there)) {
		report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "refused", "%s", conf->xauth != CONF_XAUTH_CLIENT ?
			  "the peer asks for a name and a password, and its section has no \"xauth client\"" :
			  "the gateway asks for something that is no name and password, or asks when nothing is to be asked any more");
		reply_failure(x);
	} else if (sa->v1->config.told) {	/* some ask again where others say that it was wrong */
		reply_failure(x);
		refused(sa);
	} else {
		ask_auth(sa->e, &x->ask, &rq, given);
	}
}

static void told_status(struct exchange *x, const struct login *l)
{
	struct ike_sa *sa = x->sa;
	bool awaited = sa->peer->conf.xauth == CONF_XAUTH_CLIENT && sa->v1->config.awaits & V1_AWAITS_LOGIN;
	uint8_t buf[16];
	struct wr w = wr_of(buf, sizeof(buf));

	isakmp_attr_put_bytes(&w, ISAKMP_CFG_XAUTH_STATUS, (struct view){ 0 });
	v1_config_reply(x, ISAKMP_CFG_ACK, wr_view(&w));
	if (!awaited)
		return;
	if (l->status == STATUS_OK) {
		report_sa(sa, LOG_LEVEL_INFO, exchange_name, "good", "the gateway takes us for \"%s\"", sa->peer->conf.xauth_user);
		v1_config_done(sa, V1_AWAITS_LOGIN);
	} else {
		refused(sa);
	}
}

bool v1_login_serve(struct exchange *x, const struct isakmp_cfg *c)
{
	struct login l;

	read_login(c, &l);
	if (c->type == ISAKMP_CFG_SET && l.status_there)
		told_status(x, &l);
	else if (c->type == ISAKMP_CFG_REQUEST && (l.name_there || l.password_there || l.passcode_there || l.type_there || l.other))
		requested(x, &l);
	else
		return false;
	return true;
}
