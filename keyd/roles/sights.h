/* SPDX-License-Identifier: MIT */
/*
 * What was seen of keys on tokens, public keys and certificates, kept on disk by the parent: so a section whose card is out is
 * whole after a restart, too. Public, and checked when it is read; losing it costs a sight of the card.
 */
#ifndef KEYD_ROLES_SIGHTS_H
#define KEYD_ROLES_SIGHTS_H

#include "keyd/conf/load.h"

#define SIGHTS_MAX 256
#define SIGHT_MAX (64u << 10)		/* bytes of a key and its certificate */

struct sights {
	struct conf_sights seen;
	const char *dir;		/* of what is cached; a folder "tokens" is made in it */
};

/* Reads what is there; what is damaged is left out, with a word. */
void sights_open(struct sights *s, const char *dir);
void sights_free(struct sights *s);
/*
 * The key that this URI means is this one, with this certificate (n 0: none). True: that is new, and kept; whatever cannot be
 * written is known as long as we live.
 */
bool sights_see(struct sights *s, const char *uri, struct view spki, struct view cert);

#endif
