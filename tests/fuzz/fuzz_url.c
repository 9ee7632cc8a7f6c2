// SPDX-License-Identifier: MIT
// URLs out of certificates, and where servers lead: the first line is the URL, the second a Location.
#include "keyd/fetch/url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken is written so that it is taken for the same again, and no byte of it ends a line of a request. */
static void same_again(const struct url *u)
{
	char text[URL_STRLEN];
	struct url again;
	const char *why;

	url_format(u, text, sizeof(text));
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			abort();
	if (strlen(text) > URL_MAX)
		return;
	if (url_parse(&again, (struct view){ (const uint8_t *)text, strlen(text) }, &why) || again.port != u->port ||
	    strcmp(again.host, u->host) != 0 || strcmp(again.path, u->path) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	size_t n = line ? (size_t)(line - data) : size, rest = line ? size - n - 1 : 0;
	char location[4096];
	const char *why = NULL;
	struct url u;

	if (url_parse(&u, (struct view){ data, n }, &why)) {
		if (!why)
			abort();
		return 0;
	}
	same_again(&u);
	if (rest >= sizeof(location))
		return 0;
	if (rest)
		memcpy(location, line + 1, rest);
	location[rest] = 0;
	if (!url_follow(&u, &u, location, &why))
		same_again(&u);
	return 0;
}
