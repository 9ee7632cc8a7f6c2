/* SPDX-License-Identifier: MIT */
/* Processes of keyd-card: started, talked to, killed and reaped. Any module of a stranger's may run in one. */
#ifndef KEYD_ROLES_CARD_PROCESS_H
#define KEYD_ROLES_CARD_PROCESS_H

#include "keyd/hub/hub.h"
#include "keyd/roles/options.h"
#include "keyd/util/ipc.h"
#include "keyd/util/list.h"

struct processes {
	struct loop *loop;
	struct loop_signal *child;	/* SIGCHLD */
	struct list all;
	uint32_t last;			/* number */
	int program;			/* keyd-card, to be executed; -1: it is not there */
	const struct options *options;
	/* It said something; -1: the caller has killed it. */
	int (*said)(uint32_t number, uint16_t type, uint32_t id, struct view body);
	/* It has ended by itself. code: its exit code, or -1 for a signal. */
	void (*ended)(uint32_t number, int code);
};

/* While there are files: finds the program. The rest of *p is the caller's to fill. 0, or -1 without memory. */
int processes_prepare(struct processes *p);
/* Kills all. */
void processes_free(struct processes *p);
/* Its number, or 0. */
uint32_t process_start(struct processes *p, enum hub_kind kind, const char *what);
void process_kill(struct processes *p, uint32_t number);
void process_send(struct processes *p, uint32_t number, uint16_t type, uint32_t id, const struct view *parts, unsigned n);

#endif
