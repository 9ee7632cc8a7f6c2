// SPDX-License-Identifier: MIT
// keydctl token enroll: its options, its files, what it prints.
#include "keyd/ctl/enroll.h"

#include "keyd/crypto/alg.h"
#include "keyd/ctl/enroll_inside.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALL_MS 30000
#define LONG_MS 300000		/* a card may make an RSA key for minutes */
#define STDOUT "-"

enum { OPT_MODULE = 256, OPT_KEY, OPT_ID, OPT_LABEL, OPT_DN, OPT_SAN, OPT_CSR, OPT_CERT, OPT_REPLACE, OPT_PIN_FD, OPT_ADMIN_FD,
       OPT_PINENTRY, OPT_WORKER, OPT_SOCKET, OPT_JSON, OPT_TIMEOUT };

static const struct option longs[] = {
	{ "module", required_argument, NULL, OPT_MODULE },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "id", required_argument, NULL, OPT_ID },
	{ "label", required_argument, NULL, OPT_LABEL },
	{ "dn", required_argument, NULL, OPT_DN },
	{ "san", required_argument, NULL, OPT_SAN },
	{ "csr", required_argument, NULL, OPT_CSR },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "replace", no_argument, NULL, OPT_REPLACE },
	{ "pin-fd", required_argument, NULL, OPT_PIN_FD },
	{ "admin-fd", required_argument, NULL, OPT_ADMIN_FD },
	{ "pinentry", required_argument, NULL, OPT_PINENTRY },
	{ "socket", required_argument, NULL, OPT_SOCKET },	/* as all commands have it; nobody is there who would listen */
	{ "worker", required_argument, NULL, OPT_WORKER },	/* for tests */
	{ "json", no_argument, NULL, OPT_JSON },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int usage(FILE *to)
{
	fputs("usage: keydctl [--json] [--timeout SECONDS] token enroll [TOKEN] [--module FILE] [--id HEX] [--pin-fd N] [--admin-fd N]\n"
	      "               [--pinentry PROGRAM] [--key TYPE] [--label TEXT] [--replace] [--dn DN] [--san NAME]... [--csr FILE]\n"
	      "       keydctl [--json] [--timeout SECONDS] token enroll [TOKEN] [--module FILE] [--id HEX] [--pin-fd N] [--admin-fd N]\n"
	      "               --cert FILE\n"
	      "Makes a key on a token, or takes the one that is there, and writes a request for its certificate;\n"
	      "with --cert, stores the certificate beside the key.\n"
	      "  TOKEN          its label, its serial number or its URI; may be left out if there is only one\n"
	      "  --module FILE  its PKCS#11 module; without, it is an OpenPGP or PIV card in a reader\n"
	      "  --key TYPE     of a new key: p256 (the default), p384, p521, rsa2048, rsa3072, rsa4096\n"
	      "  --id HEX       of the key: 01, 03; OpenPGP: 03 is for authentication; PIV: 01 is 9A, 02 is 9C\n"
	      "  --label TEXT   of a new key; cards keep none\n"
	      "  --replace      make a new key in place of the one that is there, which is lost\n"
	      "  --dn DN        whom the certificate is for: \"C=DE, O=Example, CN=gate\"\n"
	      "  --san NAME     and also for: a host name, an address, a mail address\n"
	      "  --csr FILE     where the request goes (-: standard output, the default)\n"
	      "  --cert FILE    the certificate, in PEM or DER\n"
	      "  --pin-fd N     read the PIN from a descriptor, --admin-fd N: the administrator's PIN, or a PIV card's\n"
	      "                 management key; otherwise they are asked for at the terminal, or by --pinentry PROGRAM\n", to);
	return to == stdout ? KEYDCTL_DONE : KEYDCTL_USAGE;
}

bool enroll_is_asked(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], "token") && !strcmp(argv[i + 1], "enroll"))
			return true;
	return false;
}

int enroll_fail(const struct enroll *e, const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(e->json ? &output_json : &output_text)->result(ENROLL_VERB, false, text, NULL);
	return KEYDCTL_FAILED;
}

int enroll_fail_card(struct enroll *e, int error)
{
	const char *said = e->d->error(e->card);

	return enroll_fail(e, "%s: %s%s%s", e->place, card_strerror(error), *said ? ": " : "", said);
}

/* --- options --- */

static int wrong(const char *what)
{
	fprintf(stderr, "keydctl: \"%s\" is no %s\n", optarg, what);
	return KEYDCTL_USAGE + 1;
}

static int set_id(struct enroll *e)
{
	size_t n = strlen(optarg);

	if (!n || n % 2 || n / 2 > sizeof(e->id) || strspn(optarg, "0123456789abcdefABCDEF") != n)
		return wrong("id: an even number of hexadecimal digits is expected");
	for (size_t i = 0; i < n / 2; i++)
		if (sscanf(optarg + 2 * i, "%2hhx", &e->id[i]) != 1)
			return KEYDCTL_USAGE + 1;
	e->nid = n / 2;
	return 0;
}

static int set_fd(int *fd)
{
	char *end;
	long n = strtol(optarg, &end, 10);

	if (end == optarg || *end || n < 0 || n > 65535)
		return wrong("number of a descriptor");
	*fd = (int)n;
	return 0;
}

static int set_kind(struct enroll *e)
{
	e->kind = crypto_key_kind_by_name(optarg);
	return e->kind ? 0 : wrong("type of keys: p256, p384, p521, rsa2048, rsa3072 and rsa4096 are");
}

static int set_timeout(struct enroll *e)
{
	char *end;
	double seconds = strtod(optarg, &end);

	if (end == optarg || *end || !(seconds > 0 && seconds < 86400))
		return wrong("number of seconds");
	e->call_ms = e->long_ms = (unsigned)(seconds * 1000);
	return 0;
}

/* 0 to go on, or an exit code + 1. */
static int option(struct enroll *e, int c)
{
	switch (c) {
	case OPT_MODULE: e->module = optarg; return 0;
	case OPT_KEY: return set_kind(e);
	case OPT_ID: return set_id(e);
	case OPT_LABEL: e->label = optarg; return 0;
	case OPT_DN: e->dn_text = optarg; return 0;
	case OPT_CSR: e->csr_file = optarg; return 0;
	case OPT_CERT: e->cert_file = optarg; return 0;
	case OPT_REPLACE: e->replace = true; return 0;
	case OPT_PIN_FD: return set_fd(&e->pin_fd);
	case OPT_ADMIN_FD: return set_fd(&e->admin_fd);
	case OPT_PINENTRY: e->pinentry = optarg; return 0;
	case OPT_WORKER: e->worker = optarg; return 0;
	case OPT_SOCKET: return 0;
	case OPT_JSON: e->json = true; return 0;
	case OPT_TIMEOUT: return set_timeout(e);
	case OPT_SAN:
		if (e->nsan == CRYPTO_CSR_NAMES_MAX)
			return wrong("name more: there are too many");
		e->san[e->nsan++] = optarg;
		return 0;
	case 'h': return usage(stdout) + 1;
	default: return usage(stderr) + 1;
	}
}

static int options(struct enroll *e, int argc, char **argv)
{
	int c, r;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		r = option(e, c);
		if (r)
			return r;
	}
	if (argc - optind < 2 || argc - optind > 3)
		return usage(stderr) + 1;
	e->who = argv[optind + 2];
	if (!e->cert_file || (!e->kind && !e->csr_file && !e->dn_text && !e->nsan && !e->replace && !e->label))
		return 0;
	fprintf(stderr, "keydctl: with --cert nothing is made and nothing is asked for: --key, --label, --replace, --dn, --san and --csr "
			"belong to the step before\n");
	return KEYDCTL_USAGE + 1;
}

/* --- files --- */

static int read_certs(struct enroll *e)
{
	static const char too_long[] = "is too long";
	FILE *f = fopen(e->cert_file, "re");
	struct secret room = { 0 };
	const char *why = NULL;
	size_t n;

	if (!f)
		return enroll_fail(e, "%s: %s", e->cert_file, strerror(errno));
	if (secret_alloc(&room, CRYPTO_CERT_FILE_MAX + 1)) {
		fclose(f);
		return enroll_fail(e, "%s: out of memory", e->cert_file);
	}
	n = fread(room.p, 1, room.n, f);
	if (ferror(f))
		why = strerror(errno);
	else if (n > CRYPTO_CERT_FILE_MAX)
		why = too_long;
	else if (secret_set(&e->certs, room.p, n))
		why = "out of memory";
	fclose(f);
	secret_clear(&room);
	return why ? enroll_fail(e, "%s: %s", e->cert_file, why) : 0;
}

static bool to_stdout(const struct enroll *e)
{
	return !e->csr_file || !strcmp(e->csr_file, STDOUT);
}

/* Where no file can be made is known before a key is. */
static int check_folder(struct enroll *e)
{
	const char *slash = e->csr_file ? strrchr(e->csr_file, '/') : NULL;
	char folder[PATH_MAX] = ".";

	if (to_stdout(e))
		return 0;
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash + 1 - e->csr_file), e->csr_file);
	return access(folder, W_OK | X_OK) ? enroll_fail(e, "%s: cannot be made: %s", e->csr_file, strerror(errno)) : 0;
}

static bool write_all(int fd, struct view v)
{
	while (v.n) {
		ssize_t n = write(fd, v.p, v.n);

		if (n < 0 && errno != EINTR)
			return false;
		v.p += n > 0 ? n : 0;
		v.n -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* Under another name until all is in it. */
static int write_request(struct enroll *e, struct view pem)
{
	char *draft;
	int fd, r = 0;

	if (to_stdout(e))
		return 0;
	if (asprintf(&draft, "%s.XXXXXX", e->csr_file) < 0)
		return enroll_fail(e, "out of memory");
	fd = mkstemp(draft);
	if (fd < 0 || !write_all(fd, pem) || fchmod(fd, 0644) || fsync(fd) || rename(draft, e->csr_file))
		r = enroll_fail(e, "%s: cannot be written: %s", e->csr_file, strerror(errno));
	if (r && fd >= 0)
		unlink(draft);
	if (fd >= 0)
		close(fd);
	free(draft);
	return r;
}

/* --- what is printed --- */

/* A URI's query (RFC 7512 2.4), so that the line alone says which module. */
static void add_module(const struct enroll *e, char *uri, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = strlen(uri);

	if (!e->module || !at)
		return;
	at += (size_t)snprintf(uri + at, n - at, "?module-%s=", strchr(e->module, '/') ? "path" : "name");
	for (const char *p = e->module; *p && at + 4 < n; p++) {
		bool plain = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || strchr("/._-", *p);

		if (plain)
			uri[at++] = *p;
		else
			at += (size_t)snprintf(uri + at, n - at, "%%%c%c", hex[(unsigned char)*p >> 4], hex[*p & 15]);
		uri[at] = 0;
	}
}

static void print_json(struct enroll *e, const struct card_key *k, const char *text, const char *word, const char *uri,
		       const struct secret *csr)
{
	char type[32], id[2 * CARD_ID_MAX + 1] = "";
	json_t *last;

	for (size_t i = 0; i < k->nid; i++)
		snprintf(id + 2 * i, 3, "%02x", k->id[i]);
	last = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "token", e->t.label, "serial", e->t.serial, "type",
			 crypto_key_name(k->public, type, sizeof(type)), "id", id, "statement", word, "uri", uri);
	if (last && csr && to_stdout(e))
		json_object_set_new(last, "csr", json_stringn((const char *)csr->p, csr->n));
	output_json.result(ENROLL_VERB, true, text, last);
	json_decref(last);
}

/* word: the statement of keyd.conf that the URI is for. csr: what was written, NULL: a certificate was stored. */
static void tell(struct enroll *e, const struct card_key *k, const char *text, const char *word, const struct secret *csr)
{
	FILE *to = csr && to_stdout(e) ? stderr : stdout;
	struct card_token t = e->t;
	char uri[CARD_URI_MAX + 2 * 256];

	/* A card's label may be out of its certificate, and becomes another one with that. */
	if (enroll_is_native(e))
		t.label[0] = 0;
	card_uri_format(&t, k, uri, CARD_URI_MAX);
	add_module(e, uri, sizeof(uri));
	if (e->json) {
		print_json(e, k, text, word, uri, csr);
		return;
	}
	if (csr && to_stdout(e)) {
		fwrite(csr->p, 1, csr->n, stdout);
		fflush(stdout);
	}
	fprintf(to, "%s\nin keyd.conf: %s %s\n", text, word, uri);
}

/* --- what is done --- */

static int request(struct enroll *e)
{
	char text[CARD_TEXT_MAX + 4500], name[32];
	struct secret pem = { 0 };
	struct card_key *k;
	bool made = false;
	int r = enroll_names(e);

	if (!r)
		r = check_folder(e);
	if (!r)
		r = enroll_key(e, &k, &made);
	if (!r)
		r = enroll_request(e, k, &pem);
	if (!r)
		r = write_request(e, secret_view(&pem));
	if (!r) {
		snprintf(text, sizeof(text), "%s: %s %s; the request is %s%s", e->place,
			 crypto_key_name(k->public, name, sizeof(name)), made ? "key made" : "key that was there",
			 to_stdout(e) ? "above" : "in ", to_stdout(e) ? "" : e->csr_file);
		tell(e, k, text, "key", &pem);
	}
	secret_clear(&pem);
	return r;
}

static int store(struct enroll *e)
{
	char text[CARD_TEXT_MAX + 100], name[32];
	struct card_key *k;
	int r = enroll_store(e, &k);

	if (r)
		return r;
	snprintf(text, sizeof(text), "%s: the certificate of its %s key is stored", e->place,
		 crypto_key_name(k->public, name, sizeof(name)));
	tell(e, k, text, "cert", NULL);
	return 0;
}

static void enroll_free(struct enroll *e)
{
	card_keys_free(&e->keys);
	card_pin_free(e->pin);
	card_pin_free(e->admin);
	secret_clear(&e->certs);
	if (e->card)
		e->d->close(e->card);
}

int enroll_main(int argc, char **argv)
{
	static struct enroll e = { .pin_fd = -1, .admin_fd = -1, .call_ms = CALL_MS, .long_ms = LONG_MS };
	int r = options(&e, argc, argv);

	if (r)
		return r - 1;
	e.pinentry_usual = getenv("GAPLESS_PINENTRY");
	if (e.pinentry_usual && !*e.pinentry_usual)
		e.pinentry_usual = NULL;
	if (crypto_init())
		return enroll_fail(&e, "OpenSSL cannot be used");
	r = e.cert_file ? read_certs(&e) : 0;
	if (!r)
		r = enroll_find(&e);
	if (!r)
		r = e.cert_file ? store(&e) : request(&e);
	enroll_free(&e);
	crypto_exit();
	return r;
}
