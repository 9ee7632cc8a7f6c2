/* SPDX-License-Identifier: MIT */
/* Between the two files of a world: what a daemon leaves behind, and what becomes of it. */
#ifndef TESTS_UNIT_WORLD_KILL_H
#define TESTS_UNIT_WORLD_KILL_H

#include "tests/unit/world.h"

/* world_kill.c: is it dead, or does it die just before this? Every hook asks. */
bool world_dead(struct world_host *h);
void world_keep(void *arg, uint64_t id, const void *record, size_t n);
void world_kept(void *arg);
void world_records_free(struct world_host *h);
/* After each step: kills and wakes those whose time it is, checks records. */
void world_look_after(struct world *w);

/* world.c */
void world_engine_begin(struct world_host *h);
/* What was asked by an engine that is gone must not reach the next one. */
void world_forget_events(struct world *w, unsigned host);
/* Policies, SAs, and that this was all. */
void world_tell_kernel(struct world_host *h);

#endif
