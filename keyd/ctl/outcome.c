// SPDX-License-Identifier: MIT
// keydctl's commands that wait for what comes of them: up, down, rekey, reauth; what is missing for one is asked for.
#include "keyd/ctl/keydctl.h"

#include <stdio.h>
#include <string.h>

#define ASKED_MAX 8		/* times that somebody is asked for a PIN or a passphrase in one "up" */

static bool of_peer(const struct keydctl *k, const json_t *o)
{
	return !*k->peer || keydctl_is(o, "peer", k->peer) || keydctl_is(o, "remote", k->peer);
}

/* Success and failure are counted wherever they show up: an outcome may come before the answer to its command. */
void outcome_note(struct keydctl *k, const json_t *ev)
{
	bool failed = keydctl_is(ev, "event", "failed");
	bool done = (k->ike && keydctl_is(ev, "event", k->verb->ike)) || (k->child && keydctl_is(ev, "event", k->verb->child));

	if (!of_peer(k, ev) || k->failed || (!failed && !done))
		return;
	k->failed = failed;
	k->outcomes += done;
	json_decref(k->last);
	k->last = json_incref((json_t *)ev);
}

/* Of one IKE SA: children that can send; without a policy there are none, and it counts itself. */
static json_int_t count_up(const struct keydctl *k, const json_t *ike)
{
	const json_t *child;
	json_int_t n = 0;
	size_t j;

	if (!of_peer(k, ike))
		return 0;
	if (k->ike)
		return keydctl_is(ike, "state", "established");
	json_array_foreach (json_object_get(ike, "children"), j, child)
		n += json_is_false(json_object_get(child, "old")) && !keydctl_is(child, "spi_out", "0x00000000");
	return n;
}

/* What is there already counts for "up": keyd begins nothing then, and no event comes. */
static int count_present(struct keydctl *k)
{
	const json_t *ike;
	size_t i;
	json_t *a = keydctl_ask(k, json_pack("{s:s}", "cmd", "status"), KEYDCTL_ANSWER);

	if (!a)
		return -1;
	k->outcomes = 0;
	json_array_foreach (json_object_get(a, "ike"), i, ike)
		k->outcomes += count_up(k, ike);
	json_decref(a);
	return 0;
}

/* 0: there are so many outcomes, or one of failure (k->failed); else an exit code, and all is said. */
static int wait_outcomes(struct keydctl *k, json_int_t count)
{
	double deadline = ctl_clock() + k->timeout;
	int error = 0;
	json_t *o;

	while (!k->failed && k->outcomes < count) {
		o = ctl_conn_read(&k->conn, deadline, &error);
		if (!o)
			return keydctl_fail_errno(k, error);
		outcome_note(k, o);
		json_decref(o);
	}
	return 0;
}

/* Sends the command. 0 and what came of it is in k, or an exit code. */
static int command(struct keydctl *k, json_int_t *count)
{
	bool up = !strcmp(k->verb->name, "up");
	json_t *a = keydctl_ask(k, json_pack("{s:s, s:s, s:s}", "cmd", k->verb->name, "peer", k->peer,
					     "what", !k->ike ? "child" : !k->child ? "ike" : "both"), KEYDCTL_ANSWER);

	if (!a)
		return KEYDCTL_FAILED;
	*count = json_integer_value(json_object_get(a, "count"));
	if (up && json_is_true(json_object_get(a, "childless"))) {
		k->ike = true;
		k->child = false;
	}
	json_decref(a);
	if (k->no_wait)
		return 0;
	return up && count_present(k) ? KEYDCTL_FAILED : wait_outcomes(k, *count);
}

/* What was missing is asked for. KEYDCTL_DONE: begin anew; else an exit code, and all is said. */
static int provide(struct keydctl *k)
{
	char done[400];
	int r;

	if (keydctl_is(k->last, "reason", "password-needed"))
		r = password_give(k, keydctl_text(k->last, "peer"), keydctl_text(k->last, "text"), done, sizeof(done));
	else if (keydctl_is(k->last, "reason", "key-locked"))
		r = keys_unlock(k, keydctl_text(k->last, "text"), done, sizeof(done));
	else
		r = token_unlock_for(k);
	json_decref(k->last);
	k->last = NULL;
	k->failed = false;
	k->outcomes = 0;
	return r;
}

/* Somebody who is asked could help. */
static bool wants_secret(const struct keydctl *k)
{
	return k->failed && !strcmp(k->verb->name, "up") &&
	       (keydctl_is(k->last, "reason", "key-locked") || keydctl_is(k->last, "reason", "token-locked") ||
		keydctl_is(k->last, "reason", "token-pin") || keydctl_is(k->last, "reason", "password-needed"));
}

static int command_and_wait(struct keydctl *k)
{
	json_int_t count = 0;
	char text[64];
	int r = command(k, &count);

	for (unsigned asked = 0; !r && wants_secret(k) && asked < ASKED_MAX; asked++) {
		r = provide(k);
		r = r ? r : command(k, &count);
	}
	if (r)
		return r;
	if (k->failed)
		return keydctl_fail(k, json_string_value(json_object_get(k->last, "text")) ?: "keyd gave no reason", k->last);
	snprintf(text, sizeof(text), "done (%lld)", (long long)count);
	k->out->result(k->verb->name, true, k->no_wait ? "begun" : text, k->last);
	return KEYDCTL_DONE;
}

int outcome_command(struct keydctl *k, char **argv)
{
	json_t *a;

	k->peer = argv[0] ? argv[0] : "";
	if (!*k->peer != k->all) {
		fprintf(stderr, "keydctl: %s needs the name or the address of a peer, or --all\n", k->verb->name);
		return KEYDCTL_USAGE;
	}
	if (!k->ike && !k->child) {	/* of a rekey; the others have one event only */
		k->child = true;
		k->ike = strcmp(k->verb->name, "rekey") != 0 && strcmp(k->verb->name, "up") != 0;
	}
	a = keydctl_ask(k, json_pack("{s:s, s:b}", "cmd", "watch", "details", 0), KEYDCTL_ANSWER);
	json_decref(a);
	return a ? command_and_wait(k) : KEYDCTL_FAILED;
}
