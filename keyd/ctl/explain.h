/* SPDX-License-Identifier: MIT */
/* Stories in words. */
#ifndef KEYD_CTL_EXPLAIN_H
#define KEYD_CTL_EXPLAIN_H

#include "keyd/ike/engine.h"

#include <jansson.h>

#define EXPLAIN_TIME_LEN 40

/*
 * One attempt: its data, and in "story" and "change" sentences for a person. A new reference, or NULL without memory.
 * wall: seconds since 1970 at the engine's time 0.
 */
json_t *explain_story(const struct engine_story *s, double wall);
/* What there is beside attempts: sentences in "story" and "change", for a peer that nothing is known of. */
json_t *explain_end(const struct engine_explain_end *end, const char *peer);

/* explain_words.c: a template of ctl/reason.h filled into buf[n]. False: it has nothing to say of this story. */
bool explain_fill(const struct engine_story *s, const char *template, char *buf, size_t n);
/* RFC 3339 with milliseconds and the local offset. */
const char *explain_time(double when, char buf[EXPLAIN_TIME_LEN]);

#endif
