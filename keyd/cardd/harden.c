// SPDX-License-Identifier: MIT
// Rights, descriptors and cores of a worker.
#include "keyd/cardd/harden.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A module that reads or prints must find neither a terminal nor somebody else's pipe. */
static int no_terminal(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -1;
	return null > STDERR_FILENO ? close(null) : 0;
}

/* All but what is below next, and keep. */
static void close_others(int keep)
{
	if (keep > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)keep - 1, 0);
	if (close_range((unsigned)keep + 1, ~0u, 0) == 0)
		return;
	for (int fd = keep + 1; fd < 1024; fd++)	/* before Linux 5.9 */
		close(fd);
}

int harden(int fd)
{
	const struct rlimit none = { 0, 0 };

	if (no_terminal())
		return -1;
	close_others(fd);
	umask(077);
	/* Without whoever started it there is nobody to work for, and a module that blocks would not notice. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -1;
	if (setrlimit(RLIMIT_CORE, &none) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -1;
	return 0;
}
