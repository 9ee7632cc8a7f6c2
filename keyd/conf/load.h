/* SPDX-License-Identifier: MIT */
/* Reads keyd.conf (docs/keyd.conf.md) into struct conf and its secrets, and writes a struct conf back as text. */
#ifndef KEYD_CONF_LOAD_H
#define KEYD_CONF_LOAD_H

#include "keyd/conf/conf.h"
#include "keyd/conf/psk.h"
#include "keyd/conf/report.h"

#include <stdio.h>

/* Every setting as it is when a file says nothing; no peers. Owns nothing yet. */
void conf_defaults(struct conf *c);

/*
 * Reads path, the files that it includes and the secrets that it names. *c and *s are written (what they held before is
 * not freed); release with conf_free and conf_secrets_free. Returns 0, or -EINVAL (mistakes in the text), -EACCES (others
 * can get at a secret) or another -errno; then err has had at least one line and *c and *s own nothing.
 */
int conf_load(struct conf *c, struct conf_secrets *s, const char *path, conf_error_fn *err, void *arg);

/*
 * The same from memory. name stands in messages. No file is read: include, secrets and psk file are mistakes here.
 * text needs no final NUL and is not changed.
 */
int conf_load_buffer(struct conf *c, struct conf_secrets *s, const char *name, const char *text, size_t n,
		     conf_error_fn *err, void *arg);

/* The number of a file in struct conf_at, made if it is new; 0 when there is no room for its name. */
uint8_t conf_file_number(struct conf *c, const char *name);
/* "FILE:LINE" into buf[n], returned; "" where at is nowhere. */
const char *conf_at_format(const struct conf *c, struct conf_at at, char *buf, size_t n);
/* What may stand in a file for resolvers, and as the name of an interface. s ends with NUL after n bytes. */
bool conf_domain_ok(const char *s, size_t n);
bool conf_ifname_ok(const char *s, size_t n);

/* Frees what c owns; c itself is the caller's and is then empty. */
void conf_free(struct conf *c);

/*
 * The settings for an exchange between these addresses: of the peers whose address (and local, where given) fits, the
 * one with the longest prefix, then one that names local, then the first in the file; c->defaults when none fits. local
 * may be NULL or AF_UNSPEC: not known. Never NULL; lives as long as c.
 */
const struct conf_peer *conf_peer_find(const struct conf *c, const struct ipsec_addr *local,
				       const struct ipsec_addr *remote);
/* By the name of its section, or NULL. "default" gives the defaults. */
const struct conf_peer *conf_peer_by_name(const struct conf *c, const char *name);

/*
 * Writes c as a keyd.conf that loads to the same struct conf: globals and default in full, of each peer what differs.
 * Secrets are not in it.
 */
void conf_dump(const struct conf *c, FILE *out);

#endif
