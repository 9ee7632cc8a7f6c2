// SPDX-License-Identifier: MIT
// A folder with a file for each URI, named by its SHA-256: two lengths of four bytes, then key and certificate in DER.
#include "keyd/roles/sights.h"

#include "keyd/crypto/alg.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/hash.h"
#include "keyd/roles/folder.h"
#include "keyd/util/log.h"
#include "keyd/util/wr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "tokens"
#define NAME_LEN (2 * CONF_DIGEST_LEN)

static bool same(struct view a, struct view b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static void sight_free(struct conf_sight *s)
{
	free(s->spki);
	free(s->cert);
}

static uint8_t *copy(struct view v)
{
	uint8_t *p = v.n ? malloc(v.n) : NULL;

	if (p)
		memcpy(p, v.p, v.n);
	return p;
}

/* A key, and a certificate of just that key if there is one. */
static bool make_sense(struct view spki, struct view cert)
{
	struct crypto_key *k = NULL, *of = NULL;
	struct crypto_cert *c = NULL;
	bool ok = !crypto_key_from_spki(&k, spki);

	if (ok && cert.n)
		ok = !crypto_cert_from_der(&c, cert) && !crypto_cert_key(c, &of) && crypto_key_equal(k, of);
	crypto_cert_free(c);
	crypto_key_free(k);
	crypto_key_free(of);
	return ok;
}

/* In memory. False: nothing new, or no memory. */
static bool put(struct sights *s, const struct conf_digest *uri, struct view spki, struct view cert)
{
	struct conf_sight fresh = { .uri = *uri, .nspki = (uint32_t)spki.n, .ncert = (uint32_t)cert.n }, *to = NULL;

	for (unsigned i = 0; i < s->seen.n; i++)
		if (!memcmp(&s->seen.s[i].uri, uri, sizeof(*uri)))
			to = &s->seen.s[i];
	if (to && same((struct view){ to->spki, to->nspki }, spki) && same((struct view){ to->cert, to->ncert }, cert))
		return false;
	fresh.spki = copy(spki);
	fresh.cert = copy(cert);
	if (!fresh.spki || (cert.n && !fresh.cert)) {
		sight_free(&fresh);
		return false;
	}
	if (!to && s->seen.n == SIGHTS_MAX) {	/* the oldest goes: a configuration has not so many */
		sight_free(s->seen.s);
		memmove(s->seen.s, s->seen.s + 1, --s->seen.n * sizeof(*s->seen.s));
	}
	if (to)
		sight_free(to);
	else
		to = &s->seen.s[s->seen.n++];
	*to = fresh;
	return true;
}

/* --- files --- */

static int tokens_open(const struct sights *s, bool make)
{
	char path[CONF_PATH_MAX + sizeof(FOLDER) + 2];

	snprintf(path, sizeof(path), "%s/" FOLDER, s->dir);
	if (make && ((mkdir(s->dir, 0755) < 0 && errno != EEXIST) || (mkdir(path, 0755) < 0 && errno != EEXIST)))
		return -1;
	return folder_open(path);
}

static bool digest_of_name(const char *name, struct conf_digest *d)
{
	if (strlen(name) != NAME_LEN || strspn(name, "0123456789abcdef") != NAME_LEN)
		return false;
	for (unsigned i = 0; i < CONF_DIGEST_LEN; i++)
		if (sscanf(name + 2 * i, "%2hhx", &d->b[i]) != 1)
			return false;
	return true;
}

static void name_of(const struct conf_digest *d, char name[NAME_LEN + 1])
{
	for (unsigned i = 0; i < CONF_DIGEST_LEN; i++)
		snprintf(name + 2 * i, 3, "%02x", d->b[i]);
}

static void read_one(struct sights *s, int folder, const char *name)
{
	static uint8_t buf[SIGHT_MAX + 8];
	struct conf_digest uri = { { 0 } };
	struct view spki, cert;
	uint32_t nspki, ncert;
	struct rd r;
	ssize_t n;
	int fd;

	if (!digest_of_name(name, &uri))
		return;
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	n = fd >= 0 ? read(fd, buf, sizeof(buf)) : -1;
	if (fd >= 0)
		close(fd);
	r = rd_of(buf, n > 0 ? (size_t)n : 0);
	if (rd_u32(&r, &nspki) || rd_u32(&r, &ncert) || rd_view(&r, nspki, &spki) || rd_view(&r, ncert, &cert) || rd_left(&r) ||
	    !make_sense(spki, cert))
		log_warning("what is known of a token is damaged and left out: file=%s/" FOLDER "/%s", s->dir, name);
	else
		put(s, &uri, spki, cert);
}

void sights_open(struct sights *s, const char *dir)
{
	struct dirent *e;
	DIR *d = NULL;
	int fd;

	*s = (struct sights){ .dir = dir };
	s->seen.s = calloc(SIGHTS_MAX, sizeof(*s->seen.s));
	if (!s->seen.s || crypto_init())
		return;
	fd = tokens_open(s, false);
	if (fd >= 0)
		d = fdopendir(fd);
	for (unsigned i = 0; d && i < 4 * SIGHTS_MAX && (e = readdir(d)); i++)
		read_one(s, dirfd(d), e->d_name);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

void sights_free(struct sights *s)
{
	for (unsigned i = 0; i < s->seen.n; i++)
		sight_free(&s->seen.s[i]);
	free(s->seen.s);
	*s = (struct sights){ 0 };
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

static int store(const struct sights *s, const struct conf_digest *uri, struct view spki, struct view cert)
{
	char name[NAME_LEN + 1], fresh[NAME_LEN + 8];
	uint8_t head[8];
	struct wr w = wr_of(head, sizeof(head));
	int folder = tokens_open(s, true), fd = -1, r = -1;

	name_of(uri, name);
	snprintf(fresh, sizeof(fresh), "%s.new", name);
	wr_u32(&w, (uint32_t)spki.n);
	wr_u32(&w, (uint32_t)cert.n);
	if (folder >= 0)
		fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0 && write_all(fd, head, sizeof(head)) && write_all(fd, spki.p, spki.n) && write_all(fd, cert.p, cert.n))
		r = renameat(folder, fresh, folder, name);
	if (fd >= 0)
		close(fd);
	if (folder >= 0)
		close(folder);
	return r;
}

bool sights_see(struct sights *s, const char *uri, struct view spki, struct view cert)
{
	struct view text = { (const uint8_t *)uri, strlen(uri) };
	struct conf_digest digest = { { 0 } };

	if (!s->seen.s || spki.n + cert.n > SIGHT_MAX || !make_sense(spki, cert) || crypto_sha256(&text, 1, digest.b) ||
	    !put(s, &digest, spki, cert))
		return false;
	if (store(s, &digest, spki, cert))
		log_warning("what was seen of a token cannot be kept on disk: dir=%s error=\"%s\"", s->dir, strerror(errno));
	return true;
}
