/* SPDX-License-Identifier: MIT */
/* The parent: root, reads no byte from the network; starts the roles, gives them what they need, and watches over them. */
#ifndef KEYD_ROLES_PARENT_H
#define KEYD_ROLES_PARENT_H

#include "keyd/conf/load.h"
#include "keyd/roles/cache.h"
#include "keyd/roles/message.h"
#include "keyd/roles/role.h"
#include "keyd/roles/sights.h"
#include "keyd/roles/sockets.h"
#include "keyd/roles/store.h"
#include "keyd/roles/trials.h"

#include <sys/types.h>

#define DEATHS_MAX 5			/* of one role… */
#define DEATHS_WITHIN 10000000u		/* …in so many µs: then we give up */

struct parent;

/* One role's process. */
struct child {
	struct parent *p;
	enum role_id id;
	pid_t pid;			/* 0: none */
	pid_t last_pid;			/* of the one that has been reaped, */
	int status;			/* and how it ended, as of waitpid */
	struct ipc *ch;			/* NULL: none, or it has ended */
	struct ipc_table table;
	bool ready;
	bool anew;			/* its predecessor ended well, to be started again */
	uint64_t deaths[DEATHS_MAX];	/* when it died, the latest first */
	struct loop_timer *restart;
	uint32_t pinged, ponged;	/* ids; equal: it has answered */
	uint64_t pinged_at;
};

/* A name of a peer, and what it stands for. */
struct host {
	char name[CONF_HOST_MAX];
	unsigned int n;			/* 0: not known (yet) */
	struct ipsec_addr addr[CONF_ADDRS_MAX];	/* in order */
	bool due, asked;		/* it is to be looked up; it is being */
	bool wanted;			/* the ike role waits for that */
	uint64_t at;			/* of the last answer; 0: none */
};

struct hosts {
	struct host *host;		/* owned, n of them: those of the configuration, each once */
	unsigned int n, asked;
	uint32_t round;			/* one more with each configuration */
	size_t secrets;			/* those before are the configuration's, the others made for addresses */
	struct loop_timer *timer;
};

struct parent {
	struct options *options;
	struct loop *loop;
	struct conf conf;
	struct conf_secrets secrets;
	struct sockets sockets;
	struct store store;		/* what outlives us */
	struct cache cache;		/* what was fetched */
	uint64_t conf_stamp;		/* settings_stamp() when it was read */
	struct hosts hosts;		/* peers that have names */
	struct sights sights;		/* of keys on tokens */
	struct loop_timer *complete;	/* reloads for what was seen of tokens */
	uint64_t completed_at;
	struct trials trials;		/* of their PINs */
	int control_fd;
	struct child children[ROLES];
	char backend[32];		/* as the kern role named it */
	char keylog[CONF_PATH_MAX];	/* the directory that keys are written to; "": they are not */
	bool was_ready, ending;
	int code;			/* to exit with */
	struct loop_timer *end_timer;
	struct loop_timer *watchdog;	/* NULL: nobody asks for signs of life */
	struct loop_signal *signals[4];
};

/* The whole life of the parent; returns the exit code. */
int parent_main(struct options *o);
/* All roles end, then the loop does; the first code counts. */
void parent_end(struct parent *p, int code);
/* A role has said that it is ready. */
void parent_child_ready(struct parent *p);
/* Reads the configuration again; what is wrong leaves the old one. Fills *r with what came of it. */
void parent_reload(struct parent *p, struct message_result *r);

/* children.c */
/* 0, or -errno: the process could not be made. */
int child_start(struct child *c);
/* Every role: 0 or -errno. */
int children_start(struct parent *p);
/* Reaps those that have ended. */
void children_reap(struct parent *p);
void children_end(struct parent *p);
void children_kill(struct parent *p);
bool children_left(const struct parent *p);
void children_free(struct parent *p);

/* watchdog.c: signs of life for a service manager that asks for them, as long as every role gives one. 0 or -ENOMEM. */
int watchdog_start(struct parent *p);

/* keylog.c: keys for Wireshark. The parent opens the files and never sees a key. */
/* After a reload, where the configuration said before. 0 or -errno, with a sentence in r. */
int keylog_configure(struct parent *p, const char *before, struct message_result *r);
/* As keydctl says. Fills *r. */
void keylog_switch(struct parent *p, bool on, struct message_result *r);
/* Gives the ike role its files anew, or takes them away; warns when keys are written. */
void handover_keylog(struct parent *p);

/* handover.c: what a role needs before it can work. */
void handover_conf(struct parent *p);
void handover_secrets(struct parent *p);
void handover_sockets(struct parent *p);
/* handover_trust.c: what is believed. Reads revocation lists anew; says what is wrong with them. A new role gets the cache, too. */
void handover_trust(struct parent *p);
/* handover_card.c: which keys on tokens there are, their PINs, modules; and what the card role says of them, from a struct child. */
void handover_cards(struct parent *p);
/* 0 or -ENOMEM. */
int cards_prepare(struct parent *p);
int cards_seen(struct ipc *ch, struct ipc_msg *m, void *arg);
int cards_trial(struct ipc *ch, struct ipc_msg *m, void *arg);
int cards_forgive(struct ipc *ch, struct ipc_msg *m, void *arg);
/* allowed.c: what the kern role may make by itself. Before the configuration, which the ike role acts on at once. */
void handover_allowed(struct parent *p);
/* This machine's own addresses are not for a pool's clients. */
void allowed_except_own(struct conf *c);
/* All of it for one role that has just started, and its channels to those that run. */
void handover_all(struct child *c);

/* unlock.c: a passphrase for those private keys that have none in the configuration. Fills *r. */
void unlock_keys(struct parent *p, struct view passphrase, struct message_result *r);
/* A password for that peer's gateway, which the configuration does not have. The auth role alone keeps it. Fills *r. */
void unlock_password(struct parent *p, const char *peer, struct view password, struct message_result *r);
/* What was unlocked stays so over a reload. */
void unlock_keep(const struct conf_secrets *old, struct conf_secrets *fresh);

/* hosts.c: after a configuration was read, before it is handed over. What was known of a name stays known. 0 or -ENOMEM. */
int hosts_configure(struct parent *p);
void hosts_free(struct parent *p);
/* A fetch role that is new is asked what its predecessor did not answer. */
void handover_hosts(struct parent *p);
/* Messages, from a struct child. */
int hosts_answered(struct ipc *ch, struct ipc_msg *m, void *arg);
int hosts_wanted(struct ipc *ch, struct ipc_msg *m, void *arg);

struct engine_resolv;
/* resolv.c: RUN-DIR/resolv/PEER.conf, or no such file any more. */
void resolv_write(struct parent *p, const struct engine_resolv *r);

/* settings.c: configuration and secrets. err gets each line. 0 or -errno; then nothing is owned. */
int settings_load(const struct options *o, const struct conf_sights *seen, struct conf *c, struct conf_secrets *s,
		  conf_error_fn *err, void *arg);
/* What the files that c was read from are like now: another number when one of them has changed. */
uint64_t settings_stamp(const struct conf *c);
/* Prepares the kernel's switches for us (net.core.xfrm_larval_drop). */
void settings_kernel(const struct options *o, const struct conf *c);
/* Warns where the kernel will not pad (tfc). */
void settings_padding(const struct options *o, const struct conf *c);

#endif
