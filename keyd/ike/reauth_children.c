// SPDX-License-Identifier: MIT
// Which children of an IKE SA another one has still to take over, and which it carries already.
#include "keyd/ike/reauth.h"

#include "keyd/ike/selector.h"
#include "keyd/ike/version.h"

/* After a restart in the middle of a rekey, the heir that was there already is being made once more. */
static bool has_heir(const struct child_sa *c)
{
	const struct child_sa *heir = c->replaced_by ? child_find(c->sa->e, c->replaced_by) : NULL;

	return child_has_heir(c) && !(heir && heir->state == CHILD_NEW);
}

/* Is c still to be taken over? */
static bool waits(const struct child_sa *c)
{
	return !has_heir(c) && !c->deleting && (c->state == CHILD_INBOUND || c->state == CHILD_UP);
}

static bool carries(const struct child_sa *other, const struct child_sa *c)
{
	const struct ipsec_selector *sel = c->sel_exact ? &c->sel : &c->pol.sel;

	return waits(other) && !other->lost && !other->redundant &&
	       (!other->sel_exact || selector_covers(&other->sel, sel));
}

/* A child of fresh that is the same but for its keys. */
static struct child_sa *same_on(const struct ike_sa *fresh, const struct child_sa *c)
{
	for (struct child_sa *o = child_first(fresh->e, &c->pol); o; o = child_next(o, &c->pol))
		if (o->sa == fresh && carries(o, c) && o->sel_exact == c->sel_exact && selector_equal(&o->sel, &c->sel))
			return o;
	return NULL;
}

struct child_sa *reauth_next_child(const struct ike_sa *old, const struct ike_sa *fresh)
{
	list_each(c, &old->children, struct child_sa, link) {
		struct child_sa *same = waits(c) && !c->rekeying && fresh ? same_on(fresh, c) : NULL;

		if (same) {
			c->replaced_by = same->spi_in;
			child_touch(c);
		} else if (waits(c) && !c->rekeying)
			return c;
	}
	return NULL;
}

struct child_sa *reauth_successor(struct ike_sa *fresh, struct child_sa *old)
{
	struct child_sa *c = child_new(fresh, &old->pol, true);

	if (!c)
		return NULL;
	old->rekeying = true;
	child_touch(old);
	old->rekey_why = "reauthentication";
	c->replaces = old->spi_in;
	c->takes_over = true;
	c->flow = old->sel_exact ? old->sel : old->flow;
	if (old->acquired) {
		c->acquired = true;
		c->acquire_seq = old->acquire_seq;
		old->acquired = false;
	}
	return c;
}

unsigned reauth_busy(const struct ike_sa *old)
{
	unsigned n = 0;

	list_each(c, &old->children, struct child_sa, link)
		n += waits(c) && c->rekeying;
	return n;
}

struct child_sa *reauth_sibling(const struct child_sa *c)
{
	for (struct child_sa *o = child_first(c->sa->e, &c->pol); o; o = child_next(o, &c->pol))
		if (!o->sa->redundant_at && ike_sa_same_peer(o->sa, c->sa) && carries(o, c))
			return o;
	return NULL;
}

/*
 * Does the end of from say that the peer has c? Who makes a new IKE SA beside an old one ends that when all is there. Of
 * two that were begun at once this is not so, and a peer that promised a sign gives one.
 */
static bool is_sign(const struct ike_sa *from, const struct child_sa *c)
{
	if (c->sa->version->rekeys_prove)	/* in IKEv1 nothing but its third message, or a packet */
		return c->state == CHILD_UP || c->confirmed;
	return c->state == CHILD_UP || c->initiator || (!c->sign_promised && c->sa->created_at > from->origin_at);
}

unsigned reauth_hand_over(struct ike_sa *sa)
{
	unsigned n = 0;

	list_each(c, &sa->children, struct child_sa, link) {
		struct child_sa *to = has_heir(c) ? NULL : reauth_sibling(c);

		if (!to || !is_sign(sa, to))
			continue;
		c->replaced_by = to->spi_in;
		child_touch(c);
		child_switch(to, "the older IKE SA ends");
		n += to->state != CHILD_UP;
	}
	return n;
}

bool reauth_needless(const struct ike_sa *sa)
{
	list_each(c, &sa->children, struct child_sa, link)
		if (waits(c) && !reauth_sibling(c))
			return false;
	return true;
}

bool reauth_outlived(const struct ike_sa *sa)
{
	list_each(c, &sa->children, struct child_sa, link) {
		const struct child_sa *sibling = waits(c) ? reauth_sibling(c) : NULL;

		if (waits(c) && (!sibling || sibling->state != CHILD_UP))
			return false;
	}
	return true;
}
