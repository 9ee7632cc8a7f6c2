// SPDX-License-Identifier: MIT
// Understands requests on the control socket.
#include "keyd/ctl/ask.h"

#include "keyd/util/secret.h"

#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct word {
	const char *name;
	int a, b;
};

static const struct word verbs[] = {
	{ "status", CTL_ASK_STATUS, 0 },
	{ "up", CTL_ASK_COMMAND, CTL_UP },
	{ "down", CTL_ASK_COMMAND, CTL_DOWN },
	{ "rekey", CTL_ASK_COMMAND, CTL_REKEY },
	{ "reauth", CTL_ASK_COMMAND, CTL_REAUTH },
	{ "reload", CTL_ASK_RELOAD, 0 },
	{ "watch", CTL_ASK_WATCH, 0 },
	{ "log", CTL_ASK_LOG, 0 },
	{ "explain", CTL_ASK_EXPLAIN, 0 },
	{ "pools", CTL_ASK_POOLS, 0 },
	{ "keylog", CTL_ASK_KEYLOG, 0 },
	{ "unlock", CTL_ASK_UNLOCK, 0 },
	{ "token-list", CTL_ASK_TOKEN, CARD_ASK_LIST },
	{ "token-check", CTL_ASK_TOKEN, CARD_ASK_CHECK },
	{ "token-unlock", CTL_ASK_TOKEN, CARD_ASK_UNLOCK },
	{ "token-lock", CTL_ASK_TOKEN, CARD_ASK_LOCK },
	{ "token-watch", CTL_ASK_WATCH, 0 },
};

static const struct word whats[] = {
	{ "ike", ENGINE_REKEY_IKE, 0 },
	{ "child", ENGINE_REKEY_CHILD, 0 },
	{ "both", ENGINE_REKEY_IKE | ENGINE_REKEY_CHILD, 0 },
};

static const struct word *word_find(const struct word *words, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(words[i].name, name))
			return &words[i];
	return NULL;
}

/* The text under key, dflt when there is none, NULL (and a sentence) when it is no text. */
static const char *text(const json_t *o, const char *key, const char *dflt, char *why, size_t n)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return dflt;
	if (!json_is_string(v))
		snprintf(why, n, "\"%s\" must be a text", key);
	return json_string_value(v);
}

static int parse_command(struct ctl_ask *ask, const json_t *o, char *why, size_t n)
{
	const char *peer = text(o, "peer", "", why, n);
	const char *what = peer ? text(o, "what", "child", why, n) : NULL;
	const struct word *w = what ? word_find(whats, COUNT(whats), what) : NULL;

	if (!peer || !what)
		return -1;
	if (strlen(peer) >= sizeof(ask->command.peer)) {
		snprintf(why, n, "the name of the peer is too long");
		return -1;
	}
	if (!w) {
		snprintf(why, n, "what can be rekeyed is \"ike\", \"child\" or \"both\"");
		return -1;
	}
	strcpy(ask->command.peer, peer);
	ask->command.what = (uint8_t)w->a;
	return 0;
}

static int parse_level(struct ctl_ask *ask, const json_t *o, char *why, size_t n)
{
	const char *name = text(o, "level", "", why, n);
	int level = name ? log_level_by_name(name) : -1;

	if (level < 0) {
		snprintf(why, n, "the level must be error, warning, notice, info or debug");
		return -1;
	}
	ask->level = (enum log_level)level;
	return 0;
}

static int parse_who(struct ctl_ask *ask, const json_t *o, char *why, size_t n)
{
	const char *peer = text(o, "peer", "", why, n);

	if (!peer)
		return -1;
	if (strlen(peer) >= sizeof(ask->who.peer)) {
		snprintf(why, n, "the name of the peer is too long");
		return -1;
	}
	strcpy(ask->who.peer, peer);
	return 0;
}

static int parse_watch(struct ctl_ask *ask, const json_t *o, char *why, size_t n)
{
	const json_t *since = json_object_get(o, "since"), *details = json_object_get(o, "details");

	ask->since = json_number_value(since);
	ask->details = !json_is_false(details);
	if (!since || (json_is_number(since) && ask->since >= 0))
		return parse_who(ask, o, why, n);
	snprintf(why, n, "\"since\" must be a number of seconds");
	return -1;
}

static int parse_keylog(struct ctl_ask *ask, const json_t *o, char *why, size_t n)
{
	const json_t *on = json_object_get(o, "on");

	ask->on = json_is_true(on);
	if (json_is_boolean(on))
		return 0;
	snprintf(why, n, "\"on\" must be true or false");
	return -1;
}

/* A secret under key, at most max bytes; it is cleansed there, for the library frees it as it is. 0, or -1: it is none. */
static int take_secret(const json_t *o, const char *key, char *to, size_t max)
{
	json_t *v = json_object_get(o, key);
	size_t len = json_string_length(v);

	if (!len || len > max)
		return -1;
	memcpy(to, json_string_value(v), len + 1);
	secret_cleanse((char *)json_string_value(v), len);
	return 0;
}

/* With "peer" it is a password for that gateway. */
static int parse_unlock(struct ctl_ask *ask, const json_t *o, char *why, size_t n)
{
	if (parse_who(ask, o, why, n))
		return -1;
	if (!take_secret(o, "passphrase", ask->passphrase, CTL_PASSPHRASE_MAX))
		return 0;
	snprintf(why, n, "\"passphrase\" must be a text of 1 to %d bytes", CTL_PASSPHRASE_MAX);
	return -1;
}

/* Without "pin" it is typed at the reader. */
static int parse_token(struct ctl_ask *ask, const json_t *o, char *why, size_t n)
{
	const char *token = text(o, "token", "", why, n);

	if (!token)
		return -1;
	if (strlen(token) >= sizeof(ask->token.ask.token)) {
		snprintf(why, n, "the name of the token is too long");
		return -1;
	}
	strcpy(ask->token.ask.token, token);
	if (ask->token.ask.verb != CARD_ASK_UNLOCK || !json_object_get(o, "pin") ||
	    !take_secret(o, "pin", ask->token.pin, CARD_PIN_MAX))
		return 0;
	snprintf(why, n, "\"pin\" must be a text of 1 to %d bytes", CARD_PIN_MAX);
	return -1;
}

/* What a verb needs beside itself. */
static int (*const parsers[])(struct ctl_ask *ask, const json_t *o, char *why, size_t n) = {
	[CTL_ASK_COMMAND] = parse_command, [CTL_ASK_WATCH] = parse_watch, [CTL_ASK_LOG] = parse_level,
	[CTL_ASK_EXPLAIN] = parse_who, [CTL_ASK_KEYLOG] = parse_keylog, [CTL_ASK_POOLS] = NULL, [CTL_ASK_UNLOCK] = parse_unlock,
	[CTL_ASK_TOKEN] = parse_token,
};

static int parse_object(struct ctl_ask *ask, const json_t *o, char *why, size_t n)
{
	const char *name = text(o, "cmd", NULL, why, n);
	const struct word *w = name ? word_find(verbs, COUNT(verbs), name) : NULL;

	ask->id = json_integer_value(json_object_get(o, "id"));
	if (!w) {
		snprintf(why, n, "\"cmd\" must be status, up, down, rekey, reauth, reload, watch, log, explain, pools, keylog, unlock, "
			 "token-list, token-check, token-unlock, token-lock or token-watch");
		return -1;
	}
	ask->verb = (enum ctl_verb)w->a;
	ask->command.type = (uint8_t)w->b;
	ask->token.ask.verb = (uint8_t)w->b;
	ask->tokens = !strcmp(name, "token-watch");
	return parsers[ask->verb] ? parsers[ask->verb](ask, o, why, n) : 0;
}

int ctl_ask_parse(struct ctl_ask *ask, const char *line, size_t len, char *why, size_t n)
{
	json_error_t e;
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);
	int r = -1;

	*ask = (struct ctl_ask){ 0 };
	if (json_is_object(o))
		r = parse_object(ask, o, why, n);
	else
		snprintf(why, n, "a request is a JSON object in one line: %s", o ? "not an object" : e.text);
	json_decref(o);
	return r;
}
