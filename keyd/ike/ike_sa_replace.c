// SPDX-License-Identifier: MIT
// One IKE SA in the place of another, after a rekey.
#include "keyd/ike/proof.h"
#include "keyd/ike/ike_sa.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/keepalive.h"
#include "keyd/ike/liveness.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/story.h"
#include "keyd/ike/version.h"

#include <string.h>

/* A replaced or redundant SA whose DELETE never comes goes after this long. */
#define REPLACED_LIFE SECONDS(60)

static void move_queue(struct ike_sa *old, struct ike_sa *fresh)
{
	list_each(x, &old->queue, struct exchange, link) {
		if (x->ops->of_this_sa)
			exchange_free(x);
		else
			x->sa = fresh;
	}
	list_splice_tail(&fresh->queue, &old->queue);
}

/* What is being answered is answered on the old SA, but what it makes lives on the new one. */
void ike_sa_give_children(struct ike_sa *old, struct ike_sa *fresh)
{
	list_each(u, &old->unborn, struct child_sa, link)
		child_belongs(u, fresh);
	list_each(c, &old->children, struct child_sa, link) {
		child_belongs(c, fresh);
		child_touch(c);
	}
}

/* What old has goes to fresh, and fresh says where it is from. */
static void hand_over(struct ike_sa *old, struct ike_sa *fresh)
{
	ike_sa_give_children(old, fresh);
	move_queue(old, fresh);
	memcpy(old->successor, ike_sa_our_spi(fresh), sizeof(old->successor));
	memcpy(fresh->predecessor, ike_sa_our_spi(old), sizeof(fresh->predecessor));
	fresh->rtt = old->rtt;
	fresh->rtt_var = old->rtt_var;
	old->quiet = true;
}

static void retire(struct ike_sa *old)
{
	struct engine *e = old->e;

	ike_sa_set_state(old, IKE_REPLACED);
	timer_cancel(&e->timers, &old->rekey);
	liveness_stop(old);
	timer_cancel(&e->timers, &old->kick);
	keepalive_stop(old);
	ike_sa_end_at(old, e->now + REPLACED_LIFE);
}

static void move_leases(struct ike_sa *old, struct ike_sa *fresh)
{
	for (unsigned f = 0; f < 2; f++) {
		if (!fresh->lease[f]) {
			fresh->lease[f] = old->lease[f];
			old->lease[f] = NULL;
		}
		if (!fresh->assigned[f].family)
			fresh->assigned[f] = old->assigned[f];
	}
}

void ike_sa_replace(struct ike_sa *old, struct ike_sa *fresh)
{
	hand_over(old, fresh);
	fresh->quiet = false;
	fresh->nat_local = old->nat_local;
	fresh->nat_remote = old->nat_remote;
	fresh->nat_asked = old->nat_asked;
	fresh->encap = old->encap;
	fresh->nat_follow = old->nat_follow;
	ike_sa_set_remote(fresh, &old->remote, old->remote_port);
	fresh->local_id = old->local_id;
	fresh->remote_id = old->remote_id;
	proof_move(old, fresh);
	fresh->rekeys = old->rekeys + 1;
	fresh->fragment_size = old->fragment_size;
	fresh->rekey_why = fresh->initiator && old->rekey_why ? old->rekey_why : "the peer asked for it";
	move_leases(old, fresh);
	story_move(old, fresh);
	retire(old);
	memcpy(fresh->origin, old->origin, sizeof(fresh->origin));
	fresh->originator = old->originator;
	fresh->origin_at = old->origin_at;
	ike_sa_established(fresh, "rekeyed");
	reauth_replaced(old, fresh);
	if (old->redundant_at)
		duplicate_goes(fresh, old->redundant_at);
	else
		duplicate_look(fresh);
}

/* The peer may still ask for children on the old one. */
static void share_leases(struct ike_sa *old, struct ike_sa *fresh)
{
	for (unsigned f = 0; f < 2; f++) {
		if (!fresh->lease[f] && old->lease[f]) {
			fresh->lease[f] = old->lease[f];
			lease_hold(fresh->lease[f]);
		}
		if (!fresh->assigned[f].family)
			fresh->assigned[f] = old->assigned[f];
	}
}

void ike_sa_succeed(struct ike_sa *old, struct ike_sa *fresh)
{
	bool up = fresh->state == IKE_ESTABLISHED;

	hand_over(old, fresh);
	share_leases(old, fresh);
	timer_cancel(&old->e->timers, &old->reauth.timer);
	retire(old);
	if (!up) {
		memcpy(fresh->origin, fresh->spi_i, sizeof(fresh->origin));
		fresh->originator = fresh->initiator;
		fresh->origin_at = fresh->e->now;
		fresh->rekeys = old->rekeys + 1;
		fresh->rekey_why = fresh->initiator && old->rekey_why ? old->rekey_why : "the peer asked for it";
		ike_sa_established(fresh, "rekeyed");
		reauth_established(fresh);
	}
	ike_sa_kick(fresh);
}

void ike_sa_cross(struct ike_sa *fresh, const struct ike_sa *old)
{
	fresh->quiet = true;
	memcpy(fresh->predecessor, ike_sa_our_spi(old), sizeof(fresh->predecessor));
	ike_sa_set_state(fresh, IKE_CROSSED);
	ike_sa_end_at(fresh, fresh->e->now + REPLACED_LIFE);
}
