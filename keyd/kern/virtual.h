/* SPDX-License-Identifier: MIT */
/*
 * Addresses that gateways give us: on an interface of their own, with routes that use them, in a table of their own. A
 * dummy interface swallows what no policy takes, so that nothing for these networks ever leaves in clear; a rule sends
 * the gateway's own packets the usual way.
 */
#ifndef KEYD_KERN_VIRTUAL_H
#define KEYD_KERN_VIRTUAL_H

#include "keyd/kern/request.h"

#include <stddef.h>

#define VIRTUAL_TABLE 4500u		/* routes */
#define VIRTUAL_RULE_GATEWAY 4499u	/* preference of the rules: this one first */
#define VIRTUAL_RULE 4500u
#define VIRTUAL_PROTOCOL 107u		/* of routes: who made them */

struct virtual;

/* Opens a route socket. 0, or -errno. */
int virtual_open(struct virtual **out);
void virtual_close(struct virtual *v);	/* NULL is allowed; removes nothing */

/* 0, or -errno and a sentence in why[n]. */
int virtual_set(struct virtual *v, const struct kern_virtual *rq, char *why, size_t n);
int virtual_clear(struct virtual *v, const struct kern_virtual *rq, char *why, size_t n);

/* Our address that packets to another host leave with now. */
int virtual_source(struct virtual *v, const struct ipsec_addr *to, struct ipsec_addr *out, char *why, size_t n);

#endif
