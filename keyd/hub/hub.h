/* SPDX-License-Identifier: MIT */
/*
 * The whole of what the card role does, without I/O and without a clock: it starts workers (keyd-card), knows the tokens that they
 * see, decides which PIN may be tried, and has signatures made in turns. A worker may hang, crash or lie at any moment. Time is
 * microseconds of a clock that only goes forward. Hooks must not call back into it.
 */
#ifndef KEYD_HUB_HUB_H
#define KEYD_HUB_HUB_H

#include "keyd/card/request.h"
#include "keyd/card/wire.h"
#include "keyd/util/log.h"

#define HUB_NEVER UINT64_MAX
#define HUB_TOKENS_MAX 64		/* that are known at once, those that were there once among them */
#define HUB_JOBS_MAX 4096		/* signatures that wait */
#define HUB_OCTETS_MAX (64u << 20)	/* bytes of theirs */
#define HUB_ASKS_MAX 256		/* questions of ctl's that wait */
#define HUB_RESTART_FIRST 100000u	/* µs before a worker is started again; doubles */
#define HUB_RESTART_MOST 60000000u

enum hub_kind { HUB_MODULE, HUB_READER, HUB_WATCH_READERS, HUB_WATCH_MODULE };

/* What it has to say. Bodies are those of keyd/card/request.h. */
enum hub_word {
	HUB_SEEN, HUB_TRIAL, HUB_FORGIVE,			/* to parent */
	HUB_SIGNED,						/* to auth */
	HUB_STATE,						/* to ike */
	HUB_TOKEN, HUB_KEY, HUB_MISSING, HUB_DONE, HUB_EVENT,	/* to ctl */
	HUB_WORDS
};

struct hub_hooks {
	/* A process; what: the module's file, the reader's name, "". Its number, which no other one has had; 0: it cannot be made. */
	uint32_t (*start)(void *arg, enum hub_kind kind, const char *what);
	/* It ends now, whatever it does; nothing more is heard of it. */
	void (*kill)(void *arg, uint32_t process);
	/* A message of keyd/card/wire.h. */
	void (*send)(void *arg, uint32_t process, uint16_t type, uint32_t id, const struct view *parts, unsigned n);
	void (*tell)(void *arg, enum hub_word word, uint32_t id, const struct view *parts, unsigned n);
	void (*log)(void *arg, enum log_level level, const char *text);
};

struct hub;

/* hooks must live as long. NULL: no memory. */
struct hub *hub_new(const struct hub_hooks *hooks, void *arg);
/* Kills all processes. */
void hub_free(struct hub *h);

/*
 * The configuration as a whole: begin, anything, end. Until then what was before holds; tokens, logins and whoever waits stay.
 * 0, or -1: it makes no sense.
 */
void hub_begin(struct hub *h, const struct card_rules *rules);
int hub_module(struct hub *h, struct view file);
int hub_want(struct hub *h, const struct card_want *want, struct view pin);
int hub_bad(struct hub *h, const struct card_bad *bad);
int hub_end(struct hub *h, uint64_t now);
/* The parent has written it down. */
void hub_trial_kept(struct hub *h, uint32_t id, uint64_t now);

/* Answered by HUB_SIGNED, once. 0, or -1: it makes no sense. */
int hub_sign(struct hub *h, uint32_t id, const struct card_sign *sign, struct view octets, uint64_t now);
void hub_cancel(struct hub *h, uint32_t id, uint64_t now);
/* Whoever asked for signatures is gone. */
void hub_auth_gone(struct hub *h, uint64_t now);

/* Somebody new is to know the state of all keys. */
void hub_ike_up(struct hub *h);

/* Answered as request.h says, by HUB_DONE at the end. 0, or -1: it makes no sense. */
int hub_ask(struct hub *h, uint32_t id, const struct card_ask *ask, struct view pin, uint64_t now);
void hub_ctl_gone(struct hub *h);

/* What a process says; bytes of a stranger. 0, or -1: it breaks the rules, and has been killed. */
int hub_said(struct hub *h, uint32_t process, uint16_t type, uint32_t id, struct view body, uint64_t now);
/* It has ended by itself. code: its exit code, or -1 for a signal. */
void hub_ended(struct hub *h, uint32_t process, int code, uint64_t now);

/* Does what is due. */
void hub_tick(struct hub *h, uint64_t now);
/* When hub_tick wants to be called next, or HUB_NEVER. */
uint64_t hub_deadline(const struct hub *h);

#endif
