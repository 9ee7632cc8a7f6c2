/* SPDX-License-Identifier: MIT */
/*
 * What the tests of keyd/import have in common: a text becomes keyd.conf, what it must have, what must be told, and
 * that keyd takes it.
 */
#ifndef TEST_IMPORT_INSIDE_H
#define TEST_IMPORT_INSIDE_H

#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/import/import.h"

#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char ca[PATH_MAX], psk[] = "/tmp/test_import.XXXXXX", users[] = "/tmp/test_import_users.XXXXXX";

/* What was said, one line after the other. */
static char said[16384];

static inline void note(const char *text, void *arg)
{
	size_t n = strlen(said);

	(void)arg;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

enum { PLAIN = 0, MODERN = 1, SETKEY = 2 };

static struct import_tree tree;
static struct import_result result;

static inline void clear(void)
{
	import_result_free(&result);
	import_tree_free(&tree);
	*said = 0;
}

static inline void convert(int how)
{
	struct import_options o = { .modernise = how & MODERN, .setkey = how & SETKEY };

	assert_int_equal(import_convert(&result, &tree, &o), 0);
}

static inline void read_text(const char *text, enum import_format format, int how)
{
	clear();
	if (import_tree_buffer(&tree, "file", text, strlen(text), format, note, NULL))
		fail_msg("%s", said);
	convert(how);
}

static inline void has(const char *what)
{
	if (!strstr(result.conf, what))
		fail_msg("'%s' is not in\n%s", what, result.conf);
}

static inline void has_not(const char *what)
{
	if (strstr(result.conf, what))
		fail_msg("'%s' is in\n%s", what, result.conf);
}

/* A remark on this line of the first file that has these words. */
static inline void told(unsigned line, enum import_how how, const char *words)
{
	for (unsigned i = 0; i < result.nnotes; i++)
		if (result.notes[i].line == line && result.notes[i].how == how && strstr(result.notes[i].text, words))
			return;
	fail_msg("nothing of kind %s with '%s' on line %u in\n%s", import_how_name(how), words, line, result.conf);
}

/* --- keyd takes it --- */

/* Files that the result names are not here: those of the tests' CA stand in for them. */
static inline void put_line(FILE *out, const char *line, int n)
{
	static const struct {
		const char *begins, *file;
	} files[] = {
		{ "\tcert \"/", "good.pem" }, { "\tkey \"/", "good.key" },
		{ "\tca \"/", "root.pem" }, { "\tremote-key file", "good.pem" },
		{ "\tcert \"tests", "good.pem" }, { "\tkey \"tests", "good.key" }, { "\tca \"tests", "root.pem" },
	};

	if (n > 7 && !strncmp(line, "\tusers ", 7)) {
		fprintf(out, "\tusers \"%s\"\n", users);
		return;
	}
	if (n > 8 && !strncmp(line, "secrets ", 8)) {
		fprintf(out, "secrets \"%s\"\n", psk);
		return;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		const char *quote = strchr(files[i].begins, '"');
		int word = quote ? (int)(quote - files[i].begins) : (int)strlen(files[i].begins) + 1;
		char name[PATH_MAX + 32];

		if (strncmp(line, files[i].begins, strlen(files[i].begins)) != 0)
			continue;
		/* a key is in it, too */
		if (quote && !strncmp(line, "\tcert", 5) && memmem(line, (size_t)n, ".p12", 4)) {
			snprintf(name, sizeof(name), "%s/%s", ca, files[i].file);
			fprintf(out, "\tcert \"%s\"\n\tkey \"%s/good.key\"\n", name, ca);
			return;
		}
		snprintf(name, sizeof(name), "%s/%s", ca, files[i].file);
		fprintf(out, "%.*s\"%s\"\n", word, line, name);
		return;
	}
	fprintf(out, "%.*s\n", n, line);
}

static inline void loads(const char *name)
{
	struct conf_secrets secrets;
	char path[] = "/tmp/test_import_conf.XXXXXX";
	int fd = mkstemp(path), r;
	FILE *out = fdopen(fd, "w");
	struct conf *c = calloc(1, sizeof(*c));

	assert_non_null(out);
	for (const char *line = result.conf, *eol; *line; line = eol + 1) {
		eol = strchr(line, '\n');
		put_line(out, line, (int)(eol - line));
	}
	fclose(out);
	*said = 0;
	r = conf_load(c, &secrets, path, note, NULL);
	unlink(path);
	if (r)
		fail_msg("%s: keyd says\n%s\nof\n%s", name, said, result.conf);
	conf_free(c);
	conf_secrets_free(&secrets);
	free(c);
}

static inline int setup(void **state)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd = mkstemp(psk);

	(void)state;
	assert_true(n > 0 && fd >= 0);
	self[n] = 0;
	snprintf(ca, sizeof(ca), "%.*s/ca", (int)(PATH_MAX - 8), dirname(dirname(self)));
	assert_true(write(fd, "* secret\n", 9) == 9);
	close(fd);
	fd = mkstemp(users);
	assert_true(write(fd, "bob:!*\n", 7) == 7);
	close(fd);
	return crypto_init();
}

static inline int teardown(void **state)
{
	(void)state;
	clear();
	unlink(psk);
	unlink(users);
	crypto_exit();
	return 0;
}

#endif
