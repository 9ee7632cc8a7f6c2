// SPDX-License-Identifier: MIT
// Log lines: levels, escaping, length, prefix.
#include "keyd/util/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int saved, fds[2];

/* From here on what is logged goes into a pipe. */
static int capture(void **state)
{
	(void)state;
	saved = dup(STDERR_FILENO);
	return saved < 0 || pipe(fds) || dup2(fds[1], STDERR_FILENO) < 0;
}

static int release(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[0]);
	return close(fds[1]);
}

/* What was logged since the last call; a mark at the end makes the read return when there is nothing. */
static const char *logged(void)
{
	static char buf[8192];
	ssize_t n;

	assert_int_equal(write(fds[1], "$", 1), 1);
	n = read(fds[0], buf, sizeof(buf) - 1);
	assert_true(n > 0 && buf[n - 1] == '$');
	buf[n - 1] = 0;
	return buf;
}

static void journal_prefix(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_open("keyd[ike]", LOG_TARGET_STDERR, LOG_LEVEL_DEBUG);
	log_error("a=%d", 1);
	assert_string_equal(logged(), "<3>keyd[ike]: a=1\n");
	log_debug("x");
	assert_string_equal(logged(), "<7>keyd[ike]: x\n");
}

static void levels(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_open("k", LOG_TARGET_STDERR, LOG_LEVEL_WARNING);
	assert_true(log_wants(LOG_LEVEL_WARNING));
	assert_false(log_wants(LOG_LEVEL_NOTICE));
	log_notice("no");
	log_info("no");
	assert_string_equal(logged(), "");
	log_level_set(LOG_LEVEL_INFO);
	log_info("yes");
	assert_string_equal(logged(), "<6>k: yes\n");
	assert_int_equal(log_level_by_name("Debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_by_name("loud"), -1);
}

static void escapes(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_open("k", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	log_line(LOG_LEVEL_INFO, "a\nb\x1b[2J\x7f" "c");
	assert_string_equal(logged(), "<6>k: a\\x0ab\\x1b[2J\\x7fc\n");
	log_info("100%% %s", "%n");
	assert_string_equal(logged(), "<6>k: 100% %n\n");
}

static void long_lines_are_cut(void **state)
{
	char text[5000];
	const char *out;

	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_open("k", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	log_line(LOG_LEVEL_INFO, text);
	out = logged();
	assert_in_range(strlen(out), 1990, 2010);
	assert_int_equal(out[strlen(out) - 1], '\n');
}

static void terminal_prefix(void **state)
{
	const char *out;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_open("k", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	log_warning("w");
	out = logged();
	assert_int_equal(out[2], ':');
	assert_string_equal(out + strlen("00:00:00.000"), " k: warning: w\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(journal_prefix, capture, release),
		cmocka_unit_test_setup_teardown(levels, capture, release),
		cmocka_unit_test_setup_teardown(escapes, capture, release),
		cmocka_unit_test_setup_teardown(long_lines_are_cut, capture, release),
		cmocka_unit_test_setup_teardown(terminal_prefix, capture, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
