// SPDX-License-Identifier: MIT
// keyd-hook: runs the programs that racoon.conf and ipsec.conf name for tunnels, on keyd's events; keyd starts none.
#include "keyd/front/hook.h"

#include "keyd/ctl/client.h"
#include "keyd/import/load.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER 10.0			/* seconds */
#define PAUSE 1				/* seconds before keyd is looked for again */
#define SETTLE_TRIES 20			/* looks for the first child, */
#define SETTLE_PAUSE 100000		/* so many µs apart */
#define PEERS_MAX 4096			/* whose last state is remembered */
#define CHILDREN_MAX 65536		/* likewise */

static const char *text(const json_t *o, const char *key)
{
	return hook_text(o, key);
}

/* On a connection of its own, so that no event is in its way; a new reference, or NULL. */
static json_t *ask_status(const struct hook *h)
{
	json_t *answer = NULL;
	struct ctl_conn c;
	int error;

	if (ctl_conn_open(&c, h->socket))
		return NULL;
	if (!ctl_conn_send(&c, json_pack("{s:s}", "cmd", "status")))
		answer = ctl_conn_read(&c, ctl_clock() + ANSWER, &error);
	ctl_conn_close(&c);
	return answer;
}

/* The IKE SA of the event (a new reference), or NULL. */
static json_t *ask_ike(const struct hook *h, const json_t *event)
{
	json_t *answer = ask_status(h), *ike, *found = NULL;
	size_t i;

	json_array_foreach (json_object_get(answer, "ike"), i, ike)
		if (!strcmp(text(ike, "peer"), text(event, "peer")) && !strcmp(text(ike, "remote"), text(event, "remote")))
			found = ike;
	json_incref(found);
	json_decref(answer);
	return found;
}

/* Its children come after it, and say which networks are behind the peer: they are waited for, but not for long. */
static json_t *ask_settled(const struct hook *h, const json_t *event)
{
	json_t *ike = ask_ike(h, event), *child;
	size_t i;

	for (unsigned tries = 0; ike && tries < SETTLE_TRIES; tries++) {
		json_array_foreach (json_object_get(ike, "children"), i, child)
			if (strcmp(text(child, "spi_out"), "0x00000000") != 0)
				return ike;
		usleep(SETTLE_PAUSE);
		json_decref(ike);
		ike = ask_ike(h, event);
	}
	return ike;
}

static void key_of(const json_t *event, char *key, size_t n)
{
	snprintf(key, n, "%.100s %.60s", text(event, "peer"), text(event, "remote"));
}

static void remember(struct hook *h, const char *key, json_t *ike)
{
	if (ike && json_object_size(h->known) < PEERS_MAX)
		json_object_set(h->known, key, ike);
}

static void run_racoon(const struct hook *h, const json_t *event, enum import_when when, const json_t *ike)
{
	static const char *const words[] = { [IMPORT_UP] = "phase1_up", [IMPORT_DOWN] = "phase1_down", [IMPORT_DEAD] = "phase1_dead" };
	char *command = hook_program(h, event, when);
	struct hook_env e;

	if (command) {
		hook_env_racoon(&e, ike ?: event, h->run_dir);
		hook_run(command, words[when], &e);
		hook_env_free(&e);
	}
	free(command);
}

static void on_ike(struct hook *h, const json_t *event, bool up)
{
	char key[200];
	json_t *ike;

	key_of(event, key, sizeof(key));
	if (up) {
		ike = ask_settled(h, event);
		remember(h, key, ike);
		run_racoon(h, event, IMPORT_UP, ike);
		json_decref(ike);
		return;
	}
	ike = json_incref(json_object_get(h->known, key));
	if (!strcmp(text(event, "reason"), "peer-dead"))
		run_racoon(h, event, IMPORT_DEAD, ike);
	run_racoon(h, event, IMPORT_DOWN, ike);
	json_object_del(h->known, key);
	json_decref(ike);
}

/* --- children --- */

/* What stays the same when a child is rekeyed, or made again on another IKE SA. */
static void child_key(const char *peer, const json_t *sel, char *key, size_t n)
{
	snprintf(key, n, "%.100s %.60s %.60s %lld %lld %lld", peer, text(sel, "local"), text(sel, "remote"),
		 (long long)json_integer_value(json_object_get(sel, "proto")),
		 (long long)json_integer_value(json_object_get(sel, "local_port")),
		 (long long)json_integer_value(json_object_get(sel, "remote_port")));
}

/* Has keyd a child of this key beside the one of the event? As long as it has, nothing has ended for programs. */
static bool goes_on(const struct hook *h, const json_t *event, const char *key)
{
	json_t *answer = ask_status(h), *ike, *child;
	char other[512];
	bool found = false;
	size_t i, k;

	json_array_foreach (json_object_get(answer, "ike"), i, ike)
		json_array_foreach (json_object_get(ike, "children"), k, child) {
			child_key(text(ike, "peer"), json_object_get(child, "selector"), other, sizeof(other));
			found = found || (!strcmp(key, other) && !json_is_true(json_object_get(child, "old")) &&
					  strcmp(text(child, "spi_in"), text(event, "spi_in")) != 0 &&
					  json_is_true(json_object_get(child, "outbound_used")));
		}
	json_decref(answer);
	return found;
}

/* true: it is the first of its like. child: as status has it. */
static bool child_add(struct hook *h, const char *key, json_t *child)
{
	bool first = !json_object_get(h->children, key);

	if (!first || json_object_size(h->children) < CHILDREN_MAX)
		json_object_set(h->children, key, child);
	return first;
}

/* Each pair of networks, and each verb, is a run of its own, as with the plutos. */
static void run_pluto(const struct hook *h, const json_t *event, const json_t *ike, const json_t *child, const char *const verbs[3])
{
	char *command = hook_program(h, event, IMPORT_UPDOWN);
	struct hook_pair p = { .event = event, .ike = ike, .child = child, .run_dir = h->run_dir };
	const json_t *sel;
	struct hook_env e;
	size_t i;

	json_array_foreach (json_object_get(child, "selectors"), i, sel)
		for (unsigned k = 0; command && k < 3 && verbs[k]; k++) {
			p.selector = sel;
			p.verb = verbs[k];
			hook_env_pluto(&e, &p);
			hook_run(command, NULL, &e);
			hook_env_free(&e);
		}
	free(command);
}

/* Of an IKE SA as status has it; without one, or where it is gone already, of what the event says. A new reference. */
static json_t *child_of(const json_t *ike, const json_t *event)
{
	json_t *child;
	size_t i;

	json_array_foreach (json_object_get(ike, "children"), i, child)
		if (!strcmp(text(child, "spi_in"), text(event, "spi_in")))
			return json_incref(child);
	return json_pack("{s:[O]}", "selectors", json_object_get(event, "selector"));
}

static void on_child_up(struct hook *h, const json_t *event)
{
	static const char *const verbs[3] = { "prepare", "route", "up" };
	json_t *ike = ask_ike(h, event), *child = child_of(ike, event);
	char key[512], ike_key[200];

	key_of(event, ike_key, sizeof(ike_key));
	remember(h, ike_key, ike);
	child_key(text(event, "peer"), json_object_get(event, "selector"), key, sizeof(key));
	if (child_add(h, key, child))
		run_pluto(h, event, ike, child, verbs);
	json_decref(child);
	json_decref(ike);
}

static void on_child_down(struct hook *h, const json_t *event)
{
	static const char *const verbs[3] = { "down", "unroute" };
	char key[512], ike_key[200];
	json_t *child;

	key_of(event, ike_key, sizeof(ike_key));
	child_key(text(event, "peer"), json_object_get(event, "selector"), key, sizeof(key));
	child = json_incref(json_object_get(h->children, key));
	if (child && !goes_on(h, event, key)) {
		json_object_del(h->children, key);
		run_pluto(h, event, json_object_get(h->known, ike_key), child, verbs);
	}
	json_decref(child);
}

/* What was up before we came: nothing is run for it now, but when it ends. */
static void learn(struct hook *h)
{
	json_t *answer = ask_status(h), *ike, *child;
	char key[512];
	size_t i, k;

	json_object_clear(h->known);
	json_object_clear(h->children);
	json_array_foreach (json_object_get(answer, "ike"), i, ike) {
		if (!strcmp(text(ike, "state"), "established")) {
			key_of(ike, key, sizeof(key));
			remember(h, key, ike);
		}
		json_array_foreach (json_object_get(ike, "children"), k, child) {
			child_key(text(ike, "peer"), json_object_get(child, "selector"), key, sizeof(key));
			if (json_is_true(json_object_get(child, "outbound_used")))
				child_add(h, key, child);
		}
	}
	json_decref(answer);
}

static void on_event(struct hook *h, const json_t *event)
{
	const char *name = text(event, "event");

	if (!strcmp(name, "ike-up") || !strcmp(name, "ike-down"))
		on_ike(h, event, !strcmp(name, "ike-up"));
	else if (!strcmp(name, "child-up"))
		on_child_up(h, event);
	else if (!strcmp(name, "child-down"))
		on_child_down(h, event);
	else if (json_object_get(event, "count"))
		hook_say("events were missed, and nothing was run for them");
}

/* Until keyd ends. */
static void follow(struct hook *h)
{
	struct ctl_conn c;
	int error = 0;
	json_t *o;

	if (access(h->socket, F_OK) || ctl_conn_open(&c, h->socket))
		return;
	if (!ctl_conn_send(&c, json_pack("{s:s, s:b}", "cmd", "watch", "details", 0)))
		while ((o = ctl_conn_read(&c, 0, &error))) {
			if (json_is_true(json_object_get(o, "ok"))) {
				learn(h);
				hook_say("ready");
			}
			on_event(h, o);
			json_decref(o);
		}
	ctl_conn_close(&c);
}

static int usage(FILE *to)
{
	fputs("usage: keyd-hook [-bn] [--run-dir dir] -f file | --up program | --down program | --updown program\n"
	      "  -f FILE            racoon.conf or ipsec.conf: what its 'script' and 'leftupdown' name is run\n"
	      "  --up, --down, --dead, --updown PROGRAM\n"
	      "                     for all peers, whatever the configuration\n"
	      "  -b, --background   go there once all is well, with the process ID in DIR/keyd-hook.pid\n"
	      "  -n, --check        print what would be run, and end\n"
	      "  --run-dir DIR      where keyd's control socket is (default " GAPLESS_RUN ")\n", to);
	return to == stdout ? KEYDCTL_DONE : KEYDCTL_USAGE;
}

static const struct option longs[] = {
	{ "config", required_argument, NULL, 'f' }, { "up", required_argument, NULL, 256 + IMPORT_UP },
	{ "down", required_argument, NULL, 256 + IMPORT_DOWN }, { "dead", required_argument, NULL, 256 + IMPORT_DEAD },
	{ "updown", required_argument, NULL, 256 + IMPORT_UPDOWN }, { "run-dir", required_argument, NULL, 'r' },
	{ "background", no_argument, NULL, 'b' }, { "check", no_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' }, { 0 },
};

static int go_away(struct hook *h)
{
	char pid_file[600], *whole = h->file ? realpath(h->file, NULL) : NULL;

	if (whole)			/* it is read again, and elsewhere is another folder */
		h->file = whole;
	snprintf(pid_file, sizeof(pid_file), "%s/keyd-hook.pid", h->run_dir);
	return hook_background(pid_file);
}

int main(int argc, char **argv)
{
	struct hook h = { .run_dir = GAPLESS_RUN };
	bool only = false, any = false, background = false;
	int c;

	while ((c = getopt_long(argc, argv, "bf:nh", longs, NULL)) != -1) {
		if (c == 'f')
			h.file = optarg;
		else if (c == 'r')
			h.run_dir = optarg;
		else if (c == 'n')
			only = true;
		else if (c == 'b')
			background = true;
		else if (c >= 256)
			h.command[c - 256] = optarg;
		else
			return usage(c == 'h' ? stdout : stderr);
		any = any || c == 'f' || c >= 256;
	}
	if (!any || optind < argc)
		return usage(stderr);
	h.format = h.file ? import_recognise(h.file) : IMPORT_GUESS;
	if (only)
		return hook_check(&h) ? KEYDCTL_DONE : KEYDCTL_FAILED;
	snprintf(h.socket, sizeof(h.socket), "%s/keyd.sock", h.run_dir);
	signal(SIGPIPE, SIG_IGN);
	if (!hook_readable(&h) || (background && go_away(&h)))
		return KEYDCTL_FAILED;
	h.known = json_object();
	h.children = json_object();
	for (;;) {
		follow(&h);
		sleep(PAUSE);
	}
}
