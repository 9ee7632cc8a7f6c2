// SPDX-License-Identifier: MIT
/* The line "xfrm:" of dumps. */
#include "setkey/show/dump_extra.h"

#include <net/if.h>
#include <stdarg.h>

void dump_extra(struct dump_extra *x, const char *fmt, ...)
{
	va_list ap;

	fputs(x->begun ? " " : "\txfrm: ", x->out);
	x->begun = true;
	va_start(ap, fmt);
	vfprintf(x->out, fmt, ap);
	va_end(ap);
}

void dump_extra_mark(struct dump_extra *x, const char *name, const struct ipsec_mark *mark)
{
	if (mark->mask)
		dump_extra(x, "%s=0x%x/0x%x", name, mark->value, mark->mask);
}

void dump_extra_offload(struct dump_extra *x, const struct ipsec_offload *offload)
{
	const char *kind = offload->kind == IPSEC_OFFLOAD_PACKET ? "packet" : "crypto";
	char name[IF_NAMESIZE];

	if (!offload->kind)
		return;
	if (if_indextoname(offload->ifindex, name))
		dump_extra(x, "offload=%s,%s", name, kind);
	else
		dump_extra(x, "offload=%u,%s", offload->ifindex, kind);
}

void dump_extra_end(struct dump_extra *x)
{
	if (x->begun)
		putc('\n', x->out);
}
