/* SPDX-License-Identifier: MIT */
/* Private to keydctl: what its commands share. */
#ifndef KEYD_CTL_KEYDCTL_H
#define KEYD_CTL_KEYDCTL_H

#include "keyd/ctl/client.h"
#include "keyd/ctl/import.h"
#include "keyd/ctl/output.h"
#include "keyd/ctl/passphrase.h"

#include <jansson.h>
#include <stdbool.h>

struct verb;

struct keydctl {
	const char *socket;
	const struct output *out;
	const char *peer;		/* name or address; "": all */
	double timeout, since;		/* seconds */
	bool ike, child, all, no_wait, stats, watch;
	const char *type;		/* of keygen; NULL: the usual one */
	bool force, public;
	struct import_asked import;
	struct passphrase_from from;	/* PINs and passphrases */
	bool pad;			/* a PIN is typed at the reader */
	struct ctl_conn conn;
	const struct verb *verb;
	json_int_t outcomes;		/* events of success since the command was sent */
	json_t *last;			/* the last of them, or the failure; owned */
	bool failed;
};

struct verb {
	const char *name, *args;	/* name: one word, or two */
	int min, max;			/* number of arguments */
	int (*run)(struct keydctl *k, char **argv);
	const char *ike, *child;	/* events that mean success; NULL: none does */
	const char *help;
};

/* The end of a command that came to nothing; returns KEYDCTL_FAILED. last may be NULL. */
int keydctl_fail(struct keydctl *k, const char *text, const json_t *last);
int keydctl_fail_errno(struct keydctl *k, int error);
/* Whether the text under key is value. */
bool keydctl_is(const json_t *o, const char *key, const char *value);
/* The text under key, or "". */
const char *keydctl_text(const json_t *o, const char *key);

/* Sends o, whose reference it takes, and reads its answer, whatever that says. NULL: failed, and all is said. */
json_t *keydctl_ask_any(struct keydctl *k, json_t *o, double timeout);
/* The same; an answer that says no is told, too, and is NULL. */
json_t *keydctl_ask(struct keydctl *k, json_t *o, double timeout);
#define KEYDCTL_ANSWER 10.0	/* seconds for what keyd knows */

/* outcome.c: commands that are waited for; an exit code */
int outcome_command(struct keydctl *k, char **argv);
/* An event, which may be what is waited for. */
void outcome_note(struct keydctl *k, const json_t *ev);

/* token.c: exit codes */
int token_list(struct keydctl *k, char **argv);
int token_show(struct keydctl *k, char **argv);
int token_check(struct keydctl *k, char **argv);
int token_unlock(struct keydctl *k, char **argv);
int token_lock(struct keydctl *k, char **argv);
int token_watch(struct keydctl *k, char **argv);
/* Unlocks the token that the failure k->last of an attempt with k->peer wants. KEYDCTL_DONE, or an exit code, and all is said. */
int token_unlock_for(struct keydctl *k);
/* Asks for the passphrase of private keys, and unlocks those that it fits. more: on what occasion, "" for none. done[n]: what keyd says. */
int keys_unlock(struct keydctl *k, const char *more, char *done, size_t n);
/* The same for the password that the gateway of a peer asks for. */
int password_give(struct keydctl *k, const char *peer, const char *more, char *done, size_t n);

/* token_describe.c: what is in the keys and certificates of a list of tokens, as names and numbers beside them. */
void token_describe(json_t *tokens);

#endif
