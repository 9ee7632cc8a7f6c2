/* SPDX-License-Identifier: MIT */
/*
 * What was fetched, on disk: opaque bytes, each under its URL. The parent keeps them for the trust role, which has no files,
 * and never looks into them. Losing all of it costs a fetch; so whatever goes wrong here is logged, once, and no error.
 */
#ifndef KEYD_ROLES_CACHE_H
#define KEYD_ROLES_CACHE_H

#include "keyd/util/rd.h"

#define CACHE_FILES_MAX 256		/* beyond, those that were stored longest ago go */
#define CACHE_BYTES_MAX (64u << 20)	/* of all files; likewise */

struct cache {
	const char *dir;		/* made when there is something to be stored; nobody else may write to it */
	bool complained;		/* until something works again */
};

/* fd: a file in memory that is sealed against all changes, and stays the caller's; anything else is refused. */
void cache_store(struct cache *c, struct view url, int fd);

/* fd: a sealed file in memory with what was stored, closed afterwards. */
typedef void cache_fn(void *arg, struct view url, int fd);
/* All that is there. What is damaged is removed. */
void cache_each(struct cache *c, cache_fn *fn, void *arg);

#endif
