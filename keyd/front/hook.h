/* SPDX-License-Identifier: MIT */
/* Private to keyd-hook: programs of the user's, run when tunnels come and go. */
#ifndef KEYD_FRONT_HOOK_H
#define KEYD_FRONT_HOOK_H

#include "keyd/import/import.h"

#include <jansson.h>

#define HOOK_VALUES_MAX 64

struct hook {
	const char *file;		/* that names the programs; NULL: command does */
	enum import_format format;
	const char *command[IMPORT_WHENS];	/* for all peers, or NULL */
	const char *run_dir;
	char socket[512];
	json_t *known;			/* by "PEER REMOTE": the IKE SA as status had it when it came up */
	json_t *children;		/* by "PEER SELECTOR": those that are up, as status had them */
};

/*
 * hook_program.c: the program for the peer of an event, by the name of the section that keyd has chosen for it; NULL:
 * none. The caller's.
 */
char *hook_program(const struct hook *h, const json_t *event, enum import_when when);
/* Prints what is run for whom. false: the file has mistakes. */
bool hook_check(const struct hook *h);
/* A file with mistakes is told to who starts us; later it may be mended at any time. */
bool hook_readable(const struct hook *h);

/* An environment: "NAME=value", owned; ended by NULL. */
struct hook_env {
	char *value[HOOK_VALUES_MAX + 1];
	unsigned n;
};

/* As racoon has it for phase1_up, phase1_down and phase1_dead; ike: as keyd's status has it. */
void hook_env_racoon(struct hook_env *e, const json_t *ike, const char *run_dir);
void hook_env_free(struct hook_env *e);

/* What hook_env_pluto tells of: one pair of networks of a child. */
struct hook_pair {
	const json_t *event;		/* child-up or child-down */
	const json_t *ike, *child;	/* as keyd's status has them, or NULL: not known */
	const json_t *selector;
	const char *verb;		/* "up", "route", …: what stands before "-client" */
	const char *run_dir;
};
/* As the plutos have it for updown. */
void hook_env_pluto(struct hook_env *e, const struct hook_pair *p);

/* hook_env.c: what both are made of. What comes from a peer has no byte in it that is not printed. */
void hook_begin(struct hook_env *e);
void hook_set(struct hook_env *e, const char *name, const char *value);
void hook_set_addr(struct hook_env *e, const char *name, const char *value);	/* "" where it is none */
void hook_set_number(struct hook_env *e, const char *name, long long n);
/* A member of an object as text, "" where it has none. */
const char *hook_text(const json_t *o, const char *key);
/* "10.0.0.0/8" as address and mask; false: it is none. */
bool hook_network(const char *value, char *addr, size_t n, char *mask, size_t nmask);
/* Name servers and domain as keyd has written them for a peer; each list has blanks between, "" where there are none. */
struct hook_resolv {
	char list[512], first[64], domain[300];
};
void hook_resolv(struct hook_resolv *r, const char *run_dir, const char *peer);

/*
 * hook_route.c: the interface that has this address, or ""; and by which host another address is reached: itself where
 * nobody is between.
 */
void hook_interface(const char *addr, char *buf, size_t n);
void hook_next_hop(const char *addr, char *buf, size_t n);

/*
 * Runs "PROGRAM WORD…" and one word more (or NULL), and waits for its end, HOOK_SECONDS at most; then it is killed. Whatever it comes
 * to is told. Only a file that nobody but root and we can change is run.
 */
#define HOOK_SECONDS 60u
void hook_run(const char *command, const char *word, const struct hook_env *e);

/* hook_say.c: a line on stderr, or, once we are in the background, to syslog. */
void hook_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Into the background, with the process ID in a file of that name. 0, or -errno (told). */
int hook_background(const char *pid_file);

#endif
