// SPDX-License-Identifier: MIT
/* Runs a command with its output thrown away and prints what it and its children took: "USER SYSTEM WALL RSS", in microseconds and KB. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long microseconds(const struct timeval *t)
{
	return t->tv_sec * 1000000LL + t->tv_usec;
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	long long begin = now();
	struct rusage used;
	pid_t child;
	int err, status;

	if (argc < 2) {
		fprintf(stderr, "usage: measure COMMAND ARG...\n");
		return 2;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(&child, argv[1], &actions, NULL, argv + 1, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err) {
		fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(err));
		return 2;
	}
	while (wait4(child, &status, 0, &used) < 0)
		if (errno != EINTR)
			return 2;
	printf("%lld %lld %lld %ld\n", microseconds(&used.ru_utime), microseconds(&used.ru_stime), now() - begin,
	       used.ru_maxrss);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	fprintf(stderr, "measure: %s failed (status %#x)\n", argv[1], status);
	return 1;
}
