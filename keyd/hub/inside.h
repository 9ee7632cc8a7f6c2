/* SPDX-License-Identifier: MIT */
/* What the files of the hub know of each other. */
#ifndef KEYD_HUB_INSIDE_H
#define KEYD_HUB_INSIDE_H

#include "keyd/card/pin.h"
#include "keyd/hub/hub.h"
#include "keyd/util/list.h"

#define HUB_WHAT_MAX CONF_PATH_MAX

/* A PIN that may be used, or PAD without digits. */
struct pin_use {
	struct token_pin pin;
	struct view digits;
};

/* What a worker is asked now. */
struct call {
	uint16_t type;			/* enum card_wire; 0: nothing */
	uint32_t id;
	bool waits;			/* its PIN is not written down yet */
	struct token_pin pin;		/* that goes with it; from TOKEN_PIN_NONE: none does */
	struct card_pin *digits;	/* until it is sent */
	struct hub_token *token;		/* NULL: none in particular */
	struct job *job;		/* that it is for; NULL: none, or nobody waits any more */
	struct ask *ask;
	uint8_t key[CRYPTO_DIGEST_LEN];	/* that signs */
	unsigned scheme;
	/* what has been answered so far */
	unsigned ntokens;
	struct card_token tokens[CARD_TOKENS_MAX];
	struct card_keys *keys;
	struct secret signature;
};

/* A process that there is to be: of a module, of a reader, or one that watches. */
struct hub_worker {
	struct list link;
	enum hub_kind kind;
	char what[HUB_WHAT_MAX];
	char driver[32];		/* as it names itself */
	char why[CARD_WHY_MAX];		/* it could not begin */
	uint32_t process;		/* 0: there is none now */
	bool ready;			/* it may be asked */
	bool held;			/* it is not started before there is word of its reader, */
	bool wanted;			/* in the configuration that is being read, or in the list of readers */
	bool never;			/* a watcher that cannot */
	bool reset;			/* it is to begin anew */
	bool scan;			/* tokens have come or gone, perhaps */
	bool renewed;			/* … and what seems to have been there all along was not */
	bool scanned;			/* since it was started */
	uint16_t events;		/* of its reader */
	unsigned failures;		/* without a minute in peace */
	uint32_t told;			/* bit n: that it has failed in calls of that type */
	uint16_t broken;		/* the type of call that was last answered by CARD_BROKEN; 0: none */
	uint64_t started, restart, limit;	/* HUB_NEVER: not */
	uint64_t gone;			/* and if there is none by then, its card is gone; HUB_NEVER: pcscd is */
	uint64_t scan_after;		/* no scan before, whatever watchers say */
	uint64_t check;			/* when to look by ourselves */
	struct call call;
};

struct hub_token {
	struct list link;
	struct card_token card;		/* as it was seen last */
	struct token state;
	uint8_t digest[CRYPTO_DIGEST_LEN];	/* as card_bad.token */
	struct hub_worker *worker;		/* where it is; NULL: nowhere */
	bool native;
	struct card_keys *keys;		/* as they were read last, NULL: never; stay while it is away */
	bool seen;			/* in this scan */
	bool read, reading;		/* its keys are to be read, or just are */
	bool check;			/* it is to be asked how it is */
	bool looked;			/* somebody was logged in when its keys were read, since it came */
	bool shut;			/* somebody has locked it by hand: no PIN is used by itself */
	bool lent;			/* the login that there is was nobody's by hand */
	bool logout;
	struct card_pin *kept;		/* that a human gave, and that was right */
	bool once;			/* … for the next signature that wants it, and not after this login; at a pad without digits */
	uint64_t kept_stamp, pad_stamp;
	char why[CARD_WHY_MAX];
};

struct want {
	struct list link;
	struct card_want w;
	struct conf_digest unseen;	/* its handle as long as its key was not known */
	struct card_uri *uri;
	struct card_pin *pin;
	struct hub_token *token;		/* that has its key, or had it last; NULL: none */
	int key;			/* of token->keys; CARD_NO_KEY: it may show after a login */
	int error;			/* why there is no key: CARD_GONE, CARD_NO_KEY, CARD_MANY_KEYS */
	bool many;			/* that has been told */
	bool stated;
	struct card_state told;		/* to ike, if stated */
	uint8_t seen[CRYPTO_DIGEST_LEN];	/* of the key and the certificate that parent knows */
};

/* A signature that is waited for. */
struct job {
	struct list link;
	uint32_t id;
	struct card_sign sign;		/* schemes: that have not been refused yet */
	struct secret octets;
	uint8_t key[CRYPTO_DIGEST_LEN];	/* that signs, and how: of the call that is made */
	unsigned scheme;
	uint64_t turn;			/* the least is served next */
	uint64_t since;			/* it came, or got its second chance */
	uint64_t due;			/* when it is told no, unless what it waits for has come by then */
	bool again;			/* it had its second chance */
	bool busy;			/* a call is made for it */
};

enum ask_step {
	ASK_NEW,
	ASK_LOGIN,			/* as soon as the worker is free */
	ASK_CALLED,			/* the worker is at it */
	ASK_AFTER,			/* what is still to be learnt, for the answer */
};

struct ask {
	struct list link;
	uint32_t id;
	struct card_ask ask;
	struct card_pin *pin;
	enum ask_step step;
	bool configured;		/* with the PIN that is, as nobody gives another one */
	bool late;			/* somebody has locked the token since */
	bool anew;			/* whoever is logged in is to be logged out first */
	struct hub_token *token;		/* that is meant; NULL: all */
	uint64_t deadline;		/* of this step; HUB_NEVER: none */
	int error;
	char why[CARD_WHY_MAX];
};

/* A PIN that failed, by name. */
struct bad {
	struct list link;
	struct card_bad bad;
};

/* Lists of a configuration. */
struct hub_conf {
	struct card_rules rules;
	struct list wants;
	unsigned nwants, nmodules;
	char (*modules)[HUB_WHAT_MAX];
};

struct hub {
	const struct hub_hooks *hooks;
	void *arg;
	struct hub_conf now, next;
	struct list workers, tokens, jobs, asks, bads;
	unsigned ntokens, njobs, nasks, nbads;
	size_t noctets;
	uint64_t turn;			/* of the job that was served last */
	uint64_t stamp;			/* of the last occasion that a human gave a PIN */
	uint32_t last_call;
	bool settled;			/* what was not seen by now is not there */
	uint64_t absent_by;		/* … and is said to be away then at the latest */
	uint64_t settle_by;		/* until then, whoever wants what is not there waits for processes that start */
	bool asked;			/* somebody wants to see tokens, though none is configured */
	bool watched;			/* … and what happens to them */
	bool readers_known;		/* pcscd has told, or is not there */
	int pcscd;			/* 1: it is there, 0: it is not, -1: nobody knows */
	bool changed;			/* tokens or keys have: look again what the wants mean */
	bool again;			/* something has happened since the last look at all that waits */
	bool full;			/* that there are too many tokens has been told */
};

/* hub.c */
void hub_log(struct hub *h, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void hub_tell(struct hub *h, enum hub_word word, uint32_t id, const void *body, size_t n);
/* Everything that can be done now, is. */
void hub_run(struct hub *h, uint64_t now);
/* All that can be known of what is there is known, or has had its time. */
bool hub_settled(const struct hub *h, uint64_t now);

/* worker.c: processes */
struct hub_worker *hub_worker_find(struct hub *h, enum hub_kind kind, const char *what);
/* NULL: no memory. It is started by the next hub_worker_run. */
struct hub_worker *hub_worker_new(struct hub *h, enum hub_kind kind, const char *what);
/* With its process; its tokens are gone. */
void hub_worker_free(struct hub *h, struct hub_worker *w, uint64_t now);
/* Kills the process, and answers for what it was asked. It is started again when its time comes. */
void hub_worker_fail(struct hub *h, struct hub_worker *w, const char *how, uint64_t now);
/* Not started again before somebody says so. */
void hub_worker_hold(struct hub *h, struct hub_worker *w, uint64_t now);
/* Starts, kills and asks what is due. */
void hub_worker_run(struct hub *h, struct hub_worker *w, uint64_t now);
/* It is on its way to be well again, soon. */
bool hub_worker_mends(const struct hub_worker *w, uint64_t now);
bool hub_worker_idle(const struct hub_worker *w);
/* "module=FILE", "reader=\"NAME\"" into buf, which is returned. */
const char *hub_worker_name(const struct hub_worker *w, char *buf, size_t n);

/* call.c: one request to a worker, and its answers */
const char *call_name(uint16_t type);
/* Asks, or, for a PIN that is to be written down first, asks the parent. use NULL: no PIN goes with it. */
void call_begin(struct hub *h, struct hub_worker *w, uint16_t type, struct hub_token *t, struct job *j, struct ask *a,
		const struct pin_use *use, uint64_t now);
/* Nothing will come of it any more: the worker has died, or was killed. */
void call_lost(struct hub *h, struct hub_worker *w, uint64_t now);
/* 0, or -1: it breaks the rules. */
int call_said(struct hub *h, struct hub_worker *w, uint16_t type, uint32_t id, struct view body, uint64_t now);
/* What that worker does next. */
void call_next(struct hub *h, struct hub_worker *w, uint64_t now);
/* The parent did not answer. */
void call_unwritten(struct hub *h, struct hub_worker *w, uint64_t now);

/* watch.c */
int watch_said(struct hub *h, struct hub_worker *w, uint16_t type, uint32_t id, struct view body, uint64_t now);
/* Starts and stops processes as the configuration has it. */
void watch_configure(struct hub *h, uint64_t now);

/* tokens.c */
void tokens_free(struct hub *h);
/* That were seen through w, as its last scan has it. */
void tokens_scanned(struct hub *h, struct hub_worker *w, const struct card_token *seen, unsigned n, uint64_t now);
/* What token_event does, with a line in the log and a word to whoever watches. why "": nothing to add. */
void token_happened(struct hub *h, struct hub_token *t, enum token_event ev, int tries, const char *why, uint64_t now);
/* It is as *c says. */
void token_looked(struct hub *h, struct hub_token *t, const struct card_token *c, uint64_t now);
/* Of all that were seen through w. */
void tokens_happened(struct hub *h, const struct hub_worker *w, enum token_event ev, const char *why, uint64_t now);
/* Takes over *keys. */
void token_set_keys(struct hub *h, struct hub_token *t, struct card_keys *keys);
/* The same card is served by another driver. */
bool token_shadowed(const struct hub *h, const struct hub_token *t);
/* Its label, its serial number, or a URI that fits it. */
bool token_has_name(const struct hub_token *t, const char *name);
/* What it is called in a sentence. */
const char *token_title(const struct hub_token *t);

/* pins.c: which PIN, and whether */
/* What there is for a token that the want means. Nothing, as long as somebody has locked it by hand. */
void pin_of(const struct hub_token *t, const struct want *w, struct pin_use *use);
/* One that is configured for it, locked or not. False: there is none. */
bool pin_configured(struct hub *h, const struct hub_token *t, struct pin_use *use);
/* Locked by hand, or not any more, with all that is the same card; written down by the parent, so that no restart of ours undoes it. */
void pin_shut(struct hub *h, struct hub_token *t, bool shut);
/* It was so before we began, or before it was forgotten. */
bool pin_was_shut(struct hub *h, const struct hub_token *t);
/* A signature with the want's key, or first a login. each: for the PIN that goes with the signature. */
enum token_need pin_need(struct hub *h, struct hub_token *t, const struct pin_use *use, bool each);
/* With its own rules for who gives it himself. 0, or -1: it may not be tried. */
int pin_begin(struct hub *h, struct hub_token *t, const struct pin_use *use, bool each);
/* The login, or (each) the signature with it, has ended so. */
void pin_ended(struct hub *h, struct hub_token *t, int error, bool each, const char *why, uint64_t now);
/* It never left. */
void pin_unused(struct hub *h, struct hub_token *t, uint64_t now);
int pin_bad_add(struct hub *h, const struct card_bad *bad);
/* A human has given it; NULL: at the pad. once: see struct hub_token. */
void pin_keep(struct hub *h, struct hub_token *t, const struct card_pin *pin, bool once);
void pin_forget(struct hub_token *t);

/* wants.c */
void hub_conf_free(struct hub_conf *c);
struct want *want_by_handle(struct hub *h, const struct conf_digest *handle);
/* Which token and which key each means. */
void wants_resolve(struct hub *h, uint64_t now);
/* Tells ike what has changed. */
void wants_tell(struct hub *h, bool all);
void wants_forget_token(struct hub *h, const struct hub_token *t);
/* A key on t wants, or may want, a PIN for each signature that is there only if somebody gives it each time. */
bool wants_pin_once(struct hub *h, const struct hub_token *t);
/* It may be on a token that shows its keys after a login only. */
bool want_may_be_there(const struct want *w);
/* NULL: its key has not been seen. */
const struct card_key *want_key(const struct want *w);
/* What a signature needs now; use: the PIN that there is for it. */
enum token_need want_need(struct hub *h, const struct want *w, struct pin_use *use);
/* One that wants to look into a token on w, and may; or NULL. Its PIN into *use. */
struct want *want_curious(struct hub *h, const struct hub_worker *w, struct pin_use *use);

/* sign.c */
void jobs_free(struct hub *h);
/* Says no to those that cannot be done. */
void jobs_refuse(struct hub *h, uint64_t now);
/* Begins what that worker can do for somebody. True: it is asked now. */
bool jobs_serve(struct hub *h, struct hub_worker *w, uint64_t now);
uint64_t jobs_deadline(const struct hub *h);
/* The call that was made for it has ended. */
void job_called(struct hub *h, struct job *j, const struct call *c, int error, const char *why, uint64_t now);
/* … by the death of its process. */
void job_lost(struct hub *h, struct job *j);

/* asks.c */
void asks_free(struct hub *h);
void asks_run(struct hub *h, uint64_t now);
uint64_t asks_deadline(const struct hub *h);
/* One that wants a login on that worker, or NULL. */
struct ask *ask_login(struct hub *h, const struct hub_worker *w);
/* The PIN that the login is made with. */
void ask_pin(struct hub *h, const struct ask *a, struct pin_use *use);
/* Somebody is about to log in there, whose PIN may do for others, too. */
bool ask_waits(struct hub *h, const struct hub_token *t);
void ask_called(struct hub *h, struct ask *a, int error, const char *why, uint64_t now);

/* list.c: what ctl is shown; of tokens with that name, "": all */
void list_tokens(struct hub *h, uint32_t id, const char *name);
/* What a signature by that token needs, as far as the configuration uses it. */
enum token_need token_want(struct hub *h, struct hub_token *t);

#endif
