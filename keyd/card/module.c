// SPDX-License-Identifier: MIT
// Where a PKCS#11 module is.
#include "keyd/card/module.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef P11_MODULES
#define P11_MODULES "/usr/lib/pkcs11"	/* p11_module_path of p11-kit-1.pc */
#endif
#ifndef P11_CONFIGS
#define P11_CONFIGS "/usr/share/p11-kit/modules"	/* p11_module_configs */
#endif
#define P11_LOCAL "/etc/pkcs11/modules"
#define NAME_MAX_LEN 255
#define LINES_MAX 1000			/* of a file of p11-kit's */

static int in_folder(const char *name, const char *suffix, char *buf, size_t n)
{
	static const char *const folders[] = { P11_MODULES, P11_MODULES "/.." };

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if ((size_t)snprintf(buf, n, "%s/%s%s", folders[i], name, suffix) < n && !access(buf, R_OK))
			return 0;
	return -1;
}

/* The value of "module: FILE" in a file of p11-kit's (pkcs11.conf(5)). */
static int of_config(const char *folder, const char *name, char *buf, size_t n)
{
	char line[2 * NAME_MAX_LEN], file[NAME_MAX_LEN + 1];
	FILE *f;
	int r = -1;

	if ((size_t)snprintf(line, sizeof(line), "%s/%s.module", folder, name) >= sizeof(line))
		return -1;
	f = fopen(line, "re");
	for (unsigned i = 0; f && r && i < LINES_MAX && fgets(line, sizeof(line), f); i++) {
		if (sscanf(line, " module : %255s", file) != 1)
			continue;
		if (*file == '/')
			r = (size_t)snprintf(buf, n, "%s", file) < n && !access(buf, R_OK) ? 0 : -1;
		else
			r = in_folder(file, "", buf, n);
	}
	if (f)
		fclose(f);
	return r;
}

static int find(const char *name, char *buf, size_t n)
{
	return of_config(P11_LOCAL, name, buf, n) && of_config(P11_CONFIGS, name, buf, n) && in_folder(name, ".so", buf, n) ? -1 : 0;
}

int card_module_file(const char *name, char *buf, size_t n)
{
	char longer[NAME_MAX_LEN + 16];

	if (*name == '/')
		return (size_t)snprintf(buf, n, "%s", name) < n ? 0 : -1;
	if (strlen(name) > NAME_MAX_LEN || strchr(name, '/'))
		return -1;
	snprintf(longer, sizeof(longer), "%s-pkcs11", name);
	return find(name, buf, n) && find(longer, buf, n) ? -1 : 0;
}

unsigned card_modules_listed(char (*names)[CARD_MODULE_NAME_MAX], unsigned room)
{
	return card_modules_in(P11_LOCAL, P11_CONFIGS, names, room);
}
