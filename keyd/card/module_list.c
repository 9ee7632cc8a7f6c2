// SPDX-License-Identifier: MIT
// The PKCS#11 modules that p11-kit's configuration of the system lists (pkcs11.conf(5)), without loading any.
#include "keyd/card/module.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".module"
#define LINES_MAX 1000			/* of a file */
#define VALUE_MAX 1000			/* bytes of a line */

/* What files say of one module. */
struct fields {
	bool named, trust, excluded, chosen, choice;
};

/* Whether one of these words, separated by blanks or commas, is a program of ours. */
static bool names_us(char *list)
{
	char *rest = NULL;

	for (char *w = strtok_r(list, " \t,", &rest); w; w = strtok_r(NULL, " \t,", &rest))
		if (!strcmp(w, "keyd") || !strcmp(w, "keydctl") || !strcmp(w, "keyd-card"))
			return true;
	return false;
}

static void read_line(char *line, struct fields *f)
{
	char *value = strchr(line, ':');
	char *key = line + strspn(line, " \t");

	if (*key == '#' || !value)
		return;
	*value++ = 0;
	key[strcspn(key, " \t")] = 0;
	value += strspn(value, " \t");
	value[strcspn(value, "\r\n")] = 0;
	if (!strcmp(key, "module")) {
		f->named = *value != 0;
	} else if (!strcmp(key, "trust-policy")) {
		f->trust = !strncmp(value, "yes", 3);
	} else if (!strcmp(key, "disable-in")) {
		f->excluded = names_us(value);
	} else if (!strcmp(key, "enable-in")) {
		f->choice = true;
		f->chosen = names_us(value);
	}
}

static void read_fields(const char *folder, const char *name, struct fields *f)
{
	char line[VALUE_MAX];
	FILE *file = NULL;

	if ((size_t)snprintf(line, sizeof(line), "%s/%s" SUFFIX, folder, name) < sizeof(line))
		file = fopen(line, "re");
	for (unsigned i = 0; file && i < LINES_MAX && fgets(line, sizeof(line), file); i++)
		read_line(line, f);
	if (file)
		fclose(file);
}

/* What the administrator says comes after what the package says, and counts more. Trust modules have no keys. */
static bool is_for_us(const char *local, const char *package, const char *name)
{
	struct fields f = { 0 };

	read_fields(package, name, &f);
	read_fields(local, name, &f);
	return f.named && !f.trust && !f.excluded && (!f.choice || f.chosen);
}

static bool is_in(char (*names)[CARD_MODULE_NAME_MAX], unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* "softhsm2" of "softhsm2.module"; false: it is no such file, or called strangely. */
static bool name_of(const char *file, char name[CARD_MODULE_NAME_MAX])
{
	size_t n = strlen(file), suffix = sizeof(SUFFIX) - 1;

	if (*file == '.' || n <= suffix || n - suffix >= CARD_MODULE_NAME_MAX || strcmp(file + n - suffix, SUFFIX) != 0)
		return false;
	snprintf(name, CARD_MODULE_NAME_MAX, "%.*s", (int)(n - suffix), file);
	return true;
}

unsigned card_modules_in(const char *local, const char *package, char (*names)[CARD_MODULE_NAME_MAX], unsigned room)
{
	const char *const folders[] = { local, package };
	char name[CARD_MODULE_NAME_MAX];
	unsigned n = 0;

	for (size_t i = 0; i < 2; i++) {
		struct dirent **files = NULL;
		int nfiles = scandir(folders[i], &files, NULL, alphasort);

		for (int k = 0; k < nfiles; k++) {
			if (n < room && name_of(files[k]->d_name, name) && !is_in(names, n, name) && is_for_us(local, package, name))
				memcpy(names[n++], name, sizeof(name));
			free(files[k]);
		}
		free(files);
	}
	return n;
}
