// SPDX-License-Identifier: MIT
/* The command line as a table: what was written, what it means or the sentence that refuses it. */
#include "setkey/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "setkey/complete.h"

/* What was understood, in a few words. */
static void describe(const struct options *opt, char *buf, size_t n)
{
	static const char *const jobs[JOBS] = { "none", "commands", "file", "sync", "check", "dump", "script", "flush", "monitor",
						"help", "version" };
	const struct { bool on; const char *name; } flags[] = {
		{ opt->policies, "policies" }, { opt->sas, "sas" }, { opt->parse_only, "parse-only" }, { opt->forever, "forever" },
		{ opt->hex, "hex" }, { opt->json, "json" }, { opt->keys, "keys" }, { opt->apply.dump.all, "all" },
		{ opt->apply.dump.ports, "ports" }, { opt->apply.errexit, "errexit" }, { opt->apply.kernel_mode, "kernel" },
		{ opt->apply.verbose, "verbose" }, { opt->stamps > 1, "unix-time" },
	};
	size_t len = (size_t)snprintf(buf, n, "%s", jobs[opt->job]);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].on)
			len += (size_t)snprintf(buf + len, n - len, " %s", flags[i].name);
	if (opt->file)
		len += (size_t)snprintf(buf + len, n - len, " file=%s", opt->file);
	if (opt->backend)
		len += (size_t)snprintf(buf + len, n - len, " backend=%s", opt->backend);
	if (opt->drain_ms != 1000)
		snprintf(buf + len, n - len, " drain=%u", opt->drain_ms);
}

/* "!": refused, and the sentence begins like that */
static const struct { const char *line, *want; } cases[] = {
	/* As it always was */
	{ "-c", "commands" },
	{ "-f x", "file file=x" },
	{ "-fx", "file file=x" },
	{ "-f -", "file file=-" },
	{ "-nvf x", "file parse-only verbose file=x" },
	{ "-k -f x", "file kernel file=x" },
	{ "-kr -f x", "file file=x" },
	{ "-rk -c", "commands kernel" },
	{ "-D", "dump" },
	{ "-DP", "dump policies" },
	{ "-PD", "dump policies" },
	{ "-D -P -p", "dump policies ports" },
	{ "-DPp", "dump policies ports" },
	{ "-aD", "dump all" },
	{ "-lD", "dump forever" },
	{ "-Dl -P", "dump policies forever" },
	{ "-F", "flush" },
	{ "-FP", "flush policies" },
	{ "-PF", "flush policies" },
	{ "-nF", "flush parse-only" },
	{ "-pF", "flush ports" },
	{ "-x", "monitor" },
	{ "-xx", "monitor unix-time" },
	{ "-x -x", "monitor unix-time" },
	{ "-H -x", "monitor hex" },
	{ "-xH", "monitor hex" },
	{ "-V", "version" },
	{ "-h", "help" },
	{ "-?", "help" },
	{ "-D -D", "dump" },

	/* And what is new */
	{ "-e -f x", "file errexit file=x" },
	{ "--errexit -f x", "file errexit file=x" },
	{ "--backend xfrm -D", "dump backend=xfrm" },
	{ "--backend=pfkey -D", "dump backend=pfkey" },
	{ "-j -DP", "dump policies json" },
	{ "-D --json --keys", "dump json keys" },
	{ "-x -j", "monitor json" },
	{ "--sync x", "sync file=x" },
	{ "--sync -", "sync file=-" },
	{ "--sync x --drain 0", "sync file=x drain=0" },
	{ "--sync x -n", "sync parse-only file=x" },
	{ "--check x", "check file=x" },
	{ "--check -f x", "check file=x" },
	{ "--check --sync x -j", "check json file=x" },
	{ "x --check", "check file=x" },
	{ "--dump-script", "script policies sas" },
	{ "--dump-script -D", "script sas" },
	{ "-DP --dump-script", "script policies" },
	{ "-P --dump-script", "script policies" },
	{ "--help", "help" },
	{ "--version", "version" },

	/* What cannot be meant */
	{ "", "!" },
	{ "-q", "!unknown option `-q'" },
	{ "-Dq", "!unknown option `-q'" },
	{ "--quiet", "!unknown option `--quiet'" },
	{ "--json=x", "!`--json=x'" },
	{ "-f", "!`-f' wants" },
	{ "--sync", "!`--sync' wants" },
	{ "--backend", "!`--backend' wants" },
	{ "--sync --drain 0 x", "!--sync wants a file behind it, not `--drain'" },
	{ "-v", "!what is to be done?" },
	{ "-P", "!what is to be done?" },
	{ "x", "!what is `x'?" },
	{ "-D x", "!what is `x'?" },
	{ "-f x y", "!what is `y'?" },
	{ "-D -F", "!-D and -F are two things to do" },
	{ "-c -f x", "!-c and -f are two things to do" },
	{ "-f x --sync y", "!-f and --sync are two things to do" },
	{ "-x --dump-script", "!-x and --dump-script are two things to do" },
	{ "-f x -f y", "!two files, `x' and `y'" },
	{ "--check -f x y", "!two files, `x' and `y'" },
	{ "--check", "!--check of which file?" },
	{ "--check -D", "!--check is about a file" },
	{ "--check -c", "!--check is about a file" },
	{ "-l", "!what is to be done?" },
	{ "-lF", "!-l goes with -D" },
	{ "-lx", "!-l goes with -D" },
	{ "-jc", "!--json goes with" },
	{ "-jf x", "!--json goes with" },
	{ "-jF", "!--json goes with" },
	{ "-j --sync x", "!--json goes with" },
	{ "-j --dump-script", "!--json goes with" },
	{ "-jlD", "!--json shows everything once" },
	{ "-jHx", "!--json and -H" },
	{ "-D --keys", "!--keys goes with --json" },
	{ "-D --drain 5", "!--drain goes with --sync" },
	{ "--sync x --drain", "!`--drain' wants" },
	{ "--sync x --drain -1", "!--drain wants milliseconds" },
	{ "--sync x --drain 5s", "!--drain wants milliseconds" },
	{ "--sync x --drain 99999999999999999999", "!--drain wants milliseconds" },
	{ "--check x -n", "!-n looks at the file alone" },
};

static void read_line(const char *line, char *got, size_t n)
{
	char copy[128], why[256], *argv[16] = { (char[]){ "setkey" } }, *rest = copy, *word;
	struct options opt;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " ")))
		if (*word)
			argv[argc++] = word;
	if (options_read(&opt, argc, argv, why, sizeof(why)))
		snprintf(got, n, "!%s", why);
	else
		describe(&opt, got, n);
}

static void test_table(void **state)
{
	unsigned int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want = cases[i].want;
		bool prefix = want[0] == '!' && want[1];
		char got[300];

		read_line(cases[i].line, got, sizeof(got));
		if (prefix ? strncmp(got, want, strlen(want)) : strcmp(got, want)) {
			bad++;
			print_error("setkey %s\n  want %s\n  have %s\n", cases[i].line, want, got);
		}
	}
	assert_int_equal(bad, 0);
}

/* Each option of the table is in the help, and a line of it fits a wide terminal. */
static void test_help(void **state)
{
	static const char *const all[] = { "-a ", "-c ", "-e,", "-f ", "-h ", "-H ", "-j,", "-k ", "-l ", "-n ", "-p ", "-r ", "-v ",
		"-x ", "-D", "-F ", "-FP", "-V ", "-xx ", "--errexit", "--json", "--keys", "--drain MS", "--backend", "--sync FILE",
		"--check FILE", "--dump-script" };
	const char *at = options_help, *end;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strstr(options_help, all[i]))
			fail_msg("%s is not in the help", all[i]);
	for (; (end = strchr(at, '\n')); at = end + 1)
		assert_true(end - at <= 112);
}

static void gather(const char *word, void *arg)
{
	strcat(arg, word);
	strcat(arg, " ");
}

/* Completion at a prompt */
static void test_complete(void **state)
{
	static const struct { const char *text; bool begun; const char *want; size_t n; } lines[] = {
		{ "spdd", false, "spddelete spddump ", 4 },
		{ "dump; spdf", false, "spdflush ", 4 },
		{ "spdf", true, "", 4 },
		{ "add a b esp 0x100 -E aes-cb", false, "aes-cbc ", 6 },
		{ "-E 3des", true, "3des-cbc ", 4 },
		{ "-A hmac-m", true, "hmac-md5 ", 6 },
		{ "-C def", true, "deflate ", 3 },
		{ "-A aes-cb", true, "", 6 },
		{ "a b any -P out ips", true, "ipsec ", 3 },
		{ "esp/tun", true, "tunnel ", 3 },
		{ "esp/transport//req", true, "require ", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char got[4096] = "";

		assert_int_equal(complete_word(lines[i].text, strlen(lines[i].text), lines[i].begun, gather, got), lines[i].n);
		assert_string_equal(got, lines[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
