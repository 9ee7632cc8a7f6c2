// SPDX-License-Identifier: MIT
// Users, capabilities, file system and limits of a role.
#include "keyd/roles/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true		/* their run time opens /proc and calls what we do not know */
#else
#define SANITIZED false
#endif

#define NOBODY 65534

void sandbox_user(uid_t *uid, gid_t *gid)
{
	const struct passwd *pw = getpwnam(ROLE_USER);

	if (!pw)
		pw = getpwnam("nobody");
	*uid = pw ? pw->pw_uid : NOBODY;
	*gid = pw ? pw->pw_gid : NOBODY;
}

void sandbox_close_others(void)
{
	if (close_range(ROLE_CHANNEL_FD + 1, ~0u, 0) == 0)
		return;
	for (int fd = ROLE_CHANNEL_FD + 1; fd < 1024; fd++)	/* before Linux 5.9 */
		close(fd);
}

static int failed(char *why, size_t n, const struct role *role, const char *what)
{
	snprintf(why, n, "role %s cannot give up its rights: %s: %s", role->name, what, strerror(errno));
	return -1;
}

static int set_groups(const struct role *role, uid_t uid, gid_t gid)
{
	const struct passwd *pw = role->groups ? getpwuid(uid) : NULL;

	return pw ? initgroups(pw->pw_name, gid) : setgroups(0, NULL);
}

static int drop_user(const struct role *role, char *why, size_t n)
{
	uid_t uid;
	gid_t gid;

	sandbox_user(&uid, &gid);
	if (set_groups(role, uid, gid))
		return failed(why, n, role, "setgroups");
	capng_clear(CAPNG_SELECT_ALL);
	if (role->cap != ROLE_NO_CAP)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned int)role->cap);
	if (capng_change_id((int)uid, (int)gid, (role->groups ? 0 : CAPNG_DROP_SUPP_GRP) | CAPNG_CLEAR_BOUNDING))
		return failed(why, n, role, "capabilities");
	if (setuid(0) == 0 || geteuid() == 0) {
		errno = EPERM;
		return failed(why, n, role, "still root");
	}
	return 0;
}

/*
 * What is allocated later must be locked as well, and by then there is no CAP_IPC_LOCK: only a limit without end allows
 * that. A container may forbid to raise it; then at least what is there now is locked.
 */
static int lock_memory(const struct role *role, char *why, size_t n)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int what = MCL_CURRENT | MCL_FUTURE;

	if (SANITIZED)
		return 0;
	if (setrlimit(RLIMIT_MEMLOCK, &all)) {
		what = MCL_CURRENT;
		log_notice("no right to lock all memory (CAP_SYS_RESOURCE): secrets could be written to swap: role=%s",
			   role->name);
	}
	return mlockall(what) ? failed(why, n, role, "mlockall") : 0;
}

int sandbox_enter(const struct role *role, const struct options *o, char *why, size_t n)
{
	bool whole = !SANITIZED && !o->no_sandbox;
	char empty[256];

	if (setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }))
		return failed(why, n, role, "RLIMIT_CORE");
	if (role->lock_memory && lock_memory(role, why, n))
		return -1;
	if (role->lock_some)		/* where that is forbidden, it locks as much as it may */
		(void)!setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	snprintf(empty, sizeof(empty), "%s/empty", o->run_dir);
	if (whole && role->chroot && chroot(empty))
		return failed(why, n, role, empty);
	if (chdir("/"))
		return failed(why, n, role, "chdir");
	if (drop_user(role, why, n))
		return -1;
	/* Without the parent there is nobody to work for; the next one may be there at once. A change of user clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return failed(why, n, role, "parent's death");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return failed(why, n, role, "no_new_privs");
	if (role->undumpable && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return failed(why, n, role, "undumpable");
	return whole && !role->any_call ? sandbox_seccomp(role_by_name(role->name), why, n) : 0;
}
