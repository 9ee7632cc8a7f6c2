/* SPDX-License-Identifier: MIT */
/* Private to keyd/conf: what lexer, grammar and the functions behind the statements share while a file is read. */
#ifndef KEYD_CONF_PARSER_H
#define KEYD_CONF_PARSER_H

#include "keyd/conf/ipsec_secrets.h"
#include "keyd/conf/load.h"
#include "keyd/conf/quantity.h"
#include "keyd/crypto/cert.h"

#define CONF_FILE_MAX (4 << 20)		/* bytes */
#define CONF_DEPTH_MAX 8		/* files that include files */
#define CONF_ERRORS_MAX 20		/* then we stop reading */

struct conf_where {
	const char *file;
	unsigned line, column;		/* from 1; column in bytes; 0: not known */
};

/* A token. s has a NUL after n bytes, belongs to the parser and is cleansed when the parsing is over. */
struct conf_word {
	struct conf_where at;
	char *s;
	size_t n;
	bool quoted;
};

/* How far the reading of one file has come. */
struct conf_place {
	const char *file;
	const struct conf_origin *origins;	/* of its lines, norigins of them; NULL: they are its own */
	unsigned norigins;
	const char *exposed;		/* why it may not hold a secret; NULL: it may */
	unsigned depth;			/* of includes; the first file has 1 */
	unsigned line, column;
	struct conf_word word;		/* the newest token: text, */
	int token, before;		/* …kind, and the kind of the one before */
	int hint, next_hint;		/* the keyword whose value stands here, and after this token */
	bool recovering;		/* a syntax error was found in this statement */
	bool at_end;
	unsigned skip_depth;		/* braces to be skipped, of a block nobody knows */
};

/* A file of certificates or keys that was read already. */
struct conf_read;

/* What a section says of a token's PIN. */
struct conf_pin_said {
	struct conf_where at;		/* line 0: nothing */
	enum conf_pin_how pin;
	enum conf_pin_from from;
	const char *name;		/* of a file or a credential, a descriptor's number; NULL: it has none */
	struct secret text;		/* that is given */
	bool each;			/* it is logged out after each signature */
	struct conf_where login_at;	/* line 0: nothing */
};

/* What the peer being read says of its own certificate and key, before they are read together. */
struct conf_own {
	const char *cert, *key;		/* whole names of files, or URIs; NULL: not stated in this section */
	struct conf_where cert_at, key_at;
	const char *passphrase_file;	/* NULL: there is none */
	struct secret passphrase;
	struct view inside;		/* the key itself in DER, out of a file of secrets; empty: it is not there */
	struct conf_pin_said pin;
	bool failed;			/* something was wrong already */
};

struct conf_parser {
	struct conf *conf;
	struct conf_secrets *secrets;
	conf_error_fn *err;
	void *err_arg;
	unsigned errors;
	int error;			/* the -errno to return; -EINVAL unless a file says otherwise */
	bool no_files;			/* from memory: no other file may be read */
	struct conf_chunk *chunks;	/* every string; cleansed at the end */
	struct conf_where seen[CONF_STMT_END];
	/* the peer being read */
	struct conf_peer peer;
	struct conf_where peer_at;
	struct secret psk;
	struct conf_own own;
	struct conf_pin_said default_pin;	/* of the section "default" */
	bool secrets_foreseen;		/* those that the first file names are in ipsec already */
	struct ipsec_secrets ipsec;	/* of files of secrets: what is to be had for sections */
	struct conf_ipsec_key *ipsec_keys;	/* owned; of each key there, what came of opening it; NULL: nothing was */
	const struct conf_sights *sights;	/* what is known of tokens; NULL: nothing */
	struct secret password;		/* of "xauth client" in the section that is being read */
	bool password_failed;		/* … or what was wrong with it was reported */
	bool defaults_failed;		/* their certificate or key could not be read */
	unsigned auth_sides, auth_round;	/* of the statement "auth" that is being read: enum conf_side, rounds so far */
	bool is_default, has_psk, address_set;
	/* of all peers so far */
	struct conf_where *peers_at;
	unsigned peers_room;
	struct conf_read *read;
	unsigned nread;
	/* the pool being read, and where all of them are */
	struct conf_pool pool;
	struct conf_where pool_at, pools_at[CONF_POOLS_MAX];
	bool pool_has_range;		/* though perhaps a wrong one */
	struct conf_place place;
};

#define CONF_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* One line "where: sentence" to the caller's function; counts as an error. */
void conf_err(struct conf_parser *p, const struct conf_where *at, const char *fmt, ...) CONF_PRINTF(3, 4);
/* The same with "warning:" in front; is no error. */
void conf_warn(struct conf_parser *p, const struct conf_where *at, const char *fmt, ...) CONF_PRINTF(3, 4);
/* n bytes (and a NUL) that live until the parser ends; NULL without memory, which was reported. */
char *conf_keep(struct conf_parser *p, const char *s, size_t n);

/* Where the next token stands, for whoever wrote it. */
struct conf_where conf_here(const struct conf_parser *p);
/* The same place as plain data. */
struct conf_at conf_at_of(struct conf_parser *p, const struct conf_where *at);

/* load.c: reads one file on top of what is read already; from: where it is mentioned, or NULL. */
void conf_parse_file(struct conf_parser *p, const char *path, const struct conf_where *from);
/* syntax.c: the sentence for a syntax error. */
struct conf_syntax {
	struct conf_where at;
	const char *found;		/* display name of the token */
	const char *expected[64];	/* ended by NULL */
	unsigned nexpected;
	bool word_expected;		/* a word or string would do */
	bool end_expected;		/* the statement may end here */
};
void conf_syntax_error(struct conf_parser *p, const struct conf_syntax *syn);

/* keyword.c */
struct conf_keyword {
	const char *text;
	int token;
	const char *value;		/* what a word after it is, for messages; NULL: nothing special */
};
const struct conf_keyword *conf_keyword_find(const char *text, size_t n);
const struct conf_keyword *conf_keyword_of_token(int token);
/* Is it a word like others, behind a keyword that has a value? Files and peers may well have such names. */
bool conf_keyword_is_value(int token, int before);
/* The nearest of candidates (ended by NULL) that a typist may have meant, or NULL. */
const char *conf_did_you_mean(const char *text, const char *const *candidates);

/* global.c: statements outside of peers. */
void conf_do_include(struct conf_parser *p, const struct conf_word *path);
void conf_do_secrets(struct conf_parser *p, const struct conf_word *path);
/* What of it is for sections, which may stand above the statement; what is wrong with it is told by conf_do_secrets. */
void conf_foresee_secrets(struct conf_parser *p, const struct conf_word *path);
void conf_do_listen(struct conf_parser *p, const struct conf_word *addr);
void conf_do_port(struct conf_parser *p, const struct conf_word *w);
void conf_do_nat_port(struct conf_parser *p, const struct conf_word *w, bool off);
void conf_do_larval(struct conf_parser *p, const struct conf_word *at, bool keep);
void conf_do_cookie(struct conf_parser *p, const struct conf_word *w);
void conf_do_half_open(struct conf_parser *p, const struct conf_word *w);
void conf_do_half_open_source(struct conf_parser *p, const struct conf_word *w);
void conf_do_keylog(struct conf_parser *p, const struct conf_word *w);
void conf_do_fetch(struct conf_parser *p, const struct conf_word *at, bool yes);
/* w NULL: never. */
void conf_do_expiry_warning(struct conf_parser *p, const struct conf_word *at, const struct conf_word *w);
void conf_globals_check(struct conf_parser *p);		/* when all is read */

/* peer.c: a section from its head to its end, and the checks over all its statements. */
void conf_peer_begin(struct conf_parser *p, const struct conf_word *name);
void conf_peer_begin_any(struct conf_parser *p, const struct conf_word *at);
void conf_default_begin(struct conf_parser *p, const struct conf_word *at);
void conf_peer_end(struct conf_parser *p);

/* pool.c: a pool's section, and what one peer says of the addresses that are assigned. */
void conf_pool_begin(struct conf_parser *p, const struct conf_word *name);
void conf_do_range(struct conf_parser *p, const struct conf_word *w);
void conf_do_dns(struct conf_parser *p, const struct conf_word *w);
void conf_do_except(struct conf_parser *p, const struct conf_word *w);
void conf_do_banner(struct conf_parser *p, const struct conf_word *w);
void conf_do_banner_file(struct conf_parser *p, const struct conf_word *w);
void conf_do_domain(struct conf_parser *p, const struct conf_word *w);
void conf_pool_end(struct conf_parser *p);
void conf_do_pool(struct conf_parser *p, const struct conf_word *w);
void conf_pools_check(struct conf_parser *p);		/* when all is read */

/* traffic.c: statements of a peer for which keyd makes the policies. */
void conf_do_traffic(struct conf_parser *p, const struct conf_word *at);
void conf_do_traffic_mode(struct conf_parser *p, const struct conf_word *w);
/* One of the networks on a side; w NULL: the assigned addresses. */
void conf_do_net(struct conf_parser *p, bool local, const struct conf_word *at, const struct conf_word *w);
void conf_do_start(struct conf_parser *p, const struct conf_word *at, bool yes);
void conf_do_virtual(struct conf_parser *p, const struct conf_word *at);
void conf_do_virtual_family(struct conf_parser *p, uint16_t family);
void conf_do_virtual_interface(struct conf_parser *p, const struct conf_word *w);
/* What is protected by nothing between two networks is dropped; a statement of the file. */
void conf_do_drop(struct conf_parser *p, const struct conf_word *local, const struct conf_word *remote);
void conf_traffic_check(struct conf_parser *p);		/* of the peer that is being read */

/* setting.c: statements of a peer. at is the statement's keyword. */
void conf_do_address(struct conf_parser *p, const struct conf_word *at, const struct conf_word *w);	/* NULL: any */
void conf_do_local(struct conf_parser *p, const struct conf_word *w);
void conf_do_local_any(struct conf_parser *p, const struct conf_word *at);
/* type -1: guess. */
void conf_do_id(struct conf_parser *p, bool local, int type, const struct conf_word *w);
void conf_do_psk(struct conf_parser *p, const struct conf_word *w);
void conf_do_psk_file(struct conf_parser *p, const struct conf_word *path);
void conf_do_proposals(struct conf_parser *p, bool esp, const struct conf_word *at);
void conf_do_proposal(struct conf_parser *p, bool esp, const struct conf_word *w);
void conf_do_pfs(struct conf_parser *p, const struct conf_word *at, bool on);
void conf_do_serve(struct conf_parser *p, const struct conf_word *at, bool yes);
void conf_do_childless(struct conf_parser *p, const struct conf_word *at, enum conf_childless how);
void conf_do_single_pair(struct conf_parser *p, const struct conf_word *at, bool on);
void conf_do_version(struct conf_parser *p, const struct conf_word *w);
void conf_do_exchanges(struct conf_parser *p, const struct conf_word *at);
/* first: the one that we begin with. */
void conf_do_exchange(struct conf_parser *p, const struct conf_word *w, bool first);
void conf_do_unique(struct conf_parser *p, const struct conf_word *at, enum conf_unique how);
void conf_do_children(struct conf_parser *p, const struct conf_word *w);
void conf_do_tfc(struct conf_parser *p, const struct conf_word *w, bool off);
void conf_do_life_ike(struct conf_parser *p, const struct conf_word *w);
/* w NULL: never. */
void conf_do_life_reauth(struct conf_parser *p, const struct conf_word *at, const struct conf_word *w);
void conf_do_life_child(struct conf_parser *p, const struct conf_word *at);
void conf_do_life_amount(struct conf_parser *p, const struct conf_word *w);
void conf_do_life_packets(struct conf_parser *p, const struct conf_word *w);
void conf_do_jitter(struct conf_parser *p, const struct conf_word *w);
void conf_do_dpd(struct conf_parser *p, const struct conf_word *w, bool off);
void conf_do_retransmit(struct conf_parser *p, const struct conf_word *wait, const struct conf_word *tries);
void conf_do_replay(struct conf_parser *p, const struct conf_word *w);
void conf_do_fragment(struct conf_parser *p, const struct conf_word *w, bool off);
void conf_do_peer_port(struct conf_parser *p, bool nat, const struct conf_word *w);
void conf_do_nat(struct conf_parser *p, const struct conf_word *at, enum conf_nat nat);
void conf_do_keepalive(struct conf_parser *p, const struct conf_word *w, bool off);
void conf_do_linger(struct conf_parser *p, const struct conf_word *w);

/* cert.c: statements of a peer about proofs, certificates and keys. */
enum conf_side { CONF_SIDE_LOCAL = 1, CONF_SIDE_REMOTE = 2, CONF_SIDES = 3 };
void conf_do_auth(struct conf_parser *p, const struct conf_word *at, enum conf_side sides);
void conf_do_auth_way(struct conf_parser *p, const struct conf_word *at, enum conf_auth way);
void conf_do_cert(struct conf_parser *p, const struct conf_word *w);
void conf_do_key(struct conf_parser *p, const struct conf_word *w);
void conf_do_passphrase(struct conf_parser *p, const struct conf_word *w);
void conf_do_passphrase_file(struct conf_parser *p, const struct conf_word *w);
void conf_do_cas(struct conf_parser *p, const struct conf_word *at);
void conf_do_ca(struct conf_parser *p, const struct conf_word *w);
void conf_do_remote_keys(struct conf_parser *p, const struct conf_word *at);
void conf_do_remote_key(struct conf_parser *p, const struct conf_word *w, bool file);
void conf_do_signatures(struct conf_parser *p, const struct conf_word *at);
void conf_do_signature(struct conf_parser *p, const struct conf_word *w);
void conf_do_key_floors(struct conf_parser *p, const struct conf_word *at);
void conf_do_key_floor(struct conf_parser *p, const struct conf_word *kind, const struct conf_word *bits);
void conf_do_revocation(struct conf_parser *p, const struct conf_word *at, enum conf_revocation how);
void conf_do_lost_cert(struct conf_parser *p, const struct conf_word *at, bool revoked, enum conf_lost_cert how);
void conf_do_crl(struct conf_parser *p, const struct conf_word *w);	/* outside of peers */
/* cert_check.c: of the peer that is being read; before its secret is kept. */
void conf_cert_check(struct conf_parser *p);

/* material.c: certificates and keys out of files into p->conf, each file once, and the same thing once. */
/* Before anything is hashed: crypto_init. false: it failed (reported). */
bool conf_crypto_ready(struct conf_parser *p, const struct conf_where *at);
/* The whole name of a file; NULL: it has none, or too long a one (reported). Lives as long as the parser. */
const char *conf_file_name(struct conf_parser *p, const struct conf_word *w);
enum conf_read_kind { CONF_READ_OWN, CONF_READ_OPENED /* the same with a passphrase */, CONF_READ_CA, CONF_READ_PIN, CONF_READ_USERS };
/* Has this been read? Then true, and *out is what came of it; all zero: nothing, which was reported. b may be NULL. */
bool conf_read_find(struct conf_parser *p, enum conf_read_kind kind, const char *a, const char *b, struct conf_digest *out);
void conf_read_note(struct conf_parser *p, enum conf_read_kind kind, const char *a, const char *b,
		    const struct conf_digest *digest);
/* Room for one more in an array of n elements that was made here; NULL: none (reported). */
void *conf_grow(struct conf_parser *p, void *array, unsigned n, size_t size);
bool conf_digest_equal(const struct conf_digest *a, const struct conf_digest *b);
bool conf_digest_is_none(const struct conf_digest *d);
/* Of a public key. NULL: no memory (reported). What is returned is spki, malloced. */
uint8_t *conf_key_digest(struct conf_parser *p, const struct crypto_key *k, struct conf_digest *digest, uint32_t *nspki);
/* false: reported. */
bool conf_ca_read(struct conf_parser *p, const struct conf_word *w, struct conf_digest *set);
bool conf_pin_read(struct conf_parser *p, const struct conf_word *w, bool file, struct conf_digest *key);

/* token.c: statements about keys on tokens. */
void conf_do_pin(struct conf_parser *p, const struct conf_word *at, enum conf_pin_how pin);
void conf_do_pin_text(struct conf_parser *p, const struct conf_word *at, const struct conf_word *w);
/* A file's or a credential's name, or a descriptor's number. */
void conf_do_pin_from(struct conf_parser *p, const struct conf_word *at, enum conf_pin_from from, const struct conf_word *w);
void conf_do_login(struct conf_parser *p, const struct conf_word *at, bool each);
/* after NULL: at once. */
void conf_do_pulled(struct conf_parser *p, const struct conf_word *at, enum conf_pulled what, const struct conf_word *after);
void conf_do_modules(struct conf_parser *p, const struct conf_word *at);
void conf_do_module(struct conf_parser *p, const struct conf_word *w, bool native);
void conf_do_pin_tries(struct conf_parser *p, const struct conf_word *w);
void conf_do_token_timeout(struct conf_parser *p, const struct conf_word *w);
void conf_do_token_check(struct conf_parser *p, const struct conf_word *w);
/* The statements of a section together, before its key is read. */
void conf_pin_check(struct conf_parser *p);
void conf_pin_clear(struct conf_pin_said *s);
/* Is this a token's URI and no file's name? */
bool conf_is_token(const char *name);
/* What is known of the key that a URI names; NULL: nothing yet. */
const struct conf_sight *conf_sight_find(struct conf_parser *p, const char *uri);
/* The handle of a key that nobody has seen. false: no memory (reported). */
bool conf_uri_digest(struct conf_parser *p, const char *uri, struct conf_digest *digest);
/* The token of a key, with what the section says of its PIN. false: another section says otherwise, or no memory (reported). */
bool conf_token_keep(struct conf_parser *p, const struct conf_digest *key, const char *uri, const struct conf_where *at, bool cert);

/* xauth.c: users and passwords (IKEv1), and what else is of IKEv1 alone. */
void conf_do_xauth(struct conf_parser *p, const struct conf_word *what);		/* server or off */
void conf_do_xauth_client(struct conf_parser *p, const struct conf_word *what, const struct conf_word *user);
/* word: "password" */
void conf_do_password(struct conf_parser *p, const struct conf_word *word, const struct conf_word *w);
void conf_do_password_file(struct conf_parser *p, const struct conf_word *word, const struct conf_word *w);
void conf_do_users(struct conf_parser *p, const struct conf_word *w);
void conf_do_mode_config(struct conf_parser *p, const struct conf_word *w);
/* Of the peer that is being read; its password is kept. */
void conf_xauth_check(struct conf_parser *p);
/* xauth_password.c: the password for the section that is being read, of files like ipsec.secrets; NULL: there is none. */
const struct secret *conf_xauth_of_ipsec(const struct conf_parser *p);
/* Of files like psk.txt, for all sections that have none yet, when all are read: as racoon has them, under the user's name. */
void conf_xauth_of_racoon(struct conf_parser *p);
/* users.c: what a user may be called. */
bool conf_user_ok(const char *s, size_t n);
/* Reads a file of users into p->secrets->logins; *users: what names it. false: reported. */
bool conf_users_read(struct conf_parser *p, const struct conf_word *w, const char *name, struct conf_digest *users);
/* One more; l's secrets are moved. false: no memory (reported). */
bool conf_login_add(struct conf_parser *p, struct conf_login *l);

/* ipsec_use.c: what files of secrets have for the section that is being read. */
/* The key of its certificate, if that has none beside it and none is stated. */
void conf_ipsec_key(struct conf_parser *p);
/* The PIN for the token of its key. */
void conf_ipsec_pin(struct conf_parser *p, const char *uri);
void conf_ipsec_free(struct conf_parser *p);

/* own.c: reads what p->own names into p->conf->creds and p->secrets->keys; *key stays as it is when that fails (reported). */
void conf_own_read(struct conf_parser *p, struct conf_digest *key);
/* The credential of a key, or NULL. */
struct conf_cred *conf_cred_find(const struct conf *c, const struct conf_digest *key);
/* The first certificate of its chain; NULL: there is none. Free with crypto_cert_free. */
struct crypto_cert *conf_cred_cert(const struct conf_cred *cred);

/* A duration of whole seconds within bounds; false when it is none, which was reported. */
bool conf_seconds(struct conf_parser *p, const struct conf_word *w, uint32_t min, uint32_t max, uint32_t *out);
/* Notes that stmt stands here; false (and an error) when it stood before. */
bool conf_once(struct conf_parser *p, enum conf_stmt stmt, const struct conf_word *at);

/* Values. Each reports what is wrong and then returns false or NULL. */
bool conf_number(struct conf_parser *p, const struct conf_word *w, uint64_t min, uint64_t max, uint32_t *out);
bool conf_address(struct conf_parser *p, const struct conf_word *w, struct ipsec_addr *out);
/* A name relative to the file that mentions it; lives as long as the parser. */
const char *conf_path(struct conf_parser *p, const struct conf_word *w);
/* An address or a prefix, put into the peer that is being read. false: it is neither (this is not reported). */
bool conf_remote(struct conf_parser *p, const struct conf_word *w);
/* The same without a parser; *len is UINT8_MAX where the prefix length is wrong. */
bool conf_remote_parse(const char *text, struct ipsec_addr *addr, uint8_t *len);

/* proposal.c: the words of one proposal, joined by '-', into *out. false when something was wrong and reported. */
bool conf_proposal_parse(struct conf_parser *p, bool esp, const struct conf_word *w, struct conf_proposal *out);

/* dump.c: a word, in quotes where it needs them. dump_cert.c: the settings about certificates, as dump.c writes others. */
void conf_dump_name(FILE *out, const char *name);
void conf_dump_cert(FILE *out, const struct conf *c, const struct conf_peer *peer, const struct conf_peer *base);
void conf_dump_revocation(FILE *out, const struct conf *c);

/* From the generated scanner and grammar. */
int conf_scan(struct conf_parser *p, char *text, size_t n);	/* text[n] and text[n + 1] are NUL; it is written to */
/* Each file that a statement "secrets" of this text names, outside of sections; up to the first thing that is no word of ours. */
void conf_scan_secrets(struct conf_parser *p, char *text, size_t n, void (*found)(void *arg, const struct conf_word *file), void *arg);

#endif
