%{
// SPDX-License-Identifier: MIT
// The grammar of keyd.conf: which statements there are; what they mean stands in global.c, peer.c and setting.c.
#include "keyd/conf/parser.h"
#include "keyd/conf/id.h"
%}

%code requires {
struct conf_parser;
}

%code provides {
/* The tokens as the grammar sees them; scanner is flex's. */
int conf_lex(struct conf_word *w, struct conf_where *at, struct conf_parser *p, void *scanner);
}

%code {
#define conf_yylex conf_lex
#define YYLLOC_DEFAULT(cur, rhs, n) ((cur) = YYRHSLOC(rhs, (n) ? 1 : 0))

static void conf_yyerror(struct conf_where *at, struct conf_parser *p, void *scanner, const char *text);
}

%define api.pure full
%define api.prefix {conf_yy}
%define api.value.type {struct conf_word}
%define api.location.type {struct conf_where}
%define parse.error custom
%define parse.lac full
%locations
%initial-action { @$ = conf_here(p); }
%param {struct conf_parser *p} {void *scanner}
%expect 0

%token END "the end of the statement"
%token WORD "word"
%token STRING "quoted string"
%token ADDRESS "address" AFTER "after" ALLOW "allow" ANY "any" ASK "ask" ASSIGNED "assigned" AUTH "auth"
%token AUTO "auto" BANNER "banner" CA "ca" CERT "cert" CHILD "child" CHILDLESS "childless" CHILDREN "children" COOKIE "cookie"
%token CREDENTIAL "credential" CRL "crl" DEFAULT "default" DN "dn" DNS "dns" DOMAIN_ "domain" DOWN "down" DROP "drop"
%token DPD "dpd" EACH "each" ESP "esp" EXCEPT "except" EXCHANGE "exchange" EXPIRED "expired" EXPIRY_WARNING "expiry-warning"
%token FD "fd" FETCH "fetch" FILE_ "file" FORCE "force" FQDN "fqdn" FRAGMENT "fragment" HALF_OPEN "half-open"
%token ID "id" IKE "ike" INCLUDE "include" IPV4 "ipv4" IPV6 "ipv6" JITTER "jitter" KEEP "keep"
%token KEEPALIVE "keepalive" KEY "key" KEY_FLOOR "key-floor" KEYID "keyid" KEYLOG "keylog"
%token LARVAL_DROP "larval-drop" LENIENT "lenient" LIFETIME "lifetime" LINGER "linger" LISTEN "listen"
%token LOCAL "local" LOGIN "login" MODE_CONFIG "mode-config" MODULE "module" NAT "nat" NAT_PORT "nat-port" NATIVE "native" NEVER "never"
%token NO "no" NO_REKEY "no-rekey" NONE "none" OFF "off" ON "on" PACKETS "packets" PAD "pad" PASSPHRASE "passphrase"
%token PEER "peer" PER_SOURCE "per-source" PFS "pfs" PIN "pin" PIN_TRIES "pin-tries" POOL "pool" PORT "port"
%token PREFER "prefer" PSK "psk" PULLED "pulled" REAUTH "reauth" REKEY "rekey" REMOTE "remote"
%token REMOTE_KEY "remote-key" REPLACE "replace" REPLAY_WINDOW "replay-window" RETRANSMIT "retransmit"
%token REVOCATION "revocation" REVOKED "revoked" SECRETS "secrets" SERVE "serve" SIGNATURES "signatures"
%token SINGLE_PAIR "single-pair" START "start" STRICT "strict" TFC "tfc" THRESHOLD "threshold"
%token TOKEN_CHECK "token-check" TOKEN_TIMEOUT "token-timeout" TRAFFIC "traffic" UNIQUE "unique"
%token USER "user" USERS "users" VERSION "version" VIRTUAL_ADDRESS "virtual-address" XAUTH "xauth" YES "yes" BOTH_WAYS "<->"
%token '{' "'{'" '}' "'}'" ',' "','"

%%

file
	: %empty
	| file END
	| file statement END
	| file error END			{ yyerrok; }
	;

statement
	: INCLUDE text				{ conf_do_include(p, &$2); }
	| SECRETS text				{ conf_do_secrets(p, &$2); }
	| LISTEN listen_list
	| PORT WORD				{ conf_do_port(p, &$2); }
	| NAT_PORT WORD				{ conf_do_nat_port(p, &$2, false); }
	| NAT_PORT OFF				{ conf_do_nat_port(p, &$1, true); }
	| LARVAL_DROP KEEP			{ conf_do_larval(p, &$1, true); }
	| LARVAL_DROP OFF			{ conf_do_larval(p, &$1, false); }
	| COOKIE THRESHOLD WORD			{ conf_do_cookie(p, &$3); }
	| HALF_OPEN WORD			{ conf_do_half_open(p, &$2); }
	| HALF_OPEN PER_SOURCE WORD		{ conf_do_half_open_source(p, &$3); }
	| KEYLOG text				{ conf_do_keylog(p, &$2); }
	| CRL crl_list
	| DROP text BOTH_WAYS text		{ conf_do_drop(p, &$2, &$4); }
	| FETCH YES				{ conf_do_fetch(p, &$1, true); }
	| FETCH NO				{ conf_do_fetch(p, &$1, false); }
	| MODULE				{ conf_do_modules(p, &$1); }
	  module_list
	| PIN_TRIES WORD			{ conf_do_pin_tries(p, &$2); }
	| TOKEN_TIMEOUT WORD			{ conf_do_token_timeout(p, &$2); }
	| TOKEN_CHECK WORD			{ conf_do_token_check(p, &$2); }
	| EXPIRY_WARNING WORD			{ conf_do_expiry_warning(p, &$1, &$2); }
	| EXPIRY_WARNING NEVER			{ conf_do_expiry_warning(p, &$1, NULL); }
	| DEFAULT				{ conf_default_begin(p, &$1); }
	  settings block			{ conf_peer_end(p); }
	| PEER peer_name settings block		{ conf_peer_end(p); }
	| POOL text				{ conf_pool_begin(p, &$2); }
	  '{' pool_inside pool_last '}'		{ conf_pool_end(p); }
	;

pool_inside
	: %empty
	| pool_inside END
	| pool_inside pool_setting END
	| pool_inside error END			{ yyerrok; }
	;

pool_last
	: %empty
	| pool_setting
	| error					{ yyerrok; }
	;

pool_setting
	: ADDRESS range_list
	| DNS dns_list
	| EXCEPT except_list
	| DOMAIN_ text				{ conf_do_domain(p, &$2); }
	| BANNER STRING				{ conf_do_banner(p, &$2); }
	| BANNER FILE_ text			{ conf_do_banner_file(p, &$3); }
	;

range_list
	: text					{ conf_do_range(p, &$1); }
	| range_list ',' text			{ conf_do_range(p, &$3); }
	;

dns_list
	: text					{ conf_do_dns(p, &$1); }
	| dns_list ',' text			{ conf_do_dns(p, &$3); }
	;

except_list
	: text					{ conf_do_except(p, &$1); }
	| except_list ',' text			{ conf_do_except(p, &$3); }
	;

listen_list
	: text					{ conf_do_listen(p, &$1); }
	| listen_list ',' text			{ conf_do_listen(p, &$3); }
	;

peer_name
	: text					{ conf_peer_begin(p, &$1); }
	| ANY					{ conf_peer_begin_any(p, &$1); }
	;

/* In the line of "peer" itself, one after the other. */
settings
	: %empty
	| settings setting
	;

block
	: %empty
	| '{' inside '}'
	| '{' inside setting '}'
	| '{' inside error '}'			{ yyerrok; }
	;

inside
	: %empty
	| inside END
	| inside setting END
	| inside error END			{ yyerrok; }
	;

setting
	: ADDRESS text				{ conf_do_address(p, &$1, &$2); }
	| ADDRESS ANY				{ conf_do_address(p, &$1, NULL); }
	| LOCAL text				{ conf_do_local(p, &$2); }
	| LOCAL ANY				{ conf_do_local_any(p, &$1); }
	| PORT WORD				{ conf_do_peer_port(p, false, &$2); }
	| NAT_PORT WORD				{ conf_do_peer_port(p, true, &$2); }
	| ID LOCAL ANY				{ conf_do_id(p, true, CONF_ID_ANY, &$3); }
	| ID REMOTE ANY				{ conf_do_id(p, false, CONF_ID_ANY, &$3); }
	| ID LOCAL text				{ conf_do_id(p, true, -1, &$3); }
	| ID LOCAL id_type text			{ conf_do_id(p, true, (int)$3.n, &$4); }
	| ID REMOTE text			{ conf_do_id(p, false, -1, &$3); }
	| ID REMOTE id_type text		{ conf_do_id(p, false, (int)$3.n, &$4); }
	| AUTH					{ conf_do_auth(p, &$1, CONF_SIDES); }
	  auth_list
	| AUTH LOCAL				{ conf_do_auth(p, &$1, CONF_SIDE_LOCAL); }
	  auth_list
	| AUTH REMOTE				{ conf_do_auth(p, &$1, CONF_SIDE_REMOTE); }
	  auth_list
	| CERT text				{ conf_do_cert(p, &$2); }
	  passphrase
	| KEY text				{ conf_do_key(p, &$2); }
	  passphrase
	| PIN text				{ conf_do_pin_text(p, &$1, &$2); }
	| PIN FILE_ text			{ conf_do_pin_from(p, &$1, CONF_PIN_FILE, &$3); }
	| PIN CREDENTIAL text			{ conf_do_pin_from(p, &$1, CONF_PIN_CREDENTIAL, &$3); }
	| PIN FD WORD				{ conf_do_pin_from(p, &$1, CONF_PIN_FD, &$3); }
	| PIN ASK				{ conf_do_pin(p, &$1, CONF_PIN_ASK); }
	| PIN ASK KEEP				{ conf_do_pin(p, &$1, CONF_PIN_ASK_KEEP); }
	| PIN PAD				{ conf_do_pin(p, &$1, CONF_PIN_PAD); }
	| LOGIN KEEP				{ conf_do_login(p, &$1, false); }
	| LOGIN EACH				{ conf_do_login(p, &$1, true); }
	| PULLED KEEP				{ conf_do_pulled(p, &$1, CONF_PULLED_KEEP, NULL); }
	| PULLED NO_REKEY			{ conf_do_pulled(p, &$1, CONF_PULLED_NO_REKEY, NULL); }
	| PULLED DOWN				{ conf_do_pulled(p, &$1, CONF_PULLED_DOWN, NULL); }
	| PULLED DOWN AFTER WORD		{ conf_do_pulled(p, &$1, CONF_PULLED_DOWN, &$4); }
	| CA					{ conf_do_cas(p, &$1); }
	  ca_list
	| REMOTE_KEY				{ conf_do_remote_keys(p, &$1); }
	  remote_key_list
	| SIGNATURES				{ conf_do_signatures(p, &$1); }
	  signature_list
	| KEY_FLOOR				{ conf_do_key_floors(p, &$1); }
	  key_floor_list
	| REVOCATION STRICT			{ conf_do_revocation(p, &$1, CONF_REVOCATION_STRICT); }
	| REVOCATION LENIENT			{ conf_do_revocation(p, &$1, CONF_REVOCATION_LENIENT); }
	| REVOCATION OFF			{ conf_do_revocation(p, &$1, CONF_REVOCATION_OFF); }
	| EXPIRED lost_cert			{ conf_do_lost_cert(p, &$1, false, (enum conf_lost_cert)$2.n); }
	| REVOKED lost_cert			{ conf_do_lost_cert(p, &$1, true, (enum conf_lost_cert)$2.n); }
	| VERSION WORD				{ conf_do_version(p, &$2); }
	| EXCHANGE				{ conf_do_exchanges(p, &$1); }
	  exchange_list
	| XAUTH OFF				{ conf_do_xauth(p, &$2); }
	| XAUTH WORD				{ conf_do_xauth(p, &$2); }
	| XAUTH WORD text			{ conf_do_xauth_client(p, &$2, &$3); }
	  password
	| USERS text				{ conf_do_users(p, &$2); }
	| MODE_CONFIG WORD			{ conf_do_mode_config(p, &$2); }
	| PSK STRING				{ conf_do_psk(p, &$2); }
	| PSK WORD				{ conf_do_psk(p, &$2); }
	| PSK FILE_ text			{ conf_do_psk_file(p, &$3); }
	| IKE					{ conf_do_proposals(p, false, &$1); }
	  ike_list
	| ESP					{ conf_do_proposals(p, true, &$1); }
	  esp_list
	| PFS YES				{ conf_do_pfs(p, &$1, true); }
	| PFS NO				{ conf_do_pfs(p, &$1, false); }
	| CHILDLESS ALLOW			{ conf_do_childless(p, &$1, CONF_CHILDLESS_ALLOW); }
	| CHILDLESS PREFER			{ conf_do_childless(p, &$1, CONF_CHILDLESS_PREFER); }
	| CHILDLESS NEVER			{ conf_do_childless(p, &$1, CONF_CHILDLESS_NEVER); }
	| SINGLE_PAIR YES			{ conf_do_single_pair(p, &$1, true); }
	| SINGLE_PAIR NO			{ conf_do_single_pair(p, &$1, false); }
	| TFC WORD				{ conf_do_tfc(p, &$2, false); }
	| TFC OFF				{ conf_do_tfc(p, &$1, true); }
	| UNIQUE REPLACE			{ conf_do_unique(p, &$1, CONF_UNIQUE_REPLACE); }
	| UNIQUE NO				{ conf_do_unique(p, &$1, CONF_UNIQUE_NO); }
	| UNIQUE KEEP				{ conf_do_unique(p, &$1, CONF_UNIQUE_KEEP); }
	| UNIQUE NEVER				{ conf_do_unique(p, &$1, CONF_UNIQUE_NEVER); }
	| CHILDREN WORD				{ conf_do_children(p, &$2); }
	| LIFETIME lifetime_list
	| REKEY JITTER WORD			{ conf_do_jitter(p, &$3); }
	| DPD WORD				{ conf_do_dpd(p, &$2, false); }
	| DPD OFF				{ conf_do_dpd(p, &$1, true); }
	| RETRANSMIT WORD			{ conf_do_retransmit(p, &$2, NULL); }
	| RETRANSMIT WORD WORD			{ conf_do_retransmit(p, &$2, &$3); }
	| REPLAY_WINDOW WORD			{ conf_do_replay(p, &$2); }
	| FRAGMENT WORD				{ conf_do_fragment(p, &$2, false); }
	| FRAGMENT OFF				{ conf_do_fragment(p, &$1, true); }
	| NAT AUTO				{ conf_do_nat(p, &$1, CONF_NAT_AUTO); }
	| NAT FORCE				{ conf_do_nat(p, &$1, CONF_NAT_FORCE); }
	| NAT OFF				{ conf_do_nat(p, &$1, CONF_NAT_OFF); }
	| KEEPALIVE WORD			{ conf_do_keepalive(p, &$2, false); }
	| KEEPALIVE OFF				{ conf_do_keepalive(p, &$1, true); }
	| LINGER WORD				{ conf_do_linger(p, &$2); }
	| POOL text				{ conf_do_pool(p, &$2); }
	| TRAFFIC				{ conf_do_traffic(p, &$1); }
	  local_nets BOTH_WAYS remote_nets
	| START YES				{ conf_do_start(p, &$1, true); }
	| START NO				{ conf_do_start(p, &$1, false); }
	| SERVE YES				{ conf_do_serve(p, &$1, true); }
	| SERVE NO				{ conf_do_serve(p, &$1, false); }
	| VIRTUAL_ADDRESS			{ conf_do_virtual(p, &$1); }
	  family_list virtual_interface
	;

password
	: %empty
	| WORD text				{ conf_do_password(p, &$1, &$2); }
	| WORD ASK				{ conf_do_password(p, &$1, &$2); }
	| WORD FILE_ text			{ conf_do_password_file(p, &$1, &$3); }
	;

auth_list
	: NONE					{ conf_do_auth_way(p, &$1, CONF_AUTH_NONE); }
	| auth_ways
	;

auth_ways
	: auth_way
	| auth_ways ',' auth_way
	;

auth_way
	: PSK					{ conf_do_auth_way(p, &$1, CONF_AUTH_PSK); }
	| CERT					{ conf_do_auth_way(p, &$1, CONF_AUTH_CERT); }
	| KEY					{ conf_do_auth_way(p, &$1, CONF_AUTH_KEY); }
	;

passphrase
	: %empty
	| PASSPHRASE text			{ conf_do_passphrase(p, &$2); }
	| PASSPHRASE FILE_ text			{ conf_do_passphrase_file(p, &$3); }
	;

ca_list
	: text					{ conf_do_ca(p, &$1); }
	| ca_list ',' text			{ conf_do_ca(p, &$3); }
	;

remote_key_list
	: remote_key
	| remote_key_list ',' remote_key
	;

remote_key
	: text					{ conf_do_remote_key(p, &$1, false); }
	| FILE_ text				{ conf_do_remote_key(p, &$2, true); }
	;

exchange_list
	: WORD					{ conf_do_exchange(p, &$1, true); }
	| exchange_list ',' WORD		{ conf_do_exchange(p, &$3, false); }
	;

signature_list
	: WORD					{ conf_do_signature(p, &$1); }
	| signature_list ',' WORD		{ conf_do_signature(p, &$3); }
	;

key_floor_list
	: WORD WORD				{ conf_do_key_floor(p, &$1, &$2); }
	| key_floor_list ',' WORD WORD		{ conf_do_key_floor(p, &$3, &$4); }
	;

/* Its value is in .n. */
lost_cert
	: DOWN					{ $$.n = CONF_LOST_CERT_DOWN; }
	| NO_REKEY				{ $$.n = CONF_LOST_CERT_NO_REKEY; }
	| KEEP					{ $$.n = CONF_LOST_CERT_KEEP; }
	;

module_list
	: module
	| module_list ',' module
	;

module
	: NATIVE				{ conf_do_module(p, &$1, true); }
	| text					{ conf_do_module(p, &$1, false); }
	;

crl_list
	: text					{ conf_do_crl(p, &$1); }
	| crl_list ',' text			{ conf_do_crl(p, &$3); }
	;

local_nets
	: ASSIGNED				{ conf_do_net(p, true, &$1, NULL); }
	| local_list
	;

local_list
	: text					{ conf_do_net(p, true, &$1, &$1); }
	| WORD text				{ conf_do_traffic_mode(p, &$1); conf_do_net(p, true, &$2, &$2); }
	| local_list ',' text			{ conf_do_net(p, true, &$3, &$3); }
	;

remote_nets
	: ASSIGNED				{ conf_do_net(p, false, &$1, NULL); }
	| remote_list
	;

remote_list
	: text					{ conf_do_net(p, false, &$1, &$1); }
	| remote_list ',' text			{ conf_do_net(p, false, &$3, &$3); }
	;

family_list
	: family
	| family_list ',' family
	;

family
	: IPV4					{ conf_do_virtual_family(p, AF_INET); }
	| IPV6					{ conf_do_virtual_family(p, AF_INET6); }
	;

virtual_interface
	: %empty
	| ON text				{ conf_do_virtual_interface(p, &$2); }
	;

/* Its value is the type in .n. */
id_type
	: FQDN					{ $$.n = CONF_ID_FQDN; }
	| USER					{ $$.n = CONF_ID_RFC822; }
	| KEYID					{ $$.n = CONF_ID_KEY_ID; }
	| DN					{ $$.n = CONF_ID_DN; }
	| ADDRESS				{ $$.n = CONF_ID_IPV4; }
	;

ike_list
	: WORD					{ conf_do_proposal(p, false, &$1); }
	| ike_list ',' WORD			{ conf_do_proposal(p, false, &$3); }
	;

esp_list
	: WORD					{ conf_do_proposal(p, true, &$1); }
	| esp_list ',' WORD			{ conf_do_proposal(p, true, &$3); }
	;

lifetime_list
	: lifetime
	| lifetime_list ',' lifetime
	;

lifetime
	: IKE WORD				{ conf_do_life_ike(p, &$2); }
	| REAUTH WORD				{ conf_do_life_reauth(p, &$1, &$2); }
	| REAUTH NEVER				{ conf_do_life_reauth(p, &$1, NULL); }
	| CHILD					{ conf_do_life_child(p, &$1); }
	  amounts
	;

amounts
	: amount
	| amounts amount
	;

amount
	: WORD					{ conf_do_life_amount(p, &$1); }
	| WORD PACKETS				{ conf_do_life_packets(p, &$1); }
	;

text
	: WORD
	| STRING
	;

%%

static void conf_yyerror(struct conf_where *at, struct conf_parser *p, void *scanner, const char *text)
{
	(void)scanner;
	conf_err(p, at, "%s", text);
}

static int yyreport_syntax_error(const yypcontext_t *ctx, struct conf_parser *p, void *scanner)
{
	enum { MAX = sizeof(((struct conf_syntax *)0)->expected) / sizeof(char *) - 1 };
	yysymbol_kind_t kinds[MAX], found = yypcontext_token(ctx);
	struct conf_syntax syn = {
		.at = *yypcontext_location(ctx),
		.found = found == YYSYMBOL_YYEMPTY ? "nothing" : yysymbol_name(found),
	};
	int n = yypcontext_expected_tokens(ctx, kinds, MAX);

	(void)scanner;
	for (int i = 0; i < n; i++) {
		if (kinds[i] == YYSYMBOL_WORD || kinds[i] == YYSYMBOL_STRING)
			syn.word_expected = true;
		else if (kinds[i] == YYSYMBOL_END)
			syn.end_expected = true;
		else if (kinds[i] != YYSYMBOL_YYEOF)
			syn.expected[syn.nexpected++] = yysymbol_name(kinds[i]);
	}
	conf_syntax_error(p, &syn);
	return 0;
}
