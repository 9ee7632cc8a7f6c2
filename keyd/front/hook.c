// SPDX-License-Identifier: MIT
// keyd-hook: follows keyd's events and runs the programs that racoon.conf and ipsec.conf name for tunnels that come and go. keyd itself starts none.
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

struct hook {
	const char *file;		/* that names the programs; NULL: command does */
	enum import_format format;
	const char *command[IMPORT_WHENS];	/* for all peers, or NULL */
	const char *run_dir;
	char socket[512];
	json_t *known;			/* by "PEER REMOTE": the IKE SA as status had it when it came up */
};

static void say(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "keyd-hook: %s\n", text);
}

static void quiet(const char *text, void *arg)
{
	(void)text;
	(void)arg;
}

/* Reads the file as it is now. false: it has mistakes (told to err), or there is no memory. */
static bool load(const struct hook *h, struct import_tree *t, struct import_result *r, conf_error_fn *err)
{
	struct ipsec_addr own[IMPORT_OWN_MAX];
	struct import_options o = { .daemon = true, .own = own, .nown = import_own_addresses(own, IMPORT_OWN_MAX) };

	if (import_tree_read(t, h->file, h->format, err, NULL))
		return false;
	if (!import_convert(r, t, &o))
		return true;
	import_tree_free(t);
	return false;
}

/* The program for a peer, or NULL; the caller's. */
static char *program(const struct hook *h, const char *peer, enum import_when when)
{
	struct import_result r = { .nnotes = 0 };
	struct import_tree t = { .nfiles = 0 };
	const char *found = h->command[when];
	char *copy;

	if (!h->file)
		return found ? strdup(found) : NULL;
	if (!load(h, &t, &r, say))
		return NULL;
	found = import_script(&r, peer, when);
	copy = found ? strdup(found) : NULL;
	import_result_free(&r);
	import_tree_free(&t);
	return copy;
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

/* A connection of its own, so that no event is in its way. The IKE SA of the event (a new reference), or NULL. */
static json_t *ask_ike(const struct hook *h, const json_t *event)
{
	struct ctl_conn c;
	json_t *answer = NULL, *ike, *found = NULL;
	size_t i;
	int error;

	if (ctl_conn_open(&c, h->socket))
		return NULL;
	if (!ctl_conn_send(&c, json_pack("{s:s}", "cmd", "status")))
		answer = ctl_conn_read(&c, ctl_clock() + ANSWER, &error);
	json_array_foreach (json_object_get(answer, "ike"), i, ike)
		if (!strcmp(text(ike, "peer"), text(event, "peer")) && !strcmp(text(ike, "remote"), text(event, "remote")))
			found = ike;
	json_incref(found);
	json_decref(answer);
	ctl_conn_close(&c);
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

static void run_racoon(const struct hook *h, const json_t *event, enum import_when when, const json_t *ike)
{
	static const char *const words[] = { [IMPORT_UP] = "phase1_up", [IMPORT_DOWN] = "phase1_down", [IMPORT_DEAD] = "phase1_dead" };
	char *command = program(h, text(event, "peer"), when);
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
		if (ike && json_object_size(h->known) < PEERS_MAX)
			json_object_set(h->known, key, ike);
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

static void on_child(const struct hook *h, const json_t *event)
{
	char key[200], *command = program(h, text(event, "peer"), IMPORT_UPDOWN);
	struct hook_env e;

	if (command) {
		key_of(event, key, sizeof(key));
		hook_env_pluto(&e, event, json_object_get(h->known, key));
		hook_run(command, NULL, &e);
		hook_env_free(&e);
	}
	free(command);
}

static void on_event(struct hook *h, const json_t *event)
{
	const char *name = text(event, "event");

	if (!strcmp(name, "ike-up") || !strcmp(name, "ike-down"))
		on_ike(h, event, !strcmp(name, "ike-up"));
	else if (!strcmp(name, "child-up") || !strcmp(name, "child-down"))
		on_child(h, event);
	else if (json_object_get(event, "count"))
		fprintf(stderr, "keyd-hook: events were missed, and nothing was run for them\n");
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
			if (json_is_true(json_object_get(o, "ok")))
				fprintf(stderr, "keyd-hook: ready\n");
			on_event(h, o);
			json_decref(o);
		}
	ctl_conn_close(&c);
}

/* What is run for whom. */
static int check(const struct hook *h)
{
	struct import_result r = { .nnotes = 0 };
	struct import_tree t = { .nfiles = 0 };

	if (!h->file || !load(h, &t, &r, quiet))
		return h->file ? KEYDCTL_FAILED : KEYDCTL_DONE;
	for (unsigned i = 0; i < r.nnotes; i++)
		if (strstr(r.notes[i].text, "keyd-hook"))
			printf("%s:%u: %s\n", r.notes[i].file, r.notes[i].line, r.notes[i].text);
	import_result_free(&r);
	import_tree_free(&t);
	return KEYDCTL_DONE;
}

static int usage(FILE *to)
{
	fputs("usage: keyd-hook [-n] [--run-dir dir] -f file | --up program | --down program | --updown program\n"
	      "  -f FILE            racoon.conf or ipsec.conf: what its 'script' and 'leftupdown' name is run\n"
	      "  --up, --down, --dead, --updown PROGRAM\n"
	      "                     for all peers, whatever the configuration\n"
	      "  -n, --check        print what would be run, and end\n"
	      "  --run-dir DIR      where keyd's control socket is (default " GAPLESS_RUN ")\n", to);
	return to == stdout ? KEYDCTL_DONE : KEYDCTL_USAGE;
}

static const struct option longs[] = {
	{ "config", required_argument, NULL, 'f' }, { "up", required_argument, NULL, 256 + IMPORT_UP }, { "down", required_argument, NULL, 256 + IMPORT_DOWN },
	{ "dead", required_argument, NULL, 256 + IMPORT_DEAD }, { "updown", required_argument, NULL, 256 + IMPORT_UPDOWN },
	{ "run-dir", required_argument, NULL, 'r' }, { "check", no_argument, NULL, 'n' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

int main(int argc, char **argv)
{
	struct hook h = { .run_dir = GAPLESS_RUN };
	bool only = false, any = false;
	int c;

	while ((c = getopt_long(argc, argv, "f:nh", longs, NULL)) != -1) {
		if (c == 'f')
			h.file = optarg;
		else if (c == 'r')
			h.run_dir = optarg;
		else if (c == 'n')
			only = true;
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
		return check(&h);
	snprintf(h.socket, sizeof(h.socket), "%s/keyd.sock", h.run_dir);
	signal(SIGPIPE, SIG_IGN);
	h.known = json_object();
	for (;;) {
		follow(&h);
		sleep(PAUSE);
	}
}
