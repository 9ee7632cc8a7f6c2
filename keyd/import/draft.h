/* SPDX-License-Identifier: MIT */
/*
 * What will stand in keyd.conf, while it is being gathered: sections, their settings as text, and what there is to tell
 * of each statement that was read. All text lives as long as the draft.
 */
#ifndef KEYD_IMPORT_DRAFT_H
#define KEYD_IMPORT_DRAFT_H

#include "keyd/import/import.h"

#include "keyd/conf/conf.h"
#include "keyd/crypto/alg.h"

#include <stdio.h>

#define DRAFT_NETS_MAX 64		/* pairs of networks of one section */
#define DRAFT_IDS_MAX 32		/* identities of one peer, beyond the first */
#define DRAFT_TEXT_MAX (64 << 20)	/* bytes of text in one draft */

/* The settings of a section, in the order in which they are written. */
enum draft_set {
	SET_ADDRESS, SET_LOCAL, SET_VERSION, SET_EXCHANGE, SET_XAUTH, SET_USERS, SET_MODE_CONFIG, SET_ID_LOCAL,
	SET_ID_REMOTE, SET_AUTH_LOCAL, SET_AUTH_REMOTE, SET_CERT, SET_KEY, SET_CA, SET_REMOTE_KEY, SET_KEY_FLOOR,
	SET_SIGNATURES, SET_REVOCATION, SET_IKE, SET_ESP, SET_PFS, SET_UNIQUE, SET_LIFE_IKE, SET_LIFE_REAUTH,
	SET_LIFE_CHILD, SET_JITTER, SET_DPD, SET_RETRANSMIT, SET_REPLAY, SET_TFC, SET_FRAGMENT, SET_LINGER, SET_PORT,
	SET_NAT_PORT, SET_NAT, SET_KEEPALIVE, SET_POOL, SET_VIRTUAL, SET_TRAFFIC, SET_START, SET_SERVE,
	SET_END
};

struct draft_note {
	struct draft_note *next;
	enum import_how how;
	struct import_at at;
	const char *text;
};

struct draft_net {
	struct ipsec_addr addr;
	uint8_t len;
	uint16_t port;			/* 0: any */
	uint8_t proto;			/* 0: any */
	bool host;			/* the end itself; addr is AF_UNSPEC where that is not known */
};

#define ALGS_MAX 24
struct draft_algs {			/* of one proposal, by kind */
	const struct crypto_alg *alg[5][ALGS_MAX];
	unsigned n[5];
	bool esn, noesn;
};

struct draft_pair {
	struct draft_net local, remote;
	bool transport;
};

struct draft_notes {
	struct draft_note *first, **end;
};

struct draft_value {
	const char *text;		/* NULL: not said */
	struct import_at at;		/* of what decided */
};

/* Which versions of IKE a conn is for; one that SET_VERSION says is the only one. */
enum draft_versions {
	DRAFT_ONE,			/* that of SET_VERSION, or IKEv2 */
	DRAFT_BOTH,			/* IKEv2 is begun with, and IKEv1 answered */
	DRAFT_BOTH_1,			/* the other way round */
};

struct draft_peer {
	struct draft_peer *next;
	struct import_at at;
	const char *name, *head;	/* head: as the file that was read has it */
	const char *set[SET_END];	/* after the keyword; NULL: not said */
	struct import_at set_at[SET_END];	/* of what decided */
	struct draft_notes notes;
	const char *off;		/* why it is only a comment; NULL: it is not */
	bool idle;			/* and nothing has to be done about that */
	bool covered;			/* and another section is for the same peer */
	struct ipsec_addr remote, local;	/* AF_UNSPEC: any */
	uint8_t remote_len;
	const char *host;		/* its address is this name; NULL: it is none */
	struct draft_pair pair[DRAFT_NETS_MAX];
	unsigned npairs;
	struct draft_value id[DRAFT_IDS_MAX];	/* that it may have in place of SET_ID_REMOTE */
	unsigned nids;
	bool own_policies;		/* keyd makes the policies ("traffic"); else setkey does, or has */
	bool assigned;			/* the peer's side is what the pool gives it */
	enum draft_versions versions;
	struct import_at versions_at;
	bool hold;			/* its traffic goes nowhere in clear when the tunnel fails */
	bool start, route;		/* it is to be there at once; when a packet wants it */
	const char *action;		/* of the policies: "ipsec", "none", "discard" */
	struct draft_algs all[2];	/* of all proposals, for IKE and for ESP */
	bool folded[2];
	const char *ph1id;		/* racoon's number for it, or NULL */
	const char *script[IMPORT_WHENS];	/* with words behind it, or NULL */
};

struct draft_pool {
	struct draft_pool *next;
	struct import_at at;
	const char *name, *dns, *domain;
	const char *banner;		/* after the keyword; NULL: none */
	unsigned n;
	struct draft_range {
		struct ipsec_addr first, last;
		const char *text;
	} range[CONF_RANGES_MAX];
};

struct draft {
	const struct import_tree *tree;
	const struct import_options *options;
	struct chunk *chunks;
	size_t size;			/* of all text */
	bool failed;			/* no memory, or too much text: nothing of this is any good */
	struct draft_value listen, port, nat_port, crl;
	struct draft_value drops[CONF_DROPS_MAX];	/* pairs of networks, as "drop" has them */
	unsigned ndrops;
	struct draft_value secrets[8];
	unsigned nsecrets;
	struct draft_notes notes;	/* that belong to no section */
	struct draft_peer defaults;	/* "default { … }" */
	struct draft_peer *peers, **end;
	struct draft_pool *pools;
	unsigned npeers, npools;
};

void draft_init(struct draft *d, const struct import_tree *t, const struct import_options *o);
void draft_free(struct draft *d);

/* Text that lives as long as the draft; "" when it failed. */
const char *draft_text(struct draft *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As one word of keyd.conf: in quotes, with what is special escaped. */
const char *draft_quote(struct draft *d, const char *s);
/* Tells of a statement; p NULL: it belongs to no section. */
void draft_note(struct draft *d, struct draft_peer *p, enum import_how how, struct import_at at, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Of what is less than the file had: whoever starts a daemon on it hears of that, too. */
static inline enum import_how draft_less(const struct draft *d)
{
	return d->options->daemon ? IMPORT_NOT : IMPORT_CHOICE;
}
/*
 * p cannot be taken over with the protection that the file gives it: it refuses its peer, and that is told at its head.
 * The first reason counts.
 */
void draft_refuse(struct draft *d, struct draft_peer *p, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Each byte that would end a line, or a remark, is a blank: of what stands in a comment. */
const char *draft_flat(struct draft *d, const char *text);
/* A new section; NULL: there are too many (d->failed). */
struct draft_peer *draft_peer_add(struct draft *d, struct import_at at, const char *name, const char *head);
/* Says a setting of p, or that it has none (NULL). */
static inline void draft_say(struct draft_peer *p, enum draft_set set, struct import_at at, const char *text)
{
	p->set[set] = text;
	p->set_at[set] = at;
}
/* The peer is known by a host name: it becomes its address. false: it cannot be one. */
bool draft_host(struct draft *d, struct draft_peer *p, struct import_at at, const char *host);
/* Is the peer at one place, so that something can be begun with it? */
bool draft_is_single(const struct draft_peer *p);
/* A name that no section has yet and that is no address. */
const char *draft_name(struct draft *d, const char *wanted);
/*
 * pool.c: a pool of networks and ranges with ',' or blanks between; the one that has some of them already, if there is
 * one. NULL: they cannot be (told).
 */
struct draft_pool *draft_pool_add(struct draft *d, struct draft_peer *p, struct import_at at, const char *name,
				  const char *addresses);
/* Zeroed memory that lives as long as the draft; NULL: the draft failed. */
void *draft_keep(struct draft *d, size_t n);
void draft_secrets(struct draft *d, struct import_at at, const char *path);
/* false: full, which was told. */
bool draft_pair_add(struct draft *d, struct draft_peer *p, struct import_at at, const struct draft_pair *pair);
/* "10.0.0.0/24", or "10.0.0.0/24[port]" as setkey takes it. */
const char *draft_net_text(struct draft *d, const struct draft_net *n, bool port);
/*
 * "retransmit": the first wait, and how often, so that a silent peer counts as dead after total ms; first 0: as fits.
 * NULL: it cannot be.
 */
const char *draft_retransmit(struct draft *d, unsigned long long first, unsigned long long total);
/* A number of seconds as keyd.conf has it. */
const char *draft_seconds(struct draft *d, unsigned long long s);
/* Another one that p may have in place of that of SET_ID_REMOTE: a section of its own is made of it in the end. */
void draft_id_add(struct draft *d, struct draft_peer *p, struct import_at at, const char *id);
/* A section behind p that says the same, without remarks of its own; NULL: there are too many (d->failed). */
struct draft_peer *draft_peer_copy(struct draft *d, struct draft_peer *p);
/* An identity by its type and text; NULL after a note that it cannot be. */
const char *draft_id(struct draft *d, struct draft_peer *p, struct import_at at, uint8_t type, const char *text);

/* version.c: the section speaks IKEv1, unless the IKEv2 form is asked for. Returns whether it does. */
bool draft_version1(struct draft *d, struct draft_peer *p, struct import_at at);
/* How its IKE SAs begin: the ways that were named, with ',' between, the preferred one first. */
void draft_exchange(struct draft *d, struct draft_peer *p, struct import_at at, const char *ways);
/*
 * XAUTH of a section that speaks IKEv1; user: ours, who is asked for a password. Without one (NULL, or ""), the section
 * is a comment.
 */
void draft_xauth_client(struct draft *d, struct draft_peer *p, struct import_at at, const char *user);
/* The peers' passwords are looked at here. */
void draft_xauth_server(struct draft *d, struct draft_peer *p, struct import_at at);
/* A section for each version, where p is for both: keyd.conf's are for one. */
void draft_split_versions(struct draft *d, struct draft_peer *p);
/* Has IKEv1 numbers for its algorithms? */
bool draft_algs_in_version1(const struct draft_peer *p);
/* Does it speak IKEv1? */
bool draft_is_version1(const struct draft_peer *p);

/* algorithm.c: words of algorithms, as either language has them. */
/* The algorithm of a word; NULL: there is none in keyd. kind 0: any. Knows racoon's and Pluto's spellings. */
const struct crypto_alg *draft_alg(unsigned kind, const char *word, unsigned bits);
void draft_alg_add(struct draft_algs *a, const struct crypto_alg *alg);
/*
 * Adds a proposal to 'ike' or 'esp', unless it is in there. What it lacks, or (modernise) what of it is too old, is
 * told. When there are more than keyd takes, all of them become one, whose algorithms are alternatives.
 */
void draft_propose(struct draft *d, struct draft_peer *p, struct import_at at, bool esp, const struct draft_algs *a);
/* Forgets what was proposed for IKE. */
void draft_propose_none(struct draft_peer *p);

/* finish.c: sections that keyd would take for the same, traffic, what else must fit together. */
void draft_finish(struct draft *d);

/* A network as "traffic" and "drop" have it, with protocol and port. */
const char *draft_traffic_text(struct draft *d, const struct draft_net *n, bool host);
/* clear.c: "drop" for what p holds back and no policy of keyd's covers. */
void draft_hold(struct draft *d, struct draft_peer *p);

/* Where the lines of a text come from. */
struct draft_places {
	struct import_at *at;		/* owned: n of them */
	unsigned n;
	bool failed;			/* no memory */
};
void draft_place(struct draft_places *p, struct import_at at);

/* write.c, spd.c */
void draft_write(const struct draft *d, FILE *out);
/* Without remarks, for keyd itself. */
void draft_write_places(const struct draft *d, FILE *out, struct draft_places *places);
void draft_write_spd(const struct draft *d, FILE *out);
/* The policies of one section, each line behind prefix. */
void draft_write_policies(const struct draft *d, const struct draft_peer *p, const char *prefix, FILE *out);

/* What each language makes of the tree. */
void import_racoon(struct draft *d);
void import_ipsec(struct draft *d);
/* The i-th row of the tables of what is known; NULL: no more. */
const struct import_row *import_racoon_row(unsigned i);
const struct import_row *import_ipsec_row(unsigned i);

#endif
