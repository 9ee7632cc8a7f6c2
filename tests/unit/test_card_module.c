// SPDX-License-Identifier: MIT
// Which modules p11-kit's configuration lists for us.
#include "keyd/card/module.h"

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

static char dir[] = "/tmp/gapless-modules.XXXXXX", local[64], package[64];

static void put(const char *folder, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int fresh(void **state)
{
	(void)state;
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(local, sizeof(local), "%s/local", dir);
	snprintf(package, sizeof(package), "%s/package", dir);
	return mkdir(local, 0700) || mkdir(package, 0700);
}

static int clean(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* All names, with a blank after each. */
static void lists(unsigned room, const char *wanted)
{
	char names[8][CARD_MODULE_NAME_MAX], all[1024] = "";
	unsigned n = card_modules_in(local, package, names, room);

	for (unsigned i = 0; i < n; i++)
		strcat(strcat(all, names[i]), " ");
	assert_string_equal(all, wanted);
}

static void what_is_listed(void **state)
{
	(void)state;
	lists(8, "");
	put(package, "softhsm2.module", "# how to load it\n\n  module : /usr/lib/softhsm/libsofthsm2.so\r\n");
	put(package, "opensc.module", "module: opensc-pkcs11.so");
	put(package, "trust.module", "module: p11-kit-trust.so\ntrust-policy: yes\n");
	put(package, "nothing.module", "# module: x.so\nmodule:\n");
	put(package, "README", "module: x.so\n");
	put(package, ".module", "module: x.so\n");
	lists(8, "opensc softhsm2 ");
	lists(1, "opensc ");
	put(local, "vendor.module", "module: /opt/vendor.so\n");
	lists(8, "vendor opensc softhsm2 ");
	/* The administrator has the last word. */
	put(local, "softhsm2.module", "disable-in: firefox, keyd\n");
	lists(8, "vendor opensc ");
	put(local, "softhsm2.module", "enable-in: firefox ssh\n");
	put(local, "opensc.module", "enable-in: ssh,keydctl\n");
	lists(8, "opensc vendor ");
	put(local, "opensc.module", "module:\n");
	lists(8, "vendor ");
}

static void strange_files(void **state)
{
	static char text[5000], name[200];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	memcpy(name + 180, ".module", 8);
	put(package, name, "module: x.so\n");
	memset(text, 'm', sizeof(text) - 1);
	put(package, "long.module", text);
	put(package, "colons.module", ":::\n: module\nmodule\n:");
	assert_int_equal(symlink("/nowhere", strcat(strcpy(name, package), "/gone.module")), 0);
	lists(8, "");
	assert_int_equal(card_modules_in("/nowhere", package, NULL, 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_listed, fresh, clean),
		cmocka_unit_test_setup_teardown(strange_files, fresh, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
