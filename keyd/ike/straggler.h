/* SPDX-License-Identifier: MIT */
/* SAs whose child has ended: they stay a while for packets that are still on their way (RFC 7296 2.8). */
#ifndef KEYD_IKE_STRAGGLER_H
#define KEYD_IKE_STRAGGLER_H

#include "keyd/ike/engine_state.h"
#include "keyd/ike/frost.h"

/* An outbound SA with a successor leaves the kernel after this long: packets that have taken it are then through. */
#define OUTBOUND_DRAIN SECONDS(1)

struct straggler {
	struct list link;
	struct keep keep;
	struct table_node node;
	struct engine *e;
	struct timer timer;
	struct ipsec_sa_id id;
};

/* The SA leaves the kernel linger microseconds from now (0: now). Without memory it leaves now. */
void straggler_add(struct engine *e, const struct ipsec_sa_id *id, uint64_t linger);
/* Those of that SPI, where there are any, stay so long from now at least. */
void straggler_keep(struct engine *e, const struct ipsec_sa_id *id, uint64_t linger);
/* Is there one of that SPI? */
bool straggler_is(const struct engine *e, const struct ipsec_addr *dst, uint32_t spi);
/* Its record, see freeze.h; and one made of a record, whose number it keeps. 0, or -1: the record is of no use. */
bool straggler_walk(struct frost *f, struct straggler *s);
int straggler_thaw(struct engine *e, struct frost *f, uint64_t id);
/* The kernel has not got that one any more. An SA that has moved leaves another one of its SPI, at another address. */
void stragglers_forget(struct engine *e, const struct ipsec_sa_id *id);
/* It has none of them any more. */
void stragglers_free(struct engine *e);

#endif
