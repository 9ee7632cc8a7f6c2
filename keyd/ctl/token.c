// SPDX-License-Identifier: MIT
// keydctl's commands about tokens, and PINs: whom to ask, for which token, and what the answer was good for.
#include "keyd/ctl/keydctl.h"

#include "keyd/ctl/request.h"

#include <stdio.h>
#include <string.h>

#define PIN_MAX 255			/* bytes */
#define ROUNDS_MAX 3			/* wrong PINs in one command */
#define FLOOR 2				/* with fewer tries left, only somebody who sees what comes of it may use one */
#define CALL 700.0			/* seconds for an answer that waits for a token or somebody at it; keyd ends it before */

static json_t *list(struct keydctl *k, const char *token)
{
	return keydctl_ask(k, json_pack("{s:s, s:s}", "cmd", "token-list", "token", token), KEYDCTL_ANSWER);
}

static void add_name(char *names, size_t n, const json_t *token)
{
	size_t at = strlen(names);

	snprintf(names + at, n - at, "%s\"%s\"", at ? ", " : "", keydctl_text(token, "label"));
}

/* There are others, perhaps, and this was a slip. */
static int no_such(struct keydctl *k)
{
	json_t *a = list(k, ""), *token;
	char names[600] = "", text[700];
	size_t i;

	if (!a)
		return KEYDCTL_FAILED;
	json_array_foreach (json_object_get(a, "tokens"), i, token)
		add_name(names, sizeof(names), token);
	snprintf(text, sizeof(text), *names ? "there is no such token, but %s" : "there is no token%s", names);
	json_decref(a);
	return keydctl_fail(k, text, NULL);
}

static int show(struct keydctl *k, const char *token, bool whole)
{
	json_t *a = list(k, token);
	bool none;

	if (!a)
		return KEYDCTL_FAILED;
	none = *token && !json_array_size(json_object_get(a, "tokens"));
	token_describe(json_object_get(a, "tokens"));
	if (!none)
		k->out->tokens(a, whole);
	json_decref(a);
	return none ? no_such(k) : KEYDCTL_DONE;
}

int token_list(struct keydctl *k, char **argv)
{
	return show(k, argv[0] ? argv[0] : "", false);
}

int token_show(struct keydctl *k, char **argv)
{
	return show(k, argv[0], true);
}

int token_check(struct keydctl *k, char **argv)
{
	json_t *a = keydctl_ask(k, json_pack("{s:s, s:s}", "cmd", "token-check", "token", argv[0] ? argv[0] : ""), CALL);
	bool ready;

	if (!a)
		return KEYDCTL_FAILED;
	ready = json_is_true(json_object_get(a, "ready"));
	k->out->result_of(k->verb->name, ready, *keydctl_text(a, "text") ? keydctl_text(a, "text") : "ready", a);
	json_decref(a);
	return ready ? KEYDCTL_DONE : KEYDCTL_FAILED;
}

int token_lock(struct keydctl *k, char **argv)
{
	json_t *a = keydctl_ask(k, json_pack("{s:s, s:s}", "cmd", "token-lock", "token", argv[0] ? argv[0] : ""), CALL);

	if (!a)
		return KEYDCTL_FAILED;
	k->out->result_of(k->verb->name, true, keydctl_text(a, "text"), a);
	json_decref(a);
	return KEYDCTL_DONE;
}

int token_watch(struct keydctl *k, char **argv)
{
	json_t *o = keydctl_ask(k, json_pack("{s:s}", "cmd", "token-watch"), KEYDCTL_ANSWER);
	int error = 0;

	(void)argv;
	if (!o)
		return KEYDCTL_FAILED;
	json_decref(o);
	while ((o = ctl_conn_read(&k->conn, 0, &error))) {
		k->out->token_event(o);
		json_decref(o);
	}
	return keydctl_fail_errno(k, error);
}

/* --- which token --- */

/* A PIN would do something for it. */
static bool wants_pin(const json_t *token)
{
	return keydctl_is(token, "state", "locked") || keydctl_is(token, "need", "pin-each");
}

/* Has it a key with this member? */
static bool has_key(const json_t *token, const char *member, const char *value)
{
	const json_t *key;
	size_t i;

	json_array_foreach (json_object_get(token, "keys"), i, key)
		if (value ? keydctl_is(key, member, value) : json_is_true(json_object_get(key, member)))
			return true;
	return false;
}

/* All that may be meant: named, or locked; and configured, if asked for. The last of them into *found. */
static unsigned candidates(const json_t *answer, bool named, bool configured, char *names, size_t n, json_t **found)
{
	json_t *token;
	unsigned count = 0;
	size_t i;

	*names = 0;
	json_array_foreach (json_object_get(answer, "tokens"), i, token) {
		if ((!named && !wants_pin(token)) || (configured && !has_key(token, "configured", NULL)))
			continue;
		add_name(names, n, token);
		*found = token;
		count++;
	}
	return count;
}

/*
 * The one that is meant; NULL: none is, or several, which is told. Without a name, one that the configuration uses goes
 * before others.
 */
static json_t *choose(struct keydctl *k, const json_t *answer, bool named)
{
	json_t *found = NULL;
	char names[600], text[700];
	unsigned n = candidates(answer, named, !named, names, sizeof(names), &found);

	if (!n && !named)
		n = candidates(answer, named, false, names, sizeof(names), &found);
	if (n == 1)
		return found;
	if (n > 1)
		snprintf(text, sizeof(text), "which of them? %s (\"keydctl token show\" has URIs, which tell even "
			 "those of one name apart)", names);
	if (!n && named)
		no_such(k);
	else
		keydctl_fail(k, n ? text : "no token is there that is locked", NULL);
	return NULL;
}

/* --- its PIN --- */

/* "gate" (SoftHSM v2, in SCM SCR 3310) */
static void title(const json_t *token, char *buf, size_t n)
{
	const char *model = keydctl_text(token, "model"), *reader = keydctl_text(token, "reader");

	snprintf(buf, n, "PIN of token \"%s\"%s%s%s%s%s", keydctl_text(token, "label"), *model || *reader ? " (" : "", model,
		 *model && *reader ? ", " : "", reader, *model || *reader ? ")" : "");
}

/* error, if there is one, has told of the tries. */
static void warning(json_int_t tries, const char *error, char *buf, size_t n)
{
	if (tries == 1)
		snprintf(buf, n, "THIS IS THE LAST TRY: one more wrong PIN, and the token is blocked.");
	else if (tries > 1 && !error)
		snprintf(buf, n, "%lld tries are left.", (long long)tries);
	else
		*buf = 0;
}

/* One try. pin NULL: at the pad. The answer, or NULL: failed, and all is said. */
static json_t *try_pin(struct keydctl *k, const json_t *token, const char *pin)
{
	const char *uri = keydctl_text(token, "uri");

	return keydctl_ask_any(k, json_pack("{s:s, s:s, s:s*}", "cmd", "token-unlock", "token", *uri ? uri : keydctl_text(token, "label"),
					    "pin", pin), CALL);
}

/* The answer to a PIN that was asked for, or NULL with an exit code in *r. tries: left, 0: not known. */
static json_t *ask_and_try(struct keydctl *k, const json_t *token, json_int_t tries, const char *error, int *r)
{
	char what[300], more[120], pin[PIN_MAX + 2], why[700];
	struct passphrase_question q = { what, more, error };
	json_t *a = NULL;

	title(token, what, sizeof(what));
	warning(tries, error, more, sizeof(more));
	*r = passphrase_read(&k->from, &q, pin, sizeof(pin), why, sizeof(why));
	if (*r) {
		keydctl_fail(k, why, NULL);
	} else {
		a = try_pin(k, token, pin);
		*r = a ? 0 : KEYDCTL_FAILED;
	}
	explicit_bzero(pin, sizeof(pin));
	return a;
}

static json_int_t tries_of(const json_t *token)
{
	return json_is_true(json_object_get(token, "tries_told")) ? json_integer_value(json_object_get(token, "tries")) : 0;
}

/* Asks until it is right, or enough. */
static json_t *ask_for_pin(struct keydctl *k, const json_t *token, int *r)
{
	json_int_t tries = tries_of(token);
	char error[400] = "";
	json_t *a = NULL;

	for (unsigned round = 1; ; round++) {
		a = ask_and_try(k, token, tries, *error ? error : NULL, r);
		if (!a || !keydctl_is(a, "code", "pin-wrong") || keydctl_is(a, "need", "unblock") || round == ROUNDS_MAX ||
		    !passphrase_again(&k->from))
			return a;
		tries = json_integer_value(json_object_get(a, "tries"));
		snprintf(error, sizeof(error), "%s", keydctl_text(a, "error"));
		json_decref(a);
	}
}

static json_t *at_the_pad(struct keydctl *k, const json_t *token, int *r)
{
	json_t *a;

	fprintf(stderr, "Type the PIN of token \"%s\" at its reader, %s.\n", keydctl_text(token, "label"), keydctl_text(token, "reader"));
	a = try_pin(k, token, NULL);
	*r = a ? 0 : KEYDCTL_FAILED;
	return a;
}

/* A script that begins again and again must not block a token. */
static bool too_few(struct keydctl *k, const json_t *token)
{
	json_int_t tries = tries_of(token);

	if (k->from.fd < 0 || !tries || tries >= FLOOR)
		return false;
	keydctl_fail(k, "only one try of its PIN is left: it is not used unless somebody types it, without --fd", NULL);
	return true;
}

/* The answer, if it is that all is well. */
static json_t *answered(struct keydctl *k, json_t *a, int *r)
{
	if (json_is_true(json_object_get(a, "ok")))
		return a;
	k->out->result_of(k->verb->name, false, keydctl_text(a, "error"), a);
	json_decref(a);
	*r = KEYDCTL_FAILED;
	return NULL;
}

/* Somebody has locked it by hand, and keyd has its PIN: nobody has to give another one. */
static bool by_itself(const struct keydctl *k, const json_t *token)
{
	return k->from.fd < 0 && !k->from.pinentry && keydctl_is(token, "need", "release") &&
	       !json_is_true(json_object_get(token, "ask")) && !json_is_true(json_object_get(token, "pad"));
}

/* One that is there. The answer that it is unlocked, or NULL with an exit code in *r, and all is said. */
static json_t *unlock(struct keydctl *k, const json_t *token, int *r)
{
	bool pad = json_is_true(json_object_get(token, "pad"));
	json_t *a;

	*r = KEYDCTL_FAILED;
	if (k->pad && !pad) {
		keydctl_fail(k, "its reader has no PIN pad", NULL);
		return NULL;
	}
	if (by_itself(k, token)) {
		a = try_pin(k, token, NULL);
		*r = a ? 0 : KEYDCTL_FAILED;
		return a ? answered(k, a, r) : NULL;
	}
	if (!pad && too_few(k, token))
		return NULL;
	a = pad ? at_the_pad(k, token, r) : ask_for_pin(k, token, r);
	return a ? answered(k, a, r) : NULL;
}

/* What there is nothing to unlock about; "" if there is. */
static const char *settled(const json_t *token)
{
	return wants_pin(token) ? "" :
	       keydctl_is(token, "state", "unlocked") ? "it is unlocked already" :
	       keydctl_is(token, "state", "present") ? "it wants no PIN" : "";
}

/* No PIN helps it, so none is asked for. */
static bool hopeless(struct keydctl *k, const json_t *token)
{
	char text[300];

	if (!keydctl_is(token, "state", "blocked") && !keydctl_is(token, "state", "failing"))
		return false;
	snprintf(text, sizeof(text), "token \"%s\" %s", keydctl_text(token, "label"), keydctl_text(token, "text"));
	keydctl_fail(k, text, NULL);
	return true;
}

int token_unlock(struct keydctl *k, char **argv)
{
	json_t *listed = list(k, argv[0] ? argv[0] : ""), *token, *a = NULL;
	int r = KEYDCTL_FAILED;

	token = listed ? choose(k, listed, argv[0] != NULL) : NULL;
	if (token && *settled(token)) {
		k->out->result(k->verb->name, true, settled(token), NULL);
		r = KEYDCTL_DONE;
	} else if (token && !hopeless(k, token)) {
		a = unlock(k, token, &r);
	}
	if (a)
		k->out->result_of(k->verb->name, true, keydctl_text(a, "text"), a);
	json_decref(a);
	json_decref(listed);
	return r;
}

/* --- for "up" --- */

/* "FILE:LINE" of the key that the last attempt with this peer wanted; "": not known. */
static void wanted_at(struct keydctl *k, char *at, size_t n)
{
	const char *peer = *k->peer ? k->peer : keydctl_text(k->last, "peer");
	json_t *a = keydctl_ask_any(k, json_pack("{s:s, s:s}", "cmd", "explain", "peer", peer), KEYDCTL_ANSWER), *attempt;
	size_t i;

	*at = 0;
	json_array_foreach (json_object_get(a, "attempts"), i, attempt)
		if (keydctl_is(attempt, "reason", keydctl_text(k->last, "reason")))
			snprintf(at, n, "%s", keydctl_text(attempt, "secret_at"));
	json_decref(a);
}

int token_unlock_for(struct keydctl *k)
{
	json_t *listed = list(k, ""), *token = NULL, *t, *a = NULL;
	char at[600];
	int r = KEYDCTL_FAILED;
	size_t i;

	if (!listed)
		return r;
	wanted_at(k, at, sizeof(at));
	json_array_foreach (json_object_get(listed, "tokens"), i, t)
		if (*at && wants_pin(t) && has_key(t, "where", at))
			token = t;
	if (!token)
		token = choose(k, listed, false);
	if (token && by_itself(k, token))
		keydctl_fail(k, "our token was locked by hand: \"keydctl token unlock\" lets it be used again", NULL);
	else if (token)
		a = unlock(k, token, &r);
	json_decref(a);
	json_decref(listed);
	return r;
}

/* --- passphrases of private keys, and passwords --- */

/* peer NULL: it is a passphrase. */
static int give(struct keydctl *k, const char *peer, struct passphrase_question q, char *done, size_t n)
{
	char passphrase[CTL_PASSPHRASE_MAX + 2], why[700], error[400];
	json_t *a = NULL;
	int r;

	for (unsigned round = 1; ; round++) {
		r = passphrase_read(&k->from, &q, passphrase, sizeof(passphrase), why, sizeof(why));
		if (r)
			keydctl_fail(k, why, NULL);
		else
			a = keydctl_ask_any(k, json_pack("{s:s, s:s, s:s*}", "cmd", "unlock", "passphrase", passphrase,
							 "peer", peer), KEYDCTL_ANSWER);
		explicit_bzero(passphrase, sizeof(passphrase));
		if (!a || json_is_true(json_object_get(a, "ok")) || round == ROUNDS_MAX || !passphrase_again(&k->from))
			break;
		snprintf(error, sizeof(error), "%s", keydctl_text(a, "error"));
		q.error = error;
		json_decref(a);
		a = NULL;
	}
	if (!r && !(a && json_is_true(json_object_get(a, "ok"))))
		r = KEYDCTL_FAILED;
	if (a && r)
		keydctl_fail(k, keydctl_text(a, "error"), NULL);
	snprintf(done, n, "%s", keydctl_text(a, "text"));
	json_decref(a);
	return r;
}

int keys_unlock(struct keydctl *k, const char *more, char *done, size_t n)
{
	return give(k, NULL, (struct passphrase_question){ "passphrase of the private key", more, NULL }, done, n);
}

int password_give(struct keydctl *k, const char *peer, const char *more, char *done, size_t n)
{
	char what[CONF_NAME_MAX + 40];

	snprintf(what, sizeof(what), "password for peer \"%s\"", peer);
	return give(k, peer, (struct passphrase_question){ what, more, NULL }, done, n);
}
