// SPDX-License-Identifier: MIT
// A folder of files: a line with length and URL, then the bytes. The name is the hash of the URL.
#include "keyd/roles/cache.h"

#include "keyd/crypto/alg.h"
#include "keyd/crypto/hash.h"
#include "keyd/roles/folder.h"
#include "keyd/roles/message.h"
#include "keyd/util/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "gapless-cache 1 "
#define HEAD_MAX (sizeof(MAGIC) + 24 + MESSAGE_URL_MAX)
#define NAME_LEN (2 * CRYPTO_SHA256_LEN)
#define FRESH ".new"
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define ENTRIES_MAX 10000		/* names in the folder that are looked at */
#define COPY 65536

static void complain(struct cache *c, const char *what, int error)
{
	if (!c->complained)
		log_warning("what was fetched cannot be kept on disk: dir=%s error=\"%s: %s\"", c->dir, what, strerror(error));
	c->complained = true;
}

/* The URL as words of a file's first line; no line can be made with it. */
static bool url_ok(struct view url)
{
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] >= 0x7f)
			return false;
	return url.n > 0 && url.n <= MESSAGE_URL_MAX;
}

static int name_of(struct view url, char name[NAME_LEN + 1])
{
	uint8_t hash[CRYPTO_SHA256_LEN];

	if (crypto_init() || crypto_sha256(&url, 1, hash))
		return -1;
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(name + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

static bool is_name(const char *s)
{
	return strlen(s) == NAME_LEN && strspn(s, "0123456789abcdef") == NAME_LEN;
}

static int copy(int from, off_t at, int to, size_t n)
{
	char buf[COPY];

	while (n) {
		ssize_t r = pread(from, buf, n < sizeof(buf) ? n : sizeof(buf), at);

		if (r <= 0)
			return r ? -errno : -EIO;
		for (ssize_t done = 0, w; done < r; done += w) {
			w = write(to, buf + done, (size_t)(r - done));
			if (w <= 0)
				return w ? -errno : -EIO;
		}
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

/* --- storing --- */

struct entry {
	char name[NAME_LEN + 1];
	struct timespec when;
	uint64_t size;
};

static int newest_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->when.tv_sec != y->when.tv_sec)
		return x->when.tv_sec < y->when.tv_sec ? 1 : -1;
	return (x->when.tv_nsec < y->when.tv_nsec) - (x->when.tv_nsec > y->when.tv_nsec);
}

/* Our files there, owned by the caller; *n of them. NULL: none, or no memory. */
static struct entry *list(int folder, size_t *n)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct entry *entries = d ? calloc(ENTRIES_MAX, sizeof(*entries)) : NULL;
	struct dirent *e;
	struct stat st;

	*n = 0;
	for (unsigned int seen = 0; entries && seen < ENTRIES_MAX && (e = readdir(d)); seen++) {
		if (!is_name(e->d_name) || fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		memcpy(entries[*n].name, e->d_name, NAME_LEN + 1);
		entries[*n].when = st.st_mtim;
		entries[*n].size = (uint64_t)st.st_size;
		++*n;
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	if (entries)
		qsort(entries, *n, sizeof(*entries), newest_first);
	return entries;
}

static void trim(int folder)
{
	size_t n;
	struct entry *entries = list(folder, &n);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += entries[i].size;
		if (i >= CACHE_FILES_MAX || sum > CACHE_BYTES_MAX)
			unlinkat(folder, entries[i].name, 0);
	}
	free(entries);
}

/* Whole under its name, or not at all. 0 or -errno. */
static int file_write(int folder, const char *name, struct view url, int from, size_t n)
{
	int fd, r;

	unlinkat(folder, FRESH, 0);
	fd = openat(folder, FRESH, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = dprintf(fd, MAGIC "%zu %.*s\n", n, (int)url.n, (const char *)url.p) > 0 ? copy(from, 0, fd, n) : -errno;
	if (close(fd) && !r)
		r = -errno;
	if (!r && renameat(folder, FRESH, folder, name))
		r = -errno;
	if (r)
		unlinkat(folder, FRESH, 0);
	return r;
}

/* A file whose bytes stay what they are, whoever has it. Its length, or 0. */
static size_t sealed_length(int fd)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) || st.st_size <= 0 || st.st_size > CACHE_BYTES_MAX / 2)
		return 0;
	return (size_t)st.st_size;
}

void cache_store(struct cache *c, struct view url, int fd)
{
	size_t n = sealed_length(fd);
	char name[NAME_LEN + 1];
	int folder, r;

	if (!n || !url_ok(url) || name_of(url, name))
		return log_debug("not kept on disk: bytes=%zu", n);
	if (mkdir(c->dir, 0700) && errno != EEXIST)
		return complain(c, "mkdir", errno);
	folder = folder_open(c->dir);
	if (folder < 0)
		return complain(c, "open", errno);
	r = file_write(folder, name, url, fd, n);
	if (r == -ENOSPC || r == -EDQUOT) {
		unlinkat(folder, name, 0);	/* an older one there makes room for what is newer */
		r = file_write(folder, name, url, fd, n);
	}
	trim(folder);
	close(folder);
	if (r)
		return complain(c, "write", -r);
	c->complained = false;
	log_debug("kept on disk: url=%.*s bytes=%zu", (int)url.n, (const char *)url.p, n);
}

/* --- giving back --- */

/* Takes the first line apart. Its length, or 0: it is none of ours. */
static size_t head_read(const char *head, size_t got, uint64_t *length, struct view *url)
{
	const char *end = memchr(head, '\n', got), *rest;
	char *space;

	if (!end || strncmp(head, MAGIC, strlen(MAGIC)) != 0)
		return 0;
	rest = head + strlen(MAGIC);
	if (*rest < '0' || *rest > '9')
		return 0;
	*length = strtoull(rest, &space, 10);
	if (*space != ' ')
		return 0;
	*url = (struct view){ (const uint8_t *)space + 1, (size_t)(end - space - 1) };
	return (size_t)(end - head) + 1;
}

/* The file in memory, or -1. head has room for HEAD_MAX and a NUL, and the URL is in it afterwards. */
static int file_read(int fd, const char *name, char *head, struct view *url)
{
	ssize_t got = pread(fd, head, HEAD_MAX, 0);
	char wanted[NAME_LEN + 1];
	uint64_t length = 0;
	struct stat st;
	size_t n;
	int to;

	if (got <= 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -1;
	head[got] = 0;
	n = head_read(head, (size_t)got, &length, url);
	if (!n || !url_ok(*url) || name_of(*url, wanted) || strcmp(name, wanted) != 0 || !length ||
	    length > CACHE_BYTES_MAX || n + length != (uint64_t)st.st_size)
		return -1;
	to = memfd_create("cached", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (to >= 0 && (copy(fd, (off_t)n, to, length) || lseek(to, 0, SEEK_SET) || fcntl(to, F_ADD_SEALS, SEALS | F_SEAL_SEAL))) {
		close(to);
		to = -1;
	}
	return to;
}

/* False: it is damaged, and gone. */
static bool give(int folder, const char *name, cache_fn *fn, void *arg)
{
	char head[HEAD_MAX + 1];
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), memory;
	struct view url;

	memory = fd >= 0 ? file_read(fd, name, head, &url) : -1;
	if (fd >= 0)
		close(fd);
	if (memory < 0)
		return unlinkat(folder, name, 0) != 0 && errno == ENOENT;
	fn(arg, url, memory);
	close(memory);
	return true;
}

void cache_each(struct cache *c, cache_fn *fn, void *arg)
{
	int folder = folder_open(c->dir);
	unsigned int damaged = 0;
	struct entry *entries;
	uint64_t sum = 0;
	size_t n;

	if (folder < 0) {
		if (errno != ENOENT)
			complain(c, "open", errno);
		return;
	}
	entries = list(folder, &n);
	for (size_t i = 0; i < n && i < CACHE_FILES_MAX && (sum += entries[i].size) <= CACHE_BYTES_MAX; i++)
		damaged += !give(folder, entries[i].name, fn, arg);
	free(entries);
	close(folder);
	if (damaged)
		log_warning("of what was fetched and kept, some is damaged and is fetched again when it is needed: dir=%s files=%u",
			    c->dir, damaged);
}
