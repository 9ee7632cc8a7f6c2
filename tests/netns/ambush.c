// SPDX-License-Identifier: MIT
/*
 * Kills whoever works on a datagram, as a mistake in its decoder would: follows the processes of one name that a parent
 * starts one after the other, and lies in wait for first requests of IKE (IKE_SA_INIT from an initiator).
 *
 *	ambush PARENT NAME TIMES
 *
 * A process that has received one is ended by SIGKILL at its next system call other than to receive or to wait, which is in
 * the middle of its work. "killed PID" is printed each time, "waiting PID" when one is lain in wait for. It ends after TIMES.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/ptrace.h>

#define HEADER 28			/* of an IKE message (RFC 7296 3.1) */
#define EXCHANGE_AT 18
#define IKE_SA_INIT 34

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static bool named(pid_t pid, const char *name)
{
	char path[40], title[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	(void)!fread(title, 1, sizeof(title) - 1, f);
	fclose(f);
	return !strcmp(title, name);
}

/* The parent's child of that name; 0: there is none now. */
static pid_t child_of(pid_t parent, const char *name)
{
	char path[60];
	FILE *f;
	int pid;
	pid_t found = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	f = fopen(path, "r");
	if (!f)
		die(path);
	while (!found && fscanf(f, "%d", &pid) == 1)
		if (named(pid, name))
			found = pid;
	fclose(f);
	return found;
}

static bool peek(pid_t pid, uint64_t from, void *to, size_t n)
{
	struct iovec here = { to, n }, there = { (void *)(uintptr_t)from, n };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

/* Has it received one, by recvmsg with this header? */
static bool received(pid_t pid, uint64_t header)
{
	uint8_t h[HEADER], zero[8] = { 0 };
	struct msghdr mh = { 0 };
	struct iovec io = { 0 };

	return peek(pid, header, &mh, sizeof(mh)) && peek(pid, (uintptr_t)mh.msg_iov, &io, sizeof(io)) &&
	       peek(pid, (uintptr_t)io.iov_base, h, sizeof(h)) && !memcmp(h + 8, zero, 8) && h[EXCHANGE_AT] == IKE_SA_INIT;
}

static bool waits(uint64_t call)
{
	return call == SYS_recvmsg || call == SYS_epoll_wait || call == SYS_epoll_pwait || call == SYS_epoll_pwait2;
}

/* One stop at a system call. True: it is in the middle of it. */
static bool caught(pid_t pid)
{
	static uint64_t header;
	static bool working;
	struct ptrace_syscall_info si;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(si), &si) < 0)
		return false;
	if (si.op == PTRACE_SYSCALL_INFO_ENTRY) {
		header = si.entry.nr == SYS_recvmsg ? si.entry.args[1] : 0;
		if (working && !waits(si.entry.nr)) {
			working = false;
			return true;
		}
		working = false;
	} else if (si.op == PTRACE_SYSCALL_INFO_EXIT && header) {
		working = si.exit.rval >= HEADER && received(pid, header);
		header = 0;
	}
	return false;
}

/* Until it is killed, by us (true) or by somebody else. */
static bool lie_in_wait(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) || ptrace(PTRACE_INTERRUPT, pid, 0, 0))
		return false;
	printf("waiting %d\n", (int)pid);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		int signo = WSTOPSIG(status), pass = 0;

		if (signo == (SIGTRAP | 0x80)) {
			if (caught(pid)) {
				kill(pid, SIGKILL);
				waitpid(pid, &status, 0);
				printf("killed %d\n", (int)pid);
				return true;
			}
		} else if (status >> 16 != PTRACE_EVENT_STOP) {
			pass = signo;
		}
		ptrace(PTRACE_SYSCALL, pid, 0, pass);
	}
	return false;
}

int main(int argc, char **argv)
{
	unsigned long times = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;

	if (!times) {
		fprintf(stderr, "usage: ambush PARENT NAME TIMES\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (times) {
		pid_t pid = child_of(atoi(argv[1]), argv[2]);

		if (pid && lie_in_wait(pid))
			times--;
		else
			usleep(2000);
	}
	return 0;
}
