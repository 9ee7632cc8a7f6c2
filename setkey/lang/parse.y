/* SPDX-License-Identifier: MIT */
/* The grammar of setkey's language. Its actions only fill in a statement; see build.h. */
%define api.pure full
%define api.prefix {setkey_yy}
%define parse.error custom
%define parse.lac full
%locations
%parse-param {yyscan_t scanner} {struct script *sc}
%lex-param {yyscan_t scanner}
%expect 0

%code requires {
#include "setkey/lang/build.h"

typedef void *yyscan_t;
}

/* The names that the scanner's header uses. */
%code provides {
#define YYSTYPE SETKEY_YYSTYPE
#define YYLTYPE SETKEY_YYLTYPE
}

%union {
	uint64_t num;
	struct text text;
	const struct option_info *option;
}

%code {
#include "setkey/lang/scan.h"

static void setkey_yyerror(YYLTYPE *loc, yyscan_t scanner, struct script *sc, const char *msg)
{
	build_error(sc, (unsigned int)loc->first_line, msg, setkey_yyget_text(scanner));
}

#define TRY(call) do { if (call) YYERROR; } while (0)
#define LINE(loc) ((unsigned int)(loc).first_line)
}

%token ADD "add" UPDATE "update" GETSPI "getspi" GET "get" DELETE "delete" DELETEALL "deleteall"
%token FLUSH "flush" DUMP "dump" EXIT "exit" TAGGED "tagged"
%token SPDADD "spdadd" SPDUPDATE "spdupdate" SPDDELETE "spddelete" SPDFLUSH "spdflush" SPDDUMP "spddump"
%token <num> PROTO "protocol" PROTO_OLD "old protocol" MODE "mode"
%token ESP_UDP "esp-udp" ANY "any" ME "me"
%token <text> NAME_FLAGS "-4, -6 or -n"
%token F_ENC "-E" F_AUTH "-A" F_COMP "-C" F_CTX "-ctx" F_SELECTOR "-sel" F_NATT "-natt" F_POLICY "-P"
%token <option> OPT_FLAG "flag" OPT_NUMBER "option with a number" OPT_MARK "-mark" OPT_WORD "option with a word"
%token <option> OPT_DEVICE "-dev" OPT_OFFLOAD "-offload"
%token <num> NUMBER "number"
%token <text> HEX "hexadecimal number" PAIR "type,code" WORD "address or name" NAME "name" QUOTED "string"
%token <text> ALGORITHM "algorithm"
%token <num> DIRECTION "in, out or fwd" PRIORITY_BASE "high, def or low" ACTION "discard, none or ipsec" LEVEL "level"
%token <num> UNIQUE_ID "unique:N" USE_ID "use:N" RULE_SPI "spi:N"
%token <text> RULE_SPI_HEX "spi:0xN"
%token PRIORITY "priority"
%token NO_MEMORY "more memory"
%token END 0 "end of file"

%type <num> sa_command spd_command sa_proto opt_proto opt_action number opt_mask rule_spi
%type <text> opt_key key word

%%

script:
	%empty
|	script statement
;

statement:
	';'
|	body ';'		{
		/* No YYERROR, which would look for the end of this statement in the next one. */
		if (build_end(sc))
			build_abandon(sc);
		if (sc->ended)
			YYACCEPT;
	}
|	"exit" ';'		{ sc->ended = true; YYACCEPT; }
|	error ';'		{ build_abandon(sc); yyerrok; }
;

body:
	sa_command name_flags sa_ends sa_proto { sc->st->proto = (uint8_t)$4; } spi options
|	"deleteall"		{ TRY(build_begin(sc, CMD_DELETEALL, LINE(@1))); }
		name_flags sa_ends opt_proto	{ sc->st->proto = (uint8_t)$5; }
|	"flush" opt_proto	{ TRY(build_begin(sc, CMD_FLUSH, LINE(@1))); sc->st->proto = (uint8_t)$2; }
|	"dump" opt_proto	{ TRY(build_begin(sc, CMD_DUMP, LINE(@1))); sc->st->proto = (uint8_t)$2; }
|	spd_command name_flags selector options policy
|	spd_command "tagged" QUOTED	{ sc->st->policy->tag = $3.p; } policy
|	"spdflush"		{ TRY(build_begin(sc, CMD_SPDFLUSH, LINE(@1))); }
|	"spddump"		{ TRY(build_begin(sc, CMD_SPDDUMP, LINE(@1))); }
;

/* Security associations */

sa_command:
	"add"			{ TRY(build_begin(sc, CMD_ADD, LINE(@1))); }
|	"update"		{ TRY(build_begin(sc, CMD_UPDATE, LINE(@1))); }
|	"getspi"		{ TRY(build_begin(sc, CMD_GETSPI, LINE(@1))); }
|	"get"			{ TRY(build_begin(sc, CMD_GET, LINE(@1))); }
|	"delete"		{ TRY(build_begin(sc, CMD_DELETE, LINE(@1))); }
;

name_flags:
	%empty
|	name_flags NAME_FLAGS	{ TRY(build_name_flags(sc, $2.p)); }
;

sa_ends:
	end next_end end
;

end:
	WORD			{ TRY(build_endpoint(sc, LINE(@1), sc->end, $1)); } port
;

next_end:
	%empty			{ sc->end = sc->dst; }
;

port:
	%empty
|	'[' "any" ']'
|	'[' NUMBER ']'		{ TRY(build_port(sc, LINE(@2), $2)); }
|	'[' NUMBER '/' number ']'	{ TRY(build_port_mask(sc, LINE(@2), $2, $4)); }
|	'[' WORD ']'		{ sc->end->port.service = $2.p; }
;

opt_proto:
	%empty			{ $$ = 0; }
|	PROTO
|	PROTO_OLD
|	"esp-udp"		{ $$ = IPPROTO_ESP; }
;

sa_proto:
	PROTO
|	PROTO_OLD		{ $$ = $1; sc->st->sa->flags |= SPEC_OLD; }
|	"esp-udp"		{ $$ = IPPROTO_ESP; sc->st->sa->flags |= SPEC_ENCAP; }
|	"esp-udp" WORD		{
		$$ = IPPROTO_ESP;
		sc->st->sa->flags |= SPEC_ENCAP;
		TRY(build_oa(sc, LINE(@2), $2));
	}
;

spi:
	number			{ TRY(build_spi(sc, LINE(@1), $1)); }
;

number:
	NUMBER
|	HEX			{ TRY(build_hex_number(sc, LINE(@1), $1, &$$)); }
;

/* Of associations and policies; which of them an option is for is in its table. */
options:
	%empty
|	options option
;

option:
	OPT_FLAG		{ TRY(build_flag(sc, LINE(@1), $1)); }
|	OPT_NUMBER number	{ TRY(build_option_number(sc, LINE(@2), $1, $2)); }
|	OPT_MARK number opt_mask	{ TRY(build_option_mark(sc, LINE(@2), $1, $2, $3)); }
|	OPT_WORD word		{ TRY(build_option_word(sc, LINE(@2), $1, $2)); }
|	OPT_DEVICE NAME		{ TRY(build_option_device(sc, LINE(@2), $1, $2)); }
|	OPT_OFFLOAD NAME	{ TRY(build_option_device(sc, LINE(@2), $1, $2)); } offload_words
|	"-ctx" number number QUOTED	{ TRY(build_ctx(sc, LINE(@2), $2, $3, $4)); }
|	"-sel"			{ TRY(build_selector(sc, LINE(@1))); } selector
|	"-natt" WORD '[' NUMBER ']' WORD '[' NUMBER ']'	{ TRY(build_natt(sc, LINE(@4), $4, $8)); }
|	"-E" ALGORITHM opt_key	{ TRY(build_alg(sc, LINE(@2), IPSEC_ALG_ENC, $2, $3)); }
|	"-A" ALGORITHM opt_key	{ TRY(build_alg(sc, LINE(@2), IPSEC_ALG_AUTH, $2, $3)); }
|	"-C" ALGORITHM opt_key	{ TRY(build_alg(sc, LINE(@2), IPSEC_ALG_COMP, $2, $3)); }
|	"-E" QUOTED opt_key	{ TRY(build_kernel_alg(sc, LINE(@2), IPSEC_ALG_ENC, $2, $3)); }
|	"-A" QUOTED opt_key	{ TRY(build_kernel_alg(sc, LINE(@2), IPSEC_ALG_AUTH, $2, $3)); }
|	"-C" QUOTED opt_key	{ TRY(build_kernel_alg(sc, LINE(@2), IPSEC_ALG_COMP, $2, $3)); }
;

opt_mask:
	%empty			{ $$ = UINT32_MAX; }
|	'/' number		{ $$ = $2; }
;

offload_words:
	%empty
|	offload_words WORD	{ TRY(build_offload_word(sc, LINE(@2), $2)); }
;

word:
	WORD
|	"any"			{ $$ = (struct text){ "any", 3 }; }
;

opt_key:
	%empty			{ $$ = (struct text){ "", 0 }; }
|	key
;

key:
	QUOTED
|	HEX			{ TRY(build_hex_key(sc, $1, &$$)); }
;

/* Policies */

spd_command:
	"spdadd"		{ TRY(build_begin(sc, CMD_SPDADD, LINE(@1))); }
|	"spdupdate"		{ TRY(build_begin(sc, CMD_SPDUPDATE, LINE(@1))); }
|	"spddelete"		{ TRY(build_begin(sc, CMD_SPDDELETE, LINE(@1))); }
;

/* Also what follows -sel. */
selector:
	net next_end net upper
;

net:
	WORD			{ TRY(build_endpoint(sc, LINE(@1), sc->end, $1)); } prefix port
;

prefix:
	%empty
|	'/' NUMBER		{ TRY(build_prefix(sc, LINE(@2), $2)); }
;

upper:
	"any"
|	upper_proto
|	upper_proto PAIR	{ TRY(build_upper_detail(sc, LINE(@2), $2)); }
|	upper_proto WORD	{ TRY(build_upper_detail(sc, LINE(@2), $2)); }
|	upper_proto NUMBER	{ TRY(build_upper_number(sc, LINE(@2), $2)); }
;

upper_proto:
	NUMBER			{ TRY(build_upper_proto(sc, LINE(@1), $1)); }
|	HEX			{ TRY(build_upper_hex(sc, LINE(@1), $1)); }
|	PROTO			{ sc->upper->proto = (uint8_t)$1; }
|	WORD			{ TRY(build_upper_name(sc, LINE(@1), $1)); }
;

policy:
	"-P" DIRECTION		{ sc->st->policy->dir = (uint8_t)$2; }
	opt_priority opt_action	{ sc->st->policy->action = (uint8_t)$5; }
	rules
;

opt_priority:
	%empty
|	"priority" NUMBER	{ TRY(build_priority(sc, LINE(@2), 0x80000000, '+', $2)); }
|	"priority" '+' NUMBER	{ TRY(build_priority(sc, LINE(@3), 0x80000000, '+', $3)); }
|	"priority" '-' NUMBER	{ TRY(build_priority(sc, LINE(@3), 0x80000000, '-', $3)); }
|	"priority" PRIORITY_BASE	{ sc->st->policy->priority = (uint32_t)$2; }
|	"priority" PRIORITY_BASE '+' NUMBER	{ TRY(build_priority(sc, LINE(@4), (uint32_t)$2, '+', $4)); }
|	"priority" PRIORITY_BASE '-' NUMBER	{ TRY(build_priority(sc, LINE(@4), (uint32_t)$2, '-', $4)); }
;

opt_action:
	%empty			{ $$ = POLICY_UNSAID; }
|	ACTION
;

rules:
	%empty
|	rules rule		{ TRY(build_rule_end(sc, LINE(@2))); }
;

rule:
	rule_head
|	rule_head '/' ends
|	rule_head '/' ends '/'
|	rule_head '/' ends '/' level
|	rule_head '/' ends '/' level '/' rule_spi	{
		TRY(build_range(sc, LINE(@7), "SPI", $7, UINT32_MAX));
		sc->rule.spi = (uint32_t)$7;
	}
;

rule_head:
	PROTO '/' MODE		{ sc->rule = (struct rule_spec){ .proto = (uint8_t)$1, .mode = (uint8_t)$3 }; }
;

level:
	LEVEL			{ sc->rule.level = (uint8_t)$1; }
|	"use:N"			{ TRY(build_rule_reqid(sc, LINE(@1), LEVEL_USE, $1)); }
|	"unique:N"		{ TRY(build_rule_reqid(sc, LINE(@1), LEVEL_UNIQUE, $1)); }
;

rule_spi:
	"spi:N"
|	"spi:0xN"		{ TRY(build_hex_number(sc, LINE(@1), $1, &$$)); }
;

ends:
	%empty
|	WORD			{ TRY(build_rule_addr(sc, LINE(@1), &sc->rule.src, $1)); }
	rule_port '-'
	WORD			{ TRY(build_rule_addr(sc, LINE(@5), &sc->rule.dst, $5)); }
	rule_port
|	"me" '-' "any"		{ TRY(build_rule_me(sc, LINE(@1), IPSEC_DIR_OUT)); }
|	"any" '-' "me"		{ TRY(build_rule_me(sc, LINE(@1), IPSEC_DIR_IN)); }
;

/* Accepted and without effect, as the kernel's templates have no ports. */
rule_port:
	%empty
|	'[' NUMBER ']'		{ TRY(build_range(sc, LINE(@2), "port", $2, UINT16_MAX)); }
|	'[' "any" ']'
;

%%

/* Says what was met, and what would have been right where that is only a few things. */
static int yyreport_syntax_error(const yypcontext_t *ctx, yyscan_t scanner, struct script *sc)
{
	yysymbol_kind_t expected[4];
	int n = yypcontext_expected_tokens(ctx, expected, 4);
	const char *token = setkey_yyget_text(scanner);
	char msg[200] = "syntax error";
	size_t len = strlen(msg);

	for (int i = 0; i < n && len < sizeof(msg); i++)
		len += (size_t)snprintf(msg + len, sizeof(msg) - len, "%s%s", i == 0 ? ", expected " : " or ",
					yysymbol_name(expected[i]));
	switch (yypcontext_token(ctx)) {
	case YYSYMBOL_YYEOF:
		token = "end of file";
		break;
	case YYSYMBOL_QUOTED:	/* these two may be keys */
		token = "\"...\"";
		break;
	case YYSYMBOL_HEX:
		token = "0x...";
		break;
	default:
		break;
	}
	build_error(sc, (unsigned int)yypcontext_location(ctx)->first_line, msg, token);
	return 0;
}
