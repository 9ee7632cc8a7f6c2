/* SPDX-License-Identifier: MIT */
/*
 * Stories: what became of the last attempts with each peer, in bounded memory, for keydctl explain. The functions of
 * report.h write them; nothing else in the engine needs to know of them.
 *
 * Who has not proved who it is has a ring of its own, so that strangers cannot push out what is known of peers.
 */
#ifndef KEYD_IKE_STORY_H
#define KEYD_IKE_STORY_H

#include "keyd/ike/ike_sa.h"

#define STORIES_MAX 256			/* of peers, in all */
#define STORIES_OF_ONE 8		/* with one address */
#define STORIES_STRANGE 64		/* of strangers, in all */

struct story {
	struct list link;		/* oldest first, in stories.known or .strange */
	struct ike_sa *sa;		/* that it is about; NULL: it is over, or was never one */
	bool strange;
	struct engine_story s;
};

/* The story of an SA, begun if it has none; NULL for one that anybody may have begun, and without memory. */
struct story *story_of(struct ike_sa *sa);
/* One more line of it. */
void story_step(struct ike_sa *sa, const char *exchange, const char *result, const char *text);
/*
 * Something failed or ended: the SA itself, or (failed is given) a child of an SA that stays, which has a story of its
 * own. What report_reason and the like have said goes in.
 */
void story_failed(struct ike_sa *sa, const struct child_sa *child, const char *text);
void story_ended(struct ike_sa *sa, const char *text);
/* May one more be written now that anybody can cause? */
bool story_allowed(struct engine *e);
/* An attempt that never had an SA: of a stranger, or one that we did not even begin. */
void story_never(struct engine *e, const struct engine_story *what, bool strange);
/* It has come up, or was rekeyed: ev is what is told of it. */
void story_up(struct ike_sa *sa, const struct child_sa *child, const struct engine_event *ev);
/* The SA has a successor, whose story it now is; fresh NULL: it is freed. */
void story_move(struct ike_sa *old, struct ike_sa *fresh);

void stories_init(struct stories *all);
void stories_free(struct stories *all);

/* story_tell.c: fills what is known of sa by now. */
void story_header(const struct ike_sa *sa, struct engine_story *s);
/* Is this the section of one host? Then what comes from its address is not a stranger's. */
bool story_named(const struct conf_peer *conf);
/* The statement of keyd.conf that decides what s.reason is about, and its place. */
void story_places(const struct engine *e, const struct conf_peer *conf, struct engine_story *s);

/*
 * story_policy.c: a policy as setkey's file has it: "spdupdate 10.0.1.0/24 10.0.2.0/24 any -P out ipsec
 * esp/tunnel/192.0.2.1-192.0.2.2/require;"
 */
const char *story_policy(const struct ipsec_policy *pol, char *buf, size_t n);
/*
 * Ours, which the peer did not take, and what it would need; or what it asks for, our nearest, and what we would need:
 * that one gives the reason.
 */
void story_policy_refused(const struct ipsec_policy *pol, struct story_pending *p);
enum engine_reason story_policy_asked(const struct ike_sa *sa, const struct wire_ts_list *local,
				      const struct wire_ts_list *remote, bool transport, struct story_pending *p);

#endif
