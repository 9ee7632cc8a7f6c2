// SPDX-License-Identifier: MIT
// Messages of the gap meter as JSON: a row of a table for each attribute.
#include "keyd/ctl/gaps.h"

#include "kmod/uapi/ipsec_gap.h"

#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <string.h>

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

enum kind { NUMBER32, NUMBER64, TIME, WORD, TEXT, ADDRESS, SPI, PROTO, SELECTOR, SA, FLAG };

static const struct row {
	int attr;
	enum kind kind;
	const char *key;
	const char *const *words;
} rows[] = {
	{ IPSEC_GAP_A_VERSION, NUMBER32, "version", NULL },
	{ IPSEC_GAP_A_SEQ, NUMBER64, "seq", NULL },
	{ IPSEC_GAP_A_TYPE, WORD, "type", WORDS("?", "gap-open", "gap", "switch", "clear", "clear-end", "spi", "spi-known") },
	{ IPSEC_GAP_A_TIME, TIME, "time_us", NULL },
	{ IPSEC_GAP_A_POLICY_INDEX, NUMBER32, "policy", NULL },
	{ IPSEC_GAP_A_SELECTOR, SELECTOR, "selector", NULL },
	{ IPSEC_GAP_A_LOCAL, ADDRESS, "local", NULL },
	{ IPSEC_GAP_A_PEER, ADDRESS, "peer", NULL },
	{ IPSEC_GAP_A_PROTO, PROTO, "protocol", NULL },
	{ IPSEC_GAP_A_MODE, WORD, "mode", WORDS("transport", "tunnel", "route-optimization", "in-trigger", "beet") },
	{ IPSEC_GAP_A_REQID, NUMBER32, "reqid", NULL },
	{ IPSEC_GAP_A_IF_ID, NUMBER32, "if_id", NULL },
	{ IPSEC_GAP_A_CAUSE, WORD, "cause", WORDS("none", "acquire", "time", "bytes", "packets", "expired", "deleted",
						  "flushed", "vanished", "migrated") },
	{ IPSEC_GAP_A_END, WORD, "end", WORDS("none", "packet", "sa", "policy") },
	{ IPSEC_GAP_A_BY_COMM, TEXT, "by", NULL },
	{ IPSEC_GAP_A_BY_PID, NUMBER32, "pid", NULL },
	{ IPSEC_GAP_A_LASTED_US, NUMBER64, "lasted_us", NULL },
	{ IPSEC_GAP_A_KEYED_US, NUMBER64, "keyed_us", NULL },
	{ IPSEC_GAP_A_WAITED_US, NUMBER64, "waited_us", NULL },
	{ IPSEC_GAP_A_ACQUIRES, NUMBER32, "acquires", NULL },
	{ IPSEC_GAP_A_HELD_PACKETS, NUMBER64, "held", NULL },
	{ IPSEC_GAP_A_HELD_BYTES, NUMBER64, "held_bytes", NULL },
	{ IPSEC_GAP_A_DROPPED_PACKETS, NUMBER64, "dropped", NULL },
	{ IPSEC_GAP_A_DROPPED_BYTES, NUMBER64, "dropped_bytes", NULL },
	{ IPSEC_GAP_A_CLEAR_PACKETS, NUMBER64, "clear", NULL },
	{ IPSEC_GAP_A_CLEAR_BYTES, NUMBER64, "clear_bytes", NULL },
	{ IPSEC_GAP_A_OUT_OLD, SA, "out_old", NULL },
	{ IPSEC_GAP_A_OUT_NEW, SA, "out_new", NULL },
	{ IPSEC_GAP_A_IN_OLD, SA, "in_old", NULL },
	{ IPSEC_GAP_A_IN_NEW, SA, "in_new", NULL },
	{ IPSEC_GAP_A_OPEN, FLAG, "open", NULL },
	{ IPSEC_GAP_A_GAPS, NUMBER64, "gaps", NULL },
	{ IPSEC_GAP_A_SWITCHES, NUMBER64, "switches", NULL },
	{ IPSEC_GAP_A_LONGEST_US, NUMBER64, "longest_us", NULL },
	{ IPSEC_GAP_A_TOTAL_US, NUMBER64, "total_us", NULL },
	{ IPSEC_GAP_A_SPI, SPI, "spi", NULL },
	{ IPSEC_GAP_A_FATE, WORD, "fate", WORDS("unknown", "early", "late", "larval") },
	{ IPSEC_GAP_A_FIRST, TIME, "first_us", NULL },
	{ IPSEC_GAP_A_LAST, TIME, "last_us", NULL },
	{ IPSEC_GAP_A_PACKETS, NUMBER64, "packets", NULL },
	{ IPSEC_GAP_A_BYTES, NUMBER64, "bytes", NULL },
	{ IPSEC_GAP_A_KNOWN_US, NUMBER64, "known_us", NULL },
	{ IPSEC_GAP_A_PATHS, NUMBER32, "paths", NULL },
	{ IPSEC_GAP_A_SAS, NUMBER32, "sas", NULL },
	{ IPSEC_GAP_A_SPIS, NUMBER32, "spis", NULL },
	{ IPSEC_GAP_A_MISSED, NUMBER64, "missed", NULL },
	{ IPSEC_GAP_A_OTHER_PACKETS, NUMBER64, "other_packets", NULL },
	{ IPSEC_GAP_A_FORGOTTEN, NUMBER64, "forgotten", NULL },
	{ IPSEC_GAP_A_MARK, NUMBER32, "mark", NULL },
	{ IPSEC_GAP_A_MARK_MASK, NUMBER32, "mark_mask", NULL },
};
#define ROWS (sizeof(rows) / sizeof(*rows))

/* Shortest forms that have all that is read; addresses are looked at where they are. */
static const int lengths[] = {
	[NUMBER32] = 4, [NUMBER64] = 8, [TIME] = 8, [WORD] = 1, [TEXT] = 1, [ADDRESS] = 4, [SPI] = 4,
	[PROTO] = 1, [SELECTOR] = sizeof(struct xfrm_selector), [SA] = 0, [FLAG] = 0,
};

static json_t *spi(struct nlattr *a)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%08x", ntohl(nla_get_u32(a)));
	return json_string(text);
}

static json_t *address(const void *octets, int length)
{
	char text[INET6_ADDRSTRLEN];

	if (length != 4 && length != 16)
		return NULL;
	return json_string(inet_ntop(length == 16 ? AF_INET6 : AF_INET, octets, text, sizeof(text)));
}

static json_t *word(struct nlattr *a, const char *const *words)
{
	unsigned value = nla_len(a) >= 4 ? nla_get_u32(a) : nla_get_u8(a);

	for (unsigned i = 0; words[i]; i++)
		if (i == value)
			return json_string(words[i]);
	return json_integer(value);
}

static const char *proto_name(unsigned proto)
{
	static const struct {
		unsigned n;
		const char *name;
	} names[] = { { IPPROTO_ESP, "esp" }, { IPPROTO_AH, "ah" }, { IPPROTO_COMP, "ipcomp" }, { IPPROTO_ICMP, "icmp" },
		      { IPPROTO_ICMPV6, "icmp6" }, { IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].n == proto)
			return names[i].name;
	return NULL;
}

static json_t *proto(unsigned n)
{
	return proto_name(n) ? json_string(proto_name(n)) : json_integer(n);
}

/* "192.0.2.1/32[80]" */
static void selector_end(char *to, size_t n, int family, const xfrm_address_t *a, unsigned prefix, unsigned port, unsigned mask)
{
	char text[INET6_ADDRSTRLEN] = "?", ports[16] = "";

	inet_ntop(family == AF_INET6 ? AF_INET6 : AF_INET, a, text, sizeof(text));
	if (mask)
		snprintf(ports, sizeof(ports), "[%u]", ntohs((uint16_t)port));
	snprintf(to, n, "%s/%u%s", text, prefix, ports);
}

/* As in dumps of policies: "192.0.2.1/32 192.0.2.2/32 udp" */
static json_t *selector(struct nlattr *a)
{
	struct xfrm_selector s;
	char from[80], to[80], text[200], number[12] = "any";

	memcpy(&s, nla_data(a), sizeof(s));
	selector_end(from, sizeof(from), s.family, &s.saddr, s.prefixlen_s, s.sport, s.sport_mask);
	selector_end(to, sizeof(to), s.family, &s.daddr, s.prefixlen_d, s.dport, s.dport_mask);
	if (s.proto)
		snprintf(number, sizeof(number), "%u", s.proto);
	snprintf(text, sizeof(text), "%s %s %s", from, to, s.proto && proto_name(s.proto) ? proto_name(s.proto) : number);
	return json_string(text);
}

static json_t *number64(struct nlattr *a)
{
	return json_integer((json_int_t)nla_get_u64(a));
}

static json_t *sa(struct nlattr *nest)
{
	static struct nla_policy policy[IPSEC_GAP_SA_MAX + 1] = {
		[IPSEC_GAP_SA_SPI] = { .type = NLA_U32 }, [IPSEC_GAP_SA_AGE_US] = { .type = NLA_U64 },
		[IPSEC_GAP_SA_PACKETS] = { .type = NLA_U64 }, [IPSEC_GAP_SA_BYTES] = { .type = NLA_U64 },
	};
	struct nlattr *a[IPSEC_GAP_SA_MAX + 1];

	if (nla_parse_nested(a, IPSEC_GAP_SA_MAX, nest, policy) < 0 || !a[IPSEC_GAP_SA_SPI] || !a[IPSEC_GAP_SA_AGE_US] ||
	    !a[IPSEC_GAP_SA_PACKETS] || !a[IPSEC_GAP_SA_BYTES])
		return NULL;
	return json_pack("{s:o, s:o, s:o, s:o}", "spi", spi(a[IPSEC_GAP_SA_SPI]), "age_us", number64(a[IPSEC_GAP_SA_AGE_US]),
			 "packets", number64(a[IPSEC_GAP_SA_PACKETS]), "bytes", number64(a[IPSEC_GAP_SA_BYTES]));
}

static json_t *value(const struct row *row, struct nlattr *a)
{
	if (nla_len(a) < lengths[row->kind])
		return NULL;
	switch (row->kind) {
	case NUMBER32: return json_integer(nla_get_u32(a));
	case NUMBER64: return number64(a);
	case TIME: return json_integer((json_int_t)(nla_get_u64(a) / 1000));
	case WORD: return word(a, row->words);
	case TEXT: return json_stringn(nla_data(a), strnlen(nla_data(a), (size_t)nla_len(a)));
	case ADDRESS: return address(nla_data(a), nla_len(a));
	case SPI: return spi(a);
	case PROTO: return proto(nla_get_u8(a));
	case SELECTOR: return selector(a);
	case SA: return sa(a);
	case FLAG: return json_true();
	}
	return NULL;
}

json_t *gaps_object(struct nlmsghdr *message)
{
	struct nlattr *attrs[IPSEC_GAP_A_MAX + 1];
	json_t *o;

	if (!genlmsg_valid_hdr(message, 0) || genlmsg_parse(message, 0, attrs, IPSEC_GAP_A_MAX, NULL) < 0)
		return NULL;
	o = json_object();
	for (const struct row *row = rows; row < rows + ROWS; row++)
		if (attrs[row->attr])
			json_object_set_new(o, row->key, value(row, attrs[row->attr]));
	return o;
}
