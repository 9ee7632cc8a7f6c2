// SPDX-License-Identifier: MIT
/* TAP: counting and telling. */
#include "tests/lib/tap.h"

#include <stdarg.h>
#include <stdio.h>

static unsigned int count, failed;

bool ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", good ? "" : "not ", ++count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	failed += !good;
	return good;
}

int tap_end(void)
{
	printf("1..%u\n", count);
	return failed ? 1 : 0;
}
