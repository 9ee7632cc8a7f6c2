// SPDX-License-Identifier: MIT
// Programs of the pinentry family, those that misbehave among them: each is a script that is written here.
#include "keyd/ctl/client.h"
#include "keyd/ctl/pinentry.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define GREET "echo OK hello; "
/* Answers OK to all, and what is in $pin to GETPIN; writes down what it was told. */
#define LOOP_HEAD GREET "while read -r line; do echo \"$line\" >>$0.log; case $line in GETPIN) "
#define LOOP_TAIL ";; BYE) exit;; *) echo OK;; esac; done"
#define LOOP(answer) LOOP_HEAD answer LOOP_TAIL

static char dir[] = "/tmp/test_pinentry.XXXXXX", script[64], why[200], pin[64];

static int ask(const char *text, const char *error)
{
	struct pinentry_question q = { "gapless", "PIN of token \"100%\"\nsecond line", "PIN:", error };
	FILE *f = fopen(script, "w");
	char log[80];

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	assert_int_equal(fchmod(fileno(f), 0700), 0);
	assert_int_equal(fclose(f), 0);
	snprintf(log, sizeof(log), "%s.log", script);
	unlink(log);
	memset(pin, 'x', sizeof(pin));
	return pinentry_ask(script, &q, pin, sizeof(pin), why, sizeof(why));
}

static void typed(void **state)
{
	static const struct {
		const char *answer, *pin;
	} cases[] = {
		{ "echo 'D 1234'; echo OK", "1234" },
		{ "echo 'D a%25b%2e c'; echo OK done", "a%b. c" },
		{ "echo 'S NEEDPIN'; echo '# a comment'; echo 'D 12'; echo 'D 34'; echo OK", "1234" },
		{ "printf 'D 1234\\r\\nOK\\r\\n'", "1234" },
		{ "printf 'D 12'; sleep 0.1; printf '34\\nO'; sleep 0.1; echo K", "1234" },
		{ "echo 'D \303\244'; echo OK", "\303\244" },
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "%s%s%s", LOOP_HEAD, cases[i].answer, LOOP_TAIL);
		assert_int_equal(ask(text, NULL), PINENTRY_OK);
		assert_string_equal(pin, cases[i].pin);
	}
}

/* What is said to it: no byte of the description ends a line, and what was wrong is told. */
static void told(void **state)
{
	char log[4096] = "", name[80];
	int fd;

	(void)state;
	assert_int_equal(ask(LOOP("echo 'D 1'; echo OK"), "wrong, 1 try is left"), PINENTRY_OK);
	snprintf(name, sizeof(name), "%s.log", script);
	fd = open(name, O_RDONLY);
	assert_true(fd >= 0 && read(fd, log, sizeof(log) - 1) > 0);
	close(fd);
	assert_non_null(strstr(log, "SETTITLE gapless\n"));
	assert_non_null(strstr(log, "SETDESC PIN of token \"100%25\"%0Asecond line\n"));
	assert_non_null(strstr(log, "SETPROMPT PIN:\n"));
	assert_non_null(strstr(log, "SETERROR wrong, 1 try is left\n"));
	assert_non_null(strstr(log, "OPTION ttytype=test\n"));
	assert_non_null(strstr(log, "GETPIN\nBYE\n"));
	assert_int_equal(ask(LOOP("echo 'D 1'; echo OK"), NULL), PINENTRY_OK);
	fd = open(name, O_RDONLY);
	memset(log, 0, sizeof(log));
	assert_true(fd >= 0 && read(fd, log, sizeof(log) - 1) > 0);
	close(fd);
	assert_null(strstr(log, "SETERROR"));
}

/* Options are for those who know them. */
static void options_refused(void **state)
{
	(void)state;
	assert_int_equal(ask(GREET "while read -r line; do case $line in OPTION*) echo ERR 83886254 Unknown option;; "
			     "GETPIN) echo D 7; echo OK;; *) echo OK;; esac; done", NULL), PINENTRY_OK);
	assert_string_equal(pin, "7");
}

static void nobody_types(void **state)
{
	(void)state;
	assert_int_equal(ask(LOOP("echo 'ERR 83886179 Operation cancelled <Pinentry>'"), NULL), PINENTRY_CANCELLED);
	assert_int_equal(ask(LOOP("echo OK"), NULL), PINENTRY_CANCELLED);
	assert_int_equal(ask(LOOP("echo 'INQUIRE QUALITY x'; read -r line; echo ERR 99"), NULL), PINENTRY_CANCELLED);
}

static void misbehaving(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "exit 0", "it has ended" },
		{ GREET "exit 1", "it has ended" },
		{ "head -c 5000 /dev/zero | tr '\\0' x", "its answer is too long" },
		{ GREET "yes '# comment'", "it talks too much" },
		{ LOOP("yes S"), "it talks too much" },
		{ LOOP("echo 'ERR 1 no'"), "it refuses to ask" },
		{ "echo ERR 1 no", "it refuses to ask" },
		{ LOOP("echo 'D 1%'; echo OK"), "what was typed" },
		{ LOOP("echo 'D 1%0'; echo OK"), "what was typed" },
		{ LOOP("echo 'D 1%zz'; echo OK"), "what was typed" },
		{ LOOP("echo 'D 1%002'; echo OK"), "what was typed" },
		{ LOOP("printf 'D 1\\0002\\nOK\\n'"), "NUL" },
		{ LOOP("echo 'D 0123456789012345678901234567890123456789012345678901234567890123'; echo OK"), "what was typed" },
		{ LOOP("while :; do echo D 123; done"), "what was typed" },
		{ LOOP("echo 'D 1234'; exit"), "it has ended" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (ask(cases[i].text, NULL) != PINENTRY_FAILED || !strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].text, why);
		for (size_t k = 0; k < sizeof(pin); k++)
			assert_int_equal(pin[k], 0);	/* half a PIN is not left behind */
	}
	assert_int_equal(pinentry_ask("/nonexistent/pinentry", &(struct pinentry_question){ "", "", "", NULL }, pin, sizeof(pin), why,
				      sizeof(why)), PINENTRY_FAILED);
}

/* Who does not go is ended. */
static void lingering(void **state)
{
	double before = ctl_clock();

	(void)state;
	assert_int_equal(ask("trap '' TERM HUP; " GREET "while read -r line; do case $line in GETPIN) echo D 1; echo OK; exec sleep 1000;; "
			     "*) echo OK;; esac; done", NULL), PINENTRY_OK);
	assert_string_equal(pin, "1");
	assert_true(ctl_clock() - before < 30);
}

static int setup(void **state)
{
	(void)state;
	setenv("TERM", "test", 1);
	snprintf(script, sizeof(script), "%s/pinentry", mkdtemp(dir) ?: "");
	return *script == '/' && script[1] == 't' ? 0 : -1;
}

static int teardown(void **state)
{
	char log[80];

	(void)state;
	snprintf(log, sizeof(log), "%s.log", script);
	unlink(log);
	unlink(script);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typed),	cmocka_unit_test(told),	       cmocka_unit_test(options_refused),
		cmocka_unit_test(nobody_types), cmocka_unit_test(misbehaving), cmocka_unit_test(lingering),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
