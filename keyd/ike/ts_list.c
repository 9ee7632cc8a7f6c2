// SPDX-License-Identifier: MIT
// Sets of traffic selectors.
#include "keyd/ike/ts_list.h"

#include "keyd/wire/ikev2.h"

#include <stdio.h>
#include <string.h>

#ifndef IPPROTO_MH
#define IPPROTO_MH 135
#endif

bool ts_is_opaque(const struct wire_ts *ts)
{
	return ts->port_start == UINT16_MAX && ts->port_end == 0;
}

bool ts_proto_has_types(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 || proto == IPPROTO_MH;
}

static bool any_port(const struct wire_ts *ts)
{
	return ts->port_start == 0 && ts->port_end == UINT16_MAX;
}

static bool ports_within(const struct wire_ts *inner, const struct wire_ts *outer)
{
	if (any_port(outer))
		return true;
	if (ts_is_opaque(inner) || ts_is_opaque(outer))
		return ts_is_opaque(inner) && ts_is_opaque(outer);
	return inner->port_start >= outer->port_start && inner->port_end <= outer->port_end;
}

bool ts_within(const struct wire_ts *inner, const struct wire_ts *outer)
{
	return inner->type == outer->type && (!outer->proto || inner->proto == outer->proto) &&
	       ports_within(inner, outer) && memcmp(inner->start, outer->start, inner->addr_len) >= 0 &&
	       memcmp(inner->end, outer->end, inner->addr_len) <= 0;
}

static bool ports_intersect(const struct wire_ts *a, const struct wire_ts *b, struct wire_ts *out)
{
	const struct wire_ts *inner = ports_within(a, b) ? a : ports_within(b, a) ? b : NULL;

	if (!inner && (ts_is_opaque(a) || ts_is_opaque(b)))
		return false;
	out->port_start = inner ? inner->port_start : a->port_start > b->port_start ? a->port_start : b->port_start;
	out->port_end = inner ? inner->port_end : a->port_end < b->port_end ? a->port_end : b->port_end;
	return inner || out->port_start <= out->port_end;
}

bool ts_intersect(const struct wire_ts *a, const struct wire_ts *b, struct wire_ts *out)
{
	if (a->type != b->type || (a->proto && b->proto && a->proto != b->proto))
		return false;
	*out = *a;
	out->proto = a->proto ? a->proto : b->proto;
	if (memcmp(b->start, a->start, a->addr_len) > 0)
		memcpy(out->start, b->start, a->addr_len);
	if (memcmp(b->end, a->end, a->addr_len) < 0)
		memcpy(out->end, b->end, a->addr_len);
	return memcmp(out->start, out->end, out->addr_len) <= 0 && ports_intersect(a, b, out);
}

bool ts_list_within(const struct wire_ts_list *inner, const struct wire_ts_list *outer)
{
	for (unsigned i = 0; i < inner->n; i++) {
		unsigned k = 0;

		while (k < outer->n && !ts_within(&inner->ts[i], &outer->ts[k]))
			k++;
		if (k == outer->n)
			return false;
	}
	return inner->n > 0;
}

/* Adds ts unless an entry covers it; what it covers goes, and it takes the place of the first of these. */
static void merge(struct wire_ts_list *l, const struct wire_ts *ts)
{
	unsigned kept = 0;
	bool placed = false;

	for (unsigned i = 0; i < l->n; i++)
		if (ts_within(ts, &l->ts[i]))
			return;
	for (unsigned i = 0; i < l->n; i++) {
		if (!ts_within(&l->ts[i], ts)) {
			l->ts[kept++] = l->ts[i];
		} else if (!placed) {
			l->ts[kept++] = *ts;
			placed = true;
		}
	}
	l->n = kept;
	if (!placed && l->n < WIRE_TS_MAX)
		l->ts[l->n++] = *ts;
}

bool ts_list_narrow(const struct wire_ts *ts, const struct wire_ts_list *offered, struct wire_ts_list *out)
{
	struct wire_ts common;

	*out = (struct wire_ts_list){ 0 };
	for (unsigned i = 0; i < offered->n; i++)
		if (ts_intersect(&offered->ts[i], ts, &common))
			merge(out, &common);
	return out->n > 0;
}

int ts_list_bits(const struct wire_ts_list *l)
{
	int best = 0;

	for (unsigned i = 0; i < l->n; i++) {
		const struct wire_ts *ts = &l->ts[i];
		unsigned same = 0;
		int bits, ports = ts->port_end - ts->port_start;

		while (same < ts->addr_len * 8u && !((ts->start[same / 8] ^ ts->end[same / 8]) & (0x80 >> same % 8)))
			same++;
		bits = ts->addr_len * 8 - (int)same + (ts->proto ? 0 : 8);
		for (; ports > 0; ports >>= 1)
			bits++;
		if (bits > best)
			best = bits;
	}
	return best;
}

bool ts_is_host(const struct wire_ts *ts)
{
	return !memcmp(ts->start, ts->end, ts->addr_len);
}

bool ts_list_is_host(const struct wire_ts_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!ts_is_host(&l->ts[i]) || l->ts[i].type != l->ts[0].type ||
		    memcmp(l->ts[i].start, l->ts[0].start, l->ts[0].addr_len))
			return false;
	return l->n > 0;
}

void ts_set_host(struct wire_ts *ts, const struct ipsec_addr *a)
{
	ts->addr_len = (uint8_t)ipsec_addr_size(a->family);
	ts->type = a->family == AF_INET6 ? IKEV2_TS_IPV6_ADDR_RANGE : IKEV2_TS_IPV4_ADDR_RANGE;
	memset(ts->start, 0, sizeof(ts->start));
	memset(ts->end, 0, sizeof(ts->end));
	memcpy(ts->start, a->b, ts->addr_len);
	memcpy(ts->end, a->b, ts->addr_len);
}

/* Appends to what snprintf has written so far. */
#define PUT(buf, n, used, ...) \
	((used) < (n) ? (used) += (size_t)snprintf((buf) + (used), (n) - (used), __VA_ARGS__) : 0)

static void format_ports(const struct wire_ts *ts, char *buf, size_t n, size_t *used)
{
	unsigned type[] = { ts->port_start >> 8, ts->port_end >> 8 };
	unsigned code[] = { ts->port_start & 0xff, ts->port_end & 0xff };
	bool types = ts_proto_has_types(ts->proto);

	if (any_port(ts))
		return;
	if (ts_is_opaque(ts))
		PUT(buf, n, *used, " port opaque");
	else if (types && type[0] == type[1] && !code[0] && code[1] == 0xff)
		PUT(buf, n, *used, " type %u", type[0]);
	else if (types && ts->port_start == ts->port_end)
		PUT(buf, n, *used, " type %u code %u", type[0], code[0]);
	else if (types)
		PUT(buf, n, *used, " type/code %u/%u-%u/%u", type[0], code[0], type[1], code[1]);
	else if (ts->port_start == ts->port_end)
		PUT(buf, n, *used, " port %u", ts->port_start);
	else
		PUT(buf, n, *used, " port %u-%u", ts->port_start, ts->port_end);
}

static void format_ts(const struct wire_ts *ts, char *buf, size_t n, size_t *used)
{
	static const struct { uint8_t proto; const char *name; } names[] = {
		{ IPPROTO_ICMP, "icmp" }, { IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" }, { IPPROTO_ICMPV6, "icmp6" },
		{ IPPROTO_SCTP, "sctp" }, { IPPROTO_MH, "mh" },
	};
	char text[IPSEC_ADDR_STRLEN];
	struct ipsec_addr a, b;
	const char *name = NULL;

	if (ipsec_addr_from_bytes(&a, ts->start, ts->addr_len) || ipsec_addr_from_bytes(&b, ts->end, ts->addr_len)) {
		PUT(buf, n, *used, "?");
		return;
	}
	PUT(buf, n, *used, "%s", ipsec_addr_format(&a, text, sizeof(text)));
	if (!ts_is_host(ts))
		PUT(buf, n, *used, "-%s", ipsec_addr_format(&b, text, sizeof(text)));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].proto == ts->proto)
			name = names[i].name;
	if (name)
		PUT(buf, n, *used, " %s", name);
	else if (ts->proto)
		PUT(buf, n, *used, " proto %u", ts->proto);
	format_ports(ts, buf, n, used);
}

const char *ts_list_format(const struct wire_ts_list *l, char *buf, size_t n)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < l->n; i++) {
		if (i)
			PUT(buf, n, used, ", ");
		format_ts(&l->ts[i], buf, n, &used);
	}
	return buf;
}
