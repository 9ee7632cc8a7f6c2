/* SPDX-License-Identifier: MIT */
/* What the control socket's role asks of the engine's, and the answers. Plain data. */
#ifndef KEYD_CTL_REQUEST_H
#define KEYD_CTL_REQUEST_H

#include "keyd/ike/engine.h"

enum ctl_command_type { CTL_UP, CTL_DOWN, CTL_REKEY, CTL_REAUTH, CTL_COMMANDS };

struct ctl_command {
	uint8_t type;			/* enum ctl_command_type */
	uint8_t what;			/* of CTL_REKEY: enum engine_rekey, or'ed */
	char peer[CONF_NAME_MAX];	/* "": all */
};

/* A peer's name, address or identity; "": all. */
struct ctl_who {
	char peer[CONF_ID_MAX + 8];
};

struct ctl_keylog {
	uint8_t on;
};

#define CTL_PASSPHRASE_MAX 255		/* bytes; of a password, too */

struct ctl_password {
	char peer[CONF_NAME_MAX];	/* whose gateway asks for it */
};

struct ctl_done {
	int32_t n;			/* on how many SAs or policies it acts */
	uint8_t childless;		/* of CTL_UP: they are IKE SAs alone */
};

struct ctl_pools_end {
	uint32_t left_out;		/* leases that did not fit any more */
};

struct ctl_status_end {
	struct engine_stats stats;
	uint32_t npeers;		/* configured */
	uint32_t left_out;		/* SAs that did not fit any more */
	uint8_t keylog;			/* keys are being written to files */
};

#endif
