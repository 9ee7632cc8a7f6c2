// SPDX-License-Identifier: MIT
/*
 * Plays a service manager with a descriptor store, as systemd is one: starts a program, keeps what it hands over
 * (FDSTORE=1), and starts it again whenever it ends, with what was kept (LISTEN_FDS).
 *
 *	manager SOCKET PROGRAM ARGUMENT...
 *
 * SIGUSR1 restarts the program by SIGTERM, SIGTERM ends both. "started PID" is printed at each start, "ready" when the
 * program says so, "stored NAME" and "removed NAME" as it hands over. PROGRAM is looked up anew each time.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#define STORE_MAX 32

static struct {
	int fd;
	char name[64];
} store[STORE_MAX];
static unsigned int stored;
static sigset_t handled;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		die(path);
	return fd;
}

static void forget(const char *name)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < stored; i++) {
		if (strcmp(store[i].name, name))
			store[kept++] = store[i];
		else
			close(store[i].fd);
	}
	if (kept != stored)
		printf("removed %s\n", name);
	stored = kept;
}

static void keep(const char *name, int fd)
{
	if (fd < 0 || stored == STORE_MAX)
		return;
	store[stored].fd = fd;
	snprintf(store[stored++].name, sizeof(store[0].name), "%s", name);
	printf("stored %s\n", name);
}

static void on_message(int sock)
{
	char text[1024] = "", name[64] = "stored";
	struct iovec io = { text, sizeof(text) - 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr mh = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	bool add = false, del = false;
	int fd = -1;

	if (recvmsg(sock, &mh, MSG_CMSG_CLOEXEC) < 0)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c))
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		add = add || !strcmp(line, "FDSTORE=1");
		del = del || !strcmp(line, "FDSTOREREMOVE=1");
		if (!strncmp(line, "FDNAME=", 7))
			snprintf(name, sizeof(name), "%s", line + 7);
		if (!strcmp(line, "READY=1"))
			printf("ready\n");
	}
	if (add)
		keep(name, fd);
	else if (fd >= 0)
		close(fd);
	if (del)
		forget(name);
}

static void become(char **argv, const char *path)
{
	char names[STORE_MAX * 65] = "", number[16];
	int high[STORE_MAX];

	sigprocmask(SIG_UNBLOCK, &handled, NULL);
	setenv("NOTIFY_SOCKET", path, 1);
	for (unsigned int i = 0; i < stored; i++) {
		high[i] = fcntl(store[i].fd, F_DUPFD_CLOEXEC, 100);
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ":" : "", store[i].name);
	}
	for (unsigned int i = 0; i < stored; i++)
		dup2(high[i], 3 + (int)i);
	if (stored) {
		snprintf(number, sizeof(number), "%u", stored);
		setenv("LISTEN_FDS", number, 1);
		setenv("LISTEN_FDNAMES", names, 1);
		snprintf(number, sizeof(number), "%d", (int)getpid());
		setenv("LISTEN_PID", number, 1);
	}
	execv(argv[0], argv);
	die(argv[0]);
}

static pid_t start(char **argv, const char *path)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		become(argv, path);
	printf("started %d\n", (int)pid);
	return pid;
}

int main(int argc, char **argv)
{
	struct pollfd p[2];
	pid_t pid;
	int sock;

	if (argc < 3) {
		fprintf(stderr, "usage: manager SOCKET PROGRAM ARGUMENT...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&handled);
	sigaddset(&handled, SIGCHLD);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGUSR1);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	sock = open_socket(argv[1]);
	p[0] = (struct pollfd){ .fd = sock, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = signalfd(-1, &handled, SFD_CLOEXEC), .events = POLLIN };
	pid = start(argv + 2, argv[1]);
	for (;;) {
		struct signalfd_siginfo si;

		if (poll(p, 2, -1) < 0)
			die("poll");
		if (p[0].revents)
			on_message(sock);
		if (!p[1].revents || read(p[1].fd, &si, sizeof(si)) != sizeof(si))
			continue;
		if (si.ssi_signo != SIGCHLD)
			kill(pid, SIGTERM);
		if (si.ssi_signo == SIGTERM) {
			int status = 0;

			waitpid(pid, &status, 0);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
		if (si.ssi_signo == SIGCHLD && waitpid(pid, NULL, WNOHANG) == pid)
			pid = start(argv + 2, argv[1]);
	}
}
