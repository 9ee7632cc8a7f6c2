/* SPDX-License-Identifier: MIT */
/* The event loop of one process: descriptors, timers, signals and what is put off; of libevent only keyd/fetch sees more. */
#ifndef KEYD_UTIL_LOOP_H
#define KEYD_UTIL_LOOP_H

#include <stdint.h>

#define LOOP_NEVER UINT64_MAX

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_signal;

enum { LOOP_READ = 1 << 0, LOOP_WRITE = 1 << 1 };

typedef void loop_fd_fn(void *arg, unsigned int ready);		/* LOOP_READ, LOOP_WRITE */
typedef void loop_fn(void *arg);
typedef void loop_signal_fn(void *arg, int signo);

/* Microseconds of CLOCK_MONOTONIC. */
uint64_t loop_now(void);

/* NULL without memory or epoll. */
struct loop *loop_new(void);
/* Everything made from it must have been freed. NULL is allowed. */
void loop_free(struct loop *l);
/* Runs until loop_stop, and returns its code. */
int loop_run(struct loop *l);
/* The calls that are due now are still made. The first code wins. */
void loop_stop(struct loop *l, int code);

/*
 * All *_new below: owned by the caller, released by *_free (NULL is allowed), which may be called from any callback, its
 * own included. NULL without memory.
 */

/* Watches fd (which stays the caller's) for want. */
struct loop_fd *loop_fd_new(struct loop *l, int fd, unsigned int want, loop_fd_fn *fn, void *arg);
/* 0, or -1 when it cannot be watched. */
int loop_fd_want(struct loop_fd *f, unsigned int want);
void loop_fd_free(struct loop_fd *f);

/* Not set at first. Calls fn once when it is due, never from inside loop_timer_set. */
struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg);
/* at is a time of loop_now(), one gone by means as soon as the loop runs; LOOP_NEVER stops it. */
void loop_timer_set(struct loop_timer *t, uint64_t at);
void loop_timer_free(struct loop_timer *t);

struct event_base;
/* For libraries that run on libevent themselves (keyd/fetch). Stays the loop's. */
struct event_base *loop_base(struct loop *l);

struct loop_signal *loop_signal_new(struct loop *l, int signo, loop_signal_fn *fn, void *arg);
void loop_signal_free(struct loop_signal *s);

#endif
