/* SPDX-License-Identifier: MIT */
/*
 * Pools of addresses and who has them (RFC 7296 2.19). A lease belongs to an identity: whoever comes again, or is there
 * twice for a while, has the same address. An identity without a lease is given the address that its name points to, if
 * that is free, so that it mostly has the same one even after all leases were forgotten.
 */
#ifndef KEYD_IKE_POOL_H
#define KEYD_IKE_POOL_H

#include "keyd/conf/conf.h"
#include "keyd/util/bitset.h"
#include "keyd/util/list.h"
#include "keyd/util/table.h"

/* More of one network or range are not given out. */
#define POOL_RANGE_MAX (1u << 20)

enum pool_family { POOL_V4, POOL_V6, POOL_FAMILIES };

struct pool_range {
	struct ipsec_addr first;
	struct bitset taken;		/* leased, remembered for somebody, or never to be given out */
};

struct pool {
	struct list link;
	struct conf_pool conf;
	struct pool_range range[CONF_RANGES_MAX];
	struct list leases;		/* every one; of struct lease .link */
	struct list idle[POOL_FAMILIES];	/* that nobody uses now, .idle; the oldest first */
	unsigned online, known;
	uint32_t size;			/* addresses that can be given out */
	bool gone;			/* not configured any more: waits for its last user */
};

struct lease {
	struct list link, idle;
	struct table_node by_id, by_addr;
	struct pool *pool;
	struct ipsec_addr addr;
	uint8_t range;			/* index in pool.range; CONF_RANGES_MAX: outside of what is configured now */
	uint32_t offset;		/* from range.first */
	unsigned users;			/* IKE SAs */
	uint64_t since;			/* used since then, or idle since then; microseconds */
	uint8_t id_type;		/* CONF_ID_ANY: not known whose it is; who asks for it gets it */
	uint16_t id_len;
	uint8_t id_data[];
};

struct pools {
	struct list list;
	struct table by_id, by_addr;
};

/* 0 or -1 without memory. */
int pools_init(struct pools *ps);
void pools_free(struct pools *ps);
/* Takes over the pools of c. Leases stay with whom they belong to, also outside of what is left. 0 or -1 without memory. */
int pools_configure(struct pools *ps, const struct conf *c);

/* By name; NULL: there is none. */
struct pool *pool_find(const struct pools *ps, const char *name);
bool pool_has(const struct pool *p, uint16_t family);
/* How many addresses it can give out in all. */
uint32_t pool_size(const struct pool *p);

/*
 * The lease of id for a family, with one user more. wish (AF_UNSPEC: none) is honoured where id has no lease yet and
 * the address is free. NULL: the pool is exhausted, or there is no memory.
 */
struct lease *lease_take(struct pools *ps, struct pool *p, const struct conf_id *id, uint16_t family,
			 const struct ipsec_addr *wish, uint64_t now);
void lease_hold(struct lease *l);
/* One user less; the last one leaves it idle, to be remembered until the pool needs it. */
void lease_put(struct pools *ps, struct lease *l, uint64_t now);
/* Somebody used this address before our time: it is kept for whoever asks for it. In no pool: nothing happens. */
void pools_reserve(struct pools *ps, const struct ipsec_addr *addr, uint64_t now);

#endif
