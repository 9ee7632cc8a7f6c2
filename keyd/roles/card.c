// SPDX-License-Identifier: MIT
// The card role: has the PINs, and lets processes of keyd-card sign with the keys on tokens. All that it decides is in keyd/hub.
#include "keyd/crypto/alg.h"
#include "keyd/roles/card_process.h"
#include "keyd/roles/worker.h"

#include <string.h>

static struct {
	struct worker *w;
	struct hub *hub;
	struct loop_timer *timer;
	struct processes processes;
} role;

static void rearm(void)
{
	loop_timer_set(role.timer, hub_deadline(role.hub));
}

static void on_timer(void *arg)
{
	(void)arg;
	hub_tick(role.hub, loop_now());
	rearm();
}

/* --- what it wants --- */

static uint32_t on_start(void *arg, enum hub_kind kind, const char *what)
{
	(void)arg;
	return process_start(&role.processes, kind, what);
}

static void on_kill(void *arg, uint32_t process)
{
	(void)arg;
	process_kill(&role.processes, process);
}

static void on_send(void *arg, uint32_t process, uint16_t type, uint32_t id, const struct view *parts, unsigned n)
{
	(void)arg;
	process_send(&role.processes, process, type, id, parts, n);
}

static void on_tell(void *arg, enum hub_word word, uint32_t id, const struct view *parts, unsigned n)
{
	static const struct {
		uint16_t type;
		enum role_id to;
	} words[HUB_WORDS] = {
		[HUB_SEEN] = { M_CARD_SEEN, ROLE_PARENT }, [HUB_TRIAL] = { M_CARD_TRIAL, ROLE_PARENT },
		[HUB_FORGIVE] = { M_CARD_FORGIVE, ROLE_PARENT }, [HUB_SIGNED] = { M_CARD_SIGNED, ROLE_AUTH },
		[HUB_STATE] = { M_CARD_STATE, ROLE_IKE }, [HUB_TOKEN] = { M_CARD_TOKEN, ROLE_CTL },
		[HUB_KEY] = { M_CARD_KEY, ROLE_CTL }, [HUB_MISSING] = { M_CARD_MISSING, ROLE_CTL },
		[HUB_DONE] = { M_CARD_DONE, ROLE_CTL }, [HUB_EVENT] = { M_CARD_EVENT, ROLE_CTL },
	};
	enum role_id to = words[word].to;

	(void)arg;
	ipc_sendv(to == ROLE_PARENT ? role.w->parent : role.w->peer[to], words[word].type, id, parts, n, -1);
}

static void on_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	log_line(level, text);
}

static const struct hub_hooks hooks = { on_start, on_kill, on_send, on_tell, on_log };

/* --- processes --- */

static int on_said(uint32_t process, uint16_t type, uint32_t id, struct view body)
{
	int r = hub_said(role.hub, process, type, id, body, loop_now());

	rearm();
	return r;
}

static void on_ended(uint32_t process, int code)
{
	hub_ended(role.hub, process, code, loop_now());
	rearm();
}

/* --- parent --- */

static int on_begin(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct card_rules rules;

	(void)ch;
	(void)arg;
	memcpy(&rules, m->body.p, sizeof(rules));
	hub_begin(role.hub, &rules);
	return 0;
}

static int on_module(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	return hub_module(role.hub, m->body);
}

static int on_want(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct card_want want;
	struct view head;

	(void)ch;
	(void)arg;
	if (rd_view(&r, sizeof(want), &head))
		return -1;
	memcpy(&want, head.p, sizeof(want));
	return hub_want(role.hub, &want, rd_rest(&r));
}

static int on_bad(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct card_bad bad;

	(void)ch;
	(void)arg;
	memcpy(&bad, m->body.p, sizeof(bad));
	return hub_bad(role.hub, &bad);
}

static int on_end(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	int r = hub_end(role.hub, loop_now());

	(void)ch;
	(void)m;
	(void)arg;
	rearm();
	return r;
}

static int on_trial_kept(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	hub_trial_kept(role.hub, m->id, loop_now());
	rearm();
	return 0;
}

/* --- auth, ike, ctl --- */

static int on_sign(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct card_sign sign;
	struct view head;
	int bad;

	(void)ch;
	(void)arg;
	if (rd_view(&r, sizeof(sign), &head))
		return -1;
	memcpy(&sign, head.p, sizeof(sign));
	bad = hub_sign(role.hub, m->id, &sign, rd_rest(&r), loop_now());
	rearm();
	return bad;
}

static int on_cancel(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	hub_cancel(role.hub, m->id, loop_now());
	rearm();
	return 0;
}

static int on_ask(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct card_ask ask;
	struct view head;
	int bad;

	(void)ch;
	(void)arg;
	if (rd_view(&r, sizeof(ask), &head))
		return -1;
	memcpy(&ask, head.p, sizeof(ask));
	bad = hub_ask(role.hub, m->id, &ask, rd_rest(&r), loop_now());
	rearm();
	return bad;
}

static int on_tell_states(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	hub_ike_up(role.hub);
	return 0;
}

static void peer_up(struct worker *w, enum role_id peer)
{
	(void)w;
	if (peer == ROLE_IKE)
		hub_ike_up(role.hub);
}

static void peer_down(struct worker *w, enum role_id peer)
{
	(void)w;
	if (!role.hub)
		return;
	if (peer == ROLE_AUTH)
		hub_auth_gone(role.hub, loop_now());
	else if (peer == ROLE_CTL)
		hub_ctl_gone(role.hub);
	rearm();
}

/* --- its life --- */

static int prepare(struct worker *w)
{
	role.w = w;
	role.processes = (struct processes){
		.loop = w->loop, .program = -1, .options = w->options, .said = on_said, .ended = on_ended,
	};
	if (crypto_init())
		return worker_fail(w, KEYD_FAILED, crypto_error());
	role.timer = loop_timer_new(w->loop, on_timer, NULL);
	role.hub = hub_new(&hooks, NULL);
	if (!role.timer || !role.hub || processes_prepare(&role.processes))
		return worker_fail(w, KEYD_FAILED, "role card: out of memory");
	return 0;
}

static int start(struct worker *w)
{
	worker_ready(w, "");
	return 0;
}

static void stop(struct worker *w)
{
	(void)w;
	hub_free(role.hub);
	role.hub = NULL;
	if (role.processes.child)
		processes_free(&role.processes);
	loop_timer_free(role.timer);
	crypto_exit();
}

static const struct ipc_rule from_parent[] = {
	IPC_EXACT(M_CARD_BEGIN, card_rules, on_begin),
	{ M_CARD_MODULE, false, 1, CONF_PATH_MAX, on_module },
	{ M_CARD_WANT, false, sizeof(struct card_want), sizeof(struct card_want) + CARD_PIN_MAX, on_want },
	IPC_EXACT(M_CARD_BAD, card_bad, on_bad),
	IPC_EMPTY(M_CARD_END, on_end),
	IPC_EMPTY(M_CARD_TRIAL_KEPT, on_trial_kept),
	{ 0 },
};
static const struct ipc_rule from_auth[] = {
	{ M_CARD_SIGN, false, sizeof(struct card_sign), sizeof(struct card_sign) + CARD_WIRE_OCTETS_MAX, on_sign },
	IPC_EMPTY(M_CARD_CANCEL, on_cancel),
	{ 0 },
};
static const struct ipc_rule from_ike[] = {
	IPC_EMPTY(M_CARD_TELL, on_tell_states),
	{ 0 },
};
static const struct ipc_rule from_ctl[] = {
	{ M_CARD_ASK, false, sizeof(struct card_ask), sizeof(struct card_ask) + CARD_PIN_MAX, on_ask },
	{ 0 },
};

/* It starts keyd-card, which loads any vendor's module: those want files, and nobody knows what they call. */
const struct role role_card = {
	.name = "card",
	.title = "keyd: card",
	.who = "keyd[card]",
	.prepare = prepare,
	.start = start,
	.stop = stop,
	.peer_up = peer_up,
	.peer_down = peer_down,
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_AUTH] = from_auth, [ROLE_IKE] = from_ike, [ROLE_CTL] = from_ctl },
	.cap = ROLE_NO_CAP,
	.groups = true,
	.any_call = true,
	.lock_some = true,
	.undumpable = true,
	.expendable = true,
};
