// SPDX-License-Identifier: MIT
// What the ctl role asks of the ike role.
#include "keyd/roles/ike.h"

#include "keyd/ctl/request.h"

#include <string.h>

#define STATUS_QUEUE_MAX (32u << 20)	/* bytes of status that may wait for the ctl role */

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
	end.keylog = ike_keylog_on();
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

static int command(const struct ctl_command *c, bool *childless)
{
	switch (c->type) {
	case CTL_UP: return engine_up(ike.engine, loop_now(), c->peer, childless);
	case CTL_DOWN: return engine_down(ike.engine, loop_now(), c->peer);
	case CTL_REAUTH: return engine_reauth(ike.engine, loop_now(), c->peer);
	default: return engine_rekey(ike.engine, loop_now(), c->peer, c->what);
	}
}

static int on_ctl_command(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct ctl_command c;
	struct ctl_done done = { 0 };
	bool childless = false;

	(void)arg;
	memcpy(&c, m->body.p, sizeof(c));
	if (c.type >= CTL_COMMANDS || !memchr(c.peer, 0, sizeof(c.peer)))
		return -1;
	if (ike.engine)
		done.n = command(&c, &childless);
	done.childless = childless;
	ike_settle();
	ipc_send(ch, M_CTL_DONE, m->id, &done, sizeof(done));
	return 0;
}

const struct ipc_rule ike_from_ctl[] = {
	IPC_EMPTY(M_CTL_STATUS, on_ctl_status),
	IPC_EXACT(M_CTL_COMMAND, ctl_command, on_ctl_command),
	IPC_EXACT(M_CTL_EXPLAIN, ctl_who, on_ctl_explain),
	IPC_EMPTY(M_CTL_POOLS, on_ctl_pools),
	IPC_EMPTY(M_CTL_WATCH, on_ctl_watch),
	{ 0 },
};
