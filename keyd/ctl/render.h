/* SPDX-License-Identifier: MIT */
/* What the engine tells, as JSON. */
#ifndef KEYD_CTL_RENDER_H
#define KEYD_CTL_RENDER_H

#include "keyd/ctl/request.h"

#include <jansson.h>

/* All return a new reference, or NULL without memory. Texts that do not end or are not UTF-8 are cut or masked. */
json_t *render_ike(const struct engine_ike_info *info);	/* with an empty array "children" */
json_t *render_child(const struct engine_child_info *info);
json_t *render_selector(const struct ipsec_selector *s);
json_t *render_pool(const struct engine_pool_info *info);	/* with an empty array "leases" */
json_t *render_lease(const struct engine_lease_info *info);
json_t *render_stats(const struct engine_stats *stats);
/* wall: seconds since 1970 at the engine's time 0 */
json_t *render_event(const struct engine_event *ev, double wall);

/* Parts of them. */
json_t *render_text(const char *buf, size_t n);		/* out of buf[n], which may hold anything and need not end */
json_t *render_addr(const struct ipsec_addr *a);	/* null where there is none */
json_t *render_spi64(const uint8_t spi[8]);
json_t *render_id(const struct conf_id *id);

#endif
