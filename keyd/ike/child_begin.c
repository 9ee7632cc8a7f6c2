// SPDX-License-Identifier: MIT
// Where the negotiation of a child begins: on an IKE SA that is there, or on a new one.
#include "keyd/ike/child_sa.h"
#include "keyd/ike/path.h"
#include "keyd/ike/report.h"
#include "keyd/ike/section.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/version.h"

#include "keyd/conf/load.h"

#include <stdio.h>

static struct ike_sa *begin_sa(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	struct peer *peer = engine_peer(e, local, remote);
	struct path p = path_to(e, peer, local, remote);
	struct ike_sa *sa = ike_sa_new(e, peer, true, local, p.local_port, remote, p.remote_port);

	peer_put(peer);
	return sa;
}

/* "serve no" */
static bool refused(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	struct peer *peer = engine_peer(e, local, remote);
	char text[STORY_SIDE_MAX];
	bool refuse = section_refuses(e, peer, text, sizeof(text));

	if (refuse)
		report_failed(e, local, remote, REASON_NOT_SERVED, text);
	peer_put(peer);
	return refuse;
}

static void begin(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		  const struct ipsec_addr *remote, const struct ipsec_event *acquire, const struct ipsec_selector *flow)
{
	struct ike_sa *sa = ike_sa_between(e, local, remote);
	bool fresh = !sa;
	struct child_sa *c;
	char sel[SELECTOR_STRLEN];

	if (fresh && refused(e, local, remote))
		return;
	if (fresh)
		sa = begin_sa(e, local, remote);
	c = sa ? child_new(sa, pol, true) : NULL;
	if (!c) {
		report_failed(e, local, remote, REASON_NO_MEMORY, "out of memory");
		if (fresh && sa)
			ike_sa_end(sa, "out of memory");
		return;
	}
	if (acquire)
		child_acquired(c, acquire);
	else if (flow)
		c->flow = *flow;
	selector_format(acquire ? &acquire->acquire.sel : flow ? flow : &pol->sel, sel, sizeof(sel));
	report_child(c, LOG_LEVEL_INFO, "CHILD_SA", "begin", "%s %s", acquire ? "for a packet" : "for", sel);
	if (fresh)
		sa->version->initiate(sa, c);
	else
		sa->version->create_child(sa, c);
}

void child_begin_elsewhere(struct child_sa *c)
{
	struct ike_sa *sa = begin_sa(c->sa->e, &c->sa->local, &c->sa->remote);

	if (!sa) {
		child_free(c);
		return;
	}
	child_belongs(c, sa);
	sa->version->initiate(sa, c);
}

void child_begin(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		 const struct ipsec_addr *remote, const struct ipsec_event *acquire)
{
	begin(e, pol, local, remote, acquire, NULL);
}

void child_begin_for(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		     const struct ipsec_addr *remote, const struct ipsec_selector *flow)
{
	begin(e, pol, local, remote, NULL, flow);
}
