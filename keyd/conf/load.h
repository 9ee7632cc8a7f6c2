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

/* What was seen of a token's key, and its certificate. */
struct conf_sight {
	struct conf_digest uri;		/* SHA-256 of the URI that means it, as it is written */
	uint32_t nspki, ncert;		/* bytes; ncert 0: the token has none */
	uint8_t *spki, *cert;		/* owned by whoever has the sights: SubjectPublicKeyInfo and certificate in DER */
};

struct conf_sights {
	struct conf_sight *s;
	unsigned n;
};

/* The same, with what is known of the tokens that are named; seen may be NULL. */
int conf_load_seen(struct conf *c, struct conf_secrets *s, const char *path, const struct conf_sights *seen, conf_error_fn *err,
		   void *arg);

/*
 * Where a URI says that its PIN is (pin-source, RFC 7512 2.4): "file:/name" or "/name"; it becomes t's. 0, or -errno with a
 * sentence's end in why[n].
 */
int conf_pin_source(struct conf_token *t, struct conf_secrets *s, const char *source, char *why, size_t n);

/*
 * The same from memory. name stands in messages. No file is read: include, secrets and psk file are mistakes here.
 * text needs no final NUL and is not changed.
 */
int conf_load_buffer(struct conf *c, struct conf_secrets *s, const char *name, const char *text, size_t n,
		     conf_error_fn *err, void *arg);

/* A text that was made from others' files: where what stands on each of its lines comes from. */
struct conf_origin {
	const char *file;
	unsigned line;
};

struct conf_text {
	const char *name;		/* of the file that it was made from: others are named relative to it */
	const char *text;		/* needs no final NUL and is not changed */
	size_t n;
	const struct conf_origin *lines;	/* nlines of them; places in messages and in *c are these */
	unsigned nlines;
	bool racoon;			/* passwords of XAUTH may stand in psk.txt, under the user's name */
};

/* As conf_load_seen, from such a text. It may name files. */
int conf_load_text(struct conf *c, struct conf_secrets *s, const struct conf_text *t, const struct conf_sights *seen,
		   conf_error_fn *err, void *arg);

/* The number of a file in struct conf_at, made if it is new; 0 when there is no room for its name. */
uint8_t conf_file_number(struct conf *c, const char *name);
/* "FILE:LINE" into buf[n], returned; "" where at is nowhere. */
const char *conf_at_format(const struct conf *c, struct conf_at at, char *buf, size_t n);
/* What may stand in a file for resolvers, and as the name of an interface. s ends with NUL after n bytes. */
bool conf_domain_ok(const char *s, size_t n);
bool conf_ifname_ok(const char *s, size_t n);
/* May it be the host name of a peer? s ends with NUL after n bytes. */
bool conf_host_ok(const char *s, size_t n);
/* Does keyd know where to begin with it: one address, or a name? */
bool conf_peer_is_single(const struct conf_peer *peer);
/* The word for a protocol in "traffic"; NULL: it has none, and is a number there. */
const char *conf_proto_name(uint8_t proto);
bool conf_proto_has_ports(uint8_t proto);

/* Frees what c owns; c itself is the caller's and is then empty. */
void conf_free(struct conf *c);

/*
 * The settings for an exchange between these addresses: of the peers whose address (and local, where given) fits, the
 * one with the longest prefix, then one that names local, then the first in the file; c->defaults when none fits. local
 * may be NULL or AF_UNSPEC: not known. Never NULL; lives as long as c.
 */
const struct conf_peer *conf_peer_find(const struct conf *c, const struct ipsec_addr *local,
				       const struct ipsec_addr *remote);

/* What is known of a peer in IKE_AUTH, before it has proved anything. */
struct conf_claim {
	const struct ipsec_addr *local;	/* may be NULL or AF_UNSPEC: not known */
	const struct ipsec_addr *remote;
	const struct conf_id *local_id;	/* whom it asks for (IDr); NULL: anybody */
	const struct conf_id *remote_id;	/* who it says it is (IDi) */
	bool nat;			/* it is behind a NAT, so it knows only an address that nobody else does */
	/* Whether our certificate has that name too, where peer->id_of_cert; may be NULL: not known. */
	bool (*in_our_cert)(void *arg, const struct conf_peer *peer, const struct conf_id *id);
	void *arg;
};

/* Why a section does not serve a peer. */
enum conf_misfit {
	CONF_FITS,
	CONF_MISFIT_LOCAL,		/* it asks for somebody else than "id local" */
	CONF_MISFIT_REMOTE,		/* it is somebody else than "id remote" */
	CONF_MISFIT_ADDRESS,		/* no "id remote": it calls itself by an address that it does not talk from */
	CONF_MISFIT_MAY,		/* the caller's function has said no */
	CONF_MISFIT_REFUSED,		/* it fits best, and says "serve no" */
};

#define CONF_TRIED_MAX 8

/* What was looked at. */
struct conf_choice {
	unsigned n;			/* sections whose address fits best; 0 is never: where there is none, the defaults count */
	struct conf_tried {
		const struct conf_peer *peer;	/* lives as long as the configuration */
		enum conf_misfit why;
	} tried[CONF_TRIED_MAX];	/* the first of them, in file order */
};

/* Whether a section can serve for other reasons, its proposals for example. */
typedef bool conf_peer_may(void *arg, const struct conf_peer *peer);

/*
 * The section that serves a peer who has begun, once it says who it is. Of the sections whose address (and local, where
 * given) fits, those with the longest prefix, and of these those that name local if one does, stay in play (so
 * conf_peer_find gives the first of them); without any, c->defaults. Of these: "id local" must be whom the peer asks
 * for, "id remote" must fit; an exact "id remote" goes before a pattern, that before none; then file order. One with
 * "serve no" is chosen like the others, and then the result is NULL. Without "id remote" a peer may have any name, but
 * as an address only the one it talks from, unless it is behind a NAT. may may be NULL. Returns NULL when none fits;
 * *choice is set in any case. The result lives as long as c.
 */
const struct conf_peer *conf_peer_choose(const struct conf *c, const struct conf_claim *claim, conf_peer_may *may, void *arg,
					 struct conf_choice *choice);
/* Whether this section, which serves already, fits who the peer says it is. */
enum conf_misfit conf_peer_fits(const struct conf_peer *peer, const struct conf_claim *claim);
/* Whether our certificate has this name. cred may be NULL. */
bool conf_cred_has_name(const struct conf_cred *cred, const struct conf_id *id);
/* By the name of its section, or NULL. "default" gives the defaults. */
const struct conf_peer *conf_peer_by_name(const struct conf *c, const char *name);

/*
 * Writes c as a keyd.conf that loads to the same struct conf: globals and default in full, of each peer what differs.
 * Secrets are not in it: what only a passphrase of the configuration opens needs that again.
 */
void conf_dump(const struct conf *c, FILE *out);

#endif
