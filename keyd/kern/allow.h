/* SPDX-License-Identifier: MIT */
/* Which policies, addresses and interfaces the configuration lets keyd make by itself: what check.c holds requests to. */
#ifndef KEYD_KERN_ALLOW_H
#define KEYD_KERN_ALLOW_H

#include "keyd/kern/request.h"

#include <stdbool.h>

#define ALLOW_RANGES_MAX 8
#define ALLOW_MAX 4224			/* peers, pools and what is dropped */

struct allow_range {
	struct ipsec_addr first, last;
};

/* What one peer's traffic may be, or what one pool or "drop" guards. Plain data, sent between roles as it is. */
struct kern_allow {
	uint8_t nlocal, nremote;
	bool local_hosts, remote_hosts;	/* single addresses only: they are assigned */
	bool local_end, remote_end;	/* or the ends of the SA themselves */
	bool transport;			/* in transport mode; else in tunnels */
	bool guard;			/* what goes from local to remote may be dropped, and nothing else */
	struct allow_range local[ALLOW_RANGES_MAX], remote[ALLOW_RANGES_MAX];
	char interface[KERN_INTERFACE_MAX];	/* that may hold addresses we are assigned; "": none may */
};

/* A list of them; zero-initialise. */
struct kern_allows {
	struct kern_allow *list;
	unsigned int n, room;
};

/* 0, or -1: too many, or no memory. */
int allows_add(struct kern_allows *a, const struct kern_allow *one);
void allows_free(struct kern_allows *a);

/* The i-th selector of t. */
bool allows_selector(const struct kern_allows *a, const struct kern_traffic *t, unsigned int i);
bool allows_guard(const struct kern_allows *a, const struct ipsec_selector *sel);
bool allows_virtual(const struct kern_allows *a, const struct kern_virtual *v);

#endif
