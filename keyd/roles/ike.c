// SPDX-License-Identifier: MIT
// The ike role: feeds the engine with datagrams, kernel events, answers and the time, and carries out what it asks.
#include "keyd/auth/codec.h"
#include "keyd/crypto/alg.h"
#include "keyd/ctl/request.h"
#include "keyd/roles/ike_pending.h"
#include "keyd/roles/state.h"
#include "keyd/roles/udp.h"
#include "keyd/roles/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_QUEUE_MAX (32u << 20)	/* bytes of status that may wait for the ctl role */
#define UNREACHABLE_MAX 16		/* ICMP errors that may wait to be told */
#define EVENT_QUEUE_MAX (16u << 20)	/* bytes that may wait there before events are left out */

#define FINE_AFTER 5000000u		/* µs: who has run for so long does not die of what it was given */
#define TRIES_MAX 3			/* so often records are tried that their readers die of */

static struct ike {
	struct worker *w;
	struct engine *engine;
	struct udp *udp;
	struct loop_timer *timer;
	struct conf next;		/* being handed over; peers and pools owned */
	unsigned int next_room, next_pools;	/* peers and pools that BEGIN announced */
	unsigned int npeers;		/* of the configuration in use */
	struct pending kern, auth;	/* requests without an answer yet */
	struct pending refused;		/* requests to auth that could not be sent */
	bool details;			/* somebody watches */
	uint32_t events_missed;		/* by the ctl role, since the last that it got */
	bool mirrored, ready;		/* the kernel's SPD is known; the parent has been told */
	struct engine_unreachable unreachable[UNREACHABLE_MAX];
	unsigned int nunreachable;	/* that the engine has not been told yet */
	int keylog[ENGINE_KEY_TABLES];	/* files of the key log; -1: it is off */
	bool keylog_failed;		/* and that has been said */
	bool thawed;
	struct state *state;		/* what outlives this process; NULL: nothing does */
	int state_fd;
	uint64_t began_at;
	bool state_full;		/* and that has been said */
	uint8_t scratch[AUTH_REQUEST_MAX];
} ike = { .keylog = { -1, -1 }, .state_fd = -1 };

/* After each call into the engine: answers that will never come, then the clock. */
static void settle(void)
{
	struct kern_answer ka = { .error = -ECONNRESET, .why = "the kern role is not there" };
	struct auth_answer aa = { .error = AUTH_FAILED };

	if (!ike.engine)
		return;
	while (ike.nunreachable)
		engine_unreachable(ike.engine, loop_now(), &ike.unreachable[--ike.nunreachable]);
	while (!ike.w->peer[ROLE_KERN] && pending_take(&ike.kern, &ka.id))
		engine_kern_answer(ike.engine, loop_now(), &ka);
	while (pending_take(&ike.refused, &aa.id) || (!ike.w->peer[ROLE_AUTH] && pending_take(&ike.auth, &aa.id)))
		engine_auth_answer(ike.engine, loop_now(), &aa);
	if (ike.state && ike.began_at && loop_now() - ike.began_at > FINE_AFTER) {
		state_fine(ike.state);
		ike.began_at = 0;
	}
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
	settle();
}

/* Two have died of this: its sender's exchange comes to nothing, and all the others go on. */
static bool poisonous(const struct engine_datagram *d)
{
	static uint64_t said_at;
	char remote[IPSEC_ADDR_STRLEN];

	if (!ike.state || !state_poisonous(ike.state, d->data))
		return false;
	if (!said_at || loop_now() - said_at > 1000000)
		log_error("a datagram of which two processes have died is dropped; please report this: role=ike remote=%s bytes=%zu",
			  ipsec_addr_format(&d->remote, remote, sizeof(remote)), d->data.n);
	said_at = loop_now();
	return true;
}

static void on_datagram(void *arg, const struct engine_datagram *d)
{
	(void)arg;
	if (poisonous(d))
		return;
	if (ike.state)
		state_work(ike.state, d->data);
	if (ike.engine)
		engine_input(ike.engine, loop_now(), d);
	settle();
	if (ike.state)
		state_worked(ike.state);
}

/* The engine's hooks. */

static void hook_send(void *arg, const struct engine_datagram *d)
{
	(void)arg;
	udp_send(ike.udp, d);
}

static void hook_kern(void *arg, const struct kern_request *rq)
{
	(void)arg;
	if (rq->id)
		pending_add(&ike.kern, rq->id);
	ipc_send(ike.w->peer[ROLE_KERN], M_KERN_REQUEST, 0, rq, sizeof(*rq));
}

static void hook_auth(void *arg, const struct auth_request *rq)
{
	struct wr w = wr_of(ike.scratch, sizeof(ike.scratch));

	(void)arg;
	auth_request_put(&w, rq);
	pending_add(wr_ok(&w) ? &ike.auth : &ike.refused, rq->id);
	if (wr_ok(&w))
		ipc_send(ike.w->peer[ROLE_AUTH], M_AUTH_REQUEST, rq->id, w.buf, w.len);
}

/* A burst that the ctl role does not keep up with must not end its channel: what is left out is counted and told. */
static void hook_event(void *arg, const struct engine_event *ev)
{
	struct engine_event missed = { .type = ENGINE_MISSED, .at = ev->at, .message_id = ike.events_missed };

	(void)arg;
	if (!ike.w->peer[ROLE_CTL])	/* it has not come yet, or not come back */
		return;
	if (ipc_queued(ike.w->peer[ROLE_CTL]) > EVENT_QUEUE_MAX) {
		ike.events_missed++;
		return;
	}
	if (ike.events_missed)
		ipc_send(ike.w->peer[ROLE_CTL], M_CTL_EVENT, 0, &missed, sizeof(missed));
	ike.events_missed = 0;
	ipc_send(ike.w->peer[ROLE_CTL], M_CTL_EVENT, 0, ev, sizeof(*ev));
}

static void hook_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	log_line(level, text);
}

/* One write for each line: both tables are opened to append. */
static void hook_keys(void *arg, enum engine_key_table table, const char *line, size_t n)
{
	(void)arg;
	if (write(ike.keylog[table], line, n) == (ssize_t)n || ike.keylog_failed)
		return;
	ike.keylog_failed = true;
	log_warning("the key log cannot be written, keys are missing there: role=ike error=\"%s\"", strerror(errno));
}

static void hook_resolv(void *arg, const struct engine_resolv *r)
{
	(void)arg;
	ipc_send(ike.w->parent, M_RESOLV, 0, r, sizeof(*r));
}

static void hook_keep(void *arg, uint64_t id, const void *record, size_t n)
{
	(void)arg;
	if (!ike.state || !state_keep(ike.state, id, record, n) || ike.state_full)
		return;
	ike.state_full = true;
	log_warning("there is no more memory for what outlives keyd: some SAs will be negotiated anew after a restart: role=ike records=%u",
		    state_records(ike.state));
}

static void hook_kept(void *arg)
{
	(void)arg;
	if (ike.state)
		state_commit(ike.state);
}

static const struct engine_hooks hooks = {
	.keep = hook_keep, .kept = hook_kept,
	.resolv = hook_resolv,
	.send = hook_send, .kern = hook_kern, .auth = hook_auth, .event = hook_event, .log = hook_log, .keys = hook_keys,
};

static void keylog_close(void)
{
	for (unsigned int i = 0; i < ENGINE_KEY_TABLES; i++) {
		if (ike.keylog[i] >= 0)
			close(ike.keylog[i]);
		ike.keylog[i] = -1;
	}
	ike.keylog_failed = false;
}

/* Keys are given away while there is a file for each kind. */
static bool keylog_on(void)
{
	return ike.keylog[ENGINE_KEYS_IKE] >= 0 && ike.keylog[ENGINE_KEYS_ESP] >= 0;
}

/* From the parent. */

static void next_clear(void)
{
	free(ike.next.peers);
	free(ike.next.pools);
	ike.next = (struct conf){ 0 };
	ike.next_room = 0;
}

static int on_conf_begin(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	next_clear();
	memcpy(&ike.next, m->body.p, sizeof(ike.next));
	ike.next_room = ike.next.npeers;
	ike.next_pools = ike.next.npools;
	ike.next.npeers = ike.next.npools = 0;
	ike.next.peers = NULL;
	ike.next.pools = NULL;
	if (ike.next_room > CONF_PEERS_MAX || ike.next_pools > CONF_POOLS_MAX)
		return -1;
	ike.next.peers = calloc(ike.next_room ? ike.next_room : 1, sizeof(*ike.next.peers));
	ike.next.pools = calloc(ike.next_pools ? ike.next_pools : 1, sizeof(*ike.next.pools));
	return ike.next.peers && ike.next.pools ? 0 : -1;
}

static int on_conf_peer(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	if (ike.next.npeers >= ike.next_room)
		return -1;
	memcpy(&ike.next.peers[ike.next.npeers++], m->body.p, sizeof(struct conf_peer));
	return 0;
}

static int on_conf_pool(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	if (ike.next.npools >= ike.next_pools)
		return -1;
	memcpy(&ike.next.pools[ike.next.npools++], m->body.p, sizeof(struct conf_pool));
	return 0;
}

/* Ready once there is an engine that knows the kernel's policies. */
static void ready_if(void)
{
	if (!ike.engine || !ike.mirrored || ike.ready)
		return;
	ike.ready = true;
	worker_ready(ike.w, "");
}

static int on_state(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	const char *why;

	(void)ch;
	(void)arg;
	if (ike.engine || ike.state)
		return -1;
	ike.state = state_open(m->fd, &why);
	if (!ike.state) {
		log_warning("what a keyd before this one knew is of no use, SAs are negotiated anew: role=ike why=\"%s\"", why);
		return 0;
	}
	ike.state_fd = m->fd;
	m->fd = -1;
	return 0;
}

static void thaw_one(void *arg, uint64_t id, const void *record, size_t n)
{
	(void)arg;
	if (engine_thaw(ike.engine, id, record, n))
		log_error("out of memory: a record is left out: role=ike");
}

/* What the process before this one knew, unless it was just that of which it and others died. */
static void thaw(void)
{
	if (!ike.state)
		return;
	ike.began_at = loop_now();
	if (state_died(ike.state))
		log_error("the process before this one died while it worked on a datagram: role=ike");
	if (state_tries(ike.state) > TRIES_MAX) {
		log_error("several processes have died of what they were to go on with: it is dropped, SAs are negotiated anew: role=ike");
		state_clear(ike.state);
	}
	if (state_records(ike.state))
		state_each(ike.state, thaw_one, NULL);
	engine_thawed(ike.engine, loop_now());
}

static int on_conf_end(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	int r = 0;

	(void)ch;
	(void)m;
	(void)arg;
	if (ike.next.npeers != ike.next_room || ike.next.npools != ike.next_pools)
		return -1;
	ike.npeers = ike.next.npeers;
	if (ike.engine)
		r = engine_configure(ike.engine, &ike.next);
	else
		ike.engine = engine_new(&hooks, NULL, &ike.next);
	if (ike.engine) {
		engine_watch(ike.engine, ike.details);
		engine_keylog(ike.engine, keylog_on());
	}
	next_clear();
	if (r || !ike.engine)
		return worker_fail(ike.w, KEYD_FAILED, "role ike: out of memory");
	settle();
	ready_if();
	return 0;
}

static int on_keylog(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	if (m->id >= ENGINE_KEY_TABLES)
		return -1;
	if (ike.keylog[m->id] >= 0)
		close(ike.keylog[m->id]);
	ike.keylog[m->id] = m->fd;
	m->fd = -1;
	ike.keylog_failed = false;
	if (ike.engine)
		engine_keylog(ike.engine, keylog_on());
	return 0;
}

static int on_keylog_off(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	if (ike.engine)
		engine_keylog(ike.engine, false);
	keylog_close();
	return 0;
}

static int on_sockets_clear(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	udp_clear(ike.udp);
	return 0;
}

static int on_socket(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct message_socket where;
	int fd = m->fd;

	(void)ch;
	(void)arg;
	memcpy(&where, m->body.p, sizeof(where));
	m->fd = -1;
	return udp_add(ike.udp, fd, &where);
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
	settle();
	return 0;
}

static int on_kern_event(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct ipsec_event ev;

	(void)ch;
	(void)arg;
	memcpy(&ev, m->body.p, sizeof(ev));
	engine_kern_event(ike.engine, loop_now(), &ev);
	settle();
	return 0;
}

static int on_kern_orphan(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct ipsec_sa sa;

	(void)ch;
	(void)arg;
	memcpy(&sa, m->body.p, sizeof(sa));
	engine_kern_orphan(ike.engine, loop_now(), &sa);
	settle();
	return 0;
}

static int on_kern_ready(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	ike.mirrored = true;
	engine_kern_ready(ike.engine, loop_now());
	udp_pause(ike.udp, false);
	settle();
	ready_if();
	return 0;
}

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
	settle();
	return 0;
}

/* From ctl. */

struct walk {
	struct ipc *ch;
	uint32_t id, left_out;
	bool full;
};

static void walk_send(struct walk *k, uint16_t type, const void *info, size_t n)
{
	k->full = k->full || ipc_queued(k->ch) > STATUS_QUEUE_MAX;
	if (k->full)
		k->left_out++;
	else
		ipc_send(k->ch, type, k->id, info, n);
}

static void walk_ike(void *arg, const struct engine_ike_info *info)
{
	walk_send(arg, M_CTL_IKE, info, sizeof(*info));
}

static void walk_child(void *arg, const struct engine_child_info *info)
{
	walk_send(arg, M_CTL_CHILD, info, sizeof(*info));
}

static int on_ctl_status(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct walk k = { .ch = ch, .id = m->id };
	struct ctl_status_end end = { .npeers = ike.npeers };

	(void)arg;
	if (ike.engine) {
		engine_walk(ike.engine, loop_now(), walk_ike, walk_child, &k);
		engine_stats(ike.engine, &end.stats);
	}
	end.left_out = k.left_out;
	end.keylog = keylog_on();
	ipc_send(ch, M_CTL_STATS, m->id, &end, sizeof(end));
	return 0;
}

static void walk_story(void *arg, const struct engine_story *s)
{
	walk_send(arg, M_CTL_STORY, s, sizeof(*s));
}

static int on_ctl_explain(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct walk k = { .ch = ch, .id = m->id };
	struct engine_explain_end end = { 0 };
	struct ctl_who who;

	(void)arg;
	memcpy(&who, m->body.p, sizeof(who));
	if (!memchr(who.peer, 0, sizeof(who.peer)))
		return -1;
	if (ike.engine)
		engine_explain(ike.engine, loop_now(), who.peer, walk_story, &k, &end);
	ipc_send(ch, M_CTL_EXPLAINED, m->id, &end, sizeof(end));
	return 0;
}

static void walk_pool(void *arg, const struct engine_pool_info *info)
{
	walk_send(arg, M_CTL_POOL, info, sizeof(*info));
}

static void walk_lease(void *arg, const struct engine_lease_info *info)
{
	walk_send(arg, M_CTL_LEASE, info, sizeof(*info));
}

static int on_ctl_pools(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct walk k = { .ch = ch, .id = m->id };
	struct ctl_pools_end end = { 0 };

	(void)arg;
	if (ike.engine)
		engine_pools(ike.engine, loop_now(), walk_pool, walk_lease, &k);
	end.left_out = k.left_out;
	ipc_send(ch, M_CTL_POOLS_END, m->id, &end, sizeof(end));
	return 0;
}

static int on_ctl_watch(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	ike.details = m->id != 0;
	if (ike.engine)
		engine_watch(ike.engine, ike.details);
	return 0;
}

static int command(const struct ctl_command *c)
{
	switch (c->type) {
	case CTL_UP: return engine_up(ike.engine, loop_now(), c->peer);
	case CTL_DOWN: return engine_down(ike.engine, loop_now(), c->peer);
	case CTL_REAUTH: return engine_reauth(ike.engine, loop_now(), c->peer);
	default: return engine_rekey(ike.engine, loop_now(), c->peer, c->what);
	}
}

static int on_ctl_command(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct ctl_command c;
	struct ctl_done done = { 0 };

	(void)arg;
	memcpy(&c, m->body.p, sizeof(c));
	if (c.type >= CTL_COMMANDS || !memchr(c.peer, 0, sizeof(c.peer)))
		return -1;
	if (ike.engine)
		done.n = command(&c);
	settle();
	ipc_send(ch, M_CTL_DONE, m->id, &done, sizeof(done));
	return 0;
}

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
	pending_free(&ike.refused);
	next_clear();
	keylog_close();
	state_close(ike.state);
	if (ike.state_fd >= 0)
		close(ike.state_fd);
	crypto_exit();
}

/* Not before: what goes on asks the kernel at once. And before kern tells what there is, which is then known again. */
static void peer_up(struct worker *w, enum role_id peer)
{
	(void)w;
	if (peer != ROLE_KERN || ike.thawed)
		return;
	ike.thawed = true;
	thaw();
}

static void peer_down(struct worker *w, enum role_id peer)
{
	(void)w;
	if (peer == ROLE_KERN) {
		ike.mirrored = false;
		udp_pause(ike.udp, true);
	}
	settle();
}

#define EXACT(type, body, fn) { type, false, sizeof(struct body), sizeof(struct body), fn }
#define EMPTY(type, fn) { type, false, 0, 0, fn }

static const struct ipc_rule from_parent[] = {
	EXACT(M_CONF_BEGIN, conf, on_conf_begin),
	EXACT(M_CONF_PEER, conf_peer, on_conf_peer),
	EXACT(M_CONF_POOL, conf_pool, on_conf_pool),
	EMPTY(M_CONF_END, on_conf_end),
	EMPTY(M_SOCKETS_CLEAR, on_sockets_clear),
	{ M_STATE, true, 0, 0, on_state },
	{ M_KEYLOG, true, 0, 0, on_keylog },
	EMPTY(M_KEYLOG_OFF, on_keylog_off),
	{ M_SOCKET, true, sizeof(struct message_socket), sizeof(struct message_socket), on_socket },
	{ 0 },
};
static const struct ipc_rule from_kern[] = {
	EXACT(M_KERN_ANSWER, kern_answer, on_kern_answer),
	EXACT(M_KERN_EVENT, ipsec_event, on_kern_event),
	EXACT(M_KERN_ORPHAN, ipsec_sa, on_kern_orphan),
	EMPTY(M_KERN_READY, on_kern_ready),
	{ 0 },
};
static const struct ipc_rule from_auth[] = {
	EXACT(M_AUTH_ANSWER, auth_answer, on_auth_answer),
	{ 0 },
};
static const struct ipc_rule from_ctl[] = {
	EMPTY(M_CTL_STATUS, on_ctl_status),
	EXACT(M_CTL_COMMAND, ctl_command, on_ctl_command),
	EXACT(M_CTL_EXPLAIN, ctl_who, on_ctl_explain),
	EMPTY(M_CTL_POOLS, on_ctl_pools),
	EMPTY(M_CTL_WATCH, on_ctl_watch),
	{ 0 },
};

const struct role role_ike = {
	.name = "ike",
	.title = "keyd: ike",
	.who = "keyd[ike]",
	.prepare = prepare,
	.start = start,
	.stop = stop,
	.peer_up = peer_up,
	.peer_down = peer_down,
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_KERN] = from_kern, [ROLE_AUTH] = from_auth,
		   [ROLE_CTL] = from_ctl },
	.cap = ROLE_NO_CAP,
	.chroot = true,
	.lock_some = true,		/* of what outlives it: keys of IKE SAs */
	.undumpable = true,
};
