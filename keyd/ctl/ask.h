/* SPDX-License-Identifier: MIT */
/* One request on the control socket: a JSON object in one line. */
#ifndef KEYD_CTL_ASK_H
#define KEYD_CTL_ASK_H

#include "keyd/card/request.h"
#include "keyd/ctl/request.h"
#include "keyd/util/log.h"

#include <jansson.h>

enum ctl_verb { CTL_ASK_STATUS, CTL_ASK_COMMAND, CTL_ASK_RELOAD, CTL_ASK_WATCH, CTL_ASK_LOG,
		CTL_ASK_EXPLAIN, CTL_ASK_KEYLOG, CTL_ASK_POOLS, CTL_ASK_UNLOCK, CTL_ASK_TOKEN };

struct ctl_ask {
	enum ctl_verb verb;
	struct ctl_command command;	/* of CTL_ASK_COMMAND */
	enum log_level level;		/* of CTL_ASK_LOG */
	struct ctl_who who;		/* of CTL_ASK_EXPLAIN and CTL_ASK_WATCH */
	double since;			/* of CTL_ASK_WATCH: seconds ago; 0: from now on */
	bool details, tokens;		/* of CTL_ASK_WATCH; tokens: nothing but what happens to them */
	bool on;			/* of CTL_ASK_KEYLOG */
	char passphrase[CTL_PASSPHRASE_MAX + 1];	/* of CTL_ASK_UNLOCK: the caller's to cleanse */
	struct {
		struct card_ask ask;
		char pin[CARD_PIN_MAX + 1];	/* "": none; the caller's to cleanse */
	} token;			/* of CTL_ASK_TOKEN */
	json_int_t id;			/* repeated in the answer; 0: none was given */
};

/*
 * {"cmd": status|up|down|rekey|reauth|reload|watch|log|explain|keylog|unlock|
 *  token-list|token-check|token-unlock|token-lock|token-watch, "peer": NAME, "what": "ike"|"child"|"both",
 *  "level": NAME, "since": SECONDS, "details": BOOL, "on": BOOL, "passphrase": TEXT, "token": TEXT,
 *  "pin": TEXT, "id": N}.
 * 0, or -1 and one sentence in why[n]; ask->id is valid then too.
 */
int ctl_ask_parse(struct ctl_ask *ask, const char *line, size_t len, char *why, size_t n);

#endif
