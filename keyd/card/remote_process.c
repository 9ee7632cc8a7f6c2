// SPDX-License-Identifier: MIT
// Starts keyd-card, as a user who may little.
#include "keyd/card/remote_process.h"

#include "keyd/card/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "keyd-card"
#define CANNOT_START 127	/* exit code, as a shell has it */

/* Its path; 0 or -1. */
static int beside_us(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size);
	char *slash;

	if (n <= 0 || (size_t)n >= size)
		return -1;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + sizeof(NAME) > size)
		return -1;
	memcpy(slash + 1, NAME, sizeof(NAME));
	return 0;
}

static int drop_root(void)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return 0;
	pw = getpwnam(CARD_REMOTE_USER);
	if (!pw)
		pw = getpwnam("nobody");
	return !pw || setgroups(0, NULL) || setgid(pw->pw_gid) || setuid(pw->pw_uid) || setuid(0) == 0 ? -1 : 0;
}

static void child(const char *path, const char *option, const char *what, int fd)
{
	char *argv[] = { (char *)NAME, (char *)option, (char *)what, NULL };

	if ((fd == CARD_WIRE_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, CARD_WIRE_FD)) >= 0 && !drop_root())
		execv(path, argv);
	fprintf(stderr, NAME ": %s: %s\n", path, strerror(errno));
	_exit(CANNOT_START);
}

int remote_process_begin(struct remote_process *p, const char *program, const char *option, const char *what,
			 char why[CARD_WHY_MAX])
{
	char path[PATH_MAX];
	int fds[2];

	if (program ? snprintf(path, sizeof(path), "%s", program) >= PATH_MAX : beside_us(path, sizeof(path)))
		snprintf(why, CARD_WHY_MAX, "cannot be used: " NAME " is not found");
	else if (access(path, X_OK))
		snprintf(why, CARD_WHY_MAX, "cannot be used: %.120s: %s", path, strerror(errno));
	else if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		snprintf(why, CARD_WHY_MAX, "cannot be used: %s", strerror(errno));
	else {
		p->pid = fork();
		if (!p->pid)
			child(path, option, what, fds[1]);
		close(fds[1]);
		p->fd = fds[0];
		if (p->pid > 0)
			return CARD_OK;
		snprintf(why, CARD_WHY_MAX, "cannot be used: fork: %s", strerror(errno));
		close(fds[0]);
	}
	return CARD_BROKEN;
}

void remote_process_end(struct remote_process *p, char *why)
{
	int status = 0;

	close(p->fd);
	/* One that is ending already has its exit code. */
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!why)
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		snprintf(why, CARD_WHY_MAX, "its process died of a signal: %s", strsignal(WTERMSIG(status)));
	else if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_START)
		snprintf(why, CARD_WHY_MAX, "its process could not be started");
	else
		snprintf(why, CARD_WHY_MAX, "its process is gone");
}
