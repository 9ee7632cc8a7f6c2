// SPDX-License-Identifier: MIT
// The system calls of each role: what kills, what is refused, what goes on working.
#include "keyd/roles/sandbox.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The table of roles stays out of this test. */
const char *role_name(unsigned int id)
{
	static const char *const names[ROLES] = { "parent", "kern", "ike", "auth", "ctl", "trust", "fetch", "card" };

	return names[id];
}

/* Runs fn as such a role; returns the status as of waitpid. */
static int as(enum role_id id, int (*fn)(void))
{
	char why[200] = "";
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (sandbox_seccomp(id, why, sizeof(why)))
			fputs(why, stderr);
		else
			syscall(SYS_exit_group, fn());
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int do_exec(void)
{
	return (int)syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static int do_fork(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int do_ptrace(void)
{
	return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static int do_accept(void)
{
	return syscall(SYS_accept4, -1, NULL, NULL, 0) == -1 && errno == EBADF ? 0 : 1;
}

static int do_map_code(void)
{
	return (int)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int do_refused(void)
{
	long fd = syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0);
	long file = errno == EACCES ? syscall(SYS_openat, -100, "/etc/passwd", 0) : 0;

	return fd == -1 && file == -1 && errno == EACCES ? 0 : 1;
}

static int do_ip(void)
{
	return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) < 0 || syscall(SYS_socket, AF_INET6, SOCK_DGRAM, 0) < 0;
}

static int do_no_ip(void)
{
	return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) != -1 || errno != EACCES;
}

static int do_connect(void)
{
	return syscall(SYS_connect, -1, NULL, 0) != -1 || errno != EBADF;
}

static int do_no_connect(void)
{
	return syscall(SYS_connect, -1, NULL, 0) != -1 || errno != EACCES;
}

static int do_netlink(void)
{
	return (int)syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0);
}

static int do_bind(void)
{
	return (int)syscall(SYS_bind, -1, NULL, 0);
}

static int do_memfd(void)
{
	return syscall(SYS_memfd_create, "x", 0) < 0;
}

static int do_daily_work(void)
{
	char byte;
	void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED || munmap(p, 65536) || syscall(SYS_getrandom, &byte, 1, 0) != 1 ||
	       recvmsg(-1, &(struct msghdr){ 0 }, 0) != -1 || errno != EBADF;
}

static const enum role_id roles[] = { ROLE_KERN, ROLE_IKE, ROLE_AUTH, ROLE_CTL, ROLE_TRUST, ROLE_FETCH };

static void killed(int status)
{
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void fine(int status)
{
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void no_role_runs_code_of_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		killed(as(roles[i], do_exec));
		killed(as(roles[i], do_fork));
		killed(as(roles[i], do_ptrace));
		killed(as(roles[i], do_map_code));
	}
}

static void files_and_sockets_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		fine(as(roles[i], do_refused));
}

static void daily_work_goes_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		fine(as(roles[i], do_daily_work));
}

static void only_ctl_accepts(void **state)
{
	(void)state;
	fine(as(ROLE_CTL, do_accept));
	killed(as(ROLE_IKE, do_accept));
	killed(as(ROLE_KERN, do_accept));
	killed(as(ROLE_AUTH, do_accept));
}

static void only_fetch_goes_out(void **state)
{
	(void)state;
	fine(as(ROLE_FETCH, do_ip));
	fine(as(ROLE_FETCH, do_connect));
	fine(as(ROLE_FETCH, do_memfd));
	killed(as(ROLE_FETCH, do_netlink));
	killed(as(ROLE_FETCH, do_bind));
	killed(as(ROLE_FETCH, do_accept));
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (roles[i] == ROLE_FETCH)
			continue;
		fine(as(roles[i], do_no_ip));
		fine(as(roles[i], do_no_connect));
		killed(as(roles[i], do_memfd));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_role_runs_code_of_others),
		cmocka_unit_test(files_and_sockets_are_refused),
		cmocka_unit_test(daily_work_goes_on),
		cmocka_unit_test(only_ctl_accepts),
		cmocka_unit_test(only_fetch_goes_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
