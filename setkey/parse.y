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
#include "setkey/build.h"

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
}

%code {
#include "setkey/scan.h"

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
%token <num> PROTO "protocol" PROTO_OLD "old protocol" MODE "mode" EXTENSION "padding"
%token ESP_UDP "esp-udp" ANY "any" ME "me"
%token <text> NAME_FLAGS "-4, -6 or -n"
%token F_ENC "-E" F_AUTH "-A" F_COMP "-C" F_RAW_CPI "-R" F_MODE "-m" F_REQID "-u" F_REPLAY "-r" F_EXT "-f"
%token F_LIFE_HARD "-lh" F_LIFE_SOFT "-ls" F_BYTES_HARD "-bh" F_BYTES_SOFT "-bs" F_CTX "-ctx" F_POLICY "-P"
%token <num> NUMBER "number"
%token <text> HEX "hexadecimal number" PAIR "type,code" WORD "address or name" QUOTED "string" ALGORITHM "algorithm"
%token <num> DIRECTION "in, out or fwd" PRIORITY_BASE "high, def or low" ACTION "discard, none or ipsec" LEVEL "level"
%token <num> UNIQUE_ID "unique:N"
%token PRIORITY "priority"
%token NO_MEMORY "more memory"
%token END 0 "end of file"

%type <num> sa_command spd_command sa_proto opt_proto opt_prefix opt_action
%type <num> mode
%type <text> opt_key key

%%

script:
	%empty
|	script statement
;

statement:
	';'
|	body ';'		{ TRY(build_end(sc)); if (sc->ended) YYACCEPT; }
|	"exit" ';'		{ sc->ended = true; YYACCEPT; }
|	error ';'		{ build_abandon(sc); yyerrok; }
;

body:
	sa_command name_flags sa_ends sa_proto { sc->st->proto = (uint8_t)$4; } spi sa_options
|	"deleteall"		{ TRY(build_begin(sc, CMD_DELETEALL, LINE(@1))); }
		name_flags sa_ends opt_proto	{ sc->st->proto = (uint8_t)$5; }
|	"flush" opt_proto	{ TRY(build_begin(sc, CMD_FLUSH, LINE(@1))); sc->st->proto = (uint8_t)$2; }
|	"dump" opt_proto	{ TRY(build_begin(sc, CMD_DUMP, LINE(@1))); sc->st->proto = (uint8_t)$2; }
|	spd_command name_flags net_src net_dst upper policy_ctx policy
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
	WORD			{ TRY(build_endpoint(sc, LINE(@1), &sc->st->src, $1)); }
	src_port
	WORD			{ TRY(build_endpoint(sc, LINE(@4), &sc->st->dst, $4)); }
	dst_port
;

src_port:
	%empty
|	'[' "any" ']'
|	'[' NUMBER ']'		{ TRY(build_port(sc, LINE(@2), &sc->st->src.port, $2)); }
|	'[' WORD ']'		{ sc->st->src.port.service = $2.p; }
;

dst_port:
	%empty
|	'[' "any" ']'
|	'[' NUMBER ']'		{ TRY(build_port(sc, LINE(@2), &sc->st->dst.port, $2)); }
|	'[' WORD ']'		{ sc->st->dst.port.service = $2.p; }
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
		TRY(build_endpoint(sc, LINE(@2), &sc->st->sa->oa, $2));
	}
;

spi:
	NUMBER			{ TRY(build_spi(sc, LINE(@1), $1)); }
|	HEX			{ TRY(build_spi_hex(sc, LINE(@1), $1)); }
;

sa_options:
	%empty
|	sa_options sa_option
;

sa_option:
	"-m" mode		{ sc->st->sa->mode = (uint8_t)$2; }
|	"-u" NUMBER		{ TRY(build_range(sc, LINE(@2), "reqid", $2, UINT32_MAX)); sc->st->sa->reqid = (uint32_t)$2; }
|	"-r" NUMBER		{ TRY(build_range(sc, LINE(@2), "replay window", $2, 4096)); sc->st->sa->replay = (uint32_t)$2; }
|	"-f" EXTENSION		{ sc->st->sa->flags |= (uint8_t)$2; }
|	"-lh" NUMBER		{ sc->st->sa->hard_seconds = $2; }
|	"-ls" NUMBER		{ sc->st->sa->soft_seconds = $2; }
|	"-bh" NUMBER		{ sc->st->sa->hard_bytes = $2; }
|	"-bs" NUMBER		{ sc->st->sa->soft_bytes = $2; }
|	"-ctx" NUMBER NUMBER QUOTED	{ TRY(build_ctx(sc, LINE(@2), &sc->st->sa->ctx, $2, $3, $4)); }
|	"-E" ALGORITHM opt_key	{ TRY(build_alg(sc, LINE(@2), IPSEC_ALG_ENC, $2, $3)); }
|	"-A" ALGORITHM opt_key	{ TRY(build_alg(sc, LINE(@2), IPSEC_ALG_AUTH, $2, $3)); }
|	"-C" ALGORITHM		{ TRY(build_alg(sc, LINE(@2), IPSEC_ALG_COMP, $2, (struct text){ "", 0 })); }
|	"-R"			{ sc->st->sa->flags |= SPEC_RAW_CPI; }
;

mode:
	MODE
|	"any"			{ $$ = IPSEC_MODE_ANY; }
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

net_src:
	WORD			{ TRY(build_endpoint(sc, LINE(@1), &sc->st->src, $1)); }
	opt_prefix		{ sc->st->src.prefix = (int16_t)(int64_t)$3; }
	src_port
;

net_dst:
	WORD			{ TRY(build_endpoint(sc, LINE(@1), &sc->st->dst, $1)); }
	opt_prefix		{ sc->st->dst.prefix = (int16_t)(int64_t)$3; }
	dst_port
;

opt_prefix:
	%empty			{ $$ = (uint64_t)-1; }
|	'/' NUMBER		{ TRY(build_range(sc, LINE(@2), "prefix length", $2, 128)); $$ = $2; }
;

upper:
	"any"
|	upper_proto
|	upper_proto PAIR	{ TRY(build_upper_detail(sc, LINE(@2), $2)); }
|	upper_proto WORD	{ TRY(build_upper_detail(sc, LINE(@2), $2)); }
|	upper_proto NUMBER	{ TRY(build_upper_number(sc, LINE(@2), $2)); }
;

upper_proto:
	NUMBER			{ TRY(build_range(sc, LINE(@1), "protocol", $1, 255)); sc->st->policy->proto = (uint8_t)$1; }
|	PROTO			{ sc->st->policy->proto = (uint8_t)$1; }
|	WORD			{ TRY(build_upper_name(sc, LINE(@1), $1)); }
;

policy_ctx:
	%empty
|	"-ctx" NUMBER NUMBER QUOTED	{ TRY(build_ctx(sc, LINE(@2), &sc->st->policy->ctx, $2, $3, $4)); }
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
|	rule_head '/' ends '/' "level"	{ sc->rule.level = (uint8_t)$5; }
|	rule_head '/' ends '/' "unique:N"	{
		TRY(build_range(sc, LINE(@5), "reqid", $5, UINT32_MAX));
		sc->rule.level = LEVEL_UNIQUE;
		sc->rule.reqid = (uint32_t)$5;
	}
;

rule_head:
	PROTO '/' MODE		{ sc->rule = (struct rule_spec){ .proto = (uint8_t)$1, .mode = (uint8_t)$3 }; }
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
