/* SPDX-License-Identifier: MIT */
/* Private to the reading of ipsec.conf: a conn with all that %default and also= give it. */
#ifndef KEYD_IMPORT_IPSEC_H
#define KEYD_IMPORT_IPSEC_H

#include "keyd/import/draft.h"

/* What a conn says; the names of the three projects for one thing are one key. */
enum conn_key {
	KEY_NONE,
	KEY_ALSO, KEY_AUTO, KEY_TYPE, KEY_AUTHBY, KEY_KEYEXCHANGE, KEY_IKEV2, KEY_IKE, KEY_ESP, KEY_PHASE2,
	KEY_AGGRESSIVE, KEY_IKELIFETIME, KEY_LIFETIME, KEY_LIFEBYTES, KEY_LIFEPACKETS, KEY_MARGIN, KEY_PFS,
	KEY_PFSGROUP, KEY_DPDDELAY, KEY_DPDACTION, KEY_FRAGMENTATION, KEY_FORCEENCAPS, KEY_REAUTH, KEY_REKEY, KEY_TFC,
	KEY_REPLAY, KEY_XAUTH, KEY_XAUTHID, KEY_MODECFG, KEY_CFGPULL, KEY_CFGDNS, KEY_CFGDOMAIN, KEY_CFGBANNER,
	KEY_KEEPALIVE, KEY_INITIAL_CONTACT, KEY_AH, KEY_RETRANSMIT_TIMEOUT, KEY_RETRANSMIT_INTERVAL, KEY_FAILURESHUNT,
	KEY_NEGOTIATIONSHUNT, KEY_PAM, KEY_DNS_MATCH, KEY_PPK, KEY_LABEL,
	/* of one side */
	KEY_HOST, KEY_SUBNET, KEY_SUBNETS, KEY_SOURCEIP, KEY_CERT, KEY_ID, KEY_AUTH, KEY_AUTH2, KEY_RSASIGKEY,
	KEY_PROTOPORT, KEY_ADDRESSPOOL, KEY_DNS, KEY_XAUTHCLIENT, KEY_XAUTHSERVER, KEY_XAUTHUSER, KEY_MODECFGCLIENT,
	KEY_MODECFGSERVER, KEY_IKEPORT, KEY_UPDOWN, KEY_CA, KEY_CERTPOLICY, KEY_GROUPS,
	KEY_END
};

enum { LEFT, RIGHT, SIDES };

struct ipsec_conn {
	const struct import_stmt *section;
	const struct import_stmt *said[SIDES][KEY_END];	/* what is of no side is LEFT's */
	unsigned local;			/* LEFT or RIGHT: which is this machine */
	struct draft_peer *peer;
	const struct import_stmt *lacks;	/* names a section that is not there; or NULL */
};

/* Whose file it is, as far as its words tell: that decides which IKE a conn speaks that does not say so. */
enum ipsec_daemon {
	IPSEC_ANY,		/* several have such words: both versions, as strongSwan has it and Libreswan had */
	IPSEC_PLUTO,		/* FreeS/WAN's or Openswan's: IKEv1 */
	IPSEC_LIBRESWAN,	/* from version 4 on: IKEv2 */
};

struct ipsec {
	struct draft *d;
	const char *dir;		/* of the file */
	const char *secrets;		/* ipsec.secrets, as it is named */
	const char *cas;		/* as "ca" takes them, or NULL */
	const struct import_stmt *defaults;	/* conn %default, or NULL */
	struct import_at secrets_at, cas_at;	/* that say so; line 0: nothing does */
	enum ipsec_daemon daemon;	/* whose file it is */
	unsigned budget;		/* what may still be looked at */
};

struct ipsec_row {
	struct import_row row;
	enum conn_key key;		/* KEY_NONE: row.text is told, and that is all */
	bool sided;			/* its name has left or right in front */
};

/* The row of a name in a conn, and its side; NULL: unknown. */
const struct ipsec_row *ipsec_row_of(const char *name, unsigned *side);
/* What was said, or NULL; side: LEFT or RIGHT. */
const char *ipsec_said(const struct ipsec_conn *c, unsigned side, enum conn_key key);
#define SAID(c, key) ipsec_said(c, LEFT, key)
/* Where it stands; that of the conn where it was not said. */
struct import_at ipsec_at(const struct ipsec_conn *c, unsigned side, enum conn_key key);
bool ipsec_yes(const char *value);
bool ipsec_no(const char *value);

/* ipsec_version.c */
enum ipsec_daemon ipsec_daemon_of(const struct import_tree *t);
void ipsec_version(struct ipsec *i, struct ipsec_conn *c);
/* ipsec_table.c: statements that are not of a conn. */
void ipsec_tell_sections(struct ipsec *i);
/* ipsec_proof.c */
void ipsec_ids(struct ipsec *i, struct ipsec_conn *c);
void ipsec_proofs(struct ipsec *i, struct ipsec_conn *c);
/* ipsec_demand.c: what else the peer must show; behind the proofs. */
void ipsec_demands(struct ipsec *i, struct ipsec_conn *c);
/* ipsec_traffic.c: networks, pools, policies. */
void ipsec_traffic(struct ipsec *i, struct ipsec_conn *c);
/* Who is at the other end. */
void ipsec_hosts(struct ipsec *i, struct ipsec_conn *c);

#endif
