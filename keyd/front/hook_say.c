// SPDX-License-Identifier: MIT
// Where keyd-hook's words go: to whoever started it, and later to syslog.
#include "keyd/front/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static bool away;

void hook_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (away) {
		vsyslog(LOG_NOTICE, fmt, ap);
	} else {
		fputs("keyd-hook: ", stderr);
		vfprintf(stderr, fmt, ap);
		putc('\n', stderr);
	}
	va_end(ap);
}

static int write_pid(int fd)
{
	return ftruncate(fd, 0) || dprintf(fd, "%d\n", (int)getpid()) < 0 ? -errno : 0;
}

/* The file is made before, as only then somebody hears of it. */
int hook_background(const char *pid_file)
{
	int fd = open(pid_file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644), r = fd < 0 ? -errno : 0;

	if (!r && daemon(0, 0))
		r = -errno;
	if (r) {
		hook_say("%s: %s", pid_file, strerror(-r));
		return r;
	}
	openlog("keyd-hook", LOG_PID, LOG_DAEMON);
	away = true;
	r = write_pid(fd);
	close(fd);
	if (r)
		hook_say("%s: %s", pid_file, strerror(-r));
	return r;
}
