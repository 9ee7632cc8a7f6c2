// SPDX-License-Identifier: MIT
// What may not go in clear: the plutos hold it back before there is a tunnel (auto=route), or for good (type=drop).
#include "keyd/import/draft.h"

#include "keyd/conf/conf.h"

#include <string.h>

/* A conn that is not there leaves nothing to protect what it was for; one that is does so once its tunnel is there. */
static bool holds(const struct draft_peer *p)
{
	if (p->idle)
		return false;
	if (!strcmp(p->action, "discard") ||
	    (!strcmp(p->action, "ipsec") &&
	     (p->off || (p->npairs && !p->set[SET_TRAFFIC] && !p->set[SET_VIRTUAL] && !p->assigned))))
		return p->route || p->start;
	return !strcmp(p->action, "ipsec") && (p->route || (p->start && p->hold)) && draft_is_single(p);
}

/* A side as "drop" has it; NULL: nobody knows it. Ours may be any address, where the conn is about the end itself. */
static const char *side_text(struct draft *d, const struct draft_net *n, bool local, uint16_t family)
{
	struct draft_net any = { .addr.family = family, .proto = n->proto, .port = n->port };

	if (n->addr.family)
		return draft_traffic_text(d, n, false);
	return local && n->host ? draft_traffic_text(d, &any, false) : NULL;
}

/* false: it cannot be said. */
static bool drop(struct draft *d, const struct draft_peer *p, const struct draft_pair *pair)
{
	const char *local = side_text(d, &pair->local, true, pair->remote.addr.family);
	const char *remote = side_text(d, &pair->remote, false, 0), *text;
	struct draft_value *v = d->drops;

	if (pair->local.proto && pair->remote.proto && pair->local.proto != pair->remote.proto)
		return true;		/* no packet is of both */
	if (!local || !remote)
		return false;
	text = draft_text(d, "%s <-> %s", local, remote);
	while (v < d->drops + d->ndrops && strcmp(v->text, text) != 0)
		v++;
	if (v == d->drops + CONF_DROPS_MAX)
		return false;
	if (v == d->drops + d->ndrops)
		d->drops[d->ndrops++] = (struct draft_value){ text, p->at };
	return true;
}

static void tell(struct draft *d, struct draft_peer *p, bool all)
{
	if (!all || !p->npairs)
		draft_note(d, p, IMPORT_NOT, p->at,
			   "not all that this conn holds back could be named, and goes in clear: "
			   "setkey's policies must drop it (spdadd ... -P out discard;)");
	else if (!strcmp(p->action, "discard"))
		draft_note(d, p, IMPORT_CHOICE, p->at,
			   "what this conn drops is dropped by 'drop', without an ICMP error");
	else if (!p->off && !p->set[SET_TRAFFIC])
		draft_note(d, p, IMPORT_NOT, p->at,
			   "what this conn would have protected is dropped ('drop') where setkey has no policy for it");
	else if (p->off)
		draft_note(d, p, IMPORT_NOT, p->at,
			   "what this conn would have protected is dropped, so that it does not go in clear: "
			   "auto=ignore lets it go");
	else
		draft_note(d, p, IMPORT_CHOICE, p->at,
			   "until the tunnel is there, what it is for is dropped ('drop'), "
			   "as auto=route or failureshunt holds it back");
}

void draft_hold(struct draft *d, struct draft_peer *p)
{
	bool all = true;

	if (d->options->setkey || !holds(p))
		return;
	for (unsigned i = 0; i < p->npairs; i++)
		all = drop(d, p, &p->pair[i]) && all;
	tell(d, p, all);
	if (!strcmp(p->action, "discard") && all) {
		p->off = "its traffic is dropped";
		p->idle = true;
	}
}
