// SPDX-License-Identifier: MIT
// Lines out of a stream.
#include "keyd/ctl/line.h"

#include <string.h>

int ctl_line_feed(struct ctl_line *l, const char *p, size_t n, ctl_line_fn *fn, void *arg)
{
	const char *end;
	size_t part, len;
	int r;

	while (n) {
		end = memchr(p, '\n', n);
		part = end ? (size_t)(end - p) : n;
		if (part >= sizeof(l->buf) - l->n)
			return -1;
		memcpy(l->buf + l->n, p, part);
		l->n += part;
		if (!end)
			return 0;
		p = end + 1;
		n -= part + 1;
		len = l->n;
		l->buf[len] = 0;
		l->n = 0;
		r = fn(l->buf, len, arg);
		if (r)
			return r;
	}
	return 0;
}
