/* SPDX-License-Identifier: MIT */
/* What the engine tells, as JSON. */
#ifndef KEYD_CTL_RENDER_H
#define KEYD_CTL_RENDER_H

#include "keyd/ctl/request.h"

#include <jansson.h>

/* All return a new reference, or NULL without memory. Texts that do not end or are not UTF-8 are cut or masked. */
json_t *render_ike(const struct engine_ike_info *info);	/* with an empty array "children" */
json_t *render_child(const struct engine_child_info *info);
json_t *render_stats(const struct engine_stats *stats);
json_t *render_event(const struct engine_event *ev);

#endif
