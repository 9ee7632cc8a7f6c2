/* SPDX-License-Identifier: MIT */
/* The roles of keyd: one row each for who it is, what it may do, whom it talks to and how it runs. */
#ifndef KEYD_ROLES_ROLE_H
#define KEYD_ROLES_ROLE_H

#include "keyd/roles/options.h"
#include "keyd/util/ipc.h"

#include <linux/capability.h>

#define ROLE_CHANNEL_FD 3	/* where a role finds its channel to the parent */
#define ROLE_USER "gapless"	/* who roles run as, if there is such a user; else "nobody" */
#define ROLE_NO_CAP (-1)

enum role_id { ROLE_PARENT, ROLE_KERN, ROLE_IKE, ROLE_AUTH, ROLE_CTL, ROLE_TRUST, ROLE_FETCH, ROLE_CARD, ROLES };

struct worker;

struct role {
	const char *name;		/* --role NAME */
	const char *title;		/* argv[0] and process name */
	const char *who;		/* in front of its log lines */
	/* Before rights are given up: opens what must be opened. 0, or worker_fail() was called. */
	int (*prepare)(struct worker *w);
	/* In the sandbox, before the loop runs. 0, or worker_fail() was called. */
	int (*start)(struct worker *w);
	/* At the end of the loop: frees what the role owns, so that leaks show. May be NULL. */
	void (*stop)(struct worker *w);
	/* A channel to that role is there, or is gone. May be NULL. */
	void (*peer_up)(struct worker *w, enum role_id peer);
	void (*peer_down)(struct worker *w, enum role_id peer);
	/* What it takes from each; NULL: it has no channel to that role. The parent's come behind those all roles take. */
	const struct ipc_rule *rules[ROLES];
	int cap;			/* the one capability kept, or ROLE_NO_CAP */
	bool chroot;			/* into the empty directory */
	bool groups;			/* it stays in the user's other groups: tokens may be theirs */
	bool any_call;			/* it starts programs: no list of system calls */
	bool lock_memory;		/* no page of it is ever swapped out */
	bool lock_some;			/* it may lock some pages later */
	bool undumpable;		/* no core, no ptrace by its own user */
	bool expendable;		/* it may die as often as it likes: what strangers send must not end the daemon */
};

extern const struct role role_kern, role_ike, role_auth, role_ctl, role_trust, role_fetch, role_card;

/* NULL for ROLE_PARENT and beyond. */
const struct role *role_by_id(enum role_id id);
/* ROLES when there is none of that name. */
enum role_id role_by_name(const char *name);
const char *role_name(unsigned int id);

/* Pairs of roles that talk to each other. */
struct role_link {
	enum role_id a, b;
};
extern const struct role_link role_links[];
extern const unsigned int role_nlinks;

#endif
