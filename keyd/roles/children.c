// SPDX-License-Identifier: MIT
// Starts the roles' processes, hears from them, and starts again what died.
#include "keyd/ctl/request.h"
#include "keyd/ike/engine.h"
#include "keyd/roles/message.h"
#include "keyd/roles/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESTART_FIRST 100000u		/* µs; doubles with each death within DEATHS_WITHIN */
#define RESTART_AGAIN 2000000u		/* µs, of a role that has ended to be started anew */

/* In the new process: becomes the role. Does not return. */
static void become(const struct child *c, int fd)
{
	const struct options *o = c->p->options;
	const struct role *role = role_by_id(c->id);
	char level[8];
	const char *argv[16] = { role->title, "--role", role->name, "--run-dir", o->run_dir, "--log-level", level };
	static const char *const levels[] = { "error", "warning", "notice", "info", "debug" };
	unsigned int n = 7;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(level, sizeof(level), "%s", levels[o->level]);
	if (o->backend) {
		argv[n++] = "--backend";
		argv[n++] = o->backend;
	}
	if (o->no_sandbox)
		argv[n++] = "--no-sandbox";
	if (o->target == LOG_TARGET_SYSLOG)
		argv[n++] = "--syslog";
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		for (int i = 1; o->background && i < 3; i++)
			dup2(null, i);
	}
	if (fd == ROLE_CHANNEL_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, ROLE_CHANNEL_FD);
	execv("/proc/self/exe", (char *const *)argv);
	_exit(KEYD_FAILED);
}

static int on_ready(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;

	(void)ch;
	if (c->id == ROLE_KERN)
		snprintf(c->p->backend, sizeof(c->p->backend), "%.*s", (int)m->body.n, (const char *)m->body.p);
	if (c->ready)
		return 0;
	c->ready = true;
	if (c->p->was_ready && !c->anew)
		log_notice("a role is back: role=%s pid=%d", role_name(c->id), c->pid);
	parent_child_ready(c->p);
	return 0;
}

static int on_failed(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;
	struct message_failed f;

	(void)ch;
	memcpy(&f, m->body.p, sizeof(f));
	f.why[sizeof(f.why) - 1] = 0;
	if (!c->p->ending)
		log_error("%s", f.why);
	parent_end(c->p, f.code > 0 && f.code <= KEYD_KERNEL ? f.code : KEYD_FAILED);
	return 0;
}

static int on_complaint(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg, *other = m->id < ROLES ? &c->p->children[m->id] : NULL;

	(void)ch;
	if (!other)
		return -1;
	log_error("a role misbehaves and is started again: role=%s seen_by=%s", role_name(other->id), role_name(c->id));
	if (other->pid)
		kill(other->pid, SIGKILL);
	return 0;
}

static int on_reload(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;
	struct message_result r = { 0 };

	parent_reload(c->p, &r);
	ipc_send(ch, M_RELOADED, m->id, &r, sizeof(r));
	return 0;
}

static int on_keylog(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;
	struct message_result r = { 0 };
	struct ctl_keylog ask;

	memcpy(&ask, m->body.p, sizeof(ask));
	keylog_switch(c->p, ask.on != 0, &r);
	ipc_send(ch, M_RELOADED, m->id, &r, sizeof(r));
	return 0;
}

static int on_unlock(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;
	struct message_result r;

	unlock_keys(c->p, m->body, &r);
	ipc_send(ch, M_RELOADED, m->id, &r, sizeof(r));
	return 0;
}

static int on_password(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;
	struct message_result r;
	struct ctl_password ask;

	memcpy(&ask, m->body.p, sizeof(ask));
	ask.peer[sizeof(ask.peer) - 1] = 0;
	unlock_password(c->p, ask.peer, (struct view){ m->body.p + sizeof(ask), m->body.n - sizeof(ask) }, &r);
	ipc_send(ch, M_RELOADED, m->id, &r, sizeof(r));
	return 0;
}

static int on_log_level(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;

	(void)ch;
	if (m->id > LOG_LEVEL_DEBUG)
		return -1;
	c->p->options->level = (enum log_level)m->id;
	log_level_set(c->p->options->level);
	for (unsigned int i = 0; i < ROLES; i++)
		ipc_send(c->p->children[i].ch, M_LOG_LEVEL, m->id, NULL, 0);
	return 0;
}

static int on_resolv(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;
	struct engine_resolv r;

	(void)ch;
	memcpy(&r, m->body.p, sizeof(r));
	resolv_write(c->p, &r);
	return 0;
}

static int on_cache(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;

	(void)ch;
	cache_store(&c->p->cache, m->body, m->fd);
	return 0;
}

static int on_pong(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;

	(void)ch;
	c->ponged = m->id;
	return 0;
}

#define FROM_ANY							\
	IPC_EMPTY(M_PONG, on_pong),				\
	{ M_READY, false, 0, 64, on_ready },				\
	IPC_EXACT(M_FAILED, message_failed, on_failed), \
	IPC_EMPTY(M_COMPLAINT, on_complaint)

static const struct ipc_rule from_any[] = { FROM_ANY, { 0 } };
static const struct ipc_rule from_ike[] = {
	FROM_ANY,
	IPC_EXACT(M_RESOLV, engine_resolv, on_resolv),
	{ M_LOOKUP, false, 1, CONF_HOST_MAX - 1, hosts_wanted },
	{ 0 },
};
static const struct ipc_rule from_fetch[] = {
	FROM_ANY,
	IPC_EXACT(M_ADDRESSES, message_addresses, hosts_answered),
	{ 0 },
};
static const struct ipc_rule from_trust[] = {
	FROM_ANY,
	{ M_TRUST_CACHE, true, 1, MESSAGE_URL_MAX, on_cache },
	{ 0 },
};
static const struct ipc_rule from_card[] = {
	FROM_ANY,
	{ M_CARD_SEEN, false, sizeof(struct card_seen), sizeof(struct card_seen) + SIGHT_MAX, cards_seen },
	IPC_EXACT(M_CARD_TRIAL, card_bad, cards_trial),
	IPC_EXACT(M_CARD_FORGIVE, card_bad, cards_forgive),
	{ 0 },
};
static const struct ipc_rule from_ctl[] = {
	FROM_ANY,
	IPC_EMPTY(M_RELOAD, on_reload),
	IPC_EMPTY(M_LOG_LEVEL_ASK, on_log_level),
	IPC_EXACT(M_KEYLOG_ASK, ctl_keylog, on_keylog),
	{ M_UNLOCK_ASK, false, 1, CTL_PASSPHRASE_MAX, on_unlock },
	{ M_PASSWORD_ASK, false, sizeof(struct ctl_password) + 1, sizeof(struct ctl_password) + CTL_PASSPHRASE_MAX, on_password },
	{ 0 },
};

static const struct ipc_rule *const rules[ROLES] = {
	[ROLE_IKE] = from_ike,
	[ROLE_CTL] = from_ctl,
	[ROLE_TRUST] = from_trust,
	[ROLE_FETCH] = from_fetch,
	[ROLE_CARD] = from_card,
};

static void restart(void *arg)
{
	struct child *c = arg;
	int r = c->p->ending ? 0 : child_start(c);

	if (!r)
		return;
	log_error("a role cannot be started: role=%s error=\"%s\"", role_name(c->id), strerror(-r));
	parent_end(c->p, KEYD_FAILED);
}

/* Notes a death. Returns how many there were within DEATHS_WITHIN, this one included. */
static unsigned int count_death(struct child *c)
{
	uint64_t now = loop_now();
	unsigned int n = 0;

	memmove(c->deaths + 1, c->deaths, sizeof(c->deaths) - sizeof(c->deaths[0]));
	c->deaths[0] = now;
	while (n < DEATHS_MAX && c->deaths[n] && now - c->deaths[n] < DEATHS_WITHIN)
		n++;
	return n;
}

/* A role that cannot even end well is a failure of ours; one that was told to end, or said why it must, is none. */
static void judge(struct child *c)
{
	struct parent *p = c->p;

	if (WIFSIGNALED(c->status)) {
		if (p->ending && WTERMSIG(c->status) == SIGTERM)
			return;
		log_error("a role died: role=%s pid=%d signal=%d (%s)", role_name(c->id), c->last_pid,
			  WTERMSIG(c->status), strsignal(WTERMSIG(c->status)));
	} else {
		if (p->ending && (WEXITSTATUS(c->status) == KEYD_OK || WEXITSTATUS(c->status) == p->code))
			return;
		log_error("a role ended: role=%s pid=%d code=%d", role_name(c->id), c->last_pid,
			  WEXITSTATUS(c->status));
	}
	if (p->ending && !p->code)
		p->code = KEYD_FAILED;
}

/* The process has been reaped and its last words have been read. */
static void gone(struct child *c)
{
	unsigned int deaths;

	c->ready = false;
	c->anew = !c->p->ending && c->id == ROLE_FETCH && WIFEXITED(c->status) && WEXITSTATUS(c->status) == KEYD_OK;
	if (c->anew) {
		log_info("a role ends and is started anew, with name servers as they are then: role=%s", role_name(c->id));
		loop_timer_set(c->restart, loop_now() + RESTART_AGAIN);
		return;
	}
	judge(c);
	if (c->p->ending) {
		if (!children_left(c->p))
			loop_stop(c->p->loop, c->p->code);
		return;
	}
	deaths = count_death(c);
	if (deaths >= DEATHS_MAX && !role_by_id(c->id)->expendable) {
		log_error("role %s died %u times in %u seconds: keyd gives up", role_name(c->id), deaths,
			  DEATHS_WITHIN / 1000000);
		parent_end(c->p, KEYD_FAILED);
		return;
	}
	loop_timer_set(c->restart, loop_now() + ((uint64_t)RESTART_FIRST << deaths) / 2);
}

static void channel_ended(struct ipc *ch, enum ipc_end why, void *arg)
{
	struct child *c = arg;

	ipc_close(ch);
	c->ch = NULL;
	if (c->pid && why != IPC_END_PEER)
		kill(c->pid, SIGKILL);
	if (!c->pid)
		gone(c);
}

int child_start(struct child *c)
{
	int fds[2], r = ipc_pair(fds);

	if (r)
		return r;
	c->pid = fork();
	if (c->pid == 0)
		become(c, fds[1]);
	r = -errno;
	close(fds[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(fds[0]);
		return r;
	}
	c->table = (struct ipc_table){ role_name(c->id), rules[c->id] ? rules[c->id] : from_any };
	c->ch = ipc_open(c->p->loop, fds[0], &c->table, channel_ended, c);
	if (!c->ch)
		return -ENOMEM;
	c->pinged = c->ponged = 0;
	log_debug("started: role=%s pid=%d", role_name(c->id), c->pid);
	handover_all(c);
	return 0;
}

int children_start(struct parent *p)
{
	int r = 0;

	for (unsigned int i = ROLE_KERN; !r && i < ROLES; i++) {
		struct child *c = &p->children[i];

		c->p = p;
		c->id = (enum role_id)i;
		c->restart = loop_timer_new(p->loop, restart, c);
		r = c->restart ? child_start(c) : -ENOMEM;
	}
	return r;
}

static void reaped(struct child *c, int status)
{
	c->last_pid = c->pid;
	c->status = status;
	c->pid = 0;
	if (!c->ch)
		gone(c);
}

void children_reap(struct parent *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned int i = 0; i < ROLES; i++)
			if (p->children[i].pid == pid)
				reaped(&p->children[i], status);
}

/* A role whose channel is closed ends by itself. */
void children_end(struct parent *p)
{
	for (unsigned int i = 0; i < ROLES; i++) {
		ipc_close(p->children[i].ch);
		p->children[i].ch = NULL;
	}
}

void children_kill(struct parent *p)
{
	for (unsigned int i = 0; i < ROLES; i++)
		if (p->children[i].pid)
			kill(p->children[i].pid, SIGKILL);
}

bool children_left(const struct parent *p)
{
	for (unsigned int i = 0; i < ROLES; i++)
		if (p->children[i].pid)
			return true;
	return false;
}

void children_free(struct parent *p)
{
	for (unsigned int i = 0; i < ROLES; i++) {
		ipc_close(p->children[i].ch);
		loop_timer_free(p->children[i].restart);
	}
}
