/* SPDX-License-Identifier: MIT */
/*
 * Memory that outlives the processes that write to it: records of the engine (engine_thaw), in blocks of a file that only
 * memory backs. Whoever writes may be killed between any two instructions: what is read afterwards is as it was after the
 * last state_commit. It may hold any bytes when it is opened.
 */
#ifndef KEYD_ROLES_STATE_H
#define KEYD_ROLES_STATE_H

#include "keyd/util/rd.h"

#include <stdbool.h>

#define STATE_SIZE (256u << 20)		/* bytes of the file; only what is used takes memory */
#define STATE_DIGEST_LEN 16

struct state;

/* An empty one in the file fd of STATE_SIZE zero bytes. 0 or -errno. */
int state_format(int fd);
/* Is that one, by size and version? */
bool state_is(int fd);
/*
 * Maps it; records that are torn, forged or never were committed are gone. NULL without memory, or when it is of another
 * version or no such file; *why is then one sentence. fd stays the caller's, and open as long as the state.
 */
struct state *state_open(int fd, const char **why);
void state_close(struct state *s);

/* Calls fn for each record that counts. */
void state_each(struct state *s, void (*fn)(void *arg, uint64_t id, const void *record, size_t n), void *arg);
/*
 * Takes the place of what has this id, from the next commit on; n 0: there is nothing any more. -1: there is no room, and
 * the one before goes as well.
 */
int state_keep(struct state *s, uint64_t id, const void *record, size_t n);
void state_commit(struct state *s);
/* All records go. */
void state_clear(struct state *s);
unsigned int state_records(const struct state *s);

/*
 * Those who die of what they were given: a worker says what it works on (a datagram), and that it has done with it.
 * state_poisonous: did two die while they worked on just this?
 */
void state_work(struct state *s, struct view datagram);
void state_worked(struct state *s);
bool state_poisonous(struct state *s, struct view datagram);
/* The worker before this one died of a datagram. */
bool state_died(const struct state *s);

/* How often it was opened since somebody said state_fine: who dies of the records themselves dies again and again. */
unsigned int state_tries(const struct state *s);
void state_fine(struct state *s);

#endif
