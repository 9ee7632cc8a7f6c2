/* SPDX-License-Identifier: MIT */
/* Addresses of peers that the configuration has by name. */
#ifndef KEYD_FETCH_LOOKUP_H
#define KEYD_FETCH_LOOKUP_H

#include "keyd/fetch/names.h"

#include <stdbool.h>
#include <stdint.h>

struct lookups;

typedef void lookup_fn(void *arg, uint32_t id, const struct names_answer *answer);

/* n must outlive it. NULL without memory. */
struct lookups *lookups_new(struct names *n, lookup_fn *fn, void *arg);
/* Nobody is told anything any more. NULL is allowed. */
void lookups_free(struct lookups *l);
/* fn is called once, from the loop. false without memory: then it is not. */
bool lookups_ask(struct lookups *l, uint32_t id, const char *host);

#endif
