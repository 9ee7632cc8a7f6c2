// SPDX-License-Identifier: MIT
/*
 * Reads JSON, a value in each line, and prints parts of it, so that tests need no other JSON tool.
 *
 *	json [PATH]...
 *
 * A path is keys and array indexes with dots between ("ike.0.children.1.mode"); "ike.#" is how many there are. For each
 * line the parts are printed in one line, with blanks between and "-" for what is not there. Exit code 1, and the place,
 * at the first line that is no JSON object.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *step(json_t *at, const char *key)
{
	return json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10)) : json_object_get(at, key);
}

static void show(json_t *v)
{
	char *text;

	if (!v || json_is_string(v)) {
		fputs(v ? json_string_value(v) : "-", stdout);
		return;
	}
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	fputs(text ? text : "-", stdout);
	free(text);
}

static void show_path(json_t *at, const char *path)
{
	char copy[256], *rest = copy, *key;

	snprintf(copy, sizeof(copy), "%s", path);
	while (at && (key = strsep(&rest, "."))) {
		if (!strcmp(key, "#")) {
			printf("%zu", json_is_array(at) ? json_array_size(at) : json_object_size(at));
			return;
		}
		at = step(at, key);
	}
	show(at);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	unsigned int lines = 0;

	while (getline(&line, &room, stdin) > 0) {
		json_error_t e;
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &e);

		lines++;
		if (!json_is_object(o)) {
			fprintf(stderr, "json: line %u: %s\n", lines, o ? "not an object" : e.text);
			return 1;
		}
		for (int i = 1; i < argc; i++) {
			show_path(o, argv[i]);
			putchar(i + 1 < argc ? ' ' : '\n');
		}
		json_decref(o);
	}
	free(line);
	if (!lines)
		fputs("json: there is nothing to read\n", stderr);
	return lines ? 0 : 1;
}
