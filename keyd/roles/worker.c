// SPDX-License-Identifier: MIT
// The frame around every role but the parent.
#include "keyd/roles/worker.h"

#include "keyd/roles/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define RULES_MAX 16

void worker_ready(struct worker *w, const char *text)
{
	ipc_send(w->parent, M_READY, 0, text, strlen(text));
}

int worker_fail(struct worker *w, enum keyd_exit code, const char *why)
{
	struct message_failed f = { .code = (int32_t)code };

	snprintf(f.why, sizeof(f.why), "%s", why);
	ipc_send(w->parent, M_FAILED, 0, &f, sizeof(f));
	loop_stop(w->loop, (int)code);
	return -1;
}

static void peer_ended(struct ipc *ch, enum ipc_end why, void *arg)
{
	struct worker *w = arg;

	for (unsigned int i = 0; i < ROLES; i++) {
		if (w->peer[i] != ch)
			continue;
		if (why == IPC_END_BROKEN || why == IPC_END_FULL)
			ipc_send(w->parent, M_COMPLAINT, i, NULL, 0);
		ipc_close(ch);
		w->peer[i] = NULL;
		if (w->role->peer_down)
			w->role->peer_down(w, (enum role_id)i);
	}
}

/* Without the parent a role has nobody to work for. */
static void parent_ended(struct ipc *ch, enum ipc_end why, void *arg)
{
	struct worker *w = arg;

	(void)ch;
	loop_stop(w->loop, why == IPC_END_PEER ? KEYD_OK : KEYD_FAILED);
}

static int on_channel(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct worker *w = arg;
	unsigned int id = m->id;

	(void)ch;
	if (id >= ROLES || !w->role->rules[id] || id == ROLE_PARENT)
		return -1;
	if (w->peer[id]) {
		ipc_close(w->peer[id]);
		w->peer[id] = NULL;
		if (w->role->peer_down)
			w->role->peer_down(w, (enum role_id)id);
	}
	w->tables[id] = (struct ipc_table){ role_name(id), w->role->rules[id] };
	w->peer[id] = ipc_open(w->loop, m->fd, &w->tables[id], peer_ended, w);
	m->fd = -1;
	if (w->peer[id] && w->role->peer_up)
		w->role->peer_up(w, (enum role_id)id);
	return w->peer[id] ? 0 : -1;
}

static int on_log_level(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	if (m->id > LOG_LEVEL_DEBUG)
		return -1;
	log_level_set((enum log_level)m->id);
	return 0;
}

static int on_ping(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)arg;
	ipc_send(ch, M_PONG, m->id, NULL, 0);
	return 0;
}

static const struct ipc_rule common_rules[] = {
	{ M_PING, false, 0, 0, on_ping },
	{ M_CHANNEL, true, 0, 0, on_channel },
	{ M_LOG_LEVEL, false, 0, 0, on_log_level },
};

/* The common rows and the role's own, in one table that lives as long as the process. */
static const struct ipc_rule *parent_rules(const struct role *role)
{
	static struct ipc_rule rules[RULES_MAX];
	unsigned int n = sizeof(common_rules) / sizeof(common_rules[0]);

	memcpy(rules, common_rules, sizeof(common_rules));
	for (const struct ipc_rule *r = role->rules[ROLE_PARENT]; r && r->fn && n + 1 < RULES_MAX; r++)
		rules[n++] = *r;
	return rules;
}

static int worker_run(struct worker *w)
{
	char why[256] = "";

	/* The terminal's signals are for the parent, which then tells us. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, w->role->title);
	w->tables[ROLE_PARENT] = (struct ipc_table){ "parent", parent_rules(w->role) };
	w->loop = loop_new();
	if (!w->loop)
		return KEYD_FAILED;
	w->parent = ipc_open(w->loop, ROLE_CHANNEL_FD, &w->tables[ROLE_PARENT], parent_ended, w);
	if (!w->parent)
		return KEYD_FAILED;
	if (w->role->prepare && w->role->prepare(w))
		return loop_run(w->loop);
	if (sandbox_enter(w->role, w->options, why, sizeof(why)))
		worker_fail(w, KEYD_FAILED, why);
	else if (!w->role->start || !w->role->start(w))
		log_debug("running: role=%s", w->role->name);
	return loop_run(w->loop);
}

int worker_main(const struct role *role, const struct options *o)
{
	struct worker w = { .role = role, .options = o };
	int code;

	sandbox_close_others();
	code = worker_run(&w);
	if (role->stop)
		role->stop(&w);
	for (unsigned int i = 0; i < ROLES; i++)
		ipc_close(w.peer[i]);
	ipc_close(w.parent);
	loop_free(w.loop);
	return code;
}
