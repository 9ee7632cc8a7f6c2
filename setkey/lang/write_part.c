// SPDX-License-Identifier: MIT
/* Selectors, lifetimes, marks, devices and labels in setkey's language. */
#include "setkey/lang/write_part.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <string.h>

#include "setkey/lang/names.h"

int write_refuse(const struct write_reason *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (r->why && r->n)
		vsnprintf(r->why, r->n, fmt, ap);
	va_end(ap);
	return -EOPNOTSUPP;
}

int write_label_check(const char *label, const struct write_reason *r)
{
	if (strchr(label, '"'))
		return write_refuse(r, "its security label has a quotation mark");
	return 0;
}

/* Can ports be written as the type and code, or the key, of this protocol? */
static bool has_detail(const struct ipsec_selector *sel)
{
	bool code = sel->dport_mask == UINT16_MAX && sel->dport <= UINT8_MAX;

	if (sel->proto == IPPROTO_GRE)
		return sel->sport_mask == UINT16_MAX && sel->dport_mask == UINT16_MAX;
	return upper_has_types(sel->proto) && sel->sport_mask == UINT16_MAX && sel->sport <= UINT8_MAX &&
	       (code || (!sel->dport_mask && !sel->dport));
}

static void write_net(FILE *out, const struct ipsec_addr *addr, uint8_t len, uint16_t port, uint16_t mask)
{
	char buf[IPSEC_ADDR_STRLEN];

	fputs(ipsec_addr_format(addr, buf, sizeof(buf)), out);
	if (len != ipsec_addr_bits(addr->family))
		fprintf(out, "/%u", len);
	if (mask == UINT16_MAX && port)
		fprintf(out, "[%u]", port);
	else if (mask || port)
		fprintf(out, "[%u/0x%x]", port, mask);
	putc(' ', out);
}

static void write_upper(FILE *out, uint8_t proto)
{
	const char *name = upper_known(proto);

	if (!proto)
		fputs("any", out);
	else if (name)
		fputs(name, out);
	else
		/* In decimal 255 would mean any. */
		fprintf(out, proto == UINT8_MAX ? "0x%x" : "%u", proto);
}

void write_upper_detail(FILE *out, const struct ipsec_selector *sel)
{
	if (sel->proto == IPPROTO_GRE)
		fprintf(out, " %u", (uint32_t)sel->sport << 16 | sel->dport);
	else if (sel->dport_mask)
		fprintf(out, " %u,%u", sel->sport, sel->dport);
	else
		fprintf(out, " %u", sel->sport);
}

void write_selector(FILE *out, const struct ipsec_selector *sel)
{
	bool detail = has_detail(sel);

	write_net(out, &sel->src, sel->src_len, detail ? 0 : sel->sport, detail ? 0 : sel->sport_mask);
	write_net(out, &sel->dst, sel->dst_len, detail ? 0 : sel->dport, detail ? 0 : sel->dport_mask);
	write_upper(out, sel->proto);
	if (detail)
		write_upper_detail(out, sel);
}

void write_number(FILE *out, const char *option, uint64_t v)
{
	if (v)
		fprintf(out, " %s %" PRIu64, option, v);
}

void write_lifetimes(FILE *out, const struct ipsec_lifetime *hard, const struct ipsec_lifetime *soft)
{
	write_number(out, "-lh", hard->add_seconds);
	write_number(out, "-ls", soft->add_seconds);
	write_number(out, "-uh", hard->use_seconds);
	write_number(out, "-us", soft->use_seconds);
	write_number(out, "-bh", hard->bytes);
	write_number(out, "-bs", soft->bytes);
	write_number(out, "-ph", hard->packets);
	write_number(out, "-ps", soft->packets);
}

void write_mark(FILE *out, const char *option, const struct ipsec_mark *mark)
{
	if (mark->mask == UINT32_MAX)
		fprintf(out, " %s 0x%x", option, mark->value);
	else if (mark->mask)
		fprintf(out, " %s 0x%x/0x%x", option, mark->value, mark->mask);
}

/* A name that the scanner takes as one word, and that is no other device's number. */
static bool is_plain(const char *name)
{
	if (isdigit((unsigned char)name[0]))
		return false;
	for (; *name; name++)
		if (!isgraph((unsigned char)*name) || strchr(";#\"", *name))
			return false;
	return true;
}

void write_device(FILE *out, const char *option, uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	if (!ifindex)
		return;
	if (if_indextoname(ifindex, name) && is_plain(name))
		fprintf(out, " %s %s", option, name);
	else
		fprintf(out, " %s %u", option, ifindex);
}

void write_label(FILE *out, const char *label)
{
	if (label[0])
		fprintf(out, " -ctx 1 1 \"%s\"", label);
}
