// SPDX-License-Identifier: MIT
// ipsec as users of FreeS/WAN's descendants know it: everyday verbs, and IKE SAs shown in the manner of strongSwan.
#include "keyd/front/front.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS(...) (const char *const[]){ __VA_ARGS__, NULL }
#define N(a) (sizeof(a) / sizeof(*(a)))
#define IPSEC_CONF "/etc/ipsec.conf"
#define PATIENCE 100			/* looks for keyd's end, a tenth of a second each */

/* --- status --- */

static const char *duration(long long s, char *buf, size_t n)
{
	static const struct {
		long long n;
		const char *word;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t i = 0;

	while (i + 1 < N(units) && s < units[i].n)
		i++;
	snprintf(buf, n, "%lld %s%s", s / units[i].n, units[i].word, s / units[i].n == 1 ? "" : "s");
	return buf;
}

static void show_child(const struct front *f, const char *name, size_t number, const json_t *c)
{
	const json_t *sel = json_object_get(c, "selector");
	char age[64];

	printf("%12s{%zu}:  %s, %s, reqid %lld, %s SPIs: %s_i %s_o\n", name, number,
	       json_is_true(json_object_get(c, "old")) ? "REKEYED" : "INSTALLED",
	       !strcmp(front_text(c, "mode"), "tunnel") ? "TUNNEL" : "TRANSPORT", front_number(c, "reqid"),
	       !strcmp(front_text(c, "proto"), "ah") ? "AH" : "ESP",
	       front_text(c, "spi_in") + 2, front_text(c, "spi_out") + 2);
	if (f->full)
		printf("%12s{%zu}:  %s, rekeying in %s\n", name, number, front_text(c, "algorithms"),
		       duration(front_number(c, "rekey_in"), age, sizeof(age)));
	printf("%12s{%zu}:   %s === %s\n", name, number, front_text(sel, "local"), front_text(sel, "remote"));
}

static void show_ike(const struct front *f, size_t number, size_t *child, const json_t *ike)
{
	bool begun = !strcmp(front_text(ike, "role"), "initiator");
	const char *name = front_text(ike, "peer");
	const json_t *c;
	char age[64];
	size_t i;

	printf("%12s[%zu]: %s %s ago, %s[%s]...%s[%s]\n", name, number,
	       !strcmp(front_text(ike, "state"), "established") ? "ESTABLISHED" : "CONNECTING",
	       duration(front_number(ike, "age"), age, sizeof(age)), front_text(ike, "local"),
	       front_text(ike, "local_id"), front_text(ike, "remote"), front_text(ike, "remote_id"));
	if (f->full) {
		printf("%12s[%zu]: IKEv%lld SPIs: %s_%s %s_%s, rekeying in %s\n", name, number,
		       front_number(ike, "version") ?: 2, front_text(ike, "spi_i"), begun ? "i*" : "i",
		       front_text(ike, "spi_r"), begun ? "r" : "r*",
		       duration(front_number(ike, "rekey_in"), age, sizeof(age)));
		printf("%12s[%zu]: IKE proposal: %s\n", name, number, front_text(ike, "algorithms"));
	}
	json_array_foreach (json_object_get(ike, "children"), i, c)
		show_child(f, name, ++*child, c);
}

static bool wanted(const json_t *ike, const char *name)
{
	return !name || !strcmp(front_text(ike, "peer"), name) || !strcmp(front_text(ike, "remote"), name);
}

/* "status" ends with 1 where a name is given that has no IKE SA, as strongSwan's does; with 3 where nobody runs. */
static int status(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	struct front show = *f;
	const char *name = argc ? argv[0] : NULL;
	size_t i, up = 0, connecting = 0, child = 0, shown = 0;
	json_t *o, *ike;
	int code;

	show.full = !strcmp(v->name, "statusall");
	o = front_status(f, &code);
	if (!o)
		return code;
	json_array_foreach (json_object_get(o, "ike"), i, ike) {
		bool is_up = !strcmp(front_text(ike, "state"), "established");

		up += is_up;
		connecting += !is_up;
	}
	printf("Security Associations (%zu up, %zu connecting):\n", up, connecting);
	json_array_foreach (json_object_get(o, "ike"), i, ike)
		if (wanted(ike, name)) {
			show_ike(&show, i + 1, &child, ike);
			shown++;
		}
	if (!shown)
		puts(name ? "  no match" : "  none");
	json_decref(o);
	return name && !shown ? 1 : KEYDCTL_DONE;
}

/* --- the service --- */

static pid_t running(void)
{
	FILE *file = fopen(GAPLESS_RUN "/keyd.pid", "re");
	char line[32] = "";
	pid_t pid;

	if (file) {
		(void)!fgets(line, sizeof(line), file);
		fclose(file);
	}
	pid = (pid_t)strtol(line, NULL, 10);
	return pid > 1 && (!kill(pid, 0) || errno == EPERM) ? pid : 0;
}

static int start(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	(void)v;
	(void)argc;
	(void)argv;
	if (running()) {
		puts("keyd runs already");
		return KEYDCTL_DONE;
	}
	if (access(IPSEC_CONF, F_OK))
		return front_become(f, "keyd", WORDS("--background"), 0, NULL);
	return front_become(f, "keyd", WORDS("--background", "--ipsec-conf", IPSEC_CONF), 0, NULL);
}

static int stop(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	pid_t pid = running();

	(void)v;
	(void)argc;
	(void)argv;
	if (!pid) {
		puts("keyd does not run");
		return KEYDCTL_DONE;
	}
	if (kill(pid, SIGTERM))
		return front_fail(f, KEYDCTL_FAILED, "keyd (process %d) cannot be told to end: %s", (int)pid, strerror(errno));
	for (unsigned i = 0; i < PATIENCE && running() == pid; i++)
		usleep(100000);
	return running() == pid ? front_fail(f, KEYDCTL_FAILED, "keyd (process %d) does not end", (int)pid) : KEYDCTL_DONE;
}

static int restart(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	int r = stop(f, v, argc, argv);

	return r ? r : start(f, v, argc, argv);
}

/* --- verbs --- */

static int version(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	(void)f;
	(void)v;
	(void)argc;
	(void)argv;
	puts("Linux gapless " GAPLESS_VERSION);
	return KEYDCTL_DONE;
}

static int own(const struct front *f, int argc, char **argv);

/* "auto --up NAME" of the plutos, "setup start" of FreeS/WAN: the same verbs with a word before them. */
static int other_words(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	if (!argc)
		return front_fail(f, KEYDCTL_USAGE, "%s: a command is expected", v->name);
	argv[0] += strspn(argv[0], "-");
	return own(f, argc, argv);
}

/* Whatever it names, all is read. */
static int reload(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	(void)v;
	(void)argc;
	(void)argv;
	return front_become(f, "keydctl", WORDS("reload"), 0, NULL);
}

#define RELOAD(name) { name, NULL, reload, NULL, "\tread configuration, secrets and certificates again" }

static const struct front_verb verbs[] = {
	{ "up", NULL, front_keydctl, WORDS("up"), "NAME\tnegotiate, and wait for it" },
	{ "down", NULL, front_keydctl, WORDS("down"), "NAME\tend it" },
	{ "status", NULL, status, NULL, "[NAME]\twhat is up" },
	{ "statusall", NULL, status, NULL, "[NAME]\twith algorithms and times" },
	{ "trafficstatus", NULL, status, NULL, "[NAME]\tas status" },
	RELOAD("reload"), RELOAD("update"), RELOAD("rereadsecrets"), RELOAD("rereadall"), RELOAD("rereadcacerts"),
	RELOAD("rereadcrls"), RELOAD("rereadaacerts"), RELOAD("rereadocspcerts"), RELOAD("rereadacerts"), RELOAD("add"),
	RELOAD("replace"), RELOAD("ready"), RELOAD("listen"),
	{ "listcards", NULL, front_keydctl, WORDS("token", "list"), "[TOKEN]\ttokens and smart cards, their keys and certificates" },
	{ "start", NULL, start, NULL, "\tkeyd in the background, with " IPSEC_CONF " if that is there" },
	{ "stop", NULL, stop, NULL, "\tend keyd; the kernel's SAs stay" },
	{ "restart", NULL, restart, NULL, "\tone after the other" },
	{ "version", "--version", version, NULL, "\tprint the version" },
	{ "auto", NULL, other_words, NULL, "--up|--down|--status|--rereadsecrets ...\tthe same, as the plutos say it" },
	{ "whack", NULL, other_words, NULL, "--status|--listen ...\tlikewise" },
	{ "setup", NULL, other_words, NULL, "start|stop|restart\tlikewise" },
	{ "route", NULL, front_not, NULL, "policies are there from keyd's start on: 'ipsec up' brings the tunnel up" },
	{ "unroute", NULL, front_not, NULL, "policies stay while keyd has the conn: take it out of the file, then 'ipsec reload'" },
	{ "delete", NULL, front_not, NULL, "take the conn out of the file, then 'ipsec reload'" },
	{ "listcerts", NULL, front_not, NULL,
	  "'ipsec listcards' has those on tokens; those in files are where 'keyd --dump-config' names them" },
	{ "listcacerts", NULL, front_not, NULL, "'keyd --dump-config' names the files of CAs" },
	{ "listcrls", NULL, front_not, NULL, "'keydctl explain PEER' tells what was known of revocation" },
	{ "listall", NULL, front_not, NULL, "'ipsec listcards', and 'keyd --dump-config'" },
	{ "purgeike", NULL, front_not, NULL, "IKE SAs without children end by themselves, or by 'ipsec down NAME'" },
};

static int own(const struct front *f, int argc, char **argv)
{
	const struct front_verb *v = front_find(verbs, N(verbs), argv[0]);

	if (!v)
		return front_fail(f, KEYDCTL_USAGE, "there is no command \"%s\": ipsec --help lists them", argv[0]);
	return v->run(f, v, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "socket", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'V' }, { 0 } };
	struct front f = { .name = "ipsec", .socket = GAPLESS_RUN "/keyd.sock" };
	int c;

	while ((c = getopt_long(argc, argv, "+s:hV", longs, NULL)) != -1) {
		if (c == 's')
			f.socket = optarg;
		else if (c == 'V')
			return version(&f, NULL, 0, NULL);
		else
			return front_usage(&f, verbs, N(verbs), "[--socket path]", c == 'h' ? stdout : stderr);
	}
	if (optind == argc)
		return front_usage(&f, verbs, N(verbs), "[--socket path]", stderr);
	return own(&f, argc - optind, argv + optind);
}
