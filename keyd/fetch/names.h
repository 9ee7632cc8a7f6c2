/* SPDX-License-Identifier: MIT */
/* Addresses of names, by DNS and the file of hosts: evdns stays in here. */
#ifndef KEYD_FETCH_NAMES_H
#define KEYD_FETCH_NAMES_H

#include "keyd/util/loop.h"

#define NAMES_ADDRS_MAX 8
#define NAMES_ADDR_STRLEN 46		/* INET6_ADDRSTRLEN */

struct names;
struct names_question;

enum names_error {
	NAMES_OK,
	NAMES_NONE,			/* there is no such name, or it has no address */
	NAMES_FAILED,			/* nobody could, or would, tell */
};

/* error NAMES_OK: n of them, as text; otherwise none. */
struct names_answer {
	enum names_error error;
	unsigned int n;
	char addr[NAMES_ADDRS_MAX][NAMES_ADDR_STRLEN];
};

typedef void names_fn(void *arg, const struct names_answer *answer);

/* Reads /etc/resolv.conf and /etc/hosts, once. NULL without memory. */
struct names *names_new(struct loop *l);
/* All questions are answered or cancelled, and the loop does not run. NULL is allowed. */
void names_free(struct names *n);
struct evdns_base;
struct evdns_base *names_evdns(struct names *n);

/*
 * fn is called once, from the loop; it comes back as soon as name servers answer, or have been silent for as long as
 * resolv.conf says. An address is its own answer. NULL without memory.
 */
struct names_question *names_ask(struct names *n, const char *host, names_fn *fn, void *arg);
/* fn will not be called any more; only before it was. NULL is allowed. */
void names_cancel(struct names_question *q);

#endif
