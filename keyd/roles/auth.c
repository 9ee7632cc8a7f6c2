// SPDX-License-Identifier: MIT
// The auth role: keeps the secrets in locked memory and proves that we have them.
#include "keyd/auth/codec.h"
#include "keyd/auth/keeper.h"
#include "keyd/crypto/alg.h"
#include "keyd/roles/worker.h"

#include <stdio.h>

static struct {
	struct conf_secrets now;	/* in use */
	struct conf_secrets next;	/* being handed over */
	bool ready;
} auth;

static int prepare(struct worker *w)
{
	return crypto_init() ? worker_fail(w, KEYD_FAILED, crypto_error()) : 0;
}

static void stop(struct worker *w)
{
	(void)w;
	conf_secrets_free(&auth.now);
	conf_secrets_free(&auth.next);
	crypto_exit();
}

static int on_begin(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	conf_secrets_free(&auth.next);
	return 0;
}

static int on_secret(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct psk_entry e;

	(void)ch;
	(void)arg;
	return auth_secret_get(&r, &e) || psk_add(&auth.next, &e) ? -1 : 0;
}

static int on_end(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct conf_secrets old = auth.now;

	(void)ch;
	(void)m;
	auth.now = auth.next;
	auth.next = (struct conf_secrets){ 0 };
	conf_secrets_free(&old);
	log_debug("secrets: role=auth count=%zu", auth.now.n);
	if (!auth.ready)
		worker_ready(arg, "");
	auth.ready = true;
	return 0;
}

static int on_request(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct auth_request rq;
	struct auth_answer an;

	(void)arg;
	if (auth_request_get(&r, &rq))
		return -1;
	rq.id = m->id;
	keeper_answer(&auth.now, &rq, &an);
	ipc_send(ch, M_AUTH_ANSWER, 0, &an, sizeof(an));
	return 0;
}

static const struct ipc_rule from_parent[] = {
	{ M_SECRET_BEGIN, false, 0, 0, on_begin },
	{ M_SECRET, false, 1, AUTH_SECRET_MAX, on_secret },
	{ M_SECRET_END, false, 0, 0, on_end },
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
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_IKE] = from_ike },
	.cap = ROLE_NO_CAP,
	.chroot = true,
	.lock_memory = true,
	.undumpable = true,
};
