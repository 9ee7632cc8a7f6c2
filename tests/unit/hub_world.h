/* SPDX-License-Identifier: MIT */
/*
 * A hub with processes of keyd-card that are played: each request to one waits until the world has it answered, as tokens would, or in
 * whatever way a test says. A parent writes PINs down, and outlives hubs. Nobody may try a PIN twice.
 */
#ifndef TESTS_UNIT_HUB_WORLD_H
#define TESTS_UNIT_HUB_WORLD_H

#include "keyd/hub/hub.h"

#define MS 1000ull
#define SECOND 1000000ull

#define WORLD_TOKENS 4
#define WORLD_KEYS 4		/* that there are in the world */
#define WORLD_PROCESSES 32
#define WORLD_HEARD 512
#define WORLD_LOG (1 << 16)

enum fate { FATE_ANSWER, FATE_HANG, FATE_DIE, FATE_ERROR };

struct world_token {
	struct card_token card;
	const char *pin;		/* "": it wants none */
	int tries;			/* of the PIN */
	bool tells;			/* how many are left */
	bool shy;			/* shows its keys after a login only */
	bool each;			/* its keys want the PIN for each signature */
	bool open, lies;		/* … or none, whoever is logged in; that is said, and not so */
	bool certs;
	uint32_t schemes;
	unsigned keys;			/* bit n: it has key n */
	char where[64];			/* module's file or reader's name; "": it is in nobody's drawer */
	unsigned logins, checks;	/* PINs that came; looks that were taken */
	char failed[16][16];		/* PINs that were not right, or of which nobody knows */
	unsigned nfailed;
};

struct world_process {
	uint32_t number;		/* 0: none */
	enum hub_kind kind;
	char what[64];
	bool logged[WORLD_TOKENS];
	/* the request that waits */
	uint16_t type;
	uint32_t id;
	uint8_t body[70000];
	size_t nbody;
	bool hangs;
};

struct world_done {
	uint32_t id;
	union {
		struct card_signed s;
		struct card_done d;
	};
	char signature[64];
};

struct world {
	struct hub *hub;
	uint64_t now;
	struct card_rules rules;
	struct world_token token[WORLD_TOKENS];
	struct world_process process[WORLD_PROCESSES];
	uint32_t last_process;
	unsigned started, killed;
	/* what is to happen to the next request of that type, once (count) */
	uint16_t fate_type;
	enum fate fate;
	int fate_error;
	unsigned fate_count;
	bool late;			/* requests wait until world_answer */
	bool mute;			/* the parent writes nothing down */
	struct card_bad bad[64];	/* that it has written down */
	unsigned nbad;
	uint32_t trial;			/* that it was asked to, last */
	/* what the hub has said */
	struct world_done signed_[WORLD_HEARD], done[WORLD_HEARD];
	unsigned nsigned, ndone;
	struct card_state state[16];	/* the last of each handle */
	unsigned nstate, nseen, ntoken, nkey, nmissing, nevent;
	struct card_token_info info[16];	/* of the last list */
	char order[256];		/* first letters of what was signed */
	char log[WORLD_LOG];
	size_t nlog;
};

struct world_want {
	const char *uri;
	int key;			/* its number, if it is known; -1 */
	uint8_t pin;			/* enum card_pin_way */
	const char *digits;
	uint64_t stamp;
	bool each;
};

/* Tokens 0 to 3 are "a" to "d", serial numbers 1 to 4, keys 0 to 3, PIN "1234", in module /m/a.so, /m/b.so, … */
void world_new(struct world *w);
void world_free(struct world *w);
/* The hub dies, and another one begins; the parent tells it what it has written down. */
void world_again(struct world *w);
/* A configuration; modules: letters. Then the world runs. */
void world_configure(struct world *w, const char *modules, const struct world_want *wants, unsigned nwants);
/* Everything is answered that can be, without time going on. */
void world_run(struct world *w);
/* Time goes on, with everything that becomes due. */
void world_pass(struct world *w, uint64_t us);
/* One request that waits is answered. False: there is none. */
bool world_answer(struct world *w, const char *what);
/* The next count requests of that type, of any process. */
void world_fate(struct world *w, uint16_t type, enum fate fate, int error, unsigned count);
struct world_process *world_process(struct world *w, enum hub_kind kind, const char *what);
/* It ends by itself. */
void world_dies(struct world *w, struct world_process *p, int code);
/* Says something as that process. */
int world_says(struct world *w, struct world_process *p, uint16_t type, uint32_t id, const void *body, size_t n);
/* The token's place, told by the watcher. */
void world_moves(struct world *w, unsigned token, const char *where);
/* Another program has reset it: nobody is logged in any more. */
void world_forgets(struct world *w, unsigned token);
/* What pcscd's watcher tells: names of readers that tokens are in. */
void world_readers(struct world *w);

/* Of key n, or of a URI. */
struct conf_digest world_handle(int key, const char *uri);
/* Asks for a signature; schemes 0: all. */
void world_sign(struct world *w, uint32_t id, int key, unsigned source);
/* The answer to it; NULL: none yet. Asserts that there is one at most. */
const struct world_done *world_signed(struct world *w, uint32_t id);
void world_ask(struct world *w, uint32_t id, enum card_verb verb, const char *token, const char *pin);
const struct world_done *world_done(struct world *w, uint32_t id);
const struct card_state *world_state(struct world *w, int key);
unsigned world_logged(const struct world *w, const char *text);

#endif
