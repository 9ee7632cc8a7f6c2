// SPDX-License-Identifier: MIT
// Messages to those who started us.
#include "keyd/roles/notify.h"

#include "keyd/util/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un manager;	/* sun_path empty: there is none */
static socklen_t manager_len;
static uint64_t watchdog;		/* µs; 0: nobody asks */
static int waiting_fd = -1;		/* to the process that waits in the foreground */

/* Meant for us, or for whoever has started us? (sd_watchdog_enabled(3)) */
static void open_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long n = usec ? strtoull(usec, NULL, 10) : 0;

	if (manager_len && n >= 1000 && n < UINT64_MAX / 2 && (!pid || strtol(pid, NULL, 10) == (long)getpid()))
		watchdog = n;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

uint64_t notify_watchdog(void)
{
	return watchdog;
}

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n > 1 && n < sizeof(manager.sun_path) && (*path == '/' || *path == '@')) {
		manager.sun_family = AF_UNIX;
		memcpy(manager.sun_path, path, n);
		manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
		if (*path == '@')
			manager.sun_path[0] = 0;
	}
	unsetenv("NOTIFY_SOCKET");
	open_watchdog();
}

bool notify_manager(void)
{
	return manager_len != 0;
}

void notify_send_fd(const char *state, int passed)
{
	struct iovec io = { (void *)(uintptr_t)state, strlen(state) };
	struct msghdr mh = { .msg_name = &manager, .msg_namelen = manager_len, .msg_iov = &io, .msg_iovlen = 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = "" };
	int fd = manager_len ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

	if (fd < 0)
		return;
	if (passed >= 0) {
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control.bytes);
		*CMSG_FIRSTHDR(&mh) = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
							.cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&mh)), &passed, sizeof(passed));
	}
	/* A manager that does not listen is its own affair. */
	if (sendmsg(fd, &mh, MSG_NOSIGNAL) < 0)
		manager_len = 0;
	close(fd);
}

void notify_send(const char *state)
{
	notify_send_fd(state, -1);
}

void notify_reloading(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)loop_now());
	notify_send(text);
}

int background_start(void)
{
	unsigned char code = 1;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(fds[0]);
		waiting_fd = fds[1];
		setsid();
		return 0;
	}
	close(fds[1]);
	while (read(fds[0], &code, 1) < 0 && errno == EINTR)
		;
	_exit(code);
}

void background_done(int code)
{
	unsigned char byte = (unsigned char)code;
	int null;

	if (waiting_fd < 0)
		return;
	if (write(waiting_fd, &byte, 1) != 1)
		code = 0;	/* nobody waits any more */
	close(waiting_fd);
	waiting_fd = -1;
	if (code)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (chdir("/"))
		return;
}
