// SPDX-License-Identifier: MIT
// Which of several IKE SAs with one peer stay.
#include "keyd/ike/duplicate.h"

#include "keyd/conf/id.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"

#include <string.h>

/* Of two SAs that both sides began at once, the one to go stays this long, so that the other can take over. */
#define REDUNDANT_LIFE SECONDS(2)
/* So long two SAs that were not begun at once may stand beside each other: one may be about to take over from the other. */
#define DOUBLED_LIFE SECONDS(60)

/* Names are the same in upper and lower case (conf_id_equal); for anything else, some more share a key. */
static uint64_t id_key(uint64_t h, const struct conf_id *id)
{
	uint8_t folded[CONF_ID_MAX];
	size_t n = id->len < sizeof(folded) ? id->len : sizeof(folded);

	for (size_t i = 0; i < n; i++)
		folded[i] = id->data[i] >= 'A' && id->data[i] <= 'Z' ? id->data[i] | 0x20 : id->data[i];
	return table_hash(h, folded, n);
}

static uint64_t ids_key(const struct conf_id *local, const struct conf_id *remote)
{
	return id_key(id_key(0, local), remote);
}

void duplicate_know(struct ike_sa *sa)
{
	table_add(&sa->e->by_ids, &sa->by_ids, ids_key(&sa->local_id, &sa->remote_id));
}

void duplicate_forget(struct ike_sa *sa)
{
	table_del(&sa->e->by_ids, &sa->by_ids);
}

static struct ike_sa *with_ids(struct table_node *node, const struct conf_id *local, const struct conf_id *remote)
{
	for (; node; node = table_next(node)) {
		struct ike_sa *sa = container_of(node, struct ike_sa, by_ids);

		if (sa->state == IKE_ESTABLISHED && conf_id_equal(&sa->local_id, local) &&
		    conf_id_equal(&sa->remote_id, remote))
			return sa;
	}
	return NULL;
}

struct ike_sa *duplicate_first(const struct ike_sa *sa)
{
	return with_ids(table_find(&sa->e->by_ids, ids_key(&sa->local_id, &sa->remote_id)), &sa->local_id, &sa->remote_id);
}

struct ike_sa *duplicate_next(const struct ike_sa *sa)
{
	return with_ids(table_next(&sa->by_ids), &sa->local_id, &sa->remote_id);
}

bool duplicate_alone(const struct ike_sa *sa, const struct conf_id *remote_id)
{
	struct engine *e = sa->e;

	if (with_ids(table_find(&e->by_ids, ids_key(&sa->local_id, remote_id)), &sa->local_id, remote_id))
		return false;
	/* While one is being deleted its children still send: the DELETE tells the peer, and the answer us. */
	for (struct ike_sa *o = ike_sa_first_between(e, &sa->local, &sa->remote); o; o = ike_sa_next_between(o))
		if ((o->state == IKE_ESTABLISHED || o->state == IKE_DELETING) && conf_id_match(remote_id, &o->remote_id) &&
		    conf_id_equal(&o->local_id, &sa->local_id))
			return false;
	return true;
}

/* Behind a NAT many may share an address. Two sections for one identity are two ways to it, on purpose. */
static bool elsewhere(const struct ike_sa *a, const struct ike_sa *b)
{
	return !strcmp(a->peer->conf.name, b->peer->conf.name) &&
	       (!ipsec_addr_equal(&a->remote, &b->remote) ||
		(a->nat_remote && b->nat_remote && a->remote_port != b->remote_port));
}

bool duplicate_unwelcome(struct ike_sa *sa)
{
	char id[CONF_ID_STRLEN], there[IPSEC_ADDR_STRLEN];

	if (sa->peer->conf.unique != CONF_UNIQUE_KEEP || sa->initial_contact)
		return false;
	for (struct ike_sa *old = duplicate_first(sa); old; old = duplicate_next(old)) {
		if (old == sa || !elsewhere(old, sa))
			continue;
		report_sa(sa, LOG_LEVEL_WARNING, "IKE_AUTH", "refused",
			  "\"%s\" has an IKE SA from %s already; \"unique keep\" lets that stay, \"unique replace\" would end it",
			  conf_id_format(&sa->remote_id, id, sizeof(id)),
			  ipsec_addr_format(&old->remote, there, sizeof(there)));
		old->version->liveness(old);
		return true;
	}
	return false;
}

static void supersede(struct ike_sa *old, const struct ike_sa *sa)
{
	char id[CONF_ID_STRLEN], here[IPSEC_ADDR_STRLEN];

	report_reason(old, REASON_SUPERSEDED);
	if (sa->initial_contact) {
		ike_sa_end(old, "the peer began anew (INITIAL_CONTACT)");
		return;
	}
	report_sa(old, LOG_LEVEL_NOTICE, "IKE_SA", "superseded",
		  "\"%s\" has come from %s; \"unique no\" would let both stay, for several hosts of one identity",
		  conf_id_format(&sa->remote_id, id, sizeof(id)), ipsec_addr_format(&sa->remote, here, sizeof(here)));
	old->version->delete_ike(old);
}

void duplicate_supersede(struct ike_sa *sa)
{
	enum conf_unique unique = sa->peer->conf.unique;
	bool replace = sa->newcomer && unique == CONF_UNIQUE_REPLACE;

	if (unique != CONF_UNIQUE_NEVER && (sa->initial_contact || replace))
		for (struct ike_sa *old = duplicate_first(sa); old; old = duplicate_next(old))
			if (old != sa && old->origin_at < sa->created_at &&
			    (sa->initial_contact || elsewhere(old, sa)))
				supersede(old, sa);
	if (sa->initial_contact || sa->newcomer)
		ike_sa_touch(sa);
	sa->initial_contact = sa->newcomer = false;
}

/* --- both sides begin at once --- */

static void goes_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, end);

	if (!reauth_needless(sa) && reauth_merge(sa))
		return;
	if (!reauth_outlived(sa)) {	/* the peer may not have the other one yet, as our answer was lost */
		duplicate_goes(sa, sa->e->now + REDUNDANT_LIFE);
		return;
	}
	report_sa(sa, LOG_LEVEL_INFO, "IKE_SA", "redundant", "both sides began at once; the other SA stays");
	sa->version->delete_ike(sa);
}

void duplicate_goes(struct ike_sa *sa, uint64_t at)
{
	sa->redundant_at = at;
	ike_sa_touch(sa);
	timer_set(&sa->e->timers, &sa->end, at, goes_due);
}

static void take_over(struct exchange *x, struct ike_sa *sa)
{
	struct child_sa *c = x ? x->child : NULL, *twin;

	if (!c || c->state != CHILD_NEW)
		return;
	x->child = NULL;
	child_belongs(c, sa);
	twin = child_twin(c);
	if (!twin) {
		sa->version->create_child(sa, c);
		return;
	}
	child_hand_over(c, twin);
	child_free(c);
}

/* Nobody knows yet who we are on it: there is nothing to delete at the peer. */
static void absorb(struct ike_sa *sa, struct ike_sa *attempt)
{
	take_over(attempt->active, sa);
	list_each(x, &attempt->queue, struct exchange, link)
		take_over(x, sa);
	attempt->quiet = true;
	report_reason(attempt, REASON_REPLACED);
	ike_sa_end(attempt, "the peer began at the same moment, and was first");
}

static bool needless(const struct ike_sa *attempt, const struct ike_sa *sa)
{
	/* By name: settings that were loaded again are the same peer's. */
	return attempt->initiator && attempt->state == IKE_INIT && !strcmp(attempt->peer->conf.name, sa->peer->conf.name) &&
	       ipsec_addr_equal(&attempt->local, &sa->local) &&
	       ipsec_addr_equal(&attempt->remote, &sa->remote);
}

/* --- what was not begun at once --- */

static bool same_way(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && !strcmp(a->peer->conf.name, b->peer->conf.name) && ipsec_addr_equal(&a->local, &b->local) &&
	       ipsec_addr_equal(&a->remote, &b->remote) && a->remote_port == b->remote_port;
}

/* The one with the smaller SPI of two goes. Both ends see it like that. */
static struct ike_sa *smaller(struct ike_sa *a, struct ike_sa *b)
{
	return memcmp(a->origin, b->origin, sizeof(a->origin)) < 0 ? a : b;
}

/* Who answered the set-up knows only by a message after it that the peer has the SA. */
static bool unheard(const struct ike_sa *sa)
{
	return !sa->initiator && sa->heard_at <= sa->established_at;
}

static void doubled_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, end);

	ike_sa_touch(sa);
	if (sa->state != IKE_ESTABLISHED || sa->redundant_at || sa->peer->conf.unique == CONF_UNIQUE_NEVER)
		return;
	for (struct ike_sa *other = duplicate_first(sa); other; other = duplicate_next(other)) {
		if (!same_way(sa, other) || other->redundant_at || smaller(sa, other) != sa)
			continue;
		if (!reauth_idle(sa) || !reauth_idle(other)) {
			timer_set(&sa->e->timers, &sa->end, sa->e->now + DOUBLED_LIFE, doubled_due);
		} else if (unheard(other)) {
			if (!other->active)
				other->version->liveness(other);
			timer_set(&sa->e->timers, &sa->end, sa->e->now + DOUBLED_LIFE, doubled_due);
		} else if (reauth_needless(sa)) {
			report_sa(sa, LOG_LEVEL_INFO, "IKE_SA", "redundant", "another one carries all that it does");
			sa->version->delete_ike(sa);
		}
		return;
	}
}

void duplicate_look(struct ike_sa *sa)
{
	if (sa->version->rekeys_prove)	/* one takes over from another there without our help */
		return;
	for (struct ike_sa *other = duplicate_first(sa); other; other = duplicate_next(other)) {
		struct ike_sa *goes = smaller(sa, other);

		if (!same_way(sa, other) || !goes->originator || goes->redundant_at || goes->end.pos)
			continue;
		ike_sa_touch(goes);
		timer_set(&sa->e->timers, &goes->end, sa->e->now + DOUBLED_LIFE, doubled_due);
	}
}

/*
 * An attempt that has not come as far as IKE_AUTH ends here. Where both sides have proved who they are on both, the SA with
 * the smaller SPI goes: both ends see it like that, in whatever order they see it.
 */
void duplicate_drop(struct ike_sa *sa)
{
	for (struct ike_sa *other = ike_sa_first_between(sa->e, &sa->local, &sa->remote); other && !sa->initiator;
	     other = ike_sa_next_between(other))
		if (needless(other, sa))
			absorb(sa, other);
	for (struct ike_sa *other = duplicate_first(sa); other; other = duplicate_next(other)) {
		struct ike_sa *goes;

		if (other == sa || other->originator == sa->originator || other->origin_at < sa->created_at)
			continue;
		goes = smaller(other, sa);
		if (goes->originator)
			duplicate_goes(goes, sa->e->now + REDUNDANT_LIFE);
	}
	duplicate_look(sa);
}
