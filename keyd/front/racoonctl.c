// SPDX-License-Identifier: MIT
// racoonctl(8) as racoon's users know it: what is asked of keyd, of setkey, and how IKE SAs are shown.
#include "keyd/front/front.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WORDS(...) (const char *const[]){ __VA_ARGS__, NULL }
#define N(a) (sizeof(a) / sizeof(*(a)))

/* --- show-sa --- */

/* "192.0.2.1.500", as racoon has it. */
static const char *end_of(const json_t *ike, const char *side, char *buf, size_t n)
{
	char port[32];

	snprintf(port, sizeof(port), "%s_port", side);
	snprintf(buf, n, "%s.%lld", front_text(ike, side), front_number(ike, port));
	return buf;
}

static void show_ike(const struct front *f, const json_t *ike)
{
	char local[80], remote[80], cookies[64], created[32];
	time_t when = time(NULL) - (time_t)front_number(ike, "age");
	struct tm tm;

	snprintf(cookies, sizeof(cookies), "%.16s:%.16s", front_text(ike, "spi_i"), front_text(ike, "spi_r"));
	strftime(created, sizeof(created), "%Y-%m-%d %H:%M:%S", localtime_r(&when, &tm));
	end_of(ike, "local", local, sizeof(local));
	end_of(ike, "remote", remote, sizeof(remote));
	if (!f->full) {
		printf("%-22s %s %s \n", remote, cookies, created);
		return;
	}
	printf("%-45s %-45s %s %d %c %x %c %s %zu\n", local, remote, cookies, !strcmp(front_text(ike, "state"), "established") ? 9 : 1,
	       !strcmp(front_text(ike, "role"), "initiator") ? 'I' : 'R', (unsigned)(front_number(ike, "version") ?: 2) * 16,
	       !strcmp(front_text(ike, "exchange"), "aggressive") ? 'A' : 'M', created, json_array_size(json_object_get(ike, "children")));
}

static int show_isakmp(const struct front *f)
{
	int code;
	json_t *o = front_status(f, &code), *ike;
	size_t i;

	if (!o)
		return code;
	if (f->full)
		printf("%-45s %-45s %-33s ST S  V E Created             Phase2\n", "Source", "Destination", "Cookies");
	else
		printf("%-22s %-33s Created\n", "Destination", "Cookies");
	json_array_foreach (json_object_get(o, "ike"), i, ike)
		show_ike(f, ike);
	json_decref(o);
	return KEYDCTL_DONE;
}

/* "isakmp", or one of setkey's: esp, ah, ipsec; nothing: isakmp. 0: it is none of them (told). */
static char protocol(const struct front *f, int argc, char **argv)
{
	static const char *const names[] = { "isakmp", "esp", "ah", "ipsec" };

	if (!argc)
		return 'i';
	for (size_t i = 0; i < N(names); i++)
		if (!strcmp(argv[0], names[i]))
			return i ? 's' : 'i';
	front_fail(f, 0, "isakmp, esp, ah or ipsec is expected, and not \"%s\"", argv[0]);
	return 0;
}

static int show_sa(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	char p = protocol(f, argc, argv);

	(void)v;
	return !p ? KEYDCTL_USAGE : p == 'i' ? show_isakmp(f) : front_become(f, "setkey", WORDS("-D"), 0, NULL);
}

static int flush_sa(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	char p = protocol(f, argc, argv);

	(void)v;
	if (!p)
		return KEYDCTL_USAGE;
	return p == 'i' ? front_become(f, "keydctl", WORDS("down", "--all"), 0, NULL) :
			  front_become(f, "setkey", WORDS("-F"), 0, NULL);
}

/* --- one SA: "isakmp inet SRC DST", "esp inet SRC/LEN/PORT DST/LEN/PORT PROTO" --- */

/* The address of the peer: the last or the one before the protocol, without prefix and port. NULL: not to be seen (told). */
static const char *peer_of(const struct front *f, const struct front_verb *v, int argc, char **argv, char *buf, size_t n)
{
	unsigned family = argc > 1 && (!strcmp(argv[1], "inet") || !strcmp(argv[1], "inet6"));
	int at = 2 + (int)family;

	if (argc <= at || !protocol(f, argc, argv)) {
		front_fail(f, 0, "usage: %s %.*s", v->name, (int)strcspn(v->help, "\t"), v->help);
		return NULL;
	}
	snprintf(buf, n, "%.*s", (int)strcspn(argv[at], "/["), argv[at]);
	return buf;
}

static int establish_sa(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	char peer[128];

	for (; argc && argv[0][0] == '-'; argc--, argv++)
		if (argc > 1 && argv[0][1] != 'w') {	/* -u USER, -n SECTION: the configuration says it */
			argc--;
			argv++;
		}
	if (!peer_of(f, v, argc, argv, peer, sizeof(peer)))
		return KEYDCTL_USAGE;
	return front_become(f, "keydctl", strcmp(argv[0], "isakmp") ? WORDS("up", peer) : WORDS("up", "--ike", peer), 0, NULL);
}

static int delete_sa(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	char peer[128];

	if (!peer_of(f, v, argc, argv, peer, sizeof(peer)))
		return KEYDCTL_USAGE;
	return front_become(f, "keydctl", WORDS("down", peer), 0, NULL);
}

static int vpn_connect(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[0], "-u")) {	/* whom the section names is who we are */
		argc -= 2;
		argv += 2;
	}
	if (argc != 1)
		return front_fail(f, KEYDCTL_USAGE, "usage: %s %.*s", v->name, (int)strcspn(v->help, "\t"), v->help);
	return front_become(f, "keydctl", v->with, argc, argv);
}

/* Whose identity that is. */
static int logout_user(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	char remote[128] = "";
	json_t *o, *ike;
	int code;
	size_t i;

	if (argc != 1)
		return front_fail(f, KEYDCTL_USAGE, "usage: %s USER", v->name);
	o = front_status(f, &code);
	if (!o)
		return code;
	json_array_foreach (json_object_get(o, "ike"), i, ike)
		if (!strcmp(front_text(ike, "remote_id"), argv[0]) || !strcmp(front_text(ike, "user"), argv[0]))
			snprintf(remote, sizeof(remote), "%s", front_text(ike, "remote"));
	json_decref(o);
	if (!*remote)
		return front_fail(f, KEYDCTL_FAILED, "nobody who is called \"%s\" has an IKE SA", argv[0]);
	return front_become(f, "keydctl", WORDS("down", remote), 0, NULL);
}

static const struct front_verb verbs[] = {
	{ "reload-config", "rc", front_keydctl, WORDS("reload"), "\tread the configuration again" },
	{ "show-sa", "ss", show_sa, NULL, "[isakmp|esp|ah|ipsec]\tIKE SAs, or what setkey -D shows" },
	{ "flush-sa", "fs", flush_sa, NULL, "[isakmp|esp|ah|ipsec]\tend all IKE SAs, or remove the kernel's SAs" },
	{ "delete-sa", "ds", delete_sa, NULL, "isakmp|esp [inet|inet6] SRC DST\tend the IKE SA with DST" },
	{ "establish-sa", "es", establish_sa, NULL, "[-w] isakmp|esp [inet|inet6] SRC DST\tnegotiate with DST" },
	{ "vpn-connect", "vc", vpn_connect, WORDS("up"), "[-u USER] GATEWAY\tnegotiate, and wait for it" },
	{ "vpn-disconnect", "vd", vpn_connect, WORDS("down"), "GATEWAY\tend it" },
	{ "logout-user", "lu", logout_user, NULL, "USER\tend the IKE SA of whoever is called so" },
	{ "show-event", "se", front_keydctl, WORDS("watch"), "\tprint events as they come" },
	{ "show-schedule", "sc", front_not, NULL, "keyd shows no timers; 'keydctl status' says when keys are renewed" },
	{ "get-cert", "gc", front_not, NULL, "the peer's certificate is not shown; 'keydctl explain PEER' tells of it" },
};

int main(int argc, char **argv)
{
	struct front f = { .name = "racoonctl", .socket = GAPLESS_RUN "/keyd.sock" };
	const struct front_verb *v;
	int c;

	while ((c = getopt(argc, argv, "+lds:hV")) != -1) {
		if (c == 'l')
			f.full = true;
		else if (c == 's')
			f.socket = optarg;
		else if (c == 'V')
			return puts("racoonctl (gapless) " GAPLESS_VERSION), KEYDCTL_DONE;
		else if (c != 'd')
			return front_usage(&f, verbs, N(verbs), "[-l] [-s socket]", c == 'h' ? stdout : stderr);
	}
	if (optind == argc)
		return front_usage(&f, verbs, N(verbs), "[-l] [-s socket]", stderr);
	v = front_find(verbs, N(verbs), argv[optind]);
	if (!v)
		return front_fail(&f, KEYDCTL_USAGE, "there is no command \"%s\": racoonctl -h lists them", argv[optind]);
	return v->run(&f, v, argc - optind - 1, argv + optind + 1);
}
