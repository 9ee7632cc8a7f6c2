// SPDX-License-Identifier: MIT
// racoon.conf and ipsec.conf from anybody: a tree or a reason, then text that keyd takes, but for the files it names.
#include "keyd/conf/load.h"
#include "keyd/import/import.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(const char *text, void *arg)
{
	*(size_t *)arg += strlen(text);
}

/* Outside of quotes nothing ends a statement but its line, so that no value can bring one of its own. */
static void check_one_statement(const char *line)
{
	bool quoted = false;

	for (const char *c = line; *c != '\n'; c++) {
		if (*c == '\\' && quoted && c[1] != '\n')
			c++;
		else if (*c == '"')
			quoted = !quoted;
		else if (!quoted && (strchr(";#\\", *c) || (*c == '{' && c[1] != '\n') || (*c == '}' && c != line)))
			abort();
	}
	if (quoted)
		abort();
}

/* The statements that a section may get of those files: no secret, no other file of settings. */
static void check_setting(const char *line)
{
	static const char *const words[] = {
		"address", "local", "version", "exchange", "xauth", "users", "mode-config", "id",
		"auth", "cert", "key", "ca", "remote-key", "key-floor", "signatures", "revocation",
		"ike", "esp", "pfs", "unique", "lifetime", "rekey", "dpd", "retransmit",
		"replay-window", "tfc", "fragment", "linger", "port", "nat-port", "nat", "keepalive",
		"pool", "virtual-address", "traffic", "start", "serve", "dns", "domain",
	};
	size_t n = strcspn(line, " \n");

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (n == strlen(words[i]) && !strncmp(line, words[i], n))
			return;
	abort();
}

/* A remark may be of many words, but a line is a line: what begins one is a comment, or one of our keywords. */
static void check_lines(const char *conf)
{
	static const char *const begins[] = {
		"#", "\t", "peer \"", "pool \"", "default {", "}", "listen ", "port ", "nat-port ", "crl ", "secrets ",
		"drop ", "\n",
	};

	for (const char *line = conf, *eol; *line; line = eol + 1) {
		size_t i = 0;

		eol = strchr(line, '\n');
		if (!eol)
			abort();
		while (i < sizeof(begins) / sizeof(*begins) && strncmp(line, begins[i], strlen(begins[i])) != 0)
			i++;
		if (i == sizeof(begins) / sizeof(*begins))
			abort();
		if (line[strspn(line, "\t")] == '#')
			continue;
		check_one_statement(line);
		if (*line == '\t')
			check_setting(line + 1);
	}
}

/* As many as are to be seen. */
static void check_sections(const char *conf, const struct conf *c)
{
	unsigned n = 0;

	for (const char *line = conf; *line; line = strchr(line, '\n') + 1)
		n += !strncmp(line, "peer ", 5);
	if (n != c->npeers)
		abort();
}

static void must_be_about_files(const char *text, void *arg)
{
	static const char *const fine[] = { "this text is no file", ": warning: ", "mistakes: reading no further" };

	(void)arg;
	for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++)
		if (strstr(text, fine[i]))
			return;
	fprintf(stderr, "%s\n", text);
	abort();
}

static void check_loads(const char *conf)
{
	struct conf *c = calloc(1, sizeof(*c));
	struct conf_secrets secrets;

	if (c && !conf_load_buffer(c, &secrets, "conf", conf, strlen(conf), must_be_about_files, NULL)) {
		check_sections(conf, c);
		conf_free(c);
		conf_secrets_free(&secrets);
	}
	free(c);
}

/* To a daemon, each line has its place. */
static void check_places(const struct import_result *r)
{
	unsigned n = 0;

	for (const char *c = r->conf; *c; c++)
		n += *c == '\n';
	if (!r->places)
		return;
	if (n != r->nplaces)
		abort();
	for (unsigned i = 0; i < r->nplaces; i++)
		if (!r->places[i].line || r->places[i].file)
			abort();
}

/* The first byte chooses the language and what is asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import_options o = {
		.modernise = size && *data & 1, .setkey = size && *data & 2, .daemon = size && *data & 16,
	};
	struct import_tree t;
	struct import_result r;
	size_t said = 0;
	int e;

	if (!size)
		return 0;
	e = import_tree_buffer(&t, "fuzz", (const char *)data + 1, size - 1,
			       *data & 4 ? IMPORT_RACOON : *data & 8 ? IMPORT_IPSEC : IMPORT_GUESS, count, &said);
	if (e) {
		if (!said || t.first || t.nfiles)
			abort();
		return 0;
	}
	if (!import_convert(&r, &t, &o)) {
		check_lines(r.conf);
		check_places(&r);
		check_loads(r.conf);
		import_result_free(&r);
	}
	import_tree_free(&t);
	return 0;
}
