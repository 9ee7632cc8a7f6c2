// SPDX-License-Identifier: MIT
// Processes of keyd-card.
#include "keyd/roles/card_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "keyd-card"
#define CANNOT_START 127		/* exit code, as a shell has it */
#define LAST_WORDS 100000u		/* µs for what a process has said before its death */

struct process {
	struct list link;
	struct processes *all;
	uint32_t number;
	pid_t pid;			/* 0: it has been reaped */
	int status;
	struct ipc *ch;			/* NULL: it has ended, or nobody listens any more */
	struct ipc_table table;
	struct loop_timer *end;		/* after its death: a child of its own may keep the channel open */
	bool killed;
};

static struct process *by_number(const struct processes *p, uint32_t number)
{
	list_each(x, &p->all, struct process, link)
		if (x->number == number && !x->killed)
			return x;
	return NULL;
}

static void process_free(struct process *x)
{
	ipc_close(x->ch);
	loop_timer_free(x->end);
	list_del(&x->link);
	free(x);
}

/* It is reaped, and its last words have been read. */
static void gone(struct process *x)
{
	struct processes *p = x->all;
	int code = WIFEXITED(x->status) ? WEXITSTATUS(x->status) : -1;
	uint32_t number = x->number;
	bool killed = x->killed;

	process_free(x);
	if (!killed)
		p->ended(number, code);
}

static void on_late(void *arg)
{
	gone(arg);
}

static void on_channel_end(struct ipc *ch, enum ipc_end why, void *arg)
{
	struct process *x = arg;

	(void)why;
	ipc_close(ch);
	x->ch = NULL;
	if (x->pid)
		kill(x->pid, SIGKILL);
	else
		gone(x);
}

static void reaped(struct process *x, int status)
{
	x->status = status;
	x->pid = 0;
	if (WIFSIGNALED(status) && !x->killed)
		log_debug("a token's process died: signal=%d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (x->ch)
		loop_timer_set(x->end, loop_now() + LAST_WORDS);
	else
		gone(x);
}

static void on_child(void *arg, int signo)
{
	struct processes *p = arg;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		list_each(x, &p->all, struct process, link)	/* NOLINT(clang-analyzer-unix.Malloc): see list_del */
			if (x->pid == pid) {
				reaped(x, status);
				break;
			}
}

static int on_message(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct process *x = arg;

	(void)ch;
	return x->killed ? 0 : x->all->said(x->number, m->type, m->id, m->body);
}

static const struct ipc_rule rules[] = {
	{ CARD_WIRE_READY, false, 0, 64, on_message },
	{ CARD_WIRE_TOKEN, false, sizeof(struct card_token), sizeof(struct card_token), on_message },
	{ CARD_WIRE_KEY, false, 1, CARD_WIRE_KEY_MAX, on_message },
	{ CARD_WIRE_SIGNATURE, false, 1, CRYPTO_SIG_MAX, on_message },
	{ CARD_WIRE_DONE, false, sizeof(struct card_wire_done), sizeof(struct card_wire_done), on_message },
	{ CARD_WIRE_CHANGED, false, 0, 0, on_message },
	{ CARD_WIRE_READERS, false, 0, CARD_WIRE_READERS_MAX * sizeof(struct card_wire_reader), on_message },
	{ CARD_WIRE_PCSCD, false, 0, 0, on_message },
	{ 0 },
};

/* --- starting one --- */

/* In the new process. Does not return. */
static void become(const struct processes *p, enum hub_kind kind, const char *what, int fd)
{
	static const char *const modes[] = {
		[HUB_MODULE] = "--module", [HUB_READER] = "--reader", [HUB_WATCH_READERS] = "--watch-readers",
		[HUB_WATCH_MODULE] = "--watch-module",
	};
	static const char *const levels[] = { "error", "warning", "notice", "info", "debug" };
	const char *argv[8] = { PROGRAM, "--log-level", levels[p->options->level], modes[kind] };
	unsigned n = 4;

	if (kind != HUB_WATCH_READERS)
		argv[n++] = what;
	if (p->options->target == LOG_TARGET_SYSLOG)
		argv[n++] = "--syslog";
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (fd == CARD_WIRE_FD ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, CARD_WIRE_FD) >= 0)
		execveat(p->program, "", (char *const *)argv, environ, AT_EMPTY_PATH);
	_exit(CANNOT_START);
}

static int adopt(struct processes *p, struct process *x, int fd)
{
	x->table = (struct ipc_table){ PROGRAM, rules };
	x->end = loop_timer_new(p->loop, on_late, x);
	x->ch = x->end ? ipc_open(p->loop, fd, &x->table, on_channel_end, x) : NULL;
	if (!x->end)
		close(fd);
	return x->ch ? 0 : -1;
}

uint32_t process_start(struct processes *p, enum hub_kind kind, const char *what)
{
	struct process *x = p->program >= 0 ? calloc(1, sizeof(*x)) : NULL;
	int fds[2];

	if (!x)
		return 0;
	list_init(&x->link);
	if (ipc_pair(fds)) {
		free(x);
		return 0;
	}
	x->all = p;
	x->number = ++p->last;
	x->pid = fork();
	if (x->pid == 0)
		become(p, kind, what, fds[1]);
	close(fds[1]);
	if (x->pid < 0) {
		close(fds[0]);
		free(x);
		return 0;
	}
	list_add_tail(&p->all, &x->link);
	if (!adopt(p, x, fds[0]))
		return x->number;
	x->killed = true;
	kill(x->pid, SIGKILL);
	return 0;
}

void process_kill(struct processes *p, uint32_t number)
{
	struct process *x = by_number(p, number);

	if (!x)
		return;
	x->killed = true;
	ipc_close(x->ch);
	x->ch = NULL;
	if (x->pid)
		kill(x->pid, SIGKILL);
	else
		process_free(x);
}

void process_send(struct processes *p, uint32_t number, uint16_t type, uint32_t id, const struct view *parts, unsigned n)
{
	struct process *x = by_number(p, number);

	/* A channel that takes no more is dead, and says so by itself. */
	if (x)
		ipc_sendv(x->ch, type, id, parts, n, -1);
}

/* Beside our own program. Opened now: its folder may be closed to the user that we become. */
static int find_program(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
	char *slash;
	int fd;

	if (n <= 0 || (size_t)n >= sizeof(path))
		return -1;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash || slash + 1 + sizeof(PROGRAM) > path + sizeof(path))
		return -1;
	memcpy(slash + 1, PROGRAM, sizeof(PROGRAM));
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		log_warning("tokens cannot be used: %s: %s", path, strerror(errno));
	return fd;
}

int processes_prepare(struct processes *p)
{
	list_init(&p->all);
	p->program = find_program();
	p->child = loop_signal_new(p->loop, SIGCHLD, on_child, p);
	return p->child ? 0 : -1;
}

void processes_free(struct processes *p)
{
	list_each(x, &p->all, struct process, link) {
		if (x->pid)
			kill(x->pid, SIGKILL);
		process_free(x);
	}
	loop_signal_free(p->child);
	if (p->program >= 0)
		close(p->program);
}
