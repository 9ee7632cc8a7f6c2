/* SPDX-License-Identifier: MIT */
/* racoon.conf and ipsec.conf as the daemon's own configuration: read as they are, told of by their own lines. */
#ifndef KEYD_IMPORT_LOAD_H
#define KEYD_IMPORT_LOAD_H

#include "keyd/import/tree.h"

#include "keyd/conf/load.h"

struct import_source {
	const char *path;
	enum import_format format;	/* IMPORT_GUESS: what it looks like, of these two */
	const struct ipsec_addr *own;	/* addresses of this machine: which end of a conn is ours */
	unsigned nown;
};

/*
 * As conf_load_seen. What is not taken over is a line with "warning:" for err; a section that cannot be taken over
 * safely refuses its peer ("serve no"), and so does what is in no section. c->files has every file that was read.
 */
int import_load(struct conf *c, struct conf_secrets *s, const struct import_source *from,
		const struct conf_sights *seen, conf_error_fn *err, void *arg);

/*
 * What the file is, by its first words outside of blocks that only one language has; IMPORT_GUESS: keyd.conf, or it
 * cannot be read.
 */
enum import_format import_recognise(const char *path);
/* The same of a text, which ends with NUL. */
enum import_format import_recognise_text(const char *text);

#endif
