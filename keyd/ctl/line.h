/* SPDX-License-Identifier: MIT */
/* Cuts a stream of bytes into lines of bounded length. */
#ifndef KEYD_CTL_LINE_H
#define KEYD_CTL_LINE_H

#include <stddef.h>

#define CTL_LINE_MAX 4096	/* bytes of a request, newline included */

struct ctl_line {
	char buf[CTL_LINE_MAX];
	size_t n;
};

typedef int ctl_line_fn(char *line, size_t n, void *arg);	/* n bytes, then NUL; non-zero ends the feeding */

/*
 * Appends n bytes of p and calls fn for each whole line, without its newline. 0, -1 when a line is too long, or what fn
 * returned.
 */
int ctl_line_feed(struct ctl_line *l, const char *p, size_t n, ctl_line_fn *fn, void *arg);

#endif
