/* SPDX-License-Identifier: MIT */
/*
 * The configuration as plain data: what keyd.conf says, with every default filled in. No pointers inside the parts, so
 * each is sent between roles as it is. Secrets are not in here: they go to the auth role alone (conf/psk.h).
 */
#ifndef KEYD_CONF_CONF_H
#define KEYD_CONF_CONF_H

#include "pfkey/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define CONF_NAME_MAX 64		/* with NUL */
#define CONF_HOST_MAX 254		/* bytes of a host name, with NUL */
#define CONF_ADDRS_MAX 8		/* that one name stands for */
#define CONF_PEERS_MAX 4096
#define CONF_LISTEN_MAX 32
#define CONF_PROPOSALS_MAX 4
#define CONF_TRANSFORMS_MAX 32
#define CONF_ID_MAX 512			/* bytes of identification data; a DN in DER */
#define CONF_PATH_MAX 256		/* bytes of the name of a directory, with NUL */
#define CONF_FILES_LEN 8192		/* bytes of all names of files, each with NUL */
#define CONF_NETS_MAX 8			/* networks on one side of "traffic" */
#define CONF_IFNAME_MAX 16		/* with NUL */
#define CONF_VIRTUAL_INTERFACE "gapless0"	/* that holds addresses we are assigned, unless told otherwise */
#define CONF_POOLS_MAX 64
#define CONF_RANGES_MAX 8		/* of addresses in one pool */
#define CONF_DNS_MAX 4
#define CONF_EXCEPT_MAX 32
#define CONF_DOMAIN_MAX 256		/* with NUL */
#define CONF_DROPS_MAX 64
#define CONF_BANNER_MAX 1024		/* bytes of what clients are told when they come, with NUL */
#define CONF_DIGEST_LEN 32		/* SHA-256 */
#define CONF_ROUNDS_MAX 2		/* proofs that one end gives (RFC 4739) */
#define CONF_CAS_MAX 8			/* files of CAs for one peer */
#define CONF_PINS_MAX 4			/* keys that one peer may have */
#define CONF_CA_NAMES_ROOM 1024		/* bytes of their names */
#define CONF_CA_HASHES_MAX 100		/* CAs that a CERTREQ names; with more, it names none, which means any */
#define CONF_CRLS_MAX 64
#define CONF_CRED_NAMES_MAX 8		/* names of our certificate that we may call ourselves by */
#define CONF_CHAIN_MAX 49152		/* bytes of our certificate and those above it */
#define CONF_URI_MAX 1024		/* bytes of a token's URI, with NUL */
#define CONF_PIN_MAX 255		/* bytes of a PIN */
#define CONF_USER_MAX 128		/* bytes of a user's name, with NUL */
#define CONF_PASSWORD_MAX 256		/* bytes of a password */
#define CONF_MODULES_MAX 16		/* PKCS#11 modules */

/* The statements that may stand only once in a peer, then those that may stand only once in the file. */
enum conf_stmt {
	CONF_STMT_ADDRESS, CONF_STMT_LOCAL, CONF_STMT_ID_LOCAL, CONF_STMT_ID_REMOTE, CONF_STMT_AUTH, CONF_STMT_PSK,
	CONF_STMT_IKE, CONF_STMT_ESP, CONF_STMT_PFS, CONF_STMT_LIFE_IKE, CONF_STMT_LIFE_CHILD, CONF_STMT_LIFE_REAUTH, CONF_STMT_JITTER,
	CONF_STMT_DPD, CONF_STMT_RETRANSMIT, CONF_STMT_REPLAY, CONF_STMT_LINGER, CONF_STMT_FRAGMENT,
	CONF_STMT_CHILDLESS, CONF_STMT_SINGLE_PAIR, CONF_STMT_TFC, CONF_STMT_UNIQUE, CONF_STMT_CHILDREN,
	CONF_STMT_PEER_PORT, CONF_STMT_PEER_NAT_PORT, CONF_STMT_NAT, CONF_STMT_KEEPALIVE,
	CONF_STMT_POOL, CONF_STMT_TRAFFIC, CONF_STMT_VIRTUAL, CONF_STMT_START, CONF_STMT_SERVE,
	CONF_STMT_AUTH_LOCAL, CONF_STMT_AUTH_REMOTE, CONF_STMT_CERT, CONF_STMT_KEY, CONF_STMT_CA, CONF_STMT_REMOTE_KEY,
	CONF_STMT_SIGNATURES, CONF_STMT_KEY_FLOOR, CONF_STMT_REVOCATION, CONF_STMT_EXPIRED, CONF_STMT_REVOKED,
	CONF_STMT_PIN, CONF_STMT_LOGIN, CONF_STMT_PULLED,
	CONF_STMT_VERSION, CONF_STMT_EXCHANGE, CONF_STMT_XAUTH, CONF_STMT_USERS, CONF_STMT_MODE_CONFIG,
	CONF_STMT_PEER_END,
	CONF_STMT_DOMAIN = CONF_STMT_PEER_END, CONF_STMT_BANNER, CONF_STMT_POOL_END,
	CONF_STMT_PORT = CONF_STMT_POOL_END, CONF_STMT_LARVAL, CONF_STMT_COOKIE, CONF_STMT_HALF_OPEN,
	CONF_STMT_HALF_OPEN_SOURCE, CONF_STMT_DEFAULT,
	CONF_STMT_NAT_PORT,
	CONF_STMT_KEYLOG, CONF_STMT_FETCH, CONF_STMT_EXPIRY_WARNING,
	CONF_STMT_MODULE, CONF_STMT_PIN_TRIES, CONF_STMT_TOKEN_TIMEOUT, CONF_STMT_TOKEN_CHECK,
	CONF_STMT_END
};

/* Where a statement or a secret stands. line 0: nowhere, it is a default. conf_at_format (load.h) writes it. */
struct conf_at {
	uint32_t line : 24;
	uint32_t file : 8;		/* of conf.files, from 1; 0: a file whose name is not known any more */
};

/* An identity as RFC 7296 3.5 carries it. type 0: not given (then the address it talks from, or what its certificate says). */
struct conf_id {
	uint8_t type;			/* ID_IPV4_ADDR 1, ID_FQDN 2, ID_RFC822_ADDR 3, ID_IPV6_ADDR 5, ID_DER_ASN1_DN 9, ID_KEY_ID 11 */
	uint16_t len;
	uint8_t data[CONF_ID_MAX];
};

/* A transform of RFC 7296 3.3.2: type 1 ENCR, 2 PRF, 3 INTEG, 4 KE, 5 ESN. */
struct conf_transform {
	uint8_t type;
	uint16_t id, key_bits;
};

/* Transforms in order of preference; several of one type are alternatives. */
struct conf_proposal {
	uint8_t n;
	struct conf_transform t[CONF_TRANSFORMS_MAX];
};

struct conf_proposals {
	uint8_t n;
	struct conf_proposal p[CONF_PROPOSALS_MAX];
};

/* SHA-256 of a SubjectPublicKeyInfo, which names a key, or of the certificates in a file, which names a set of CAs. */
struct conf_digest {
	uint8_t b[CONF_DIGEST_LEN];
};

/* How one end proves who it is. */
enum conf_auth {
	CONF_AUTH_NONE,			/* no further round; the first: not at all (hybrid: XAUTH alone says who the client is) */
	CONF_AUTH_PSK,			/* a shared key */
	CONF_AUTH_CERT,			/* a signature; a certificate vouches for the key */
	CONF_AUTH_KEY,			/* a signature; the other end knows the key (RFC 7670) */
};

/* A user's name and password after phase 1 (draft-beaulieu-ike-xauth-02). */
enum conf_xauth {
	CONF_XAUTH_OFF,
	CONF_XAUTH_CLIENT,		/* we give them */
	CONF_XAUTH_SERVER,		/* we ask for them */
};

/* What becomes of an IKE SA whose peer's certificate expires, or is revoked. */
enum conf_lost_cert {
	CONF_LOST_CERT_DOWN,		/* it is deleted */
	CONF_LOST_CERT_NO_REKEY,	/* it is not renewed: it ends when its keys do */
	CONF_LOST_CERT_KEEP,
};

/* What becomes of an IKE SA while the token with our key is away. Values as enum token_pulled. */
enum conf_pulled {
	CONF_PULLED_KEEP,
	CONF_PULLED_NO_REKEY,		/* it is not renewed */
	CONF_PULLED_DOWN,		/* it is deleted, after a while perhaps */
};

/* Who gives a token its PIN. Values as enum card_pin. */
enum conf_pin_how {
	CONF_PIN_ASK,			/* whoever is there: keydctl up, keydctl token unlock */
	CONF_PIN_ASK_KEEP,		/* … and it is used again when the token was away */
	CONF_PIN_GIVEN,			/* the configuration */
	CONF_PIN_PAD,			/* somebody at the reader */
};

/* Where a PIN that is given comes from. */
enum conf_pin_from { CONF_PIN_TEXT, CONF_PIN_FILE, CONF_PIN_CREDENTIAL, CONF_PIN_FD };

/* What becomes of a certificate when nothing current says whether it is revoked. Values as enum crypto_revocation. */
enum conf_revocation { CONF_REVOCATION_OFF, CONF_REVOCATION_LENIENT, CONF_REVOCATION_STRICT };

/* What is asked of signatures and certificates of a peer. */
struct conf_trust {
	uint8_t ncas, npins;
	struct conf_digest ca[CONF_CAS_MAX];	/* sets of CAs that are believed */
	struct conf_digest pin[CONF_PINS_MAX];	/* keys that are its own (CONF_AUTH_KEY) */
	uint32_t schemes;		/* bit n: the n-th of crypto_sig_next() may be used, by either end */
	uint16_t rsa_bits, ec_bits;	/* of each key, at least */
	uint8_t revocation;		/* enum conf_revocation */
	uint8_t expired, revoked;	/* enum conf_lost_cert */
};

/* How an IKE SA of version 1 begins (RFC 2409 5). */
enum conf_exchange {
	CONF_EXCHANGE_MAIN,		/* six messages; who we are is encrypted */
	CONF_EXCHANGE_AGGRESSIVE,	/* three; who we are is not, and with a shared key anybody may guess at that offline */
};

/* Does an IKE SA begin without a child (RFC 6023)? */
enum conf_childless {
	CONF_CHILDLESS_ALLOW,		/* where there is no policy for a child, and where the peer does */
	CONF_CHILDLESS_PREFER,		/* always, if the peer can; the first child has its own key exchange then */
	CONF_CHILDLESS_NEVER,
};

/* What becomes of the IKE SA that a peer has, when one with the same two identities begins another (RFC 7296 2.4). */
enum conf_unique {
	CONF_UNIQUE_REPLACE,		/* it goes if the peer says INITIAL_CONTACT, or has come from elsewhere */
	CONF_UNIQUE_NO,			/* it goes if the peer says INITIAL_CONTACT */
	CONF_UNIQUE_KEEP,		/* it stays and the new one is refused, unless the peer says INITIAL_CONTACT */
	CONF_UNIQUE_NEVER,		/* both stay; INITIAL_CONTACT is neither said nor heeded */
};

/* What NAT traversal does with a peer. */
enum conf_nat {
	CONF_NAT_AUTO,			/* ESP in UDP where a NAT is found */
	CONF_NAT_FORCE,			/* always: the peer is made to believe that there is one */
	CONF_NAT_OFF,			/* never: nothing is said about NAT */
};

/* Of one side of "traffic": a network, or the end of the SA itself, whichever address that has. */
struct conf_net {
	struct ipsec_addr addr;		/* AF_UNSPEC: "host" */
	uint8_t len;
	uint8_t proto;			/* 0: any */
	uint16_t port;			/* 0: any */
};

/* One side of "traffic": networks, or whatever addresses that side is assigned by a configuration payload. */
struct conf_nets {
	bool assigned;
	uint8_t n;
	struct conf_net net[CONF_NETS_MAX];
};

/* What keyd makes policies for by itself (RFC 4301 4.4.1). Both sides empty: policies are setkey's. */
struct conf_traffic {
	struct conf_nets local, remote;
	bool transport;			/* between the two hosts, without a tunnel; each net is "host" */
};

/* What goes from one to the other, or back, and is protected by no policy is dropped. Each has an address. */
struct conf_drop {
	struct conf_net local, remote;
	struct conf_at at;
};

/* Everything about one peer. A peer that is in no section but has a secret gets the defaults. */
struct conf_peer {
	char name[CONF_NAME_MAX];
	struct ipsec_addr remote;	/* AF_UNSPEC: from anywhere */
	uint8_t remote_len;		/* prefix length; a host has all bits */
	/* "address" is a name: what that stands for is in remote, AF_UNSPEC where it is not known (yet), and the rest of it in also. */
	char host[CONF_HOST_MAX];
	uint8_t nalso;
	struct ipsec_addr also[CONF_ADDRS_MAX - 1];
	struct ipsec_addr local;	/* AF_UNSPEC: any of ours */
	uint16_t port, nat_port;	/* that it listens on; 0: the same as ours */
	uint8_t version;		/* of IKE: 1 or 2 */
	uint8_t exchange;		/* enum conf_exchange that we begin with, where version is 1 */
	bool exchange_both;		/* the peer may begin with the other one, too */
	struct conf_id local_id, remote_id;
	bool id_of_cert;		/* local_id is not stated but the first name in our certificate, which may have more */
	uint8_t auth_local[CONF_ROUNDS_MAX], auth_remote[CONF_ROUNDS_MAX];	/* enum conf_auth, round by round */
	uint8_t xauth;			/* enum conf_xauth */
	char xauth_user[CONF_USER_MAX];	/* CONF_XAUTH_CLIENT: who we are */
	struct conf_digest login;	/* … and what names our password to the auth role */
	char login_file[CONF_PATH_MAX];	/* that it was read from: its whole name; "": it stands in the configuration, or is asked for */
	bool login_asked;
	struct conf_digest users;	/* CONF_XAUTH_SERVER: names the file of users to the auth role */
	char users_file[CONF_PATH_MAX];
	bool mode_push;			/* mode config: the side that has the addresses tells them unasked */
	struct conf_digest key;		/* ours, for signatures: the auth role has it, conf.creds what vouches for it */
	uint8_t pulled;			/* enum conf_pulled, of the token that it is on */
	uint32_t pulled_after;		/* seconds that the token may be away before CONF_PULLED_DOWN */
	struct conf_trust trust;
	struct conf_proposals ike, esp;
	bool pfs;			/* a KE in each child rekey */
	uint8_t childless;		/* enum conf_childless */
	bool single_pair;		/* each child is for one pair of addresses (RFC 7296 2.9) */
	uint16_t tfc;			/* bytes that shorter packets in tunnels are padded to (RFC 4303 2.7); 0: none */
	uint8_t unique;			/* enum conf_unique */
	uint32_t children;		/* of one IKE SA, at most */
	uint32_t ike_lifetime;		/* seconds until the IKE SA is rekeyed (soft) */
	uint32_t reauth_lifetime;	/* seconds until both sides prove anew who they are; 0: never */
	uint32_t child_lifetime;	/* seconds until a child is rekeyed (soft) */
	uint64_t child_bytes;		/* soft limits, 0: none */
	uint64_t child_packets;
	uint32_t jitter;		/* per cent that a soft limit is shortened by at most, at random */
	uint32_t dpd;			/* seconds without a sign of life before we ask; 0: never */
	uint32_t replay_window;		/* packets */
	uint32_t retransmit_ms;		/* first wait for an answer; doubles each time */
	uint32_t retransmit_tries;	/* sendings in all before the peer counts as dead */
	uint16_t fragment_size;		/* IKE in IP datagrams longer than this is fragmented (RFC 7383), bytes; 0: never */
	uint8_t nat;			/* enum conf_nat */
	uint32_t keepalive;		/* seconds of silence after which we keep a NAT's mapping alive; 0: never */
	uint32_t linger;		/* seconds that an old inbound SA stays for stragglers */
	bool start;			/* keyd begins the tunnel by itself */
	bool refuse;			/* "serve no": nothing is begun with the peer, and it gets nothing */
	struct conf_traffic traffic;
	char pool[CONF_NAME_MAX];	/* the peer's addresses come from here; "": from nowhere */
	bool virtual_v4, virtual_v6;	/* we ask the peer for an address of ours */
	char virtual_interface[CONF_IFNAME_MAX];	/* that holds them; "": none are asked for */
	struct conf_at section;		/* its head; line 0: there is none */
	struct conf_at at[CONF_STMT_PEER_END];	/* its statements, or those of the defaults that it started from */
};

/* Addresses that are given out. */
struct conf_range {
	struct ipsec_addr first, last;
	uint8_t len;			/* written as a prefix of this length, whose ends are not given out; 0: as first-last */
};

/* Addresses for peers that ask for one, and what they are told beside it (RFC 7296 3.15.1). */
struct conf_pool {
	char name[CONF_NAME_MAX];
	uint8_t nranges, ndns, nexcept;
	struct conf_range range[CONF_RANGES_MAX];
	struct ipsec_addr dns[CONF_DNS_MAX];
	struct ipsec_addr except[CONF_EXCEPT_MAX];	/* in a range, and yet not given out */
	char domain[CONF_DOMAIN_MAX];	/* that the servers know (RFC 8598); "": all */
	char banner[CONF_BANNER_MAX];	/* for people at clients of IKEv1; "": none */
};

/* A key of ours, and what we show for it. */
struct conf_cred {
	struct conf_digest key;		/* of a token's key that nobody has seen yet: its uri */
	struct conf_digest uri;		/* of a key on a token: SHA-256 of its URI, by which it was known until it was seen */
	bool token;			/* it is on a token, see conf.tokens */
	bool unseen;			/* … and it or its certificate is not known yet: spki, chain and names are empty */
	struct conf_at at;		/* of "cert", or "key" where there is no certificate */
	uint32_t nchain;		/* bytes; 0: there is no certificate, what we show is the key itself */
	uint8_t *chain;			/* owned: certificates, ours first, each as a length of 4 bytes in network order and DER */
	uint32_t nspki;
	uint8_t *spki;			/* owned: the public key, SubjectPublicKeyInfo in DER */
	struct conf_id names[CONF_CRED_NAMES_MAX];	/* of our certificate, its subject first; type 0: no more */
	/* Where it was read from: whole names of files, or "". key_file: not where cert_file has the key in it. */
	char cert_file[CONF_PATH_MAX], key_file[CONF_PATH_MAX], passphrase_file[CONF_PATH_MAX];
	bool passphrase;		/* one stands in the configuration itself */
};

/* A key of ours on a token: which one, and how the token gets its PIN. */
struct conf_token {
	struct conf_digest key;		/* of its struct conf_cred */
	struct conf_at at;
	char uri[CONF_URI_MAX];		/* RFC 7512 */
	bool cert;			/* our certificate is the token's: "cert URI" */
	bool fixed;			/* it is the key of a certificate in a file, and no other will do */
	uint8_t pin;			/* enum conf_pin_how; CONF_PIN_GIVEN: it is in the secrets */
	uint8_t from;			/* enum conf_pin_from */
	bool each;			/* it is logged out after each signature */
	struct conf_at pin_at;
	char pin_name[CONF_PATH_MAX];	/* of a file or a credential, or a descriptor's number */
};

/* A set of CAs: the certificates of one file. */
struct conf_ca {
	struct conf_digest set;
	struct conf_at at;
	char file[CONF_PATH_MAX];	/* its whole name */
	uint16_t n;			/* 0: more than CONF_CA_HASHES_MAX */
	uint8_t hash[CONF_CA_HASHES_MAX][20];	/* what CERTREQ names each by: SHA-1 of its SubjectPublicKeyInfo (RFC 7296 3.7) */
	uint16_t nnames;		/* bytes; 0: more than there is room for */
	/* what CERTREQ of IKEv1 names each by: its subject in DER, behind its length in 2 bytes in network order */
	uint8_t names[CONF_CA_NAMES_ROOM];
	uint32_t ncerts;		/* bytes */
	uint8_t *certs;			/* owned, for the trust role: each as a length of 4 bytes in network order and DER */
};

/* A peer's key that the configuration names, for the trust role. */
struct conf_pin {
	struct conf_digest key;
	struct conf_at at;
	uint32_t nspki;
	uint8_t *spki;			/* owned: SubjectPublicKeyInfo in DER */
};

/* Where revocation lists are. */
struct conf_crl {
	char where[CONF_PATH_MAX];	/* the whole name of a file or of a folder of files, or an http URL */
	bool url;
	struct conf_at at;
};

struct conf {
	struct ipsec_addr listen[CONF_LISTEN_MAX];
	unsigned nlisten;		/* 0: every address, v4 and v6 */
	struct conf_drop drop[CONF_DROPS_MAX];
	unsigned ndrops;
	uint16_t port;			/* 500 */
	uint16_t nat_port;		/* 4500: IKE with a marker, and ESP in UDP; 0: none, and no NAT traversal */
	bool larval_drop;		/* leave net.core.xfrm_larval_drop alone */
	uint32_t cookie_threshold;	/* half-open IKE SAs from which on COOKIE is asked for */
	uint32_t half_open_max;
	uint32_t half_open_per_source;	/* of one IPv4 address or IPv6 /64 */
	char keylog[CONF_PATH_MAX];	/* where keys are written for Wireshark; "": nowhere */
	struct conf_at at[CONF_STMT_END];	/* the statements that are not of a peer */
	struct conf_at secrets;		/* the newest file of secrets, line 1; line 0: there is none */
	char files[CONF_FILES_LEN];	/* the names that struct conf_at counts, each with NUL, then an empty one */
	struct conf_peer defaults;	/* for peers in no section; name "default" */
	struct conf_peer *peers;	/* owned, npeers of them, in file order */
	unsigned npeers;
	struct conf_pool *pools;	/* owned, npools of them */
	unsigned npools;
	struct conf_cred *creds;	/* owned, ncreds of them, one for each key */
	unsigned ncreds;
	struct conf_ca *cas;		/* owned, ncas of them, one for each set */
	unsigned ncas;
	struct conf_pin *pins;		/* owned, npins of them, one for each key */
	unsigned npins;
	struct conf_crl *crls;		/* owned, ncrls of them */
	unsigned ncrls;
	struct conf_token *tokens;	/* owned, ntokens of them, one for each key */
	unsigned ntokens;
	char modules[CONF_MODULES_MAX][CONF_PATH_MAX];	/* of PKCS#11: names or whole names of files; "": no more */
	bool native;			/* OpenPGP and PIV cards, without any module */
	uint32_t pin_tries;		/* with fewer of them left only somebody who is there may try a PIN */
	uint32_t token_timeout;		/* seconds that a token may take for what nobody has to type for */
	uint32_t token_check;		/* seconds between looks at tokens, for readers that lose events */
	bool fetch;			/* revocation lists and OCSP answers are fetched by http */
	uint32_t expiry_warning;	/* days before a certificate runs out that it is spoken of; 0: never */
};

#endif
