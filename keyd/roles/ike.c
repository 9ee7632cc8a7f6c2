// SPDX-License-Identifier: MIT
// The ike role: feeds the engine with datagrams, kernel events, answers and the time.
#include "keyd/roles/ike.h"

#include "keyd/card/request.h"
#include "keyd/crypto/alg.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct ike ike = { .keylog = { -1, -1 }, .state_fd = -1 };

void ike_settle(void)
{
	struct kern_answer ka = { .error = -ECONNRESET, .why = "the kern role is not there" };
	struct auth_answer aa = { .error = AUTH_FAILED };
	struct trust_answer ta = { .error = TRUST_FAILED, .text = "the trust role is not there" };

	if (!ike.engine)
		return;
	while (ike.nunreachable)
		engine_unreachable(ike.engine, loop_now(), &ike.unreachable[--ike.nunreachable]);
	while (!ike.w->peer[ROLE_KERN] && pending_take(&ike.kern, &ka.id))
		engine_kern_answer(ike.engine, loop_now(), &ka);
	while (pending_take(&ike.refused, &aa.id) || (!ike.w->peer[ROLE_AUTH] && pending_take(&ike.auth, &aa.id)))
		engine_auth_answer(ike.engine, loop_now(), &aa);
	while (pending_take(&ike.distrusted, &ta.id) || (!ike.w->peer[ROLE_TRUST] && pending_take(&ike.trust, &ta.id)))
		engine_trust_answer(ike.engine, loop_now(), &ta);
	ike_fine();
	/* Without the kernel nothing would succeed: what is due, and what comes, waits until it is there. */
	loop_timer_set(ike.timer, ike.mirrored ? engine_deadline(ike.engine) : ENGINE_NEVER);
}

/* Comes also while the engine sends, and so has to wait until it has finished. A hint: what is too much is forgotten. */
static void on_unreachable(void *arg, const struct engine_unreachable *un)
{
	(void)arg;
	if (ike.nunreachable < UNREACHABLE_MAX)
		ike.unreachable[ike.nunreachable++] = *un;
}

static void on_timer(void *arg)
{
	(void)arg;
	if (ike.engine)
		engine_tick(ike.engine, loop_now());
	ike_settle();
}

static void on_datagram(void *arg, const struct engine_datagram *d)
{
	(void)arg;
	if (ike_poisonous(d))
		return;
	if (ike.state)
		state_work(ike.state, d->data);
	if (ike.engine)
		engine_input(ike.engine, loop_now(), d);
	ike_settle();
	if (ike.state)
		state_worked(ike.state);
}

/* Who asks too early is not refused: it waits in the socket. */
static void listen_when_able(void)
{
	ike.met = ike.met || (ike.w->peer[ROLE_AUTH] && ike.w->peer[ROLE_TRUST]);
	udp_pause(ike.udp, !ike.mirrored || !ike.met);
	ike_ready();
}

void ike_ready(void)
{
	if (!ike.engine || !ike.mirrored || !ike.met || ike.ready)
		return;
	ike.ready = true;
	worker_ready(ike.w, "");
}

/* From kern. The engine exists: a channel to kern is made after the configuration was handed over. */

static int on_kern_answer(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct kern_answer an;

	(void)ch;
	(void)arg;
	memcpy(&an, m->body.p, sizeof(an));
	an.why[sizeof(an.why) - 1] = 0;
	if (!pending_done(&ike.kern, an.id))
		return -1;
	engine_kern_answer(ike.engine, loop_now(), &an);
	ike_settle();
	return 0;
}

static int on_kern_event(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct ipsec_event ev;

	(void)ch;
	(void)arg;
	memcpy(&ev, m->body.p, sizeof(ev));
	engine_kern_event(ike.engine, loop_now(), &ev);
	ike_settle();
	return 0;
}

static int on_kern_orphan(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct ipsec_sa sa;

	(void)ch;
	(void)arg;
	memcpy(&sa, m->body.p, sizeof(sa));
	engine_kern_orphan(ike.engine, loop_now(), &sa);
	ike_settle();
	return 0;
}

static int on_kern_ready(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	ike.mirrored = true;
	engine_kern_ready(ike.engine, loop_now());
	listen_when_able();
	ike_settle();
	return 0;
}

static const struct ipc_rule from_kern[] = {
	IPC_EXACT(M_KERN_ANSWER, kern_answer, on_kern_answer),
	IPC_EXACT(M_KERN_EVENT, ipsec_event, on_kern_event),
	IPC_EXACT(M_KERN_ORPHAN, ipsec_sa, on_kern_orphan),
	IPC_EMPTY(M_KERN_READY, on_kern_ready),
	{ 0 },
};

/* From auth. */

static int on_auth_answer(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct auth_answer an;

	(void)ch;
	(void)arg;
	memcpy(&an, m->body.p, sizeof(an));
	if (an.n > sizeof(an.data) || !pending_done(&ike.auth, an.id))
		return -1;
	engine_auth_answer(ike.engine, loop_now(), &an);
	ike_settle();
	return 0;
}

static const struct ipc_rule from_auth[] = {
	IPC_EXACT(M_AUTH_ANSWER, auth_answer, on_auth_answer),
	{ 0 },
};

/* From trust. */

static int on_trust_answer(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct trust_answer an;

	(void)ch;
	(void)arg;
	memcpy(&an, m->body.p, sizeof(an));
	an.scheme[sizeof(an.scheme) - 1] = an.key[sizeof(an.key) - 1] = 0;
	an.subject[sizeof(an.subject) - 1] = an.text[sizeof(an.text) - 1] = 0;
	if (an.nticket > sizeof(an.ticket) || !pending_done(&ike.trust, an.id))
		return -1;
	engine_trust_answer(ike.engine, loop_now(), &an);
	ike_settle();
	return 0;
}

static int on_trust_changed(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	engine_trust_changed(ike.engine, loop_now());
	ike_settle();
	return 0;
}

static int on_trust_staple(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct conf_digest key;

	(void)ch;
	(void)arg;
	memcpy(&key, m->body.p, sizeof(key));
	engine_staple(ike.engine, &key, m->body.p + sizeof(key), m->body.n - sizeof(key));
	return 0;
}

static int on_card_state(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct card_state st;

	(void)ch;
	(void)arg;
	memcpy(&st, m->body.p, sizeof(st));
	if (st.state >= TOKEN_STATES)
		return -1;
	if (ike.engine)
		engine_token(ike.engine, loop_now(), &st.handle, st.state != TOKEN_ABSENT, st.usable != 0);
	ike_settle();
	return 0;
}

static const struct ipc_rule from_card[] = {
	IPC_EXACT(M_CARD_STATE, card_state, on_card_state),
	{ 0 },
};
static const struct ipc_rule from_trust[] = {
	IPC_EXACT(M_TRUST_ANSWER, trust_answer, on_trust_answer),
	IPC_EMPTY(M_TRUST_CHANGED, on_trust_changed),
	{ M_TRUST_STAPLE, false, sizeof(struct conf_digest), IPC_BODY_MAX, on_trust_staple },
	{ 0 },
};

/* The role itself. */

static int prepare(struct worker *w)
{
	ike.w = w;
	return crypto_init() ? worker_fail(w, KEYD_FAILED, crypto_error()) : 0;
}

static int start(struct worker *w)
{
	ike.udp = udp_new(w->loop, on_datagram, on_unreachable, NULL);
	ike.timer = loop_timer_new(w->loop, on_timer, NULL);
	if (ike.udp)
		udp_pause(ike.udp, true);	/* until the kernel's policies are known */
	return ike.udp && ike.timer ? 0 : worker_fail(w, KEYD_FAILED, "role ike: out of memory");
}

static void stop(struct worker *w)
{
	(void)w;
	engine_free(ike.engine);
	ike.engine = NULL;
	loop_timer_free(ike.timer);
	udp_free(ike.udp);
	pending_free(&ike.kern);
	pending_free(&ike.auth);
	pending_free(&ike.trust);
	pending_free(&ike.refused);
	pending_free(&ike.distrusted);
	ike_conf_clear();
	ike_keylog_close();
	if (ike.state)			/* ended, and not died */
		state_fine(ike.state);
	state_close(ike.state);
	if (ike.state_fd >= 0)
		close(ike.state_fd);
	crypto_exit();
}

/* Not before: what goes on asks the kernel at once. And before kern tells what there is, which is then known again. */
static void peer_up(struct worker *w, enum role_id peer)
{
	(void)w;
	if (peer == ROLE_AUTH || peer == ROLE_TRUST)
		listen_when_able();
	if (peer != ROLE_KERN || ike.thawed)
		return;
	ike.thawed = true;
	ike_thaw();
}

static void peer_down(struct worker *w, enum role_id peer)
{
	(void)w;
	if (peer == ROLE_KERN) {
		ike.mirrored = false;
		udp_pause(ike.udp, true);
	}
	ike_settle();
}

const struct role role_ike = {
	.name = "ike",
	.title = "keyd: ike",
	.who = "keyd[ike]",
	.prepare = prepare,
	.start = start,
	.stop = stop,
	.peer_up = peer_up,
	.peer_down = peer_down,
	.rules = { [ROLE_PARENT] = ike_from_parent, [ROLE_KERN] = from_kern, [ROLE_AUTH] = from_auth,
		   [ROLE_CTL] = ike_from_ctl, [ROLE_TRUST] = from_trust, [ROLE_CARD] = from_card },
	.cap = ROLE_NO_CAP,
	.chroot = true,
	.lock_some = true,		/* of what outlives it: keys of IKE SAs */
	.undumpable = true,
};
