/* SPDX-License-Identifier: MIT */
/* What an engine is made of. For the engine's own files only; everybody else has engine.h. */
#ifndef KEYD_IKE_ENGINE_STATE_H
#define KEYD_IKE_ENGINE_STATE_H

#include "keyd/ike/creds.h"
#include "keyd/ike/engine.h"
#include "keyd/ike/half_open.h"
#include "keyd/ike/keep.h"
#include "keyd/ike/pool.h"
#include "keyd/ike/spd.h"
#include "keyd/ike/timer.h"
#include "keyd/util/list.h"
#include "keyd/util/table.h"

#define ENGINE_DATAGRAM_MAX 65535

/* The settings of one peer, held by every SA that was made with them, so that a reload does not pull them away. */
struct peer {
	unsigned refs;
	struct conf_peer conf;
};

/* Lets some through each second, and counts what it held back. */
struct rate {
	uint64_t second;
	unsigned used, held;
};

/* A question that waits for its answer. Exactly one of the three is set; owner dies only after ask_cancel. */
struct ask {
	struct list link;
	uint32_t id;			/* 0: nothing is being asked */
	void (*kern)(struct ask *a, const struct kern_answer *an);
	void (*auth)(struct ask *a, const struct auth_answer *an);
	void (*trust)(struct ask *a, const struct trust_answer *an);
};

/* What report_reason and the like have said of sa, until it is reported. */
struct story_pending {
	const void *sa;			/* compared only; NULL: nothing is pending */
	uint8_t reason;
	uint16_t notify;
	bool notify_ours;
	char ours[STORY_SIDE_MAX], theirs[STORY_SIDE_MAX], differs[560], policy[240], policy_wanted[280];
};

/* See story.h. */
struct stories {
	struct list known, strange;	/* struct story .link */
	unsigned nknown, nstrange;
	uint64_t last;
	struct rate rate;		/* of stories of strangers */
	struct story_pending pending;
};

/* See guard.h. */
struct guards {
	struct ipsec_selector *list;	/* that shall be in the kernel */
	unsigned n, at, tries;		/* the one that is being asked for, and how often it was */
	struct ask ask;
	struct timer retry;
};

struct engine {
	const struct engine_hooks *hooks;
	void *hooks_arg;
	struct conf conf;			/* peers and pools are the engine's own copies */
	struct peer **peers, *default_peer;	/* npeers of conf, in file order */
	struct creds creds;
	struct {
		struct timer timer;
		struct list gone;		/* peers that come back with their token */
	} away;					/* see away.h */
	uint64_t now;				/* of the call that we are in */
	struct timers timers;
	struct list sas;			/* struct ike_sa .link */
	struct list dead;			/* struct ike_sa .dead: those of sas that have ended */
	struct half_open half_open;
	struct table by_spi, by_ends;		/* struct ike_sa, by our SPI, and by the two addresses */
	struct table by_ids;			/* those that are established, by both identities */
	struct table by_child;			/* struct child_sa .node, by inbound SPI */
	struct table by_out, by_policy;		/* the same by outbound SPI, and by the policy that they serve */
	struct list retries;			/* policies whose children failed, see retry.c */
	struct table by_retry;
	unsigned nretries;
	struct list asks;			/* in the order of asking */
	uint32_t last_ask;
	uint32_t trust_news;			/* counts how often all peers' certificates were asked about again */
	struct list stragglers;			/* old SAs in their last seconds, see straggler.c */
	struct table by_straggler;		/* the same by SPI */
	struct list orphans;			/* kernel SAs from before our time, see orphan.c */
	struct spd spd;
	struct list traffics;			/* what keyd makes policies for itself, see traffic.c */
	struct table by_reqid, by_traffic;	/* the same by reqid, and by selectors */
	uint32_t last_reqid;
	struct list tunnels;			/* that keyd keeps up, see tunnel.c */
	struct pools pools;
	struct guards guards;
	bool told;				/* what the kernel had has been told, or is being told */
	uint8_t cookie_secret[2][32];		/* now, and before */
	uint64_t cookie_changed;
	struct rate noise;			/* log lines that strangers can cause */
	struct stories stories;			/* of the last attempts, for keydctl explain */
	bool details;				/* somebody watches */
	bool keylog;				/* keys are given away: see keylog.h */
	struct rate replies, hints;		/* answers to strangers, and what their hints make us do */
	struct rate refused;			/* IKE_SA_INIT requests that got no SA */
	struct engine_stats stats;
	struct list touched;			/* struct keep: changed since their records were given away */
	struct list leaving;			/* what goes when that is done, see keep.c */
	struct list thawing;			/* records of an engine before this one, see thaw.c */
	uint64_t last_keep;			/* the newest number of a record */
	bool unkept;				/* records were given away that do not count yet */
	bool keep_closed;			/* the engine ends, and its records stay as they are */
	uint8_t record[ENGINE_RECORD_MAX];	/* the one being made */
	uint8_t out[ENGINE_DATAGRAM_MAX];	/* the message being built */
	uint8_t fragments[2 * ENGINE_DATAGRAM_MAX];	/* and its fragments, with their headers */
};

struct peer *peer_get(struct peer *p);
void peer_put(struct peer *p);
void peers_free(struct engine *e);
/* With a reference for the caller. */
struct peer *engine_peer(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote);
/* Does a command that names this one mean it? By name or by address; NULL or empty is everybody. */
bool peer_named(const struct conf_peer *conf, const struct ipsec_addr *remote, const char *peer);

/* Asks, and remembers whom the answer is for. a is not asking anything yet. */
void ask_kern(struct engine *e, struct ask *a, const struct kern_request *rq,
	      void (*fn)(struct ask *a, const struct kern_answer *an));
/* Nobody waits for the answer. */
void leave_auth(struct engine *e, const struct auth_request *rq);
void ask_auth(struct engine *e, struct ask *a, const struct auth_request *rq,
	      void (*fn)(struct ask *a, const struct auth_answer *an));
void ask_trust(struct engine *e, struct ask *a, const struct trust_request *rq,
	       void (*fn)(struct ask *a, const struct trust_answer *an));
/* The answer, if it comes, is dropped. */
void ask_cancel(struct ask *a);

/* One more in this second, of at most so many? Tells of nothing. */
bool rate_pass(struct engine *e, struct rate *r, unsigned per_second);
/* May one more line be logged now for something that anybody can cause? */
bool rate_allow(struct engine *e, struct rate *r);
/* The same without using it up; what is not allowed counts as held back. */
bool rate_room(struct engine *e, struct rate *r);
/* A random delay of up to max. */
uint64_t engine_random_below(uint64_t max);

#endif
