// SPDX-License-Identifier: MIT
// A small wrapper over libevent-core.
#include "keyd/util/loop.h"

#include "keyd/util/log.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct loop {
	struct event_base *base;
	bool stopped;
	int code;
};

struct loop_fd {
	struct event *ev;
	struct event_base *base;
	unsigned int want;
	loop_fd_fn *fn;
	void *arg;
};

struct loop_timer {
	struct event *ev;
	uint64_t at;
	loop_fn *fn;
	void *arg;
};

struct loop_signal {
	struct event *ev;
	loop_signal_fn *fn;
	void *arg;
};

uint64_t loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void on_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_warning("libevent: %s", text);
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));
	struct event_config *config = event_config_new();

	event_set_log_callback(on_log);
	if (l && config) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		l->base = event_base_new_with_config(config);
	}
	if (config)
		event_config_free(config);
	if (l && l->base)
		return l;
	free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	event_base_free(l->base);
	free(l);
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

int loop_run(struct loop *l)
{
	if (!l->stopped)
		event_base_dispatch(l->base);
	return l->code;
}

void loop_stop(struct loop *l, int code)
{
	if (l->stopped)
		return;
	l->stopped = true;
	l->code = code;
	event_base_loopexit(l->base, NULL);
}

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *f = arg;

	(void)fd;
	f->fn(f->arg, (what & EV_READ ? LOOP_READ : 0u) | (what & EV_WRITE ? LOOP_WRITE : 0u));
}

static short flags(unsigned int want)
{
	return (short)(EV_PERSIST | (want & LOOP_READ ? EV_READ : 0) | (want & LOOP_WRITE ? EV_WRITE : 0));
}

struct loop_fd *loop_fd_new(struct loop *l, int fd, unsigned int want, loop_fd_fn *fn, void *arg)
{
	struct loop_fd *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->base = l->base;
	f->want = want;
	f->fn = fn;
	f->arg = arg;
	f->ev = event_new(l->base, fd, flags(want), on_fd, f);
	if (f->ev && (!want || !event_add(f->ev, NULL)))
		return f;
	loop_fd_free(f);
	return NULL;
}

int loop_fd_want(struct loop_fd *f, unsigned int want)
{
	if (want == f->want)
		return 0;
	event_del(f->ev);
	f->want = want;
	if (!want)
		return 0;
	if (event_assign(f->ev, f->base, event_get_fd(f->ev), flags(want), on_fd, f))
		return -1;
	return event_add(f->ev, NULL);
}

void loop_fd_free(struct loop_fd *f)
{
	if (!f)
		return;
	if (f->ev)
		event_free(f->ev);
	free(f);
}

static void timer_arm(struct loop_timer *t, uint64_t now)
{
	uint64_t wait = t->at > now ? t->at - now : 0;
	struct timeval tv = { .tv_sec = (time_t)(wait / 1000000), .tv_usec = (suseconds_t)(wait % 1000000) };

	event_add(t->ev, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;
	uint64_t now = loop_now();

	(void)fd;
	(void)what;
	if (t->at > now) {	/* libevent's clock may be coarser than ours */
		timer_arm(t, now);
		return;
	}
	t->at = LOOP_NEVER;
	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->at = LOOP_NEVER;
	t->fn = fn;
	t->arg = arg;
	t->ev = evtimer_new(l->base, on_timer, t);
	if (t->ev)
		return t;
	free(t);
	return NULL;
}

void loop_timer_set(struct loop_timer *t, uint64_t at)
{
	if (at == t->at)
		return;
	t->at = at;
	if (at == LOOP_NEVER)
		evtimer_del(t->ev);
	else
		timer_arm(t, loop_now());
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	event_free(t->ev);
	free(t);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)what;
	s->fn(s->arg, signo);
}

struct loop_signal *loop_signal_new(struct loop *l, int signo, loop_signal_fn *fn, void *arg)
{
	struct loop_signal *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fn = fn;
	s->arg = arg;
	s->ev = evsignal_new(l->base, signo, on_signal, s);
	if (s->ev && !evsignal_add(s->ev, NULL))
		return s;
	loop_signal_free(s);
	return NULL;
}

void loop_signal_free(struct loop_signal *s)
{
	if (!s)
		return;
	if (s->ev)
		event_free(s->ev);
	free(s);
}
