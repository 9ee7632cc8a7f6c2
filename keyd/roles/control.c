// SPDX-License-Identifier: MIT
// The directory at run time and the control socket in it.
#include "keyd/roles/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 256

static int make_dir(const char *path, char *why, size_t n)
{
	int r;

	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return 0;
	r = -errno;
	snprintf(why, n, "%s cannot be made: %s", path, strerror(errno));
	return r;
}

/* A socket that nobody listens on was left by a keyd that was killed. */
static int remove_stale(const struct sockaddr_un *un, char *why, size_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)un, sizeof(*un));
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (!r) {
		snprintf(why, n, "another keyd runs and listens on %s", un->sun_path);
		return -EADDRINUSE;
	}
	if (error == ECONNREFUSED)
		unlink(un->sun_path);
	return 0;
}

static int listen_on(const struct sockaddr_un *un, gid_t gid)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t old = umask(0177);
	int r = fd < 0 || bind(fd, (const struct sockaddr *)un, sizeof(*un)) ? -errno : 0;

	umask(old);
	if (!r && (chown(un->sun_path, 0, gid) || chmod(un->sun_path, 0660) || listen(fd, BACKLOG)))
		r = -errno;
	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	return r;
}

static int write_pid(const char *dir, char *why, size_t n)
{
	char path[256];
	FILE *f;
	int r = 0;

	snprintf(path, sizeof(path), "%s/" PID_FILE_NAME, dir);
	f = fopen(path, "we");
	if (!f || fprintf(f, "%d\n", getpid()) < 0)
		r = -errno;
	if (f && fclose(f))
		r = -errno;
	if (r)
		snprintf(why, n, "%s cannot be written: %s", path, strerror(-r));
	return r;
}

int control_open(const char *dir, gid_t gid, char *why, size_t n)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char empty[256];
	int r;

	if ((size_t)snprintf(un.sun_path, sizeof(un.sun_path), "%s/" CONTROL_SOCKET_NAME, dir) >=
	    sizeof(un.sun_path)) {
		snprintf(why, n, "the name of the directory %.64s… is too long for a socket", dir);
		return -ENAMETOOLONG;
	}
	snprintf(empty, sizeof(empty), "%s/empty", dir);
	r = make_dir(dir, why, n);
	r = r ? r : make_dir(empty, why, n);
	r = r ? r : remove_stale(&un, why, n);
	r = r ? r : write_pid(dir, why, n);
	if (r)
		return r;
	r = listen_on(&un, gid);
	if (r < 0)
		snprintf(why, n, "the control socket %s cannot be made: %s", un.sun_path, strerror(-r));
	return r;
}

void control_unlink(const char *dir)
{
	static const char *const names[] = { CONTROL_SOCKET_NAME, PID_FILE_NAME };
	char path[256];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
}
