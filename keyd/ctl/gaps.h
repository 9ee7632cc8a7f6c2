/* SPDX-License-Identifier: MIT */
/* keydctl gaps: what the gap meter (kmod/uapi/ipsec_gap.h) knows of this network namespace. Needs no keyd. */
#ifndef KEYD_CTL_GAPS_H
#define KEYD_CTL_GAPS_H

#include <jansson.h>
#include <stdbool.h>

struct nlmsghdr;

struct gaps_asked {
	const char *peer;	/* an address, or a name; NULL: all */
	const json_t *names;	/* gaps_names_of(); NULL: nobody has told */
	double since;		/* seconds back from now; 0: no events of before */
	bool watch, json;
};

/* An exit code; why it failed has been said. */
int gaps_main(const struct gaps_asked *asked);

/* gaps_json.c: a message of the family as an object, or NULL when it is not one of ours, or cut short. */
json_t *gaps_object(struct nlmsghdr *message);

/* gaps_names.c: an object with each other end's address and its name, or names, of what keyd answers to "status"; NULL of no answer. */
json_t *gaps_names_of(const json_t *status);
/* Adds "name" to what has an address as "peer". */
void gaps_name(json_t *o, const json_t *names);
/* NULL: there is none of this name. */
const char *gaps_address_of(const char *name, const json_t *names);

/* gaps_text.c: for people, on standard output. */
void gaps_text_all(const json_t *all);		/* { "info", "paths", "spis", "events" } */
void gaps_text_event(const json_t *event);

#endif
