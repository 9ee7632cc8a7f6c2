/* SPDX-License-Identifier: MIT */
/* Private to the ctl role: a request that other roles work on, and how it ends. */
#ifndef KEYD_ROLES_CTL_INSIDE_H
#define KEYD_ROLES_CTL_INSIDE_H

#include "keyd/ctl/ask.h"
#include "keyd/roles/ctl_client.h"
#include "keyd/roles/worker.h"

struct waiting {
	uint32_t id;			/* of our message; 0: free */
	uint32_t client;		/* may be gone by now */
	enum ctl_verb verb;
	json_int_t ask_id;
	json_t *parts;			/* of a status, an explanation or a list, as they come in */
	struct ctl_who who;		/* of an explanation */
	struct tokens {			/* of what the card role is asked */
		enum card_verb verb;
		bool card, ike;		/* … has not answered yet */
		json_t *missing, *tunnels;	/* wants; arrays of tunnels by the digest of a key */
		struct card_done done;
	} tokens;
};

/* NULL: nobody waits for it any more. */
struct waiting *waiting_by_id(uint32_t id);
/* Sends o, whose reference it takes, to whoever waits. */
void waiting_end(struct waiting *w, json_t *o);
void waiting_refuse(struct waiting *w, const char *why);

/* To those who watch tokens; who watch tunnels. */
void ctl_watch_token(const struct card_event *ev);
void ctl_watch_event(const struct engine_event *ev);

/* ctl_ike.c */
extern const struct ipc_rule ctl_from_ike[];

/* ctl_token.c */
extern const struct ipc_rule ctl_from_card[];
/* Asks the card role, and ike for what its keys have authenticated. 0, or -1: that role is not there. */
int ctl_token_ask(struct worker *worker, struct waiting *w, const struct ctl_ask *ask);
/* An IKE SA of the answer to it; and its end. */
void ctl_token_ike(struct waiting *w, const struct engine_ike_info *info);
void ctl_token_ike_end(struct waiting *w);
/* A fresh card role does not know yet that we want its events; watched: and that somebody sees them. */
void ctl_token_up(struct worker *worker, bool watched);
/* Tokens are looked for, though none is configured. */
void ctl_token_look(struct worker *worker);
/* Frees what w holds for it. */
void ctl_token_free(struct waiting *w);

#endif
