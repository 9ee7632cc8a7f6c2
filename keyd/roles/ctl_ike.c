// SPDX-License-Identifier: MIT
// The ctl role: what ike answers, as JSON for whoever waits for it.
#include "keyd/ctl/explain.h"
#include "keyd/ctl/render.h"
#include "keyd/roles/ctl_inside.h"
#include "keyd/roles/ctl_watch.h"

#include <string.h>

static int on_ike(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct engine_ike_info info;

	(void)ch;
	(void)arg;
	memcpy(&info, m->body.p, sizeof(info));
	if (w && w->verb == CTL_ASK_TOKEN)
		ctl_token_ike(w, &info);
	else if (w)
		json_array_append_new(w->parts, render_ike(&info));
	return 0;
}

static int on_child(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct engine_child_info info;
	json_t *ike, *children;

	(void)ch;
	(void)arg;
	memcpy(&info, m->body.p, sizeof(info));
	if (!w || w->verb == CTL_ASK_TOKEN)
		return 0;
	ike = json_array_get(w->parts, json_array_size(w->parts) - 1);
	children = json_object_get(ike, "children");
	if (info.nth)
		json_array_append_new(json_object_get(json_array_get(children, json_array_size(children) - 1),
						      "selectors"), render_selector(&info.sel));
	else
		json_array_append_new(children, render_child(&info));
	return 0;
}

static int on_stats(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct ctl_status_end end;

	(void)ch;
	(void)arg;
	memcpy(&end, m->body.p, sizeof(end));
	if (w && w->verb == CTL_ASK_TOKEN)
		ctl_token_ike_end(w);
	else if (w)
		waiting_end(w, json_pack("{s:b, s:b, s:s, s:I, s:I, s:o, s:O}", "ok", 1,
					 "keylog", end.keylog, "version", GAPLESS_VERSION,
					 "peers", (json_int_t)end.npeers, "left_out", (json_int_t)end.left_out,
					 "stats", render_stats(&end.stats), "ike", w->parts));
	return 0;
}

static int on_done(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct ctl_done done;

	(void)ch;
	(void)arg;
	memcpy(&done, m->body.p, sizeof(done));
	if (!w)
		return 0;
	if (done.n > 0)
		waiting_end(w, json_pack("{s:b, s:i, s:b}", "ok", 1, "count", done.n, "childless", done.childless));
	else
		waiting_end(w, json_pack("{s:b, s:i, s:s}", "ok", 0, "count", 0, "error",
					 "no peer, policy or SA of that name or address"));
	return 0;
}

static int on_event(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct engine_event ev;

	(void)ch;
	(void)arg;
	memcpy(&ev, m->body.p, sizeof(ev));
	ctl_watch_event(&ev);
	return 0;
}

static int on_story(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct engine_story s;

	(void)ch;
	(void)arg;
	memcpy(&s, m->body.p, sizeof(s));
	if (w)
		json_array_append_new(w->parts, explain_story(&s, watch_wall()));
	return 0;
}

static int on_pool(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct engine_pool_info info;

	(void)ch;
	(void)arg;
	memcpy(&info, m->body.p, sizeof(info));
	if (w)
		json_array_append_new(w->parts, render_pool(&info));
	return 0;
}

static int on_lease(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct engine_lease_info info;
	json_t *pool;

	(void)ch;
	(void)arg;
	memcpy(&info, m->body.p, sizeof(info));
	if (!w)
		return 0;
	pool = json_array_get(w->parts, json_array_size(w->parts) - 1);
	json_array_append_new(json_object_get(pool, "leases"), render_lease(&info));
	return 0;
}

static int on_pools_end(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct ctl_pools_end end;

	(void)ch;
	(void)arg;
	memcpy(&end, m->body.p, sizeof(end));
	if (w)
		waiting_end(w, json_pack("{s:b, s:I, s:O}", "ok", 1, "left_out", (json_int_t)end.left_out,
					 "pools", w->parts));
	return 0;
}

static int on_explained(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct engine_explain_end end;

	(void)ch;
	(void)arg;
	memcpy(&end, m->body.p, sizeof(end));
	if (w)
		waiting_end(w, json_pack("{s:b, s:O, s:o}", "ok", 1, "attempts", w->parts,
					 "peer", explain_end(&end, w->who.peer)));
	return 0;
}

const struct ipc_rule ctl_from_ike[] = {
	IPC_EXACT(M_CTL_IKE, engine_ike_info, on_ike),
	IPC_EXACT(M_CTL_CHILD, engine_child_info, on_child),
	IPC_EXACT(M_CTL_STATS, ctl_status_end, on_stats),
	IPC_EXACT(M_CTL_DONE, ctl_done, on_done),
	IPC_EXACT(M_CTL_EVENT, engine_event, on_event),
	IPC_EXACT(M_CTL_STORY, engine_story, on_story),
	IPC_EXACT(M_CTL_EXPLAINED, engine_explain_end, on_explained),
	IPC_EXACT(M_CTL_POOL, engine_pool_info, on_pool),
	IPC_EXACT(M_CTL_LEASE, engine_lease_info, on_lease),
	IPC_EXACT(M_CTL_POOLS_END, ctl_pools_end, on_pools_end),
	{ 0 },
};
