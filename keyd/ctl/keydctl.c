// SPDX-License-Identifier: MIT
// keydctl(8): asks keyd what there is, tells it what to do, and waits for what becomes of it.
#include "keyd/ctl/client.h"
#include "keyd/ctl/keygen.h"
#include "keyd/ctl/output.h"
#include "keyd/ctl/passphrase.h"
#include "keyd/ctl/request.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT 30.0		/* seconds to wait for the outcome of a command */
#define ANSWER_TIMEOUT 10.0	/* seconds to wait for keyd's answer itself */

struct keydctl {
	const char *socket;
	const struct output *out;
	const char *peer;	/* name or address; "": all */
	double timeout, since;	/* seconds */
	bool ike, child, all, no_wait, stats;
	const char *type;	/* of keygen; NULL: the usual one */
	bool force, public;
	struct ctl_conn conn;
	const struct verb *verb;
	json_int_t outcomes;	/* events of success since the command was sent */
	json_t *last;		/* the last of them, or the failure; owned */
	bool failed;
};

struct verb {
	const char *name, *args;
	int min, max;		/* number of arguments */
	int (*run)(struct keydctl *k, char **argv);
	const char *ike, *child;	/* events that mean success; NULL: none does */
	const char *help;
};

static int fail(struct keydctl *k, const char *text, const json_t *last)
{
	k->out->result(k->verb->name, false, text, last);
	return KEYDCTL_FAILED;
}

static int fail_errno(struct keydctl *k, int error)
{
	const char *text = strerror(-error);

	if (error == -EPIPE)
		text = "keyd ended meanwhile";
	else if (error == -ETIMEDOUT)
		text = "nothing came of it in time";
	return fail(k, text, NULL);
}

static bool is(const json_t *o, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(o, key));

	return value && text && !strcmp(text, value);
}

static bool of_peer(const struct keydctl *k, const json_t *o)
{
	return !*k->peer || is(o, "peer", k->peer) || is(o, "remote", k->peer);
}

/* Success and failure are counted wherever they show up: an outcome may come before the answer to its command. */
static void note_event(struct keydctl *k, const json_t *ev)
{
	bool failed = is(ev, "event", "failed");
	bool done = (k->ike && is(ev, "event", k->verb->ike)) || (k->child && is(ev, "event", k->verb->child));

	if (!of_peer(k, ev) || k->failed || (!failed && !done))
		return;
	k->failed = failed;
	k->outcomes += done;
	json_decref(k->last);
	k->last = json_incref((json_t *)ev);
}

/* Sends o and reads its answer, noting events on the way. NULL: failed, and all is said. */
static json_t *ask(struct keydctl *k, json_t *o)
{
	int error = ctl_conn_send(&k->conn, o);
	json_t *a = NULL;

	while (!error) {
		a = ctl_conn_read(&k->conn, ctl_clock() + ANSWER_TIMEOUT, &error);
		if (!a || !json_object_get(a, "event"))
			break;
		note_event(k, a);
		json_decref(a);
		a = NULL;
	}
	if (!a) {
		fail_errno(k, error);
		return NULL;
	}
	if (json_is_true(json_object_get(a, "ok")))
		return a;
	fail(k, json_string_value(json_object_get(a, "error")) ?: "keyd gave no reason", NULL);
	json_decref(a);
	return NULL;
}

static int run_status(struct keydctl *k, char **argv)
{
	json_t *a = ask(k, json_pack("{s:s}", "cmd", "status"));

	(void)argv;
	if (!a)
		return KEYDCTL_FAILED;
	if (k->stats || !strcmp(k->verb->name, "stats"))
		k->out->stats(a);
	else
		k->out->status(a);
	json_decref(a);
	return KEYDCTL_DONE;
}

static int run_pools(struct keydctl *k, char **argv)
{
	json_t *a = ask(k, json_pack("{s:s}", "cmd", "pools"));

	(void)argv;
	if (!a)
		return KEYDCTL_FAILED;
	k->out->pools(a);
	json_decref(a);
	return KEYDCTL_DONE;
}

static int run_reload(struct keydctl *k, char **argv)
{
	json_t *a = ask(k, json_pack("{s:s}", "cmd", "reload"));
	const char *text;

	(void)argv;
	if (!a)
		return KEYDCTL_FAILED;
	text = json_string_value(json_object_get(a, "text"));
	k->out->result(k->verb->name, true, text ? text : "done", NULL);
	json_decref(a);
	return KEYDCTL_DONE;
}

static int run_log(struct keydctl *k, char **argv)
{
	json_t *a = ask(k, json_pack("{s:s, s:s}", "cmd", "log", "level", argv[0]));

	if (!a)
		return KEYDCTL_FAILED;
	k->out->result(k->verb->name, true, argv[0], NULL);
	json_decref(a);
	return KEYDCTL_DONE;
}

static int run_watch(struct keydctl *k, char **argv)
{
	json_t *o = ask(k, json_pack("{s:s, s:s, s:f}", "cmd", "watch", "peer", argv[0] ? argv[0] : "",
				     "since", k->since));
	int error = 0;

	if (!o)
		return KEYDCTL_FAILED;
	json_decref(o);
	while ((o = ctl_conn_read(&k->conn, 0, &error))) {
		k->out->event(o);
		json_decref(o);
	}
	return fail_errno(k, error);
}

/* 0: told. Fails when nothing at all is known of that peer. */
static int run_explain(struct keydctl *k, char **argv)
{
	json_t *a = ask(k, json_pack("{s:s, s:s}", "cmd", "explain", "peer", argv[0] ? argv[0] : ""));
	const json_t *rest;
	bool known;

	if (!a)
		return KEYDCTL_FAILED;
	rest = json_object_get(a, "peer");
	known = !argv[0] || json_array_size(json_object_get(a, "attempts")) ||
		json_is_true(json_object_get(rest, "known")) || json_integer_value(json_object_get(rest, "policies"));
	k->out->explain(a);
	json_decref(a);
	return known ? KEYDCTL_DONE : KEYDCTL_FAILED;
}

static int run_keylog(struct keydctl *k, char **argv)
{
	bool on = !strcmp(argv[0], "on");
	json_t *a;

	if (!on && strcmp(argv[0], "off") != 0) {
		fprintf(stderr, "keydctl: usage: keydctl keylog on|off\n");
		return KEYDCTL_USAGE;
	}
	a = ask(k, json_pack("{s:s, s:b}", "cmd", "keylog", "on", on));
	if (!a)
		return KEYDCTL_FAILED;
	k->out->result(k->verb->name, true, json_string_value(json_object_get(a, "text")) ?: "done", NULL);
	json_decref(a);
	return KEYDCTL_DONE;
}

static int run_unlock(struct keydctl *k, char **argv)
{
	char passphrase[CTL_PASSPHRASE_MAX + 2];
	json_t *a = NULL;

	(void)argv;
	if (!passphrase_read("passphrase of the private key", passphrase, sizeof(passphrase)))
		a = ask(k, json_pack("{s:s, s:s}", "cmd", "unlock", "passphrase", passphrase));
	explicit_bzero(passphrase, sizeof(passphrase));
	if (!a)
		return KEYDCTL_FAILED;
	k->out->result(k->verb->name, true, json_string_value(json_object_get(a, "text")) ?: "done", NULL);
	json_decref(a);
	return KEYDCTL_DONE;
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
		return is(ike, "state", "established");
	json_array_foreach (json_object_get(ike, "children"), j, child)
		n += json_is_false(json_object_get(child, "old")) && !is(child, "spi_out", "0x00000000");
	return n;
}

/* What is there already counts for "up": keyd begins nothing then, and no event comes. */
static int count_present(struct keydctl *k)
{
	const json_t *ike;
	size_t i;
	json_t *a = ask(k, json_pack("{s:s}", "cmd", "status"));

	if (!a)
		return -1;
	k->outcomes = 0;
	json_array_foreach (json_object_get(a, "ike"), i, ike)
		k->outcomes += count_up(k, ike);
	json_decref(a);
	return 0;
}

static int wait_outcomes(struct keydctl *k, json_int_t count)
{
	double deadline = ctl_clock() + k->timeout;
	char text[64];
	int error = 0;
	json_t *o;

	while (!k->failed && k->outcomes < count) {
		o = ctl_conn_read(&k->conn, deadline, &error);
		if (!o)
			return fail_errno(k, error);
		note_event(k, o);
		json_decref(o);
	}
	if (k->failed)
		return fail(k, json_string_value(json_object_get(k->last, "text")) ?: "keyd gave no reason", k->last);
	snprintf(text, sizeof(text), "done (%lld)", (long long)count);
	k->out->result(k->verb->name, true, text, k->last);
	return KEYDCTL_DONE;
}

static int run_command(struct keydctl *k, char **argv)
{
	bool up = !strcmp(k->verb->name, "up");
	json_int_t count;
	json_t *a;

	k->peer = argv[0] ? argv[0] : "";
	if (!*k->peer != k->all) {
		fprintf(stderr, "keydctl: %s needs the name or the address of a peer, or --all\n", k->verb->name);
		return KEYDCTL_USAGE;
	}
	if (!k->ike && !k->child) {	/* of a rekey; the others have one event only */
		k->child = true;
		k->ike = strcmp(k->verb->name, "rekey") != 0 && !up;
	}
	a = ask(k, json_pack("{s:s, s:b}", "cmd", "watch", "details", 0));
	json_decref(a);
	if (!a)
		return KEYDCTL_FAILED;
	a = ask(k, json_pack("{s:s, s:s, s:s}", "cmd", k->verb->name, "peer", k->peer,
			     "what", !k->ike ? "child" : !k->child ? "ike" : "both"));
	if (!a)
		return KEYDCTL_FAILED;
	count = json_integer_value(json_object_get(a, "count"));
	if (up && json_is_true(json_object_get(a, "childless"))) {
		k->ike = true;
		k->child = false;
	}
	json_decref(a);
	if (k->no_wait) {
		k->out->result(k->verb->name, true, "begun", NULL);
		return KEYDCTL_DONE;
	}
	return up && count_present(k) ? KEYDCTL_FAILED : wait_outcomes(k, count);
}

static int run_keygen(struct keydctl *k, char **argv)
{
	if (!k->public)
		return keygen_make(k->type, k->force, argv[0]);
	if (!k->type && !k->force)
		return keygen_public(argv[0]);
	fprintf(stderr, "keydctl: --public makes no key: it goes with neither --type nor --force\n");
	return KEYDCTL_USAGE;
}

static int run_version(struct keydctl *k, char **argv)
{
	(void)k;
	(void)argv;
	puts("keydctl (gapless) " GAPLESS_VERSION);
	return KEYDCTL_DONE;
}

static const struct verb verbs[] = {
	{ "status", "[--stats]", 0, 0, run_status, NULL, NULL, "what is established, and for how long" },
	{ "stats", "", 0, 0, run_status, NULL, NULL, "counters since the start" },
	{ "up", "PEER|--all", 0, 1, run_command, "ike-up", "child-up", "negotiate now what the policies ask for" },
	{ "down", "PEER|--all", 0, 1, run_command, "ike-down", NULL, "delete the SAs, here and there" },
	{ "rekey", "PEER|--all [--child] [--ike]", 0, 1, run_command, "ike-rekeyed", "child-rekeyed",
	  "replace child SAs (the default), IKE SAs, or both" },
	{ "reauth", "PEER|--all", 0, 1, run_command, "ike-reauthenticated", NULL,
	  "make a new IKE SA beside the old one, and move all to it" },
	{ "reload", "", 0, 0, run_reload, NULL, NULL, "read the configuration and the secrets again" },
	{ "pools", "", 0, 0, run_pools, NULL, NULL, "which address of which pool belongs to whom" },
	{ "explain", "[PEER]", 0, 1, run_explain, NULL, NULL, "tell what became of the last attempts, and what to "
			"change" },
	{ "watch", "[PEER] [--since TIME]", 0, 1, run_watch, NULL, NULL, "print events as they come" },
	{ "log", "LEVEL", 1, 1, run_log, NULL, NULL, "error, warning, notice, info or debug" },
	{ "unlock", "", 0, 0, run_unlock, NULL, NULL, "give the passphrase of a private key, from the terminal or standard input" },
	{ "keylog", "on|off", 1, 1, run_keylog, NULL, NULL, "write keys to files for Wireshark: whoever has them "
			"reads all" },
	{ "keygen", "[--type TYPE] [--force] FILE", 1, 1, run_keygen, NULL, NULL, "make a private key, and print the line for the other end" },
	{ "keygen", "--public FILE", 1, 1, run_keygen, NULL, NULL, "print the line of a key or a certificate that is there" },
	{ "version", "", 0, 0, run_version, NULL, NULL, "print the version" },
};

#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

static int usage(FILE *to)
{
	fputs("usage: keydctl [--socket path] [--json] [--timeout seconds] [--no-wait] command [argument]\n", to);
	for (size_t i = 0; i < NVERBS; i++)
		fprintf(to, "  %-7s %-29s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	return to == stdout ? KEYDCTL_DONE : KEYDCTL_USAGE;
}

enum { OPT_SOCKET = 256, OPT_JSON, OPT_TIMEOUT, OPT_NO_WAIT, OPT_IKE, OPT_CHILD, OPT_ALL, OPT_STATS, OPT_SINCE,
       OPT_TYPE, OPT_FORCE, OPT_PUBLIC };

static const struct option longs[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
	{ "ike", no_argument, NULL, OPT_IKE },
	{ "child", no_argument, NULL, OPT_CHILD },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "public", no_argument, NULL, OPT_PUBLIC },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* "90", "90s", "5m", "2h", "1d" in seconds; 0 where it is none of that. */
static double seconds_of(const char *text)
{
	static const char units[] = "smhd";
	static const double times[] = { 1, 60, 3600, 86400 };
	char *end;
	double n = strtod(text, &end);
	const char *unit = *end ? strchr(units, *end) : units;

	return end != text && unit && (!*end || !end[1]) && n > 0 ? n * times[unit - units] : 0;
}

/* 0 to go on, or an exit code + 1. */
static int option(struct keydctl *k, int c)
{
	char *end;

	switch (c) {
	case OPT_SOCKET: k->socket = optarg; return 0;
	case OPT_JSON: k->out = &output_json; return 0;
	case OPT_NO_WAIT: k->no_wait = true; return 0;
	case OPT_IKE: k->ike = true; return 0;
	case OPT_CHILD: k->child = true; return 0;
	case OPT_ALL: k->all = true; return 0;
	case OPT_STATS: k->stats = true; return 0;
	case OPT_TYPE: k->type = optarg; return 0;
	case OPT_FORCE: k->force = true; return 0;
	case OPT_PUBLIC: k->public = true; return 0;
	case 'V': return run_version(k, NULL) + 1;
	case 'h': return usage(stdout) + 1;
	case OPT_SINCE:
		k->since = seconds_of(optarg);
		if (k->since > 0)
			return 0;
		fprintf(stderr, "keydctl: \"%s\" is no time such as 90s, 5m, 2h or 1d\n", optarg);
		return KEYDCTL_USAGE + 1;
	case OPT_TIMEOUT:
		k->timeout = strtod(optarg, &end);
		if (end != optarg && !*end && k->timeout > 0)
			return 0;
		fprintf(stderr, "keydctl: \"%s\" is no number of seconds\n", optarg);
		return KEYDCTL_USAGE + 1;
	default: return usage(stderr) + 1;
	}
}

static int run(struct keydctl *k, const char *name, char **argv, int argc)
{
	int r;

	for (k->verb = verbs; k->verb < verbs + NVERBS; k->verb++)
		if (!strcmp(k->verb->name, name))
			break;
	if (k->verb == verbs + NVERBS) {
		fprintf(stderr, "keydctl: there is no command \"%s\"\n", name);
		return usage(stderr);
	}
	if (argc < k->verb->min || argc > k->verb->max) {
		fprintf(stderr, "keydctl: usage: keydctl %s %s\n", k->verb->name, k->verb->args);
		return KEYDCTL_USAGE;
	}
	if (k->verb->run == run_version || k->verb->run == run_keygen)	/* they need no keyd */
		return k->verb->run(k, argv);
	r = ctl_conn_open(&k->conn, k->socket);
	r = r ? r : k->verb->run(k, argv);
	ctl_conn_close(&k->conn);
	json_decref(k->last);
	return r;
}

int main(int argc, char **argv)
{
	struct keydctl k = { .socket = GAPLESS_RUN "/keyd.sock", .out = &output_text, .peer = "", .timeout = TIMEOUT };
	int c, r;

	while ((c = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		r = option(&k, c);
		if (r)
			return r - 1;
	}
	if (optind == argc)
		return usage(stderr);
	return run(&k, argv[optind], argv + optind + 1, argc - optind - 1);
}
