/* SPDX-License-Identifier: MIT */
/* Private to the front ends: racoonctl and ipsec as people know them, over keydctl, setkey and keyd's control socket. */
#ifndef KEYD_FRONT_FRONT_H
#define KEYD_FRONT_FRONT_H

#include "keyd/ctl/client.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define FRONT_ARGS_MAX 16

struct front {
	const char *name;		/* of the program */
	const char *socket;
	bool full;			/* more of what is shown */
};

struct front_verb {
	const char *name, *alias;	/* alias: NULL, or another name */
	/* Gets what stands behind the verb; returns an exit code. */
	int (*run)(const struct front *f, const struct front_verb *v, int argc, char **argv);
	const char *const *with;	/* what the function gives to keydctl or setkey; ended by NULL */
	const char *help;		/* arguments, and after a tab what it does */
};

/* The row of a name in n rows; NULL: there is none. */
const struct front_verb *front_find(const struct front_verb *verbs, unsigned n, const char *name);
/* A list of the verbs. Returns KEYDCTL_USAGE, or KEYDCTL_DONE where to is stdout. */
int front_usage(const struct front *f, const struct front_verb *verbs, unsigned n, const char *options, FILE *to);
/* "NAME: sentence" to stderr; returns code. */
int front_fail(const struct front *f, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Becomes keydctl, setkey or keyd, which lie beside this program, with the words of with (ended by NULL) and then argc others.
 * Returns an exit code only where that fails.
 */
int front_become(const struct front *f, const char *program, const char *const *with, int argc, char **argv);
/* A row's function: becomes keydctl with its words and all that was given. */
int front_keydctl(const struct front *f, const struct front_verb *v, int argc, char **argv);
/* The same with setkey. */
int front_setkey(const struct front *f, const struct front_verb *v, int argc, char **argv);
/* Such a thing is not there: help says why. */
int front_not(const struct front *f, const struct front_verb *v, int argc, char **argv);

/* What keyd's status says (the caller's reference), or NULL and an exit code in *code; all is said then. */
json_t *front_status(const struct front *f, int *code);
/* The text under key, or ""; the number, or 0. */
const char *front_text(const json_t *o, const char *key);
long long front_number(const json_t *o, const char *key);

#endif
