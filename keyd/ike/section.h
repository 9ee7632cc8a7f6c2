/* SPDX-License-Identifier: MIT */
/* Why no section serves a peer, in words. */
#ifndef KEYD_IKE_SECTION_H
#define KEYD_IKE_SECTION_H

#include "keyd/ike/ike_sa.h"

#include "keyd/conf/load.h"

/* Whose settings conf, one of e->conf, is. */
struct peer *section_peer(struct engine *e, const struct conf_peer *conf);
/* The sections that may turn out to be meant instead of this one, as they are for the same addresses. *at begins at 0; NULL ends. */
struct peer *section_rival(const struct engine *e, const struct conf_peer *of, unsigned *at);
/* Does it say "serve no"? Then text is where. */
bool section_refuses(struct engine *e, const struct peer *peer, char *text, size_t n);
/*
 * Tells of each section that was looked at why it does not serve the peer of sa, who has said who it is: the reason is set, and a line
 * logged. may: what CONF_MISFIT_MAY says.
 */
void section_none(struct ike_sa *sa, const char *exchange, const struct conf_choice *choice, const char *may);

#endif
