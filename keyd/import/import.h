/* SPDX-License-Identifier: MIT */
/* racoon.conf and ipsec.conf into keyd.conf(5): what is taken over, and a word on everything else (docs/import.md). */
#ifndef KEYD_IMPORT_IMPORT_H
#define KEYD_IMPORT_IMPORT_H

#include "keyd/import/tree.h"

#include "pfkey/addr.h"

#define IMPORT_OWN_MAX 256		/* addresses of this machine that are looked at */
/* How many were put into own[most]. */
unsigned import_own_addresses(struct ipsec_addr *own, unsigned most);

/* What became of a statement. */
enum import_how {
	IMPORT_CHOICE,			/* taken over, where there was a choice */
	IMPORT_IDLE,			/* nothing has to be said for it in keyd.conf */
	IMPORT_IKEV1,			/* it is about IKEv1 */
	IMPORT_NOT,			/* not taken over: the text says what to do */
	IMPORT_UNKNOWN,			/* no statement that any of the programs has */
};
/* "choice", "no effect", "IKEv1", "not taken over", "unknown" */
const char *import_how_name(enum import_how how);

struct import_options {
	bool modernise;			/* the IKEv2 form of what is old or belongs to IKEv1 */
	bool setkey;			/* policies are for setkey, not for "traffic" in keyd.conf */
	bool daemon;			/* keyd is to act on it: no remarks, and who is in no section is refused */
	const struct ipsec_addr *own;	/* addresses of this machine: which end of a conn is ours */
	unsigned nown;
	/* Names of files in a folder by a pattern, for CAs that are known by their place; NULL: none are looked for. */
	bool look;
};

struct import_note {
	enum import_how how;
	const char *file;
	unsigned line;
	const char *text;
};

/* When a program of the user's is to be run. */
enum import_when { IMPORT_UP, IMPORT_DOWN, IMPORT_DEAD, IMPORT_UPDOWN, IMPORT_WHENS };

/* Zero-initialise; release with import_result_free. */
struct import_result {
	char *conf;			/* keyd.conf */
	char *spd;			/* policies for setkey -f; NULL for a daemon */
	struct import_at *places;	/* for a daemon: of each line of conf; nplaces of them */
	unsigned nplaces;
	struct import_note *notes;	/* in the order of the files */
	unsigned nnotes;
	struct draft *draft;		/* owns what notes point to */
};

/* 0, or -ENOMEM or -E2BIG: what would come of it is too large (then r owns nothing). The tree must outlive r. */
int import_convert(struct import_result *r, const struct import_tree *t, const struct import_options *o);
void import_result_free(struct import_result *r);
/*
 * The program that the section of this name names, as keyd calls it, with words behind it; NULL: none. IMPORT_UPDOWN:
 * of each child, as the plutos run it.
 */
const char *import_script(const struct import_result *r, const char *peer, enum import_when when);

/* A row of what is known of the statements of a language. */
struct import_row {
	const char *block, *name;	/* block: where it stands: "remote", "conn", … */
	enum import_how how;		/* IMPORT_CHOICE: something is made of it */
	const char *text;		/* what is told of it; NULL: that depends */
};

#endif
