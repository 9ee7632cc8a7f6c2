// SPDX-License-Identifier: MIT
// keydctl(8): asks keyd what there is, tells it what to do, and waits for what becomes of it.
#include "keyd/ctl/keydctl.h"

#include "keyd/ctl/enroll.h"
#include "keyd/ctl/gaps.h"
#include "keyd/ctl/import.h"
#include "keyd/ctl/keygen.h"
#include "keyd/ctl/request.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT 30.0		/* seconds to wait for the outcome of a command */

int keydctl_fail(struct keydctl *k, const char *text, const json_t *last)
{
	k->out->result(k->verb->name, false, text, last);
	return KEYDCTL_FAILED;
}

int keydctl_fail_errno(struct keydctl *k, int error)
{
	const char *text = strerror(-error);

	if (error == -EPIPE)
		text = "keyd ended meanwhile";
	else if (error == -ETIMEDOUT)
		text = "nothing came of it in time";
	return keydctl_fail(k, text, NULL);
}

bool keydctl_is(const json_t *o, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(o, key));

	return value && text && !strcmp(text, value);
}

const char *keydctl_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

/* Events are noted on the way. */
json_t *keydctl_ask_any(struct keydctl *k, json_t *o, double timeout)
{
	double deadline = ctl_clock() + timeout;
	int error = o ? ctl_conn_send(&k->conn, o) : 0;
	json_t *a = NULL;

	if (!o) {		/* the library takes nothing else */
		keydctl_fail(k, "what was given is no text in UTF-8", NULL);
		return NULL;
	}
	while (!error) {
		a = ctl_conn_read(&k->conn, deadline, &error);
		if (!a || !json_object_get(a, "event"))
			break;
		outcome_note(k, a);
		json_decref(a);
		a = NULL;
	}
	if (!a)
		keydctl_fail_errno(k, error);
	return a;
}

json_t *keydctl_ask(struct keydctl *k, json_t *o, double timeout)
{
	json_t *a = keydctl_ask_any(k, o, timeout);

	if (!a || json_is_true(json_object_get(a, "ok")))
		return a;
	keydctl_fail(k, json_string_value(json_object_get(a, "error")) ?: "keyd gave no reason", NULL);
	json_decref(a);
	return NULL;
}

static json_t *ask(struct keydctl *k, json_t *o)
{
	return keydctl_ask(k, o, KEYDCTL_ANSWER);
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
	return keydctl_fail_errno(k, error);
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
	char done[400];
	int r;

	k->from.pipe = true;
	r = argv[0] ? password_give(k, argv[0], "", done, sizeof(done)) : keys_unlock(k, "", done, sizeof(done));
	if (r == KEYDCTL_DONE)
		k->out->result(k->verb->name, true, done, NULL);
	return r;
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

static int run_import(struct keydctl *k, char **argv)
{
	k->import.file = argv[0];
	k->import.json = k->out == &output_json;
	return import_main(&k->import);
}

/* Who has which address, if there is a keyd that says so; without one addresses must do. */
static json_t *peers_names(struct keydctl *k)
{
	int error = ctl_conn_try(&k->conn, k->socket);
	json_t *a = NULL, *names;

	error = error ? error : ctl_conn_send(&k->conn, json_pack("{s:s}", "cmd", "status"));
	if (!error)
		a = ctl_conn_read(&k->conn, ctl_clock() + KEYDCTL_ANSWER, &error);
	ctl_conn_close(&k->conn);
	names = gaps_names_of(a);
	json_decref(a);
	return names;
}

static int run_gaps(struct keydctl *k, char **argv)
{
	json_t *names = peers_names(k);
	struct gaps_asked asked = { .peer = argv[0], .names = names, .since = k->since, .watch = k->watch,
				    .json = k->out == &output_json };
	int r = gaps_main(&asked);

	json_decref(names);
	return r;
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
	{ "up", "PEER|--all", 0, 1, outcome_command, "ike-up", "child-up", "negotiate now what the policies ask for" },
	{ "down", "PEER|--all", 0, 1, outcome_command, "ike-down", NULL, "delete the SAs, here and there" },
	{ "rekey", "PEER|--all [--child] [--ike]", 0, 1, outcome_command, "ike-rekeyed", "child-rekeyed",
	  "replace child SAs (the default), IKE SAs, or both" },
	{ "reauth", "PEER|--all", 0, 1, outcome_command, "ike-reauthenticated", NULL,
	  "make a new IKE SA beside the old one, and move all to it" },
	{ "reload", "", 0, 0, run_reload, NULL, NULL, "read the configuration and the secrets again" },
	{ "rereadsecrets", "", 0, 0, run_reload, NULL, NULL, "the same, by its old name" },
	{ "pools", "", 0, 0, run_pools, NULL, NULL, "which address of which pool belongs to whom" },
	{ "explain", "[PEER]", 0, 1, run_explain, NULL, NULL, "tell what became of the last attempts, and what to "
			"change" },
	{ "watch", "[PEER] [--since TIME]", 0, 1, run_watch, NULL, NULL, "print events as they come" },
	{ "log", "LEVEL", 1, 1, run_log, NULL, NULL, "error, warning, notice, info or debug" },
	{ "unlock", "[PEER] [--fd N|--pinentry PROGRAM]", 0, 1, run_unlock, NULL, NULL,
	  "give the passphrase of private keys, or the password for a peer's gateway, from the terminal or standard input" },
	{ "token list", "[TOKEN]", 0, 1, token_list, NULL, NULL,
	  "tokens, their state, keys and certificates, and which tunnels they hold up" },
	{ "token show", "TOKEN", 1, 1, token_show, NULL, NULL, "one of them, with URIs for keyd.conf" },
	{ "token check", "[TOKEN]", 0, 1, token_check, NULL, NULL, "whether it would sign now; uses up no try" },
	{ "token unlock", "[TOKEN] [--fd N|--pinentry PROGRAM|--pad]", 0, 1, token_unlock, NULL, NULL, "give its PIN" },
	{ "token lock", "[TOKEN]", 0, 1, token_lock, NULL, NULL, "log out, and use no PIN until \"token unlock\"" },
	{ "token watch", "", 0, 0, token_watch, NULL, NULL, "print what happens to tokens" },
	{ "listcards", "", 0, 0, token_list, NULL, NULL, "token list, by its old name" },
	{ "keylog", "on|off", 1, 1, run_keylog, NULL, NULL, "write keys to files for Wireshark: whoever has them "
			"reads all" },
};

/* They need no keyd. */
static const struct verb verbs_alone[] = {
	{ "keygen", "[--type TYPE] [--force] FILE", 1, 1, run_keygen, NULL, NULL,
	  "make a private key, and print the line for the other end" },
	{ "keygen", "--public FILE", 1, 1, run_keygen, NULL, NULL, "print the line of a key or a certificate that is there" },
	{ "import", "[--format racoon|ipsec.conf] [--modernise] [--setkey FILE] FILE", 1, 1, run_import, NULL, NULL,
	  "print the keyd.conf that does what another daemon's file does" },
	{ "gaps", "[PEER] [--since TIME] [--watch]", 0, 1, run_gaps, NULL, NULL,
	  "when and for how long keying cost traffic (needs ipsec_gap.ko)" },
	{ "version", "", 0, 0, run_version, NULL, NULL, "print the version" },
};

static const struct verb_table {
	const struct verb *v;
	size_t n;
} tables[] = {
	{ verbs, sizeof(verbs) / sizeof(*verbs) },
	{ verbs_alone, sizeof(verbs_alone) / sizeof(*verbs_alone) },
};
#define TABLES (sizeof(tables) / sizeof(*tables))

static int usage(FILE *to)
{
	fputs("usage: keydctl [--socket path] [--json] [--timeout seconds] [--no-wait] command [argument]\n", to);
	for (const struct verb_table *t = tables; t < tables + TABLES; t++)
		for (size_t i = 0; i < t->n; i++)
			fprintf(to, "  %-13s %-29s %s\n", t->v[i].name, t->v[i].args, t->v[i].help);
	fprintf(to, "  %-13s %-29s %s\n", "token enroll", "[TOKEN] ... (see --help)",
		"make a key on a token, ask for its certificate, store it");
	return to == stdout ? KEYDCTL_DONE : KEYDCTL_USAGE;
}

enum { OPT_SOCKET = 256, OPT_JSON, OPT_TIMEOUT, OPT_NO_WAIT, OPT_IKE, OPT_CHILD, OPT_ALL, OPT_STATS, OPT_SINCE, OPT_WATCH,
       OPT_TYPE, OPT_FORCE, OPT_PUBLIC, OPT_FD, OPT_PINENTRY, OPT_PAD,
       OPT_FORMAT, OPT_MODERNISE, OPT_SETKEY };

static const struct option longs[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
	{ "ike", no_argument, NULL, OPT_IKE },
	{ "child", no_argument, NULL, OPT_CHILD },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "watch", no_argument, NULL, OPT_WATCH },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "public", no_argument, NULL, OPT_PUBLIC },
	{ "fd", required_argument, NULL, OPT_FD },
	{ "pinentry", required_argument, NULL, OPT_PINENTRY },
	{ "pad", no_argument, NULL, OPT_PAD },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "modernise", no_argument, NULL, OPT_MODERNISE },
	{ "setkey", required_argument, NULL, OPT_SETKEY },
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

/* As option. */
static int fd_option(struct keydctl *k, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	k->from.fd = (int)n;
	if (end != text && !*end && n >= 0 && n < 1024 * 1024)
		return 0;
	fprintf(stderr, "keydctl: \"%s\" is no number of a descriptor\n", text);
	return KEYDCTL_USAGE + 1;
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
	case OPT_WATCH: k->watch = true; return 0;
	case OPT_STATS: k->stats = true; return 0;
	case OPT_TYPE: k->type = optarg; return 0;
	case OPT_FORCE: k->force = true; return 0;
	case OPT_PUBLIC: k->public = true; return 0;
	case OPT_FD: return fd_option(k, optarg);
	case OPT_PINENTRY: k->from.pinentry = optarg; return 0;
	case OPT_PAD: k->pad = true; return 0;
	case OPT_FORMAT: k->import.format = optarg; return 0;
	case OPT_MODERNISE: k->import.modernise = true; return 0;
	case OPT_SETKEY: k->import.setkey = optarg; return 0;
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

/* The verb of these arguments; *words: how many of them are its name. NULL: there is none. */
static const struct verb *verb_find(const struct verb_table *t, char **argv, int argc, int *words)
{
	char two[64];

	snprintf(two, sizeof(two), "%s %s", argv[0], argc > 1 ? argv[1] : "");
	for (size_t i = 0; i < t->n; i++) {
		*words = strchr(t->v[i].name, ' ') ? 2 : 1;
		if (!strcmp(t->v[i].name, *words == 2 ? two : argv[0]))
			return &t->v[i];
	}
	return NULL;
}

static int run_connected(struct keydctl *k, char **argv)
{
	int r = ctl_conn_open(&k->conn, k->socket);

	r = r ? r : k->verb->run(k, argv);
	ctl_conn_close(&k->conn);
	json_decref(k->last);
	return r;
}

static int run(struct keydctl *k, char **argv, int argc)
{
	const struct verb_table *t = tables;
	int words;

	while (t < tables + TABLES && !(k->verb = verb_find(t, argv, argc, &words)))
		t++;
	if (t == tables + TABLES) {
		fprintf(stderr, "keydctl: there is no command \"%s\"\n", argv[0]);
		return usage(stderr);
	}
	argc -= words;
	if (argc < k->verb->min || argc > k->verb->max) {
		fprintf(stderr, "keydctl: usage: keydctl %s %s\n", k->verb->name, k->verb->args);
		return KEYDCTL_USAGE;
	}
	return t->v == verbs_alone ? k->verb->run(k, argv + words) : run_connected(k, argv + words);
}

/* Requests have PINs and passphrases in them, of which the library is not to leave anything behind. */
static void free_cleansed(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

int main(int argc, char **argv)
{
	struct keydctl k = { .socket = GAPLESS_RUN "/keyd.sock", .out = &output_text, .peer = "", .timeout = TIMEOUT,
			     .from = { .fd = -1, .usual = getenv("GAPLESS_PINENTRY") } };
	int c, r;

	if (enroll_is_asked(argc, argv))
		return enroll_main(argc, argv);
	json_set_alloc_funcs(malloc, free_cleansed);
	if (k.from.usual && !*k.from.usual)
		k.from.usual = NULL;
	while ((c = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		r = option(&k, c);
		if (r)
			return r - 1;
	}
	if (optind == argc)
		return usage(stderr);
	return run(&k, argv + optind, argc - optind);
}
