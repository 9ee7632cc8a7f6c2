// SPDX-License-Identifier: MIT
// A file of PINs that must not be tried again by themselves.
#include "keyd/roles/trials.h"

#include "keyd/crypto/alg.h"
#include "keyd/crypto/hash.h"
#include "keyd/crypto/rand.h"
#include "keyd/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "tokens"
#define MAGIC 0x6761706c65737331u	/* of this form */

struct file {
	uint64_t magic;
	uint8_t key[32];
	struct card_bad bad[TRIALS_MAX];
};

static bool path_of(const struct trials *t, const char *suffix, char path[CONF_PATH_MAX + 16])
{
	return snprintf(path, CONF_PATH_MAX + 16, "%s/" FILE_NAME "%s", t->dir, suffix) < CONF_PATH_MAX + 16;
}

static int store(const struct trials *t)
{
	char path[CONF_PATH_MAX + 16], fresh[CONF_PATH_MAX + 16];
	struct file f = { .magic = MAGIC };
	size_t n = offsetof(struct file, bad) + t->n * sizeof(*t->bad);
	int fd, r = 0;

	memcpy(f.key, t->key, sizeof(f.key));
	memcpy(f.bad, t->bad, t->n * sizeof(*t->bad));
	if (!path_of(t, "", path) || !path_of(t, ".new", fresh))
		return -ENAMETOOLONG;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, &f, n) != (ssize_t)n || rename(fresh, path))
		r = errno ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	return r;
}

void trials_open(struct trials *t, const char *dir)
{
	char path[CONF_PATH_MAX + 16];
	struct file f;
	struct stat st;
	ssize_t n = -1;
	int fd;

	*t = (struct trials){ .dir = dir };
	fd = path_of(t, "", path) ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077))
		n = read(fd, &f, sizeof(f));
	if (fd >= 0)
		close(fd);
	if (n >= (ssize_t)offsetof(struct file, bad) && f.magic == MAGIC) {
		memcpy(t->key, f.key, sizeof(t->key));
		t->n = (unsigned)(((size_t)n - offsetof(struct file, bad)) / sizeof(*t->bad));
		memcpy(t->bad, f.bad, t->n * sizeof(*t->bad));
	} else if (crypto_init() || crypto_rand(t->key, sizeof(t->key))) {
		log_error("%s", crypto_error());
		return;
	}
	t->opened = true;
}

uint64_t trials_stamp(const struct trials *t, struct view pin)
{
	uint8_t mac[CRYPTO_SHA256_LEN];
	uint64_t stamp;

	if (crypto_hmac_sha256((struct view){ t->key, sizeof(t->key) }, &pin, 1, mac))
		return 1;
	memcpy(&stamp, mac, sizeof(stamp));
	return stamp ? stamp : 1;
}

/* Its place; t->n: none. */
static unsigned find(const struct trials *t, const struct card_bad *bad)
{
	unsigned i = 0;

	while (i < t->n && (t->bad[i].from != bad->from || t->bad[i].stamp != bad->stamp ||
			    memcmp(t->bad[i].token, bad->token, sizeof(bad->token)) != 0))
		i++;
	return i;
}

int trials_keep(struct trials *t, const struct card_bad *bad)
{
	unsigned i = find(t, bad);

	if (!t->opened)
		return -ENODATA;
	if (i == TRIALS_MAX) {		/* the oldest goes: so many PINs are no accident */
		memmove(t->bad, t->bad + 1, (TRIALS_MAX - 1) * sizeof(*t->bad));
		i = --t->n;
	}
	t->bad[i] = *bad;
	t->n += i == t->n;
	return store(t);
}

void trials_forgive(struct trials *t, const struct card_bad *bad)
{
	unsigned i = find(t, bad);

	if (i == t->n)
		return;
	memmove(t->bad + i, t->bad + i + 1, (t->n - i - 1) * sizeof(*t->bad));
	t->n--;
	if (store(t))
		log_warning("a PIN that was right cannot be written down as such: dir=%s", t->dir);
}
