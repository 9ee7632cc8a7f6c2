// SPDX-License-Identifier: MIT
// Why no section serves a peer, in words.
#include "keyd/ike/section.h"

#include "keyd/conf/id.h"
#include "keyd/ike/report.h"

#include <stdio.h>

struct peer *section_peer(struct engine *e, const struct conf_peer *conf)
{
	return conf == &e->conf.defaults ? e->default_peer : e->peers[conf - e->conf.peers];
}

struct peer *section_rival(const struct engine *e, const struct conf_peer *of, unsigned *at)
{
	while (*at < e->conf.npeers) {
		struct peer *p = e->peers[(*at)++];
		const struct conf_peer *conf = &p->conf;

		if (conf != of && conf->remote_len == of->remote_len && ipsec_addr_equal(&conf->remote, &of->remote) &&
		    ipsec_addr_equal(&conf->local, &of->local))
			return p;
	}
	return NULL;
}

bool section_refuses(struct engine *e, const struct peer *peer, char *text, size_t n)
{
	char place[CONF_PATH_MAX + 16];

	if (!peer->conf.refuse)
		return false;
	if (peer == e->default_peer)
		snprintf(text, n, "no section is for this peer");
	else
		snprintf(text, n, "the section \"%s\" (%s) says \"serve no\"", peer->conf.name,
			 conf_at_format(&e->conf, peer->conf.section, place, sizeof(place)));
	return true;
}

static const char *misfit(enum conf_misfit why)
{
	static const char *const words[] = {
		[CONF_FITS] = "fits", [CONF_MISFIT_LOCAL] = "\"id local\" is another", [CONF_MISFIT_REMOTE] = "\"id remote\" is another",
		[CONF_MISFIT_ADDRESS] = "it does not talk from that address", [CONF_MISFIT_REFUSED] = "it says \"serve no\"",
	};

	return words[why];
}

void section_none(struct ike_sa *sa, const char *exchange, const struct conf_choice *choice, const char *may)
{
	char got[CONF_ID_STRLEN], tried[STORY_SIDE_MAX] = "";
	unsigned n = choice->n < CONF_TRIED_MAX ? choice->n : CONF_TRIED_MAX;
	size_t at = 0;

	for (unsigned i = 0; i < n && at < sizeof(tried); i++)
		at += (size_t)snprintf(tried + at, sizeof(tried) - at, "%s\"%s\": %s", i ? ", " : "", choice->tried[i].peer->name,
				       choice->tried[i].why == CONF_MISFIT_MAY ? may : misfit(choice->tried[i].why));
	conf_id_format(&sa->remote_id, got, sizeof(got));
	report_reason(sa, REASON_NO_SECTION);
	report_sides(sa, tried, got);
	report_sa(sa, LOG_LEVEL_WARNING, exchange, "failed", "the peer says it is \"%s\"; no section is for it: %s%s", got, tried,
		  choice->n > n ? ", …" : "");
}
