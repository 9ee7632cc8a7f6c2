/* SPDX-License-Identifier: MIT */
/* Private to keyd-hook: programs of the user's, run when tunnels come and go. */
#ifndef KEYD_FRONT_HOOK_H
#define KEYD_FRONT_HOOK_H

#include "keyd/import/import.h"

#include <jansson.h>

#define HOOK_VALUES_MAX 40

/* An environment: "NAME=value", owned; ended by NULL. */
struct hook_env {
	char *value[HOOK_VALUES_MAX + 1];
	unsigned n;
};

/* As racoon has it for phase1_up, phase1_down and phase1_dead; ike: as keyd's status has it. */
void hook_env_racoon(struct hook_env *e, const json_t *ike, const char *run_dir);
/* As the plutos have it for updown; event: child-up or child-down; ike may be NULL. */
void hook_env_pluto(struct hook_env *e, const json_t *event, const json_t *ike);
void hook_env_free(struct hook_env *e);

/*
 * Runs "PROGRAM WORD…" and one word more (or NULL), and waits for its end, HOOK_SECONDS at most; then it is killed. Whatever it comes
 * to is told on stderr. Only a file that nobody but root and we can change is run.
 */
#define HOOK_SECONDS 60u
void hook_run(const char *command, const char *word, const struct hook_env *e);

#endif
