// SPDX-License-Identifier: MIT
// The system calls of each role; any other kills the process.
#include "keyd/roles/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define KERN (1u << ROLE_KERN)
#define IKE (1u << ROLE_IKE)
#define AUTH (1u << ROLE_AUTH)
#define CTL (1u << ROLE_CTL)
#define TRUST (1u << ROLE_TRUST)
#define FETCH (1u << ROLE_FETCH)
#define ALL (KERN | IKE | AUTH | CTL | TRUST | FETCH)

static const struct {
	int call;
	unsigned int roles;
} allowed[] = {
	/* The loop: libevent waits on epoll, wakes itself through an eventfd, and reads the clock. */
	{ SCMP_SYS(epoll_wait), ALL },
	{ SCMP_SYS(epoll_pwait), ALL },
	{ SCMP_SYS(epoll_pwait2), ALL },
	{ SCMP_SYS(epoll_ctl), ALL },
	{ SCMP_SYS(clock_gettime), ALL },	/* only where the vDSO cannot answer */
	{ SCMP_SYS(gettimeofday), ALL },	/* likewise */
	{ SCMP_SYS(time), ALL },		/* likewise; syslog's stamp */
	{ SCMP_SYS(restart_syscall), ALL },	/* the kernel's own, after a stop */
	{ SCMP_SYS(rt_sigreturn), ALL },	/* end of a signal handler */

	/*
	 * Channels between roles: one sendmsg and one recvmsg per message, poll where a dump waits for its reader. The
	 * same calls serve UDP, and sendto and recvmsg serve netlink.
	 */
	{ SCMP_SYS(sendmsg), ALL },
	{ SCMP_SYS(recvmsg), ALL },
	{ SCMP_SYS(poll), ALL },
	{ SCMP_SYS(ppoll), ALL },
	{ SCMP_SYS(close), ALL },
	{ SCMP_SYS(fcntl), ALL },		/* a queued descriptor is duplicated */

	/* The log: one writev to stderr, or one sendto to syslog. */
	{ SCMP_SYS(write), ALL },
	{ SCMP_SYS(writev), ALL },
	{ SCMP_SYS(sendto), ALL },
	{ SCMP_SYS(getpid), ALL },		/* syslog's [pid] */
	{ SCMP_SYS(gettid), ALL },

	/* malloc; nothing of it executable (see below). */
	{ SCMP_SYS(brk), ALL },
	{ SCMP_SYS(munmap), ALL },
	{ SCMP_SYS(mremap), ALL },
	{ SCMP_SYS(madvise), ALL },
	{ SCMP_SYS(futex), ALL },		/* OpenSSL's and malloc's locks */
	{ SCMP_SYS(getrandom), ALL },		/* nonces, SPIs, keys; hash seeds */

	/* The end, orderly or by abort(). */
	{ SCMP_SYS(exit), ALL },
	{ SCMP_SYS(exit_group), ALL },
	{ SCMP_SYS(rt_sigprocmask), ALL },
	{ SCMP_SYS(rt_sigaction), ALL },
	{ SCMP_SYS(tgkill), ALL },

	/* Records that outlive the role: their size; memory for them, which is then there and not swapped out. */
	{ SCMP_SYS(lseek), IKE },
	{ SCMP_SYS(fallocate), IKE },
	{ SCMP_SYS(mlock), IKE },

	/* Names and files from the network. */
	{ SCMP_SYS(connect), FETCH },		/* to servers by TCP; sockets that may do so: add_sockets() */
	{ SCMP_SYS(getpeername), FETCH },	/* evhttp, once it is connected */
	{ SCMP_SYS(recvfrom), FETCH },		/* answers of name servers */
	{ SCMP_SYS(readv), FETCH },		/* answers of servers */
	{ SCMP_SYS(shutdown), FETCH },		/* evhttp, before it closes */
	{ SCMP_SYS(memfd_create), FETCH },	/* what was fetched, … */
	{ SCMP_SYS(lseek), FETCH },		/* … which is read from its beginning */

	{ SCMP_SYS(pread64), TRUST },		/* revocation lists, from files that others have opened */

	{ SCMP_SYS(getsockopt), CTL | FETCH },	/* SO_PEERCRED of who connects; SO_ERROR of a connection that is made */
	{ SCMP_SYS(accept4), CTL },
	{ SCMP_SYS(recvfrom), KERN },		/* PF_KEY (--backend pfkey), … */
	{ SCMP_SYS(getsockopt), KERN },		/* … and how full its queue is */
	{ SCMP_SYS(setsockopt), KERN },		/* kern/await.c asks for more events, for a while */
	{ SCMP_SYS(read), ALL },		/* ctl: requests; all: libevent's own wake-up */
};

/* What libraries try and can do without: they are told no and go on. But what is allowed to a role above it may. */
static const int refused[] = {
	SCMP_SYS(openat),	/* a locale, a time zone, openssl.cnf; there is no file in the chroot anyway */
	SCMP_SYS(open),
	SCMP_SYS(connect),	/* syslog when its daemon was restarted: lines are lost, the role is not */
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstat),
	SCMP_SYS(ioctl),	/* stdio asks for a terminal */
	SCMP_SYS(readlink),
	SCMP_SYS(access),
};

static int add(scmp_filter_ctx ctx, uint32_t action, int call)
{
	int r = seccomp_rule_add(ctx, action, call, 0);

	return r == -EDOM ? 0 : r;	/* this machine has no such call */
}

/* Memory may be mapped and its rights changed, but never to executable. */
static int add_memory(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp not_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_exec);

	return r ? r : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_exec);
}

/* The fetch role goes out by IP; whatever else asks for a socket is told no (syslog, when its daemon was restarted). */
static int add_sockets(scmp_filter_ctx ctx, unsigned int role)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const struct scmp_arg_cmp local = SCMP_A0(SCMP_CMP_EQ, AF_UNIX);
	int r = 0;

	if (role != FETCH)
		return add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket));
	for (size_t i = 0; !r && i < sizeof(families) / sizeof(families[0]); i++) {
		const struct scmp_arg_cmp ip = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]);

		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, ip);
	}
	return r ? r : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, local);
}

static bool is_allowed(int call, unsigned int role)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i].call == call && (allowed[i].roles & role))
			return true;
	return false;
}

static int fill(scmp_filter_ctx ctx, unsigned int role)
{
	int r = add_memory(ctx);

	if (!r)
		r = add_sockets(ctx, role);
	for (size_t i = 0; !r && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i].roles & role)
			r = add(ctx, SCMP_ACT_ALLOW, allowed[i].call);
	for (size_t i = 0; !r && i < sizeof(refused) / sizeof(refused[0]); i++)
		if (!is_allowed(refused[i], role))
			r = add(ctx, SCMP_ACT_ERRNO(EACCES), refused[i]);
	return r;
}

int sandbox_seccomp(enum role_id id, char *why, size_t n)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = ctx ? fill(ctx, 1u << id) : -ENOMEM;

	if (!r)
		r = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	if (!r)
		return 0;
	snprintf(why, n, "role %s cannot give up its rights: seccomp: %s (the kernel needs CONFIG_SECCOMP_FILTER)",
		 role_name(id), strerror(-r));
	return -1;
}
