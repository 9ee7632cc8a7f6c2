/* SPDX-License-Identifier: MIT */
/* What the grammar's actions do: put what was read into the statement, after the checks that belong to each word. */
#ifndef SETKEY_LANG_BUILD_H
#define SETKEY_LANG_BUILD_H

#include "setkey/lang/script.h"

/* A word or string of the text: a copy in the arena, NUL behind it. */
struct text {
	const char *p;
	size_t n;
};

/* Each that returns int: 0, or -1 after the error was told. */

/* Tells an error of the statement being read, unless one was told already. */
void build_error(struct script *sc, unsigned int line, const char *msg, const char *token);

/* A new statement becomes sc->st. */
int build_begin(struct script *sc, enum command command, unsigned int line);
/* sc->st is complete. */
int build_end(struct script *sc);
/* After an error: forgets sc->st and is ready for the next. */
void build_abandon(struct script *sc);

/* Decimal, as ever: 010 is ten. */
int build_number(struct script *sc, unsigned int line, const char *digits, uint64_t *out);
/* Behind "0x". */
int build_hex_number(struct script *sc, unsigned int line, struct text digits, uint64_t *out);
/* Is v within [0, max]? Otherwise says what was too big. */
int build_range(struct script *sc, unsigned int line, const char *what, uint64_t v, uint64_t max);

int build_name_flags(struct script *sc, const char *flags);
int build_endpoint(struct script *sc, unsigned int line, struct endpoint *ep, struct text host);
/* Of sc->end. A port of 0 without a mask is any. */
int build_prefix(struct script *sc, unsigned int line, uint64_t bits);
int build_port(struct script *sc, unsigned int line, uint64_t number);
int build_port_mask(struct script *sc, unsigned int line, uint64_t number, uint64_t mask);
/* esp-udp's NAT-OA. */
int build_oa(struct script *sc, unsigned int line, struct text host);

int build_spi(struct script *sc, unsigned int line, uint64_t spi);
/* A key from hexadecimal digits; an odd one is padded on the left. */
int build_hex_key(struct script *sc, struct text digits, struct text *key);
/* kind is IPSEC_ALG_ENC (which looks among the AEADs too), _AUTH or _COMP. */
int build_alg(struct script *sc, unsigned int line, enum ipsec_alg_kind kind, struct text name, struct text key);
/* As build_alg, for a name in quotes: the kernel's own, with any key. */
int build_kernel_alg(struct script *sc, unsigned int line, enum ipsec_alg_kind kind, struct text name, struct text key);

/* sc->st->more, made with the first use. NULL without memory, which was told. */
struct more_spec *build_more(struct script *sc);

/* Options, whose names, places and limits are one table. NULL: there is no such option. */
struct option_info;
const struct option_info *option_find(const char *name);
int build_flag(struct script *sc, unsigned int line, const struct option_info *opt);
int build_option_number(struct script *sc, unsigned int line, const struct option_info *opt, uint64_t v);
int build_option_word(struct script *sc, unsigned int line, const struct option_info *opt, struct text word);
int build_option_mark(struct script *sc, unsigned int line, const struct option_info *opt, uint64_t value, uint64_t mask);
int build_option_device(struct script *sc, unsigned int line, const struct option_info *opt, struct text name);
/* A word behind "-offload DEV": crypto, packet, in or out. */
int build_offload_word(struct script *sc, unsigned int line, struct text word);
/* "-sel": what is read next is its source, destination and upper layer. */
int build_selector(struct script *sc, unsigned int line);
/* FreeBSD's "-natt A[p] B[q]": the ports of source and destination. */
int build_natt(struct script *sc, unsigned int line, uint64_t sport, uint64_t dport);
int build_ctx(struct script *sc, unsigned int line, uint64_t doi, uint64_t alg, struct text label);
/* What is wrong with the options of sc->st as a whole; NULL: nothing. */
const char *build_options_wrong(const struct statement *st);

/* Decimal: 255 is any, as dumps say. In hexadecimal it is the protocol of that number. */
int build_upper_proto(struct script *sc, unsigned int line, uint64_t proto);
int build_upper_hex(struct script *sc, unsigned int line, struct text digits);
int build_upper_name(struct script *sc, unsigned int line, struct text name);
/* "8,0" of ICMP and MH, a dotted GRE key. */
int build_upper_detail(struct script *sc, unsigned int line, struct text detail);
/* A type of ICMP and MH alone, a plain GRE key. */
int build_upper_number(struct script *sc, unsigned int line, uint64_t v);
/* sign: '+' (sooner) or '-' (later). */
int build_priority(struct script *sc, unsigned int line, uint32_t base, char sign, uint64_t offset);
int build_rule_reqid(struct script *sc, unsigned int line, enum policy_level level, uint64_t reqid);
/* sc->rule is complete. */
int build_rule_end(struct script *sc, unsigned int line);
/* "me-any" and "any-me" leave the ends open; each belongs to one direction. */
int build_rule_me(struct script *sc, unsigned int line, enum ipsec_dir dir);
int build_rule_addr(struct script *sc, unsigned int line, struct ipsec_addr *addr, struct text text);

#endif
