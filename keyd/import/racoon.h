/* SPDX-License-Identifier: MIT */
/* Private to the reading of racoon.conf: what its blocks know of one another. */
#ifndef KEYD_IMPORT_RACOON_H
#define KEYD_IMPORT_RACOON_H

#include "keyd/import/draft.h"

#define RACOON_NETS_MAX 8		/* split networks */
#define RACOON_INHERIT_MAX 16		/* remotes that inherit from one another */

/* What sainfo says of ESP: of several that one section is for, what all of them let through. */
struct racoon_esp {
	struct import_at at;		/* of the first; line 0: there is none */
	struct draft_algs algs;
	bool pfs;
	unsigned long long time, bytes;	/* 0: not said */
};

/* What its remote says that counts only when all of it is known. */
struct racoon_remote {
	const struct import_stmt *stmt;
	struct draft_peer *peer;
	const char *auth;		/* authentication_method of the first proposal, or NULL */
	struct import_at auth_at;
	const char *cert_type, *ca, *login;
	bool own_ids, any_id;		/* a peers_identifier stands in it; one that is for any name */
	bool verify_cert, verify_id, generate, passive, mode_cfg, dpd_off;
	struct import_at ids_at, generate_at;
	struct racoon_esp esp;
};

struct racoon {
	struct draft *d;
	struct racoon_remote *remotes;	/* nremotes of them */
	unsigned nremotes;
	struct racoon_esp anonymous;	/* of sainfo anonymous */
	struct racoon_remote *now;	/* the one that is being read */
	bool quiet;			/* an inherited statement: it was told where it stands */
	bool proposed;			/* this remote has a proposal of its own */
	const char *dh_group;		/* of the remote, for proposals that name none */
	const char *cert_dir, *script_dir;
	struct draft_pool *pool;
	const struct import_stmt *network, *size, *counter, *interval;
	const char *dns, *domain, *banner;
	unsigned ndns;
	struct draft_net split[RACOON_NETS_MAX];
	unsigned nsplit;
};

typedef void racoon_fn(struct racoon *r, struct draft_peer *p, const struct import_stmt *s);

struct racoon_row {
	struct import_row row;
	racoon_fn *take;		/* NULL: row.text is told, and that is all */
};

/* Does what the row of a statement says; an unknown one is told. */
void racoon_take(struct racoon *r, struct draft_peer *p, const char *block, const struct import_stmt *s);
/* The folder of the file. */
const char *racoon_dir(struct racoon *r);
/* Tells, unless the statement is inherited. */
#define racoon_note(r, p, how, s, ...) \
	((r)->quiet ? (void)0 : draft_note((r)->d, p, how, (s)->at, __VA_ARGS__))

/* "lifetime time 8 hour": seconds, "lifetime byte 10 MB": bytes. 0: neither, which was told. */
unsigned long long racoon_lifetime(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, bool *bytes);
/* "on" or "off", or the first of words (ended by NULL) that it is: its index from 2; -1: none, which was told. */
int racoon_switch(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, const char *const *words);

/* racoon_remote.c */
racoon_fn racoon_exchange_mode, racoon_my_identifier, racoon_peers_identifier, racoon_verify_identifier,
	racoon_certificate_type, racoon_ca_type, racoon_peers_certfile, racoon_verify_cert, racoon_life_ike,
	racoon_initial_contact, racoon_nat_traversal, racoon_ike_frag, racoon_mode_cfg_on, racoon_dpd, racoon_dpd_delay,
	racoon_dh_group, racoon_proposal, racoon_generate_policy, racoon_xauth_login, racoon_remote_address,
	racoon_ph1id, racoon_passive, racoon_script;
void racoon_remote_head(struct racoon *r, struct racoon_remote *m);
void racoon_remote_finish(struct racoon *r, struct racoon_remote *m);
void racoon_proof_finish(struct racoon *r, struct racoon_remote *m);
/* racoon heeds lists of revoked certificates that have names of hashes. */
void racoon_take_crls(struct racoon *r);

/* racoon_cfg.c */
racoon_fn racoon_cfg_network, racoon_cfg_size, racoon_cfg_dns, racoon_cfg_domain, racoon_cfg_banner, racoon_cfg_split;
/* All of mode_cfg was read: the pool, if it has one. */
void racoon_make_pool(struct racoon *r);

/* racoon_sainfo.c */
void racoon_sainfo(struct racoon *r, const struct import_stmt *s);
/* All were read: 'esp', 'pfs' and 'lifetime child' of each section. */
void racoon_sainfo_finish(struct racoon *r);

#endif
