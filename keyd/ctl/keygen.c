// SPDX-License-Identifier: MIT
// Private keys into files that only their owner reads; they are written whole or not at all.
#include "keyd/ctl/keygen.h"

#include "keyd/crypto/cert.h"
#include "keyd/crypto/key_kind.h"
#include "keyd/crypto/key_text.h"
#include "keyd/crypto/p12.h"
#include "keyd/ctl/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX CRYPTO_CERT_FILE_MAX

static int __attribute__((format(printf, 2, 3))) fail(const char *file, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "keydctl: %s: ", file);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	putc('\n', stderr);
	return KEYDCTL_FAILED;
}

static int print_line(const struct crypto_key *k, const char *file)
{
	char text[CRYPTO_SPKI_TEXT_MAX] = "";
	struct secret spki = { 0 };

	if (!crypto_key_spki(k, &spki))
		crypto_spki_text(secret_view(&spki), text);
	secret_clear(&spki);
	if (!*text)
		return fail(file, "its public part cannot be computed");
	printf("remote-key %s\n", text);
	return fflush(stdout) || ferror(stdout) ? fail(file, "the line cannot be written: %s", strerror(errno)) : KEYDCTL_DONE;
}

/* --- a new one --- */

static int write_all(int fd, struct view v)
{
	while (v.n) {
		ssize_t n = write(fd, v.p, v.n);

		if (n < 0 && errno != EINTR)
			return -1;
		v.p += n > 0 ? n : 0;
		v.n -= n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

/* mkstemp gives nobody else a right, and the name is taken only when all is in it: who looks sees a whole key or none. */
static int save(struct view pem, bool force, const char *file)
{
	char *draft;
	int fd, r = 0;

	if (asprintf(&draft, "%s.XXXXXX", file) < 0)
		return fail(file, "out of memory");
	fd = mkstemp(draft);
	if (fd < 0) {
		r = fail(file, "cannot be made: %s", strerror(errno));
		free(draft);
		return r;
	}
	if (write_all(fd, pem))
		r = fail(file, "cannot be written: %s", strerror(errno));
	else if (renameat2(AT_FDCWD, draft, AT_FDCWD, file, force ? 0 : RENAME_NOREPLACE) && errno == EEXIST)
		r = fail(file, "is there already, and may be in use: take another name, or --force");
	else if (access(draft, F_OK) == 0)
		r = fail(file, "cannot be made: %s", strerror(errno));
	if (r)
		unlink(draft);
	close(fd);
	free(draft);
	return r;
}

static int save_key(const struct crypto_key *k, bool force, const char *file)
{
	struct secret pem = { 0 };
	int r = crypto_key_private_pem(k, &pem) ? fail(file, "the key cannot be written as PKCS#8") :
						  save(secret_view(&pem), force, file);

	secret_clear(&pem);
	return r;
}

static int unknown_type(const char *type)
{
	const struct crypto_key_kind *k = NULL;
	const char *between = "";

	fprintf(stderr, "keydctl: \"%s\" is no type of keys; known are", type);
	for (; (k = crypto_key_kind_next(k)); between = ",")
		fprintf(stderr, "%s %s", between, k->name);
	putc('\n', stderr);
	return KEYDCTL_USAGE;
}

int keygen_make(const char *type, bool force, const char *file)
{
	const struct crypto_key_kind *kind = type ? crypto_key_kind_by_name(type) : crypto_key_kind_next(NULL);
	struct crypto_key *k = NULL;
	struct stat st;
	int r;

	if (!kind)
		return unknown_type(type);
	if (!force && !lstat(file, &st))	/* before a long computation */
		return fail(file, "is there already, and may be in use: take another name, or --force");
	r = crypto_key_generate(&k, kind->type, kind->bits);
	if (r)
		return fail(file, "no key can be made: %s", crypto_key_strerror(r));
	r = save_key(k, force, file);
	if (!r)
		r = print_line(k, file);
	crypto_key_free(k);
	return r;
}

/* --- one that is there --- */

/* All of it, also of a pipe. 0, or an exit code. */
static int read_all(struct secret *out, const char *file)
{
	FILE *f = fopen(file, "re");
	struct secret room = { 0 };
	size_t n;
	int r = 0;

	if (!f)
		return fail(file, "cannot be opened: %s", strerror(errno));
	setvbuf(f, NULL, _IONBF, 0);	/* no second copy of what may be secret */
	if (secret_alloc(&room, FILE_MAX + 1)) {
		fclose(f);
		return fail(file, "out of memory");
	}
	n = fread(room.p, 1, room.n, f);
	if (ferror(f))
		r = fail(file, "cannot be read: %s", strerror(errno));
	else if (n > FILE_MAX)
		r = fail(file, "is larger than %u bytes", FILE_MAX);
	else if (secret_set(out, room.p, n))
		r = fail(file, "out of memory");
	fclose(f);
	secret_clear(&room);
	return r;
}

static int take_first(void *arg, struct crypto_cert *c)
{
	struct crypto_cert **first = arg;

	*first = c;
	return 1;		/* that is enough */
}

/* A private key may stand in a file with its certificates; so it is looked for last. 0 or an enum crypto_key_error. */
static int any_key(struct crypto_key **k, struct view bytes)
{
	struct crypto_cert *c = NULL;
	int r;

	if (crypto_certs_from_file(bytes, take_first, &c) == 1) {
		r = crypto_cert_key(c, k);
		crypto_cert_free(c);
		return r;
	}
	r = crypto_key_from_public(k, bytes);
	return r == CRYPTO_KEY_MALFORMED ? crypto_key_from_private(k, bytes, (struct view){ 0 }) : r;
}

int keygen_public(const char *file)
{
	struct secret bytes = { 0 };
	struct crypto_key *k = NULL;
	int r = read_all(&bytes, file), error;

	if (r)
		return r;
	error = crypto_is_p12(secret_view(&bytes)) ? CRYPTO_KEY_PASSPHRASE : any_key(&k, secret_view(&bytes));
	if (error == CRYPTO_KEY_PASSPHRASE)
		r = fail(file, "is encrypted: its certificate, or its public key in a file "
			 "(openssl pkey -in FILE -pubout, or openssl pkcs12 -in FILE -nokeys), will do");
	else if (error)
		r = fail(file, "has no key and no certificate that can be used: %s", crypto_key_strerror(error));
	else
		r = print_line(k, file);
	crypto_key_free(k);
	secret_clear(&bytes);
	return r;
}
