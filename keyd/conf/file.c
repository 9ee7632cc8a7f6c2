// SPDX-License-Identifier: MIT
// Files read whole, from one descriptor, so that what was checked is what is read.
#include "keyd/conf/file.h"
#include "keyd/util/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A secret is fit for use when only root and we can read or change it. */
static void file_exposure(struct conf_file *f, const struct stat *st, const char *path)
{
	f->exposed[0] = 0;
	if (st->st_uid != 0 && st->st_uid != geteuid())
		snprintf(f->exposed, sizeof(f->exposed),
			 "this file holds secrets and belongs to user %u, who is neither root nor us: chown root %s",
			 (unsigned)st->st_uid, path);
	else if (st->st_mode & 077)
		snprintf(f->exposed, sizeof(f->exposed), "this file holds secrets and others can %s it: chmod 600 %s",
			 st->st_mode & 044 ? "read" : st->st_mode & 022 ? "write" : "execute", path);
}

static int file_slurp(struct conf_file *f, int fd, size_t max)
{
	while (f->n <= max) {
		ssize_t got = read(fd, f->text + f->n, max + 1 - f->n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		f->n += (size_t)got;
	}
	return -EFBIG;
}

/* The size that fstat says is the room we give; a file that grows meanwhile is refused rather than cut. */
static int file_take(struct conf_file *f, int fd, size_t max, const char *path, char *why, size_t n)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0) {
		r = -errno;
		snprintf(why, n, "cannot be read: %s", strerror(-r));
		return r;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, n, "is not a regular file");
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	if (st.st_size < 0 || (size_t)st.st_size > max) {
		snprintf(why, n, "is larger than %zu bytes", max);
		return -EFBIG;
	}
	file_exposure(f, &st, path);
	f->text = calloc(1, (size_t)st.st_size + 3);
	r = f->text ? file_slurp(f, fd, (size_t)st.st_size) : -ENOMEM;
	if (r == -EFBIG)
		snprintf(why, n, "changes while it is read");
	else if (r < 0)
		snprintf(why, n, "cannot be read: %s", strerror(-r));
	else
		f->text[f->n] = f->text[f->n + 1] = 0;
	return r;
}

int conf_file_read(struct conf_file *f, const char *path, size_t max, char *why, size_t n)
{
	int fd, r;

	*f = (struct conf_file){ 0 };
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);	/* O_NONBLOCK: a FIFO must not hang us */
	if (fd < 0) {
		r = -errno;
		snprintf(why, n, "cannot be opened: %s", strerror(-r));
		return r;
	}
	r = file_take(f, fd, max, path, why, n);
	close(fd);
	if (r < 0)
		conf_file_clear(f);
	return r;
}

void conf_file_clear(struct conf_file *f)
{
	if (f->text) {
		secret_cleanse(f->text, f->n);
		free(f->text);
	}
	*f = (struct conf_file){ 0 };
}
