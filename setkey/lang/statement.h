/* SPDX-License-Identifier: MIT */
/* One statement of setkey's language as plain data: what was written, checked as far as that needs no kernel and no DNS. */
#ifndef SETKEY_LANG_STATEMENT_H
#define SETKEY_LANG_STATEMENT_H

#include "pfkey/alg.h"
#include "pfkey/ipsec.h"

enum command {
	CMD_ADD,
	CMD_UPDATE,
	CMD_GETSPI,
	CMD_GET,
	CMD_DELETE,
	CMD_DELETEALL,
	CMD_FLUSH,
	CMD_DUMP,
	CMD_SPDADD,
	CMD_SPDUPDATE,
	CMD_SPDDELETE,
	CMD_SPDFLUSH,
	CMD_SPDDUMP,
	COMMANDS
};

/* What a statement says about a name: the flags -4, -6 and -n. */
struct name_flags {
	uint16_t family;		/* AF_UNSPEC: either */
	bool numeric;			/* ask no resolver */
};

/* "[any]", "[500]", "[domain]", "[4096/0xf000]" or nothing. */
struct port {
	const char *service;		/* a name that the resolver turns into number; NULL: none */
	uint16_t number, mask;		/* mask 0: any */
};

/* An address with its decorations. addrs has one entry for a numeric host, and is empty until a name was resolved. */
struct endpoint {
	const char *host;		/* as written */
	const struct ipsec_addr *addrs;
	unsigned int naddrs;
	int16_t prefix;			/* bits; -1: not written, the whole address */
	struct port port;
};

/* A network device; the resolver fills in index. */
struct device {
	const char *name;		/* NULL: not written */
	uint32_t index;
};

/* A key belongs to the script's arena, which cleanses it. */
struct alg_spec {
	/* NULL: not written. For a name of the kernel's own in quotes: a row that has only this name and no ICV length. */
	const struct ipsec_alg_info *alg;
	const uint8_t *key;
	uint16_t bytes;
	bool quoted;			/* the kernel's own name */
};

struct ctx_spec {
	const char *label;		/* NULL: not written */
	uint8_t doi, alg;
};

enum {					/* struct sa_spec .flags; the kernel takes no notice of the last four */
	SPEC_OLD = 1 << 0,		/* ah-old, esp-old: RFC 1826, 1827 */
	SPEC_ENCAP = 1 << 1,		/* esp-udp */
	SPEC_RAW_CPI = 1 << 2,
	SPEC_PAD_ZERO = 1 << 3,
	SPEC_PAD_RANDOM = 1 << 4,
	SPEC_PAD_SEQ = 1 << 5,
	SPEC_NO_CYCLIC_SEQ = 1 << 6,
};

struct sa_spec {
	uint32_t spi, reqid, replay;
	uint8_t mode;			/* enum ipsec_mode */
	uint8_t flags;
	struct alg_spec enc, auth, comp;	/* an AEAD stands in enc */
};

/* What is above IP in a selector. */
struct upper_spec {
	uint8_t proto;			/* 0: any */
	bool have_type, have_code;	/* ICMP and MH: type, code; GRE: both halves of the key */
	uint16_t type, code;
};

/* "-sel": an SA's own selector. */
struct selector_spec {
	struct endpoint src, dst;
	struct upper_spec upper;
};

/* What few statements say, of SAs and policies alike. */
struct more_spec {
	struct ipsec_lifetime hard, soft;
	struct ipsec_mark mark, output_mark;
	uint32_t if_id;
	uint32_t tfc;			/* bytes */
	uint32_t nat_keepalive;		/* seconds */
	uint32_t index;			/* of a policy */
	uint16_t flags;			/* IPSEC_SA_* or IPSEC_POLICY_* */
	uint16_t trunc;			/* bits; 0: not written */
	uint8_t dir;			/* enum ipsec_sa_dir */
	uint8_t ptype;			/* XFRM_POLICY_TYPE_* */
	uint8_t offload;		/* enum ipsec_offload_kind */
	uint8_t offload_dir;		/* enum ipsec_sa_dir */
	struct device dev, offload_dev;
	struct endpoint oa;		/* esp-udp's NAT-OA; host NULL: none */
	struct selector_spec *sel;	/* NULL: none */
	struct ctx_spec ctx;
};

enum policy_action { POLICY_UNSAID, POLICY_DISCARD, POLICY_NONE, POLICY_IPSEC };
enum policy_level { LEVEL_DEFAULT, LEVEL_USE, LEVEL_REQUIRE, LEVEL_UNIQUE };

struct rule_spec {
	uint8_t proto, mode, level;
	uint32_t reqid;			/* of LEVEL_UNIQUE (0: one is chosen) and LEVEL_USE (0: none) */
	uint32_t spi;			/* 0: any */
	struct ipsec_addr src, dst;
};

struct policy_spec {
	struct upper_spec upper;
	uint8_t dir;			/* enum ipsec_dir */
	uint8_t action;			/* enum policy_action */
	uint8_t nrules;
	uint32_t priority;		/* the kernel's: small wins */
	const char *tag;		/* "tagged"; NULL: none */
	const struct rule_spec *rules;
};

struct statement {
	struct statement *next;
	unsigned int line;		/* where it begins */
	uint8_t command;		/* enum command */
	uint8_t proto;			/* IPPROTO_ESP, _AH, _COMP, _TCP; 0: any */
	struct name_flags names;
	struct endpoint src, dst;	/* host NULL: the command has none */
	struct sa_spec *sa;		/* add, update, getspi, get, delete */
	struct policy_spec *policy;	/* spdadd, spdupdate, spddelete */
	struct more_spec *more;		/* NULL: none of it was written */
};

/* "spdadd" and so on. */
const char *command_name(enum command command);
/* "esp", "ah", "ipcomp", "tcp", and what the kernel has beside them; "any" for 0. */
const char *protocol_name(uint8_t proto);
/* Does what stands after -E protect integrity, too? A quoted name that the table does not know does if only it can mean -trunc. */
bool statement_has_aead(const struct statement *st);
/* One line that names the statement to a person, without keys. Writes into buf[n] and returns buf. */
const char *statement_format(const struct statement *st, char *buf, size_t n);

#endif
