// SPDX-License-Identifier: MIT
// Runs a program of the user's and waits for it, but not for ever.
#include "keyd/front/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 32

/* Why it is not run; NULL: it may be. */
static const char *unfit(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode) || access(path, X_OK))
		return "it is no program";
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return "it belongs to somebody who is neither root nor us";
	return st.st_mode & 022 ? "others can change it: chmod go-w" : NULL;
}

/* In the new process. */
static void become(char *const *words, const struct hook_env *e)
{
	int null = open("/dev/null", O_RDWR);

	if (null >= 0)
		dup2(null, 0);
	signal(SIGPIPE, SIG_DFL);
	execve(words[0], words, (char *const *)e->value);
	_exit(127);
}

/* Its status as of waitpid; -1: it took too long, and was killed. */
static int wait_for(pid_t pid)
{
	int status;

	for (unsigned i = 0; i < HOOK_SECONDS * 50; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(20000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static void tell(const char *path, int status)
{
	if (status == -1)
		hook_say("%s: killed: it took longer than %u s", path, HOOK_SECONDS);
	else if (WIFSIGNALED(status))
		hook_say("%s: ended by signal %d", path, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		hook_say("%s: ended with %d", path, WEXITSTATUS(status));
}

void hook_run(const char *command, const char *word, const struct hook_env *e)
{
	char *copy = strdup(command), *words[WORDS_MAX + 2] = { NULL }, *save = NULL;
	const char *why;
	unsigned n = 0;
	pid_t pid;

	for (char *w = copy ? strtok_r(copy, " \t", &save) : NULL; w && n < WORDS_MAX; w = strtok_r(NULL, " \t", &save))
		words[n++] = w;
	words[n] = (char *)(uintptr_t)word;
	why = n ? unfit(words[0]) : "out of memory";
	pid = why ? 0 : fork();
	if (!why && !pid)
		become(words, e);
	if (why || pid < 0)
		hook_say("%s is not run: %s", command, why ?: strerror(errno));
	else
		tell(words[0], wait_for(pid));
	free(copy);
}
