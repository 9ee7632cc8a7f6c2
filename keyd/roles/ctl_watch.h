/* SPDX-License-Identifier: MIT */
/* Who watches, what happened lately, and how events get to each: never so many that a slow reader costs memory. */
#ifndef KEYD_ROLES_CTL_WATCH_H
#define KEYD_ROLES_CTL_WATCH_H

#include "keyd/ctl/ask.h"
#include "keyd/roles/ctl_client.h"

#define WATCH_KEPT 1024			/* events that "since" can go back */
#define WATCH_QUEUE_MAX (1u << 20)	/* bytes that may wait for one reader; what comes then is counted only */

/* c watches from now on, or also what was up to ask->since seconds ago. Call it after the answer to its request. */
void watch_begin(struct client *c, const struct ctl_ask *ask);
/* Does anybody of these (some may be NULL) want details? */
bool watch_details(struct client *const *clients, int n);
/* Keeps ev and sends it to those of clients whom it concerns. */
void watch_event(struct client *const *clients, int n, const struct engine_event *ev);
/* Does anybody watch tokens? */
bool watch_tokens(struct client *const *clients, int n);
/* To those who do. */
void watch_token(struct client *const *clients, int n, const struct card_event *ev);
/* c has read everything: it is told how many it missed. */
void watch_drained(struct client *c);
/* Seconds since 1970 when the engine's clock was 0. */
double watch_wall(void);

#endif
