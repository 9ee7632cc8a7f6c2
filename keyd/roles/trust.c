// SPDX-License-Identifier: MIT
// The trust role: looks at what peers sign and show. It has no key of ours, and no door to the network.
#include "keyd/crypto/alg.h"
#include "keyd/roles/worker.h"
#include "keyd/trust/codec.h"

static int prepare(struct worker *w)
{
	return crypto_init() ? worker_fail(w, KEYD_FAILED, crypto_error()) : 0;
}

static void stop(struct worker *w)
{
	(void)w;
	crypto_exit();
}

static int on_begin(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	return 0;
}

static int on_end(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	worker_ready(arg, "");
	return 0;
}

static int on_request(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct trust_request rq;
	struct trust_answer an = { .id = m->id, .error = TRUST_FAILED };

	(void)arg;
	if (trust_request_get(&r, &rq))
		return -1;
	ipc_send(ch, M_TRUST_ANSWER, 0, &an, sizeof(an));
	return 0;
}

static const struct ipc_rule from_parent[] = {
	{ M_TRUST_BEGIN, false, sizeof(struct message_trust), sizeof(struct message_trust), on_begin },
	{ M_TRUST_END, false, 0, 0, on_end },
	{ 0 },
};
static const struct ipc_rule from_ike[] = {
	{ M_TRUST_REQUEST, false, 1, TRUST_REQUEST_MAX, on_request },
	{ 0 },
};
static const struct ipc_rule from_fetch[] = {
	{ 0 },
};

const struct role role_trust = {
	.name = "trust",
	.title = "keyd: trust",
	.who = "keyd[trust]",
	.prepare = prepare,
	.stop = stop,
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_IKE] = from_ike, [ROLE_FETCH] = from_fetch },
	.cap = ROLE_NO_CAP,
	.chroot = true,
	.undumpable = true,
	.expendable = true,
};
