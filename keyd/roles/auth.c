// SPDX-License-Identifier: MIT
// The auth role: keeps secrets and private keys in locked memory and proves that we have them.
#include "keyd/auth/codec.h"
#include "keyd/auth/keeper.h"
#include "keyd/auth/queue.h"
#include "keyd/crypto/alg.h"
#include "keyd/roles/auth.h"

#include <stdio.h>
#include <time.h>

static struct {
	struct keeper now;		/* in use */
	struct keeper next;		/* being handed over */
	struct tries tries;		/* of users */
	struct queue queue;		/* of signatures to be made, and of passwords to be looked at */
	struct loop_timer *work;	/* makes one of them */
	bool ready;
} auth;

static void on_work(void *arg);

static int prepare(struct worker *w)
{
	queue_init(&auth.queue);
	auth.work = loop_timer_new(w->loop, on_work, w);
	if (!auth.work)
		return worker_fail(w, KEYD_FAILED, "role auth: out of memory");
	return crypto_init() ? worker_fail(w, KEYD_FAILED, crypto_error()) : 0;
}

static void stop(struct worker *w)
{
	keeper_free(&auth.now);
	keeper_free(&auth.next);
	queue_free(&auth.queue);
	auth_token_forget(w);
	loop_timer_free(auth.work);
	crypto_exit();
}

static int on_begin(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	keeper_free(&auth.next);
	return 0;
}

static int on_secret(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct psk_entry e;

	(void)ch;
	(void)arg;
	return auth_secret_get(&r, &e) || psk_add(&auth.next.secrets, &e) ? -1 : 0;
}

static int on_key(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct conf_key k;
	int bad;

	(void)ch;
	(void)arg;
	bad = auth_key_get(&r, &k) || keys_add(&auth.next.keys, &k);
	secret_clear(&k.bytes);
	return bad ? -1 : 0;
}

static int on_login(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct conf_login l;

	(void)ch;
	(void)arg;
	return auth_login_get(&r, &l) || logins_add(&auth.next.logins, &l) ? -1 : 0;
}

static int on_password(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct conf_login l;

	(void)ch;
	(void)arg;
	if (auth_login_get(&r, &l))
		return -1;
	if (logins_type(&auth.now.logins, &l))
		log_debug("password: role=auth result=unwanted");
	return 0;
}

static int on_end(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct keeper old = auth.now;

	(void)ch;
	(void)m;
	logins_keep(&auth.next.logins, &old.logins);
	auth.now = auth.next;
	auth.next = (struct keeper){ 0 };
	keeper_free(&old);
	log_debug("secrets: role=auth count=%zu keys=%zu logins=%zu", auth.now.secrets.n, auth.now.keys.n, auth.now.logins.n);
	if (!auth.ready)
		worker_ready(arg, "");
	auth.ready = true;
	return 0;
}

static void answer(struct ipc *ch, const struct auth_request *rq)
{
	struct auth_answer an;

	if (rq->form == AUTH_LOGIN)
		logins_check(&auth.now.logins, &auth.tries, rq, loop_now(), (int64_t)time(NULL), &an);
	else if (rq->form == AUTH_FORGET)
		logins_forget(&auth.now.logins, rq, &an);
	else
		keeper_answer(&auth.now, rq, &an);
	ipc_send(ch, M_AUTH_ANSWER, 0, &an, sizeof(an));
	secret_cleanse(&an, sizeof(an));
}

/* One signature, then whatever else there is to do: a MAC costs next to nothing, and a sign of life is asked for. */
static void on_work(void *arg)
{
	struct worker *w = arg;
	struct secret body = { 0 };
	struct auth_request rq;
	struct rd r;
	uint32_t id;

	if (!queue_take(&auth.queue, &id, &body))
		return;
	r = rd_of_view(secret_view(&body));
	if (!auth_request_get(&r, &rq)) {	/* it was read once already */
		rq.id = id;
		answer(w->peer[ROLE_IKE], &rq);
	}
	secret_clear(&body);
	loop_timer_set(auth.work, loop_now());
}

static int on_request(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct auth_answer busy = { .id = m->id, .error = AUTH_FAILED };
	struct rd r = rd_of_view(m->body);
	struct auth_request rq;
	uint32_t schemes;

	if (auth_request_get(&r, &rq))
		return -1;
	rq.id = m->id;
	if (rq.form == AUTH_PASSWORD || rq.form == AUTH_FORGET || (rq.form <= AUTH_IKEV1 && rq.way == CONF_AUTH_PSK))
		answer(ch, &rq);
	else if (rq.form <= AUTH_IKEV1 && keys_on_token(&auth.now.keys, &rq, &schemes))
		auth_token_ask(arg, &rq, m->body, schemes);
	else if (queue_put(&auth.queue, &rq.remote_addr, m->id, m->body))
		ipc_send(ch, M_AUTH_ANSWER, 0, &busy, sizeof(busy));
	else
		loop_timer_set(auth.work, loop_now());
	return 0;
}

/* Whoever asked is not there any more: its numbers mean nothing to the next. */
static void peer_down(struct worker *w, enum role_id peer)
{
	if (peer == ROLE_CARD) {
		auth_token_fail(w);
		return;
	}
	queue_free(&auth.queue);
	auth_token_forget(w);
}

const struct keys *auth_keys(void)
{
	return &auth.now.keys;
}

static const struct ipc_rule from_parent[] = {
	{ M_SECRET_BEGIN, false, 0, 0, on_begin },
	{ M_SECRET, false, 1, AUTH_SECRET_MAX, on_secret },
	{ M_KEY, false, 1, AUTH_KEY_MAX, on_key },
	{ M_LOGIN, false, 1, AUTH_LOGIN_MAX, on_login },
	{ M_SECRET_END, false, 0, 0, on_end },
	{ M_PASSWORD, false, 1, AUTH_LOGIN_MAX, on_password },
	{ 0 },
};
static const struct ipc_rule from_ike[] = {
	{ M_AUTH_REQUEST, false, 1, AUTH_REQUEST_MAX, on_request },
	{ 0 },
};

const struct role role_auth = {
	.name = "auth",
	.title = "keyd: auth",
	.who = "keyd[auth]",
	.prepare = prepare,
	.stop = stop,
	.peer_down = peer_down,
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_IKE] = from_ike, [ROLE_CARD] = auth_from_card },
	.cap = ROLE_NO_CAP,
	.chroot = true,
	.lock_memory = true,
	.undumpable = true,
};
