/* SPDX-License-Identifier: MIT */
/* The SAD, the SPD and events as JSON ("setkey -j"); setkey(8) tells the members' names, which only ever grow in number. */
#ifndef SETKEY_SHOW_JSON_H
#define SETKEY_SHOW_JSON_H

#include "pfkey/backend.h"

#include <jansson.h>
#include <stdio.h>

struct json_options {
	FILE *out;
	bool keys;			/* show keys; else only their sizes */
	bool all;			/* -a: dead SAs too */
};

/* A new reference, or NULL when there is no memory. */
json_t *json_sa(const struct ipsec_sa *sa, bool keys);
json_t *json_policy(const struct ipsec_policy *pol);
json_t *json_event(const struct ipsec_event *ev, bool keys);

/*
 * One array, written element by element as they come from the kernel; nothing is collected. However it ends, what was
 * written is a whole array. 0 or -errno: -EINTR when the database changed after something was written.
 */
int json_dump_sad(struct ipsec *ip, uint8_t proto, const struct json_options *opt, size_t *count);
int json_dump_spd(struct ipsec *ip, const struct json_options *opt, size_t *count);

#endif
