// SPDX-License-Identifier: MIT
// What racoonctl and ipsec share: tables of verbs, the programs beside them, keyd's status.
#include "keyd/front/front.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER 10.0			/* seconds */

int front_fail(const struct front *f, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", f->name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return code;
}

const struct front_verb *front_find(const struct front_verb *verbs, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(verbs[i].name, name) || (verbs[i].alias && !strcmp(verbs[i].alias, name)))
			return &verbs[i];
	return NULL;
}

int front_usage(const struct front *f, const struct front_verb *verbs, unsigned n, const char *options, FILE *to)
{
	fprintf(to, "usage: %s %s command [argument...]\n", f->name, options);
	for (unsigned i = 0; i < n; i++) {
		int args = (int)strcspn(verbs[i].help, "\t");
		char left[128];

		snprintf(left, sizeof(left), "%s%s%s %.*s", verbs[i].name, verbs[i].alias ? ", " : "",
			 verbs[i].alias ?: "", args, verbs[i].help);
		if (verbs[i].run != front_not)
			fprintf(to, "  %-52s %s\n", left, verbs[i].help + args + (verbs[i].help[args] == '\t'));
	}
	return to == stdout ? KEYDCTL_DONE : KEYDCTL_USAGE;
}

/* The name of a program beside ours, into path[n]. */
static bool beside(const char *program, char *path, size_t n)
{
	char own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	if (len <= 0)
		return false;
	own[len] = 0;
	slash = strrchr(own, '/');
	return slash && (size_t)snprintf(path, n, "%.*s/%s", (int)(slash - own), own, program) < n;
}

int front_become(const struct front *f, const char *program, const char *const *with, int argc, char **argv)
{
	char path[PATH_MAX + 32];
	const char *args[FRONT_ARGS_MAX + 4] = { program };
	unsigned n = 1;

	if (!strcmp(program, "keydctl")) {
		args[n++] = "--socket";
		args[n++] = f->socket;
	}
	for (; with && *with && n < FRONT_ARGS_MAX; with++)
		args[n++] = *with;
	for (int i = 0; i < argc && n < FRONT_ARGS_MAX; i++)
		args[n++] = argv[i];
	if (n == FRONT_ARGS_MAX)
		return front_fail(f, KEYDCTL_USAGE, "too many words");
	if (!beside(program, path, sizeof(path)))
		return front_fail(f, KEYDCTL_FAILED, "%s is not found: is /proc mounted?", program);
	execv(path, (char **)(uintptr_t)args);
	return front_fail(f, KEYDCTL_FAILED, "%s cannot be started: %s", path, strerror(errno));
}

int front_keydctl(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	return front_become(f, "keydctl", v->with, argc, argv);
}

int front_setkey(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	return front_become(f, "setkey", v->with, argc, argv);
}

int front_not(const struct front *f, const struct front_verb *v, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return front_fail(f, KEYDCTL_USAGE, "%s: %s", v->name, v->help);
}

json_t *front_status(const struct front *f, int *code)
{
	struct ctl_conn c;
	json_t *o = NULL;
	int error;

	*code = ctl_conn_open(&c, f->socket);
	if (!*code) {
		error = ctl_conn_send(&c, json_pack("{s:s}", "cmd", "status"));
		o = error ? NULL : ctl_conn_read(&c, ctl_clock() + ANSWER, &error);
		if (!o)
			*code = front_fail(f, KEYDCTL_FAILED, "keyd gives no answer: %s", strerror(-error));
		else if (!json_is_true(json_object_get(o, "ok"))) {
			*code = front_fail(f, KEYDCTL_FAILED, "%s", front_text(o, "error"));
			json_decref(o);
			o = NULL;
		}
	}
	ctl_conn_close(&c);
	return o;
}

const char *front_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

long long front_number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}
