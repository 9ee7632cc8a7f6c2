/* SPDX-License-Identifier: MIT */
/*
 * Names and passwords of XAUTH (draft-beaulieu-ike-xauth-02): those of our users, which are only ever compared, and ours for gateways.
 * Hashes are crypt(5)'s, by libcrypt; one-time codes RFC 6238's, by liboath.
 */
#ifndef KEYD_AUTH_LOGINS_H
#define KEYD_AUTH_LOGINS_H

#include "keyd/auth/request.h"
#include "keyd/auth/tries.h"
#include "keyd/conf/psk.h"

struct login {
	struct conf_login l;		/* owned */
	bool typed;			/* somebody has given the password while keyd ran */
	/* the moment (RFC 6238 4.2) of the last code that was right: it and those before are not taken again */
	uint64_t used;
};

/* Zero-initialise; release with logins_free. */
struct logins {
	struct login *e;
	size_t n;
};

/* l's secrets are moved, also when it fails. 0, or -1: no memory. */
int logins_add(struct logins *l, struct conf_login *login) RD_MUST_CHECK;
void logins_free(struct logins *l);
/* What outlives a reload: used codes, and what was typed for those that have no password in the configuration. */
void logins_keep(struct logins *l, const struct logins *old);
/* What somebody has typed for login's key and user, whose secrets are moved. 0, or -1: nobody asks for it. */
int logins_type(struct logins *l, struct conf_login *login);
/* AUTH_FORGET: AUTH_OK. */
void logins_forget(struct logins *l, const struct auth_request *rq, struct auth_answer *an);

/*
 * AUTH_LOGIN: rq->message is the user's name, nonce the password, macid the code where the peer has it by itself; else it is the last
 * six characters of the password. Takes as long for a user who is not there. now: µs of any clock, wall: seconds since 1970.
 */
void logins_check(struct logins *l, struct tries *t, const struct auth_request *rq, uint64_t now, int64_t wall,
		  struct auth_answer *an);
/* AUTH_PASSWORD: AUTH_OK with it, AUTH_LOCKED if nobody has given it yet, AUTH_NO_SECRET. */
void logins_password(const struct logins *l, const struct auth_request *rq, struct auth_answer *an);

#endif
