// SPDX-License-Identifier: MIT
// Descriptors that a service manager holds for the next keyd, and the file in memory where there is none.
#include "keyd/roles/store.h"

#include "keyd/roles/notify.h"
#include "keyd/roles/state.h"
#include "keyd/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define FIRST_FD 3			/* SD_LISTEN_FDS_START */
#define FDS_MAX 64
#define NAME "state"
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
/* A worker of a daemon that was killed may take this long to notice. */
#define LEND_TRIES 200
#define LEND_WAIT 10000			/* µs */

/* What the manager calls the sockets of nat-port: those of first requests, and the others. */
static const char *const socket_names[2] = { "udp-nat", "udp-nat-first" };

/* --- from the manager --- */

static bool is_records(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && (fcntl(fd, F_GET_SEALS) & SEALS) == SEALS && state_is(fd);
}

/* A socket that an earlier keyd has bound and prepared. False: it is none, or not one that we know. */
static bool take_socket(struct sockets *s, int fd, const char *name)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	struct message_socket w = { .nat = true };
	int type = 0;
	socklen_t len = sizeof(type);

	while (strcmp(name, socket_names[w.first])) {
		if (w.first)
			return false;
		w.first = true;
	}
	if (s->n == SOCKETS_MAX || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_DGRAM ||
	    getsockname(fd, (struct sockaddr *)&ss, &n) ||
	    ipsec_addr_from_sockaddr(&w.addr, &w.port, (struct sockaddr *)&ss, n))
		return false;
	s->s[s->n].fd = fd;
	s->s[s->n++].where = w;
	return true;
}

static void take(struct store *st, int fd, const char *name)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (!strcmp(name, NAME) && st->fd < 0 && is_records(fd))
		st->fd = fd;
	else if (!take_socket(&st->sockets, fd, name))
		close(fd);
}

void store_inherit(struct store *st)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *all = getenv("LISTEN_FDNAMES");
	unsigned long n = fds ? strtoul(fds, NULL, 10) : 0;
	char names[2048], *rest = names, *name;

	*st = (struct store){ .fd = -1 };
	snprintf(names, sizeof(names), "%s", all ? all : "");
	for (unsigned int i = 0; pid && strtoul(pid, NULL, 10) == (unsigned long)getpid() && i < n && i < FDS_MAX; i++) {
		name = strsep(&rest, ":");
		take(st, FIRST_FD + (int)i, name ? name : "");
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* --- records --- */

static int fresh_memory(void)
{
	int fd = memfd_create("gapless-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : state_format(fd);

	if (!r && fcntl(fd, F_ADD_SEALS, SEALS))
		r = -errno;
	if (r && fd >= 0)
		close(fd);
	return r ? r : fd;
}

static bool in_memory(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static bool ours_alone(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1 && !(st.st_mode & 077);
}

/* Never on a disk: the keys of every SA are in it. */
static int file(const char *dir)
{
	int at = open(dir, O_DIRECTORY | O_CLOEXEC), fd = -1, r = 0;

	if (at < 0)
		return -errno;
	if (!in_memory(at)) {
		log_notice("%s is not in memory (tmpfs), and no service manager holds descriptors: a restart negotiates anew", dir);
		close(at);
		return -1;
	}
	fd = openat(at, STORE_FILE_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (!ours_alone(fd) || !state_is(fd))) {
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		unlinkat(at, STORE_FILE_NAME, 0);
		fd = openat(at, STORE_FILE_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		r = fd < 0 ? -errno : state_format(fd);
	}
	close(at);
	if (r && fd >= 0)
		close(fd);
	return r ? r : fd;
}

void store_open(struct store *st, const char *dir)
{
	if (st->fd < 0 && notify_manager()) {
		st->fd = fresh_memory();
		notify_send("FDSTOREREMOVE=1\nFDNAME=" NAME);
		if (st->fd >= 0)
			notify_send_fd("FDSTORE=1\nFDPOLL=0\nFDNAME=" NAME, st->fd);
	} else if (st->fd < 0) {
		st->fd = file(dir);
	}
	if (st->fd < -1)
		log_warning("no memory outlives keyd, a restart negotiates anew: error=\"%s\"", strerror(-st->fd));
	if (st->fd < 0)
		st->fd = -1;
}

/* Locks belong to what open() made: so each role has its own, and two of them never write at once. */
int store_lend(const struct store *st)
{
	char path[40];
	int fd;

	if (st->fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", st->fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < LEND_TRIES; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return fd;
		usleep(LEND_WAIT);
	}
	log_warning("the records of another keyd are in use, or cannot be opened: a restart negotiates anew: error=\"%s\"",
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

void store_sockets(const struct sockets *s)
{
	char text[80];

	if (!notify_manager())
		return;
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", socket_names[i]);
		notify_send(text);
	}
	for (unsigned int i = 0; i < s->n; i++) {
		if (!s->s[i].where.nat)
			continue;
		snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", socket_names[s->s[i].where.first]);
		notify_send_fd(text, s->s[i].fd);
	}
}

void store_close(struct store *st)
{
	if (st->fd >= 0)
		close(st->fd);
	st->fd = -1;
	sockets_close(&st->sockets);
}
